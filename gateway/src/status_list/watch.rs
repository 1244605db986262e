//! A list that tokens name, what is known of it, and what it says of a token.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::list::{StatusList, TokenStatus};
use super::rules::ListRules;
use crate::token::TokenError;

/// A list of an issuer. Identities hold on to it, and see whatever list is there when they are asked about.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The issuer's alias.
    pub(super) alias: String,
    pub(super) uri: String,
    /// When it was first asked for.
    pub(super) since_ms: u64,
    /// When a token was last looked up in it.
    pub(super) asked_ms: Cell<u64>,
    held: RefCell<Option<Rc<Held>>>,
}

/// A list that is there.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) list: StatusList,
    /// The token that it came in, to be asked again who signed it when keys change.
    pub(super) token: Vec<u8>,
    pub(super) fetched_ms: Cell<u64>,
}

impl Held {
    /// Its bytes of memory.
    pub(super) fn weight(&self) -> usize {
        self.list.bytes.len().saturating_add(self.token.len())
    }
}

impl Watch {
    pub(super) fn new(alias: &str, uri: &str, now_ms: u64) -> Self {
        Self {
            alias: alias.to_owned(),
            uri: uri.to_owned(),
            since_ms: now_ms,
            asked_ms: Cell::new(now_ms),
            held: RefCell::new(None),
        }
    }

    pub(super) fn is(&self, alias: &str, uri: &str) -> bool {
        self.alias == alias && self.uri == uri
    }

    /// The list that is there.
    pub(super) fn held(&self) -> Option<Rc<Held>> {
        self.held.try_borrow().ok()?.clone()
    }

    /// Puts a list in place, or takes it away.
    pub(super) fn hold(&self, held: Option<Held>) {
        // Nobody borrows it while lists are looked after.
        if let Ok(mut place) = self.held.try_borrow_mut() {
            *place = held.map(Rc::new);
        }
    }
}

/// Where a token says that its status is; kept with its identity.
#[derive(Clone, Debug)]
pub(crate) struct StatusReference {
    pub(super) watch: Rc<Watch>,
    pub(super) index: u64,
}

/// What a record says of a token that was refused for its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusFacts<'a> {
    pub(crate) uri: &'a str,
    pub(crate) index: u64,
    /// What the list says; `None` where there is none, or no such place in it.
    pub(crate) status: Option<TokenStatus>,
}

impl StatusReference {
    /// Whether the token is good, by the list of this moment.
    pub(crate) fn check(&self, rules: &ListRules, now_ms: u64) -> Result<(), (TokenError, StatusFacts<'_>)> {
        let Self { watch, index } = self;
        watch.asked_ms.set(now_ms);
        let facts = StatusFacts { uri: &watch.uri, index: *index, status: None };
        let held = watch.held.try_borrow();
        match held.as_ref().ok().and_then(|held| held.as_deref()) {
            Some(Held { list, fetched_ms, token: _ }) if rules.admits(list, fetched_ms.get(), now_ms) => {
                let status = list.get(*index);
                judge(status).map_err(|error| (error, StatusFacts { status, ..facts }))
            }
            None if rules.admits_without(watch.since_ms, now_ms) => Ok(()),
            Some(_) | None => Err((TokenError::StatusUnavailable, facts)),
        }
    }
}

/// What becomes of a token of which a list says this; `None` where it has no such place.
pub(crate) fn judge(status: Option<TokenStatus>) -> Result<(), TokenError> {
    match status {
        Some(TokenStatus::Valid) => Ok(()),
        Some(TokenStatus::Invalid) => Err(TokenError::StatusInvalid),
        Some(TokenStatus::Suspended) => Err(TokenError::StatusSuspended),
        Some(TokenStatus::Application(_)) => Err(TokenError::StatusApplication),
        Some(TokenStatus::Reserved(_)) => Err(TokenError::StatusReserved),
        None => Err(TokenError::StatusOutOfRange),
    }
}
