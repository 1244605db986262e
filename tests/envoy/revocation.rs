//! Revocation: who is revoked gets no further answer, on new requests and on streams that are under way.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::scripted::{Script, Scripted};
use palisade_tests::token::Token;
use palisade_tests::tools::Tools;
use palisade_tests::wait;
use tempfile::TempDir;

use crate::fixture::{assert_allowed, assert_denied, home, read};

const CHANNEL: &str = "quickstart";
/// Longest silence on a stream; reached only when something hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A token of an agent who may read.
fn token(gateway: &Gateway, subject: &str) -> Result<String> {
    Ok(Token::coder().claim("sub", subject).sign(gateway.key(Algorithm::Es256)?))
}

/// A gateway with a list in which nobody of these tests is, in front of a server.
struct World {
    gateway: Gateway,
    home: TempDir,
}

impl World {
    fn start(options: Options<'_>) -> Result<Self> {
        let home = home()?;
        let gateway = Gateway::start_with(home.path(), options, |workshop, wasm| {
            let bundle = workshop.bundle(Recipe::GOOD)?;
            let list = workshop.revoke(home.path(), CHANNEL, &["subject", "dev/nobody"])?;
            let list = list.display().to_string();
            Ok((workshop.filter_with(&bundle, wasm, &["--revocations", &list, "--require-revocations"])?, bundle))
        })?;
        Ok(Self { gateway, home })
    }

    /// Revokes by the command, and has Envoy take the new list.
    fn revoke(&self, arguments: &[&str]) -> Result<()> {
        let Self { gateway, home } = self;
        let list = gateway.workshop.revoke(home.path(), CHANNEL, arguments)?;
        let list = serde_json::json!({"required": true, "inline": base64(&std::fs::read(list)?)});
        ensure!(gateway.replace_filter(&gateway.filter.clone().with_field("revocations", list)?)?, "refused");
        Ok(())
    }
}

/// Requests on connections of their own, of which each of two workers gets some: all but once in two thousand million times.
const MANY: usize = 32;

/// The status of an answer; 0 for none, as when a request is under way when the list comes that revokes its agent.
fn status(gateway: &Gateway, request: &Request) -> u16 {
    gateway.send(request).map_or(0, |answer| answer.status)
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn a_revoked_agent_is_stopped_and_nobody_else() -> Result<()> {
    let world = World::start(Options { workers: 2, ..Options::default() })?;
    let gateway = &world.gateway;
    let (revoked, other) = (token(gateway, "coder-7")?, token(gateway, "coder-8")?);
    assert_allowed(gateway, &read("before").bearer(&revoked))?;
    world.revoke(&["subject", "dev/coder-7", "--reason", "credential_compromise"])?;
    let request = read("after").bearer(&revoked);
    // Envoy has the file; each worker takes it between two requests.
    for _ in 0..MANY {
        wait::until("every worker to have the list", || Ok((status(gateway, &request) == 401).then_some(())))?;
    }
    let record = assert_denied(gateway, &request, 401, "revoked.subject")?.record.unwrap_or_default();
    ensure!(
        record["revocation"] == serde_json::json!({"kind": "subject", "reason": "credential_compromise", "serial": 2}),
        "{record}"
    );
    assert_allowed(gateway, &read("other").bearer(&other))?;

    world.revoke(&["subject", "dev/coder-7", "--remove"])?;
    wait::until("the agent to be believed again", || Ok((gateway.send(&request)?.status == 200).then_some(())))
}

#[test]
fn an_older_or_foreign_list_is_refused() -> Result<()> {
    let world = World::start(Options::default())?;
    let gateway = &world.gateway;
    let first = gateway.filter.configuration()?["revocations"].clone();
    world.revoke(&["subject", "dev/coder-7"])?;
    let request = read("revoked").bearer(&token(gateway, "coder-7")?);
    wait::until("the list to count", || Ok((status(gateway, &request) == 401).then_some(())))?;
    let (mut older, mut foreign) = (first.clone(), first.clone());
    older["required"] = false.into();
    foreign["inline"] = base64(b"{\"payload\":\"\",\"payloadType\":\"\",\"signatures\":[]}").into();
    for (what, list) in [("an older list", older), ("a list that nobody signed", foreign)] {
        let filter = gateway.filter.clone().with_field("revocations", list)?;
        ensure!(!gateway.replace_filter(&filter)?, "{what} was taken");
        assert_denied(gateway, &request, 401, "revoked.subject")?;
    }
    // Envoy does not ask again about a configuration that it had before; what was accepted last decides for it.
    gateway.replace_filter(&gateway.filter)?;
    assert_denied(gateway, &request, 401, "revoked.subject")?;
    ensure!(gateway.envoy.log()?.contains("revocations.rollback"), "no reason in the log");
    Ok(())
}

/// A server of a stream of events: one at once, one for each that the test asks for, until the gateway leaves.
pub(crate) struct Events {
    pub(crate) server: Scripted,
    pub(crate) more: [Sender<()>; 2],
    left: [Receiver<()>; 2],
}

impl Events {
    pub(crate) fn start() -> Result<Self> {
        let (first, more_a, left_a) = script();
        let (second, more_b, left_b) = script();
        let plain: Script = Box::new(|stream, _| {
            Ok(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?)
        });
        Ok(Self {
            server: Scripted::start([("a", first), ("b", second), ("plain", plain)])?,
            more: [more_a, more_b],
            left: [left_a, left_b],
        })
    }
}

fn script() -> (Script, Sender<()>, Receiver<()>) {
    let (more, asked) = channel::<()>();
    let (leaves, left) = channel();
    let asked = Mutex::new(asked);
    let script: Script = Box::new(move |stream, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes())?;
        event(stream)?;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reader = stream.try_clone()?;
        reader.set_read_timeout(Some(Duration::from_millis(20)))?;
        loop {
            if asked.try_recv().is_ok() {
                event(stream)?;
            }
            // The gateway sends nothing more on this connection: what can be read is its end.
            match reader.read(&mut [0; 1]) {
                Ok(_) => break,
                Err(error) if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                }
                Err(_) => break,
            }
        }
        let _ = leaves.send(());
        Ok(())
    });
    (script, more, left)
}

fn event(stream: &mut TcpStream) -> Result<()> {
    Ok(stream.write_all(b"9\r\ndata: 1\n\n\r\n")?)
}

/// The client's end of a stream of events.
pub(crate) struct Stream(TcpStream);

impl Stream {
    pub(crate) fn open(gateway: &Gateway, name: &str, token: &str) -> Result<Self> {
        let request = Request::new("GET", REPOS, &format!("/repos/handbook/files/stream?{name}")).bearer(token);
        let mut stream = TcpStream::connect(gateway.envoy.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&request.bytes())?;
        let mut stream = Self(stream);
        stream.event().context("the first event")?;
        Ok(stream)
    }

    /// Reads up to the end of the next event.
    pub(crate) fn event(&mut self) -> Result<()> {
        let mut seen = Vec::new();
        let mut byte = [0; 1];
        while !seen.ends_with(b"data: 1\n\n") {
            let read = self.0.read(&mut byte).with_context(|| format!("after {}", seen.escape_ascii()))?;
            ensure!(read == 1, "the stream ended: {}", seen.escape_ascii());
            seen.extend_from_slice(&byte);
        }
        Ok(())
    }

    /// Reads to the end, which must be none that a server would have written.
    pub(crate) fn cut(&mut self) -> Result<()> {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
            Err(error) => return Err(error).context("the stream is still there"),
        }
        ensure!(!rest.ends_with(b"0\r\n\r\n"), "it ended as if all had been said");
        Ok(())
    }
}

#[test]
fn a_stream_under_way_ends_when_its_agent_is_revoked() -> Result<()> {
    let events = Events::start()?;
    let world = World::start(Options { files: Some(events.server.address()), ..Options::default() })?;
    let gateway = &world.gateway;
    let (revoked, other) = (token(gateway, "coder-7")?, token(gateway, "coder-8")?);
    let mut ends = Stream::open(gateway, "a", &revoked)?;
    let mut lasts = Stream::open(gateway, "b", &other)?;
    world.revoke(&["subject", "dev/coder-7"])?;
    ends.cut()?;
    let [left, _] = &events.left;
    left.recv_timeout(PATIENCE).context("the server still sends to a stream that nobody has")?;
    let [_, more] = &events.more;
    more.send(())?;
    lasts.event().context("the stream of the other agent")?;
    ensure!(gateway.envoy.log()?.contains("is ended: revoked.subject"), "nothing in the log");
    assert_eq!(gateway.envoy.await_stat("wasmcustom.palisade_revoked_streams_total", 1)?, 1);
    Ok(())
}

#[test]
fn a_list_is_fetched_by_one_worker_and_in_force_on_all_within_seconds() -> Result<()> {
    let home = home()?;
    let lists = home.path().join("lists");
    std::fs::create_dir(&lists)?;
    let cli = Tools::from_env()?.cli;
    let server = BundleServer::start(&cli, &lists, &[], &home.path().join("serve.log"))?;
    let events = Events::start()?;
    let options =
        Options { workers: 2, keys: Some(server.address), files: Some(events.server.address()), ..Options::default() };
    let folder = home.path().join("gateway");
    std::fs::create_dir(&folder)?;
    let gateway = Gateway::start_with(&folder, options, |workshop, wasm| {
        let bundle = workshop.bundle(Recipe::GOOD)?;
        // Of the clusters that there are, this one leads to the server.
        let remote = ["--revocations-remote", "issuer=lists.internal", "--require-revocations", "--poll-interval", "1"];
        Ok((workshop.filter_with(&bundle, wasm, &remote)?, bundle))
    })?;
    let (revoked, other) = (token(&gateway, "coder-7")?, token(&gateway, "coder-8")?);
    let request = |token: &str| Request::new("GET", REPOS, "/repos/handbook/files/asked?plain").bearer(token);
    // Whoever must have a list and has none lets nobody pass.
    let answer = gateway.send(&request(&other))?;
    ensure!(gateway.access_line(&answer)?.text("reason") == Some("revocations.missing"), "{answer:?}");

    gateway.workshop.revoke(&lists, CHANNEL, &["subject", "dev/nobody"])?;
    let all_answer = |token: &str, status: u16| -> Result<()> {
        // Requests on connections of their own, which workers share between them.
        wait::until("every worker to have the list", || {
            Ok((0..MANY).all(|_| self::status(&gateway, &request(token)) == status).then_some(()))
        })
    };
    all_answer(&other, 200)?;
    let mut ends = Stream::open(&gateway, "a", &revoked)?;
    let mut lasts = Stream::open(&gateway, "b", &other)?;
    let begin = Instant::now();
    gateway.workshop.revoke(&lists, CHANNEL, &["subject", "dev/coder-7"])?;
    ends.cut()?;
    all_answer(&revoked, 401)?;
    ensure!(begin.elapsed() < Duration::from_secs(10), "it took {:?}", begin.elapsed());
    let [_, more] = &events.more;
    more.send(())?;
    lasts.event().context("the stream of the other agent")
}
