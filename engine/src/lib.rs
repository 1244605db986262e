//! Opens compiled Cedar policy sets and decides requests from them.
//!
//! The compiler (`palisade-policy-compiler`) turns Cedar text into the byte format that [`format`] describes;
//! [`CompiledPolicySet::open`] checks those bytes once, completely, and [`Request::decide`] answers from them with
//! Cedar's own answer: the decision, the determining policies and the policies that erred.
//!
//! This crate does no I/O, reads no clock, parses no Cedar and has no features: the same code runs natively and in
//! the gateway's wasm module.
//!
//! # Example
//!
//! ```no_run
//! use palisade_engine::{CompiledPolicySet, Effect, Request, Scratch};
//! # fn example(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let policies = CompiledPolicySet::open(bytes)?;
//! let mut scratch = Scratch::new(); // one per worker, reused by every request
//!
//! let mut request = Request::new(&policies, &mut scratch);
//! let principal = request.entity("Agent", "dev/fixer");
//! let action = request.entity("Action", "read");
//! let resource = request.entity("Repository", "website");
//! let branch = request.string("main");
//! let context = request.record(&[("branch", branch)]);
//! let decision = request.decide(principal, action, resource, context)?;
//! assert_eq!(decision.effect(), Effect::Deny);
//! # Ok(())
//! # }
//! ```

mod aggregate;
mod apply;
mod arena;
mod candidate;
mod compare;
mod decide;
mod decision;
mod entities;
mod error;
mod evaluate;
mod explain;
mod extension;
pub mod format;
mod hash;
mod ids;
mod index;
mod inspect;
mod like;
pub mod limits;
mod lineage;
mod machine;
mod opcode;
mod opening;
mod operators;
mod policy;
mod policy_set;
mod program;
mod prospect;
mod reader;
mod request;
mod stack;
mod strings;
mod unknown;
mod value;

pub use compare::{Compare, compare};
pub use decision::{Decision, Effect};
pub use error::{DecideError, OpenError, OpenErrorKind};
pub use explain::Standing;
pub use extension::{ExtensionError, IpNetwork, parse_datetime, parse_decimal, parse_duration, parse_ip};
pub use hash::{hash_bytes, hash_key, hash_pair};
pub use ids::{AggregateId, EntityId, IpId, PatternId, PolicyIndex, ProgramId, ShapeId, StringId};
pub use inspect::{LookupView, PartitionView, ProbeMode, ProbeSubject};
pub use opcode::{Instruction, Opcode};
pub use opening::{OpeningStep, PolicySetOpening};
pub use policy_set::CompiledPolicySet;
pub use prospect::{OnForbidError, Prospect};
pub use request::{Request, Scratch};
pub use unknown::{Field, Type, Unknown};
pub use value::Value;
