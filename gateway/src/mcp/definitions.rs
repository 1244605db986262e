//! Digests of tools' definitions for whoever writes a catalogue: the code by which the gateway compares them.

use std::fmt;

use super::catalogue;
use crate::bundle::Digest;
use crate::json::{JsonDocument, JsonFault, JsonKind, NotCanonical};

/// Computes the digests by which tools are pinned.
///
/// A digest is SHA-256 of the canonical JSON (RFC 8785) of `annotations`, `description`, `inputSchema`, `name` and
/// `outputSchema`, as far as a definition has them; other members do not count.
///
/// # Example
///
/// ```
/// # use palisade_gateway::ToolDefinitions;
/// let mut definitions = ToolDefinitions::default();
/// let digest = definitions.digest(br#"{"name": "now", "title": "Clock", "inputSchema": {"type": "object"}}"#);
/// assert_eq!(digest, definitions.digest(br#"{"inputSchema":{"type":"object"},"name":"\u006eow"}"#));
/// ```
#[derive(Debug, Default)]
pub struct ToolDefinitions {
    document: JsonDocument,
    scratch: String,
}

/// Why a definition has no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefinitionError {
    /// It is not JSON that every reader reads alike.
    Json(JsonFault),
    /// It is not an object.
    NotAnObject,
    /// It has an integer that no double holds, so that readers disagree about it.
    Number,
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(fault) => write!(f, "its JSON is not acceptable: {fault:?}"),
            Self::NotAnObject => f.write_str("it is not an object"),
            Self::Number => f.write_str("it has an integer beyond 2^53 that a double does not hold"),
        }
    }
}

impl std::error::Error for DefinitionError {}

impl From<NotCanonical> for DefinitionError {
    fn from(NotCanonical: NotCanonical) -> Self {
        Self::Number
    }
}

impl ToolDefinitions {
    /// The digest of one definition, an element of `tools` in the answer to `tools/list`.
    ///
    /// # Errors
    ///
    /// When a gateway would not take the definition for the one that was pinned, because it would take none for it.
    pub fn digest(&mut self, definition: &[u8]) -> Result<Digest, DefinitionError> {
        let Self { document, scratch } = self;
        let definition = document.read(definition).map_err(DefinitionError::Json)?;
        if definition.kind() != JsonKind::Object {
            return Err(DefinitionError::NotAnObject);
        }
        Ok(catalogue::digest(definition, scratch)?)
    }
}
