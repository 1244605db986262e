//! Status lists that an issuer built on other people's libraries keeps: what they say counts for known tokens and for streams under
//! way, what is no list changes nothing, and without a list nobody passes who is in one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::issuers::{Foreign, ForeignToken, Minted};
use palisade_tests::quickstart;
use palisade_tests::token::Token;
use palisade_tests::wait;
use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{assert_allowed, assert_denied, home, read};
use crate::foreign::SOME;
use crate::revocation::{Events, Stream};
use crate::workers::await_everywhere;

const URI: &str = "https://issuer.quickstart.example/lists/1";
const REFRESHES: &str = "wasmcustom.palisade_status_list_refresh_total.issuer.dev.result.";
/// Requests on connections of their own, of which each of two workers gets some: all but once in a million times.
const MANY: usize = 20;

/// A gateway whose issuer keeps a status list.
struct World {
    gateway: Gateway,
    server: KeyServer,
    minted: Minted,
    _home: TempDir,
}

impl World {
    /// `settings` are further members of `status_lists`.
    fn start(options: Options<'_>, settings: &str) -> Result<Self> {
        let server = KeyServer::start(Answer::Close)?;
        let minted = Foreign::StatusLists.mint(&json!({"claims": Token::coder().claims(), "uri": URI}))?;
        let home = home()?;
        let options = Options { keys: Some(server.address()), ..options };
        let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
            let project = home.path().join("project");
            let place = "https://issuer.quickstart.example/lists/";
            let lists = format!("status_lists = {{ uris = [\"{place}\"], fresh_for = \"1s\"{settings} }}");
            quickstart::changed(&project, |text| text.replace(SOME, &format!("{SOME}\n{lists}")))?;
            let jwks = home.path().join("foreign.jwks.json");
            std::fs::write(&jwks, minted.jwks.to_string())?;
            let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
            let cluster = ["--status-list-cluster", "issuer.quickstart.example=issuer"];
            Ok((workshop.filter_with(&bundle, wasm, &cluster)?, bundle))
        })?;
        Ok(Self { gateway, server, minted, _home: home })
    }

    fn token(&self, name: &str) -> Result<&str> {
        let token = self.minted.tokens.iter().find(|token| token.name == name);
        token.map(|token| token.token.as_str()).with_context(|| format!("no token `{name}`"))
    }

    /// Has the server give out a list from now on.
    fn publish(&self, name: &str) -> Result<()> {
        let list = self.minted.lists.get(name).with_context(|| format!("no list `{name}`"))?;
        self.server.answer(served(list));
        Ok(())
    }

    /// The status of an answer; 0 for none, as when a request is under way when the list comes that revokes its token.
    fn status(&self, name: &str) -> Result<u16> {
        Ok(self.gateway.send(&self.ask(name)?).map_or(0, |answer| answer.status))
    }

    fn ask(&self, name: &str) -> Result<Request> {
        let request = Request::new("GET", quickstart::REPOS, "/repos/handbook/files/asked?plain");
        Ok(request.bearer(self.token(name)?))
    }

    /// Waits until no worker can still be of another mind about a token.
    fn await_everywhere(&self, name: &str, status: u16) -> Result<()> {
        await_everywhere(&self.gateway, &self.ask(name)?, status).with_context(|| format!("with the token `{name}`"))
    }

    fn refreshes(&self, result: &str) -> Result<u64> {
        self.gateway.envoy.stat(&format!("{REFRESHES}{result}"))
    }

    /// The token is refused with this status, for this reason.
    fn refuses(&self, path: &str, name: &str, status: u16, reason: &str) -> Result<serde_json::Value> {
        let line = assert_denied(&self.gateway, &read(path).bearer(self.token(name)?), status, reason)?;
        Ok(line.record.unwrap_or_default())
    }
}

/// An answer as servers of lists give it.
fn served(list: &str) -> Answer {
    let head = format!("content-type: application/statuslist+jwt\r\ncontent-length: {}", list.len());
    Answer::Raw(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{list}").into_bytes())
}

#[test]
fn every_token_is_what_its_place_in_the_list_says() -> Result<()> {
    let world = World::start(Options::default(), ", mode = \"required\"")?;
    let ForeignToken { token, .. } = &world.minted.tokens[0];
    let request = read("first").bearer(token);
    assert_denied(&world.gateway, &request, 503, "token.status_unavailable")?;
    world.publish("good")?;
    world.await_everywhere("listed", 200)?;
    let mut allowed = 0;
    for (number, ForeignToken { name, token, reason, .. }) in world.minted.tokens.iter().enumerate() {
        let request = read(&format!("token-{number}")).bearer(token);
        // The second time from the cache, if it is there.
        for _ in 0..2 {
            let asked = if reason == "policy.allow" {
                allowed += 1;
                assert_allowed(&world.gateway, &request)
            } else {
                assert_denied(&world.gateway, &request, 401, reason)
            };
            asked.with_context(|| name.clone())?;
        }
    }
    ensure!(allowed == 6 && world.minted.tokens.len() > 12, "{allowed} were allowed");
    let record = world.refuses("record", "revoked", 401, "token.status_invalid")?;
    ensure!(record["status_list"] == json!({"uri": URI, "idx": 7, "value": 1}), "{record}");
    let record = world.refuses("beyond", "beyond the end", 401, "token.status_out_of_range")?;
    ensure!(record["status_list"] == json!({"uri": URI, "idx": 4096, "value": null}), "{record}");
    for asked in world.server.asked() {
        ensure!(asked.start == "GET /lists/1 HTTP/1.1", "{asked:?}");
        ensure!(asked.host.as_deref() == Some("issuer.quickstart.example"), "{asked:?}");
    }
    Ok(())
}

#[test]
fn a_new_list_counts_for_known_tokens_and_streams_under_way() -> Result<()> {
    let events = Events::start()?;
    let options = Options { workers: 2, files: Some(events.server.address()), ..Options::default() };
    let world = World::start(options, "")?;
    world.publish("good")?;
    world.await_everywhere("listed", 200)?;
    world.await_everywhere("neighbour", 200)?;
    let mut ends = Stream::open(&world.gateway, "a", world.token("listed")?)?;
    let mut lasts = Stream::open(&world.gateway, "b", world.token("neighbour")?)?;
    // Another list that says the same of everybody.
    world.publish("again")?;
    let before = world.refreshes("ok")?;
    wait::until("the list to be fetched", || Ok((world.refreshes("ok")? > before + 1).then_some(())))?;

    world.publish("revoked")?;
    ends.cut()?;
    world.await_everywhere("listed", 401)?;
    ensure!(world.gateway.envoy.log()?.contains("is ended: token.status_invalid"), "nothing in the log");
    let [_, more] = &events.more;
    more.send(())?;
    lasts.event().context("the stream of the other agent")?;
    for (list, status, reason) in [
        ("suspended", 401, "token.status_suspended"),
        ("application", 401, "token.status_application"),
        ("restored", 200, "policy.allow"),
        ("newest", 401, "token.status_invalid"),
    ] {
        world.publish(list)?;
        let request = read("asked?plain").bearer(world.token("listed")?);
        for _ in 0..MANY {
            wait::until(&format!("every worker to have the list `{list}`"), || {
                // None, when it is under way when the list comes.
                let Ok(answer) = world.gateway.send(&request) else { return Ok(None) };
                // What the server of events answers names no decision.
                let is_it = answer.status == status
                    && (status == 200 || world.gateway.access_line(&answer)?.text("reason") == Some(reason));
                Ok(is_it.then_some(()))
            })?;
        }
        ensure!(world.status("neighbour")? == 200, "`{list}` says nothing of others");
    }
    Ok(())
}

#[test]
fn whatever_the_server_answers_the_last_good_list_stays() -> Result<()> {
    let world = World::start(Options::default(), "")?;
    world.publish("newest")?;
    world.await_everywhere("neighbour", 200)?;
    world.refuses("newest", "listed", 401, "token.status_invalid")?;
    let lists = &world.minted.lists;
    let listed = |name: &str| -> Result<Answer> { Ok(served(lists.get(name).with_context(|| name.to_owned())?)) };
    let good = lists.get("restored").context("no list")?;
    let text = |text: &str| Answer::Document(text.as_bytes().to_vec());
    let page = format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{good}", good.len());
    let moved = format!("HTTP/1.1 302 Found\r\nlocation: /good\r\ncontent-length: {}\r\n\r\n{good}", good.len());
    for (answer, result) in [
        (listed("older")?, "rollback"),
        (listed("of another issuer")?, "iss"),
        (listed("of another list")?, "sub"),
        (listed("of nothing")?, "sub"),
        (listed("of no time")?, "times"),
        (listed("of tomorrow")?, "times"),
        (listed("expired")?, "expired"),
        (listed("by another key")?, "signature"),
        (listed("by an unknown key")?, "kid_unknown"),
        (listed("an access token")?, "typ"),
        (listed("of no type")?, "typ"),
        (listed("three bits")?, "bits"),
        (listed("not compressed")?, "compression"),
        (text(""), "malformed"),
        (text("{\"status_list\":{\"bits\":1,\"lst\":\"eNoDAAAAAAE\"}}"), "malformed"),
        (text(&format!("{good}\n")), "malformed"),
        (text(&"a".repeat(1024 * 1024 + 1)), "too_large"),
        (Answer::Raw(page.into_bytes()), "content_type"),
        (Answer::Raw(moved.into_bytes()), "status"),
        (Answer::Close, "status"),
    ] {
        let before = world.refreshes(result)?;
        world.server.answer(answer);
        wait::until(
            &format!("an answer that is `{result}`"),
            || Ok((world.refreshes(result)? > before).then_some(())),
        )?;
        world.refuses("still", "listed", 401, "token.status_invalid").context(result)?;
        ensure!(world.status("neighbour")? == 200, "the good list is gone after `{result}`");
    }
    ensure!(world.server.asked().iter().all(|asked| asked.start == "GET /lists/1 HTTP/1.1"), "a redirect was followed");
    ensure!(
        world.gateway.envoy.log()?.contains(&format!("status list `{URI}` of issuer `dev`: status_list.signature"))
    );
    let stats = world.gateway.envoy.stats()?;
    for gauge in ["palisade_status_lists.issuer.dev: 1", "palisade_status_lists_missing.issuer.dev: 0"] {
        ensure!(stats.contains(gauge), "no {gauge} in the statistics");
    }
    Ok(())
}

#[test]
fn a_list_that_is_not_to_be_had_denies_in_the_end() -> Result<()> {
    let world = World::start(Options { workers: 2, ..Options::default() }, ", max_stale = \"3s\"")?;
    world.publish("good")?;
    world.await_everywhere("listed", 200)?;
    world.server.answer(Answer::Close);
    world.await_everywhere("listed", 503)?;
    world.refuses("unavailable", "listed", 503, "token.status_unavailable")?;
    ensure!(world.status("no status")? == 200, "a token that is in no list needs none");
    world.publish("good")?;
    world.await_everywhere("listed", 200)
}

#[test]
fn who_would_rather_let_by_says_so_and_a_no_still_counts() -> Result<()> {
    let settings = ", max_stale = \"1h\", on_unavailable = \"allow\"";
    let world = World::start(Options::default(), settings)?;
    ensure!(world.status("listed")? == 200, "nobody knows anything of it");
    let failed = ["status", "no_response"];
    let failures = || -> Result<u64> { failed.iter().map(|result| world.refreshes(result)).sum() };
    wait::until("a fetch that fails", || Ok((failures()? > 0).then_some(())))?;
    world.publish("newest")?;
    world.await_everywhere("listed", 401)?;
    world.server.answer(Answer::Close);
    let before = failures()?;
    wait::until("another fetch that fails", || Ok((failures()? > before).then_some(())))?;
    world.refuses("revoked", "listed", 401, "token.status_invalid").map(drop)
}

#[test]
fn all_workers_of_a_proxy_are_one_client_of_the_list() -> Result<()> {
    let world = World::start(Options { workers: 2, ..Options::default() }, "")?;
    world.publish("good")?;
    world.await_everywhere("listed", 200)?;
    let begin = world.server.asked().len();
    wait::until("a few fetches", || Ok((world.server.asked().len() >= begin + 5).then_some(())))?;
    let asked = world.server.asked().split_off(begin);
    for pair in asked.windows(2) {
        let interval = pair[1].at - pair[0].at;
        // Three quarters of a second at the earliest, less what a loaded machine's clocks differ.
        ensure!(interval > Duration::from_millis(700), "asked again after {interval:?}");
    }
    Ok(())
}

#[test]
fn without_a_word_of_lists_a_token_that_names_one_is_refused() -> Result<()> {
    let minted = Foreign::StatusLists.mint(&json!({"claims": Token::coder().claims(), "uri": URI}))?;
    let home = home()?;
    let start = |lists: &'static str| {
        let folder = home.path().join(if lists.is_empty() { "refuse" } else { "ignore" });
        std::fs::create_dir(&folder)?;
        Gateway::start_with(&folder.clone(), Options::default(), |workshop, wasm| {
            let project = folder.join("project");
            quickstart::changed(&project, |text| text.replace(SOME, &format!("{SOME} # as ever\n{lists}")))?;
            let jwks = folder.join("foreign.jwks.json");
            std::fs::write(&jwks, minted.jwks.to_string())?;
            let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
            Ok((workshop.filter(&bundle, wasm)?, bundle))
        })
    };
    let refusing = start("")?;
    let ignoring = start("status_lists = { mode = \"ignore\" }\n")?;
    for (number, ForeignToken { name, token, reason, .. }) in minted.tokens.iter().enumerate() {
        let is_about_status = reason.starts_with("token.status") || reason == "policy.allow";
        if is_about_status {
            assert_allowed(&ignoring, &read(&format!("ignored-{number}")).bearer(token))
                .with_context(|| name.clone())?;
        }
        let request = read(&format!("refused-{number}")).bearer(token);
        match name.as_str() {
            "no status" | "another mechanism" => assert_allowed(&refusing, &request),
            _ if is_about_status => assert_denied(&refusing, &request, 401, "token.status_unexpected"),
            _ => assert_denied(&refusing, &request, 401, reason),
        }
        .with_context(|| name.clone())?;
    }
    Ok(())
}
