//! A proxy for tests: it remembers what it was told and answers what it was set up to answer.

mod background;

pub(crate) use background::{FakeRequest, SharedData};

use crate::buffers::HostBytes;
use crate::fixture::NOW;
use crate::proxy::{HostResult, LogLevel, MetricId, MetricKind, Proxy, Status};
use std::collections::BTreeMap;

/// See the module.
#[derive(Debug)]
pub(crate) struct FakeProxy {
    /// The next answers.
    pub(crate) now: HostResult<u64>,
    pub(crate) random: HostResult<()>,
    pub(crate) random_byte: u8,
    pub(crate) configuration: HostResult<Vec<u8>>,
    pub(crate) headers: HostResult<Vec<u8>>,
    pub(crate) body: HostResult<Vec<u8>>,
    pub(crate) answer_headers: HostResult<Vec<u8>>,
    pub(crate) answer_body: HostResult<Vec<u8>>,
    pub(crate) foreign: HostResult<Vec<u8>>,
    /// What there is by name; a name that is not there is not found.
    pub(crate) readable: BTreeMap<&'static str, Vec<u8>>,
    /// What every call that changes something answers.
    pub(crate) header_change: HostResult<()>,
    pub(crate) answer_change: HostResult<()>,
    pub(crate) reply: HostResult<()>,
    pub(crate) property: HostResult<()>,
    pub(crate) metrics: HostResult<()>,
    pub(crate) ticks: HostResult<()>,
    pub(crate) request: HostResult<()>,
    pub(crate) ending: HostResult<()>,
    pub(crate) response_header: HostResult<Vec<u8>>,
    pub(crate) response_headers: HostResult<Vec<u8>>,
    pub(crate) response_body: HostResult<Vec<u8>>,
    pub(crate) sharing: HostResult<()>,
    pub(crate) shared: SharedData,

    /// What was told.
    pub(crate) set: Vec<(String, String)>,
    /// The names of those that were added, beside whatever there was.
    pub(crate) added: Vec<String>,
    pub(crate) response_set: Vec<(String, String)>,
    pub(crate) removed: Vec<String>,
    pub(crate) response_removed: Vec<String>,
    pub(crate) answer_bodies: Vec<String>,
    pub(crate) replies: Vec<FakeReply>,
    pub(crate) properties: Vec<(String, String)>,
    pub(crate) logs: Vec<(LogLevel, String)>,
    pub(crate) foreign_argument: Vec<u8>,
    pub(crate) sharing_calls: usize,
    pub(crate) metric_names: Vec<(MetricKind, String)>,
    pub(crate) metric_values: BTreeMap<u32, u64>,
    pub(crate) metric_definitions: usize,
    pub(crate) tick_periods: Vec<u32>,
    pub(crate) requests: Vec<FakeRequest>,
    pub(crate) ended: Vec<u32>,
}

/// A reply that was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FakeReply {
    pub(crate) status: u32,
    pub(crate) details: String,
    pub(crate) headers: Vec<u8>,
    pub(crate) body: String,
}

impl Default for FakeProxy {
    fn default() -> Self {
        Self {
            now: Ok(NOW * 1_000_000_000),
            random: Ok(()),
            random_byte: 0x42,
            configuration: Ok(Vec::new()),
            headers: Ok(vec![0; 4]),
            body: Err(Status::NOT_FOUND),
            answer_headers: Err(Status::BAD_ARGUMENT),
            answer_body: Err(Status::NOT_FOUND),
            foreign: Err(Status::NOT_FOUND),
            readable: BTreeMap::new(),
            header_change: Ok(()),
            answer_change: Ok(()),
            reply: Ok(()),
            property: Ok(()),
            metrics: Ok(()),
            ticks: Ok(()),
            request: Ok(()),
            ending: Ok(()),
            response_header: Err(Status::NOT_FOUND),
            response_headers: Err(Status::BAD_ARGUMENT),
            response_body: Err(Status::NOT_FOUND),
            sharing: Ok(()),
            shared: SharedData::default(),
            set: Vec::new(),
            added: Vec::new(),
            response_set: Vec::new(),
            removed: Vec::new(),
            response_removed: Vec::new(),
            answer_bodies: Vec::new(),
            replies: Vec::new(),
            properties: Vec::new(),
            logs: Vec::new(),
            foreign_argument: Vec::new(),
            sharing_calls: 0,
            metric_names: Vec::new(),
            metric_values: BTreeMap::new(),
            metric_definitions: 0,
            tick_periods: Vec::new(),
            requests: Vec::new(),
            ended: Vec::new(),
        }
    }
}

impl FakeProxy {
    /// What a metric of that name was given in total.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let id = self.metric_names.iter().position(|(_, known)| known == name).unwrap();
        self.metric_values.get(&u32::try_from(id).unwrap()).copied().unwrap_or(0)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn bytes(answer: &HostResult<Vec<u8>>) -> HostResult<HostBytes> {
    answer.as_ref().map(|bytes| HostBytes::copy_of(bytes)).map_err(|status| *status)
}

impl Proxy for FakeProxy {
    fn now_nanos(&mut self) -> HostResult<u64> {
        self.now
    }

    fn fill_random(&mut self, bytes: &mut [u8]) -> HostResult<()> {
        bytes.fill(self.random_byte);
        self.random
    }

    fn configuration(&mut self, _size: usize) -> HostResult<HostBytes> {
        bytes(&self.configuration)
    }

    fn request_headers(&mut self) -> HostResult<HostBytes> {
        bytes(&self.headers)
    }

    fn request_body(&mut self, max: usize) -> HostResult<HostBytes> {
        bytes(&self.body.clone().map(|body| body[..body.len().min(max)].to_vec()))
    }

    fn set_request_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        self.header_change?;
        self.set.push((text(name), text(value)));
        Ok(())
    }

    fn add_request_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        self.header_change?;
        self.added.push(text(name));
        self.set.push((text(name), text(value)));
        Ok(())
    }

    fn remove_request_header(&mut self, name: &[u8]) -> HostResult<()> {
        self.header_change?;
        self.removed.push(text(name));
        Ok(())
    }

    fn response_header(&mut self, _name: &[u8]) -> HostResult<HostBytes> {
        bytes(&self.response_header)
    }

    fn set_response_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        self.header_change?;
        self.response_set.push((text(name), text(value)));
        Ok(())
    }

    fn answer_headers(&mut self) -> HostResult<HostBytes> {
        bytes(&self.answer_headers)
    }

    fn answer_body(&mut self, max: usize) -> HostResult<HostBytes> {
        bytes(&self.answer_body.clone().map(|body| body[..body.len().min(max)].to_vec()))
    }

    fn set_answer_body(&mut self, bytes: &[u8]) -> HostResult<()> {
        self.answer_change?;
        self.answer_bodies.push(text(bytes));
        Ok(())
    }

    fn remove_response_header(&mut self, name: &[u8]) -> HostResult<()> {
        self.header_change?;
        self.response_removed.push(text(name));
        Ok(())
    }

    fn send_reply(&mut self, status: u32, details: &[u8], headers: &[u8], body: &[u8]) -> HostResult<()> {
        let reply = FakeReply { status, details: text(details), headers: headers.to_vec(), body: text(body) };
        self.replies.push(reply);
        self.reply
    }

    fn property(&mut self, path: &[u8]) -> HostResult<HostBytes> {
        let name = text(path).replace('\0', ".");
        self.readable.get(name.as_str()).map(|value| HostBytes::copy_of(value)).ok_or(Status::NOT_FOUND)
    }

    fn set_property(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        self.properties.push((text(name), text(value)));
        self.property
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        self.logs.push((level, text(message)));
    }

    fn define_metric(&mut self, kind: MetricKind, name: &str) -> HostResult<MetricId> {
        self.metric_definitions += 1;
        self.metrics?;
        let metric = (kind, name.to_owned());
        let id = self.metric_names.iter().position(|known| *known == metric).unwrap_or_else(|| {
            self.metric_names.push(metric);
            self.metric_names.len() - 1
        });
        Ok(MetricId(u32::try_from(id).unwrap()))
    }

    fn increment(&mut self, counter: MetricId, by: i64) -> HostResult<()> {
        self.record(counter, u64::try_from(by).unwrap())
    }

    fn record(&mut self, metric: MetricId, value: u64) -> HostResult<()> {
        self.metrics?;
        let total = self.metric_values.entry(metric.0).or_default();
        let gauge = usize::try_from(metric.0).is_ok_and(|id| self.metric_names[id].0 == MetricKind::Gauge);
        *total = if gauge { value } else { *total + value };
        Ok(())
    }

    fn shared_data(&mut self, name: &str) -> HostResult<(HostBytes, u32)> {
        self.sharing_calls += 1;
        self.sharing?;
        let shared = self.shared.borrow();
        let (bytes, version) = shared.get(name).ok_or(Status::NOT_FOUND)?;
        Ok((HostBytes::copy_of(bytes), *version))
    }

    fn set_shared_data(&mut self, name: &str, value: &[u8], version: u32) -> HostResult<()> {
        self.sharing_calls += 1;
        self.sharing?;
        let mut shared = self.shared.borrow_mut();
        let current = shared.get(name).map(|(_, version)| *version);
        // As Envoy does: where there is nothing, any version will do.
        if version != 0 && current.is_some_and(|current| version != current) {
            return Err(Status::CAS_MISMATCH);
        }
        shared.insert(text(name.as_bytes()), (value.to_vec(), current.unwrap_or(0) + 1));
        Ok(())
    }

    fn call_foreign(&mut self, _function: &str, argument: &[u8]) -> HostResult<HostBytes> {
        self.foreign_argument = argument.to_vec();
        bytes(&self.foreign)
    }
}
