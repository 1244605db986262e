//! Answers that hold lists, through a real Envoy: what a server says, in every way that it can say it.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::iter;
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use palisade_tests::case::{Case, CaseFile};
use palisade_tests::example::Example;
use palisade_tests::gateway::{DECISION_ID, Gateway, Options};
use palisade_tests::http1::{Connection, Request, Response, single};
use palisade_tests::http2::TrailerPost;
use palisade_tests::key::Algorithm;
use palisade_tests::outcome;
use palisade_tests::scripted::{Script, Scripted};
use palisade_tests::token::Token;
use serde_json::{Value, json};

use crate::fixture::{home, shared_folder};

const HOST: &str = "tools.internal";
const LIST: &str = r#"{"jsonrpc":"2.0","id":"q","method":"tools/list"}"#;
const CALL: &str =
    r#"{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"echo","arguments":{"message":"hello"}}}"#;
const ANSWER: &str =
    r#"{"jsonrpc":"2.0","id":"q","result":{"tools":[{"name":"echo"},{"name":"get-env"}],"nextCursor":""}}"#;
const FILTERED: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"tools":[{"name":"echo"}],"nextCursor":""}}"#;
const PROGRESS: &str = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n";

/// A gateway in front of a server that answers as tests say.
struct Pair {
    gateway: Gateway,
    server: Scripted,
}

impl Pair {
    fn start(folder: &Path) -> Result<Self> {
        let server = Scripted::start(iter::empty::<(String, Script)>())?;
        let options = Options { example: Example::Mcp, other: Some(server.address()), ..Options::default() };
        Ok(Self { gateway: Gateway::start(folder, options)?, server })
    }

    /// The one of every test that counts nothing.
    fn shared() -> Result<&'static Self> {
        static SHARED: OnceLock<std::result::Result<Pair, String>> = OnceLock::new();
        let pair = SHARED.get_or_init(|| {
            let start = || Self::start(&shared_folder("lists")?);
            start().map_err(|error| format!("{error:?}"))
        });
        pair.as_ref().map_err(|error| anyhow!("the shared gateway did not start: {error}"))
    }
}

/// What one test asks a pair: a name in a query stands for an answer of its own.
struct World<'a> {
    pair: &'a Pair,
    test: &'static str,
    token: String,
}

impl<'a> World<'a> {
    /// Asks the shared pair. `test` is a word that no other test has.
    fn start(test: &'static str, scripts: impl IntoIterator<Item = (impl AsRef<str>, Script)>) -> Result<Self> {
        Self::with(Pair::shared()?, test, scripts)
    }

    fn with(
        pair: &'a Pair,
        test: &'static str,
        scripts: impl IntoIterator<Item = (impl AsRef<str>, Script)>,
    ) -> Result<Self> {
        let token = Token::coder().claim("teams", json!(["engineering"]));
        let token = token.sign(pair.gateway.key(Algorithm::Es256)?);
        let world = Self { pair, test, token };
        pair.server.add(scripts.into_iter().map(|(name, script)| (world.query(name.as_ref()), script)));
        Ok(world)
    }

    fn gateway(&self) -> &'a Gateway {
        &self.pair.gateway
    }

    /// The query that is answered by the script of this name.
    fn query(&self, name: &str) -> String {
        format!("{}.{name}", self.test)
    }

    fn path(&self, name: &str) -> String {
        format!("/everything/mcp?{}", self.query(name))
    }

    fn request(&self, name: &str) -> Request {
        let request = Request::new("POST", HOST, &self.path(name)).bearer(&self.token);
        let request =
            request.header("accept", "application/json, text/event-stream").header("accept-encoding", "gzip, br");
        request.header("content-type", "application/json").body(LIST)
    }

    fn list(&self, name: &str) -> Result<Response> {
        self.gateway().send(&self.request(name)).with_context(|| name.to_owned())
    }

    /// The same over HTTP/2.
    fn list2(&self, name: &str) -> Result<Response> {
        let path = self.path(name);
        let content_type = Some("application/json");
        let post =
            TrailerPost { host: HOST, path: &path, token: Some(&self.token), content_type, body: LIST, trailers: &[] };
        post.send(self.gateway().envoy.address()).with_context(|| name.to_owned())
    }

    /// The answer is an error with the request's id, and nothing of the server's.
    fn assert_refused(&self, answer: &Response, reason: &str) -> Result<()> {
        ensure!(answer.status == 502, "expected 502 for {reason}: {answer:?}");
        let message = answer.json()?;
        ensure!(message["id"] == "q" && message["error"]["code"] == -32603, "{message}");
        ensure!(message["error"]["data"]["reason"] == "unusable_answer", "{message}");
        let id = message["error"]["data"]["decision_id"].as_str().context("no decision id")?;
        let line = self.gateway().envoy.access_line(id)?;
        let told = line.record.as_ref().and_then(|record| record.pointer("/answer/refused")).and_then(Value::as_str);
        ensure!(told == Some(reason), "expected {reason}: {line:?}");
        Ok(())
    }

    /// The worker's VM is the one that it started with, and filters.
    fn assert_alive(&self) -> Result<()> {
        ensure!(self.list("json")?.body == FILTERED.as_bytes());
        for counter in ["vm_reload_success", "vm_reload_failure", "vm_reload_backoff"] {
            ensure!(self.gateway().envoy.stat(&format!("wasm.palisade.{counter}"))? == 0, "{counter}");
        }
        Ok(())
    }
}

/// An answer of these bytes.
fn bytes(answer: impl Into<Vec<u8>>) -> Script {
    let answer = answer.into();
    Box::new(move |stream, _| Ok(stream.write_all(&answer)?))
}

fn json_answer(body: &str) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n", body.len());
    format!("{head}etag: \"x\"\r\nconnection: close\r\n\r\n{body}").into_bytes()
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

const CHUNKED: &str = "connection: close\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunked_json(parts: &[&str]) -> Vec<u8> {
    let chunks: String = parts.iter().map(|part| chunk(part)).collect();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{CHUNKED}{chunks}0\r\n\r\n").into_bytes()
}

fn events(parts: &[&str]) -> Vec<u8> {
    let chunks: String = parts.iter().map(|part| chunk(part)).collect();
    format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{CHUNKED}{chunks}0\r\n\r\n").into_bytes()
}

#[test]
fn a_list_is_filtered_however_it_comes() -> Result<()> {
    let pieces: Vec<String> = ANSWER.chars().map(String::from).collect();
    let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
    let event = format!("id: 1\nevent: message\ndata: {ANSWER}\n\n");
    let (first, second) = event.split_at(60);
    let scripts = [
        ("json", bytes(json_answer(ANSWER))),
        ("chunked", bytes(chunked_json(&[ANSWER]))),
        ("pieces", bytes(chunked_json(&pieces))),
        ("same", bytes(json_answer(FILTERED))),
        ("events", bytes(events(&[PROGRESS, &event]))),
        ("event-pieces", bytes(events(&[PROGRESS, first, second]))),
        ("unfinished", bytes(events(&[&format!("data: {ANSWER}")]))),
    ];
    let home = home()?;
    let pair = Pair::start(home.path())?;
    let world = World::with(&pair, "filtered", scripts)?;
    for ask in [World::list, World::list2] {
        for name in ["json", "chunked", "pieces", "same"] {
            let answer = ask(&world, name)?;
            ensure!(answer.status == 200 && answer.body == FILTERED.as_bytes(), "{name}: {answer:?}");
            ensure!(answer.header("content-length").is_none_or(|length| length == FILTERED.len().to_string()));
            ensure!(answer.header("etag").is_some() == (name == "same"), "{name}: {answer:?}");
        }
        for name in ["events", "event-pieces"] {
            let answer = ask(&world, name)?;
            let expected = format!("{PROGRESS}id: 1\nevent: message\ndata: {FILTERED}\n\n");
            ensure!(answer.status == 200 && answer.body == expected.as_bytes(), "{name}: {answer:?}");
        }
        ensure!(ask(&world, "unfinished")?.body == format!("data: {FILTERED}\n").as_bytes());
    }
    for (result, count) in [("shown", 14), ("hidden", 12)] {
        let name = format!("wasmcustom.palisade_list_items_total.result.{result}");
        assert_eq!(world.gateway().envoy.await_stat(&name, count)?, count, "{result}");
    }
    world.assert_alive()
}

#[test]
fn every_case_with_an_answer_comes_out_as_written() -> Result<()> {
    let files = CaseFile::read_all(&Example::Mcp.folder())?;
    let cases: Vec<Case> = files.into_iter().flat_map(|file| file.cases).collect();
    let mut scripts = Vec::new();
    let mut asked = Vec::new();
    for mut case in cases {
        let Some(answer) = case.answer.clone() else { continue };
        let name = format!("answer-{}", asked.len());
        case.request.path = format!("{}?cases.{name}", case.request.path);
        asked.push(case);
        // By its decision's id, the test finds the record of a request.
        let script: Script = Box::new(move |stream, headers| {
            let id = single(headers, DECISION_ID).unwrap_or_default();
            Ok(stream.write_all(&answer.bytes(&[(DECISION_ID, id)]))?)
        });
        scripts.push((name, script));
    }
    let world = World::start("cases", scripts)?;
    let mut wrong = String::new();
    for case in &asked {
        let observed = outcome::observe(world.gateway(), case).with_context(|| case.name.clone())?.outcome;
        if observed != case.expect {
            writeln!(wrong, "{}\n  expected {:?}\n  observed {observed:?}", case.name, case.expect)?;
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    let refused = asked.iter().filter(|case| case.expect.answer_refused.is_some()).count();
    ensure!(asked.len() >= 20 && refused >= 9, "{refused} refusals of {}", asked.len());
    Ok(())
}

#[test]
fn nobody_asks_the_server_for_a_compressed_list() -> Result<()> {
    let script: Script = Box::new(|stream, headers| {
        let wish = single(headers, "accept-encoding").unwrap_or("none").to_owned();
        let body = format!(r#"{{"jsonrpc":"2.0","id":"q","result":{{"tools":[],"wish":"{wish}"}}}}"#);
        Ok(stream.write_all(&json_answer(&body))?)
    });
    let world = World::start("compressed", [("wish", script)])?;
    assert_eq!(world.list("wish")?.json()?["result"]["wish"], "none");
    Ok(())
}

#[test]
fn what_cannot_be_filtered_does_not_come_through() -> Result<()> {
    let with_header = |header: &str, body: &str| {
        let head =
            format!("HTTP/1.1 200 OK\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        bytes(format!("{head}{body}"))
    };
    let json = "content-type: application/json";
    let huge = format!("{}{}", ANSWER.trim_end_matches('}'), " ".repeat(3 << 20));
    let large = format!("{ANSWER}{}", " ".repeat((1 << 20) - ANSWER.len()));
    let twice = ANSWER.replace("\"nextCursor\":\"\"", "\"tools\":[{\"name\":\"get-env\"}]");
    let world = World::start(
        "unfilterable",
        [
            ("json", bytes(json_answer(ANSWER))),
            ("gzip", with_header(&format!("{json}\r\ncontent-encoding: gzip"), "\u{1f}garbage")),
            ("text", with_header("content-type: text/plain", ANSWER)),
            ("untyped", with_header("x: y", ANSWER)),
            ("broken", with_header(json, &ANSWER[..80])),
            ("twice", with_header(json, &twice)),
            ("announced", with_header(json, &huge)),
            (
                "huge",
                bytes(chunked_json(
                    &huge
                        .as_bytes()
                        .chunks(60_000)
                        .map(|c| std::str::from_utf8(c).unwrap_or_default())
                        .collect::<Vec<_>>(),
                )),
            ),
            ("large", with_header(json, &large)),
        ],
    )?;
    for ask in [World::list, World::list2] {
        for (name, reason) in [
            ("gzip", "answer.content_encoding"),
            ("text", "answer.content_type"),
            ("untyped", "answer.content_type"),
            ("broken", "answer.json"),
            ("twice", "answer.json"),
            ("announced", "answer.too_large"),
        ] {
            world.assert_refused(&ask(&world, name)?, reason).with_context(|| name.to_owned())?;
        }
        // Beyond its own buffer, Envoy may be first to answer.
        let answer = ask(&world, "huge")?;
        ensure!(matches!(answer.status, 500 | 502), "{}", answer.status);
        ensure!(!String::from_utf8_lossy(&answer.body).contains("get-env"), "{answer:?}");
        let answer = ask(&world, "large")?;
        ensure!(answer.status == 200 && answer.body.starts_with(FILTERED.as_bytes()), "{}", answer.status);
    }
    world.assert_alive()
}

#[test]
fn errors_and_empty_answers_pass() -> Result<()> {
    let world = World::start(
        "empty",
        [
            ("accepted", bytes("HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")),
            ("accepted-chunked", bytes(format!("HTTP/1.1 202 Accepted\r\n{CHUNKED}0\r\n\r\n"))),
            ("none", bytes("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")),
            ("missing", bytes("HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 3\r\n\r\nno!")),
        ],
    )?;
    for (name, status, body) in [
        ("accepted", 202, ""),
        ("accepted-chunked", 202, ""),
        ("none", 204, ""),
        ("missing", 404, "no!"),
        ("gone", 503, ""),
    ] {
        let answer = world.list(name)?;
        ensure!(answer.status == status, "{name}: {answer:?}");
        ensure!(name == "gone" || answer.body == body.as_bytes(), "{name}: {answer:?}");
    }
    Ok(())
}

/// The server waits with what follows until the test lets it go on, so that nothing is sent on because more came.
#[test]
fn an_event_does_not_wait_for_the_next() -> Result<()> {
    let (go, gate) = channel();
    let (go_call, call_gate) = channel();
    let world = World::start("waiting", [("slow", gated(gate)), ("call", in_halves(call_gate))])?;
    let mut client = begin(&world, "slow", LIST)?;
    read_until(&mut client, PROGRESS)?;
    go.send(())?;
    read_until(&mut client, FILTERED)?;
    go.send(())?;
    let rest = read_to_end(&mut client)?;
    ensure!(!rest.contains("get-env"), "{rest}");

    // What is not filtered does not wait for anything.
    let (half, rest) = PROGRESS.split_at(PROGRESS.len() / 2);
    let mut client = begin(&world, "call", CALL)?;
    read_until(&mut client, half)?;
    go_call.send(())?;
    read_until(&mut client, rest)?;
    Ok(())
}

/// Sends half of an event, and the other half for a word.
fn in_halves(gate: Receiver<()>) -> Script {
    let gate = Mutex::new(gate);
    Box::new(move |stream, _| {
        let gate = gate.lock().map_err(|_| anyhow!("a test failed"))?;
        let (half, rest) = PROGRESS.split_at(PROGRESS.len() / 2);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{CHUNKED}");
        stream.write_all(format!("{head}{}", chunk(half)).as_bytes())?;
        gate.recv()?;
        Ok(stream.write_all(format!("{}0\r\n\r\n", chunk(rest)).as_bytes())?)
    })
}

/// Sends an event, one more for the first word, and ends for the second.
fn gated(gate: Receiver<()>) -> Script {
    let gate = Mutex::new(gate);
    Box::new(move |stream, _| {
        let gate = gate.lock().map_err(|_| anyhow!("a test failed"))?;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{CHUNKED}");
        stream.write_all(format!("{head}{}", chunk(PROGRESS)).as_bytes())?;
        gate.recv()?;
        stream.write_all(chunk(&format!("data: {ANSWER}\n\n")).as_bytes())?;
        gate.recv()?;
        Ok(stream.write_all(b"0\r\n\r\n")?)
    })
}

fn begin(world: &World<'_>, name: &str, body: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(world.gateway().envoy.address())?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let (path, token, length) = (world.path(name), &world.token, body.len());
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )?;
    Ok(stream)
}

fn read_until(stream: &mut TcpStream, text: &str) -> Result<String> {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(text) {
        let mut byte = [0];
        stream.read_exact(&mut byte).with_context(|| String::from_utf8_lossy(&seen).into_owned())?;
        seen.push(byte[0]);
    }
    Ok(String::from_utf8(seen)?)
}

/// Whatever comes until the connection ends.
fn read_to_end(stream: &mut TcpStream) -> Result<String> {
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => seen.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(String::from_utf8(seen)?)
}

#[test]
fn a_server_that_breaks_off_leaves_no_half_of_a_list() -> Result<()> {
    let half = ANSWER.len() / 2;
    let announced = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        ANSWER.len(),
        &ANSWER[..half]
    );
    let unended = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n{}",
        chunk(ANSWER)
    );
    let event = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n{}{}",
        chunk(PROGRESS),
        chunk(&format!("data: {ANSWER}"))
    );
    let world = World::start(
        "broken-off",
        [
            ("json", bytes(json_answer(ANSWER))),
            ("announced", bytes(announced)),
            ("unended", bytes(unended)),
            ("event", bytes(event)),
        ],
    )?;
    for name in ["announced", "unended", "event"] {
        let seen = read_to_end(&mut begin(&world, name, LIST)?)?;
        ensure!(!seen.contains("tools") && !seen.contains("get-env"), "{name}: {seen}");
        ensure!((name == "event") == seen.contains("notifications/progress"), "{name}: {seen}");
        let is_error = seen.is_empty() || seen.starts_with("HTTP/1.1 50");
        ensure!(is_error || name == "event" && !seen.ends_with("0\r\n\r\n"), "{name}: {seen}");
    }
    world.assert_alive()
}

#[test]
fn clients_that_leave_take_nothing_down() -> Result<()> {
    let (senders, scripts): (Vec<Sender<()>>, Vec<Script>) = (0..2)
        .map(|_| {
            let (go, gate) = channel();
            (go, gated(gate))
        })
        .unzip();
    let names = ["first", "second"].into_iter().zip(scripts);
    let world = World::start("leaving", names.chain([("json", bytes(json_answer(ANSWER)))]))?;
    for (name, go) in ["first", "second"].into_iter().zip(&senders) {
        let mut client = begin(&world, name, LIST)?;
        read_until(&mut client, PROGRESS)?;
        drop(client);
        // The server goes on all the same; by now nobody listens.
        let _ = go.send(());
        let _ = go.send(());
        world.assert_alive()?;
    }
    Ok(())
}

#[test]
fn a_refused_event_ends_the_answer_with_an_error() -> Result<()> {
    let bad = format!("data: {}\n\n", ANSWER.replace("echo", "\u{2028}"));
    let world = World::start(
        "refused-event",
        [
            ("bad", bytes(events(&[PROGRESS, &bad, &format!("data: {ANSWER}\n\n")]))),
            ("json", bytes(json_answer(ANSWER))),
        ],
    )?;
    let answer = world.list("bad")?;
    let text = String::from_utf8(answer.body.clone())?;
    let told = text.strip_prefix(PROGRESS).and_then(|told| told.strip_prefix("data: ")).context("no error")?;
    let told: Value = serde_json::from_str(told.trim_end())?;
    ensure!(told["id"] == "q" && told["error"]["code"] == -32603, "{told}");
    world.assert_alive()
}

#[test]
fn the_stream_that_get_opens_is_filtered_and_cut_off_where_it_cannot_be() -> Result<()> {
    let world = World::start(
        "stream",
        [
            ("good", bytes(events(&[PROGRESS, &format!("data: {ANSWER}\n\n")]))),
            ("bad", bytes(events(&[PROGRESS, "data: {]\n\n", &format!("data: {ANSWER}\n\n")]))),
            ("json", bytes(json_answer(ANSWER))),
        ],
    )?;
    let get = |name: &str| {
        let request = Request::new("GET", HOST, &world.path(name)).bearer(&world.token);
        request.header("accept", "text/event-stream")
    };
    let answer = world.gateway().send(&get("good"))?;
    assert_eq!(answer.body, format!("{PROGRESS}data: {FILTERED}\n\n").as_bytes());
    let cut = Connection::open(world.gateway().envoy.address())?.exchange(&get("bad"));
    let seen = cut.map(|answer| String::from_utf8_lossy(&answer.body).into_owned()).unwrap_or_default();
    ensure!(!seen.contains("get-env") && !seen.contains("echo"), "{seen}");
    world.assert_alive()
}
