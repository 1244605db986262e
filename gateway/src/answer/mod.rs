//! Answers that list what there is, reduced to what the caller could be allowed.
//!
//! A request whose answer may hold lists leaves an [`AnswerFilter`] behind, with all that its questions need: the policies and
//! the route of the bundle that decided it ([`caller`]), whatever bundle decides by then. The answer's headers say how it is to
//! be read ([`head`]): as one text, or as a stream of events ([`events`], [`event`]), each of which goes on as soon as it is
//! complete. In each text, the items of lists are asked about by the code that would be asked for a call ([`rewrite`]); what
//! remains are the server's own bytes.
//!
//! What cannot be read in one way only is refused as a whole: a list that is not understood may hold anything.

mod caller;
mod error;
mod event;
mod events;
mod filter;
mod head;
mod reader;
mod rewrite;
mod tally;

pub use error::AnswerError;
pub use filter::{AnswerBuffers, AnswerFilter, AnswerStep, Rewritten};
pub use reader::AnswerReader;
pub use tally::AnswerReport;

pub(crate) use caller::Caller;
