//! Proofs of possession on a proxy with two workers: each is good once, whichever worker gets it, whatever bundle decides and whichever
//! VM runs; and what one worker gives out as a nonce the other takes.

use std::sync::Barrier;
use std::{fs, thread};

use anyhow::{Context, Result, anyhow, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::{Connection, Request};
use palisade_tests::key::Algorithm;
use palisade_tests::{tools, wait};
use serde_json::json;

use crate::fixture::home;
use crate::proof::{self, Signer};

/// A connection to each of two workers: Envoy gives a new one to the worker that has fewer.
fn connections(gateway: &Gateway) -> Result<[Connection; 2]> {
    let connections = [Connection::open(gateway.envoy.address())?, Connection::open(gateway.envoy.address())?];
    wait::until("one connection at each worker", || {
        let stats = gateway.envoy.stats()?;
        let has_one = |worker: u8| {
            stats.lines().any(|line| {
                line.starts_with("listener.127.0.0.1_")
                    && line.ends_with(&format!(".worker_{worker}.downstream_cx_active: 1"))
            })
        };
        Ok((has_one(0) && has_one(1)).then_some(()))
    })?;
    Ok(connections)
}

/// The status of a request on each connection, sent at the same time.
fn race(connections: &mut [Connection; 2], request: &Request) -> Result<[u16; 2]> {
    let barrier = Barrier::new(2);
    let [first, second] = thread::scope(|scope| {
        let send = |connection| {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                Connection::exchange(connection, request)
            })
        };
        connections.each_mut().map(send).map(|thread| thread.join().map_err(|_| anyhow!("the client panicked")))
    });
    Ok([first??.status, second??.status])
}

fn assert_used(gateway: &Gateway, connections: &mut [Connection; 2], request: &Request) -> Result<()> {
    for (worker, connection) in connections.iter_mut().enumerate() {
        let answer = connection.exchange(request)?;
        ensure!(answer.status == 401, "worker {worker} took a used proof: {answer:?}");
        ensure!(gateway.access_line(&answer)?.text("reason") == Some("dpop.replayed"), "{answer:?}");
    }
    Ok(())
}

#[test]
fn a_proof_is_good_once_on_both_workers_together() -> Result<()> {
    let home = home()?;
    let gateway = proof::start(home.path(), Options { workers: 2, ..Options::default() })?;
    let (key, mut connections) = (Signer::ed25519(21), connections(&gateway)?);
    let token = key.token(gateway.key(Algorithm::Es256)?)?;

    for first in [0, 1] {
        let request = key.ask("workers", &token, &format!("first on {first}"), None);
        ensure!(connections[first].exchange(&request)?.status == 200, "a new proof was refused");
        assert_used(&gateway, &mut connections, &request)?;
    }
    // Both at once: who is slower is refused, on a bucket that is new as on one that is not.
    for number in 0..200 {
        let request = key.ask("workers", &token, &format!("race {number}"), None);
        let mut statuses = race(&mut connections, &request)?;
        statuses.sort_unstable();
        ensure!(statuses == [200, 401], "race {number}: {statuses:?}");
    }
    Ok(())
}

#[test]
fn used_proofs_stay_used_under_a_new_bundle_and_in_a_new_vm() -> Result<()> {
    let home = home()?;
    let gateway = proof::start(home.path(), Options { workers: 2, ..Options::default() })?;
    let (key, mut connections) = (Signer::ed25519(22), connections(&gateway)?);
    let token = key.token(gateway.key(Algorithm::Es256)?)?;
    let wasm = tools::Tools::from_env()?.wasm;
    let copy = home.path().join("copy.wasm");
    fs::copy(&wasm, &copy)?;

    let mut used: Vec<Request> = Vec::new();
    // Another path to the module is another VM.
    for (version, wasm) in [(2, &wasm), (3, &copy)] {
        for (worker, connection) in connections.iter_mut().enumerate() {
            let request = key.ask("swap", &token, &format!("before {version} on {worker}"), None);
            ensure!(connection.exchange(&request)?.status == 200, "a new proof was refused");
            used.push(request);
        }
        let recipe = Recipe { name: &format!("version-{version}"), version, ..Recipe::GOOD };
        let bundle = proof::bundle(home.path(), &gateway.workshop, recipe)?;
        ensure!(gateway.replace_filter(&gateway.workshop.filter(&bundle, wasm)?)?, "version {version} was refused");
        for connection in &mut connections {
            wait::until("the new bundle to decide", || {
                let answer = connection.exchange(&used[0])?;
                let record = gateway.access_line(&answer)?.record.context("no record")?;
                ensure!(answer.status == 401, "a used proof was taken: {answer:?}");
                Ok((record["bundle"]["version"] == version).then_some(()))
            })?;
        }
        for request in &used {
            assert_used(&gateway, &mut connections, request)?;
        }
    }
    Ok(())
}

#[test]
fn a_nonce_of_one_worker_is_good_on_the_other_and_in_a_new_vm() -> Result<()> {
    let home = home()?;
    let gateway = proof::start(home.path(), Options { workers: 2, ..Options::default() })?;
    let (key, mut connections) = (Signer::ed25519(23), connections(&gateway)?);
    let token = key.token(gateway.key(Algorithm::Es256)?)?;
    let dpop = json!({"nonce_key": STANDARD.encode([9; 32])});
    let filter = gateway.filter.clone().with_field("dpop", dpop.clone())?;
    ensure!(gateway.replace_filter(&filter)?, "the key for nonces was refused");

    let mut number = 0;
    let mut ask = |connection: &mut Connection, nonce: Option<&str>| {
        number += 1;
        connection.exchange(&key.ask("nonces", &token, &format!("nonce {number}"), nonce))
    };
    let mut given = None;
    for connection in &mut connections {
        given = Some(wait::until("a worker to ask for a nonce", || {
            Ok(ask(connection, None)?.header("dpop-nonce").map(str::to_owned))
        })?);
    }
    // The second worker gave it; a made-up one is taken by neither.
    let nonce = given.context("no nonce")?;
    for connection in &mut connections {
        ensure!(ask(connection, Some(&nonce))?.status == 200, "a nonce was refused");
        ensure!(ask(connection, Some(&nonce.to_uppercase()))?.status == 401, "a made-up nonce was taken");
    }
    let copy = home.path().join("copy.wasm");
    fs::copy(tools::Tools::from_env()?.wasm, &copy)?;
    let anew = gateway.workshop.filter(&gateway.bundle, &copy)?.with_field("dpop", dpop)?;
    ensure!(gateway.replace_filter(&anew)?, "the new VM was refused");
    for connection in &mut connections {
        ensure!(ask(connection, Some(&nonce))?.status == 200, "a nonce was refused after a reload");
    }
    Ok(())
}
