//! The entity store: attributes, tags and ancestors as Cedar computed them.

use cedar_policy::Entities;
use cedar_policy_core::ast::{
    Eid, Entity, EntityUID, Expr, ExprKind, Literal, PartialValue, Value as CedarValue, ValueKind,
};
use palisade_engine::{EntityId, Opcode, Value};

use super::error::CompileError;
use super::tables::Tables;
use super::translate::{constructor, fold_extension, operator_of};

/// Adds every entity of the store, in the order of their uids.
pub(crate) fn add(entities: &Entities, tables: &mut Tables) -> Result<(), CompileError> {
    let mut all: Vec<&Entity> = entities.iter().map(AsRef::as_ref).collect();
    all.sort_by_cached_key(|entity| sort_key(entity.uid()));
    for entity in all {
        add_entity(entity, tables).map_err(|error| CompileError {
            message: format!("{} (entity `{}`)", error.message, entity.uid()),
            ..error
        })?;
    }
    Ok(())
}

fn add_entity(entity: &Entity, tables: &mut Tables) -> Result<(), CompileError> {
    let id = uid(entity.uid(), tables);
    let attributes = fields(entity.attrs(), tables)?;
    let tags = fields(entity.tags(), tables)?;
    // Cedar keeps them in hash sets, whose order changes from run to run.
    let mut ancestors: Vec<&EntityUID> = entity.ancestors().collect();
    ancestors.sort_by_cached_key(|ancestor| sort_key(ancestor));
    let mut ancestors: Vec<EntityId> = ancestors.into_iter().map(|ancestor| uid(ancestor, tables)).collect();
    ancestors.sort_unstable();
    ancestors.dedup();
    for ancestor in &ancestors {
        if let Some(row) = tables.entity_mut(*ancestor) {
            row.is_ancestor = true;
        }
    }
    if let Some(row) = tables.entity_mut(id) {
        row.in_store = true;
        row.attributes = attributes;
        row.tags = tags;
        row.ancestors = ancestors;
    }
    Ok(())
}

fn sort_key(uid: &EntityUID) -> (String, Eid) {
    (uid.entity_type().to_string(), uid.eid().clone())
}

/// Interns a uid.
pub(crate) fn uid(uid: &EntityUID, tables: &mut Tables) -> EntityId {
    let eid: &str = uid.eid().as_ref();
    tables.entity(&uid.entity_type().to_string(), eid)
}

/// The record of an entity's attributes or tags; none where there are none.
fn fields<'a, K: AsRef<str> + 'a>(
    fields: impl Iterator<Item = (&'a K, &'a PartialValue)>,
    tables: &mut Tables,
) -> Result<Option<palisade_engine::AggregateId>, CompileError> {
    let mut all = Vec::new();
    for (key, partial) in fields {
        let PartialValue::Value(known) = partial else {
            return Err(CompileError::new("compile.unknown_value", "an attribute's value is not known"));
        };
        all.push((key.as_ref().to_owned(), known));
    }
    if all.is_empty() {
        return Ok(None);
    }
    // Sorted, so that ids do not depend on the order in which Cedar's maps iterate.
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut record = Vec::with_capacity(all.len());
    for (key, known) in all {
        record.push((tables.string(&key), value(known, tables)?));
    }
    match tables.record(record)? {
        Value::Record(id) => Ok(Some(id)),
        _ => Ok(None),
    }
}

/// A Cedar value as a constant.
pub(crate) fn value(cedar: &CedarValue, tables: &mut Tables) -> Result<Value, CompileError> {
    match cedar.value_kind() {
        ValueKind::Lit(found) => Ok(literal(found, tables)),
        ValueKind::Set(set) => {
            let elements = set.iter().map(|element| value(element, tables)).collect::<Result<_, _>>()?;
            tables.set(elements)
        }
        ValueKind::Record(record) => {
            let fields = record
                .iter()
                .map(|(key, found)| Ok((tables.string(key), value(found, tables)?)))
                .collect::<Result<_, CompileError>>()?;
            tables.record(fields)
        }
        ValueKind::ExtensionValue(_) => extension(&Expr::from(cedar.clone()), tables)
            .ok_or_else(|| CompileError::new("compile.extension_value", "an extension value of an unknown kind")),
    }
}

/// A literal as a constant.
pub(crate) fn literal(literal: &Literal, tables: &mut Tables) -> Value {
    match literal {
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Long(value) => Value::Long(*value),
        Literal::String(text) => Value::String(tables.string(text)),
        Literal::EntityUID(found) => Value::Entity(uid(found, tables)),
    }
}

/// An extension value from the call that stands for it: a constructor, or for a computed instant the epoch's offset.
fn extension(call: &Expr, tables: &mut Tables) -> Option<Value> {
    let ExprKind::ExtensionFunctionApp { fn_name, args } = call.expr_kind() else { return None };
    let operator = operator_of(&fn_name.to_string())?;
    match (operator, args.as_slice()) {
        (Opcode::Offset, [instant, offset]) => match (extension(instant, tables)?, extension(offset, tables)?) {
            (Value::Datetime(instant), Value::Duration(offset)) => instant.checked_add(offset).map(Value::Datetime),
            _ => None,
        },
        (operator, [argument]) if constructor(operator) => match argument.expr_kind() {
            ExprKind::Lit(Literal::String(text)) => fold_extension(operator, text, tables),
            _ => None,
        },
        _ => None,
    }
}
