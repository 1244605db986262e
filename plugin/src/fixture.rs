//! A small signed bundle and tokens for it, made by the compiler, for tests of the whole filter.

use palisade_policy_compiler::build::{BuildOptions, MissingKeySets, build};
use palisade_policy_compiler::bundle;
use palisade_policy_compiler::diagnostic::Findings;
use palisade_policy_compiler::keys::{Algorithm, PrivateKey, jwk_set};
use palisade_policy_compiler::project::ProjectSources;
use palisade_policy_compiler::revocation::{ListEditor, Publication, Published};
use palisade_policy_compiler::source::SourceFile;
use palisade_policy_compiler::token::{self, Header};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// When the tests take place, in seconds since the Unix epoch.
pub(crate) const NOW: u64 = 1_800_000_000;

const PROJECT: &str = r#"
name = "fixture"
schema = "schema.cedarschema"
policies = ["policies.cedar"]
lifetime = "1d"

[[issuers]]
alias = "dev"
issuer = "https://issuer.example"
audiences = ["https://gateway.example"]
algorithms = ["EdDSA", "ES256"]
jwks = "dev.jwks.json"
max_token_lifetime = "15m"
clock_skew = "30s"
[issuers.principal]
type = "Agent"
id = "sub"

[[routes]]
methods = ["GET"]
path = "/doors/{door}"
action = "open"
resource = { type = "Door", id = "{door}" }

[[routes]]
protocol = "mcp"
path = "/mcp"
resource = { type = "McpServer", id = "tools" }
max_body_bytes = 200
max_answer_bytes = 400
"#;

const SCHEMA: &str = r#"
    entity Agent, Door, McpServer;
    action open appliesTo { principal: Agent, resource: Door };
    action ping, "tools/list", "stream/open" appliesTo { principal: Agent, resource: McpServer };
    action echo appliesTo { principal: Agent, resource: McpServer, context: { input: { text: String } } };
"#;

const POLICIES: &str = r#"
    @id("ping") permit(principal, action in [Action::"ping", Action::"tools/list", Action::"stream/open"], resource);
    @id("greet") permit(principal, action == Action::"echo", resource) when { context.input.text like "hello*" };
    @id("front-door") permit(principal, action == Action::"open", resource == Door::"front");
    @id("side-doors") permit(principal, action == Action::"open", resource)
        when { [Door::"side-0", Door::"side-1", Door::"side-2", Door::"side-3", Door::"side-4"].contains(resource) };
"#;

/// Keys, a signed bundle, and what goes with them.
pub(crate) struct Fixture {
    signer: PrivateKey,
    issuer: PrivateKey,
    bundle: Vec<u8>,
    pub(crate) version: u64,
}

impl Fixture {
    /// New keys, and a bundle signed with one of them. `algorithm` is that of the tokens.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        Self::of(PROJECT, algorithm)
    }

    /// The same, but the gateway has to fetch [`Fixture::jwks`] from `https://issuer.example/jwks`.
    pub(crate) fn remote(algorithm: Algorithm) -> Self {
        Self::of(&PROJECT.replace("jwks = \"dev.jwks.json\"", "jwks_uri = \"https://issuer.example/jwks\""), algorithm)
    }

    fn of(project: &str, algorithm: Algorithm) -> Self {
        let signer = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let issuer = PrivateKey::generate(algorithm).unwrap();
        // A proxy takes no second bundle of one version.
        static VERSION: AtomicU64 = AtomicU64::new(7);
        let version = VERSION.fetch_add(2, Ordering::Relaxed);
        let bundle = sign(project, POLICIES, &issuer, &signer, version);
        Self { signer, issuer, bundle, version }
    }

    /// The member `revocations` of a configuration, with the next list.
    pub(crate) fn revocations(&self, list: &mut ListEditor) -> Value {
        use base64::Engine as _;
        json!({"inline": base64::engine::general_purpose::STANDARD.encode(self.publish(list).list)})
    }

    /// The next list, in date for five minutes.
    pub(crate) fn publish(&self, list: &mut ListEditor) -> Published {
        let keys = std::slice::from_ref(&self.signer);
        list.publish(&Publication { now: NOW, expires: NOW + 300, on_expiry: None, keys }).unwrap()
    }

    /// What the issuer publishes.
    pub(crate) fn jwks(&self) -> String {
        jwks(&self.issuer)
    }

    /// The signed bundle.
    pub(crate) fn bundle(&self) -> &[u8] {
        &self.bundle
    }

    /// The next version of the same bundle.
    pub(crate) fn next_bundle(&self) -> Vec<u8> {
        sign(PROJECT, POLICIES, &self.issuer, &self.signer, self.version + 1)
    }

    /// The next version, without the policy that lets anybody through a door.
    pub(crate) fn without_doors(&self) -> Vec<u8> {
        let policies = POLICIES.replace("Door::\"front\"", "Door::\"none\"");
        sign(PROJECT, &policies, &self.issuer, &self.signer, self.version + 1)
    }

    /// A configuration that accepts the bundle, with further members.
    pub(crate) fn configuration(&self, members: Value) -> Vec<u8> {
        use base64::Engine as _;
        let inline = base64::engine::general_purpose::STANDARD.encode(&self.bundle);
        let trust = self.signer.trust_key().unwrap().to_string();
        let mut configuration = json!({"bundle": {"inline": inline}, "trust": {"keys": [trust]}});
        let Value::Object(members) = members else { panic!("{members}") };
        configuration.as_object_mut().unwrap().extend(members);
        configuration.to_string().into_bytes()
    }

    /// The `authorization` header of an agent.
    pub(crate) fn bearer(&self, subject: &str) -> String {
        let claims = json!({
            "iss": "https://issuer.example", "aud": "https://gateway.example", "sub": subject,
            "iat": NOW - 10, "exp": NOW + 300,
        });
        let Value::Object(claims) = claims else { panic!("{claims}") };
        let header = Header { kid: Some("dev".to_owned()), typ: Some("JWT".to_owned()), cty: None };
        format!("Bearer {}", token::mint(&self.issuer, &header, claims).unwrap())
    }
}

fn jwks(issuer: &PrivateKey) -> String {
    jwk_set(vec![issuer.public_jwk("dev").unwrap()]).to_string()
}

fn sign(project: &str, policies: &str, issuer: &PrivateKey, signer: &PrivateKey, version: u64) -> Vec<u8> {
    let jwks = SourceFile::new("dev.jwks.json", jwks(issuer));
    let is_remote = project.contains("jwks_uri");
    let sources = ProjectSources {
        project: SourceFile::new("palisade.toml", project),
        schema: SourceFile::new("schema.cedarschema", SCHEMA),
        policies: vec![SourceFile::new("policies.cedar", policies)],
        links: Vec::new(),
        entities: Vec::new(),
        jwks: if is_remote { BTreeMap::new() } else { BTreeMap::from([("dev".to_owned(), jwks)]) },
        catalogues: BTreeMap::new(),
    };
    let options = BuildOptions { version: Some(version), created: NOW, missing_key_sets: MissingKeySets::Refuse };
    let mut findings = Findings::default();
    let built = build(&sources, &options, &mut findings).unwrap_or_else(|| panic!("{findings:?}"));
    bundle::sign(&built.bytes, signer).unwrap()
}
