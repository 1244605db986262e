//! Writes the tables in the engine's format.

use core::net::IpAddr;

use palisade_engine::format::{ENTITY_IN_STORE, ENTITY_IS_ANCESTOR, MAGIC, NONE, Table, VERSION};
use palisade_engine::{AggregateId, EntityId, ProgramId, StringId, Value, hash_bytes, hash_pair};

use super::guard::{Mode, Probe, Subject};
use super::index::Index;
use super::program::Programs;
use super::tables::{Aggregate, Tables};
use super::translate::{ActionScope, Policy, Scope};

/// The bytes of a compiled policy set.
pub(crate) fn write(
    tables: &Tables,
    policies: &[Policy],
    probes: &[Probe],
    programs: &Programs,
    index: &Index,
    step_limit: u64,
) -> Vec<u8> {
    let mut writer = Writer { tables: vec![Vec::new(); Table::ALL.len()] };
    writer.strings(tables);
    writer.entities(tables);
    writer.constants(tables);
    writer.programs(programs);
    writer.policies(policies, programs);
    writer.probes(probes, programs);
    writer.index(index);
    writer.finish(step_limit)
}

struct Writer {
    tables: Vec<Vec<u8>>,
}

impl Writer {
    fn table(&mut self, table: Table) -> Entries<'_> {
        // One vector was made for each table, so the fallback is never taken.
        match self.tables.get_mut(table as usize) {
            Some(bytes) => Entries { bytes: Some(bytes) },
            None => Entries { bytes: None },
        }
    }

    fn finish(self, step_limit: u64) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(step_limit.to_le_bytes());
        for (table, content) in Table::ALL.iter().zip(&self.tables) {
            bytes.extend(word(content.len() / table.stride()).to_le_bytes());
        }
        bytes.extend(self.tables.into_iter().flatten());
        bytes
    }

    fn strings(&mut self, tables: &Tables) {
        let mut end = 0;
        for text in &tables.strings {
            end += text.len();
            self.table(Table::StringEnds).u32(word(end));
            self.table(Table::Text).all(text.as_bytes());
        }
        let hashes = tables.strings.iter().map(|text| hash_bytes(text.as_bytes()));
        self.slots(Table::StringSlots, hashes.collect());
    }

    /// An open-addressing table over entries with these hashes, at most two thirds full.
    fn slots(&mut self, table: Table, hashes: Vec<u32>) {
        let size = (hashes.len() + hashes.len() / 2 + 1).next_power_of_two();
        let mask = size - 1;
        let mut slots = vec![0_u32; size];
        for (number, hash) in (1_u32..).zip(hashes) {
            let mut at = hash as usize & mask;
            while let Some(slot) = slots.get_mut(at) {
                if *slot == 0 {
                    *slot = number;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
        slots.into_iter().for_each(|slot| self.table(table).u32(slot));
    }

    fn entities(&mut self, tables: &Tables) {
        let optional = |id: Option<AggregateId>| id.map_or(NONE, AggregateId::get);
        let mut ancestors_end = 0;
        for entity in &tables.entities {
            ancestors_end += entity.ancestors.len();
            let in_store = if entity.in_store { ENTITY_IN_STORE } else { 0 };
            let is_ancestor = if entity.is_ancestor { ENTITY_IS_ANCESTOR } else { 0 };
            let mut entries = self.table(Table::Entities);
            entries.u32(entity.type_name.get());
            entries.u32(entity.id.get());
            entries.u32(optional(entity.attributes));
            entries.u32(optional(entity.tags));
            entries.u32(word(ancestors_end));
            entries.u32(in_store | is_ancestor);
            for ancestor in &entity.ancestors {
                self.table(Table::Ancestors).u32(ancestor.get());
            }
        }
        let hashes = tables.entities.iter().map(|entity| hash_pair(entity.type_name.get(), entity.id.get()));
        self.slots(Table::EntitySlots, hashes.collect());
    }

    fn constants(&mut self, tables: &Tables) {
        let (mut cells_end, mut fields_end) = (0, 0);
        for (aggregate, _) in &tables.aggregates {
            let (kind, end) = match aggregate {
                Aggregate::Set(elements) => {
                    elements.iter().for_each(|element| self.table(Table::Cells).value(*element));
                    cells_end += elements.len();
                    (0, cells_end)
                }
                Aggregate::Record(fields) => {
                    for (key, value) in fields {
                        self.table(Table::Fields).u32(key.get());
                        self.table(Table::Fields).value(*value);
                    }
                    fields_end += fields.len();
                    (1, fields_end)
                }
            };
            self.table(Table::Aggregates).u8(kind);
            self.table(Table::Aggregates).u32(word(end));
        }
        for network in &tables.addresses {
            let mut entries = self.table(Table::Addresses);
            let (family, octets) = match network.address() {
                IpAddr::V4(address) => (4, u128::from(u32::from(address)).to_be_bytes()),
                IpAddr::V6(address) => (6, address.octets()),
            };
            entries.u8(family);
            entries.u8(network.prefix());
            entries.all(&octets);
        }
        self.lists(Table::PatternEnds, Table::PatternElements, tables.patterns.iter().map(Vec::as_slice));
        let shapes: Vec<Vec<u32>> =
            tables.shapes.iter().map(|keys| keys.iter().map(|key| key.get()).collect()).collect();
        self.lists(Table::ShapeEnds, Table::ShapeKeys, shapes.iter().map(Vec::as_slice));
        tables.constants.iter().for_each(|constant| self.table(Table::Constants).value(*constant));
    }

    fn lists<'a>(&mut self, ends: Table, words: Table, lists: impl Iterator<Item = &'a [u32]>) {
        let mut end = 0;
        for list in lists {
            end += list.len();
            self.table(ends).u32(word(end));
            list.iter().for_each(|element| self.table(words).u32(*element));
        }
    }

    fn programs(&mut self, programs: &Programs) {
        programs.ends.iter().for_each(|end| self.table(Table::ProgramEnds).u32(*end));
        programs.code.iter().for_each(|instruction| self.table(Table::Code).all(&instruction.encode()));
    }

    fn policies(&mut self, policies: &[Policy], programs: &Programs) {
        let mut actions_end = 0;
        for (policy, program) in policies.iter().zip(&programs.of_policies) {
            let (action_kind, actions) = match &policy.action {
                ActionScope::Any => (0, &[][..]),
                ActionScope::Equal(action) => (1, core::slice::from_ref(action)),
                ActionScope::In(actions) => (2, actions.as_slice()),
            };
            actions_end += actions.len();
            let mut entries = self.table(Table::Policies);
            entries.u32(policy.id.get());
            entries.u8(u8::from(policy.is_forbid));
            entries.scope(policy.principal);
            entries.scope(policy.resource);
            entries.u32(word(actions_end));
            entries.u32(program.get());
            entries.u8(action_kind);
            actions.iter().for_each(|action| self.table(Table::Actions).u32(action.get()));
        }
    }

    fn probes(&mut self, probes: &[Probe], programs: &Programs) {
        for (probe, program) in probes.iter().zip(&programs.of_probes) {
            let mut entries = self.table(Table::Probes);
            entries.u8(match probe.subject {
                Subject::Principal => 0,
                Subject::Resource => 1,
                Subject::Expression { .. } => 2,
            });
            entries.u8(match probe.mode {
                Mode::Equal => 0,
                Mode::In => 1,
                Mode::Is => 2,
            });
            entries.u32(program.map_or(0, ProgramId::get));
        }
    }

    fn index(&mut self, index: &Index) {
        let (mut always_end, mut lookups_end, mut buckets_end, mut candidates_end) = (0, 0, 0, 0);
        for partition in &index.partitions {
            always_end += partition.always.len();
            lookups_end += partition.lookups.len();
            let mut entries = self.table(Table::Partitions);
            entries.u32(partition.action.map_or(NONE, EntityId::get));
            entries.u32(word(always_end));
            entries.u32(word(lookups_end));
            partition.always.iter().for_each(|policy| self.table(Table::Always).u32(*policy));
            for lookup in &partition.lookups {
                buckets_end += lookup.buckets.len();
                candidates_end += lookup.candidates.len();
                let mut entries = self.table(Table::Lookups);
                entries.u32(lookup.probe);
                entries.u32(word(buckets_end));
                entries.u32(word(candidates_end));
                for bucket in &lookup.buckets {
                    let mut entries = self.table(Table::Buckets);
                    let (tag, payload) = bucket.key;
                    entries.u8(tag);
                    entries.u64(payload);
                    entries.u32(bucket.first);
                    entries.u32(bucket.count);
                }
                lookup.candidates.iter().for_each(|policy| self.table(Table::Candidates).u32(*policy));
            }
        }
    }
}

/// Appends to one table.
struct Entries<'a> {
    bytes: Option<&'a mut Vec<u8>>,
}

impl Entries<'_> {
    fn all(&mut self, more: &[u8]) {
        if let Some(bytes) = &mut self.bytes {
            bytes.extend_from_slice(more);
        }
    }

    fn u8(&mut self, value: u8) {
        self.all(&[value]);
    }

    fn u32(&mut self, value: u32) {
        self.all(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.all(&value.to_le_bytes());
    }

    fn value(&mut self, value: Value) {
        let (tag, payload) = value.encode();
        self.u8(tag);
        self.u64(payload);
    }

    fn scope(&mut self, scope: Scope) {
        let none = (StringId::default(), EntityId::default());
        let (kind, (type_name, entity)) = match scope {
            Scope::Any => (0, none),
            Scope::Equal(entity) => (1, (none.0, entity)),
            Scope::In(entity) => (2, (none.0, entity)),
            Scope::Is(type_name) => (3, (type_name, none.1)),
            Scope::IsIn(type_name, entity) => (4, (type_name, entity)),
        };
        self.u8(kind);
        self.u32(type_name.get());
        self.u32(entity.get());
    }
}

/// A length as the format's word. What does not fit makes the bytes inconsistent, and the compiler opens them itself
/// before it hands them out.
fn word(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
