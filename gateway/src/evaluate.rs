//! The Cedar request: identity, route and context become one question to the engine.

use palisade_engine::{CompiledPolicySet, DecideError, Decision, EntityId, Request, Scratch, Value};

use crate::identity::{Datum, Person};
use crate::mcp::{ArgumentFault, Arguments, INPUT};
use crate::outcome::Unavailable;
use crate::route::{ContextFault, ContextInput, OpenCall};
use crate::section::{AttributeType, PrincipalMapping, RecordField};

/// Why the engine was not asked, or gave no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EvaluateFault<'a> {
    Context(ContextFault<'a>),
    Argument(ArgumentFault),
    Unavailable(Unavailable),
}

/// What the policies are asked, besides who is asking.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'n, 'q> {
    pub(crate) call: &'n OpenCall,
    pub(crate) resource: Named<'q>,
    /// An entity that the resource is in, whatever the store says.
    pub(crate) parent: Option<Named<'q>>,
    pub(crate) arguments: Option<Arguments<'n>>,
    /// An attribute of the context that is not known, and left out.
    pub(crate) unknown: Option<&'q str>,
}

/// An entity by its name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'n> {
    pub(crate) entity_type: &'n str,
    pub(crate) id: &'n str,
}

/// Asks the policies whether somebody may do something.
pub(crate) fn evaluate<'s, 'n>(
    policies: &'s CompiledPolicySet,
    scratch: &'s mut Scratch,
    mapping: &'n PrincipalMapping,
    person: &Person,
    question: Question<'n, '_>,
    input: &ContextInput<'n>,
) -> Result<Decision<'s>, EvaluateFault<'n>> {
    let mut builder = Builder::new(policies, scratch, input.location);
    let principal = builder.principal(mapping, person)?;
    let Asked { action, resource, context } = builder.question(question, input)?;
    builder.request.decide(principal, action, resource, context).map_err(EvaluateFault::from)
}

/// A question, built.
pub(crate) struct Asked {
    pub(crate) action: EntityId,
    pub(crate) resource: EntityId,
    pub(crate) context: Value,
}

impl From<DecideError> for EvaluateFault<'_> {
    fn from(error: DecideError) -> Self {
        Self::Unavailable(match error {
            DecideError::BudgetSpent => Unavailable::BudgetSpent,
            DecideError::RequestTooLarge => Unavailable::RequestTooLarge,
            DecideError::AncestorRedefined => Unavailable::AncestorRedefined,
            DecideError::Internal => Unavailable::Internal,
        })
    }
}

/// Builds one request. The two vectors serve as stacks, so that nested values share them.
pub(crate) struct Builder<'r, 'n> {
    pub(crate) request: Request<'r>,
    /// The resource that the request is for, by its identifier.
    location: Option<&'n str>,
    pub(crate) fields: Vec<(&'n str, Value)>,
    pub(crate) elements: Vec<Value>,
}

impl<'r, 'n> Builder<'r, 'n> {
    /// `location` is the identifier of the resource that the request is for (RFC 9396).
    pub(crate) fn new(policies: &'r CompiledPolicySet, scratch: &'r mut Scratch, location: Option<&'n str>) -> Self {
        Self { request: Request::new(policies, scratch), location, fields: Vec::new(), elements: Vec::new() }
    }

    /// Everything of a question but the principal.
    pub(crate) fn question<'q>(
        &mut self,
        question: Question<'n, '_>,
        input: &ContextInput<'q>,
    ) -> Result<Asked, EvaluateFault<'q>>
    where
        'n: 'q,
    {
        let Question { call, resource, .. } = &question;
        let action = self.request.entity(&call.action.entity_type, &call.action.id);
        let resource = self.request.entity(resource.entity_type, resource.id);
        self.question_about([action, resource], question, input)
    }

    /// The same, where it is known which entities the action and the resource are.
    pub(crate) fn question_about<'q>(
        &mut self,
        [action, resource]: [EntityId; 2],
        question: Question<'n, '_>,
        input: &ContextInput<'q>,
    ) -> Result<Asked, EvaluateFault<'q>>
    where
        'n: 'q,
    {
        let Question { call, resource: _, parent, arguments, unknown } = question;
        if let Some(Named { entity_type, id }) = parent {
            let parent = self.request.entity(entity_type, id);
            let nothing = self.request.record(&[]);
            self.request.define(resource, nothing, &[parent]);
        }
        let context = self.context(call, arguments, unknown, input);
        // Whatever an entry failed at, nothing of it is in the next question.
        self.fields.clear();
        self.elements.clear();
        Ok(Asked { action, resource, context: context? })
    }

    /// The principal, with what its token says of it.
    pub(crate) fn principal(&mut self, mapping: &'n PrincipalMapping, person: &Person) -> Result<EntityId, Fault> {
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

    fn context<'q>(
        &mut self,
        call: &'n OpenCall,
        arguments: Option<Arguments<'n>>,
        unknown: Option<&str>,
        input: &ContextInput<'q>,
    ) -> Result<Value, EvaluateFault<'q>>
    where
        'n: 'q,
    {
        for entry in call.context.iter().filter(|entry| unknown != Some(entry.name.as_str())) {
            if let Some(datum) = entry.read(input).map_err(EvaluateFault::Context)? {
                let value = self.value(&datum, &entry.attribute_type)?;
                self.fields.push((&entry.name, value));
            }
        }
        if let Some(arguments) = arguments {
            let value = arguments.value(self).map_err(EvaluateFault::Argument)?;
            self.fields.push((INPUT, value));
        }
        Ok(self.request.record(&self.fields))
    }

    /// The record of all fields from `start` on, which are taken off the stack.
    pub(crate) fn close_record(&mut self, start: usize) -> Value {
        let record = self.request.record(self.fields.get(start..).unwrap_or_default());
        self.fields.truncate(start);
        record
    }

    /// The set of all elements from `start` on, which are taken off the stack.
    pub(crate) fn close_set(&mut self, start: usize) -> Value {
        let set = self.request.set(self.elements.get(start..).unwrap_or_default());
        self.elements.truncate(start);
        set
    }

    /// Pushes the product of some lists: a record for each choice of one value from each of them. How many there are was
    /// bounded when they were read.
    fn records(&mut self, lists: &[Vec<Option<Datum>>], fields: &'n [RecordField]) -> Result<(), Fault> {
        let mut values: Vec<Vec<Option<Value>>> = Vec::with_capacity(lists.len());
        for (list, field) in lists.iter().zip(fields) {
            let value = |datum: &Option<Datum>| match datum {
                Some(datum) => self.value(datum, &field.attribute_type).map(Some),
                None => Ok(None),
            };
            values.push(list.iter().map(value).collect::<Result<_, _>>()?);
        }
        let count: usize = values.iter().map(Vec::len).product();
        for number in 0..count {
            let start = self.fields.len();
            let mut rest = number;
            for (list, field) in values.iter().zip(fields) {
                if let Some(Some(value)) = list.get(rest % list.len()) {
                    self.fields.push((&field.name, *value));
                }
                rest /= list.len();
            }
            let record = self.close_record(start);
            self.elements.push(record);
        }
        Ok(())
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
                self.close_set(start)
            }
            (Datum::Record(data), AttributeType::Record(types)) => {
                let start = self.fields.len();
                for (datum, field) in data.iter().zip(types) {
                    if let Some(datum) = datum {
                        let value = self.value(datum, &field.attribute_type)?;
                        self.fields.push((&field.name, value));
                    }
                }
                self.close_record(start)
            }
            (Datum::Rights(rights), AttributeType::Set(element_type)) => {
                let AttributeType::Record(fields) = &**element_type else {
                    return Err(Fault);
                };
                let start = self.elements.len();
                let location = self.location;
                for right in rights.iter().filter(|right| right.holds_at(location)) {
                    self.records(&right.lists, fields)?;
                }
                self.close_set(start)
            }
            // Data are made by the type they are read with; anything else is a defect, and denies.
            (Datum::Set(_) | Datum::Record(_) | Datum::Rights(_), _) => return Err(Fault),
        })
    }
}

/// A contradiction between a value and its type. Cannot happen; denies if it does.
pub(crate) struct Fault;

impl From<Fault> for EvaluateFault<'_> {
    fn from(_: Fault) -> Self {
        Self::Unavailable(Unavailable::Internal)
    }
}
