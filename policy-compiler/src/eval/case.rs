//! The input lines of `palisade eval`.
//!
//! Parts that belong to Cedar are kept as raw text and handed to Cedar unread, so that what it accepts or refuses
//! (duplicate keys, nesting, number forms) does not depend on us. Unknown fields are ignored: a case may carry a name.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A policy set or a schema: Cedar text, or Cedar's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// Cedar's own syntax.
    Text(String),
    /// JSON, as text.
    Json(String),
}

impl Document {
    /// Tells text from JSON: neither policies nor schemas in Cedar syntax begin with a brace.
    #[must_use]
    pub fn detect(text: String) -> Self {
        if text.trim_start().starts_with('{') { Self::Json(text) } else { Self::Text(text) }
    }

    fn from_raw(raw: &RawValue) -> Result<Self, String> {
        if raw.get().starts_with('"') {
            let text: String = serde_json::from_str(raw.get()).map_err(|error| error.to_string())?;
            Ok(Self::detect(text))
        } else {
            Ok(Self::Json(raw.get().to_owned()))
        }
    }
}

/// One line of `--cases`.
#[derive(Debug)]
pub struct Case<'a> {
    /// The policies.
    pub policies: Document,
    /// The schema, if any.
    pub schema: Option<Document>,
    /// Entities in Cedar's JSON, as text.
    pub entities: &'a str,
    /// Whether policies are validated by the schema.
    pub validate_policies: bool,
    requests: Vec<&'a str>,
}

#[derive(Deserialize)]
struct RawCase<'a> {
    #[serde(borrow)]
    policies: &'a RawValue,
    #[serde(borrow, default)]
    schema: Option<&'a RawValue>,
    #[serde(borrow)]
    entities: &'a RawValue,
    #[serde(borrow)]
    requests: Vec<&'a RawValue>,
    #[serde(default)]
    validate_policies: bool,
}

impl<'a> Case<'a> {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// A sentence, when the line is not a JSON object of the documented form.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let RawCase { policies, schema, entities, requests, validate_policies } =
            serde_json::from_str(line).map_err(|error| format!("unreadable case: {error}"))?;
        Ok(Self {
            policies: Document::from_raw(policies)?,
            schema: schema.filter(|raw| raw.get() != "null").map(Document::from_raw).transpose()?,
            entities: entities.get(),
            validate_policies,
            requests: requests.into_iter().map(RawValue::get).collect(),
        })
    }

    /// The request objects, as text.
    #[must_use]
    pub fn requests(&self) -> &[&'a str] {
        &self.requests
    }
}

/// One request, its parts unread.
#[derive(Debug)]
pub struct RequestLine<'a> {
    /// `"Type::\"id\""` or `{"type": …, "id": …}`, as JSON text.
    pub principal: &'a str,
    /// As `principal`.
    pub action: &'a str,
    /// As `principal`.
    pub resource: &'a str,
    /// The context record in Cedar's JSON, as text; `{}` by default.
    pub context: &'a str,
    /// Whether the request is validated by the schema, if there is one.
    pub validate: bool,
}

#[derive(Deserialize)]
struct RawRequest<'a> {
    #[serde(borrow)]
    principal: &'a RawValue,
    #[serde(borrow)]
    action: &'a RawValue,
    #[serde(borrow)]
    resource: &'a RawValue,
    #[serde(borrow, default)]
    context: Option<&'a RawValue>,
    #[serde(default = "yes")]
    validate: bool,
}

fn yes() -> bool {
    true
}

impl<'a> RequestLine<'a> {
    /// Reads a line.
    ///
    /// # Errors
    ///
    /// A sentence, when the line is not a JSON object of the documented form.
    pub fn parse(line: &'a str) -> Result<Self, String> {
        let RawRequest { principal, action, resource, context, validate } =
            serde_json::from_str(line).map_err(|error| format!("unreadable request: {error}"))?;
        Ok(Self {
            principal: principal.get(),
            action: action.get(),
            resource: resource.get(),
            context: context.map_or("{}", RawValue::get),
            validate,
        })
    }
}
