//! Whole-product tests: the quickstart in a real Envoy. `make test` gives them what they need.
#![expect(clippy::indexing_slicing, reason = "an index past the end fails the test, as it should")]

mod a2a;
mod agents;
mod agreement;
mod bundles;
mod configuration;
mod conformance;
mod credentials;
mod doctor;
mod drift;
mod everything;
mod fixture;
mod flood;
mod foreign;
mod hostile;
mod identity;
mod incidents;
mod key_servers;
mod keys;
mod lists;
mod mcp;
mod mesh;
mod mutual_tls;
mod oidc;
mod proof;
mod proof_workers;
mod quickstart;
mod records;
mod remote;
mod revocation;
mod routes;
mod sdk;
mod signatures;
mod spiffe_bundles;
