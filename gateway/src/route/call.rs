//! What a request means in Cedar: an action, and where the context comes from.

use super::context::OpenContext;
use super::template::PathTemplate;
use crate::entity_text;
use crate::identity::RouteSlots;
use crate::limits;
use crate::record;
use crate::section::{self, ActionRef, ContextEntry, SectionError, SectionErrorKind};

/// An action and its context, checked.
#[derive(Debug)]
pub(crate) struct OpenCall {
    pub(crate) action: ActionRef,
    /// The action as records have it.
    pub(crate) action_text: String,
    pub(crate) context: Vec<OpenContext>,
}

impl OpenCall {
    pub(crate) fn open(
        action: ActionRef,
        context: Vec<ContextEntry>,
        template: &PathTemplate,
        slots: &mut RouteSlots,
        place: &str,
    ) -> Result<Self, SectionError> {
        section::check_type_name(&action.entity_type, place)?;
        if context.len() > limits::ATTRIBUTES {
            return Err(SectionError::new(SectionErrorKind::Limit, place));
        }
        let mut entries: Vec<OpenContext> = Vec::with_capacity(context.len());
        for entry in context {
            if entries.iter().any(|other| other.name == entry.name) {
                let place = format!("the context `{}` of {place}", entry.name);
                return Err(SectionError::new(SectionErrorKind::Duplicate, place));
            }
            entries.push(OpenContext::open(entry, template, slots, place)?);
        }
        let (mut cedar, mut action_text) = (String::new(), String::new());
        entity_text::push(&mut cedar, &action.entity_type, &action.id);
        record::push_json(&mut action_text, &cedar);
        Ok(Self { action, action_text, context: entries })
    }
}
