//! `palisade serve`: hands the signed files of a directory to gateways.

mod answer;
mod body;
mod connection;
mod directory;
mod end;
mod event;
mod reports;
mod signals;
mod tls;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::Args;
use palisade_gateway::bundle::Root;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use answer::Desk;
use connection::{Door, Purpose};
use directory::Directory;
use event::{Event, Log};
use signals::Receiver;
use tls::{Identity, TlsFiles};

use super::console::Console;
use super::verify::OptionalTrust;
use super::{Exit, Failure, Format, clock, files, root};
use crate::distribution::fleet::Fleet;
use crate::distribution::progress::Progress;
use crate::distribution::trustees::Trustees;
use crate::limits::{SERVED_CLIENTS, SERVED_CONNECTIONS, SERVED_REPORTS};

/// Serve the bundles and signed documents of a directory to gateways.
///
/// Files are `NAME.palisade`, `NAME.candidate.palisade`, `NAME.freshness.json`, `NAME.root.N.json`, `NAME.revocations.json` and
/// `NAME.revocations.SERIAL.json`, where NAME is the channel that they are for; nothing else is served. Publish by rename: a file that is not whole is not
/// served, and the last good bytes are meanwhile. `GET` and `HEAD` have strong entity tags; `If-None-Match` with
/// `Prefer: wait=N` is answered when the file changes. Gateways post status reports to `/reports`: with client certificates, or on
/// this machine. Ends on SIGTERM or SIGINT.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The directory
    directory: PathBuf,
    /// Address to listen on; port 0 takes any, and the first line says which
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8443")]
    listen: SocketAddr,
    /// Certificate chain of this server in PEM form, its own first; read again when it changes
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key in PEM form, readable by its owner only
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Authorities in PEM form, one of which must have issued the certificate that each client then needs
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Serve without TLS on an address that is not loopback
    #[arg(long, conflicts_with = "tls_cert")]
    plain_http: bool,
    #[command(flatten)]
    trust: OptionalTrust,
    /// Serve only what is signed as gateways with this root demand, and follow the roots after it; repeatable, one for each channel
    #[arg(long = "root", value_name = "FILE", conflicts_with_all = ["keys", "threshold"])]
    roots: Vec<PathBuf>,
    /// Loopback address at which `GET /` tells which client has which version, and what gateways say decides in them, as JSON
    #[arg(long, value_name = "ADDRESS")]
    progress: Option<SocketAddr>,
    /// Take security events (SSF, CAEP) of identity providers by push, and publish what is revoked for them: a file in TOML
    #[arg(long, value_name = "FILE")]
    ssf: Option<PathBuf>,
    /// Form of the events on standard output: the access log, and what happens to files and clients
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// How long requests have to end after a signal. Those that wait for a change are answered at once.
const GRACE: Duration = Duration::from_secs(10);

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { directory, listen, tls_cert, tls_key, client_ca, plain_http, trust, roots, progress, ssf, format } =
        arguments;
    let tls = match (tls_cert, tls_key) {
        (Some(certificate), Some(key)) => {
            Some(TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca: client_ca.clone() })
        }
        (None | Some(_), None) | (None, Some(_)) => None,
    };
    if tls.is_none() && !plain_http && !listen.ip().is_loopback() {
        let message = format!("`{listen}` is no loopback address: give it --tls-cert and --tls-key, or --plain-http");
        return Err(Failure::new("serve.plain_http", message));
    }
    if let Some(address) = progress.filter(|address| !address.ip().is_loopback()) {
        return Err(Failure::new("serve.progress", format!("`{address}` is no loopback address")));
    }
    let identity = tls.map(Identity::load).transpose()?;
    let receiver = ssf.as_deref().map(|file| Receiver::load(file, directory)).transpose()?;
    let directory = Directory::open(directory, trustees(trust, roots)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| Failure::new("serve.runtime", error))?;
    let (log, events) = event::channel();
    let plan = Plan { directory, listen: *listen, identity, progress: *progress, receiver: receiver.map(Arc::new) };
    // The server works beside; this thread prints, and a slow reader of standard output holds up nobody else.
    std::thread::scope(|scope| {
        let server = scope.spawn(|| runtime.block_on(serve(plan, log)));
        let printed = event::print(&events, *format, console);
        drop(events);
        let served = server.join().map_err(|_| Failure::new("internal", "the server panicked; please report this"))?;
        // What was not served is the better reason of the two.
        served.and(printed)
    })?;
    runtime.shutdown_timeout(Duration::ZERO);
    Ok(Exit::Success)
}

/// Whose signatures files must have: of the keys that are given, or those that the roots name, or anybody's.
fn trustees(trust: &OptionalTrust, roots: &[PathBuf]) -> Result<Trustees, Failure> {
    if let Some(keys) = trust.set()? {
        return Ok(Trustees::Keys(keys));
    }
    if roots.is_empty() {
        return Ok(Trustees::Anybody);
    }
    let roots: Vec<Root> =
        roots.iter().map(|path| root::chain(std::slice::from_ref(path))).collect::<Result<_, Failure>>()?;
    Trustees::of_roots(roots).ok_or_else(|| Failure::new("serve.root", "two roots are for one channel"))
}

/// Threads that answer. One carries thousands of waiting gateways; more are for TLS, when all of them fetch a new bundle.
const WORKERS: usize = 4;

/// What is to be served, and where.
struct Plan {
    directory: Directory,
    listen: SocketAddr,
    identity: Option<Identity>,
    progress: Option<SocketAddr>,
    receiver: Option<Arc<Receiver>>,
}

/// Serves until a signal, and until the requests of then have ended.
async fn serve(plan: Plan, log: Log) -> Result<(), Failure> {
    let Plan { mut directory, listen, identity, progress, receiver } = plan;
    let (stop, stopped) = watch::channel(false);
    let ended = end::signal()?;
    directory.look().into_iter().for_each(|event| log.send(event));
    let (shelf_sender, shelf) = watch::channel(directory.shelf());
    let desk = Arc::new(Desk {
        shelf,
        stopped: stopped.clone(),
        progress: Mutex::new(Progress::new(SERVED_CLIENTS)),
        fleet: Mutex::new(Fleet::new(SERVED_REPORTS)),
        log: log.clone(),
        receiver,
    });
    let tls = identity.as_ref().map(Identity::current);
    let room = Arc::new(Semaphore::new(SERVED_CONNECTIONS));
    let mut tasks = JoinSet::new();
    let doors = [Some((listen, tls, Purpose::Files)), progress.map(|address| (address, None, Purpose::Progress))];
    for (address, tls, purpose) in doors.into_iter().flatten() {
        let bind = |error: std::io::Error| Failure::new("serve.listen", format!("`{address}`: {error}"));
        let listener = TcpListener::bind(address).await.map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        log.send(Event::Listening { address, tls: tls.is_some(), purpose });
        let door = Door { purpose, tls, desk: Arc::clone(&desk), room: Arc::clone(&room), stopped: stopped.clone() };
        tasks.spawn(door.open(listener));
    }
    drop((desk, stopped));
    let files = tokio::spawn(directory.keep_current(shelf_sender, log.clone()));
    let certificates = identity.map(|identity| tokio::spawn(identity.keep_current(log.clone())));
    ended.await;
    log.send(Event::Stopping);
    let _ = stop.send(true);
    let _ = tokio::time::timeout(GRACE, async { while tasks.join_next().await.is_some() {} }).await;
    files.abort();
    if let Some(certificates) = certificates {
        certificates.abort();
    }
    Ok(())
}

/// Now, for events; 0 before 1970, which no event is worth failing for.
fn now() -> u64 {
    clock::now().unwrap_or_default()
}
