//! What a route makes of a request by itself, for fuzzers and for people who have to find out why one is refused.
//!
//! The same code as on the way of a request: there is no second reader.

use super::ask::{self, A2aRequest};
use super::denial::A2aReply;
use super::error::A2aError;
use super::facts::Binding;
use super::open::OpenA2a;
use crate::header_map::HeaderMap;
use crate::identity::RouteSlots;
use crate::json::JsonDocument;
use crate::route::{RequestPath, endpoint};
use crate::section::{A2aMember, A2aRoute, SectionError};

/// A route to an A2A agent, without policies.
#[derive(Debug)]
pub struct OperationReader {
    a2a: OpenA2a,
    document: JsonDocument,
    path: RequestPath,
}

impl OperationReader {
    /// Checks the route as a gateway does.
    ///
    /// # Errors
    ///
    /// When a bundle with this route would be refused.
    pub fn open(route: A2aRoute) -> Result<Self, SectionError> {
        let (template, base) = endpoint(&route.path)?;
        let a2a = OpenA2a::open(route, &template, base, &mut RouteSlots::default(), "the route")?;
        Ok(Self { a2a, document: JsonDocument::default(), path: RequestPath::default() })
    }

    /// What a request asks policy about: the operation and what it says of itself, by member. The path has to be one that the
    /// route is for.
    ///
    /// # Errors
    ///
    /// When the request would be refused before policy is asked.
    pub fn read(
        &mut self,
        method: &str,
        target: &str,
        headers: HeaderMap<'_>,
        body: &[u8],
    ) -> Result<Vec<(A2aMember, String)>, A2aError> {
        let (raw_path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.as_bytes())),
            None => (target, None),
        };
        self.path.read(raw_path.as_bytes()).map_err(|_| A2aError::Path)?;
        let request = A2aRequest { method, headers, raw_path: raw_path.as_bytes(), path: &self.path, query };
        let body = (method == "POST").then_some(body);
        if body.is_some() {
            ask::before_body(&self.a2a, &request)?;
        }
        let mut reply = A2aReply::new(self.a2a.denial, &self.a2a.versions, Binding::Rest);
        let asked = ask::read(&self.a2a, &request, body, &mut self.document, &mut reply)?;
        let members = [
            A2aMember::Operation,
            A2aMember::Version,
            A2aMember::Task,
            A2aMember::Context,
            A2aMember::Tenant,
            A2aMember::MessageId,
            A2aMember::Role,
            A2aMember::Skill,
            A2aMember::PushConfig,
            A2aMember::PushUrl,
            A2aMember::PushHost,
        ];
        let text = |member| asked.facts.text(member).map(|text| (member, text.to_owned()));
        let sets = [A2aMember::Extensions, A2aMember::References, A2aMember::OutputModes];
        let elements = |member| {
            let set = asked.facts.set(member).unwrap_or_default();
            set.iter().map(move |element| (member, element.clone().into_owned())).collect::<Vec<_>>()
        };
        Ok(members.into_iter().filter_map(text).chain(sets.into_iter().flat_map(elements)).collect())
    }
}

#[cfg(test)]
mod tests;
