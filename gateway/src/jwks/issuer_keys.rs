//! The keys of an issuer: those of the bundle, or those that were fetched last.

use std::sync::Arc;

use super::document::Document;
use super::event::RefreshError;
use crate::feed::{DocumentUri, Pace};
use crate::limits;
use crate::section::{RemoteJwks, SectionError, SectionErrorKind};
use crate::token::{Algorithm, Key, KeySet, TokenError};

/// Where the keys of an issuer are.
#[derive(Debug)]
pub(crate) enum IssuerKeys {
    /// In the bundle.
    Inline(KeySet),
    /// At the issuer.
    Remote(RemoteKeys),
}

/// Keys that are fetched.
#[derive(Debug)]
pub(crate) struct RemoteKeys {
    pub(super) uri: DocumentUri,
    pub(super) pace: Pace,
    max_stale_ms: u64,
    current: Option<Fetched>,
}

/// The document that was fetched last.
#[derive(Clone, Debug)]
struct Fetched {
    keys: Arc<KeySet>,
    digest: [u8; 32],
    sequence: Option<u64>,
    fetched_ms: u64,
}

impl IssuerKeys {
    /// The key for a token (see [`KeySet::find`]).
    pub(crate) fn find(&self, kid: Option<&str>, algorithm: Algorithm, now_ms: u64) -> Result<&Key, TokenError> {
        match self {
            Self::Inline(keys) => keys.find(kid, algorithm),
            Self::Remote(remote) => remote.usable(now_ms).ok_or(TokenError::KeysUnavailable)?.find(kid, algorithm),
        }
    }

    /// Until when a token that these keys verified may be taken as verified, unless the keys change before. A fetch that
    /// brings the same keys moves it on; a token that was verified before is verified again then.
    pub(crate) fn usable_until_ms(&self) -> u64 {
        match self {
            Self::Inline(_) => u64::MAX,
            Self::Remote(remote) => remote.current.as_ref().map_or(0, |current| remote.end_ms(current)),
        }
    }
}

impl RemoteKeys {
    /// Checks where and how often keys are to be fetched; there are none yet. `place` says whose they are.
    pub(crate) fn open(remote: RemoteJwks, place: &str) -> Result<Self, SectionError> {
        let RemoteJwks { uri, fresh_for_seconds, max_stale_seconds, cooldown_seconds } = remote;
        let error = |kind, what: &str| SectionError::new(kind, format!("{what} of {place}"));
        let uri = DocumentUri::read(&uri).ok_or_else(|| error(SectionErrorKind::JwksUri, "the URL of the key set"))?;
        if !(1..=limits::JWKS_MAX_SECONDS).contains(&fresh_for_seconds) {
            return Err(error(SectionErrorKind::Range, "`fresh_for_seconds`"));
        }
        if !(fresh_for_seconds..=limits::JWKS_MAX_SECONDS).contains(&max_stale_seconds) {
            return Err(error(SectionErrorKind::Range, "`max_stale_seconds`"));
        }
        if !(1..=limits::JWKS_MAX_SECONDS).contains(&cooldown_seconds) {
            return Err(error(SectionErrorKind::Range, "`cooldown_seconds`"));
        }
        let pace = Pace {
            fresh_for_ms: fresh_for_seconds.saturating_mul(1000),
            cooldown_ms: cooldown_seconds.saturating_mul(1000),
        };
        Ok(Self { uri, pace, max_stale_ms: max_stale_seconds.saturating_mul(1000), current: None })
    }

    /// Puts a document in place; says whether that changed anything but its age.
    pub(super) fn replace(&mut self, document: &Document, fetched_ms: u64) -> Result<bool, RefreshError> {
        let changed = match &self.current {
            Some(current) => {
                // A bundle without a sequence after one that had it would be a way around the rule.
                if current.sequence.is_some() && document.sequence < current.sequence {
                    return Err(RefreshError::Rollback);
                }
                current.digest != document.digest
            }
            None => true,
        };
        self.current = Some(Fetched {
            keys: Arc::clone(&document.keys),
            digest: document.digest,
            sequence: document.sequence,
            fetched_ms,
        });
        Ok(changed)
    }

    /// Takes over what another bundle or configuration fetched from the same place later; says whether that changed
    /// anything but the age of the keys.
    pub(super) fn inherit(&mut self, other: &Self) -> bool {
        let Some(theirs) = other.current.as_ref().filter(|_| self.uri == other.uri) else { return false };
        let ours = self.current.as_ref();
        if ours.is_some_and(|ours| ours.fetched_ms >= theirs.fetched_ms || theirs.sequence < ours.sequence) {
            return false;
        }
        let changed = ours.is_none_or(|ours| ours.digest != theirs.digest);
        self.current = Some(theirs.clone());
        changed
    }

    /// How old the keys are; `None` when there are none.
    pub(super) fn age_ms(&self, now_ms: u64) -> Option<u64> {
        self.current.as_ref().map(|current| now_ms.saturating_sub(current.fetched_ms))
    }

    /// How long after a fetch the next one should happen at the latest. A SPIFFE bundle may ask for it to be sooner.
    pub(super) fn interval_ms(&self, refresh_hint: Option<u64>) -> u64 {
        let hint_ms = refresh_hint.map(|seconds| seconds.max(limits::JWKS_HINT_SECONDS).saturating_mul(1000));
        hint_ms.map_or(self.pace.fresh_for_ms, |hint| hint.min(self.pace.fresh_for_ms))
    }

    fn usable(&self, now_ms: u64) -> Option<&KeySet> {
        let current = self.current.as_ref().filter(|current| now_ms < self.end_ms(current))?;
        Some(&current.keys)
    }

    fn end_ms(&self, current: &Fetched) -> u64 {
        current.fetched_ms.saturating_add(self.max_stale_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwks::document::Reading;
    use crate::token::testing;

    fn remote(uri: &str) -> RemoteJwks {
        RemoteJwks { fresh_for_seconds: 10, max_stale_seconds: 100, ..RemoteJwks::at(uri) }
    }

    fn open() -> RemoteKeys {
        RemoteKeys::open(remote("https://idp.example/jwks"), "dev").unwrap()
    }

    fn document(kid: &str, members: &str) -> Document {
        let profile = crate::jwks::testing::spiffe();
        let jwk = testing::p256(1).jwk(kid).replacen('{', "{\"use\":\"jwt-svid\",", 1);
        let text = format!(r#"{{"keys":[{jwk}]{members}}}"#);
        Document::read(text.as_bytes(), Reading { profile: &profile, algorithms: &[Algorithm::Es256] }).unwrap()
    }

    fn find(keys: &IssuerKeys, kid: &str, now_ms: u64) -> Option<TokenError> {
        keys.find(Some(kid), Algorithm::Es256, now_ms).err()
    }

    #[test]
    fn keys_count_from_the_fetch_until_they_are_too_stale() {
        let mut keys = IssuerKeys::Remote(open());
        assert_eq!(find(&keys, "a", 0), Some(TokenError::KeysUnavailable));
        assert_eq!(keys.usable_until_ms(), 0);
        let IssuerKeys::Remote(remote) = &mut keys else { panic!() };
        assert_eq!(remote.replace(&document("a", ""), 1_000), Ok(true));
        assert_eq!(remote.age_ms(3_000), Some(2_000));
        assert_eq!(keys.usable_until_ms(), 101_000);
        assert_eq!(find(&keys, "a", 1_000), None);
        assert_eq!(find(&keys, "b", 1_000), Some(TokenError::KeyUnknown));
        assert_eq!(find(&keys, "a", 100_999), None);
        assert_eq!(find(&keys, "a", 101_000), Some(TokenError::KeysUnavailable));
    }

    #[test]
    fn removed_keys_are_gone() {
        let mut keys = open();
        assert_eq!(keys.replace(&document("a", ""), 1), Ok(true));
        assert_eq!(keys.replace(&document("a", ""), 2), Ok(false));
        assert_eq!(keys.replace(&document("b", ""), 3), Ok(true));
        let keys = IssuerKeys::Remote(keys);
        assert_eq!(find(&keys, "a", 3), Some(TokenError::KeyUnknown));
        assert_eq!(find(&keys, "b", 3), None);
    }

    #[test]
    fn a_spiffe_bundle_never_goes_back() {
        let mut keys = open();
        assert_eq!(keys.replace(&document("a", ""), 1), Ok(true));
        assert_eq!(keys.replace(&document("a", r#","spiffe_sequence":5"#), 2), Ok(true));
        for older in ["", r#","spiffe_sequence":4"#, r#","spiffe_sequence":0"#] {
            assert_eq!(keys.replace(&document("b", older), 3), Err(RefreshError::Rollback), "{older}");
        }
        assert_eq!(keys.age_ms(3), Some(1), "a refused bundle refreshes nothing");
        assert_eq!(keys.replace(&document("a", r#","spiffe_sequence":5"#), 4), Ok(false));
        assert_eq!(keys.replace(&document("b", r#","spiffe_sequence":6"#), 5), Ok(true));
    }

    #[test]
    fn a_refresh_hint_shortens_the_interval_and_no_more() {
        let remote = RemoteKeys::open(RemoteJwks::at("https://idp.example/jwks"), "dev").unwrap();
        for (hint, seconds) in
            [(None, 600), (Some(0), 30), (Some(1), 30), (Some(60), 60), (Some(601), 600), (Some(u64::MAX), 600)]
        {
            assert_eq!(remote.interval_ms(hint), seconds * 1000, "{hint:?}");
        }
        assert_eq!(open().interval_ms(Some(1)), 10_000, "the bundle of policies may ask for less");
    }

    #[test]
    fn only_keys_of_the_same_place_are_inherited() {
        let mut old = open();
        old.replace(&document("a", ""), 1).unwrap();
        let mut new = open();
        assert!(new.inherit(&old));
        assert_eq!(new.age_ms(2), Some(1));
        let mut elsewhere = RemoteKeys::open(remote("https://idp.example/jwks2"), "dev").unwrap();
        assert!(!elsewhere.inherit(&old));
        assert_eq!(elsewhere.age_ms(2), None);
    }

    #[test]
    fn only_newer_keys_are_inherited() {
        let fetched = |kid: &str, members: &str, at_ms: u64| {
            let mut keys = open();
            keys.replace(&document(kid, members), at_ms).unwrap();
            keys
        };
        let mut keys = fetched("a", r#","spiffe_sequence":5"#, 10);
        for (kid, members, at_ms) in [
            ("b", r#","spiffe_sequence":6"#, 9),
            ("b", r#","spiffe_sequence":6"#, 10),
            ("b", r#","spiffe_sequence":4"#, 11),
            ("b", "", 11),
        ] {
            assert!(!keys.inherit(&fetched(kid, members, at_ms)), "{members} {at_ms}");
            assert_eq!(keys.age_ms(10), Some(0), "{members} {at_ms}");
        }
        assert!(!keys.inherit(&fetched("a", r#","spiffe_sequence":5"#, 12)), "the same keys");
        assert_eq!(keys.age_ms(12), Some(0));
        assert!(keys.inherit(&fetched("b", r#","spiffe_sequence":6"#, 13)));
        let keys = IssuerKeys::Remote(keys);
        assert_eq!((find(&keys, "a", 13), find(&keys, "b", 13)), (Some(TokenError::KeyUnknown), None));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let kind = |change: fn(&mut RemoteJwks)| {
            let mut remote = RemoteJwks::at("https://idp.example/jwks");
            change(&mut remote);
            RemoteKeys::open(remote, "dev").unwrap_err().kind()
        };
        assert_eq!(kind(|r| r.uri = "http://idp.example/jwks".to_owned()), SectionErrorKind::JwksUri);
        assert_eq!(kind(|r| r.uri.clear()), SectionErrorKind::JwksUri);
        assert_eq!(kind(|r| r.fresh_for_seconds = 0), SectionErrorKind::Range);
        assert_eq!(kind(|r| r.fresh_for_seconds = 86_401), SectionErrorKind::Range);
        assert_eq!(kind(|r| r.max_stale_seconds = 599), SectionErrorKind::Range);
        assert_eq!(kind(|r| r.max_stale_seconds = 86_401), SectionErrorKind::Range);
        assert_eq!(kind(|r| r.cooldown_seconds = 0), SectionErrorKind::Range);
        assert_eq!(kind(|r| r.cooldown_seconds = u64::MAX), SectionErrorKind::Range);
    }
}
