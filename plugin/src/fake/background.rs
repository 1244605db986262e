//! What the fake proxy does outside of requests.

use super::{FakeProxy, bytes};
use crate::background::Background;
use crate::buffers::HostBytes;
use crate::proxy::HostResult;
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
    pub(crate) body: Vec<u8>,
    pub(crate) timeout_ms: u32,
}

impl Background for FakeProxy {
    fn set_tick_period(&mut self, milliseconds: u32) -> HostResult<()> {
        self.tick_periods.push(milliseconds);
        self.ticks
    }

    fn send_request(&mut self, cluster: &str, headers: &[u8], body: &[u8], timeout_ms: u32) -> HostResult<u32> {
        let (headers, body) = (headers.to_vec(), body.to_vec());
        self.requests.push(FakeRequest { cluster: cluster.to_owned(), headers, body, timeout_ms });
        self.request?;
        Ok(u32::try_from(self.requests.len()).unwrap())
    }

    fn end_stream(&mut self, _root: u32, stream: u32) -> HostResult<()> {
        self.ended.push(stream);
        self.ending
    }

    fn response_headers(&mut self) -> HostResult<HostBytes> {
        bytes(&self.response_headers)
    }

    fn response_body(&mut self, size: usize) -> HostResult<HostBytes> {
        let body = bytes(&self.response_body)?;
        Ok(HostBytes::copy_of(&body[..size.min(body.len())]))
    }
}
