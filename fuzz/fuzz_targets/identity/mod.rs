//! Issuers for the token targets, and a host to whom every signature is good, so that what comes after is reached.

#![allow(dead_code, reason = "each target uses a part of it")]

use palisade_gateway::section::GatewaySection;
use palisade_gateway::token::SignatureAlgorithm;
use palisade_gateway::{Expected, Host, NativeMemory, Shared, SharedMemory, TokenVerifier};

/// The time at which everything happens, in seconds since the Unix epoch.
pub const NOW: u64 = 1_800_000_000;

/// The P-256 key of RFC 7515 A.3.
pub const JWK: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// A host to whom every RSA and ECDSA signature is good.
#[derive(Default)]
pub struct Gullible(NativeMemory);

impl SharedMemory for Gullible {
    fn shared(&mut self, name: &str) -> Shared {
        self.0.shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        self.0.share(name, bytes, expected)
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

/// One issuer of each profile.
pub fn verifier() -> TokenVerifier {
    let profiles = [
        ("oauth", r#""oauth""#, "https://oauth"),
        ("lenient", r#""oauth-lenient""#, "https://lenient"),
        ("oidc", r#""oidc""#, "https://oidc"),
        ("k8s", r#""kubernetes""#, "https://k8s"),
    ];
    let issuers: Vec<String> = profiles
        .iter()
        .map(|(alias, profile, issuer)| {
            format!(
                r#"{{"alias":"{alias}","profile":{profile},"issuer":"{issuer}","audiences":["gateway"],"algorithms":["ES256"],
                "jwks":{{"keys":[{JWK}]}},"max_lifetime_seconds":900,"clock_skew_seconds":30,
                "principal":{{"type":"Agent","id_claim":["sub"],"parents":[{{"claim":["groups"],"type":"Group"}}],
                "attributes":[{{"name":"scope","claim":["scope"],"required":false,"type":{{"set":"string"}}}},
                {{"name":"ip","claim":["ip"],"required":false,"type":"ip"}},
                {{"name":"rights","claim":["authorization_details","t"],"required":true,"type":{{"set":{{"record":[
                {{"name":"action","required":true,"type":"string"}},{{"name":"limit","required":false,"type":"long"}}]}}}}}}]}},
                "status_lists":{{"uris":["{issuer}/lists/"]}},
                "delegation":{{"max_depth":4,"actor":{{"type":"Agent","id_claim":["sub"],"attributes":[],"parents":[]}}}}}}"#
            )
        })
        .collect();
    let section = format!(
        r#"{{"issuers":[{}],"routes":[{{"methods":["GET"],"path":"/","action":{{"type":"Action","id":"a"}},
        "resource":{{"type":"Thing","id":"a"}},"context":[]}}]}}"#,
        issuers.join(",")
    );
    TokenVerifier::open(GatewaySection::parse(section.as_bytes()).unwrap()).unwrap()
}
