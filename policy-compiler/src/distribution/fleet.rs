//! What gateways say of themselves: which bundle decides in them, and what went wrong.
//!
//! Nobody vouches for it but the client whose connection it came over, and nothing that is served depends on it.

use std::collections::BTreeMap;

use palisade_gateway::{Fault, ReportedList, StatusReport};

use crate::limits::{REPORT_FORGOTTEN_SECONDS, REPORT_GRACE_SECONDS};

/// The last report of each Envoy process. Bounded: beyond the bound, the client with the most of them loses the one that was heard of
/// longest ago.
#[derive(Debug)]
pub struct Fleet {
    /// By client and instance.
    gateways: BTreeMap<(String, String), Said>,
    max: usize,
}

/// What a gateway said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The report.
    pub report: StatusReport,
    /// When it came, in seconds since the Unix epoch.
    pub heard: u64,
    /// Since when it says the same but for times.
    pub since: u64,
}

impl Said {
    /// Whether there should have been another report by now: the gateway has ended, or is cut off.
    #[must_use]
    pub fn is_overdue(&self, now_seconds: u64) -> bool {
        self.silence(now_seconds) > 0
    }

    /// How long it has been overdue, in seconds.
    fn silence(&self, now_seconds: u64) -> u64 {
        let due = self.report.interval_s.saturating_add(REPORT_GRACE_SECONDS);
        now_seconds.saturating_sub(self.heard).saturating_sub(due)
    }
}

impl Fleet {
    /// Nobody has said anything yet.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { gateways: BTreeMap::new(), max }
    }

    /// Notes what a gateway says. True where that is news.
    pub fn note(&mut self, client: &str, report: StatusReport, now_seconds: u64) -> bool {
        self.gateways.retain(|_, said| said.silence(now_seconds) < REPORT_FORGOTTEN_SECONDS);
        let name = (client.to_owned(), report.instance.clone());
        if !self.gateways.contains_key(&name) && self.gateways.len() >= self.max {
            self.forget_one();
        }
        let before = self.gateways.get(&name);
        let is_news = before.is_none_or(|said| timeless(&said.report) != timeless(&report));
        let since = before.filter(|_| !is_news).map_or(now_seconds, |said| said.since);
        self.gateways.insert(name, Said { report, heard: now_seconds, since });
        is_news
    }

    /// Everything known, in the order of clients: client and what its gateway said.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Said)> {
        self.gateways.iter().map(|((client, _), said)| (client.as_str(), said))
    }

    fn forget_one(&mut self) {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (client, _) in self.gateways.keys() {
            *counts.entry(client).or_default() += 1;
        }
        let busiest = counts.into_iter().max_by_key(|(_, count)| *count).map(|(client, _)| client);
        let of_busiest = self.gateways.iter().filter(|((client, _), _)| Some(client.as_str()) == busiest);
        let oldest = of_busiest.min_by_key(|(_, said)| said.heard).map(|(name, _)| name.clone());
        if let Some(name) = oldest {
            self.gateways.remove(&name);
        }
    }
}

/// A report without what changes by itself.
fn timeless(report: &StatusReport) -> StatusReport {
    let faults = report.faults.iter().map(|fault| Fault { age_s: 0, ..fault.clone() }).collect();
    let revocations = report.revocations.map(|list| ReportedList { age_s: 0, ..list });
    StatusReport { time: 0, confirmed_age_s: None, faults, revocations, ..report.clone() }
}

#[cfg(test)]
mod tests {
    use palisade_gateway::{Part, State};

    use super::*;

    fn report(instance: &str) -> StatusReport {
        StatusReport {
            schema: StatusReport::SCHEMA.to_owned(),
            gateway: None,
            node: None,
            instance: instance.to_owned(),
            filter: "1".to_owned(),
            time: 5,
            interval_s: 60,
            channel: "dev".to_owned(),
            state: State::Missing,
            bundle: None,
            root: None,
            confirmed_age_s: Some(5),
            faults: vec![Fault { part: Part::Bundle, code: "feed.status".into(), age_s: 5 }],
            candidate: None,
            revocations: None,
            workers: Vec::new(),
        }
    }

    #[test]
    fn news_are_told_once_and_the_passing_of_time_is_none() {
        let mut fleet = Fleet::new(10);
        assert!(fleet.note("a", report("1"), 100));
        let mut later = report("1");
        (later.time, later.confirmed_age_s, later.faults[0].age_s) = (65, Some(65), 65);
        assert!(!fleet.note("a", later, 160));
        let (_, said) = fleet.all().next().unwrap();
        assert_eq!((said.heard, said.since, said.report.time), (160, 100, 65));
        assert!(fleet.note("a", StatusReport { state: State::Deciding, ..report("1") }, 170));
        assert!(fleet.note("a", report("2"), 180), "another process");
        assert!(fleet.note("b", report("1"), 180), "another client");
        assert_eq!(fleet.all().count(), 3);
    }

    #[test]
    fn who_is_silent_is_overdue_and_then_forgotten() {
        let mut fleet = Fleet::new(10);
        fleet.note("a", report("1"), 100);
        let due = 100 + 60 + REPORT_GRACE_SECONDS;
        let (_, said) = fleet.all().next().unwrap();
        assert!(!said.is_overdue(due) && said.is_overdue(due + 1) && !said.is_overdue(0));
        fleet.note("b", report("2"), due + REPORT_FORGOTTEN_SECONDS - 1);
        assert_eq!(fleet.all().count(), 2);
        fleet.note("b", report("2"), due + REPORT_FORGOTTEN_SECONDS);
        assert_eq!(fleet.all().map(|(client, _)| client).collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn whoever_says_most_displaces_its_own() {
        let mut fleet = Fleet::new(3);
        fleet.note("a", report("1"), 1);
        for (instance, now) in [("1", 2), ("2", 3), ("3", 4), ("4", 5)] {
            fleet.note("b", report(instance), now);
        }
        let all: Vec<_> = fleet.all().map(|(client, said)| (client, said.report.instance.as_str())).collect();
        assert_eq!(all, [("a", "1"), ("b", "3"), ("b", "4")]);
    }
}
