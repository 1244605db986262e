//! A Cedar schema under construction, in Cedar's JSON form.

use std::collections::BTreeMap;

use cedar_policy::SchemaFragment;
use serde_json::{Map, Value, json};

/// Namespaces by name; the empty name is that of declarations without one.
#[derive(Clone, Debug, Default)]
pub(super) struct Fragment {
    namespaces: BTreeMap<String, Namespace>,
}

#[derive(Clone, Debug, Default)]
struct Namespace {
    common_types: BTreeMap<String, Value>,
    entity_types: BTreeMap<String, Value>,
    actions: BTreeMap<String, Value>,
}

impl Fragment {
    /// Adds declarations in Cedar's JSON form.
    pub(super) fn add_json(&mut self, namespace: &str, declarations: &Value) {
        let members = |name: &str| {
            let members = declarations.get(name).and_then(Value::as_object);
            members.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone()))
        };
        let (common, entities, actions) = (members("commonTypes"), members("entityTypes"), members("actions"));
        let namespace = self.namespaces.entry(namespace.to_owned()).or_default();
        namespace.common_types.extend(common);
        namespace.entity_types.extend(entities);
        namespace.actions.extend(actions);
    }

    /// Whether a namespace has an action of that name.
    pub(super) fn has_action(&self, namespace: &str, name: &str) -> bool {
        self.namespaces.get(namespace).is_some_and(|namespace| namespace.actions.contains_key(name))
    }

    pub(super) fn add_action(&mut self, namespace: &str, name: &str, action: Value) {
        self.namespaces.entry(namespace.to_owned()).or_default().actions.insert(name.to_owned(), action);
    }

    pub(super) fn add_common_type(&mut self, namespace: &str, name: &str, of: Value) {
        self.namespaces.entry(namespace.to_owned()).or_default().common_types.insert(name.to_owned(), of);
    }

    pub(super) fn add_entity_type(&mut self, namespace: &str, name: &str, of: Value) {
        self.namespaces.entry(namespace.to_owned()).or_default().entity_types.insert(name.to_owned(), of);
    }

    /// A name for a type that the namespace does not have yet: what was asked for, as far as Cedar takes it.
    pub(super) fn free_type_name(&self, namespace: &str, wanted: &str) -> String {
        let base = identifier(wanted);
        let taken = |name: &str| {
            self.namespaces.get(namespace).is_some_and(|namespace| {
                namespace.common_types.contains_key(name) || namespace.entity_types.contains_key(name)
            })
        };
        numbered(&base, taken)
    }

    /// Whether there is a namespace of that name, or one inside it.
    pub(super) fn has_namespace(&self, name: &str) -> bool {
        let inside = format!("{name}::");
        self.namespaces.keys().any(|known| known == name || known.starts_with(&inside))
    }

    /// The schema in Cedar's syntax.
    ///
    /// # Errors
    ///
    /// What Cedar says against it, in words.
    pub(super) fn write(&self) -> Result<String, String> {
        let mut namespaces = Map::new();
        for (name, Namespace { common_types, entity_types, actions }) in &self.namespaces {
            let declarations = json!({"commonTypes": common_types, "entityTypes": entity_types, "actions": actions});
            namespaces.insert(name.clone(), declarations);
        }
        let fragment = SchemaFragment::from_json_value(Value::Object(namespaces)).map_err(|error| error.to_string())?;
        let text = fragment.to_cedarschema().map_err(|error| error.to_string())?;
        Ok(text.trim_end().to_owned() + "\n")
    }
}

/// Words that are no identifiers in Cedar, and names of its own types, which common types may not have.
const RESERVED: [&str; 18] = [
    "Bool",
    "Boolean",
    "Entity",
    "Extension",
    "Long",
    "Record",
    "Set",
    "String",
    "__cedar",
    "else",
    "false",
    "has",
    "if",
    "in",
    "is",
    "like",
    "then",
    "true",
];

/// Makes an identifier of a name: it is left as it is if it is one.
pub(super) fn identifier(name: &str) -> String {
    let mut out: String =
        name.chars().map(|char| if char.is_ascii_alphanumeric() || char == '_' { char } else { '_' }).collect();
    if out.is_empty() || out.starts_with(|first: char| first.is_ascii_digit()) {
        out.insert(0, '_');
    }
    if RESERVED.contains(&out.as_str()) {
        out.push('_');
    }
    out
}

/// The name, or the name with the first number that makes it free.
pub(super) fn numbered(base: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(base) {
        return base.to_owned();
    }
    (2_u32..).map(|number| format!("{base}_{number}")).find(|name| !taken(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_identifiers() {
        for (name, expected) in [
            ("read_file", "read_file"),
            ("get-env", "get_env"),
            ("", "_"),
            ("3d", "_3d"),
            ("a.b/c", "a_b_c"),
            ("in", "in_"),
            ("String", "String_"),
            ("é", "_"),
        ] {
            assert_eq!(identifier(name), expected);
        }
    }

    #[test]
    fn no_two_types_share_a_name() {
        let mut fragment = Fragment::default();
        for expected in ["get_env", "get_env_2", "get_env_3"] {
            let name = fragment.free_type_name("N", "get-env");
            assert_eq!(name, expected);
            fragment.add_entity_type("N", &name, json!({}));
        }
        assert_eq!(fragment.free_type_name("M", "get-env"), "get_env");
    }
}
