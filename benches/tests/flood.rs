//! Floods: whatever a client sends a hundred thousand times, the heap stays as large as it was, the issuer is not asked more
//! often than its cooldown allows, and good requests pass meanwhile.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use palisade_benches::allocations::{Counting, Usage, count};
use palisade_gateway::token::SignatureAlgorithm;
use palisade_gateway::{
    Expected, FetchHost, FetchRequest, FetchResponse, Gateway, HeaderBuffer, Host, NativeMemory, RequestHead, Shared,
    SharedMemory,
};
use palisade_policy_compiler::build::{BuildOptions, MissingKeySets, build};
use palisade_policy_compiler::bundle;
use palisade_policy_compiler::diagnostic::Findings;
use palisade_policy_compiler::keys::{Algorithm, PrivateKey};
use palisade_policy_compiler::project::ProjectSources;
use palisade_policy_compiler::source::SourceFile;
use serde_json::json;
use sha2::{Digest as _, Sha256};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const NOW: u64 = 1_800_000_000;
const FLOOD: u32 = 100_000;
/// Enough for more made-up key ids than are remembered.
const WARM_UP: u32 = 10_000;
/// How often the host is asked to look after keys: once in so many requests, which are a millisecond apart.
const TICK: u32 = 1_000;
const COOLDOWN_SECONDS: u32 = 30;

/// The P-256 key of RFC 7515 A.3, and its thumbprint (RFC 7638).
const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
const THUMBPRINT: &str = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";
/// The one signature that the host takes for good, so that no time is spent on arithmetic.
const GOOD: [u8; 64] = [1; 64];

const PROJECT: &str = r#"
name = "flood"
schema = "schema.cedarschema"
policies = ["policies.cedar"]
lifetime = "1d"

[[issuers]]
alias = "dev"
issuer = "https://issuer.example"
audiences = ["https://gateway.example"]
algorithms = ["ES256"]
jwks_uri = "https://issuer.example/jwks"
jwks_cooldown = "30s"
max_token_lifetime = "15m"
[issuers.principal]
type = "Agent"
id = "sub"

[dpop]
origins = ["https://doors.example"]

[[routes]]
methods = ["GET"]
path = "/door"
action = "open"
resource = { type = "Door", id = "front" }
"#;

/// A proxy with one worker: its clock, its memory, and the issuer that it asks for keys.
#[derive(Default)]
struct Proxy {
    millis: u64,
    memory: NativeMemory,
    fetches: u32,
}

impl SharedMemory for Proxy {
    fn shared(&mut self, name: &str) -> Shared {
        self.memory.shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        self.memory.share(name, bytes, expected)
    }
}

impl Host for Proxy {
    fn now_nanos(&mut self) -> u64 {
        (NOW * 1000 + self.millis) * 1_000_000
    }

    fn verify_signature(&mut self, _: SignatureAlgorithm, _: &[u8], _: &[u8], signature: &[u8]) -> Option<bool> {
        // In DER form, the two halves are 32 bytes each.
        Some(signature.ends_with(&GOOD[..32]))
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        None
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

impl FetchHost for Proxy {
    fn now_nanos(&mut self) -> u64 {
        Host::now_nanos(self)
    }

    fn fetch(&mut self, _: &FetchRequest<'_>) -> Option<u32> {
        self.fetches += 1;
        Some(self.fetches)
    }
}

/// A gateway with its proxy.
struct World {
    gateway: Gateway,
    proxy: Proxy,
    good: String,
}

impl World {
    fn new(replay_entries: usize) -> Self {
        let signer = PrivateKey::generate(Algorithm::Ed25519).expect("a key");
        let sources = ProjectSources {
            project: SourceFile::new("palisade.toml", PROJECT),
            schema: SourceFile::new(
                "schema.cedarschema",
                "entity Agent, Door; action open appliesTo { principal: Agent, resource: Door };",
            ),
            policies: vec![SourceFile::new("policies.cedar", r#"@id("all") permit(principal, action, resource);"#)],
            links: Vec::new(),
            entities: Vec::new(),
            jwks: BTreeMap::new(),
            catalogues: BTreeMap::new(),
        };
        let options = BuildOptions { version: Some(1), created: NOW, missing_key_sets: MissingKeySets::Refuse };
        let mut findings = Findings::default();
        let built = build(&sources, &options, &mut findings).unwrap_or_else(|| panic!("{findings:?}"));
        let bundle = bundle::sign(&built.bytes, &signer).expect("signs");
        let configuration = json!({
            "bundle": {"inline": STANDARD.encode(bundle)},
            "trust": {"keys": [signer.trust_key().expect("a public key").to_string()]},
            "jwks_clusters": {"issuer.example": "issuer"},
            "dpop": {"replay_entries": replay_entries},
        });
        let mut proxy = Proxy::default();
        let gateway = Gateway::configure(configuration.to_string().as_bytes(), &mut proxy).expect("configures");
        let mut world = Self { gateway, proxy, good: token("dev", "alice", &GOOD) };
        world.tick();
        world.assert_good();
        world
    }

    /// Looks after keys, and has the issuer answer at once.
    fn tick(&mut self) {
        let (before, mut events) = (self.proxy.fetches, Vec::new());
        self.gateway.poll(&mut self.proxy, &mut events);
        if self.proxy.fetches > before {
            let jwks = json!({"keys": [named(JWK)]}).to_string();
            let response = FetchResponse::of(jwks.as_bytes());
            self.gateway.respond(self.proxy.fetches, response, &mut self.proxy, &mut events);
        }
    }

    /// The reason for the decision on a request with these headers.
    fn ask(&mut self, authorization: &str, proof: Option<&str>) -> &'static str {
        self.decide(&headers(authorization, proof))
    }

    fn decide(&mut self, headers: &HeaderBuffer) -> &'static str {
        let request = RequestHead { headers: headers.as_map() };
        self.gateway.decide(&request, &mut self.proxy).disposition().reason
    }

    fn assert_good(&mut self) {
        let authorization = format!("Bearer {}", self.good);
        assert_eq!(self.ask(&authorization, None), "policy.allow");
    }

    /// Sends a request with each of these tokens, a millisecond apart, and a good one now and then. Counts the reasons.
    fn flood(&mut self, numbers: Range<u32>) -> BTreeMap<&'static str, u32> {
        let mut reasons = BTreeMap::new();
        for (number, (_, token)) in numbers.zip(KINDS.into_iter().cycle()) {
            *reasons.entry(self.ask(&format!("Bearer {}", token(number)), None)).or_default() += 1;
            self.proxy.millis += 1;
            if number % TICK == 0 {
                self.tick();
                self.assert_good();
            }
        }
        reasons
    }
}

fn headers(authorization: &str, proof: Option<&str>) -> HeaderBuffer {
    let mut headers = vec![
        (":method".to_owned(), b"GET".to_vec()),
        (":authority".to_owned(), b"doors.example".to_vec()),
        (":path".to_owned(), b"/door".to_vec()),
        ("authorization".to_owned(), authorization.as_bytes().to_vec()),
    ];
    headers.extend(proof.map(|proof| ("dpop".to_owned(), proof.as_bytes().to_vec())));
    HeaderBuffer::from_pairs(headers)
}

/// The key under the id that tokens name.
fn named(jwk: &str) -> serde_json::Value {
    let mut jwk: serde_json::Value = serde_json::from_str(jwk).expect("JSON");
    if let Some(members) = jwk.as_object_mut() {
        members.insert("kid".to_owned(), json!("dev"));
    }
    jwk
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn token(kid: &str, subject: &str, signature: &[u8]) -> String {
    let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": kid});
    let claims = json!({
        "iss": "https://issuer.example", "aud": "https://gateway.example", "sub": subject, "iat": NOW - 10,
        "exp": NOW + 600, "client_id": "flood", "jti": "1", "cnf": {"jkt": THUMBPRINT},
    });
    let mut claims = claims;
    if subject != "bound"
        && let Some(members) = claims.as_object_mut()
    {
        members.remove("cnf");
    }
    format!("{}.{}.{}", b64(header.to_string()), b64(claims.to_string()), b64(signature))
}

fn proof(token: &str, number: u32) -> String {
    let jwk: serde_json::Value = serde_json::from_str(JWK).expect("JSON");
    let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
    let claims = json!({
        "jti": format!("proof {number}"), "htm": "GET", "htu": "https://doors.example/door", "iat": NOW,
        "ath": b64(Sha256::digest(token)),
    });
    format!("{}.{}.{}", b64(header.to_string()), b64(claims.to_string()), b64(GOOD))
}

/// What each is refused for, and as many different tokens as numbers, none of them good.
type Kind = (&'static str, fn(u32) -> String);

const KINDS: [Kind; 5] = [
    // The one kind that may have the issuer asked.
    ("token.kid_unknown", |number| token(&format!("made-up-{number}"), "alice", &GOOD)),
    ("token.signature", |number| token("dev", &format!("agent {number}"), &[2; 64])),
    ("token.signature", |number| token("dev", &format!("{number}{}", "x".repeat(4000)), &[2; 64])),
    ("token.json", |number| format!("{number:08x}.{number:08x}.{number:08x}")),
    ("token.too_large", |number| token("dev", &format!("{number}{}", "x".repeat(8000)), &[2; 64])),
];

/// What a flood may leave on the heap: buffers that grew a little (232 bytes were seen). A hundredth of a byte for each token.
const KEPT_BYTES: i64 = 1024;
/// What one request of a flood may take (50 KiB were seen): the largest header that is sent here, several times over, and
/// what is made of it.
const PEAK_BYTES: i64 = 96 * 1024;
/// What a remembered proof may: the 24 bytes of its entry, and as much again for the names of 1024 buckets and what vectors
/// have to spare.
const PROOF_BYTES: i64 = 48;

// One test only: the counter counts what every thread allocates.
#[test]
fn floods_leave_nothing_on_the_heap() {
    tokens_that_are_no_good();
    proofs_of_one_client();
    requests_of_a_known_caller();
}

fn tokens_that_are_no_good() {
    let mut world = World::new(1024);
    // What is remembered of unknown keys is as much as it ever will be, and every buffer has grown.
    world.flood(0..WARM_UP);
    let before = (world.proxy.fetches, world.proxy.millis);
    let (reasons, Usage { allocations, kept, peak }) = count(|| world.flood(WARM_UP..WARM_UP + FLOOD));
    let each = FLOOD / 5;
    let expected =
        [("token.json", each), ("token.kid_unknown", each), ("token.signature", 2 * each), ("token.too_large", each)];
    assert_eq!(reasons, BTreeMap::from(expected));
    assert!(allocations > 0, "the counter counts");
    assert!(kept <= KEPT_BYTES, "{kept} bytes stay");
    assert!(peak <= PEAK_BYTES, "{peak} bytes at once");
    let seconds = u32::try_from((world.proxy.millis - before.1) / 1000).expect("a short flood");
    let fetches = world.proxy.fetches - before.0;
    assert!((1..=seconds / COOLDOWN_SECONDS + 1).contains(&fetches), "{fetches} fetches in {seconds} s");
    world.good = token("dev", "bob", &GOOD);
    world.assert_good();
}

/// Proofs of a client whose token is good, all of them within the time for which they are remembered.
fn proofs_of_one_client() {
    const ENTRIES: u32 = 8 * 1024;
    let mut world = World::new(ENTRIES as usize);
    let bound = token("dev", "bound", &GOOD);
    let authorization = format!("DPoP {bound}");
    let ask = |world: &mut World, number: u32| world.ask(&authorization, Some(&proof(&bound, number)));
    assert_eq!(ask(&mut world, FLOOD), "policy.allow");
    let (reasons, Usage { kept, .. }) = count(|| {
        let mut reasons = BTreeMap::<_, u32>::new();
        for number in 0..FLOOD {
            *reasons.entry(ask(&mut world, number)).or_default() += 1;
        }
        reasons
    });
    let taken = reasons.get("policy.allow").copied().unwrap_or(0);
    let refused = reasons.get("dpop.replay_cache_full").copied().unwrap_or(0);
    assert_eq!(taken + refused, FLOOD, "{reasons:?}");
    assert!((ENTRIES..=2 * ENTRIES).contains(&taken), "{taken} proofs were taken");
    assert!(kept <= i64::from(taken) * PROOF_BYTES, "{kept} bytes for {taken} proofs");
    assert_eq!(ask(&mut world, FLOOD), "dpop.replayed", "forgotten for want of room");
    world.assert_good();
}

/// What nearly all requests are: they take nothing from the heap at all.
fn requests_of_a_known_caller() {
    let mut world = World::new(8);
    let headers = headers(&format!("Bearer {}", world.good), None);
    assert_eq!(world.decide(&headers), "policy.allow");
    let (allowed, usage) = count(|| (0..1000).filter(|_| world.decide(&headers) == "policy.allow").count());
    assert_eq!((allowed, usage), (1000, Usage { allocations: 0, kept: 0, peak: 0 }));
}
