//! Links the templates of a project.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::{NamedPolicies, PolicyPlace};
use crate::diagnostic::{Diagnostic, Findings};
use crate::links::Link;
use crate::project::{json_finding, span_in};
use crate::source::SourceFile;

/// Adds the links of all files; then warns of templates that nothing links.
pub(super) fn add(named: &mut NamedPolicies, files: &[SourceFile], findings: &mut Findings) {
    let mut linked = BTreeSet::new();
    for file in files {
        let list: Vec<&RawValue> = match serde_json::from_str(&file.text) {
            Ok(list) => list,
            Err(error) => {
                findings.push(json_finding("link.syntax", file, &error));
                continue;
            }
        };
        for raw in list {
            let span = span_in(&file.text, raw.get());
            match add_one(named, file, raw.get()) {
                Ok(template) => drop(linked.insert(template)),
                Err(diagnostic) => findings.push(match diagnostic.span {
                    Some(_) => *diagnostic,
                    None => diagnostic.at(&file.path, span),
                }),
            }
        }
    }
    for template in named.set.templates() {
        let id = template.id().to_string();
        if let Some(place) = named.places.get(&id).filter(|_| !linked.contains(&id)) {
            let message = format!("template `{id}` has no links, so it never applies");
            findings.push(Diagnostic::warning("policy.template_unlinked", message).at(&place.file, place.mark()));
        }
    }
}

/// Adds one link; gives the id of its template.
fn add_one(named: &mut NamedPolicies, file: &SourceFile, text: &str) -> Result<String, Box<Diagnostic>> {
    let refused = |code, message: String| Box::new(Diagnostic::error(code, message));
    let link = Link::parse(text).map_err(|message| refused("link.syntax", message))?;
    let span = span_in(&file.text, text);
    if link.id.is_empty() {
        return Err(refused("policy.empty_id", "the link's id is empty".to_owned()));
    }
    if let Some(duplicate) = named.duplicate(&link.id, &file.path, span.clone()) {
        return Err(Box::new(duplicate));
    }
    link.apply(&mut named.set).map_err(|message| refused("link.refused", message))?;
    let template = named.places.get(&link.template);
    let text_file = template.map_or_else(|| file.path.clone(), |place| place.file.clone());
    named.places.insert(link.id, PolicyPlace { file: file.path.clone(), text_file, span, id_span: None });
    Ok(link.template)
}
