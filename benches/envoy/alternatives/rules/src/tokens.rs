//! Verified tokens, by their text.

use std::collections::HashMap;

use crate::Caller;

/// Most tokens kept. Beyond, all are forgotten: the measurement has fewer.
const TOKENS: usize = 4096;

/// What the rules need of a token's claims.
pub(crate) struct Claims {
    pub(crate) subject: String,
    pub(crate) teams: Vec<String>,
    pub(crate) suspended: bool,
}

pub(crate) struct Tokens {
    namespace: String,
    /// With the time of expiry, in seconds since the epoch.
    known: HashMap<String, (Caller, u64)>,
}

impl Tokens {
    pub(crate) fn new(namespace: String) -> Self {
        Self { namespace, known: HashMap::new() }
    }

    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The caller of a token that is known and has not expired.
    pub(crate) fn find(&self, token: &str, now: u64) -> Option<&Caller> {
        self.known.get(token).filter(|(_, expires)| now < *expires).map(|(caller, _)| caller)
    }

    pub(crate) fn keep(&mut self, token: &str, caller: Caller, expires: u64) {
        if self.known.len() >= TOKENS {
            self.known.clear();
        }
        self.known.insert(token.to_owned(), (caller, expires));
    }
}
