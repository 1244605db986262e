use super::*;
use crate::bundle::testing::ed25519;
use crate::bundle::{Digest, TrustKey, TrustSet};
use crate::limits;
use crate::revocation::list::{Base, ListFile, ListHead};
use crate::revocation::{Entry, ListOpening};
use crate::shared_memory::NativeMemory;

const NOW: u64 = 1_000;

fn entry(id: &str) -> Entry<'static> {
    Entry::new(EntryKind::Task, None, Some(id.to_owned()))
}

fn removed(id: &str) -> Entry<'static> {
    Entry { removed: true, ..entry(id) }
}

fn head(serial: u64, base: Option<Base>) -> ListHead {
    ListHead {
        channel: "test".to_owned(),
        serial,
        issued: NOW - 10,
        expires: NOW + 10,
        on_expiry: OnExpiry::Keep,
        base,
    }
}

fn key(number: u8) -> TrustKey {
    TrustKey::parse(&ed25519(number).trust()).unwrap()
}

fn trust(keys: &[u8], threshold: usize) -> TrustSet {
    TrustSet::new(keys.iter().map(|number| key(*number)).collect(), threshold).unwrap()
}

/// Signed by key 1.
fn open(head: ListHead, entries: Vec<Entry<'static>>) -> List {
    open_by(&[1], head, entries)
}

fn open_by(signers: &[u8], head: ListHead, entries: Vec<Entry<'static>>) -> List {
    let payload = ListFile { head, entries }.encode().unwrap();
    let mut opening = ListOpening::of_payload(payload.clone(), Digest::of(&payload)).unwrap();
    assert!(opening.step(usize::MAX).unwrap());
    let mut list = opening.finish().unwrap();
    list.attest(&signers.iter().map(|number| key(*number).id()).collect::<Vec<_>>());
    list
}

fn whole(serial: u64, ids: &[&str]) -> List {
    open(head(serial, None), ids.iter().map(|id| entry(id)).collect())
}

/// A worker that shares nothing yet.
struct Held(Revocations, NativeMemory);

impl Held {
    fn new(required: bool) -> Self {
        Self(Revocations::new("test".to_owned(), required), NativeMemory::default())
    }

    fn install(&mut self, list: List) -> Result<bool, RevocationError> {
        self.install_by(list, &trust(&[1], 1))
    }

    fn install_by(&mut self, list: List, trust: &TrustSet) -> Result<bool, RevocationError> {
        self.0.install(list, trust, &mut self.1)
    }
}

fn revocations() -> Held {
    Held::new(false)
}

fn is_revoked(held: &Held, id: &str) -> bool {
    held.0.of_mark(&Mark::of(EntryKind::Task, "", id), NOW).is_some()
}

#[test]
fn serials_rise() {
    let mut held = revocations();
    assert_eq!(held.install(whole(5, &["a"])), Ok(true));
    assert_eq!(held.install(whole(5, &["a"])), Ok(false), "the same list");
    assert_eq!(held.install(whole(5, &["b"])), Err(RevocationError::Equivocation));
    assert_eq!(held.install(whole(4, &["a"])), Err(RevocationError::Rollback));
    assert_eq!(held.install(whole(0, &[])), Err(RevocationError::Rollback));
    assert!(is_revoked(&held, "a") && !is_revoked(&held, "b"), "what is refused changes nothing");
    assert_eq!(held.install(whole(9, &[])), Ok(true));
    assert!(!is_revoked(&held, "a"));

    let other = open(ListHead { channel: "prod".to_owned(), ..head(10, None) }, vec![]);
    assert_eq!(held.install(other), Err(RevocationError::Channel));
    assert_eq!(
        Revocations::default().install(whole(1, &[]), &trust(&[1], 1), &mut NativeMemory::default()),
        Err(RevocationError::Channel)
    );
}

#[test]
fn no_worker_goes_back_to_a_list_that_another_one_left() {
    let memory = NativeMemory::default();
    let mut first = Held(Revocations::new("test".to_owned(), false), memory.clone());
    let mut second = Held(Revocations::new("test".to_owned(), false), memory.clone());
    let mut other_channel = Held(Revocations::new("prod".to_owned(), false), memory);
    assert_eq!(first.install(whole(5, &["a"])), Ok(true));
    assert_eq!(second.install(whole(4, &["a"])), Err(RevocationError::Rollback));
    assert_eq!(second.install(whole(5, &["b"])), Err(RevocationError::Equivocation));
    assert_eq!(second.install(whole(5, &["a"])), Ok(true), "the same one is new to it");
    let older = open(ListHead { channel: "prod".to_owned(), ..head(1, None) }, vec![]);
    assert_eq!(other_channel.install(older), Ok(true));
}

#[test]
fn a_list_that_removed_keys_have_signed_goes_on_revoking_and_keeps_no_other_out() {
    let memory = NativeMemory::default();
    let worker = || Held(Revocations::new("test".to_owned(), false), memory.clone());
    let (mut first, mut second) = (worker(), worker());
    let (before, after) = (trust(&[1, 2], 1), trust(&[2, 3], 1));
    let by =
        |key: u8, serial, ids: &[&str]| open_by(&[key], head(serial, None), ids.iter().map(|id| entry(id)).collect());
    assert_eq!(first.install_by(by(2, 5, &["a"]), &before), Ok(true));
    // Whoever has key 1 says a lot, and that nobody may say anything after that.
    assert_eq!(first.install_by(by(1, u64::MAX, &["b"]), &before), Ok(true));
    assert!(!first.0.is_disowned() && first.0.tell_disowned().is_none());
    assert_eq!(first.install_by(by(2, 6, &["a"]), &before), Err(RevocationError::Rollback));

    first.0.recheck(&after);
    assert!(first.0.is_disowned() && is_revoked(&first, "b"), "what is revoked stays revoked");
    assert_eq!((first.0.tell_disowned(), first.0.tell_disowned()), (Some(u64::MAX), None), "it is told once");
    // Not older than what keys have signed that still count, be it in a worker that is new.
    for worker in [&mut first, &mut second] {
        assert_eq!(worker.install_by(by(2, 4, &["c"]), &after), Err(RevocationError::Rollback));
        assert_eq!(worker.install_by(by(2, 5, &["c"]), &after), Err(RevocationError::Equivocation));
        assert_eq!(worker.install_by(by(3, 4, &["c"]), &after), Err(RevocationError::Rollback));
    }
    assert!(is_revoked(&first, "b"));
    assert_eq!(first.install_by(by(3, 6, &["c"]), &after), Ok(true));
    assert!(!first.0.is_disowned() && is_revoked(&first, "c") && !is_revoked(&first, "b"));
    assert_eq!(second.install_by(by(2, 5, &["a"]), &after), Err(RevocationError::Rollback));
}

#[test]
fn a_list_is_owned_again_with_signatures_that_count() {
    let mut held = revocations();
    let (before, after) = (trust(&[1], 1), trust(&[2, 3], 2));
    assert_eq!(held.install_by(whole(5, &["a"]), &before), Ok(true));
    held.0.recheck(&after);
    assert!(held.0.is_disowned());
    let signers = |numbers: &[u8]| numbers.iter().map(|number| key(*number).id()).collect::<Vec<_>>();
    assert!(held.0.attest(&signers(&[2]), &after));
    assert!(held.0.is_disowned(), "one is not enough");
    assert!(held.0.attest(&signers(&[2, 3]), &after));
    assert!(!held.0.is_disowned() && is_revoked(&held, "a"));
    assert!(!held.0.attest(&signers(&[2, 3]), &after), "nothing new");
}

#[test]
fn of_several_keys_that_must_sign_none_alone_keeps_lists_out() {
    let mut held = revocations();
    let (two, others) = (trust(&[1, 2, 3], 2), trust(&[2, 3], 2));
    let by = |keys: &[u8], serial| open_by(keys, head(serial, None), vec![]);
    assert_eq!(held.install_by(by(&[2, 3], 5), &two), Ok(true));
    assert_eq!(held.install_by(by(&[1, 2], 90), &two), Ok(true));
    held.0.recheck(&others);
    assert!(held.0.is_disowned());
    // Key 2 has signed 90 with one that is gone, key 3 nothing after 5.
    assert_eq!(held.install_by(by(&[2, 3], 4), &others), Err(RevocationError::Rollback));
    assert_eq!(held.install_by(by(&[2, 3], 6), &others), Ok(true));
}

#[test]
fn changes_are_all_since_their_base() {
    let mut held = revocations();
    let first = whole(10, &["a", "b", "c"]);
    let base = Some(Base { serial: 10, digest: first.digest() });
    let second = open(head(11, base), vec![entry("d")]);
    assert_eq!(held.install(second.clone()), Err(RevocationError::Base), "nothing to add to");
    assert_eq!(held.install(first.clone()), Ok(true));
    assert_eq!(held.install(second), Ok(true));
    assert!(["a", "b", "c", "d"].iter().all(|id| is_revoked(&held, id)));
    assert_eq!(held.0.list().map(List::count), Some(4));

    // The next says all that has changed since the base: what came between need not be known.
    let until = Entry { until: Some(NOW), ..entry("b") };
    assert_eq!(held.install(open(head(13, base), vec![removed("a"), until, entry("e"), removed("never")])), Ok(true));
    let state: Vec<bool> = ["a", "b", "c", "d", "e", "never"].iter().map(|id| is_revoked(&held, id)).collect();
    assert_eq!(state, [false, false, true, false, true, false]);

    assert_eq!(held.install(open(head(12, base), vec![])), Err(RevocationError::Rollback));
    let other = Some(Base { serial: 10, digest: Digest::of(b"another") });
    assert_eq!(held.install(open(head(14, other), vec![])), Err(RevocationError::Base));
    assert_eq!(held.install(first), Err(RevocationError::Rollback), "the base itself is older");
    assert_eq!(held.install(whole(15, &["x"])), Ok(true));
    assert_eq!(held.install(open(head(16, base), vec![])), Err(RevocationError::Base), "its base is gone");
    assert!(is_revoked(&held, "x"));
}

#[test]
fn who_insists_on_a_list_in_date_gets_one() {
    let list = |on_expiry| open(ListHead { on_expiry, ..head(1, None) }, vec![]);
    let admit = |required, list: Option<List>, now| {
        let mut held = Held::new(required);
        list.into_iter().for_each(|list| assert_eq!(held.install(list), Ok(true)));
        held.0.admit(now).err()
    };
    let (missing, expired) = (Some(Unavailable::RevocationsMissing), Some(Unavailable::RevocationsExpired));
    assert_eq!(admit(false, None, NOW), None);
    assert_eq!(admit(true, None, NOW), missing);
    for (required, on_expiry, then) in
        [(false, OnExpiry::Keep, None), (false, OnExpiry::Deny, expired), (true, OnExpiry::Keep, expired)]
    {
        assert_eq!(admit(required, Some(list(on_expiry)), NOW + 9), None);
        assert_eq!(admit(required, Some(list(on_expiry)), NOW + 10), then);
    }
    assert_eq!(Revocations::default().admit(u64::MAX), Ok(()), "nothing is revoked where nothing is configured");
}

#[test]
fn a_large_list_opens_in_steps_and_answers_at_once() {
    let entries: Vec<_> = (0..100_000).map(|n| entry(&format!("{n:06}"))).collect();
    let payload = ListFile { head: head(1, None), entries }.encode().unwrap();
    let mut opening = ListOpening::of_payload(payload.clone(), Digest::of(&payload)).unwrap();
    let mut steps = 0;
    while !opening.step(limits::REVOCATIONS_STEP).unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 100_000usize.div_ceil(limits::REVOCATIONS_STEP) - 1);
    let mut held = revocations();
    assert_eq!(held.install(opening.finish().unwrap()), Ok(true));
    assert!((0..100_000).step_by(101).all(|n| is_revoked(&held, &format!("{n:06}"))));
    assert!((100_000..200_000).step_by(101).all(|n| !is_revoked(&held, &format!("{n:06}"))));
}

#[test]
fn a_list_that_was_not_read_to_its_end_is_none() {
    let payload = ListFile { head: head(1, None), entries: vec![entry("a"), entry("b")] }.encode().unwrap();
    let mut opening = ListOpening::of_payload(payload.clone(), Digest::of(&payload)).unwrap();
    assert_eq!(opening.step(1), Ok(false));
    assert!(opening.finish().is_none());
}

#[test]
fn there_is_a_most_of_entries() {
    let entries: Vec<_> = (0..=limits::REVOCATIONS).map(|n| entry(&format!("{n:06}"))).collect();
    assert_eq!(ListFile { head: head(1, None), entries }.encode(), Err(RevocationError::TooMany));
}
