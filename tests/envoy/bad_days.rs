//! Bad days: gateways and the server of their bundles are killed and replaced while requests flow.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use palisade_tests::wait;

use crate::fleet::{Decided, Fleet, Good, Life, Node, decisions};

/// How long a worker may take to follow another: two polls, and what a loaded machine's clocks and ticks differ.
const CONVERGENCE_MS: u64 = 2 * 1000 + 2000;

/// What a life of a gateway decided was decided by good bundles, ever newer ones, and by none only before the first.
fn assert_lawful(all: &[Decided], good: &Good) -> Result<()> {
    let mut newest: Option<(u64, u64)> = None;
    let mut first_ms = None;
    for decided in all {
        let Decided { time, reason, bundle } = decided;
        let now_ms = millis(time)?;
        match bundle {
            None => {
                ensure!(reason == "bundle.missing", "decided by no bundle: {decided:?}");
                ensure!(
                    first_ms.is_none_or(|first| now_ms <= first + CONVERGENCE_MS),
                    "a worker had no bundle for longer than it may take: {decided:?}"
                );
            }
            Some((version, digest)) => {
                ensure!(reason == "policy.allow", "a good request was refused: {decided:?}");
                ensure!(good.get(version) == Some(digest), "decided by a bundle that nobody signed: {decided:?}");
                first_ms.get_or_insert(now_ms);
                match newest {
                    Some((known, since_ms)) if *version < known => ensure!(
                        now_ms <= since_ms + CONVERGENCE_MS,
                        "version {version} decided {} ms after version {known} did",
                        now_ms - since_ms
                    ),
                    Some((known, _)) if *version == known => {}
                    Some(_) | None => newest = Some((*version, now_ms)),
                }
            }
        }
    }
    Ok(())
}

/// Milliseconds in the day of an RFC 3339 time. Tests at midnight are off by a day, which is no worse than late.
fn millis(time: &str) -> Result<u64> {
    let clock = time.split_once('T').and_then(|(_, clock)| clock.strip_suffix('Z')).context("no time")?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut seconds = 0;
    for part in clock.split(':') {
        seconds = seconds * 60 + part.parse::<u64>()?;
    }
    let fraction = format!("{fraction:0<3}");
    Ok(seconds * 1000 + fraction.get(..3).context("no milliseconds")?.parse::<u64>()?)
}

/// SplitMix64: the same days for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = self.0;
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (random ^ (random >> 31)) % bound
    }
}

/// Requests to one gateway, without end.
#[derive(Default)]
struct Load {
    /// Odd while the gateway is down.
    epoch: AtomicU64,
    allowed: AtomicU64,
    done: AtomicBool,
}

impl Load {
    fn run(&self, fleet: &Fleet, node: &Node) -> Result<()> {
        while !self.done.load(Ordering::SeqCst) {
            let epoch = self.epoch.load(Ordering::SeqCst);
            match fleet.ask(node.address) {
                Ok(answer) if answer.status == 200 => {
                    self.allowed.fetch_add(1, Ordering::SeqCst);
                }
                // The log says whether it is for want of a bundle.
                Ok(answer) if answer.status == 503 => {}
                Ok(answer) => bail!("{answer:?}"),
                Err(_) if epoch % 2 == 1 || self.epoch.load(Ordering::SeqCst) != epoch => {}
                Err(error) => return Err(error.context("a gateway that was up did not answer")),
            }
        }
        Ok(())
    }

    /// Lets some more requests through.
    fn await_allowed(&self, more: u64) -> Result<()> {
        let until = self.allowed.load(Ordering::SeqCst) + more;
        wait::until("requests to pass", || Ok((self.allowed.load(Ordering::SeqCst) >= until).then_some(())))
    }
}

#[test]
fn gateways_and_their_server_are_killed_at_random() -> Result<()> {
    let seconds = env::var("PALISADE_BAD_DAY_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let seed = env::var("PALISADE_BAD_DAY_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
    let fleet = Fleet::new()?;
    fleet.workshop.signing_key("stranger")?;
    let nodes = [fleet.node()?, fleet.node()?];
    let loads = [Load::default(), Load::default()];
    thread::scope(|scope| {
        let flows: Vec<_> = nodes
            .iter()
            .zip(&loads)
            .map(|(node, load)| {
                load.epoch.store(1, Ordering::SeqCst);
                scope.spawn(|| load.run(&fleet, node))
            })
            .collect();
        let day =
            Day { fleet: &fleet, nodes: &nodes, loads: &loads, chance: Chance(seed), good: Good::new(), version: 0 };
        let result = day.run(Duration::from_secs(seconds));
        loads.iter().for_each(|load| load.done.store(true, Ordering::SeqCst));
        let flows: Vec<_> = flows.into_iter().map(thread::ScopedJoinHandle::join).collect();
        result.with_context(|| format!("PALISADE_BAD_DAY_SEED={seed}"))?;
        for flow in flows {
            flow.map_err(|_| anyhow::anyhow!("a flow of requests panicked"))??;
        }
        Ok(())
    })
}

struct Day<'a> {
    fleet: &'a Fleet,
    nodes: &'a [Node; 2],
    loads: &'a [Load; 2],
    chance: Chance,
    good: Good,
    version: u64,
}

impl Day<'_> {
    fn run(mut self, length: Duration) -> Result<()> {
        self.publish_next()?;
        let mut server = self.fleet.serve()?;
        let [first, second] = self.nodes;
        let mut lives = [self.fleet.start(first, None)?, self.fleet.start(second, None)?];
        for load in self.loads {
            load.epoch.fetch_add(1, Ordering::SeqCst);
        }
        let (start, mut kills) = (Instant::now(), [0, 0]);
        while start.elapsed() < length || kills.contains(&0) {
            for load in self.loads {
                load.await_allowed(20)?;
            }
            match self.chance.below(6) {
                0 | 1 => self.publish_next()?,
                2 => self.publish_bad()?,
                3 => {
                    server.kill()?;
                    for load in self.loads {
                        load.await_allowed(50)?;
                    }
                    if self.chance.below(2) == 0 {
                        let number = usize::try_from(self.chance.below(2))?;
                        self.replace_gateway(number, &mut lives)?;
                    }
                    server = self.fleet.serve()?;
                    kills[0] += 1;
                }
                _ => {
                    let number = usize::try_from(self.chance.below(2))?;
                    self.replace_gateway(number, &mut lives)?;
                    kills[1] += 1;
                }
            }
        }
        // A quiet evening: everybody comes to the newest one.
        self.publish_next()?;
        for (life, load) in lives.iter_mut().zip(self.loads) {
            wait::until("the newest bundle in every worker", || {
                load.await_allowed(20)?;
                let decided = decisions(life.envoy.log_path())?;
                let last = decided.iter().rev().take(12);
                Ok(last.clone().all(|one| one.bundle.as_ref().is_some_and(|(v, _)| *v == self.version)).then_some(()))
            })?;
            self.close(life)?;
        }
        // The gateways end with this function.
        for load in self.loads {
            load.epoch.fetch_add(1, Ordering::SeqCst);
        }
        drop(server);
        Ok(())
    }

    fn publish_next(&mut self) -> Result<()> {
        self.version += 1;
        let bytes = self.fleet.bundle(self.version, "release")?;
        self.good.insert(self.version, self.fleet.digest(&bytes)?);
        self.fleet.publish(&bytes)
    }

    /// Something that must never decide, and then the newest good one again.
    fn publish_bad(&mut self) -> Result<()> {
        let newest = fs::read(self.fleet.published())?;
        let bad = match self.chance.below(4) {
            0 => b"<html>maintenance</html>".to_vec(),
            1 => newest.get(..newest.len() / 2).context("a short bundle")?.to_vec(),
            2 => self.fleet.bundle(self.version + 1000, "stranger")?,
            _ => self.fleet.bundle(self.version.saturating_sub(1), "release")?,
        };
        self.fleet.publish(&bad)?;
        for load in self.loads {
            load.await_allowed(50)?;
        }
        self.fleet.publish(&newest)
    }

    fn replace_gateway(&mut self, number: usize, lives: &mut [Life; 2]) -> Result<()> {
        let (node, load, life) = (&self.nodes[number], &self.loads[number], &mut lives[number]);
        load.epoch.fetch_add(1, Ordering::SeqCst);
        life.envoy.kill()?;
        self.close(life)?;
        *life = self.fleet.start(node, None)?;
        load.epoch.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    /// Looks at all that a life has decided.
    fn close(&self, life: &Life) -> Result<()> {
        assert_lawful(&decisions(life.envoy.log_path())?, &self.good)
    }
}

#[test]
fn an_envoy_is_replaced_by_its_successor() -> Result<()> {
    let fleet = Fleet::new()?;
    let bytes = fleet.bundle(7, "release")?;
    let good = Good::from([(7, fleet.digest(&bytes)?)]);
    fleet.publish(&bytes)?;
    let server = fleet.serve()?;
    // Envoys of other tests have other numbers.
    let family = std::process::id() % 0x7fff;
    let before = fleet.node()?;
    let after = before.successor()?;
    let load = Load::default();
    thread::scope(|scope| {
        let mut old = fleet.start(&before, Some((family, 0)))?;
        let flow = scope.spawn(|| load.run(&fleet, &before));
        let result = load.await_allowed(50).and_then(|()| {
            let new = fleet.start(&after, Some((family, 1)))?;
            wait::until("the old Envoy to end", || Ok(old.envoy.has_ended()?.then_some(())))?;
            load.await_allowed(50)?;
            Ok(new)
        });
        load.done.store(true, Ordering::SeqCst);
        flow.join().map_err(|_| anyhow::anyhow!("the flow of requests panicked"))??;
        for life in [&old, &result?] {
            let decided = decisions(life.envoy.log_path())?;
            ensure!(decided.iter().any(|one| one.reason == "policy.allow"), "it decided nothing");
            assert_lawful(&decided, &good)?;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    drop(server);
    Ok(())
}
