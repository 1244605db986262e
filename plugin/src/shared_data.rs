//! What the workers share, carried to the proxy's shared data.

use crate::proxy::{Proxy, Status};
use palisade_gateway::{Expected, Shared, SharedMemory};

/// A version that nothing has: hosts count up from 1. Where there is nothing, any version will do but 0, which would
/// replace what another worker has put there meanwhile (proxy-wasm-cpp-host, `SharedData::set`).
const NO_VERSION: u32 = u32::MAX;

/// The shared data of the proxy of a callback.
pub(crate) struct SharedData<'a, P>(pub(crate) &'a mut P);

impl<P: Proxy> SharedMemory for SharedData<'_, P> {
    fn shared(&mut self, name: &str) -> Shared {
        get(self.0, name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        set(self.0, name, bytes, expected)
    }
}

/// What is there under a name.
pub(crate) fn get(proxy: &mut impl Proxy, name: &str) -> Shared {
    match proxy.shared_data(name) {
        // Without versions, nothing can be replaced in one step.
        Ok((_, 0 | NO_VERSION)) => Shared::Unsupported,
        Ok((bytes, version)) => Shared::Found(bytes.to_vec(), version),
        Err(Status::NOT_FOUND) => Shared::Absent,
        Err(_) => Shared::Unsupported,
    }
}

/// Shares bytes in place of what is expected; says whether that was done.
pub(crate) fn set(proxy: &mut impl Proxy, name: &str, bytes: &[u8], expected: Expected) -> bool {
    let version = match expected {
        Expected::Anything => 0,
        Expected::Nothing => NO_VERSION,
        Expected::Version(version) => version,
    };
    proxy.set_shared_data(name, bytes, version).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeProxy;

    const NAME: &str = "palisade.test";

    #[test]
    fn only_what_is_expected_is_replaced() {
        let mut proxy = FakeProxy::default();
        assert_eq!(get(&mut proxy, NAME), Shared::Absent);
        assert!(set(&mut proxy, NAME, b"first", Expected::Nothing));
        assert!(!set(&mut proxy, NAME, b"second", Expected::Nothing), "another worker's would be lost");
        let Shared::Found(bytes, version) = get(&mut proxy, NAME) else { panic!("nothing there") };
        assert_eq!(bytes, b"first");
        assert!(set(&mut proxy, NAME, b"second", Expected::Version(version)));
        assert!(!set(&mut proxy, NAME, b"third", Expected::Version(version)));
        assert!(set(&mut proxy, NAME, b"third", Expected::Anything));
    }

    #[test]
    fn a_host_that_errs_or_counts_no_versions_shares_nothing() {
        for status in [Status::BAD_ARGUMENT, Status::INTERNAL_FAILURE, Status(12)] {
            let mut proxy = FakeProxy { sharing: Err(status), ..FakeProxy::default() };
            assert_eq!(get(&mut proxy, NAME), Shared::Unsupported);
            assert!(!set(&mut proxy, NAME, b"x", Expected::Nothing));
        }
        for version in [0, NO_VERSION] {
            let mut proxy = FakeProxy::default();
            proxy.shared.borrow_mut().insert(NAME.to_owned(), (b"x".to_vec(), version));
            assert_eq!(get(&mut proxy, NAME), Shared::Unsupported);
        }
    }
}
