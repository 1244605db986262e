//! Status reports of gateways: taken from those who are known, and shown.

use std::sync::PoisonError;

use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use palisade_gateway::limits::REPORT_BYTES;
use palisade_gateway::{ReportedBundle, StatusReport};
use serde_json::{Value, json};

use super::answer::{Answer, Desk, plain};
use super::body::{self, Unread};
use super::connection::Client;
use super::event::Event;
use super::now;
use crate::command::clock;
use crate::distribution::fleet::Said;
use crate::distribution::shelf::{Found, Shelf};

/// What a gateway said, and whether that is what is served here.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) client: String,
    pub(super) report: StatusReport,
    /// Whether the bundle that decides there is the one that is served; none where either is missing.
    pub(super) current: Option<bool>,
}

/// Why a report was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ReportError {
    /// Anybody could have sent it: there are no client certificates, and it came over the network.
    Stranger,
    /// It is not declared as JSON.
    ContentType,
    TooLarge,
    /// It did not come, or not in time.
    Lost,
    Malformed(String),
    /// Nothing is served for its channel.
    Channel(String),
}

impl ReportError {
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Stranger => "report.stranger",
            Self::ContentType => "report.content_type",
            Self::TooLarge => "report.too_large",
            Self::Lost => "report.lost",
            Self::Malformed(_) => "report.malformed",
            Self::Channel(_) => "report.channel",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Stranger => StatusCode::FORBIDDEN,
            Self::ContentType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Lost => StatusCode::REQUEST_TIMEOUT,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Channel(_) => StatusCode::NOT_FOUND,
        }
    }
}

impl std::fmt::Display for ReportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stranger => {
                f.write_str("reports need client certificates (--client-ca), or a client on this machine")
            }
            Self::ContentType => f.write_str("its content type is not `application/json`"),
            Self::TooLarge => write!(f, "it has more than {REPORT_BYTES} bytes"),
            Self::Lost => f.write_str("it did not come, or not in time"),
            Self::Malformed(why) => f.write_str(why),
            Self::Channel(channel) => write!(f, "nothing is served for the channel `{channel}`"),
        }
    }
}

impl Desk {
    /// Takes a report.
    pub(super) async fn report(&self, client: &Client, request: Request<Incoming>) -> Answer {
        match self.read_report(client, request).await {
            Ok(report) => {
                let client = client.name();
                let current = current(&self.shelf.borrow(), &report);
                let mut fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
                if fleet.note(&client, report.clone(), now()) {
                    self.log.send(Event::Report(Ok(Box::new(Told { client, report, current }))));
                }
                plain(StatusCode::NO_CONTENT, "")
            }
            Err(error) => {
                let answer = plain(error.status(), "this report is not taken\n");
                self.log.send(Event::Report(Err((client.name(), error))));
                answer
            }
        }
    }

    async fn read_report(&self, client: &Client, request: Request<Incoming>) -> Result<StatusReport, ReportError> {
        if !client.is_known() {
            return Err(ReportError::Stranger);
        }
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/json") {
            return Err(ReportError::ContentType);
        }
        let body = body::read(request.into_body(), REPORT_BYTES).await.map_err(|unread| match unread {
            Unread::TooLarge => ReportError::TooLarge,
            Unread::Lost => ReportError::Lost,
        })?;
        let report = StatusReport::parse(&body).map_err(ReportError::Malformed)?;
        if !self.shelf.borrow().has_channel(&report.channel) {
            return Err(ReportError::Channel(report.channel));
        }
        Ok(report)
    }

    /// What gateways said last.
    pub(super) fn reports(&self) -> Vec<Value> {
        let (shelf, now) = (self.shelf.borrow(), now());
        let fleet = self.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        let members = |(client, said): (&str, &Said)| {
            let mut members = told(client, &said.report, current(&shelf, &said.report));
            if let Value::Object(members) = &mut members {
                members.insert("heard".to_owned(), clock::text(said.heard).into());
                members.insert("since".to_owned(), clock::text(said.since).into());
                members.insert("overdue".to_owned(), said.is_overdue(now).into());
            }
            members
        };
        fleet.all().map(members).collect()
    }
}

/// Whether the bundle that decides in a gateway is the one that is served for its channel.
fn current(shelf: &Shelf, report: &StatusReport) -> Option<bool> {
    let bundle = report.bundle.as_ref()?;
    match shelf.find(&format!("{}.palisade", report.channel)) {
        Found::Artefact(artefact) => Some(artefact.identity().digest == bundle.digest),
        Found::Unusable | Found::Missing => None,
    }
}

/// A report as it is shown.
pub(super) fn told(client: &str, report: &StatusReport, current: Option<bool>) -> Value {
    let StatusReport {
        schema: _,
        gateway,
        node,
        instance,
        filter,
        time,
        interval_s,
        channel,
        state,
        bundle,
        root,
        confirmed_age_s,
        faults,
        candidate,
        revocations,
        workers,
    } = report;
    let bundle = bundle.as_ref().map(|bundle| {
        let ReportedBundle { name, version, digest, created, expires } = bundle;
        let (created, expires) = (clock::text(*created), clock::text(*expires));
        json!({"name": name, "version": version, "digest": digest, "created": created, "expires": expires})
    });
    json!({
        "client": client,
        "gateway": gateway,
        "node": node,
        "instance": instance,
        "filter": filter,
        "time": clock::text(*time),
        "interval_s": interval_s,
        "channel": channel,
        "state": state,
        "bundle": bundle,
        "current": current,
        "root": root,
        "confirmed_age_s": confirmed_age_s,
        "faults": faults,
        "candidate": candidate,
        "revocations": revocations,
        "workers": workers,
    })
}

/// A report in a line for people.
pub(super) fn text(told: &Told) -> String {
    let Told { client, report, current } = told;
    let name = report.gateway.as_deref().or(report.node.as_deref()).unwrap_or(&report.instance);
    let mut text = format!("{client}: {name} ({}) is {}", report.channel, report.state.name());
    if let Some(bundle) = &report.bundle {
        text.push_str(&format!(" by version {}", bundle.version));
    }
    text.push_str(match current {
        Some(true) => ", current",
        Some(false) => ", not the current one",
        None => "",
    });
    if report.workers.len() > 1 {
        text.push_str(&format!(", {} groups of workers", report.workers.len()));
    }
    for fault in &report.faults {
        text.push_str(&format!(", {}", fault.code));
    }
    text
}
