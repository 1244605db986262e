//! A gateway in front of a server with many tools, and the server's answer when it is asked for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_policy_compiler::build::{BuildOptions, MissingKeySets, build};
use palisade_policy_compiler::bundle;
use palisade_policy_compiler::diagnostic::Findings;
use palisade_policy_compiler::keys::{Algorithm, PrivateKey, jwk_set};
use palisade_policy_compiler::project::ProjectSources;
use palisade_policy_compiler::source::SourceFile;
use palisade_policy_compiler::token::{self, Header};
use serde_json::{Value, json};

use crate::Result;

/// When it takes place, in seconds since the Unix epoch.
pub const NOW: u64 = 1_800_000_000;

/// A kind of tools: its name, its arguments in Cedar, and their names with their types in JSON Schema.
type Kind = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Every kind has its policies, as in [`super::listing`].
const KINDS: [Kind; 5] = [
    ("read", "path: String, head?: Long", &[("path", "string"), ("head", "integer")]),
    ("write", "path: String, content: String", &[("path", "string"), ("content", "string")]),
    ("pay", "amount: Long, currency: String", &[("amount", "integer"), ("currency", "string")]),
    ("run", "command: String", &[("command", "string")]),
    ("admin", "key: String", &[("key", "string")]),
];

const POLICIES: &str = r#"
permit(principal in Team::"engineering", action == Action::"tools/list", resource);
permit(principal in Team::"engineering", action in Action::"reads", resource == Server::"files")
when { context.input.path like "/work/*" };
permit(principal in Team::"engineering", action in Action::"writes", resource == Server::"files")
when { principal has folder && context.input.path like "/work/checkout/*" };
permit(principal in Team::"engineering", action in Action::"pays", resource == Server::"files")
when { context.input.amount < 500 && context.input.currency == "EUR" };
permit(principal in Team::"engineering", action in Action::"runs", resource == Server::"files");
permit(principal in Team::"administration", action in Action::"admins", resource == Server::"files");
forbid(principal, action in [Action::"reads", Action::"writes"], resource)
when {
  context.input.path like "*/../*" || context.input.path like "*/.." ||
  context.input.path like "*/./*" || context.input.path like "*\\*"
};
forbid(principal, action in [Action::"reads", Action::"writes"], resource)
when { context.input.path like "*/.env*" || context.input.path like "*.pem" };
forbid(principal, action in Action::"pays", resource) when { context.input.amount < 0 };
forbid(principal, action, resource) when { principal.suspended };
"#;

const PROJECT: &str = r#"
name = "tools"
schema = "schema.cedarschema"
policies = ["policies.cedar"]
lifetime = "1d"

[[issuers]]
alias = "dev"
issuer = "https://issuer.example"
audiences = ["https://gateway.example"]
algorithms = ["ES256"]
jwks = "dev.jwks.json"
max_token_lifetime = "15m"
[issuers.principal]
type = "Agent"
id = "sub"
parents = [{ claim = "teams", type = "Team" }]

[[routes]]
protocol = "mcp"
path = "/mcp"
resource = { type = "Server", id = "files" }
"#;

/// What the filter is given.
pub struct ListedTools {
    /// The plugin's configuration, with a signed bundle.
    pub configuration: String,
    /// The token of somebody who may see three kinds of the five.
    pub token: String,
    /// The answer to `tools/list`.
    pub answer: String,
    /// How many of the tools are left of it.
    pub shown: usize,
}

/// A server with `count` tools, of each kind the same.
///
/// # Errors
/// Where something does not build.
pub fn listed(count: usize) -> Result<ListedTools> {
    let (signer, issuer) = (PrivateKey::generate(Algorithm::Ed25519)?, PrivateKey::generate(Algorithm::Es256)?);
    let sources = ProjectSources {
        project: SourceFile::new("palisade.toml", PROJECT),
        schema: SourceFile::new("schema.cedarschema", schema(count)?),
        policies: vec![SourceFile::new("policies.cedar", POLICIES)],
        links: Vec::new(),
        entities: Vec::new(),
        jwks: BTreeMap::from([(
            "dev".to_owned(),
            SourceFile::new("dev.jwks.json", jwk_set(vec![issuer.public_jwk("dev")?]).to_string()),
        )]),
        catalogues: BTreeMap::new(),
    };
    let options = BuildOptions { version: Some(1), created: NOW, missing_key_sets: MissingKeySets::Refuse };
    let mut findings = Findings::default();
    let built = build(&sources, &options, &mut findings).ok_or_else(|| format!("{findings:?}"))?;
    let bundle = STANDARD.encode(bundle::sign(&built.bytes, &signer)?);
    let trust = signer.trust_key()?.to_string();
    let claims = json!({
        "iss": "https://issuer.example", "aud": "https://gateway.example", "sub": "reader",
        "teams": ["engineering"], "suspended": false, "iat": NOW - 10, "exp": NOW + 300,
    });
    let Value::Object(claims) = claims else { return Err("claims are an object".into()) };
    let header = Header { kid: Some("dev".to_owned()), typ: Some("JWT".to_owned()), cty: None };
    Ok(ListedTools {
        configuration: json!({"bundle": {"inline": bundle}, "trust": {"keys": [trust]}}).to_string(),
        token: token::mint(&issuer, &header, claims)?,
        answer: answer(count),
        shown: (0..count).filter(|n| matches!(kind(*n).0, "read" | "pay" | "run")).count(),
    })
}

fn kind(n: usize) -> Kind {
    let [first, ..] = KINDS;
    *KINDS.get(n % KINDS.len()).unwrap_or(&first)
}

fn schema(count: usize) -> Result<String> {
    let mut text = String::from(
        "entity Team, Server;\nentity Agent in [Team] = { folder?: String, suspended: Bool };\n\
         action \"tools/list\" appliesTo { principal: [Agent], resource: [Server] };\n",
    );
    for (name, ..) in KINDS {
        writeln!(text, "action \"{name}s\";")?;
    }
    for n in 0..count {
        let (name, input, _) = kind(n);
        writeln!(
            text,
            "action \"{name}-{n}\" in [\"{name}s\"] appliesTo {{ principal: [Agent], resource: [Server], \
             context: {{ input: {{ {input} }} }} }};"
        )?;
    }
    Ok(text)
}

fn answer(count: usize) -> String {
    let tool = |n: usize| {
        let (name, _, arguments) = kind(n);
        let property = |(argument, of): &(&str, &str)| {
            let description = format!("The {argument} that the tool works on, as the caller gives it.");
            ((*argument).to_owned(), json!({"type": of, "description": description}))
        };
        let properties: Value = Value::Object(arguments.iter().map(property).collect());
        json!({
            "name": format!("{name}-{n}"),
            "title": format!("{name}, number {n}"),
            "description": format!("Does what its name says to thing number {n}, and says what came of it in a text of a few lines."),
            "inputSchema": {"type": "object", "properties": properties, "required": [arguments.first().map(|(name, _)| *name)]},
            "annotations": {"readOnlyHint": name == "read"},
        })
    };
    let tools: Vec<Value> = (0..count).map(tool).collect();
    json!({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}}).to_string()
}
