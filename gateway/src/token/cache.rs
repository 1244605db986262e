//! The cache of verified tokens: what keeps signatures out of the steady state.
//!
//! A fixed table of small sets, as in a processor's cache. The end of a token names its set; looking up and inserting
//! touch that set only, so no request ever pays for a scan, and the table never grows. Refused tokens are not kept:
//! a caller without a valid token cannot put anything in.
//!
//! A token is known by all of its bytes. A digest in their place would have to be taken of each token that comes: inside a VM
//! that is a quarter of what a new token costs besides its signature, and more than all else that is done for a known one.

use std::rc::Rc;

use super::claims::Validity;
use super::issuer::IssuerIndex;
use crate::identity::Identity;
use crate::limits;
use crate::mac;
use crate::memo::Memo;
use crate::section::TokenSlot;

/// Entries per set. A set is searched and replaced as a whole.
const WAYS: usize = 8;

/// What a request presents, as the cache knows it. Tokens have one spelling, so one token is known once in a slot; what was
/// accepted as one kind is unknown as another.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'t> {
    bytes: &'t [u8],
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Token(TokenSlot),
    /// The SHA-256 digest of a certificate.
    Certificate,
}

impl<'t> Presented<'t> {
    /// Whatever stands where a token should be.
    pub(crate) fn token(bytes: &'t [u8], slot: TokenSlot) -> Self {
        Self { bytes, kind: Kind::Token(slot) }
    }

    pub(crate) fn certificate(sha256: &'t [u8; 32]) -> Self {
        Self { bytes: sha256, kind: Kind::Certificate }
    }

    /// The last bytes: of a token they are of its signature, which differs most.
    fn end(self) -> Option<u64> {
        self.bytes.last_chunk().map(|end| u64::from_le_bytes(*end))
    }
}

/// Where an identity lies until the next insertion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(Option<usize>);

/// A bounded map from tokens to the identities they were verified to mean.
#[derive(Debug)]
pub(crate) struct TokenCache {
    /// Whole sets of [`WAYS`] places; empty where the cache is switched off.
    places: Vec<Place>,
    sets: usize,
    /// The last identity that was not cached, so that it lies somewhere too.
    uncached: Option<Rc<Identity>>,
    /// Counts uses; the smallest in a set was used longest ago.
    clock: u64,
}

/// Room for a token, and what is asked of every place of a set. It lies here and not in the entry: behind eight pointers are
/// eight lines of memory that a processor, between requests, has long forgotten.
#[derive(Debug)]
struct Place {
    /// Of the token that is here.
    end: u64,
    validity: Validity,
    last_use: u64,
    /// Nothing in a place that is free.
    entry: Option<Box<Entry>>,
}

struct Entry {
    bytes: Vec<u8>,
    kind: Kind,
    /// Shared with requests whose answers are still to be filtered.
    identity: Rc<Identity>,
    memo: Memo,
}

/// An identity that was verified, by this request or by one before it.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    pub(crate) identity: &'a Rc<Identity>,
    /// What policies said about it; nothing is kept about an identity that is not.
    pub(crate) memo: Option<&'a mut Memo>,
}

/// The token is nobody's business.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Entry {
    fn new(Presented { bytes, kind }: Presented<'_>, identity: Identity) -> Self {
        Self { bytes: bytes.to_vec(), kind, identity: Rc::new(identity), memo: Memo::default() }
    }

    /// Makes room for another credential where this one was: under a flood of new tokens the same memory serves them all.
    fn become_of(&mut self, presented: Presented<'_>, identity: Identity) {
        let Self { bytes, kind, identity: known, memo } = self;
        bytes.clear();
        bytes.extend_from_slice(presented.bytes);
        *kind = presented.kind;
        match Rc::get_mut(known) {
            Some(known) => *known = identity,
            // An answer is still to be filtered for whom it was about.
            None => *known = Rc::new(identity),
        }
        *memo = Memo::default();
    }
}

impl Place {
    const FREE: Self = Self { end: 0, validity: Validity { from_ms: 0, until_ms: 0 }, last_use: 0, entry: None };

    /// Whether what is here is this credential's: to the last byte, in a time that does not tell how many agree. Which of them
    /// are compared at all depends on eight bytes together, so nobody finds a token piece by piece.
    fn is_of(&self, presented: Presented<'_>) -> bool {
        let Presented { bytes, kind } = presented;
        Some(self.end) == presented.end()
            && (self.entry.as_ref()).is_some_and(|entry| entry.kind == kind && mac::equal(&entry.bytes, bytes))
    }
}

impl TokenCache {
    /// A cache for at most `max_entries` tokens, rounded up to whole sets; 0 keeps none.
    pub(crate) fn new(max_entries: usize) -> Self {
        let sets = max_entries.div_ceil(WAYS);
        let mut places = Vec::new();
        places.resize_with(sets.saturating_mul(WAYS), || Place::FREE);
        Self { places, sets, uncached: None, clock: 0 }
    }

    /// Finds a token that is valid at `now_ms`. One that no longer is makes room at once.
    pub(crate) fn find(&mut self, presented: Presented<'_>, now_ms: u64) -> Option<Slot> {
        let start = self.set_of(presented)?;
        self.clock += 1;
        for (index, place) in self.places.iter_mut().enumerate().skip(start).take(WAYS) {
            if !place.is_of(presented) {
                continue;
            }
            if place.validity.contains(now_ms) {
                place.last_use = self.clock;
                return Some(Slot(Some(index)));
            }
            *place = Place::FREE;
            return None;
        }
        None
    }

    /// Keeps the identity of a token that has just been verified. Room is made in the token's own set: a free entry,
    /// else one that is no longer valid, else the one used longest ago.
    pub(crate) fn insert(
        &mut self,
        presented: Presented<'_>,
        validity: Validity,
        identity: Identity,
        now_ms: u64,
    ) -> Slot {
        let weight = identity.weight().saturating_add(presented.bytes.len());
        let worthwhile = weight <= limits::TOKEN_CACHE_ENTRY_BYTES;
        let set = self.set_of(presented).filter(|_| worthwhile);
        let victim = set.and_then(|start| {
            let candidates = self.places.iter().enumerate().skip(start).take(WAYS);
            candidates
                .min_by_key(|(_, place)| match place.entry {
                    None => (0, 0),
                    Some(_) if !place.validity.contains(now_ms) => (1, 0),
                    Some(_) => (2, place.last_use),
                })
                .map(|(index, _)| index)
        });
        match (victim.and_then(|index| self.places.get_mut(index)), presented.end()) {
            (Some(place), Some(end)) => {
                self.clock += 1;
                (place.end, place.validity, place.last_use) = (end, validity, self.clock);
                match &mut place.entry {
                    Some(entry) => entry.become_of(presented, identity),
                    free => *free = Some(Box::new(Entry::new(presented, identity))),
                }
                Slot(victim)
            }
            (_, _) => {
                self.uncached = Some(Rc::new(identity));
                Slot(None)
            }
        }
    }

    /// Forgets what these issuers' keys verified.
    pub(crate) fn forget(&mut self, issuers: &[IssuerIndex]) {
        for place in &mut self.places {
            if place.entry.as_ref().is_some_and(|known| issuers.contains(&known.identity.issuer)) {
                *place = Place::FREE;
            }
        }
        self.uncached = None;
    }

    /// The identities that are known.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &Rc<Identity>> {
        self.places.iter().flat_map(|place| &place.entry).map(|entry| &entry.identity).chain(&self.uncached)
    }

    /// The identity in a slot.
    pub(crate) fn take(&mut self, slot: Slot) -> Option<Known<'_>> {
        match slot {
            Slot(Some(index)) => {
                let entry = self.places.get_mut(index)?.entry.as_mut()?;
                Some(Known { identity: &entry.identity, memo: Some(&mut entry.memo) })
            }
            Slot(None) => self.uncached.as_ref().map(|identity| Known { identity, memo: None }),
        }
    }

    /// The first place of a credential's set.
    fn set_of(&self, presented: Presented<'_>) -> Option<usize> {
        // Fibonacci hashing: base64url's characters use few of their bits, the upper half of the product has them all.
        let hash = presented.end()?.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        // The remainder is smaller than the number of sets, so it fits.
        let set = hash.checked_rem(u64::try_from(self.sets).ok()?)?;
        usize::try_from(set).ok()?.checked_mul(WAYS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: Validity = Validity { from_ms: 0, until_ms: u64::MAX };

    /// A token that ends as no other does.
    fn token(n: u32) -> &'static [u8] {
        Box::leak(format!("header.claims.signature{n:08}").into_bytes().into_boxed_slice())
    }

    fn known(n: u32) -> Presented<'static> {
        Presented::token(token(n), TokenSlot::Authorization)
    }

    fn get(cache: &TokenCache, slot: Slot) -> Option<&Rc<Identity>> {
        match slot {
            Slot(Some(index)) => cache.places[index].entry.as_ref().map(|entry| &entry.identity),
            Slot(None) => cache.uncached.as_ref(),
        }
    }

    fn id_in(cache: &TokenCache, slot: Option<Slot>) -> Option<&str> {
        get(cache, slot?).map(|identity| identity.subject.id.as_str())
    }

    #[test]
    fn keeps_what_was_inserted() {
        let mut cache = TokenCache::new(64);
        let slot = cache.insert(known(1), ALWAYS, Identity::for_test("one"), 0);
        assert_eq!(id_in(&cache, Some(slot)), Some("one"));
        let slot = cache.find(known(1), 0);
        assert_eq!(id_in(&cache, slot), Some("one"));
        assert_eq!(cache.find(known(2), 0), None);
    }

    #[test]
    fn only_the_very_same_bytes_are_known() {
        let mut cache = TokenCache::new(64);
        let text = b"eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
        cache.insert(Presented::token(text, TokenSlot::Authorization), ALWAYS, Identity::for_test("one"), 0);
        let mut is_known = |bytes: &[u8]| cache.find(Presented::token(bytes, TokenSlot::Authorization), 0).is_some();
        assert!(is_known(text));
        for place in 0..text.len() {
            for change in [1, 0x20, 0x80] {
                let mut other = *text;
                other[place] ^= change;
                assert!(!is_known(&other), "{place}");
            }
        }
        for cut in 1..=text.len() {
            assert!(!is_known(&text[cut..]), "without the first {cut}");
            assert!(!is_known(&text[..text.len() - cut]), "without the last {cut}");
        }
        assert!(!is_known(&[&b"x"[..], text].concat()) && !is_known(&[text, &b"x"[..]].concat()));
        assert!(is_known(text));
    }

    #[test]
    fn tokens_with_one_end_are_told_apart() {
        let mut cache = TokenCache::new(64);
        let texts: Vec<_> = (0..WAYS).map(|n| format!("{n:02}.claims.the same end")).collect();
        for text in &texts {
            let presented = Presented::token(text.as_bytes(), TokenSlot::Authorization);
            cache.insert(presented, ALWAYS, Identity::for_test(text), 0);
        }
        for text in &texts {
            let slot = cache.find(Presented::token(text.as_bytes(), TokenSlot::Authorization), 0);
            assert_eq!(id_in(&cache, slot), Some(text.as_str()));
        }
    }

    #[test]
    fn what_was_one_thing_is_not_another() {
        let bytes = b"0123456789abcdef0123456789abcdef";
        let all = [
            Presented::token(bytes, TokenSlot::Authorization),
            Presented::token(bytes, TokenSlot::Workload),
            Presented::certificate(bytes),
        ];
        for (inserted, presented) in all.iter().enumerate() {
            let mut cache = TokenCache::new(64);
            cache.insert(*presented, ALWAYS, Identity::for_test("one"), 0);
            for (asked, other) in all.iter().enumerate() {
                assert_eq!(cache.find(*other, 0).is_some(), asked == inserted, "{inserted} {asked}");
            }
        }
    }

    #[test]
    fn what_is_too_short_for_a_token_is_not_kept() {
        let mut cache = TokenCache::new(64);
        for bytes in [&b""[..], b"a", b"1234567"] {
            let presented = Presented::token(bytes, TokenSlot::Authorization);
            let slot = cache.insert(presented, ALWAYS, Identity::for_test("one"), 0);
            assert!(get(&cache, slot).is_some() && cache.find(presented, 0).is_none());
        }
    }

    #[test]
    fn tokens_are_not_shown() {
        let mut cache = TokenCache::new(8);
        cache.insert(known(7), ALWAYS, Identity::for_test("one"), 0);
        assert!(!format!("{cache:?}").contains("signature") && format!("{cache:?}").contains("one"));
    }

    #[test]
    fn honours_both_time_bounds() {
        let mut cache = TokenCache::new(8);
        let validity = Validity { from_ms: 100, until_ms: 200 };
        cache.insert(known(1), validity, Identity::for_test("one"), 150);
        assert!(cache.find(known(1), 199).is_some());
        assert_eq!(cache.find(known(1), 200), None);
        // Gone, not merely hidden.
        assert_eq!(cache.find(known(1), 150), None);
        cache.insert(known(1), validity, Identity::for_test("one"), 150);
        assert_eq!(cache.find(known(1), 99), None);
    }

    #[test]
    fn never_grows_and_drops_the_invalid_then_the_least_recently_used() {
        let mut cache = TokenCache::new(WAYS);
        let soon = Validity { from_ms: 0, until_ms: 10 };
        for n in 0..8 {
            cache.insert(known(n), if n == 5 { soon } else { ALWAYS }, Identity::for_test("x"), 0);
        }
        assert!(cache.find(known(0), 20).is_some());
        cache.insert(known(8), ALWAYS, Identity::for_test("x"), 20);
        assert_eq!(cache.find(known(5), 5), None, "the expired one made room");
        assert!(cache.find(known(1), 20).is_some());
        cache.insert(known(9), ALWAYS, Identity::for_test("x"), 20);
        assert_eq!(cache.find(known(2), 20), None, "the least recently used one made room");
        assert!(cache.find(known(0), 20).is_some());

        for n in 0..10_000 {
            cache.insert(known(n), ALWAYS, Identity::for_test("x"), 20);
        }
        assert_eq!(cache.places.len(), WAYS);
    }

    #[test]
    fn forgets_one_issuers_tokens_and_no_others() {
        let mut cache = TokenCache::new(64);
        let [(kept, a), (gone, b)] = two_issuers();
        cache.insert(known(1), ALWAYS, a, 0);
        cache.insert(known(2), ALWAYS, b, 0);
        cache.forget(&[]);
        assert!(cache.find(known(2), 0).is_some());
        cache.forget(&[gone]);
        assert!(cache.find(known(1), 0).is_some());
        assert_eq!(cache.find(known(2), 0), None);
        cache.forget(&[gone, kept]);
        assert_eq!(cache.find(known(1), 0), None);
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
        let slot = cache.insert(known(1), ALWAYS, Identity::for_test("one"), 0);
        assert_eq!(id_in(&cache, Some(slot)), Some("one"));
        assert_eq!(cache.find(known(1), 0), None);
    }

    #[test]
    fn a_heavy_identity_is_used_once() {
        let mut cache = TokenCache::new(64);
        let heavy = "x".repeat(limits::TOKEN_CACHE_ENTRY_BYTES + 1);
        let slot = cache.insert(known(1), ALWAYS, Identity::for_test(&heavy), 0);
        assert!(get(&cache, slot).is_some());
        assert_eq!(cache.find(known(1), 0), None);
        // A heavy token is no better; one at the limit of tokens is, for an identity of the usual size.
        for (length, is_kept) in [(limits::TOKEN_BYTES, true), (limits::TOKEN_CACHE_ENTRY_BYTES + 1, false)] {
            let long = "x".repeat(length);
            let presented = Presented::token(long.as_bytes(), TokenSlot::Authorization);
            cache.insert(presented, ALWAYS, Identity::for_test("one"), 0);
            assert_eq!(cache.find(presented, 0).is_some(), is_kept, "{length}");
        }
    }
}
