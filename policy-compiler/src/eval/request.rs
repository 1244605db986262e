//! From a request line to Cedar's request.

use cedar_policy::{Context, Request};

use super::case::RequestLine;
use super::load::Loaded;
use crate::entity_ref::entity;
use crate::wording::report;

impl Loaded {
    /// Builds and, where asked, validates a request.
    ///
    /// A context is read by the schema, so that `"10.0.0.1"` is an address where the schema says so. A request that is
    /// not validated may have a context that does not fit the schema: that one is read without it.
    ///
    /// # Errors
    ///
    /// A sentence, when Cedar refuses a part of the request or the whole.
    pub fn request(&self, line: &RequestLine<'_>) -> Result<Request, String> {
        let principal = entity("principal", line.principal)?;
        let action = entity("action", line.action)?;
        let resource = entity("resource", line.resource)?;
        let validate = line.validate && self.validate_requests;
        let schema = self.schema.as_ref();
        let by_schema = Context::from_json_str(line.context, schema.map(|schema| (schema, &action)));
        let context = match by_schema {
            Err(_) if !validate && schema.is_some() => Context::from_json_str(line.context, None),
            other => other,
        };
        let context = context.map_err(|error| format!("context: {}", report(&error)))?;
        let schema = schema.filter(|_| validate);
        Request::new(principal, action, resource, context, schema)
            .map_err(|error| format!("request: {}", report(&error)))
    }
}
