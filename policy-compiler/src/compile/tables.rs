//! The tables under construction: every string, entity and constant value once.

use std::collections::HashMap;

use palisade_engine::format::WILDCARD;
use palisade_engine::{
    AggregateId, Compare, EntityId, IpId, IpNetwork, PatternId, ShapeId, StringId, Value, compare, limits,
};

use super::error::CompileError;

/// What the store knows of an entity, or that policies merely mention it.
#[derive(Default)]
pub(crate) struct EntityRow {
    pub(crate) type_name: StringId,
    pub(crate) id: StringId,
    pub(crate) attributes: Option<AggregateId>,
    pub(crate) tags: Option<AggregateId>,
    pub(crate) ancestors: Vec<EntityId>,
    pub(crate) in_store: bool,
    pub(crate) is_ancestor: bool,
}

/// A constant set or record.
pub(crate) enum Aggregate {
    Set(Vec<Value>),
    Record(Vec<(StringId, Value)>),
}

/// An aggregate's content: whether it is a record, and its keys (0 in a set), tags and payloads.
type AggregateKey = (bool, Vec<(u32, u8, u64)>);

/// Everything that ids name.
#[derive(Default)]
pub(crate) struct Tables {
    pub(crate) strings: Vec<String>,
    string_ids: HashMap<String, StringId>,
    pub(crate) entities: Vec<EntityRow>,
    entity_ids: HashMap<(StringId, StringId), EntityId>,
    pub(crate) aggregates: Vec<(Aggregate, u32)>,
    aggregate_ids: HashMap<AggregateKey, AggregateId>,
    pub(crate) addresses: Vec<IpNetwork>,
    pub(crate) patterns: Vec<Vec<u32>>,
    pub(crate) shapes: Vec<Vec<StringId>>,
    pub(crate) constants: Vec<Value>,
    constant_ids: HashMap<(u8, u64), u32>,
}

/// A table's length as an id. Sources are far smaller than 32 bits; the writer checks the whole.
fn next(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

impl Tables {
    pub(crate) fn string(&mut self, text: &str) -> StringId {
        if let Some(id) = self.string_ids.get(text) {
            return *id;
        }
        let id = StringId::new(next(self.strings.len()));
        self.strings.push(text.to_owned());
        self.string_ids.insert(text.to_owned(), id);
        id
    }

    pub(crate) fn text(&self, id: StringId) -> &str {
        self.strings.get(id.index()).map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn entity(&mut self, type_name: &str, id: &str) -> EntityId {
        let (type_name, id) = (self.string(type_name), self.string(id));
        *self.entity_ids.entry((type_name, id)).or_insert_with(|| {
            self.entities.push(EntityRow { type_name, id, ..EntityRow::default() });
            EntityId::new(next(self.entities.len() - 1))
        })
    }

    pub(crate) fn entity_mut(&mut self, id: EntityId) -> Option<&mut EntityRow> {
        self.entities.get_mut(id.index())
    }

    /// The constant set of `elements`, in canonical order.
    pub(crate) fn set(&mut self, mut elements: Vec<Value>) -> Result<Value, CompileError> {
        elements.sort_by(|a, b| compare(self, *a, *b));
        elements.dedup_by(|a, b| compare(self, *a, *b).is_eq());
        let key = elements.iter().map(|element| keyed(0, *element)).collect();
        self.aggregate((false, key), Aggregate::Set(elements)).map(Value::Set)
    }

    /// The constant record of `fields`, whose keys are distinct.
    pub(crate) fn record(&mut self, mut fields: Vec<(StringId, Value)>) -> Result<Value, CompileError> {
        fields.sort_by_key(|(key, _)| *key);
        let key = fields.iter().map(|(name, value)| keyed(name.get(), *value)).collect();
        self.aggregate((true, key), Aggregate::Record(fields)).map(Value::Record)
    }

    fn aggregate(&mut self, key: AggregateKey, aggregate: Aggregate) -> Result<AggregateId, CompileError> {
        if let Some(id) = self.aggregate_ids.get(&key) {
            return Ok(*id);
        }
        let depth = 1 + match &aggregate {
            Aggregate::Set(elements) => elements.iter().map(|value| self.depth(*value)).max(),
            Aggregate::Record(fields) => fields.iter().map(|(_, value)| self.depth(*value)).max(),
        }
        .unwrap_or_default();
        if depth > limits::VALUE_DEPTH {
            let message = format!("a value nests deeper than {} levels", limits::VALUE_DEPTH);
            return Err(CompileError::new("compile.value_too_deep", message));
        }
        let id = AggregateId::new(next(self.aggregates.len()));
        self.aggregates.push((aggregate, depth));
        self.aggregate_ids.insert(key, id);
        Ok(id)
    }

    fn depth(&self, value: Value) -> u32 {
        match value {
            Value::Set(id) | Value::Record(id) => self.aggregates.get(id.index()).map_or(0, |(_, depth)| *depth),
            _ => 0,
        }
    }

    pub(crate) fn address(&mut self, network: IpNetwork) -> Value {
        let known = self.addresses.iter().position(|other| *other == network);
        let at = known.unwrap_or_else(|| {
            self.addresses.push(network);
            self.addresses.len() - 1
        });
        Value::Ip(IpId::new(next(at)))
    }

    /// The pattern of `elements`; runs of wildcards match what one does.
    pub(crate) fn pattern(&mut self, mut elements: Vec<u32>) -> PatternId {
        elements.dedup_by(|a, b| *a == WILDCARD && *b == WILDCARD);
        let known = self.patterns.iter().position(|other| *other == elements);
        let at = known.unwrap_or_else(|| {
            self.patterns.push(elements);
            self.patterns.len() - 1
        });
        PatternId::new(next(at))
    }

    /// The record shape with these ascending keys.
    pub(crate) fn shape(&mut self, keys: Vec<StringId>) -> ShapeId {
        let known = self.shapes.iter().position(|other| *other == keys);
        let at = known.unwrap_or_else(|| {
            self.shapes.push(keys);
            self.shapes.len() - 1
        });
        ShapeId::new(next(at))
    }

    /// The number of a constant.
    pub(crate) fn constant(&mut self, value: Value) -> u32 {
        *self.constant_ids.entry(value.encode()).or_insert_with(|| {
            self.constants.push(value);
            next(self.constants.len() - 1)
        })
    }

    pub(crate) fn constant_value(&self, constant: u32) -> Option<Value> {
        self.constants.get(constant as usize).copied()
    }
}

fn keyed(key: u32, value: Value) -> (u32, u8, u64) {
    let (tag, payload) = value.encode();
    (key, tag, payload)
}

impl Compare for Tables {
    fn elements(&self, id: AggregateId) -> &[Value] {
        match self.aggregates.get(id.index()) {
            Some((Aggregate::Set(elements), _)) => elements,
            Some((Aggregate::Record(_), _)) | None => &[],
        }
    }

    fn fields(&self, id: AggregateId) -> &[(StringId, Value)] {
        match self.aggregates.get(id.index()) {
            Some((Aggregate::Record(fields), _)) => fields,
            Some((Aggregate::Set(_), _)) | None => &[],
        }
    }

    fn address(&self, id: IpId) -> Option<IpNetwork> {
        self.addresses.get(id.index()).copied()
    }
}
