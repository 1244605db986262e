//! Puts a request that cedar-policy loaded before the engine, so that both can be asked the same.

use cedar_policy_core::ast::{
    Context, Entity, EntityUID, EntityUIDEntry, Expr, ExprKind, Literal, PartialValue, Value as CedarValue, ValueKind,
};
use palisade_engine::{
    CompiledPolicySet, DecideError, Decision, EntityId, Opcode, Request, Scratch, Standing, Value, parse_datetime,
    parse_duration,
};

use super::error::CompileError;
use super::translate::operator_of;

/// The engine's decision on a request.
///
/// # Errors
/// Where the request has unknown parts, or the engine refuses to decide (`engine.…` codes).
pub fn ask<'a>(
    set: &'a CompiledPolicySet,
    scratch: &'a mut Scratch,
    request: &cedar_policy::Request,
) -> Result<Decision<'a>, CompileError> {
    ask_about(set, scratch, request, None)
}

/// The engine's decision on a request that describes an entity itself.
pub(crate) fn ask_about<'a>(
    set: &'a CompiledPolicySet,
    scratch: &'a mut Scratch,
    request: &cedar_policy::Request,
    entity: Option<&cedar_policy::Entity>,
) -> Result<Decision<'a>, CompileError> {
    let Question { request, principal, action, resource, context } = Question::new(set, scratch, request, entity)?;
    request.decide(principal, action, resource, context).map_err(refused)
}

/// The engine's decision on a request, with the standing of every policy by its index.
///
/// # Errors
/// As [`ask`].
pub(crate) fn ask_why<'a>(
    set: &'a CompiledPolicySet,
    scratch: &'a mut Scratch,
    request: &cedar_policy::Request,
) -> Result<(Decision<'a>, Vec<Standing>), CompileError> {
    let Question { request, principal, action, resource, context } = Question::new(set, scratch, request, None)?;
    request.explain(principal, action, resource, context).map_err(refused)
}

fn refused(error: DecideError) -> CompileError {
    CompileError::new(error.code(), "the engine refuses to decide this request")
}

/// A request in the engine's terms.
struct Question<'a> {
    request: Request<'a>,
    principal: EntityId,
    action: EntityId,
    resource: EntityId,
    context: Value,
}

impl<'a> Question<'a> {
    fn new(
        set: &'a CompiledPolicySet,
        scratch: &'a mut Scratch,
        request: &cedar_policy::Request,
        entity: Option<&cedar_policy::Entity>,
    ) -> Result<Self, CompileError> {
        let cedar: &cedar_policy_core::ast::Request = request.as_ref();
        let mut asked = Asked { request: Request::new(set, scratch) };
        if let Some(entity) = entity {
            asked.define(entity.as_ref())?;
        }
        let principal = asked.variable(cedar.principal())?;
        let action = asked.variable(cedar.action())?;
        let resource = asked.variable(cedar.resource())?;
        let context = match cedar.context() {
            Some(Context::Value(fields)) => asked.record(fields.iter())?,
            Some(Context::RestrictedResidual(_)) | None => return Err(unknown("context")),
        };
        Ok(Self { request: asked.request, principal, action, resource, context })
    }
}

fn unknown(part: &str) -> CompileError {
    CompileError::new("request.unknown", format!("the request's {part} is not known"))
}

struct Asked<'a> {
    request: Request<'a>,
}

impl Asked<'_> {
    fn variable(&mut self, entry: &EntityUIDEntry) -> Result<EntityId, CompileError> {
        match entry {
            EntityUIDEntry::Known { euid, .. } => Ok(self.entity(euid)),
            EntityUIDEntry::Unknown { .. } => Err(unknown("principal, action or resource")),
        }
    }

    fn entity(&mut self, uid: &EntityUID) -> EntityId {
        self.request.entity(&uid.entity_type().to_string(), uid.eid().as_ref())
    }

    fn define(&mut self, entity: &Entity) -> Result<(), CompileError> {
        let mut attributes = Vec::new();
        for (key, value) in entity.attrs() {
            let PartialValue::Value(value) = value else { return Err(unknown("principal")) };
            attributes.push((key, value));
        }
        let attributes = self.record(attributes.into_iter())?;
        let parents: Vec<EntityId> = entity.parents().map(|parent| self.entity(parent)).collect();
        let id = self.entity(entity.uid());
        self.request.define(id, attributes, &parents);
        Ok(())
    }

    fn record<'v, K: AsRef<str> + 'v>(
        &mut self,
        fields: impl Iterator<Item = (&'v K, &'v CedarValue)>,
    ) -> Result<Value, CompileError> {
        let mut all = Vec::new();
        for (key, value) in fields {
            all.push((key.as_ref(), self.value(value)?));
        }
        Ok(self.request.record(&all))
    }

    fn value(&mut self, value: &CedarValue) -> Result<Value, CompileError> {
        Ok(match value.value_kind() {
            ValueKind::Lit(Literal::Bool(value)) => Value::Bool(*value),
            ValueKind::Lit(Literal::Long(value)) => Value::Long(*value),
            ValueKind::Lit(Literal::String(text)) => self.request.string(text),
            ValueKind::Lit(Literal::EntityUID(uid)) => Value::Entity(self.entity(uid)),
            ValueKind::Set(set) => {
                let elements = set.iter().map(|element| self.value(element)).collect::<Result<Vec<_>, _>>()?;
                self.request.set(&elements)
            }
            ValueKind::Record(record) => self.record(record.iter())?,
            ValueKind::ExtensionValue(_) => self
                .extension(&Expr::from(value.clone()))
                .ok_or_else(|| CompileError::new("request.extension_value", "an extension value of an unknown kind"))?,
        })
    }

    /// An extension value from the call that stands for it.
    fn extension(&mut self, call: &Expr) -> Option<Value> {
        let ExprKind::ExtensionFunctionApp { fn_name, args } = call.expr_kind() else { return None };
        let operator = operator_of(&fn_name.to_string())?;
        if let (Opcode::Offset, [instant, offset]) = (operator, args.as_slice()) {
            return match (self.extension(instant)?, self.extension(offset)?) {
                (Value::Datetime(instant), Value::Duration(offset)) => instant.checked_add(offset).map(Value::Datetime),
                _ => None,
            };
        }
        let [argument] = args.as_slice() else { return None };
        let ExprKind::Lit(Literal::String(text)) = argument.expr_kind() else { return None };
        match operator {
            Opcode::Decimal => self.request.decimal(text).ok(),
            Opcode::Ip => self.request.ip(text).ok(),
            Opcode::Datetime => parse_datetime(text).ok().map(Value::Datetime),
            Opcode::Duration => parse_duration(text).ok().map(Value::Duration),
            _ => None,
        }
    }
}
