//! What a request says of itself.

use std::borrow::Cow;

use super::operation::Operation;
use super::url::TargetUrl;
use super::version::A2aVersion;
use crate::section::A2aMember;

/// The form of requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binding {
    JsonRpc,
    Rest,
}

impl Binding {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::JsonRpc => "jsonrpc",
            Self::Rest => "rest",
        }
    }
}

/// What a request offers to the context, and to the record.
#[derive(Clone, Debug)]
pub(crate) struct A2aFacts<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) version: A2aVersion,
    pub(crate) binding: Binding,
    pub(crate) task: Option<Cow<'a, str>>,
    pub(crate) context: Option<Cow<'a, str>>,
    pub(crate) tenant: Option<Cow<'a, str>>,
    pub(crate) message_id: Option<Cow<'a, str>>,
    pub(crate) role: Option<&'static str>,
    pub(crate) skill: Option<Cow<'a, str>>,
    pub(crate) push_config: Option<Cow<'a, str>>,
    pub(crate) push: Option<PushTo<'a>>,
    pub(crate) extensions: Vec<Cow<'a, str>>,
    pub(crate) references: Vec<Cow<'a, str>>,
    pub(crate) output_modes: Vec<Cow<'a, str>>,
}

/// Where push notifications are to go, and may.
#[derive(Clone, Debug)]
pub(crate) struct PushTo<'a> {
    pub(crate) url: Cow<'a, str>,
    pub(crate) target: TargetUrl,
}

impl<'a> A2aFacts<'a> {
    pub(super) fn new(operation: &'static Operation, version: A2aVersion, binding: Binding) -> Self {
        Self {
            operation,
            version,
            binding,
            task: None,
            context: None,
            tenant: None,
            message_id: None,
            role: None,
            skill: None,
            push_config: None,
            push: None,
            extensions: Vec::new(),
            references: Vec::new(),
            output_modes: Vec::new(),
        }
    }

    /// The text of a member; `None` where there is none, and for members that are sets.
    pub(crate) fn text(&self, member: A2aMember) -> Option<&str> {
        match member {
            A2aMember::Operation => Some(self.operation.name),
            A2aMember::Version => Some(self.version.as_str()),
            A2aMember::Binding => Some(self.binding.as_str()),
            A2aMember::Task => self.task.as_deref(),
            A2aMember::Context => self.context.as_deref(),
            A2aMember::Tenant => self.tenant.as_deref(),
            A2aMember::MessageId => self.message_id.as_deref(),
            A2aMember::Role => self.role,
            A2aMember::Skill => self.skill.as_deref(),
            A2aMember::PushConfig => self.push_config.as_deref(),
            A2aMember::PushUrl => self.push.as_ref().map(|push| &*push.url),
            A2aMember::PushHost => self.push.as_ref().map(|push| push.target.host.as_str()),
            A2aMember::Extensions | A2aMember::References | A2aMember::OutputModes => None,
        }
    }

    /// The elements of a member that is a set; `None` for members that are texts.
    pub(crate) fn set(&self, member: A2aMember) -> Option<&[Cow<'a, str>]> {
        match member {
            A2aMember::Extensions => Some(&self.extensions),
            A2aMember::References => Some(&self.references),
            A2aMember::OutputModes => Some(&self.output_modes),
            A2aMember::Operation
            | A2aMember::Version
            | A2aMember::Binding
            | A2aMember::Task
            | A2aMember::Context
            | A2aMember::Tenant
            | A2aMember::MessageId
            | A2aMember::Role
            | A2aMember::Skill
            | A2aMember::PushConfig
            | A2aMember::PushUrl
            | A2aMember::PushHost => None,
        }
    }
}
