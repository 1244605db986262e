//! Revisions of the protocol, named by date.

use serde::{Deserialize, Serialize};

/// A revision of the protocol that is understood here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Revision {
    /// 2024-11-05: the first.
    #[serde(rename = "2024-11-05")]
    R20241105,
    /// 2025-03-26: Streamable HTTP, batches.
    #[serde(rename = "2025-03-26")]
    R20250326,
    /// 2025-06-18: no batches, the header `MCP-Protocol-Version`.
    #[serde(rename = "2025-06-18")]
    R20250618,
    /// 2025-11-25: tasks.
    #[serde(rename = "2025-11-25")]
    R20251125,
    /// 2026-07-28: stateless; headers repeat the body.
    #[serde(rename = "2026-07-28")]
    R20260728,
}

impl Revision {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::R20241105, Self::R20250326, Self::R20250618, Self::R20251125, Self::R20260728];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::R20241105 => "2024-11-05",
            Self::R20250326 => "2025-03-26",
            Self::R20250618 => "2025-06-18",
            Self::R20251125 => "2025-11-25",
            Self::R20260728 => "2026-07-28",
        }
    }

    /// The revision of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == name)
    }

    /// Whether it is of the stateless era: POST only, and every message says what it is in headers and in `_meta`.
    #[must_use]
    pub fn is_modern(self) -> bool {
        self >= Self::R20260728
    }

    /// Whether a body may be an array of messages.
    pub(crate) fn has_batches(self) -> bool {
        self <= Self::R20250326
    }
}
