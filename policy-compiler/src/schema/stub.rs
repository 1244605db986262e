//! What a generated schema is built around: who calls, what is called, and what every call's context has.
//!
//! The form is that of Cedar's own generator (`cedar-policy-mcp-schema-generator`): a schema of one namespace whose
//! declarations are annotated with `@mcp_principal`, `@mcp_resource`, `@mcp_context("NAME")` and `@mcp_action`.

use cedar_policy::SchemaFragment;
use serde_json::{Value, json};

use super::fragment::{Fragment, identifier};

/// A stub that was read.
#[derive(Clone, Debug)]
pub struct Stub {
    pub(super) namespace: String,
    pub(super) fragment: Fragment,
    pub(super) principals: Vec<String>,
    pub(super) resources: Vec<String>,
    /// Attribute of the context, and the name of its type.
    pub(super) contexts: Vec<(String, String)>,
    /// The actions that tools are members of.
    pub(super) actions: Vec<String>,
}

impl Stub {
    /// Reads a stub in Cedar's syntax.
    ///
    /// # Errors
    ///
    /// When it is no Cedar schema, does not have one namespace, or declares no principal or no resource.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|error| error.to_string())?;
        let json = fragment.to_json_value().map_err(|error| error.to_string())?;
        let namespaces: Vec<(&String, &Value)> = json.as_object().into_iter().flatten().collect();
        let [(namespace, declarations)] = namespaces.as_slice() else {
            return Err("a stub has one namespace".to_owned());
        };
        if namespace.is_empty() {
            return Err("the declarations of a stub are in a namespace".to_owned());
        }
        let annotated = |kind: &str, annotation: &str| -> Vec<(String, Option<String>)> {
            let all = declarations.get(kind).and_then(Value::as_object).into_iter().flatten();
            let found = all.filter_map(|(name, of)| {
                let value = of.get("annotations")?.get(annotation)?;
                Some((name.clone(), value.as_str().map(str::to_owned)))
            });
            found.collect()
        };
        let names = |kind: &str, annotation: &str| -> Vec<String> {
            annotated(kind, annotation).into_iter().map(|(name, _)| name).collect()
        };
        let principals = names("entityTypes", "mcp_principal");
        let resources = names("entityTypes", "mcp_resource");
        if principals.is_empty() || resources.is_empty() {
            let missing = if principals.is_empty() { "mcp_principal" } else { "mcp_resource" };
            return Err(format!("no entity type of the stub has the annotation `@{missing}`"));
        }
        let contexts =
            annotated("entityTypes", "mcp_context").into_iter().chain(annotated("commonTypes", "mcp_context"));
        let contexts =
            contexts.filter_map(|(name, attribute)| attribute.filter(|text| !text.is_empty()).map(|a| (a, name)));
        let contexts = contexts.collect();
        let actions = names("actions", "mcp_action");
        let mut declarations = (*declarations).clone();
        erase(&mut declarations);
        let mut fragment = Fragment::default();
        fragment.add_json(namespace, &declarations);
        Ok(Self { namespace: (*namespace).clone(), fragment, principals, resources, contexts, actions })
    }

    /// A stub for those who have none: `Agent`s who call a `Server` by whatever methods lead to its tools.
    #[must_use]
    pub fn of_namespace(namespace: &str) -> Self {
        let on = json!({"principalTypes": ["Agent"], "resourceTypes": ["Server"]});
        let mut fragment = Fragment::default();
        for name in ["Agent", "Server"] {
            fragment.add_entity_type(namespace, name, json!({}));
        }
        fragment.add_action(namespace, CALL, json!({}));
        for method in METHODS {
            fragment.add_action(namespace, method, json!({"appliesTo": on}));
        }
        Self {
            namespace: namespace.to_owned(),
            fragment,
            principals: vec!["Agent".to_owned()],
            resources: vec!["Server".to_owned()],
            contexts: Vec::new(),
            actions: vec![CALL.to_owned()],
        }
    }

    /// Whether a text can be the namespace of [`Stub::of_namespace`].
    #[must_use]
    pub fn is_namespace(text: &str) -> bool {
        text.split("::").all(|part| identifier(part) == part)
    }
}

/// The group of all tools in [`Stub::of_namespace`].
const CALL: &str = "call_tool";

/// What a client says besides calling tools.
const METHODS: [&str; 7] = [
    "initialize",
    "notifications/initialized",
    "ping",
    "server/discover",
    "session/delete",
    "stream/open",
    "tools/list",
];

/// Removes the annotations that were for the generator.
fn erase(declarations: &mut Value) {
    let kinds = declarations.as_object_mut().into_iter().flat_map(|kinds| kinds.values_mut());
    for declaration in kinds.filter_map(Value::as_object_mut).flat_map(|kind| kind.values_mut()) {
        if let Some(annotations) = declaration.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| {
                !["mcp_principal", "mcp_resource", "mcp_context", "mcp_action"].contains(&name.as_str())
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_that_lack_something_are_refused() {
        for text in [
            "",
            "entity A;",
            "namespace N {",
            "namespace N { @mcp_resource entity S; }",
            "namespace N { @mcp_principal entity A; entity S; }",
            "namespace N { @mcp_principal entity A; @mcp_resource entity S; } namespace M { entity X; }",
            "@mcp_principal entity A; @mcp_resource entity S;",
        ] {
            assert!(Stub::parse(text).is_err(), "{text}");
        }
        let stub =
            Stub::parse("namespace N { @mcp_principal entity A; @mcp_resource entity S; @note(\"x\") entity T; }");
        let text = stub.unwrap().fragment.write().unwrap();
        assert!(!text.contains("mcp_") && text.contains("@note(\"x\")"), "{text}");
    }

    #[test]
    fn the_default_stub_is_a_schema() {
        let text = Stub::of_namespace("My::Files").fragment.write().unwrap();
        assert!(cedar_policy::Schema::from_cedarschema_str(&text).is_ok(), "{text}");
        assert!(Stub::is_namespace("My::Files") && !Stub::is_namespace("My:Files") && !Stub::is_namespace(""));
    }
}
