//! Tools that are not what was approved any more: what the lists of a server said, remembered for calls.
//!
//! A call does not say what a tool is by now, and a model that has read the old definition, or the new one, may still call
//! it. So the last list in which a tool was seen speaks for it, whichever worker filtered that list, and whoever asked for
//! it. The memory is named by what is pinned and by the server, so it outlives a new bundle with the same catalogue.

use super::catalogue::{OpenCatalogue, Pin};
use crate::limits;
use crate::section::Drift;
use crate::shared_memory::{Expected, Shared, SharedMemory};

/// First bytes of what this version writes; then a byte for each pinned tool, in the catalogue's order.
const MARK: &[u8; 8] = b"pal-td-1";
const SAME: u8 = 0;
const DRIFTED: u8 = 1;

/// Tools of a list, as far as they are pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenTools {
    /// Positions in the catalogue, and whether the definition was another.
    tools: Vec<(usize, bool)>,
}

impl SeenTools {
    /// Notes how a tool compared.
    pub(crate) fn see(&mut self, catalogue: &OpenCatalogue, name: &str, pin: Pin) {
        if let (Some(position), Drift::Drop | Drift::Block) = (catalogue.position(name), catalogue.drift()) {
            self.tools.push((position, pin != Pin::Same));
        }
    }

    /// Tells the other workers, and forgets. Where the proxy shares nothing, calls go by the catalogue alone.
    pub(crate) fn share(&mut self, catalogue: &OpenCatalogue, server: [&str; 2], memory: &mut dyn SharedMemory) {
        let seen = std::mem::take(&mut self.tools);
        if seen.is_empty() {
            return;
        }
        let name = name(catalogue, server);
        for _ in 0..limits::DRIFT_ATTEMPTS {
            let (before, expected) = match memory.shared(&name) {
                Shared::Found(bytes, version) => (read(&bytes, catalogue), Expected::Version(version)),
                Shared::Absent => (None, Expected::Nothing),
                Shared::Unsupported => return,
            };
            let before = before.unwrap_or_else(|| vec![SAME; catalogue.len()]);
            let after = with(before.clone(), &seen);
            // As nearly always: nothing has changed.
            if after == before || memory.share(&name, &[&MARK[..], &after].concat(), expected) {
                return;
            }
        }
    }
}

/// Whether the last list with this tool had another definition of it than the catalogue.
pub(super) fn has_drifted(
    catalogue: &OpenCatalogue,
    server: [&str; 2],
    tool: &str,
    memory: &mut dyn SharedMemory,
) -> bool {
    let (Some(position), Drift::Drop | Drift::Block) = (catalogue.position(tool), catalogue.drift()) else {
        return false;
    };
    let Shared::Found(bytes, _) = memory.shared(&name(catalogue, server)) else { return false };
    read(&bytes, catalogue).is_some_and(|states| states.get(position) == Some(&DRIFTED))
}

fn name(catalogue: &OpenCatalogue, [server_type, server_id]: [&str; 2]) -> String {
    ["palisade.drift", catalogue.fingerprint(), server_type, server_id].join(".")
}

/// The states of all pinned tools; `None` for bytes that somebody else wrote.
fn read(bytes: &[u8], catalogue: &OpenCatalogue) -> Option<Vec<u8>> {
    let states = bytes.strip_prefix(MARK)?;
    (states.len() == catalogue.len()).then(|| states.to_vec())
}

fn with(mut states: Vec<u8>, seen: &[(usize, bool)]) -> Vec<u8> {
    for (position, drifted) in seen {
        if let Some(state) = states.get_mut(*position) {
            *state = if *drifted { DRIFTED } else { SAME };
        }
    }
    states
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Digest;
    use crate::section::{Catalogue, PinnedTool};
    use crate::shared_memory::NativeMemory;

    const SERVER: [&str; 2] = ["Server", "s"];

    fn catalogue(drift: Drift, tools: &[&str]) -> OpenCatalogue {
        let tools =
            tools.iter().map(|name| PinnedTool { name: (*name).to_owned(), sha256: Digest::of(b"x") }).collect();
        OpenCatalogue::open(Catalogue { drift, tools }, "test").unwrap()
    }

    fn see(catalogue: &OpenCatalogue, tools: &[(&str, Pin)], memory: &mut NativeMemory) {
        let mut seen = SeenTools::default();
        tools.iter().for_each(|(name, pin)| seen.see(catalogue, name, *pin));
        seen.share(catalogue, SERVER, memory);
        assert_eq!(seen, SeenTools::default());
    }

    #[test]
    fn the_last_list_speaks_for_a_tool() {
        let (mut memory, catalogue) = (NativeMemory::default(), catalogue(Drift::Drop, &["a", "b"]));
        let drifted = |name: &str| has_drifted(&catalogue, SERVER, name, &mut memory.clone());
        assert!(!drifted("a"), "no list was seen");
        see(&catalogue, &[("a", Pin::Drifted), ("b", Pin::Same), ("c", Pin::Unknown)], &mut memory.clone());
        assert!(drifted("a") && !drifted("b") && !drifted("c"));
        see(&catalogue, &[("b", Pin::Drifted)], &mut memory.clone());
        assert!(drifted("a") && drifted("b"), "the second list says nothing of the first tool");
        see(&catalogue, &[("a", Pin::Same)], &mut memory.clone());
        assert!(!drifted("a") && drifted("b"));
        assert!(!has_drifted(&catalogue, ["Server", "t"], "b", &mut memory), "another server");
    }

    #[test]
    fn lists_as_approved_leave_nothing_behind() {
        let (mut memory, catalogue) = (NativeMemory::default(), catalogue(Drift::Block, &["a"]));
        see(&catalogue, &[("a", Pin::Same)], &mut memory);
        assert_eq!(memory.shared(&name(&catalogue, SERVER)), Shared::Absent);
    }

    #[test]
    fn what_is_only_reported_is_not_remembered() {
        let (mut memory, catalogue) = (NativeMemory::default(), catalogue(Drift::Report, &["a"]));
        see(&catalogue, &[("a", Pin::Drifted)], &mut memory);
        assert_eq!(memory.shared(&name(&catalogue, SERVER)), Shared::Absent);
    }

    #[test]
    fn bytes_of_others_are_no_memory_and_are_replaced() {
        let (mut memory, catalogue) = (NativeMemory::default(), catalogue(Drift::Drop, &["a"]));
        let name = name(&catalogue, SERVER);
        for bytes in [&b""[..], b"pal-td-1", b"pal-td-1\x01\x01", b"pal-td-2\x01"] {
            assert!(memory.share(&name, bytes, Expected::Anything));
            assert!(!has_drifted(&catalogue, SERVER, "a", &mut memory), "{bytes:?}");
            see(&catalogue, &[("a", Pin::Drifted)], &mut memory);
            assert!(has_drifted(&catalogue, SERVER, "a", &mut memory), "{bytes:?}");
        }
    }

    #[test]
    fn catalogues_that_pin_something_else_have_memories_of_their_own() {
        let one = catalogue(Drift::Drop, &["a", "b"]);
        assert_eq!(name(&one, SERVER), name(&catalogue(Drift::Block, &["b", "a"]), SERVER));
        for other in [&["a"][..], &["a", "c"], &["ab"]] {
            assert_ne!(name(&one, SERVER), name(&catalogue(Drift::Drop, other), SERVER));
        }
    }
}
