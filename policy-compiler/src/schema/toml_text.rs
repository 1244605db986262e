//! Keys and texts of TOML, for settings that are written.

use serde_json::Value;

/// A key: bare where it can be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A basic string. JSON's escapes are among TOML's; the one character that only TOML escapes is DEL.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}
