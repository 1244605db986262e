//! Why an answer is refused.

use crate::json::JsonFault;

/// Why an answer that may hold lists does not reach the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// It is larger than the route allows, or one event of it is.
    TooLarge,
    /// It is compressed, though nobody asked for that.
    ContentEncoding,
    /// It is neither JSON nor a stream of events, in UTF-8.
    ContentType,
    /// It is not acceptable JSON.
    Json(JsonFault),
    /// It is JSON, but no message that may stand there.
    Message,
    /// A member is spelt like one that matters but for case: another reader could take it for that.
    LookAlike,
    /// Lines of an event that other readers could tell apart differently.
    EventLine,
    /// It has a tool that the catalogue does not have, or has otherwise, and the route blocks such lists.
    Catalogue,
    /// The host does not hand it over, or does not take what is to be in its place.
    Host,
}

impl From<JsonFault> for AnswerError {
    fn from(fault: JsonFault) -> Self {
        Self::Json(fault)
    }
}
