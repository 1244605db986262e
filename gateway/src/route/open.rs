//! A route, checked and ready to match.

use super::context::{OpenContext, OpenSource};
use super::resource::IdTemplate;
use super::template::{PathTemplate, Segment};
use crate::entity_text;
use crate::identity::RouteSlots;
use crate::limits;
use crate::resource::check_scopes;
use crate::section::{
    self, ActionRef, Authentication, DelegationMode, ResourceTemplate, SectionError, SectionErrorKind, TransactionMode,
};

/// One kind of request, and what it means in Cedar.
#[derive(Debug)]
pub(crate) struct OpenRoute {
    pub(crate) action: ActionRef,
    /// The action as Cedar writes it, for records.
    pub(crate) action_text: String,
    pub(crate) resource_type: String,
    pub(crate) resource_id: IdTemplate,
    pub(crate) context: Vec<OpenContext>,
    /// Scopes that the token must have.
    pub(crate) scopes: Vec<String>,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) strip_token: bool,
    pub(crate) delegation: DelegationMode,
    pub(crate) transaction: TransactionMode,
    pub(super) segments: Vec<Segment>,
}

impl OpenRoute {
    pub(super) fn open(
        raw: section::Route,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<Self, SectionError> {
        let section::Route {
            host: _,
            methods: _,
            path,
            action,
            resource,
            context,
            scopes,
            authentication,
            strip_token,
            delegation,
            transaction,
        } = raw;
        let ResourceTemplate { entity_type: resource_type, id } = resource;
        let place = format!("the route `{path}`");
        let template = PathTemplate::parse(&path)?;
        section::check_type_name(&action.entity_type, &place)?;
        section::check_type_name(&resource_type, &place)?;
        if context.len() > limits::ATTRIBUTES {
            return Err(SectionError::new(SectionErrorKind::Limit, place));
        }
        let mut entries: Vec<OpenContext> = Vec::with_capacity(context.len());
        for entry in context {
            if entries.iter().any(|other| other.name == entry.name) {
                let place = format!("the context `{}` of {place}", entry.name);
                return Err(SectionError::new(SectionErrorKind::Duplicate, place));
            }
            entries.push(OpenContext::open(entry, &template, slots, &place)?);
        }
        check_scopes(&scopes, &place)?;
        if let Some(Authentication { acr_values, max_age_seconds }) = &authentication {
            // The characters of a scope are those that need no escaping in a challenge.
            check_scopes(acr_values, &format!("the authentication of {place}"))?;
            if acr_values.is_empty() && max_age_seconds.is_none() {
                return Err(SectionError::new(SectionErrorKind::Empty, format!("the authentication of {place}")));
            }
        }
        let reads_one = matches!(transaction, TransactionMode::Optional | TransactionMode::Required);
        let wants_claims = entries.iter().any(|entry| matches!(entry.source, OpenSource::Transaction(_)));
        if (reads_one && !has_transactions) || (wants_claims && !reads_one) {
            return Err(SectionError::new(SectionErrorKind::Source, format!("the transaction token of {place}")));
        }
        let resource_id = IdTemplate::parse(&id, &template)?;
        let mut action_text = String::new();
        entity_text::push(&mut action_text, &action.entity_type, &action.id);
        Ok(Self {
            action,
            action_text,
            resource_type,
            resource_id,
            context: entries,
            scopes,
            authentication,
            strip_token,
            delegation,
            transaction,
            segments: template.segments,
        })
    }
}
