//! From claims to a principal, by the mapping of the issuer.

use std::borrow::Cow;
use std::cell::Cell;

use super::actors::actors;
use super::claim_slots::ClaimSlots;
use super::datum::ReadFault;
use super::{Grant, Identity, IdentityError, Person};
use crate::entity_text;
use crate::json::Json;
use crate::limits;
use crate::proof::Confirmation;
use crate::revocation::{TraceFacts, Traces};
use crate::section::{self, PrincipalMapping, SectionError, SectionErrorKind};
use crate::token::{Algorithm, Issuer, IssuerIndex, IssuerTable, TokenClaims, TokenFacts, VerifiedToken};

/// Why a token gives no principal, and the attribute that it failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdentityFault<'a> {
    pub(crate) error: IdentityError,
    /// The attribute's name, from the bundle.
    pub(crate) attribute: Option<&'a str>,
}

/// Checks a mapping of a section.
pub(crate) fn check_mapping(mapping: &PrincipalMapping, alias: &str) -> Result<(), SectionError> {
    let PrincipalMapping { entity_type, id_claim, attributes, parents } = mapping;
    let place = format!("the principal of the issuer `{alias}`");
    section::check_type_name(entity_type, &place)?;
    section::check_claim_path(id_claim, &place)?;
    if attributes.len() > limits::ATTRIBUTES || parents.len() > limits::ATTRIBUTES {
        return Err(SectionError::new(SectionErrorKind::Limit, place));
    }
    for (index, attribute) in attributes.iter().enumerate() {
        let place = format!("the attribute `{}` of {place}", attribute.name);
        if attributes.iter().skip(index + 1).any(|other| other.name == attribute.name) {
            return Err(SectionError::new(SectionErrorKind::Duplicate, place));
        }
        section::check_claim(&attribute.claim, &attribute.attribute_type, &place)?;
        attribute.attribute_type.check(&place)?;
    }
    for parent in parents {
        section::check_type_name(&parent.entity_type, &place)?;
        section::check_claim_path(&parent.claim, &place)?;
    }
    Ok(())
}

/// Works out who a verified token stands for; `traced` where it can be revoked.
pub(crate) fn identify<'a>(
    token: VerifiedToken<'_>,
    issuer: &'a Issuer,
    issuers: &'a IssuerTable,
    slots: &ClaimSlots,
    traced: bool,
) -> Result<Identity, IdentityFault<'a>> {
    let VerifiedToken { issuer: index, algorithm, kid, signer, claims, validity: _, confirmation, status: _ } = token;
    let subject = person(&claims, &issuer.principal, &issuer.alias)?;
    let actors = actors(&claims, &subject, issuer, issuers)?;
    let grant = Grant::read(&claims);
    let traces = traced.then(|| {
        Traces::read(&TraceFacts {
            claims: &claims,
            issuer,
            issuers,
            kid: kid.as_deref(),
            signer: Some(signer),
            confirmation: &confirmation,
            subject: &subject,
            actors: &actors,
            issued_ms: None,
        })
    });
    let claims = slots.read(&claims);
    let recorded = recorded(issuer, Some(algorithm), kid.as_deref(), &confirmation);
    Ok(Identity {
        issuer: index,
        recorded,
        confirmation,
        subject,
        actors,
        grant,
        claims,
        traces,
        status: None,
        revoked: Cell::new(None),
    })
}

/// A certificate, as far as it is not claims.
pub(crate) struct SvidFacts {
    pub(crate) sha256: [u8; 32],
    /// When it begins, in milliseconds since the Unix epoch.
    pub(crate) issued_ms: u64,
}

/// Works out who a certificate stands for; `traced` where it can be revoked.
pub(crate) fn identify_svid<'a>(
    claims: &TokenClaims,
    svid: &SvidFacts,
    index: IssuerIndex,
    issuers: &'a IssuerTable,
    slots: &ClaimSlots,
    traced: bool,
) -> Result<Identity, IdentityFault<'a>> {
    let fault = IdentityFault { error: IdentityError::IdMissing, attribute: None };
    let issuer = issuers.get(index).ok_or(fault)?;
    let subject = person(claims, &issuer.principal, &issuer.alias)?;
    let traces = traced.then(|| {
        Traces::read(&TraceFacts {
            claims,
            issuer,
            issuers,
            kid: None,
            signer: None,
            confirmation: &Confirmation { certificate: Some(svid.sha256), ..Confirmation::default() },
            subject: &subject,
            actors: &[],
            issued_ms: Some(svid.issued_ms),
        })
    });
    Ok(Identity {
        issuer: index,
        recorded: recorded(issuer, None, None, &Confirmation::default()),
        confirmation: Confirmation::default(),
        subject,
        actors: Vec::new(),
        grant: Grant::default(),
        claims: slots.read(claims),
        traces,
        status: None,
        revoked: Cell::new(None),
    })
}

/// What records say of a credential that was verified.
fn recorded(issuer: &Issuer, algorithm: Option<Algorithm>, kid: Option<&str>, confirmation: &Confirmation) -> String {
    // Two names from the bundle, one from the token, and what stands around them.
    let mut text = String::with_capacity(issuer.alias.len() + kid.map_or(0, str::len) + 128);
    TokenFacts {
        issuer: Some(&issuer.alias),
        profile: Some(issuer.profile.name()),
        key: confirmation.key_thumbprint(),
        kid: kid.map(Cow::Borrowed),
        algorithm,
    }
    .push(&mut text);
    text
}

/// Works out an entity from claims. `namespace` is the alias of the issuer that it belongs to.
pub(super) fn person<'a>(
    claims: &TokenClaims,
    mapping: &'a PrincipalMapping,
    namespace: &str,
) -> Result<Person, IdentityFault<'a>> {
    let fault = |error| IdentityFault { error, attribute: None };
    let id = match claims.find(&mapping.id_claim) {
        None => return Err(fault(IdentityError::IdMissing)),
        Some(Json::String(id)) => id,
        Some(_) => return Err(fault(IdentityError::IdType)),
    };
    if id.is_empty() || id.len() > limits::PRINCIPAL_ID_BYTES || id.chars().any(char::is_control) {
        return Err(fault(IdentityError::IdInvalid));
    }
    // The issuer's alias is the namespace: two issuers may use one `sub` for different callers. An alias has no `/`.
    let id = [namespace, "/", id].concat();

    let mut attributes = Vec::with_capacity(mapping.attributes.len());
    for attribute in &mapping.attributes {
        let datum = match claims.datum(&attribute.claim, &attribute.attribute_type) {
            Some(datum) => datum.map(Some).map_err(|fault| match fault {
                ReadFault::Missing => IdentityError::AttributeMissing,
                ReadFault::Type => IdentityError::AttributeType,
                ReadFault::Invalid => IdentityError::AttributeInvalid,
            }),
            None if attribute.required => Err(IdentityError::AttributeMissing),
            None => Ok(None),
        };
        attributes.push(datum.map_err(|error| IdentityFault { error, attribute: Some(&attribute.name) })?);
    }

    let mut parents = Vec::new();
    for (position, parent) in mapping.parents.iter().enumerate() {
        let Some(claim) = claims.find(&parent.claim) else {
            continue;
        };
        let name = parent.claim.last().map(String::as_str);
        let parents_fault = || IdentityFault { error: IdentityError::Parents, attribute: name };
        let ids = match claim {
            Json::Array(ids) => ids.as_slice(),
            single => std::slice::from_ref(single),
        };
        for id in ids {
            let id = id.as_str().ok_or_else(parents_fault)?;
            if parents.len() == limits::PARENTS {
                return Err(parents_fault());
            }
            parents.push((position, id.to_owned()));
        }
    }

    let mut text = String::with_capacity(mapping.entity_type.len() + id.len() + "::\"\"".len());
    entity_text::push(&mut text, &mapping.entity_type, &id);
    Ok(Person { id, text, attributes, parents })
}

#[cfg(test)]
mod tests {
    use super::super::datum::Datum;
    use super::*;
    use crate::section::testing;
    use crate::section::{AttributeType, TypedClaim};
    use crate::token::Validity;

    fn identify_with(mapping: PrincipalMapping, claims: &str) -> Result<Person, (IdentityError, Option<String>)> {
        let mut raw = testing::issuer("dev", "https://issuer");
        raw.principal = mapping;
        let table = IssuerTable::open(vec![raw]).unwrap();
        let (index, issuer) = table.find("https://issuer").unwrap();
        let token = VerifiedToken {
            issuer: index,
            algorithm: Algorithm::Es256,
            kid: None,
            signer: [0; 32],
            claims: TokenClaims::for_test(claims),
            validity: Validity { from_ms: 0, until_ms: 1 },
            confirmation: Confirmation::default(),
            status: None,
        };
        identify(token, issuer, &table, &ClaimSlots::default(), false)
            .map(|identity| identity.subject)
            .map_err(|fault| (fault.error, fault.attribute.map(str::to_owned)))
    }

    fn error(claims: &str) -> IdentityError {
        identify_with(testing::mapping(), claims).unwrap_err().0
    }

    #[test]
    fn a_principal_has_its_issuers_namespace() {
        let claims = r#"{"sub":"fixer","team":"web","groups":["a","b"]}"#;
        let identity = identify_with(testing::mapping(), claims).unwrap();
        assert_eq!(identity.id, "dev/fixer");
        assert_eq!(identity.text, r#"Agent::"dev/fixer""#);
        assert_eq!(identity.attributes, [Some(Datum::Text("web".to_owned()))]);
        assert_eq!(identity.parents, [(0, "a".to_owned()), (0, "b".to_owned())]);

        let bare = identify_with(testing::mapping(), r#"{"sub":"fixer","groups":"a"}"#).unwrap();
        assert_eq!(bare.attributes, [None]);
        assert_eq!(bare.parents, [(0, "a".to_owned())]);
    }

    #[test]
    fn ids_are_printable_strings() {
        assert_eq!(error("{}"), IdentityError::IdMissing);
        for id in ["1", "null", "[\"a\"]", "{}"] {
            assert_eq!(error(&format!("{{\"sub\":{id}}}")), IdentityError::IdType, "{id}");
        }
        let long = format!("\"{}\"", "x".repeat(limits::PRINCIPAL_ID_BYTES + 1));
        for id in ["\"\"", "\"a\\u0000\"", "\"a\\r\\nx: y\"", "\"\\u0085\"", &long] {
            assert_eq!(error(&format!("{{\"sub\":{id}}}")), IdentityError::IdInvalid, "{id}");
        }
    }

    #[test]
    fn faults_name_the_attribute() {
        let typed = |attribute_type, required| PrincipalMapping {
            attributes: vec![TypedClaim {
                name: "task".to_owned(),
                claim: vec!["ctx".to_owned(), "t".to_owned()],
                attribute_type,
                required,
            }],
            ..testing::mapping()
        };
        for (mapping, ctx, expected) in [
            (typed(AttributeType::Long, true), "{}", IdentityError::AttributeMissing),
            (typed(AttributeType::Long, true), "{\"t\":null}", IdentityError::AttributeType),
            (typed(AttributeType::Long, false), "{\"t\":\"1\"}", IdentityError::AttributeType),
            (typed(AttributeType::Long, true), "\"t\"", IdentityError::AttributeMissing),
            (typed(AttributeType::Ip, false), "{\"t\":\"x\"}", IdentityError::AttributeInvalid),
        ] {
            let claims = format!("{{\"sub\":\"a\",\"ctx\":{ctx}}}");
            let (error, attribute) = identify_with(mapping, &claims).unwrap_err();
            assert_eq!((error, attribute.as_deref()), (expected, Some("task")), "{ctx}");
        }
    }

    #[test]
    fn parents_are_strings_and_few() {
        for groups in ["1", "null", "{}", "[1]", "[\"a\",null]", "[[\"a\"]]"] {
            assert_eq!(error(&format!("{{\"sub\":\"a\",\"groups\":{groups}}}")), IdentityError::Parents, "{groups}");
        }
        let many: Vec<_> = (0..=limits::PARENTS).map(|n| format!("\"{n}\"")).collect();
        assert_eq!(error(&format!("{{\"sub\":\"a\",\"groups\":[{}]}}", many.join(","))), IdentityError::Parents);
    }
}
