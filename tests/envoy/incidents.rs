//! What has broken others, tried on the running filter: a test for each incident, named after it. Those about the form of tokens
//! are also in `gateway/tests/cases/tokens.txt`, with more variants.

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_tests::gateway::Gateway;
use palisade_tests::http1::{Connection, Request};
use palisade_tests::http2::TrailerPost;
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::token::{Token, now};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::{assert_allowed, assert_denied, good_token, path, read, shared, shared_mcp};

/// The token with another signature.
fn signed_with(token: &str, signature: &[u8]) -> String {
    let message = token.rsplit_once('.').map_or("", |(message, _)| message);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The RSA key of the issuer as its JWK Set has it.
fn rsa_jwk(gateway: &Gateway) -> Result<Value> {
    let text = std::fs::read_to_string(gateway.workshop.key_set("issuer"))?;
    let set: Value = serde_json::from_str(&text)?;
    let keys = set["keys"].as_array().cloned().unwrap_or_default();
    let rsa = keys.into_iter().find(|key| key["kty"] == "RSA");
    rsa.ok_or_else(|| anyhow::anyhow!("the issuer has no RSA key"))
}

/// A token whose HMAC has been made with text that everybody knows.
fn hmac_token(gateway: &Gateway, alg: &str, secret: &[u8]) -> Result<String> {
    let token = Token::coder().header("alg", alg).sign(gateway.key(Algorithm::Rs256)?);
    let message = token.rsplit_once('.').map_or("", |(message, _)| message);
    Ok(signed_with(&token, &hmac(secret, message.as_bytes())))
}

/// HMAC-SHA256 (RFC 2104): the product has no use for it with tokens, so the attack brings its own.
fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let key = if secret.len() > 64 { Sha256::digest(secret).to_vec() } else { secret.to_vec() };
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(&key).for_each(|(block, key)| *block ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

#[test]
fn cve_2015_9235_an_hmac_under_the_public_key() -> Result<()> {
    let gateway = shared()?;
    let jwk = rsa_jwk(gateway)?.to_string();
    for (alg, reason) in [("HS256", "token.alg_not_allowed"), ("RS256", "token.signature")] {
        let token = hmac_token(gateway, alg, jwk.as_bytes())?;
        assert_denied(gateway, &read("cve-2015-9235").bearer(&token), 401, reason)?;
    }
    Ok(())
}

#[test]
fn cve_2022_21449_an_ecdsa_signature_of_zeros() -> Result<()> {
    let gateway = shared()?;
    let good = good_token(gateway)?;
    for signature in [vec![0; 64], [vec![0; 32], vec![1; 32]].concat(), [vec![1; 32], vec![0; 32]].concat()] {
        let token = signed_with(&good, &signature);
        assert_denied(gateway, &read("cve-2022-21449").bearer(&token), 401, "token.signature")?;
    }
    Ok(())
}

#[test]
fn cve_2023_51774_an_encrypted_token_in_place_of_a_signed_one() -> Result<()> {
    let gateway = shared()?;
    let token = format!("{}.AAAA.AAAA", good_token(gateway)?);
    assert_denied(gateway, &read("cve-2023-51774").bearer(&token), 401, "token.encrypted").map(drop)
}

#[test]
fn cve_2025_59420_and_cve_2026_32597_critical_headers_that_nobody_knows() -> Result<()> {
    let gateway = shared()?;
    for crit in [json!(["bork"]), json!(["cnf"]), json!([]), json!(null), json!("exp")] {
        let token = Token::coder().header("crit", crit).sign(gateway.key(Algorithm::Es256)?);
        assert_denied(gateway, &read("cve-2025-59420").bearer(&token), 401, "token.crit")?;
    }
    Ok(())
}

#[test]
fn cve_2026_25537_claims_of_another_type_are_not_absent() -> Result<()> {
    let gateway = shared()?;
    for (claim, value) in [
        ("nbf", json!((now() + 3600).to_string())),
        ("nbf", json!([now() + 3600])),
        ("exp", json!((now() + 300).to_string())),
        ("iat", json!(null)),
        ("aud", json!({"https://gateway.quickstart.example": true})),
    ] {
        let token = Token::coder().claim(claim, value).sign(gateway.key(Algorithm::Es256)?);
        assert_denied(gateway, &read("cve-2026-25537").bearer(&token), 401, "token.claim_type")?;
    }
    Ok(())
}

#[test]
fn cve_2026_22817_the_headers_algorithm_where_the_key_names_none() -> Result<()> {
    let gateway = shared()?;
    let mut jwk = rsa_jwk(gateway)?;
    jwk.as_object_mut().map(|members| members.remove("alg"));
    for alg in ["HS256", "hs256", "none"] {
        let token = hmac_token(gateway, alg, jwk.to_string().as_bytes())?;
        assert_denied(gateway, &read("cve-2026-22817").bearer(&token), 401, "token.alg_not_allowed")?;
    }
    Ok(())
}

#[test]
fn cve_2026_34950_key_text_after_a_space() -> Result<()> {
    let gateway = shared()?;
    let jwk = format!(" {}", rsa_jwk(gateway)?);
    for (alg, reason) in [("HS256", "token.alg_not_allowed"), ("RS256", "token.signature")] {
        let token = hmac_token(gateway, alg, jwk.as_bytes())?;
        assert_denied(gateway, &read("cve-2026-34950").bearer(&token), 401, reason)?;
    }
    Ok(())
}

#[test]
fn cve_2026_29000_what_only_needs_the_public_key() -> Result<()> {
    let gateway = shared()?;
    let header = Token::coder().header("alg", "RSA-OAEP-256").header("enc", "A256GCM");
    let encrypted = format!("{}.AAAA.AAAA", header.sign(gateway.key(Algorithm::Rs256)?));
    assert_denied(gateway, &read("cve-2026-29000").bearer(&encrypted), 401, "token.encrypted")?;
    let dressed = Token::coder().header("enc", "A256GCM").sign(gateway.key(Algorithm::Rs256)?);
    assert_denied(gateway, &read("cve-2026-29000").bearer(&dressed), 401, "token.header_forbidden").map(drop)
}

#[test]
fn cve_2026_26308_only_one_of_several_values_is_looked_at() -> Result<()> {
    let gateway = shared()?;
    let (good, bad) = (format!("Bearer {}", good_token(gateway)?), "Bearer e30.e30.e30".to_owned());
    for values in [[&good, &bad], [&bad, &good], [&good, &good]] {
        let [first, second] = values;
        let twice = read("cve-2026-26308").header("authorization", first).header("authorization", second);
        assert_denied(gateway, &twice, 400, "credential.repeated")?;
        let joined = read("cve-2026-26308").header("authorization", format!("{first},{second}"));
        assert_denied(gateway, &joined, 400, "credential.repeated")?;
    }
    // A header that policy reads.
    for values in [["none", "leak"], ["leak", "none"]] {
        let request = Request::new("GET", "secrets.internal", "/secrets/payments/cve-2026-26308");
        let request = values
            .iter()
            .fold(request.bearer(&good_token(gateway)?), |request, value| request.header("x-intent", value));
        assert_denied(gateway, &request, 403, "context.header_repeated")?;
    }
    Ok(())
}

#[test]
fn cve_2026_27896_names_that_are_only_equal_to_a_careless_reader() -> Result<()> {
    let gateway = shared()?;
    for (name, without, reason) in [
        ("Exp", "exp", "token.exp_missing"),
        ("EXP", "exp", "token.exp_missing"),
        ("i\u{17f}s", "iss", "token.issuer_missing"),
        ("AUD", "aud", "token.audience_missing"),
    ] {
        let value = Token::coder().claims().get(without).cloned().unwrap_or_default();
        let token = Token::coder().without(without).claim(name, value).sign(gateway.key(Algorithm::Es256)?);
        assert_denied(gateway, &read("cve-2026-27896").bearer(&token), 401, reason)?;
    }
    let gateway = shared_mcp()?;
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","param\u017f":{"name":"write_file"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read_file","\u212aey":1,"key":1,"Name":"write_file"}}"#,
    ] {
        let request = Request::new("POST", "tools.internal", "/files/mcp?cve-2026-27896").bearer(&engineer(gateway)?);
        let answer = gateway.send(&request.header("content-type", "application/json").body(body))?;
        let line = gateway.access_line(&answer)?;
        ensure!((answer.status, line.text("reason")) == (400, Some("json.look_alike")), "{body}: {line:?}");
    }
    ensure!(gateway.upstream.received("/files/mcp?cve-2026-27896").is_empty());
    Ok(())
}

#[test]
fn ghsa_g53w_w6mj_hrpp_headers_that_only_the_filter_may_set() -> Result<()> {
    let gateway = shared()?;
    let ours = [
        ("x-palisade-principal", r#"Agent::"dev/root""#),
        ("X-Palisade-Actor", r#"Agent::"dev/root""#),
        ("x-palisade-decision-id", "01a20095-2bec-7753-8b96-8f1cc9e2dc64"),
        ("x-palisade-anything", "1"),
        ("mcp-init-host", REPOS),
        ("router-key", "secret"),
    ];
    let with = |request: Request| ours.iter().fold(request, |request, (name, value)| request.header(name, value));
    assert_denied(gateway, &with(read("ghsa-g53w-none")), 401, "token.missing")?;
    assert_allowed(gateway, &with(read("ghsa-g53w")).bearer(&good_token(gateway)?))?;
    let received = gateway.upstream.received(&path("ghsa-g53w"));
    let [request] = &received[..] else { anyhow::bail!("{} requests arrived", received.len()) };
    assert_eq!(request.header("x-palisade-principal"), Some(r#"Agent::"dev/coder-7""#));
    let mut names: Vec<&str> = request.header_names().filter(|name| name.starts_with("x-palisade")).collect();
    names.sort_unstable();
    assert_eq!(names, ["x-palisade-decision-id", "x-palisade-principal"]);
    Ok(())
}

/// CVE-2025-66414, CVE-2026-34742, CVE-2026-42559, CVE-2026-11624, CVE-2025-64443.
#[test]
fn cve_2025_66414_and_others_dns_rebinding() -> Result<()> {
    let gateway = shared_mcp()?;
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let target = "/files/mcp?dns-rebinding";
    let ask = |host: &str, origin: Option<&str>, reason: &str| -> Result<()> {
        let request = Request::new("POST", host, target).bearer(&engineer(gateway)?).body(body);
        let request = request.header("content-type", "application/json");
        let request = origin.map_or_else(|| request.clone(), |origin| request.clone().header("origin", origin));
        let answer = gateway.send(&request)?;
        let line = gateway.access_line(&answer)?;
        ensure!((answer.status, line.text("reason")) == (403, Some(reason)), "{host} {origin:?}: {line:?}");
        Ok(())
    };
    for origin in ["http://evil.example", "http://tools.internal", "https://tools.internal:8443", "null", "", "file://"]
    {
        ask("tools.internal", Some(origin), "mcp.origin")?;
    }
    for host in
        ["evil.example", "127.0.0.1:8080", "localhost", "[::1]", "tools.internal.evil.example", "xtools.internal"]
    {
        ask(host, None, "route.unknown")?;
    }
    ensure!(gateway.upstream.received(target).is_empty());
    Ok(())
}

#[test]
fn cve_2026_26311_what_comes_after_the_filters_own_reply() -> Result<()> {
    let gateway = shared()?;
    let target = "/repos/checkout/branches/cve-2026-26311/merge";
    for number in 0..10 {
        // HTTP/2: body and trailers follow the headers that were refused, and the stream may be reset meanwhile.
        let trailers: &[(&str, &str)] = if number % 2 == 0 { &[("x-checksum", "abc")] } else { &[] };
        let post =
            TrailerPost { host: REPOS, path: target, token: None, content_type: None, body: "0123456789", trailers };
        ensure!(post.send(gateway.envoy.address())?.status == 401);
        // HTTP/1.1: more of the body after the reply, then nothing, then the connection goes.
        let mut connection = Connection::open(gateway.envoy.address())?;
        let head =
            format!("POST {target} HTTP/1.1\r\nhost: {REPOS}\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n");
        connection.write(head.as_bytes())?;
        ensure!(connection.read()?.status == 401);
        // The connection may be closed already.
        let _ = connection.write(b"5\r\nabcde\r\n0\r\nauthorization: Bearer x\r\n\r\n");
    }
    ensure!(gateway.upstream.received(target).is_empty());
    assert_allowed(gateway, &read("cve-2026-26311").bearer(&good_token(gateway)?))?;
    for counter in ["vm_reload_success", "vm_reload_failure", "vm_reload_backoff"] {
        assert_eq!(gateway.envoy.stat(&format!("wasm.palisade.{counter}"))?, 0, "{counter}");
    }
    Ok(())
}

/// A token that may use the tools of the MCP example.
fn engineer(gateway: &Gateway) -> Result<String> {
    Ok(Token::coder().claim("teams", json!(["engineering"])).sign(gateway.key(Algorithm::Es256)?))
}
