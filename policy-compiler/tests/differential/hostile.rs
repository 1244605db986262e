//! Hostile bytes: a compiled policy set that somebody changed is refused, or decides without panic and within its
//! budget. Signatures are checked elsewhere; here nothing is trusted.

use cedar_policy::Entities;
use palisade_engine::format::{COUNTS_AT, Table};
use palisade_engine::{CompiledPolicySet, Scratch};
use palisade_engine_guest::{Session, Transcript};
use palisade_policy_compiler::compile::{PolicySource, ask, compile};

use crate::compare::{Case, compiled, requests};
use crate::prospect::one_attribute_unknown;
use crate::random::Random;

/// Opens and, where that succeeds, decides; counts which of the two happened.
#[derive(Default)]
struct Tally {
    refused: usize,
    decided: usize,
}

impl Tally {
    fn check(&mut self, bytes: &[u8], Asked { requests, prospects }: &Asked) {
        let Ok(set) = CompiledPolicySet::open(bytes) else {
            self.refused += 1;
            return;
        };
        let mut scratch = Scratch::new();
        for request in requests {
            // Any answer will do, an error included: there must be one.
            let _answer = ask(&set, &mut scratch, request);
        }
        let _answers = Session::open(bytes).map(|session| session.answer(prospects.bytes()));
        self.decided += 1;
    }
}

/// What a policy set is asked.
struct Asked {
    requests: Vec<cedar_policy::Request>,
    prospects: Transcript,
}

fn cases() -> Vec<(Vec<u8>, Asked)> {
    let mut random = Random::new(7);
    let sizes = [1, 6, 20, 60];
    sizes
        .map(|policies| {
            let case = Case::generate(&mut random, policies);
            let (prospects, _) = one_attribute_unknown(&case, &mut random);
            (compiled(&case), Asked { requests: requests(&case), prospects })
        })
        .into()
}

#[test]
fn every_truncation_is_refused() {
    for (bytes, _) in cases() {
        for length in 0..bytes.len().min(4000) {
            assert!(CompiledPolicySet::open(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(CompiledPolicySet::open(&longer).is_err());
    }
}

#[test]
fn every_flipped_bit_is_survived() {
    let mut tally = Tally::default();
    for (bytes, asked) in cases().iter().take(2) {
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            tally.check(&changed, asked);
        }
    }
    println!("{} refused, {} decided", tally.refused, tally.decided);
    assert!(tally.refused > 0 && tally.decided > 0);
}

/// Changes whole fields inside tables, to values that are likely to pass a careless check.
#[test]
fn changed_fields_are_survived() {
    let mut random = Random::new(99);
    let mut tally = Tally::default();
    for (bytes, asked) in cases() {
        let tables = tables(&bytes);
        for _ in 0..4000 {
            let mut changed = bytes.clone();
            for _ in 0..=random.below(3) {
                change(&mut random, &mut changed, &tables);
            }
            tally.check(&changed, &asked);
        }
    }
    println!("{} refused, {} decided", tally.refused, tally.decided);
    assert!(tally.refused > 1000 && tally.decided > 100);
}

/// Where each table begins, how many entries it has, and how long one is.
fn tables(bytes: &[u8]) -> Vec<(usize, usize, usize)> {
    let mut start = COUNTS_AT + 4 * Table::ALL.len();
    let count = |at: usize| {
        let field: [u8; 4] = bytes[COUNTS_AT + 4 * at..COUNTS_AT + 4 * at + 4].try_into().expect("four bytes");
        u32::from_le_bytes(field) as usize
    };
    let mut tables = Vec::new();
    for (at, table) in Table::ALL.iter().enumerate() {
        if count(at) > 0 {
            tables.push((start, count(at), table.stride()));
        }
        start += count(at) * table.stride();
    }
    assert_eq!(start, bytes.len(), "this test knows the layout");
    tables
}

fn change(random: &mut Random, bytes: &mut [u8], tables: &[(usize, usize, usize)]) {
    let (start, count, stride) = random.pick(tables);
    let entry = start + random.below(count) * stride;
    let other = start + random.below(count) * stride;
    if random.chance(30) {
        // An entry that is valid elsewhere.
        let copied = bytes[other..other + stride].to_vec();
        bytes[entry..entry + stride].copy_from_slice(&copied);
        return;
    }
    let field = entry + random.below(stride);
    let value = random.pick(&[0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFE, 0xFF]);
    bytes[field] = value;
}

/// The fuzz targets do not link the compiler, so what one of them needs of it lies beside its source.
#[test]
fn the_policies_of_the_fuzz_targets_are_what_their_source_compiles_to() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/fixtures");
    let text = std::fs::read_to_string(fixtures.join("answers.cedar")).expect("reads");
    let policies = text.parse().expect("parses");
    let source = PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 1_000_000 };
    let bytes = compile(source).expect("compiles").bytes;
    let file = fixtures.join("answers.policies");
    if std::env::var_os("PALISADE_UPDATE_GOLDENS").is_some() {
        std::fs::write(&file, &bytes).expect("writes");
    }
    let is_same = std::fs::read(&file).expect("reads") == bytes;
    assert!(is_same, "PALISADE_UPDATE_GOLDENS=1 writes what the compiler makes of it by now");
}

/// Not a test: writes valid policy sets as seeds for the fuzz targets into the folder `PALISADE_FUZZ_SEEDS`.
#[test]
#[ignore = "run by build/fuzz.sh"]
fn seeds() {
    let folder = std::env::var("PALISADE_FUZZ_SEEDS").expect("a folder");
    let mut random = Random::new(1);
    for number in 0..60 {
        let case = Case::generate(&mut random, 1 + number % 12);
        std::fs::write(format!("{folder}/{number}"), compiled(&case)).expect("writes");
    }
}
