//! Issuers, checked: who may issue tokens, with which keys, for how long.

use super::algorithm::Algorithm;
use super::jwk::KeyPurpose;
use super::key_set::{JwksError, KeySet};
use super::profile::{self, IssuerTerms};
use crate::json::Json;
use crate::jwks::{IssuerKeys, RemoteKeys};
use crate::limits;
use crate::section::{self, Binding, PrincipalMapping, Profile, SectionError, SectionErrorKind};

/// An issuer whose description has been checked.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) alias: String,
    pub(crate) profile: Profile,
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) multiple_audiences: bool,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) keys: IssuerKeys,
    pub(crate) max_lifetime_ms: u64,
    pub(crate) clock_skew_ms: u64,
    pub(crate) binding: Binding,
    pub(crate) principal: PrincipalMapping,
}

/// All issuers of a bundle, found by `iss`.
#[derive(Debug)]
pub(crate) struct IssuerTable {
    /// In ascending order of `issuer`.
    issuers: Vec<Issuer>,
    /// The trust domains of SPIFFE issuers, ascending.
    trust_domains: Vec<(String, usize)>,
}

/// An issuer of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IssuerIndex(usize);

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
        issuers.sort_by(|a, b| a.issuer.cmp(&b.issuer));
        if let Some([issuer, _]) = issuers.array_windows().find(|[a, b]| a.issuer == b.issuer) {
            return Err(SectionError::new(SectionErrorKind::Duplicate, format!("the issuer `{}`", issuer.issuer)));
        }
        let mut trust_domains = Vec::new();
        for (index, issuer) in issuers.iter().enumerate() {
            if let Profile::SpiffeJwtSvid { trust_domain } = &issuer.profile {
                trust_domains.push((trust_domain.clone(), index));
            }
        }
        trust_domains.sort();
        if let Some([(domain, _), _]) = trust_domains.array_windows().find(|[a, b]| a.0 == b.0) {
            return Err(SectionError::new(SectionErrorKind::Duplicate, format!("the trust domain `{domain}`")));
        }
        Ok(Self { issuers, trust_domains })
    }

    /// The issuer of a SPIFFE trust domain.
    pub(crate) fn find_trust_domain(&self, name: &str) -> Option<(IssuerIndex, &Issuer)> {
        let position = self.trust_domains.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        let (_, index) = self.trust_domains.get(position)?;
        Some((IssuerIndex(*index), self.issuers.get(*index)?))
    }

    /// The issuer of exactly that `iss`.
    pub(crate) fn find(&self, iss: &str) -> Option<(IssuerIndex, &Issuer)> {
        let index = self.issuers.binary_search_by(|issuer| issuer.issuer.as_str().cmp(iss)).ok()?;
        Some((IssuerIndex(index), self.issuers.get(index)?))
    }

    /// All issuers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (IssuerIndex, &Issuer)> {
        self.issuers.iter().enumerate().map(|(index, issuer)| (IssuerIndex(index), issuer))
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
        } = raw;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of the issuer `{alias}`")));
        let is_alias = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if alias.is_empty() || alias.len() > limits::NAME_BYTES || !alias.chars().all(is_alias) {
            return error(SectionErrorKind::Name, "the alias");
        }
        if issuer.is_empty() {
            return error(SectionErrorKind::Empty, "`issuer`");
        }
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return error(SectionErrorKind::Empty, "`audiences`");
        }
        if audiences.len() > limits::AUDIENCES {
            return error(SectionErrorKind::Limit, "`audiences`");
        }
        if algorithms.is_empty() {
            return error(SectionErrorKind::Empty, "`algorithms`");
        }
        if !(1..=limits::TOKEN_LIFETIME_SECONDS).contains(&max_lifetime_seconds) {
            return error(SectionErrorKind::Range, "`max_lifetime_seconds`");
        }
        if clock_skew_seconds > limits::CLOCK_SKEW_SECONDS {
            return error(SectionErrorKind::Range, "`clock_skew_seconds`");
        }
        crate::identity::check_mapping(&principal, &alias)?;

        let terms = IssuerTerms { issuer: &issuer, audiences: &audiences, algorithms: &algorithms };
        profile::check_issuer(&profile, &terms, &alias)?;

        let keys = match (&jwks, remote_jwks) {
            (Some(jwks), None) => IssuerKeys::Inline(inline_keys(jwks, &profile, &algorithms, &alias)?),
            (None, Some(remote)) => IssuerKeys::Remote(RemoteKeys::open(remote, &alias)?),
            (Some(_), Some(_)) | (None, None) => {
                return error(SectionErrorKind::Keys, "neither or both of `jwks` and `remote_jwks`");
            }
        };
        Ok(Self {
            alias,
            profile,
            issuer,
            audiences,
            multiple_audiences,
            algorithms,
            keys,
            max_lifetime_ms: max_lifetime_seconds.saturating_mul(1000),
            clock_skew_ms: clock_skew_seconds.saturating_mul(1000),
            binding,
            principal,
        })
    }

    /// An issuer for tests of claims: no keys, times in seconds.
    #[cfg(test)]
    pub(crate) fn for_claims_test(audiences: &[&str], max_lifetime: u64, skew: u64) -> Self {
        use crate::json::JsonLimits;
        let jwks = Json::parse(b"{\"keys\":[]}", &JsonLimits::JWKS).unwrap();
        Self {
            alias: "test".to_owned(),
            profile: Profile::OauthLenient,
            issuer: "https://issuer".to_owned(),
            audiences: audiences.iter().map(|audience| (*audience).to_owned()).collect(),
            multiple_audiences: false,
            algorithms: vec![Algorithm::Es256],
            keys: IssuerKeys::Inline(KeySet::read(&jwks, KeyPurpose::Signature).unwrap().0),
            max_lifetime_ms: max_lifetime * 1000,
            clock_skew_ms: skew * 1000,
            binding: Binding::Optional,
            principal: PrincipalMapping {
                entity_type: "Agent".to_owned(),
                id_claim: vec!["sub".to_owned()],
                attributes: vec![],
                parents: vec![],
            },
        }
    }
}

/// The keys of a set that stands in the bundle.
fn inline_keys(jwks: &Json, profile: &Profile, algorithms: &[Algorithm], alias: &str) -> Result<KeySet, SectionError> {
    let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of the issuer `{alias}`")));
    let (keys, rejected) = match KeySet::read(jwks, KeyPurpose::of(profile)) {
        Ok(read) => read,
        Err(JwksError::Malformed) => return error(SectionErrorKind::Keys, "`jwks`"),
        Err(JwksError::Limit) => return error(SectionErrorKind::Limit, "`jwks`"),
    };
    // Keys for other ends may lie in an issuer's set; a defective one means that the set is not what was meant.
    if let Some(key) = rejected.iter().find(|key| !key.error.is_ignorable()) {
        return error(SectionErrorKind::Keys, &format!("key {} ({})", key.index, key.error.code()));
    }
    if keys.count(algorithms) == 0 {
        return error(SectionErrorKind::Keys, "no usable key in `jwks`");
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::testing;

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
        for jwks in
            [r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#, r#"{"keys":[{"kty":"EC","use":"enc"}]}"#, "[]"]
        {
            let mut issuer = a();
            issuer.jwks = Some(serde_json::from_str(jwks).unwrap());
            assert_eq!(kind(vec![issuer]), SectionErrorKind::Keys, "{jwks}");
        }
    }
}
