//! What a gateway says of itself to a server, between requests.

use super::Gateway;
use crate::delivery::{BundleIdentity, Event};
use crate::feed::{FetchHost, FetchResponse};
use crate::report::{ReportedBundle, ReportedCandidate, ReportedList, Sight};

impl Gateway {
    /// Whether the proxy's own name for itself is still to be found out, for reports. To be asked with a request, because hosts tell it
    /// with requests only.
    #[must_use]
    pub fn lacks_node(&self) -> bool {
        self.reporter.as_ref().is_some_and(|reporter| reporter.lacks_node())
    }

    /// Tells the proxy's own name for itself; `None` where it has none.
    pub fn introduce(&mut self, node: Option<&[u8]>) {
        if let Some(reporter) = &mut self.reporter {
            reporter.introduce(node);
        }
    }

    /// Has the reporter take notice of all events but those that were known before.
    pub(super) fn note(&mut self, known: usize, events: &[Event], host: &mut dyn FetchHost) {
        if let Some(reporter) = &mut self.reporter
            && let Some(news @ [_, ..]) = events.get(known..)
        {
            reporter.note(news, host.now_nanos() / 1_000_000);
        }
    }

    /// Reports if it is time.
    pub(super) fn report(&mut self, host: &mut dyn FetchHost, events: &mut Vec<Event>) {
        let Some(mut reporter) = self.reporter.take() else { return };
        let sight = self.sight(host.now_nanos() / 1_000_000_000);
        events.extend(reporter.poll(&sight, host).map(Event::Report));
        self.reporter = Some(reporter);
    }

    /// Takes the response to a report.
    pub(super) fn answered(&mut self, response: FetchResponse<'_>, host: &mut dyn FetchHost, events: &mut Vec<Event>) {
        let event = self.reporter.as_mut().and_then(|reporter| reporter.respond(response, host));
        events.extend(event.map(Event::Report));
    }

    fn sight(&self, now_seconds: u64) -> Sight {
        let status = self.bundle_status();
        let candidate = self.candidate.0.as_ref().map(|candidate| &candidate.generation.bundle);
        Sight {
            state: status.state(now_seconds),
            bundle: status.bundle.map(reported),
            root: self.root().map(|root| root.file().version),
            confirmed_ms: status.confirmed_ms,
            candidate: candidate.map(|candidate| ReportedCandidate {
                version: candidate.manifest().version,
                digest: candidate.digest(),
            }),
            revocations: self.revocations.list().map(|list| ReportedList {
                serial: list.head().serial,
                age_s: now_seconds.saturating_sub(list.head().issued),
                expires: list.head().expires,
                entries: u64::try_from(list.count()).unwrap_or(u64::MAX),
            }),
        }
    }
}

fn reported(bundle: BundleIdentity<'_>) -> ReportedBundle {
    let BundleIdentity { name, channel: _, version, digest, created, expires, is_trusted: _ } = bundle;
    ReportedBundle { name: name.to_owned(), version, digest, created, expires }
}
