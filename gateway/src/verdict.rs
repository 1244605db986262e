//! What the gateway hands back to its host.

use palisade_engine::{CompiledPolicySet, Effect, PolicyIndex};

use crate::answer::AnswerFilter;
use crate::candidate::Trial;
use crate::decision_id::DecisionId;
use crate::header_map::Reserved;
use crate::mcp::SessionBinding;
use crate::outcome::{Disposition, Outcome, Reply};
use crate::revocation::StreamOwner;

/// The decision on one request. It borrows from the gateway's reused buffers.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// What to do with the request.
    pub action: Action<'a>,
    /// The status that the client sees; 200 if the request goes on.
    pub status: u16,
    /// How the request ended.
    pub outcome: Outcome,
    /// The decision's id.
    pub decision_id: DecisionId,
    /// Cedar's own answer, where policies were asked.
    pub effect: Option<Effect>,
    /// The policies that determined the answer.
    pub policies: PolicyNames<'a>,
    /// The policies that could not be evaluated.
    pub errors: PolicyNames<'a>,
    /// Whose stream it is, if it goes on and could be revoked while it lasts; see [`crate::Gateway::ends`].
    pub owner: Option<StreamOwner>,
    /// How the session ids that the upstream makes are bound to the caller, where the request's protocol has sessions.
    pub session: Option<SessionBinding>,
    /// Whether the token was found in the cache of verified tokens.
    pub token_cached: bool,
    /// Whether the policies were asked the same before, and not again.
    pub is_remembered: bool,
    /// The decision record: one line of JSON.
    pub record: &'a str,
    /// How long the decision took, in microseconds.
    pub micros: u64,
    /// What has to be done with the answer, if it may hold lists. What the request was decided by is kept in it.
    pub answer: Option<Box<AnswerFilter>>,
    /// What a candidate would have made of the request, where there is one.
    pub trial: Option<Trial>,
}

impl Verdict<'_> {
    /// Status, reason code, log level and metric of the outcome.
    #[must_use]
    pub fn disposition(&self) -> Disposition {
        self.outcome.disposition()
    }
}

/// What to do with the request.
#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant, reason = "one for each request, taken apart at once; on wasm it is smaller")]
pub enum Action<'a> {
    /// Let it through.
    Forward(Forward<'a>),
    /// Answer it.
    Reply(Reply<'a>),
}

/// How to let a request through: first remove, then set.
#[derive(Clone, Debug)]
pub struct Forward<'a> {
    /// Names of request headers to remove: the client's own `x-palisade-*`. A repeated name comes repeatedly.
    pub remove: Reserved<'a>,
    /// Names of request headers to remove besides, with all their values: the caller's credentials, where the route keeps them
    /// from the upstream. Only such as are there: looking in vain costs a proxy more than most decisions.
    pub strip: [Option<&'static str>; 7],
    /// Request headers to set, for the upstream: who calls, the decision, who acts for the caller, the server's own name of the
    /// session. Values are printable ASCII.
    pub set: [Option<(&'static str, &'a str)>; 4],
}

/// The ids of some policies, as Cedar reports them.
#[derive(Clone, Copy, Default)]
pub struct PolicyNames<'a> {
    set: Option<&'a CompiledPolicySet>,
    policies: &'a [PolicyIndex],
}

impl<'a> PolicyNames<'a> {
    pub(crate) fn new(set: &'a CompiledPolicySet, policies: &'a [PolicyIndex]) -> Self {
        Self { set: Some(set), policies }
    }

    pub(crate) fn indices(&self) -> &'a [PolicyIndex] {
        self.policies
    }

    /// The ids, in the order of the bundle.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        let Self { set, policies } = *self;
        policies.iter().filter_map(move |policy| set.map(|set| set.policy_id(*policy)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.policies.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }
}

impl std::fmt::Debug for PolicyNames<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
