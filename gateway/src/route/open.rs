//! A route, checked and ready to match.

use std::rc::Rc;

use super::call::OpenCall;
use super::context::{ContextInput, OpenSource};
use super::resource::IdTemplate;
use super::rules;
use super::template::{PathTemplate, Segment};
use crate::a2a::OpenA2a;
use crate::identity::RouteSlots;
use crate::mcp::OpenMcp;
use crate::section::{
    self, A2aRoute, ContextEntry, McpRoute, ResourceTemplate, RouteRules, SectionError, SectionErrorKind, Source,
};

/// One kind of request, and what it means in Cedar.
#[derive(Debug)]
pub(crate) struct OpenRoute {
    pub(crate) target: Target,
    pub(crate) rules: RouteRules,
}

/// The methods of a route and one of its templates.
pub(super) type Entry = (Vec<String>, Vec<Segment>);

/// The HTTP methods of an MCP server's endpoint.
const MCP_METHODS: [&str; 3] = ["POST", "GET", "DELETE"];
/// Those of the REST binding of A2A.
const A2A_METHODS: [&str; 3] = ["POST", "GET", "DELETE"];

/// What a route leads to.
#[derive(Debug)]
pub(crate) enum Target {
    /// One action, known from the request line.
    Http(HttpTarget),
    /// An MCP server, whose bodies say what is asked.
    Mcp(Rc<OpenMcp>),
    /// An A2A agent, whose bodies or paths say what is asked.
    A2a(Box<OpenA2a>),
}

/// One action on one resource.
#[derive(Debug)]
pub(crate) struct HttpTarget {
    pub(crate) call: OpenCall,
    pub(crate) resource_type: String,
    pub(crate) resource_id: IdTemplate,
    /// Whether requests have to be gRPC.
    pub(crate) grpc: bool,
    /// Tells it from the others of its bundle.
    number: u32,
}

impl HttpTarget {
    /// Writes down all of a request that an answer about this target depends on, besides bundle and identity, so that two requests
    /// with the same question have the same answer. `false`: nothing like that can be said.
    pub(crate) fn write_question(&self, input: &ContextInput<'_>, out: &mut Vec<u8>) -> bool {
        out.clear();
        out.extend_from_slice(&self.number.to_le_bytes());
        push_part(out, input.location);
        if !self.call.context.iter().all(|entry| entry.write_part(input, out)) {
            return false;
        }
        // The last part, which ends where the question ends.
        self.resource_id.parts(input.path).for_each(|part| out.extend_from_slice(part.as_bytes()));
        true
    }
}

/// Appends a part of a question, or that it is not there: with its length, so that no part can be taken for two.
pub(super) fn push_part(out: &mut Vec<u8>, part: Option<&str>) {
    let length = part.map_or(0, |part| part.len().saturating_add(1));
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(part.unwrap_or_default().as_bytes());
}

impl OpenRoute {
    pub(super) fn open(
        raw: section::Route,
        number: u32,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<(Self, Vec<Entry>), SectionError> {
        let section::Route { host: _, methods, path, action, resource, context, rules, grpc } = raw;
        let ResourceTemplate { entity_type: resource_type, id } = resource;
        let place = format!("the route `{path}`");
        let template = PathTemplate::parse(&path)?;
        section::check_type_name(&resource_type, &place)?;
        let is_message = |entry: &&ContextEntry| matches!(entry.source, Source::Message(_) | Source::A2a(_));
        if let Some(ContextEntry { name, .. }) = context.iter().find(is_message) {
            let place = format!("the context `{name}` of {place}");
            return Err(SectionError::new(SectionErrorKind::Source, place));
        }
        let call = OpenCall::open(action, context, &template, slots, &place)?;
        rules::check(&rules, &call.context, has_transactions, &place)?;
        let resource_id = IdTemplate::parse(&id, &template)?;
        let target = Target::Http(HttpTarget { call, resource_type, resource_id, grpc, number });
        Ok((Self { target, rules }, vec![(methods, template.segments)]))
    }

    pub(super) fn open_mcp(
        raw: McpRoute,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<(Self, Vec<Entry>), SectionError> {
        let place = format!("the route `{}`", raw.path);
        let template = PathTemplate::parse(&raw.path)?;
        let rules = raw.rules.clone();
        let mcp = OpenMcp::open(raw, &template, slots, &place)?;
        refuse_sources(mcp.calls(), |source| matches!(source, OpenSource::A2a(_)), &place)?;
        rules::check(&rules, mcp.calls().flat_map(|call| &call.context), has_transactions, &place)?;
        let entry = (MCP_METHODS.map(str::to_owned).to_vec(), template.segments);
        Ok((Self { target: Target::Mcp(Rc::new(mcp)), rules }, vec![entry]))
    }

    pub(super) fn open_a2a(
        raw: A2aRoute,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<(Self, Vec<Entry>), SectionError> {
        let place = format!("the route `{}`", raw.path);
        let (template, base) = endpoint(&raw.path)?;
        let rules = raw.rules.clone();
        let card = raw.card.path.as_deref().map(PathTemplate::parse).transpose()?;
        // A card elsewhere has none of the values that the endpoint's path has.
        if card.as_ref().is_some_and(|card| !card.values.is_empty() || !template.values.is_empty()) {
            return Err(SectionError::new(SectionErrorKind::Template, format!("the card of {place}")));
        }
        let mut below: Vec<Segment> = template.segments.iter().take(base).cloned().collect();
        below.push(Segment::Rest);
        let a2a = OpenA2a::open(raw, &template, base, slots, &place)?;
        refuse_sources(a2a.calls(), |source| matches!(source, OpenSource::Message(_)), &place)?;
        rules::check(&rules, a2a.calls().flat_map(|call| &call.context), has_transactions, &place)?;
        let mut entries =
            vec![(vec!["POST".to_owned()], template.segments), (A2A_METHODS.map(str::to_owned).to_vec(), below)];
        entries.extend(card.map(|card| (vec!["GET".to_owned()], card.segments)));
        Ok((Self { target: Target::A2a(Box::new(a2a)), rules }, entries))
    }
}

/// The path of an endpoint that has paths below it, and how many segments those share with it.
pub(crate) fn endpoint(path: &str) -> Result<(PathTemplate, usize), SectionError> {
    let template = PathTemplate::parse(path)?;
    let base = match template.segments.as_slice() {
        [.., Segment::Rest] => {
            return Err(SectionError::new(SectionErrorKind::Template, format!("the endpoint `{path}`")));
        }
        [before @ .., Segment::Literal(last)] if last.is_empty() => before.len(),
        all => all.len(),
    };
    Ok((template, base))
}

/// Refuses context that another protocol's messages would have to give.
fn refuse_sources<'c>(
    calls: impl Iterator<Item = &'c OpenCall>,
    is_foreign: impl Fn(&OpenSource) -> bool,
    place: &str,
) -> Result<(), SectionError> {
    match calls.flat_map(|call| &call.context).find(|entry| is_foreign(&entry.source)) {
        Some(entry) => {
            let place = format!("the context `{}` of {place}", entry.name);
            Err(SectionError::new(SectionErrorKind::Source, place))
        }
        None => Ok(()),
    }
}
