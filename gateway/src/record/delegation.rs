//! Who acts for whom, in a record.

use super::json::push_text;
use super::push_member;
use crate::identity::{Identity, Person};
use crate::section::DelegationMode;

/// Who acts for whom.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DelegationFacts<'a> {
    /// Whose rights decided; `None` where nobody acts for the subject.
    mode: Option<DelegationMode>,
    subject: Option<&'a str>,
    /// The current actor first.
    actors: &'a [Person],
    /// The one for whom the policies did not allow the request.
    pub(crate) denied_for: Option<&'a str>,
}

impl<'a> DelegationFacts<'a> {
    pub(crate) fn new(identity: &'a Identity, mode: DelegationMode) -> Self {
        if identity.actors.is_empty() {
            return Self::default();
        }
        Self { mode: Some(mode), subject: Some(&identity.subject.text), actors: &identity.actors, denied_for: None }
    }

    /// The current actor, for the upstream.
    pub(crate) fn actor(&self) -> Option<&'a str> {
        self.actors.first().map(|actor| actor.text.as_str())
    }

    /// Writes the member `delegation`, where there is one.
    pub(super) fn push(&self, out: &mut String) {
        let Self { mode: Some(mode), subject, actors, denied_for } = self else {
            return;
        };
        out.push_str(",\"delegation\":{\"mode\":");
        push_text(out, mode.name());
        push_member(out, r#","subject":"#, *subject);
        out.push_str(",\"actors\":[");
        for (index, actor) in actors.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_text(out, &actor.text);
        }
        out.push(']');
        push_member(out, r#","denied_for":"#, *denied_for);
        out.push('}');
    }
}
