//! Places every policy in the index: behind its guard's probe, or among those that are always evaluated.

use std::collections::BTreeMap;

use palisade_engine::{EntityId, hash_key};

use super::guard::{Guards, Key, partitions};
use super::program::Programs;
use super::translate::Policy;

/// A slot of a lookup's hash table.
#[derive(Clone, Copy, Default)]
pub(crate) struct Bucket {
    pub(crate) key: Key,
    pub(crate) first: u32,
    pub(crate) count: u32,
}

/// A probe's policies in one partition.
pub(crate) struct Lookup {
    pub(crate) probe: u32,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) candidates: Vec<u32>,
}

/// The policies of one action (or of any).
pub(crate) struct Partition {
    pub(crate) action: Option<EntityId>,
    pub(crate) always: Vec<u32>,
    pub(crate) lookups: Vec<Lookup>,
}

/// The whole index, partitions in the order of the format: that of any action first.
pub(crate) struct Index {
    pub(crate) partitions: Vec<Partition>,
}

impl Partition {
    /// The steps of evaluating everything in the partition.
    pub(crate) fn steps(&self, programs: &Programs) -> u64 {
        let condition = |policy: &u32| {
            let program = programs.of_policies.get(*policy as usize);
            1 + program.map_or(0, |program| programs.length(*program)) as u64
        };
        let probe = |lookup: &Lookup| {
            let program = programs.of_probes.get(lookup.probe as usize).copied().flatten();
            1 + program.map_or(0, |program| programs.length(program)) as u64
        };
        let always: u64 = self.always.iter().map(condition).sum();
        let probes: u64 = self.lookups.iter().map(probe).sum();
        let guarded: u64 = self.lookups.iter().flat_map(|lookup| &lookup.candidates).map(condition).sum();
        always + probes + guarded
    }
}

#[derive(Default)]
struct Draft {
    always: Vec<u32>,
    lookups: BTreeMap<usize, BTreeMap<Key, Vec<u32>>>,
}

/// Builds the index.
pub(crate) fn build(policies: &[Policy], guards: &Guards) -> Index {
    let mut drafts: BTreeMap<Option<EntityId>, Draft> = BTreeMap::new();
    for ((number, policy), at) in (0_u32..).zip(policies).zip(0..) {
        for action in partitions(&policy.action) {
            let draft = drafts.entry(action).or_default();
            match guards.narrowing(at) {
                Some(guard) => {
                    let lookup = draft.lookups.entry(guard.probe).or_default();
                    for key in &guard.keys {
                        lookup.entry(*key).or_default().push(number);
                    }
                }
                None => draft.always.push(number),
            }
        }
    }
    let partitions = drafts
        .into_iter()
        .map(|(action, draft)| Partition {
            action,
            always: draft.always,
            lookups: draft.lookups.into_iter().map(|(probe, keys)| lookup(probe, keys)).collect(),
        })
        .collect();
    Index { partitions }
}

fn lookup(probe: usize, keys: BTreeMap<Key, Vec<u32>>) -> Lookup {
    let size = (keys.len() + keys.len() / 2).next_power_of_two();
    let mask = size - 1;
    let mut buckets = vec![Bucket::default(); size];
    let mut candidates = Vec::new();
    for (key, policies) in keys {
        let (tag, payload) = key;
        let mut at = hash_key(tag, payload) as usize & mask;
        while let Some(bucket) = buckets.get_mut(at) {
            if bucket.count == 0 {
                *bucket = Bucket { key, first: length(&candidates), count: length(&policies) };
                break;
            }
            at = (at + 1) & mask;
        }
        candidates.extend(policies);
    }
    Lookup { probe: u32::try_from(probe).unwrap_or(u32::MAX), buckets, candidates }
}

fn length(list: &[u32]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}
