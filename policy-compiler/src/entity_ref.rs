//! References to entities in JSON.

use cedar_policy::EntityUid;

use crate::wording::report;

/// Reads an entity reference: Cedar syntax in a JSON string, or an object with `type` and `id`.
pub(crate) fn entity(part: &str, json: &str) -> Result<EntityUid, String> {
    let value: serde_json::Value = serde_json::from_str(json).map_err(|error| format!("{part}: {error}"))?;
    match value {
        serde_json::Value::String(text) => {
            text.parse().map_err(|error| format!("{part}: `{text}`: {}", report(&error)))
        }
        other => EntityUid::from_json(other).map_err(|error| format!("{part}: {}", report(&error))),
    }
}
