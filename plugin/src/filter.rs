//! The filter: which configuration answers which request, and how its verdict reaches the proxy.

use crate::accepted;
use crate::answers::{Answers, Tools};
use crate::background::Background;
use crate::enforce::{self, Sinks};
use crate::gateway_host::GatewayHost;
use crate::metrics::Metrics;
use crate::named_metrics::NamedMetrics;
use crate::proxy::{self, HostResult, LogLevel, Proxy};
use crate::session;
use crate::streams::{Decided, Stream, Streams};
use crate::trial;
use crate::upkeep;
use crate::verify_signature::HostVerifier;
use palisade_gateway::bundle::ActiveBundle;
use palisade_gateway::{
    Gateway, KeptHeaders, Outcome, ReceivedBody, Reply, RequestHead, Step, Unavailable, Verdict, limits,
};
use std::fmt::Display;

/// What the proxy does with a part of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Forward it.
    Continue,
    /// Do not forward it: it was answered, or its body is awaited and the host keeps what there is. Should the host
    /// not have taken a reply, the request is stuck, and not let through.
    Pause,
}

/// Envoy's own name for itself, `node.id` of its bootstrap.
const NODE_ID: &[u8] = b"xds\0node\0id";

/// One VM's filter: its root contexts, each with a configuration, and the streams that are under way.
///
/// A changed configuration arrives as a new root context in the same VM while requests of the old one are under
/// way, so each stream is answered by the root context it was created under.
#[derive(Default)]
pub struct Filter {
    roots: Vec<Root>,
    /// Counts configurations.
    accepted: u64,
    streams: Streams,
    answers: Answers,
    metrics: Metrics,
    named_metrics: NamedMetrics,
    /// The reply's headers as they are handed over; reused.
    reply_headers: Vec<u8>,
}

/// A root context. Without a configuration it denies every request.
struct Root {
    id: u32,
    active: Option<Active>,
    /// The root context whose configuration decides for this one, because its own was refused when Envoy had to be told that it
    /// was taken.
    deputy: Option<u32>,
    /// How often the host calls it, in milliseconds; 0 for never, as long as it has no configuration.
    tick_period: u32,
}

/// A configuration that was accepted.
struct Active {
    gateway: Gateway,
    verifier: HostVerifier,
    sinks: Sinks,
    /// How many were accepted in this VM before.
    number: u64,
}

impl Filter {
    /// A filter without contexts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            roots: Vec::new(),
            accepted: 0,
            streams: Streams::new(),
            answers: Answers::new(),
            metrics: Metrics::new(),
            named_metrics: NamedMetrics::new(),
            reply_headers: Vec::new(),
        }
    }

    /// A context begins: a root context when `parent` is 0, else a stream of that root context.
    pub fn on_context_create(&mut self, context: u32, parent: u32) {
        if parent != 0 {
            self.streams.insert(context, Stream::Announced(parent));
        } else if !self.roots.iter().any(|root| root.id == context) {
            self.roots.push(Root { id: context, active: None, deputy: None, tick_period: 0 });
        }
    }

    /// Applies the configuration of a root context, or refuses it as a whole and leaves what was there.
    ///
    /// One that was accepted in this proxy before is never refused ([`accepted`]): what was accepted last in this VM decides
    /// for it, and where there is nothing, every request is denied.
    pub fn on_configure(&mut self, root: u32, size: usize, proxy: &mut impl Background) -> bool {
        let Some(index) = self.roots.iter().position(|known| known.id == root) else {
            return refuse(proxy, &format_args!("config.no_context: root context {root} was never created"));
        };
        let mut verifier = HostVerifier::probe(proxy);
        let bytes = match size {
            0 => None,
            size => match proxy.configuration(size) {
                Ok(bytes) => Some(bytes),
                Err(status) => return refuse(proxy, &format_args!("config.unreadable: {status}")),
            },
        };
        let mut host = GatewayHost::new(proxy, &mut verifier);
        let bytes = bytes.as_deref().unwrap_or_default();
        let configured = Gateway::configure(bytes, &mut host);
        let random = host.random();
        match (configured, random) {
            (Ok(mut gateway), Ok(())) => {
                let before = self.roots.iter().filter_map(|root| root.active.as_ref()).map(|active| &active.gateway);
                upkeep::join(&mut gateway, before, proxy, &mut self.named_metrics);
                let Some(root) = self.roots.get_mut(index) else { return false };
                match set_tick_period(&mut root.tick_period, &gateway, proxy) {
                    Ok(()) => self.metrics.set_ticks(true),
                    // Without being called it would never have the bundle or the keys that it needs.
                    Err(status) if gateway.needs_polling() => {
                        refuse(proxy, &format_args!("config.no_ticks: {status}"));
                        return self.depute(index, bytes, proxy);
                    }
                    Err(_) => {}
                }
                announce(proxy, &gateway, &verifier);
                let sinks = Sinks::new(gateway.decision_log());
                let active = root.active.insert(Active { gateway, verifier, sinks, number: self.accepted });
                root.deputy = None;
                self.accepted += 1;
                accepted::remember(bytes, proxy);
                end_revoked(&self.streams, &active.gateway, root.id, proxy, &mut self.metrics);
                true
            }
            (Err(error), _) => {
                refuse_at(upkeep::refused(&error), proxy, &error);
                self.depute(index, bytes, proxy)
            }
            // Decision ids would repeat.
            (Ok(_), Err(status)) => {
                refuse(proxy, &format_args!("config.no_randomness: {status}"));
                self.depute(index, bytes, proxy)
            }
        }
    }

    /// What the host is told of a configuration that is refused. If it has to be told that it was taken, what was accepted last
    /// decides.
    fn depute(&mut self, index: usize, configuration: &[u8], proxy: &mut impl Background) -> bool {
        if !accepted::is_known(configuration, proxy) {
            return false;
        }
        let candidates = self.roots.iter().filter_map(|root| Some((root.active.as_ref()?.number, root.id)));
        let deputy = candidates.max().map(|(_, id)| id);
        let what = if deputy.is_some() { "what decided before goes on" } else { "every request is denied" };
        proxy.log(LogLevel::Critical, format!("palisade: config.accepted_before: {what}").as_bytes());
        let Some(root) = self.roots.get_mut(index) else { return false };
        if deputy == Some(root.id) {
            return true;
        }
        // Its own is an older one than the deputy's.
        root.active = None;
        root.deputy = deputy;
        let mut period = root.tick_period;
        if let Some(Active { gateway, .. }) = active(&mut self.roots, deputy).map(|(_, active)| active) {
            // Should the host not call it, the deputy is still called.
            let _ = set_tick_period(&mut period, gateway, proxy);
        }
        if let Some(root) = self.roots.get_mut(index) {
            root.tick_period = period;
        }
        true
    }

    /// A root context has ended, and its configuration goes to those for which it decides.
    fn inherit(&mut self, gone: Root) {
        let heirs = self.roots.iter_mut().filter(|root| root.deputy == Some(gone.id));
        let mut first = None;
        let mut left = gone.active;
        for heir in heirs {
            heir.deputy = first;
            if first.is_none() {
                first = Some(heir.id);
                heir.active = left.take();
            }
        }
    }

    /// Time to look after what a root context fetches, and to tell the host what was counted.
    pub fn on_tick(&mut self, root: u32, proxy: &mut impl Background) {
        let Self { roots, streams, metrics, named_metrics, .. } = self;
        if let Some(Root { active: Some(Active { gateway, .. }), tick_period, .. }) = find(roots, root) {
            if gateway.needs_polling() && upkeep::poll(gateway, proxy, named_metrics) {
                end_revoked(streams, gateway, root, proxy, metrics);
            }
            // A host that does not change the period calls as before.
            let _ = set_tick_period(tick_period, gateway, proxy);
        }
        metrics.flush(proxy);
    }

    /// A response to a request of a root context's own; `headers` and `body_size` say how much of it there is.
    pub fn on_response(&mut self, root: u32, call: u32, headers: u32, body_size: usize, proxy: &mut impl Background) {
        let Self { roots, streams, metrics, named_metrics, .. } = self;
        let Some(Root { active: Some(Active { gateway, .. }), tick_period, .. }) = find(roots, root) else {
            return;
        };
        if upkeep::respond(gateway, call, headers, body_size, proxy, named_metrics) {
            end_revoked(streams, gateway, root, proxy, metrics);
        }
        // What has come may have to be opened, piece by piece.
        let _ = set_tick_period(tick_period, gateway, proxy);
    }

    /// Decides on a request, or begins to wait for its body where that says what is asked.
    pub fn on_request_headers(&mut self, stream: u32, end_of_stream: bool, proxy: &mut impl Proxy) -> Action {
        let root = match self.streams.remove(stream) {
            Some(Stream::Announced(root)) => Some(root),
            Some(Stream::Buffering { .. } | Stream::Decided(..)) | None => None,
        };
        let Self { roots, streams, answers, metrics, named_metrics, reply_headers, .. } = self;
        let Some((root, active)) = active(roots, root) else {
            streams.insert(stream, Stream::Decided(Decided::REFUSED));
            return unconfigured(proxy, metrics, reply_headers);
        };
        let Active { gateway, verifier, sinks, .. } = active;
        if gateway.lacks_node() {
            // Envoy tells its name with requests only.
            gateway.introduce(proxy.property(NODE_ID).as_deref().ok());
        }
        let headers = proxy.request_headers().ok().and_then(|bytes| KeptHeaders::parse(bytes).ok());
        let mut host = GatewayHost::new(proxy, verifier);
        let step = match headers.as_ref().map(|headers| RequestHead { headers: headers.as_map() }) {
            Some(request) if end_of_stream => Step::Decided(gateway.decide(&request, &mut host)),
            Some(request) => gateway.begin(&request, &mut host),
            None => Step::Decided(gateway.refuse(Outcome::Malformed, &mut host)),
        };
        match step {
            Step::Decided(verdict) => {
                let desk =
                    Desk { streams, answers, metrics, named_metrics, reply_headers, more_to_come: !end_of_stream };
                desk.settle(stream, verdict, *sinks, proxy)
            }
            Step::NeedsBody { limit, admitted } => {
                // Without headers, nothing needs a body.
                let next = headers.map(|headers| Stream::Buffering { root, limit, headers, admitted });
                streams.insert(stream, next.unwrap_or(Stream::Decided(Decided::REFUSED)));
                Action::Pause
            }
        }
    }

    /// Some of a request's body is there; `size` is what the host has buffered so far.
    pub fn on_request_body(&mut self, stream: u32, size: usize, end_of_stream: bool, proxy: &mut impl Proxy) -> Action {
        match self.streams.get(stream) {
            Some(Stream::Decided(decided)) => decided.action,
            // A body that is over the limit will not get better by waiting.
            Some(Stream::Buffering { limit, .. }) if end_of_stream || size > *limit => self.decide_body(stream, proxy),
            Some(Stream::Buffering { .. }) => Action::Pause,
            Some(Stream::Announced(_)) | None => self.decide_body(stream, proxy),
        }
    }

    /// A request ends with trailers, and then its body has no end of its own (HTTP/2).
    pub fn on_request_trailers(&mut self, stream: u32, proxy: &mut impl Proxy) -> Action {
        match self.streams.get(stream) {
            Some(Stream::Decided(decided)) => decided.action,
            Some(Stream::Buffering { .. } | Stream::Announced(_)) | None => self.decide_body(stream, proxy),
        }
    }

    /// Decides on a request by its body.
    fn decide_body(&mut self, stream: u32, proxy: &mut impl Proxy) -> Action {
        let waiting = self.streams.insert(stream, Stream::Decided(Decided::REFUSED));
        let Self { roots, streams, answers, metrics, named_metrics, reply_headers, .. } = self;
        // A body without headers before it: no host sends that, and nothing is known of it.
        let Some(Stream::Buffering { root, limit, headers, admitted }) = waiting else {
            return unconfigured(proxy, metrics, reply_headers);
        };
        let Some((_, Active { gateway, verifier, sinks, .. })) = active(roots, Some(root)) else {
            return unconfigured(proxy, metrics, reply_headers);
        };
        // One byte more than allowed tells a body at the limit from one beyond it.
        let bytes = proxy::body(proxy.request_body(limit.saturating_add(1)));
        let body = match &bytes {
            Ok(bytes) if bytes.len() > limit => ReceivedBody::TooLarge,
            Ok(bytes) => ReceivedBody::Whole(bytes),
            Err(_) => ReceivedBody::Unreadable,
        };
        let mut host = GatewayHost::new(proxy, verifier);
        let verdict = gateway.finish(&RequestHead { headers: headers.as_map() }, body, Some(admitted), &mut host);
        let desk = Desk { streams, answers, metrics, named_metrics, reply_headers, more_to_come: true };
        desk.settle(stream, verdict, *sinks, proxy)
    }

    /// The headers of the answer are there: the upstream's, or those of a reply of ours.
    pub fn on_response_headers(&mut self, stream: u32, end_of_stream: bool, proxy: &mut impl Proxy) -> Action {
        let Self { streams, answers, metrics, reply_headers, .. } = self;
        let Some(Stream::Decided(Decided { session, .. })) = streams.get_mut(stream) else { return Action::Continue };
        // Taken, because a reply in place of the answer has headers too.
        if let Some(binding) = session.take()
            && session::bind(proxy, &binding, metrics, reply_headers) == Action::Pause
        {
            answers.forget(stream);
            return Action::Pause;
        }
        if answers.is_idle() {
            return Action::Continue;
        }
        answers.on_headers(stream, end_of_stream, proxy, Tools { metrics, reply_headers })
    }

    /// Some of an answer's body is there; `size` is what the host has of it. Those that hold no lists, which are nearly all,
    /// pass.
    pub fn on_response_body(
        &mut self,
        stream: u32,
        size: usize,
        end_of_stream: bool,
        proxy: &mut impl Proxy,
    ) -> Action {
        let Self { answers, metrics, reply_headers, .. } = self;
        if answers.is_idle() {
            return Action::Continue;
        }
        answers.on_body(stream, size, end_of_stream, proxy, Tools { metrics, reply_headers })
    }

    /// An answer ends with trailers.
    pub fn on_response_trailers(&mut self, stream: u32, proxy: &mut impl Proxy) -> Action {
        let Self { answers, metrics, reply_headers, .. } = self;
        if answers.is_idle() {
            return Action::Continue;
        }
        answers.on_trailers(stream, proxy, Tools { metrics, reply_headers })
    }

    /// A context ends. A client may leave at any time, so a stream may end before it was decided.
    pub fn on_delete(&mut self, context: u32, proxy: &mut impl Proxy) {
        self.answers.forget(context);
        if self.streams.remove(context).is_none()
            && let Some(index) = self.roots.iter().position(|root| root.id == context)
        {
            let gone = self.roots.remove(index);
            self.inherit(gone);
            self.metrics.flush(proxy);
            self.metrics.set_ticks(self.roots.iter().any(|root| root.tick_period > 0));
        }
    }
}

/// Ends the streams of those who are revoked, and of nobody else: a list arrived, or a configuration with one.
fn end_revoked(streams: &Streams, gateway: &Gateway, root: u32, proxy: &mut impl Background, metrics: &mut Metrics) {
    // Without a clock it is the end of time, as for requests.
    let now_nanos = proxy.now_nanos().unwrap_or(u64::MAX);
    for (id, stream) in streams.iter() {
        let owner = match stream {
            Stream::Decided(Decided { owner: Some(owner), .. }) => owner,
            Stream::Announced(_) | Stream::Buffering { .. } | Stream::Decided(_) => continue,
        };
        let Some(outcome) = gateway.ends(owner, now_nanos) else { continue };
        let (reason, id_text) = (outcome.disposition().reason, owner.decision_id());
        let message = match proxy.end_stream(root, id) {
            Ok(()) => {
                metrics.stream_ended(proxy);
                format!("palisade: the stream of decision {} is ended: {reason}", id_text.as_str())
            }
            Err(status) => {
                format!("palisade: the stream of decision {} goes on in spite of {reason}: {status}", id_text.as_str())
            }
        };
        proxy.log(LogLevel::Warn, message.as_bytes());
    }
}

/// What a verdict leaves something in.
struct Desk<'f> {
    streams: &'f mut Streams,
    answers: &'f mut Answers,
    metrics: &'f mut Metrics,
    named_metrics: &'f mut NamedMetrics,
    reply_headers: &'f mut Vec<u8>,
    /// Whether there may be more of the request.
    more_to_come: bool,
}

impl Desk<'_> {
    /// Carries out a verdict, and keeps what it left behind for the rest of its stream.
    fn settle(self, stream: u32, verdict: Verdict<'_>, sinks: Sinks, proxy: &mut impl Proxy) -> Action {
        let Self { streams, answers, metrics, named_metrics, reply_headers, more_to_come } = self;
        let action = enforce::verdict(proxy, &verdict, sinks, metrics, reply_headers);
        if let Some(trial) = &verdict.trial {
            trial::report(trial, proxy, named_metrics);
        }
        let Verdict { session, owner, answer, .. } = verdict;
        let owner = owner.filter(|_| action == Action::Continue);
        let answer = answer.filter(|_| action == Action::Continue);
        // Of a request that has ended and goes on, nothing may be left to be known. Should a host have more of it after all, that is
        // of a stream that is not there.
        let is_over = !more_to_come && action == Action::Continue;
        if !is_over || session.is_some() || owner.is_some() || answer.is_some() {
            streams.insert(stream, Stream::Decided(Decided { action, session, owner }));
        }
        if let Some(filter) = answer {
            answers.expect(stream, filter, sinks);
        }
        action
    }
}

/// Has the host call a root context as often as its counts, and what it fetches, need it.
fn set_tick_period(current: &mut u32, gateway: &Gateway, proxy: &mut impl Background) -> HostResult<()> {
    let fetching = if gateway.needs_polling() { gateway.poll_period_ms() } else { u32::MAX };
    let period = fetching.min(limits::METRICS_PERIOD_MS);
    if period != *current {
        proxy.set_tick_period(period)?;
        *current = period;
    }
    Ok(())
}

fn find(roots: &mut [Root], id: u32) -> Option<&mut Root> {
    roots.iter_mut().find(|root| root.id == id)
}

/// The configuration that decides for a root context.
fn active(roots: &mut [Root], root: Option<u32>) -> Option<(u32, &mut Active)> {
    let root = root?;
    let decides = find(roots, root)?.deputy.unwrap_or(root);
    find(roots, decides)?.active.as_mut().map(|active| (root, active))
}

/// Answers a request that nothing is there to decide.
fn unconfigured(proxy: &mut impl Proxy, metrics: &mut Metrics, reply_headers: &mut Vec<u8>) -> Action {
    metrics.decided(proxy, Outcome::Unavailable(Unavailable::BundleMissing), 0);
    enforce::send(proxy, &Reply::unconfigured(), reply_headers)
}

/// Tells the operator what decides from now on.
fn announce(proxy: &mut impl Proxy, gateway: &Gateway, verifier: &HostVerifier) {
    let crypto = if verifier.is_present() { "the host" } else { "the filter" };
    let what = match gateway.bundle().map(ActiveBundle::manifest) {
        Some(manifest) => format!("bundle `{}` version {} decides", manifest.name, manifest.version),
        None => "no bundle yet: every request is denied".to_owned(),
    };
    let message = format!("palisade: {what}; RSA and ECDSA signatures are verified by {crypto}");
    proxy.log(LogLevel::Info, message.as_bytes());
}

/// Tells the operator why a configuration is refused.
fn refuse(proxy: &mut impl Proxy, reason: &dyn Display) -> bool {
    refuse_at(LogLevel::Error, proxy, reason)
}

fn refuse_at(level: LogLevel, proxy: &mut impl Proxy, reason: &dyn Display) -> bool {
    proxy.log(level, format!("palisade: configuration refused: {reason}").as_bytes());
    false
}

#[cfg(test)]
mod bundle_tests;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod list_tests;
#[cfg(test)]
mod report_tests;
#[cfg(test)]
mod tests;
