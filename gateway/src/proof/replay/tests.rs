use super::*;
use crate::host::NativeHost;
use crate::shared_memory::{NativeMemory, SharedMemory};
use crate::token::SignatureAlgorithm;

const KEY: [u8; 32] = [1; 32];
/// How long a proof is accepted after its stamp, and before it.
const AGE: u64 = 60_000;
const SKEW: u64 = 5_000;
const NOW: u64 = 1_800_000_000_000;

/// The proof `jti`, made and used at these times.
fn proof(jti: &str, stamp_ms: u64, now_ms: u64) -> Proof<'_> {
    Proof { kind: ProofKind::Dpop, key: &KEY, jti, stamp_ms, oldest_ms: now_ms - AGE, newest_ms: now_ms + SKEW }
}

fn worker(memory: &NativeMemory) -> NativeHost {
    NativeHost::new().with_memory(memory.clone())
}

/// The memory of as many proofs as the default configuration allows.
fn memory() -> ReplayMemory {
    ReplayMemory::new(limits::REPLAY_ENTRIES)
}

/// The names of all buckets that there are.
fn names(memory: &mut NativeMemory) -> Vec<String> {
    let all = (0..limits::REPLAY_BUCKETS).map(|bucket| name(ProofKind::Dpop, bucket));
    all.filter(|name| memory.shared(name) != Shared::Absent).collect()
}

/// What happens to the memory before a write under a name, and whether that is taken.
type BeforeWrite<'a> = dyn FnMut(&mut NativeHost, &str) -> bool + 'a;

/// A host whose workers meddle: what happens to the memory before each write, and what each write is answered.
struct Meddled<'a> {
    host: NativeHost,
    before_write: Box<BeforeWrite<'a>>,
    reads: usize,
    writes: usize,
}

impl SharedMemory for Meddled<'_> {
    fn shared(&mut self, name: &str) -> Shared {
        self.reads += 1;
        self.host.shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        self.writes += 1;
        (self.before_write)(&mut self.host, name) && self.host.share(name, bytes, expected)
    }
}

impl Host for Meddled<'_> {
    fn now_nanos(&mut self) -> u64 {
        NOW * 1_000_000
    }

    fn verify_signature(&mut self, _: SignatureAlgorithm, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        None
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn fill_random(&mut self, _: &mut [u8]) {}
}

#[test]
fn a_proof_is_good_once_on_all_workers_together() {
    let shared = NativeMemory::default();
    let (mut first, mut second) = (worker(&shared), worker(&shared));
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut first), Seen::New);
    for host in [&mut first, &mut second] {
        assert_eq!(memory().insert(&proof("a", NOW, NOW), host), Seen::Before);
    }
    assert_eq!(memory().insert(&proof("b", NOW, NOW), &mut second), Seen::New);
    assert_eq!(memory().insert(&proof("b", NOW, NOW), &mut first), Seen::Before);
    let stranger = Proof { key: &[2; 32], ..proof("a", NOW, NOW) };
    assert_eq!(memory().insert(&stranger, &mut first), Seen::New, "another client's id");
    let mut elsewhere = NativeHost::new();
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut elsewhere), Seen::New, "another proxy's workers");
}

#[test]
fn a_proof_is_remembered_for_as_long_as_it_could_be_used() {
    let mut others = 0;
    // Made before its use, at it, and by a clock that is ahead.
    for stamp in [NOW - AGE, NOW - 1, NOW, NOW + SKEW] {
        let mut host = NativeHost::new();
        assert_eq!(memory().insert(&proof("a", stamp, NOW), &mut host), Seen::New);
        for later in [NOW, stamp + AGE / 2, stamp + AGE].into_iter().filter(|later| *later >= NOW) {
            // Others come meanwhile.
            for _ in 0..3 {
                others += 1;
                assert_eq!(memory().insert(&proof(&format!("other {others}"), later, later), &mut host), Seen::New);
            }
            assert_eq!(memory().insert(&proof("a", stamp, later), &mut host), Seen::Before, "{stamp} {later}");
        }
        // Nobody asks then, because it is too old; if somebody did, it would not be new.
        let over = stamp + AGE + 1;
        assert_eq!(memory().insert(&proof("a", stamp, over), &mut host), Seen::Unknown);
    }
}

#[test]
fn rules_that_accept_older_proofs_do_not_bring_back_forgotten_ones() {
    let mut host = NativeHost::new();
    let small = ReplayMemory::new(1);
    assert_eq!(small.insert(&proof("a", NOW, NOW), &mut host), Seen::New);
    // Whatever else falls into its bucket clears it away.
    let later = NOW + AGE + 1;
    for n in 0..20_000 {
        let _ = small.insert(&proof(&format!("{n}"), later, later), &mut host);
    }
    let generous = Proof { oldest_ms: NOW - 300_000, ..proof("a", NOW, later) };
    assert_eq!(small.insert(&generous, &mut host), Seen::Unknown);
}

#[test]
fn it_never_grows_and_never_forgets_for_want_of_room() {
    let mut shared = NativeMemory::default();
    let mut host = worker(&shared);
    let small = ReplayMemory::new(2 * usize::from(limits::REPLAY_BUCKETS));
    assert_eq!(small.insert(&proof("first", NOW, NOW), &mut host), Seen::New);
    let mut new = 1;
    for n in 0..20_000 {
        match small.insert(&proof(&format!("more {n}"), NOW, NOW), &mut host) {
            Seen::New => new += 1,
            Seen::NoRoom => {}
            other => panic!("{n}: {other:?}"),
        }
    }
    // Two for each bucket, and twice that because they do not fill evenly.
    assert_eq!(new, 4 * usize::from(limits::REPLAY_BUCKETS));
    assert_eq!(small.insert(&proof("first", NOW, NOW), &mut host), Seen::Before);
    let names = names(&mut shared);
    assert_eq!(names.len(), usize::from(limits::REPLAY_BUCKETS));
    for name in names {
        let Shared::Found(bytes, _) = shared.shared(&name) else { panic!("{name}") };
        assert!(bytes.len() <= 16 + 4 * 24, "{name}: {}", bytes.len());
    }
    // Room comes with time.
    let later = NOW + AGE + 1;
    assert_eq!(small.insert(&proof("much later", later, later), &mut host), Seen::New);
}

#[test]
fn the_default_has_room_for_what_it_promises() {
    let mut host = NativeHost::new();
    let memory = memory();
    for n in 0..limits::REPLAY_ENTRIES {
        assert_eq!(memory.insert(&proof(&format!("proof {n}"), NOW, NOW), &mut host), Seen::New, "{n}");
    }
}

#[test]
fn the_slower_of_two_workers_with_one_proof_is_refused() {
    for existing in [false, true] {
        let shared = NativeMemory::default();
        if existing {
            // Any proof of the same bucket: the memory is small enough that all of them are tried.
            for n in 0..20_000 {
                let _ = memory().insert(&proof(&format!("{n}"), NOW, NOW), &mut worker(&shared));
            }
        }
        let other = shared.clone();
        let mut once = true;
        let before_write = Box::new(move |_: &mut NativeHost, _: &str| {
            if std::mem::take(&mut once) {
                assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut worker(&other)), Seen::New);
            }
            true
        });
        let mut slow = Meddled { host: worker(&shared), before_write, reads: 0, writes: 0 };
        assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut slow), Seen::Before);
        assert_eq!((slow.reads, slow.writes), (2, 1));
    }
}

#[test]
fn a_proof_costs_one_read_and_one_write() {
    let mut host = Meddled { host: NativeHost::new(), before_write: Box::new(|_, _| true), reads: 0, writes: 0 };
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut host), Seen::New);
    assert_eq!((host.reads, host.writes), (1, 1));
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut host), Seen::Before);
    assert_eq!((host.reads, host.writes), (2, 1));
}

#[test]
fn a_host_that_remembers_nothing_lets_nothing_through() {
    let mut refusing = Meddled { host: NativeHost::new(), before_write: Box::new(|_, _| false), reads: 0, writes: 0 };
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut refusing), Seen::NoMemory);
    assert_eq!(refusing.writes, limits::REPLAY_ATTEMPTS);
    // Others write all the time.
    let mut number = 0;
    let before_write = Box::new(|host: &mut NativeHost, name: &str| {
        number += 1;
        host.share(name, &Bucket::default().write(), Expected::Anything)
    });
    let mut busy = Meddled { host: NativeHost::new(), before_write, reads: 0, writes: 0 };
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut busy), Seen::NoMemory);
    drop(busy);
    assert_eq!(number, limits::REPLAY_ATTEMPTS);
}

#[test]
fn a_bucket_that_somebody_else_wrote_refuses_what_could_have_been_in_it() {
    let mut shared = NativeMemory::default();
    let mut host = worker(&shared);
    assert_eq!(memory().insert(&proof("a", NOW, NOW), &mut host), Seen::New);
    let [name] = &names(&mut shared)[..] else { panic!("one bucket") };
    let junk = [Vec::new(), b"{}".to_vec(), vec![0xff; 1 << 16], Bucket::lost(u64::MAX - 1).write()];
    for junk in junk {
        assert!(shared.share(name, &junk, Expected::Anything));
        for jti in ["a", "a"] {
            assert_eq!(memory().insert(&proof(jti, NOW, NOW), &mut host), Seen::Unknown);
            assert_eq!(memory().insert(&proof(jti, NOW + SKEW, NOW), &mut host), Seen::Unknown);
        }
        // What was made since is new, and good once.
        let later = NOW + SKEW + 1;
        assert_eq!(memory().insert(&proof("a", later, later), &mut host), Seen::New);
        assert_eq!(memory().insert(&proof("a", later, later), &mut host), Seen::Before);
    }
}
