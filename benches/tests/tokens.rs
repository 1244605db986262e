//! Verifying a token takes a bounded multiple of its length from the heap, whatever it says.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_benches::allocations::{Counting, count};
use palisade_benches::workload::random::Random;
use palisade_gateway::limits::{TOKEN_BYTES, TOKEN_HEAP_FACTOR};
use palisade_gateway::section::GatewaySection;
use palisade_gateway::token::SignatureAlgorithm;
use palisade_gateway::{Expected, Host, Shared, SharedMemory, TokenVerifier};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a report and a few short lists may take besides.
const SLACK: usize = 4096;

/// Changed copies of each token.
const CHANGES: usize = 1500;

/// Seconds since the Unix epoch.
const NOW: u64 = 1_800_000_000;

/// The key of RFC 7515 A.3.
const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// A host to whom every signature is good, so that what comes after is reached.
struct Gullible;

impl SharedMemory for Gullible {
    fn shared(&mut self, _: &str) -> Shared {
        Shared::Unsupported
    }

    fn share(&mut self, _: &str, _: &[u8], _: Expected) -> bool {
        false
    }
}

impl Host for Gullible {
    fn now_nanos(&mut self) -> u64 {
        NOW * 1_000_000_000
    }

    fn verify_signature(&mut self, _: SignatureAlgorithm, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        Some(true)
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        None
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn fill_random(&mut self, _: &mut [u8]) {}
}

fn verifier() -> TokenVerifier {
    let record = r#"{"set":{"record":[{"name":"action","required":true,"type":"string"},{"name":"account","required":true,"type":"string"},
        {"name":"datatype","required":false,"type":"string"}]}}"#;
    let section = format!(
        r#"{{"issuers":[{{"alias":"a","issuer":"https://a","audiences":["g"],"algorithms":["ES256"],"jwks":{{"keys":[{JWK}]}},
        "max_lifetime_seconds":900,"clock_skew_seconds":30,"principal":{{"type":"Agent","id_claim":["sub"],
        "attributes":[{{"name":"scope","claim":["scope"],"required":false,"type":{{"set":"string"}}}},
                      {{"name":"list","claim":["list"],"required":false,"type":{{"set":{{"set":"long"}}}}}},
                      {{"name":"rights","claim":["authorization_details","t"],"required":true,"type":{record}}}],
        "parents":[{{"claim":["groups"],"type":"Group"}}]}},
        "delegation":{{"max_depth":8,"actor":{{"type":"Agent","id_claim":["sub"],"attributes":[],"parents":[]}}}}}}],
        "routes":[{{"methods":["GET"],"path":"/","action":{{"type":"Action","id":"a"}},"resource":{{"type":"T","id":"a"}},
        "context":[{{"name":"rights","source":{{"claim":["authorization_details","t"]}},"required":true,"type":{record}}}]}}]}}"#
    );
    TokenVerifier::open(GatewaySection::parse(section.as_bytes()).expect("parses")).expect("opens")
}

fn token(header: &[u8], claims: &[u8]) -> Vec<u8> {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", part(header), part(claims), part(&[1; 64])).into_bytes()
}

/// Claims that are accepted, with what takes much room for its length.
fn all_claims() -> Vec<String> {
    let list = |one: &str, count: usize| vec![one; count].join(",");
    let names = |count: usize| (0..count).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(",");
    let members = (0..100).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",");
    let act = (0..8).fold(String::from("{\"sub\":\"z\"}"), |act, n| format!(r#"{{"sub":"{n}","act":{act}}}"#));
    let act = act.replacen(r#","act":{"sub":"z"}"#, "", 1);
    let details = |item: &str| format!(r#""authorization_details":[{{"type":"t",{item}}}]"#);
    let product = format!(r#""actions":[{}],"datatypes":[{}],"account":"{}""#, names(16), names(16), "a".repeat(3000));
    let all = [
        String::from(r#""x":1"#),
        format!(r#""x":[{}]"#, list("0", 480)),
        format!(r#""x":[{}]"#, list("[0]", 240)),
        format!(r#""x":[{}]"#, list("[[]]", 240)),
        format!(r#""x":{{{members}}}"#),
        format!(r#""x":[{}]"#, list(r#"{"a":0}"#, 240)),
        format!(r#""x":[{}]"#, list(r#""""#, 480)),
        format!(r#""x":[{}]"#, list(r#""\u00e9""#, 480)),
        format!(r#""x":"{}""#, "\\n".repeat(2000)),
        format!(r#""scope":"{}""#, list("a", 1000).replace(',', " ")),
        format!(r#""groups":[{}]"#, names(120)),
        format!(r#""list":[{}]"#, list("[1]", 200)),
        format!(r#""act":{act}"#),
        details(&product),
        details(&format!(r#""actions":[{}],"account":"a""#, names(250))),
    ];
    let registered = format!(r#""iss":"https://a","aud":"g","sub":"s","iat":{},"exp":{}"#, NOW - 10, NOW + 300);
    all.iter().map(|more| format!("{{{registered},{more}}}")).collect()
}

/// Verifies a token within the bound; says whether it was accepted.
fn check(verifier: &TokenVerifier, token: &[u8], worst: &mut usize) -> bool {
    let (report, usage) = count(|| verifier.verify(token, &mut Gullible));
    let peak = usize::try_from(usage.peak).expect("no less than nothing");
    assert!(peak <= token.len() * TOKEN_HEAP_FACTOR + SLACK, "{peak} bytes for {}", token.len());
    *worst = (*worst).max(peak.saturating_sub(SLACK) / token.len());
    report.refusal.is_none()
}

// One test only: the counter counts what every thread allocates.
#[test]
fn verifying_takes_a_bounded_multiple_of_the_token() {
    let verifier = verifier();
    let mut random = Random::new(20_261_122);
    let header = br#"{"alg":"ES256"}"#;
    let (mut accepted, mut refused, mut worst) = (0, 0, 0);
    for claims in all_claims() {
        let good = token(header, claims.as_bytes());
        assert!(good.len() <= TOKEN_BYTES, "{} bytes", good.len());
        assert!(check(&verifier, &good, &mut worst), "{claims}");
        for _ in 0..CHANGES {
            // Of what is read, most often; of how it is spelt, now and then.
            let changed = if random.below(4) > 0 {
                let mut claims = claims.clone().into_bytes();
                let (at, from) = (random.below(claims.len()), random.below(claims.len()));
                match random.below(3) {
                    0 => claims[at] ^= 1 << random.below(8),
                    1 => claims[at] = b"[]{},:\"0\\"[random.below(9)],
                    _ => claims.extend_from_within(from.min(at)..from.max(at).min(from.min(at) + 40)),
                }
                token(header, &claims)
            } else {
                let mut changed = good.clone();
                let at = random.below(changed.len());
                changed[at] = b"AZaz09-_.,"[random.below(10)];
                changed
            };
            if check(&verifier, &changed, &mut worst) { accepted += 1 } else { refused += 1 }
        }
    }
    assert!(accepted > 100 && refused > 10_000, "{accepted} accepted, {refused} refused");
    assert!(worst * 3 >= TOKEN_HEAP_FACTOR, "the bound is far from the {worst} that was seen");
}
