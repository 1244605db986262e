//! OpenID Connect tokens of GitHub Actions.

use super::super::error::TokenError;
use super::{optional, present, required};
use crate::json::{Json, Member};

const ISSUER: &str = "https://token.actions.githubusercontent.com";
const ENTERPRISE_PATH: &str = "/_services/token";

/// Claims that identify what runs, all of them strings. `sub` is not among them: its format differs between repositories
/// and has changed, so it is taken as it is and never parsed.
const CLAIMS: [&str; 27] = [
    "actor",
    "actor_id",
    "base_ref",
    "check_run_id",
    "enterprise",
    "enterprise_id",
    "environment",
    "event_name",
    "head_ref",
    "job_workflow_ref",
    "job_workflow_sha",
    "ref",
    "ref_protected",
    "ref_type",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "run_attempt",
    "run_id",
    "run_number",
    "runner_environment",
    "sha",
    "workflow",
    "workflow_ref",
    "workflow_sha",
];

/// Whether an issuer is GitHub's, or an enterprise server's (`https://HOST/_services/token`).
pub(super) fn is_issuer(issuer: &str) -> bool {
    issuer == ISSUER || host(issuer).is_some()
}

/// Whether an audience is one that GitHub gives when nobody asks for another: the address of an owner. Any workflow's token of
/// that owner has it, whatever it was meant for.
pub(super) fn is_default_audience(issuer: &str, audience: &str) -> bool {
    let host = host(issuer).unwrap_or("github.com");
    let rest = audience.strip_prefix("https://").and_then(|rest| rest.strip_prefix(host));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn host(issuer: &str) -> Option<&str> {
    let host = issuer.strip_prefix("https://")?.strip_suffix(ENTERPRISE_PATH)?;
    (!host.is_empty() && !host.contains('/')).then_some(host)
}

/// Checks that the claims are strings and that the numbers which name repository and owner for good are there.
pub(super) fn check<'t>(claims: &Json<'t>) -> Result<Vec<Member<'t>>, TokenError> {
    required(claims, "sub", TokenError::SubjectMissing)?;
    present(claims, "iat", TokenError::IssuedAtMissing)?;
    for name in ["repository_id", "repository_owner_id"] {
        required(claims, name, TokenError::GithubClaimMissing)?;
    }
    for name in CLAIMS {
        optional(claims, name)?;
    }
    Ok(Vec::new())
}
