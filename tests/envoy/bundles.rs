//! Bundles: only one that is whole, signed by a trusted key and in date decides anything.

use std::fs;

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::token::now;
use serde_json::json;

use crate::fixture::{Own, assert_allowed, good_token, read, refusing};

const DAY: i64 = 24 * 60 * 60;

/// The gateway refuses the bundle and goes on deciding with the one that it has.
fn assert_refused(gateway: &Gateway, bytes: &[u8], what: &str) -> Result<()> {
    let taken = gateway.replace_filter(&gateway.filter.clone().with_bundle(bytes)?)?;
    ensure!(!taken, "{what} was taken");
    assert_still_serving(gateway)
}

fn assert_still_serving(gateway: &Gateway) -> Result<()> {
    let line = assert_allowed(gateway, &read("still-serving").bearer(&good_token(gateway)?))?;
    let record = line.record.unwrap_or_default();
    ensure!(record["bundle"]["version"] == 1, "another bundle decides: {record}");
    Ok(())
}

#[test]
fn one_flipped_byte_anywhere_and_the_old_bundle_keeps_serving() -> Result<()> {
    let gateway = refusing()?;
    let good = fs::read(&gateway.bundle)?;
    for position in sample_positions(&good)? {
        let mut bytes = good.clone();
        let byte = bytes.get_mut(position).context("a position outside of the bundle")?;
        *byte ^= 0x01;
        assert_refused(&gateway, &bytes, &format!("a bundle with byte {position} flipped"))?;
    }
    Ok(())
}

/// Every byte of the fixed header and of the first signature's fields, and some of every other region.
fn sample_positions(bundle: &[u8]) -> Result<Vec<usize>> {
    let field = |at: usize| -> Result<usize> {
        let bytes = bundle.get(at..at + 4).context("a short bundle")?;
        Ok(usize::try_from(u32::from_le_bytes(bytes.try_into()?))?)
    };
    let (manifest, sections, signatures) = (field(12)?, field(16)?, field(20)?);
    ensure!(24 + manifest + sections + signatures == bundle.len(), "the header does not add up");
    let mut positions: Vec<usize> = (0..24).collect();
    for (start, size) in [(24, manifest), (24 + manifest, sections), (24 + manifest + sections, signatures)] {
        positions.extend((0..8).map(|eighth| start + size * eighth / 8));
        positions.push(start + size - 1);
    }
    let signature = 24 + manifest + sections;
    // Key id, algorithm, length and the first bytes of the signature itself.
    positions.extend([signature + 31, signature + 32, signature + 33, signature + 34, signature + 35]);
    positions.sort_unstable();
    positions.dedup();
    Ok(positions)
}

#[test]
fn a_truncated_or_lengthened_bundle() -> Result<()> {
    let gateway = refusing()?;
    let good = fs::read(&gateway.bundle)?;
    let half = good.get(..good.len() / 2).unwrap_or_default();
    let short = good.get(..good.len() - 1).unwrap_or_default();
    let long = [good.as_slice(), b"\0"].concat();
    let twice = [good.as_slice(), good.as_slice()].concat();
    for (what, bytes) in [
        ("nothing", &[][..]),
        ("half", half),
        ("all but one byte", short),
        ("one byte more", &long),
        ("two bundles", &twice),
    ] {
        assert_refused(&gateway, bytes, what)?;
    }
    Ok(())
}

#[test]
fn a_bundle_signed_by_another_key() -> Result<()> {
    let gateway = refusing()?;
    let workshop = &gateway.workshop;
    workshop.signing_key("stranger")?;
    let bundle = workshop.bundle(Recipe { name: "strange", version: 2, signer: "stranger", ..Recipe::GOOD })?;
    assert_refused(&gateway, &fs::read(bundle)?, "a bundle signed by another key")
}

#[test]
fn a_bundle_that_nobody_signed() -> Result<()> {
    let gateway = refusing()?;
    let mut bytes = fs::read(&gateway.bundle)?;
    let size = bytes.get(20..24).context("a short bundle")?;
    let size = usize::try_from(u32::from_le_bytes(size.try_into()?))?;
    bytes.truncate(bytes.len() - size);
    bytes.splice(20..24, [0; 4]);
    assert_refused(&gateway, &bytes, "an unsigned bundle")
}

#[test]
fn an_expired_bundle_is_refused() -> Result<()> {
    let gateway = refusing()?;
    // The quickstart's bundles live for 30 days.
    let recipe = Recipe { name: "expired", version: 2, created: Some(now() - 31 * DAY), ..Recipe::GOOD };
    let bundle = gateway.workshop.bundle(recipe)?;
    assert_refused(&gateway, &fs::read(bundle)?, "an expired bundle")
}

#[test]
fn a_bundle_that_expires_while_it_serves_denies() -> Result<()> {
    let own = Own::start(Options::default())?;
    let gateway = &own.gateway;
    // Made when the gateway is up: how long a start takes is the machine's affair. The quickstart's bundles live for 30 days.
    let recipe = Recipe { name: "short", version: 2, created: Some(now() - 30 * DAY + 20), ..Recipe::GOOD };
    let bundle = gateway.workshop.bundle(recipe)?;
    assert!(gateway.replace_filter(&gateway.filter.clone().with_bundle(&fs::read(bundle)?)?)?);
    palisade_tests::wait::until("version 2 to decide", || Ok(assert_version(gateway, "short", 2).ok()))?;
    let request = read("expires").bearer(&good_token(gateway)?);
    let answer = palisade_tests::wait::until("the bundle to expire", || {
        let answer = gateway.send(&request)?;
        Ok((answer.status != 200).then_some(answer))
    })?;
    let line = gateway.access_line(&answer)?;
    assert_eq!((answer.status, line.text("reason")), (503, Some("bundle.expired")));
    Ok(())
}

#[test]
fn a_bundle_of_another_channel() -> Result<()> {
    let gateway = refusing()?;
    let filter = gateway.filter.clone().with_field("channel", json!("production"))?;
    assert!(!gateway.replace_filter(&filter)?, "a bundle of another channel was taken");
    assert_still_serving(&gateway)
}

#[test]
fn a_bundle_older_than_the_version_floor() -> Result<()> {
    let gateway = refusing()?;
    let filter = gateway.filter.clone().with_field("min_version", json!(2))?;
    assert!(!gateway.replace_filter(&filter)?, "a bundle below the floor was taken");
    assert_still_serving(&gateway)
}

#[test]
fn a_bundle_older_than_the_one_that_decides_and_another_of_its_version() -> Result<()> {
    let own = Own::start(Options { workers: 2, ..Options::default() })?;
    let gateway = &own.gateway;
    let bundle = |name, version, created| -> Result<Vec<u8>> {
        Ok(fs::read(gateway.workshop.bundle(Recipe { name, version, created: Some(created), ..Recipe::GOOD })?)?)
    };
    let (old, new) = (bundle("old", 2, now() - 60)?, bundle("new", 3, now() - 60)?);
    let other = bundle("other", 3, now() - 30)?;
    let first = gateway.filter.clone();
    assert!(gateway.replace_filter(&first.clone().with_bundle(&new)?)?);
    for (what, bytes, code) in [("an older one", &old, "bundle.rollback"), ("another", &other, "bundle.equivocation")] {
        ensure!(!gateway.replace_filter(&first.clone().with_bundle(bytes)?)?, "{what} was taken");
        ensure!(gateway.envoy.log()?.contains(code), "no {code} in the log");
        assert_version(gateway, "no-way-back", 3)?;
    }
    // Envoy does not ask again about the very file that it began with. It says that it has taken it, and the newer bundle decides.
    ensure!(gateway.replace_filter(&first)?, "Envoy asks about a file that was good");
    palisade_tests::wait::until("the workers to say so", || {
        Ok(gateway.envoy.log()?.contains("config.accepted_before").then_some(()))
    })?;
    for _ in 0..20 {
        assert_version(gateway, "no-way-back-either", 3)?;
    }
    let newest = bundle("newest", 4, now() - 60)?;
    assert!(gateway.replace_filter(&first.with_bundle(&newest)?)?);
    palisade_tests::wait::until("version 4 to decide", || Ok(assert_version(gateway, "forward", 4).ok()))
}

fn assert_version(gateway: &Gateway, name: &str, version: u64) -> Result<()> {
    let record = assert_allowed(gateway, &read(name).bearer(&good_token(gateway)?))?.record.unwrap_or_default();
    ensure!(record["bundle"]["version"] == version, "another bundle decides: {record}");
    Ok(())
}

#[test]
fn fewer_signatures_than_the_threshold() -> Result<()> {
    let gateway = refusing()?;
    let configuration = gateway.filter.configuration()?;
    let key = configuration.pointer("/trust/keys/0").context("no trusted key")?.clone();
    let other = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let filter = gateway.filter.clone();
    for trust in [
        json!({"keys": [&key, other], "threshold": 2}),
        json!({"keys": [&key, &key], "threshold": 2}),
        json!({"keys": [&key], "threshold": 0}),
        json!({"keys": [], "threshold": 1}),
        json!({"keys": [], "threshold": 0}),
    ] {
        let filter = filter.clone().with_field("trust", trust.clone())?;
        assert!(!gateway.replace_filter(&filter)?, "taken with {trust}");
        assert_still_serving(&gateway)?;
    }
    Ok(())
}

#[test]
fn a_new_bundle_takes_over_without_a_lost_request() -> Result<()> {
    let own = Own::start(Options { workers: 2, ..Options::default() })?;
    let gateway = &own.gateway;
    let bundle = gateway.workshop.bundle(Recipe { name: "next", version: 2, ..Recipe::GOOD })?;
    let filter = gateway.filter.clone().with_bundle(&fs::read(bundle)?)?;
    let token = good_token(gateway)?;
    let request = read("takeover").bearer(&token);
    let connection = &mut palisade_tests::http1::Connection::open(gateway.envoy.address())?;
    assert_eq!(connection.exchange(&request)?.status, 200);
    assert!(gateway.replace_filter(&filter)?);
    palisade_tests::wait::until("version 2 to decide", || {
        // The connection from before the change stays open, and every answer on it is a decision.
        let answer = connection.exchange(&request)?;
        ensure!(answer.status == 200, "{answer:?}");
        let record = gateway.access_line(&answer)?.record.unwrap_or_default();
        Ok((record["bundle"]["version"] == 2).then_some(()))
    })
}

#[test]
fn a_key_that_the_next_bundle_drops_stops_working_even_for_tokens_seen_before() -> Result<()> {
    let own = Own::start(Options::default())?;
    let gateway = &own.gateway;
    let token = good_token(gateway)?;
    let request = read("dropped-key").bearer(&token);
    assert_allowed(gateway, &request)?;
    // The same key ids, other keys: what the cache says about the old ones must not outlive their bundle.
    gateway.workshop.issuer_keys("rotated")?;
    let bundle = gateway.workshop.bundle(Recipe { name: "rotated", version: 2, issuer: "rotated", ..Recipe::GOOD })?;
    assert!(gateway.replace_filter(&gateway.filter.clone().with_bundle(&fs::read(bundle)?)?)?);
    let answer = palisade_tests::wait::until("the new keys to decide", || {
        let answer = gateway.send(&request)?;
        Ok((answer.status != 200).then_some(answer))
    })?;
    assert_eq!((answer.status, gateway.access_line(&answer)?.text("reason")), (401, Some("token.signature")));
    Ok(())
}
