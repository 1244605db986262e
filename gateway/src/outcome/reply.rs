//! The reply to a denied request: RFC 9457 problem details or a JSON-RPC error, and nothing about why beyond a coarse
//! word.

use super::challenge::{self, ChallengeFacts};
use super::{ClientReason, Disposition, Outcome, Unavailable};
use crate::a2a::{self, A2aReply};
use crate::cure::Cure;
use crate::decision_id::DecisionId;
use crate::mcp::{self, Denied, RpcReply};
use crate::proof::Nonce;
use crate::record::push_json;

/// A reply that the filter sends itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers; names are lower-case.
    pub headers: Vec<(&'static str, &'a str)>,
    /// The body: `application/problem+json`, what the protocol of the route has for errors, or the metadata that was asked for.
    pub body: &'a [u8],
    /// The stable reason code, for the host's own log (Envoy's response code details). Not for the client.
    pub details: &'static str,
}

impl Reply<'static> {
    /// The reply where there is no gateway to ask: no configuration was ever accepted. It has no decision id,
    /// because nothing was decided.
    #[must_use]
    pub fn unconfigured() -> Self {
        let disposition = Outcome::Unavailable(Unavailable::BundleMissing).disposition();
        Self {
            status: disposition.status,
            headers: vec![CONTENT_TYPE, NO_STORE, RETRY_AFTER],
            body: br#"{"type":"about:blank","title":"Service unavailable","status":503,"reason":"unavailable"}"#,
            details: disposition.reason,
        }
    }
}

const CONTENT_TYPE: (&str, &str) = ("content-type", "application/problem+json");
const RPC_CONTENT_TYPE: (&str, &str) = ("content-type", "application/json");
const NO_STORE: (&str, &str) = ("cache-control", "no-store");
/// Seconds. A bundle that is missing or expired is replaced by people or by a poll, not within a second.
const RETRY_AFTER: (&str, &str) = ("retry-after", "10");

/// The form of a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ReplyForm<'a> {
    /// RFC 9457 problem details.
    Problem,
    /// JSON-RPC; `argument` is the argument that does not fit.
    Rpc { reply: &'a RpcReply<'a>, argument: Option<&'a str> },
    /// What A2A has for the binding.
    A2a(&'a A2aReply<'a>),
}

/// The buffer in which bodies are written; reused between requests.
#[derive(Debug, Default)]
pub(crate) struct ReplyBuffer {
    body: String,
    id: DecisionId,
    challenges: [String; 2],
    nonce: Option<Nonce>,
}

impl ReplyBuffer {
    /// The metadata of a resource, as the answer to whoever asked for it.
    pub(crate) fn metadata<'a>(&'a mut self, metadata: &'a str, id: DecisionId) -> Reply<'a> {
        let disposition = Outcome::Metadata.disposition();
        self.id = id;
        Reply {
            status: disposition.status,
            headers: vec![
                ("content-type", "application/json"),
                ("cache-control", "max-age=300"),
                // It is public, and clients in browsers read it before they have any credentials.
                ("access-control-allow-origin", "*"),
                (crate::DECISION_ID_HEADER, self.id.as_str()),
            ],
            body: metadata.as_bytes(),
            details: disposition.reason,
        }
    }

    /// Which bundle decides, as the answer to whoever asked for it.
    pub(crate) fn status<'a>(&'a mut self, status: &'a str, id: DecisionId) -> Reply<'a> {
        let disposition = Outcome::Status.disposition();
        self.id = id;
        Reply {
            status: disposition.status,
            headers: vec![RPC_CONTENT_TYPE, NO_STORE, (crate::DECISION_ID_HEADER, self.id.as_str())],
            body: status.as_bytes(),
            details: disposition.reason,
        }
    }

    /// Writes the reply of an outcome, in the form that the client reads.
    pub(crate) fn write(
        &mut self,
        outcome: Outcome,
        id: DecisionId,
        challenge: &ChallengeFacts<'_>,
        cure: Cure<'_>,
        form: &ReplyForm<'_>,
    ) -> Reply<'_> {
        let disposition = outcome.disposition();
        self.id = id;
        let client = disposition.client;
        self.nonce = challenge.nonce.filter(|_| client == ClientReason::NonceRequired);
        challenge::write(client, challenge, &mut self.challenges);
        self.body.clear();
        let (status, content_type) = match form {
            ReplyForm::Problem => {
                self.problem(disposition, cure, id);
                (disposition.status, CONTENT_TYPE)
            }
            ReplyForm::Rpc { reply, argument } => {
                let denied = Denied { client, argument: *argument, cure, id };
                (mcp::write_denial(&mut self.body, reply, disposition.status, &denied), RPC_CONTENT_TYPE)
            }
            ReplyForm::A2a(reply) => {
                let written = a2a::write_denial(&mut self.body, reply, disposition, cure, id);
                (written.status, ("content-type", written.content_type))
            }
        };
        let mut headers = vec![content_type, NO_STORE, (crate::DECISION_ID_HEADER, self.id.as_str())];
        for challenge in self.challenges.iter().filter(|challenge| !challenge.is_empty()) {
            headers.push(("www-authenticate", challenge.as_str()));
        }
        if let Some(nonce) = &self.nonce {
            headers.push(("dpop-nonce", nonce.as_str()));
        }
        match disposition.status {
            503 => headers.push(RETRY_AFTER),
            405 => headers.push(("allow", "POST")),
            _ => {}
        }
        Reply { status, headers, body: self.body.as_bytes(), details: disposition.reason }
    }

    fn problem(&mut self, disposition: Disposition, cure: Cure<'_>, id: DecisionId) {
        let client = disposition.client;
        // The parts are constants and an id of hexadecimal digits and dashes: nothing of them needs escaping.
        for part in [
            r#"{"type":"about:blank","title":""#,
            client.title(),
            r#"","status":"#,
            status_text(disposition.status),
            r#","instance":"urn:uuid:"#,
            id.as_str(),
            r#"","decision_id":""#,
            id.as_str(),
            r#"","reason":""#,
            client.as_str(),
            "\"",
        ] {
            self.body.push_str(part);
        }
        if let Some(advice) = cure.advice {
            self.body.push_str(r#","detail":"#);
            push_json(&mut self.body, advice);
        }
        self.body.push('}');
    }
}

/// The statuses of the table as text.
fn status_text(status: u16) -> &'static str {
    match status {
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        413 => "413",
        415 => "415",
        502 => "502",
        _ => "503",
    }
}
