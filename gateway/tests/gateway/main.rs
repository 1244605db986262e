//! The request path as its hosts see it: a configuration with a signed bundle goes in, requests get verdicts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use palisade_gateway::token::Algorithm;

#[path = "../../src/token/testing.rs"]
mod keys;

mod authorization_details;
mod between;
mod bundles;
mod cases;
mod certificates;
mod cures;
mod delegation;
mod delivery;
mod denials;
mod dpop;
mod lists;
mod marks;
mod mcp;
mod memo;
mod methods;
mod mutations;
mod profiles;
mod renewals;
mod replies;
mod requests;
mod revocations;
mod sessions;
mod statuses;
mod swaps;
mod tokens;
mod transactions;
mod trust;
mod workload;
mod world;
