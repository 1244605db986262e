//! The index: which policies a request could make true or err, without looking at the others.
//!
//! A *partition* holds the policies whose scope names one action (or any). In it, each policy stands either among
//! those that are always evaluated, or behind a *lookup*: a *probe* computes one value from the request, and the
//! policy is in the bucket of the value that its guard asks for. Where a probe errs, all policies behind it are
//! candidates, since they would err too.

use core::ops::Range;

use crate::candidate::{Candidate, candidates};
use crate::error::{OpenError, OpenErrorKind};
use crate::format::{NONE, Table};
use crate::hash::hash_key;
use crate::ids::{EntityId, ProgramId};
use crate::policy::Policies;
use crate::program::Programs;
use crate::reader::{Reader, entries};
use crate::value::Value;

/// What a probe's value is taken from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    Principal,
    Resource,
    Program(ProgramId),
}

/// How a probe's value selects buckets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    /// The bucket of the value.
    Equal,
    /// The buckets of the entity and of each of its ancestors.
    In,
    /// The bucket of the entity's type.
    Is,
}

/// One way of asking the request for a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) subject: Subject,
    pub(crate) mode: Mode,
}

/// The policies of one action, or of any.
pub(crate) struct Partition {
    action: u32,
    always: Range<u32>,
    lookups: Range<u32>,
}

/// A probe with its buckets.
pub(crate) struct Lookup {
    pub(crate) probe: u32,
    buckets: Range<u32>,
    candidates: Range<u32>,
}

struct Bucket {
    tag: u8,
    payload: u64,
    first: u32,
    count: u32,
    /// The first candidate. Most buckets have no other, and are read without a look at the list.
    only: Option<Candidate>,
}

/// The index of a policy set.
pub(crate) struct Index {
    probes: Box<[Probe]>,
    partitions: Box<[Partition]>,
    always: Box<[Candidate]>,
    lookups: Box<[Lookup]>,
    buckets: Box<[Bucket]>,
    candidates: Box<[Candidate]>,
}

/// The bytes of the index's tables.
pub(crate) struct IndexTables<'a> {
    pub(crate) probes: &'a [u8],
    pub(crate) partitions: &'a [u8],
    pub(crate) always: &'a [u32],
    pub(crate) lookups: &'a [u8],
    pub(crate) buckets: &'a [u8],
    pub(crate) candidates: &'a [u32],
}

impl Index {
    pub(crate) fn open(tables: &IndexTables<'_>, programs: &Programs, policies: &Policies) -> Result<Self, OpenError> {
        let mut index = Self {
            probes: entries::<{ Table::Probes.stride() }, _>(tables.probes, Table::Probes, Probe::read)?,
            partitions: entries::<{ Table::Partitions.stride() }, _>(tables.partitions, Table::Partitions, {
                let (mut always, mut lookups) = (0, 0);
                move |reader| Partition::read(reader, &mut always, &mut lookups)
            })?,
            always: candidates(tables.always, Table::Always, policies)?,
            lookups: entries::<{ Table::Lookups.stride() }, _>(tables.lookups, Table::Lookups, {
                let (mut buckets, mut candidates) = (0, 0);
                move |reader| Lookup::read(reader, &mut buckets, &mut candidates)
            })?,
            buckets: entries::<{ Table::Buckets.stride() }, _>(tables.buckets, Table::Buckets, Bucket::read)?,
            candidates: candidates(tables.candidates, Table::Candidates, policies)?,
        };
        index.check(programs)?;
        index.check_reach(policies.len())?;
        index.fill_buckets()?;
        Ok(index)
    }

    fn check(&self, programs: &Programs) -> Result<(), OpenError> {
        let fail = |table: Table, at, kind| Err(OpenError { section: table.label(), at, kind });
        for (at, probe) in self.probes.iter().enumerate() {
            if let Subject::Program(program) = probe.subject
                && programs.get(program).is_none()
            {
                return fail(Table::Probes, at, OpenErrorKind::DanglingId);
            }
        }
        if !self.partitions.is_sorted_by_key(|partition| partition.action.wrapping_add(1)) {
            return fail(Table::Partitions, 0, OpenErrorKind::OutOfOrder);
        }
        let last = |end: Option<u32>, length: usize| end.unwrap_or_default() as usize == length;
        if !last(self.partitions.last().map(|partition| partition.always.end), self.always.len())
            || !last(self.partitions.last().map(|partition| partition.lookups.end), self.lookups.len())
            || !last(self.lookups.last().map(|lookup| lookup.buckets.end), self.buckets.len())
            || !last(self.lookups.last().map(|lookup| lookup.candidates.end), self.candidates.len())
        {
            return fail(Table::Partitions, self.partitions.len(), OpenErrorKind::TrailingBytes);
        }
        for (at, lookup) in self.lookups.iter().enumerate() {
            if lookup.probe as usize >= self.probes.len() {
                return fail(Table::Lookups, at, OpenErrorKind::DanglingId);
            }
            if !self.buckets_of(lookup).len().is_power_of_two() {
                return fail(Table::Lookups, at, OpenErrorKind::BrokenLookup);
            }
        }
        Ok(())
    }

    /// Checks that every policy can be found.
    fn check_reach(&self, policies: usize) -> Result<(), OpenError> {
        let mut indexed = vec![false; policies];
        for candidate in self.always.iter().chain(&self.candidates) {
            if let Some(seen) = indexed.get_mut(candidate.policy.index()) {
                *seen = true;
            }
        }
        match indexed.iter().position(|seen| !seen) {
            Some(at) => Err(OpenError { section: Table::Policies.label(), at, kind: OpenErrorKind::Unreachable }),
            None => Ok(()),
        }
    }

    /// Checks the buckets against their lookups' candidates, and puts the only candidate into those that have one.
    fn fill_buckets(&mut self) -> Result<(), OpenError> {
        for (at, lookup) in self.lookups.iter().enumerate() {
            let own = slice(&self.candidates, &lookup.candidates);
            let range = lookup.buckets.start as usize..lookup.buckets.end as usize;
            for bucket in self.buckets.get_mut(range).unwrap_or_default() {
                let candidates = bucket.range().and_then(|range| own.get(range));
                let dangling = OpenError { section: Table::Lookups.label(), at, kind: OpenErrorKind::DanglingId };
                bucket.only = candidates.ok_or(dangling)?.first().copied();
            }
        }
        Ok(())
    }

    /// The partition of policies whose scope names this action.
    pub(crate) fn partition(&self, action: EntityId) -> Option<&Partition> {
        let key = action.get().wrapping_add(1);
        let at = self.partitions.binary_search_by_key(&key, |partition| partition.action.wrapping_add(1)).ok()?;
        self.partitions.get(at)
    }

    /// The partition of policies for any action.
    pub(crate) fn any_action(&self) -> Option<&Partition> {
        self.partitions.first().filter(|partition| partition.action == NONE)
    }

    pub(crate) fn always(&self, partition: &Partition) -> &[Candidate] {
        slice(&self.always, &partition.always)
    }

    pub(crate) fn lookups(&self, partition: &Partition) -> &[Lookup] {
        slice(&self.lookups, &partition.lookups)
    }

    pub(crate) fn probe(&self, at: u32) -> Option<Probe> {
        self.probes.get(at as usize).copied()
    }

    pub(crate) fn probe_count(&self) -> usize {
        self.probes.len()
    }

    /// Every policy behind a lookup.
    pub(crate) fn all(&self, lookup: &Lookup) -> &[Candidate] {
        slice(&self.candidates, &lookup.candidates)
    }

    /// The policies whose guard asks for `key`.
    pub(crate) fn bucket(&self, lookup: &Lookup, key: Value) -> &[Candidate] {
        let (tag, payload) = key.encode();
        let buckets = self.buckets_of(lookup);
        let Some(mask) = buckets.len().checked_sub(1) else { return &[] };
        let mut at = hash_key(tag, payload) as usize & mask;
        for _ in 0..buckets.len() {
            match buckets.get(at) {
                Some(bucket) if bucket.count == 0 => return &[],
                Some(bucket) if bucket.tag == tag && bucket.payload == payload => {
                    return self.candidates(lookup, bucket);
                }
                Some(_) => at = (at + 1) & mask,
                None => return &[],
            }
        }
        &[]
    }

    #[inline]
    fn candidates<'a>(&'a self, lookup: &Lookup, bucket: &'a Bucket) -> &'a [Candidate] {
        match &bucket.only {
            Some(only) if bucket.count == 1 => core::slice::from_ref(only),
            _ => bucket.range().and_then(|range| self.all(lookup).get(range)).unwrap_or_default(),
        }
    }

    /// All partitions with the action they are for.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (Option<EntityId>, &Partition)> {
        self.partitions.iter().map(|partition| {
            let action = (partition.action != NONE).then(|| EntityId::new(partition.action));
            (action, partition)
        })
    }

    /// A lookup's keys with their policies.
    pub(crate) fn buckets(&self, lookup: &Lookup) -> impl Iterator<Item = (Value, &[Candidate])> {
        let filled = self.buckets_of(lookup).iter().filter(|bucket| bucket.count > 0);
        filled.filter_map(move |bucket| {
            Some((Value::decode(bucket.tag, bucket.payload)?, self.candidates(lookup, bucket)))
        })
    }

    fn buckets_of(&self, lookup: &Lookup) -> &[Bucket] {
        slice(&self.buckets, &lookup.buckets)
    }
}

fn slice<'a, T>(pool: &'a [T], range: &Range<u32>) -> &'a [T] {
    pool.get(range.start as usize..range.end as usize).unwrap_or_default()
}

/// The range from the last end to the one read now.
fn read_range(reader: &mut Reader<'_>, last: &mut u32) -> Result<Range<u32>, OpenError> {
    let end = reader.u32()?;
    let start = core::mem::replace(last, end);
    if start > end { Err(reader.error(OpenErrorKind::OutOfOrder)) } else { Ok(start..end) }
}

impl Probe {
    fn read(reader: &mut Reader<'_>) -> Result<Self, OpenError> {
        let (subject, mode, program) = (reader.u8()?, reader.u8()?, reader.u32()?);
        let subject = match (subject, program) {
            (0, 0) => Subject::Principal,
            (1, 0) => Subject::Resource,
            (2, program) => Subject::Program(ProgramId::new(program)),
            _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
        };
        let mode = match mode {
            0 => Mode::Equal,
            1 => Mode::In,
            2 => Mode::Is,
            _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
        };
        Ok(Self { subject, mode })
    }
}

impl Partition {
    fn read(reader: &mut Reader<'_>, always: &mut u32, lookups: &mut u32) -> Result<Self, OpenError> {
        Ok(Self { action: reader.u32()?, always: read_range(reader, always)?, lookups: read_range(reader, lookups)? })
    }
}

impl Lookup {
    fn read(reader: &mut Reader<'_>, buckets: &mut u32, candidates: &mut u32) -> Result<Self, OpenError> {
        Ok(Self {
            probe: reader.u32()?,
            buckets: read_range(reader, buckets)?,
            candidates: read_range(reader, candidates)?,
        })
    }
}

impl Bucket {
    /// Where its candidates lie among those of its lookup.
    fn range(&self) -> Option<Range<usize>> {
        let end = self.first.checked_add(self.count)?;
        Some(self.first as usize..end as usize)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, OpenError> {
        Ok(Self { tag: reader.u8()?, payload: reader.u64()?, first: reader.u32()?, count: reader.u32()?, only: None })
    }
}
