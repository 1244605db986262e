//! Whole-product tests: the quickstart in a real Envoy. `make test` gives them what they need.
#![expect(clippy::indexing_slicing, reason = "an index past the end fails the test, as it should")]

mod bundles;
mod configuration;
mod credentials;
mod fixture;
mod hostile;
mod identity;
mod keys;
mod mutual_tls;
mod oidc;
mod proof;
mod quickstart;
mod records;
mod routes;
