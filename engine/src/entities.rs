//! The policy set's entities: those of its store and those that policies mention.

use core::ops::Range;

use crate::aggregate::{Aggregate, Aggregates};
use crate::error::{OpenError, OpenErrorKind};
use crate::format::{ENTITY_IN_STORE, ENTITY_IS_ANCESTOR, NONE, Table};
use crate::hash::hash_pair;
use crate::ids::{AggregateId, EntityId, StringId};
use crate::reader::{Reader, entries};
use crate::strings::{Strings, find};

/// One entity uid and what the store knows of it.
#[derive(Clone, Debug)]
pub(crate) struct Entity {
    pub(crate) type_name: StringId,
    pub(crate) id: StringId,
    /// Where its attributes lie among all fields.
    pub(crate) attributes: Range<u32>,
    /// Where its tags lie among all fields.
    pub(crate) tags: Range<u32>,
    pub(crate) in_store: bool,
    pub(crate) is_ancestor: bool,
    ancestors_end: u32,
}

/// All entities of a policy set.
pub(crate) struct Entities {
    entities: Box<[Entity]>,
    ancestors: Box<[EntityId]>,
    slots: Box<[u32]>,
}

const fn error(at: usize, kind: OpenErrorKind) -> OpenError {
    OpenError { section: Table::Entities.label(), at, kind }
}

impl Entities {
    pub(crate) fn open(
        entities: &[u8],
        ancestors: Box<[u32]>,
        slots: Box<[u32]>,
        strings: &Strings,
        aggregates: &Aggregates,
    ) -> Result<Self, OpenError> {
        let entities = entries::<{ Table::Entities.stride() }, _>(entities, Table::Entities, |reader| {
            Entity::read(reader, aggregates)
        })?;
        if !slots.len().is_power_of_two() {
            return Err(error(slots.len(), OpenErrorKind::BrokenLookup));
        }
        let opened = Self { entities, ancestors: ancestors.into_iter().map(EntityId::new).collect(), slots };
        let mut start = 0;
        for (at, entity) in (0_u32..).zip(&opened.entities) {
            opened.check(EntityId::new(at), entity, start, strings).map_err(|kind| error(at as usize, kind))?;
            start = entity.ancestors_end;
        }
        if start as usize != opened.ancestors.len() {
            return Err(error(opened.entities.len(), OpenErrorKind::TrailingBytes));
        }
        Ok(opened)
    }

    /// Checks one entity, whose ancestors begin at `start`.
    #[inline]
    fn check(&self, id: EntityId, entity: &Entity, start: u32, strings: &Strings) -> Result<(), OpenErrorKind> {
        if entity.type_name.get() >= strings.len() || entity.id.get() >= strings.len() {
            return Err(OpenErrorKind::DanglingId);
        }
        if !(entity.in_store || entity.attributes.is_empty() && entity.tags.is_empty()) {
            return Err(OpenErrorKind::DanglingId);
        }
        let ancestors = self.ancestors.get(start as usize..entity.ancestors_end as usize);
        let mut previous = None;
        for ancestor in ancestors.ok_or(OpenErrorKind::OutOfOrder)? {
            if previous >= Some(*ancestor) {
                return Err(OpenErrorKind::OutOfOrder);
            }
            match self.get(*ancestor) {
                Some(Entity { is_ancestor: true, .. }) => previous = Some(*ancestor),
                Some(_) | None => return Err(OpenErrorKind::DanglingId),
            }
        }
        // Finding each entity at its own number proves that the table is whole and that no entity occurs twice.
        let is_it = |other| {
            let other = EntityId::new(other);
            other == id || self.get(other).is_some_and(|other| other.is(entity.type_name, entity.id))
        };
        if find(&self.slots, hash_pair(entity.type_name.get(), entity.id.get()), is_it) != Some(id.get()) {
            return Err(OpenErrorKind::BrokenLookup);
        }
        Ok(())
    }

    /// How many entities there are.
    #[expect(clippy::cast_possible_truncation, reason = "the table's count was read from a u32")]
    pub(crate) fn len(&self) -> u32 {
        self.entities.len() as u32
    }

    pub(crate) fn get(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(id.index())
    }

    /// The entity's ancestors in ascending order, itself not included.
    pub(crate) fn ancestors(&self, id: EntityId) -> &[EntityId] {
        let range = || {
            let end = self.get(id)?.ancestors_end as usize;
            let start = match id.index().checked_sub(1) {
                Some(previous) => self.entities.get(previous)?.ancestors_end as usize,
                None => 0,
            };
            self.ancestors.get(start..end)
        };
        range().unwrap_or_default()
    }

    pub(crate) fn find(&self, type_name: StringId, id: StringId) -> Option<EntityId> {
        find(&self.slots, hash_pair(type_name.get(), id.get()), |entity| {
            self.get(EntityId::new(entity)).is_some_and(|entity| entity.is(type_name, id))
        })
        .map(EntityId::new)
    }
}

impl Entity {
    fn is(&self, type_name: StringId, id: StringId) -> bool {
        self.type_name == type_name && self.id == id
    }

    fn read(reader: &mut Reader<'_>, aggregates: &Aggregates) -> Result<Self, OpenError> {
        let type_name = StringId::new(reader.u32()?);
        let id = StringId::new(reader.u32()?);
        let attributes = read_fields(reader, aggregates)?;
        let tags = read_fields(reader, aggregates)?;
        let ancestors_end = reader.u32()?;
        let flags = reader.u32()?;
        if flags & !(ENTITY_IN_STORE | ENTITY_IS_ANCESTOR) != 0 {
            return Err(reader.error(OpenErrorKind::UnknownCode));
        }
        let in_store = flags & ENTITY_IN_STORE != 0;
        let is_ancestor = flags & ENTITY_IS_ANCESTOR != 0;
        Ok(Self { type_name, id, attributes, tags, in_store, is_ancestor, ancestors_end })
    }
}

/// Where the fields of a record lie, which may be none.
fn read_fields(reader: &mut Reader<'_>, aggregates: &Aggregates) -> Result<Range<u32>, OpenError> {
    match reader.u32()? {
        NONE => Ok(0..0),
        record => match aggregates.get(AggregateId::new(record)) {
            Some(Aggregate { is_record: true, start, end }) => Ok(start..end),
            Some(_) | None => Err(reader.error(OpenErrorKind::DanglingId)),
        },
    }
}
