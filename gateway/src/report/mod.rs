//! Status reports: a gateway says which bundle decides in it, to a server that its operator names.
//!
//! ```text
//! tick ─► view of this worker ─► board (shared by all workers) ─┐
//!             └─ something is new, or it is time: claim it ─► report of all of them ─► POST ─► counted
//! ```
//!
//! One worker reports for all of a proxy, by the same claims as for fetches ([`crate::feed`]). No request waits for a report or
//! starts one, and nothing depends on whether it arrives.

mod board;
mod destination;
mod document;
mod event;
mod reporter;

pub use destination::StatusReportFile;
pub use document::{Fault, Part, ReportedBundle, ReportedCandidate, ReportedList, State, StatusReport, WorkerGroup};
pub use event::ReportEvent;

pub(crate) use destination::Destination;
pub(crate) use reporter::{Reporter, Sight};
