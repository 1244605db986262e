//! The filter as Envoy loads it: an adapter between the proxy-wasm ABI and `palisade-gateway`.
//!
//! - [`filter`]: which configuration answers which request.
//! - [`enforce`]: how a verdict reaches the proxy: header changes, the reply, the decision record.
//! - [`upkeep`] and [`named_metrics`]: what is fetched, between requests.
//! - `fetch`: the gateway's own requests, and the responses to them.
//! - `trial`: what a candidate would have decided.
//! - [`metrics`]: Envoy's statistics.
//! - [`verify_signature`]: Envoy's own cryptography, the one foreign function that is used.
//! - `client_certificate`: what the proxy says about the connection's.
//! - [`gateway_host`]: the gateway's wishes, answered by the proxy.
//! - [`proxy`] and [`background`]: what all of these ask of the proxy, as traits.
//! - [`buffers`]: the memory that the proxy writes into.
//! - `abi`, on wasm only: the trait on hostcalls, and the exported callbacks.
//!
//! Nothing here panics on what a client, a configuration or the host hands over: a panic ends the worker's VM.

#[cfg(target_arch = "wasm32")]
mod abi;
mod accepted;
pub mod answers;
mod background;
pub mod buffers;
mod client_certificate;
pub mod enforce;
#[cfg(test)]
mod fake;
mod fetch;
pub mod filter;
#[cfg(test)]
mod fixture;
pub mod gateway_host;
pub mod metrics;
pub mod named_metrics;
pub mod proxy;
mod session;
mod shared_data;
mod streams;
mod trial;
pub mod upkeep;
pub mod verify_signature;
