//! The streams of a VM that are under way.

use palisade_gateway::revocation::StreamOwner;
use palisade_gateway::{Admitted, KeptHeaders, SessionBinding};
use std::collections::BTreeMap;

use crate::buffers::HostBytes;
use crate::filter::Action;

/// A stream, from its announcement to its end. Body and trailers of a stream that is not here are not let through.
pub(crate) enum Stream {
    /// Its headers are still to come. The root context that it belongs to.
    Announced(u32),
    /// Its body is needed. Nothing of it has been forwarded.
    Buffering { root: u32, limit: usize, headers: KeptHeaders<HostBytes>, admitted: Admitted },
    /// It is decided; what is still to come follows.
    Decided(Decided),
}

/// What is left of a decision while its stream lasts.
pub(crate) struct Decided {
    pub(crate) action: Action,
    /// How the session of the answer is to be bound, where there are sessions.
    pub(crate) session: Option<SessionBinding>,
    /// Whose stream it is, where it can be revoked.
    pub(crate) owner: Option<StreamOwner>,
}

impl Decided {
    /// What nobody may go on with.
    pub(crate) const REFUSED: Self = Self { action: Action::Pause, session: None, owner: None };
}

/// Streams by the numbers of their contexts.
///
/// The one that came or changed last has a place of its own: Envoy announces a stream and hands over its headers in one go, so most
/// never get into the map, and those of which nothing is left after the decision never do.
#[derive(Default)]
pub(crate) struct Streams {
    latest: Option<(u32, Stream)>,
    others: BTreeMap<u32, Stream>,
}

impl Streams {
    /// None.
    pub(crate) const fn new() -> Self {
        Self { latest: None, others: BTreeMap::new() }
    }

    /// Puts a stream in, and gives back what was known of it.
    pub(crate) fn insert(&mut self, id: u32, stream: Stream) -> Option<Stream> {
        let known = self.remove(id);
        if let Some((before, stream)) = self.latest.replace((id, stream)) {
            self.others.insert(before, stream);
        }
        known
    }

    /// Takes a stream out.
    pub(crate) fn remove(&mut self, id: u32) -> Option<Stream> {
        match self.latest.take_if(|(latest, _)| *latest == id) {
            Some((_, stream)) => Some(stream),
            None => self.others.remove(&id),
        }
    }

    /// What is known of a stream.
    pub(crate) fn get(&self, id: u32) -> Option<&Stream> {
        match &self.latest {
            Some((latest, stream)) if *latest == id => Some(stream),
            Some(_) | None => self.others.get(&id),
        }
    }

    /// The same, to change it.
    pub(crate) fn get_mut(&mut self, id: u32) -> Option<&mut Stream> {
        match &mut self.latest {
            Some((latest, stream)) if *latest == id => Some(stream),
            Some(_) | None => self.others.get_mut(&id),
        }
    }

    /// All of them, the latest last.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Stream)> {
        let latest = self.latest.iter().map(|(id, stream)| (*id, stream));
        self.others.iter().map(|(id, stream)| (*id, stream)).chain(latest)
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(stream: Option<&Stream>) -> Option<u32> {
        stream.map(|stream| match stream {
            Stream::Announced(root) => *root,
            Stream::Buffering { .. } | Stream::Decided(_) => panic!("another"),
        })
    }

    #[test]
    fn every_stream_is_in_one_place() {
        // Compared with a map, step by step, in all orders of a few numbers.
        let mut streams = Streams::new();
        let mut expected = BTreeMap::new();
        let mut state = 1_u32;
        for step in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (id, what) = (state >> 16 & 7, state >> 24 & 3);
            let (known, right) = match what {
                0 | 1 => (root(streams.insert(id, Stream::Announced(step)).as_ref()), expected.insert(id, step)),
                2 => (root(streams.remove(id).as_ref()), expected.remove(&id)),
                _ => (root(streams.get_mut(id).as_deref()), expected.get(&id).copied()),
            };
            assert_eq!(known, right, "step {step}");
            assert_eq!(root(streams.get(id)), expected.get(&id).copied(), "step {step}");
            let mut all: Vec<_> = streams.iter().map(|(id, stream)| (id, root(Some(stream)).unwrap())).collect();
            all.sort_unstable();
            assert_eq!(all, expected.iter().map(|(id, root)| (*id, *root)).collect::<Vec<_>>(), "step {step}");
        }
    }
}
