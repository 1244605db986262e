//! Bytes that the workers of a proxy share by name.
//!
//! In some deployments every filter of the proxy writes into one space of names, so names begin with `palisade.`, and what
//! is found is read as strictly as what comes from the network.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Where the workers of a proxy share bytes.
pub trait SharedMemory {
    /// What is there under a name.
    fn shared(&mut self, name: &str) -> Shared;

    /// Shares bytes under a name in place of what is `expected` there, in one step. `false` when something else is there, or
    /// the host did not take them.
    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool;
}

/// What is shared under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shared {
    /// Bytes, and their version.
    Found(Vec<u8>, u32),
    /// Nothing yet.
    Absent,
    /// The workers of this host share nothing, or it does not tell what.
    Unsupported,
}

/// What a writer expects to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever is there, be it nothing.
    Anything,
    /// Nothing.
    Nothing,
    /// The bytes of exactly this version.
    Version(u32),
}

/// Bytes and their versions, by name.
type Entries = BTreeMap<String, (Vec<u8>, u32)>;

/// A memory without a proxy. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct NativeMemory(Rc<RefCell<Entries>>);

impl SharedMemory for NativeMemory {
    fn shared(&mut self, name: &str) -> Shared {
        self.0.borrow().get(name).map_or(Shared::Absent, |(bytes, version)| Shared::Found(bytes.clone(), *version))
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        let mut memory = self.0.borrow_mut();
        let version = memory.get(name).map(|(_, version)| *version);
        let holds = match expected {
            Expected::Anything => true,
            Expected::Nothing => version.is_none(),
            Expected::Version(expected) => version == Some(expected),
        };
        if holds {
            memory.insert(name.to_owned(), (bytes.to_vec(), version.unwrap_or(0).wrapping_add(1)));
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_expected_is_replaced() {
        let mut memory = NativeMemory::default();
        assert_eq!(memory.shared("a"), Shared::Absent);
        assert!(!memory.share("a", b"x", Expected::Version(1)));
        assert!(memory.share("a", b"x", Expected::Nothing));
        assert!(!memory.share("a", b"y", Expected::Nothing));
        let Shared::Found(bytes, version) = memory.clone().shared("a") else { panic!("a clone has another memory") };
        assert_eq!(bytes, b"x");
        assert!(memory.share("a", b"y", Expected::Version(version)));
        assert!(!memory.share("a", b"z", Expected::Version(version)), "it has another version by now");
        assert!(memory.share("a", b"z", Expected::Anything));
        assert!(matches!(memory.shared("a"), Shared::Found(bytes, _) if bytes == b"z"));
    }
}
