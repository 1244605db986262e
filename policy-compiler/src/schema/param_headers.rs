//! Arguments that clients repeat in headers (2026-07-28, `x-mcp-header`), for whoever routes by them.

use palisade_gateway::is_header_name;
use serde_json::{Map, Value};

use super::toml_text::{key, quoted};

/// What a route says for gateways to compare these headers with the arguments of a tool, in TOML; `None` where there are none.
///
/// Properties are marked by the name of their header, in `Mcp-Param-NAME`, and reached through properties alone: of others, clients
/// make nothing. A name with a point in it is none that a route could give.
pub(super) fn setting(tool: &str, input: &Map<String, Value>) -> Option<String> {
    let mut marked = Vec::new();
    collect(input, "", &mut marked);
    let headers: Vec<String> =
        marked.iter().map(|(header, path)| format!("{} = {}", key(header), quoted(path))).collect();
    (!headers.is_empty()).then(|| format!("param_headers = {{ {} = {{ {} }} }}", key(tool), headers.join(", ")))
}

fn collect(schema: &Map<String, Value>, place: &str, marked: &mut Vec<(String, String)>) {
    for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let Some(property) = property.as_object().filter(|_| !name.contains('.')) else { continue };
        let path = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
        // Routes may give them in whatever case.
        let header = property.get("x-mcp-header").and_then(Value::as_str);
        if let Some(header) = header.filter(|header| is_header_name(&header.to_ascii_lowercase())) {
            marked.push((header.to_owned(), path.clone()));
        }
        collect(property, &path, marked);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(tool: &str, input: &Value) -> Option<String> {
        setting(tool, input.as_object().unwrap())
    }

    #[test]
    fn marked_properties_are_found_wherever_clients_find_them() {
        let marked = |header: &str| json!({"type": "string", "x-mcp-header": header});
        let input = json!({"properties": {"region": marked("Region"), "query": {"type": "string"}}});
        assert_eq!(of("search", &input).unwrap(), r#"param_headers = { search = { Region = "region" } }"#);
        let deep = json!({"properties": {"to": {"type": "object", "properties": {"zone": marked("Zone.1")}}}});
        let text = of("a b", &deep).unwrap();
        assert_eq!(text, r#"param_headers = { "a b" = { "Zone.1" = "to.zone" } }"#);
        let table: toml::Table = toml::from_str(&text).unwrap();
        assert_eq!(table["param_headers"]["a b"]["Zone.1"].as_str(), Some("to.zone"));
    }

    #[test]
    fn others_are_none() {
        let marked = json!({"type": "string", "x-mcp-header": "Region"});
        for input in [
            json!({}),
            marked.clone(),
            json!({"properties": [marked.clone()]}),
            json!({"properties": {"a": {"type": "string"}}}),
            json!({"properties": {"a": {"items": marked.clone()}}}),
            json!({"anyOf": [{"properties": {"a": marked.clone()}}]}),
            json!({"properties": {"a": {"x-mcp-header": 7}}}),
            json!({"properties": {"a": {"x-mcp-header": ""}}}),
            json!({"properties": {"a": {"x-mcp-header": "two words"}}}),
            json!({"properties": {"a": {"x-mcp-header": "Région"}}}),
            json!({"properties": {"a.b": marked}}),
        ] {
            assert_eq!(of("t", &input), None, "{input}");
        }
    }
}
