//! The answer to one request, from its headers to its end.

use super::caller::Caller;
use super::error::AnswerError;
use super::event::{Event, push_event};
use super::events::EventSplitter;
use super::head::{AnswerHead, Form};
use super::rewrite::{Change, Desk};
use super::tally::{AnswerReport, Tally};
use crate::cure::Cure;
use crate::decision_id::DecisionId;
use crate::gateway::ReceivedBody;
use crate::header_map::HeaderMap;
use crate::mcp::{self, Denied, RpcReply};
use crate::outcome::{ChallengeFacts, Outcome, Reply, ReplyBuffer, ReplyForm};
use crate::rpc::RpcIds;
use crate::shared_memory::SharedMemory;

/// Filters the answer to one request that may hold lists. It has all that it needs of the request and of the bundle that
/// decided it, so that neither a new bundle nor an expired token changes anything about an answer that is on its way.
#[derive(Clone, Debug)]
pub struct AnswerFilter {
    caller: Caller,
    ids: Ids,
    method: Option<&'static str>,
    decision_id: DecisionId,
    /// The request's decision record.
    record: String,
    state: State,
    has_length: bool,
    about_bytes: Vec<&'static str>,
    tally: Tally,
}

/// Whom to answer, as written in the request.
#[derive(Clone, Debug)]
enum Ids {
    None,
    One(String),
    Batch(Vec<String>),
}

#[derive(Clone, Debug)]
enum State {
    /// Its headers are still to come, or nothing in it is a list.
    Begun,
    /// It is one text.
    Whole { is_json: bool },
    /// It is a stream of events.
    Events { splitter: EventSplitter, is_first: bool },
    /// The client was told that it gets no answer. What the server goes on to say is left out.
    Refused,
}

/// How to go on after the headers of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerStep {
    /// Nothing in it is a list. The filter has done its work.
    Pass,
    /// Keep it, headers included, and hand it to [`AnswerFilter::finish`].
    Keep {
        /// Largest body that will be read, in bytes.
        limit: usize,
    },
    /// Send the headers on, without [`AnswerFilter::untrue_headers`] and `content-length`, and put what
    /// [`AnswerFilter::events`] makes of each part of the body in its place.
    Events,
}

/// What to send on of an answer that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewritten<'b> {
    /// What came.
    Unchanged,
    /// Other bytes, without [`AnswerFilter::untrue_headers`].
    Changed {
        /// The bytes.
        body: &'b [u8],
        /// Whether the headers announced a length, and so have to announce another.
        has_length: bool,
    },
}

/// The buffers of one worker for answers.
#[derive(Default)]
pub struct AnswerBuffers {
    desk: Desk,
    events: Vec<u8>,
    text: String,
    reply: ReplyBuffer,
    record: String,
}

impl std::fmt::Debug for AnswerBuffers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnswerBuffers").finish_non_exhaustive()
    }
}

impl AnswerFilter {
    pub(crate) fn new(caller: Caller, reply: Option<&RpcReply<'_>>, decision_id: DecisionId, record: &str) -> Self {
        let ids = match reply.map(|reply| &reply.ids) {
            None | Some(RpcIds::None) => Ids::None,
            Some(RpcIds::One(id)) => Ids::One((*id).to_owned()),
            Some(RpcIds::Batch(ids)) => Ids::Batch(ids.iter().map(|id| (*id).to_owned()).collect()),
        };
        Self {
            caller,
            ids,
            method: reply.and_then(|reply| reply.method),
            decision_id,
            record: record.to_owned(),
            state: State::Begun,
            has_length: false,
            about_bytes: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Reads the headers of the answer. `None` stands for headers that the host does not hand over.
    ///
    /// # Errors
    ///
    /// When the answer cannot be read. It has to be refused then, with [`AnswerFilter::refusal`].
    pub fn head(&mut self, headers: Option<HeaderMap<'_>>, end_of_stream: bool) -> Result<AnswerStep, AnswerError> {
        if end_of_stream {
            return Ok(AnswerStep::Pass);
        }
        let max_bytes = self.caller.mcp.max_answer;
        let AnswerHead { form, has_length, about_bytes } =
            AnswerHead::read(headers.ok_or(AnswerError::Host)?, max_bytes)?;
        self.has_length = has_length;
        self.about_bytes = about_bytes;
        Ok(match form {
            Form::Other => AnswerStep::Pass,
            Form::Whole { is_json } => {
                self.state = State::Whole { is_json };
                AnswerStep::Keep { limit: self.limit() }
            }
            Form::Events => {
                self.state = State::Events { splitter: EventSplitter::default(), is_first: true };
                AnswerStep::Events
            }
        })
    }

    fn limit(&self) -> usize {
        usize::try_from(self.caller.mcp.max_answer).unwrap_or(usize::MAX)
    }

    /// Headers of the answer that are untrue of a changed body.
    #[must_use]
    pub fn untrue_headers(&self) -> &[&'static str] {
        &self.about_bytes
    }

    /// Filters an answer that was kept, and is all there.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or may not be seen. It has to be refused then.
    pub fn finish<'b>(
        &mut self,
        body: ReceivedBody<'_>,
        buffers: &'b mut AnswerBuffers,
    ) -> Result<Rewritten<'b>, AnswerError> {
        let body = match body {
            ReceivedBody::Whole(body) if body.len() <= self.limit() => body,
            ReceivedBody::Whole(_) | ReceivedBody::TooLarge => return Err(AnswerError::TooLarge),
            ReceivedBody::Unreadable => return Err(AnswerError::Host),
        };
        match self.state {
            _ if body.is_empty() => return Ok(Rewritten::Unchanged),
            State::Whole { is_json: true } => {}
            State::Whole { is_json: false } => return Err(AnswerError::ContentType),
            State::Begun | State::Events { .. } | State::Refused => return Err(AnswerError::Host),
        }
        let AnswerBuffers { desk, .. } = buffers;
        desk.shrink();
        match desk.rewrite(body, &self.caller, &mut self.tally)? {
            Change::None => Ok(Rewritten::Unchanged),
            Change::Written => Ok(Rewritten::Changed { body: desk.out.as_bytes(), has_length: self.has_length }),
            // A request, in the place of the answer.
            Change::Dropped => Err(AnswerError::Message),
        }
    }

    /// Filters a part of a stream of events: what is to be sent on in its place. What is no more than the beginning of an
    /// event is kept back, until the rest is there or `end_of_stream`.
    ///
    /// # Errors
    ///
    /// When an event is refused and there is nobody to tell: the answer has to be cut off then. Where there is, the error is
    /// an event, and all that follows is left out.
    pub fn events<'b>(
        &mut self,
        chunk: &[u8],
        end_of_stream: bool,
        buffers: &'b mut AnswerBuffers,
    ) -> Result<&'b [u8], AnswerError> {
        buffers.events.clear();
        if let Err(error) = self.filter_events(chunk, end_of_stream, buffers) {
            self.state = State::Refused;
            if matches!(self.ids, Ids::None) {
                return Err(error);
            }
            self.tally.refused = Some(error);
            let AnswerBuffers { events, text, .. } = buffers;
            text.clear();
            let client = Outcome::Answer(error).disposition().client;
            let denied = Denied { client, argument: None, cure: Cure::default(), id: self.decision_id };
            self.with_reply(|reply| mcp::write_denial(text, reply, 200, &denied));
            push_event(text, events);
        }
        Ok(&buffers.events)
    }

    fn filter_events(
        &mut self,
        mut chunk: &[u8],
        end_of_stream: bool,
        buffers: &mut AnswerBuffers,
    ) -> Result<(), AnswerError> {
        let limit = self.limit();
        let Self { caller, state, tally, .. } = self;
        let State::Events { splitter, is_first } = state else {
            // Refused: whatever else the server says is left out.
            return Ok(());
        };
        let AnswerBuffers { desk, events, .. } = buffers;
        loop {
            let is_complete = splitter.take(&mut chunk);
            if splitter.held().len() > limit {
                return Err(AnswerError::TooLarge);
            }
            // What ends without an end is no event to those who go by the standard, and is one to others.
            let is_cut_short = end_of_stream && !splitter.held().is_empty();
            if !is_complete && !is_cut_short {
                return Ok(());
            }
            let event = Event::read(splitter.held(), *is_first)?;
            let data = event.data();
            // Without an object in it, it is no message.
            let change = if data.contains(&b'{') { desk.rewrite(&data, caller, tally)? } else { Change::None };
            *is_first = false;
            match change {
                Change::None => events.extend_from_slice(splitter.held()),
                Change::Written => event.write(&desk.out, events),
                Change::Dropped => {
                    splitter.leave_out();
                    continue;
                }
            }
            splitter.clear();
        }
    }

    /// What the client is told instead of an answer. The filter has done its work then.
    pub fn refusal<'b>(&mut self, error: AnswerError, buffers: &'b mut AnswerBuffers) -> Reply<'b> {
        self.state = State::Refused;
        self.tally.refused = Some(error);
        self.with_reply(|reply| {
            let form = ReplyForm::Rpc { reply, argument: None };
            let (outcome, challenge) = (Outcome::Answer(error), ChallengeFacts::default());
            buffers.reply.write(outcome, self.decision_id, &challenge, Cure::default(), &form)
        })
    }

    fn with_reply<T>(&self, write: impl FnOnce(&RpcReply<'_>) -> T) -> T {
        let ids = match &self.ids {
            Ids::None => RpcIds::None,
            Ids::One(id) => RpcIds::One(id),
            Ids::Batch(ids) => RpcIds::Batch(ids.iter().map(String::as_str).collect()),
        };
        let reply = RpcReply::new(self.caller.mcp.denial, &self.caller.mcp.revisions);
        write(&RpcReply { ids, method: self.method, revision: Some(self.caller.revision), ..reply })
    }

    /// Tells the workers of the proxy which tools are not what was approved, as far as the answer says. To be called when a part
    /// of it has been filtered, or refused.
    pub fn share(&mut self, memory: &mut dyn SharedMemory) {
        let Caller { mcp, server_id, .. } = &self.caller;
        if let Some(catalogue) = &mcp.catalogue {
            self.tally.seen.share(catalogue, [&mcp.server_type, server_id], memory);
        }
    }

    /// What there is to report since the last time; `None` for nothing.
    pub fn report<'b>(&mut self, buffers: &'b mut AnswerBuffers) -> Option<AnswerReport<'b>> {
        self.tally.report(&self.record, &mut buffers.record)
    }
}
