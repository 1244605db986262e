//! One worker's part in fetching what renews trust: the freshness document of the channel, and the root after the present one.

use super::remote::Remote;
use crate::chance::Chance;
use crate::feed::{Arrival, Document, FetchError, FetchHost, FetchResponse, Resource, Turn};
use crate::limits;

/// What is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The freshness document.
    Freshness,
    /// The next root.
    Root,
}

/// The documents on their way.
#[derive(Debug)]
pub(crate) struct Renewals {
    remote: Remote,
    freshness: Option<Resource>,
    /// The next root, and its version.
    root: Option<(u64, Resource)>,
    owner: u64,
    chance: Chance,
}

impl Renewals {
    pub(crate) fn new(remote: Remote, random: u64) -> Self {
        let source = || remote.source(".freshness.json", limits::FRESHNESS_BYTES);
        let freshness = remote.has_freshness().then(|| Resource::new(source()));
        Self { freshness, root: None, owner: random.max(1), chance: Chance::new(random), remote }
    }

    /// Takes what other workers have fetched. Asks nobody. Roots are found by their versions (`crate::trust`).
    pub(crate) fn join(&mut self, host: &mut dyn FetchHost) -> Option<(Renewal, Arrival)> {
        let arrival = self.freshness.as_mut()?.join(host)?;
        Some((Renewal::Freshness, arrival))
    }

    /// Looks what other workers have fetched, or fetches. `root` is the version of the present root.
    pub(crate) fn poll(&mut self, root: Option<u64>, host: &mut dyn FetchHost) -> Vec<(Renewal, Arrival)> {
        let turn = self.turn(host);
        let next = root.and_then(|version| version.checked_add(1));
        if let Some(next) = next.filter(|next| self.root.as_ref().is_none_or(|(version, _)| version != next)) {
            let source = self.remote.source(&format!(".root.{next}.json"), limits::ROOT_BYTES);
            let mut resource = Resource::new(source);
            let shared = resource.join(host);
            self.root = Some((next, resource));
            if let Some(arrival) = shared {
                return vec![(Renewal::Root, arrival)];
            }
        }
        let freshness = self.freshness.as_mut().and_then(|resource| resource.poll(turn, host));
        let root = self.root.as_mut().and_then(|(_, resource)| resource.poll(turn, host));
        let freshness = freshness.map(|arrival| (Renewal::Freshness, arrival));
        // Before a freshness document that the keys of the next root have signed.
        root.map(|arrival| (Renewal::Root, arrival)).into_iter().chain(freshness).collect()
    }

    /// Whether a response is to this worker's fetch.
    pub(crate) fn waits_for(&self, call: u32) -> bool {
        [Renewal::Freshness, Renewal::Root].into_iter().any(|what| self.is_waiting(what, call))
    }

    /// Takes the response to a fetch.
    pub(crate) fn respond(
        &mut self,
        call: u32,
        response: FetchResponse<'_>,
        host: &mut dyn FetchHost,
    ) -> Option<(Renewal, Arrival)> {
        let turn = self.turn(host);
        let what = [Renewal::Freshness, Renewal::Root].into_iter().find(|what| self.is_waiting(*what, call))?;
        let arrival = self.resource(what)?.respond(response, turn, host)?;
        // Most of the time there is no next root.
        let is_none = matches!(arrival, Arrival::Failed { error: FetchError::Status(404), .. });
        (what != Renewal::Root || !is_none).then_some((what, arrival))
    }

    /// A document was taken, and whether it was of any use, or refused; how many fetches failed in a row.
    pub(crate) fn judged(
        &mut self,
        what: Renewal,
        document: &Document,
        is_useful: Option<bool>,
        host: &mut dyn FetchHost,
    ) -> u32 {
        let turn = self.turn(host);
        match (self.resource(what), is_useful) {
            (None, _) => 0,
            (Some(resource), Some(true)) => {
                resource.accept(document, turn, host);
                0
            }
            (Some(resource), Some(false)) => {
                resource.confirm(document, turn, host);
                0
            }
            (Some(resource), None) => resource.refuse(document, turn, host),
        }
    }

    fn is_waiting(&self, what: Renewal, call: u32) -> bool {
        let resource = match what {
            Renewal::Freshness => self.freshness.as_ref(),
            Renewal::Root => self.root.as_ref().map(|(_, resource)| resource),
        };
        resource.is_some_and(|resource| resource.waits_for(call))
    }

    fn resource(&mut self, what: Renewal) -> Option<&mut Resource> {
        match what {
            Renewal::Freshness => self.freshness.as_mut(),
            Renewal::Root => self.root.as_mut().map(|(_, resource)| resource),
        }
    }

    fn turn(&mut self, host: &mut dyn FetchHost) -> Turn {
        Turn { owner: self.owner, jitter: self.chance.draw(), now_ms: host.now_nanos() / 1_000_000 }
    }
}
