//! The command as its users run it: several steps, real files, exit codes.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::indexing_slicing, reason = "an index past the end fails the test, as it should")]

mod bundles;
mod keys;
mod mcp_server;
mod output;
mod palisade;
mod remote_keys;
mod schemas;
mod statuses;
mod tokens;
mod trust;
mod workloads;
