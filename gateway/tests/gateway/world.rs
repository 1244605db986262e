//! A small world: policies, routes, an issuer, and requests into it.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cedar_policy::{Entities, Policy, PolicyId, PolicySet};
use ed25519_dalek::Signer as _;
use palisade_gateway::bundle::{Digest, Manifest, SectionEntry, SectionName, SignerAlgorithm, format};
use palisade_gateway::section::GatewaySection;
use palisade_gateway::{
    Action, Admitted, Gateway, HeaderBuffer, Host, NativeHost, NativeMemory, ReceivedBody, RequestHead, SessionBinding,
    Step, Verdict,
};
use palisade_policy_compiler::compile::{PolicySource, compile};

use crate::keys;

/// The time at which everything happens, in seconds since the Unix epoch.
pub(crate) const NOW: u64 = 1_800_000_000;

const POLICIES: [(&str, &str); 21] = [
    ("read", r#"permit (principal is Agent, action == Action::"read", resource is Repository);"#),
    (
        "write-own-branch",
        r#"permit (principal is Agent in Team::"web", action == Action::"write", resource is Repository)
           when { principal.task.branch == context.branch };"#,
    ),
    (
        "no-exfiltration",
        r#"forbid (principal, action, resource) when { context has intent && context.intent == "leak" };"#,
    ),
    (
        "team-of-the-mesh",
        r#"permit (principal, action == Action::"mesh", resource) when { principal.under.contains("example.org/ns/prod") };"#,
    ),
    (
        "own-errand",
        r#"permit (principal, action == Action::"errand", resource)
           when { principal.own && principal.scopes.contains("errands") };"#,
    ),
    ("cleared", r#"permit (principal, action == Action::"relay", resource) when { principal.cleared };"#),
    ("no-rogues", r#"forbid (principal == Agent::"users/rogue", action == Action::"relay", resource);"#),
    (
        "known-chain",
        r#"permit (principal, action == Action::"chain", resource) when {
             context has depth && context.delegated && context.depth == 2 && context.subject == User::"users/ann" &&
             context.actor == Agent::"users/bot" && principal == context.actor && principal.model == "m1" &&
             context.actors.containsAll([Agent::"users/bot", Agent::"dev/helper"]) };"#,
    ),
    (
        "small-payments",
        r#"permit (principal, action == Action::"pay", resource) when { context has amount && context.amount <= 100 };"#,
    ),
    (
        "session",
        r#"permit (principal, action in [Action::"ping", Action::"tools/list", Action::"prompts/get"], resource)
           when { resource == McpServer::"s" };"#,
    ),
    (
        "lookup",
        r#"permit (principal, action == Action::"lookup", resource == McpServer::"s") when {
             context.input.key like "a*" && (!(context.input has n) || context.input.n < 10) &&
             (!(context.input has price) || context.input.price.lessThan(decimal("2.5"))) &&
             (!(context.input has at) || context.input.at < datetime("2027-01-01")) &&
             (!(context.input has from) || context.input.from.isInRange(ip("10.0.0.0/8"))) &&
             (!(context.input has tags) || context.input.tags.contains("x")) &&
             (!(context.input has pair) || context.input.pair.proj1 == 2) &&
             (!(context.input has any) || context.input.any has typeChoice3 ||
              (context.input.any has typeChoice0 && context.input.any.typeChoice0 == 7) ||
              (context.input.any has typeChoice1 && context.input.any.typeChoice1.contains("x")) ||
              (context.input.any has typeChoice2 && context.input.any.typeChoice2.a.contains(1))) };"#,
    ),
    (
        "documents",
        r#"permit (principal, action in [Action::"subscriptions/listen", Action::"resources/read"], resource in McpServer::"s")
           when { !(context has uri) || context.uri like "doc://open/*" };"#,
    ),
    (
        "no-drafts",
        r#"forbid (principal, action in [Action::"subscriptions/listen", Action::"resources/read"],
                   resource == Document::"s/doc://open/draft");"#,
    ),
    (
        "granted-payments",
        r#"permit (principal, action == Action::"account", resource) when {
             principal.payments.contains({ account: context.account, action: context.verb }) ||
             principal.files.contains({ action: context.verb, datatype: context.account }) };"#,
    ),
    (
        "no-sanctioned-details",
        r#"forbid (principal, action == Action::"account", resource) when { principal.kinds.contains("sanctioned") };"#,
    ),
    (
        "listed-ledgers",
        r#"permit (principal, action == Action::"ledger", resource) when {
             context.payments.contains({ account: context.account, action: "list" }) };"#,
    ),
    (
        "workloads-in-prod",
        r#"permit (principal, action == Action::"workload", resource) when {
             principal.scheme == "wimse" && principal.under.contains("example.org/ns/prod") &&
             principal.binding == "workload_key" && principal.key == "THUMBPRINT" };"#,
    ),
    ("bound", r#"permit (principal, action == Action::"bound", resource) when { principal.binding == "dpop" };"#),
    ("deploy", r#"permit (principal, action == Action::"deploy", resource);"#),
    ("frozen", r#"forbid (principal, action == Action::"deploy", resource) when { context.freeze == 1 };"#),
    (
        "look",
        r#"permit (principal, action == Action::"look", resource) when { context.ticket > 10 && context.q like "a*" };"#,
    ),
];

const STORE: &str = r#"[
    {"uid": {"type": "Team", "id": "web"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Repository", "id": "site"}, "attrs": {}, "parents": []},
    {"uid": {"type": "User", "id": "users/ann"}, "attrs": {"cleared": true}, "parents": []},
    {"uid": {"type": "User", "id": "users/eve"}, "attrs": {"cleared": false}, "parents": []},
    {"uid": {"type": "Agent", "id": "users/bot"}, "attrs": {"cleared": true}, "parents": []},
    {"uid": {"type": "Agent", "id": "users/rogue"}, "attrs": {"cleared": false}, "parents": []},
    {"uid": {"type": "Agent", "id": "dev/helper"}, "attrs": {"cleared": true}, "parents": []}
]"#;

/// The gateway section, before the key set is put in.
fn section_json() -> String {
    let jwks = [
        keys::p256(1).jwk("es"),
        keys::ed25519(1).jwk("ed"),
        keys::rsa(1).jwk("rs"),
        keys::p256(3).jwk("es-2"),
        keys::p384(1).jwk("es384"),
        keys::p521(1).jwk("es512"),
        keys::rsa(2).jwk("rs-only-rs256").replacen('{', "{\"alg\":\"RS256\",", 1),
    ];
    let svid = |key: keys::TestKey, kid: &str| key.jwk(kid).replacen('{', "{\"use\":\"jwt-svid\",", 1);
    let wit_svid = |key: keys::TestKey, kid: &str| key.jwk(kid).replacen('{', "{\"use\":\"wit-svid\",", 1);
    let x509 = r#"{"kty":"EC","use":"x509-svid","crv":"P-256","x":"AA","y":"AA","x5c":["AA"]}"#.to_owned();
    let ours = [x509, svid(keys::p256(5), "td"), svid(keys::rsa(1), "td-rs")];
    SECTION
        .replace("\"JWKS\"", &format!("{{\"keys\":[{}]}}", jwks.join(",")))
        .replace("\"TTS\"", &format!("{{\"keys\":[{}]}}", keys::p256(21).jwk("tts")))
        .replace("\"SPIFFE\"", &format!("{{\"keys\":[{}],\"spiffe_sequence\":7}}", ours.join(",")))
        .replace("\"OTHER-SPIFFE\"", &format!("{{\"keys\":[{}]}}", svid(keys::p256(6), "td")))
        .replace("\"WIT\"", &format!("{{\"keys\":[{}]}}", keys::p256(31).jwk("wit")))
        .replace(
            "\"WIT-SVID\"",
            &format!("{{\"keys\":[{},{}]}}", wit_svid(keys::p256(32), "ws"), svid(keys::p256(33), "td")),
        )
}

const SECTION: &str = r#"{
  "issuers": [{
    "alias": "dev", "issuer": "https://issuer", "audiences": ["https://gateway", "https://gateway-2"],
    "algorithms": ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "EdDSA", "Ed25519"],
    "jwks": "JWKS",
    "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {
      "type": "Agent", "id_claim": ["sub"],
      "attributes": [{"name": "task", "claim": ["task"], "required": false,
                      "type": {"record": [{"name": "branch", "type": "string", "required": true}]}}],
      "parents": [{"claim": ["teams"], "type": "Team"}]
    }
  }, {
    "alias": "as", "profile": "oauth", "issuer": "https://as", "audiences": ["https://gateway"],
    "algorithms": ["ES256", "RS256"], "jwks": "JWKS", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [
      {"name": "own", "claim": ["$token", "client_is_subject"], "required": true, "type": "bool"},
      {"name": "scopes", "claim": ["scope"], "required": false, "type": {"set": "string"}},
      {"name": "kinds", "claim": ["authorization_details"], "required": true, "type": {"set": "string"}},
      {"name": "payments", "claim": ["authorization_details", "payment_initiation"], "required": true, "type": {"set": {"record": [
        {"name": "account", "type": "string", "required": true}, {"name": "action", "type": "string", "required": true}]}}},
      {"name": "files", "claim": ["authorization_details", "https://scheme.example/files"], "required": true, "type": {"set": {"record": [
        {"name": "action", "type": "string", "required": true}, {"name": "datatype", "type": "string", "required": true}]}}}
      ], "parents": []}
  }, {
    "alias": "op", "profile": "oidc", "issuer": "https://op", "audiences": ["https://gateway"],
    "algorithms": ["ES256"], "jwks": "JWKS", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [], "parents": []}
  }, {
    "alias": "td", "profile": {"spiffe-jwt-svid": {"trust_domain": "example.org", "x509": true}}, "issuer": "spiffe://example.org", "audiences": ["https://gateway"],
    "algorithms": ["ES256", "RS256", "PS384"], "jwks": "SPIFFE", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [
      {"name": "under", "claim": ["$spiffe", "prefixes"], "required": true, "type": {"set": "string"}}], "parents": []}
  }, {
    "alias": "other-td", "profile": {"spiffe-jwt-svid": {"trust_domain": "other.org"}}, "issuer": "https://oidc.other.org", "audiences": ["https://gateway"],
    "algorithms": ["ES256"], "jwks": "OTHER-SPIFFE", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [], "parents": []}
  }, {
    "alias": "k8s", "profile": "kubernetes", "issuer": "https://cluster", "audiences": ["https://gateway"],
    "algorithms": ["RS256", "ES256"], "jwks": "JWKS", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [
      {"name": "pod", "claim": ["$kubernetes", "pod_uid"], "required": false, "type": "string"}], "parents": []}
  }, {
    "alias": "ci", "profile": "github-actions", "issuer": "https://token.actions.githubusercontent.com", "audiences": ["https://gateway"],
    "algorithms": ["RS256"], "jwks": "JWKS", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [
      {"name": "repository", "claim": ["repository_id"], "required": true, "type": "string"}], "parents": []}
  }, {
    "alias": "wit", "profile": {"wimse-wit-03": {"trust_domain": "example.org"}}, "issuer": "https://wit.example.org", "audiences": ["https://gateway"],
    "algorithms": ["ES256", "EdDSA"], "jwks": "WIT", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "parents": [], "attributes": [
      {"name": "under", "claim": ["$workload", "prefixes"], "required": true, "type": {"set": "string"}},
      {"name": "scheme", "claim": ["$workload", "scheme"], "required": true, "type": "string"},
      {"name": "binding", "claim": ["$token", "binding"], "required": true, "type": "string"},
      {"name": "key", "claim": ["$token", "key_thumbprint"], "required": true, "type": "string"}]}
  }, {
    "alias": "wsvid", "profile": {"spiffe-wit-svid": {"trust_domain": "svid.org"}}, "issuer": "spiffe://svid.org", "audiences": [],
    "algorithms": ["ES256", "PS256"], "jwks": "WIT-SVID", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "parents": [], "attributes": [
      {"name": "under", "claim": ["$spiffe", "prefixes"], "required": true, "type": {"set": "string"}}]}
  }, {
    "alias": "bound", "issuer": "https://bound", "audiences": ["https://gateway"], "binding": "required",
    "algorithms": ["ES256"], "jwks": "JWKS", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "Agent", "id_claim": ["sub"], "attributes": [
      {"name": "binding", "claim": ["$token", "binding"], "required": true, "type": "string"}], "parents": []}
  }, {
    "alias": "users", "issuer": "https://users", "audiences": ["https://gateway"],
    "algorithms": ["ES256"], "jwks": "JWKS", "max_lifetime_seconds": 900, "clock_skew_seconds": 30,
    "principal": {"type": "User", "id_claim": ["sub"], "attributes": [], "parents": []},
    "delegation": {"max_depth": 3, "issuers": ["dev"], "actor": {
      "type": "Agent", "id_claim": ["sub"], "parents": [],
      "attributes": [{"name": "model", "claim": ["model"], "required": false, "type": "string"}]}}
  }],
  "resources": [
    {"url": "https://repos.internal/", "authorization_servers": ["https://issuer"], "scopes": ["read", "write"],
     "name": "Repositories \"internal\""},
    {"url": "https://repos.internal/look", "scopes": []}
  ],
  "dpop": {"origins": ["https://repos.internal", "https://gateway.example:8443"],
           "algorithms": ["ES256", "ES384", "RS256", "EdDSA"], "max_age_seconds": 60, "clock_skew_seconds": 5},
  "workload_proof": {"draft": "draft-ietf-wimse-wpt-02", "origins": ["https://repos.internal", "https://gateway.example:8443"],
    "aliases": ["repos-gateway"], "algorithms": ["ES256", "ES384", "RS256", "PS256", "EdDSA", "Ed25519"],
    "max_lifetime_seconds": 300, "clock_skew_seconds": 5, "covered_headers": ["x-end-user"]},
  "transaction_tokens": {"audience": "trust.internal", "issuer": "https://tts.internal", "algorithms": ["ES256"],
    "jwks": "TTS", "max_lifetime_seconds": 300, "clock_skew_seconds": 5},
  "routes": [
    {"host": "repos.internal", "methods": ["GET", "HEAD"], "path": "/repos/{repo}",
     "action": {"type": "Action", "id": "read"}, "resource": {"type": "Repository", "id": "{repo}"},
     "context": [{"name": "intent", "source": {"header": "x-intent"}, "type": "string", "required": false}]},
    {"methods": ["PUT"], "path": "/repos/{repo}/branches/{branch*}",
     "action": {"type": "Action", "id": "write"}, "resource": {"type": "Repository", "id": "{repo}"},
     "context": [{"name": "branch", "source": {"path": "branch"}, "type": "string", "required": true}]},
    {"methods": ["POST"], "path": "/deploy/{env}",
     "action": {"type": "Action", "id": "deploy"}, "resource": {"type": "Environment", "id": "{env}"},
     "context": []},
    {"methods": ["GET"], "path": "/mesh", "action": {"type": "Action", "id": "mesh"},
     "resource": {"type": "Thing", "id": "mesh"}, "context": []},
    {"methods": ["GET"], "path": "/errand", "action": {"type": "Action", "id": "errand"},
     "resource": {"type": "Thing", "id": "errand"}, "context": []},
    {"methods": ["GET"], "path": "/scoped", "rules": {"scopes": ["read", "admin"], "strip_token": true},
     "action": {"type": "Action", "id": "read"}, "resource": {"type": "Repository", "id": "scoped"}, "context": []},
    {"methods": ["GET"], "path": "/stepped", "rules": {"authentication": {"acr_values": ["gold", "silver"], "max_age_seconds": 600}},
     "action": {"type": "Action", "id": "read"}, "resource": {"type": "Repository", "id": "stepped"}, "context": []},
    {"methods": ["GET"], "path": "/fresh", "rules": {"authentication": {"max_age_seconds": 600}},
     "action": {"type": "Action", "id": "read"}, "resource": {"type": "Repository", "id": "fresh"}, "context": []},
    {"methods": ["GET"], "path": "/relay/every", "rules": {"delegation": "every_hop"},
     "action": {"type": "Action", "id": "relay"}, "resource": {"type": "Thing", "id": "relay"}, "context": []},
    {"methods": ["GET"], "path": "/relay/actor", "rules": {"delegation": "actor_only"},
     "action": {"type": "Action", "id": "relay"}, "resource": {"type": "Thing", "id": "relay"}, "context": []},
    {"methods": ["GET"], "path": "/relay/subject", "rules": {"delegation": "subject_only"},
     "action": {"type": "Action", "id": "relay"}, "resource": {"type": "Thing", "id": "relay"}, "context": []},
    {"methods": ["GET"], "path": "/relay/nobody",
     "action": {"type": "Action", "id": "relay"}, "resource": {"type": "Thing", "id": "relay"}, "context": []},
    {"methods": ["GET"], "path": "/chain", "rules": {"delegation": "actor_only"},
     "action": {"type": "Action", "id": "chain"}, "resource": {"type": "Thing", "id": "chain"}, "context": [
       {"name": "subject", "source": "subject", "type": {"entity": "User"}, "required": true},
       {"name": "actor", "source": "actor", "type": {"entity": "Agent"}, "required": false},
       {"name": "actors", "source": "actor_chain", "type": {"set": {"entity": "Agent"}}, "required": true},
       {"name": "delegated", "source": "delegated", "type": "bool", "required": true},
       {"name": "depth", "source": "delegation_depth", "type": "long", "required": true}]},
    {"methods": ["GET"], "path": "/acted", "rules": {"delegation": "subject_only"},
     "action": {"type": "Action", "id": "chain"}, "resource": {"type": "Thing", "id": "acted"}, "context": [
       {"name": "actor", "source": "actor", "type": {"entity": "Agent"}, "required": true}]},
    {"methods": ["GET"], "path": "/mistyped", "rules": {"delegation": "subject_only"},
     "action": {"type": "Action", "id": "chain"}, "resource": {"type": "Thing", "id": "acted"}, "context": [
       {"name": "actor", "source": "actor", "type": {"entity": "Robot"}, "required": true}]},
    {"methods": ["GET"], "path": "/txn/optional", "rules": {"transaction": "optional"}, "action": {"type": "Action", "id": "pay"},
     "resource": {"type": "Thing", "id": "pay"}, "context": [
       {"name": "amount", "source": {"transaction": ["tctx", "amount"]}, "type": "long", "required": false},
       {"name": "from", "source": {"transaction": ["rctx", "ip"]}, "type": "ip", "required": false}]},
    {"methods": ["GET"], "path": "/txn/required", "rules": {"transaction": "required"}, "action": {"type": "Action", "id": "pay"},
     "resource": {"type": "Thing", "id": "pay"}, "context": [
       {"name": "amount", "source": {"transaction": ["tctx", "amount"]}, "type": "long", "required": false},
       {"name": "from", "source": {"transaction": ["rctx", "ip"]}, "type": "ip", "required": false}]},
    {"methods": ["GET"], "path": "/txn/refuse", "rules": {"transaction": "refuse"}, "action": {"type": "Action", "id": "read"},
     "resource": {"type": "Repository", "id": "edge"}, "context": []},
    {"methods": ["GET"], "path": "/accounts/{account}/{verb}", "action": {"type": "Action", "id": "account"},
     "resource": {"type": "Thing", "id": "account"}, "context": [
       {"name": "account", "source": {"path": "account"}, "type": "string", "required": true},
       {"name": "verb", "source": {"path": "verb"}, "type": "string", "required": true}]},
    {"methods": ["GET"], "path": "/look/accounts/{account}/{verb}", "action": {"type": "Action", "id": "account"},
     "resource": {"type": "Thing", "id": "account"}, "context": [
       {"name": "account", "source": {"path": "account"}, "type": "string", "required": true},
       {"name": "verb", "source": {"path": "verb"}, "type": "string", "required": true}]},
    {"methods": ["GET"], "path": "/ledgers/{account}", "action": {"type": "Action", "id": "ledger"},
     "resource": {"type": "Thing", "id": "ledger"}, "context": [
       {"name": "account", "source": {"path": "account"}, "type": "string", "required": true},
       {"name": "payments", "source": {"claim": ["authorization_details", "payment_initiation"]}, "required": true,
        "type": {"set": {"record": [{"name": "account", "type": "string", "required": true},
                                    {"name": "action", "type": "string", "required": true}]}}}]},
    {"methods": ["GET"], "path": "/workload", "action": {"type": "Action", "id": "workload"},
     "resource": {"type": "Thing", "id": "workload"}, "context": []},
    {"methods": ["GET"], "path": "/bound", "action": {"type": "Action", "id": "bound"},
     "resource": {"type": "Thing", "id": "bound"}, "context": []},
    {"methods": ["GET"], "path": "/look",
     "action": {"type": "Action", "id": "look"}, "resource": {"type": "Thing", "id": "look"},
     "context": [
       {"name": "ticket", "source": {"header": "x-ticket"}, "type": "long", "required": true},
       {"name": "q", "source": {"query": "q"}, "type": "string", "required": true},
       {"name": "issued", "source": {"claim": ["iat"]}, "type": "datetime", "required": true},
       {"name": "level", "source": {"claim": ["level"]}, "type": "long", "required": false},
       {"name": "at", "source": "now", "type": "long", "required": true}]}
  ]
}"#;

/// Claims that are all right.
pub(crate) const CLAIMS: &str = r#"{"iss":"https://issuer","aud":"https://gateway","sub":"fixer","iat":1799999990,
"exp":1800000300,"teams":["web"],"task":{"branch":"fix/1"}}"#;

/// A token that is all right.
pub(crate) fn token() -> String {
    keys::p256(1).token(r#"{"alg":"ES256","kid":"es","typ":"at+jwt"}"#, CLAIMS)
}

/// A token with other claims.
pub(crate) fn token_with(claims: &str) -> String {
    keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, claims)
}

/// The parts of a bundle before it is signed.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) manifest: Manifest,
    pub(crate) policies: Vec<u8>,
    pub(crate) gateway: Vec<u8>,
}

impl Parts {
    /// The world's bundle: version 7 of channel `test`, valid for an hour around [`NOW`].
    pub(crate) fn new() -> Self {
        static POLICY_BYTES: OnceLock<(Vec<u8>, u64)> = OnceLock::new();
        let (policies, worst_case_steps) = POLICY_BYTES.get_or_init(compile_policies);
        let mut section: GatewaySection = serde_json::from_str(&section_json()).unwrap();
        section.mcp = crate::mcp::routes();
        section.a2a = vec![serde_json::from_str(include_str!("../../src/a2a/testing.json")).unwrap()];
        section.check().unwrap();
        let gateway = section.encode().unwrap();
        let mut parts = Self {
            manifest: Manifest {
                format: format::FORMAT,
                name: "world".to_owned(),
                channel: "test".to_owned(),
                version: 7,
                created: NOW - 1800,
                expires: NOW + 1800,
                min_engine: format::ENGINE,
                sections: vec![],
                sources: vec![],
                policies: POLICIES.len() as u64,
                worst_case_steps: *worst_case_steps,
            },
            policies: policies.clone(),
            gateway,
        };
        parts.describe_sections();
        parts
    }

    /// Makes the manifest say what the sections are.
    pub(crate) fn describe_sections(&mut self) {
        let entry = |name, bytes: &[u8]| SectionEntry {
            name,
            size: u32::try_from(bytes.len()).unwrap(),
            sha256: Digest::of(bytes),
        };
        self.manifest.sections =
            vec![entry(SectionName::Policies, &self.policies), entry(SectionName::Gateway, &self.gateway)];
    }

    /// The container, signed by some keys.
    pub(crate) fn sign(&self, signers: &[&Signer]) -> Vec<u8> {
        let manifest = self.manifest.encode().unwrap();
        let message = format::pae(format::PAYLOAD_TYPE, &manifest);
        let mut entries: Vec<_> = signers
            .iter()
            .map(|signer| (Digest::of(&signer.public()), signer.algorithm(), signer.sign(&message)))
            .collect();
        entries.sort_by_key(|(id, ..)| *id);
        let mut signatures = Vec::new();
        for (id, algorithm, signature) in entries {
            signatures.extend_from_slice(id.as_bytes());
            signatures.push(algorithm.code());
            signatures.extend_from_slice(&u16::try_from(signature.len()).unwrap().to_le_bytes());
            signatures.extend_from_slice(&signature);
        }
        assemble(&manifest, &[&self.policies[..], &self.gateway].concat(), &signatures)
    }
}

/// Puts the parts of a container together, whatever they are.
pub(crate) fn assemble(manifest: &[u8], sections: &[u8], signatures: &[u8]) -> Vec<u8> {
    let mut bytes = format::MAGIC.to_vec();
    bytes.extend_from_slice(&format::FORMAT.to_le_bytes());
    for part in [manifest, sections, signatures] {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap().to_le_bytes());
    }
    for part in [manifest, sections, signatures] {
        bytes.extend_from_slice(part);
    }
    bytes
}

fn compile_policies() -> (Vec<u8>, u64) {
    let mut policies = PolicySet::new();
    for (id, text) in POLICIES {
        let text = text.replace("THUMBPRINT", &crate::workload::thumbprint_of_a());
        policies.add(Policy::parse(Some(PolicyId::new(id)), text).unwrap()).unwrap();
    }
    let entities = Entities::from_json_str(STORE, None).unwrap();
    let compiled = compile(PolicySource { policies: &policies, entities: &entities, step_limit: 100_000 });
    let compiled = compiled.unwrap_or_else(|errors| panic!("{errors:?}"));
    let steps = compiled.worst_case_steps();
    (compiled.bytes, steps)
}

/// A key that signs bundles.
pub(crate) enum Signer {
    Ed25519(ed25519_dalek::SigningKey),
    Es256(p256::ecdsa::SigningKey),
}

impl Signer {
    pub(crate) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    pub(crate) fn es256(seed: u8) -> Self {
        Self::Es256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    fn algorithm(&self) -> SignerAlgorithm {
        match self {
            Self::Ed25519(_) => SignerAlgorithm::Ed25519,
            Self::Es256(_) => SignerAlgorithm::Es256,
        }
    }

    fn public(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Self::Es256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                [&palisade_gateway::token::der::P256_SPKI_PREFIX, point.as_bytes()].concat()
            }
        }
    }

    pub(crate) fn trust(&self) -> String {
        let prefix = match self {
            Self::Ed25519(_) => "ed25519",
            Self::Es256(_) => "es256",
        };
        format!("{prefix}:{}", STANDARD.encode(self.public()))
    }

    pub(crate) fn id(&self) -> Digest {
        Digest::of(&self.public())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        }
    }
}

/// A document as a DSSE envelope, signed by some keys.
pub(crate) fn envelope(payload_type: &str, payload: &[u8], signers: &[&Signer]) -> Vec<u8> {
    let message = format::pae(payload_type, payload);
    let signatures: Vec<_> = signers
        .iter()
        .map(|signer| {
            let id = Digest::of(&signer.public()).to_string();
            serde_json::json!({"keyid": id, "sig": STANDARD.encode(signer.sign(&message))})
        })
        .collect();
    let envelope = serde_json::json!({
        "payload": STANDARD.encode(payload), "payloadType": payload_type, "signatures": signatures,
    });
    envelope.to_string().into_bytes()
}

/// A configuration for a bundle. `rest` is further JSON members, with a comma before each.
pub(crate) fn configuration(bundle: &[u8], trust: &[&Signer], threshold: usize, rest: &str) -> Vec<u8> {
    let keys: Vec<_> = trust.iter().map(|key| format!("\"{}\"", key.trust())).collect();
    format!(
        r#"{{"bundle":{{"inline":"{}"}},"trust":{{"keys":[{}],"threshold":{threshold}}}{rest}}}"#,
        STANDARD.encode(bundle),
        keys.join(",")
    )
    .into_bytes()
}

/// The world's gateway.
pub(crate) fn gateway_with(rest: &str) -> Gateway {
    configure(&Parts::new(), rest).unwrap()
}

fn configure(parts: &Parts, rest: &str) -> Result<Gateway, String> {
    let key = Signer::ed25519(1);
    let configuration = configuration(&parts.sign(&[&key]), &[&key], 1, rest);
    Gateway::configure(&configuration, &mut NativeHost::at(NOW)).map_err(|error| error.to_string())
}

pub(crate) fn gateway() -> Gateway {
    gateway_with("")
}

/// The world's gateway with another section; what is said of it, if it is refused.
pub(crate) fn gateway_with_section(change: impl FnOnce(&mut serde_json::Value)) -> Result<Gateway, String> {
    let mut parts = Parts::new();
    let mut section: serde_json::Value = serde_json::from_slice(&parts.gateway).unwrap();
    change(&mut section);
    parts.gateway = section.to_string().into_bytes();
    parts.describe_sections();
    configure(&parts, "")
}

/// A request to be changed before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) host: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
}

impl Ask {
    /// A request with a good token.
    pub(crate) fn new(method: &'static str, path: &str) -> Self {
        Self::bare(method, path).header("authorization", format!("Bearer {}", token()))
    }

    /// A request without a token.
    pub(crate) fn bare(method: &'static str, path: &str) -> Self {
        Self { method, host: "repos.internal", path: path.to_owned(), headers: vec![] }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn buffer(&self) -> HeaderBuffer {
        let pseudo = [
            (":method".to_owned(), self.method.as_bytes().to_vec()),
            (":authority".to_owned(), self.host.as_bytes().to_vec()),
            (":path".to_owned(), self.path.as_bytes().to_vec()),
        ];
        HeaderBuffer::from_pairs(pseudo.into_iter().chain(self.headers.iter().cloned()))
    }
}

/// What a test looks at, owned.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reason: &'static str,
    pub(crate) status: u16,
    pub(crate) policies: Vec<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) cached: bool,
    pub(crate) remembered: bool,
    pub(crate) record: serde_json::Value,
    /// Headers that the upstream gets, or the client's reply.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) removed: Vec<String>,
    /// Ascending, each once.
    pub(crate) stripped: Vec<String>,
    pub(crate) body: Option<String>,
    pub(crate) id: String,
    pub(crate) session: Option<SessionBinding>,
}

impl Answer {
    fn new(verdict: &Verdict<'_>) -> Self {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let disposition = verdict.disposition();
        let (headers, removed, stripped, body) = match &verdict.action {
            Action::Forward(forward) => {
                let removed = forward.remove.clone().map(|name| String::from_utf8_lossy(name).into_owned());
                let stripped: BTreeSet<_> = forward.strip.into_iter().flatten().map(str::to_owned).collect();
                let stripped = stripped.into_iter().collect();
                (forward.set.iter().flatten().map(own).collect(), removed.collect(), stripped, None)
            }
            Action::Reply(reply) => {
                assert_eq!(reply.status, verdict.status);
                assert_eq!(reply.details, disposition.reason);
                let body = String::from_utf8(reply.body.to_vec()).unwrap();
                (reply.headers.iter().map(own).collect(), vec![], vec![], Some(body))
            }
        };
        Self {
            reason: disposition.reason,
            status: verdict.status,
            policies: verdict.policies.iter().map(str::to_owned).collect(),
            errors: verdict.errors.iter().map(str::to_owned).collect(),
            cached: verdict.token_cached,
            remembered: verdict.is_remembered,
            record: serde_json::from_str(verdict.record).unwrap(),
            headers,
            removed,
            stripped,
            body,
            id: verdict.decision_id.as_str().to_owned(),
            session: verdict.session.clone(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }
}

thread_local! {
    /// What the workers share. The gateways of one test are workers of one proxy.
    static MEMORY: NativeMemory = NativeMemory::default();
}

/// That memory.
pub(crate) fn memory() -> NativeMemory {
    MEMORY.with(NativeMemory::clone)
}

fn host(seconds: u64) -> NativeHost {
    NativeHost::at(seconds).with_memory(memory())
}

/// Sends a request over a connection whose client certificate was validated.
pub(crate) fn send_with_certificate(gateway: &mut Gateway, ask: &Ask, sha256: [u8; 32]) -> Answer {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    Answer::new(&gateway.decide(&request, &mut host(NOW).with_client_certificate(sha256)))
}

/// Sends a request with its body: first its headers and then, if it is asked for, the body.
pub(crate) fn send_body(gateway: &mut Gateway, ask: &Ask, body: &[u8]) -> Answer {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    let host = &mut host(NOW);
    let admitted = match gateway.begin(&request, host) {
        Step::Decided(verdict) => return Answer::new(&verdict),
        Step::NeedsBody { admitted, .. } => admitted,
    };
    Answer::new(&gateway.finish(&request, ReceivedBody::Whole(body), Some(admitted), host))
}

/// Sends the headers of a request whose body is to come.
pub(crate) fn begin(gateway: &mut Gateway, ask: &Ask) -> Admitted {
    let headers = ask.buffer();
    match gateway.begin(&RequestHead { headers: headers.as_map() }, &mut host(NOW)) {
        Step::NeedsBody { admitted, .. } => admitted,
        Step::Decided(verdict) => panic!("{verdict:?}"),
    }
}

/// Sends its body, at a time.
pub(crate) fn finish(gateway: &mut Gateway, ask: &Ask, body: &[u8], admitted: Admitted, seconds: u64) -> Answer {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    Answer::new(&gateway.finish(&request, ReceivedBody::Whole(body), Some(admitted), &mut host(seconds)))
}

/// Sends a request over a connection with a validated client certificate, in DER form, at a time.
pub(crate) fn send_over(gateway: &mut Gateway, ask: &Ask, der: &[u8], seconds: u64) -> Answer {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    Answer::new(&gateway.decide(&request, &mut host(seconds).with_client_certificate_der(der)))
}

/// Sends a request at a time, in seconds since the Unix epoch.
pub(crate) fn send_at(gateway: &mut Gateway, ask: &Ask, seconds: u64) -> Answer {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    Answer::new(&gateway.decide(&request, &mut host(seconds)))
}

/// Sends a request to a gateway with a host of the caller's.
pub(crate) fn send_to(gateway: &mut Gateway, ask: &Ask, host: &mut dyn Host) -> Answer {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    Answer::new(&gateway.decide(&request, host))
}

pub(crate) fn send(gateway: &mut Gateway, ask: &Ask) -> Answer {
    send_at(gateway, ask, NOW)
}
