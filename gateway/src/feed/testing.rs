//! A proxy with several workers.

use std::collections::BTreeMap;

use super::host::{FetchHost, FetchRequest, PostRequest};
use crate::shared_memory::{Expected, Shared, SharedMemory};

/// What the workers have in common. Time passes only when a test says so.
pub(crate) struct FakeProxy {
    pub(crate) now_ms: u64,
    pub(crate) shared: BTreeMap<String, (Vec<u8>, u32)>,
    pub(crate) sharing: bool,
    pub(crate) sending: bool,
    /// How often something was read.
    pub(crate) reads: usize,
    /// Every request that was sent, and when. A request's number is its position.
    pub(crate) requests: Vec<(u64, String)>,
    /// The body of the last POST.
    pub(crate) posted: Vec<u8>,
}

impl FakeProxy {
    pub(crate) fn new() -> Self {
        Self {
            now_ms: 1_800_000_000_000,
            shared: BTreeMap::new(),
            sharing: true,
            sending: true,
            reads: 0,
            requests: Vec::new(),
            posted: Vec::new(),
        }
    }

    /// The number of the request that was sent last.
    pub(crate) fn last(&self) -> u32 {
        u32::try_from(self.requests.len() - 1).unwrap()
    }
}

impl SharedMemory for FakeProxy {
    fn shared(&mut self, name: &str) -> Shared {
        self.reads += 1;
        match self.shared.get(name) {
            _ if !self.sharing => Shared::Unsupported,
            Some((bytes, version)) => Shared::Found(bytes.clone(), *version),
            None => Shared::Absent,
        }
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        let current = self.shared.get(name).map_or(0, |(_, version)| *version);
        let holds = match expected {
            Expected::Anything => true,
            Expected::Nothing => current == 0,
            Expected::Version(version) => version == current,
        };
        if self.sharing && holds {
            self.shared.insert(name.to_owned(), (bytes.to_vec(), current + 1));
        }
        self.sharing && holds
    }
}

impl FetchHost for FakeProxy {
    fn now_nanos(&mut self) -> u64 {
        self.now_ms * 1_000_000
    }

    fn fetch(&mut self, request: &FetchRequest<'_>) -> Option<u32> {
        let FetchRequest { cluster, authority, path, accept: _, etag, wait_seconds, timeout_ms: _ } = request;
        let mut text = format!("{cluster} {authority} {path}");
        if let Some(etag) = etag {
            text.push_str(&format!(" if-none-match {etag}"));
        }
        if let Some(seconds) = wait_seconds {
            text.push_str(&format!(" wait {seconds}"));
        }
        self.requests.push((self.now_ms, text));
        self.sending.then(|| self.last())
    }

    fn post(&mut self, request: &PostRequest<'_>) -> Option<u32> {
        let PostRequest { cluster, authority, path, content_type, body, timeout_ms: _ } = request;
        self.requests.push((self.now_ms, format!("POST {cluster} {authority} {path} {content_type}")));
        self.posted = body.to_vec();
        self.sending.then(|| self.last())
    }
}
