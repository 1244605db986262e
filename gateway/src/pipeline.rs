//! One request, step by step; the first step that fails ends it.
//!
//! Who is asking comes before what is asked: a caller without a valid token learns nothing about routes or policies.

mod messages;

use std::borrow::Cow;

use palisade_engine::{Decision, Effect, Scratch};

use crate::bundle::ActiveBundle;
use crate::configuration::OnForbidError;
use crate::entity_text;
use crate::evaluate::{EvaluateFault, Named, Question, evaluate};
use crate::head::{Head, RequestHead};
use crate::host::Host;
use crate::identity::{Identity, identify};
use crate::outcome::{Outcome, Unavailable};
use crate::record::Facts;
use crate::route::{ContextInput, RequestPath, RouteError, Target, host};
use crate::token::{self, BearerToken, TokenCache, TokenDigest, TokenFacts};
use crate::verdict::PolicyNames;
use messages::{MessageBuffers, Messages};

/// Buffers that are reused from request to request.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    path: RequestPath,
    host: String,
    resource_id: String,
    resource_text: String,
    messages: MessageBuffers,
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
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) buffers: &'a mut Buffers,
    /// Nanoseconds since the Unix epoch, read once per request.
    pub(crate) now_nanos: u64,
}

/// How far a request came before it was refused.
struct Refusal<'a> {
    outcome: Outcome,
    attribute: Option<Cow<'a, str>>,
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
        let Self { bundle, on_forbid_error, cache, scratch, buffers, now_nanos } = self;
        let now_ms = now_nanos / 1_000_000;

        let head = Head::read(request.headers).ok_or(Outcome::Malformed)?;
        facts.method = Some(head.method);
        facts.authority = Some(head.authority);
        facts.path = Some(head.path);

        // Before the token: an expired bundle's keys and issuers are as stale as its policies.
        if bundle.is_expired(now_ms / 1000) {
            return Err(Unavailable::BundleExpired.into());
        }
        let identity = authenticate(&head, bundle, cache, host, now_ms, facts)?;
        facts.principal = Some(&identity.text);

        let Buffers { path, host: host_name, resource_id, resource_text, messages } = buffers;
        path.read(head.path)?;
        self::host(head.authority, host_name)?;
        let (path, host_name): (&'a RequestPath, &'a str) = (path, host_name);
        let route = bundle.routes().find(host_name, head.method, path).ok_or(RouteError::Unknown)?;
        let input = ContextInput {
            headers: request.headers,
            method: head.method,
            host: host_name,
            path,
            query: head.query,
            identity,
            message: None,
            now_ms,
        };
        let issuer = bundle.issuers().get(identity.issuer).ok_or(Unavailable::Internal)?;
        let mapping = &issuer.principal;
        let target = match &route.target {
            Target::Http(target) => target,
            Target::Mcp(mcp) => {
                let messages = Messages { bundle, on_forbid_error, mapping, mcp, scratch, buffers: messages };
                return messages.steps(&head, body, input, facts);
            }
        };
        facts.action = Some(&target.call.action_text);
        resource_id.clear();
        target.resource_id.write(path, resource_id);
        resource_text.clear();
        entity_text::push(resource_text, &target.resource_type, resource_id);
        facts.resource = Some(resource_text);

        let resource = Named { entity_type: &target.resource_type, id: resource_id };
        let question = Question { call: &target.call, resource, parent: None, arguments: None };
        let decision = evaluate(bundle.policies(), scratch, mapping, question, &input)?;
        facts.effect = Some(decision.effect());
        facts.policies = PolicyNames::new(bundle.policies(), decision.reasons());
        facts.errors = PolicyNames::new(bundle.policies(), decision.errors());
        Ok(Progress::Decided(outcome(&decision, on_forbid_error)))
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

/// Finds out who is asking: from the cache, or by verifying the token.
fn authenticate<'a>(
    head: &Head<'a>,
    bundle: &'a ActiveBundle,
    cache: &'a mut TokenCache,
    host: &mut dyn Host,
    now_ms: u64,
    facts: &mut Facts<'a>,
) -> Result<&'a Identity, Refusal<'a>> {
    let value = head.authorization?;
    if head.query.is_some_and(token::in_query) {
        return Err(token::CredentialError::InQuery.into());
    }
    let token = BearerToken::read(value)?;
    let digest = TokenDigest::of(token);
    let slot = match cache.find(digest, now_ms) {
        Some(slot) => {
            facts.token_cached = true;
            slot
        }
        None => {
            let stated = facts.token.insert(TokenFacts::default());
            let verified = token::verify(token, bundle.issuers(), host, now_ms, stated)?;
            facts.token_verified = true;
            let validity = verified.validity;
            let issuer = bundle.issuers().get(verified.issuer).ok_or(Unavailable::Internal)?;
            let identity = identify(verified, issuer, bundle.claim_slots()).map_err(|fault| Refusal {
                outcome: Outcome::Identity(fault.error),
                attribute: fault.attribute.map(Cow::Borrowed),
            })?;
            cache.insert(digest, validity, identity, now_ms)
        }
    };
    let identity = cache.get(slot).ok_or(Unavailable::Internal)?;
    facts.token_verified = true;
    facts.token = Some(TokenFacts {
        issuer: bundle.issuers().get(identity.issuer).map(|issuer| issuer.alias.as_str()),
        kid: identity.kid.as_deref().map(Cow::Borrowed),
        algorithm: Some(identity.algorithm),
    });
    Ok(identity)
}

impl<'a, E: Into<Outcome>> From<E> for Refusal<'a> {
    fn from(error: E) -> Self {
        Self { outcome: error.into(), attribute: None }
    }
}

impl<'a> From<EvaluateFault<'a>> for Refusal<'a> {
    fn from(fault: EvaluateFault<'a>) -> Self {
        match fault {
            EvaluateFault::Context(fault) => {
                Self { outcome: Outcome::Context(fault.error), attribute: Some(Cow::Borrowed(fault.attribute)) }
            }
            EvaluateFault::Argument(fault) => {
                Self { outcome: fault.error.into(), attribute: Some(Cow::Owned(fault.path)) }
            }
            EvaluateFault::Unavailable(error) => error.into(),
        }
    }
}
