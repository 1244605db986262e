//! From the text of policies, schema, entities and links to Cedar's own values.

use std::fmt;

use cedar_policy::{Entities, PolicySet, Schema, ValidationMode, Validator};

use super::case::{Case, Document};
use crate::links::LinkFile;
use crate::nesting;
use crate::wording::report;

/// Why something cannot be loaded: which part, and Cedar's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    part: &'static str,
    message: String,
}

impl LoadError {
    /// An error of one part: `policies`, `schema`, `entities`, `links`, `compile` or `open`.
    #[must_use]
    pub fn new(part: &'static str, message: impl fmt::Display) -> Self {
        Self { part, message: message.to_string() }
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.message)
    }
}

impl std::error::Error for LoadError {}

/// Policies, schema and entities that Cedar accepted.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Policies under Cedar's own ids: `policy0` and so on for text, the given ids for JSON and links.
    pub policies: PolicySet,
    /// The schema, if one was given.
    pub schema: Option<Schema>,
    /// Entities; with a schema, action entities are among them.
    pub entities: Entities,
    /// Whether requests are validated by the schema unless they say otherwise.
    pub validate_requests: bool,
}

impl Loaded {
    /// Loads what a case line holds.
    ///
    /// # Errors
    ///
    /// The first part that Cedar refuses; with `validate_policies`, also policies that do not validate strictly.
    pub fn from_case(case: &Case<'_>) -> Result<Self, LoadError> {
        let loaded = Self::new(&case.policies, case.schema.as_ref(), case.entities, None, true)?;
        if case.validate_policies {
            loaded.validate_policies()?;
        }
        Ok(loaded)
    }

    /// Loads policies, an optional schema, entities and optional template links.
    ///
    /// # Errors
    ///
    /// The first part that Cedar refuses.
    pub fn new(
        policies: &Document,
        schema: Option<&Document>,
        entities: &str,
        links: Option<&LinkFile>,
        validate_requests: bool,
    ) -> Result<Self, LoadError> {
        let mut policies = parse_policies(policies)?;
        if let Some(links) = links {
            links.apply(&mut policies).map_err(|error| LoadError::new("links", error))?;
        }
        let schema = schema.map(parse_schema).transpose()?;
        let entities = Entities::from_json_str(entities, schema.as_ref())
            .map_err(|error| LoadError::new("entities", report(&error)))?;
        Ok(Self { policies, schema, entities, validate_requests })
    }

    fn validate_policies(&self) -> Result<(), LoadError> {
        let Some(schema) = &self.schema else {
            return Ok(());
        };
        let result = Validator::new(schema.clone()).validate(&self.policies, ValidationMode::Strict);
        match result.validation_errors().next() {
            None => Ok(()),
            Some(error) => Err(LoadError::new("policies", error)),
        }
    }
}

fn parse_policies(document: &Document) -> Result<PolicySet, LoadError> {
    match document {
        Document::Text(text) => {
            nesting::check(text).map_err(|error| LoadError::new("policies", error))?;
            text.parse().map_err(|error: cedar_policy::ParseErrors| LoadError::new("policies", error))
        }
        Document::Json(json) => {
            PolicySet::from_json_str(json).map_err(|error| LoadError::new("policies", report(&error)))
        }
    }
}

fn parse_schema(document: &Document) -> Result<Schema, LoadError> {
    match document {
        Document::Text(text) => {
            nesting::check(text).map_err(|error| LoadError::new("schema", error))?;
            Schema::from_cedarschema_str(text)
                .map(|(schema, _warnings)| schema)
                .map_err(|error| LoadError::new("schema", report(&error)))
        }
        Document::Json(json) => Schema::from_json_str(json).map_err(|error| LoadError::new("schema", report(&error))),
    }
}
