//! What changes while a bundle decides: how long it does, and who may sign.

use super::Gateway;
use crate::bundle::{ActiveBundle, FreshnessError, HighWaterMark, Role, Root, RootError};
use crate::delivery::{Event, Renewal, RenewalEvent, Renewals};
use crate::error::ConfigError;
use crate::feed::{Arrival, FetchHost};
use crate::shared_memory::SharedMemory;

/// What a freshness document did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The bundle that decides lives longer: until then, in seconds since the Unix epoch.
    Renewed(u64),
    /// Nothing: the bundle that decides lives at least as long already.
    Unchanged,
    /// It is about a bundle of this version, which is newer than the one that decides and was not seen here. It renews that one when
    /// it comes. If none comes for longer than a poll or two, somebody withholds it.
    Ahead(u64),
}

impl Gateway {
    /// Takes a freshness document. What decides goes on, at least as long as before.
    ///
    /// # Errors
    ///
    /// When the document is not signed as it must be, not in date, for another channel, or about another bundle than the
    /// newest one that was opened in this proxy.
    pub fn refresh(&mut self, bytes: &[u8], host: &mut dyn FetchHost) -> Result<Refreshed, FreshnessError> {
        let freshness = self.terms.refresh(bytes, host.now_nanos() / 1_000_000_000)?;
        let active = self.generations.active();
        let channel = active.map(|active| active.bundle.manifest().channel.as_str());
        let channel = channel.or(self.terms.channel.as_deref()).unwrap_or(&freshness.file().channel);
        freshness.check(channel, HighWaterMark::read(channel, host))?;
        freshness.check(channel, active.map(|active| active.bundle.mark()))?;
        let refreshed = match self.generations.active_mut() {
            Some(active) if freshness.file().version == active.bundle.manifest().version => {
                match active.bundle.renew(&freshness) {
                    true => Refreshed::Renewed(active.bundle.expires()),
                    false => Refreshed::Unchanged,
                }
            }
            Some(_) | None => Refreshed::Ahead(freshness.file().version),
        };
        self.terms.keep(freshness);
        Ok(refreshed)
    }

    /// Takes the root after the present one, and shares it with the other workers. A bundle that decides and that the keys of the
    /// new root have not signed decides nothing from now on, until it is offered with signatures that count
    /// ([`Gateway::swap`]), or another one is.
    ///
    /// # Errors
    ///
    /// When the configuration has keys and no root, or the document is not the next root.
    pub fn rotate(&mut self, bytes: &[u8], memory: &mut dyn SharedMemory) -> Result<(), RootError> {
        self.terms.trust.rotate(bytes, memory)?;
        self.recheck();
        Ok(())
    }

    /// Takes the roots that other workers have taken; says whether there were any. To be called now and then.
    pub fn follow_roots(&mut self, memory: &mut dyn SharedMemory) -> bool {
        let followed = self.terms.trust.follow(memory);
        if followed {
            self.recheck();
        }
        followed
    }

    /// Asks of all that is in place again who has signed it.
    fn recheck(&mut self) {
        let trust = &self.terms.trust;
        self.generations.recheck(trust.of(Role::Bundle));
        self.candidate.recheck(trust.of(Role::Bundle));
        self.revocations.recheck(trust.of(Role::Revocation));
    }

    /// Lets the delivery of renewals work, where there is one, and takes what it brings.
    pub(super) fn renew(
        &mut self,
        host: &mut dyn FetchHost,
        events: &mut Vec<Event>,
        work: impl FnOnce(&mut Renewals, Option<u64>, &mut dyn FetchHost) -> Vec<(Renewal, Arrival)>,
    ) {
        let Some(mut renewals) = self.renewals.take() else { return };
        let root = self.root().map(|root| root.file().version);
        for (what, arrival) in work(&mut renewals, root, host) {
            let event = match arrival {
                Arrival::Unchanged => continue,
                Arrival::Failed { error, failures: _ } => RenewalEvent::NotFetched(error),
                Arrival::SharedUnreadable => RenewalEvent::SharedUnreadable,
                Arrival::Document(document) => {
                    let taken = self.take_renewal(what, &document.bytes, host);
                    let is_useful =
                        |event: &RenewalEvent| !matches!(event, RenewalEvent::Refreshed(Refreshed::Unchanged));
                    renewals.judged(what, &document, taken.as_ref().ok().map(is_useful), host);
                    taken.unwrap_or_else(RenewalEvent::Refused)
                }
            };
            events.push(Event::Renewal(what, event));
        }
        self.renewals = Some(renewals);
    }

    fn take_renewal(
        &mut self,
        what: Renewal,
        bytes: &[u8],
        host: &mut dyn FetchHost,
    ) -> Result<RenewalEvent, ConfigError> {
        match what {
            Renewal::Freshness => Ok(RenewalEvent::Refreshed(self.refresh(bytes, host)?)),
            Renewal::Root => {
                self.rotate(bytes, host).map_err(ConfigError::Root)?;
                let version = self.root().map_or(0, |root| root.file().version);
                let is_trusted = self.bundle().is_none_or(ActiveBundle::is_trusted);
                Ok(RenewalEvent::Rotated(version, is_trusted))
            }
        }
    }

    /// The newest root; `None` where the configuration has keys.
    #[must_use]
    pub fn root(&self) -> Option<&Root> {
        self.terms.trust.root()
    }
}
