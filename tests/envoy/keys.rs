//! Keys that are fetched from the issuer: they rotate under load, and no answer of its server breaks anything.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::key::TokenKey;
use palisade_tests::process::free_address;
use palisade_tests::token::Token;
use palisade_tests::{tools, wait};
use serde_json::{Value, json};

use crate::fixture::{assert_denied, home, read};
use crate::remote::{CLUSTER, QUICK, REFRESHES, Remote, document, project};

/// How soon after a fetch the next one may come at [`QUICK`]: three quarters, less what a loaded machine's clocks differ.
const QUICK_INTERVAL: Duration = Duration::from_millis(700);

#[test]
fn keys_rotate_while_requests_flow() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 2, QUICK)?;
    let (stable, stable_jwk) = remote.key("stable")?;
    let (stranger, _) = remote.key("stranger")?;
    // Of the same name as a published key, and another key.
    let (mut impostor, _) = remote.key("impostor")?;
    "stable".clone_into(&mut impostor.kid);
    server.answer(document(&[&stable_jwk]));
    remote.await_everywhere(&stable, 200)?;

    let done = AtomicBool::new(false);
    let remote = &remote;
    thread::scope(|scope| {
        let flow = scope.spawn(|| -> Result<u32> {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) || rounds == 0 {
                ensure!(remote.status(&stable)? == 200, "a key that was there all along was refused");
                ensure!(remote.status(&stranger)? == 401, "a key that was never there was accepted");
                ensure!(remote.status(&impostor)? == 401, "a wrong key was accepted");
                rounds += 1;
            }
            Ok(rounds)
        });
        let rotated = rotate(remote, &server, &stable_jwk);
        done.store(true, Ordering::Relaxed);
        let rounds = flow.join().map_err(|_| anyhow::anyhow!("the flow of requests panicked"))??;
        rotated?;
        ensure!(rounds > 20, "only {rounds} rounds of requests flowed");
        Ok(())
    })
}

fn rotate(remote: &Remote, server: &KeyServer, stable: &Value) -> Result<()> {
    let mut removed: Vec<TokenKey> = Vec::new();
    for generation in 0..3 {
        let (key, jwk) = remote.key(&format!("generation-{generation}"))?;
        ensure!(remote.status(&key)? == 401, "a key was accepted before it was published");
        server.answer(document(&[stable, &jwk]));
        remote.await_everywhere(&key, 200)?;
        // The very token is cached, too: what is removed must not live on in there.
        let token = Token::coder().sign(&key);
        let request = read("cached").bearer(&token);
        ensure!(remote.gateway.send(&request)?.status == 200, "a published key was refused");
        server.answer(document(&[stable]));
        remote.await_everywhere(&key, 401)?;
        for _ in 0..20 {
            ensure!(remote.gateway.send(&request)?.status == 401, "a cached token outlived its key");
        }
        removed.push(key);
        for key in &removed {
            ensure!(remote.status(key)? == 401, "a removed key came back");
        }
    }
    Ok(())
}

#[test]
fn the_request_for_keys_is_as_configured() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 1, QUICK)?;
    let (key, jwk) = remote.key("key")?;
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&key, 200)?;
    for asked in server.asked() {
        assert_eq!(asked.start, "GET /jwks?v=1 HTTP/1.1");
        assert_eq!(asked.host.as_deref(), Some("issuer.quickstart.example"));
    }
    let age = remote.gateway.envoy.stats()?;
    ensure!(age.contains("wasmcustom.palisade_jwks_age_seconds.issuer.dev: "), "no age in the statistics");
    Ok(())
}

#[test]
fn a_server_that_is_down_at_the_start_is_found_when_it_comes_up() -> Result<()> {
    let address = free_address()?;
    let remote = Remote::start(address, 1, QUICK)?;
    let (key, jwk) = remote.key("late")?;
    let request = read("unavailable").bearer(&Token::coder().sign(&key));
    assert_denied(&remote.gateway, &request, 503, "token.keys_unavailable")?;
    remote.await_refresh("status")?;
    ensure!(
        remote.gateway.envoy.log()?.contains("keys of issuer `dev`: jwks.status: status 503"),
        "no line in the log"
    );
    let server = KeyServer::start_at(address, document(&[&jwk]))?;
    remote.await_everywhere(&key, 200)?;
    ensure!(!server.asked().is_empty());
    Ok(())
}

#[test]
fn whatever_the_server_answers_good_keys_stay_and_no_other_come() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 1, QUICK)?;
    let (good, good_jwk) = remote.key("good")?;
    let (evil, evil_jwk) = remote.key("evil")?;
    server.answer(document(&[&good_jwk]));
    remote.await_everywhere(&good, 200)?;

    let evil_set = json!({ "keys": [evil_jwk] }).to_string();
    let many = json!({ "keys": vec![json!({}); 101] }).to_string();
    let twice = format!(r#"{{"keys":[],{}"#, &evil_set[1..]);
    let large = format!("{evil_set}{}", " ".repeat(512 * 1024));
    let huge = format!("{evil_set}{}", " ".repeat(20 * 1024 * 1024));
    let raw = |status: &str, body: &str| {
        Answer::Raw(format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes())
    };
    let elsewhere = format!("302 Found\r\nlocation: http://{}/evil", server.address());
    let text = |text: &str| Answer::Document(text.as_bytes().to_vec());
    for (answer, result) in [
        (raw(&elsewhere, &evil_set), "status"),
        (raw("301 Moved Permanently\r\nlocation: /evil", &evil_set), "status"),
        (raw("404 Not Found", &evil_set), "status"),
        (raw("203 Non-Authoritative Information", &evil_set), "status"),
        (raw("206 Partial Content", &evil_set), "status"),
        (text("<html>maintenance</html>"), "malformed"),
        (text(""), "malformed"),
        (text(&evil_set[..evil_set.len() - 1]), "malformed"),
        (text(&twice), "malformed"),
        (text("\u{feff}{}"), "malformed"),
        (Answer::Document(vec![0xff; 1000]), "malformed"),
        (text(&many), "too_many_keys"),
        (text(&large), "too_large"),
        (text(&huge), "too_large"),
        (text(r#"{"keys":[]}"#), "no_usable_key"),
        (Answer::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), "status"),
        (Answer::Close, "status"),
    ] {
        let before = remote.refreshes(result)?;
        server.answer(answer);
        // There is one fetch at a time: when it asks for the second time, it has taken this answer once.
        let asked = server.asked().len();
        wait::until("the answer to be taken", || Ok((server.asked().len() >= asked + 2).then_some(())))?;
        ensure!(remote.refreshes(result)? > before, "the answer is not counted as `{result}`");
        ensure!(remote.status(&good)? == 200, "the good key was refused after `{result}`");
        ensure!(remote.status(&evil)? == 401, "a key of a refused answer was accepted after `{result}`");
    }
    ensure!(server.asked().iter().all(|asked| asked.start == "GET /jwks?v=1 HTTP/1.1"), "a redirect was followed");
    server.answer(document(&[&evil_jwk]));
    remote.await_everywhere(&evil, 200)?;
    remote.await_everywhere(&good, 401)
}

#[test]
fn keys_that_are_too_stale_verify_nothing_not_even_what_is_cached() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 1, "jwks_fresh_for = \"1s\"\njwks_max_stale = \"3s\"")?;
    let (key, jwk) = remote.key("stale")?;
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&key, 200)?;
    let request = read("stale").bearer(&Token::coder().sign(&key));
    ensure!(remote.gateway.send(&request)?.status == 200);
    server.answer(Answer::Close);
    let last = wait::until("the keys to be too stale", || {
        let answer = remote.gateway.send(&request)?;
        Ok((answer.status != 200).then_some(answer))
    })?;
    let line = remote.gateway.access_line(&last)?;
    assert_eq!((last.status, line.text("reason")), (503, Some("token.keys_unavailable")));
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&key, 200)
}

#[test]
fn all_workers_of_a_proxy_are_one_client_of_the_issuer() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 2, QUICK)?;
    let (key, jwk) = remote.key("shared")?;
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&key, 200)?;
    let begin = server.asked().len();
    wait::until("a few refreshes", || Ok((server.asked().len() >= begin + 6).then_some(())))?;
    remote.await_everywhere(&key, 200)?;
    // Before, failures made it ask again sooner.
    let asked = server.asked().split_off(begin);
    for pair in asked.windows(2) {
        let interval = pair[1].at - pair[0].at;
        ensure!(interval >= QUICK_INTERVAL, "asked again after {interval:?}");
    }
    Ok(())
}

#[test]
fn a_storm_of_unknown_keys_is_no_storm_at_the_issuer() -> Result<()> {
    const COOLDOWN: u32 = 2;
    let server = KeyServer::start(Answer::Close)?;
    let settings = format!("jwks_fresh_for = \"10m\"\njwks_cooldown = \"{COOLDOWN}s\"");
    let remote = Remote::start(server.address(), 2, &settings)?;
    let (good, good_jwk) = remote.key("good")?;
    let (next, next_jwk) = remote.key("next")?;
    server.answer(document(&[&good_jwk]));
    remote.await_everywhere(&good, 200)?;

    let (before, begin) = (server.asked().len(), Instant::now());
    let mut sent = 0;
    wait::until("two refreshes in the storm", || {
        for _ in 0..50 {
            let token = Token::coder().header("kid", format!("made-up-{sent}")).sign(&next);
            let answer = remote.gateway.send(&read("storm").bearer(&token))?;
            ensure!(answer.status == 401, "{answer:?}");
            sent += 1;
        }
        ensure!(remote.status(&good)? == 200, "a good token was refused in the storm");
        Ok((server.asked().len() >= before + 2).then_some(()))
    })?;
    let fetches = u32::try_from(server.asked().len() - before)?;
    let most = u32::try_from(begin.elapsed().as_secs())? / COOLDOWN + 1;
    ensure!(fetches <= most, "{fetches} fetches for {sent} tokens");
    ensure!(sent > 10 * fetches, "{fetches} fetches for {sent} tokens are no storm");

    // A token whose key is really new is the way in which keys come before they are due.
    server.answer(document(&[&good_jwk, &next_jwk]));
    remote.await_everywhere(&next, 200)
}

#[test]
fn a_new_bundle_begins_with_the_keys_of_the_old_one() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 2, QUICK)?;
    let (key, jwk) = remote.key("kept")?;
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&key, 200)?;
    server.answer(Answer::Close);
    let workshop = &remote.gateway.workshop;
    let bundle = workshop.remote_bundle("second", 2, &project(QUICK))?;
    let filter = workshop.filter_with(&bundle, &tools::Tools::from_env()?.wasm, &CLUSTER)?;
    ensure!(remote.gateway.replace_filter(&filter)?, "the second bundle was refused");
    for _ in 0..20 {
        let answer = remote.gateway.send(&read("second").bearer(&Token::coder().sign(&key)))?;
        ensure!(answer.status == 200, "{answer:?}");
    }
    wait::until("the second bundle to decide", || {
        let answer = remote.gateway.send(&read("second").bearer(&Token::coder().sign(&key)))?;
        ensure!(answer.status == 200, "{answer:?}");
        let record = remote.gateway.access_line(&answer)?.record.context("no record")?;
        Ok((record["bundle"]["version"] == 2).then_some(()))
    })
}

#[test]
fn an_issuer_without_a_cluster_is_refused_and_one_with_a_wrong_one_denied() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let remote = Remote::start(server.address(), 1, QUICK)?;
    let (key, jwk) = remote.key("here")?;
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&key, 200)?;
    let without = remote.gateway.filter.clone().with_field("jwks_clusters", json!({"elsewhere.example": "issuer"}))?;
    ensure!(!remote.gateway.replace_filter(&without)?, "a configuration without a cluster was taken");
    ensure!(remote.gateway.envoy.log()?.contains("config.jwks_cluster"), "no reason in the log");
    ensure!(remote.status(&key)? == 200);

    // Envoy knows its clusters only at run time.
    let home = home()?;
    let options = Options { keys: Some(server.address()), ..Options::default() };
    let other = Gateway::start_with(home.path(), options, |workshop, wasm| {
        let bundle = workshop.remote_bundle("remote", 1, &project(QUICK))?;
        Ok((workshop.filter_with(&bundle, wasm, &["--jwks-cluster", "dev=nowhere"])?, bundle))
    })?;
    other.envoy.await_stat(&format!("{REFRESHES}not_sent"), 1)?;
    let request = read("nowhere").bearer(&Token::coder().sign(&key));
    assert_denied(&other, &request, 503, "token.keys_unavailable").map(drop)
}
