//! Routes to A2A agents and to gRPC methods: which actions of the schema become operations, and which mistakes are found.

use std::collections::BTreeMap;

use palisade_gateway::section::{A2aDenial, A2aMember, GatewaySection, PushTarget, Source, TenantMode};
use palisade_gateway::{A2aVersion, Json, OperationReader};

use super::build;
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{PROJECT_FILE, Project, ProjectFile, ProjectSources};
use crate::source::SourceFile;

const SCHEMA: &str = r#"
    entity Agent;
    entity Service;
    action place appliesTo { principal: Agent, resource: Service, context: { path: String } };
    namespace Planner {
      entity Planner, Other;
      entity Task in [Planner];
      entity Draft in [Planner];
      action group;
      action SendMessage in [group] appliesTo {
        principal: Agent, resource: [Planner, Task], context: { host?: String, modes: Set<String> } };
      action GetTask, CancelTask appliesTo { principal: Agent, resource: Task };
      action ListTasks appliesTo { principal: Agent, resource: Planner };
      action GetExtendedAgentCard appliesTo { principal: Agent, resource: Other };
      action http_only appliesTo { principal: Agent, resource: Planner };
    }
    namespace Empty { entity Planner; }
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
protocol = "a2a"
path = "/planner"
resource = { type = "Planner::Planner", id = "planner" }
context = { host = "message.push_host", modes = "message.output_modes" }
"#;

const GRPC: &str = r#"
[[routes]]
protocol = "grpc"
service = "shop.v1.Orders"
methods = ["Place", "Amend"]
action = "place"
resource = { type = "Service", id = "orders" }
context = { path = "path_text" }
"#;

fn build_from(text: &str, schema: &str) -> (GatewaySection, Vec<Diagnostic>) {
    let sources = ProjectSources {
        project: SourceFile::new(PROJECT_FILE, text),
        schema: SourceFile::new("schema.cedarschema", schema),
        policies: vec![],
        links: vec![],
        entities: vec![],
        jwks: BTreeMap::new(),
        catalogues: BTreeMap::new(),
    };
    let mut findings = Findings::default();
    let file = ProjectFile::parse(&sources.project).unwrap();
    let project = Project::load(file, &sources, &mut findings).unwrap();
    let key_set: Json = serde_json::from_str(r#"{"keys": []}"#).unwrap();
    let section = build(&project, &BTreeMap::from([("dev".to_owned(), key_set)]), &mut findings);
    (section, findings.sorted().into_iter().cloned().collect())
}

#[test]
fn actions_become_operations() {
    let (section, findings) = build_from(PROJECT, SCHEMA);
    assert_eq!(findings, []);
    let route = &section.a2a[0];
    let operations: Vec<(&str, bool, Option<&str>)> =
        route.operations.iter().map(|op| (op.operation.as_str(), op.on_agent, op.task.as_deref())).collect();
    let task = Some("Planner::Task");
    assert_eq!(
        operations,
        [("CancelTask", false, task), ("GetTask", false, task), ("ListTasks", true, None), ("SendMessage", true, task)]
    );
    let sources: Vec<&Source> = route.operations[3].context.iter().map(|entry| &entry.source).collect();
    assert_eq!(sources, [&Source::A2a(A2aMember::PushHost), &Source::A2a(A2aMember::OutputModes)]);
    assert!(OperationReader::open(route.clone()).is_ok(), "a gateway takes it");
}

#[test]
fn defaults_are_the_strict_ones() {
    let (section, _) = build_from(PROJECT, SCHEMA);
    let route = &section.a2a[0];
    assert_eq!((route.denial, route.tenant, route.tenant_in_id), (A2aDenial::Http403, TenantMode::Refuse, false));
    assert_eq!((route.versions.as_slice(), route.max_body_bytes), (&A2aVersion::ALL[..], 1024 * 1024));
    assert!(!route.card.public && route.card.path.is_none() && route.push_targets.is_empty() && route.skill.is_none());

    let keys = "versions = [\"1.0\"]\ndenial = \"hide\"\ntenant = \"required\"\nmax_body_bytes = 100\nskill = \"skillId\"\n\
                origins = [\"https://a\"]\ncard = { path = \"/.well-known/agent-card.json\", public = true }\n\
                push_targets = [\"*.hooks.example\", \"http://10.0.0.7:8080\"]\n";
    let text = PROJECT.replace("id = \"planner\"", "id = \"planner:{tenant}\"");
    let (section, findings) = build_from(&format!("{text}{keys}"), SCHEMA);
    assert_eq!(findings, []);
    let route = &section.a2a[0];
    assert_eq!((route.denial, route.tenant, route.tenant_in_id), (A2aDenial::Hide, TenantMode::Required, true));
    assert_eq!((route.agent.id.as_str(), route.versions.as_slice()), ("planner:", &[A2aVersion::V1_0][..]));
    assert_eq!(route.card.path.as_deref(), Some("/.well-known/agent-card.json"));
    let target = |https, host: &str, subdomains, port| PushTarget { https, host: host.to_owned(), subdomains, port };
    assert_eq!(route.push_targets, [target(true, "hooks.example", true, 443), target(false, "10.0.0.7", false, 8080)]);
    assert!(OperationReader::open(route.clone()).is_ok(), "a gateway takes it");
}

#[test]
fn methods_of_a_service_become_routes() {
    let (section, findings) = build_from(&format!("{PROJECT}{GRPC}"), SCHEMA);
    assert_eq!(findings, []);
    let paths: Vec<&str> = section.routes.iter().map(|route| route.path.as_str()).collect();
    assert_eq!(paths, ["/shop.v1.Orders/Place", "/shop.v1.Orders/Amend"]);
    assert!(section.routes.iter().all(|route| route.grpc && route.methods == ["POST"]));
}

#[test]
fn mistakes_are_found_where_they_are() {
    for (from, to, code, place) in [
        ("\"a2a\"", "\"a2b\"", "route.protocol", "\"a2b\""),
        ("path = \"/planner\"\n", "", "route.key_missing", "\"Planner::Planner\""),
        ("path = ", "methods = [\"POST\"]\npath = ", "route.key", "[\"POST\"]"),
        ("path = ", "action = \"place\"\npath = ", "route.key", "\"place\""),
        ("path = ", "revisions = []\npath = ", "route.key", "[]"),
        ("path = ", "service = \"a.B\"\npath = ", "route.key", "\"a.B\""),
        ("path = ", "unknown_arguments = \"deny\"\npath = ", "route.key", "\"deny\""),
        ("Planner::Planner", "Planner::Plan", "route.unknown_type", "\"Planner::Plan\""),
        ("id = \"planner\"", "id = \"{name}\"", "route.unknown_name", "\"{name}\""),
        ("id = \"planner\"", "id = \"{tenant}\"", "route.unknown_name", "\"{tenant}\""),
        ("message.push_host", "message.pushHost", "route.source", "\"message.pushHost\""),
        ("message.push_host", "message.uri", "route.source", "\"message.uri\""),
        ("message.push_host", "message.extensions", "route.source_type", "\"message.extensions\""),
        ("message.output_modes", "message.task", "route.source_type", "\"message.task\""),
        ("message.push_host", "message.skill", "route.source", "\"/planner\""),
        (", modes = \"message.output_modes\"", "", "route.context_missing", "\"/planner\""),
        ("host = ", "url = \"message.push_url\", host = ", "route.unknown_context", "url"),
        ("path = ", "versions = []\npath = ", "route.revision", "[]"),
        ("path = ", "versions = [\"0.2\"]\npath = ", "route.revision", "\"0.2\""),
        ("path = ", "denial = \"coaz\"\npath = ", "route.choice", "\"coaz\""),
        ("path = ", "tenant = \"maybe\"\npath = ", "route.choice", "\"maybe\""),
        ("path = ", "push_targets = []\npath = ", "route.push_target", "[]"),
        ("path = ", "push_targets = [\"a b\"]\npath = ", "route.push_target", "\"a b\""),
        ("path = ", "push_targets = [\"*.10.0.0.1\"]\npath = ", "route.push_target", "\"*.10.0.0.1\""),
    ] {
        let (before, route) = PROJECT.split_at(PROJECT.find("[[routes]]").unwrap());
        let text = format!("{before}{}", route.replacen(from, to, 1));
        let (_, findings) = build_from(&text, SCHEMA);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{to}: {findings:?}");
        assert_eq!(&text[findings[0].span.clone().unwrap()], place, "{to}");
    }
    let text = PROJECT.replace("Planner::Planner", "Empty::Planner");
    let codes: Vec<&str> = build_from(&text, SCHEMA).1.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, ["route.a2a_empty", "route.unknown_context", "route.unknown_context"]);
}

#[test]
fn mistakes_of_services_are_found() {
    for (from, to, code, place) in [
        ("service = \"shop.v1.Orders\"\n", "", "route.key_missing", "\"Service\""),
        ("methods = [\"Place\", \"Amend\"]\n", "", "route.key_missing", "\"Service\""),
        ("action = \"place\"\n", "", "route.key_missing", "\"Service\""),
        ("service = ", "path = \"/x\"\nservice = ", "route.key", "\"/x\""),
        ("shop.v1.Orders", "shop/v1.Orders", "route.grpc_name", "\"shop/v1.Orders\""),
        ("shop.v1.Orders", "shop..Orders", "route.grpc_name", "\"shop..Orders\""),
        ("\"Amend\"", "\"{any}\"", "route.grpc_name", "\"{any}\""),
        ("\"Amend\"", "\"\"", "route.grpc_name", "\"\""),
        ("\"place\"", "\"plaice\"", "route.unknown_action", "\"plaice\""),
        ("path_text", "message.task", "route.source", "\"message.task\""),
        ("service = ", "denial = \"hide\"\nservice = ", "route.key", "\"hide\""),
    ] {
        let text = format!("{PROJECT}{}", GRPC.replacen(from, to, 1));
        let (_, findings) = build_from(&text, SCHEMA);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{to}: {findings:?}");
        assert_eq!(&text[findings[0].span.clone().unwrap()], place, "{to}");
    }
}

#[test]
fn an_operation_is_about_one_type_of_task() {
    for (from, to) in [
        (
            "action GetTask, CancelTask appliesTo { principal: Agent, resource: Task }",
            "action GetTask appliesTo { principal: Agent, resource: [Task, Draft] }",
        ),
        (
            "action ListTasks appliesTo { principal: Agent, resource: Planner }",
            "action ListTasks appliesTo { principal: Agent, resource: [Planner, Task] }",
        ),
    ] {
        let schema = SCHEMA.replace(from, to);
        assert_ne!(schema, SCHEMA);
        let codes: Vec<&str> = build_from(PROJECT, &schema).1.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["route.resource_type"], "{to}");
    }
}
