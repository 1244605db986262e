//! The decision record: one line of JSON per decision, for people who have to know what happened and why.
//!
//! Written by hand into one reused buffer. Everything that a caller chose is escaped and cut to
//! [`crate::limits::RECORD_STRING_BYTES`]. The token never appears, nor does the query, where applications put secrets.

mod answer;
mod arguments;
mod delegation;
mod ending;
mod json;
mod time;

pub(crate) use answer::{push_answer, push_policy_list};
pub(crate) use arguments::RecordedArguments;
pub(crate) use delegation::DelegationFacts;
use ending::EndingText;
pub(crate) use json::push_text as push_json;
use json::{push_bytes, push_text};
use time::TimeText;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::a2a::{A2aFacts, A2aReply};
use crate::answer::Caller;
use crate::bundle::{Digest, Manifest};
use crate::cure::Cure;
use crate::decision_id::DecisionId;
use crate::head::{Credentials, Head};
use crate::mcp::{MessageFacts, RpcReply, SessionUse};
use crate::memo::Answer;
use crate::outcome::{ChallengeFacts, Outcome};
use crate::revocation::{RevocationFacts, StreamOwner};
use crate::section::{A2aDenial, A2aMember, Denial, UpstreamHeaders};
use crate::status_list::StatusFacts;
use crate::token::TokenFacts;
use crate::verdict::PolicyNames;

use palisade_engine::{CompiledPolicySet, Effect};

/// What is known of a request when it ends. What was never reached stays `None`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts<'a> {
    pub(crate) method: Option<&'a str>,
    pub(crate) authority: Option<&'a [u8]>,
    pub(crate) path: Option<&'a [u8]>,
    pub(crate) token: Option<TokenFacts<'a>>,
    /// What the credential is, as it was written down when it was verified: takes the place of [`Facts::token`].
    pub(crate) credential: Option<&'a str>,
    /// Whether the token was verified; if not, what [`Facts::token`] says is only what it claims.
    pub(crate) token_verified: bool,
    /// Whether the token was found in the cache.
    pub(crate) token_cached: bool,
    pub(crate) principal: Option<&'a str>,
    /// As records have it: see [`push_json`].
    pub(crate) action: Option<&'a str>,
    pub(crate) resource: Option<&'a str>,
    /// The attribute or context entry at which the request failed.
    pub(crate) attribute: Option<Cow<'a, str>>,
    /// How to answer, on a route that speaks JSON-RPC.
    pub(crate) rpc: Option<RpcReply<'a>>,
    /// How many questions the body asked of policy, and what the last of them was about.
    pub(crate) message: Option<(usize, MessageFacts<'a>)>,
    /// How to answer on a route to an agent, and what the request says of itself once it is read.
    pub(crate) a2a: Option<(A2aReply<'a>, Option<A2aFacts<'a>>)>,
    pub(crate) effect: Option<Effect>,
    pub(crate) policies: PolicyNames<'a>,
    pub(crate) errors: PolicyNames<'a>,
    /// Whether the policies were not asked, because they were asked the same before.
    pub(crate) is_remembered: bool,
    /// What [`push_answer`] writes of these facts, where it has been written before.
    pub(crate) answer: Option<&'a str>,
    /// Who acts for whom, where somebody does.
    pub(crate) delegation: DelegationFacts<'a>,
    /// What a reply's challenges are made of; the record has nothing of it.
    pub(crate) challenge: ChallengeFacts<'a>,
    /// What would cure a denial by policy; told to the client, and nothing to the record, which has the policies.
    pub(crate) cure: Cure<'a>,
    /// The metadata that was asked for, or which bundle decides.
    pub(crate) metadata: Option<&'a str>,
    /// The entry of the revocation list that refused the request.
    pub(crate) revoked: Option<RevocationFacts>,
    /// What refused a token for its status.
    pub(crate) status: Option<StatusFacts<'a>>,
    /// The transaction that the request is part of, where a token says so.
    pub(crate) transaction: Option<&'a str>,
    /// What the request has to do with sessions; the record has nothing of it.
    pub(crate) session: SessionUse<'a>,
    /// What the request brings, for who has to take it off.
    pub(crate) credentials: Credentials,
    /// What the upstream is told of the decision.
    pub(crate) upstream_headers: UpstreamHeaders,
    /// Whether the upstream gets the request without token and proof.
    pub(crate) strip_token: bool,
    /// Whether the upstream gets it without the transaction token, too.
    pub(crate) strip_transaction: bool,
    /// Whether the upstream gets it without the workload's token and proof.
    pub(crate) strip_workload: bool,
    /// Whose stream it is, where it could be revoked while it lasts; the record has nothing of it.
    pub(crate) owner: Option<StreamOwner>,
    /// Who asked for lists, where the answer may hold some.
    pub(crate) lists: Option<Box<Caller>>,
}

impl<'a> Facts<'a> {
    /// What the request's head says.
    pub(crate) fn see(&mut self, head: &Head<'a>) {
        self.method = Some(head.method);
        self.authority = Some(head.authority);
        self.path = Some(head.path);
        self.credentials = head.credentials();
    }

    /// An answer that policies gave before; it lets the request through.
    pub(crate) fn remember(&mut self, answer: &'a Answer, policies: &'a CompiledPolicySet) {
        let Answer { reasons, errors, resource, text, .. } = answer;
        self.effect = Some(Effect::Allow);
        self.policies = PolicyNames::new(policies, reasons);
        self.errors = PolicyNames::new(policies, errors);
        self.resource = Some(resource);
        self.answer = Some(text);
        self.is_remembered = true;
    }

    /// Whether the route's denials look as if there were nothing.
    pub(crate) fn hides_denials(&self) -> bool {
        self.rpc.as_ref().is_some_and(|reply| reply.denial == Denial::Hide)
            || self.a2a.as_ref().is_some_and(|(reply, _)| reply.denial == A2aDenial::Hide)
    }
}

/// When and as what a decision was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    pub(crate) id: DecisionId,
    pub(crate) started_nanos: u64,
    pub(crate) micros: u64,
    pub(crate) outcome: Outcome,
    /// The status that the client gets.
    pub(crate) status: u16,
}

/// Writes records of one bundle.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// The member `bundle`, the same in every record, and what comes before the number of the last.
    bundle: String,
    line: String,
    /// Canonical JSON on its way into a digest.
    scratch: String,
    clock: TimeText,
    ending: EndingText,
}

impl Recorder {
    pub(crate) fn new(manifest: &Manifest, digest: &Digest) -> Self {
        let mut bundle = String::from(",\"bundle\":{\"name\":");
        push_text(&mut bundle, &manifest.name);
        bundle.push_str(",\"version\":");
        push_number(&mut bundle, manifest.version);
        bundle.push_str(",\"digest\":");
        push_text(&mut bundle, &format!("{digest:?}"));
        bundle.push_str("},\"micros\":");
        Self { bundle, ..Self::without_bundle() }
    }

    /// For what is decided while there is no bundle.
    pub(crate) fn without_bundle() -> Self {
        Self {
            bundle: ",\"bundle\":null,\"micros\":".to_owned(),
            line: String::new(),
            scratch: String::new(),
            clock: TimeText::default(),
            ending: EndingText::default(),
        }
    }

    /// Writes one record, without a newline.
    pub(crate) fn write(&mut self, stamp: &Stamp, facts: &Facts<'_>) -> &str {
        let Stamp { id, started_nanos, micros, outcome, status } = stamp;
        let Facts {
            method,
            authority,
            path,
            token,
            credential,
            token_verified,
            token_cached,
            principal: _,
            action: _,
            resource: _,
            attribute,
            rpc,
            message,
            a2a,
            effect,
            policies: _,
            errors: _,
            is_remembered: _,
            answer,
            delegation: _,
            challenge: _,
            cure: _,
            metadata: _,
            revoked,
            status: token_status,
            transaction,
            session: _,
            credentials: _,
            upstream_headers: _,
            strip_token: _,
            strip_transaction: _,
            strip_workload: _,
            owner: _,
            lists: _,
        } = facts;
        let out = &mut self.line;
        out.clear();
        out.push_str("{\"decision_id\":\"");
        out.push_str(id.as_str());
        out.push_str("\",\"time\":\"");
        self.clock.push(out, *started_nanos);
        out.push('"');
        out.push_str(self.ending.of(*outcome, *status, *effect));
        match answer {
            Some(answer) => out.push_str(answer),
            None => push_answer(out, facts),
        }
        if transaction.is_some() {
            push_member(out, r#","transaction":"#, *transaction);
        }
        if let Some(revoked) = revoked {
            push_revocation(out, revoked);
        }
        if let Some(status) = token_status {
            push_status(out, status);
        }
        if attribute.is_some() {
            push_member(out, r#","attribute":"#, attribute.as_deref());
        }
        push_member(out, r#","method":"#, *method);
        push_raw_member(out, r#","host":"#, *authority);
        push_raw_member(out, r#","path":"#, *path);
        if let Some(rpc) = rpc {
            push_rpc(out, &mut self.scratch, rpc, message.as_ref());
        }
        if let Some((reply, facts)) = a2a {
            push_a2a(out, reply, facts.as_ref());
        }
        push_token(out, *credential, token.as_ref(), *token_verified, *token_cached);
        out.push_str(&self.bundle);
        push_number(out, *micros);
        out.push('}');
        out
    }
}

/// What a body asked. Arguments are what the caller works on: of them there is a digest, unless the bundle says more.
fn push_rpc(out: &mut String, scratch: &mut String, rpc: &RpcReply<'_>, message: Option<&(usize, MessageFacts<'_>)>) {
    let method = message.map(|(_, facts)| facts.method).or(rpc.method);
    let subject = message.map(|(_, facts)| facts.subject()).or(rpc.subject.as_deref()).filter(|text| !text.is_empty());
    out.push_str(",\"mcp\":{\"revision\":");
    match rpc.revision {
        Some(revision) => push_text(out, revision.as_str()),
        None => out.push_str("null"),
    }
    push_member(out, r#","method":"#, method);
    push_member(out, r#","subject":"#, subject);
    out.push_str(",\"questions\":");
    push_number(out, message.map_or(0, |(count, _)| u64::try_from(*count).unwrap_or(u64::MAX)));
    if let Some(arguments) = message.and_then(|(_, facts)| facts.arguments.as_ref()) {
        arguments.push(out, scratch);
    }
    out.push('}');
}

/// What was asked of an agent. What the message says is not recorded: it is what the caller works on.
fn push_a2a(out: &mut String, reply: &A2aReply<'_>, facts: Option<&A2aFacts<'_>>) {
    let text = |member| facts.and_then(|facts| facts.text(member));
    out.push_str(",\"a2a\":{\"binding\":");
    push_text(out, reply.binding.as_str());
    push_member(out, r#","version":"#, reply.version.map(|version| version.as_str()));
    push_member(out, r#","operation":"#, reply.operation.map(|operation| operation.name));
    push_member(out, r#","tenant":"#, text(A2aMember::Tenant));
    push_member(out, r#","task":"#, text(A2aMember::Task));
    push_member(out, r#","push_host":"#, text(A2aMember::PushHost));
    out.push('}');
}

/// Which entry it was: what it is about stands in the rest of the record.
fn push_revocation(out: &mut String, revoked: &RevocationFacts) {
    let RevocationFacts { kind, reason, serial } = revoked;
    out.push_str(",\"revocation\":{\"kind\":");
    push_text(out, kind.as_str());
    out.push_str(",\"reason\":");
    push_text(out, reason.as_str());
    out.push_str(",\"serial\":");
    push_number(out, *serial);
    out.push('}');
}

/// Where the status of a token is, and what stands there.
fn push_status(out: &mut String, status: &StatusFacts<'_>) {
    let StatusFacts { uri, index, status } = status;
    out.push_str(",\"status_list\":{\"uri\":");
    push_text(out, uri);
    out.push_str(",\"idx\":");
    push_number(out, *index);
    out.push_str(",\"value\":");
    match status {
        Some(status) => push_number(out, u64::from(status.value())),
        None => out.push_str("null"),
    }
    out.push('}');
}

fn push_token(
    out: &mut String,
    credential: Option<&str>,
    token: Option<&TokenFacts<'_>>,
    verified: bool,
    cached: bool,
) {
    if credential.is_none() && token.is_none() {
        out.push_str(",\"token\":null");
        return;
    }
    out.push_str(match (verified, cached) {
        (true, true) => r#","token":{"verified":true,"cached":true"#,
        (true, false) => r#","token":{"verified":true,"cached":false"#,
        (false, true) => r#","token":{"verified":false,"cached":true"#,
        (false, false) => r#","token":{"verified":false,"cached":false"#,
    });
    match (credential, token) {
        (Some(written), _) => out.push_str(written),
        (None, Some(token)) => token.push(out),
        (None, None) => {}
    }
    out.push('}');
}

impl TokenFacts<'_> {
    /// Appends what records say of a token.
    pub(crate) fn push(&self, out: &mut String) {
        let Self { issuer, profile, kid, algorithm, key } = self;
        push_member(out, r#","issuer":"#, *issuer);
        push_member(out, r#","profile":"#, *profile);
        push_member(out, r#","kid":"#, kid.as_deref());
        push_member(out, r#","alg":"#, algorithm.map(|algorithm| algorithm.name()));
        if let Some(thumbprint) = key {
            push_member(out, r#","key_thumbprint":"#, Some(&URL_SAFE_NO_PAD.encode(thumbprint)));
        }
    }
}

/// Appends a member; `key` is all that stands before the value, with the comma.
fn push_member(out: &mut String, key: &str, value: Option<&str>) {
    out.push_str(key);
    match value {
        Some(value) => push_text(out, value),
        None => out.push_str("null"),
    }
}

/// The same for what a client sent, whatever that is.
fn push_raw_member(out: &mut String, key: &str, value: Option<&[u8]>) {
    out.push_str(key);
    match value {
        Some(value) => push_bytes(out, value),
        None => out.push_str("null"),
    }
}

/// Without `write!`, whose machinery costs more than all the digits.
pub(crate) fn push_number(out: &mut String, number: u64) {
    if let Ok(digit @ 0..=9) = u8::try_from(number) {
        return out.push(char::from(b'0' + digit));
    }
    let mut digits = [0; 20];
    let (mut rest, mut length) = (number, 0);
    for digit in digits.iter_mut().rev() {
        // Nearly every number is small, and then division is cheap in wasm, too.
        *digit = match u32::try_from(rest) {
            Ok(small) => {
                rest = u64::from(small / 10);
                time::digit(small)
            }
            Err(_) => {
                let last = u32::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
                time::digit(last)
            }
        };
        length += 1;
        if rest == 0 {
            break;
        }
    }
    let written = digits.get(digits.len() - length..).and_then(|written| std::str::from_utf8(written).ok());
    out.push_str(written.unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::testing;
    use crate::json::{Json, JsonLimits};
    use crate::limits;
    use crate::token::{Algorithm, TokenError};

    fn write(outcome: Outcome, facts: &Facts<'_>) -> (String, Json<'static>) {
        let mut recorder = Recorder::new(&testing::manifest(b"", b""), &Digest::of(b""));
        let stamp = Stamp {
            id: DecisionId::default(),
            started_nanos: 1_700_000_000_123_456_789,
            micros: 12,
            outcome,
            status: outcome.disposition().status,
        };
        let _ = recorder.write(&stamp, facts);
        let line = recorder.write(&stamp, facts).to_owned();
        assert!(!line.contains('\n'));
        // Parsing refuses duplicate members, so this checks more than syntax.
        let json = Json::parse(line.as_bytes(), &JsonLimits::JWKS).unwrap().into_owned();
        (line, json)
    }

    fn text<'j>(json: &'j Json<'_>, path: &[&str]) -> Option<&'j str> {
        json.path(path.iter().copied()).and_then(Json::as_str)
    }

    #[test]
    fn a_record_has_every_member() {
        let facts = Facts {
            method: Some("GET"),
            authority: Some(b"h"),
            path: Some(b"/a"),
            token: Some(TokenFacts {
                issuer: Some("dev"),
                kid: Some(Cow::Borrowed("k1")),
                profile: Some("wimse-wit-03"),
                algorithm: Some(Algorithm::Es256),
                key: Some([0; 32]),
            }),
            token_verified: true,
            principal: Some("Agent::\"dev/a\""),
            action: Some(r#""Action::\"read\"""#),
            resource: Some("Repo::\"r\""),
            effect: Some(Effect::Allow),
            ..Facts::default()
        };
        let (line, json) = write(Outcome::Allowed, &facts);
        assert_eq!(text(&json, &["time"]), Some("2023-11-14T22:13:20.123456Z"));
        assert_eq!(text(&json, &["effect"]), Some("allow"));
        assert_eq!(text(&json, &["decision"]), Some("allow"));
        assert_eq!(text(&json, &["reason"]), Some("policy.allow"));
        assert_eq!(text(&json, &["principal"]), Some("Agent::\"dev/a\""));
        assert_eq!(text(&json, &["token", "alg"]), Some("ES256"));
        assert_eq!(text(&json, &["token", "profile"]), Some("wimse-wit-03"));
        assert_eq!(text(&json, &["token", "key_thumbprint"]), Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        assert_eq!(text(&json, &["bundle", "name"]), Some("test"));
        assert!(line.contains("\"version\":7,\"digest\":\"sha256:e3b0"), "{line}");
        assert!(line.ends_with("\"micros\":12}"), "{line}");
    }

    #[test]
    fn what_was_not_reached_is_null() {
        let (line, json) = write(Outcome::Token(TokenError::Expired), &Facts::default());
        assert_eq!(json.get("principal"), Some(&Json::Null));
        assert_eq!(json.get("token"), Some(&Json::Null));
        assert_eq!(json.get("decision"), Some(&Json::Null));
        assert_eq!(text(&json, &["effect"]), Some("deny"));
        assert!(line.contains("\"status\":401"));
    }

    #[test]
    fn hostile_text_stays_inside_its_string_and_is_cut() {
        let long = "x".repeat(100_000);
        let facts = Facts {
            method: Some("GET\",\"effect\":\"allow"),
            authority: Some(b"\xff\xfe\r\n\0"),
            path: Some(long.as_bytes()),
            token: Some(TokenFacts { kid: Some(Cow::Borrowed("\u{2028}\"}\\")), ..TokenFacts::default() }),
            ..Facts::default()
        };
        let (line, json) = write(Outcome::Denied, &facts);
        assert_eq!(text(&json, &["effect"]), Some("deny"));
        assert_eq!(text(&json, &["method"]), Some("GET\",\"effect\":\"allow"));
        assert_eq!(text(&json, &["host"]), Some("\u{fffd}\u{fffd}\r\n\0"));
        assert_eq!(text(&json, &["token", "kid"]), Some("\u{2028}\"}\\"));
        assert_eq!(text(&json, &["path"]).unwrap().len(), limits::RECORD_STRING_BYTES + '…'.len_utf8());
        assert!(line.is_ascii() || !line.contains('\u{2028}'));
        assert!(line.len() < 2000);
    }

    #[test]
    fn numbers_of_every_length() {
        for number in [0, 7, 9, 10, 99, 100, 12_345, u64::MAX / 10, u64::MAX - 1, u64::MAX] {
            let mut out = String::new();
            push_number(&mut out, number);
            assert_eq!(out, number.to_string());
        }
    }
}
