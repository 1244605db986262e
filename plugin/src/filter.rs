//! The filter: which configuration answers which request, and how its verdict reaches the proxy.

use crate::enforce::{self, Sinks};
use crate::gateway_host::GatewayHost;
use crate::metrics::Metrics;
use crate::proxy::{LogLevel, Proxy};
use crate::verify_signature::HostVerifier;
use palisade_gateway::{Gateway, HeaderMap, Outcome, Reply, RequestHead, Unavailable};
use std::fmt::Display;

/// What the proxy does with a request after its headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Forward it.
    Continue,
    /// Do not forward it. Returned only with a reply, never to wait for something: should the host not have taken
    /// the reply, the request is stuck, and not let through.
    Pause,
}

/// One VM's filter: its root contexts, each with a configuration, and the streams whose headers are still to come.
///
/// A changed configuration arrives as a new root context in the same VM while requests of the old one are under
/// way, so each stream is answered by the root context it was created under.
#[derive(Default)]
pub struct Filter {
    roots: Vec<Root>,
    /// Stream and root. Envoy announces a stream right before its headers, so there is hardly ever more than one.
    streams: Vec<(u32, u32)>,
    metrics: Metrics,
    /// The reply's headers as they are handed over; reused.
    reply_headers: Vec<u8>,
}

/// A root context. Without a configuration it denies every request.
struct Root {
    id: u32,
    active: Option<Active>,
}

/// A configuration that was accepted.
struct Active {
    gateway: Gateway,
    verifier: HostVerifier,
    sinks: Sinks,
}

impl Filter {
    /// A filter without contexts.
    #[must_use]
    pub const fn new() -> Self {
        Self { roots: Vec::new(), streams: Vec::new(), metrics: Metrics::new(), reply_headers: Vec::new() }
    }

    /// A context begins: a root context when `parent` is 0, else a stream of that root context.
    pub fn on_context_create(&mut self, context: u32, parent: u32) {
        if parent != 0 {
            self.streams.push((context, parent));
        } else if !self.roots.iter().any(|root| root.id == context) {
            self.roots.push(Root { id: context, active: None });
        }
    }

    /// Applies the configuration of a root context, or refuses it as a whole and leaves what was there.
    pub fn on_configure(&mut self, root: u32, size: usize, proxy: &mut impl Proxy) -> bool {
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
        let configured = Gateway::configure(bytes.as_deref().unwrap_or_default(), &mut host);
        let random = host.random();
        match (configured, random) {
            (Ok(gateway), Ok(())) => {
                announce(proxy, &gateway, &verifier);
                let sinks = Sinks::new(gateway.decision_log());
                if let Some(root) = self.roots.get_mut(index) {
                    root.active = Some(Active { gateway, verifier, sinks });
                }
                true
            }
            (Err(error), _) => refuse(proxy, &error),
            // Decision ids would repeat.
            (Ok(_), Err(status)) => refuse(proxy, &format_args!("config.no_randomness: {status}")),
        }
    }

    /// Decides on a request.
    pub fn on_request_headers(&mut self, stream: u32, proxy: &mut impl Proxy) -> Action {
        let active = take(&mut self.streams, stream)
            .and_then(|root| self.roots.iter_mut().find(|known| known.id == root))
            .and_then(|root| root.active.as_mut());
        let Some(active) = active else {
            let outcome = Outcome::Unavailable(Unavailable::BundleMissing);
            self.metrics.decided(proxy, outcome, 0);
            return enforce::send(proxy, &Reply::unconfigured(), &mut self.reply_headers);
        };
        let Active { gateway, verifier, sinks } = active;

        let bytes = proxy.request_headers();
        let headers = bytes.as_deref().ok().and_then(|bytes| HeaderMap::parse(bytes).ok());
        let mut host = GatewayHost::new(proxy, verifier);
        let verdict = match headers {
            Some(headers) => gateway.decide(&RequestHead { headers }, &mut host),
            None => gateway.refuse(Outcome::Malformed, &mut host),
        };
        self.metrics.decided(proxy, verdict.outcome, verdict.micros);
        enforce::verdict(proxy, &verdict, *sinks, &mut self.metrics, &mut self.reply_headers)
    }

    /// A context ends.
    pub fn on_delete(&mut self, context: u32) {
        if take(&mut self.streams, context).is_none() {
            self.roots.retain(|root| root.id != context);
        }
    }
}

/// Removes a stream and says which root context it belongs to.
fn take(streams: &mut Vec<(u32, u32)>, stream: u32) -> Option<u32> {
    let index = streams.iter().rposition(|(known, _)| *known == stream)?;
    let (_, root) = streams.swap_remove(index);
    Some(root)
}

/// Tells the operator what decides from now on.
fn announce(proxy: &mut impl Proxy, gateway: &Gateway, verifier: &HostVerifier) {
    let manifest = gateway.bundle().manifest();
    let crypto = if verifier.is_present() { "the host" } else { "the filter" };
    let message = format!(
        "palisade: bundle `{}` version {} decides; RSA and ECDSA signatures are verified by {crypto}",
        manifest.name, manifest.version,
    );
    proxy.log(LogLevel::Info, message.as_bytes());
}

/// Tells the operator why a configuration is refused.
fn refuse(proxy: &mut impl Proxy, reason: &dyn Display) -> bool {
    proxy.log(LogLevel::Error, format!("palisade: configuration refused: {reason}").as_bytes());
    false
}

#[cfg(test)]
mod tests;
