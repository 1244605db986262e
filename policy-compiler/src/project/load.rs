//! From the texts of a project to a checked project.

use std::collections::BTreeMap;

use cedar_policy::{Entities, Entity, EntityUid, Schema, SchemaFragment, ValidationMode, Validator};
use serde_json::value::RawValue;
use toml::Spanned;

use super::cedar::{error_code, finding, warning_code};
use super::duration::parse_duration;
use super::file::{ProjectFile, at};
use super::policies::NamedPolicies;
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::limits::MAX_NAME_BYTES;
use crate::nesting;
use crate::source::{SourceFile, Sources};

/// The texts of a project.
#[derive(Clone, Debug)]
pub struct ProjectSources {
    /// `palisade.toml`.
    pub project: SourceFile,
    /// The schema.
    pub schema: SourceFile,
    /// Policy files, in the order in which they are compiled.
    pub policies: Vec<SourceFile>,
    /// Entity files.
    pub entities: Vec<SourceFile>,
    /// JWK Sets by the alias of their issuer.
    pub jwks: BTreeMap<String, SourceFile>,
}

impl ProjectSources {
    /// All files by name.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let Self { project, schema, policies, entities, jwks } = self;
        let mut sources = Sources::default();
        let lists = policies.iter().chain(entities).chain(jwks.values());
        for file in [project, schema].into_iter().chain(lists) {
            sources.add(file);
        }
        sources
    }
}

/// A project whose policies, schema and entities Cedar accepts.
#[derive(Clone, Debug)]
pub struct Project {
    /// `palisade.toml`.
    pub file: ProjectFile,
    /// The schema.
    pub schema: Schema,
    /// The policies, under their ids in Palisade.
    pub policies: NamedPolicies,
    /// The entities; those of the schema's actions are among them.
    pub entities: Entities,
    /// JWK Sets by the alias of their issuer.
    pub jwks: BTreeMap<String, SourceFile>,
    /// How long a bundle may be used, in seconds.
    pub lifetime_seconds: u64,
}

impl Project {
    /// Checks a parsed project file and the texts it names. All findings are collected; with an error among them there
    /// is no project.
    #[must_use]
    pub fn load(file: ProjectFile, sources: &ProjectSources, findings: &mut Findings) -> Option<Self> {
        check_name(&file.name, findings);
        let lifetime = seconds(&file.lifetime, findings);
        if lifetime == Some(0) {
            findings.push(at("project.duration", &file.lifetime, "a bundle must live for a while"));
        }
        let schema = parse_schema(&sources.schema, findings);
        let policies = NamedPolicies::parse(&sources.policies, findings);
        let schema = schema?;
        validate(&schema, &policies, findings);
        let entities = load_entities(&schema, &sources.entities, findings);
        let project = Self {
            file,
            schema,
            policies,
            entities: entities?,
            jwks: sources.jwks.clone(),
            lifetime_seconds: lifetime?,
        };
        (findings.errors() == 0).then_some(project)
    }
}

/// Reads a duration of the project file.
pub(crate) fn seconds(value: &Spanned<String>, findings: &mut Findings) -> Option<u64> {
    match parse_duration(value.as_ref()) {
        Ok(seconds) => Some(seconds),
        Err(error) => {
            findings.push(at("project.duration", value, error.to_string()));
            None
        }
    }
}

fn check_name(name: &Spanned<String>, findings: &mut Findings) {
    let text = name.as_ref();
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    let starts_well = text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric());
    if !starts_well || !text.bytes().all(allowed) || text.len() > MAX_NAME_BYTES {
        let message = format!("`{text}` is not a bundle name");
        let help = format!("up to {MAX_NAME_BYTES} of a-z, 0-9, `-`, `_`, `.`, beginning with a letter or digit");
        findings.push(at("project.name", name, message).with_help(help));
    }
}

fn parse_schema(file: &SourceFile, findings: &mut Findings) -> Option<Schema> {
    let refused = |error: &dyn miette::Diagnostic| finding("schema.refused", Severity::Error, &file.path, error);
    if let Err(error) = nesting::check(&file.text) {
        findings.push(Diagnostic::error("schema.nesting", error.to_string()).in_file(&file.path));
        return None;
    }
    let fragment = if file.text.trim_start().starts_with('{') {
        SchemaFragment::from_json_str(&file.text).map_err(|error| refused(&error))
    } else {
        SchemaFragment::from_cedarschema_str(&file.text)
            .map(|(fragment, warnings)| {
                let code = "schema.warning";
                findings.extend(warnings.map(|warning| finding(code, Severity::Warning, &file.path, &warning)));
                fragment
            })
            .map_err(|error| refused(&error))
    };
    let schema =
        fragment.and_then(|fragment| Schema::from_schema_fragments([fragment]).map_err(|error| refused(&error)));
    match schema {
        Ok(schema) if schema.is_complete() => Some(schema),
        Ok(_) => {
            let message = "the schema declares external types or actions, which a bundle cannot leave open";
            findings.push(Diagnostic::error("schema.incomplete", message).in_file(&file.path));
            None
        }
        Err(diagnostic) => {
            findings.push(diagnostic);
            None
        }
    }
}

fn validate(schema: &Schema, policies: &NamedPolicies, findings: &mut Findings) {
    let result = Validator::new(schema.clone()).validate(&policies.set, ValidationMode::Strict);
    let file = |id: &cedar_policy::PolicyId| {
        let place = policies.place(&id.to_string());
        place.map_or_else(String::new, |place| place.file.clone())
    };
    findings.extend(
        result
            .validation_errors()
            .map(|error| finding(error_code(error), Severity::Error, &file(error.policy_id()), error)),
    );
    findings.extend(
        result
            .validation_warnings()
            .map(|warning| finding(warning_code(warning), Severity::Warning, &file(warning.policy_id()), warning)),
    );
}

/// Loads entity by entity, so that each error has the place of its entity.
fn load_entities(schema: &Schema, files: &[SourceFile], findings: &mut Findings) -> Option<Entities> {
    let mut entities: Vec<Entity> = Vec::new();
    let mut first: BTreeMap<EntityUid, (&str, std::ops::Range<usize>)> = BTreeMap::new();
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
        Ok(entities) => Some(entities),
        Err(error) => {
            let name = files.first().map_or("", |file| file.path.as_str());
            findings.push(finding("entities.refused", Severity::Error, name, &error));
            None
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
