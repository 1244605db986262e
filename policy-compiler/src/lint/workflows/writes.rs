//! The actions that change something, and what their contexts say of a workflow.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{EntityId, EntityUid};
use palisade_gateway::section::{ActionRef, ContextEntry, GatewaySection, Source};

use crate::diagnostic::Findings;
use crate::project::{Project, at};
use crate::section::SchemaTypes;

/// An action that changes something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Write {
    pub(super) action: EntityUid,
    /// The groups that it is in.
    pub(super) groups: Vec<EntityUid>,
    /// Context attributes that are claims, by the name of the claim.
    pub(super) context: BTreeMap<String, String>,
}

/// Methods that change nothing (RFC 9110 §9.2.1).
const SAFE: [&str; 4] = ["GET", "HEAD", "OPTIONS", "TRACE"];

/// The actions of routes that have a method which is not safe, and the tools of MCP servers; without those that the project
/// lists as reading only, by themselves or by a group.
pub(super) fn writes(project: &Project, section: &GatewaySection, findings: &mut Findings) -> BTreeSet<Write> {
    let is_unsafe = |methods: &[String]| methods.iter().any(|method| !SAFE.contains(&method.as_str()));
    let routes = section.routes.iter().filter(|route| is_unsafe(&route.methods));
    let routes = routes.map(|route| (&route.action, &route.context));
    let tools = section.mcp.iter().flat_map(|server| &server.tools).map(|tool| (&tool.action, &tool.context));
    let calls = section.mcp.iter().flat_map(|server| &server.methods).filter(|method| method.method == "tools/call");
    let calls = calls.map(|method| (&method.action, &method.context));
    let read_only = read_only(project, findings);
    let all = routes.chain(tools).chain(calls).filter_map(|(action, context)| write(project, action, context));
    all.filter(|write| !read_only.iter().any(|known| *known == write.action || write.groups.contains(known))).collect()
}

fn write(project: &Project, action: &ActionRef, context: &[ContextEntry]) -> Option<Write> {
    let action = EntityUid::from_type_name_and_id(action.entity_type.parse().ok()?, EntityId::new(&action.id));
    let mut groups: Vec<EntityUid> = project.entities.ancestors(&action)?.cloned().collect();
    groups.sort();
    let claims = context.iter().filter_map(|entry| match &entry.source {
        Source::Claim(path) => Some((entry.name.as_str(), path.as_slice())),
        _ => None,
    });
    Some(Write { action, groups, context: claim_names(claims) })
}

/// Attributes that are claims of the token itself, and not members of some.
pub(super) fn claim_names<'a>(claims: impl Iterator<Item = (&'a str, &'a [String])>) -> BTreeMap<String, String> {
    let named = claims.filter_map(|(attribute, path)| match path {
        [claim] => Some((attribute.to_owned(), claim.clone())),
        _ => None,
    });
    named.collect()
}

fn read_only(project: &Project, findings: &mut Findings) -> Vec<EntityUid> {
    let types = SchemaTypes::new(&project.schema);
    let mut known = Vec::new();
    for name in &project.file.lint.read_only {
        match types.action(name.as_ref()) {
            Some(action) => known.push(action),
            None => {
                let message = format!("the schema declares no action `{}`", name.as_ref());
                findings.push(at("project.read_only", name, message));
            }
        }
    }
    known
}
