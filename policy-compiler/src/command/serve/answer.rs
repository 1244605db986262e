//! One request, one answer. Everything comes from the shelf: nothing that a request says leads to the disk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use palisade_gateway::StatusReportFile;
use serde_json::json;
use tokio::sync::watch;

use super::connection::{Client, Purpose};
use super::end;
use super::event::{Event, Log, Visit};
use super::now;
use super::signals::{Receiver, Untaken};
use crate::command::clock;
use crate::distribution::artefact::Artefact;
use crate::distribution::condition::{first_tag, has_already, wait_seconds};
use crate::distribution::fleet::Fleet;
use crate::distribution::progress::{Has, Progress};
use crate::distribution::shelf::{Found, Shelf};
use crate::limits::SERVED_WAIT_SECONDS;

/// Where requests are answered.
pub(super) struct Desk {
    pub(super) shelf: watch::Receiver<Arc<Shelf>>,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) progress: Mutex<Progress>,
    pub(super) fleet: Mutex<Fleet>,
    pub(super) log: Log,
    /// Takes security events, where they are taken.
    pub(super) receiver: Option<Arc<Receiver>>,
}

pub(super) type Answer = Response<Full<Bytes>>;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

impl Desk {
    pub(super) async fn answer(&self, client: &Client, purpose: Purpose, request: Request<Incoming>) -> Answer {
        let line = AccessLine::begin(client, &request, &self.log);
        let is_head = request.method() == Method::HEAD;
        let receiver = self.receiver.as_ref().filter(|receiver| {
            purpose == Purpose::Files && request.method() == Method::POST && request.uri().path() == receiver.path()
        });
        let answer = if let Some(receiver) = receiver {
            self.signal(receiver, request).await
        } else if purpose == Purpose::Files && request.uri().path() == StatusReportFile::PATH {
            match *request.method() {
                Method::POST => self.report(client, request).await,
                _ => with(plain(StatusCode::METHOD_NOT_ALLOWED, "POST only\n"), ALLOW, "POST"),
            }
        } else if !is_head && request.method() != Method::GET {
            with(plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only\n"), ALLOW, "GET, HEAD")
        } else {
            match purpose {
                Purpose::Files => self.file(client, &request).await,
                Purpose::Progress if request.uri().path() == "/" => self.progress(),
                Purpose::Progress => plain(StatusCode::NOT_FOUND, "no such page\n"),
            }
        };
        line.end(&answer, is_head);
        answer
    }

    /// A security event (RFC 8935 §2): taken, refused with a reason, or to be sent again.
    async fn signal(&self, receiver: &Arc<Receiver>, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let taken = receiver.take(content_type, body).await;
        let answer = match &taken {
            Ok(_) => with(response(StatusCode::ACCEPTED, Bytes::new()), CACHE_CONTROL, "no-store"),
            Err(Untaken::Refused(error)) => {
                let text = json!({"err": error.code(), "description": error.to_string()}).to_string();
                let answer = response(StatusCode::BAD_REQUEST, Bytes::from(text));
                let answer = with(with(answer, CONTENT_TYPE, "application/json"), CONTENT_LANGUAGE, "en");
                with(answer, CACHE_CONTROL, "no-store")
            }
            Err(Untaken::Unpublished(_)) => {
                let answer = plain(StatusCode::SERVICE_UNAVAILABLE, "the event could not be acted on\n");
                with(answer, RETRY_AFTER, "5")
            }
        };
        self.log.send(Event::Signal(taken));
        answer
    }

    async fn file(&self, client: &Client, request: &Request<Incoming>) -> Answer {
        let name = request.uri().path().strip_prefix('/').unwrap_or_default();
        let mut shelf = self.shelf.clone();
        let found = shelf.borrow_and_update().find(name);
        let fields = |name: HeaderName| request.headers().get_all(name).into_iter().map(HeaderValue::as_bytes);
        let artefact = match found {
            Found::Artefact(artefact) => artefact,
            Found::Unusable | Found::Missing => return absent(&found),
        };
        self.note(client, name, first_tag(fields(IF_NONE_MATCH)), &artefact);
        if !has_already(fields(IF_NONE_MATCH), artefact.etag()) {
            return whole(&artefact);
        }
        let wait = wait_seconds(fields(PREFER)).filter(|_| request.method() == Method::GET);
        let Some(seconds) = wait.map(|seconds| seconds.min(SERVED_WAIT_SECONDS)).filter(|seconds| *seconds > 0) else {
            return unchanged(&artefact);
        };
        let answer = match self.change(&mut shelf, name, request.headers(), Duration::from_secs(seconds)).await {
            None => unchanged(&artefact),
            Some(Found::Artefact(artefact)) => whole(&artefact),
            Some(found @ (Found::Unusable | Found::Missing)) => absent(&found),
        };
        with(answer, PREFERENCE_APPLIED, &format!("wait={seconds}"))
    }

    /// What the name leads to as soon as it is something that the client has not; none when time is up or the server stops.
    async fn change(
        &self,
        shelf: &mut watch::Receiver<Arc<Shelf>>,
        name: &str,
        headers: &HeaderMap,
        wait: Duration,
    ) -> Option<Found> {
        let mut stopped = self.stopped.clone();
        let tags = || headers.get_all(IF_NONE_MATCH).into_iter().map(HeaderValue::as_bytes);
        let changed = async {
            loop {
                shelf.changed().await.ok()?;
                let found = shelf.borrow_and_update().find(name);
                match &found {
                    Found::Artefact(artefact) if has_already(tags(), artefact.etag()) => {}
                    Found::Artefact(_) | Found::Unusable | Found::Missing => return Some(found),
                }
            }
        };
        tokio::select! {
            found = changed => found,
            () = tokio::time::sleep(wait) => None,
            () = end::stopped(&mut stopped) => None,
        }
    }

    /// Remembers what the client has. A tag that was never served here is nobody's progress.
    fn note(&self, client: &Client, name: &str, tag: Option<&[u8]>, artefact: &Artefact) {
        let Some(etag) = tag.and_then(|tag| std::str::from_utf8(tag).ok()) else { return };
        let current = etag == artefact.etag();
        let version = self.shelf.borrow().version_of(name, etag);
        if version.is_none() && !current {
            return;
        }
        let client = client.name();
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.note(&client, name, etag, now()) {
            let (file, etag) = (name.to_owned(), etag.to_owned());
            self.log.send(Event::Progress { client, file, etag, version, current });
        }
    }

    /// The summary: the files, who has what of them, and what gateways say of themselves.
    fn progress(&self) -> Answer {
        let shelf = Arc::clone(&self.shelf.borrow());
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let files: Vec<_> = shelf
            .served()
            .map(|(name, artefact)| json!({"file": name, "etag": artefact.etag(), "version": artefact.identity().version}))
            .collect();
        let clients: Vec<_> = progress
            .all()
            .map(|(client, heard, file, Has { etag, since })| {
                json!({
                    "client": client,
                    "file": file,
                    "etag": etag,
                    "version": shelf.version_of(file, etag),
                    "current": matches!(shelf.find(file), Found::Artefact(artefact) if artefact.etag() == etag),
                    "since": clock::text(*since),
                    "heard": clock::text(heard),
                })
            })
            .collect();
        let page = json!({
            "schema": "palisade.progress/v1",
            "files": files,
            "clients": clients,
            "gateways": self.reports(),
        });
        let answer = response(StatusCode::OK, Bytes::from(format!("{page:#}\n")));
        with(with(answer, CONTENT_TYPE, "application/json"), CACHE_CONTROL, "no-store")
    }
}

/// The line of the access log that a request gets whatever becomes of it: one whose client leaves before there is an answer has
/// the status 499.
struct AccessLine<'a> {
    log: &'a Log,
    visit: Option<Visit>,
    begun: Instant,
}

impl<'a> AccessLine<'a> {
    fn begin(client: &Client, request: &Request<Incoming>, log: &'a Log) -> Self {
        let visit = Visit {
            client: client.address,
            subject: client.subject.clone(),
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            status: 499,
            bytes: 0,
            etag: None,
            micros: 0,
        };
        Self { log, visit: Some(visit), begun: Instant::now() }
    }

    fn end(mut self, answer: &Answer, is_head: bool) {
        use hyper::body::Body as _;
        let Some(visit) = &mut self.visit else { return };
        visit.status = answer.status().as_u16();
        let length = answer.body().size_hint().exact().and_then(|length| usize::try_from(length).ok());
        visit.bytes = if is_head { 0 } else { length.unwrap_or_default() };
        visit.etag = answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
    }
}

impl Drop for AccessLine<'_> {
    fn drop(&mut self) {
        if let Some(mut visit) = self.visit.take() {
            visit.micros = self.begun.elapsed().as_micros();
            self.log.send(Event::Request(visit));
        }
    }
}

fn whole(artefact: &Artefact) -> Answer {
    let answer = response(StatusCode::OK, artefact.bytes().clone());
    described(with(answer, CONTENT_TYPE, artefact.content_type()), artefact)
}

fn unchanged(artefact: &Artefact) -> Answer {
    described(response(StatusCode::NOT_MODIFIED, Bytes::new()), artefact)
}

/// What a file and the word that it has not changed have in common. Caches may keep it, and have to ask each time.
fn described(answer: Answer, artefact: &Artefact) -> Answer {
    with(with(answer, ETAG, artefact.etag()), CACHE_CONTROL, "no-cache, no-transform")
}

fn absent(found: &Found) -> Answer {
    match found {
        // Not 404, which would say that it has been taken away.
        Found::Unusable => {
            let answer = plain(StatusCode::SERVICE_UNAVAILABLE, "this file is not whole\n");
            with(answer, RETRY_AFTER, "5")
        }
        Found::Missing | Found::Artefact(_) => plain(StatusCode::NOT_FOUND, "no such file\n"),
    }
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Answer {
    let answer = response(status, Bytes::from_static(text.as_bytes()));
    with(with(answer, CONTENT_TYPE, "text/plain; charset=utf-8"), CACHE_CONTROL, "no-store")
}

fn response(status: StatusCode, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    with(answer, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// Adds a header. All values are ours and plain text.
fn with(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}
