//! Routes to MCP servers: which actions of the schema become methods and tools, and which mistakes are found.

use std::collections::BTreeMap;

use palisade_gateway::bundle::Digest;
use palisade_gateway::section::{
    AttributeType, Denial, Drift, GatewaySection, MessageMember, Source, UnknownArguments,
};
use palisade_gateway::{Json, McpRevision};

use super::build;
use crate::catalogue::CatalogueFile;
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{PROJECT_FILE, Project, ProjectFile, ProjectSources};
use crate::source::SourceFile;

const SCHEMA: &str = r#"
    entity Agent;
    namespace Files {
      entity Server, Other;
      entity Tool in [Server];
      action group;
      action "tools/list", initialize in [group] appliesTo { principal: Agent, resource: Server };
      action "tools/call" appliesTo { principal: Agent, resource: Tool };
      action "resources/read" appliesTo { principal: Agent, resource: Server, context: { uri: String, who?: String } };
      action read_file appliesTo { principal: Agent, resource: Server, context: { input: { path: String, head?: Long } } };
      action write_file appliesTo { principal: Agent, resource: Server, context: { input: { path: String }, who?: String } };
      action by_tool appliesTo { principal: Agent, resource: Tool, context: { input: {} } };
      action elsewhere appliesTo { principal: Agent, resource: Other, context: { input: {} } };
      action http_only appliesTo { principal: Agent, resource: Server };
      action text_input appliesTo { principal: Agent, resource: Server, context: { input: String } };
    }
    namespace Empty { entity Server; }
"#;

const PROJECT: &str = r#"
name = "test"
schema = "schema.cedarschema"
policies = ["p.cedar"]
lifetime = "1d"

[[issuers]]
alias = "dev"
issuer = "https://issuer.example"
audiences = ["gateway"]
algorithms = ["ES256"]
jwks = "keys.json"
max_token_lifetime = "15m"
[issuers.principal]
type = "Agent"
id = "sub"

[[routes]]
protocol = "mcp"
path = "/{tenant}/mcp"
resource = { type = "Files::Server", id = "{tenant}" }
context = { uri = "message.uri" }
"#;

fn build_from(text: &str, schema: &str) -> (GatewaySection, Vec<Diagnostic>) {
    build_with(text, schema, BTreeMap::new())
}

fn build_with(text: &str, schema: &str, catalogues: BTreeMap<String, SourceFile>) -> (GatewaySection, Vec<Diagnostic>) {
    let sources = ProjectSources {
        project: SourceFile::new(PROJECT_FILE, text),
        schema: SourceFile::new("schema.cedarschema", schema),
        policies: vec![],
        links: vec![],
        entities: vec![],
        jwks: BTreeMap::new(),
        catalogues,
    };
    let mut findings = Findings::default();
    let file = ProjectFile::parse(&sources.project).unwrap();
    let project = Project::load(file, &sources, &mut findings).unwrap();
    let key_set: Json = serde_json::from_str(r#"{"keys": []}"#).unwrap();
    let section = build(&project, &BTreeMap::from([("dev".to_owned(), key_set)]), &mut findings);
    (section, findings.sorted().into_iter().cloned().collect())
}

#[test]
fn actions_become_methods_and_tools() {
    let (section, findings) = build_from(PROJECT, SCHEMA);
    assert_eq!(findings, []);
    let route = &section.mcp[0];
    let methods: Vec<&str> = route.methods.iter().map(|method| method.method.as_str()).collect();
    assert_eq!(methods, ["initialize", "resources/read", "tools/call", "tools/list"]);
    let tools: Vec<&str> = route.tools.iter().map(|tool| tool.tool.as_str()).collect();
    assert_eq!(tools, ["by_tool", "read_file", "write_file"]);

    let read = &route.tools[1];
    assert_eq!((read.action.entity_type.as_str(), read.action.id.as_str()), ("Files::Action", "read_file"));
    assert_eq!((&read.resource, read.context.len()), (&None, 0));
    let input: Vec<(&str, &AttributeType, bool)> =
        read.input.iter().map(|field| (field.name.as_str(), &field.attribute_type, field.required)).collect();
    assert_eq!(input, [("head", &AttributeType::Long, false), ("path", &AttributeType::String, true)]);
    let subject = route.tools[0].resource.as_ref().unwrap();
    assert_eq!((subject.entity_type.as_str(), subject.in_server), ("Files::Tool", true));
    assert_eq!(route.methods[1].context[0].source, Source::Message(MessageMember::Uri));
    assert_eq!(route.methods[2].resource.as_ref().unwrap().entity_type, "Files::Tool");
}

#[test]
fn defaults_are_the_strict_ones() {
    let (section, _) = build_from(PROJECT, SCHEMA);
    let route = &section.mcp[0];
    assert_eq!((route.denial, route.unknown_arguments), (Denial::Http403, UnknownArguments::Deny));
    assert_eq!((route.revisions.as_slice(), route.origins.len()), (&McpRevision::ALL[..], 0));
    assert_eq!((route.max_body_bytes, route.max_answer_bytes), (1024 * 1024, 1024 * 1024));
    assert!(route.rules.strip_token, "a token for the gateway is not the server's");

    let keys = "revisions = [\"2026-07-28\", \"2025-11-25\"]\ndenial = \"hide\"\nunknown_arguments = \"ignore\"\n\
                max_body_bytes = 100\nmax_answer_bytes = 200\norigins = [\"https://a\"]\nstrip_token = false\nscopes = [\"tools\"]\n\
                param_headers = { write_file = { Path = \"path\" } }\n\
                record_values = { read_file = [\"path\", \"head\", \"path\"] }\n";
    let (section, findings) = build_from(&format!("{PROJECT}{keys}"), SCHEMA);
    assert_eq!(findings, []);
    let route = &section.mcp[0];
    assert_eq!((route.denial, route.unknown_arguments), (Denial::Hide, UnknownArguments::Ignore));
    assert_eq!(route.revisions, [McpRevision::R20260728, McpRevision::R20251125]);
    assert_eq!(route.max_answer_bytes, 200);
    assert_eq!((route.max_body_bytes, route.origins.as_slice()), (100, &["https://a".to_owned()][..]));
    assert_eq!((route.rules.scopes.as_slice(), route.rules.strip_token), (&["tools".to_owned()][..], false));
    let recorded = ["head", "path"].map(str::to_owned);
    assert_eq!((route.record_arguments, &route.tools[1].recorded[..]), (true, &recorded[..]));
    let header = &route.tools[2].param_headers[0];
    assert_eq!((header.header.as_str(), header.argument.as_slice()), ("path", &["path".to_owned()][..]));
}

#[test]
fn mistakes_are_found_where_they_are() {
    for (from, to, code, place) in [
        ("\"mcp\"", "\"soap\"", "route.protocol", "\"soap\""),
        ("path = ", "methods = [\"POST\"]\npath = ", "route.key", "[\"POST\"]"),
        ("path = ", "action = \"read_file\"\npath = ", "route.key", "\"read_file\""),
        ("Files::Server", "Files::Sever", "route.unknown_type", "\"Files::Sever\""),
        ("id = \"{tenant}\"", "id = \"{tenent}\"", "route.unknown_name", "\"{tenent}\""),
        ("uri = \"message.uri\"", "uri = \"message.url\"", "route.source", "\"message.url\""),
        ("{ uri = \"message.uri\" }", "{}", "route.context_missing", "\"/{tenant}/mcp\""),
        ("uri = ", "input = \"message.name\", uri = ", "route.unknown_context", "input"),
        ("uri = ", "url = \"message.uri\", uri = ", "route.unknown_context", "url"),
        ("path = ", "revisions = []\npath = ", "route.revision", "[]"),
        ("path = ", "revisions = [\"2026-07-29\"]\npath = ", "route.revision", "\"2026-07-29\""),
        ("path = ", "denial = \"404\"\npath = ", "route.choice", "\"404\""),
        ("path = ", "unknown_arguments = \"allow\"\npath = ", "route.choice", "\"allow\""),
        ("path = ", "param_headers = { move = { A = \"a\" } }\npath = ", "route.unknown_tool", "move"),
        ("path = ", "param_headers = { read_file = { A = \"a.b\" } }\npath = ", "route.unknown_argument", "\"a.b\""),
        ("path = ", "record_values = { move = [\"path\"] }\npath = ", "route.unknown_tool", "move"),
        ("path = ", "record_values = { read_file = [\"pat\"] }\npath = ", "route.unknown_argument", "\"pat\""),
        ("path = ", "record_arguments = false\nrecord_values = {}\npath = ", "route.key", "{}"),
        ("path = ", "transaction = \"required\"\npath = ", "route.transaction", "\"required\""),
        ("path = ", "delegation = \"every_hop\"\npath = ", "route.delegation", "\"every_hop\""),
    ] {
        let (before, route) = PROJECT.split_at(PROJECT.find("[[routes]]").unwrap());
        let text = format!("{before}{}", route.replacen(from, to, 1));
        let (_, findings) = build_from(&text, SCHEMA);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{to}: {findings:?}");
        assert_eq!(&text[findings[0].span.clone().unwrap()], place, "{to}");
    }
    let text = PROJECT.replace("Files::Server", "Empty::Server").replace("uri = \"message.uri\"", "");
    let codes: Vec<&str> = build_from(&text, SCHEMA).1.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["route.mcp_empty"]);
}

#[test]
fn a_catalogue_goes_into_the_bundle() {
    let digest = Digest::of(b"x");
    let build = |keys: &str, names: &[&str]| {
        let tools = names.iter().map(|name| ((*name).to_owned(), digest)).collect();
        let file = SourceFile::new("tools.json", CatalogueFile { tools }.encode().unwrap());
        let text = format!("{PROJECT}catalogue = \"tools.json\"\n{keys}");
        build_with(&text, SCHEMA, BTreeMap::from([("tools.json".to_owned(), file)]))
    };
    let all = ["write_file", "read_file", "by_tool", "elsewhere"];
    let (section, findings) = build("", &all);
    assert_eq!(findings, []);
    let catalogue = section.mcp[0].catalogue.as_ref().unwrap();
    let names: Vec<&str> = catalogue.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!((catalogue.drift, names), (Drift::Drop, vec!["by_tool", "elsewhere", "read_file", "write_file"]));
    assert!(section.check().is_err(), "the key set is a dummy");
    assert_eq!(build("drift = \"block\"", &all).0.mcp[0].catalogue.as_ref().unwrap().drift, Drift::Block);

    // A tool that nobody could call is worth a word.
    let codes =
        |keys: &str, names: &[&str]| -> Vec<&str> { build(keys, names).1.iter().map(|finding| finding.code).collect() };
    assert_eq!(codes("", &["read_file", "Write_file"]), ["route.unpinned_tool"; 2]);
    assert_eq!(codes("drift = \"report\"", &["read_file"]), [""; 0]);
    assert_eq!(codes("drift = \"warn\"", &all), ["route.choice"]);
}

#[test]
fn a_catalogue_that_is_not_one_is_found() {
    let text = format!("{PROJECT}catalogue = \"tools.json\"\n");
    for bad in ["", "[]", "{}", r#"{"tools":{"read_file":"abc"}}"#, r#"{"tools":{},"x":1}"#] {
        let file = SourceFile::new("tools.json", bad);
        let (section, findings) = build_with(&text, SCHEMA, BTreeMap::from([("tools.json".to_owned(), file)]));
        let codes: Vec<_> = findings.iter().map(|finding| (finding.code, finding.file.as_deref())).collect();
        assert_eq!(codes, [("route.catalogue", Some("tools.json"))], "{bad}");
        assert!(section.mcp.is_empty());
    }
    let (_, findings) = build_from(&format!("{PROJECT}drift = \"drop\"\n"), SCHEMA);
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["route.key"]);
}

#[test]
fn keys_of_mcp_routes_are_for_no_others() {
    for key in [
        "denial = \"hide\"",
        "revisions = []",
        "origins = []",
        "max_body_bytes = 1",
        "max_answer_bytes = 1",
        "param_headers = {}",
        "catalogue = \"c\"",
        "drift = \"drop\"",
        "record_arguments = true",
        "record_values = {}",
    ] {
        let route = "[[routes]]\nmethods = [\"GET\"]\npath = \"/\"\naction = 'Files::Action::\"http_only\"'\n\
                     resource = { type = \"Files::Server\", id = \"x\" }\n";
        let (_, findings) = build_from(&format!("{PROJECT}{route}{key}\n"), SCHEMA);
        assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["route.key"], "{key}");
    }
    let message = "[[routes]]\nmethods = [\"GET\"]\npath = \"/\"\naction = 'Files::Action::\"resources/read\"'\n\
                   resource = { type = \"Files::Server\", id = \"x\" }\ncontext = { uri = \"message.uri\" }\n";
    let (_, findings) = build_from(&format!("{PROJECT}{message}"), SCHEMA);
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["route.source"]);
}

#[test]
fn an_action_whose_types_cannot_be_fed_is_found() {
    let schema =
        SCHEMA.replace("input: { path: String, head?: Long }", "input: { path: String, any: Set<__cedar::Long> }");
    assert_eq!(build_from(PROJECT, &schema).1, []);
    let schema = SCHEMA.replace("resource: Server, context: { uri: String, who?: String }", "resource: [Other]");
    let text = PROJECT.replace("uri = \"message.uri\"", "");
    let codes: Vec<&str> = build_from(&text, &schema).1.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["route.resource_type"]);
}
