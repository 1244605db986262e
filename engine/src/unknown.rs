//! A part of the context that is not known yet, such as the arguments of a tool that is merely listed: its type, laid
//! out for [`Request::prospect`](crate::Request::prospect).

use core::ops::Range;
use std::sync::Arc;

use crate::arena::small;
use crate::ids::StringId;
use crate::policy_set::CompiledPolicySet;

/// A Cedar type: what somebody may put where nothing is known yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// `Bool`
    Bool,
    /// `Long`
    Long,
    /// `String`
    String,
    /// `decimal`
    Decimal,
    /// `datetime`, as far as literals of it go
    Datetime,
    /// `duration`
    Duration,
    /// `ipaddr`
    Ip,
    /// An entity of the type with this qualified name, whatever its id.
    Entity(Box<str>),
    /// A set of elements of a type.
    Set(Box<Type>),
    /// A record that has these fields and no others.
    Record(Box<[Field]>),
}

/// A field of a record type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// Its name.
    pub name: Box<str>,
    /// Whether it is always there.
    pub required: bool,
    /// Its type.
    pub field_type: Type,
}

/// An attribute of the context that may have any value of a type. It belongs to the policy set that it was made for.
///
/// The type lies flat: a place for each type in it, before those inside. So each path of fields is one place.
///
/// A clone is the same unknown, and prospects that were found for one hold for the other.
#[derive(Clone, Debug)]
pub struct Unknown(Arc<Laid>);

/// An attribute with its type, laid out.
#[derive(Debug)]
struct Laid {
    attribute: Name,
    places: Box<[Place]>,
    fields: Box<[PlaceField]>,
    entity_types: Box<[Name]>,
}

/// The number of a place in the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaceId(u32);

impl PlaceId {
    /// The place of the attribute itself.
    pub(crate) const ROOT: Self = Self(0);

    pub(crate) const fn new(number: u32) -> Self {
        Self(number)
    }

    pub(crate) const fn get(self) -> u32 {
        self.0
    }

    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A name, and its string in the policy set if policies mention it.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: Box<str>,
    pub(crate) id: Option<StringId>,
}

/// One type in the layout.
#[derive(Clone, Debug)]
struct Place {
    kind: Kind,
    /// Whether it is there if what it is in is.
    required: bool,
    /// Where those inside end.
    end: u32,
}

/// What may stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Long,
    String,
    Decimal,
    Datetime,
    Duration,
    Ip,
    /// An entity; the number of its type's name.
    Entity(u32),
    /// A set; its elements' place is the next.
    Set,
    /// A record; where its fields lie.
    Record(Range<u32>),
}

/// A field of a record in the layout.
#[derive(Clone, Debug)]
pub(crate) struct PlaceField {
    pub(crate) name: Name,
    pub(crate) place: PlaceId,
}

impl Unknown {
    /// The attribute of the context with this name and type, for asking `set`. Allocates: made once, when policies are
    /// opened.
    #[must_use]
    pub fn new(set: &CompiledPolicySet, attribute: &str, of: Type) -> Self {
        let mut layout = Layout { set, places: Vec::new(), fields: Vec::new(), entity_types: Vec::new() };
        layout.place(of, true);
        Self(Arc::new(Laid {
            attribute: Name::new(set, attribute.into()),
            places: layout.places.into(),
            fields: layout.fields.into(),
            entity_types: layout.entity_types.into(),
        }))
    }

    /// Whether one is a clone of the other.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn attribute(&self) -> &Name {
        &self.0.attribute
    }

    /// How many places there are.
    pub(crate) fn len(&self) -> usize {
        self.0.places.len()
    }

    pub(crate) fn kind(&self, place: PlaceId) -> Option<&Kind> {
        self.0.places.get(place.index()).map(|place| &place.kind)
    }

    /// Whether there is a value at the place wherever there is one around it.
    pub(crate) fn is_required(&self, place: PlaceId) -> bool {
        self.0.places.get(place.index()).is_some_and(|place| place.required)
    }

    /// The place and all inside it.
    pub(crate) fn inside(&self, place: PlaceId) -> Range<u32> {
        let end = self.0.places.get(place.index()).map_or(0, |place| place.end);
        place.get()..end
    }

    /// The fields of a record's kind.
    pub(crate) fn fields(&self, range: &Range<u32>) -> &[PlaceField] {
        self.0.fields.get(range.start as usize..range.end as usize).unwrap_or_default()
    }

    /// The name of an entity's type.
    pub(crate) fn entity_type(&self, number: u32) -> Option<&Name> {
        self.0.entity_types.get(number as usize)
    }
}

impl Name {
    fn new(set: &CompiledPolicySet, text: Box<str>) -> Self {
        Self { id: set.strings.find(&text), text }
    }
}

struct Layout<'a> {
    set: &'a CompiledPolicySet,
    places: Vec<Place>,
    fields: Vec<PlaceField>,
    entity_types: Vec<Name>,
}

impl Layout<'_> {
    /// Lays a type out. Recurses as deep as the type nests.
    fn place(&mut self, of: Type, required: bool) -> PlaceId {
        let place = PlaceId::new(small(self.places.len()));
        self.places.push(Place { kind: Kind::Set, required, end: 0 });
        let kind = match of {
            Type::Bool => Kind::Bool,
            Type::Long => Kind::Long,
            Type::String => Kind::String,
            Type::Decimal => Kind::Decimal,
            Type::Datetime => Kind::Datetime,
            Type::Duration => Kind::Duration,
            Type::Ip => Kind::Ip,
            Type::Entity(name) => {
                self.entity_types.push(Name::new(self.set, name));
                Kind::Entity(small(self.entity_types.len() - 1))
            }
            Type::Set(element) => {
                self.place(*element, true);
                Kind::Set
            }
            Type::Record(fields) => {
                let own: Vec<PlaceField> = fields
                    .into_iter()
                    .map(|Field { name, required, field_type }| PlaceField {
                        name: Name::new(self.set, name),
                        place: self.place(field_type, required),
                    })
                    .collect();
                let start = small(self.fields.len());
                self.fields.extend(own);
                Kind::Record(start..small(self.fields.len()))
            }
        };
        let end = small(self.places.len());
        if let Some(placed) = self.places.get_mut(place.index()) {
            *placed = Place { kind, required, end };
        }
        place
    }
}
