//! What the parameters of an operation say: those of JSON-RPC, or the body of a REST request.

use std::borrow::Cow;

use super::error::A2aError;
use super::facts::{A2aFacts, Binding};
use super::members::{anywhere, member, object, text, texts};
use super::open::OpenA2a;
use super::operation::Subject;
use super::push;
use super::version::A2aVersion;
use crate::json::{JsonKind, JsonView};
use crate::rpc::{RpcError, looks_like};

/// Reads parameters into `facts`. In REST, task and tenant are those of the path; a body may repeat them.
pub(super) fn read<'a>(
    a2a: &'a OpenA2a,
    params: Option<JsonView<'a>>,
    facts: &mut A2aFacts<'a>,
) -> Result<(), A2aError> {
    tenant(params, facts)?;
    match (facts.operation.subject, facts.version) {
        (Subject::Agent, _) => facts.context = text(params, "contextId")?,
        (Subject::Message, _) => message(a2a, params, facts)?,
        (Subject::Task, _) => task_by(params, "id", facts)?,
        (Subject::NewPushConfig, _) => new_push_config(a2a, params, facts)?,
        (Subject::PushConfig | Subject::PushConfigs, A2aVersion::V1_0) => {
            task_by(params, "taskId", facts)?;
            facts.push_config = text(params, "id")?;
        }
        // There, `id` is the task's.
        (Subject::PushConfig | Subject::PushConfigs, A2aVersion::V0_3) => {
            task_by(params, "id", facts)?;
            facts.push_config = text(params, "pushNotificationConfigId")?;
        }
    }
    if facts.operation.subject == Subject::PushConfigs {
        facts.push_config = None;
    }
    resource_names(params, facts)
}

fn tenant<'a>(params: Option<JsonView<'a>>, facts: &mut A2aFacts<'a>) -> Result<(), A2aError> {
    let named = text(params, "tenant")?;
    match facts.binding {
        Binding::JsonRpc => facts.tenant = named,
        Binding::Rest => repeats(named.as_deref(), facts.tenant.as_deref(), A2aError::TenantMismatch)?,
    }
    Ok(())
}

/// The task, by the member that names it. A member `taskId` besides may only repeat it.
fn task_by<'a>(params: Option<JsonView<'a>>, name: &str, facts: &mut A2aFacts<'a>) -> Result<(), A2aError> {
    let named = text(params, name)?;
    match facts.binding {
        Binding::JsonRpc => facts.task = Some(named.ok_or(A2aError::MemberMissing)?),
        Binding::Rest => repeats(named.as_deref(), facts.task.as_deref(), A2aError::TaskMismatch)?,
    }
    repeats(text(params, "taskId")?.as_deref(), facts.task.as_deref(), A2aError::TaskMismatch)
}

fn message<'a>(a2a: &'a OpenA2a, params: Option<JsonView<'a>>, facts: &mut A2aFacts<'a>) -> Result<(), A2aError> {
    let mut message = object(params, "message")?;
    if (facts.binding, facts.version) == (Binding::Rest, A2aVersion::V0_3) {
        // The name of that field in the proto file.
        let other = object(params, "request")?;
        if message.is_some() && other.is_some() {
            return Err(RpcError::LookAlike.into());
        }
        message = message.or(other);
    }
    let message = Some(message.ok_or(A2aError::MemberMissing)?);
    facts.task = text(message, "taskId")?;
    facts.context = text(message, "contextId")?;
    facts.message_id = text(message, "messageId")?;
    facts.role = role(message)?;
    texts(message, "extensions", &mut facts.extensions)?;
    texts(message, "referenceTaskIds", &mut facts.references)?;
    if let Some(name) = &a2a.skill {
        for holder in [message, params] {
            let skill = skill(object(holder, "metadata")?, name)?;
            match (&facts.skill, skill) {
                (Some(known), Some(skill)) if *known != skill => return Err(A2aError::SkillMismatch),
                (None, Some(skill)) => facts.skill = Some(skill),
                (Some(_) | None, _) => {}
            }
        }
    }
    let configuration = object(params, "configuration")?;
    texts(configuration, "acceptedOutputModes", &mut facts.output_modes)?;
    push_to(a2a, configuration, facts)
}

/// Who wrote the message: the names of both versions, and no numbers, which ProtoJSON allows and policies do not know.
fn role(message: Option<JsonView<'_>>) -> Result<Option<&'static str>, A2aError> {
    Ok(match text(message, "role")?.as_deref() {
        None => None,
        Some("user" | "ROLE_USER") => Some("user"),
        Some("agent" | "ROLE_AGENT") => Some("agent"),
        Some(_) => return Err(A2aError::MemberType),
    })
}

/// A member of metadata, which has names of its owner's choice and one spelling for each.
fn skill<'a>(metadata: Option<JsonView<'a>>, name: &str) -> Result<Option<Cow<'a, str>>, A2aError> {
    let Some(metadata) = metadata else {
        return Ok(None);
    };
    if metadata.members().any(|(known, _)| looks_like(&known, name)) {
        return Err(RpcError::LookAlike.into());
    }
    match metadata.get(name).filter(|value| value.kind() != JsonKind::Null) {
        Some(value) => super::members::bounded(value),
        None => Ok(None),
    }
}

fn new_push_config<'a>(
    a2a: &'a OpenA2a,
    params: Option<JsonView<'a>>,
    facts: &mut A2aFacts<'a>,
) -> Result<(), A2aError> {
    task_by(params, "taskId", facts)?;
    facts.push_config = match facts.version {
        A2aVersion::V1_0 => text(params, "id")?,
        A2aVersion::V0_3 => text(object(params, "pushNotificationConfig")?, "id")?,
    };
    push_to(a2a, params, facts)?;
    if facts.push.is_some() { Ok(()) } else { Err(A2aError::PushCount) }
}

/// Where push notifications are to go. Versions and drafts nest the configuration differently, so that its URL is looked for
/// in all of it; there is one. What else it repeats has to be what the request is about.
fn push_to<'a>(a2a: &'a OpenA2a, holder: Option<JsonView<'a>>, facts: &mut A2aFacts<'a>) -> Result<(), A2aError> {
    let (mut urls, mut tasks, mut tenants) = (Vec::new(), Vec::new(), Vec::new());
    anywhere(holder, "url", &mut urls)?;
    anywhere(holder, "taskId", &mut tasks)?;
    anywhere(holder, "tenant", &mut tenants)?;
    for task in tasks {
        repeats(Some(&task), facts.task.as_deref(), A2aError::TaskMismatch)?;
    }
    for tenant in tenants {
        repeats(Some(&tenant), facts.tenant.as_deref(), A2aError::TenantMismatch)?;
    }
    if urls.len() > 1 {
        return Err(A2aError::PushCount);
    }
    facts.push = urls.pop().map(|url| push::target(&a2a.push_targets, url)).transpose()?;
    Ok(())
}

/// In 0.3, REST bodies may have resource names such as `tasks/TASK/pushNotificationConfigs/ID`: of this task.
fn resource_names<'a>(params: Option<JsonView<'a>>, facts: &A2aFacts<'a>) -> Result<(), A2aError> {
    if (facts.binding, facts.version) != (Binding::Rest, A2aVersion::V0_3) || !facts.operation.needs_task() {
        return Ok(());
    }
    let mut names = Vec::new();
    if facts.operation.subject == Subject::NewPushConfig {
        anywhere(params, "name", &mut names)?;
        anywhere(params, "parent", &mut names)?;
    } else if let Some(name) = member(params, "name")? {
        names.extend(super::members::bounded(name)?);
    }
    let task = facts.task.as_deref().unwrap_or_default();
    let is_of_task = |name: &Cow<'_, str>| {
        let rest = name.strip_prefix("tasks/").and_then(|rest| rest.strip_prefix(task));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("/pushNotificationConfigs"))
    };
    if names.iter().all(is_of_task) { Ok(()) } else { Err(A2aError::TaskMismatch) }
}

/// What stands in a second place may be missing there, or has to be the same.
pub(super) fn repeats(named: Option<&str>, known: Option<&str>, error: A2aError) -> Result<(), A2aError> {
    if named.is_none() || named == known { Ok(()) } else { Err(error) }
}
