//! Loads the entity files.

use std::collections::BTreeMap;
use std::ops::Range;

use cedar_policy::{Entities, Entity, EntityUid, Schema};
use serde_json::value::RawValue;

use super::cedar::finding;
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::source::SourceFile;

/// Loads entity by entity, so that each error has the place of its entity. What is refused is left out.
pub(super) fn load(schema: &Schema, files: &[SourceFile], findings: &mut Findings) -> Entities {
    let mut entities: Vec<Entity> = Vec::new();
    let mut first: BTreeMap<EntityUid, (&str, Range<usize>)> = BTreeMap::new();
    for file in files {
        let list: Vec<&RawValue> = match serde_json::from_str(&file.text) {
            Ok(list) => list,
            Err(error) => {
                findings.push(json_finding("entities.syntax", file, &error));
                continue;
            }
        };
        for raw in list {
            let span = span_in(&file.text, raw.get());
            let entity = match Entity::from_json_str(raw.get(), Some(schema)) {
                Ok(entity) => entity,
                Err(error) => {
                    let refused = finding("entities.refused", Severity::Error, &file.path, &error);
                    findings.push(refused.at(&file.path, span));
                    continue;
                }
            };
            let known = first.insert(entity.uid(), (&file.path, span.clone()));
            if let Some((other, place)) = known {
                let message = format!("entity `{}` is described twice", entity.uid());
                let twice = Diagnostic::error("entities.duplicate", message).at(&file.path, span);
                findings.push(twice.with_related(other, place, "first described here"));
                continue;
            }
            entities.push(entity);
        }
    }
    match Entities::from_entities(entities, Some(schema)) {
        Ok(entities) => entities,
        Err(error) => {
            let name = files.first().map_or("", |file| file.path.as_str());
            findings.push(finding("entities.refused", Severity::Error, name, &error));
            Entities::empty()
        }
    }
}

/// A JSON error with the place where reading stopped.
pub(crate) fn json_finding(code: &'static str, file: &SourceFile, error: &serde_json::Error) -> Diagnostic {
    let line_start = file.text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let offset = line_start + error.column().saturating_sub(1);
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    Diagnostic::error(code, message).at(&file.path, offset..offset + 1)
}

/// The byte range of a part that was borrowed from a text.
pub(crate) fn span_in(text: &str, part: &str) -> std::ops::Range<usize> {
    let start = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    start..start + part.len()
}
