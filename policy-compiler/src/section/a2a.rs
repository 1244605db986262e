//! Routes with `protocol = "a2a"`: the actions of the schema say which operations there are.
//!
//! An action of the agent's namespace is an operation if its id is one. Every other action is none of the route's business.

use std::collections::BTreeSet;

use cedar_policy::{EntityTypeName, EntityUid};
use palisade_gateway::section::{
    A2aDenial, A2aMember, A2aRoute, AgentCard, OperationAction, PushTarget, ResourceTemplate, Source, TenantMode,
};
use palisade_gateway::{A2A_OPERATIONS, A2aOperation, A2aVersion, limits};
use toml::Spanned;

use super::choice::{Words, choice};
use super::issuers::unknown_type;
use super::mcp::action_ref;
use super::routes::{Callers, Sources, check_names, context, rules};
use super::template;
use super::types::SchemaTypes;
use crate::diagnostic::Findings;
use crate::project::{CardTable, ResourceTable, RouteTable, at};

pub(super) fn route(
    table: &RouteTable,
    callers: &Callers<'_>,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Option<A2aRoute> {
    let RouteTable {
        host,
        path,
        resource,
        versions,
        denial,
        max_body_bytes,
        origins,
        tenant,
        card,
        push_targets,
        skill,
        ..
    } = table;
    let ResourceTable { entity_type, id } = resource;
    let names = template::names(path.as_ref());
    let tenant = choice(tenant.as_ref(), "tenant", &TENANTS, findings);
    let (id_text, tenant_in_id) = agent_id(id, &names, tenant, findings);
    let rules = rules(table, callers, None, types, findings);
    let versions = self::versions(versions.as_ref(), findings);
    let denial = choice(denial.as_ref(), "denial", &DENIALS, findings);
    let push_targets = self::push_targets(push_targets.as_ref(), findings);
    let card = card.as_ref().map_or_else(CardTable::default, |card| card.as_ref().clone());
    let Some(agent) = types.entity_type(entity_type.as_ref()) else {
        findings.push(unknown_type("route.unknown_type", entity_type, types));
        return None;
    };
    let operations = operations(table, agent, types, findings);
    if operations.is_empty() {
        let message = format!("the schema declares no operation that applies to `{agent}`");
        let help = "declare actions such as `SendMessage` and `GetTask`";
        findings.push(at("route.a2a_empty", entity_type, message).with_help(help));
    }
    Some(A2aRoute {
        host: host.as_ref().map(|host| host.as_ref().clone()),
        path: path.as_ref().clone(),
        agent: ResourceTemplate { entity_type: entity_type.as_ref().clone(), id: id_text },
        rules: rules?,
        max_body_bytes: max_body_bytes.as_ref().map_or(limits::BODY_BYTES, |bytes| *bytes.as_ref()),
        versions,
        denial: denial?,
        tenant: tenant?,
        tenant_in_id,
        origins: origins.iter().flat_map(|list| list.as_ref()).map(|origin| origin.as_ref().clone()).collect(),
        card: AgentCard { path: card.path.map(|path| path.as_ref().clone()), public: card.public },
        push_targets,
        skill: skill.as_ref().map(|skill| skill.as_ref().clone()),
        operations,
    })
}

/// The agent's id without `{tenant}` at its end, and whether it was there. A path with a name of its own called so is
/// meant first.
fn agent_id(
    id: &Spanned<String>,
    names: &[&str],
    tenant: Option<TenantMode>,
    findings: &mut Findings,
) -> (String, bool) {
    let Some(before) = id.as_ref().strip_suffix("{tenant}").filter(|_| !names.contains(&"tenant")) else {
        check_names(id, names, findings);
        return (id.as_ref().clone(), false);
    };
    if tenant.is_some_and(|tenant| tenant != TenantMode::Required) {
        let message = "not every request of the route names a tenant";
        findings.push(at("route.unknown_name", id, message).with_help("add `tenant = \"required\"`"));
    }
    let before = Spanned::new(id.span(), before.to_owned());
    check_names(&before, names, findings);
    (before.into_inner(), true)
}

fn operations(
    table: &RouteTable,
    agent: &EntityTypeName,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Vec<OperationAction> {
    let mut operations = Vec::new();
    let mut used = BTreeSet::new();
    for uid in types.actions_of(&agent.namespace()) {
        let row = A2A_OPERATIONS.iter().find(|operation| operation.name == uid.id().unescaped());
        let is_group = types.principals(uid).is_empty() || types.resources(uid).is_empty();
        let Some(row) = row.filter(|_| !is_group) else {
            continue;
        };
        let Some((on_agent, task)) = resource(uid, row, table, agent, types, findings) else {
            continue;
        };
        let known = types.context(uid);
        used.extend(known.iter().map(|attribute| attribute.name.clone()));
        let context = context(table, uid, known, Sources::A2a, findings);
        let reads_skill = context.iter().any(|entry| entry.source == Source::A2a(A2aMember::Skill));
        if reads_skill && table.skill.is_none() {
            let message = "nothing says which member of a message's metadata names a skill";
            findings.push(at("route.source", &table.path, message).with_help("add `skill = \"…\"`"));
        }
        let operation = row.name.to_owned();
        operations.push(OperationAction { operation, action: action_ref(uid), on_agent, task, context });
    }
    for name in table.context.keys().filter(|name| !used.contains(name.as_ref())) {
        let message = format!("no operation of this agent has `{}` in its context", name.as_ref());
        findings.push(at("route.unknown_context", name, message));
    }
    operations
}

/// Whether an operation applies to the agent, and the type of the tasks that it applies to.
fn resource(
    uid: &EntityUid,
    row: &A2aOperation,
    table: &RouteTable,
    agent: &EntityTypeName,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Option<(bool, Option<String>)> {
    let on = types.resources(uid);
    let tasks: Vec<&EntityTypeName> =
        on.iter().copied().filter(|known| *known != agent && types.may_be_in(known, agent)).collect();
    let on_agent = on.contains(&agent);
    match tasks.as_slice() {
        [] if on_agent => return Some((true, None)),
        [task] if row.has_task() => return Some((on_agent, Some(task.to_string()))),
        // Another agent's.
        [] => return None,
        _ => {}
    }
    let message = match row.has_task() {
        true => format!("`{uid}` applies to several types that may be in `{agent}`, and a task is of one"),
        false => format!("`{uid}` is about the agent, and applies to more than `{agent}`"),
    };
    findings.push(at("route.resource_type", &table.resource.entity_type, message));
    None
}

fn versions(list: Option<&Spanned<Vec<Spanned<String>>>>, findings: &mut Findings) -> Vec<A2aVersion> {
    let Some(list) = list else {
        return A2aVersion::ALL.to_vec();
    };
    let words = Words {
        code: "route.revision",
        stranger: "is not a version",
        help: "versions",
        all: &A2aVersion::ALL.map(|version| (version.as_str(), version)),
    };
    let versions = words.read(list.as_ref(), findings);
    if list.as_ref().is_empty() {
        findings.push(at("route.revision", list, "a route needs a version"));
    }
    versions
}

fn push_targets(list: Option<&Spanned<Vec<Spanned<String>>>>, findings: &mut Findings) -> Vec<PushTarget> {
    let mut targets = Vec::new();
    if let Some(list) = list.filter(|list| list.as_ref().is_empty()) {
        // An empty list of what is allowed reads like nothing, and would be everything.
        let help = "leave it out for any public host; to allow none, declare no push operations and forbid `push_url`";
        findings.push(at("route.push_target", list, "a list of push targets has none").with_help(help));
    }
    for text in list.iter().flat_map(|list| list.as_ref()) {
        match PushTarget::parse(text.as_ref()) {
            Some(target) => targets.push(target),
            None => {
                let message = format!("`{}` is not a push target", text.as_ref());
                let help = "such as `hooks.example`, `*.hooks.example` or `http://10.0.0.7:8080`";
                findings.push(at("route.push_target", text, message).with_help(help));
            }
        }
    }
    targets
}

const DENIALS: [(&str, A2aDenial); 2] = [("http403", A2aDenial::Http403), ("hide", A2aDenial::Hide)];

const TENANTS: [(&str, TenantMode); 3] =
    [("refuse", TenantMode::Refuse), ("optional", TenantMode::Optional), ("required", TenantMode::Required)];

const MEMBERS: [(&str, A2aMember); 15] = [
    ("operation", A2aMember::Operation),
    ("version", A2aMember::Version),
    ("binding", A2aMember::Binding),
    ("task", A2aMember::Task),
    ("context", A2aMember::Context),
    ("tenant", A2aMember::Tenant),
    ("message_id", A2aMember::MessageId),
    ("role", A2aMember::Role),
    ("skill", A2aMember::Skill),
    ("push_config", A2aMember::PushConfig),
    ("push_url", A2aMember::PushUrl),
    ("push_host", A2aMember::PushHost),
    ("extensions", A2aMember::Extensions),
    ("references", A2aMember::References),
    ("output_modes", A2aMember::OutputModes),
];

/// What a request says of itself, by its name in `palisade.toml`.
pub(super) fn member(name: &str) -> Option<A2aMember> {
    MEMBERS.iter().find(|(known, _)| *known == name).map(|(_, member)| *member)
}

/// The sources of a message, for people who have misspelt one.
pub(super) fn sources() -> String {
    let names: Vec<&str> = MEMBERS.iter().map(|(name, _)| *name).collect();
    format!("message.{}", names.join(", ."))
}
