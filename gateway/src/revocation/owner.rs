//! Whom a stream belongs to that was let through: so that it can be ended when they are revoked while it lasts.

use std::rc::Rc;

use super::held::Revocations;
use super::trace::Mark;
use crate::decision_id::DecisionId;
use crate::identity::Identity;
use crate::outcome::Outcome;
use crate::status_list::StatusReference;
use crate::transaction::TransactionError;

/// What a stream could be revoked by. It costs a request two counts of references, and nothing where nothing can be revoked.
#[derive(Clone, Debug)]
pub struct StreamOwner {
    /// Whose lists count; `None` where none do.
    channel: Option<Rc<str>>,
    identity: Rc<Identity>,
    transaction: Option<Mark>,
    task: Option<Mark>,
    decision_id: DecisionId,
}

impl StreamOwner {
    pub(super) fn new(channel: Option<&Rc<str>>, identity: &Rc<Identity>) -> Self {
        Self {
            channel: channel.map(Rc::clone),
            identity: Rc::clone(identity),
            transaction: None,
            task: None,
            decision_id: DecisionId::default(),
        }
    }

    /// The same, as part of a transaction.
    pub(crate) fn set_transaction(&mut self, mark: Mark) {
        self.transaction = Some(mark);
    }

    /// The same, about a task.
    pub(crate) fn set_task(&mut self, mark: Mark) {
        self.task = Some(mark);
    }

    /// The same, let through by a decision.
    pub(crate) fn by(self, decision_id: DecisionId) -> Self {
        Self { decision_id, ..self }
    }

    /// Where the status of its token is.
    pub(crate) fn status(&self) -> Option<&StatusReference> {
        self.identity.status.as_ref()
    }

    /// The decision that let the stream through.
    #[must_use]
    pub fn decision_id(&self) -> DecisionId {
        self.decision_id
    }
}

impl Revocations {
    /// Whom a stream of an identity belongs to; `None` where nothing can be revoked.
    pub(crate) fn owner(&self, identity: &Rc<Identity>) -> Option<StreamOwner> {
        let is_revocable = self.is_configured() || identity.status.is_some();
        is_revocable.then(|| StreamOwner::new(self.channel(), identity))
    }

    /// Why a stream is to end: what a request of its owner would be refused for by now. `None` if it may go on.
    pub(crate) fn ends(&self, owner: &StreamOwner, now_s: u64) -> Option<Outcome> {
        let StreamOwner { channel, identity, transaction, task, decision_id: _ } = owner;
        if channel.is_none() || self.channel() != channel.as_ref() {
            return None;
        }
        let revoked = |mark: &Option<Mark>| self.of_mark(mark.as_ref()?, now_s);
        let by_identity = self.of_identity(identity, now_s).map(|revoked| Outcome::Revoked(revoked.kind));
        by_identity
            .or_else(|| revoked(transaction).map(|_| TransactionError::Revoked.into()))
            .or_else(|| revoked(task).map(|revoked| Outcome::Revoked(revoked.kind)))
    }
}
