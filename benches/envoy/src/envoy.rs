//! One Envoy with one worker, which answers every request by itself, and what its worker has spent.

use crate::Result;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long an Envoy may take until it accepts connections: it compiles the module first.
const START: Duration = Duration::from_secs(30);
/// Between two attempts to connect.
const POLL: Duration = Duration::from_millis(20);

/// A wasm filter to load.
pub(crate) struct Wasm {
    /// The module's file.
    pub(crate) module: PathBuf,
    /// The plugin configuration.
    pub(crate) configuration: String,
}

/// A running Envoy; ends with this value.
pub(crate) struct Envoy {
    process: Child,
    address: SocketAddr,
}

impl Envoy {
    /// Starts Envoy and waits until it accepts connections.
    pub(crate) fn start(binary: &Path, wasm: Option<&Wasm>) -> Result<Self> {
        // Bound once to learn a free port, then left to Envoy.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let process = Command::new(binary)
            .args(["--concurrency", "1", "--use-dynamic-base-id", "--log-level", "error"])
            .arg("--config-yaml")
            .arg(configuration(address, wasm).to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        let mut envoy = Self { process, address };
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = envoy.process.try_wait()? {
                return Err(format!("Envoy ended while starting: {status}").into());
            }
            if Instant::now() > deadline {
                return Err("Envoy did not start in time".into());
            }
            std::thread::sleep(POLL);
        }
        Ok(envoy)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// CPU time of the worker thread so far, in nanoseconds.
    pub(crate) fn worker_cpu_nanos(&self) -> Result<u64> {
        for task in std::fs::read_dir(format!("/proc/{}/task", self.process.id()))? {
            let task = task?.path();
            if std::fs::read_to_string(task.join("comm"))?.trim() == "wrk:worker_0" {
                let schedstat = std::fs::read_to_string(task.join("schedstat"))?;
                let nanos = schedstat.split(' ').next().ok_or("schedstat is empty")?;
                return Ok(nanos.parse()?);
            }
        }
        Err("Envoy has no worker thread".into())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Nothing to do about a process that has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn configuration(address: SocketAddr, wasm: Option<&Wasm>) -> Value {
    let mut filters = Vec::new();
    if let Some(Wasm { module, configuration }) = wasm {
        filters.push(json!({
            "name": "measured",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "measured",
                    "vm_config": {
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": module}},
                    },
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": configuration,
                    },
                },
            },
        }));
    }
    filters.push(json!({
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    json!({
        "static_resources": {
            "listeners": [{
                "address": {"socket_address": {"address": address.ip(), "port_value": address.port()}},
                "filter_chains": [{"filters": [{
                    "name": "hcm",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "bench",
                        "http_filters": filters,
                        "route_config": {"virtual_hosts": [{
                            "name": "all",
                            "domains": ["*"],
                            "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                        }]},
                    },
                }]}],
            }],
        },
    })
}
