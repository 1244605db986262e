//! A real Envoy that runs an example's own envoy.yaml.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::example::Example;
use crate::http1::Request;
use crate::process::Process;
use crate::record::AccessLine;
use crate::turn::Turn;
use crate::wait;

/// A running Envoy.
#[derive(Debug)]
pub struct Envoy {
    process: Process,
    admin: SocketAddr,
    address: SocketAddr,
}

/// What an Envoy is started with.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// The right to start it now.
    pub turn: &'a Turn,
    /// The binary.
    pub program: &'a Path,
    /// A folder of its own.
    pub home: &'a Path,
    /// The file that holds the filter.
    pub filter: &'a Path,
    /// What is run.
    pub example: Example,
    /// Where allowed requests go.
    pub upstream: SocketAddr,
    /// Where those go that are for another server of the example, if it has one.
    pub other: SocketAddr,
    /// Whether requests for any host are routed, and not only those of the example.
    pub any_host: bool,
    /// Paths below which Envoy has the filter switched off, as somebody could by mistake; the quickstart only.
    pub unfiltered: Option<&'a str>,
    /// The port of 127.0.0.1 to listen on; 0 for a free one.
    pub port: u16,
    /// Where the issuer publishes its keys; the cluster `issuer` leads there.
    pub keys: Option<SocketAddr>,
    /// The transport socket of that cluster, as YAML; `None` for no TLS.
    pub keys_socket: Option<&'a str>,
    /// Where bundles are fetched from; the cluster `bundles` leads there.
    pub bundles: Option<SocketAddr>,
    /// Further clusters by name, of one address each.
    pub clusters: &'a [(&'a str, SocketAddr)],
    /// Further servers by name, each below the path `/NAME/`; the MCP example only.
    pub servers: &'a [(&'a str, SocketAddr)],
    /// The listener's transport socket, as YAML; `None` for no TLS.
    pub transport_socket: Option<&'a str>,
    /// Worker threads. With one, the request after a crash meets the worker that crashed.
    pub workers: u32,
    /// The number that an Envoy and its successors have in common, and how many came before this one; `None` for an Envoy that is
    /// never replaced by a successor.
    pub succession: Option<(u32, u32)>,
}

impl Envoy {
    /// Starts Envoy and waits until it takes requests.
    ///
    /// # Errors
    ///
    /// Envoy ended instead; the error holds the end of its log.
    pub fn start(start: Start<'_>) -> Result<Self> {
        let mut process = Self::spawn(start)?;
        let admin_file = admin_file(start.home);
        let admin = wait::until("Envoy's admin interface", || {
            process.check_running("Envoy")?;
            Ok(fs::read_to_string(&admin_file).ok().and_then(|text| text.parse().ok()))
        })?;
        let address = wait::until("Envoy to take requests", || {
            process.check_running("Envoy")?;
            if get(admin, "/ready")? != "LIVE\n" {
                return Ok(None);
            }
            listener(&get(admin, "/listeners?format=json")?)
        })?;
        Ok(Self { process, admin, address })
    }

    /// Starts Envoy and waits until it ends by itself; returns its log.
    ///
    /// # Errors
    ///
    /// It did not end, or ended well.
    pub fn refusal(start: Start<'_>) -> Result<String> {
        let mut process = Self::spawn(start)?;
        let status = wait::until("Envoy to refuse its configuration", || Ok(process.exited()?))?;
        ensure!(!status.success(), "Envoy ended well:\n{}", process.output()?);
        process.output()
    }

    fn spawn(start: Start<'_>) -> Result<Process> {
        let Start { program, home, workers, succession, .. } = start;
        let configuration = home.join("envoy.yaml");
        fs::write(&configuration, render(start)?)?;
        let _ = fs::remove_file(admin_file(home));
        let mut arguments: Vec<OsString> = vec![
            "--config-path".into(),
            configuration.into(),
            "--admin-address-path".into(),
            admin_file(home).into(),
            "--concurrency".into(),
            workers.to_string().into(),
            // The access log is read while Envoy runs; the default is 10 s.
            "--file-flush-interval-msec".into(),
            "10".into(),
        ];
        match succession {
            // Several Envoys run side by side.
            None => arguments.push("--disable-hot-restart".into()),
            Some((family, epoch)) => {
                let (family, epoch) = (family.to_string(), epoch.to_string());
                let options = ["--base-id", &family, "--restart-epoch", &epoch];
                let quick = ["--drain-time-s", "1", "--parent-shutdown-time-s", "2"];
                arguments.extend(options.into_iter().chain(quick).map(OsString::from));
            }
        }
        Process::start(program, arguments, &home.join("envoy.log"))
    }

    /// Where it takes requests.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its admin interface is.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// A counter or gauge, 0 if Envoy does not have it (yet).
    ///
    /// # Errors
    ///
    /// The admin interface failed.
    pub fn stat(&self, name: &str) -> Result<u64> {
        let text = self.stats()?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")?.parse().ok());
        Ok(value.unwrap_or(0))
    }

    /// Waits until a counter is at least that high, and says how high it is then. What the filter counts arrives a second later.
    ///
    /// # Errors
    ///
    /// The admin interface failed, or [`wait::DEADLINE`] passed.
    pub fn await_stat(&self, name: &str, least: u64) -> Result<u64> {
        wait::until(&format!("{name} to reach {least}"), || Ok(Some(self.stat(name)?).filter(|value| *value >= least)))
    }

    /// Every statistic, a line each.
    ///
    /// # Errors
    ///
    /// The admin interface failed.
    pub fn stats(&self) -> Result<String> {
        get(self.admin, "/stats")
    }

    /// Its resident memory, in bytes.
    ///
    /// # Errors
    ///
    /// The kernel does not tell.
    pub fn resident_bytes(&self) -> Result<u64> {
        self.process.resident_bytes()
    }

    /// Envoy's log, the access log included.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn log(&self) -> Result<String> {
        self.process.output()
    }

    /// The file that holds the log.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        self.process.output_path()
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    ///
    /// The operating system cannot tell.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.process.exited()?.is_some())
    }

    /// Fails if Envoy is no longer there.
    ///
    /// # Errors
    ///
    /// It ended; the error holds its log.
    pub fn check_running(&mut self) -> Result<()> {
        self.process.check_running("Envoy")
    }

    /// The access line whose decision record has this id, awaited.
    ///
    /// # Errors
    ///
    /// No such line came.
    pub fn access_line(&self, decision_id: &str) -> Result<AccessLine> {
        wait::until(&format!("the record of decision {decision_id}"), || {
            let log = self.log()?;
            // What follows the last line break is still being written.
            let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
            for line in complete.lines().filter(|line| line.contains(decision_id)) {
                if let Some(line) = AccessLine::parse(line)?
                    && line.text("decision_id") == Some(decision_id)
                {
                    return Ok(Some(line));
                }
            }
            Ok(None)
        })
    }
}

fn admin_file(home: &Path) -> PathBuf {
    home.join("admin-address")
}

fn get(admin: SocketAddr, path: &str) -> Result<String> {
    let answer = Request::new("GET", "admin", path).send(admin)?;
    String::from_utf8(answer.body).context("the admin interface did not send text")
}

fn listener(listeners: &str) -> Result<Option<SocketAddr>> {
    let listeners: Value = serde_json::from_str(listeners)?;
    let socket = listeners.pointer("/listener_statuses/0/local_address/socket_address");
    let Some(socket) = socket else {
        return Ok(None);
    };
    let address = socket.get("address").and_then(Value::as_str).unwrap_or_default();
    let port = socket.get("port_value").and_then(Value::as_u64).unwrap_or_default();
    // Port 0: configured, not bound yet.
    Ok(format!("{address}:{port}").parse().ok().filter(|address: &SocketAddr| address.port() != 0))
}

/// The example's envoy.yaml with its addresses and paths replaced; everything else is what ships.
fn render(start: Start<'_>) -> Result<String> {
    let shipped = start.example.folder().join("envoy.yaml");
    let mut text = fs::read_to_string(&shipped).with_context(|| format!("cannot read `{}`", shipped.display()))?;
    let socket = |address: SocketAddr| format!("{{ address: {}, port_value: {} }}", address.ip(), address.port());
    let mut replacements = vec![
        ("{ address: 127.0.0.1, port_value: 9901 }", "{ address: 127.0.0.1, port_value: 0 }".to_owned()),
        ("{ address: 0.0.0.0, port_value: 8080 }", format!("{{ address: 127.0.0.1, port_value: {} }}", start.port)),
        ("{ address: upstream, port_value: 8080 }", socket(start.upstream)),
        ("{ path: /etc/palisade/filter/palisade.json }", format!("{{ path: {} }}", start.filter.display())),
    ];
    match start.example {
        Example::Quickstart => {}
        // Where bundles come from.
        Example::Fleet => replacements.push(("{ address: bundles.internal, port_value: 8443 }", socket(start.other))),
        Example::Mcp => replacements.push(("{ address: everything, port_value: 3001 }", socket(start.other))),
        Example::A2a => replacements.push(("{ address: planner, port_value: 3001 }", socket(start.other))),
    }
    if start.any_host {
        replacements.push((r#"[tools.internal, "tools.internal:*"]"#, r#"["*"]"#.to_owned()));
    }
    if let Some(prefix) = start.unfiltered {
        let route = "              - match: { prefix: / }\n                route: { cluster: internal-apis }\n";
        let off = "{ \"@type\": type.googleapis.com/envoy.config.route.v3.FilterConfig, disabled: true }";
        let open = format!(
            "              - match: {{ prefix: {prefix} }}\n                route: {{ cluster: internal-apis }}\n                typed_per_filter_config: {{ palisade: {off} }}\n"
        );
        replacements.push((route, format!("{open}{route}")));
    }
    for (name, _) in start.servers {
        let route = "              - match: { prefix: /files/ }\n";
        let other = format!("              - match: {{ prefix: /{name}/ }}\n");
        let own = format!("{other}                route: {{ cluster: {name}, timeout: 0s }}\n");
        replacements.push((route, format!("{own}{route}")));
    }
    if start.example == Example::Fleet {
        let certificates = "/etc/palisade/tls/";
        ensure!(text.contains(certificates), "`{}` should have certificates in `{certificates}`", shipped.display());
        text = text.replace(certificates, &format!("{}/tls/", start.home.display()));
    }
    for (from, to) in replacements {
        ensure!(text.matches(from).count() == 1, "`{}` should have one `{from}`", shipped.display());
        text = text.replace(from, &to);
    }
    // The clusters come last in the file.
    if let Some(keys) = start.keys {
        text.push_str(&cluster("issuer", keys, start.keys_socket));
    }
    if let Some(bundles) = start.bundles {
        text.push_str(&cluster("bundles", bundles, None));
    }
    for (name, address) in start.clusters.iter().chain(start.servers) {
        text.push_str(&cluster(&format!("\"{name}\""), *address, None));
    }
    if start.workers > 1 {
        // The kernel would give all connections of a test to one worker as soon as not.
        let from = "    filter_chains:\n";
        ensure!(text.matches(from).count() == 1, "`{}` should have one listener", shipped.display());
        text = text.replace(from, &format!("    connection_balance_config: {{ exact_balance: {{}} }}\n{from}"));
    }
    if let Some(socket) = start.transport_socket {
        let from = "    filter_chains:\n    - filters:\n";
        ensure!(text.matches(from).count() == 1, "`{}` should have one filter chain", shipped.display());
        text = text.replace(from, &format!("    filter_chains:\n    - transport_socket: {socket}\n      filters:\n"));
    }
    Ok(text)
}

/// A cluster of one address.
fn cluster(name: &str, address: SocketAddr, socket: Option<&str>) -> String {
    let socket = socket.map(|socket| format!("    transport_socket: {socket}\n")).unwrap_or_default();
    let (ip, port) = (address.ip(), address.port());
    let endpoint = format!("{{ address: {{ socket_address: {{ address: {ip}, port_value: {port} }} }} }}");
    format!(
        "  - name: {name}\n    type: STATIC\n    connect_timeout: 1s\n    load_assignment:\n      cluster_name: {name}\n      endpoints: [{{ lb_endpoints: [{{ endpoint: {endpoint} }}] }}]\n{socket}"
    )
}
