//! Keys that are fetched over TLS: from the server that the pinned authority vouches for, and from no other.

use anyhow::{Result, ensure};
use palisade_tests::gateway::Options;
use palisade_tests::issuer::KeyServer;
use palisade_tests::process::free_address;
use palisade_tests::tls::{Authority, Certificate};
use palisade_tests::tls_server::TlsServer;
use palisade_tests::token::Token;
use serde_json::{Value, json};

use crate::fixture::{assert_denied, home, read};
use crate::remote::{QUICK, Remote, document};

const HOST: &str = "issuer.quickstart.example";
/// What the gateway asks for.
const TARGET: &str = "/jwks?v=1";

fn certificate(authority: &Authority, name: &str, host: &str, days: i32) -> Result<Certificate> {
    authority.issue_with(name, &format!("/CN={host}"), days, &format!("subjectAltName=DNS:{host}\n"))
}

#[test]
fn keys_come_from_the_server_that_the_pinned_authority_vouches_for() -> Result<()> {
    let (pinned_home, other_home) = (home()?, home()?);
    let (pinned, other) = (Authority::new(pinned_home.path())?, Authority::new(other_home.path())?);
    let address = free_address()?;
    let socket = pinned.upstream_socket(HOST);
    let options = Options { keys: Some(address), keys_socket: Some(&socket), ..Options::default() };
    let remote = Remote::start_with(options, QUICK)?;
    let ((good, good_jwk), (evil, evil_jwk)) = (remote.key("good")?, remote.key("evil")?);
    let set = |jwk: &Value| json!({ "keys": [jwk] }).to_string();
    let serve = |certificate: &Certificate, jwk: &Value| -> Result<_> {
        let folder = home()?;
        Ok((TlsServer::start(address, certificate, TARGET, &set(jwk), folder.path())?, folder))
    };

    // Each of them has the keys that the gateway wants, so that nothing but the certificate is between them.
    let impostors = [
        ("fail_verify_error", certificate(&other, "other", HOST, 1)?),
        ("fail_verify_error", certificate(&pinned, "expired", HOST, -1)?),
        ("fail_verify_error", other.self_signed("self-signed", &format!("/CN={HOST}"))?),
        ("fail_verify_san", certificate(&pinned, "elsewhere", "elsewhere.example", 1)?),
    ];
    for (why, certificate) in &impostors {
        let stat = format!("cluster.issuer.ssl.{why}");
        let before = remote.gateway.envoy.stat(&stat)?;
        let (server, _folder) = serve(certificate, &good_jwk)?;
        remote.gateway.envoy.await_stat(&stat, before + 1)?;
        remote.await_refresh("status")?;
        ensure!(server.answered()? == 0, "a request went to a server that nobody vouches for");
        let request = read("impostor").bearer(&Token::coder().sign(&good));
        assert_denied(&remote.gateway, &request, 503, "token.keys_unavailable")?;
    }
    ensure!(
        remote.gateway.envoy.log()?.contains("keys of issuer `dev`: jwks.status: status 503"),
        "no line in the log"
    );
    ensure!(remote.refreshes("ok")? == 0, "keys came from somewhere");

    let (server, _folder) = serve(&certificate(&pinned, "genuine", HOST, 1)?, &good_jwk)?;
    remote.await_everywhere(&good, 200)?;
    ensure!(server.answered()? > 0, "the keys came from somewhere else");
    ensure!(remote.status(&evil)? == 401, "a key that nobody published was accepted");

    // Whoever takes the address over later has no say, with TLS or without.
    drop(server);
    let (server, _folder) = serve(&impostors[0].1, &evil_jwk)?;
    remote.await_refresh("status")?;
    remote.await_refresh("status")?;
    ensure!(server.answered()? == 0, "a request went to a server that nobody vouches for");
    ensure!(remote.status(&evil)? == 401, "a key of an impostor was accepted");
    ensure!(remote.status(&good)? == 200, "the good key went with its server");
    drop(server);
    let plain = KeyServer::start_at(address, document(&[&evil_jwk]))?;
    remote.await_refresh("status")?;
    remote.await_refresh("status")?;
    ensure!(plain.asked().is_empty(), "keys were asked for without TLS");
    ensure!(remote.status(&evil)? == 401, "a key without TLS was accepted");
    ensure!(remote.status(&good)? == 200, "the good key went with its server");
    Ok(())
}
