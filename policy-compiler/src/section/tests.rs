use std::collections::BTreeMap;

use palisade_gateway::Json;
use palisade_gateway::section::{
    AttributeType, DelegationMode, GatewaySection, Profile, RecordField, Source, TransactionMode, UpstreamHeader,
};

use super::build;
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{PROJECT_FILE, Project, ProjectFile, ProjectSources};
use crate::source::SourceFile;

const SCHEMA: &str = r#"
    entity Team in [Team];
    type Task = { id: String, branch?: String, peers?: Set<Team> };
    entity Agent in [Team] = { autonomous: Bool, task: Task, since?: datetime };
    entity Robot;
    entity Repository = { owner: Team };
    entity Other;
    action change;
    action read appliesTo { principal: [Agent], resource: Repository, context: { at: Long } };
    action write in [change] appliesTo {
        principal: [Agent],
        resource: Repository,
        context: { branch: String, from?: ipaddr, tags?: Set<String>, rights?: Set<{ action: String }>, odd?: Set<{ type: String }> },
    };
    action inspect appliesTo { principal: Robot, resource: Repository };
    namespace Ns { entity Thing; action poke appliesTo { principal: [Agent], resource: Thing }; }
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
clock_skew = "30s"
[issuers.principal]
type = "Agent"
id = "sub"
parents = [{ claim = "org.teams", type = "Team" }]
attributes = { autonomous = "auto" }

[[routes]]
host = "repos.internal"
methods = ["PUT"]
path = "/repos/{repo}/branches/{branch}/{rest*}"
action = "write"
resource = { type = "Repository", id = "{repo}" }
context = { branch = "path.branch", from = "header.X-From" }
"#;

pub(super) fn build_with(edit: impl Fn(&str) -> String) -> (GatewaySection, Vec<Diagnostic>, String) {
    let text = edit(PROJECT);
    let key_set: Json = serde_json::from_str(r#"{"keys": []}"#).unwrap();
    let sets = ["dev", "Dev!"].map(|alias| (alias.to_owned(), key_set.clone()));
    build_from(&text, BTreeMap::from(sets))
}

fn build_from(text: &str, key_sets: BTreeMap<String, Json<'static>>) -> (GatewaySection, Vec<Diagnostic>, String) {
    let (section, findings) = build_all(text, vec![], key_sets);
    (section, findings, text.to_owned())
}

fn build_all(
    text: &str,
    policies: Vec<SourceFile>,
    key_sets: BTreeMap<String, Json<'static>>,
) -> (GatewaySection, Vec<Diagnostic>) {
    let sources = ProjectSources {
        project: SourceFile::new(PROJECT_FILE, text),
        schema: SourceFile::new("schema.cedarschema", SCHEMA),
        policies,
        links: vec![],
        entities: vec![],
        jwks: BTreeMap::new(),
        catalogues: BTreeMap::new(),
    };
    let mut findings = Findings::default();
    let file = ProjectFile::parse(&sources.project).unwrap();
    let project = Project::load(file, &sources, &mut findings).unwrap();
    let section = build(&project, &key_sets, &mut findings);
    (section, findings.sorted().into_iter().cloned().collect())
}

#[test]
fn a_project_becomes_a_section_typed_by_its_schema() {
    let (section, findings, _) = build_with(str::to_owned);
    assert_eq!(findings, []);
    let principal = &section.issuers[0].principal;
    assert_eq!(principal.id_claim, ["sub"]);
    assert_eq!(principal.parents[0].claim, ["org", "teams"]);
    let names: Vec<(&str, &[String], bool)> =
        principal.attributes.iter().map(|a| (a.name.as_str(), a.claim.as_slice(), a.required)).collect();
    let [auto, since, task] = ["auto", "since", "task"].map(|name| vec![name.to_owned()]);
    assert_eq!(names, [("autonomous", &auto[..], true), ("since", &since[..], false), ("task", &task[..], true)]);
    let field = |name: &str, attribute_type, required| RecordField { name: name.to_owned(), attribute_type, required };
    let team = AttributeType::Set(Box::new(AttributeType::Entity("Team".to_owned())));
    assert_eq!(
        principal.attributes[2].attribute_type,
        AttributeType::Record(vec![
            field("branch", AttributeType::String, false),
            field("id", AttributeType::String, true),
            field("peers", team, false),
        ])
    );
    let context = &section.routes[0].context;
    assert_eq!(context[0].source, Source::Path("branch".to_owned()));
    assert!(context[0].required);
    assert_eq!(context[1].source, Source::Header("x-from".to_owned()));
    assert_eq!(context[1].attribute_type, AttributeType::Ip);
    assert!(!context[1].required);
}

#[test]
fn every_source_is_understood() {
    let route = |action: &str, context: &str| {
        format!(
            "{}[[routes]]\nmethods = [\"GET\"]\npath = \"/{{a}}\"\naction = \"{action}\"\n\
             resource = {{ type = \"Repository\", id = \"{{a}}\" }}\ncontext = {{ {context} }}\n",
            &PROJECT[..PROJECT.find("[[routes]]").unwrap()]
        )
    };
    let claim = |names: &[&str]| Source::Claim(names.iter().map(ToString::to_string).collect());
    for (action, context, source) in [
        ("read", "at = \"now\"", Source::Now),
        ("read", "at = \"claim.iat\"", claim(&["iat"])),
        ("read", "at = \"query.at\"", Source::Query("at".to_owned())),
        ("write", "branch = \"method\"", Source::Method),
        ("write", "branch = \"host\"", Source::Host),
        ("write", "branch = \"path_text\"", Source::PathText),
        ("write", "branch = \"claim.a.b\"", claim(&["a", "b"])),
    ] {
        let (section, findings, _) = build_with(|_| route(action, context));
        assert_eq!(findings, [], "{context}");
        assert_eq!(section.routes[0].context[0].source, source);
    }
}

#[test]
fn authorization_details_are_read_by_type_whatever_characters_it_has() {
    let (section, findings, _) = build_with(|text| {
        let rights = "rights = \"claim.authorization_details.https://scheme.example/files\", tags = \"claim.authorization_details\"";
        text.replace("from = \"header.X-From\"", rights)
    });
    assert_eq!(findings, []);
    let claim = |names: &[&str]| Source::Claim(names.iter().map(ToString::to_string).collect());
    let sources: Vec<_> = section.routes[0].context.iter().map(|entry| &entry.source).collect();
    let details = claim(&["authorization_details", "https://scheme.example/files"]);
    assert_eq!(sources, [&Source::Path("branch".to_owned()), &details, &claim(&["authorization_details"])]);
}

/// Each edit of the project gives exactly this finding, at exactly this place.
#[test]
fn mistakes_are_found_where_they_are() {
    let cases = [
        ("alias = \"dev\"", "alias = \"Dev!\"", "issuer.alias", "\"Dev!\""),
        ("alias = \"dev\"", "alias = \"dev\"\nprofile = \"jwt\"", "issuer.profile", "\"jwt\""),
        ("alias = \"dev\"", "alias = \"dev\"\ntrust_domain = \"a\"", "issuer.trust_domain", "\"a\""),
        (
            "alias = \"dev\"",
            "alias = \"dev\"\nprofile = \"spiffe-jwt-svid\"",
            "issuer.trust_domain",
            "\"spiffe-jwt-svid\"",
        ),
        ("alias = \"dev\"", "alias = \"dev\"\nprofile = \"wimse-wit\"", "issuer.profile", "\"wimse-wit\""),
        ("alias = \"dev\"", "alias = \"dev\"\nprofile = \"wimse-wit-03\"", "issuer.trust_domain", "\"wimse-wit-03\""),
        ("issuer = \"https://issuer.example\"\n", "", "issuer.issuer_missing", "\"dev\""),
        ("audiences = [\"gateway\"]\n", "", "issuer.audiences_empty", "\"dev\""),
        ("audiences = [\"gateway\"]", "audiences = []", "issuer.audiences_empty", "[]"),
        ("[\"ES256\"]", "[\"HS256\"]", "issuer.algorithm", "\"HS256\""),
        ("[\"ES256\"]", "[\"none\"]", "issuer.algorithm", "\"none\""),
        ("[\"ES256\"]", "[\"ES256\", \"ES256\"]", "issuer.algorithm", "\"ES256\""),
        ("[\"ES256\"]", "[]", "issuer.algorithm", "[]"),
        ("\"15m\"", "\"15 minutes\"", "project.duration", "\"15 minutes\""),
        ("\"15m\"", "\"0s\"", "issuer.duration_range", "\"0s\""),
        ("\"15m\"", "\"2d\"", "issuer.duration_range", "\"2d\""),
        ("\"30s\"", "\"10m\"", "issuer.duration_range", "\"10m\""),
        ("type = \"Agent\"", "type = \"Agnet\"", "principal.unknown_type", "\"Agnet\""),
        ("id = \"sub\"", "id = \"a..b\"", "section.claim_path", "\"a..b\""),
        ("autonomous = \"auto\"", "autonomus = \"auto\"", "principal.unknown_attribute", "autonomus"),
        ("autonomous = \"auto\"", "autonomous = \".\"", "section.claim_path", "\".\""),
        ("type = \"Team\"", "type = \"Taem\"", "principal.unknown_type", "\"Taem\""),
        ("type = \"Team\"", "type = \"Other\"", "principal.parent_type", "\"Other\""),
        ("alias = \"dev\"", "alias = \"dev\"\nx509_svid = true", "issuer.x509_svid", "true"),
        ("alias = \"dev\"", "alias = \"dev\"\nbinding = \"always\"", "issuer.binding", "\"always\""),
        (
            "methods = [\"PUT\"]",
            "methods = [\"PUT\"]\nmax_authentication_age = \"soon\"",
            "project.duration",
            "\"soon\"",
        ),
        ("methods = [\"PUT\"]", "methods = []", "route.methods_empty", "[]"),
        ("action = \"write\"", "action = \"wirte\"", "route.unknown_action", "\"wirte\""),
        ("action = \"write\"", "action = \"poke\"", "route.unknown_action", "\"poke\""),
        ("action = \"write\"", "action = \"change\"", "route.action_group", "\"change\""),
        ("type = \"Repository\"", "type = \"Repo\"", "route.unknown_type", "\"Repo\""),
        ("type = \"Repository\"", "type = \"Other\"", "route.resource_type", "\"Other\""),
        ("id = \"{repo}\"", "id = \"{rep}\"", "route.unknown_name", "\"{rep}\""),
        ("branch = \"path.branch\"", "branch = \"path.brunch\"", "route.unknown_name", "\"path.brunch\""),
        ("branch = \"path.branch\"", "branch = \"now\"", "route.source_type", "\"now\""),
        ("branch = \"path.branch\"", "branch = \"body.x\"", "route.source", "\"body.x\""),
        ("branch = \"path.branch\"", "branch = \"nowadays\"", "route.source", "\"nowadays\""),
        ("branch = \"path.branch\"", "branch = \"query.\"", "route.source", "\"query.\""),
        ("branch = \"path.branch\"", "branch = \"claim.\"", "section.claim_path", "\"claim.\""),
        ("from = ", "form = ", "route.unknown_context", "form"),
        ("from = ", "tags = ", "route.source_type", "\"header.X-From\""),
        (
            "autonomous = \"auto\"",
            "autonomous = \"authorization_details\"",
            "principal.attribute_type",
            "\"authorization_details\"",
        ),
        (
            "autonomous = \"auto\"",
            "autonomous = \"authorization_details.a\"",
            "principal.attribute_type",
            "\"authorization_details.a\"",
        ),
        (
            "\"path.branch\"",
            "\"claim.authorization_details.a\"",
            "route.source_type",
            "\"claim.authorization_details.a\"",
        ),
        (
            "from = \"header.X-From\"",
            "rights = \"claim.authorization_details\"",
            "route.source_type",
            "\"claim.authorization_details\"",
        ),
        (
            "from = \"header.X-From\"",
            "tags = \"claim.authorization_details.a\"",
            "route.source_type",
            "\"claim.authorization_details.a\"",
        ),
        (
            "from = \"header.X-From\"",
            "odd = \"claim.authorization_details.a\"",
            "route.source_type",
            "\"claim.authorization_details.a\"",
        ),
        (
            "from = \"header.X-From\"",
            "rights = \"claim.authorization_details.\"",
            "section.claim_path",
            "\"claim.authorization_details.\"",
        ),
        ("branch = \"path.branch\", ", "", "route.context_missing", "\"write\""),
    ];
    for (from, to, code, place) in cases {
        assert!(PROJECT.contains(from), "{from}");
        let (_, findings, text) = build_with(|project| project.replacen(from, to, 1));
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{to}");
        assert_eq!(findings[0].file.as_deref(), Some(PROJECT_FILE));
        assert_eq!(&text[findings[0].span.clone().unwrap()], place, "{to}");
    }
}

#[test]
fn profiles_are_understood() {
    let profile = |lines: &str| {
        let alias = format!("alias = \"dev\"\n{lines}");
        let (section, findings, _) = build_with(|project| project.replacen("alias = \"dev\"", &alias, 1));
        assert_eq!(findings, [], "{lines}");
        section.issuers[0].profile.clone()
    };
    assert_eq!(profile(""), Profile::OauthLenient);
    for (name, expected) in [
        ("oauth", Profile::Oauth),
        ("oauth-lenient", Profile::OauthLenient),
        ("oidc", Profile::Oidc),
        ("kubernetes", Profile::Kubernetes),
        ("github-actions", Profile::GithubActions),
    ] {
        assert_eq!(profile(&format!("profile = \"{name}\"")), expected);
    }
    let spiffe = "profile = \"spiffe-jwt-svid\"\ntrust_domain = \"example.org\"";
    assert_eq!(profile(spiffe), Profile::SpiffeJwtSvid { trust_domain: "example.org".to_owned(), x509: false });
    let both = format!("{spiffe}\nx509_svid = true");
    assert_eq!(profile(&both), Profile::SpiffeJwtSvid { trust_domain: "example.org".to_owned(), x509: true });
    let (section, findings, _) = build_with(|project| {
        project.replacen("alias = \"dev\"", &format!("alias = \"dev\"\n{spiffe}"), 1).replacen(
            "issuer = \"https://issuer.example\"\n",
            "",
            1,
        )
    });
    assert_eq!((section.issuers[0].issuer.as_str(), findings.len()), ("spiffe://example.org", 0));
}

/// The project with tables before its routes.
fn with_tables(tables: &str) -> (GatewaySection, Vec<&'static str>) {
    let (section, findings, _) =
        build_with(|project| project.replacen("[[routes]]", &format!("{tables}\n[[routes]]"), 1));
    (section, findings.iter().map(|finding| finding.code).collect())
}

#[test]
fn resources_and_dpop_have_defaults() {
    let (section, findings) =
        with_tables("[[resources]]\nurl = \"https://a.internal/mcp\"\nscopes = [\"read\"]\n[dpop]");
    assert!(findings.is_empty());
    assert_eq!(section.resources[0].authorization_servers, ["https://issuer.example"]);
    assert_eq!(section.resources[0].scopes, ["read"]);
    let dpop = section.dpop.unwrap();
    assert_eq!(dpop.origins, ["https://a.internal"]);
    assert_eq!((dpop.max_age_seconds, dpop.clock_skew_seconds), (60, 5));
    assert!(dpop.algorithms.contains(&palisade_gateway::token::Algorithm::Es256));

    let own = "[[resources]]\nurl = \"https://a.internal\"\nname = \"A\"\nauthorization_servers = []\n\
               [dpop]\norigins = [\"https://b\"]\nalgorithms = [\"ES256\"]\nmax_age = \"2m\"\nclock_skew = \"0s\"";
    let (section, findings) = with_tables(own);
    assert!(findings.is_empty());
    assert!(section.resources[0].authorization_servers.is_empty());
    let dpop = section.dpop.unwrap();
    assert_eq!((dpop.origins.as_slice(), dpop.max_age_seconds), (&["https://b".to_owned()][..], 120));

    let (section, _) = with_tables("");
    assert!(section.resources.is_empty() && section.dpop.is_none());
}

#[test]
fn mistakes_in_dpop_are_found() {
    for (table, code) in [
        ("[dpop]", "dpop.origins"),
        ("[dpop]\norigins = []", "dpop.origins"),
        ("[dpop]\norigins = [\"https://a\"]\nalgorithms = [\"HS256\"]", "issuer.algorithm"),
        ("[dpop]\norigins = [\"https://a\"]\nmax_age = \"1h\"", "issuer.duration_range"),
        ("[dpop]\norigins = [\"https://a\"]\nclock_skew = \"5m\"", "issuer.duration_range"),
    ] {
        assert_eq!(with_tables(table).1, [code], "{table}");
    }
}

const DELEGATION: &str = "[issuers.delegation]\nmax_depth = 2\nissuers = [\"dev\"]\n[issuers.delegation.actor]\n\
                          type = \"Agent\"\nid = \"sub\"\nattributes = { autonomous = \"auto\" }\n";

/// The project with a delegation for its issuer and a mode for its route.
fn with_delegation(delegation: &str, mode: &str) -> (GatewaySection, Vec<&'static str>) {
    let tables = format!("{delegation}[[routes]]\ndelegation = \"{mode}\"");
    let (section, findings, _) = build_with(|project| project.replacen("[[routes]]", &tables, 1));
    (section, findings.iter().map(|finding| finding.code).collect())
}

#[test]
fn delegation_is_understood() {
    let (section, findings) = with_delegation(DELEGATION, "every_hop");
    assert!(findings.is_empty(), "{findings:?}");
    let delegation = section.issuers[0].delegation.as_ref().unwrap();
    assert_eq!((delegation.max_depth, delegation.issuers.as_slice()), (2, &["dev".to_owned()][..]));
    // Only what is named: the rest comes from the bundle's entities.
    let names: Vec<&str> = delegation.actor.attributes.iter().map(|attribute| attribute.name.as_str()).collect();
    assert_eq!(names, ["autonomous"]);
    assert_eq!(section.routes[0].rules.delegation, DelegationMode::EveryHop);

    let (section, _, _) = build_with(str::to_owned);
    assert_eq!(section.issuers[0].delegation, None);
    assert_eq!(section.routes[0].rules.delegation, DelegationMode::Refuse);
}

#[test]
fn mistakes_in_delegation_are_found() {
    for (delegation, mode, code) in [
        (DELEGATION.to_owned(), "all", "route.delegation"),
        (String::new(), "every_hop", "route.delegation"),
        (String::new(), "subject_only", "route.delegation"),
        (DELEGATION.replace("Agent", "Robot").replace("autonomous = \"auto\"", ""), "actor_only", "route.actor_type"),
        (DELEGATION.replace("Agent", "Agnet"), "refuse", "principal.unknown_type"),
        (DELEGATION.replace("autonomous", "autonomus"), "refuse", "principal.unknown_attribute"),
        (DELEGATION.replace("= 2", "= 0"), "refuse", "issuer.delegation_depth"),
        (DELEGATION.replace("= 2", "= 9"), "refuse", "issuer.delegation_depth"),
    ] {
        assert_eq!(with_delegation(&delegation, mode).1, [code], "{delegation} {mode}");
    }
}

const TRANSACTIONS: &str = "[transaction_tokens]\naudience = \"trust\"\nalgorithms = [\"ES256\"]\njwks = \"tts.json\"\n\
                            max_token_lifetime = \"5m\"\n";

#[test]
fn transaction_tokens_are_understood() {
    let text = |tables: &str, mode: &str| {
        PROJECT.replacen("[[routes]]", &format!("{tables}[[routes]]\ntransaction = \"{mode}\""), 1)
    };
    let key_set: Json = serde_json::from_str(r#"{"keys": []}"#).unwrap();
    let sets =
        |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), key_set.clone())).collect::<BTreeMap<_, _>>();
    let both = sets(&["dev", "transaction_tokens"]);
    let (section, findings, _) = build_from(&text(TRANSACTIONS, "required"), both.clone());
    assert_eq!(findings, []);
    let tokens = section.transaction_tokens.unwrap();
    assert_eq!((tokens.audience.as_str(), tokens.issuer, tokens.max_lifetime_seconds), ("trust", None, 300));
    assert_eq!(section.routes[0].rules.transaction, TransactionMode::Required);

    for (text, sets, code) in [
        (text(TRANSACTIONS, "required"), sets(&["dev"]), "issuer.jwks_missing"),
        (text(TRANSACTIONS, "always"), both.clone(), "route.transaction"),
        (text("", "optional"), both.clone(), "route.transaction"),
        (text(&TRANSACTIONS.replace("ES256", "HS256"), "strip"), both.clone(), "issuer.algorithm"),
        (text(&TRANSACTIONS.replace("5m", "2d"), "strip"), both, "issuer.duration_range"),
    ] {
        let codes: Vec<&str> = build_from(&text, sets).1.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{text}");
    }
}

#[test]
fn what_a_route_needs_of_a_token_is_understood() {
    let route = "methods = [\"PUT\"]\nscopes = [\"write\"]\nacr_values = [\"gold\"]\nmax_authentication_age = \"5m\"\nstrip_token = true";
    let (section, findings, _) = build_with(|project| project.replacen("methods = [\"PUT\"]", route, 1));
    assert_eq!(findings, []);
    let route = &section.routes[0];
    assert_eq!((route.rules.scopes.as_slice(), route.rules.strip_token), (&["write".to_owned()][..], true));
    let authentication = route.rules.authentication.as_ref().unwrap();
    assert_eq!(authentication.acr_values, ["gold"]);
    assert_eq!(authentication.max_age_seconds, Some(300));
    let (section, _, _) = build_with(str::to_owned);
    assert_eq!((section.routes[0].rules.authentication.as_ref(), section.routes[0].rules.strip_token), (None, false));
}

#[test]
fn an_upstream_is_told_what_the_route_says() {
    let told = |list: &str| {
        let route = format!("methods = [\"PUT\"]\nupstream_headers = {list}");
        let (section, findings, _) = build_with(|project| project.replacen("methods = [\"PUT\"]", &route, 1));
        assert_eq!(findings, [], "{list}");
        Vec::from(section.routes[0].rules.upstream_headers)
    };
    assert_eq!(told("[]"), []);
    assert_eq!(told("[\"decision_id\"]"), [UpstreamHeader::DecisionId]);
    assert_eq!(told("[\"actor\", \"principal\"]"), [UpstreamHeader::Principal, UpstreamHeader::Actor]);
    let (section, _, _) = build_with(str::to_owned);
    assert!(section.routes[0].rules.upstream_headers.is_all());

    for list in ["[\"subject\"]", "[\"actor\", \"actor\"]", "[\"x-palisade-principal\"]", "[\"Principal\"]", "[\"\"]"] {
        let route = format!("methods = [\"PUT\"]\nupstream_headers = {list}");
        let (_, findings, _) = build_with(|project| project.replacen("methods = [\"PUT\"]", &route, 1));
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, ["route.upstream_headers"], "{list}");
    }
}

#[test]
fn clocks_may_be_half_a_minute_apart_unless_the_project_says_otherwise() {
    let skew =
        |line: &str| build_with(|text| text.replace("clock_skew = \"30s\"\n", line)).0.issuers[0].clock_skew_seconds;
    assert_eq!((skew(""), skew("clock_skew = \"0s\"\n"), skew("clock_skew = \"2m\"\n")), (30, 0, 120));
}

#[test]
fn an_action_must_apply_to_some_issuers_principal() {
    let (_, findings, _) = build_with(|project| {
        let routes = project.replacen("action = \"write\"", "action = \"inspect\"", 1);
        let context = routes.find("context = ").unwrap();
        routes[..context].to_owned()
    });
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "route.principal_type");
    assert_eq!(findings[0].help.as_deref(), Some("it applies to: Robot"));
}

#[test]
fn an_action_of_a_namespace_is_named_in_full() {
    let poke = |project: &str| {
        let routes = project.replacen("action = \"write\"", "action = 'Ns::Action::\"poke\"'", 1);
        let routes = routes.replacen("type = \"Repository\"", "type = \"Ns::Thing\"", 1);
        let context = routes.find("context = ").unwrap();
        routes[..context].to_owned()
    };
    let (section, findings, _) = build_with(poke);
    assert_eq!(findings, []);
    assert_eq!(section.routes[0].action.entity_type, "Ns::Action");
    assert_eq!(section.routes[0].action.id, "poke");
}

#[test]
fn aliases_are_unique() {
    let (_, findings, _) = build_with(|project| {
        let start = project.find("[[issuers]]").unwrap();
        let end = project.find("[[routes]]").unwrap();
        format!("{}{}", &project[..end], &project[start..])
    });
    assert_eq!(findings[0].code, "issuer.duplicate_alias");
    assert_eq!(findings[0].related.len(), 1);
}

#[test]
fn key_sets_are_present_and_public() {
    let code = |text: Option<&str>| {
        let sets = text.map(|text| ("dev".to_owned(), serde_json::from_str(text).unwrap()));
        build_from(PROJECT, sets.into_iter().collect()).1[0].code
    };
    assert_eq!(code(None), "issuer.jwks_missing");
    assert_eq!(code(Some("{}")), "issuer.jwks");
    assert_eq!(code(Some("[]")), "issuer.jwks");
    assert_eq!(code(Some(r#"{"keys": {}}"#)), "issuer.jwks");
    for member in ["d", "p", "k", "oth"] {
        let text = format!(r#"{{"keys": [{{"kty": "EC"}}, {{"kty": "EC", "{member}": "AA"}}]}}"#);
        assert_eq!(code(Some(&text)), "issuer.jwks_secret");
    }
}

#[test]
fn what_authors_let_clients_know_is_in_the_section() {
    let file = SourceFile::new(
        "p.cedar",
        r#"
        @id("late") @advice(" Come back by day. ") forbid(principal, action, resource) when { context has at };
        @id("early") @scope("a  b") forbid(principal, action, resource);
        @id("plain") forbid(principal, action, resource);
        @id("allow") @advice("no") permit(principal, action, resource);
        @id("empty") @advice("  ") @scope("") forbid(principal, action, resource);
        @id("strong") @acr_values("gold  silver") @max_authentication_age("5m") forbid(principal, action, resource);
        @id("when") @max_authentication_age("soon") forbid(principal, action, resource);
        @id("shape") @advice("Ask.") @scope("c") forbid(principal == ?principal, action, resource);
        "#,
    );
    let (section, findings) = build_all(PROJECT, vec![file], BTreeMap::new());
    let cures: Vec<_> = section
        .cures
        .iter()
        .map(|cure| (cure.policy.as_str(), cure.advice.as_deref(), cure.scopes.join(" ")))
        .collect();
    // A template without links is no policy.
    let [early, late] = [("early", None, "a b".to_owned()), ("late", Some("Come back by day."), String::new())];
    assert_eq!(cures, [early, late, ("strong", None, String::new())]);
    let authentication = section.cures[2].authentication.as_ref().unwrap();
    assert_eq!(
        (authentication.acr_values.join(" "), authentication.max_age_seconds),
        ("gold silver".to_owned(), Some(300))
    );
    assert!(findings.iter().any(|finding| finding.code == "policy.cure_refused"), "{findings:?}");
    let findings: Vec<_> = findings.iter().filter(|finding| finding.code == "policy.no_cure").collect();
    let [permit, empty, _] = &findings[..] else { panic!("{findings:?}") };
    assert!(permit.message.contains("`forbid`") && empty.message.contains("empty"), "{findings:?}");
}
