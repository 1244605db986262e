//! A route to an MCP server, checked and ready.

use palisade_engine::{CompiledPolicySet, EntityId};

use super::ask::AskedCall;
use super::by_name::ByName;
use super::catalogue::OpenCatalogue;
use super::drift;
use super::method::{METHODS, Method};
use super::revision::Revision;
use super::unknown::{self, PartUnknown, TemplateUnknown, ToolUnknowns};
use crate::header_name::is_header_name;
use crate::identity::RouteSlots;
use crate::limits;
use crate::route::{IdTemplate, OpenCall, PathTemplate};
use crate::section::{
    self, ArgumentHeader, AttributeType, Denial, McpRoute, MethodAction, ResourceTemplate, SectionError,
    SectionErrorKind, SubjectType, ToolAction, UnknownArguments,
};
use crate::shared_memory::SharedMemory;

/// The endpoint of an MCP server.
#[derive(Debug)]
pub(crate) struct OpenMcp {
    pub(crate) server_type: String,
    pub(crate) server_id: IdTemplate,
    /// Bytes.
    pub(crate) max_body: u32,
    /// Bytes.
    pub(crate) max_answer: u32,
    pub(crate) revisions: Vec<Revision>,
    pub(crate) denial: Denial,
    pub(super) unknown_arguments: UnknownArguments,
    pub(super) origins: Vec<String>,
    pub(crate) catalogue: Option<OpenCatalogue>,
    pub(super) record_arguments: bool,
    methods: ByName<OpenMethod>,
    tools: ByName<OpenTool>,
    /// What is not known of reading a resource by its template; made when the policies are known.
    pub(super) template: Option<TemplateUnknown>,
}

/// What a method means.
#[derive(Debug)]
pub(super) struct OpenMethod {
    pub(super) call: OpenCall,
    pub(super) resource: CallResource,
}

/// What calling a tool means.
#[derive(Debug)]
pub(super) struct OpenTool {
    pub(super) call: OpenCall,
    pub(super) resource: CallResource,
    pub(super) input: AttributeType,
    pub(super) mirrored: Vec<ParamHeader>,
    /// Names of arguments whose values are recorded.
    pub(super) recorded: Vec<String>,
    /// Its arguments, as long as nobody has given any; made when the policies are known.
    pub(super) unknown: Option<PartUnknown>,
    /// Its action, if policies name it; found when they are known.
    pub(super) action: Option<EntityId>,
}

/// The resource of the Cedar request.
#[derive(Debug)]
pub(crate) enum CallResource {
    /// The server.
    Server,
    /// What the method is about, as `SERVER/NAME`.
    Subject { entity_type: String, in_server: bool },
}

/// A header `mcp-param-…` that repeats an argument.
#[derive(Debug)]
pub(super) struct ParamHeader {
    pub(super) header: String,
    pub(super) path: Vec<String>,
}

impl OpenMcp {
    pub(crate) fn open(
        raw: McpRoute,
        template: &PathTemplate,
        slots: &mut RouteSlots,
        place: &str,
    ) -> Result<Self, SectionError> {
        let McpRoute {
            host: _,
            path: _,
            server,
            rules: _,
            max_body_bytes,
            max_answer_bytes,
            mut revisions,
            denial,
            unknown_arguments,
            origins,
            methods,
            tools,
            catalogue,
            record_arguments,
        } = raw;
        let error = |kind, what: &str| SectionError::new(kind, format!("{what} of {place}"));
        let ResourceTemplate { entity_type: server_type, id } = server;
        section::check_type_name(&server_type, place)?;
        let server_id = IdTemplate::parse(&id, template)?;
        if !server_id.is_one_segment() {
            return Err(error(SectionErrorKind::Template, "the server id"));
        }
        if max_body_bytes == 0 || max_body_bytes > limits::BODY_MAX_BYTES {
            return Err(error(SectionErrorKind::Range, "the body limit"));
        }
        if max_answer_bytes == 0 || max_answer_bytes > limits::ANSWER_MAX_BYTES {
            return Err(error(SectionErrorKind::Range, "the answer limit"));
        }
        let count = revisions.len();
        revisions.sort_unstable();
        revisions.dedup();
        if revisions.is_empty() || revisions.len() != count {
            return Err(error(SectionErrorKind::Duplicate, "the revisions"));
        }
        if methods.len() > METHODS.len() || tools.len() > limits::TOOLS || origins.len() > limits::WEB_ORIGINS {
            return Err(error(SectionErrorKind::Limit, "the methods or tools"));
        }
        let methods: Result<_, _> = methods.into_iter().map(|raw| method(raw, template, slots, place)).collect();
        let tools: Result<_, _> = tools.into_iter().map(|raw| tool(raw, template, slots, place)).collect();
        Ok(Self {
            methods: by_name(methods?, place)?,
            tools: by_name(tools?, place)?,
            template: None,
            server_type,
            server_id,
            max_body: max_body_bytes,
            max_answer: max_answer_bytes,
            revisions,
            denial,
            unknown_arguments,
            origins,
            record_arguments,
            catalogue: catalogue.map(|raw| OpenCatalogue::open(raw, place)).transpose()?,
        })
    }

    /// Makes ready what lists are filtered by.
    pub(crate) fn learn(&mut self, policies: &CompiledPolicySet) {
        let mut unknowns = ToolUnknowns::default();
        for tool in self.tools.iter_mut() {
            tool.unknown = Some(unknowns.of(policies, tool));
            tool.action = policies.entity_id(&tool.call.action.entity_type, &tool.call.action.id);
        }
        self.template = self.methods.get("resources/read").map(|read| unknown::of_template(policies, read));
    }

    /// Every action that a request may be about.
    pub(crate) fn calls(&self) -> impl Iterator<Item = &OpenCall> {
        self.methods.iter().map(|method| &method.call).chain(self.tools.iter().map(|tool| &tool.call))
    }

    /// Whether the tool that is called is not what was approved any more, by what the server's lists said of it.
    pub(crate) fn has_drifted(&self, server_id: &str, asked: &AskedCall<'_>, memory: &mut dyn SharedMemory) -> bool {
        let (Some(catalogue), "tools/call") = (&self.catalogue, asked.facts.method) else { return false };
        let tool = asked.facts.name.as_deref().unwrap_or_default();
        drift::has_drifted(catalogue, [&self.server_type, server_id], tool, memory)
    }

    pub(super) fn method(&self, name: &str) -> Option<&OpenMethod> {
        self.methods.get(name)
    }

    pub(super) fn tool(&self, name: &str) -> Option<&OpenTool> {
        self.tools.get(name)
    }
}

fn method(
    raw: MethodAction,
    template: &PathTemplate,
    slots: &mut RouteSlots,
    place: &str,
) -> Result<(String, OpenMethod), SectionError> {
    let MethodAction { method, action, resource, context } = raw;
    let place = format!("the method `{method}` of {place}");
    let known = Method::named(&method).ok_or_else(|| SectionError::new(SectionErrorKind::Source, place.as_str()))?;
    let resource = open_resource(resource, &place)?;
    if matches!(resource, CallResource::Subject { .. }) && !known.has_subject() {
        return Err(SectionError::new(SectionErrorKind::Type, place));
    }
    let call = OpenCall::open(action, context, template, slots, &place)?;
    Ok((method, OpenMethod { call, resource }))
}

fn tool(
    raw: ToolAction,
    template: &PathTemplate,
    slots: &mut RouteSlots,
    place: &str,
) -> Result<(String, OpenTool), SectionError> {
    let ToolAction { tool, action, resource, context, input, param_headers, recorded } = raw;
    let place = format!("the tool `{tool}` of {place}");
    let error = |kind| SectionError::new(kind, place.as_str());
    if tool.is_empty() || tool.len() > limits::SUBJECT_BYTES {
        return Err(error(SectionErrorKind::Name));
    }
    if context.iter().any(|entry| entry.name == INPUT) {
        return Err(error(SectionErrorKind::Duplicate));
    }
    if param_headers.len() > limits::PARAM_HEADERS {
        return Err(error(SectionErrorKind::Limit));
    }
    if recorded.iter().any(|name| !input.iter().any(|field| field.name == *name)) {
        return Err(error(SectionErrorKind::Name));
    }
    if recorded.array_windows().any(|[left, right]| left >= right) {
        return Err(error(SectionErrorKind::Duplicate));
    }
    let input = AttributeType::Record(input);
    input.check(&place)?;
    let mirrored = param_headers.into_iter().map(|ArgumentHeader { header, argument }| {
        if !is_header_name(&header) {
            return Err(error(SectionErrorKind::Name));
        }
        section::check_names(&argument, &place)?;
        Ok(ParamHeader { header, path: argument })
    });
    let mirrored = mirrored.collect::<Result<_, _>>()?;
    let resource = open_resource(resource, &place)?;
    let call = OpenCall::open(action, context, template, slots, &place)?;
    Ok((tool, OpenTool { call, resource, input, mirrored, recorded, unknown: None, action: None }))
}

/// The attribute of the context that holds a tool's arguments.
pub(crate) const INPUT: &str = "input";

fn open_resource(raw: Option<SubjectType>, place: &str) -> Result<CallResource, SectionError> {
    Ok(match raw {
        None => CallResource::Server,
        Some(SubjectType { entity_type, in_server }) => {
            section::check_type_name(&entity_type, place)?;
            CallResource::Subject { entity_type, in_server }
        }
    })
}

fn by_name<T>(named: Vec<(String, T)>, place: &str) -> Result<ByName<T>, SectionError> {
    ByName::new(named).map_err(|name| SectionError::new(SectionErrorKind::Duplicate, format!("`{name}` of {place}")))
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;

    /// A server `files` at `/mcp` with every method and the tools `read` and `write`, and a small body limit.
    pub(crate) fn route() -> McpRoute {
        serde_json::from_str(include_str!("testing.json")).unwrap()
    }

    pub(crate) fn open_with(change: impl FnOnce(&mut McpRoute)) -> Result<OpenMcp, SectionErrorKind> {
        let mut raw = route();
        change(&mut raw);
        let template = PathTemplate::parse("/{tenant}/mcp/{rest*}").unwrap();
        OpenMcp::open(raw, &template, &mut RouteSlots::default(), "test").map_err(|error| error.kind())
    }

    pub(crate) fn open() -> OpenMcp {
        open_with(|_| ()).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{open, open_with};
    use super::*;
    use SectionErrorKind as Kind;

    #[test]
    fn names_are_found_exactly() {
        let mcp = open();
        assert!(mcp.tool("read").is_some() && mcp.method("tools/call").is_some());
        for name in ["Read", "reads", "rea", "", "tools/call", "input"] {
            assert!(mcp.tool(name).is_none(), "{name}");
        }
    }

    #[test]
    fn arguments_are_repeated_in_headers_of_any_name() {
        let open = |name: &str| {
            let header = ArgumentHeader { header: name.to_owned(), argument: vec!["path".to_owned()] };
            open_with(|raw| raw.tools[0].param_headers = vec![header]).map(|_| ())
        };
        for name in ["zone", "zone.1", "a!#$%&'*+-.^_`|~9"] {
            assert_eq!(open(name), Ok(()), "{name}");
        }
        for name in ["", "Zone", "a b", "a:b", "a\t", "a\n", "r\u{e9}gion", "a,b", "a/b"] {
            assert_eq!(open(name), Err(Kind::Name), "{name:?}");
        }
    }

    #[test]
    fn bad_routes_are_refused() {
        let refused = |change: fn(&mut McpRoute)| open_with(change).err();
        assert_eq!(refused(|raw| raw.server.id = "a/b".to_owned()), Some(Kind::Template));
        assert_eq!(refused(|raw| raw.server.id = "{rest}".to_owned()), Some(Kind::Template));
        assert_eq!(refused(|raw| raw.server.id = "{tenant}".to_owned()), None);
        assert_eq!(refused(|raw| raw.server.entity_type = "a b".to_owned()), Some(Kind::Name));
        assert_eq!(refused(|raw| raw.max_body_bytes = 0), Some(Kind::Range));
        assert_eq!(refused(|raw| raw.max_body_bytes = limits::BODY_MAX_BYTES + 1), Some(Kind::Range));
        assert_eq!(refused(|raw| raw.max_answer_bytes = 0), Some(Kind::Range));
        assert_eq!(refused(|raw| raw.max_answer_bytes = limits::ANSWER_MAX_BYTES + 1), Some(Kind::Range));
        assert_eq!(refused(|raw| raw.revisions.clear()), Some(Kind::Duplicate));
        assert_eq!(refused(|raw| raw.revisions.push(Revision::R20241105)), Some(Kind::Duplicate));
        assert_eq!(refused(|raw| raw.methods[0].method = "tools/drop".to_owned()), Some(Kind::Source));
        assert_eq!(refused(|raw| raw.methods[0].method = raw.methods[1].method.clone()), Some(Kind::Duplicate));
        assert_eq!(refused(|raw| raw.tools[0].tool = raw.tools[1].tool.clone()), Some(Kind::Duplicate));
        assert_eq!(refused(|raw| raw.tools[0].tool.clear()), Some(Kind::Name));
        assert_eq!(refused(|raw| raw.tools[0].input = vec![raw.tools[0].input[0].clone(); 2]), Some(Kind::Duplicate));
        let subject = SubjectType { entity_type: "Tool".to_owned(), in_server: true };
        let list = |raw: &mut McpRoute, subject| {
            let list = raw.methods.iter_mut().find(|method| method.method == "tools/list").unwrap();
            list.resource = Some(subject);
        };
        assert_eq!(open_with(|raw| list(raw, subject)).err(), Some(Kind::Type), "a list is about no one tool");
    }
}
