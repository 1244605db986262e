//! Opening a policy set in pieces, so that whoever has other work meanwhile waits for one of them and not for all.

use crate::aggregate::{Aggregates, Counts, Lists, read_values};
use crate::entities::Entities;
use crate::error::{OpenError, OpenErrorKind};
use crate::format::{MAGIC, Table, VERSION};
use crate::index::{Index, IndexTables};
use crate::limits;
use crate::policy::Policies;
use crate::policy_set::CompiledPolicySet;
use crate::program::{Operands, Programs};
use crate::reader::Reader;
use crate::strings::Strings;
use crate::value::Value;

/// A policy set on its way from bytes to one that can decide: what has been checked so far.
#[derive(Default)]
pub struct PolicySetOpening {
    stage: Stage,
}

/// What a step of an opening came to.
#[allow(clippy::large_enum_variant, reason = "taken apart at once")]
pub enum OpeningStep {
    /// There is more to do.
    Partly(PolicySetOpening),
    /// All of it.
    Whole(CompiledPolicySet),
}

/// What is open already. Each stage needs those before it.
#[derive(Default)]
enum Stage {
    #[default]
    Nothing,
    Strings(Strings),
    /// With the number of entities that values may name.
    Values(Strings, Aggregates, u32),
    Store(Store),
    Code(Store, Code),
    Policies(Store, Code, Policies),
}

/// What requests are about.
struct Store {
    strings: Strings,
    aggregates: Aggregates,
    entities: Entities,
}

/// What conditions are made of.
struct Code {
    constants: Box<[Value]>,
    patterns: Lists,
    shapes: Lists,
    programs: Programs,
}

impl PolicySetOpening {
    /// Does the next piece of the work: one kind of table. `bytes` are the same at each step; they need not be trusted.
    ///
    /// # Errors
    /// As [`CompiledPolicySet::open`].
    pub fn step(self, bytes: &[u8]) -> Result<OpeningStep, OpenError> {
        let Tables { step_limit, tables } = &Tables::read(bytes)?;
        let stage = match self.stage {
            Stage::Nothing => Stage::Strings(tables.strings()?),
            Stage::Strings(strings) => {
                let count = tables.count(Table::Entities);
                let aggregates = tables.aggregates(Counts { strings: strings.len(), entities: count })?;
                Stage::Values(strings, aggregates, count)
            }
            Stage::Values(strings, aggregates, count) => {
                let entities = tables.entities(&strings, &aggregates)?;
                // These are other bytes than before.
                if entities.len() != count {
                    let section = Table::Entities.label();
                    return Err(OpenError { section, at: entities.len() as usize, kind: OpenErrorKind::DanglingId });
                }
                Stage::Store(Store { strings, aggregates, entities })
            }
            Stage::Store(store) => {
                let code = tables.code(&store)?;
                Stage::Code(store, code)
            }
            Stage::Code(store, code) => {
                let policies = tables.policies(&store, &code.programs)?;
                Stage::Policies(store, code, policies)
            }
            Stage::Policies(store, code, policies) => {
                let index = tables.index(&code.programs, &policies)?;
                let Store { strings, aggregates, entities } = store;
                let Code { constants, patterns, shapes, programs } = code;
                let step_limit = *step_limit;
                return Ok(OpeningStep::Whole(CompiledPolicySet {
                    strings,
                    entities,
                    aggregates,
                    constants,
                    patterns,
                    shapes,
                    programs,
                    policies,
                    index,
                    step_limit,
                }));
            }
        };
        Ok(OpeningStep::Partly(Self { stage }))
    }
}

/// The tables' bytes, by table, and what stands before them.
struct Tables<'a> {
    step_limit: u64,
    tables: TableBytes<'a>,
}

struct TableBytes<'a>(Vec<&'a [u8]>);

impl<'a> Tables<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, OpenError> {
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
        let counts = Table::ALL.iter().map(|_| reader.u32()).collect::<Result<Vec<_>, _>>()?;
        let mut tables = Vec::with_capacity(counts.len());
        for (table, count) in Table::ALL.iter().zip(counts) {
            let size = (count as usize).checked_mul(table.stride()).ok_or(reader.error(OpenErrorKind::Truncated))?;
            tables.push(reader.take(size)?);
        }
        reader.finish()?;
        Ok(Self { step_limit, tables: TableBytes(tables) })
    }
}

impl<'a> TableBytes<'a> {
    fn strings(&self) -> Result<Strings, OpenError> {
        Strings::open(self.bytes(Table::Text), self.words(Table::StringEnds), self.words(Table::StringSlots))
    }

    fn aggregates(&self, counts: Counts) -> Result<Aggregates, OpenError> {
        Aggregates::open(
            self.bytes(Table::Aggregates),
            self.bytes(Table::Cells),
            self.bytes(Table::Fields),
            self.bytes(Table::Addresses),
            counts,
        )
    }

    fn entities(&self, strings: &Strings, aggregates: &Aggregates) -> Result<Entities, OpenError> {
        Entities::open(
            self.bytes(Table::Entities),
            self.words(Table::Ancestors),
            self.words(Table::EntitySlots),
            strings,
            aggregates,
        )
    }

    fn code(&self, store: &Store) -> Result<Code, OpenError> {
        let Store { strings, aggregates, entities } = store;
        let counts = Counts { strings: strings.len(), entities: entities.len() };
        let constants = read_values(self.bytes(Table::Constants), Table::Constants)?;
        for (at, constant) in constants.iter().enumerate() {
            let section = Table::Constants.label();
            aggregates.check_value(*constant, counts).map_err(|kind| OpenError { section, at, kind })?;
        }
        let patterns =
            Lists::open(self.words(Table::PatternEnds), self.words(Table::PatternElements), Table::PatternEnds)?;
        patterns.check_patterns()?;
        let shapes = Lists::open(self.words(Table::ShapeEnds), self.words(Table::ShapeKeys), Table::ShapeEnds)?;
        shapes.check_shapes(strings.len())?;
        let operands = Operands {
            strings: strings.len(),
            constants: self.count(Table::Constants),
            patterns: self.count(Table::PatternEnds),
            shapes: &shapes,
        };
        let programs = Programs::open(self.bytes(Table::Code), &self.words(Table::ProgramEnds), operands)?;
        Ok(Code { constants, patterns, shapes, programs })
    }

    fn policies(&self, store: &Store, programs: &Programs) -> Result<Policies, OpenError> {
        let Store { strings, aggregates: _, entities } = store;
        Policies::open(self.bytes(Table::Policies), self.words(Table::Actions), strings, entities, programs)
    }

    fn index(&self, programs: &Programs, policies: &Policies) -> Result<Index, OpenError> {
        let tables = IndexTables {
            probes: self.bytes(Table::Probes),
            partitions: self.bytes(Table::Partitions),
            always: &self.words(Table::Always),
            lookups: self.bytes(Table::Lookups),
            buckets: self.bytes(Table::Buckets),
            candidates: &self.words(Table::Candidates),
        };
        Index::open(&tables, programs, policies)
    }

    fn bytes(&self, table: Table) -> &'a [u8] {
        self.0.get(table as usize).copied().unwrap_or_default()
    }

    fn words(&self, table: Table) -> Box<[u32]> {
        self.bytes(table).as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect()
    }

    #[expect(clippy::cast_possible_truncation, reason = "the table's count was read from a u32")]
    fn count(&self, table: Table) -> u32 {
        (self.bytes(table).len() / table.stride()) as u32
    }
}

impl core::fmt::Debug for PolicySetOpening {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("PolicySetOpening").finish_non_exhaustive()
    }
}
