//! The operations of an OpenAPI document (3.0 or 3.1) as actions, and the routes that lead to them.
//!
//! An operation is an action whose id is its `operationId`. What it is about is the thing that its path names last:
//! `GET /repos/{owner}/{repo}/files` is about `Repos::"{owner}/{repo}"`; a path without parameters is about the API itself.
//! Parameters are attributes of the context. Bodies are not: routes of HTTP do not read them.

mod document;
mod operation;
mod parameter;
mod route;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use self::document::{Document, Server};
use self::route::Route;
use super::fragment::{Fragment, identifier};
use super::json_schema::escaped;
use crate::diagnostic::{Diagnostic, Findings};

/// What the document does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenApiOptions {
    /// The namespace of everything that is declared.
    pub namespace: String,
    /// The entity type of callers.
    pub principal: String,
    /// The URL under which gateways serve it. Default: the first server of the document.
    pub server: Option<String>,
}

/// What was made of an OpenAPI document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenApiSchema {
    /// The schema, in Cedar's syntax.
    pub schema: String,
    /// `[[routes]]` for `palisade.toml`.
    pub routes: String,
}

/// Writes an action and a route for each operation. An operation that gets none is an error among `findings`.
///
/// # Errors
///
/// When the text is no OpenAPI document of a version that is read, or Cedar does not take what was written; in words.
pub fn from_openapi(text: &str, options: &OpenApiOptions, findings: &mut Findings) -> Result<OpenApiSchema, String> {
    let document = Document::read(text)?;
    let server = document.server(options.server.as_deref(), findings)?;
    let mut writer = Writer::new(&document, options, findings);
    for (path, item) in document.paths() {
        writer.path(path, item, &server);
    }
    let Writer { fragment, routes, .. } = writer;
    Ok(OpenApiSchema { schema: fragment.write()?, routes: route::write(&routes) })
}

/// Methods that an operation can have, and whether they only read (RFC 9110 §9.2.1).
const METHODS: [(&str, bool); 8] = [
    ("get", true),
    ("head", true),
    ("options", true),
    ("trace", true),
    ("put", false),
    ("post", false),
    ("delete", false),
    ("patch", false),
];

/// The groups of operations that only read, and of those that may change something.
const SAFE: &str = "method:safe";
const UNSAFE: &str = "method:unsafe";

struct Writer<'a> {
    document: &'a Document,
    namespace: &'a str,
    principal: &'a str,
    findings: &'a mut Findings,
    fragment: Fragment,
    /// Entity types of resources, by the segment of the path that names them.
    types: BTreeMap<String, String>,
    /// The type of the API itself.
    api: String,
    routes: Vec<Route>,
}

impl<'a> Writer<'a> {
    fn new(document: &'a Document, options: &'a OpenApiOptions, findings: &'a mut Findings) -> Self {
        let OpenApiOptions { namespace, principal, server: _ } = options;
        let mut fragment = Fragment::default();
        fragment.add_entity_type(namespace, principal, json!({}));
        let api = fragment.free_type_name(namespace, "Api");
        fragment.add_entity_type(namespace, &api, json!({}));
        for group in [SAFE, UNSAFE] {
            fragment.add_action(namespace, group, json!({}));
        }
        let (types, routes) = (BTreeMap::new(), Vec::new());
        Self { document, namespace, principal, findings, fragment, types, api, routes }
    }

    fn error(&mut self, code: &'static str, pointer: &str, message: &str) {
        self.findings.push(Diagnostic::error(code, format!("{pointer}: {message}")));
    }

    fn warn(&mut self, code: &'static str, pointer: &str, message: &str, help: &str) {
        self.findings.push(Diagnostic::warning(code, format!("{pointer}: {message}")).with_help(help));
    }

    fn path(&mut self, path: &str, item: &Value, server: &Server) {
        let pointer = format!("/paths/{}", escaped(path));
        let item = match self.document.resolve(item) {
            Ok(item) => item,
            Err(reason) => return self.error("operation.refused", &pointer, &reason),
        };
        let template = match route::template(&server.base_path, path) {
            Ok(template) => template,
            Err(reason) => return self.error("operation.path", &pointer, &reason),
        };
        let known: BTreeSet<&str> = METHODS.iter().map(|(method, _)| *method).collect();
        for (name, operation) in item {
            let at = format!("{pointer}/{name}");
            match name.as_str() {
                "servers" => {
                    let help = "give the routes their host and base path by hand";
                    self.warn("operation.server", &at, "servers of single paths are not read", help);
                }
                "parameters" | "summary" | "description" => {}
                name if known.contains(name) => self.operation(name, item, operation, &template, server, &at),
                name if name.starts_with("x-") => {}
                name => self.error("operation.refused", &at, &format!("`{name}` is not a method that is known")),
            }
        }
    }

    /// The type of the thing that a path names last, and the template of its id.
    fn resource(&mut self, template: &route::Template) -> (String, String) {
        let Some((collection, id)) = template.thing() else {
            return (self.api.clone(), self.document.title());
        };
        let known = self.types.get(&collection).cloned();
        let name = known.unwrap_or_else(|| {
            let name = self.fragment.free_type_name(self.namespace, &pascal_case(&collection));
            self.fragment.add_entity_type(self.namespace, &name, json!({}));
            self.types.insert(collection, name.clone());
            name
        });
        (name, id)
    }

    /// Declares an action. `false` when there is one of that name.
    fn action(&mut self, id: &str, groups: &BTreeSet<String>, resource: &str, context: Map<String, Value>) -> bool {
        if self.fragment.has_action(self.namespace, id) {
            return false;
        }
        for group in groups {
            if !self.fragment.has_action(self.namespace, group) {
                self.fragment.add_action(self.namespace, group, json!({}));
            }
        }
        let groups: Vec<Value> = groups.iter().map(|group| json!({"id": group})).collect();
        let action = json!({
            "memberOf": groups,
            "appliesTo": {
                "principalTypes": [self.principal],
                "resourceTypes": [resource],
                "context": {"type": "Record", "attributes": context},
            },
        });
        self.fragment.add_action(self.namespace, id, action);
        true
    }
}

/// A name in the way of Cedar's entity types: `pull-requests` gives `PullRequests`.
fn pascal_case(text: &str) -> String {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words
        .flat_map(|word| {
            let (first, rest) = word.split_at(1);
            [first.to_ascii_uppercase(), rest.to_owned()]
        })
        .collect();
    identifier(&name)
}

#[cfg(test)]
mod tests;
