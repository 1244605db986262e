//! The harness of the whole-product tests: real Envoy, real filter, real command.
//!
//! A test starts a [`gateway::Gateway`], which is the quickstart as shipped: its policy project built and signed by the
//! `palisade` command, its `envoy.yaml` run by Envoy, and an upstream that records what reached it. Requests go over
//! real sockets, byte for byte as the test wrote them. Every process ends with the value that started it.
//!
//! Architecture Invariant: nothing here links the engine, the gateway crate or the compiler. The harness sees the
//! product as an operator does, through files, commands and sockets.

pub mod agents;
pub mod answering;
pub mod bundle;
pub mod bundle_server;
pub mod case;
pub mod cli;
pub mod container;
pub mod envoy;
pub mod example;
pub mod filter;
pub mod gateway;
pub mod http1;
pub mod http2;
pub mod issuer;
pub mod issuers;
pub mod key;
pub mod mcp_server;
pub mod mcp_tools;
pub mod oci_registry;
pub mod oidc;
pub mod outcome;
pub mod process;
pub mod quickstart;
pub mod record;
pub mod scripted;
pub mod tls;
pub mod tls_server;
pub mod token;
pub mod tool_agents;
pub mod tools;
pub mod trap;
pub mod turn;
pub mod upstream;
pub mod wait;
