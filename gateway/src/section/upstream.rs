//! What the upstream is told of a decision.

use serde::{Deserialize, Serialize};

/// A header in which the upstream is told something of the decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamHeader {
    /// Who calls.
    Principal,
    /// The decision's id.
    DecisionId,
    /// Who acts for the caller, where somebody does.
    Actor,
}

impl UpstreamHeader {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Principal, Self::DecisionId, Self::Actor];

    /// The header's own name.
    #[must_use]
    pub fn header(self) -> &'static str {
        match self {
            Self::Principal => crate::PRINCIPAL_HEADER,
            Self::DecisionId => crate::DECISION_ID_HEADER,
            Self::Actor => crate::ACTOR_HEADER,
        }
    }

    /// The name in bundles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::DecisionId => "decision_id",
            Self::Actor => "actor",
        }
    }
}

/// Which of them the upstream gets; as JSON, the list of those. What a client sends under their names it never gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<UpstreamHeader>", into = "Vec<UpstreamHeader>")]
pub struct UpstreamHeaders {
    has: [bool; UpstreamHeader::ALL.len()],
}

impl UpstreamHeaders {
    /// All of them.
    pub const ALL: Self = Self { has: [true; UpstreamHeader::ALL.len()] };

    /// Whether all are among them.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::ALL
    }

    /// Whether one is among them.
    #[must_use]
    pub fn contains(self, header: UpstreamHeader) -> bool {
        let Self { has: [principal, decision_id, actor] } = self;
        match header {
            UpstreamHeader::Principal => principal,
            UpstreamHeader::DecisionId => decision_id,
            UpstreamHeader::Actor => actor,
        }
    }
}

impl Default for UpstreamHeaders {
    fn default() -> Self {
        Self::ALL
    }
}

impl From<Vec<UpstreamHeader>> for UpstreamHeaders {
    fn from(headers: Vec<UpstreamHeader>) -> Self {
        Self { has: UpstreamHeader::ALL.map(|header| headers.contains(&header)) }
    }
}

impl From<UpstreamHeaders> for Vec<UpstreamHeader> {
    fn from(headers: UpstreamHeaders) -> Self {
        UpstreamHeader::ALL.into_iter().filter(|header| headers.contains(*header)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_reads_back_as_it_was_written() {
        for (text, has) in [
            ("[]", [false; 3]),
            (r#"["principal"]"#, [true, false, false]),
            (r#"["decision_id","actor"]"#, [false, true, true]),
            (r#"["principal","decision_id","actor"]"#, [true; 3]),
        ] {
            let headers: UpstreamHeaders = serde_json::from_str(text).unwrap();
            assert_eq!(UpstreamHeader::ALL.map(|header| headers.contains(header)), has, "{text}");
            assert_eq!(serde_json::to_string(&headers).unwrap(), text);
            assert_eq!(headers.is_all(), has == [true; 3]);
        }
        assert_eq!(UpstreamHeaders::default(), UpstreamHeaders::ALL);
        for text in ["null", r#""all""#, r#"["subject"]"#, r#"["x-palisade-principal"]"#] {
            assert!(serde_json::from_str::<UpstreamHeaders>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_those_of_bundles() {
        for header in UpstreamHeader::ALL {
            assert_eq!(serde_json::to_value(header).unwrap(), header.name());
        }
    }
}
