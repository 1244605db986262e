//! What is not known of a call while it is merely listed: the arguments of a tool, the URI behind a template.

use std::collections::BTreeMap;

use palisade_engine::{CompiledPolicySet, Field, Type, Unknown};

use super::open::{CallResource, INPUT, OpenMethod, OpenTool};
use crate::route::OpenSource;
use crate::section::{AttributeType, MessageMember, RecordField};

/// How much of a listed call is known.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Known<'a> {
    /// All that policy is asked.
    All,
    /// All but an attribute of the context.
    But(&'a PartUnknown),
    /// So little that nothing can be said: it could be allowed.
    Little,
}

/// An attribute of the context that is not known.
#[derive(Debug)]
pub(crate) struct PartUnknown {
    pub(crate) attribute: String,
    pub(crate) part: Unknown,
}

/// What is not known of reading a resource of which only a template is known.
#[derive(Debug)]
pub(super) enum TemplateUnknown {
    /// Nothing that policy would be asked.
    Nothing,
    Part(PartUnknown),
    /// The resource itself, or several attributes.
    More,
}

impl PartUnknown {
    fn new(policies: &CompiledPolicySet, attribute: &str, of: Type) -> Self {
        Self { attribute: attribute.to_owned(), part: Unknown::new(policies, attribute, of) }
    }
}

/// The arguments of tools. Those of one type are one unknown, so that what was found for a tool is known of the next.
#[derive(Default)]
pub(super) struct ToolUnknowns(BTreeMap<Type, Unknown>);

impl ToolUnknowns {
    pub(super) fn of(&mut self, policies: &CompiledPolicySet, tool: &OpenTool) -> PartUnknown {
        let of = layout(&tool.input);
        let part = self.0.entry(of.clone()).or_insert_with(|| Unknown::new(policies, INPUT, of)).clone();
        PartUnknown { attribute: INPUT.to_owned(), part }
    }
}

/// The URI, wherever a read of a resource tells it to policy.
pub(super) fn of_template(policies: &CompiledPolicySet, read: &OpenMethod) -> TemplateUnknown {
    let is_uri = |source: &OpenSource| matches!(source, OpenSource::Message(MessageMember::Uri));
    let mut entries = read.call.context.iter().filter(|entry| is_uri(&entry.source));
    match (&read.resource, entries.next(), entries.next()) {
        (CallResource::Server, None, _) => TemplateUnknown::Nothing,
        (CallResource::Server, Some(entry), None) => {
            TemplateUnknown::Part(PartUnknown::new(policies, &entry.name, layout(&entry.attribute_type)))
        }
        (CallResource::Server | CallResource::Subject { .. }, _, _) => TemplateUnknown::More,
    }
}

/// A type as the engine has it.
fn layout(of: &AttributeType) -> Type {
    match of {
        AttributeType::Bool => Type::Bool,
        AttributeType::Long => Type::Long,
        AttributeType::String => Type::String,
        AttributeType::Decimal => Type::Decimal,
        AttributeType::Ip => Type::Ip,
        AttributeType::Datetime => Type::Datetime,
        AttributeType::Duration => Type::Duration,
        AttributeType::Entity(name) => Type::Entity(name.as_str().into()),
        AttributeType::Set(element) => Type::Set(Box::new(layout(element))),
        AttributeType::Record(fields) => Type::Record(fields.iter().map(field).collect()),
    }
}

fn field(field: &RecordField) -> Field {
    let RecordField { name, attribute_type, required } = field;
    Field { name: name.as_str().into(), required: *required, field_type: layout(attribute_type) }
}
