//! Bundles that are fetched: the newest good one decides in every worker, whatever the server does.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::example::Example;
use palisade_tests::gateway::{DECISION_ID, Options};
use palisade_tests::http1::Connection;
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::key::Algorithm;
use palisade_tests::process::free_address;
use palisade_tests::token::{Token, now};
use palisade_tests::wait;
use serde_json::json;

use crate::field::{Field, TARGET};
use crate::fixture::{assert_allowed, assert_denied, good_token, read};

const DAY: i64 = 24 * 60 * 60;
/// Two polls, and what a loaded machine's clocks and ticks differ.
const CONVERGENCE: Duration = Duration::from_millis(2 * 1000 + 2000);

#[test]
fn a_server_that_is_down_at_the_start_and_later() -> Result<()> {
    let address = free_address()?;
    let field = Field::start(address, 2)?;
    let gateway = &field.gateway;
    let request = read("down").bearer(&good_token(gateway)?);
    assert_denied(gateway, &request, 503, "bundle.missing")?;
    field.await_event("feed.status")?;
    ensure!(gateway.envoy.log()?.contains("bundle not fetched: feed.status: status 503"), "no line in the log");
    assert_denied(gateway, &request, 503, "bundle.missing")?;

    let server = KeyServer::start_at(address, field.document(1)?)?;
    field.await_version(1)?;
    ensure!(server.asked().iter().all(|asked| asked.start == format!("GET {TARGET} HTTP/1.1")));
    ensure!(server.asked().iter().all(|asked| asked.host.as_deref() == Some("bundles.internal")));

    server.answer(Answer::Close);
    field.await_event("feed.status")?;
    for _ in 0..20 {
        ensure!(field.decides()? == Some(1), "the last good bundle does not decide");
    }
    wait::until("the statistics to say so", || Ok((field.stat("failing")? == 1).then_some(())))?;
    server.answer(field.document(2)?);
    field.await_version(2)?;
    wait::until("the statistics to say so", || {
        Ok((field.stat("version")? == 2 && field.stat("failing")? == 0).then_some(()))
    })
}

#[test]
fn whatever_the_server_answers_the_last_good_bundle_decides() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start(server.address(), 1)?;
    server.answer(field.document(2)?);
    field.await_version(2)?;
    let (old, next) = (field.bundle(1)?, field.bundle(3)?);
    let workshop = &field.gateway.workshop;
    workshop.signing_key("stranger")?;
    let recipe = Recipe { name: "strange", version: 4, signer: "stranger", ..Recipe::GOOD };
    let strange = fs::read(workshop.bundle(recipe)?)?;
    let recipe = Recipe { name: "expired", version: 4, created: Some(now() - 31 * DAY), ..Recipe::GOOD };
    let expired = fs::read(workshop.bundle(recipe)?)?;
    let recipe = Recipe { name: "future", version: 4, created: Some(now() + 3600), ..Recipe::GOOD };
    let future = fs::read(workshop.bundle(recipe)?)?;
    // Built again a second later or earlier, it is another bundle of the same version.
    let recipe = Recipe { name: "twin", version: 2, created: Some(now() - DAY), ..Recipe::GOOD };
    let twin = fs::read(workshop.bundle(recipe)?)?;
    let mut flipped = next.clone();
    *flipped.last_mut().context("an empty bundle")? ^= 1;
    let huge = [next.as_slice(), &vec![0; 33 * 1024 * 1024]].concat();
    let raw = |head: &str, body: &[u8]| {
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
        Answer::Raw([head.as_bytes(), body].concat())
    };
    let elsewhere = format!("302 Found\r\nlocation: http://{}/evil", server.address());
    let half = next.get(..next.len() / 2).context("a short bundle")?;
    let cut_off = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", next.len());
    for (what, answer, result) in [
        ("a redirect", raw(&elsewhere, &next), "feed.status"),
        ("another status", raw("203 Non-Authoritative Information", &next), "feed.status"),
        ("a part", raw("206 Partial Content", &next), "feed.status"),
        ("an error", raw("500 Internal Server Error", &next), "feed.status"),
        ("a page", raw("200 OK\r\ncontent-type: text/html; charset=utf-8", &next), "feed.content_type"),
        ("nothing", raw("200 OK", b""), "bundle.layout"),
        ("garbage", raw("200 OK", &[0xa5; 4096]), "bundle.magic"),
        ("half of it", raw("200 OK", half), "bundle.layout"),
        ("more than it", raw("200 OK", &[next.as_slice(), b"x"].concat()), "bundle.layout"),
        ("a flipped bit", raw("200 OK", &flipped), "bundle.signature"),
        ("a stranger's", raw("200 OK", &strange), "bundle.threshold"),
        ("an expired one", raw("200 OK", &expired), "bundle.expired"),
        ("one from the future", raw("200 OK", &future), "bundle.not_yet_valid"),
        ("an older one", raw("200 OK", &old), "bundle.rollback"),
        ("another one of the same version", raw("200 OK", &twin), "bundle.equivocation"),
        // Envoy itself keeps no more than 32 MiB of a response, and then there is none.
        ("far too much", raw("200 OK", &huge), "feed.no_response"),
        ("half of it, and then nothing", Answer::Cut([cut_off.as_bytes(), half].concat()), "feed.no_response"),
        ("another protocol", Answer::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), "feed.status"),
    ] {
        let before = field.events(result)?;
        server.answer(answer);
        wait::until(&format!("`{result}` for {what}"), || Ok((field.events(result)? > before).then_some(())))?;
        ensure!(field.decides()? == Some(2), "after {what}");
        wait::until("the statistics to say so", || Ok((field.stat("failing")? == 1).then_some(())))?;
    }
    ensure!(field.gateway.envoy.log()?.contains("[critical]"), "nobody is told of two bundles of one version");
    server.answer(field.document(3)?);
    field.await_version(3)
}

#[test]
fn a_bundle_by_fewer_keys_than_the_threshold() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start_with(server.address(), Options::default(), |workshop| {
        workshop.signing_key("second")?;
        Ok(["--trust", &workshop.public_key("second"), "--threshold", "2"].map(str::to_owned).to_vec())
    })?;
    let workshop = &field.gateway.workshop;
    let path = workshop.bundle(Recipe { name: "both", version: 5, ..Recipe::GOOD })?;
    let by_one = fs::read(&path)?;
    server.answer(Answer::Document(by_one));
    field.await_event("bundle.threshold")?;
    ensure!(field.decides()?.is_none(), "one key was enough");
    workshop.sign(&path, "second")?;
    server.answer(Answer::Document(fs::read(&path)?));
    field.await_version(5)
}

#[test]
fn a_server_that_is_slow_is_given_up_and_asked_again() -> Result<()> {
    let server = KeyServer::start(Answer::Stall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx".to_vec()))?;
    let field = Field::start(server.address(), 1)?;
    field.await_event("feed.no_response")?;
    ensure!(field.decides()?.is_none());
    server.answer(field.document(1)?);
    field.await_version(1)?;
    // Whoever waits keeps nobody from deciding.
    server.answer(Answer::Stall(Vec::new()));
    let asked = server.asked().len();
    wait::until("the next request", || Ok((server.asked().len() > asked).then_some(())))?;
    for _ in 0..20 {
        ensure!(field.decides()? == Some(1));
    }
    Ok(())
}

#[test]
fn all_workers_are_one_client_and_converge_within_two_polls() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start(server.address(), 3)?;
    server.answer(field.document(1)?);
    field.await_version(1)?;
    let begin = server.asked().len();
    let mut longest = Duration::ZERO;
    for version in 2..6 {
        let document = field.document(version)?;
        let start = Instant::now();
        server.answer(document);
        // Each new connection goes to the worker with the fewest; the statistics are summed up over all of them and the main thread.
        let before = field.events("swapped")?;
        wait::until("every worker to swap", || Ok((field.events("swapped")? >= before + 4).then_some(())))?;
        longest = longest.max(start.elapsed());
        field.await_version(version)?;
    }
    ensure!(longest < CONVERGENCE, "the slowest swap took {longest:?}");
    let asked = server.asked().split_off(begin);
    ensure!(asked.iter().all(|asked| asked.tag.is_some()), "somebody asked for what it has");
    for pair in asked.windows(2) {
        let interval = pair[1].at - pair[0].at;
        ensure!(interval > Duration::from_millis(300), "asked again after {interval:?}");
    }
    Ok(())
}

#[test]
fn bundles_change_while_requests_flow() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start(server.address(), 2)?;
    server.answer(field.document(1)?);
    field.await_version(1)?;
    let done = AtomicBool::new(false);
    let field = &field;
    thread::scope(|scope| {
        let flow = scope.spawn(|| -> Result<u32> {
            let mut sent = 0;
            while !done.load(Ordering::Relaxed) || sent == 0 {
                let answer = field.ask()?;
                ensure!(answer.status == 200, "a good request was refused in a swap: {answer:?}");
                sent += 1;
            }
            Ok(sent)
        });
        let swap = || -> Result<()> {
            for version in 2..6 {
                server.answer(field.document(version)?);
                field.await_version(version)?;
                server.answer(Answer::Close);
            }
            Ok(())
        };
        let swapped = swap();
        done.store(true, Ordering::Relaxed);
        let sent = flow.join().map_err(|_| anyhow::anyhow!("the flow of requests panicked"))??;
        swapped?;
        ensure!(sent > 100, "only {sent} requests flowed");
        Ok(())
    })
}

#[test]
fn a_request_whose_body_is_awaited_finishes_on_the_bundle_that_it_began_with() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let options = Options { example: Example::Mcp, ..Options::default() };
    let field = Field::start_with(server.address(), options, |_| Ok(Vec::new()))?;
    server.answer(field.document(1)?);
    let body = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"read_file","arguments":{"path":"/work/a"}}}"#;
    let token = Token::coder().claim("teams", json!(["engineering"])).sign(field.gateway.key(Algorithm::Es256)?);
    let head = format!(
        "POST /files/mcp?field HTTP/1.1\r\nhost: tools.internal\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let whole = |version: u64| {
        wait::until("a bundle that decides", || {
            let mut connection = Connection::open(field.gateway.envoy.address())?;
            connection.write([head.as_str(), body].concat().as_bytes())?;
            let record = field.gateway.access_line(&connection.read()?)?.record.context("no record")?;
            Ok((record["bundle"]["version"] == version).then_some(()))
        })
    };
    whole(1)?;
    let mut connection = Connection::open(field.gateway.envoy.address())?;
    connection.write(head.as_bytes())?;
    connection.write(&body.as_bytes()[..10])?;
    // The request has begun when Envoy counts it.
    field.gateway.envoy.await_stat("http.gateway.downstream_rq_active", 1)?;
    server.answer(field.document(2)?);
    whole(2)?;
    connection.write(&body.as_bytes()[10..])?;
    let record = field.gateway.access_line(&connection.read()?)?.record.context("no record")?;
    ensure!(record["bundle"]["version"] == 1 && record["effect"] == "allow", "another bundle decided: {record}");
    Ok(())
}

#[test]
fn a_worker_that_crashes_comes_back_with_the_newest_bundle() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start_trapped(server.address())?;
    for version in 1..3 {
        server.answer(field.document(version)?);
        field.await_version(version)?;
    }
    // Nobody there to ask: what it comes back with is what the workers share.
    server.answer(Answer::Close);
    for crash in 1..4 {
        field.crash()?;
        wait::until("the worker to come back", || {
            let answer = field.ask()?;
            if answer.status == 503 && answer.header(DECISION_ID).is_none() {
                // Envoy's own, while there is no VM.
                return Ok(None);
            }
            let record = field.gateway.access_line(&answer)?.record.context("no record")?;
            ensure!(record["bundle"]["version"] == 2, "after a crash: {record}");
            Ok(Some(()))
        })?;
        ensure!(field.gateway.envoy.stat("wasm.palisade.vm_reload_success")? >= crash, "it never crashed");
        for _ in 0..5 {
            ensure!(field.decides()? == Some(2), "after a crash");
        }
    }
    // It takes its turn again, be it that the crash took the one who was asking.
    server.answer(field.document(3)?);
    field.await_version(3)
}

#[test]
fn a_changed_configuration_begins_with_what_is_there() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start(server.address(), 2)?;
    server.answer(field.document(3)?);
    field.await_version(3)?;
    server.answer(Answer::Close);
    let changed = field.gateway.filter.clone().with_field("token_cache", json!({"max_entries": 16}))?;
    let done = AtomicBool::new(false);
    let field = &field;
    thread::scope(|scope| {
        let flow = scope.spawn(|| -> Result<()> {
            while !done.load(Ordering::Relaxed) {
                ensure!(field.decides()? == Some(3), "another bundle decides");
            }
            Ok(())
        });
        let replaced = field.gateway.replace_filter(&changed);
        let loaded = wait::until("requests after the change", || field.decides().map(Some));
        done.store(true, Ordering::Relaxed);
        flow.join().map_err(|_| anyhow::anyhow!("the flow of requests panicked"))??;
        ensure!(replaced?, "the change was refused");
        ensure!(loaded? == Some(3));
        Ok::<_, anyhow::Error>(())
    })?;
    // What is older than the floor of the new configuration does not decide, wherever it comes from.
    let raised = field.gateway.filter.clone().with_field("min_version", json!(4))?;
    ensure!(field.gateway.replace_filter(&raised)?);
    wait::until("the floor to count", || Ok(field.decides()?.is_none().then_some(())))?;
    server.answer(field.document(4)?);
    field.await_version(4)
}

#[test]
fn the_bundle_of_the_configuration_is_the_one_to_begin_with() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let field = Field::start_with(server.address(), Options::default(), |workshop| {
        let first = workshop.bundle(Recipe { name: "first", version: 5, ..Recipe::GOOD })?;
        Ok(vec![first.display().to_string()])
    })?;
    let request = read("first").bearer(&good_token(&field.gateway)?);
    assert_allowed(&field.gateway, &request)?;
    ensure!(field.decides()? == Some(5));
    server.answer(field.document(4)?);
    field.await_event("bundle.version")?;
    ensure!(field.decides()? == Some(5), "an older one than the configured one decides");
    server.answer(field.document(6)?);
    field.await_version(6)
}
