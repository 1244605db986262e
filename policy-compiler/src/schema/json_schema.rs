//! JSON Schema to Cedar types, as Cedar's own generator has them: objects as records, enumerations as entity types with
//! their values, numbers that are no integers as opaque entities (or decimals), tuples and unions as records of `projN` and
//! `typeChoiceN`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::fragment::Fragment;

/// Deepest nesting of types. The gateway has a bound of its own, which is lower.
const DEPTH: usize = 16;

/// A part of a schema for which there is no type, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Untyped {
    /// JSON pointer to it, inside the schema that was given.
    pub(super) pointer: String,
    pub(super) reason: String,
}

/// Types properties of one schema, and declares what their types need.
#[derive(Debug)]
pub(super) struct Typer<'a> {
    pub(super) fragment: &'a mut Fragment,
    /// Where numbers and null are declared.
    pub(super) root: &'a str,
    /// Whether numbers are decimals.
    pub(super) numbers_as_decimal: bool,
    /// The document to which references point.
    pub(super) document: &'a Value,
    /// Where the types of definitions are declared.
    pub(super) definitions: String,
    /// Definitions by their pointer; `None` while their type is being made.
    known: BTreeMap<String, Option<Value>>,
    /// What was left out.
    pub(super) untyped: Vec<Untyped>,
}

/// A schema, where it stands, and what its type is called if it needs a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'p> {
    pub(super) namespace: &'p str,
    pub(super) name: &'p str,
    pub(super) pointer: &'p str,
    depth: usize,
}

impl<'p> Place<'p> {
    pub(super) fn new(namespace: &'p str, name: &'p str, pointer: &'p str) -> Self {
        Self { namespace, name, pointer, depth: 0 }
    }

    fn inside<'q>(&self, namespace: &'q str, name: &'q str, pointer: &'q str) -> Result<Place<'q>, Untyped> {
        match self.depth {
            DEPTH => Err(self.untyped("it is nested too deeply")),
            depth => Ok(Place { namespace, name, pointer, depth: depth + 1 }),
        }
    }

    fn untyped(&self, reason: impl Into<String>) -> Untyped {
        Untyped { pointer: self.pointer.to_owned(), reason: reason.into() }
    }
}

impl<'a> Typer<'a> {
    pub(super) fn new(fragment: &'a mut Fragment, root: &'a str, document: &'a Value, definitions: String) -> Self {
        let (known, untyped) = (BTreeMap::new(), Vec::new());
        Self { fragment, root, numbers_as_decimal: false, document, definitions, known, untyped }
    }

    /// The record of an object's properties. Optional ones without a type are left out.
    ///
    /// # Errors
    ///
    /// When one that is required has no type.
    pub(super) fn record(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Result<Value, Untyped> {
        let mut attributes = Map::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let pointer = format!("{}/properties/{}", place.pointer, escaped(name));
            let typed = place.inside(place.namespace, name, &pointer).and_then(|place| self.of(property, place));
            match typed {
                Ok(of) => {
                    attributes.insert(name.clone(), attribute(of, is_required(schema, name)));
                }
                Err(untyped) if is_required(schema, name) => return Err(untyped),
                Err(untyped) => self.untyped.push(untyped),
            }
        }
        Ok(json!({"type": "Record", "attributes": attributes}))
    }

    /// The type of a schema, in Cedar's JSON form.
    ///
    /// # Errors
    ///
    /// When it has none.
    pub(super) fn of(&mut self, schema: &Value, place: Place<'_>) -> Result<Value, Untyped> {
        let Some(schema) = schema.as_object() else {
            return Err(place.untyped("it may be anything"));
        };
        if let Some(reference) = schema.get("$ref") {
            return self.reference(reference, place);
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.named(name, schema, place),
            Some(Value::Array(names)) => {
                let alternatives: Option<Vec<&str>> = names.iter().map(Value::as_str).collect();
                let alternatives = alternatives.ok_or_else(|| place.untyped("`type` is not a type's name"))?;
                if let [only] = alternatives.as_slice() {
                    return self.named(only, schema, place);
                }
                self.choice(alternatives.len(), place, |typer, index, place| {
                    typer.named(alternatives.get(index).copied().unwrap_or_default(), schema, place)
                })
            }
            Some(_) => Err(place.untyped("`type` is not a type's name")),
            None => self.without_type(schema, place),
        }
    }

    fn without_type(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Result<Value, Untyped> {
        for keyword in ["anyOf", "oneOf", "allOf"] {
            let Some(Value::Array(alternatives)) = schema.get(keyword) else { continue };
            return match (alternatives.as_slice(), keyword) {
                ([], _) => Err(place.untyped(format!("`{keyword}` is empty"))),
                ([only], _) => {
                    let pointer = format!("{}/{keyword}/0", place.pointer);
                    self.of(only, place.inside(place.namespace, place.name, &pointer)?)
                }
                (_, "allOf") => Err(place.untyped("`allOf` of several schemas is no type of Cedar")),
                (all, _) => self.choice(all.len(), place, |typer, index, inner| {
                    let pointer = format!("{}/{keyword}/{index}", place.pointer);
                    typer.of(
                        all.get(index).unwrap_or(&Value::Null),
                        inner.inside(inner.namespace, inner.name, &pointer)?,
                    )
                }),
            };
        }
        match schema.get("enum").or_else(|| schema.get("const")) {
            Some(_) => self.enumeration(schema, place),
            None => Err(place.untyped("it may be anything")),
        }
    }

    fn named(&mut self, name: &str, schema: &Map<String, Value>, place: Place<'_>) -> Result<Value, Untyped> {
        match name {
            "boolean" => Ok(named("Bool")),
            "integer" => Ok(named("Long")),
            "number" => Ok(self.number("Number")),
            "float" => Ok(self.number("Float")),
            "null" => Ok(self.opaque("Null")),
            "string" if schema.contains_key("enum") || schema.contains_key("const") => self.enumeration(schema, place),
            "string" => Ok(named(match schema.get("format").and_then(Value::as_str) {
                Some("date" | "date-time") => "datetime",
                Some("duration") => "duration",
                Some("ipv4" | "ipv6") => "ipaddr",
                Some("decimal") => "decimal",
                Some(_) | None => "String",
            })),
            "array" => self.array(schema, place),
            "object" => self.object(schema, place),
            _ => Err(place.untyped(format!("`{name}` is not a type of JSON Schema"))),
        }
    }

    fn number(&mut self, name: &str) -> Value {
        if self.numbers_as_decimal { named("decimal") } else { self.opaque(name) }
    }

    /// An entity type of which nothing but equality is known.
    fn opaque(&mut self, name: &str) -> Value {
        self.fragment.add_entity_type(self.root, name, json!({}));
        json!({"type": "Entity", "name": qualified(self.root, name)})
    }

    fn enumeration(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Result<Value, Untyped> {
        let only = schema.get("const").map(std::slice::from_ref);
        let values = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(only).unwrap_or_default();
        let texts: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
        let texts = texts.filter(|texts| !texts.is_empty()).ok_or_else(|| place.untyped("its values are not texts"))?;
        let name = self.fragment.free_type_name(place.namespace, place.name);
        self.fragment.add_entity_type(place.namespace, &name, json!({"enum": texts}));
        Ok(json!({"type": "Entity", "name": qualified(place.namespace, &name)}))
    }

    fn array(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Result<Value, Untyped> {
        let items = schema.get("items");
        if let Some(Value::Array(prefix)) = schema.get("prefixItems") {
            let is_uniform = items.is_some_and(|items| items.is_object() && prefix.iter().all(|item| item == items));
            if is_uniform {
                return self.set(items, place);
            }
            if items != Some(&Value::Bool(false)) || prefix.is_empty() {
                return Err(place.untyped("a tuple is closed by `\"items\": false`, or its rest has any type"));
            }
            let namespace = self.child_namespace(place);
            let mut attributes = Map::new();
            for (index, item) in prefix.iter().enumerate() {
                let pointer = format!("{}/prefixItems/{index}", place.pointer);
                let of = self.of(item, place.inside(&namespace, &format!("Proj{index}"), &pointer)?)?;
                attributes.insert(format!("proj{index}"), attribute(of, true));
            }
            return Ok(json!({"type": "Record", "attributes": attributes}));
        }
        self.set(items, place)
    }

    fn set(&mut self, items: Option<&Value>, place: Place<'_>) -> Result<Value, Untyped> {
        let items =
            items.filter(|items| items.is_object()).ok_or_else(|| place.untyped("its elements may be anything"))?;
        let pointer = format!("{}/items", place.pointer);
        let element = self.of(items, place.inside(place.namespace, place.name, &pointer)?)?;
        Ok(json!({"type": "Set", "element": element}))
    }

    fn object(&mut self, schema: &Map<String, Value>, place: Place<'_>) -> Result<Value, Untyped> {
        if schema.get("additionalProperties").is_some_and(Value::is_object) || schema.contains_key("patternProperties")
        {
            return Err(place.untyped("it is an object with names of the caller's choice"));
        }
        let name = self.fragment.free_type_name(place.namespace, place.name);
        let namespace = self.child_namespace(Place { name: &name, ..place });
        let mut record = self.record(schema, place.inside(&namespace, place.name, place.pointer)?)?;
        unqualify(&mut record, place.namespace);
        self.fragment.add_common_type(place.namespace, &name, record);
        Ok(named(&qualified(place.namespace, &name)))
    }

    /// A value of one of several types, the first that it fits.
    fn choice(
        &mut self,
        count: usize,
        place: Place<'_>,
        of: impl Fn(&mut Self, usize, Place<'_>) -> Result<Value, Untyped>,
    ) -> Result<Value, Untyped> {
        let namespace = self.child_namespace(place);
        let mut attributes = Map::new();
        for index in 0..count {
            let name = format!("TypeChoice{index}");
            let of = of(self, index, place.inside(&namespace, &name, place.pointer)?)?;
            attributes.insert(format!("typeChoice{index}"), attribute(of, false));
        }
        Ok(json!({"type": "Record", "attributes": attributes}))
    }

    /// A reference inside the document: to `$defs`, `definitions` or, in OpenAPI, `components/schemas`.
    fn reference(&mut self, reference: &Value, place: Place<'_>) -> Result<Value, Untyped> {
        let text = reference.as_str().unwrap_or_default();
        let Some(pointer) = text.strip_prefix('#') else {
            return Err(place.untyped(format!("`{text}` is not in this document")));
        };
        if let Some(known) = self.known.get(pointer) {
            return known.clone().ok_or_else(|| place.untyped(format!("`{text}` contains itself")));
        }
        let target = self.document.pointer(pointer).ok_or_else(|| place.untyped(format!("there is no `{text}`")))?;
        let name = pointer.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
        let is_definition = pointer
            .rsplit_once('/')
            .is_some_and(|(before, _)| matches!(before, "/$defs" | "/definitions" | "/components/schemas"));
        if !is_definition {
            return Err(place.untyped(format!("`{text}` is not one of the definitions")));
        }
        self.known.insert(pointer.to_owned(), None);
        let namespace = self.definitions.clone();
        let of = self.of(target, place.inside(&namespace, &name, pointer)?);
        match &of {
            Ok(of) => self.known.insert(pointer.to_owned(), Some(of.clone())),
            Err(_) => self.known.remove(pointer),
        };
        of
    }

    /// The namespace for types inside a type.
    fn child_namespace(&self, place: Place<'_>) -> String {
        qualified(place.namespace, &super::fragment::identifier(place.name))
    }
}

/// Leaves the namespace away where a type is named beside its declaration, as Cedar's generator does.
fn unqualify(of: &mut Value, namespace: &str) {
    match of {
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get_mut("name")
                && let Some(base) = name.strip_prefix(namespace).and_then(|rest| rest.strip_prefix("::"))
                && !base.contains("::")
            {
                *name = base.to_owned();
            }
            members.values_mut().for_each(|member| unqualify(member, namespace));
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| unqualify(element, namespace)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A name inside a namespace.
pub(super) fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

fn named(name: &str) -> Value {
    json!({"type": "EntityOrCommon", "name": name})
}

/// An attribute of a record.
pub(super) fn attribute(mut of: Value, required: bool) -> Value {
    if !required && let Some(of) = of.as_object_mut() {
        of.insert("required".to_owned(), Value::Bool(false));
    }
    of
}

pub(super) fn is_required(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|names| names.iter().any(|known| known == name))
}

/// A name as a token of a JSON pointer (RFC 6901).
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
