//! Claim paths of the project file: member names joined by dots.

use toml::Spanned;

use crate::diagnostic::Findings;
use crate::project::at;

/// Splits `a.b.c` into its names.
pub(super) fn path(value: &Spanned<String>, text: &str, findings: &mut Findings) -> Option<Vec<String>> {
    let names: Vec<String> = text.split('.').map(str::to_owned).collect();
    if names.iter().any(String::is_empty) {
        let message = format!("`{text}` is not a claim path");
        findings.push(at("section.claim_path", value, message).with_help("write member names joined by dots"));
        return None;
    }
    Some(names)
}
