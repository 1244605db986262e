//! Routes with `protocol = "mcp"`: the actions of the schema say which methods and tools there are.
//!
//! An action of the server's namespace is a method if its id is one, and a tool if its context has a record `input`, as
//! in the schemas of Cedar's generator for MCP tools. Every other action is none of the route's business.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{EntityTypeName, EntityUid};
use palisade_gateway::section::{
    ActionRef, ArgumentHeader, AttributeType, Denial, McpRoute, MethodAction, ResourceTemplate, SubjectType,
    ToolAction, UnknownArguments,
};
use palisade_gateway::{MCP_METHODS, McpRevision, limits};
use toml::Spanned;

use super::choice::{Words, choice};
use super::issuers::unknown_type;
use super::routes::{Callers, Sources, check_names, context, rules};
use super::types::{Attribute, SchemaTypes};
use super::{catalogue, template};
use crate::diagnostic::Findings;
use crate::project::{ParamHeadersTable, ResourceTable, RouteTable, at};
use crate::source::SourceFile;

/// The attribute of a tool's context that holds its arguments.
const INPUT: &str = "input";

pub(super) fn route(
    table: &RouteTable,
    callers: &Callers<'_>,
    types: &SchemaTypes<'_>,
    catalogues: &BTreeMap<String, SourceFile>,
    findings: &mut Findings,
) -> Option<McpRoute> {
    let RouteTable {
        host,
        path,
        resource,
        revisions,
        denial,
        unknown_arguments,
        max_body_bytes,
        max_answer_bytes,
        origins,
        param_headers,
        catalogue,
        drift,
        record_arguments,
        record_values,
        ..
    } = table;
    let ResourceTable { entity_type, id } = resource;
    check_names(id, &template::names(path.as_ref()), findings);
    let mut rules = rules(table, callers, None, types, findings);
    // MCP forbids that a token issued for one server is handed on to another (Authorization, "Token Passthrough").
    if let Some(rules) = &mut rules {
        rules.strip_token = table.strip_token.unwrap_or(true);
    }
    let revisions = self::revisions(revisions.as_ref(), findings);
    let denial = choice(denial.as_ref(), "denial", &DENIALS, findings);
    let unknown_arguments = choice(unknown_arguments.as_ref(), "unknown_arguments", &UNKNOWN_ARGUMENTS, findings);
    let Some(server) = types.entity_type(entity_type.as_ref()) else {
        findings.push(unknown_type("route.unknown_type", entity_type, types));
        return None;
    };
    let mut actions = Actions { table, server, types, findings, methods: Vec::new(), tools: Vec::new() };
    actions.collect();
    let Actions { methods, mut tools, .. } = actions;
    if methods.is_empty() && tools.is_empty() {
        let message = format!("the schema declares no method and no tool that applies to `{server}`");
        let help = "declare actions such as `\"tools/list\"`, and one with a context `{ input: { … } }` for each tool";
        findings.push(at("route.mcp_empty", entity_type, message).with_help(help));
    }
    if let Some(headers) = param_headers {
        add_param_headers(headers.as_ref(), &mut tools, findings);
    }
    if let (Some(false), Some(values)) = (record_arguments.as_ref().map(|value| *value.as_ref()), record_values) {
        findings.push(at(
            "route.key",
            values,
            "`record_values` has no record to go to with `record_arguments = false`",
        ));
    }
    for (tool, names) in record_values.iter().flat_map(|table| table.as_ref()) {
        add_recorded(tool, names, &mut tools, findings);
    }
    let catalogue = catalogue::build(catalogue.as_ref(), drift.as_ref(), catalogues, &tools, findings);
    Some(McpRoute {
        host: host.as_ref().map(|host| host.as_ref().clone()),
        path: path.as_ref().clone(),
        server: ResourceTemplate { entity_type: entity_type.as_ref().clone(), id: id.as_ref().clone() },
        rules: rules?,
        max_body_bytes: max_body_bytes.as_ref().map_or(limits::BODY_BYTES, |bytes| *bytes.as_ref()),
        max_answer_bytes: max_answer_bytes.as_ref().map_or(limits::ANSWER_BYTES, |bytes| *bytes.as_ref()),
        revisions,
        denial: denial?,
        unknown_arguments: unknown_arguments?,
        origins: origins.iter().flat_map(|list| list.as_ref()).map(|origin| origin.as_ref().clone()).collect(),
        methods,
        tools,
        catalogue: catalogue?,
        record_arguments: record_arguments.as_ref().is_none_or(|value| *value.as_ref()),
    })
}

/// The actions of the schema that belong to one server.
struct Actions<'a, 't> {
    table: &'a RouteTable,
    server: &'a EntityTypeName,
    types: &'a SchemaTypes<'t>,
    findings: &'a mut Findings,
    methods: Vec<MethodAction>,
    tools: Vec<ToolAction>,
}

impl Actions<'_, '_> {
    fn collect(&mut self) {
        let mut used = BTreeSet::new();
        for uid in self.types.actions_of(&self.server.namespace()) {
            let mut known = self.types.context(uid);
            let input = known.iter().position(|attribute| attribute.name == INPUT).map(|index| known.remove(index));
            let is_method = MCP_METHODS.iter().any(|method| method.name == uid.id().unescaped());
            let Some(resource) = self.resource(uid, is_method) else {
                continue;
            };
            match input {
                _ if is_method => {
                    used.extend(known.iter().map(|attribute| attribute.name.clone()));
                    self.method(uid, resource, known);
                }
                Some(Attribute { attribute_type: Ok(AttributeType::Record(input)), .. }) => {
                    used.extend(known.iter().map(|attribute| attribute.name.clone()));
                    let context = context(self.table, uid, known, Sources::Message, self.findings);
                    let tool = uid.id().unescaped().to_owned();
                    let action = action_ref(uid);
                    self.tools.push(ToolAction {
                        tool,
                        action,
                        resource,
                        context,
                        input,
                        param_headers: Vec::new(),
                        recorded: Vec::new(),
                    });
                }
                Some(Attribute { attribute_type: Err(reason), .. }) => {
                    let message = format!("the arguments of `{uid}` cannot be fed: a type in `{INPUT}` is {reason}");
                    self.findings.push(at("route.context_type", &self.table.resource.entity_type, message));
                }
                Some(_) | None => {}
            }
        }
        for name in self.table.context.keys().filter(|name| !used.contains(name.as_ref())) {
            let message = format!("no method and no tool of this server has `{}` in its context", name.as_ref());
            self.findings.push(at("route.unknown_context", name, message));
        }
    }

    fn method(&mut self, uid: &EntityUid, resource: Option<SubjectType>, known: Vec<Attribute>) {
        let context = context(self.table, uid, known, Sources::Message, self.findings);
        let method = uid.id().unescaped().to_owned();
        self.methods.push(MethodAction { method, action: action_ref(uid), resource, context });
    }

    /// The type of the resource: that of the server, or one for what the method is about. `None`: the action is not for
    /// this server.
    fn resource(&mut self, uid: &EntityUid, is_method: bool) -> Option<Option<SubjectType>> {
        let on = self.types.resources(uid);
        if self.types.principals(uid).is_empty() || on.is_empty() {
            return None;
        }
        if on.contains(&self.server) {
            return Some(None);
        }
        let id = uid.id().unescaped();
        let has_subject = MCP_METHODS.iter().find(|method| method.name == id).is_none_or(|method| method.has_subject());
        match on.as_slice() {
            [only] if has_subject && self.types.may_be_in(only, self.server) => {
                Some(Some(SubjectType { entity_type: only.to_string(), in_server: true }))
            }
            // Another server's, or no tool at all.
            _ if !is_method => None,
            _ => {
                let message = format!("`{uid}` applies neither to `{}` nor to one type that may be in it", self.server);
                let place = &self.table.resource.entity_type;
                self.findings.push(at("route.resource_type", place, message));
                None
            }
        }
    }
}

pub(super) fn action_ref(uid: &EntityUid) -> ActionRef {
    ActionRef { entity_type: uid.type_name().to_string(), id: uid.id().unescaped().to_owned() }
}

fn revisions(list: Option<&Spanned<Vec<Spanned<String>>>>, findings: &mut Findings) -> Vec<McpRevision> {
    let Some(list) = list else {
        return McpRevision::ALL.to_vec();
    };
    let words = Words {
        code: "route.revision",
        stranger: "is not a revision",
        help: "revisions",
        all: &McpRevision::ALL.map(|revision| (revision.as_str(), revision)),
    };
    let revisions = words.read(list.as_ref(), findings);
    if list.as_ref().is_empty() {
        findings.push(at("route.revision", list, "a route needs a revision"));
    }
    revisions
}

const DENIALS: [(&str, Denial); 4] =
    [("http403", Denial::Http403), ("coaz", Denial::Coaz), ("hide", Denial::Hide), ("tool_error", Denial::ToolError)];

const UNKNOWN_ARGUMENTS: [(&str, UnknownArguments); 2] =
    [("deny", UnknownArguments::Deny), ("ignore", UnknownArguments::Ignore)];

fn add_recorded(tool: &Spanned<String>, names: &[Spanned<String>], tools: &mut [ToolAction], findings: &mut Findings) {
    let Some(known) = tools.iter_mut().find(|known| known.tool == *tool.as_ref()) else {
        findings.push(at("route.unknown_tool", tool, format!("the schema declares no tool `{}`", tool.as_ref())));
        return;
    };
    let mut recorded = BTreeSet::new();
    for name in names {
        if known.input.iter().any(|field| field.name == *name.as_ref()) {
            recorded.insert(name.as_ref().clone());
        } else {
            let message = format!("the tool `{}` has no argument `{}`", tool.as_ref(), name.as_ref());
            findings.push(at("route.unknown_argument", name, message));
        }
    }
    known.recorded = recorded.into_iter().collect();
}

fn add_param_headers(table: &ParamHeadersTable, tools: &mut [ToolAction], findings: &mut Findings) {
    for (name, headers) in table {
        let Some(tool) = tools.iter_mut().find(|tool| tool.tool == *name.as_ref()) else {
            findings.push(at("route.unknown_tool", name, format!("the schema declares no tool `{}`", name.as_ref())));
            continue;
        };
        for (header, argument) in headers {
            let path: Vec<String> = argument.as_ref().split('.').map(str::to_owned).collect();
            if path.first().is_none_or(|first| !tool.input.iter().any(|field| field.name == *first)) {
                let message = format!("the tool `{}` has no argument `{}`", name.as_ref(), argument.as_ref());
                findings.push(at("route.unknown_argument", argument, message));
            }
            let header = header.as_ref().to_ascii_lowercase();
            tool.param_headers.push(ArgumentHeader { header, argument: path });
        }
    }
}
