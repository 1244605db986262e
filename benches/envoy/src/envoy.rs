//! One Envoy, with a listener for each variant.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::filters;
use crate::process::Process;

/// How long an Envoy may take until it accepts connections: it compiles every module first.
const START: Duration = Duration::from_secs(180);
/// Between two attempts to connect.
const POLL: Duration = Duration::from_millis(20);

/// Where an Envoy finds what it needs.
pub(crate) struct Ground {
    pub(crate) binary: PathBuf,
    /// A folder for its configuration and its log.
    pub(crate) home: PathBuf,
    pub(crate) clusters: Vec<Value>,
}

/// A running Envoy; ends with this value.
pub(crate) struct Envoy {
    process: Process,
    addresses: Vec<SocketAddr>,
}

impl Envoy {
    /// Starts Envoy with a listener for each list of filters and waits until it accepts connections.
    pub(crate) fn start(ground: &Ground, workers: usize, variants: &[Vec<Value>]) -> Result<Self> {
        let addresses = free_addresses(variants.len())?;
        let listeners: Vec<_> = (variants.iter().zip(&addresses).enumerate())
            .map(|(number, (filters, address))| {
                filters::listener(&format!("variant-{number}"), address.port(), filters.clone())
            })
            .collect();
        let bootstrap = json!({"static_resources": {"listeners": listeners, "clusters": ground.clusters}});
        let path = ground.home.join("envoy-bootstrap.json");
        std::fs::write(&path, bootstrap.to_string())?;
        let log = ground.home.join("envoy.log");
        let child = Command::new(&ground.binary)
            .args(["--use-dynamic-base-id", "--disable-hot-restart", "--log-level", "error", "--concurrency"])
            .arg(workers.to_string())
            .arg("--config-path")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        let mut envoy = Self { process: Process(child), addresses };
        envoy.wait_until_ready(&log)?;
        Ok(envoy)
    }

    fn wait_until_ready(&mut self, log: &Path) -> Result<()> {
        let deadline = Instant::now() + START;
        for address in self.addresses.clone() {
            while TcpStream::connect(address).is_err() {
                if let Some(status) = self.process.0.try_wait()? {
                    let log = std::fs::read_to_string(log).unwrap_or_default();
                    let end: String = log.chars().take(2000).collect();
                    return Err(format!("Envoy ended while starting: {status}\n{end}").into());
                }
                if Instant::now() > deadline {
                    return Err("Envoy did not start in time".into());
                }
                std::thread::sleep(POLL);
            }
        }
        Ok(())
    }

    /// Where the listener of a variant is.
    pub(crate) fn address(&self, variant: usize) -> Result<SocketAddr> {
        self.addresses.get(variant).copied().ok_or_else(|| "no such variant".into())
    }

    /// CPU time of the worker thread so far, in nanoseconds.
    pub(crate) fn worker_cpu_nanos(&self) -> Result<u64> {
        self.process.cpu_nanos(Some("wrk:worker_0"))
    }

    /// Memory that is its own and in use, in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        self.process.memory()
    }
}

/// Addresses that are free now, all different: bound at once, then left to Envoy.
fn free_addresses(count: usize) -> Result<Vec<SocketAddr>> {
    let listeners =
        (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0))).collect::<std::io::Result<Vec<_>>>()?;
    Ok(listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<_>>()?)
}
