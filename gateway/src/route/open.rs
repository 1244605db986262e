//! A route, checked and ready to match.

use super::call::OpenCall;
use super::resource::IdTemplate;
use super::rules;
use super::template::{PathTemplate, Segment};
use crate::identity::RouteSlots;
use crate::mcp::OpenMcp;
use crate::section::{
    self, ContextEntry, McpRoute, ResourceTemplate, RouteRules, SectionError, SectionErrorKind, Source,
};

/// One kind of request, and what it means in Cedar.
#[derive(Debug)]
pub(crate) struct OpenRoute {
    pub(crate) target: Target,
    pub(crate) rules: RouteRules,
    pub(super) segments: Vec<Segment>,
}

/// What a route leads to.
#[derive(Debug)]
pub(crate) enum Target {
    /// One action, known from the request line.
    Http(HttpTarget),
    /// An MCP server, whose bodies say what is asked.
    Mcp(Box<OpenMcp>),
}

/// One action on one resource.
#[derive(Debug)]
pub(crate) struct HttpTarget {
    pub(crate) call: OpenCall,
    pub(crate) resource_type: String,
    pub(crate) resource_id: IdTemplate,
}

impl OpenRoute {
    pub(super) fn open(
        raw: section::Route,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<Self, SectionError> {
        let section::Route { host: _, methods: _, path, action, resource, context, rules } = raw;
        let ResourceTemplate { entity_type: resource_type, id } = resource;
        let place = format!("the route `{path}`");
        let template = PathTemplate::parse(&path)?;
        section::check_type_name(&resource_type, &place)?;
        let is_message = |entry: &&ContextEntry| matches!(entry.source, Source::Message(_));
        if let Some(ContextEntry { name, .. }) = context.iter().find(is_message) {
            let place = format!("the context `{name}` of {place}");
            return Err(SectionError::new(SectionErrorKind::Source, place));
        }
        let call = OpenCall::open(action, context, &template, slots, &place)?;
        rules::check(&rules, &call.context, has_transactions, &place)?;
        let resource_id = IdTemplate::parse(&id, &template)?;
        let target = Target::Http(HttpTarget { call, resource_type, resource_id });
        Ok(Self { target, rules, segments: template.segments })
    }

    pub(super) fn open_mcp(
        raw: McpRoute,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<Self, SectionError> {
        let place = format!("the route `{}`", raw.path);
        let template = PathTemplate::parse(&raw.path)?;
        let rules = raw.rules.clone();
        let mcp = OpenMcp::open(raw, &template, slots, &place)?;
        rules::check(&rules, mcp.calls().flat_map(|call| &call.context), has_transactions, &place)?;
        Ok(Self { target: Target::Mcp(Box::new(mcp)), rules, segments: template.segments })
    }
}
