//! Versions of the protocol.

use serde::{Deserialize, Serialize};

/// A version of the protocol that is understood here, by major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum A2aVersion {
    /// 0.3: methods such as `message/send`, REST below `/v1`.
    #[serde(rename = "0.3")]
    V0_3,
    /// 1.0: methods such as `SendMessage`.
    #[serde(rename = "1.0")]
    V1_0,
}

impl A2aVersion {
    /// All of them, in order.
    pub const ALL: [Self; 2] = [Self::V0_3, Self::V1_0];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_3 => "0.3",
            Self::V1_0 => "1.0",
        }
    }

    /// The version of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == name)
    }

    /// The version that a client states: patch numbers do not count, and nothing stands for 0.3 (§3.6).
    pub(super) fn from_stated(stated: &str) -> Option<Self> {
        if stated.is_empty() {
            return Some(Self::V0_3);
        }
        let (name, patch) = match stated.match_indices('.').nth(1) {
            Some((at, _)) => (stated.get(..at)?, stated.get(at + 1..)?),
            None => (stated, "0"),
        };
        let is_number = !patch.is_empty() && patch.len() <= 4 && patch.bytes().all(|byte| byte.is_ascii_digit());
        Self::from_name(name).filter(|_| is_number)
    }
}

#[cfg(test)]
mod tests {
    use super::A2aVersion as V;

    #[test]
    fn patch_numbers_do_not_count() {
        for (stated, version) in
            [("1.0", V::V1_0), ("1.0.1", V::V1_0), ("0.3", V::V0_3), ("0.3.26", V::V0_3), ("", V::V0_3)]
        {
            assert_eq!(V::from_stated(stated), Some(version), "{stated}");
        }
        for stated in
            ["1", "1.", "1.0.", "1.0.x", "1.0.1.1", "01.0", "1.00", "1.1", "2.0", "v1.0", "1.0 ", "0.2.5", "."]
        {
            assert_eq!(V::from_stated(stated), None, "{stated}");
        }
    }
}
