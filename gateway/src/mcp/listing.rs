//! What lists say there is, and what asking for each of it would mean.

use std::borrow::Cow;

use palisade_engine::EntityId;

use super::ask::{self, AskedCall, MessageFacts};
use super::error::McpError;
use super::method::STREAM_OPEN;
use super::open::OpenMcp;
use super::revision::Revision;
use super::unknown::{Known, TemplateUnknown};

/// The question that an item of a list stands for.
#[derive(Clone, Debug)]
pub(crate) struct ListedCall<'a> {
    pub(crate) asked: AskedCall<'a>,
    /// How much of it is known.
    pub(crate) known: Known<'a>,
    /// The action, where it was looked up before.
    pub(crate) action: Option<EntityId>,
}

/// A kind of list, told by the member of a result that holds its items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Tool,
    Prompt,
    Resource,
    Template,
}

impl Listed {
    pub(crate) const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    /// The member of a result that holds the items.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "resourceTemplates",
        }
    }

    /// The member of an item that says what it is asked for by.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Tool | Self::Prompt => "name",
            Self::Resource => "uri",
            Self::Template => "uriTemplate",
        }
    }

    /// The method that asks for an item.
    const fn method(self) -> &'static str {
        match self {
            Self::Tool => "tools/call",
            Self::Prompt => "prompts/get",
            Self::Resource | Self::Template => "resources/read",
        }
    }

    /// What asking for the item of that name would ask policy, its arguments apart. Where asking for it is refused whatever
    /// policy says, so is this.
    ///
    /// For a template it is what reading a resource asks, without the URI.
    pub(crate) fn question<'a>(
        self,
        mcp: &'a OpenMcp,
        revision: Revision,
        name: Cow<'a, str>,
    ) -> Result<ListedCall<'a>, McpError> {
        if !ask::is_subject(&name) {
            return Err(McpError::Subject);
        }
        let facts = MessageFacts::new(self.method(), revision);
        let facts = match self {
            Self::Tool => {
                let (asked, own) = ask::tool(mcp, MessageFacts { name: Some(name), ..facts })?;
                let known = match own {
                    None => Known::All,
                    Some(tool) => tool.unknown.as_ref().map_or(Known::Little, Known::But),
                };
                return Ok(ListedCall { asked, known, action: own.and_then(|tool| tool.action) });
            }
            Self::Prompt => MessageFacts { name: Some(name), ..facts },
            Self::Resource => MessageFacts { uri: Some(ask::checked_uri(name)?), ..facts },
            Self::Template => facts,
        };
        let open = mcp.method(self.method()).ok_or(McpError::MethodUndeclared)?;
        let asked = AskedCall { call: &open.call, resource: &open.resource, facts, arguments: None };
        let known = match (self, &mcp.template) {
            (Self::Tool | Self::Prompt | Self::Resource, _) | (Self::Template, Some(TemplateUnknown::Nothing)) => {
                Known::All
            }
            (Self::Template, Some(TemplateUnknown::Part(part))) => Known::But(part),
            (Self::Template, Some(TemplateUnknown::More) | None) => Known::Little,
        };
        Ok(ListedCall { asked, known, action: None })
    }
}

/// Whether the answer to a method may hold lists. The stream that GET opens may repeat any answer (2025-03-26, transports,
/// resumability), and in 2024-11-05 it is where all answers come.
pub(crate) fn may_list(method: &str) -> bool {
    matches!(method, "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" | STREAM_OPEN)
}
