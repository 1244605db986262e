//! Claim paths of the project file: member names joined by dots.

use palisade_gateway::section::{AttributeType, claim_gives};
use toml::Spanned;

use crate::diagnostic::Findings;
use crate::project::at;

/// What comes before the type of items of `authorization_details` (RFC 9396). All that comes after it is the type, dots
/// included: types may be URIs.
const DETAILS: &str = "authorization_details.";

/// Splits `a.b.c` into its names.
pub(super) fn path(value: &Spanned<String>, text: &str, findings: &mut Findings) -> Option<Vec<String>> {
    let names: Vec<String> = match text.strip_prefix(DETAILS) {
        Some(item_type) => vec![DETAILS.trim_end_matches('.').to_owned(), item_type.to_owned()],
        None => text.split('.').map(str::to_owned).collect(),
    };
    if names.iter().any(String::is_empty) {
        let message = format!("`{text}` is not a claim path");
        findings.push(at("section.claim_path", value, message).with_help("write member names joined by dots"));
        return None;
    }
    Some(names)
}

/// Checks that the claim at a path can give values of a type; says what it can give where it cannot.
pub(super) fn check_type(path: &[String], attribute_type: &AttributeType) -> Result<(), &'static str> {
    match (claim_gives(path, attribute_type), path) {
        (true, _) => Ok(()),
        (false, [_]) => Err("`authorization_details` by itself is a `Set<String>`: the types of its items"),
        (false, _) => Err("items of `authorization_details` are a `Set` of records, without `type` and `locations`"),
    }
}
