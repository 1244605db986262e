//! What the server says: one line for each event, printed by a thread of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::{Value, json};

use super::connection::Purpose;
use super::reports::{self, ReportError, Told};
use super::signals::{Taken, Untaken};
use super::{Console, Failure, Format, now};
use crate::command::clock;
use crate::distribution::artefact::Identity;
use crate::distribution::shelf::Change;
use crate::limits::SERVED_LOG_LINES;

/// Something that happened.
#[derive(Debug)]
pub(super) enum Event {
    Listening {
        address: SocketAddr,
        tls: bool,
        purpose: Purpose,
    },
    File {
        name: String,
        change: Change,
    },
    /// A file that is not even looked into: why, with a code.
    Skipped {
        name: String,
        code: &'static str,
        message: String,
    },
    Request(Visit),
    Progress {
        client: String,
        file: String,
        etag: String,
        version: Option<u64>,
        current: bool,
    },
    /// A new certificate is in use, or could not be.
    Certificate(Result<(), Failure>),
    /// A security event, and what came of it.
    Signal(Result<Taken, Untaken>),
    /// What a gateway says of itself, where that is news; or from whom a report was not taken, and why.
    Report(Result<Box<Told>, (String, ReportError)>),
    /// A connection that came to nothing.
    Connection {
        client: SocketAddr,
        error: String,
    },
    Stopping,
}

/// One request, as the access log has it.
#[derive(Debug)]
pub(super) struct Visit {
    pub(super) client: SocketAddr,
    pub(super) subject: Option<Arc<str>>,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) status: u16,
    pub(super) bytes: usize,
    pub(super) etag: Option<String>,
    pub(super) micros: u128,
}

/// Where events go. They are dropped and counted when nobody prints them fast enough.
#[derive(Clone, Debug)]
pub(super) struct Log {
    events: SyncSender<Event>,
    lost: Arc<AtomicU64>,
}

/// The events to print, and how many were lost.
pub(super) struct Events {
    events: Receiver<Event>,
    lost: Arc<AtomicU64>,
}

pub(super) fn channel() -> (Log, Events) {
    let (sender, receiver) = sync_channel(SERVED_LOG_LINES);
    let lost = Arc::new(AtomicU64::new(0));
    (Log { events: sender, lost: Arc::clone(&lost) }, Events { events: receiver, lost })
}

impl Log {
    pub(super) fn send(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Prints until the server has ended. When nobody reads any more, serving goes on without a log.
pub(super) fn print(events: &Events, format: Format, console: &mut Console) -> Result<(), Failure> {
    let mut is_read = true;
    while let Ok(event) = events.events.recv() {
        if !is_read {
            continue;
        }
        let mut printed = line(&event, format, console);
        let lost = events.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            printed = printed.and_then(|()| match format {
                Format::Json => console.line(&stamped("lost", json!({"events": lost}))),
                Format::Pretty => console.line(&format!("{lost} events were lost")),
            });
        }
        match printed.and_then(|()| console.flush()) {
            Ok(()) => {}
            Err(failure) if failure.is_broken_pipe() => {
                console.note("standard output was closed: serving goes on without a log");
                is_read = false;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(())
}

fn line(event: &Event, format: Format, console: &mut Console) -> Result<(), Failure> {
    match format {
        Format::Json => {
            let (name, members) = json(event);
            console.line(&stamped(name, members))
        }
        Format::Pretty => console.line(&text(event)),
    }
}

/// A line of JSON with what each has.
fn stamped(event: &str, members: Value) -> String {
    let mut line = json!({"schema": "palisade.serve/v1", "time": clock::text(now()), "event": event});
    if let (Value::Object(line), Value::Object(members)) = (&mut line, members) {
        line.extend(members);
    }
    line.to_string()
}

fn json(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Listening { address, tls, purpose } => {
            ("listening", json!({"address": address, "tls": tls, "purpose": purpose.name()}))
        }
        Event::File { name, change } => match change {
            Change::Published { identity, size, oddity } => {
                let Identity { version, digest, expires } = identity;
                let members = json!({
                    "file": name,
                    "version": version,
                    "digest": format!("sha256:{digest}"),
                    "expires": expires.map(clock::text),
                    "bytes": size,
                    "warning": oddity.map(|oddity| oddity.code()),
                });
                ("published", members)
            }
            Change::Refused { error, still_served } => {
                let message = error.to_string();
                let members =
                    json!({"file": name, "code": error.code(), "message": message, "still_served": still_served});
                ("refused", members)
            }
            Change::Withdrawn => ("withdrawn", json!({"file": name})),
        },
        Event::Skipped { name, code, message } => ("skipped", json!({"file": name, "code": code, "message": message})),
        Event::Request(visit) => {
            let Visit { client, subject, method, path, status, bytes, etag, micros } = visit;
            let members = json!({
                "client": client,
                "subject": subject.as_deref(),
                "method": method,
                "path": path,
                "status": status,
                "bytes": bytes,
                "etag": etag,
                "micros": u64::try_from(*micros).unwrap_or(u64::MAX),
            });
            ("request", members)
        }
        Event::Progress { client, file, etag, version, current } => {
            let members = json!({"client": client, "file": file, "etag": etag, "version": version, "current": current});
            ("progress", members)
        }
        Event::Certificate(Ok(())) => ("certificate", json!({"loaded": true})),
        Event::Certificate(Err(failure)) => {
            ("certificate", json!({"loaded": false, "code": failure.code(), "message": failure.to_string()}))
        }
        Event::Signal(taken) => ("signal", signal(taken)),
        Event::Report(Ok(told)) => ("report", reports::told(&told.client, &told.report, told.current)),
        Event::Report(Err((client, error))) => {
            ("report_refused", json!({"client": client, "code": error.code(), "message": error.to_string()}))
        }
        Event::Connection { client, error } => ("connection", json!({"client": client, "error": error})),
        Event::Stopping => ("stopping", json!({})),
    }
}

fn signal(taken: &Result<Taken, Untaken>) -> Value {
    match taken {
        Ok(Taken { issuer, kind, revoked }) => {
            let (what, serial) = revoked.as_ref().map_or((None, None), |(what, serial)| (Some(what), *serial));
            json!({"taken": true, "issuer": issuer, "kind": kind, "revoked": what, "serial": serial})
        }
        Err(Untaken::Refused(error)) => json!({"taken": false, "code": error.code(), "message": error.to_string()}),
        Err(Untaken::Unpublished(failure)) => {
            json!({"taken": false, "code": failure.code(), "message": failure.to_string()})
        }
    }
}

fn text(event: &Event) -> String {
    match event {
        Event::Listening { address, tls, purpose } => {
            let scheme = if *tls { "https" } else { "http" };
            format!("{} at {scheme}://{address}/", purpose.name())
        }
        Event::File { name, change } => match change {
            Change::Published { identity, size, oddity } => {
                let version = identity.version.map_or_else(String::new, |version| format!(" version {version}"));
                let oddity = oddity.map_or_else(String::new, |oddity| format!(", warning: {}", oddity.code()));
                format!("serving {name}{version}, {size} bytes{oddity}")
            }
            Change::Refused { error, still_served } => {
                let instead = if *still_served { ", its last good bytes are served" } else { "" };
                format!("refused {name}: {}: {error}{instead}", error.code())
            }
            Change::Withdrawn => format!("{name} is gone"),
        },
        Event::Skipped { name, code, message } => format!("skipped {name}: {code}: {message}"),
        Event::Request(visit) => {
            let Visit { client, subject, method, path, status, bytes, etag: _, micros } = visit;
            let who = subject.as_deref().map_or_else(|| client.to_string(), |subject| format!("{subject} ({client})"));
            format!("{who} {method} {path:?} {status}, {bytes} bytes, {micros} us")
        }
        Event::Progress { client, file, etag, version, current } => {
            let what = version.map_or_else(|| etag.clone(), |version| format!("version {version}"));
            let which = if *current { "current" } else { "not the current one" };
            format!("{client} has {file} {what}, {which}")
        }
        Event::Certificate(Ok(())) => "a new certificate is in use".to_owned(),
        Event::Certificate(Err(failure)) => format!("the new certificate is not used: {}: {failure}", failure.code()),
        Event::Signal(Ok(Taken { issuer, kind, revoked: Some((what, _)) })) => {
            format!("{issuer}: {kind}: revoked {what:?}")
        }
        Event::Signal(Ok(Taken { issuer, kind, revoked: None })) => format!("{issuer}: {kind:?}: nothing to revoke"),
        Event::Signal(Err(Untaken::Refused(error))) => format!("event refused: {}: {error}", error.code()),
        Event::Signal(Err(Untaken::Unpublished(failure))) => {
            format!("event not acted on: {}: {failure}", failure.code())
        }
        Event::Report(Ok(told)) => reports::text(told),
        Event::Report(Err((client, error))) => format!("{client}: report refused: {}: {error}", error.code()),
        Event::Connection { client, error } => format!("{client}: {error}"),
        Event::Stopping => "stopping".to_owned(),
    }
}
