//! Answers that are filtered: those of the requests that left a filter behind, and no others.

use crate::enforce::{self, Sinks};
use crate::filter::Action;
use crate::metrics::Metrics;
use crate::proxy::{self, HostResult, Proxy};
use crate::shared_data::SharedData;
use palisade_gateway::{AnswerBuffers, AnswerError, AnswerFilter, AnswerStep, HeaderMap, ReceivedBody, Rewritten};
use std::collections::BTreeMap;

/// The answers of one VM that are under way.
#[derive(Debug, Default)]
pub struct Answers {
    streams: BTreeMap<u32, Answering>,
    /// Made for the first of them.
    buffers: Option<Box<AnswerBuffers>>,
}

#[derive(Debug)]
struct Answering {
    filter: Box<AnswerFilter>,
    sinks: Sinks,
    mode: Mode,
}

#[derive(Clone, Copy, Debug)]
enum Mode {
    /// Its headers are still to come.
    Waiting,
    /// It is kept until its end.
    Keeping { limit: usize },
    /// Each part of it goes on filtered.
    Events,
}

/// What goes beside a callback.
pub struct Tools<'t> {
    /// What counts.
    pub metrics: &'t mut Metrics,
    /// A reply's headers as they are handed over; reused.
    pub reply_headers: &'t mut Vec<u8>,
}

impl Answers {
    /// None under way.
    #[must_use]
    pub const fn new() -> Self {
        Self { streams: BTreeMap::new(), buffers: None }
    }

    /// Whether no answer is filtered: then the callbacks of all others have nothing to find out.
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty()
    }

    /// The answer to this stream's request is to be filtered.
    pub fn expect(&mut self, stream: u32, filter: Box<AnswerFilter>, sinks: Sinks) {
        self.streams.insert(stream, Answering { filter, sinks, mode: Mode::Waiting });
    }

    /// A stream ends.
    pub fn forget(&mut self, stream: u32) {
        self.streams.remove(&stream);
    }

    /// The headers of an answer.
    pub fn on_headers(&mut self, stream: u32, end_of_stream: bool, proxy: &mut impl Proxy, tools: Tools<'_>) -> Action {
        let Some(answering) = self.streams.get_mut(&stream) else { return Action::Continue };
        let bytes = proxy.answer_headers();
        let headers = bytes.as_deref().ok().and_then(|bytes| HeaderMap::parse(bytes).ok());
        match answering.filter.head(headers, end_of_stream) {
            Ok(AnswerStep::Pass) => {
                self.forget(stream);
                Action::Continue
            }
            Ok(AnswerStep::Keep { limit }) => {
                answering.mode = Mode::Keeping { limit };
                Action::Pause
            }
            Ok(AnswerStep::Events) => {
                answering.mode = Mode::Events;
                match remove_headers(proxy, &answering.filter, &["content-length"]) {
                    Ok(()) => Action::Continue,
                    Err(_) => self.refuse(stream, AnswerError::Host, proxy, tools),
                }
            }
            Err(error) => self.refuse(stream, error, proxy, tools),
        }
    }

    /// A part of the body of an answer; `size` is what the host has of it.
    pub fn on_body(
        &mut self,
        stream: u32,
        size: usize,
        end_of_stream: bool,
        proxy: &mut impl Proxy,
        tools: Tools<'_>,
    ) -> Action {
        let Some(answering) = self.streams.get_mut(&stream) else { return Action::Continue };
        match answering.mode {
            // No host sends a body without headers before it.
            Mode::Waiting => self.refuse(stream, AnswerError::Host, proxy, tools),
            Mode::Keeping { limit } if size > limit => self.refuse(stream, AnswerError::TooLarge, proxy, tools),
            Mode::Keeping { limit } if end_of_stream => self.finish(stream, limit, proxy, tools),
            Mode::Keeping { .. } => Action::Pause,
            Mode::Events => self.events(stream, size, end_of_stream, proxy, tools),
        }
    }

    /// An answer ends with trailers, and then its body has no end of its own. Of a stream of events, what has not ended yet
    /// is no event.
    pub fn on_trailers(&mut self, stream: u32, proxy: &mut impl Proxy, tools: Tools<'_>) -> Action {
        let Some(answering) = self.streams.get_mut(&stream) else { return Action::Continue };
        match answering.mode {
            Mode::Waiting => self.refuse(stream, AnswerError::Host, proxy, tools),
            Mode::Keeping { limit } => self.finish(stream, limit, proxy, tools),
            Mode::Events => {
                self.forget(stream);
                Action::Continue
            }
        }
    }

    /// Filters an answer that is all there.
    fn finish(&mut self, stream: u32, limit: usize, proxy: &mut impl Proxy, tools: Tools<'_>) -> Action {
        let Self { streams, buffers } = self;
        let Some(Answering { filter, sinks, .. }) = streams.get_mut(&stream) else { return Action::Pause };
        let buffers = buffers.get_or_insert_default();
        // One byte more than allowed tells a body at the limit from one beyond it.
        let bytes = proxy::body(proxy.answer_body(limit.saturating_add(1)));
        let body = match &bytes {
            Ok(bytes) => ReceivedBody::Whole(bytes),
            Err(_) => ReceivedBody::Unreadable,
        };
        let changed = match filter.finish(body, buffers) {
            Ok(Rewritten::Unchanged) => Ok(()),
            Ok(Rewritten::Changed { body, has_length }) => {
                replace(proxy, filter, body, has_length).map_err(|_| AnswerError::Host)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = changed {
            return self.refuse(stream, error, proxy, tools);
        }
        report(filter, buffers, *sinks, proxy, tools.metrics);
        self.forget(stream);
        Action::Continue
    }

    /// Filters a part of a stream of events.
    fn events(
        &mut self,
        stream: u32,
        size: usize,
        end_of_stream: bool,
        proxy: &mut impl Proxy,
        tools: Tools<'_>,
    ) -> Action {
        let Self { streams, buffers } = self;
        let Some(Answering { filter, sinks, .. }) = streams.get_mut(&stream) else { return Action::Pause };
        let buffers = buffers.get_or_insert_default();
        let bytes = proxy::body(proxy.answer_body(size));
        let sent = bytes.map_err(|_| AnswerError::Host).and_then(|bytes| {
            let events = filter.events(&bytes, end_of_stream, buffers)?;
            if *events == *bytes { Ok(()) } else { proxy.set_answer_body(events).map_err(|_| AnswerError::Host) }
        });
        if let Err(error) = sent {
            return self.refuse(stream, error, proxy, tools);
        }
        report(filter, buffers, *sinks, proxy, tools.metrics);
        if end_of_stream {
            self.forget(stream);
        }
        Action::Continue
    }

    /// Tells the client that it gets no answer. Where the headers have gone already, the host cuts the answer off.
    fn refuse(&mut self, stream: u32, error: AnswerError, proxy: &mut impl Proxy, tools: Tools<'_>) -> Action {
        // Forgotten first: the reply is an answer, too, and comes by here.
        let Some(Answering { mut filter, sinks, .. }) = self.streams.remove(&stream) else { return Action::Pause };
        let buffers = self.buffers.get_or_insert_default();
        let reply = filter.refusal(error, buffers);
        let action = enforce::send(proxy, &reply, tools.reply_headers);
        report(&mut filter, buffers, sinks, proxy, tools.metrics);
        action
    }
}

fn replace(proxy: &mut impl Proxy, filter: &AnswerFilter, body: &[u8], has_length: bool) -> HostResult<()> {
    remove_headers(proxy, filter, &[])?;
    if has_length {
        proxy.set_response_header(b"content-length", body.len().to_string().as_bytes())?;
    }
    proxy.set_answer_body(body)
}

fn remove_headers(proxy: &mut impl Proxy, filter: &AnswerFilter, more: &[&str]) -> HostResult<()> {
    let names = filter.untrue_headers().iter().chain(more);
    names.into_iter().try_for_each(|name| proxy.remove_response_header(name.as_bytes()))
}

/// Counts what became of the lists, writes the record of it, and tells other workers what it says of tools.
fn report(
    filter: &mut AnswerFilter,
    buffers: &mut AnswerBuffers,
    sinks: Sinks,
    proxy: &mut impl Proxy,
    metrics: &mut Metrics,
) {
    filter.share(&mut SharedData(proxy));
    if let Some(report) = filter.report(buffers) {
        metrics.answered(proxy, &report);
        enforce::record(proxy, report.record, report.level, sinks, metrics);
    }
}
