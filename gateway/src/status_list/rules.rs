//! What an issuer's status lists are held by, checked.

use super::list::StatusList;
use crate::feed::{DocumentUri, Pace};
use crate::limits;
use crate::section::{OnUnavailable, SectionError, SectionErrorKind, StatusLists, StatusMode};

/// What becomes of the claim `status` of an issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StatusRules {
    /// The bundle says nothing of lists: a token that names one is refused.
    Refuse,
    /// Nobody looks.
    Ignore,
    /// It is looked up.
    Check(ListRules),
}

/// Where lists may be, and for how long they count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListRules {
    pub(crate) is_required: bool,
    uris: Vec<AllowedUri>,
    pub(super) pace: Pace,
    max_stale_ms: u64,
    on_unavailable: OnUnavailable,
}

/// A place of lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AllowedUri {
    /// One list.
    Exact(DocumentUri),
    /// All that lie below; the URL with its `/` at the end.
    Below { text: String, place: DocumentUri },
}

impl StatusRules {
    /// Checks what a section says; `place` says whose lists they are.
    pub(crate) fn open(lists: Option<StatusLists>, place: &str) -> Result<Self, SectionError> {
        let Some(lists) = lists else { return Ok(Self::Refuse) };
        let StatusLists { mode, uris, fresh_for_seconds, max_stale_seconds, on_unavailable } = lists;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of the status lists of {place}")));
        if uris.is_empty() != (mode == StatusMode::Ignore) {
            return error(SectionErrorKind::Empty, "`uris`");
        }
        if uris.len() > limits::STATUS_URIS {
            return error(SectionErrorKind::Limit, "`uris`");
        }
        if !(1..=limits::STATUS_MAX_SECONDS).contains(&fresh_for_seconds) {
            return error(SectionErrorKind::Range, "`fresh_for_seconds`");
        }
        if !(fresh_for_seconds..=limits::STATUS_MAX_SECONDS).contains(&max_stale_seconds) {
            return error(SectionErrorKind::Range, "`max_stale_seconds`");
        }
        let Some(allowed) = uris.iter().map(|uri| AllowedUri::read(uri)).collect::<Option<Vec<_>>>() else {
            return error(SectionErrorKind::StatusUri, "`uris`");
        };
        let is_required = match mode {
            StatusMode::Ignore => return Ok(Self::Ignore),
            StatusMode::Optional => false,
            StatusMode::Required => true,
        };
        let fresh_for_ms = fresh_for_seconds.saturating_mul(1000);
        Ok(Self::Check(ListRules {
            is_required,
            uris: allowed,
            pace: Pace { fresh_for_ms, cooldown_ms: limits::JWKS_COOLDOWN_SECONDS.saturating_mul(1000) },
            max_stale_ms: max_stale_seconds.saturating_mul(1000),
            on_unavailable,
        }))
    }

    /// The rules of lists that are looked into.
    pub(crate) fn lists(&self) -> Option<&ListRules> {
        match self {
            Self::Check(rules) => Some(rules),
            Self::Refuse | Self::Ignore => None,
        }
    }
}

impl ListRules {
    /// Whether a token may name this list.
    pub(crate) fn allows(&self, uri: &str) -> bool {
        self.uris.iter().any(|allowed| allowed.covers(uri))
    }

    /// The lists that are known before a token names them.
    pub(super) fn named(&self) -> impl Iterator<Item = &str> {
        self.uris.iter().filter_map(|uri| match uri {
            AllowedUri::Exact(uri) => Some(uri.as_str()),
            AllowedUri::Below { .. } => None,
        })
    }

    /// The hosts that lists are fetched from.
    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.uris.iter().map(|uri| match uri {
            AllowedUri::Exact(place) | AllowedUri::Below { place, .. } => place.host(),
        })
    }

    /// How long after a fetch the next one should happen at the latest.
    pub(super) fn interval_ms(&self, list: &StatusList) -> u64 {
        let ttl_ms = list.ttl_ms().map(|ttl| ttl.max(limits::STATUS_TTL_SECONDS.saturating_mul(1000)));
        ttl_ms.map_or(self.pace.fresh_for_ms, |ttl| ttl.min(self.pace.fresh_for_ms))
    }

    /// Whether what a list says still counts that was fetched then.
    pub(super) fn admits(&self, list: &StatusList, fetched_ms: u64, now_ms: u64) -> bool {
        let life_ms = match list.ttl_ms() {
            Some(ttl) => ttl.clamp(self.pace.fresh_for_ms, self.max_stale_ms),
            None => self.max_stale_ms,
        };
        let in_time = |life_ms: u64| now_ms < fetched_ms.saturating_add(life_ms);
        let is_current = in_time(life_ms) && now_ms < list.end_ms();
        is_current || (self.on_unavailable == OnUnavailable::Allow && in_time(self.max_stale_ms))
    }

    /// Whether a token passes whose list was never had, although it was asked for since then.
    pub(super) fn admits_without(&self, since_ms: u64, now_ms: u64) -> bool {
        self.on_unavailable == OnUnavailable::Allow && now_ms < since_ms.saturating_add(self.max_stale_ms)
    }
}

impl AllowedUri {
    /// `None` for what is no URL that lists can be fetched from.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let place = DocumentUri::read(text)?;
        match text.ends_with('/') {
            // Below a query there is nothing.
            true if place.target().contains('?') => None,
            true => Some(Self::Below { text: text.to_owned(), place }),
            false => Some(Self::Exact(place)),
        }
    }

    fn covers(&self, uri: &str) -> bool {
        match self {
            Self::Exact(exact) => exact.as_str() == uri,
            Self::Below { text, place: _ } => {
                // What a server could decode leads who knows where.
                let below = uri.strip_prefix(text.as_str()).filter(|rest| !rest.is_empty() && !rest.contains('%'));
                below.is_some() && DocumentUri::read(uri).is_some()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_list::testing;

    fn lists() -> StatusLists {
        StatusLists::at(vec!["https://issuer/lists/".to_owned(), "https://issuer/one?a=b".to_owned()])
    }

    fn open(change: impl FnOnce(&mut StatusLists)) -> Result<ListRules, SectionErrorKind> {
        let mut lists = lists();
        change(&mut lists);
        match StatusRules::open(Some(lists), "dev") {
            Ok(StatusRules::Check(rules)) => Ok(rules),
            Ok(StatusRules::Refuse | StatusRules::Ignore) => panic!("no rules"),
            Err(error) => Err(error.kind()),
        }
    }

    #[test]
    fn places_are_exact_or_all_below_a_slash() {
        let rules = open(|_| ()).unwrap();
        for uri in ["https://issuer/lists/1", "https://issuer/lists/a/b.jwt?c=d", "https://issuer/one?a=b"] {
            assert!(rules.allows(uri), "{uri}");
        }
        for uri in ["https://issuer/one", "https://issuer/one?a=b&c", "https://issuer/one?a=b/", "https://issuer/"] {
            assert!(!rules.allows(uri), "{uri}");
        }
        assert_eq!(rules.named().collect::<Vec<_>>(), ["https://issuer/one?a=b"]);
        assert_eq!(rules.hosts().collect::<Vec<_>>(), ["issuer", "issuer"]);
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert_eq!(open(|l| l.uris.clear()), Err(SectionErrorKind::Empty));
        assert_eq!(open(|l| l.mode = StatusMode::Ignore), Err(SectionErrorKind::Empty));
        assert_eq!(open(|l| l.uris = vec!["https://issuer/a".to_owned(); 65]), Err(SectionErrorKind::Limit));
        for uri in ["", "http://issuer/a", "https://issuer", "https://issuer/a/../", "https://issuer/a?b/", "issuer/"] {
            assert_eq!(open(|l| l.uris.push(uri.to_owned())), Err(SectionErrorKind::StatusUri), "{uri}");
        }
        assert_eq!(open(|l| l.fresh_for_seconds = 0), Err(SectionErrorKind::Range));
        assert_eq!(open(|l| l.fresh_for_seconds = 86_401), Err(SectionErrorKind::Range));
        assert_eq!(open(|l| l.max_stale_seconds = 299), Err(SectionErrorKind::Range));
        assert_eq!(open(|l| l.max_stale_seconds = 86_401), Err(SectionErrorKind::Range));
        assert!(open(|l| l.max_stale_seconds = 300).is_ok());
        assert_eq!(StatusRules::open(None, "dev"), Ok(StatusRules::Refuse));
        let ignore = StatusLists { mode: StatusMode::Ignore, ..StatusLists::at(vec![]) };
        assert_eq!(StatusRules::open(Some(ignore), "dev"), Ok(StatusRules::Ignore));
    }

    /// Until when a list counts that was fetched at 0, in seconds.
    fn life(rules: &ListRules, ttl: Option<u64>, exp: Option<u64>) -> u64 {
        let list = testing::list_for(ttl, exp);
        let mut ends = (0..100_000).filter(|second| !rules.admits(&list, 0, second * 1000));
        ends.next().unwrap()
    }

    #[test]
    fn ttl_counts_within_the_bounds_of_the_bundle() {
        let rules = open(|_| ()).unwrap();
        for (ttl, seconds) in [(None, 3600), (Some(1), 300), (Some(299), 300), (Some(1000), 1000), (Some(9999), 3600)] {
            assert_eq!(life(&rules, ttl, None), seconds, "{ttl:?}");
        }
        for (ttl, seconds) in [(None, 300), (Some(1), 30), (Some(31), 31), (Some(9999), 300)] {
            assert_eq!(rules.interval_ms(&testing::list_for(ttl, None)), seconds * 1000, "{ttl:?}");
        }
    }

    #[test]
    fn what_has_expired_counts_no_more() {
        let rules = open(|_| ()).unwrap();
        // Clocks may be 30 seconds apart.
        assert_eq!(life(&rules, None, Some(100)), 130);
        assert_eq!(life(&rules, Some(50), Some(1)), 31);
        assert_eq!(life(&rules, Some(300), Some(9999)), 300);
        assert!(!rules.admits_without(0, 0));
    }

    #[test]
    fn who_would_rather_let_by_does_so_for_a_while() {
        let rules = open(|l| l.on_unavailable = OnUnavailable::Allow).unwrap();
        for (ttl, exp) in [(None, None), (Some(1), None), (None, Some(1)), (Some(1), Some(1)), (Some(9999), Some(9999))]
        {
            assert_eq!(life(&rules, ttl, exp), 3600, "{ttl:?} {exp:?}");
        }
        assert!(rules.admits_without(5_000, 5_000) && rules.admits_without(5_000, 3_604_999));
        assert!(!rules.admits_without(5_000, 3_605_000));
    }
}
