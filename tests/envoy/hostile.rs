//! Traps of Envoy and of the proxy-wasm interface: what has killed or bypassed filters must do neither here.

use anyhow::Result;
use palisade_tests::gateway::Gateway;
use palisade_tests::http1::{Connection, Request};
use palisade_tests::http2::TrailerPost;
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::token::Token;

use crate::fixture::{assert_allowed, assert_denial, assert_denied, good_token, path, read, shared};

/// With one worker, the next request meets the VM that the last one met: it passes, and no VM was replaced meanwhile.
fn assert_alive(gateway: &Gateway, name: &str) -> Result<()> {
    assert_allowed(gateway, &read(name).bearer(&good_token(gateway)?))?;
    for counter in ["vm_reload_success", "vm_reload_failure", "vm_reload_backoff"] {
        assert_eq!(gateway.envoy.stat(&format!("wasm.palisade.{counter}"))?, 0, "{counter}");
    }
    Ok(())
}

#[test]
fn a_header_value_that_is_not_utf8_harms_nobody() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    assert_allowed(gateway, &read("not-utf8").bearer(&token).header("x-mode", b"\xff\xfe"))?;
    assert_alive(gateway, "not-utf8-next")
}

#[test]
fn a_token_that_is_not_utf8_is_malformed() -> Result<()> {
    let gateway = shared()?;
    assert_denied(
        gateway,
        &read("token-not-utf8").header("authorization", b"Bearer \xff\xfe.a.b"),
        401,
        "credential.malformed",
    )?;
    assert_denied(gateway, &read("token-not-utf8").header("authorization", b"\xff"), 401, "credential.scheme")?;
    assert_alive(gateway, "token-not-utf8-next")
}

#[test]
fn a_context_header_that_is_not_utf8_is_refused() -> Result<()> {
    let gateway = shared()?;
    let request = Request::new("GET", "secrets.internal", "/secrets/payments/not-utf8");
    let request = request.bearer(&good_token(gateway)?).header("x-intent", b"run-\xff");
    assert_denied(gateway, &request, 403, "context.header_not_utf8")?;
    assert_alive(gateway, "context-not-utf8-next")
}

#[test]
fn a_path_that_is_not_utf8_is_refused() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    let mut bytes =
        b"GET /repos/handbook/files/\xff\xfe HTTP/1.1\r\nhost: repos.internal\r\nauthorization: Bearer ".to_vec();
    bytes.extend_from_slice(token.as_bytes());
    bytes.extend_from_slice(b"\r\n\r\n");
    connection.write(&bytes)?;
    let answer = connection.read()?;
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    let escaped = read("%ff%fe").bearer(&token);
    let answer = gateway.send(&escaped)?;
    assert!(matches!(answer.status, 400 | 403), "{answer:?}");
    assert_alive(gateway, "path-not-utf8-next")
}

#[test]
fn request_trailers_do_not_carry_a_request_past_the_decision() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let merge = TrailerPost {
        host: REPOS,
        path: "/repos/checkout/branches/trailers/merge",
        token: Some(&token),
        content_type: None,
        body: "please",
        trailers: &[("x-checksum", "abc")],
    };
    // The coder is autonomous: it may not merge.
    let answer = merge.send(gateway.envoy.address())?;
    assert_denial(gateway, &answer, 403, "policy.deny")?;
    let anonymous = TrailerPost { token: None, ..merge };
    assert_denial(gateway, &anonymous.send(gateway.envoy.address())?, 401, "token.missing").map(drop)
}

#[test]
fn request_trailers_do_not_break_an_allowed_request() -> Result<()> {
    let gateway = shared()?;
    let token = Token::coder().claim("autonomous", false).sign(gateway.key(Algorithm::Es256)?);
    let answer = TrailerPost {
        host: "deploys.internal",
        path: "/environments/staging/services/checkout/deployments",
        token: Some(&token),
        content_type: None,
        body: "v2",
        trailers: &[("x-checksum", "abc")],
    }
    .send(gateway.envoy.address())?;
    assert_eq!(answer.status, 200);
    Ok(())
}

#[test]
fn trailers_cannot_bring_a_credential_or_an_identity() -> Result<()> {
    let gateway = shared()?;
    let answer = TrailerPost {
        host: "deploys.internal",
        path: "/environments/staging/services/trailers/deployments",
        token: None,
        content_type: None,
        body: "v2",
        trailers: &[("authorization", "Bearer x"), ("x-palisade-principal", "Agent::\"dev/coder-7\"")],
    }
    .send(gateway.envoy.address())?;
    assert_denial(gateway, &answer, 401, "token.missing").map(drop)
}

#[test]
fn a_denial_does_not_wait_for_the_body() -> Result<()> {
    let gateway = shared()?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    let target = "/repos/checkout/branches/early-denial/merge";
    connection
        .write(format!("POST {target} HTTP/1.1\r\nhost: {REPOS}\r\ncontent-length: 1000000\r\n\r\n").as_bytes())?;
    let answer = connection.read()?;
    assert_denial(gateway, &answer, 401, "token.missing").map(drop)
}

#[test]
fn a_body_passes_unchanged() -> Result<()> {
    let gateway = shared()?;
    let target = "/repos/checkout/branches/agent-T-1/files/body.bin";
    let body: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let request = Request::new("PUT", REPOS, target).bearer(&good_token(gateway)?).body(body.clone());
    assert_allowed(gateway, &request)?;
    let received = gateway.upstream.received(target);
    assert_eq!(received.len(), 1);
    assert!(received[0].body == body, "the body was changed on its way");
    Ok(())
}

#[test]
fn an_upgrade_neither_hangs_nor_passes_undecided() -> Result<()> {
    let gateway = shared()?;
    let upgrade = |request: Request| {
        request.header("connection", "upgrade").header("upgrade", "websocket").header("sec-websocket-version", "13")
    };
    for request in [read("upgrade"), read("upgrade").bearer(&good_token(gateway)?)] {
        let answer = gateway.send(&upgrade(request))?;
        assert!(matches!(answer.status, 401 | 403), "{answer:?}");
    }
    assert!(gateway.upstream.received(&path("upgrade")).is_empty());
    Ok(())
}

#[test]
fn many_requests_on_one_connection_are_decided_one_by_one() -> Result<()> {
    let gateway = shared()?;
    let good = good_token(gateway)?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    for _ in 0..10 {
        assert_eq!(connection.exchange(&read("reused").bearer(&good))?.status, 200);
        assert_eq!(connection.exchange(&read("reused"))?.status, 401);
    }
    assert_eq!(gateway.upstream.received(&path("reused")).len(), 10);
    Ok(())
}

#[test]
fn a_request_with_very_many_headers_harms_nobody() -> Result<()> {
    let gateway = shared()?;
    let mut request = read("many-headers").bearer(&good_token(gateway)?);
    for number in 0..90 {
        request = request.header(format!("x-filler-{number}"), "y".repeat(400));
    }
    assert_allowed(gateway, &request)?;
    // Envoy's own limit is 100 headers: more never reach the filter.
    for number in 90..200 {
        request = request.header(format!("x-filler-{number}"), "y");
    }
    assert_eq!(gateway.send(&request)?.status, 431);
    assert_alive(gateway, "many-headers-next")
}

#[test]
fn an_underscore_does_not_smuggle_an_identity_header() -> Result<()> {
    let gateway = shared()?;
    let request = read("underscore").bearer(&good_token(gateway)?).header("x_palisade_principal", "Agent::\"root\"");
    assert_eq!(gateway.send(&request)?.status, 400);
    assert!(gateway.upstream.received(&path("underscore")).is_empty());
    Ok(())
}

#[test]
fn a_request_that_names_two_hosts_is_decided_for_the_one_that_the_upstream_sees() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let mut connection = Connection::open(gateway.envoy.address())?;
    let target = path("absolute");
    // RFC 9112 §3.2.2: the target's host wins over the header.
    let head = format!("GET http://secrets.internal{target} HTTP/1.1\r\nhost: {REPOS}\r\n");
    connection.write(format!("{head}authorization: Bearer {token}\r\n\r\n").as_bytes())?;
    let line = assert_denial(gateway, &connection.read()?, 403, "route.unknown")?;
    assert_eq!(line.text("host"), Some("secrets.internal"));
    let twice = read("two-hosts").header("host", "secrets.internal").bearer(&token);
    assert_denied(gateway, &twice, 403, "route.host_invalid").map(drop)
}

#[test]
fn a_second_request_cannot_hide_in_a_body() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    let hidden = format!("GET {} HTTP/1.1\r\nhost: {REPOS}\r\n\r\n", path("hidden"));
    let head = format!("PUT /repos/checkout/branches/agent-T-1/files/smuggling HTTP/1.1\r\nhost: {REPOS}\r\n");
    let head = format!("{head}authorization: Bearer {token}\r\n");
    for framing in [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", hidden.len() + 5),
        "content-length: 0\r\ncontent-length: 44\r\n\r\n".to_owned(),
        "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        let mut connection = Connection::open(gateway.envoy.address())?;
        connection.write(format!("{head}{framing}{hidden}").as_bytes())?;
        let status = connection.read()?.status;
        assert!(matches!(status, 400 | 501), "{status} for {framing:?}");
    }
    assert!(gateway.upstream.received(&path("hidden")).is_empty());
    Ok(())
}

#[test]
fn proxy_headers_of_the_client_are_not_believed() -> Result<()> {
    let gateway = shared()?;
    let request = read("proxy-headers")
        .bearer(&good_token(gateway)?)
        .header("x-envoy-original-path", "/admin")
        .header("x-envoy-internal", "true")
        .header("x-envoy-retry-on", "5xx")
        .header("x-original-url", "/admin");
    assert_allowed(gateway, &request)?;
    let received = gateway.upstream.received(&path("proxy-headers"));
    assert_eq!(received.len(), 1);
    for name in ["x-envoy-original-path", "x-envoy-internal", "x-envoy-retry-on"] {
        assert_eq!(received[0].header(name), None, "{name}");
    }
    Ok(())
}
