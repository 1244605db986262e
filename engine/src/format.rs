//! The byte format of a compiled policy set: constants that its reader (here) and its writer (the compiler) share.
//!
//! ```text
//! magic (8) | version u32 | step limit u64 | count u32 for each table of `Table::ALL` | the tables, in that order
//! ```
//!
//! All integers are little-endian. A table is `count` entries of `Table::stride` bytes. "Ends" are running totals:
//! entry n of the owner covers the entries from the previous owner's end to its own, so no entry is owned twice and
//! none is left over.

/// The first bytes of a compiled policy set.
pub const MAGIC: [u8; 8] = *b"PLSDPLCY";

/// The version of this format. A reader opens its own version only; the bundle's manifest names it too.
pub const VERSION: u32 = 1;

/// Where the tables' counts begin: after magic, version and step limit.
pub const COUNTS_AT: usize = MAGIC.len() + 4 + 8;

/// Stands for "none" where an id is optional, and for "any action" in a partition's key.
pub const NONE: u32 = u32::MAX;

/// Stands for `*` in a pattern's elements; every other element is a Unicode scalar value.
pub const WILDCARD: u32 = u32::MAX;

/// Entity flag: the entity is in the store (an entity that policies merely mention is not).
pub const ENTITY_IN_STORE: u32 = 1;

/// Entity flag: some entity in the store has this one as an ancestor.
pub const ENTITY_IS_ANCESTOR: u32 = 2;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = ($label:literal, $stride:literal),)*) => {
        /// The tables, in the order in which they are written.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Table { $($(#[$doc])* $name,)* }

        impl Table {
            /// Every table in order.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The table's name in errors and listings.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// Bytes of one entry.
            #[must_use]
            pub const fn stride(self) -> usize {
                match self { $(Self::$name => $stride,)* }
            }
        }
    };
}

tables! {
    /// `end u32`: where each string ends in the text.
    StringEnds = ("string ends", 4),
    /// `byte`: the UTF-8 text of all strings.
    Text = ("text", 1),
    /// `string + 1 u32`, or 0: open addressing by [`hash_bytes`](crate::hash_bytes); a power of two.
    StringSlots = ("string slots", 4),
    /// `type string u32 | id string u32 | attributes aggregate u32 | tags aggregate u32 | ancestors end u32 | flags u32`.
    Entities = ("entities", 24),
    /// `entity + 1 u32`, or 0: open addressing by [`hash_pair`](crate::hash_pair); a power of two.
    EntitySlots = ("entity slots", 4),
    /// `entity u32`: each entity's ancestors, ascending.
    Ancestors = ("ancestors", 4),
    /// `kind u8 (0 set, 1 record) | end u32` in the cells or the fields.
    Aggregates = ("aggregates", 5),
    /// `tag u8 | payload u64`: the elements of sets, in canonical order. Aggregates inside have a lower number.
    Cells = ("cells", 9),
    /// `key string u32 | tag u8 | payload u64`: the fields of records, by key.
    Fields = ("fields", 13),
    /// `family u8 (4, 6) | prefix length u8 | address 16 bytes` (IPv4 in the last four).
    Addresses = ("addresses", 18),
    /// `end u32`: where each pattern ends in the elements.
    PatternEnds = ("pattern ends", 4),
    /// `scalar value u32` or [`WILDCARD`].
    PatternElements = ("pattern elements", 4),
    /// `end u32`: where each shape ends in the keys.
    ShapeEnds = ("shape ends", 4),
    /// `key string u32`: the keys of record literals, ascending within a shape.
    ShapeKeys = ("shape keys", 4),
    /// `tag u8 | payload u64`: what [`Opcode::Constant`](crate::Opcode::Constant) pushes.
    Constants = ("constants", 9),
    /// `end u32`: where each program ends in the code.
    ProgramEnds = ("program ends", 4),
    /// `instruction`: see [`Instruction::encode`](crate::Instruction::encode).
    Code = ("code", 8),
    /// `id string u32 | effect u8 (0 permit, 1 forbid) | principal scope | resource scope | actions end u32 | program u32`,
    /// a scope being `kind u8 (0 any, 1 ==, 2 in, 3 is, 4 is in) | type string u32 | entity u32`; then
    /// `action kind u8 (0 any, 1 ==, 2 in)`.
    Policies = ("policies", 32),
    /// `entity u32`: the actions of the policies' scopes.
    Actions = ("actions", 4),
    /// `subject u8 (0 principal, 1 resource, 2 program) | mode u8 (0 ==, 1 in, 2 is) | program u32`.
    Probes = ("probes", 6),
    /// `action entity u32 (or NONE for policies of any action, first) | always end u32 | lookups end u32`.
    Partitions = ("partitions", 12),
    /// `policy u32`: what a partition's requests always evaluate.
    Always = ("always", 4),
    /// `probe u32 | buckets end u32 | candidates end u32`.
    Lookups = ("lookups", 12),
    /// `tag u8 | payload u64 | first u32 | count u32` (count 0: empty), each lookup's a power of two of them, open
    /// addressing by [`hash_key`](crate::hash_key); `first` counts from the lookup's first candidate.
    Buckets = ("buckets", 17),
    /// `policy u32`: the candidates that buckets name.
    Candidates = ("candidates", 4),
}
