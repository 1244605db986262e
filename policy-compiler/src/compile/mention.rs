//! What a condition says of the request's data: the paths it reads and the constants it compares them with.

use std::collections::BTreeMap;

use palisade_engine::format::WILDCARD;
use palisade_engine::{Compare, Opcode, StringId, Value};
use serde_json::{Map, Value as Json, json};

use super::expression::{Expression, ExpressionId, Expressions};
use super::tables::Tables;

/// An attribute path: the variable it starts from (as in the instruction set), and the names.
pub(crate) type Path = (u32, Vec<StringId>);

/// Each path that a condition reads, with values that make a difference there, in Cedar's JSON.
pub(crate) type Mentions = BTreeMap<Path, Vec<Json>>;

/// Collects the mentions of one condition.
pub(crate) fn mentions(condition: ExpressionId, expressions: &Expressions, tables: &Tables) -> Mentions {
    let mut reader = Reader { expressions, tables, found: Mentions::new() };
    let mut waiting = vec![condition];
    while let Some(id) = waiting.pop() {
        reader.read(id);
        waiting.extend(expressions.operands(id));
    }
    reader.found
}

struct Reader<'a> {
    expressions: &'a Expressions,
    tables: &'a Tables,
    found: Mentions,
}

impl Reader<'_> {
    fn read(&mut self, id: ExpressionId) {
        match self.expressions.get(id) {
            Expression::Attribute(..) => self.mention(id, Vec::new()),
            Expression::Has(of, name) => {
                if let Some((variable, mut names)) = self.path(*of) {
                    names.push(*name);
                    self.found.entry((variable, names)).or_default();
                }
            }
            Expression::Like(of, pattern) => {
                let elements = self.tables.patterns.get(pattern.index()).map(Vec::as_slice).unwrap_or_default();
                let literal = |wildcard: &str| {
                    let text: String = elements
                        .iter()
                        .map(|element| match *element {
                            WILDCARD => wildcard.to_owned(),
                            scalar => char::from_u32(scalar).map(String::from).unwrap_or_default(),
                        })
                        .collect();
                    json!(text)
                };
                self.mention(*of, vec![literal(""), literal("x")]);
            }
            Expression::Binary(operator, a, b) => {
                for (path, other) in [(*a, *b), (*b, *a)] {
                    let Some(constant) = self.constant(other) else { continue };
                    let values = match (operator, constant) {
                        (Opcode::Contains | Opcode::In, Value::Set(set)) => {
                            self.tables.elements(set).iter().flat_map(|element| self.near(*element)).collect()
                        }
                        _ => self.near(constant),
                    };
                    self.mention(path, values);
                }
            }
            _ => {}
        }
    }

    fn mention(&mut self, path: ExpressionId, values: Vec<Json>) {
        if let Some(path) = self.path(path) {
            self.found.entry(path).or_default().extend(values);
        }
    }

    fn path(&self, mut id: ExpressionId) -> Option<Path> {
        let mut names = Vec::new();
        loop {
            match self.expressions.get(id) {
                Expression::Attribute(of, name) => {
                    names.push(*name);
                    id = *of;
                }
                Expression::Variable(variable) => {
                    names.reverse();
                    return Some((*variable, names));
                }
                _ => return None,
            }
        }
    }

    fn constant(&self, id: ExpressionId) -> Option<Value> {
        self.expressions.constant(id, self.tables)
    }

    /// The value, and what lies next to it.
    fn near(&self, value: Value) -> Vec<Json> {
        let around = |number: i64| [Some(number), number.checked_sub(1), number.checked_add(1)].into_iter().flatten();
        match value {
            Value::Bool(value) => vec![json!(value), json!(!value)],
            Value::Long(number) => around(number).map(|number| json!(number)).collect(),
            Value::String(text) => {
                let text = self.tables.text(text);
                vec![json!(text), json!(format!("{text}x")), json!("")]
            }
            Value::Duration(milliseconds) => around(milliseconds).map(duration).collect(),
            Value::Datetime(instant) => around(instant).map(datetime).collect(),
            Value::Entity(_) | Value::Set(_) | Value::Record(_) | Value::Decimal(_) | Value::Ip(_) => {
                self.json(value).into_iter().collect()
            }
        }
    }

    /// A constant in Cedar's JSON.
    fn json(&self, value: Value) -> Option<Json> {
        Some(match value {
            Value::Bool(value) => json!(value),
            Value::Long(number) => json!(number),
            Value::String(text) => json!(self.tables.text(text)),
            Value::Entity(entity) => {
                let row = self.tables.entities.get(entity.index())?;
                let (type_name, id) = (self.tables.text(row.type_name), self.tables.text(row.id));
                json!({"__entity": {"type": type_name, "id": id}})
            }
            Value::Set(set) => {
                Json::Array(self.tables.elements(set).iter().map(|element| self.json(*element)).collect::<Option<_>>()?)
            }
            Value::Record(record) => {
                let field =
                    |(key, value): &(StringId, Value)| Some((self.tables.text(*key).to_owned(), self.json(*value)?));
                Json::Object(self.tables.fields(record).iter().map(field).collect::<Option<Map<_, _>>>()?)
            }
            Value::Decimal(value) => {
                let (sign, magnitude) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
                call("decimal", &format!("{sign}{}.{:04}", magnitude / 10_000, magnitude % 10_000))
            }
            Value::Datetime(instant) => datetime(instant),
            Value::Duration(milliseconds) => duration(milliseconds),
            Value::Ip(address) => {
                let network = self.tables.address(address)?;
                call("ip", &format!("{}/{}", network.address(), network.prefix()))
            }
        })
    }
}

fn call(function: &str, argument: &str) -> Json {
    json!({"__extn": {"fn": function, "arg": argument}})
}

fn duration(milliseconds: i64) -> Json {
    call("duration", &format!("{milliseconds}ms"))
}

fn datetime(instant: i64) -> Json {
    json!({"__extn": {"fn": "offset", "args": [call("datetime", "1970-01-01"), duration(instant)]}})
}
