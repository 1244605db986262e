//! The gateway: one configuration, and the request path over it.

use palisade_engine::Scratch;

use crate::answer::AnswerFilter;
use crate::bundle::{ActiveBundle, BundleError, Role};
use crate::candidate::{Berth, Circumstances, Pending};
use crate::chance::Chance;
use crate::configuration::{Configuration, DecisionLog, OnForbidError};
use crate::decision_id::{DecisionId, DecisionIds};
use crate::delivery::{BundleStatus, Canary, Delivery, Dock, Event, ListDelivery, ListDock, Renewals};
use crate::error::ConfigError;
use crate::feed::{FetchHost, FetchResponse};
use crate::generation::{Generation, Generations, Mark, Offer, Terms};
use crate::head::{Head, RequestHead};
use crate::header_map::HeaderMap;
use crate::host::Host;
use crate::jwks::{Desk, Poller};
use crate::limits;
use crate::mcp::{SessionUse, Sessions};
use crate::outcome::{Outcome, ReplyBuffer, ReplyForm, Unavailable};
use crate::pipeline::{Body, Buffers, Pipeline, Progress};
use crate::proof::{DpopState, NonceKey, ReplayMemory};
use crate::record::{Facts, Recorder, Stamp};
use crate::revocation::{Revocations, StreamOwner};
use crate::verdict::{Action, Forward, Verdict};

mod upkeep;

pub use upkeep::Refreshed;

/// One configuration with the bundle that decides, and the buffers of one worker.
pub struct Gateway {
    terms: Terms,
    generations: Generations,
    delivery: Option<Delivery>,
    renewals: Option<Renewals>,
    list_delivery: Option<ListDelivery>,
    candidate: Berth,
    candidate_delivery: Option<Delivery>,
    canary: Option<Canary>,
    on_forbid_error: OnForbidError,
    decision_log: Vec<DecisionLog>,
    dpop: DpopState,
    sessions: Sessions,
    chance: Chance,
    revocations: Revocations,
    scratch: Scratch,
    buffers: Buffers,
    decision_ids: DecisionIds,
    decision_id: DecisionId,
    reply: ReplyBuffer,
    /// Writes what is decided while there is no bundle.
    no_bundle: Recorder,
}

impl Gateway {
    /// Reads a configuration, verifies its bundle and opens it: all or nothing. Where bundles are fetched there may be none yet,
    /// or one that has expired or is old by now: that is no reason to refuse the configuration, and every request is denied
    /// until one has come.
    ///
    /// # Errors
    ///
    /// When anything in the configuration or the bundle is not as it must be. Nothing has changed then.
    pub fn configure(configuration: &[u8], host: &mut dyn Host) -> Result<Self, ConfigError> {
        let configuration = Configuration::parse(configuration)?;
        let mut random = [0; 8];
        host.fill_random(&mut random);
        let mut chance = Chance::new(u64::from_le_bytes(random));
        let sessions = Sessions::new(configuration.session_key, host);
        let mut generations = Generations::default();
        let mut terms = configuration.terms;
        terms.trust.follow(host);
        let remote = configuration.remote.as_ref();
        let delivery = remote.map(|remote| Delivery::of_bundle(remote, chance.draw()));
        let candidate_delivery =
            remote.filter(|_| configuration.candidate).map(|remote| Delivery::of_candidate(remote, chance.draw()));
        let renewals = remote.cloned().map(|remote| Renewals::new(remote, chance.draw()));
        let now_seconds = host.now_nanos() / 1_000_000_000;
        if let Some(bytes) = &configuration.freshness {
            terms.freshness = Some(terms.refresh(bytes, now_seconds)?);
        }
        let first = match configuration.bundle.as_deref().map(|bytes| terms.accept(bytes, now_seconds, host)) {
            None => None,
            // What was good when it was configured.
            Some(Err(BundleError::Expired | BundleError::Rollback)) if delivery.is_some() => None,
            Some(accepted) => Some(terms.generation(accepted?.open()?, chance.draw())?),
        };
        let lists = configuration.revocations.as_ref().and_then(|revocations| revocations.remote.clone());
        let list_delivery = lists.map(|remote| ListDelivery::new(remote, chance.draw()));
        let revocations = match &configuration.revocations {
            None => Revocations::default(),
            Some(revocations) => {
                let trust = terms.trust.role(Role::Revocation, now_seconds).map_err(ConfigError::Root)?;
                Revocations::configure(revocations, trust, host)?
            }
        };
        // The last step that can fail: what is refused leaves no mark.
        if let Some(first) = first {
            first.publish(host)?;
            generations.replace(first);
        }
        Ok(Self {
            terms,
            generations,
            delivery,
            renewals,
            list_delivery,
            candidate: Berth::default(),
            candidate_delivery,
            canary: configuration.canary,
            on_forbid_error: configuration.on_forbid_error,
            decision_log: configuration.decision_log,
            dpop: DpopState {
                replay: ReplayMemory::new(configuration.replay_entries),
                nonces: configuration.nonce_key.map(NonceKey::new),
            },
            sessions,
            chance,
            revocations,
            scratch: Scratch::new(),
            buffers: Buffers::default(),
            decision_ids: DecisionIds::new(host),
            decision_id: DecisionId::default(),
            reply: ReplyBuffer::default(),
            no_bundle: Recorder::without_bundle(),
        })
    }

    /// The bundle that decides; `None` where there is none, and every request is denied.
    #[must_use]
    pub fn bundle(&self) -> Option<&ActiveBundle> {
        self.generations.active().map(|generation| &generation.bundle)
    }

    /// Verifies a bundle, opens it, and has it decide from the next request on: all or nothing. Requests whose bodies are
    /// awaited finish on the bundle that they began with. `false` when that very bundle decides already.
    ///
    /// # Errors
    ///
    /// When anything in the bundle is not as it must be, or a newer one was opened in this proxy before. What decides goes on deciding.
    pub fn swap(
        &mut self,
        bundle: &[u8],
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
    ) -> Result<bool, ConfigError> {
        let now_seconds = host.now_nanos() / 1_000_000_000;
        let next = self.terms.accept(bundle, now_seconds, host)?;
        if self.generations.precede(&next)? != Offer::Next {
            return Ok(false);
        }
        let next = self.terms.generation(next.open()?, self.chance.draw())?;
        next.publish(host)?;
        self.generations.replace(next);
        self.keep(host, events, Poller::join);
        Ok(true)
    }

    /// The list of what is revoked.
    #[must_use]
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Why a stream that is under way is to end: what its owner would be refused for by now. `None` if it may go on. To be asked for
    /// each stream when another list is in force, of this gateway or of one that takes its place.
    #[must_use]
    pub fn ends(&self, owner: &StreamOwner, now_nanos: u64) -> Option<Outcome> {
        self.revocations.ends(owner, now_nanos / 1_000_000_000)
    }

    /// Where decision records go.
    #[must_use]
    pub fn decision_log(&self) -> &[DecisionLog] {
        &self.decision_log
    }

    /// Whether anything is to be fetched: whether [`Gateway::poll`] has anything to do.
    #[must_use]
    pub fn needs_polling(&self) -> bool {
        self.delivery.is_some()
            || self.list_delivery.is_some()
            || self.generations.active().is_some_and(|generation| !generation.poller.is_idle())
    }

    /// Takes what the workers of the proxy have in common: the secret of their sessions, the bundle and the keys that they have
    /// fetched so far; and those keys that `before` has of the same issuers. To be called before the first request; asks
    /// nobody for anything.
    pub fn join_workers<'a>(
        &mut self,
        before: impl IntoIterator<Item = &'a Gateway>,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
    ) {
        self.sessions.join(host);
        self.renew(host, events, |renewals, _, host| renewals.join(host).into_iter().collect());
        self.deliver(host, events, Delivery::join);
        self.deliver_list(host, events, ListDelivery::join);
        if let Some(active) = self.generations.active_mut() {
            before.into_iter().filter_map(|gateway| gateway.generations.active()).for_each(|old| active.inherit(old));
        }
        self.keep(host, events, Poller::join);
        if self.deliver_candidate(host, events, Delivery::join) {
            self.prepare_candidate();
        }
    }

    /// Looks after what is fetched. To be called every [`Gateway::poll_period_ms`].
    pub fn poll(&mut self, host: &mut dyn FetchHost, events: &mut Vec<Event>) {
        self.generations.sweep();
        self.follow_roots(host);
        self.renew(host, events, Renewals::poll);
        self.deliver_list(host, events, ListDelivery::poll);
        if self.deliver(host, events, Delivery::poll) {
            self.keep(host, events, Poller::join);
        }
        self.keep(host, events, Poller::poll);
        if self.deliver_candidate(host, events, Delivery::poll) {
            self.prepare_candidate();
        }
    }

    /// The largest response that [`Gateway::respond`] takes to a fetch, in bytes.
    #[must_use]
    pub fn response_limit(&self, call: u32) -> usize {
        let deliveries = [&self.delivery, &self.candidate_delivery];
        let delivery = deliveries.into_iter().flatten().find(|delivery| delivery.waits_for(call));
        let lists = self.list_delivery.as_ref().filter(|delivery| delivery.waits_for(call));
        let list_bytes = lists.map_or(limits::JWKS_BYTES, ListDelivery::max_bytes);
        delivery.map_or(list_bytes, Delivery::max_bytes)
    }

    /// Takes the response to a fetch. One that nobody waits for is ignored.
    pub fn respond(
        &mut self,
        call: u32,
        response: FetchResponse<'_>,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
    ) {
        if self.delivery.as_ref().is_some_and(|delivery| delivery.waits_for(call)) {
            self.deliver(host, events, |delivery, dock| delivery.respond(response, dock));
        } else if self.list_delivery.as_ref().is_some_and(|delivery| delivery.waits_for(call)) {
            self.deliver_list(host, events, |delivery, dock| delivery.respond(call, response, dock));
        } else if self.candidate_delivery.as_ref().is_some_and(|delivery| delivery.waits_for(call)) {
            self.deliver_candidate(host, events, |delivery, dock| delivery.respond(response, dock));
        } else if self.renewals.as_ref().is_some_and(|renewals| renewals.waits_for(call)) {
            self.renew(host, events, |renewals, _, host| renewals.respond(call, response, host).into_iter().collect());
        } else {
            self.keep(host, events, |poller, desk| poller.respond(call, response, desk));
        }
    }

    /// How soon to poll again, in milliseconds.
    #[must_use]
    pub fn poll_period_ms(&self) -> u32 {
        let active = self.generations.active();
        let keys = active.map_or(u32::MAX, |Generation { poller, bundle, .. }| poller.period_ms(bundle.issuers()));
        let lists = self.list_delivery.as_ref();
        let lists = lists.map_or(u32::MAX, |delivery| delivery.period_ms(self.revocations.list().is_none()));
        let bundle = self.delivery.as_ref().map_or(u32::MAX, |delivery| delivery.period_ms(active.is_some()));
        let candidate = self.candidate_delivery.as_ref().map_or(u32::MAX, |delivery| delivery.period_ms(true));
        bundle.min(candidate).min(lists).min(keys)
    }

    /// Which bundle decides, and how fresh that is.
    #[must_use]
    pub fn bundle_status(&self) -> BundleStatus<'_> {
        BundleStatus::of(&self.generations, self.delivery.as_ref())
    }

    /// The alias of each issuer whose keys are fetched, and how old they are in seconds; `None` while there are none.
    pub fn key_ages(&self, now_nanos: u64) -> impl Iterator<Item = (&str, Option<u64>)> {
        let active = self.generations.active().into_iter();
        active.flat_map(move |Generation { poller, bundle, .. }| poller.ages(bundle.issuers(), now_nanos / 1_000_000))
    }

    /// Lets the delivery work, where there is one.
    fn deliver<T: Default>(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Delivery, &mut Dock<'_>) -> T,
    ) -> T {
        let Self { terms, generations, delivery: Some(delivery), .. } = self else { return T::default() };
        work(delivery, &mut Dock { terms, landing: generations, host, events })
    }

    /// Lets the candidate's delivery work, where there is one.
    fn deliver_candidate<T: Default>(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Delivery, &mut Dock<'_>) -> T,
    ) -> T {
        let Self { terms, candidate, candidate_delivery: Some(delivery), .. } = self else { return T::default() };
        work(delivery, &mut Dock { terms, landing: candidate, host, events })
    }

    /// Gives the candidate the keys of today. It has none fetched for itself: an issuer that is new with it has no keys before it
    /// decides.
    fn prepare_candidate(&mut self) {
        if let (Some(active), Some(candidate)) = (self.generations.active(), &mut self.candidate.0) {
            candidate.generation.inherit(active);
        }
    }

    /// Lets the delivery of lists work, where there is one.
    fn deliver_list(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut ListDelivery, &mut ListDock<'_>),
    ) {
        let Self { terms, generations, revocations, list_delivery: Some(delivery), .. } = self else { return };
        let now_seconds = host.now_nanos() / 1_000_000_000;
        let trust = terms.trust.role(Role::Revocation, now_seconds).map_err(ConfigError::Root);
        work(delivery, &mut ListDock { trust, revocations, generations, host, events });
    }

    /// Lets the poller work, and forgets the tokens of issuers whose keys it changed.
    fn keep(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Poller, &mut Desk<'_>),
    ) {
        let Some(Generation { bundle, cache, poller, .. }) = self.generations.active_mut() else { return };
        let (mut changed, mut key_events) = (Vec::new(), Vec::new());
        let issuers = bundle.issuers_mut();
        work(poller, &mut Desk { issuers, host, events: &mut key_events, changed: &mut changed });
        events.extend(key_events.into_iter().map(Event::Keys));
        if !changed.is_empty() {
            cache.forget(&changed);
            self.generations.renew_keys();
            self.prepare_candidate();
        }
    }

    /// Decides a request that has no body.
    pub fn decide<'a>(&'a mut self, request: &RequestHead<'a>, host: &mut dyn Host) -> Verdict<'a> {
        self.steps(request, Body::None, None, host).verdict(request, host)
    }

    /// Decides a request whose body is still to come, or says that its body is needed.
    pub fn begin<'a>(&'a mut self, request: &RequestHead<'a>, host: &mut dyn Host) -> Step<'a> {
        let run = self.steps(request, Body::Pending, None, host);
        match run.progress {
            Progress::NeedsBody { limit } => Step::NeedsBody { limit, admitted: Admitted(run.mark.cloned()) },
            Progress::Decided(_) => Step::Decided(run.verdict(request, host)),
        }
    }

    /// Decides a request whose body was needed, or is at hand anyway; where it is not needed, it does not matter.
    ///
    /// All of the request is judged again, and as of now: a token that expired while the body was on its way does not
    /// count any more. The bundle is the one that the request began with. `admitted` is from [`Gateway::begin`] about the very same request, if that was asked.
    pub fn finish<'a>(
        &'a mut self,
        request: &RequestHead<'a>,
        body: ReceivedBody<'a>,
        admitted: Option<Admitted>,
        host: &mut dyn Host,
    ) -> Verdict<'a> {
        let body = match body {
            ReceivedBody::Whole(bytes) => Body::Whole(bytes),
            ReceivedBody::TooLarge => Body::TooLarge,
            ReceivedBody::Unreadable => Body::Unreadable,
        };
        self.steps(request, body, admitted, host).verdict(request, host)
    }

    fn steps<'a>(
        &'a mut self,
        request: &RequestHead<'a>,
        body: Body<'a>,
        admitted: Option<Admitted>,
        host: &mut dyn Host,
    ) -> Run<'a> {
        let started_nanos = host.now_nanos();
        let mark = admitted.as_ref().and_then(|Admitted(mark)| mark.as_ref());
        let mut finish = Finish {
            decision_ids: &mut self.decision_ids,
            decision_id: &mut self.decision_id,
            reply: &mut self.reply,
            recorder: &mut self.no_bundle,
        };
        let mut facts = Facts::default();
        if let Some(canary) = &mut self.canary
            && let Some(head) = Head::read(request.headers)
            && canary.is_asked(&head)
        {
            facts.see(&head);
            let status = BundleStatus::of(&self.generations, self.delivery.as_ref());
            facts.metadata = Some(canary.answer(&status, started_nanos / 1_000_000));
            if let Some(active) = self.generations.active_mut() {
                finish.recorder = &mut active.recorder;
            }
            return Run {
                progress: Progress::Decided(Outcome::Status),
                facts,
                started_nanos,
                mark: None,
                trial: None,
                finish,
            };
        }
        let Some(generation) = self.generations.find(mark) else {
            if let Some(head) = Head::read(request.headers) {
                facts.see(&head);
            }
            let progress = Progress::Decided(Unavailable::BundleMissing.into());
            return Run { progress, facts, started_nanos, mark: None, trial: None, finish };
        };
        let Generation { bundle, cache, poller, recorder, mark } = generation;
        finish.recorder = recorder;
        let pipeline = Pipeline {
            bundle,
            on_forbid_error: self.on_forbid_error,
            cache,
            dpop: &self.dpop,
            sessions: &self.sessions.key,
            revocations: &self.revocations,
            poller,
            scratch: &mut self.scratch,
            buffers: &mut self.buffers,
            is_admitted: admitted.is_some(),
            now_nanos: started_nanos,
        };
        let progress = pipeline.run(request, body, host, &mut facts);
        let candidate = self.candidate.0.as_deref_mut();
        let trial = match (candidate, progress) {
            (Some(candidate), Progress::Decided(outcome))
                if candidate.generation.bundle.digest() != bundle.digest() =>
            {
                let circumstances = Circumstances {
                    on_forbid_error: self.on_forbid_error,
                    dpop: &self.dpop,
                    sessions: &self.sessions.key,
                    revocations: &self.revocations,
                    now_nanos: started_nanos,
                };
                Some(candidate.ask((outcome, &facts), request, body, circumstances, host))
            }
            (Some(_) | None, _) => None,
        };
        Run { progress, facts, started_nanos, mark: Some(mark), trial, finish }
    }

    /// Denies a request that never got as far as [`Gateway::decide`], such as one whose headers the host could not
    /// hand over ([`Outcome::Malformed`]). An outcome that allows denies all the same.
    pub fn refuse<'a>(&'a mut self, outcome: Outcome, host: &mut dyn Host) -> Verdict<'a> {
        let started_nanos = host.now_nanos();
        let outcome = if outcome.is_allowed() { Outcome::Malformed } else { outcome };
        let recorder = match self.generations.active_mut() {
            Some(generation) => &mut generation.recorder,
            None => &mut self.no_bundle,
        };
        let finish = Finish {
            decision_ids: &mut self.decision_ids,
            decision_id: &mut self.decision_id,
            reply: &mut self.reply,
            recorder,
        };
        finish.verdict(outcome, Facts::default(), HeaderMap::EMPTY, started_nanos, host)
    }
}

/// Says which bundle decides; buffers and cached tokens are nobody's business.
impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bundle = self.bundle();
        f.debug_struct("Gateway")
            .field("bundle", &bundle.map(|bundle| &bundle.manifest().name))
            .field("version", &bundle.map(|bundle| bundle.manifest().version))
            .field("digest", &bundle.map(ActiveBundle::digest))
            .finish_non_exhaustive()
    }
}

/// What [`Gateway::begin`] came to.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each request, taken apart at once; on wasm it is smaller")]
pub enum Step<'a> {
    /// The decision; the body does not matter to it.
    Decided(Verdict<'a>),
    /// The body decides. Nothing may be forwarded before [`Gateway::finish`] was asked.
    NeedsBody {
        /// Largest body that will be read, in bytes.
        limit: usize,
        /// To be handed back with the body.
        admitted: Admitted,
    },
}

/// Says that the headers of a request were judged before, so that a proof which is good for one request is not taken for
/// used when the same request is judged again; and by which bundle, which is kept as long as this is. Made by
/// [`Gateway::begin`] only.
#[derive(Debug)]
pub struct Admitted(Option<Mark>);

/// What became of a body that was needed.
#[derive(Clone, Copy, Debug)]
pub enum ReceivedBody<'a> {
    /// All of it.
    Whole(&'a [u8]),
    /// It is larger than [`Step::NeedsBody`] allows.
    TooLarge,
    /// The host does not hand it over.
    Unreadable,
}

/// The steps have been taken; what came out is still to be recorded.
struct Run<'a> {
    progress: Progress,
    facts: Facts<'a>,
    started_nanos: u64,
    /// Of the generation that was asked.
    mark: Option<&'a Mark>,
    /// What the candidate says.
    trial: Option<Pending>,
    finish: Finish<'a>,
}

impl<'a> Run<'a> {
    fn verdict(self, request: &RequestHead<'a>, host: &mut dyn Host) -> Verdict<'a> {
        let outcome = match self.progress {
            Progress::Decided(outcome) => outcome,
            // Asked for by `begin` only.
            Progress::NeedsBody { .. } => Outcome::Unavailable(Unavailable::Internal),
        };
        let trial = self.trial;
        let mut verdict = self.finish.verdict(outcome, self.facts, request.headers, self.started_nanos, host);
        verdict.trial = trial.map(|pending| pending.finish(verdict.record));
        verdict
    }
}

/// The headers that the upstream does not get: the caller's credentials, a workload's token and proof, the transaction token, a
/// session that is none, and the wish for a compressed answer.
fn strip(facts: &Facts<'_>) -> [&'static [&'static str]; 5] {
    let ignores_session = matches!(facts.session, SessionUse::Ignored);
    [
        if facts.strip_token { &["authorization", "dpop"] } else { &[] },
        if facts.strip_workload { &["workload-identity-token", "workload-proof-token"] } else { &[] },
        if facts.strip_transaction { &["txn-token"] } else { &[] },
        if ignores_session { &[crate::SESSION_HEADER] } else { &[] },
        // An answer that has to be read must not be compressed.
        if facts.lists.is_some() { &["accept-encoding"] } else { &[] },
    ]
}

/// The parts of a gateway that turn an outcome into a verdict.
struct Finish<'a> {
    decision_ids: &'a mut DecisionIds,
    decision_id: &'a mut DecisionId,
    reply: &'a mut ReplyBuffer,
    recorder: &'a mut Recorder,
}

impl<'a> Finish<'a> {
    fn verdict(
        self,
        outcome: Outcome,
        facts: Facts<'a>,
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
                let forward = Forward {
                    remove: headers.reserved(),
                    strip: strip(&facts),
                    set: [
                        facts.principal.map(|principal| (crate::PRINCIPAL_HEADER, principal)),
                        Some((crate::DECISION_ID_HEADER, self.decision_id.as_str())),
                        facts.delegation.actor().map(|actor| (crate::ACTOR_HEADER, actor)),
                        session.map(|id| (crate::SESSION_HEADER, id)),
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
        let record = self.recorder.write(&Stamp { id, started_nanos, micros, outcome, status }, &facts);
        let session = match facts.session {
            SessionUse::Bound { binding, .. } if matches!(action, Action::Forward(_)) => Some(binding),
            SessionUse::Bound { .. } | SessionUse::None | SessionUse::Ignored => None,
        };
        let is_forwarded = matches!(action, Action::Forward(_));
        let owner = facts.owner.filter(|_| is_forwarded).map(|owner| owner.by(id));
        let lists = facts.lists.filter(|_| is_forwarded);
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
            record,
            micros,
            answer,
            trial: None,
        }
    }
}
