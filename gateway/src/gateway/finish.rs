//! From an outcome to a verdict: what is forwarded or replied, and the record of it.

use crate::SESSION_HEADER;
use crate::answer::AnswerFilter;
use crate::decision_id::{DecisionId, DecisionIds};
use crate::head::Credentials;
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::mcp::SessionUse;
use crate::outcome::{Outcome, ReplyBuffer, ReplyForm};
use crate::record::{Facts, Recorder, Stamp};
use crate::section::UpstreamHeader;
use crate::verdict::{Action, Forward, Verdict};

/// The headers that the upstream does not get.
fn strip(facts: &Facts<'_>, headers: HeaderMap<'_>) -> [Option<&'static str>; 7] {
    let Credentials { authorization, dpop, transaction, workload_token, workload_proof } = facts.credentials;
    // An answer that has to be read must not be compressed.
    let encoding = "accept-encoding";
    let has_encoding = || headers.values(encoding).next().is_some();
    [
        (facts.strip_token && authorization).then_some("authorization"),
        (facts.strip_token && dpop).then_some("dpop"),
        (facts.strip_workload && workload_token).then_some("workload-identity-token"),
        (facts.strip_workload && workload_proof).then_some("workload-proof-token"),
        (facts.strip_transaction && transaction).then_some("txn-token"),
        matches!(facts.session, SessionUse::Ignored).then_some(SESSION_HEADER),
        (facts.lists.is_some() && has_encoding()).then_some(encoding),
    ]
}

/// The parts of a gateway that turn an outcome into a verdict.
pub(super) struct Finish<'a> {
    pub(super) decision_ids: &'a mut DecisionIds,
    pub(super) decision_id: &'a mut DecisionId,
    pub(super) reply: &'a mut ReplyBuffer,
    pub(super) recorder: &'a mut Recorder,
}

impl<'a> Finish<'a> {
    pub(super) fn verdict(
        self,
        outcome: Outcome,
        facts: &mut Facts<'a>,
        headers: HeaderMap<'a>,
        started_nanos: u64,
        host: &mut dyn Host,
    ) -> Verdict<'a> {
        let id = self.decision_ids.next(started_nanos);
        *self.decision_id = id;
        let micros = host.now_nanos().saturating_sub(started_nanos) / 1000;
        // The only ways through: what anybody may have, or an outcome that allows, for a principal that is known.
        let (action, status) = match (outcome, facts.principal) {
            (Outcome::Allowed, Some(_)) | (Outcome::Public, None) => {
                let session = match &facts.session {
                    SessionUse::Bound { id, .. } => *id,
                    SessionUse::None | SessionUse::Ignored => None,
                };
                let told = facts.upstream_headers;
                let tell = |header: UpstreamHeader, value: Option<&'a str>| {
                    value.filter(|_| told.contains(header)).map(|value| (header.header(), value))
                };
                let forward = Forward {
                    remove: headers.reserved(),
                    strip: strip(facts, headers),
                    set: [
                        tell(UpstreamHeader::Principal, facts.principal),
                        tell(UpstreamHeader::DecisionId, Some(self.decision_id.as_str())),
                        tell(UpstreamHeader::Actor, facts.delegation.actor()),
                        session.map(|id| (SESSION_HEADER, id)),
                    ],
                };
                (Action::Forward(forward), outcome.disposition().status)
            }
            _ => {
                let argument = facts.attribute.as_deref();
                let form = facts.rpc.as_ref().map(|reply| ReplyForm::Rpc { reply, argument });
                let form = form.or(facts.a2a.as_ref().map(|(reply, _)| ReplyForm::A2a(reply)));
                let form = form.unwrap_or(ReplyForm::Problem);
                let reply = match facts.metadata {
                    Some(metadata) if outcome == Outcome::Metadata => self.reply.metadata(metadata, id),
                    Some(status) if outcome == Outcome::Status => self.reply.status(status, id),
                    Some(_) | None => self.reply.write(outcome, id, &facts.challenge, facts.cure, &form),
                };
                let status = reply.status;
                (Action::Reply(reply), status)
            }
        };
        let record = self.recorder.write(&Stamp { id, started_nanos, micros, outcome, status }, facts);
        let session = match std::mem::take(&mut facts.session) {
            SessionUse::Bound { binding, .. } if matches!(action, Action::Forward(_)) => Some(binding),
            SessionUse::Bound { .. } | SessionUse::None | SessionUse::Ignored => None,
        };
        let is_forwarded = matches!(action, Action::Forward(_));
        let owner = facts.owner.take().filter(|_| is_forwarded).map(|owner| owner.by(id));
        let lists = facts.lists.take().filter(|_| is_forwarded);
        let answer = lists.map(|caller| Box::new(AnswerFilter::new(*caller, facts.rpc.as_ref(), id, record)));
        Verdict {
            action,
            status,
            outcome,
            decision_id: id,
            effect: facts.effect,
            policies: facts.policies,
            errors: facts.errors,
            owner,
            session,
            token_cached: facts.token_cached,
            is_remembered: facts.is_remembered,
            record,
            micros,
            answer,
            trial: None,
        }
    }
}
