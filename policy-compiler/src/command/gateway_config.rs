//! `palisade gateway-config`: writes the plugin's configuration for a bundle.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use palisade_gateway::bundle::{Container, Expectation, Freshness, Role, TrustKey, TrustSet};
use palisade_gateway::{
    BundleSource, ClusterNames, ConfigurationFile, DecisionLog, DpopFile, Gateway, McpFile, NativeHost, OnForbidError,
    RemoteFile, RevocationsFile, StatusFile, StatusReportFile, TokenCacheFile, TrustFile, limits,
};
use serde_json::{Value, json};

use super::console::Console;
use super::verify::OptionalTrust;
use super::{Exit, Failure, clock, files};

/// Write the gateway's configuration for a signed bundle, or for a channel that bundles are fetched from.
///
/// The bundle is verified first: what a gateway would refuse is not written.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("fetched").args(["remote", "revocations_remote"]).multiple(true))]
pub(super) struct Arguments {
    /// The bundle; with --remote, the one to begin with
    #[arg(required_unless_present = "remote")]
    bundle: Option<PathBuf>,
    /// Fetch the channel's bundle over HTTP: the Envoy cluster that leads to the server, its authority, and the folder
    #[arg(long, value_name = "CLUSTER=AUTHORITY[/FOLDER]", value_parser = remote_file)]
    remote: Option<RemoteFile>,
    /// How often the server is asked, in seconds
    #[arg(long, value_name = "N", default_value_t = limits::FEED_INTERVAL_SECONDS, requires = "fetched")]
    poll_interval: u64,
    /// For how long the server may wait for something new, in seconds; 0 for no waiting
    #[arg(long, value_name = "N", default_value_t = limits::FEED_WAIT_SECONDS, requires = "fetched")]
    poll_wait: u32,
    /// The channel. Default: the root's or the bundle's
    #[arg(long, value_name = "NAME", required_unless_present_any = ["bundle", "roots"])]
    channel: Option<String>,
    #[command(flatten)]
    trust: OptionalTrust,
    /// The root that the gateway begins with, in place of --trust. Given several, in order, it is the last, and each must follow
    /// from the one before
    #[arg(long = "root", value_name = "FILE", conflicts_with_all = ["keys", "threshold"])]
    roots: Vec<PathBuf>,
    /// A freshness document for the bundle
    #[arg(long, value_name = "FILE")]
    freshness: Option<PathBuf>,
    /// Where to write; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
    /// Write a complete file for Envoy's extension discovery (ECDS) instead of the bare configuration
    #[arg(long)]
    ecds: bool,
    /// Path of the filter's module on the gateway, for --ecds
    #[arg(long, value_name = "PATH", default_value = "/etc/palisade/palisade.wasm", requires = "ecds")]
    wasm: String,
    /// Name of the filter in Envoy's configuration, for --ecds
    #[arg(long, value_name = "NAME", default_value = "palisade", requires = "ecds")]
    filter_name: String,
    /// Where decision records go: filter_state, log; repeatable
    #[arg(long, value_name = "WHERE", value_parser = decision_log, default_values = ["filter_state", "log"])]
    decision_log: Vec<DecisionLog>,
    /// Lowest version that the gateway accepts. Default: the bundle's
    #[arg(long, value_name = "N")]
    min_version: Option<u64>,
    /// File with 32 secret bytes in base64: DPoP proofs must then have a nonce made with them
    #[arg(long, value_name = "FILE")]
    dpop_nonce_key: Option<PathBuf>,
    /// File with 32 secret bytes in base64: MCP sessions are bound to their callers with them, on every gateway that has them
    #[arg(long, value_name = "FILE")]
    mcp_session_key: Option<PathBuf>,
    /// Envoy cluster that leads to a host, or to the keys of one issuer by its alias; for issuers with `jwks_uri`; repeatable
    #[arg(long, value_name = "HOST=CLUSTER", value_parser = host_and_cluster)]
    jwks_cluster: Vec<(String, String)>,
    /// Envoy cluster that leads to a host, or to the status lists of one issuer by its alias; for issuers with `status_lists`;
    /// repeatable
    #[arg(long, value_name = "HOST=CLUSTER", value_parser = host_and_cluster)]
    status_list_cluster: Vec<(String, String)>,
    /// Ask the channel's candidate, where there is one, beside the bundle that decides
    #[arg(long, requires = "remote")]
    candidate: bool,
    /// Fetch the channel's freshness document, too, which renews the bundle that decides
    #[arg(long, requires = "remote", conflicts_with = "freshness")]
    fetch_freshness: bool,
    /// Path at which the filter itself answers which bundle decides, to everybody who reaches it
    #[arg(long, value_name = "PATH")]
    status_path: Option<String>,
    /// Post which bundle decides, what went wrong and the like to a server such as `palisade serve`, whose path is /reports
    #[arg(long, value_name = "CLUSTER=AUTHORITY[/PATH]", value_parser = report_file)]
    report: Option<StatusReportFile>,
    /// How often that is posted at least, in seconds; what is new is at once
    #[arg(long, value_name = "N", default_value_t = limits::REPORT_INTERVAL_SECONDS, requires = "report")]
    report_interval: u64,
    /// What this gateway is called there
    #[arg(long, value_name = "NAME", requires = "report")]
    gateway_name: Option<String>,
    /// The signed list of what is revoked, of `palisade revoke`; where lists are fetched, the one to begin with
    #[arg(long, value_name = "FILE")]
    revocations: Option<PathBuf>,
    /// Fetch revocation lists from there. Default: from where bundles are fetched, with --revocations or --require-revocations
    #[arg(long, value_name = "CLUSTER=AUTHORITY[/FOLDER]", value_parser = remote_file)]
    revocations_remote: Option<RemoteFile>,
    /// Nobody may pass without a revocation list that is in date
    #[arg(long)]
    require_revocations: bool,
}

fn remote_file(text: &str) -> Result<RemoteFile, String> {
    let (cluster, place) = text.split_once('=').ok_or("expected CLUSTER=AUTHORITY[/FOLDER]")?;
    let (authority, folder) = place.split_once('/').unwrap_or((place, ""));
    let folder = folder.trim_end_matches('/');
    let prefix = if folder.is_empty() { "/".to_owned() } else { format!("/{folder}/") };
    Ok(RemoteFile { cluster: cluster.to_owned(), authority: authority.to_owned(), prefix, ..RemoteFile::default() })
}

fn report_file(text: &str) -> Result<StatusReportFile, String> {
    let (cluster, place) = text.split_once('=').ok_or("expected CLUSTER=AUTHORITY[/PATH]")?;
    let (authority, path) = match place.split_once('/') {
        Some((authority, path)) => (authority, format!("/{path}")),
        None => (place, StatusReportFile::PATH.to_owned()),
    };
    let (cluster, authority) = (cluster.to_owned(), authority.to_owned());
    Ok(StatusReportFile { cluster, authority, path, ..StatusReportFile::default() })
}

fn host_and_cluster(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((host, cluster)) if !host.is_empty() && !cluster.is_empty() => Ok((host.to_owned(), cluster.to_owned())),
        Some(_) | None => Err("expected HOST=CLUSTER".to_owned()),
    }
}

fn decision_log(text: &str) -> Result<DecisionLog, String> {
    match text {
        "filter_state" => Ok(DecisionLog::FilterState),
        "log" => Ok(DecisionLog::Log),
        _ => Err("`filter_state` or `log`".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments {
        bundle,
        remote,
        poll_interval,
        poll_wait,
        channel,
        trust,
        roots,
        freshness,
        output,
        ecds,
        wasm,
        filter_name,
        decision_log,
        min_version,
        dpop_nonce_key,
        mcp_session_key,
        jwks_cluster,
        status_list_cluster,
        candidate,
        fetch_freshness,
        status_path,
        report,
        report_interval,
        gateway_name,
        revocations,
        revocations_remote,
        require_revocations,
    } = arguments;
    let whom = Whom::read(trust, roots)?;
    let freshness = freshness.as_deref().map(files::read).transpose()?;
    let inline = bundle.as_deref().map(|path| Inline::read(path, &whom, freshness.as_deref())).transpose()?;
    let (of_bundle, version) = match &inline {
        Some(Inline { channel, version, .. }) => (Some(channel.clone()), *version),
        None => (None, 0),
    };
    let paced = |file: &RemoteFile| RemoteFile { poll_interval_s: *poll_interval, wait_s: *poll_wait, ..file.clone() };
    let remote = remote.as_ref().map(|file| RemoteFile { freshness: *fetch_freshness, ..paced(file) });
    let revoking = revocations.is_some() || revocations_remote.is_some() || *require_revocations;
    let revocations = RevocationsFile {
        required: *require_revocations,
        inline: revocations.as_deref().map(files::read).transpose()?.map(|bytes| STANDARD.encode(bytes)),
        remote: revocations_remote.as_ref().map(paced),
    };
    let nonce_key = secret(dpop_nonce_key.as_deref(), "config.nonce_key")?;
    let session_key = secret(mcp_session_key.as_deref(), "config.session_key")?;
    let is_secret = nonce_key.is_some() || session_key.is_some();
    let jwks_clusters = clusters(jwks_cluster, "config.jwks_cluster")?;
    let status_list_clusters = clusters(status_list_cluster, "config.status_list_cluster")?;
    let configuration = ConfigurationFile {
        bundle: BundleSource { inline: inline.map(|inline| inline.base64), remote },
        trust: whom.file,
        freshness: freshness.map(|bytes| STANDARD.encode(bytes)),
        channel: channel.clone().or(whom.channel).or(of_bundle),
        min_version: min_version.unwrap_or(version),
        on_forbid_error: OnForbidError::Deny,
        decision_log: decision_log.clone(),
        token_cache: TokenCacheFile { max_entries: limits::TOKEN_CACHE_ENTRIES },
        dpop: DpopFile { nonce_key, ..DpopFile::default() },
        mcp: McpFile { session_key },
        candidate: *candidate,
        status: status_path.clone().map(|path| StatusFile { path }),
        status_report: report.clone().map(|file| StatusReportFile {
            interval_s: *report_interval,
            gateway: gateway_name.clone(),
            ..file
        }),
        jwks_clusters,
        status_list_clusters,
        revocations: revoking.then_some(revocations),
    };
    let text = serde_json::to_string(&configuration).map_err(|error| Failure::new("internal", error))?;
    // The whole of it, by the gateway's own code.
    Gateway::configure(text.as_bytes(), &mut NativeHost::new())?;
    let text = match ecds {
        true => format!("{:#}\n", discovery_file(filter_name, wasm, &text)),
        false => format!("{text}\n"),
    };
    if files::is_standard(output) {
        console.bytes(text.as_bytes())?;
    } else if is_secret {
        files::write_secret(output, text.as_bytes())?;
    } else {
        files::write(output, text.as_bytes())?;
    }
    Ok(Exit::Success)
}

fn clusters(pairs: &[(String, String)], code: &'static str) -> Result<ClusterNames, Failure> {
    let mut names = ClusterNames::default();
    for (host, cluster) in pairs {
        if !names.insert(host, cluster) {
            return Err(Failure::new(code, format!("`{host}` has two clusters")));
        }
    }
    Ok(names)
}

/// Whom the gateway trusts.
struct Whom {
    file: TrustFile,
    bundle: TrustSet,
    freshness: TrustSet,
    channel: Option<String>,
}

impl Whom {
    fn read(trust: &OptionalTrust, roots: &[PathBuf]) -> Result<Self, Failure> {
        let Some(last) = roots.last() else {
            let set = trust.set()?.ok_or_else(|| Failure::new("trust.none", "give --trust or --root"))?;
            let keys = set.keys().iter().map(TrustKey::to_string).collect();
            let file = TrustFile::keys(keys, set.threshold());
            return Ok(Self { file, bundle: set.clone(), freshness: set, channel: None });
        };
        let root = super::root::chain(roots)?;
        Ok(Self {
            file: TrustFile::root(&files::read(last)?),
            bundle: root.role(Role::Bundle).clone(),
            freshness: root.role(Role::Freshness).clone(),
            channel: Some(root.file().channel.clone()),
        })
    }
}

/// A bundle that is part of the configuration.
struct Inline {
    base64: String,
    channel: String,
    version: u64,
}

impl Inline {
    /// Verifies it as the gateway will.
    fn read(path: &Path, whom: &Whom, freshness: Option<&[u8]>) -> Result<Self, Failure> {
        let bytes = files::read(path)?;
        let now_seconds = clock::now()?;
        let expectation = Expectation { channel: whom.channel.as_deref(), min_version: 0, now_seconds };
        let verified = Container::read(&bytes)?.verify(&whom.bundle)?;
        let verified = match freshness {
            Some(bytes) => {
                let freshness = Freshness::verify(bytes, &whom.freshness, now_seconds);
                verified.renewed(&freshness.map_err(|error| Failure::new(error.code(), error))?)
            }
            None => verified,
        };
        let active = verified.accept(&expectation)?.open()?;
        let manifest = active.manifest();
        Ok(Self { base64: STANDARD.encode(&bytes), channel: manifest.channel.clone(), version: manifest.version })
    }
}

/// A secret key, checked as the gateway checks it.
fn secret(path: Option<&Path>, code: &'static str) -> Result<Option<String>, Failure> {
    let Some(path) = path else { return Ok(None) };
    let text = files::read_secret(path)?.trim().to_owned();
    match STANDARD.decode(&text) {
        Ok(bytes) if bytes.len() == 32 => Ok(Some(text)),
        Ok(_) | Err(_) => Err(Failure::new(code, "the file does not hold 32 bytes in base64")),
    }
}

/// A discovery response with one `TypedExtensionConfig`, the form that Envoy reads from a file.
fn discovery_file(filter_name: &str, wasm: &str, configuration: &str) -> Value {
    json!({
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": filter_name,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": filter_name,
                    "root_id": filter_name,
                    // A crashed filter comes back in a new VM, and lets no request by meanwhile.
                    "failure_policy": "FAIL_RELOAD",
                    // Without it, whatever is paused in its headers waits for ever.
                    "allow_on_headers_stop_iteration": true,
                    "vm_config": {
                        "vm_id": filter_name,
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": wasm}},
                    },
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": configuration,
                    },
                },
            },
        }],
    })
}
