//! A bundle that decides nothing: it is asked beside the one that does, so that nobody ships a policy blind.
//!
//! It sees the same request and forms its own idea of who asks, of the route and of the policies. What the active bundle decided
//! stands, whatever the candidate says or fails at.

use palisade_engine::Scratch;

use crate::bundle::TrustSet;
use crate::configuration::OnForbidError;
use crate::generation::Generation;
use crate::head::RequestHead;
use crate::host::Host;
use crate::jwks::Poller;
use crate::limits;
use crate::mcp::SessionKey;
use crate::outcome::Outcome;
use crate::pipeline::{Body, Buffers, Pipeline, Progress};
use crate::proof::DpopState;
use crate::record::{Facts, push_json, push_policy_list};
use crate::revocation::Revocations;
use crate::status_list::Lists;

/// What two bundles made of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contrast {
    /// Both let it through, or both refuse it for the same reason.
    Same,
    /// The candidate would refuse what was let through.
    AllowToDeny,
    /// The candidate would let through what was refused.
    DenyToAllow,
    /// The candidate would refuse it for another reason.
    OtherDenial,
    /// The candidate has no answer: it wants a body that was not awaited, cannot decide now, or has expired.
    Unknown,
}

impl Contrast {
    /// Its name in statistics and records.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::AllowToDeny => "allow_to_deny",
            Self::DenyToAllow => "deny_to_allow",
            Self::OtherDenial => "other_denial",
            Self::Unknown => "unknown",
        }
    }

    fn of(active: Outcome, candidate: Progress) -> Self {
        let candidate = match candidate {
            Progress::NeedsBody { .. } | Progress::Decided(Outcome::Unavailable(_)) => return Self::Unknown,
            Progress::Decided(outcome) => outcome,
        };
        match (active.is_allowed(), candidate.is_allowed()) {
            (true, true) => Self::Same,
            (true, false) => Self::AllowToDeny,
            (false, true) => Self::DenyToAllow,
            (false, false) if active.disposition().reason == candidate.disposition().reason => Self::Same,
            (false, false) => Self::OtherDenial,
        }
    }
}

/// What the candidate made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Beside what was decided.
    pub contrast: Contrast,
    /// The policies that make the difference: those that determined the candidate's answer, and where there are none, those that
    /// let the request through so far. Empty where there is no difference.
    pub policies: Vec<String>,
    /// The decision record with both answers, one line of JSON; only of some differences.
    pub record: Option<String>,
}

/// A trial before the decision has its record.
#[derive(Debug)]
pub(crate) struct Pending {
    contrast: Contrast,
    policies: Vec<String>,
    /// The member `candidate` of the record.
    member: Option<String>,
}

/// The candidate, and what it needs to be asked.
pub(crate) struct Candidate {
    pub(crate) generation: Generation,
    pub(crate) scratch: Scratch,
    pub(crate) buffers: Buffers,
    samples: Samples,
}

/// How many records are left in this second.
#[derive(Debug, Default)]
struct Samples {
    second: u64,
    taken: u32,
}

impl Samples {
    fn take(&mut self, second: u64) -> bool {
        if self.second != second {
            *self = Self { second, taken: 0 };
        }
        self.taken = self.taken.saturating_add(1);
        self.taken <= limits::CANDIDATE_SAMPLES
    }
}

impl std::fmt::Debug for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Candidate").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl Candidate {
    pub(crate) fn new(generation: Generation) -> Self {
        Self { generation, scratch: Scratch::new(), buffers: Buffers::default(), samples: Samples::default() }
    }

    /// Asks the candidate about a request on which `outcome` was decided.
    pub(crate) fn ask(
        &mut self,
        (outcome, facts): (Outcome, &Facts<'_>),
        request: &RequestHead<'_>,
        body: Body<'_>,
        circumstances: Circumstances<'_>,
        host: &mut dyn Host,
    ) -> Pending {
        let Self { generation: Generation { bundle, cache, poller, .. }, scratch, buffers, samples } = self;
        let Circumstances { on_forbid_error, dpop, sessions, revocations, lists, now_nanos } = circumstances;
        let (version, digest) = (bundle.manifest().version, bundle.digest());
        let mut theirs = Facts::default();
        let pipeline = Pipeline {
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
            // Its proof was used for this very request.
            is_admitted: true,
            now_nanos,
        };
        let progress = pipeline.run(request, body, host, &mut theirs);
        let sample = || samples.take(now_nanos / 1_000_000_000);
        Pending::new((outcome, facts), (progress, &theirs), (version, &format!("{digest:?}")), sample)
    }
}

/// What a request is judged by besides the bundle.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) on_forbid_error: OnForbidError,
    pub(crate) dpop: &'a DpopState,
    pub(crate) sessions: &'a SessionKey,
    pub(crate) revocations: &'a Revocations,
    pub(crate) lists: &'a Lists,
    pub(crate) now_nanos: u64,
}

/// The place of the candidate.
#[derive(Debug, Default)]
pub(crate) struct Berth(pub(crate) Option<Box<Candidate>>);

impl Berth {
    /// Who looks after the keys that only the candidate has.
    pub(crate) fn poller(&self) -> Option<&Poller> {
        self.0.as_ref().map(|candidate| &candidate.generation.poller)
    }

    /// How soon to look after them again, in milliseconds.
    pub(crate) fn period_ms(&self) -> u32 {
        let generation = self.0.as_ref().map(|candidate| &candidate.generation);
        generation.map_or(u32::MAX, |Generation { poller, bundle, .. }| poller.period_ms(bundle.issuers()))
    }

    /// Asks again who has signed the candidate, because other keys are trusted now. If too few have, it has no answer.
    pub(crate) fn recheck(&mut self, trust: &TrustSet) {
        if let Some(candidate) = &mut self.0 {
            candidate.generation.bundle.recheck(trust);
        }
    }
}

impl Pending {
    /// Compares what was decided with what the candidate came to.
    pub(crate) fn new(
        active: (Outcome, &Facts<'_>),
        candidate: (Progress, &Facts<'_>),
        generation: (u64, &str),
        sample: impl FnOnce() -> bool,
    ) -> Self {
        let (outcome, facts) = active;
        let (progress, theirs) = candidate;
        let contrast = Contrast::of(outcome, progress);
        if contrast == Contrast::Same {
            return Self { contrast, policies: Vec::new(), member: None };
        }
        let names = if theirs.policies.is_empty() { facts.policies } else { theirs.policies };
        let policies = names.iter().take(limits::RECORD_POLICIES).map(str::to_owned).collect();
        let member = sample().then(|| member(contrast, progress, theirs, generation));
        Self { contrast, policies, member }
    }

    /// The same with the decision's record.
    pub(crate) fn finish(self, record: &str) -> Trial {
        let Self { contrast, policies, member } = self;
        let record = member.and_then(|member| Some(format!("{},{member}}}", record.strip_suffix('}')?)));
        Trial { contrast, policies, record }
    }
}

fn member(contrast: Contrast, progress: Progress, facts: &Facts<'_>, (version, digest): (u64, &str)) -> String {
    let reason = match progress {
        Progress::Decided(outcome) => outcome.disposition().reason,
        Progress::NeedsBody { .. } => "body.needed",
    };
    let mut text = format!(
        "\"candidate\":{{\"contrast\":\"{}\",\"reason\":\"{reason}\",\"version\":{version},\"digest\":",
        contrast.name()
    );
    push_json(&mut text, digest);
    for (name, policies) in [("policies", facts.policies), ("errors", facts.errors)] {
        push_policy_list(&mut text, name, policies);
    }
    text.push('}');
    text
}
