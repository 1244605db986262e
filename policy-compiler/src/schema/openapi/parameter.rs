//! A parameter of an operation: where a request has it, and its type in Cedar.

use serde_json::{Map, Value, json};

use super::document::Document;

/// A parameter that policy can see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) location: Location,
    /// Its type, in Cedar's JSON form.
    pub(super) of: Value,
    pub(super) required: bool,
}

/// Where a request has a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Location {
    Path,
    Query,
    Header,
}

impl Location {
    /// As sources of values and names of attributes begin.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// What becomes of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Seen(Parameter),
    /// By OpenAPI's own rule it describes nothing.
    Ignored,
    /// Policy cannot see it; why.
    Unseen(String),
}

/// Reads a parameter.
pub(super) fn read(parameter: &Map<String, Value>, document: &Document) -> Reading {
    let text = |name: &str| parameter.get(name).and_then(Value::as_str).unwrap_or_default();
    let (name, is_required) = (text("name"), parameter.get("required") == Some(&Value::Bool(true)));
    if name.is_empty() {
        return Reading::Unseen("it has no name".to_owned());
    }
    let (location, name) = match text("in") {
        "path" => (Location::Path, name.to_owned()),
        "query" => (Location::Query, name.to_owned()),
        "header" => (Location::Header, name.to_ascii_lowercase()),
        "cookie" => return Reading::Unseen("cookies are not read".to_owned()),
        other => return Reading::Unseen(format!("`{other}` is no place of parameters")),
    };
    if location == Location::Header && matches!(name.as_str(), "accept" | "content-type" | "authorization") {
        return Reading::Ignored;
    }
    let Some(schema) = parameter.get("schema") else {
        return Reading::Unseen("its form is that of a media type".to_owned());
    };
    match document.resolve(schema).and_then(cedar_type) {
        Ok(of) => Reading::Seen(Parameter { name, location, of, required: is_required || location == Location::Path }),
        Err(reason) => Reading::Unseen(reason),
    }
}

/// The type of a value that is sent as text.
fn cedar_type(schema: &Map<String, Value>) -> Result<Value, String> {
    let name = match schema.get("type") {
        Some(Value::String(name)) => name.as_str(),
        // `null` cannot be sent.
        Some(Value::Array(names)) => {
            let mut others = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            match (others.next(), others.next()) {
                (Some(only), None) => only,
                _ => return Err("it is of several types".to_owned()),
            }
        }
        Some(_) => return Err("`type` is not a type's name".to_owned()),
        None if schema.get("enum").and_then(Value::as_array).is_some_and(|all| all.iter().all(Value::is_string)) => {
            "string"
        }
        None => return Err("it may be anything".to_owned()),
    };
    let name = match name {
        "boolean" => "Bool",
        "integer" => "Long",
        "number" => "decimal",
        "string" => match schema.get("format").and_then(Value::as_str) {
            Some("date" | "date-time") => "datetime",
            Some("duration") => "duration",
            Some("ipv4" | "ipv6") => "ipaddr",
            Some("decimal") => "decimal",
            Some(_) | None => "String",
        },
        "array" => return Err("lists in a request line have many spellings".to_owned()),
        "object" => return Err("objects in a request line have many spellings".to_owned()),
        other => return Err(format!("`{other}` is not a type of JSON Schema")),
    };
    Ok(json!({"type": "EntityOrCommon", "name": name}))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(json: &str) -> Reading {
        let document =
            Document::read("openapi: 3.1.0\npaths: {}\ncomponents: {schemas: {Id: {type: integer}}}").unwrap();
        read(serde_json::from_str::<Value>(json).unwrap().as_object().unwrap(), &document)
    }

    #[test]
    fn values_that_are_sent_as_text_have_types() {
        for (schema, expected) in [
            (r#"{"type": "string"}"#, "String"),
            (r#"{"type": "string", "enum": ["a", "b"]}"#, "String"),
            (r#"{"enum": ["a", "b"]}"#, "String"),
            (r#"{"type": "integer"}"#, "Long"),
            (r#"{"type": "number"}"#, "decimal"),
            (r#"{"type": "boolean"}"#, "Bool"),
            (r#"{"type": ["string", "null"], "format": "date-time"}"#, "datetime"),
            (r#"{"type": "string", "format": "ipv4"}"#, "ipaddr"),
            (r##"{"$ref": "#/components/schemas/Id"}"##, "Long"),
        ] {
            let seen = reading(&format!(r#"{{"name": "q", "in": "query", "schema": {schema}}}"#));
            let Reading::Seen(parameter) = seen else { panic!("{schema}: {seen:?}") };
            assert_eq!(parameter.of["name"], expected, "{schema}");
            assert!(!parameter.required);
        }
    }

    #[test]
    fn values_of_the_path_are_always_there() {
        let seen = reading(r#"{"name": "id", "in": "path", "schema": {"type": "string"}}"#);
        assert!(matches!(seen, Reading::Seen(Parameter { required: true, .. })));
    }

    #[test]
    fn header_names_are_in_lower_case_and_three_describe_nothing() {
        let seen = reading(r#"{"name": "X-Intent", "in": "header", "required": true, "schema": {"type": "string"}}"#);
        assert!(matches!(seen, Reading::Seen(Parameter { required: true, name, .. }) if name == "x-intent"));
        for name in ["Accept", "content-type", "AUTHORIZATION"] {
            let text = format!(r#"{{"name": "{name}", "in": "header", "schema": {{"type": "string"}}}}"#);
            assert_eq!(reading(&text), Reading::Ignored);
        }
    }

    #[test]
    fn others_are_not_seen() {
        for text in [
            r#"{"in": "query", "schema": {"type": "string"}}"#,
            r#"{"name": "q", "schema": {"type": "string"}}"#,
            r#"{"name": "q", "in": "cookie", "schema": {"type": "string"}}"#,
            r#"{"name": "q", "in": "body", "schema": {"type": "string"}}"#,
            r#"{"name": "q", "in": "query", "content": {"application/json": {}}}"#,
            r#"{"name": "q", "in": "query", "schema": {}}"#,
            r#"{"name": "q", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}}"#,
            r#"{"name": "q", "in": "query", "schema": {"type": "object"}}"#,
            r#"{"name": "q", "in": "query", "schema": {"type": ["string", "integer"]}}"#,
            r#"{"name": "q", "in": "query", "schema": {"type": 1}}"#,
            r#"{"name": "q", "in": "query", "schema": {"enum": [1, 2]}}"#,
            r##"{"name": "q", "in": "query", "schema": {"$ref": "#/nowhere"}}"##,
        ] {
            assert!(matches!(reading(text), Reading::Unseen(_)), "{text}");
        }
    }
}
