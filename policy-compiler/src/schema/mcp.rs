//! The tools of an MCP server as actions, and their digests.

use std::collections::{BTreeMap, BTreeSet};

use palisade_gateway::{MCP_METHODS, ToolDefinitions};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::fragment::{identifier, numbered};
use super::json_schema::{Place, Typer, attribute, escaped, is_required, qualified};
use super::param_headers;
use super::stub::Stub;
use crate::catalogue::CatalogueFile;
use crate::diagnostic::{Diagnostic, Findings};

/// Definitions of tools, as their server wrote them.
#[derive(Debug, Default)]
pub struct ToolList {
    tools: Vec<Box<RawValue>>,
}

/// A result of `tools/list`, or the response with it.
#[derive(Deserialize)]
struct Page {
    result: Option<Box<RawValue>>,
    tools: Option<Vec<Box<RawValue>>>,
    #[serde(rename = "nextCursor")]
    next_cursor: Option<String>,
}

impl ToolList {
    /// Adds what a text has: a result of `tools/list`, a response with it, or an array of tools. Gives the cursor of the next
    /// page, if there is one.
    ///
    /// # Errors
    ///
    /// When it is none of these.
    pub fn add(&mut self, text: &str) -> Result<Option<String>, serde_json::Error> {
        if text.trim_start().starts_with('[') {
            self.tools.append(&mut serde_json::from_str(text)?);
            return Ok(None);
        }
        let Page { result, tools, next_cursor } = serde_json::from_str(text)?;
        match (result, tools) {
            (Some(result), None) => self.add(result.get()),
            (None, Some(mut tools)) => {
                self.tools.append(&mut tools);
                Ok(next_cursor)
            }
            (_, _) => Err(serde::de::Error::custom("no result of `tools/list`: it has no array `tools`")),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }
}

/// What was made of a list of tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpSchema {
    /// The schema, in Cedar's syntax.
    pub schema: String,
    /// The digests of the tools.
    pub catalogue: CatalogueFile,
}

/// Writes an action for each tool, and pins it. A tool without either is an error among `findings`.
///
/// # Errors
///
/// When Cedar does not take what was written; it says why.
pub fn from_mcp(
    tools: &ToolList,
    stub: Stub,
    numbers_as_decimal: bool,
    findings: &mut Findings,
) -> Result<McpSchema, String> {
    let mut writer = Writer { stub, numbers_as_decimal, findings, spaces: BTreeSet::new() };
    let mut digests = BTreeMap::new();
    let mut definitions = ToolDefinitions::default();
    for (index, raw) in tools.tools.iter().enumerate() {
        let pointer = format!("/tools/{index}");
        let digest = match definitions.digest(raw.get().as_bytes()) {
            Ok(digest) => digest,
            Err(error) => {
                writer.error("tool.refused", &pointer, &format!("a gateway would not know it again: {error}"));
                continue;
            }
        };
        // A gateway reads it more strictly than this.
        let tool: Value = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
        let Some(name) = tool.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            writer.error("tool.refused", &pointer, "a tool without name");
            continue;
        };
        if digests.insert(name.to_owned(), digest).is_some() {
            writer.error("tool.duplicate", &pointer, &format!("there are two tools `{name}`"));
            continue;
        }
        writer.tool(name, &tool, &pointer);
    }
    let schema = writer.stub.fragment.write()?;
    Ok(McpSchema { schema, catalogue: CatalogueFile { tools: digests } })
}

struct Writer<'f> {
    stub: Stub,
    numbers_as_decimal: bool,
    findings: &'f mut Findings,
    /// Identifiers that stand for tools.
    spaces: BTreeSet<String>,
}

impl Writer<'_> {
    fn error(&mut self, code: &'static str, pointer: &str, message: &str) {
        self.findings.push(Diagnostic::error(code, format!("{pointer}: {message}")));
    }

    fn warn(&mut self, code: &'static str, pointer: &str, message: &str, help: &str) {
        self.findings.push(Diagnostic::warning(code, format!("{pointer}: {message}")).with_help(help));
    }

    fn tool(&mut self, name: &str, tool: &Value, pointer: &str) {
        let root = self.stub.namespace.clone();
        if MCP_METHODS.iter().any(|method| method.name == name) {
            let message = format!("the tool `{name}` has the name of a method, whose action it would be");
            return self.error("tool.method", pointer, &message);
        }
        if self.stub.fragment.has_action(&root, name) {
            return self.error("tool.duplicate", pointer, &format!("the stub has an action `{name}` already"));
        }
        let pointer = format!("{pointer}/inputSchema");
        let Some(input) = tool.get("inputSchema").and_then(Value::as_object) else {
            return self.error("tool.refused", &pointer, &format!("the tool `{name}` does not say what it takes"));
        };
        if let Some(setting) = param_headers::setting(name, input) {
            let message =
                format!("clients of 2026-07-28 repeat arguments of `{name}` in headers, for whoever routes by them");
            let help = format!("the route compares them where it has `{setting}`");
            self.warn("tool.param_headers", &pointer, &message, &help);
        }
        let space = self.space(name);
        let namespace = qualified(&qualified(&root, &space), "Input");
        let input_type = self.input(name, input, &namespace, &pointer);
        let type_name = self.stub.fragment.free_type_name(&root, &format!("{space}Input"));
        self.stub.fragment.add_common_type(&root, &type_name, input_type);

        let mut context = Map::new();
        for (attribute, of) in &self.stub.contexts {
            context.insert(attribute.clone(), json!({"type": "EntityOrCommon", "name": of}));
        }
        context.insert("input".to_owned(), json!({"type": type_name}));
        let groups: Vec<Value> = self.stub.actions.iter().map(|group| json!({"id": group})).collect();
        let action = json!({
            "memberOf": groups,
            "appliesTo": {
                "principalTypes": self.stub.principals,
                "resourceTypes": self.stub.resources,
                "context": {"type": "Record", "attributes": context},
            },
        });
        self.stub.fragment.add_action(&root, name, action);
    }

    /// An identifier for the namespace of a tool's types.
    fn space(&mut self, name: &str) -> String {
        let root = &self.stub.namespace;
        let taken =
            |space: &str| self.spaces.contains(space) || self.stub.fragment.has_namespace(&qualified(root, space));
        let space = numbered(&identifier(name), taken);
        self.spaces.insert(space.clone());
        space
    }

    /// The record of a tool's arguments. What has no type is left out and told.
    fn input(&mut self, tool: &str, schema: &Map<String, Value>, namespace: &str, pointer: &str) -> Value {
        let root = self.stub.namespace.clone();
        let document = Value::Object(schema.clone());
        let mut typer = Typer::new(&mut self.stub.fragment, &root, &document, namespace.to_owned());
        typer.numbers_as_decimal = self.numbers_as_decimal;
        let mut attributes = Map::new();
        let mut left_out = Vec::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let at = format!("/properties/{}", escaped(name));
            match typer.of(property, Place::new(namespace, name, &at)) {
                Ok(of) => {
                    attributes.insert(name.clone(), attribute(of, is_required(schema, name)));
                }
                Err(untyped) => left_out.push((name, untyped)),
            }
        }
        let inner = std::mem::take(&mut typer.untyped);
        for (name, untyped) in left_out {
            let at = format!("{pointer}{}", untyped.pointer);
            let (message, help) = if is_required(schema, name) {
                let message =
                    format!("`{tool}` needs the argument `{name}`, which policy cannot see: {}", untyped.reason);
                (message, "every call is denied unless the route has `unknown_arguments = \"ignore\"`")
            } else {
                let message = format!("policy cannot see the argument `{name}` of `{tool}`: {}", untyped.reason);
                (message, "calls with it are denied unless the route has `unknown_arguments = \"ignore\"`")
            };
            self.warn("tool.argument", &at, &message, help);
        }
        for untyped in inner {
            let at = format!("{pointer}{}", untyped.pointer);
            let message = format!("policy cannot see this part of the arguments of `{tool}`: {}", untyped.reason);
            let help = "calls with it are denied unless the route has `unknown_arguments = \"ignore\"`";
            self.warn("tool.argument", &at, &message, help);
        }
        let is_open = match schema.get("additionalProperties") {
            None | Some(Value::Bool(false)) => false,
            Some(_) => true,
        };
        if is_open {
            let message = format!("`{tool}` takes arguments of any name, which policy cannot see");
            let help = "calls with them are denied unless the route has `unknown_arguments = \"ignore\"`";
            self.warn("tool.open", &format!("{pointer}/additionalProperties"), &message, help);
        }
        json!({"type": "Record", "attributes": attributes})
    }
}
