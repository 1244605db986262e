//! Indices into the tables of a policy set, each its own type so that one cannot be used for another.
//!
//! Ids below the table's length name an entry of the policy set; for strings, entities, aggregates and addresses,
//! larger ids name entries that the current request added.

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u32);

        impl $name {
            /// The id of entry number `index`. Making one proves nothing: every use looks the entry up.
            #[must_use]
            pub const fn new(index: u32) -> Self {
                Self(index)
            }

            /// The entry's number in its table.
            #[must_use]
            pub const fn get(self) -> u32 {
                self.0
            }

            /// The entry's number, for indexing.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// An interned string: entity types, entity ids, attribute names, string values.
    StringId,
    "string"
);
id!(
    /// An interned entity uid. The entity need not be in the store.
    EntityId,
    "entity"
);
id!(
    /// A set or a record.
    AggregateId,
    "aggregate"
);
id!(
    /// An IP address or range.
    IpId,
    "ip"
);
id!(
    /// A `like` pattern.
    PatternId,
    "pattern"
);
id!(
    /// The keys of a record literal.
    ShapeId,
    "shape"
);
id!(
    /// A verified program.
    ProgramId,
    "program"
);
id!(
    /// A policy (or template link) in the order of the source policy set.
    PolicyIndex,
    "policy"
);
