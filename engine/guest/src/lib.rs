//! The engine as a wasm module, and a VM to run it in.
//!
//! Both ends of one boundary: [`Session`] opens policy sets and answers [`Transcript`]s of requests, natively or behind
//! the module's exports; [`Vm`] runs the module in an interpreter that counts instructions. Tests ask both the same
//! questions, and measurements put both beside each other.

mod answer;
#[cfg(target_family = "wasm")]
mod exports;
mod session;
mod transcript;
#[cfg(not(target_family = "wasm"))]
mod vm;

pub use answer::Answer;
pub use session::{Failure, Session};
pub use transcript::{Asked, Extension, Handle, Malformed, Transcript};
#[cfg(not(target_family = "wasm"))]
pub use vm::{Vm, VmError};
