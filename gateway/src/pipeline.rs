//! One request, step by step; the first step that fails ends it.
//!
//! Who is asking comes before what is asked: a caller without a valid token learns nothing about routes or policies.

mod agents;
mod messages;

use std::borrow::Cow;

use palisade_engine::{Decision, Effect, PolicyIndex, Scratch};

use crate::authenticate::{Standing, When, authenticate};
use crate::bundle::ActiveBundle;
use crate::configuration::OnForbidError;
use crate::entity_text;
use crate::evaluate::{EvaluateFault, Named, Question, evaluate};
use crate::head::{Head, RequestHead};
use crate::host::Host;
use crate::identity::{Identity, IdentityFault, Person, RequirementError};
use crate::jwks::Poller;
use crate::mcp::SessionKey;
use crate::outcome::{Outcome, Unavailable, WorkloadError};
use crate::proof::{DpopState, OpenDpop};
use crate::record::{DelegationFacts, Facts};
use crate::revocation::{EntryKind, Mark, Revocations};
use crate::route::{ContextInput, RequestPath, RouteError, Target, host, is_grpc};
use crate::section::{DelegationMode, PrincipalMapping, TransactionMode};
use crate::status_list::Lists;
use crate::token::{Known, TokenCache, TokenError};
use crate::transaction::{self, Transaction, TransactionError};
use crate::verdict::PolicyNames;
use agents::{AgentBuffers, Agents};
use messages::{MessageBuffers, Messages};

/// Buffers that are reused from request to request.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    path: RequestPath,
    host: String,
    question: Vec<u8>,
    resource_id: String,
    resource_text: String,
    /// The policies that determined an answer, and those that could not be evaluated.
    reasons: Vec<PolicyIndex>,
    errors: Vec<PolicyIndex>,
    /// Those that a token would need.
    scopes: Vec<String>,
    transaction: Option<Transaction>,
    messages: MessageBuffers,
    agents: AgentBuffers,
}

/// What there is of a request's body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Body<'a> {
    /// None: the request ended with its headers.
    None,
    /// It is still to come.
    Pending,
    /// All of it.
    Whole(&'a [u8]),
    /// More than may be kept.
    TooLarge,
    /// The host does not hand it over.
    Unreadable,
}

/// How far a request came.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Progress {
    Decided(Outcome),
    /// Whatever the headers can settle is settled; the rest is in the body.
    NeedsBody {
        limit: usize,
    },
}

/// What the steps work with.
pub(crate) struct Pipeline<'a> {
    pub(crate) bundle: &'a ActiveBundle,
    pub(crate) on_forbid_error: OnForbidError,
    pub(crate) cache: &'a mut TokenCache,
    pub(crate) dpop: &'a DpopState,
    pub(crate) sessions: &'a SessionKey,
    pub(crate) revocations: &'a Revocations,
    pub(crate) lists: &'a Lists,
    /// Told of keys that are missing.
    pub(crate) poller: &'a mut Poller,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) buffers: &'a mut Buffers,
    /// Whether this very request was judged before its body came.
    pub(crate) is_admitted: bool,
    /// Nanoseconds since the Unix epoch, read once per request.
    pub(crate) now_nanos: u64,
}

/// How far a request came before it was refused.
pub(crate) struct Refusal<'a> {
    pub(crate) outcome: Outcome,
    pub(crate) attribute: Option<Cow<'a, str>>,
}

impl<'a> Pipeline<'a> {
    /// Runs all steps. Whatever was learnt on the way lies in `facts`.
    pub(crate) fn run(
        self,
        request: &RequestHead<'a>,
        body: Body<'a>,
        host: &mut dyn Host,
        facts: &mut Facts<'a>,
    ) -> Progress {
        match self.steps(request, body, host, facts) {
            // Where a denial looks like an absence, it needs no scope.
            Ok(Progress::Decided(Outcome::Denied)) if !facts.cure.scopes.is_empty() && !facts.hides_denials() => {
                facts.challenge.scopes = facts.cure.scopes;
                Progress::Decided(Outcome::ScopeLacking)
            }
            Ok(Progress::Decided(Outcome::Denied)) if facts.cure.authentication.is_some() && !facts.hides_denials() => {
                facts.challenge.authentication = facts.cure.authentication;
                Progress::Decided(Outcome::AuthenticationLacking)
            }
            Ok(progress) => progress,
            Err(Refusal { outcome, attribute }) => {
                facts.attribute = attribute;
                Progress::Decided(outcome)
            }
        }
    }

    fn steps(
        self,
        request: &RequestHead<'a>,
        body: Body<'a>,
        host: &mut dyn Host,
        facts: &mut Facts<'a>,
    ) -> Result<Progress, Refusal<'a>> {
        let Self {
            bundle,
            on_forbid_error,
            cache,
            dpop,
            sessions,
            revocations,
            lists,
            poller,
            scratch,
            buffers,
            is_admitted,
            now_nanos,
        } = self;
        let now_ms = now_nanos / 1_000_000;

        let head = Head::read(request.headers).ok_or(Outcome::Malformed)?;
        facts.see(&head);

        // Before the token: an expired bundle's keys and issuers are as stale as its policies.
        if bundle.is_expired(now_ms / 1000) {
            return Err(Unavailable::BundleExpired.into());
        }
        // A clock that was set back is wrong about every token as well: what has expired would be good again.
        if bundle.is_premature(now_ms / 1000) {
            return Err(Unavailable::BundleNotYetValid.into());
        }
        if !bundle.is_trusted() {
            return Err(Unavailable::BundleUntrusted.into());
        }
        revocations.admit(now_ms / 1000)?;
        let Buffers {
            path,
            host: host_name,
            question,
            resource_id,
            resource_text,
            reasons,
            errors,
            scopes,
            transaction,
            messages,
            agents,
        } = buffers;
        // A host that does not read has no resource; it is refused below, once it is known who asks.
        let host_read = self::host(head.authority, host_name);
        let host_name: &'a str = host_name;
        if let Some(resource) = bundle.resources().of_metadata(host_name, head.path)
            && matches!(head.method, "GET" | "HEAD")
        {
            facts.metadata = Some(&resource.metadata);
            return Ok(Progress::Decided(Outcome::Metadata));
        }
        if bundle.routes().has_public()
            && head.method == "GET"
            && host_read.is_ok()
            && path.read(head.path).is_ok()
            && let Some(Target::A2a(a2a)) =
                bundle.routes().find(host_name, head.method, path).map(|route| &route.target)
            && agents::public_card(a2a, &head, request.headers, body, path, facts)?
        {
            return Ok(Progress::Decided(Outcome::Public));
        }
        facts.challenge.resource = bundle.resources().find(host_name, head.path);
        facts.challenge.dpop_algorithms = bundle.dpop().map(OpenDpop::algorithms);

        let when = When { is_admitted, now_ms };
        let standing = Standing { revocations, lists };
        let Known { identity, memo } = authenticate(&head, bundle, cache, dpop, standing, host, when, facts)
            .inspect_err(|refusal| {
                let key_unknown = matches!(
                    refusal.outcome,
                    Outcome::Token(TokenError::KeyUnknown)
                        | Outcome::Workload(WorkloadError::Token(TokenError::KeyUnknown))
                );
                if let (true, Some(stated)) = (key_unknown, &facts.token) {
                    poller.missed(stated.issuer, stated.kid.as_deref(), bundle.issuers(), now_ms);
                }
            })?;
        facts.principal = Some(&identity.subject.text);
        facts.owner = revocations.owner(identity);

        path.read(head.path)?;
        host_read?;
        let path: &'a RequestPath = path;
        let route = bundle.routes().find(host_name, head.method, path).ok_or(RouteError::Unknown)?;
        let rules = &route.rules;
        facts.upstream_headers = rules.upstream_headers;
        facts.strip_token = rules.strip_token;
        facts.strip_workload =
            matches!(head.workload_token, Ok(Some(_))) && bundle.strips_workload_token(rules.strip_token);
        facts.challenge.scopes = &rules.scopes;
        facts.challenge.authentication = rules.authentication.as_ref();
        if let Target::Http(target) = &route.target {
            facts.action = Some(&target.call.action_text);
        }
        identity.grant.check(&rules.scopes, rules.authentication.as_ref(), now_ms)?;

        let issuer = bundle.issuers().get(identity.issuer).ok_or(Unavailable::Internal)?;
        let actor_mapping = issuer.delegation.as_ref().map(|delegation| &delegation.actor);
        facts.strip_transaction = rules.transaction == TransactionMode::Strip;
        let slots = &bundle.slots().transaction;
        *transaction =
            transaction::read(head.transaction, rules.transaction, bundle.transactions(), slots, host, now_ms)?;
        let transaction: Option<&'a Transaction> = transaction.as_ref();
        facts.transaction = transaction.map(|transaction| transaction.id.as_str());
        if let (Some(owner), Some(id)) = (&mut facts.owner, facts.transaction) {
            let mark = Mark::of(EntryKind::Transaction, "", id);
            if let Some(revoked) = revocations.of_mark(&mark, now_ms / 1000) {
                facts.revoked = revocations.recorded(revoked);
                return Err(TransactionError::Revoked.into());
            }
            owner.set_transaction(mark);
        }
        let input = ContextInput {
            headers: request.headers,
            method: head.method,
            host: host_name,
            path,
            query: head.query,
            // By the path that the route was found by: another spelling must not change whose rights count.
            location: bundle.resources().find(host_name, path.text().as_bytes()).map(|resource| resource.url.as_str()),
            identity,
            message: None,
            a2a: None,
            transaction,
            subject_type: &issuer.principal.entity_type,
            actor_type: actor_mapping.map(|mapping| mapping.entity_type.as_str()),
            now_ms,
        };
        facts.delegation = DelegationFacts::new(identity, rules.delegation);
        let (asks_subject, actors) = hops(identity, rules.delegation)?;
        if let (false, [actor, ..]) = (asks_subject, actors) {
            facts.principal = Some(&actor.text);
        }
        let subject = asks_subject.then_some((&identity.subject, &*issuer.principal));
        reasons.clear();
        errors.clear();
        let mut panel =
            Panel { bundle, on_forbid_error, subject, actors, actor_mapping, scratch, reasons, errors, scopes };
        let target = match &route.target {
            Target::Http(target) => target,
            Target::A2a(a2a) => {
                return Agents { a2a, panel, revocations, buffers: agents }.steps(&head, body, input, facts);
            }
            Target::Mcp(mcp) => {
                let delegation = rules.delegation;
                let buffers = messages;
                let messages = Messages { mcp, sessions, panel, buffers, identity, issuer, delegation };
                return messages.steps(&head, body, input, host, facts);
            }
        };
        if target.grpc && !is_grpc(request.headers) {
            return Err(RouteError::NotGrpc.into());
        }
        // Writing an answer down is work that a token which is used once would not pay back.
        let memo = memo.filter(|_| facts.token_cached && target.write_question(&input, question));
        if let Some(at) = memo.as_ref().and_then(|memo| memo.find(question)) {
            let answer = memo.and_then(|memo| memo.get(at)).ok_or(Unavailable::Internal)?;
            facts.remember(answer, bundle.policies());
            return Ok(Progress::Decided(Outcome::Allowed));
        }
        resource_id.clear();
        target.resource_id.write(path, resource_id);
        resource_text.clear();
        entity_text::push(resource_text, &target.resource_type, resource_id);
        facts.resource = Some(resource_text);

        let resource = Named { entity_type: &target.resource_type, id: resource_id };
        let asked = Question { call: &target.call, resource, parent: None, arguments: None, unknown: None };
        let result = panel.ask(asked, &input, facts)?;
        panel.close(facts);
        if let (Outcome::Allowed, Some(memo)) = (result, memo) {
            facts.answer = memo.learn(question, facts).map(|answer| answer.text.as_str());
        }
        Ok(Progress::Decided(result))
    }
}

/// Everybody whose rights decide, and what the policies said about them.
struct Panel<'a> {
    bundle: &'a ActiveBundle,
    on_forbid_error: OnForbidError,
    subject: Option<(&'a Person, &'a PrincipalMapping)>,
    actors: &'a [Person],
    actor_mapping: Option<&'a PrincipalMapping>,
    scratch: &'a mut Scratch,
    reasons: &'a mut Vec<PolicyIndex>,
    errors: &'a mut Vec<PolicyIndex>,
    scopes: &'a mut Vec<String>,
}

impl<'a> Panel<'a> {
    /// Asks about everybody. The first who may not ends it, and only what was said about them is kept: what others
    /// were allowed for does not matter any more.
    fn ask<'n>(
        &mut self,
        question: Question<'n, '_>,
        input: &ContextInput<'n>,
        facts: &mut Facts<'a>,
    ) -> Result<Outcome, EvaluateFault<'n>>
    where
        'a: 'n,
    {
        let Self { bundle, on_forbid_error, subject, actors, actor_mapping, scratch, reasons, errors, scopes: _ } =
            self;
        let (mapping, actors): (Option<&'a PrincipalMapping>, &'a [Person]) = (*actor_mapping, actors);
        let subject = subject.map(|(person, mapping)| (person, Some(mapping)));
        let mut result = Outcome::Denied;
        for (person, mapping) in subject.into_iter().chain(actors.iter().map(|actor| (actor, mapping))) {
            let mapping = mapping.ok_or(EvaluateFault::Unavailable(Unavailable::Internal))?;
            let decision = evaluate(bundle.policies(), scratch, mapping, person, question, input)?;
            result = outcome(&decision, *on_forbid_error);
            facts.effect = Some(decision.effect());
            if !result.is_allowed() {
                reasons.clear();
                errors.clear();
                facts.delegation.denied_for = Some(&person.text);
            }
            collect(reasons, decision.reasons());
            collect(errors, decision.errors());
            if !result.is_allowed() {
                break;
            }
        }
        Ok(result)
    }

    /// Says which policies settled it, and what would cure a denial by them.
    fn close(self, facts: &mut Facts<'a>) {
        facts.policies = PolicyNames::new(self.bundle.policies(), self.reasons);
        facts.errors = PolicyNames::new(self.bundle.policies(), self.errors);
        if facts.effect == Some(Effect::Deny) {
            facts.cure = self.bundle.cures().of(facts.policies, self.scopes);
        }
    }
}

/// Whose rights decide: whether the subject's do, and which actors'.
pub(crate) fn hops(identity: &Identity, mode: DelegationMode) -> Result<(bool, &[Person]), RequirementError> {
    match (identity.actors.as_slice(), mode) {
        ([], _) | ([_, ..], DelegationMode::SubjectOnly) => Ok((true, &[])),
        ([_, ..], DelegationMode::Refuse) => Err(RequirementError::Delegation),
        ([current, ..], DelegationMode::ActorOnly) => Ok((false, std::slice::from_ref(current))),
        (actors @ [_, ..], DelegationMode::EveryHop) => Ok((true, actors)),
    }
}

/// Adds policies, each once, in ascending order.
fn collect(all: &mut Vec<PolicyIndex>, more: &[PolicyIndex]) {
    all.extend_from_slice(more);
    if all.len() > more.len() {
        all.sort_unstable();
        all.dedup();
    }
}

/// Cedar's answer, and the gateway's rule for prohibitions that could not be evaluated.
fn outcome(decision: &Decision<'_>, on_forbid_error: OnForbidError) -> Outcome {
    match (decision.effect(), on_forbid_error) {
        (Effect::Deny, _) => Outcome::Denied,
        (Effect::Allow, OnForbidError::Deny) if decision.forbid_error() => Outcome::ForbidError,
        (Effect::Allow, OnForbidError::Deny | OnForbidError::Skip) => Outcome::Allowed,
    }
}

impl<'a, E: Into<Outcome>> From<E> for Refusal<'a> {
    fn from(error: E) -> Self {
        Self { outcome: error.into(), attribute: None }
    }
}

impl<'a> From<IdentityFault<'a>> for Refusal<'a> {
    fn from(fault: IdentityFault<'a>) -> Self {
        Self { outcome: Outcome::Identity(fault.error), attribute: fault.attribute.map(Cow::Borrowed) }
    }
}

impl From<EvaluateFault<'_>> for Refusal<'_> {
    fn from(fault: EvaluateFault<'_>) -> Self {
        let (outcome, attribute) = match fault {
            EvaluateFault::Context(fault) => (Outcome::Context(fault.error), fault.attribute.to_owned()),
            EvaluateFault::Argument(fault) => (fault.error.into(), fault.path),
            EvaluateFault::Unavailable(error) => return error.into(),
        };
        Self { outcome, attribute: Some(Cow::Owned(attribute)) }
    }
}
