//! What one request adds to the policy set's data. Cleared, not freed, between requests.

use crate::aggregate::Aggregate;
use crate::extension::IpNetwork;
use crate::hash::{hash_bytes, hash_pair};
use crate::ids::{AggregateId, EntityId, StringId};
use crate::limits;
use crate::strings::{Strings, find};
use crate::value::Value;

/// Buffers for a request's strings, entities and values.
#[derive(Default)]
pub(crate) struct Arena {
    pub(crate) text: String,
    pub(crate) string_ends: Vec<u32>,
    string_slots: Vec<u32>,
    pub(crate) entities: Vec<(StringId, StringId)>,
    entity_slots: Vec<u32>,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) ancestors: Vec<EntityId>,
    pub(crate) aggregates: Vec<Aggregate>,
    depths: Vec<u32>,
    pub(crate) cells: Vec<Value>,
    pub(crate) fields: Vec<(StringId, Value)>,
    pub(crate) addresses: Vec<IpNetwork>,
    /// A limit was passed: whatever was added since is not all there, so nothing may be decided.
    pub(crate) overflowed: bool,
}

/// What a request says of an entity.
#[derive(Clone, Copy)]
pub(crate) struct Definition {
    pub(crate) entity: EntityId,
    pub(crate) attributes: AggregateId,
    /// Range of the arena's `ancestors`, ascending.
    pub(crate) ancestors: (u32, u32),
}

/// How much of the arena was there before a decision.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    aggregates: usize,
    cells: usize,
    fields: usize,
    addresses: usize,
}

/// Slots of an empty lookup table; larger ones shrink back to this between requests.
const SLOTS: usize = 64;

impl Arena {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.string_ends.clear();
        reset(&mut self.string_slots);
        self.entities.clear();
        reset(&mut self.entity_slots);
        self.definitions.clear();
        self.ancestors.clear();
        self.aggregates.clear();
        self.depths.clear();
        self.cells.clear();
        self.fields.clear();
        self.addresses.clear();
        self.overflowed = false;
    }

    /// What the request has added so far, as far as evaluation can add to it.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            aggregates: self.aggregates.len(),
            cells: self.cells.len(),
            fields: self.fields.len(),
            addresses: self.addresses.len(),
        }
    }

    /// Forgets what a decision's evaluation added since `mark`; the request itself was within its limits then.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        let Mark { aggregates, cells, fields, addresses } = mark;
        self.aggregates.truncate(aggregates);
        self.depths.truncate(aggregates);
        self.cells.truncate(cells);
        self.fields.truncate(fields);
        self.addresses.truncate(addresses);
        self.overflowed = false;
    }

    /// How many strings and entities the request has added so far.
    pub(crate) fn interned(&self) -> (usize, usize) {
        (self.string_ends.len(), self.entities.len())
    }

    /// Forgets the strings and entities that came after there were so many: the newest first, so that each leaves the
    /// lookup tables as if it had never come.
    pub(crate) fn forget(&mut self, (strings, entities): (usize, usize)) {
        while self.entities.len() > entities {
            let Some((type_name, id)) = self.entities.pop() else { break };
            remove(&mut self.entity_slots, small(self.entities.len()), hash_pair(type_name.get(), id.get()));
        }
        while self.string_ends.len() > strings {
            let at = self.string_ends.len() - 1;
            let hash = self.string(at).map_or(0, |text| hash_bytes(text.as_bytes()));
            remove(&mut self.string_slots, small(at), hash);
            self.string_ends.pop();
            self.text.truncate(self.string_ends.last().map_or(0, |end| *end as usize));
        }
    }

    /// The request's string number `at`.
    pub(crate) fn string(&self, at: usize) -> Option<&str> {
        let end = *self.string_ends.get(at)? as usize;
        let start = match at.checked_sub(1) {
            Some(previous) => *self.string_ends.get(previous)? as usize,
            None => 0,
        };
        self.text.get(start..end)
    }

    /// The id of `text`: among `strings`, the policy set's, or else among the request's own.
    pub(crate) fn string_id(&mut self, strings: &Strings, text: &str) -> StringId {
        let hash = hash_bytes(text.as_bytes());
        match strings.find_hashed(text, hash) {
            Some(id) => id,
            None => StringId::new(strings.len() + self.intern(text, hash)),
        }
    }

    /// The number of `text` among the request's strings, adding it where it is new.
    fn intern(&mut self, text: &str, hash: u32) -> u32 {
        let known = |at: u32| self.string(at as usize) == Some(text);
        if let Some(at) = find(&self.string_slots, hash, known) {
            return at;
        }
        let at = small(self.string_ends.len());
        if self.string_ends.len() >= limits::REQUEST_STRINGS || text.len() > limits::REQUEST_TEXT - self.text.len() {
            self.overflowed = true;
            return at;
        }
        self.text.push_str(text);
        self.string_ends.push(small(self.text.len()));
        let Self { string_slots, string_ends, text, .. } = self;
        let hash_of = |at: usize| {
            let end = string_ends.get(at).map_or(0, |end| *end as usize);
            let start = at.checked_sub(1).and_then(|at| string_ends.get(at)).map_or(0, |end| *end as usize);
            hash_bytes(text.as_bytes().get(start..end).unwrap_or_default())
        };
        insert(string_slots, at, hash, hash_of);
        at
    }

    /// The number of an entity uid among the request's own, adding it where it is new.
    pub(crate) fn intern_entity(&mut self, type_name: StringId, id: StringId) -> u32 {
        let uid = (type_name, id);
        let hash = hash_pair(type_name.get(), id.get());
        if let Some(at) = find(&self.entity_slots, hash, |at| self.entities.get(at as usize) == Some(&uid)) {
            return at;
        }
        let at = small(self.entities.len());
        if self.entities.len() >= limits::REQUEST_STRINGS {
            self.overflowed = true;
            return at;
        }
        self.entities.push(uid);
        let Self { entity_slots, entities, .. } = self;
        let hash_of = |at: usize| entities.get(at).map_or(0, |(type_name, id)| hash_pair(type_name.get(), id.get()));
        insert(entity_slots, at, hash, hash_of);
        at
    }

    /// Ends an aggregate whose elements or fields start at `start`; returns its number.
    pub(crate) fn close(&mut self, is_record: bool, start: usize, depth: u32) -> u32 {
        let end = if is_record { self.fields.len() } else { self.cells.len() };
        if depth > limits::VALUE_DEPTH || self.fields.len() + self.cells.len() > limits::REQUEST_VALUES {
            self.overflowed = true;
        }
        self.aggregates.push(Aggregate { is_record, start: small(start), end: small(end) });
        self.depths.push(depth);
        small(self.aggregates.len() - 1)
    }

    /// How deep the request's aggregate number `at` nests.
    pub(crate) fn depth(&self, at: usize) -> Option<u32> {
        self.depths.get(at).copied()
    }
}

/// A length as an id; the limits keep lengths far below 32 bits.
pub(crate) fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn reset(slots: &mut Vec<u32>) {
    slots.clear();
    slots.resize(SLOTS, 0);
}

/// Puts number `at`, the newest, into a lookup table that stays at most half full. `hash_of` is asked for those before it, when
/// the table grows.
fn insert(slots: &mut Vec<u32>, at: u32, hash: u32, hash_of: impl Fn(usize) -> u32) {
    if (at as usize + 1) * 2 > slots.len() {
        let doubled = (slots.len() * 2).max(SLOTS);
        slots.clear();
        slots.resize(doubled, 0);
        (0..at).for_each(|number| place(slots, number, hash_of(number as usize)));
    }
    place(slots, at, hash);
}

fn place(slots: &mut [u32], number: u32, hash: u32) {
    let mask = slots.len().wrapping_sub(1);
    let mut slot = hash as usize & mask;
    while let Some(taken) = slots.get_mut(slot) {
        if *taken == 0 {
            *taken = number + 1;
            return;
        }
        slot = (slot + 1) & mask;
    }
}

/// Takes number `at`, the newest, out of a lookup table.
fn remove(slots: &mut [u32], at: u32, hash: u32) {
    let mask = slots.len().wrapping_sub(1);
    let mut slot = hash as usize & mask;
    for _ in 0..slots.len() {
        match slots.get_mut(slot) {
            Some(taken) if *taken == at + 1 => {
                *taken = 0;
                return;
            }
            Some(_) => slot = (slot + 1) & mask,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intern(arena: &mut Arena, text: &str) -> u32 {
        arena.intern(text, hash_bytes(text.as_bytes()))
    }

    #[test]
    fn what_is_forgotten_leaves_no_trace() {
        let mut arena = Arena::default();
        arena.clear();
        let kept: Vec<String> = (0..40).map(|n| format!("kept {n}")).collect();
        for text in &kept {
            intern(&mut arena, text);
        }
        arena.intern_entity(StringId::new(0), StringId::new(1));
        let before = arena.interned();
        for _ in 0..2 {
            // The table grows on the way.
            for n in 0..300 {
                let text = StringId::new(intern(&mut arena, &format!("gone {n}")));
                arena.intern_entity(text, StringId::new(0));
            }
            arena.forget(before);
            assert_eq!(arena.interned(), before);
            for (n, text) in kept.iter().enumerate() {
                assert_eq!(intern(&mut arena, text) as usize, n);
            }
            assert_eq!(arena.intern_entity(StringId::new(0), StringId::new(1)), 0);
            assert_eq!(arena.interned(), before, "nothing came twice");
        }
        assert_eq!(intern(&mut arena, "new"), 40);
        assert_eq!(arena.string(40), Some("new"));
    }

    #[test]
    fn interning_is_stable_while_the_table_grows() {
        let mut arena = Arena::default();
        for round in 0..3 {
            arena.clear();
            for n in 0..500 {
                assert_eq!(intern(&mut arena, &format!("text {n}")), n, "round {round}");
            }
            for n in (0..500).rev() {
                assert_eq!(intern(&mut arena, &format!("text {n}")), n);
                assert_eq!(arena.string(n as usize), Some(format!("text {n}").as_str()));
            }
        }
        assert!(!arena.overflowed);
    }

    #[test]
    fn too_much_text_is_noticed() {
        let mut arena = Arena::default();
        arena.clear();
        intern(&mut arena, &"x".repeat(limits::REQUEST_TEXT));
        assert!(!arena.overflowed);
        intern(&mut arena, "y");
        assert!(arena.overflowed);
        arena.clear();
        assert!(!arena.overflowed);
    }
}
