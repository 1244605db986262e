//! What the fake proxy does outside of requests.

use super::{FakeProxy, bytes, text};
use crate::background::Background;
use crate::buffers::HostBytes;
use crate::proxy::{HostResult, Status};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Names to bytes and versions. Several fakes can be workers of one proxy: they hold the same.
pub(crate) type SharedData = Rc<RefCell<BTreeMap<String, (Vec<u8>, u32)>>>;

/// A request that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FakeRequest {
    pub(crate) cluster: String,
    pub(crate) headers: Vec<u8>,
    pub(crate) timeout_ms: u32,
}

impl Background for FakeProxy {
    fn set_tick_period(&mut self, milliseconds: u32) -> HostResult<()> {
        self.tick_periods.push(milliseconds);
        self.ticks
    }

    fn send_request(&mut self, cluster: &str, headers: &[u8], timeout_ms: u32) -> HostResult<u32> {
        self.requests.push(FakeRequest { cluster: cluster.to_owned(), headers: headers.to_vec(), timeout_ms });
        self.request?;
        Ok(u32::try_from(self.requests.len()).unwrap())
    }

    fn response_headers(&mut self) -> HostResult<HostBytes> {
        bytes(&self.response_headers)
    }

    fn response_body(&mut self, size: usize) -> HostResult<HostBytes> {
        let body = bytes(&self.response_body)?;
        Ok(HostBytes::copy_of(&body[..size.min(body.len())]))
    }

    fn shared_data(&mut self, name: &str) -> HostResult<(HostBytes, u32)> {
        self.sharing?;
        let shared = self.shared.borrow();
        let (bytes, version) = shared.get(name).ok_or(Status::NOT_FOUND)?;
        Ok((HostBytes::copy_of(bytes), *version))
    }

    fn set_shared_data(&mut self, name: &str, value: &[u8], version: u32) -> HostResult<()> {
        self.sharing?;
        let mut shared = self.shared.borrow_mut();
        let current = shared.get(name).map_or(0, |(_, version)| *version);
        // A version is compared with what is there; where nothing is, any will do.
        if version != 0 && current != 0 && version != current {
            return Err(Status::CAS_MISMATCH);
        }
        shared.insert(text(name.as_bytes()), (value.to_vec(), current + 1));
        Ok(())
    }
}
