//! Whose signatures count, while gateways run: the next root and freshness documents, fetched over HTTP.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::gateway::Options;
use palisade_tests::http1::Request;
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::token::now;
use palisade_tests::wait;
use serde_json::Value;

use crate::field::{Field, TARGET};
use crate::fixture::{good_token, read};
use crate::workers::{STATUS, Workers};

const DAY: i64 = 24 * 60 * 60;
const SECOND_ROOT: &str = "/quickstart.root.2.json";
const THIRD_ROOT: &str = "/quickstart.root.3.json";
const FRESHNESS: &str = "/quickstart.freshness.json";
const ROOT_EVENTS: &str = "wasmcustom.palisade_root_events_total.result.";
const FRESHNESS_EVENTS: &str = "wasmcustom.palisade_freshness_events_total.result.";
const WORKERS: usize = 2;

/// A gateway that goes by roots, and the server of its files. The first root: two of `root-a` and `root-b` sign the next one,
/// `release` signs bundles, `timekeeper` everything else.
struct Rooted {
    field: Field,
    server: KeyServer,
    first: PathBuf,
    request: Request,
}

impl Rooted {
    fn start(more: &[&str]) -> Result<Self> {
        let server = KeyServer::start(Answer::absent())?;
        let mut first = PathBuf::new();
        let options = Options { workers: u32::try_from(WORKERS)?, ..Options::default() };
        let field = Field::start_trusting(server.address(), options, |workshop| {
            first = first_root(workshop)?;
            let more = [&["--status-path", STATUS], more].concat();
            let root = ["--root".to_owned(), first.display().to_string()];
            Ok(root.into_iter().chain(more.into_iter().map(str::to_owned)).collect())
        })?;
        let request = read("trust").bearer(&good_token(&field.gateway)?);
        Ok(Self { field, server, first, request })
    }

    fn workshop(&self) -> &Workshop {
        &self.field.gateway.workshop
    }

    fn workers(&self) -> Result<Workers<'_>> {
        Workers::open(&self.field.gateway, WORKERS)
    }

    /// A bundle by this key.
    fn bundle(&self, version: u64, signer: &str) -> Result<PathBuf> {
        let name = format!("{signer}-{version}");
        self.workshop().bundle(Recipe { name: &name, version, signer, ..Recipe::GOOD })
    }

    fn publish(&self, bundle: &Path) -> Result<()> {
        self.put(TARGET, &fs::read(bundle)?);
        Ok(())
    }

    /// Serves a file from now on.
    fn put(&self, target: &str, bytes: &[u8]) {
        // Any text that changes with the content.
        let sum = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        self.server.put(target, Answer::Tagged(bytes.to_vec(), format!("\"{sum:x}\"")));
    }

    /// Serves a file, and waits until a worker has found that about it.
    fn put_and_await(&self, target: &str, bytes: &[u8], events: &str, code: &str) -> Result<()> {
        let counter = format!("{events}{code}");
        let before = self.field.gateway.envoy.stat(&counter)?;
        self.put(target, bytes);
        self.field.gateway.envoy.await_stat(&counter, before + 1).map(|_| ())
    }

    /// A root after `before`: `root-c` comes for `root-b`, and `next` for the key that signed bundles so far.
    fn root_after(&self, before: &Path, name: &str, signers: &[&str]) -> Result<Vec<u8>> {
        let text = before.display().to_string();
        let public = |key: &str| self.workshop().public_key(key);
        let change = [
            "rotate",
            &text,
            "--remove",
            &public("root-b"),
            "--add",
            &format!("root={}", public("root-c")),
            "--remove",
            &public("release"),
            "--add",
            &format!("bundle={}", public("next")),
        ];
        Ok(fs::read(self.workshop().root(name, &change, signers)?)?)
    }
}

fn first_root(workshop: &Workshop) -> Result<PathBuf> {
    for key in ["root-a", "root-b", "root-c", "root-d", "next", "last", "timekeeper", "stranger"] {
        workshop.signing_key(key)?;
    }
    root_of(workshop, "quickstart", "quickstart.root.1.json")
}

fn root_of(workshop: &Workshop, channel: &str, name: &str) -> Result<PathBuf> {
    let add = |role: &str, key: &str| ["--add".to_owned(), format!("{role}={}", workshop.public_key(key))];
    let mut arguments = ["init", "--channel", channel, "--threshold", "root=2"].map(str::to_owned).to_vec();
    for (role, key) in [
        ("root", "root-a"),
        ("root", "root-b"),
        ("bundle", "release"),
        ("freshness", "timekeeper"),
        ("revocation", "timekeeper"),
    ] {
        arguments.extend(add(role, key));
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    workshop.root(name, &arguments, &["root-a", "root-b"])
}

/// A document with one letter changed in each of its signatures.
fn with_other_signatures(document: &[u8]) -> Result<Vec<u8>> {
    let mut document: Value = serde_json::from_slice(document)?;
    for signature in document["signatures"].as_array_mut().context("no signatures")? {
        let mut text = signature["sig"].as_str().context("no signature")?.to_owned();
        let other = if text.get(10..11) == Some("A") { "B" } else { "A" };
        text.replace_range(10..11, other);
        signature["sig"] = text.into();
    }
    Ok(serde_json::to_vec(&document)?)
}

#[test]
fn a_root_that_both_thresholds_have_not_signed_is_refused_and_the_old_one_holds() -> Result<()> {
    let rooted = Rooted::start(&[])?;
    rooted.publish(&rooted.bundle(1, "release")?)?;
    let mut workers = rooted.workers()?;
    workers.await_all("version 1", &rooted.request, |decided| decided.version == Some(1))?;

    let good = rooted.root_after(&rooted.first, "good.json", &["root-a", "root-b", "root-c"])?;
    let good_path = rooted.first.with_file_name("good.json");
    let public = |key: &str| rooted.workshop().public_key(key);
    let change = ["rotate", &good_path.display().to_string(), "--add", &format!("root={}", public("root-b"))];
    let third = rooted.workshop().root("third.json", &change, &["root-a", "root-b", "root-c"])?;
    let foreign = root_of(rooted.workshop(), "other", "other.root.1.json")?;
    let flipped = with_other_signatures(&good)?;
    let by = |name: &str, signers: &[&str]| rooted.root_after(&rooted.first, name, signers);
    for (next, (what, document, code)) in (2..).zip([
        ("by nobody", by("nobody.json", &[])?, "root.predecessor"),
        ("by one old key", by("a.json", &["root-a"])?, "root.predecessor"),
        ("by the old threshold alone", by("old.json", &["root-a", "root-b"])?, "signed.threshold"),
        ("by the new threshold alone", by("new.json", &["root-a", "root-c"])?, "root.predecessor"),
        ("by strangers", by("stranger.json", &["stranger", "release"])?, "root.predecessor"),
        ("signatures that do not hold", flipped, "root.predecessor"),
        ("the root after the next one", fs::read(third)?, "root.version"),
        ("the present root", fs::read(&rooted.first)?, "root.version"),
        ("another channel's", fs::read(foreign)?, "root.channel"),
        ("half of it", good[..good.len() / 2].to_vec(), "signed.syntax"),
        ("a page", b"<html>maintenance</html>".to_vec(), "signed.syntax"),
    ]) {
        rooted.put_and_await(SECOND_ROOT, &document, ROOT_EVENTS, code).context(what)?;
        // Who could sign bundles before still can, and nobody else.
        rooted.publish(&rooted.bundle(next, "next")?)?;
        rooted.field.await_event("bundle.threshold").context(what)?;
        rooted.publish(&rooted.bundle(next, "release")?)?;
        workers
            .await_all("the old root's next bundle", &rooted.request, |decided| decided.version == Some(next))
            .context(what)?;
    }
    ensure!(rooted.field.gateway.envoy.stat(&format!("{ROOT_EVENTS}rotated"))? == 0, "a root was taken");
    // After all of that the good one is still taken.
    rooted.put_and_await(SECOND_ROOT, &good, ROOT_EVENTS, "rotated")
}

#[test]
fn what_a_removed_key_has_signed_stops_and_the_new_keys_bundle_decides() -> Result<()> {
    let rooted = Rooted::start(&[])?;
    rooted.publish(&rooted.bundle(1, "release")?)?;
    let mut workers = rooted.workers()?;
    workers.await_all("version 1", &rooted.request, |decided| (decided.status, decided.version) == (200, Some(1)))?;

    let second = rooted.root_after(&rooted.first, "second.json", &["root-a", "root-b", "root-c"])?;
    rooted.put_and_await(SECOND_ROOT, &second, ROOT_EVENTS, "rotated")?;
    workers.await_all("the removed key's bundle to stop", &rooted.request, |decided| {
        (decided.status, decided.reason.as_str()) == (503, "bundle.untrusted")
    })?;
    workers.await_statuses("a bundle that nobody trusts", |status| status["state"] == "untrusted")?;
    let log = rooted.field.gateway.envoy.log()?;
    ensure!(log.contains("root 2 says who may sign, and no bundle is signed so"), "nobody is told");

    // The removed key signs nothing new, however new it is.
    rooted.publish(&rooted.bundle(3, "release")?)?;
    rooted.field.await_event("bundle.threshold")?;
    ensure!(workers.decide(&rooted.request)?.iter().all(|decided| decided.reason == "bundle.untrusted"));
    rooted.publish(&rooted.bundle(2, "next")?)?;
    workers.await_all("the new key's bundle", &rooted.request, |decided| {
        (decided.status, decided.version) == (200, Some(2))
    })?;
    workers.await_statuses("a bundle that decides", |status| status["state"] == "deciding")
}

#[test]
fn a_bundle_that_the_new_key_has_signed_as_well_goes_on_without_a_gap() -> Result<()> {
    let rooted = Rooted::start(&[])?;
    let bundle = rooted.bundle(1, "release")?;
    rooted.workshop().sign(&bundle, "next")?;
    rooted.publish(&bundle)?;
    let mut workers = rooted.workers()?;
    workers.await_all("version 1", &rooted.request, |decided| decided.status == 200)?;
    let second = rooted.root_after(&rooted.first, "second.json", &["root-a", "root-b", "root-c"])?;
    let before = rooted.field.gateway.envoy.stat(&format!("{ROOT_EVENTS}rotated"))?;
    rooted.put(SECOND_ROOT, &second);
    wait::until("the next root", || {
        ensure!(workers.decide(&rooted.request)?.iter().all(|decided| decided.status == 200), "a gap");
        Ok((rooted.field.gateway.envoy.stat(&format!("{ROOT_EVENTS}rotated"))? > before).then_some(()))
    })?;
    // The other worker follows, and then the old key's next bundle is nobody's.
    rooted.publish(&rooted.bundle(2, "release")?)?;
    rooted.field.await_event("bundle.threshold")?;
    rooted.publish(&rooted.bundle(2, "next")?)?;
    wait::until("version 2 in every worker", || {
        let decided = workers.decide(&rooted.request)?;
        ensure!(decided.iter().all(|decided| decided.status == 200), "a gap: {decided:?}");
        Ok(decided.iter().all(|decided| decided.version == Some(2)).then_some(()))
    })
}

#[test]
fn a_gateway_that_has_slept_goes_from_root_to_root() -> Result<()> {
    let rooted = Rooted::start(&[])?;
    let second = rooted.root_after(&rooted.first, "second.json", &["root-a", "root-b", "root-c"])?;
    let second_path = rooted.first.with_file_name("second.json").display().to_string();
    let public = |key: &str| rooted.workshop().public_key(key);
    let change = ["rotate", &second_path, "--remove", &public("next"), "--add", &format!("bundle={}", public("last"))];
    let third = fs::read(rooted.workshop().root("third.json", &change, &["root-a", "root-c"])?)?;
    // The bundle first: nobody can vouch for it yet.
    rooted.publish(&rooted.bundle(9, "last")?)?;
    rooted.field.await_event("bundle.threshold")?;
    // Without the second root there is no way to the third.
    rooted.put(THIRD_ROOT, &third);
    rooted.field.await_event("bundle.threshold")?;
    let mut workers = rooted.workers()?;
    ensure!(workers.decide(&rooted.request)?.iter().all(|decided| decided.reason == "bundle.missing"));
    rooted.put(SECOND_ROOT, &second);
    workers.await_all("the third root's bundle", &rooted.request, |decided| decided.version == Some(9))
}

/// When it expires, as each worker says.
fn expires(status: &Value) -> i64 {
    status["bundle"]["expires"].as_i64().unwrap_or_default()
}

#[test]
fn a_freshness_document_renews_a_bundle_until_its_server_is_frozen() -> Result<()> {
    let rooted = Rooted::start(&["--fetch-freshness"])?;
    // The quickstart's bundles live for 30 days.
    let first_end = now() + 12;
    let recipe = Recipe { name: "short", created: Some(first_end - 30 * DAY), ..Recipe::GOOD };
    let bundle = rooted.workshop().bundle(recipe)?;
    rooted.publish(&bundle)?;
    let mut workers = rooted.workers()?;
    workers.await_all("version 1", &rooted.request, |decided| decided.status == 200)?;
    workers.await_statuses("its own expiry", |status| expires(status) == first_end)?;

    let second_end = now() + 20;
    let issued = now().to_string();
    let renewal = rooted.workshop().freshness(&bundle, "timekeeper", &["--for", "20s", "--issued", &issued])?;
    rooted.put_and_await(FRESHNESS, &renewal, FRESHNESS_EVENTS, "refreshed")?;
    workers.await_statuses("the renewed expiry", |status| (second_end..second_end + 2).contains(&expires(status)))?;
    let second_end = expires(workers.statuses()?.first().context("no worker")?);
    wait::until("the bundle's own end", || {
        ensure!(workers.decide(&rooted.request)?.iter().all(|decided| decided.status == 200), "not renewed");
        Ok((now() > first_end + 1).then_some(()))
    })?;

    // The server goes on with what it has: whoever froze it cannot keep the gateway.
    wait::until("the end of what was renewed", || {
        let decided = workers.decide(&rooted.request)?;
        ensure!(decided.iter().all(|decided| decided.status == 200 || now() >= second_end), "too early: {decided:?}");
        Ok(decided.iter().all(|decided| decided.reason == "bundle.expired").then_some(()))
    })?;
    workers.await_statuses("an expired bundle", |status| status["state"] == "expired")?;
    let renewal = rooted.workshop().freshness(&bundle, "timekeeper", &["--for", "1h"])?;
    rooted.put_and_await(FRESHNESS, &renewal, FRESHNESS_EVENTS, "refreshed")?;
    workers.await_all("it to decide again", &rooted.request, |decided| decided.status == 200)
}

#[test]
fn a_freshness_document_that_is_not_as_it_must_be_renews_nothing() -> Result<()> {
    let rooted = Rooted::start(&["--fetch-freshness"])?;
    let (old, bundle) = (rooted.bundle(1, "release")?, rooted.bundle(2, "release")?);
    rooted.publish(&bundle)?;
    let mut workers = rooted.workers()?;
    workers.await_all("version 2", &rooted.request, |decided| decided.version == Some(2))?;
    let end = expires(workers.statuses()?.first().context("no worker")?);

    let recipe = Recipe { name: "twin", version: 2, created: Some(now() - DAY), ..Recipe::GOOD };
    let twin = rooted.workshop().bundle(recipe)?;
    let (past, future) = ((now() - 7200).to_string(), (now() + 7200).to_string());
    let by = |bundle: &Path, signer: &str, more: &[&str]| {
        rooted.workshop().freshness(bundle, signer, &[&["--for", "31d"], more].concat())
    };
    let good = by(&bundle, "timekeeper", &[])?;
    let expired = rooted.workshop().freshness(&bundle, "timekeeper", &["--for", "1h", "--issued", &past])?;
    for (what, document, code) in [
        ("by the key of bundles", by(&bundle, "release", &[])?, "signed.threshold"),
        ("by a key of roots", by(&bundle, "root-a", &[])?, "signed.threshold"),
        ("by a stranger", by(&bundle, "stranger", &[])?, "signed.threshold"),
        ("about an older bundle", by(&old, "timekeeper", &[])?, "freshness.rollback"),
        ("about another of the same version", by(&twin, "timekeeper", &[])?, "freshness.equivocation"),
        ("an old one", expired, "freshness.expired"),
        ("a later one", by(&bundle, "timekeeper", &["--issued", &future])?, "freshness.future"),
        ("half of it", good[..good.len() / 2].to_vec(), "signed.syntax"),
        ("another document", fs::read(&rooted.first)?, "signed.payload_type"),
    ] {
        rooted.put_and_await(FRESHNESS, &document, FRESHNESS_EVENTS, code).context(what)?;
        ensure!(workers.statuses()?.iter().all(|status| expires(status) == end), "renewed by what is {what}");
    }
    rooted.put_and_await(FRESHNESS, &good, FRESHNESS_EVENTS, "refreshed")?;
    workers.await_statuses("a later expiry", |status| expires(status) > end)
}

#[test]
fn a_bundle_that_is_renewed_and_does_not_come_is_told() -> Result<()> {
    let rooted = Rooted::start(&["--fetch-freshness"])?;
    rooted.publish(&rooted.bundle(1, "release")?)?;
    let mut workers = rooted.workers()?;
    workers.await_all("version 1", &rooted.request, |decided| decided.version == Some(1))?;
    // One that would have expired by the time it comes, but for its renewal.
    let end = now() + 5;
    let recipe = Recipe { name: "withheld", version: 2, created: Some(end - 30 * DAY), ..Recipe::GOOD };
    let withheld = rooted.workshop().bundle(recipe)?;
    let renewal = rooted.workshop().freshness(&withheld, "timekeeper", &["--for", "1h"])?;
    rooted.put_and_await(FRESHNESS, &renewal, FRESHNESS_EVENTS, "ahead")?;
    let log = rooted.field.gateway.envoy.log()?;
    ensure!(log.contains("version 2 of the bundle is out, and has not come yet"), "nobody is told");
    wait::until("the end of what is withheld", || {
        ensure!(workers.decide(&rooted.request)?.iter().all(|decided| decided.version == Some(1)));
        Ok((now() > end).then_some(()))
    })?;
    rooted.publish(&withheld)?;
    workers
        .await_all("what was withheld", &rooted.request, |decided| (decided.status, decided.version) == (200, Some(2)))
}
