//! A connection to each worker of a gateway: what one worker knows already, another may still have to learn.

use anyhow::{Context, Result, ensure};
use palisade_tests::gateway::Gateway;
use palisade_tests::http1::{Connection, Request};
use palisade_tests::quickstart::REPOS;
use palisade_tests::record::AccessLine;
use palisade_tests::wait;
use serde_json::Value;

/// Where the gateways of these tests say which bundle decides.
pub(crate) const STATUS: &str = "/.well-known/palisade/status";

/// Connections that are open at once, of which each of a few workers gets some: those that come after each other may all be of one.
const MANY: usize = 16;

/// Waits until no worker can still be of another mind about a request than this status; 0 stands for no answer.
pub(crate) fn await_everywhere(gateway: &Gateway, request: &Request, status: u16) -> Result<()> {
    wait::until(&format!("{status} from every worker"), || {
        let open = |_| Connection::open(gateway.envoy.address());
        let mut connections = (0..MANY).map(open).collect::<Result<Vec<_>>>()?;
        let decided = |connection: &mut Connection| connection.exchange(request).map_or(0, |answer| answer.status);
        Ok(connections.iter_mut().all(|connection| decided(connection) == status).then_some(()))
    })
}

/// One connection to each worker.
pub(crate) struct Workers<'g> {
    gateway: &'g Gateway,
    connections: Vec<Connection>,
}

/// What a worker decided, as its record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// Of the bundle; `None` for none.
    pub(crate) version: Option<u64>,
}

impl<'g> Workers<'g> {
    /// Connects to each of `count` workers, which nobody else may be connected to. Envoy gives each new connection to the worker
    /// that has the fewest.
    pub(crate) fn open(gateway: &'g Gateway, count: usize) -> Result<Self> {
        let mut workers = Self { gateway, connections: Vec::new() };
        workers.await_connections(count)?;
        for _ in 0..count {
            workers.connections.push(Connection::open(gateway.envoy.address())?);
            workers.await_connections(count)?;
        }
        Ok(workers)
    }

    /// Waits until the first workers have one connection each, as many as there are, and the others none.
    fn await_connections(&self, count: usize) -> Result<()> {
        let open = self.connections.len();
        wait::until(&format!("{open} of {count} workers to have a connection"), || {
            let stats = self.gateway.envoy.stats()?;
            let of = |worker: usize| {
                let name = format!(".worker_{worker}.downstream_cx_active: ");
                let line = stats.lines().find(|line| line.starts_with("listener.127.0.0.1") && line.contains(&name));
                line.and_then(|line| line.rsplit(' ').next()?.parse::<usize>().ok()).context("no such worker")
            };
            let active = (0..count).map(of).collect::<Result<Vec<_>>>()?;
            Ok((active.iter().sum::<usize>() == open && active.iter().all(|active| *active <= 1)).then_some(()))
        })
    }

    /// What each worker decides about a request.
    pub(crate) fn decide(&mut self, request: &Request) -> Result<Vec<Decided>> {
        let gateway = self.gateway;
        let mut all = Vec::new();
        for connection in &mut self.connections {
            let answer = connection.exchange(request)?;
            let line: AccessLine = gateway.access_line(&answer)?;
            let record = line.record.as_ref().context("no record")?;
            all.push(Decided {
                status: answer.status,
                reason: line.text("reason").context("no reason")?.to_owned(),
                version: record["bundle"]["version"].as_u64(),
            });
        }
        Ok(all)
    }

    /// Waits until each worker decides about a request as is meant.
    pub(crate) fn await_all(
        &mut self,
        what: &str,
        request: &Request,
        is_meant: impl Fn(&Decided) -> bool,
    ) -> Result<()> {
        let mut last = Vec::new();
        let all = wait::until(&format!("{what} in every worker"), || {
            last = self.decide(request)?;
            Ok(last.iter().all(&is_meant).then_some(()))
        });
        all.with_context(|| format!("at last: {last:?}"))
    }

    /// What each worker says of the bundle that decides in it.
    pub(crate) fn statuses(&mut self) -> Result<Vec<Value>> {
        let request = Request::new("GET", REPOS, STATUS);
        let statuses = self.connections.iter_mut().map(|connection| {
            let answer = connection.exchange(&request)?;
            ensure!(answer.status == 200, "{answer:?}");
            answer.json()
        });
        statuses.collect()
    }

    /// Waits until each worker says of its bundle what is meant.
    pub(crate) fn await_statuses(&mut self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<()> {
        let mut last = Vec::new();
        let all = wait::until(&format!("{what} in every worker"), || {
            last = self.statuses()?;
            Ok(last.iter().all(&is_meant).then_some(()))
        });
        all.with_context(|| format!("at last: {last:?}"))
    }

    /// The connections, one to each worker.
    pub(crate) fn into_connections(self) -> Vec<Connection> {
        self.connections
    }
}
