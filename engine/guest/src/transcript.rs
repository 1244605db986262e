//! Requests as bytes: the calls that build a request, written down and made again on the other side.
//!
//! A call is an opcode byte and its operands: `u32` and `i64` little-endian, text as its length and UTF-8, lists as
//! their length and elements. Calls that make a value number it, from 0 in each request; later calls name it by that
//! number. `Decide` and `Prospect` end a request.

use palisade_engine::{EntityId, Field, OnForbidError, Request, Type, Value};

/// A value of the request that is being written.
#[derive(Clone, Copy, Debug)]
pub struct Handle(u32);

/// The constructors of Cedar's extension types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// `decimal("…")`
    Decimal,
    /// `ip("…")`
    Ip,
    /// `datetime("…")`
    Datetime,
    /// `duration("…")`
    Duration,
}

const ENTITY: u8 = 0;
const BOOL: u8 = 1;
const LONG: u8 = 2;
const STRING: u8 = 3;
const DECIMAL: u8 = 4;
const IP: u8 = 5;
const DATETIME: u8 = 6;
const DURATION: u8 = 7;
const SET: u8 = 8;
const RECORD: u8 = 9;
const DEFINE: u8 = 10;
const DECIDE: u8 = 11;
const PROSPECT: u8 = 12;

/// Types that nest deeper are refused, as by a gateway.
const DEEPEST_TYPE: u32 = 16;

/// Requests, written down.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    bytes: Vec<u8>,
    values: u32,
}

impl Transcript {
    /// No request yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What a [`Session`](crate::Session) reads.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn made(&mut self) -> Handle {
        self.values += 1;
        Handle(self.values - 1)
    }

    fn number(&mut self, number: usize) {
        // No list or text of a test comes near four billion; one that did would be malformed for the reader.
        self.bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn handle(&mut self, handle: Handle) {
        self.bytes.extend(handle.0.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len());
        self.bytes.extend(text.as_bytes());
    }

    /// [`Request::entity`]
    pub fn entity(&mut self, type_name: &str, id: &str) -> Handle {
        self.bytes.push(ENTITY);
        self.text(type_name);
        self.text(id);
        self.made()
    }

    /// A boolean.
    pub fn bool(&mut self, value: bool) -> Handle {
        self.bytes.extend([BOOL, u8::from(value)]);
        self.made()
    }

    /// A long.
    pub fn long(&mut self, value: i64) -> Handle {
        self.bytes.push(LONG);
        self.bytes.extend(value.to_le_bytes());
        self.made()
    }

    /// [`Request::string`]
    pub fn string(&mut self, text: &str) -> Handle {
        self.bytes.push(STRING);
        self.text(text);
        self.made()
    }

    /// A value of an extension type, from its constructor's argument.
    pub fn extension(&mut self, constructor: Extension, text: &str) -> Handle {
        self.bytes.push(match constructor {
            Extension::Decimal => DECIMAL,
            Extension::Ip => IP,
            Extension::Datetime => DATETIME,
            Extension::Duration => DURATION,
        });
        self.text(text);
        self.made()
    }

    /// [`Request::set`]
    pub fn set(&mut self, elements: &[Handle]) -> Handle {
        self.bytes.push(SET);
        self.handles(elements);
        self.made()
    }

    /// [`Request::record`]
    pub fn record(&mut self, fields: &[(&str, Handle)]) -> Handle {
        self.bytes.push(RECORD);
        self.number(fields.len());
        for (key, value) in fields {
            self.text(key);
            self.handle(*value);
        }
        self.made()
    }

    /// [`Request::define`]
    pub fn define(&mut self, entity: Handle, attributes: Handle, parents: &[Handle]) {
        self.bytes.push(DEFINE);
        self.handle(entity);
        self.handle(attributes);
        self.handles(parents);
    }

    /// [`Request::decide`]; the next call begins another request.
    pub fn decide(&mut self, principal: Handle, action: Handle, resource: Handle, context: Handle) {
        self.bytes.push(DECIDE);
        for part in [principal, action, resource, context] {
            self.handle(part);
        }
        self.values = 0;
    }

    /// [`Request::prospect`], with an attribute of the context unknown; the next call begins another request.
    pub fn prospect(&mut self, parts: [Handle; 4], attribute: &str, of: &Type, on_forbid_error: OnForbidError) {
        self.bytes.push(PROSPECT);
        for part in parts {
            self.handle(part);
        }
        self.text(attribute);
        self.type_of(of);
        self.bytes.push(u8::from(on_forbid_error == OnForbidError::Deny));
        self.values = 0;
    }

    fn type_of(&mut self, of: &Type) {
        self.bytes.push(match of {
            Type::Bool => BOOL,
            Type::Long => LONG,
            Type::String => STRING,
            Type::Decimal => DECIMAL,
            Type::Datetime => DATETIME,
            Type::Duration => DURATION,
            Type::Ip => IP,
            Type::Entity(_) => ENTITY,
            Type::Set(_) => SET,
            Type::Record(_) => RECORD,
        });
        match of {
            Type::Entity(name) => self.text(name),
            Type::Set(element) => self.type_of(element),
            Type::Record(fields) => {
                self.number(fields.len());
                for Field { name, required, field_type } in fields {
                    self.text(name);
                    self.bytes.push(u8::from(*required));
                    self.type_of(field_type);
                }
            }
            _ => {}
        }
    }

    fn handles(&mut self, handles: &[Handle]) {
        self.number(handles.len());
        for handle in handles {
            self.handle(*handle);
        }
    }
}

/// The bytes are no transcript, or one that the engine's constructors refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// What a request asks, after all its values were made.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Who asks.
    pub principal: EntityId,
    /// What for.
    pub action: EntityId,
    /// On what.
    pub resource: EntityId,
    /// The rest of what is known.
    pub context: Value,
    /// What is not known of the context, where the request asks for its prospect.
    pub open: Option<Open>,
}

/// An attribute of the context that may have any value of a type, and what an error in a forbid policy means.
#[derive(Clone, Debug)]
pub struct Open {
    /// The attribute's name.
    pub attribute: String,
    /// Its type.
    pub of: Type,
    /// What an error means.
    pub on_forbid_error: OnForbidError,
}

/// Makes the calls of a transcript's requests again.
pub(crate) struct Replay<'t> {
    rest: &'t [u8],
    values: Vec<Value>,
    list: Vec<Value>,
    entities: Vec<EntityId>,
    fields: Vec<(&'t str, Value)>,
}

impl<'t> Replay<'t> {
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        Self { rest: bytes, values: Vec::new(), list: Vec::new(), entities: Vec::new(), fields: Vec::new() }
    }

    /// Begins again with other bytes, keeping the buffers.
    pub(crate) fn restart(&mut self, bytes: &'t [u8]) {
        self.rest = bytes;
    }

    /// The bytes that are not read yet.
    pub(crate) const fn rest(&self) -> &'t [u8] {
        self.rest
    }

    /// Builds the next request, up to its `Decide`.
    pub(crate) fn build(&mut self, request: &mut Request<'_>) -> Result<Asked, Malformed> {
        self.values.clear();
        loop {
            let value = match self.byte()? {
                ENTITY => Value::Entity(request.entity(self.text()?, self.text()?)),
                BOOL => Value::Bool(self.byte()? != 0),
                LONG => Value::Long(i64::from_le_bytes(self.array()?)),
                STRING => request.string(self.text()?),
                DECIMAL => request.decimal(self.text()?).map_err(|_| Malformed)?,
                IP => request.ip(self.text()?).map_err(|_| Malformed)?,
                DATETIME => request.datetime(self.text()?).map_err(|_| Malformed)?,
                DURATION => request.duration(self.text()?).map_err(|_| Malformed)?,
                SET => {
                    self.list.clear();
                    for _ in 0..self.number()? {
                        let element = self.value()?;
                        self.list.push(element);
                    }
                    request.set(&self.list)
                }
                RECORD => {
                    self.fields.clear();
                    for _ in 0..self.number()? {
                        let field = (self.text()?, self.value()?);
                        self.fields.push(field);
                    }
                    request.record(&self.fields)
                }
                DEFINE => {
                    let (entity, attributes) = (self.entity()?, self.value()?);
                    self.entities.clear();
                    for _ in 0..self.number()? {
                        let parent = self.entity()?;
                        self.entities.push(parent);
                    }
                    request.define(entity, attributes, &self.entities);
                    continue;
                }
                end @ (DECIDE | PROSPECT) => {
                    return Ok(Asked {
                        principal: self.entity()?,
                        action: self.entity()?,
                        resource: self.entity()?,
                        context: self.value()?,
                        open: if end == PROSPECT { Some(self.open()?) } else { None },
                    });
                }
                _ => return Err(Malformed),
            };
            self.values.push(value);
        }
    }

    fn open(&mut self) -> Result<Open, Malformed> {
        let (attribute, of) = (self.text()?.to_owned(), self.type_of(DEEPEST_TYPE)?);
        let on_forbid_error = if self.byte()? == 0 { OnForbidError::Skip } else { OnForbidError::Deny };
        Ok(Open { attribute, of, on_forbid_error })
    }

    fn type_of(&mut self, depth: u32) -> Result<Type, Malformed> {
        let inside = depth.checked_sub(1).ok_or(Malformed)?;
        Ok(match self.byte()? {
            BOOL => Type::Bool,
            LONG => Type::Long,
            STRING => Type::String,
            DECIMAL => Type::Decimal,
            DATETIME => Type::Datetime,
            DURATION => Type::Duration,
            IP => Type::Ip,
            ENTITY => Type::Entity(self.text()?.into()),
            SET => Type::Set(Box::new(self.type_of(inside)?)),
            RECORD => {
                let mut fields = Vec::new();
                for _ in 0..self.number()? {
                    let (name, required) = (self.text()?.into(), self.byte()? != 0);
                    fields.push(Field { name, required, field_type: self.type_of(inside)? });
                }
                Type::Record(fields.into())
            }
            _ => return Err(Malformed),
        })
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    fn text(&mut self) -> Result<&'t str, Malformed> {
        let length = self.number()? as usize;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        core::str::from_utf8(taken).map_err(|_| Malformed)
    }

    fn value(&mut self) -> Result<Value, Malformed> {
        let number = self.number()? as usize;
        self.values.get(number).copied().ok_or(Malformed)
    }

    fn entity(&mut self) -> Result<EntityId, Malformed> {
        match self.value()? {
            Value::Entity(entity) => Ok(entity),
            _ => Err(Malformed),
        }
    }
}
