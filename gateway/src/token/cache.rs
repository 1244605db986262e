//! The cache of verified tokens: what keeps signatures out of the steady state.
//!
//! A fixed table of small sets, as in a processor's cache. A token's digest names its set; looking up and inserting
//! touch that set only, so no request ever pays for a scan, and the table never grows. Refused tokens are not kept:
//! a caller without a valid token cannot put anything in.

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::claims::Validity;
use super::credential::CompactText;
use super::digest_memory::DigestMemory;
use super::error::CredentialError;
use super::issuer::IssuerIndex;
use crate::identity::Identity;
use crate::limits;
use crate::section::TokenSlot;

/// Entries per set. A set is searched and replaced as a whole.
const WAYS: usize = 8;

/// The SHA-256 digest of a token, and the slot that it came in: its name in the cache. Tokens have one spelling, so one token has
/// one name in a slot, and what one slot accepted is unknown in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TokenDigest {
    sha256: [u8; 32],
    slot: TokenSlot,
}

impl TokenDigest {
    pub(crate) fn of(token: CompactText<'_>, slot: TokenSlot) -> Self {
        Self { sha256: Sha256::digest(token.as_str()).into(), slot }
    }

    /// The name of a certificate, by its digest. It is no token's: DER has bytes that tokens have not.
    pub(crate) fn of_certificate(sha256: [u8; 32]) -> Self {
        Self { sha256, slot: TokenSlot::Authorization }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.sha256
    }
}

/// What a request presents, by its name in the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Presented<'t> {
    pub(crate) digest: TokenDigest,
    /// The token's text, while its digest is not remembered.
    new: Option<&'t [u8]>,
}

impl From<TokenDigest> for Presented<'_> {
    fn from(digest: TokenDigest) -> Self {
        Self { digest, new: None }
    }
}

/// Where an identity lies until the next insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(Option<usize>);

/// A bounded map from tokens to the identities they were verified to mean.
#[derive(Debug)]
pub(crate) struct TokenCache {
    /// Whole sets of [`WAYS`] entries; empty where the cache is switched off.
    entries: Vec<Option<Box<Entry>>>,
    sets: usize,
    /// The last identity that was not cached, so that it lies somewhere too.
    uncached: Option<Rc<Identity>>,
    /// Counts uses; the smallest in a set was used longest ago.
    clock: u64,
    digests: DigestMemory,
}

#[derive(Debug)]
struct Entry {
    digest: TokenDigest,
    validity: Validity,
    last_use: u64,
    /// Shared with requests whose answers are still to be filtered.
    identity: Rc<Identity>,
}

impl TokenCache {
    /// A cache for at most `max_entries` tokens, rounded up to whole sets; 0 keeps none.
    pub(crate) fn new(max_entries: usize) -> Self {
        let sets = max_entries.div_ceil(WAYS);
        let mut entries = Vec::new();
        entries.resize_with(sets.saturating_mul(WAYS), || None);
        Self { entries, sets, uncached: None, clock: 0, digests: DigestMemory::new(max_entries) }
    }

    /// The name of a text that is presented as a token in this slot.
    ///
    /// # Errors
    ///
    /// As [`CompactText::read`].
    pub(crate) fn name<'t>(&self, text: &'t [u8], slot: TokenSlot) -> Result<Presented<'t>, CredentialError> {
        if let Some(sha256) = self.digests.find(text) {
            return Ok(TokenDigest { sha256, slot }.into());
        }
        let token = CompactText::read(text, limits::TOKEN_BYTES)?;
        Ok(Presented { digest: TokenDigest::of(token, slot), new: Some(text) })
    }

    /// Remembers the name of a token that was verified.
    pub(crate) fn learn_name(&mut self, presented: Presented<'_>) {
        if let Some(text) = presented.new {
            self.digests.keep(text, presented.digest.sha256);
        }
    }

    /// Finds a token that is valid at `now_ms`. One that no longer is makes room at once.
    pub(crate) fn find(&mut self, digest: TokenDigest, now_ms: u64) -> Option<Slot> {
        let start = self.set_of(digest)?;
        self.clock += 1;
        for (index, entry) in self.entries.iter_mut().enumerate().skip(start).take(WAYS) {
            let Some(known) = entry.as_mut().filter(|known| known.digest == digest) else {
                continue;
            };
            if known.validity.contains(now_ms) {
                known.last_use = self.clock;
                return Some(Slot(Some(index)));
            }
            *entry = None;
            return None;
        }
        None
    }

    /// Keeps the identity of a token that has just been verified. Room is made in the token's own set: a free entry,
    /// else one that is no longer valid, else the one used longest ago.
    pub(crate) fn insert(&mut self, digest: TokenDigest, validity: Validity, identity: Identity, now_ms: u64) -> Slot {
        let worthwhile = identity.weight() <= limits::TOKEN_CACHE_IDENTITY_BYTES;
        let identity = Rc::new(identity);
        let set = self.set_of(digest).filter(|_| worthwhile);
        let victim = set.and_then(|start| {
            let candidates = self.entries.iter().enumerate().skip(start).take(WAYS);
            candidates
                .min_by_key(|(_, entry)| match entry {
                    None => (0, 0),
                    Some(entry) if !entry.validity.contains(now_ms) => (1, 0),
                    Some(entry) => (2, entry.last_use),
                })
                .map(|(index, _)| index)
        });
        match victim.and_then(|index| self.entries.get_mut(index)) {
            Some(entry) => {
                self.clock += 1;
                *entry = Some(Box::new(Entry { digest, validity, last_use: self.clock, identity }));
                Slot(victim)
            }
            None => {
                self.uncached = Some(identity);
                Slot(None)
            }
        }
    }

    /// Forgets what these issuers' keys verified.
    pub(crate) fn forget(&mut self, issuers: &[IssuerIndex]) {
        for entry in &mut self.entries {
            if entry.as_ref().is_some_and(|known| issuers.contains(&known.identity.issuer)) {
                *entry = None;
            }
        }
        self.uncached = None;
        // True as ever, but there is no need to keep tokens that may be no good any more.
        self.digests.clear();
    }

    /// The identity in a slot.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Rc<Identity>> {
        match slot {
            Slot(Some(index)) => self.entries.get(index)?.as_ref().map(|entry| &entry.identity),
            Slot(None) => self.uncached.as_ref(),
        }
    }

    /// The first entry of the digest's set.
    fn set_of(&self, digest: TokenDigest) -> Option<usize> {
        let (head, _) = digest.sha256.split_first_chunk::<4>()?;
        // The remainder is smaller than the number of sets, so it fits.
        let set = u64::from(u32::from_le_bytes(*head)).checked_rem(u64::try_from(self.sets).ok()?)?;
        usize::try_from(set).ok()?.checked_mul(WAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Validity = Validity { from_ms: 0, until_ms: u64::MAX };

    fn digest(n: u32) -> TokenDigest {
        TokenDigest::of(CompactText::for_test(&n.to_string()), TokenSlot::Authorization)
    }

    fn id_in(cache: &TokenCache, slot: Option<Slot>) -> Option<&str> {
        cache.get(slot?).map(|identity| identity.subject.id.as_str())
    }

    #[test]
    fn keeps_what_was_inserted() {
        let mut cache = TokenCache::new(64);
        let slot = cache.insert(digest(1), ALWAYS, Identity::for_test("one"), 0);
        assert_eq!(id_in(&cache, Some(slot)), Some("one"));
        let slot = cache.find(digest(1), 0);
        assert_eq!(id_in(&cache, slot), Some("one"));
        assert_eq!(cache.find(digest(2), 0), None);
        let elsewhere = TokenDigest::of(CompactText::for_test("1"), TokenSlot::Workload);
        assert_eq!(cache.find(elsewhere, 0), None, "another slot knows nothing of it");
    }

    #[test]
    fn a_token_is_named_by_its_digest_whether_or_not_that_is_remembered() {
        let mut cache = TokenCache::new(64);
        let (text, other) = (b"header.claims.signature", b"Header.claims.signature");
        for (text, slot) in
            [(text, TokenSlot::Authorization), (other, TokenSlot::Authorization), (text, TokenSlot::Workload)]
        {
            let first = cache.name(text, slot).unwrap();
            assert_eq!(first.digest, TokenDigest::of(CompactText::read(text, 100).unwrap(), slot));
            cache.learn_name(first);
            let again = cache.name(text, slot).unwrap();
            assert!(again.new.is_none() && again.digest == first.digest);
        }
        cache.forget(&[]);
        assert!(cache.name(text, TokenSlot::Authorization).unwrap().new.is_some());
    }

    #[test]
    fn what_is_no_token_has_no_name() {
        let cache = TokenCache::new(64);
        for text in [&b""[..], b"a b", b"a.b.c,d.e.f", b"a\xff", &[b'a'; limits::TOKEN_BYTES + 1]] {
            assert_eq!(
                cache.name(text, TokenSlot::Authorization).err(),
                CompactText::read(text, limits::TOKEN_BYTES).err()
            );
            assert!(cache.name(text, TokenSlot::Authorization).is_err());
        }
    }

    #[test]
    fn honours_both_time_bounds() {
        let mut cache = TokenCache::new(8);
        let validity = Validity { from_ms: 100, until_ms: 200 };
        cache.insert(digest(1), validity, Identity::for_test("one"), 150);
        assert!(cache.find(digest(1), 199).is_some());
        assert_eq!(cache.find(digest(1), 200), None);
        // Gone, not merely hidden.
        assert_eq!(cache.find(digest(1), 150), None);
        cache.insert(digest(1), validity, Identity::for_test("one"), 150);
        assert_eq!(cache.find(digest(1), 99), None);
    }

    #[test]
    fn never_grows_and_drops_the_invalid_then_the_least_recently_used() {
        let mut cache = TokenCache::new(WAYS);
        let soon = Validity { from_ms: 0, until_ms: 10 };
        for n in 0..8 {
            cache.insert(digest(n), if n == 5 { soon } else { ALWAYS }, Identity::for_test("x"), 0);
        }
        assert!(cache.find(digest(0), 20).is_some());
        cache.insert(digest(8), ALWAYS, Identity::for_test("x"), 20);
        assert_eq!(cache.find(digest(5), 5), None, "the expired one made room");
        assert!(cache.find(digest(1), 20).is_some());
        cache.insert(digest(9), ALWAYS, Identity::for_test("x"), 20);
        assert_eq!(cache.find(digest(2), 20), None, "the least recently used one made room");
        assert!(cache.find(digest(0), 20).is_some());

        for n in 0..10_000 {
            cache.insert(digest(n), ALWAYS, Identity::for_test("x"), 20);
        }
        assert_eq!(cache.entries.len(), WAYS);
    }

    #[test]
    fn forgets_one_issuers_tokens_and_no_others() {
        let mut cache = TokenCache::new(64);
        let [(kept, a), (gone, b)] = two_issuers();
        cache.insert(digest(1), ALWAYS, a, 0);
        cache.insert(digest(2), ALWAYS, b, 0);
        cache.forget(&[]);
        assert!(cache.find(digest(2), 0).is_some());
        cache.forget(&[gone]);
        assert!(cache.find(digest(1), 0).is_some());
        assert_eq!(cache.find(digest(2), 0), None);
        cache.forget(&[gone, kept]);
        assert_eq!(cache.find(digest(1), 0), None);
    }

    fn two_issuers() -> [(IssuerIndex, Identity); 2] {
        use crate::section::testing::issuer;
        use crate::token::IssuerTable;
        let table = IssuerTable::open(vec![issuer("a", "https://a"), issuer("b", "https://b")]).unwrap();
        ["https://a", "https://b"].map(|name| {
            let issuer = table.find(name).unwrap().0;
            (issuer, Identity { issuer, ..Identity::for_test(name) })
        })
    }

    #[test]
    fn switched_off_it_still_hands_back_the_identity() {
        let mut cache = TokenCache::new(0);
        let slot = cache.insert(digest(1), ALWAYS, Identity::for_test("one"), 0);
        assert_eq!(id_in(&cache, Some(slot)), Some("one"));
        assert_eq!(cache.find(digest(1), 0), None);
    }

    #[test]
    fn a_heavy_identity_is_used_once() {
        let mut cache = TokenCache::new(64);
        let heavy = "x".repeat(limits::TOKEN_CACHE_IDENTITY_BYTES + 1);
        let slot = cache.insert(digest(1), ALWAYS, Identity::for_test(&heavy), 0);
        assert!(cache.get(slot).is_some());
        assert_eq!(cache.find(digest(1), 0), None);
    }
}
