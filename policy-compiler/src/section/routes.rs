//! Routes of `palisade.toml` to routes of the section.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::EntityUid;
use palisade_gateway::section::{
    A2aRoute, ActionRef, AttributeType, Authentication, ContextEntry, DelegationMode, McpRoute, MessageMember,
    ResourceTemplate, Route, RouteRules, Source, UpstreamHeader, UpstreamHeaders,
};
use toml::Spanned;

use super::choice::Words;
use super::issuers::unknown_type;
use super::protocol::Protocol;
use super::types::{Attribute, SchemaTypes};
use super::{a2a, claim, grpc, mcp, template, transactions};
use crate::diagnostic::Findings;
use crate::project::{ProjectFile, ResourceTable, RouteTable, at, at_span, seconds};
use crate::source::SourceFile;

/// The routes of a project, by what they speak.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// Those whose request line says what is asked.
    pub(super) http: Vec<Route>,
    pub(super) mcp: Vec<McpRoute>,
    pub(super) a2a: Vec<A2aRoute>,
}

pub(super) fn build(
    file: &ProjectFile,
    types: &SchemaTypes<'_>,
    catalogues: &BTreeMap<String, SourceFile>,
    findings: &mut Findings,
) -> Routes {
    let named = file.issuers.iter().map(|issuer| issuer.principal.as_ref().entity_type.as_ref().as_str());
    // A type that the schema does not know is a finding of its issuer already.
    let principals: Vec<&str> = named.filter(|name| types.entity_type(name).is_some()).collect();
    let delegations = file.issuers.iter().filter_map(|issuer| issuer.delegation.as_ref());
    let named = delegations.map(|delegation| delegation.actor.as_ref().entity_type.as_ref().as_str());
    let actors: Vec<&str> = named.filter(|name| types.entity_type(name).is_some()).collect();
    let callers = Callers { file, principals, actors };
    let mut routes = Routes::default();
    for table in &file.routes {
        match Protocol::of(table, findings) {
            None => {}
            Some(Protocol::Http) => routes.http.extend(route(table, &callers, types, findings)),
            Some(Protocol::Grpc) => routes.http.extend(grpc::routes(table, &callers, types, findings)),
            Some(Protocol::Mcp) => routes.mcp.extend(mcp::route(table, &callers, types, catalogues, findings)),
            Some(Protocol::A2a) => routes.a2a.extend(a2a::route(table, &callers, types, findings)),
        }
    }
    routes
}

/// Who may call, as far as types go.
pub(super) struct Callers<'a> {
    file: &'a ProjectFile,
    /// Types of those whom issuers vouch for.
    principals: Vec<&'a str>,
    /// Types of those whom tokens name as acting for them.
    actors: Vec<&'a str>,
}

pub(super) fn route(
    table: &RouteTable,
    callers: &Callers<'_>,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Option<Route> {
    let RouteTable { host, methods, path, action, resource, .. } = table;
    let (methods, action) = methods.as_ref().zip(action.as_ref())?;
    if methods.as_ref().is_empty() {
        findings.push(at("route.methods_empty", methods, "a route needs a method"));
    }
    check_names(&resource.id, &template::names(path.as_ref()), findings);
    let uid = find_action(action, types, findings)?;
    if types.principals(&uid).is_empty() || types.resources(&uid).is_empty() {
        let message = format!("`{uid}` applies to nothing: it is a group of actions");
        findings.push(at("route.action_group", action, message));
        return None;
    }
    check_application(&uid, action, table, &callers.principals, types, findings);
    let known = types.context(&uid);
    check_context_names(table, &uid, &known, findings);
    let context = context(table, &uid, known, Sources::Http, findings);
    let rules = rules(table, callers, Some(&uid), types, findings);
    let ResourceTable { entity_type, id } = resource;
    Some(Route {
        host: host.as_ref().map(|host| host.as_ref().clone()),
        methods: methods.as_ref().iter().map(|method| method.as_ref().clone()).collect(),
        path: path.as_ref().clone(),
        action: ActionRef { entity_type: uid.type_name().to_string(), id: uid.id().unescaped().to_owned() },
        resource: ResourceTemplate { entity_type: entity_type.as_ref().clone(), id: id.as_ref().clone() },
        context,
        rules: rules?,
        grpc: false,
    })
}

/// What the route asks for besides the policies; `uid` is its action, if it has one.
pub(super) fn rules(
    table: &RouteTable,
    callers: &Callers<'_>,
    uid: Option<&EntityUid>,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Option<RouteRules> {
    let RouteTable { scopes, acr_values, max_authentication_age, strip_token, delegation, transaction, .. } = table;
    let upstream_headers = table.upstream_headers.as_deref().map(|list| upstream_headers(list, findings));
    let max_age = max_authentication_age.as_ref().map(|age| seconds(age, findings));
    let authentication = Authentication { acr_values: texts(acr_values), max_age_seconds: max_age.flatten() };
    let needs_authentication = !authentication.acr_values.is_empty() || authentication.max_age_seconds.is_some();
    Some(RouteRules {
        scopes: texts(scopes),
        authentication: needs_authentication.then_some(authentication),
        strip_token: strip_token.unwrap_or(false),
        upstream_headers: upstream_headers.unwrap_or_default(),
        transaction: transactions::mode(transaction.as_ref(), callers.file, findings)?,
        delegation: self::delegation(delegation.as_ref(), uid, &callers.actors, types, findings)?,
    })
}

/// What a route's upstream is told of decisions.
fn upstream_headers(list: &[Spanned<String>], findings: &mut Findings) -> UpstreamHeaders {
    let words = Words {
        code: "route.upstream_headers",
        stranger: "is nothing that an upstream is told",
        help: "it can be",
        all: &UpstreamHeader::ALL.map(|header| (header.name(), header)),
    };
    words.read(list, findings).into()
}

/// The mode of a route. One that asks for the rights of actors needs some issuer whose tokens name them, and an action that
/// they can do.
fn delegation(
    value: Option<&Spanned<String>>,
    uid: Option<&EntityUid>,
    actors: &[&str],
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Option<DelegationMode> {
    let Some(value) = value else {
        return Some(DelegationMode::default());
    };
    let modes =
        [DelegationMode::Refuse, DelegationMode::SubjectOnly, DelegationMode::ActorOnly, DelegationMode::EveryHop];
    let Some(mode) = modes.into_iter().find(|mode| mode.name() == value.as_ref()) else {
        let help = format!("it can be: {}", modes.map(DelegationMode::name).join(", "));
        let message = format!("`{}` is not a mode of delegation", value.as_ref());
        findings.push(at("route.delegation", value, message).with_help(help));
        return None;
    };
    if mode != DelegationMode::Refuse && actors.is_empty() {
        let message = "no issuer says what actors become";
        findings.push(at("route.delegation", value, message).with_help("add `[issuers.delegation.actor]` to one"));
    }
    // Of the actions of a server, each has its own principals: which of them actors can do is for policy to say.
    let Some(uid) = uid else {
        return Some(mode);
    };
    let applies_to = types.principals(uid);
    let fits = |actor: &&str| applies_to.iter().any(|known| known.to_string() == **actor);
    if matches!(mode, DelegationMode::ActorOnly | DelegationMode::EveryHop)
        && !actors.is_empty()
        && !actors.iter().any(fits)
    {
        let message = format!("`{uid}` applies to no actor that an issuer's tokens name");
        findings
            .push(at("route.actor_type", value, message).with_help(format!("it applies to: {}", list(&applies_to))));
    }
    Some(mode)
}

fn texts(list: &[Spanned<String>]) -> Vec<String> {
    list.iter().map(|text| text.as_ref().clone()).collect()
}

pub(super) fn check_names(id: &Spanned<String>, known: &[&str], findings: &mut Findings) {
    for name in template::names(id.as_ref()) {
        if !known.contains(&name) {
            let message = format!("the path has no `{{{name}}}`");
            findings.push(at("route.unknown_name", id, message));
        }
    }
}

fn find_action(action: &Spanned<String>, types: &SchemaTypes<'_>, findings: &mut Findings) -> Option<EntityUid> {
    let text = action.as_ref();
    let known = types.action(text);
    if known.is_none() {
        let unknown = at("route.unknown_action", action, format!("the schema declares no action `{text}`"));
        let alike = types.actions_with_id(text);
        findings.push(match alike.is_empty() {
            true => unknown,
            false => unknown.with_help(format!("it declares {}", alike.join(", "))),
        });
    }
    known
}

fn check_application(
    uid: &EntityUid,
    action: &Spanned<String>,
    table: &RouteTable,
    principals: &[&str],
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) {
    let resource = &table.resource.entity_type;
    let (applies_to, on) = (types.principals(uid), types.resources(uid));
    if types.entity_type(resource.as_ref()).is_none() {
        findings.push(unknown_type("route.unknown_type", resource, types));
    } else if !on.iter().any(|known| known.to_string() == *resource.as_ref()) {
        let message = format!("`{uid}` does not apply to resources of type `{}`", resource.as_ref());
        findings.push(at("route.resource_type", resource, message).with_help(format!("it applies to: {}", list(&on))));
    }
    let some_principal =
        principals.iter().any(|principal| applies_to.iter().any(|known| known.to_string() == *principal));
    if !some_principal && !principals.is_empty() {
        let message = format!("`{uid}` applies to no principal that an issuer vouches for");
        let help = format!("it applies to: {}", list(&applies_to));
        findings.push(at("route.principal_type", action, message).with_help(help));
    }
}

fn list(names: &[&cedar_policy::EntityTypeName]) -> String {
    let names: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    names.into_iter().collect::<Vec<String>>().join(", ")
}

/// Where values may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sources {
    /// The headers and the token.
    Http,
    /// A message of MCP as well.
    Message,
    /// A request of A2A as well.
    A2a,
}

fn check_context_names(table: &RouteTable, uid: &EntityUid, known: &[Attribute], findings: &mut Findings) {
    for name in table.context.keys() {
        if !known.iter().any(|attribute| attribute.name == *name.as_ref()) {
            let message = format!("the context of `{uid}` has no attribute `{}`", name.as_ref());
            let names: Vec<&str> = known.iter().map(|attribute| attribute.name.as_str()).collect();
            let help = format!("it has: {}", names.join(", "));
            findings.push(at("route.unknown_context", name, message).with_help(help));
        }
    }
}

/// The entries for the attributes of one action's context.
pub(super) fn context(
    table: &RouteTable,
    uid: &EntityUid,
    known: Vec<Attribute>,
    sources: Sources,
    findings: &mut Findings,
) -> Vec<ContextEntry> {
    let mut entries = Vec::new();
    for attribute in known {
        let given = table.context.iter().find(|(name, _)| *name.as_ref() == attribute.name);
        match given {
            Some((_, value)) => entries.extend(entry(attribute, value, table, sources, findings)),
            None if attribute.required => {
                let message = format!("`{uid}` needs the context attribute `{}`, and nothing feeds it", attribute.name);
                let help = format!("add `context = {{ {} = \"…\" }}` to the route", attribute.name);
                let span = table.action.as_ref().unwrap_or(&table.path).span();
                findings.push(at_span("route.context_missing", span, message).with_help(help));
            }
            None => {}
        }
    }
    entries
}

fn entry(
    attribute: Attribute,
    value: &Spanned<String>,
    table: &RouteTable,
    sources: Sources,
    findings: &mut Findings,
) -> Option<ContextEntry> {
    let Attribute { name, attribute_type, required } = attribute;
    let source = source(value, &template::names(table.path.as_ref()), sources, findings)?;
    let attribute_type = match attribute_type {
        Ok(attribute_type) => attribute_type,
        Err(reason) => {
            let message = format!("the context attribute `{name}` cannot be fed: its type is {reason}");
            findings.push(at("route.context_type", value, message));
            return None;
        }
    };
    if !gives(&source, &attribute_type) {
        let message = format!("`{}` cannot give the type that the schema wants for `{name}`", value.as_ref());
        let finding = at("route.source_type", value, message);
        findings.push(match claim_of(&source).map(|path| claim::check_type(path, &attribute_type)) {
            Some(Err(reason)) => finding.with_help(reason),
            Some(Ok(())) | None => finding,
        });
        return None;
    }
    Some(ContextEntry { name, source, attribute_type, required })
}

fn source(value: &Spanned<String>, path_names: &[&str], sources: Sources, findings: &mut Findings) -> Option<Source> {
    let text = value.as_ref().as_str();
    let source = match text.split_once('.') {
        None => match text {
            "method" => Some(Source::Method),
            "path_text" => Some(Source::PathText),
            "host" => Some(Source::Host),
            "now" => Some(Source::Now),
            "subject" => Some(Source::Subject),
            "actor" => Some(Source::Actor),
            "actor_chain" => Some(Source::ActorChain),
            "delegated" => Some(Source::Delegated),
            "delegation_depth" => Some(Source::DelegationDepth),
            _ => None,
        },
        Some(("path", name)) if path_names.contains(&name) => Some(Source::Path(name.to_owned())),
        Some(("path", name)) => {
            findings.push(at("route.unknown_name", value, format!("the path has no `{{{name}}}`")));
            return None;
        }
        Some(("claim", names)) => return claim::path(value, names, findings).map(Source::Claim),
        Some(("message", member)) if sources == Sources::Message => message_member(member).map(Source::Message),
        Some(("message", member)) if sources == Sources::A2a => a2a::member(member).map(Source::A2a),
        Some(("transaction", names)) => return claim::path(value, names, findings).map(Source::Transaction),
        Some(("query", name)) if !name.is_empty() => Some(Source::Query(name.to_owned())),
        Some(("header", name)) if !name.is_empty() => Some(Source::Header(name.to_ascii_lowercase())),
        Some(_) => None,
    };
    if source.is_none() {
        let message = format!("`{text}` is not a source of values");
        let help = match sources {
            Sources::Http => HTTP_SOURCES.to_owned(),
            Sources::Message => format!("{HTTP_SOURCES}, message.method, .revision, .name, .uri, .task"),
            Sources::A2a => format!("{HTTP_SOURCES}, {}", a2a::sources()),
        };
        findings.push(at("route.source", value, message).with_help(help));
    }
    source
}

const HTTP_SOURCES: &str = "sources: path.NAME, query.NAME, header.NAME, claim.NAME, transaction.NAME, method, path_text, \
                            host, now, subject, actor, actor_chain, delegated, delegation_depth";

fn message_member(name: &str) -> Option<MessageMember> {
    Some(match name {
        "method" => MessageMember::Method,
        "revision" => MessageMember::Revision,
        "name" => MessageMember::Name,
        "uri" => MessageMember::Uri,
        "task" => MessageMember::Task,
        _ => return None,
    })
}

/// The path of a source that is a claim.
fn claim_of(source: &Source) -> Option<&[String]> {
    match source {
        Source::Claim(path) | Source::Transaction(path) => Some(path),
        _ => None,
    }
}

/// Whether a source can give values of a type: claims give nearly any, the clock gives numbers, the rest gives text.
fn gives(source: &Source, wanted: &AttributeType) -> bool {
    let compound = matches!(wanted, AttributeType::Set(_) | AttributeType::Record(_));
    match source {
        Source::Claim(path) | Source::Transaction(path) => claim::check_type(path, wanted).is_ok(),
        Source::Now => matches!(wanted, AttributeType::Long | AttributeType::Datetime),
        Source::Subject | Source::Actor => matches!(wanted, AttributeType::Entity(_)),
        Source::ActorChain => {
            matches!(wanted, AttributeType::Set(element) if matches!(**element, AttributeType::Entity(_)))
        }
        Source::Delegated => *wanted == AttributeType::Bool,
        Source::DelegationDepth => *wanted == AttributeType::Long,
        Source::Path(_) | Source::Query(_) | Source::Header(_) => !compound,
        Source::A2a(member) if member.is_set() => *wanted == AttributeType::Set(Box::new(AttributeType::String)),
        Source::A2a(_) | Source::Method | Source::PathText | Source::Host | Source::Message(_) => {
            *wanted == AttributeType::String
        }
    }
}
