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
        match self.0.shared_data(name) {
            // Without versions, nothing can be replaced in one step.
            Ok((_, 0 | NO_VERSION)) => Shared::Unsupported,
            Ok((bytes, version)) => Shared::Found(bytes.to_vec(), version),
            Err(Status::NOT_FOUND) => Shared::Absent,
            Err(_) => Shared::Unsupported,
        }
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        let version = match expected {
            Expected::Anything => 0,
            Expected::Nothing => NO_VERSION,
            Expected::Version(version) => version,
        };
        self.0.set_shared_data(name, bytes, version).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeProxy;

    const NAME: &str = "palisade.test";

    #[test]
    fn only_what_is_expected_is_replaced() {
        let mut proxy = FakeProxy::default();
        assert_eq!(SharedData(&mut proxy).shared(NAME), Shared::Absent);
        assert!(SharedData(&mut proxy).share(NAME, b"first", Expected::Nothing));
        assert!(!SharedData(&mut proxy).share(NAME, b"second", Expected::Nothing), "another worker's would be lost");
        let Shared::Found(bytes, version) = SharedData(&mut proxy).shared(NAME) else { panic!("nothing there") };
        assert_eq!(bytes, b"first");
        assert!(SharedData(&mut proxy).share(NAME, b"second", Expected::Version(version)));
        assert!(!SharedData(&mut proxy).share(NAME, b"third", Expected::Version(version)));
        assert!(SharedData(&mut proxy).share(NAME, b"third", Expected::Anything));
    }

    #[test]
    fn a_host_that_errs_or_counts_no_versions_shares_nothing() {
        for status in [Status::BAD_ARGUMENT, Status::INTERNAL_FAILURE, Status(12)] {
            let mut proxy = FakeProxy { sharing: Err(status), ..FakeProxy::default() };
            assert_eq!(SharedData(&mut proxy).shared(NAME), Shared::Unsupported);
            assert!(!SharedData(&mut proxy).share(NAME, b"x", Expected::Nothing));
        }
        for version in [0, NO_VERSION] {
            let mut proxy = FakeProxy::default();
            proxy.shared.borrow_mut().insert(NAME.to_owned(), (b"x".to_vec(), version));
            assert_eq!(SharedData(&mut proxy).shared(NAME), Shared::Unsupported);
        }
    }
}
