//! Where a bundle goes that has arrived: to decide, or to be asked beside the one that does.

use super::event::{BundleEvent, Event};
use crate::bundle::{Accepted, BundleError};
use crate::candidate::{Berth, Candidate};
use crate::feed::FetchHost;
use crate::generation::{Generation, Generations, Offer};

/// The place of a bundle.
pub(crate) trait Landing {
    /// Whether a bundle may take this place, or is there already.
    fn admits(&mut self, next: &Accepted<'_>) -> Result<Offer, BundleError>;

    /// Puts it there. The last step that can fail: what is refused leaves no mark.
    fn land(&mut self, next: Generation, host: &mut dyn FetchHost) -> Result<(), BundleError>;

    /// Leaves the place empty, if it may be; says whether it was not.
    fn clear(&mut self) -> bool;

    /// What happened, as it is told.
    fn event(&self, event: BundleEvent) -> Event;
}

impl Landing for Generations {
    fn admits(&mut self, next: &Accepted<'_>) -> Result<Offer, BundleError> {
        self.precede(next)
    }

    fn land(&mut self, next: Generation, host: &mut dyn FetchHost) -> Result<(), BundleError> {
        next.publish(host)?;
        self.replace(next);
        Ok(())
    }

    fn clear(&mut self) -> bool {
        false
    }

    fn event(&self, event: BundleEvent) -> Event {
        Event::Bundle(event)
    }
}

/// A candidate leaves no mark: it may be withdrawn, and an older bundle be published after it.
impl Landing for Berth {
    fn admits(&mut self, next: &Accepted<'_>) -> Result<Offer, BundleError> {
        let bundle = self.0.as_mut().map(|candidate| &mut candidate.generation.bundle);
        let Some(known) = bundle.filter(|known| known.digest() == next.digest()) else { return Ok(Offer::Next) };
        Ok(if known.attest(next.evidence()) { Offer::Attested } else { Offer::Same })
    }

    fn land(&mut self, next: Generation, _host: &mut dyn FetchHost) -> Result<(), BundleError> {
        self.0 = Some(Box::new(Candidate::new(next)));
        Ok(())
    }

    fn clear(&mut self) -> bool {
        self.0.take().is_some()
    }

    fn event(&self, event: BundleEvent) -> Event {
        Event::Candidate(event)
    }
}
