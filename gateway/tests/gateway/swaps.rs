//! A bundle in the place of another, between two requests.

use palisade_gateway::section::{GatewaySection, RemoteJwks};
use palisade_gateway::{
    Admitted, ConfigError, Expected, FetchHost, FetchRequest, FetchResponse, Gateway, NativeHost, ReceivedBody,
    RequestHead, Shared, SharedMemory,
};

use crate::keys;
use crate::world::{Answer, Ask, NOW, Parts, Signer, begin, configuration, gateway, send, send_at};

const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// The world's bundle in another version, with a change to its section.
pub(crate) fn bundle(version: u64, change: impl FnOnce(&mut GatewaySection)) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.manifest.version = version;
    let mut section = serde_json::from_slice(&parts.gateway).unwrap();
    change(&mut section);
    parts.gateway = section.encode().unwrap();
    parts.describe_sections();
    parts.sign(&[&Signer::ed25519(1)])
}

pub(crate) fn same(_: &mut GatewaySection) {}

/// Nobody may ping.
pub(crate) fn without_ping(section: &mut GatewaySection) {
    section.mcp[0].methods.retain(|method| method.method != "ping");
}

fn swap(gateway: &mut Gateway, bundle: &[u8]) -> Result<bool, &'static str> {
    gateway.swap(bundle, &mut NativeHost::at(NOW), &mut Vec::new()).map_err(|error| error.code())
}

pub(crate) fn ping() -> Ask {
    Ask::new("POST", "/mcp/http403").header("content-type", "application/json")
}

/// Sends the body of a request. The reason and the version of the bundle that decided.
fn finish(gateway: &mut Gateway, ask: &Ask, admitted: Option<Admitted>, seconds: u64) -> (&'static str, u64) {
    let headers = ask.buffer();
    let request = RequestHead { headers: headers.as_map() };
    let body = ReceivedBody::Whole(PING);
    let verdict = gateway.finish(&request, body, admitted, &mut NativeHost::at(seconds));
    let record: serde_json::Value = serde_json::from_str(verdict.record).unwrap();
    (verdict.disposition().reason, record["bundle"]["version"].as_u64().unwrap())
}

pub(crate) fn version(answer: &Answer) -> Option<u64> {
    answer.record["bundle"]["version"].as_u64()
}

#[test]
fn the_next_request_is_decided_by_the_new_bundle() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site");
    assert_eq!(version(&send(&mut gateway, &ask)), Some(7));
    assert_eq!(swap(&mut gateway, &bundle(8, same)), Ok(true));
    let answer = send(&mut gateway, &ask);
    assert_eq!((answer.reason, version(&answer)), ("policy.allow", Some(8)));
    assert!(!answer.cached, "what another bundle made of the token does not count");
    assert!(send(&mut gateway, &ask).cached);
    assert_eq!(gateway.bundle().unwrap().manifest().version, 8);
}

#[test]
fn a_bundle_that_is_not_newer_is_refused_and_the_same_one_is_nothing_new() {
    let mut gateway = gateway();
    let ask = Ask::new("GET", "/repos/site");
    assert_eq!(swap(&mut gateway, &bundle(9, same)), Ok(true));
    for (version, result) in [(9, Ok(false)), (8, Err("bundle.rollback")), (0, Err("bundle.rollback"))] {
        assert_eq!(swap(&mut gateway, &bundle(version, same)), result, "{version}");
    }
    assert_eq!(swap(&mut gateway, &bundle(9, without_ping)), Err("bundle.equivocation"));
    assert_eq!(version(&send(&mut gateway, &ask)), Some(9));
}

#[test]
fn a_bundle_that_fails_any_check_leaves_the_last_good_one() {
    let mut gateway = gateway();
    let good = bundle(8, same);
    let signed = |change: fn(&mut Parts), signer: Signer| {
        let mut parts = Parts::new();
        parts.manifest.version = 8;
        change(&mut parts);
        parts.sign(&[&signer])
    };
    let ours = || Signer::ed25519(1);
    for (bytes, code) in [
        (Vec::new(), "bundle.layout"),
        (b"<html>not found</html>".to_vec(), "bundle.magic"),
        (good[..good.len() - 1].to_vec(), "bundle.layout"),
        (signed(|_| {}, Signer::ed25519(2)), "bundle.threshold"),
        (signed(|p| p.manifest.channel = "other".to_owned(), ours()), "bundle.channel"),
        (signed(|p| p.manifest.expires = NOW, ours()), "bundle.expired"),
        (signed(|p| p.manifest.created = NOW + 1_700, ours()), "bundle.not_yet_valid"),
        (signed(|p| p.manifest.min_engine += 1, ours()), "bundle.engine"),
        (signed(|p| p.manifest.policies += 1, ours()), "bundle.policies"),
        (signed(|p| p.policies[100] ^= 1, ours()), "bundle.section_digest"),
        (
            bundle(8, |section| {
                section.issuers[0].jwks = None;
                section.issuers[0].remote_jwks = Some(RemoteJwks::at("https://idp.example/jwks"));
            }),
            "config.jwks_cluster",
        ),
    ] {
        let configuration = configuration(&bundle(7, same), &[&ours()], 1, r#","channel":"test""#);
        gateway = Gateway::configure(&configuration, &mut NativeHost::at(NOW)).unwrap();
        assert_eq!(swap(&mut gateway, &bytes), Err(code));
        let answer = send(&mut gateway, &Ask::new("GET", "/repos/site"));
        assert_eq!((answer.reason, version(&answer)), ("policy.allow", Some(7)), "{code}");
    }
    assert_eq!(swap(&mut gateway, &good), Ok(true));
}

#[test]
fn a_request_whose_body_is_awaited_finishes_on_the_bundle_that_it_began_with() {
    let mut gateway = gateway();
    let ask = ping();
    let (first, second) = (begin(&mut gateway, &ask), begin(&mut gateway, &ask));
    assert_eq!(swap(&mut gateway, &bundle(8, without_ping)), Ok(true));
    let third = begin(&mut gateway, &ask);
    assert_eq!(swap(&mut gateway, &bundle(9, same)), Ok(true));
    let fourth = begin(&mut gateway, &ask);
    assert_eq!(finish(&mut gateway, &ask, Some(third), NOW), ("mcp.method_undeclared", 8));
    assert_eq!(finish(&mut gateway, &ask, Some(first), NOW), ("policy.allow", 7));
    assert_eq!(finish(&mut gateway, &ask, Some(fourth), NOW), ("policy.allow", 9));
    assert_eq!(finish(&mut gateway, &ask, None, NOW), ("policy.allow", 9));
    // It counts as of then: when the bundle has expired meanwhile, it is not decided any more.
    assert_eq!(finish(&mut gateway, &ask, Some(second), NOW + 1800), ("bundle.expired", 7));
}

#[test]
fn clients_that_dawdle_do_not_keep_every_bundle() {
    let mut gateway = gateway();
    let ask = ping();
    let mut waiting = vec![(7, begin(&mut gateway, &ask))];
    for version in 8..20 {
        assert_eq!(swap(&mut gateway, &bundle(version, same)), Ok(true));
        waiting.push((version, begin(&mut gateway, &ask)));
    }
    for (version, admitted) in waiting {
        let kept = version >= 19 - palisade_gateway::limits::RETIRED_GENERATIONS as u64;
        let expected = if kept { version } else { 19 };
        assert_eq!(finish(&mut gateway, &ask, Some(admitted), NOW), ("policy.allow", expected));
    }
}

/// Workers share nothing here; what was asked for is answered by the test.
#[derive(Default)]
struct Fetching(u32);

impl SharedMemory for Fetching {
    fn shared(&mut self, _name: &str) -> Shared {
        Shared::Unsupported
    }

    fn share(&mut self, _name: &str, _bytes: &[u8], _expected: Expected) -> bool {
        false
    }
}

impl FetchHost for Fetching {
    fn now_nanos(&mut self) -> u64 {
        NOW * 1_000_000_000 + u64::from(self.0) * 1_000_000
    }

    fn fetch(&mut self, _request: &FetchRequest<'_>) -> Option<u32> {
        self.0 += 1;
        Some(self.0)
    }
}

#[test]
fn fetched_keys_go_from_bundle_to_bundle_and_a_removed_one_is_gone_for_requests_under_way() {
    let remote = |section: &mut GatewaySection| {
        section.issuers[0].jwks = None;
        let soon = RemoteJwks { fresh_for_seconds: 1, ..RemoteJwks::at("https://idp.example/jwks") };
        section.issuers[0].remote_jwks = Some(soon);
    };
    let clusters = r#","jwks_clusters":{"idp.example":"idp"},"token_cache":{"max_entries":64}"#;
    let configuration = configuration(&bundle(7, remote), &[&Signer::ed25519(1)], 1, clusters);
    let mut gateway = Gateway::configure(&configuration, &mut NativeHost::at(NOW)).unwrap();
    let (mut host, mut events) = (Fetching::default(), Vec::new());
    let mut serve = |gateway: &mut Gateway, kid: &str| {
        gateway.poll(&mut host, &mut events);
        let jwks = format!(r#"{{"keys":[{}]}}"#, keys::p256(1).jwk(kid));
        let call = host.0;
        gateway.respond(call, FetchResponse::of(jwks.as_bytes()), &mut host, &mut events);
        // The next one is due by then.
        host.0 += 1_000;
    };
    let ask = ping();
    serve(&mut gateway, "es");
    let waiting = begin(&mut gateway, &ask);
    assert_eq!(gateway.swap(&bundle(8, remote), &mut Fetching(1_001), &mut Vec::new()), Ok::<_, ConfigError>(true));
    let answer = send(&mut gateway, &Ask::new("GET", "/repos/site"));
    assert_eq!(
        (answer.reason, version(&answer)),
        ("policy.allow", Some(8)),
        "the new bundle has the keys of the old one"
    );
    serve(&mut gateway, "other");
    assert_eq!(finish(&mut gateway, &ask, Some(waiting), NOW + 2), ("token.kid_unknown", 7));
    assert_eq!(send_at(&mut gateway, &Ask::new("GET", "/repos/site"), NOW + 2).reason, "token.kid_unknown");
}
