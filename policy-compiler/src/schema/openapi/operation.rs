//! One operation: an action, and the route that leads to it.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use serde_json::{Map, Value};

use super::super::json_schema::{attribute, qualified};
use super::document::Server;
use super::parameter::{self, Location, Parameter, Reading};
use super::route::{Route, Template};
use super::{METHODS, SAFE, UNSAFE, Writer};

const UNSEEN: &str = "requests with it are decided as those without";

impl Writer<'_> {
    /// Writes the operation of a method. `item` is what the path has for all its methods.
    pub(super) fn operation(
        &mut self,
        method: &str,
        item: &Map<String, Value>,
        operation: &Value,
        template: &Template,
        server: &Server,
        pointer: &str,
    ) {
        let Some(operation) = operation.as_object() else {
            return self.error("operation.refused", pointer, "an operation is an object");
        };
        let id = match operation.get("operationId").and_then(Value::as_str) {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => format!("{method} {}", template.text),
        };
        let Some(action) = self.action_name(&id) else {
            return self.error("operation.refused", pointer, &format!("`{id}` cannot be the id of an action"));
        };
        let Some(parameters) = self.parameters(item, operation, template, pointer) else { return };
        let (resource_type, resource_id) = self.resource(template);

        let mut attributes = Map::new();
        let mut context = Vec::new();
        for Parameter { name, location, of, required } in parameters {
            let own = match location {
                Location::Path => template.names.iter().find(|(known, _)| *known == name).map_or(&name, |(_, own)| own),
                Location::Query | Location::Header => &name,
            };
            let key = match attributes.contains_key(own) {
                true => format!("{}_{own}", location.as_str()),
                false => own.clone(),
            };
            context.push((key.clone(), format!("{}.{own}", location.as_str())));
            attributes.insert(key, attribute(of, required));
        }
        let is_safe = METHODS.iter().any(|(known, is_safe)| *known == method && *is_safe);
        let tags = operation.get("tags").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let mut groups: BTreeSet<String> = tags.map(|tag| format!("tag:{tag}")).collect();
        groups.insert(if is_safe { SAFE } else { UNSAFE }.to_owned());
        if !self.action(&id, &groups, &resource_type, attributes) {
            return self.error("operation.duplicate", pointer, &format!("there are two actions `{id}`"));
        }
        let scopes = self.scopes(operation, pointer);
        self.routes.push(Route {
            host: server.host.clone(),
            method: method.to_ascii_uppercase(),
            path: template.text.clone(),
            action,
            resource_type: qualified(self.namespace, &resource_type),
            resource_id,
            context,
            scopes,
        });
    }

    /// The action in full, as Cedar writes it.
    fn action_name(&self, id: &str) -> Option<String> {
        let action_type: EntityTypeName = qualified(self.namespace, "Action").parse().ok()?;
        Some(EntityUid::from_type_name_and_id(action_type, EntityId::new(id)).to_string())
    }

    /// The parameters that policy sees: the operation's, and those of its path that it does not replace. `None` when the
    /// operation is refused.
    fn parameters(
        &mut self,
        item: &Map<String, Value>,
        operation: &Map<String, Value>,
        template: &Template,
        pointer: &str,
    ) -> Option<Vec<Parameter>> {
        // By where a request has them and by name; later ones replace earlier ones.
        let mut found: BTreeMap<(Location, String), Parameter> = BTreeMap::new();
        let lists = [item, operation].map(|members| members.get("parameters").and_then(Value::as_array));
        for value in lists.into_iter().flatten().flatten() {
            let reading = self.document.resolve(value).map(|parameter| parameter::read(parameter, self.document));
            match reading {
                Ok(Reading::Seen(parameter)) => {
                    found.insert((parameter.location, parameter.name.clone()), parameter);
                }
                Ok(Reading::Ignored) => {}
                Ok(Reading::Unseen(reason)) | Err(reason) => {
                    let name =
                        value.get("name").or_else(|| value.get("$ref")).and_then(Value::as_str).unwrap_or_default();
                    let message = format!("policy cannot see the parameter `{name}`: {reason}");
                    self.warn("operation.parameter", pointer, &message, UNSEEN);
                }
            }
        }
        for (location, name) in found.keys().filter(|(location, _)| *location == Location::Path) {
            if !template.names.iter().any(|(known, _)| known == name) {
                let message = format!("it has a parameter `{name}` in its {}, which has none", location.as_str());
                self.error("operation.refused", pointer, &message);
                return None;
            }
        }
        Some(found.into_values().collect())
    }

    /// The scopes that a token needs, where there is one way to be authorised and it is a token with scopes.
    fn scopes(&mut self, operation: &Map<String, Value>, pointer: &str) -> Vec<String> {
        let security = operation.get("security").or_else(|| self.document.security());
        let ways = security.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let scopes_of = |way: &Value| -> BTreeSet<String> {
            let schemes = way.as_object().into_iter().flatten();
            let with_scopes =
                schemes.filter(|(name, _)| matches!(self.document.scheme_type(name), Some("oauth2" | "openIdConnect")));
            let scopes = with_scopes.flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten());
            scopes.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut ways = ways.iter().map(scopes_of);
        let first = ways.next().unwrap_or_default();
        if ways.all(|other| other == first) {
            return first.into_iter().collect();
        }
        let message = "there are several ways to be authorised, with different scopes, and a route has one";
        self.warn("operation.security", pointer, message, "the route asks for none: let policies do it");
        Vec::new()
    }
}
