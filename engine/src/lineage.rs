//! A request's principal or resource with all its ancestors, in a form that scopes are quickly held against.

use crate::ids::EntityId;
use crate::machine::Data;

/// A request's principal or resource with its ancestors, before scopes.
#[derive(Clone, Copy)]
pub(crate) struct Lineage {
    pub(crate) entity: EntityId,
    /// The marks of the entity and of each of its ancestors: where another's mark is missing, it is none of them.
    marks: u64,
}

/// What a scope needs to find among a lineage's marks: the number of a bit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(u8);

impl Mark {
    /// What every lineage has.
    pub(crate) const ANY: Self = Self(63);

    /// The mark of an entity, which it shares with one in 64, or one in 32.
    pub(crate) const fn of(entity: EntityId) -> Self {
        let bit = entity.get() % 64;
        Self(if bit == Self::ANY.0 as u32 { 0 } else { bit as u8 })
    }

    const fn bit(self) -> u64 {
        1 << (self.0 % 64)
    }
}

impl Lineage {
    pub(crate) fn new(entity: EntityId, data: Data<'_>) -> Self {
        let own = Mark::ANY.bit() | Mark::of(entity).bit();
        let marks = data.ancestors(entity).iter().fold(own, |marks, ancestor| marks | Mark::of(*ancestor).bit());
        Self { entity, marks }
    }

    /// Whether the lineage could be covered by the scope that needs this mark.
    #[inline]
    pub(crate) const fn has(self, mark: Mark) -> bool {
        (self.marks >> (mark.0 % 64)) & 1 != 0
    }

    #[inline]
    pub(crate) fn is_in(self, other: EntityId, data: Data<'_>) -> bool {
        self.has(Mark::of(other)) && data.is_in(self.entity, other)
    }
}
