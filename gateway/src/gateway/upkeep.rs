//! What changes while a bundle decides: how long it does, and who may sign.

use super::Gateway;
use crate::bundle::{FreshnessError, HighWaterMark, Root, RootError};
use crate::feed::FetchHost;
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
        self.generations.recheck(self.terms.trust.bundle());
        Ok(())
    }

    /// Takes the roots that other workers have taken; says whether there were any. To be called now and then.
    pub fn follow_roots(&mut self, memory: &mut dyn SharedMemory) -> bool {
        let followed = self.terms.trust.follow(memory);
        if followed {
            self.generations.recheck(self.terms.trust.bundle());
        }
        followed
    }

    /// The newest root; `None` where the configuration has keys.
    #[must_use]
    pub fn root(&self) -> Option<&Root> {
        self.terms.trust.root()
    }
}
