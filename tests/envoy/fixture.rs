//! Gateways for tests, and the two questions that most of them ask.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::{fs, process};

use anyhow::{Context, Result, anyhow, ensure};
use palisade_tests::example::Example;
use palisade_tests::gateway::{DECISION_ID, Gateway, Options};
use palisade_tests::http1::{Request, Response};
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::record::AccessLine;
use palisade_tests::token::Token;
use palisade_tests::tool_agents::Agents;
use tempfile::TempDir;

/// One gateway for every test that only sends requests. Such tests tell theirs apart by path.
///
/// Its processes end with this one (see `palisade_tests::process`); its folder is removed by the next run.
pub(crate) fn shared() -> Result<&'static Gateway> {
    static SHARED: OnceLock<std::result::Result<Gateway, String>> = OnceLock::new();
    started(&SHARED, Example::Quickstart)
}

/// As [`shared`], in front of MCP servers.
pub(crate) fn shared_mcp() -> Result<&'static Gateway> {
    static SHARED: OnceLock<std::result::Result<Gateway, String>> = OnceLock::new();
    started(&SHARED, Example::Mcp)
}

/// As [`shared`], in front of A2A agents.
pub(crate) fn shared_a2a() -> Result<&'static Gateway> {
    static SHARED: OnceLock<std::result::Result<Gateway, String>> = OnceLock::new();
    started(&SHARED, Example::A2a)
}

fn started(
    shared: &'static OnceLock<std::result::Result<Gateway, String>>,
    example: Example,
) -> Result<&'static Gateway> {
    let gateway = shared.get_or_init(|| {
        let start =
            || Gateway::start(&shared_folder(&format!("{example:?}"))?, Options { example, ..Options::default() });
        start().map_err(|error| format!("{error:?}"))
    });
    gateway.as_ref().map_err(|error| anyhow!("the shared gateway did not start: {error}"))
}

/// Agents and their servers, for every test that leaves these as they were.
pub(crate) fn shared_agents() -> Result<&'static Agents> {
    static SHARED: OnceLock<std::result::Result<Agents, String>> = OnceLock::new();
    let agents = SHARED.get_or_init(|| {
        let start = || Agents::start(&shared_folder("agents")?);
        start().map_err(|error| format!("{error:?}"))
    });
    agents.as_ref().map_err(|error| anyhow!("the shared agents did not start: {error}"))
}

/// One gateway for every test that only puts filters in its place that it must refuse: after each, it is as it was. One test at
/// a time has it, because Envoy counts what it refuses and does not name it.
pub(crate) fn refusing() -> Result<MutexGuard<'static, Gateway>> {
    static REFUSING: OnceLock<std::result::Result<Mutex<Gateway>, String>> = OnceLock::new();
    let gateway = REFUSING.get_or_init(|| {
        let start = || Gateway::start(&shared_folder("refusing")?, Options::default());
        start().map(Mutex::new).map_err(|error| format!("{error:?}"))
    });
    let gateway = gateway.as_ref().map_err(|error| anyhow!("the refusing gateway did not start: {error}"))?;
    // A test that failed leaves it to the next one, which asks what decides.
    Ok(gateway.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A gateway of the test's own, for tests that change it.
pub(crate) struct Own {
    pub(crate) gateway: Gateway,
    _home: TempDir,
}

impl Own {
    pub(crate) fn start(options: Options<'_>) -> Result<Self> {
        let home = home()?;
        Ok(Self { gateway: Gateway::start(home.path(), options)?, _home: home })
    }
}

/// An empty folder that goes with the value.
pub(crate) fn home() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("gateway-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .context("no folder for the test")
}

/// A GET that every agent of the quickstart's engineering team may make. `name` makes its path the test's own.
pub(crate) fn read(name: &str) -> Request {
    Request::new("GET", REPOS, &path(name))
}

/// The path of [`read`].
pub(crate) fn path(name: &str) -> String {
    format!("/repos/handbook/files/{name}")
}

/// A good token, signed with the issuer's ES256 key.
pub(crate) fn good_token(gateway: &Gateway) -> Result<String> {
    Ok(Token::coder().sign(gateway.key(Algorithm::Es256)?))
}

/// The request passes and reaches the upstream. Returns its access line.
pub(crate) fn assert_allowed(gateway: &Gateway, request: &Request) -> Result<AccessLine> {
    let answer = gateway.send(request)?;
    ensure!(answer.status == 200, "expected 200, got {answer:?}");
    let line = gateway.access_line(&answer)?;
    ensure!(line.text("effect") == Some("allow"), "{line:?}");
    ensure!(line.text("reason") == Some("policy.allow"), "{line:?}");
    Ok(line)
}

/// The request is answered with this status by the filter, for this reason, and nothing reaches the upstream.
pub(crate) fn assert_denied(gateway: &Gateway, request: &Request, status: u16, reason: &str) -> Result<AccessLine> {
    let answer = gateway.send(request)?;
    assert_denial(gateway, &answer, status, reason)
}

/// The answer is the filter's own denial, in full form, with this status and recorded reason.
pub(crate) fn assert_denial(gateway: &Gateway, answer: &Response, status: u16, reason: &str) -> Result<AccessLine> {
    ensure!(answer.status == status, "expected {status}, got {answer:?}");
    let line = gateway.access_line(answer)?;
    ensure!(line.text("effect") == Some("deny"), "{line:?}");
    ensure!(line.text("reason") == Some(reason), "expected {reason}: {line:?}");
    ensure!(answer.header("content-type") == Some("application/problem+json"), "{answer:?}");
    ensure!(answer.header("cache-control") == Some("no-store"), "{answer:?}");
    ensure!((status < 403) == answer.header("www-authenticate").is_some(), "{answer:?}");
    let problem = answer.json()?;
    let id = answer.header(DECISION_ID);
    ensure!(problem.get("decision_id").and_then(serde_json::Value::as_str) == id, "{problem} is not about {id:?}");
    ensure!(problem.get("status").and_then(serde_json::Value::as_u64) == Some(status.into()), "{problem}");
    let path = line.text("path").context("the record lacks the path")?;
    ensure!(gateway.upstream.received(path).is_empty(), "a denied request reached the upstream: {path}");
    Ok(line)
}

/// An empty folder named after this process; those of processes that are gone are removed.
pub(crate) fn shared_folder(name: &str) -> Result<PathBuf> {
    // Several gateways start at once, and a folder is removed once.
    static REMOVING: Mutex<()> = Mutex::new(());
    let _removing = REMOVING.lock().unwrap_or_else(PoisonError::into_inner);
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        let owner = path.file_name().and_then(OsStr::to_str).and_then(|name| name.strip_prefix("shared-"));
        let owner = owner.and_then(|owner| owner.split_once('-')).map(|(owner, _)| owner);
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            fs::remove_dir_all(&path)?;
        }
    }
    let folder = parent.join(format!("shared-{}-{name}", process::id()));
    fs::create_dir(&folder)?;
    Ok(folder)
}
