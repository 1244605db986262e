//! The Cedar request: identity, route and context become one question to the engine.

use palisade_engine::{CompiledPolicySet, DecideError, Decision, EntityId, Request, Scratch, Value};

use crate::identity::{Datum, Person};
use crate::outcome::Unavailable;
use crate::route::{ContextFault, ContextInput, OpenRoute};
use crate::section::{AttributeType, PrincipalMapping};

/// Why the engine was not asked, or gave no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EvaluateFault<'a> {
    Context(ContextFault<'a>),
    Unavailable(Unavailable),
}

/// Asks the policies whether somebody may do what a route is about.
pub(crate) fn evaluate<'s, 'a>(
    policies: &'s CompiledPolicySet,
    scratch: &'s mut Scratch,
    mapping: &'a PrincipalMapping,
    person: &Person,
    route: &'a OpenRoute,
    resource_id: &str,
    input: &ContextInput<'a>,
) -> Result<Decision<'s>, EvaluateFault<'a>> {
    let mut builder = Builder { request: Request::new(policies, scratch), fields: Vec::new(), elements: Vec::new() };
    let principal = builder.principal(mapping, person)?;
    let action = builder.request.entity(&route.action.entity_type, &route.action.id);
    let resource = builder.request.entity(&route.resource_type, resource_id);
    let context = builder.context(route, input)?;
    builder.request.decide(principal, action, resource, context).map_err(|error| {
        EvaluateFault::Unavailable(match error {
            DecideError::BudgetSpent => Unavailable::BudgetSpent,
            DecideError::RequestTooLarge => Unavailable::RequestTooLarge,
            DecideError::AncestorRedefined => Unavailable::AncestorRedefined,
            DecideError::Internal => Unavailable::Internal,
        })
    })
}

/// Builds one request. The two vectors serve as stacks, so that nested values share them.
struct Builder<'a, 'n> {
    request: Request<'a>,
    fields: Vec<(&'n str, Value)>,
    elements: Vec<Value>,
}

impl<'n> Builder<'_, 'n> {
    /// The principal, with what its token says of it.
    fn principal(&mut self, mapping: &'n PrincipalMapping, person: &Person) -> Result<EntityId, Fault> {
        let principal = self.request.entity(&mapping.entity_type, &person.id);
        let named = mapping.attributes.iter().zip(&person.attributes);
        for (attribute, datum) in named {
            if let Some(datum) = datum {
                let value = self.value(datum, &attribute.attribute_type)?;
                self.fields.push((&attribute.name, value));
            }
        }
        let mut parents = Vec::with_capacity(person.parents.len());
        for (position, id) in &person.parents {
            let parent = mapping.parents.get(*position).ok_or(Fault)?;
            parents.push(self.request.entity(&parent.entity_type, id));
        }
        // With nothing to say, the store keeps the last word on whether the principal exists.
        if !self.fields.is_empty() || !parents.is_empty() {
            let attributes = self.request.record(&self.fields);
            self.request.define(principal, attributes, &parents);
        }
        self.fields.clear();
        Ok(principal)
    }

    fn context<'a>(&mut self, route: &'n OpenRoute, input: &ContextInput<'a>) -> Result<Value, EvaluateFault<'a>>
    where
        'n: 'a,
    {
        for entry in &route.context {
            if let Some(datum) = entry.read(input).map_err(EvaluateFault::Context)? {
                let value = self.value(&datum, &entry.attribute_type)?;
                self.fields.push((&entry.name, value));
            }
        }
        Ok(self.request.record(&self.fields))
    }

    /// A value. Its depth is bounded by that of its type.
    fn value(&mut self, datum: &Datum, attribute_type: &'n AttributeType) -> Result<Value, Fault> {
        Ok(match (datum, attribute_type) {
            (Datum::Bool(value), _) => Value::from(*value),
            (Datum::Long(value), _) => Value::from(*value),
            (Datum::Decimal(value), _) => Value::Decimal(*value),
            (Datum::Datetime(value), _) => Value::Datetime(*value),
            (Datum::Duration(value), _) => Value::Duration(*value),
            (Datum::Text(id), AttributeType::Entity(entity_type)) => Value::from(self.request.entity(entity_type, id)),
            (Datum::Text(text), AttributeType::Ip) => self.request.ip(text).map_err(|_| Fault)?,
            (Datum::Text(text), _) => self.request.string(text),
            (Datum::Set(data), AttributeType::Set(element_type)) => {
                let start = self.elements.len();
                for datum in data {
                    let element = self.value(datum, element_type)?;
                    self.elements.push(element);
                }
                let set = self.request.set(self.elements.get(start..).unwrap_or_default());
                self.elements.truncate(start);
                set
            }
            (Datum::Record(data), AttributeType::Record(types)) => {
                let start = self.fields.len();
                for (datum, field) in data.iter().zip(types) {
                    if let Some(datum) = datum {
                        let value = self.value(datum, &field.attribute_type)?;
                        self.fields.push((&field.name, value));
                    }
                }
                let record = self.request.record(self.fields.get(start..).unwrap_or_default());
                self.fields.truncate(start);
                record
            }
            // Data are made by the type they are read with; anything else is a defect, and denies.
            (Datum::Set(_) | Datum::Record(_), _) => return Err(Fault),
        })
    }
}

/// A contradiction between a value and its type. Cannot happen; denies if it does.
struct Fault;

impl From<Fault> for EvaluateFault<'_> {
    fn from(_: Fault) -> Self {
        Self::Unavailable(Unavailable::Internal)
    }
}
