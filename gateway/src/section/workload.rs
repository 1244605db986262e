//! How workloads prove that a workload identity token is theirs (draft-ietf-wimse-wpt).

use serde::{Deserialize, Serialize};

use crate::token::Algorithm;

/// How a workload proof token must look. Issuers of workload identity tokens need these rules, and nobody else has a use for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadProofRules {
    /// The draft whose rules these are. There is no default: drafts differ in what they put where.
    pub draft: WorkloadProofDraft,
    /// The origins under which workloads know this gateway, such as `https://deploys.internal`: what `aud` must begin with. Never
    /// taken from the request alone.
    pub origins: Vec<String>,
    /// Other values of `aud` that stand for this gateway, compared exactly. A proof for one of them is good for every path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The algorithms that proofs may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How far in the future `exp` may be, in seconds.
    pub max_lifetime_seconds: u64,
    /// How far clocks may be apart, in seconds.
    pub clock_skew_seconds: u64,
    /// What an access token beside a workload identity token means. Default: such a request is refused.
    #[serde(default)]
    pub access_token: BesideWorkload,
    /// Headers, in lower case, that `oth` must cover where a request has them. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered_headers: Vec<String>,
    /// Whether the upstream gets token and proof, too. Default: no.
    #[serde(default)]
    pub forward: bool,
}

/// The drafts of workload proof tokens that are implemented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WorkloadProofDraft {
    /// draft-ietf-wimse-wpt-02: the proof is in the header `Workload-Proof-Token`.
    #[serde(rename = "draft-ietf-wimse-wpt-02")]
    Wpt02,
}

impl WorkloadProofDraft {
    /// All of them.
    pub const ALL: [Self; 1] = [Self::Wpt02];

    /// The name in bundles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wpt02 => "draft-ietf-wimse-wpt-02",
        }
    }
}

/// What `Authorization` means in a request that has a workload identity token. The workload is the caller in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BesideWorkload {
    /// Two credentials: the request is refused. The default.
    #[default]
    Refuse,
    /// An access token for the upstream. The proof must cover it (`ath`); it is not read here, and decides nothing.
    Pass,
}

impl BesideWorkload {
    /// The name in bundles and project files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Pass => "pass",
        }
    }
}
