//! The label of a PEM block, so that a wrong file is named for what it is.

use super::KeyError;

/// Checks that the first block is a plain PKCS#8 private key.
pub(super) fn check_label(text: &str) -> Result<(), KeyError> {
    let begin = text.lines().find_map(|line| line.trim().strip_prefix("-----BEGIN "));
    let label = begin.and_then(|rest| rest.strip_suffix("-----"));
    match label {
        Some("PRIVATE KEY") => Ok(()),
        Some(other) => Err(KeyError::WrongLabel(other.to_owned())),
        None => Err(KeyError::Unreadable),
    }
}
