//! A tool's arguments as a Cedar value, typed by the schema.
//!
//! The shape is that of Cedar's own generator of schemas for MCP tools (`cedar-policy-mcp-schema-generator`): the
//! arguments are the attribute `input` of the context. An argument that does not fit is never left out: it denies.

use super::error::McpError;
use crate::evaluate::Builder;
use crate::json::{JsonKind, JsonView};
use crate::limits;
use crate::rpc::{RpcError, looks_like};
use crate::section::{AttributeType, RecordField, UnknownArguments};
use palisade_engine::{Value, parse_datetime, parse_decimal, parse_duration};

/// The arguments of a call, and what they have to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arguments<'a> {
    /// An object; without it there are none.
    pub(super) given: Option<JsonView<'a>>,
    pub(super) input: &'a AttributeType,
    pub(super) unknown: UnknownArguments,
}

/// Why an argument does not fit, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentFault {
    pub(crate) error: McpError,
    /// Names from the outermost in, joined by dots.
    pub(crate) path: String,
}

impl ArgumentFault {
    fn here(error: McpError) -> Self {
        Self { error, path: String::new() }
    }

    fn inside(mut self, name: &str) -> Self {
        if !self.path.is_empty() {
            self.path.insert(0, '.');
        }
        self.path.insert_str(0, name);
        self
    }
}

impl<'a> Arguments<'a> {
    /// The value of `input`.
    pub(crate) fn value(&self, builder: &mut Builder<'_, 'a>) -> Result<Value, ArgumentFault> {
        match (self.input, self.given) {
            (AttributeType::Record(fields), given) => self.record(builder, fields, given),
            // The section makes every input a record.
            (_, _) => Err(ArgumentFault::here(McpError::Arguments)),
        }
    }

    fn record(
        &self,
        builder: &mut Builder<'_, 'a>,
        fields: &'a [RecordField],
        given: Option<JsonView<'a>>,
    ) -> Result<Value, ArgumentFault> {
        if let Some(given) = given {
            self.check_names(fields, given)?;
        }
        let start = builder.fields.len();
        for field in fields {
            let member = given.and_then(|given| given.get(&field.name));
            let absent =
                member.is_none_or(|member| member.kind() == JsonKind::Null && !takes_null(&field.attribute_type));
            match member.filter(|_| !absent) {
                Some(member) => {
                    let value = self.of_type(builder, &field.attribute_type, member);
                    let value = value.map_err(|fault| fault.inside(&field.name))?;
                    builder.fields.push((&field.name, value));
                }
                None if field.required => {
                    return Err(ArgumentFault::here(McpError::ArgumentMissing).inside(&field.name));
                }
                None => {}
            }
        }
        Ok(builder.close_record(start))
    }

    /// Every member is one of the fields, or may be ignored; none only looks like one.
    fn check_names(&self, fields: &[RecordField], given: JsonView<'_>) -> Result<(), ArgumentFault> {
        for (name, _) in given.members() {
            if fields.iter().any(|field| field.name == name) {
                continue;
            }
            if fields.iter().any(|field| looks_like(&name, &field.name)) {
                return Err(ArgumentFault::here(McpError::Rpc(RpcError::LookAlike)).inside(&name));
            }
            if self.unknown == UnknownArguments::Deny {
                return Err(ArgumentFault::here(McpError::ArgumentUnknown).inside(&name));
            }
        }
        Ok(())
    }

    /// Depth is bounded: that of the type was checked when the section was opened.
    fn of_type(
        &self,
        builder: &mut Builder<'_, 'a>,
        of: &'a AttributeType,
        given: JsonView<'a>,
    ) -> Result<Value, ArgumentFault> {
        let misfit = || ArgumentFault::here(McpError::ArgumentType);
        match (of, given.kind()) {
            (AttributeType::Bool, JsonKind::True) => Ok(Value::from(true)),
            (AttributeType::Bool, JsonKind::False) => Ok(Value::from(false)),
            (AttributeType::Long, JsonKind::Number) => long(given.raw()).map(Value::from).ok_or_else(misfit),
            (AttributeType::Decimal, JsonKind::Number) => decimal(given.raw()).map(Value::Decimal).ok_or_else(misfit),
            (AttributeType::String, JsonKind::String) => Ok(builder.request.string(&given.text())),
            (AttributeType::Decimal, JsonKind::String) => {
                parse_decimal(&given.text()).map(Value::Decimal).map_err(|_| misfit())
            }
            (AttributeType::Datetime, JsonKind::String) => {
                datetime(&given.text()).map(Value::Datetime).ok_or_else(misfit)
            }
            (AttributeType::Duration, JsonKind::String) => {
                parse_duration(&given.text()).map(Value::Duration).map_err(|_| misfit())
            }
            (AttributeType::Ip, JsonKind::String) => builder.request.ip(&given.text()).map_err(|_| misfit()),
            (AttributeType::Entity(name), JsonKind::String) if !is_number(of) && !is_null(of) => {
                Ok(Value::from(builder.request.entity(name, &given.text())))
            }
            (AttributeType::Entity(name), JsonKind::Number) if is_number(of) => {
                Ok(Value::from(builder.request.entity(name, given.raw())))
            }
            (AttributeType::Entity(name), JsonKind::Null) if is_null(of) => {
                Ok(Value::from(builder.request.entity(name, "null")))
            }
            (AttributeType::Set(element), JsonKind::Array) => {
                let start = builder.elements.len();
                for (index, member) in given.elements().enumerate() {
                    let value = self.of_type(builder, element, member);
                    let value = value.map_err(|fault| fault.inside(&index.to_string()))?;
                    builder.elements.push(value);
                }
                Ok(builder.close_set(start))
            }
            (AttributeType::Record(fields), _) if is_union(fields) => self.union(builder, fields, given),
            (AttributeType::Record(fields), JsonKind::Object) => self.record(builder, fields, Some(given)),
            (AttributeType::Record(fields), JsonKind::Array) if is_tuple(fields) => self.tuple(builder, fields, given),
            (
                AttributeType::Bool
                | AttributeType::Long
                | AttributeType::Decimal
                | AttributeType::String
                | AttributeType::Datetime
                | AttributeType::Duration
                | AttributeType::Ip
                | AttributeType::Entity(_)
                | AttributeType::Set(_)
                | AttributeType::Record(_),
                _,
            ) => Err(misfit()),
        }
    }

    /// A value of one of several types, which the generator writes as a record of `typeChoice0`, `typeChoice1` and so on, with
    /// the first that fits.
    fn union(
        &self,
        builder: &mut Builder<'_, 'a>,
        fields: &'a [RecordField],
        given: JsonView<'a>,
    ) -> Result<Value, ArgumentFault> {
        let (start, elements) = (builder.fields.len(), builder.elements.len());
        for index in 0..fields.len() {
            let name = choice_name(index);
            let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
            if let Ok(value) = self.of_type(builder, &field.attribute_type, given) {
                builder.fields.push((&field.name, value));
                return Ok(builder.close_record(start));
            }
            // What was put down before it turned out not to fit.
            builder.fields.truncate(start);
            builder.elements.truncate(elements);
        }
        Err(ArgumentFault::here(McpError::ArgumentType))
    }

    /// An array with a type for each place, which the generator writes as a record of `proj0`, `proj1` and so on.
    fn tuple(
        &self,
        builder: &mut Builder<'_, 'a>,
        fields: &'a [RecordField],
        given: JsonView<'a>,
    ) -> Result<Value, ArgumentFault> {
        if given.elements().count() != fields.len() {
            return Err(ArgumentFault::here(McpError::ArgumentType));
        }
        let start = builder.fields.len();
        for (index, member) in given.elements().enumerate() {
            let name = format!("proj{index}");
            let field = fields.iter().find(|field| field.name == name);
            let field = field.ok_or_else(|| ArgumentFault::here(McpError::ArgumentType))?;
            let value = self.of_type(builder, &field.attribute_type, member);
            let value = value.map_err(|fault| fault.inside(&index.to_string()))?;
            builder.fields.push((&field.name, value));
        }
        Ok(builder.close_record(start))
    }
}

fn is_tuple(fields: &[RecordField]) -> bool {
    !fields.is_empty() && (0..fields.len()).all(|index| fields.iter().any(|field| field.name == format!("proj{index}")))
}

fn is_union(fields: &[RecordField]) -> bool {
    let is_there = |index| fields.iter().any(|field| !field.required && field.name == choice_name(index));
    !fields.is_empty() && (0..fields.len()).all(is_there)
}

fn choice_name(index: usize) -> String {
    format!("typeChoice{index}")
}

/// Whether null is a value of the type, and not the absence of one.
fn takes_null(of: &AttributeType) -> bool {
    match of {
        AttributeType::Record(fields) => is_union(fields) && fields.iter().any(|field| is_null(&field.attribute_type)),
        other => is_null(other),
    }
}

/// The generator's stand-in for null.
fn is_null(of: &AttributeType) -> bool {
    matches!(of, AttributeType::Entity(name) if basename(name) == "Null")
}

/// The generator's stand-ins for numbers that are not integers.
fn is_number(of: &AttributeType) -> bool {
    matches!(of, AttributeType::Entity(name) if matches!(basename(name), "Number" | "Float"))
}

fn basename(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or_default()
}

/// An integer. JSON Schema takes `1.0` for one too, so it is one as long as a double holds it exactly.
fn long(raw: &str) -> Option<i64> {
    if let Ok(value) = raw.parse() {
        return Some(value);
    }
    if !raw.contains(['.', 'e', 'E']) {
        return None;
    }
    let value: f64 = raw.parse().ok()?;
    // Written in full, without exponent: what is left of the point is the integer.
    (value.fract() == 0.0 && value.abs() < limits::EXACT_DOUBLE).then(|| format!("{value:.0}"))?.parse().ok()
}

/// A decimal in ten-thousandths. More digits than that would be rounded, and are refused.
fn decimal(raw: &str) -> Option<i64> {
    if raw.contains(['e', 'E']) {
        return None;
    }
    let text = match raw.split_once('.') {
        None => format!("{raw}.0"),
        Some((whole, fraction)) => {
            let fraction = fraction.trim_end_matches('0');
            format!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction })
        }
    };
    parse_decimal(&text).ok()
}

/// Cedar's text for a datetime, or that of RFC 3339, whose offset has a colon.
fn datetime(text: &str) -> Option<i64> {
    if let Ok(millis) = parse_datetime(text) {
        return Some(millis);
    }
    let colon = text.len().checked_sub(3)?;
    let (head, tail) = text.split_at_checked(colon)?;
    let has_offset = head.len() > 3 && head.get(head.len() - 3..).is_some_and(|offset| offset.starts_with(['+', '-']));
    let minutes = tail.strip_prefix(':').filter(|_| has_offset)?;
    parse_datetime(&format!("{head}{minutes}")).ok()
}
