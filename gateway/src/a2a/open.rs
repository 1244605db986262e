//! A route to an A2A agent, checked and ready.

use super::operation::Operation;
use super::push;
use super::version::A2aVersion;
use crate::identity::RouteSlots;
use crate::limits;
use crate::route::{IdTemplate, OpenCall, PathTemplate};
use crate::section::{
    self, A2aDenial, A2aRoute, AgentCard, OperationAction, PushTarget, ResourceTemplate, SectionError,
    SectionErrorKind, TenantMode,
};

/// The endpoint of an agent.
#[derive(Debug)]
pub(crate) struct OpenA2a {
    pub(crate) agent_type: String,
    pub(crate) agent_id: IdTemplate,
    pub(crate) tenant_in_id: bool,
    /// Bytes.
    pub(crate) max_body: u32,
    /// Ascending.
    pub(crate) versions: Vec<A2aVersion>,
    pub(crate) denial: A2aDenial,
    pub(super) tenant: TenantMode,
    pub(super) origins: Vec<String>,
    pub(super) card: AgentCard,
    pub(super) push_targets: Vec<PushTarget>,
    pub(super) skill: Option<String>,
    /// How many segments of a path are the endpoint's own.
    pub(super) base: usize,
    /// By operation, as in the table.
    operations: Vec<(&'static str, OpenOperation)>,
}

/// What an operation means.
#[derive(Debug)]
pub(super) struct OpenOperation {
    pub(super) call: OpenCall,
    pub(super) on_agent: bool,
    pub(super) task: Option<String>,
}

impl OpenA2a {
    /// `base` is the number of segments that all paths of the endpoint begin with.
    pub(crate) fn open(
        raw: A2aRoute,
        template: &PathTemplate,
        base: usize,
        slots: &mut RouteSlots,
        place: &str,
    ) -> Result<Self, SectionError> {
        let A2aRoute {
            host: _,
            path: _,
            agent,
            rules: _,
            max_body_bytes,
            mut versions,
            denial,
            tenant,
            tenant_in_id,
            origins,
            card,
            push_targets,
            skill,
            operations,
        } = raw;
        let error = |kind, what: &str| SectionError::new(kind, format!("{what} of {place}"));
        let ResourceTemplate { entity_type: agent_type, id } = agent;
        section::check_type_name(&agent_type, place)?;
        let agent_id = IdTemplate::parse(&id, template)?;
        // A tenant has no `:`, so that the last one ends what stands before it.
        let is_apart = !tenant_in_id || !agent_id.has_values() || id.ends_with(':');
        if !agent_id.is_one_segment() || !is_apart || (tenant_in_id && tenant != TenantMode::Required) {
            return Err(error(SectionErrorKind::Template, "the agent id"));
        }
        if max_body_bytes == 0 || max_body_bytes > limits::BODY_MAX_BYTES {
            return Err(error(SectionErrorKind::Range, "the body limit"));
        }
        let count = versions.len();
        versions.sort_unstable();
        versions.dedup();
        if versions.is_empty() || versions.len() != count {
            return Err(error(SectionErrorKind::Duplicate, "the versions"));
        }
        if origins.len() > limits::WEB_ORIGINS {
            return Err(error(SectionErrorKind::Limit, "the origins"));
        }
        if skill.as_ref().is_some_and(|skill| skill.is_empty() || !skill.is_ascii()) {
            return Err(error(SectionErrorKind::Name, "the skill"));
        }
        push::check(&push_targets, place)?;
        let mut open = Vec::with_capacity(operations.len());
        for raw in operations {
            let (name, operation) = operation(raw, template, slots, place)?;
            if open.iter().any(|(known, _)| *known == name) {
                return Err(error(SectionErrorKind::Duplicate, name));
            }
            open.push((name, operation));
        }
        Ok(Self {
            agent_type,
            agent_id,
            tenant_in_id,
            max_body: max_body_bytes,
            versions,
            denial,
            tenant,
            origins,
            card,
            push_targets,
            skill,
            base,
            operations: open,
        })
    }

    /// Every action that a request may be about.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &OpenCall> {
        self.operations.iter().map(|(_, operation)| &operation.call)
    }

    /// Whether anybody may have the agent's card.
    pub(crate) fn has_public_card(&self) -> bool {
        self.card.public
    }

    pub(super) fn operation(&self, name: &str) -> Option<&OpenOperation> {
        self.operations.iter().find_map(|(known, operation)| (*known == name).then_some(operation))
    }
}

fn operation(
    raw: OperationAction,
    template: &PathTemplate,
    slots: &mut RouteSlots,
    place: &str,
) -> Result<(&'static str, OpenOperation), SectionError> {
    let OperationAction { operation, action, on_agent, task, context } = raw;
    let place = format!("the operation `{operation}` of {place}");
    let error = |kind| SectionError::new(kind, place.as_str());
    let known = Operation::named(&operation).ok_or_else(|| error(SectionErrorKind::Source))?;
    if let Some(task) = &task {
        section::check_type_name(task, &place)?;
    }
    if (task.is_some() && !known.has_task()) || (task.is_none() && !on_agent) {
        return Err(error(SectionErrorKind::Type));
    }
    let call = OpenCall::open(action, context, template, slots, &place)?;
    Ok((known.name, OpenOperation { call, on_agent, task }))
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// An agent `planner` at `/planner` with every operation and optional tenants, and a small body limit.
    pub(crate) fn route() -> A2aRoute {
        serde_json::from_str(include_str!("testing.json")).unwrap()
    }

    pub(crate) fn open_with(change: impl FnOnce(&mut A2aRoute)) -> Result<OpenA2a, SectionErrorKind> {
        let mut raw = route();
        change(&mut raw);
        let template = PathTemplate::parse("/{name}/planner/{rest*}").unwrap();
        OpenA2a::open(raw, &template, 2, &mut RouteSlots::default(), "test").map_err(|error| error.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::open_with;
    use super::*;
    use SectionErrorKind as Kind;

    #[test]
    fn bad_routes_are_refused() {
        let refused = |change: fn(&mut A2aRoute)| open_with(change).err();
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|raw| raw.agent.id = "a/b".to_owned()), Some(Kind::Template));
        assert_eq!(refused(|raw| raw.agent.id = "{rest}".to_owned()), Some(Kind::Template));
        assert_eq!(refused(|raw| raw.agent.id = "{name}".to_owned()), None);
        assert_eq!(refused(|raw| raw.tenant_in_id = true), Some(Kind::Template), "tenants are optional");
        let in_id = |raw: &mut A2aRoute, id: &str| {
            (raw.tenant, raw.tenant_in_id, raw.agent.id) = (TenantMode::Required, true, id.to_owned());
        };
        assert_eq!(open_with(|raw| in_id(raw, "p")).err(), None);
        assert_eq!(open_with(|raw| in_id(raw, "{name}:")).err(), None);
        assert_eq!(open_with(|raw| in_id(raw, "{name}")).err(), Some(Kind::Template));
        assert_eq!(refused(|raw| raw.agent.entity_type = "a b".to_owned()), Some(Kind::Name));
        assert_eq!(refused(|raw| raw.max_body_bytes = 0), Some(Kind::Range));
        assert_eq!(refused(|raw| raw.max_body_bytes = limits::BODY_MAX_BYTES + 1), Some(Kind::Range));
        assert_eq!(refused(|raw| raw.versions.clear()), Some(Kind::Duplicate));
        assert_eq!(refused(|raw| raw.versions.push(A2aVersion::V0_3)), Some(Kind::Duplicate));
        assert_eq!(refused(|raw| raw.skill = Some(String::new())), Some(Kind::Name));
        assert_eq!(refused(|raw| raw.operations[0].operation = "Send".to_owned()), Some(Kind::Source));
        assert_eq!(refused(|raw| raw.operations[0] = raw.operations[1].clone()), Some(Kind::Duplicate));
        let at = |raw: &mut A2aRoute, name: &str| raw.operations.iter().position(|o| o.operation == name).unwrap();
        let list = open_with(|raw| {
            let list = at(raw, "ListTasks");
            raw.operations[list].task = Some("Task".to_owned());
        });
        assert_eq!(list.err(), Some(Kind::Type), "a list is about no one task");
        assert_eq!(refused(|raw| raw.operations[0].on_agent = false), None);
        let nothing = open_with(|raw| (raw.operations[0].on_agent, raw.operations[0].task) = (false, None));
        assert_eq!(nothing.err(), Some(Kind::Type));
    }
}
