//! Links of templates, in either of Cedar's two forms: `{"templateId", "newId", "values"}` of the JSON policy set, or
//! `{"template_id", "link_id", "args"}` of Cedar's own command.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{EntityUid, PolicyId, PolicySet, SlotId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::entity_ref::entity;
use crate::wording::report;

/// One link: a template, its values, and the id of the policy that they make.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Id of the template.
    #[serde(rename = "templateId", alias = "template_id")]
    pub template: String,
    /// Id of the linked policy.
    #[serde(rename = "newId", alias = "new_id", alias = "link_id")]
    pub id: String,
    #[serde(rename = "values", alias = "args")]
    values: BTreeMap<String, Box<RawValue>>,
}

impl Link {
    /// Reads one link.
    ///
    /// # Errors
    ///
    /// A sentence, when the text is not the JSON of a link.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// Adds the linked policy to a set.
    ///
    /// # Errors
    ///
    /// A sentence, when the template or a slot is unknown, a value is missing or superfluous, or the id is taken.
    pub fn apply(&self, policies: &mut PolicySet) -> Result<(), String> {
        let mut values: HashMap<SlotId, EntityUid> = HashMap::new();
        for (name, value) in &self.values {
            let slot = match name.as_str() {
                "?principal" => SlotId::principal(),
                "?resource" => SlotId::resource(),
                _ => return Err(format!("`{name}` is not a slot")),
            };
            values.insert(slot, entity(name, value.get())?);
        }
        let (template, id) = (PolicyId::new(&self.template), PolicyId::new(&self.id));
        policies.link(template, id, values).map_err(|error| report(&error))
    }
}

/// A file of links: a JSON array.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct LinkFile {
    links: Vec<Link>,
}

impl LinkFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// A sentence, when it is not a JSON array of links.
    pub fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// Adds all linked policies to a set.
    ///
    /// # Errors
    ///
    /// As [`Link::apply`], at the first that cannot be added.
    pub fn apply(&self, policies: &mut PolicySet) -> Result<(), String> {
        self.links.iter().try_for_each(|link| link.apply(policies))
    }
}
