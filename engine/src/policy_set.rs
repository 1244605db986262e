//! A compiled policy set, opened: everything in it is checked once, here.

use crate::aggregate::{Aggregates, Counts, Lists, read_values};
use crate::entities::Entities;
use crate::error::{OpenError, OpenErrorKind};
use crate::format::{MAGIC, Table, VERSION};
use crate::ids::PolicyIndex;
use crate::index::{Index, IndexTables};
use crate::limits;
use crate::policy::Policies;
use crate::program::{Operands, Programs};
use crate::reader::Reader;
use crate::strings::Strings;
use crate::value::Value;

/// A policy set in compiled form, verified: evaluation can trust every id, jump and table in it.
pub struct CompiledPolicySet {
    pub(crate) strings: Strings,
    pub(crate) entities: Entities,
    pub(crate) aggregates: Aggregates,
    pub(crate) constants: Box<[Value]>,
    pub(crate) patterns: Lists,
    pub(crate) shapes: Lists,
    pub(crate) programs: Programs,
    pub(crate) policies: Policies,
    pub(crate) index: Index,
    pub(crate) step_limit: u64,
}

impl CompiledPolicySet {
    /// Opens the bytes that the compiler wrote. They need not be trusted: whatever opens can be evaluated without
    /// panic, in bounded time and memory. Opening takes [`OPENING_FACTOR`](limits::OPENING_FACTOR) times their length
    /// from the heap at most.
    ///
    /// # Errors
    /// Where the bytes are not a whole compiled policy set of this engine's [format version](VERSION).
    pub fn open(bytes: &[u8]) -> Result<Self, OpenError> {
        let mut reader = Reader::new(bytes, "header");
        if bytes.len() > limits::POLICY_SET_BYTES {
            return Err(reader.error(OpenErrorKind::TooLarge));
        }
        if reader.array()? != MAGIC {
            return Err(reader.error(OpenErrorKind::NotAPolicySet));
        }
        if reader.u32()? != VERSION {
            return Err(reader.error(OpenErrorKind::UnsupportedFormat));
        }
        let step_limit = reader.u64()?;
        let tables = Tables::read(reader)?;

        let strings = Strings::open(
            tables.bytes(Table::Text),
            tables.words(Table::StringEnds),
            tables.words(Table::StringSlots),
        )?;
        let counts = Counts { strings: strings.len(), entities: tables.count(Table::Entities) };
        let aggregates = Aggregates::open(
            tables.bytes(Table::Aggregates),
            tables.bytes(Table::Cells),
            tables.bytes(Table::Fields),
            tables.bytes(Table::Addresses),
            counts,
        )?;
        let entities = Entities::open(
            tables.bytes(Table::Entities),
            tables.words(Table::Ancestors),
            tables.words(Table::EntitySlots),
            &strings,
            &aggregates,
        )?;
        let constants = read_values(tables.bytes(Table::Constants), Table::Constants)?;
        for (at, constant) in constants.iter().enumerate() {
            let section = Table::Constants.label();
            aggregates.check_value(*constant, counts).map_err(|kind| OpenError { section, at, kind })?;
        }
        let patterns =
            Lists::open(tables.words(Table::PatternEnds), tables.words(Table::PatternElements), Table::PatternEnds)?;
        patterns.check_patterns()?;
        let shapes = Lists::open(tables.words(Table::ShapeEnds), tables.words(Table::ShapeKeys), Table::ShapeEnds)?;
        shapes.check_shapes(strings.len())?;
        let programs = Programs::open(
            tables.bytes(Table::Code),
            &tables.words(Table::ProgramEnds),
            Operands {
                strings: strings.len(),
                constants: tables.count(Table::Constants),
                patterns: tables.count(Table::PatternEnds),
                shapes: &shapes,
            },
        )?;
        let policies = Policies::open(
            tables.bytes(Table::Policies),
            tables.words(Table::Actions),
            &strings,
            &entities,
            &programs,
        )?;
        let index = Index::open(
            &IndexTables {
                probes: tables.bytes(Table::Probes),
                partitions: tables.bytes(Table::Partitions),
                always: &tables.words(Table::Always),
                lookups: tables.bytes(Table::Lookups),
                buckets: tables.bytes(Table::Buckets),
                candidates: &tables.words(Table::Candidates),
            },
            &programs,
            &policies,
        )?;
        Ok(Self { strings, entities, aggregates, constants, patterns, shapes, programs, policies, index, step_limit })
    }

    /// The id under which Cedar reports a policy; empty for a policy of another set.
    #[must_use]
    pub fn policy_id(&self, policy: PolicyIndex) -> &str {
        self.policies.get(policy).and_then(|policy| self.strings.get(policy.id)).unwrap_or_default()
    }

    /// How many policies there are, template links included.
    #[must_use]
    pub fn policy_count(&self) -> usize {
        self.policies.len()
    }

    /// How many steps one decision may take.
    #[must_use]
    pub const fn step_limit(&self) -> u64 {
        self.step_limit
    }
}

impl core::fmt::Debug for CompiledPolicySet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CompiledPolicySet").field("policies", &self.policies.len()).finish_non_exhaustive()
    }
}

/// The tables' bytes, by table.
struct Tables<'a> {
    tables: Vec<&'a [u8]>,
}

impl<'a> Tables<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self, OpenError> {
        let counts = Table::ALL.iter().map(|_| reader.u32()).collect::<Result<Vec<_>, _>>()?;
        let mut tables = Vec::with_capacity(counts.len());
        for (table, count) in Table::ALL.iter().zip(counts) {
            let size = (count as usize).checked_mul(table.stride()).ok_or(reader.error(OpenErrorKind::Truncated))?;
            tables.push(reader.take(size)?);
        }
        reader.finish()?;
        Ok(Self { tables })
    }

    fn bytes(&self, table: Table) -> &'a [u8] {
        self.tables.get(table as usize).copied().unwrap_or_default()
    }

    fn words(&self, table: Table) -> Box<[u32]> {
        self.bytes(table).as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the table's count was read from a u32")]
    fn count(&self, table: Table) -> u32 {
        (self.bytes(table).len() / table.stride()) as u32
    }
}
