//! Getting bundles to gateways: `palisade serve` as a process, asked over sockets.

mod fixture;
mod hostile;
mod lying_registry;
mod registry;
mod reports;
mod rollout;
mod serve;
mod serve_tls;
mod signals;
mod sigstore;
mod trusted;
mod waiting;
