//! Issuers of `palisade.toml` to issuers of the section.

use std::collections::{BTreeMap, BTreeSet};

use palisade_gateway::section::{
    Binding, Delegation, Issuer, Parent, PrincipalMapping, Profile, TokenSlot, TypedClaim,
};
use palisade_gateway::token::Algorithm;
use palisade_gateway::{Json, limits};
use toml::Spanned;

use super::claim;
use super::keys::{self, Keys};
use super::status_lists;
use super::types::{Attribute, SchemaTypes};
use crate::diagnostic::Findings;
use crate::project::{DelegationTable, IssuerTable, PrincipalTable, at, seconds};

pub(super) fn build(
    tables: &[IssuerTable],
    types: &SchemaTypes<'_>,
    key_sets: &BTreeMap<String, Json<'static>>,
    findings: &mut Findings,
) -> Vec<Issuer> {
    let mut aliases: BTreeMap<&str, std::ops::Range<usize>> = BTreeMap::new();
    let mut list = Vec::new();
    for table in tables {
        if let Some(first) = aliases.insert(table.alias.as_ref(), table.alias.span()) {
            let message = format!("two issuers have the alias `{}`", table.alias.as_ref());
            let twice = at("issuer.duplicate_alias", &table.alias, message);
            findings.push(twice.with_related(crate::project::PROJECT_FILE, first, "first used here"));
        }
        list.extend(issuer(table, types, key_sets, findings));
    }
    list
}

fn issuer(
    table: &IssuerTable,
    types: &SchemaTypes<'_>,
    key_sets: &BTreeMap<String, Json<'static>>,
    findings: &mut Findings,
) -> Option<Issuer> {
    let IssuerTable {
        alias,
        profile,
        trust_domain,
        x509_svid,
        issuer,
        audiences,
        multiple_audiences,
        algorithms,
        jwks: _,
        jwks_uri: _,
        jwks_fresh_for: _,
        jwks_max_stale: _,
        jwks_cooldown: _,
        max_token_lifetime,
        clock_skew,
        binding,
        principal,
        delegation,
        status_lists,
    } = table;
    check_alias(alias, findings);
    let profile = self::profile(alias, profile.as_ref(), trust_domain.as_ref(), x509_svid.as_ref(), findings);
    let issuer = match (issuer, &profile) {
        (Some(issuer), _) => Some(issuer.as_ref().clone()),
        (None, Some(Profile::SpiffeJwtSvid { trust_domain, .. } | Profile::SpiffeWitSvid { trust_domain })) => {
            Some(format!("spiffe://{trust_domain}"))
        }
        (None, Some(Profile::WimseWit03 { trust_domain })) => Some(format!("wimse://{trust_domain}")),
        (None, Some(_)) => {
            let message = format!("the issuer `{}` has no `issuer`: the `iss` of its tokens", alias.as_ref());
            findings.push(at("issuer.issuer_missing", alias, message));
            None
        }
        (None, None) => None,
    };
    let keys = keys::build(table, profile.as_ref(), key_sets.get(alias.as_ref()), findings);
    check_audiences(alias, audiences.as_ref(), profile.as_ref(), findings);
    let lifetime = bounded(max_token_lifetime, 1, limits::TOKEN_LIFETIME_SECONDS, findings);
    let skew = match clock_skew {
        Some(skew) => bounded(skew, 0, limits::CLOCK_SKEW_SECONDS, findings),
        None => Some(CLOCK_SKEW_SECONDS),
    };
    let algorithms = self::algorithms(algorithms, findings);
    let binding = self::binding(binding.as_ref(), profile.as_ref(), findings);
    let principal = mapping(principal.as_ref(), Others::ByName, types, findings);
    let delegation = match delegation {
        Some(table) => Some(self::delegation(table, types, findings)?),
        None => None,
    };
    let status_lists = match status_lists {
        Some(table) => Some(status_lists::build(table, findings)?),
        None => None,
    };
    let Keys { inline, remote } = keys?;
    Some(Issuer {
        alias: alias.as_ref().clone(),
        profile: profile?,
        issuer: issuer?,
        audiences: audiences.iter().flat_map(Spanned::as_ref).map(|audience| audience.as_ref().clone()).collect(),
        multiple_audiences: multiple_audiences.unwrap_or(false),
        algorithms,
        jwks: inline,
        remote_jwks: remote,
        max_lifetime_seconds: lifetime?,
        clock_skew_seconds: skew?,
        binding: binding?,
        principal: principal?,
        delegation,
        status_lists,
    })
}

/// What the keys of an issuer say in `use`: those of a SPIFFE bundle have values of their own.
pub(crate) fn jwk_use(table: &IssuerTable) -> &'static str {
    match profile_of(table) {
        Some(Profile::SpiffeJwtSvid { .. }) => "jwt-svid",
        Some(Profile::SpiffeWitSvid { .. }) => "wit-svid",
        Some(_) | None => "sig",
    }
}

/// The profile of an issuer, if all is right with it.
pub(super) fn profile_of(table: &IssuerTable) -> Option<Profile> {
    let IssuerTable { alias, profile, trust_domain, x509_svid, .. } = table;
    let mut findings = Findings::default();
    self::profile(alias, profile.as_ref(), trust_domain.as_ref(), x509_svid.as_ref(), &mut findings)
}

/// Tokens are for this gateway, and say so, or their proofs do.
fn check_audiences(
    alias: &Spanned<String>,
    audiences: Option<&Spanned<Vec<Spanned<String>>>>,
    profile: Option<&Profile>,
    findings: &mut Findings,
) {
    let given = audiences.filter(|list| !list.as_ref().is_empty());
    match (profile, given) {
        (Some(Profile::SpiffeWitSvid { .. }), Some(list)) => {
            let message = "WIT-SVIDs have no audience: their proofs say whom they are for";
            findings.push(at("issuer.audiences", list, message));
        }
        (Some(Profile::SpiffeWitSvid { .. } | Profile::WimseWit03 { .. }) | None, None) | (Some(_) | None, Some(_)) => {
        }
        (Some(_), None) => {
            let message = "an issuer needs an audience: the name of this gateway";
            findings.push(match audiences {
                Some(list) => at("issuer.audiences_empty", list, message),
                None => at("issuer.audiences_empty", alias, message),
            });
        }
    }
}

fn profile(
    alias: &Spanned<String>,
    name: Option<&Spanned<String>>,
    trust_domain: Option<&Spanned<String>>,
    x509: Option<&Spanned<bool>>,
    findings: &mut Findings,
) -> Option<Profile> {
    let mut domain_of = |name: &Spanned<String>| {
        if trust_domain.is_none() {
            let message = format!("the issuer `{}` has no `trust_domain`", alias.as_ref());
            findings.push(at("issuer.trust_domain", name, message).with_help("such as `example.org`"));
        }
        trust_domain.map(|domain| domain.as_ref().clone())
    };
    let profile = match name.map(|name| (name, name.as_ref().as_str())) {
        None => Profile::default(),
        Some((name, "spiffe-jwt-svid")) => {
            let x509 = x509.is_some_and(|x509| *x509.as_ref());
            return Some(Profile::SpiffeJwtSvid { trust_domain: domain_of(name)?, x509 });
        }
        Some((name, "wimse-wit-03")) => Profile::WimseWit03 { trust_domain: domain_of(name)? },
        Some((name, "spiffe-wit-svid")) => Profile::SpiffeWitSvid { trust_domain: domain_of(name)? },
        Some((_, "oauth")) => Profile::Oauth,
        Some((_, "oauth-lenient")) => Profile::OauthLenient,
        Some((_, "oidc")) => Profile::Oidc,
        Some((_, "kubernetes")) => Profile::Kubernetes,
        Some((_, "github-actions")) => Profile::GithubActions,
        Some((name, other)) => {
            let help = format!("it can be: {}", Profile::NAMES.join(", "));
            findings.push(at("issuer.profile", name, format!("`{other}` is not a profile")).with_help(help));
            return None;
        }
    };
    if let (Some(domain), None) = (trust_domain, profile.trust_domain()) {
        let message = format!(
            "a `trust_domain` is for workloads' profiles such as `spiffe-jwt-svid`, not for `{}`",
            profile.name()
        );
        findings.push(at("issuer.trust_domain", domain, message));
    }
    if let Some(x509) = x509 {
        let message = format!("`x509_svid` is for the profile `spiffe-jwt-svid`, not for `{}`", profile.name());
        findings.push(at("issuer.x509_svid", x509, message));
    }
    Some(profile)
}

fn binding(value: Option<&Spanned<String>>, profile: Option<&Profile>, findings: &mut Findings) -> Option<Binding> {
    if let (Some(value), Some(TokenSlot::Workload)) = (value, profile.map(Profile::slot)) {
        let message = "workload identity tokens are always bound to a key, and never sent without its proof";
        findings.push(at("issuer.binding", value, message));
    }
    match value.map(|value| (value, value.as_ref().as_str())) {
        None | Some((_, "optional")) => Some(Binding::Optional),
        Some((_, "required")) => Some(Binding::Required),
        Some((value, other)) => {
            let message = format!("`{other}` is neither `optional` nor `required`");
            findings.push(at("issuer.binding", value, message));
            None
        }
    }
}

fn check_alias(alias: &Spanned<String>, findings: &mut Findings) {
    let text = alias.as_ref();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if text.is_empty() || text.len() > limits::NAME_BYTES || !text.bytes().all(allowed) {
        let message = format!("`{text}` is not an alias");
        findings.push(at("issuer.alias", alias, message).with_help("use a-z, 0-9 and `-`"));
    }
}

pub(super) fn bounded(value: &Spanned<String>, least: u64, most: u64, findings: &mut Findings) -> Option<u64> {
    let seconds = seconds(value, findings)?;
    if seconds < least || seconds > most {
        let message = format!("`{}` is outside {least}s to {most}s", value.as_ref());
        findings.push(at("issuer.duration_range", value, message));
        return None;
    }
    Some(seconds)
}

pub(super) fn algorithms(list: &Spanned<Vec<Spanned<String>>>, findings: &mut Findings) -> Vec<Algorithm> {
    let mut known = Vec::new();
    for name in list.as_ref() {
        match Algorithm::from_name(name.as_ref()) {
            Some(algorithm) if known.contains(&algorithm) => {
                findings.push(at("issuer.algorithm", name, format!("`{}` is listed twice", name.as_ref())));
            }
            Some(algorithm) => known.push(algorithm),
            None => {
                let names: Vec<&str> = Algorithm::ALL.iter().map(|algorithm| algorithm.name()).collect();
                let message = format!("`{}` is not a supported algorithm", name.as_ref());
                findings
                    .push(at("issuer.algorithm", name, message).with_help(format!("supported: {}", names.join(", "))));
            }
        }
    }
    if list.as_ref().is_empty() {
        findings.push(at("issuer.algorithm", list, "an issuer needs an algorithm"));
    }
    known
}

/// How far clocks may be apart where the project does not say, in seconds.
pub(super) const CLOCK_SKEW_SECONDS: u64 = 30;

/// The most actors of a token where the project does not say.
const MAX_ACTORS: usize = 4;

fn delegation(table: &DelegationTable, types: &SchemaTypes<'_>, findings: &mut Findings) -> Option<Delegation> {
    let DelegationTable { actor, max_depth, issuers } = table;
    if let Some(depth) = max_depth.as_ref().filter(|depth| !(1..=limits::ACTORS).contains(depth.as_ref())) {
        let message = format!("`{}` is outside 1 to {}", depth.as_ref(), limits::ACTORS);
        findings.push(at("issuer.delegation_depth", depth, message));
    }
    Some(Delegation {
        actor: mapping(actor.as_ref(), Others::FromStore, types, findings)?,
        max_depth: max_depth.as_ref().map_or(MAX_ACTORS, |depth| *depth.as_ref()),
        issuers: issuers.iter().map(|alias| alias.as_ref().clone()).collect(),
    })
}

/// Where attributes come from that a mapping does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Others {
    /// The claim of the same name.
    ByName,
    /// The bundle's entities.
    FromStore,
}

fn mapping(
    table: &PrincipalTable,
    others: Others,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Option<PrincipalMapping> {
    let PrincipalTable { entity_type, id, parents, attributes } = table;
    let id_claim = claim::path(id, id.as_ref(), findings);
    let Some(principal) = types.entity_type(entity_type.as_ref()) else {
        findings.push(unknown_type("principal.unknown_type", entity_type, types));
        return None;
    };
    let known = types.entity_attributes(principal);
    let names: BTreeSet<&str> = known.iter().map(|attribute| attribute.name.as_str()).collect();
    for name in attributes.keys() {
        if !names.contains(name.as_ref().as_str()) {
            let message = format!("the schema gives `{principal}` no attribute `{}`", name.as_ref());
            let listed: Vec<&str> = names.iter().copied().collect();
            let help = format!("it has: {}", listed.join(", "));
            findings.push(at("principal.unknown_attribute", name, message).with_help(help));
        }
    }
    let mut claims = Vec::new();
    for attribute in known {
        let source = attributes.iter().find(|(name, _)| *name.as_ref() == attribute.name).map(|(_, source)| source);
        if source.is_some() || others == Others::ByName {
            claims.extend(typed_claim(attribute, source, entity_type, findings));
        }
    }
    let mut list = Vec::new();
    for parent in parents {
        let Some(parent_type) = types.entity_type(parent.entity_type.as_ref()) else {
            findings.push(unknown_type("principal.unknown_type", &parent.entity_type, types));
            continue;
        };
        if !types.may_be_in(principal, parent_type) {
            let message = format!("the schema does not let `{principal}` be in `{parent_type}`");
            findings.push(at("principal.parent_type", &parent.entity_type, message));
        }
        let claim = claim::path(&parent.claim, parent.claim.as_ref(), findings);
        list.extend(claim.map(|claim| Parent { claim, entity_type: parent.entity_type.as_ref().clone() }));
    }
    Some(PrincipalMapping {
        entity_type: entity_type.as_ref().clone(),
        id_claim: id_claim?,
        attributes: claims,
        parents: list,
    })
}

fn typed_claim(
    attribute: Attribute,
    source: Option<&Spanned<String>>,
    principal: &Spanned<String>,
    findings: &mut Findings,
) -> Option<TypedClaim> {
    let Attribute { name, attribute_type, required } = attribute;
    let claim = match source {
        Some(source) => claim::path(source, source.as_ref(), findings)?,
        None => vec![name.clone()],
    };
    let message = match attribute_type {
        Err(reason) => format!("the attribute `{name}` cannot come from a claim: its type is {reason}"),
        Ok(attribute_type) => match claim::check_type(&claim, &attribute_type) {
            Err(reason) => format!("the attribute `{name}` cannot come from this claim: {reason}"),
            Ok(()) => return Some(TypedClaim { name, claim, attribute_type, required }),
        },
    };
    findings.push(at("principal.attribute_type", source.unwrap_or(principal), message));
    None
}

/// A finding about a type that the schema does not declare.
pub(super) fn unknown_type(
    code: &'static str,
    name: &Spanned<String>,
    types: &SchemaTypes<'_>,
) -> crate::diagnostic::Diagnostic {
    let message = format!("the schema declares no entity type `{}`", name.as_ref());
    at(code, name, message).with_help(format!("it declares: {}", types.entity_type_names().join(", ")))
}
