//! Issuers, checked: who may issue tokens, with which keys, for how long.

use std::rc::Rc;

use super::jwk::KeyPurpose;
use super::profile::{self, IssuerTerms};
use super::terms::{RawTerms, Terms};
use crate::limits;
use crate::section::{self, Binding, Delegation, PrincipalMapping, Profile, SectionError, SectionErrorKind, TokenSlot};
use crate::status_list::StatusRules;

/// An issuer whose description has been checked.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) alias: String,
    pub(crate) profile: Profile,
    pub(crate) issuer: String,
    pub(crate) terms: Terms,
    pub(crate) binding: Binding,
    /// Shared, as the next one, with requests whose answers are still to be filtered.
    pub(crate) principal: Rc<PrincipalMapping>,
    pub(crate) delegation: Option<Rc<Delegation>>,
    /// What becomes of `status` in its tokens.
    pub(crate) status: StatusRules,
}

/// All issuers of a bundle, found by `iss`.
#[derive(Debug)]
pub(crate) struct IssuerTable {
    /// Those whose tokens come in `Authorization`, in ascending order of `issuer`; then the others.
    issuers: Vec<Issuer>,
    /// How many they are.
    in_authorization: usize,
    /// The trust domains of the issuers of JWT-SVIDs, ascending.
    trust_domains: Vec<(String, usize)>,
    /// The trust domains of the issuers of workload identity tokens, ascending.
    workload_domains: Vec<(String, usize)>,
}

/// An issuer of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IssuerIndex(usize);

impl IssuerIndex {
    /// Every table has it.
    pub(crate) const FIRST: Self = Self(0);
}

impl IssuerTable {
    /// Checks all issuers of a section.
    pub(crate) fn open(issuers: Vec<section::Issuer>) -> Result<Self, SectionError> {
        if issuers.is_empty() {
            return Err(SectionError::new(SectionErrorKind::Empty, "issuers"));
        }
        if issuers.len() > limits::ISSUERS {
            return Err(SectionError::new(SectionErrorKind::Limit, "issuers"));
        }
        let mut issuers = issuers.into_iter().map(Issuer::open).collect::<Result<Vec<_>, _>>()?;
        let mut aliases: Vec<&str> = issuers.iter().map(|issuer| issuer.alias.as_str()).collect();
        aliases.sort_unstable();
        if let Some([alias, _]) = aliases.array_windows().find(|[a, b]| a == b) {
            return Err(SectionError::new(SectionErrorKind::Duplicate, format!("the issuer alias `{alias}`")));
        }
        for issuer in &issuers {
            let named = issuer.delegation.iter().flat_map(|delegation| &delegation.issuers);
            if let Some(alias) = named.into_iter().find(|alias| aliases.binary_search(&alias.as_str()).is_err()) {
                let place = format!("`{alias}` in `delegation.issuers` of the issuer `{}`", issuer.alias);
                return Err(SectionError::new(SectionErrorKind::Source, place));
            }
        }
        let is_workloads = |issuer: &Issuer| issuer.profile.slot() == TokenSlot::Workload;
        issuers.sort_by(|a, b| (is_workloads(a), &a.issuer).cmp(&(is_workloads(b), &b.issuer)));
        let in_authorization = issuers.partition_point(|issuer| !is_workloads(issuer));
        let (by_name, _) = issuers.split_at_checked(in_authorization).unwrap_or_default();
        if let Some([issuer, _]) = by_name.array_windows().find(|[a, b]| a.issuer == b.issuer) {
            return Err(SectionError::new(SectionErrorKind::Duplicate, format!("the issuer `{}`", issuer.issuer)));
        }
        let trust_domains = domains(&issuers, TokenSlot::Authorization)?;
        let workload_domains = domains(&issuers, TokenSlot::Workload)?;
        Ok(Self { issuers, in_authorization, trust_domains, workload_domains })
    }

    /// Whether client certificates of some trust domain are credentials.
    pub(crate) fn accepts_certificates(&self) -> bool {
        self.issuers.iter().any(Issuer::accepts_certificates)
    }

    /// The issuer of a trust domain's SVIDs in `Authorization`, and in certificates.
    pub(crate) fn find_trust_domain(&self, name: &str) -> Option<(IssuerIndex, &Issuer)> {
        self.find_domain(&self.trust_domains, name)
    }

    /// The issuer of a trust domain's workload identity tokens.
    pub(crate) fn find_workload_domain(&self, name: &str) -> Option<(IssuerIndex, &Issuer)> {
        self.find_domain(&self.workload_domains, name)
    }

    fn find_domain(&self, domains: &[(String, usize)], name: &str) -> Option<(IssuerIndex, &Issuer)> {
        let position = domains.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        let (_, index) = domains.get(position)?;
        Some((IssuerIndex(*index), self.issuers.get(*index)?))
    }

    /// The issuer of exactly that `iss`, of those whose tokens come in `Authorization`.
    pub(crate) fn find(&self, iss: &str) -> Option<(IssuerIndex, &Issuer)> {
        let by_name = self.issuers.get(..self.in_authorization)?;
        let index = by_name.binary_search_by(|issuer| issuer.issuer.as_str().cmp(iss)).ok()?;
        Some((IssuerIndex(index), self.issuers.get(index)?))
    }

    /// All issuers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (IssuerIndex, &Issuer)> {
        self.issuers.iter().enumerate().map(|(index, issuer)| (IssuerIndex(index), issuer))
    }

    /// The issuer with this alias.
    pub(crate) fn named(&self, alias: &str) -> Option<(IssuerIndex, &Issuer)> {
        self.iter().find(|(_, issuer)| issuer.alias == alias)
    }

    /// The issuer of an index that this table gave out, to give it other keys.
    pub(crate) fn get_mut(&mut self, index: IssuerIndex) -> Option<&mut Issuer> {
        self.issuers.get_mut(index.0)
    }

    /// The issuer of an index that this table gave out.
    pub(crate) fn get(&self, index: IssuerIndex) -> Option<&Issuer> {
        self.issuers.get(index.0)
    }
}

/// The trust domains of the issuers whose tokens come in a slot, ascending. One domain has one issuer for each slot.
fn domains(issuers: &[Issuer], slot: TokenSlot) -> Result<Vec<(String, usize)>, SectionError> {
    let of_slot = issuers.iter().enumerate().filter(|(_, issuer)| issuer.profile.slot() == slot);
    let named = of_slot.filter_map(|(index, issuer)| Some((issuer.profile.trust_domain()?.to_owned(), index)));
    let mut domains: Vec<(String, usize)> = named.collect();
    domains.sort();
    match domains.array_windows().find(|[a, b]| a.0 == b.0) {
        Some([(domain, _), _]) => {
            Err(SectionError::new(SectionErrorKind::Duplicate, format!("the trust domain `{domain}`")))
        }
        None => Ok(domains),
    }
}

impl Issuer {
    fn open(raw: section::Issuer) -> Result<Self, SectionError> {
        let section::Issuer {
            alias,
            profile,
            issuer,
            audiences,
            multiple_audiences,
            algorithms,
            jwks,
            remote_jwks,
            max_lifetime_seconds,
            clock_skew_seconds,
            binding,
            principal,
            delegation,
            status_lists,
        } = raw;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of the issuer `{alias}`")));
        let is_alias = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if alias.is_empty() || alias.len() > limits::NAME_BYTES || !alias.chars().all(is_alias) {
            return error(SectionErrorKind::Name, "the alias");
        }
        if issuer.is_empty() {
            return error(SectionErrorKind::Empty, "`issuer`");
        }
        crate::identity::check_mapping(&principal, &alias)?;
        if let Some(Delegation { actor, max_depth, issuers: _ }) = &delegation {
            crate::identity::check_mapping(actor, &alias)?;
            if !(1..=limits::ACTORS).contains(max_depth) {
                return error(SectionErrorKind::Range, "`delegation.max_depth`");
            }
        }

        let terms = IssuerTerms { issuer: &issuer, audiences: &audiences, algorithms: &algorithms };
        profile::check_issuer(&profile, &terms, &alias)?;

        let place = format!("the issuer `{alias}`");
        let terms = RawTerms {
            audiences,
            multiple_audiences,
            algorithms,
            jwks: jwks.as_ref(),
            remote_jwks,
            purpose: KeyPurpose::of(&profile),
            rules: profile::claim_rules(&profile),
            max_lifetime_seconds,
            clock_skew_seconds,
        };
        let terms = Terms::open(terms, &place)?;
        let (principal, delegation) = (Rc::new(principal), delegation.map(Rc::new));
        let status = StatusRules::open(status_lists, &place)?;
        Ok(Self { alias, profile, issuer, terms, binding, principal, delegation, status })
    }

    /// Whether client certificates of its trust domain are credentials.
    pub(crate) fn accepts_certificates(&self) -> bool {
        matches!(self.profile, Profile::SpiffeJwtSvid { x509: true, .. })
    }

    /// An issuer without keys, for tests of what comes after verification.
    #[cfg(test)]
    pub(crate) fn for_test(profile: Profile) -> Self {
        Self {
            alias: "test".to_owned(),
            profile,
            issuer: "https://issuer".to_owned(),
            terms: Terms::for_claims_test(&[], 900, 30),
            binding: Binding::Optional,
            principal: Rc::new(crate::section::testing::mapping()),
            delegation: None,
            status: StatusRules::Refuse,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::testing;
    use crate::token::Algorithm;

    #[test]
    fn issuers_are_found_by_their_exact_name() {
        let table = IssuerTable::open(vec![testing::issuer("b", "https://b"), testing::issuer("a", "https://a")]);
        let table = table.unwrap();
        assert_eq!(table.find("https://a").unwrap().1.alias, "a");
        assert_eq!(table.find("https://b").unwrap().1.alias, "b");
        for iss in ["", "https://a/", "HTTPS://a", "https://A", "https://a ", "a"] {
            assert!(table.find(iss).is_none(), "{iss}");
        }
    }

    #[test]
    fn workloads_are_found_by_their_domain_alone() {
        let with = |alias: &str, issuer: &str, profile: Profile| section::Issuer {
            profile,
            audiences: vec![],
            algorithms: vec![Algorithm::Es256],
            ..testing::issuer(alias, issuer)
        };
        let wit = |domain: &str| Profile::WimseWit03 { trust_domain: domain.to_owned() };
        let jwt_svid = || {
            let text = serde_json::to_string(&testing::issuer("x", "https://x").jwks).unwrap();
            let jwks = text.replace("{\"kty\"", "{\"use\":\"jwt-svid\",\"kty\"");
            let profile = Profile::SpiffeJwtSvid { trust_domain: "example.org".to_owned(), x509: false };
            section::Issuer {
                audiences: vec!["gateway".to_owned()],
                jwks: Some(serde_json::from_str(&jwks).unwrap()),
                ..with("svid", "spiffe://example.org", profile)
            }
        };
        // The identity server of both domains has one name, and so has an issuer of access tokens.
        let table = IssuerTable::open(vec![
            with("b", "https://a", wit("other.org")),
            with("a", "https://a", wit("example.org")),
            testing::issuer("as", "https://a"),
            testing::issuer("z", "https://z"),
            jwt_svid(),
        ])
        .unwrap();
        let alias = |found: Option<(IssuerIndex, &Issuer)>| found.map(|(_, issuer)| issuer.alias.clone());
        assert_eq!(alias(table.find("https://a")).as_deref(), Some("as"));
        assert_eq!(alias(table.find("https://z")).as_deref(), Some("z"));
        assert_eq!(alias(table.find_workload_domain("example.org")).as_deref(), Some("a"));
        assert_eq!(alias(table.find_workload_domain("other.org")).as_deref(), Some("b"));
        assert_eq!(alias(table.find_trust_domain("example.org")).as_deref(), Some("svid"));
        for domain in ["", "Example.org", "example.org/a", "a.org", "https://a"] {
            assert!(table.find_workload_domain(domain).is_none(), "{domain}");
        }
        assert!(table.find_trust_domain("other.org").is_none());
        let twice = vec![with("a", "https://a", wit("example.org")), with("b", "https://b", wit("example.org"))];
        assert_eq!(IssuerTable::open(twice).unwrap_err().kind(), SectionErrorKind::Duplicate);
    }

    #[test]
    fn defects_refuse_the_section() {
        let kind = |issuers| IssuerTable::open(issuers).unwrap_err().kind();
        assert_eq!(kind(vec![]), SectionErrorKind::Empty);
        let a = || testing::issuer("a", "https://a");
        assert_eq!(kind(vec![a(), testing::issuer("a", "https://b")]), SectionErrorKind::Duplicate);
        assert_eq!(kind(vec![a(), testing::issuer("b", "https://a")]), SectionErrorKind::Duplicate);

        let change = |change: fn(&mut section::Issuer)| {
            let mut issuer = a();
            change(&mut issuer);
            kind(vec![issuer])
        };
        assert_eq!(change(|i| i.alias = "A".to_owned()), SectionErrorKind::Name);
        assert_eq!(change(|i| i.alias = "a/b".to_owned()), SectionErrorKind::Name);
        assert_eq!(change(|i| i.alias.clear()), SectionErrorKind::Name);
        assert_eq!(change(|i| i.issuer.clear()), SectionErrorKind::Empty);
        assert_eq!(change(|i| i.audiences.clear()), SectionErrorKind::Empty);
        assert_eq!(change(|i| i.audiences.push(String::new())), SectionErrorKind::Empty);
        assert_eq!(change(|i| i.profile = Profile::GithubActions), SectionErrorKind::Profile);
        assert_eq!(change(|i| i.algorithms.clear()), SectionErrorKind::Empty);
        assert_eq!(change(|i| i.max_lifetime_seconds = 0), SectionErrorKind::Range);
        assert_eq!(change(|i| i.max_lifetime_seconds = 86_401), SectionErrorKind::Range);
        assert_eq!(change(|i| i.clock_skew_seconds = 121), SectionErrorKind::Range);
        assert_eq!(change(|i| i.algorithms = vec![Algorithm::Rs256]), SectionErrorKind::Keys);
        assert_eq!(change(|i| i.jwks = None), SectionErrorKind::Keys);
        let remote = || Some(section::RemoteJwks::at("https://idp.example/jwks"));
        let mut both = a();
        both.remote_jwks = remote();
        assert_eq!(kind(vec![both]), SectionErrorKind::Keys);
        assert_eq!(
            change(|i| {
                i.jwks = None;
                i.remote_jwks = Some(section::RemoteJwks::at("http://idp.example/jwks"));
            }),
            SectionErrorKind::JwksUri
        );
        assert!(IssuerTable::open(vec![section::Issuer { jwks: None, remote_jwks: remote(), ..a() }]).is_ok());
        assert_eq!(change(|i| i.principal.id_claim.clear()), SectionErrorKind::Empty);
        assert_eq!(change(|i| i.principal.entity_type = "a b".to_owned()), SectionErrorKind::Name);
        let delegation = |max_depth, issuers: &[&str]| Delegation {
            actor: testing::mapping(),
            max_depth,
            issuers: issuers.iter().map(|alias| (*alias).to_owned()).collect(),
        };
        for (delegation, expected) in [
            (delegation(0, &[]), SectionErrorKind::Range),
            (delegation(9, &[]), SectionErrorKind::Range),
            (delegation(4, &["nobody"]), SectionErrorKind::Source),
            (delegation(4, &["https://a"]), SectionErrorKind::Source),
        ] {
            let mut issuer = a();
            issuer.delegation = Some(delegation);
            assert_eq!(kind(vec![issuer]), expected);
        }
        for jwks in
            [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, r#"{"keys":[{"kty":"EC","use":"enc"}]}"#, "[]"]
        {
            let mut issuer = a();
            issuer.jwks = Some(serde_json::from_str(jwks).unwrap());
            assert_eq!(kind(vec![issuer]), SectionErrorKind::Keys, "{jwks}");
        }
    }
}
