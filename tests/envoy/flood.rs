//! A flood of worthless tokens: the proxy grows no larger, the issuer is asked no more often than its cooldown allows, and
//! good tokens pass all the while. `benches/tests/flood.rs` sends ten times as many to the gateway alone, and counts bytes.

use std::collections::BTreeMap;
use std::iter;
use std::time::Instant;

use anyhow::{Result, ensure};
use palisade_tests::http1::Connection;
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::key::TokenKey;
use palisade_tests::token::Token;
use palisade_tests::wait;

use crate::fixture::read;
use crate::remote::{Remote, document};

/// Worthless tokens that are counted, and those before that warm the proxy up.
const FLOOD: u64 = 10_000;
const WARM_UP: u64 = 4_000;
/// Most that the proxy may grow by: a quarter of what it was sent. 128 KiB were seen; allocators keep memory for later.
const GROWTH_BYTES: u64 = 4_000_000;
/// Least time between fetches that unknown keys cause, in seconds.
const COOLDOWN: u64 = 5;

/// Connections, each with one request on its way.
const CONNECTIONS: usize = 16;
/// Rounds of requests before one with good tokens.
const ROUNDS: usize = 10;

/// What each kind of worthless token is refused for.
const REASONS: [&str; 4] = ["token.kid_unknown", "token.signature", "token.signature", "token.json"];

#[test]
fn a_flood_of_worthless_tokens_leaves_nothing_behind() -> Result<()> {
    let server = KeyServer::start(Answer::Close)?;
    let settings = format!("jwks_fresh_for = \"10m\"\njwks_cooldown = \"{COOLDOWN}s\"");
    let remote = Remote::start(server.address(), 2, &settings)?;
    let (good, jwk) = remote.key("good")?;
    server.answer(document(&[&jwk]));
    remote.await_everywhere(&good, 200)?;

    let first = server.asked().len();
    let mut flood = Flood::open(&remote, &good)?;
    flood.send(WARM_UP)?;
    let before = settled(&remote)?;
    let (asked, begin, resident) = (server.asked().len(), Instant::now(), remote.gateway.envoy.resident_bytes()?);
    flood.send(FLOOD)?;
    let grown = remote.gateway.envoy.resident_bytes()?.saturating_sub(resident);
    let fetches = u64::try_from(server.asked().len() - asked)?;

    ensure!(grown <= GROWTH_BYTES, "{grown} bytes more after {FLOOD} worthless tokens");
    let most = begin.elapsed().as_secs() / COOLDOWN + 1;
    ensure!(fetches <= most, "{fetches} fetches in {:?}", begin.elapsed());
    wait::until("each token to be counted under its reason", || {
        let now = counted(&remote)?;
        let more = |reason: &&str| now[reason] - before[reason];
        Ok((now.keys().all(|reason| more(reason) == expected(reason))).then_some(()))
    })?;
    // That nobody looks after keys any more is not what kept the issuer's server quiet.
    wait::until("a fetch for an unknown key", || {
        flood.send(CONNECTIONS as u64)?;
        Ok((server.asked().len() > first).then_some(()))
    })?;
    remote.await_everywhere(&good, 200)
}

/// How many tokens of the flood are refused for this reason.
fn expected(reason: &str) -> u64 {
    let kinds = REASONS.iter().filter(|other| **other == reason).count();
    FLOOD / REASONS.len() as u64 * kinds as u64
}

/// The same once every request so far is counted.
fn settled(remote: &Remote) -> Result<BTreeMap<&'static str, u64>> {
    wait::until("every request to be counted", || {
        let envoy = &remote.gateway.envoy;
        let stats = envoy.stats()?;
        let decisions = stats.lines().filter(|line| line.starts_with("wasmcustom.palisade_decisions_total."));
        let counts = decisions.filter_map(|line| line.rsplit_once(": ")?.1.parse::<u64>().ok());
        Ok((counts.sum::<u64>() == envoy.stat("http.gateway.downstream_rq_completed")?).then_some(()))
    })?;
    counted(remote)
}

/// How many requests were refused so far, by reason.
fn counted(remote: &Remote) -> Result<BTreeMap<&'static str, u64>> {
    let count = |reason: &&'static str| {
        let name = format!("wasmcustom.palisade_decisions_total.reason.{reason}");
        Ok((*reason, remote.gateway.envoy.stat(&name)?))
    };
    REASONS.iter().map(count).collect()
}

struct Flood<'a> {
    connections: Vec<Connection>,
    good: &'a TokenKey,
    /// Good, and of another token.
    signature: String,
    sent: u64,
}

impl<'a> Flood<'a> {
    fn open(remote: &Remote, good: &'a TokenKey) -> Result<Self> {
        let address = remote.gateway.envoy.address();
        let connections = (0..CONNECTIONS).map(|_| Connection::open(address)).collect::<Result<_>>()?;
        let signature = Token::coder().sign(good).rsplit('.').next().unwrap_or_default().to_owned();
        Ok(Self { connections, good, signature, sent: 0 })
    }

    /// Sends the next `count` worthless tokens, and a new good one on each connection after some of them.
    fn send(&mut self, count: u64) -> Result<()> {
        let numbers: Vec<u64> = (self.sent..self.sent + count).collect();
        for rounds in numbers.chunks(ROUNDS * CONNECTIONS) {
            for round in rounds.chunks(CONNECTIONS) {
                let tokens: Vec<String> = round.iter().map(|number| self.worthless(*number)).collect();
                self.exchange(&tokens, 401)?;
            }
            self.sent += rounds.len() as u64;
            let good = Token::coder().claim("jti", self.sent.to_string()).sign(self.good);
            let everywhere: Vec<String> = iter::repeat_n(good, CONNECTIONS).collect();
            self.exchange(&everywhere, 200)?;
        }
        Ok(())
    }

    /// Sends each token on a connection of its own, at most as many as there are, all of which must have this status.
    fn exchange(&mut self, tokens: &[String], status: u16) -> Result<()> {
        for (connection, token) in self.connections.iter_mut().zip(tokens) {
            connection.write(&read("flood").bearer(token).bytes())?;
        }
        for (connection, token) in self.connections.iter_mut().zip(tokens) {
            let answer = connection.read()?;
            ensure!(answer.status == status, "{answer:?} to {token} after {} tokens", self.sent);
        }
        Ok(())
    }

    /// The worthless token with this number; its kind is that of [`REASONS`].
    fn worthless(&self, number: u64) -> String {
        let forged = |token: Token| format!("{}{}", token.unsigned("ES256"), self.signature);
        let known = Token::coder().header("kid", "good").claim("number", number);
        match number % 4 {
            0 => forged(Token::coder().header("kid", format!("made-up-{number}"))),
            1 => forged(known),
            2 => forged(known.claim("padding", "x".repeat(3000))),
            _ => format!("{number:08x}.{number:08x}.{number:08x}"),
        }
    }
}
