//! The engine behind a byte boundary, so that the same decisions can be run natively, under callgrind and in wasm.
//!
//! [`Session`] opens policy sets and answers [`Transcript`]s of requests: here, in the command of this package, or behind
//! the exports of its wasm module.

mod answer;
#[cfg(target_family = "wasm")]
mod exports;
mod session;
mod transcript;

pub use answer::Answer;
pub use session::{Failure, Session};
pub use transcript::{Asked, Extension, Handle, Malformed, Open, Transcript};
