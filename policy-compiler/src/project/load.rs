//! From the texts of a project to a checked project.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entities, PolicyId, Schema, ValidationMode, ValidationWarning, Validator};
use toml::Spanned;

use super::cedar::{error_finding, warning_finding};
use super::duration::parse_duration;
use super::file::{ProjectFile, at};
use super::policies::NamedPolicies;
use super::{entities, schema};
use crate::diagnostic::Findings;
use crate::limits::MAX_NAME_BYTES;
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
    /// Files that link templates.
    pub links: Vec<SourceFile>,
    /// Entity files.
    pub entities: Vec<SourceFile>,
    /// JWK Sets by the alias of their issuer.
    pub jwks: BTreeMap<String, SourceFile>,
    /// Catalogues of tools by path.
    pub catalogues: BTreeMap<String, SourceFile>,
}

impl ProjectSources {
    /// All files by name.
    #[must_use]
    pub fn sources(&self) -> Sources {
        let Self { project, schema, policies, links, entities, jwks, catalogues } = self;
        let mut sources = Sources::default();
        let lists = policies.iter().chain(links).chain(entities).chain(jwks.values()).chain(catalogues.values());
        for file in [project, schema].into_iter().chain(lists) {
            sources.add(file);
        }
        sources
    }
}

/// A project, as far as it could be read.
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
    /// Catalogues of tools by path.
    pub catalogues: BTreeMap<String, SourceFile>,
    /// How long a bundle may be used, in seconds.
    pub lifetime_seconds: u64,
    /// Policies and templates that the validator warns of as never true.
    impossible: BTreeSet<String>,
}

impl Project {
    /// Checks a parsed project file and the texts it names. All findings are collected.
    ///
    /// Without a schema there is no project. With other errors there is one, so that the rest of it can be checked too;
    /// nothing may be built from it then.
    #[must_use]
    pub fn load(file: ProjectFile, sources: &ProjectSources, findings: &mut Findings) -> Option<Self> {
        check_name(&file.name, findings);
        let lifetime = seconds(&file.lifetime, findings);
        if lifetime == Some(0) {
            findings.push(at("project.duration", &file.lifetime, "a bundle must live for a while"));
        }
        let schema = schema::parse(&sources.schema, findings);
        let policies = NamedPolicies::parse(&sources.policies, &sources.links, findings);
        let schema = schema?;
        let impossible = validate(&schema, &policies, &sources.policies, findings);
        let entities = entities::load(&schema, &sources.entities, findings);
        Some(Self {
            file,
            schema,
            policies,
            entities,
            jwks: sources.jwks.clone(),
            catalogues: sources.catalogues.clone(),
            lifetime_seconds: lifetime.unwrap_or_default(),
            impossible,
        })
    }

    /// Whether the validator warns of a policy, or of the template that it links, as never true.
    pub(crate) fn is_impossible(&self, policy: &str) -> bool {
        let template = self.policies.template(policy);
        self.impossible.contains(policy) || template.is_some_and(|template| self.impossible.contains(template))
    }
}

impl Project {
    /// Steps that one decision may take.
    #[must_use]
    pub fn step_limit(&self) -> u64 {
        self.file.limits.max_steps.as_ref().map_or(palisade_engine::limits::DEFAULT_STEPS, |limit| *limit.as_ref())
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

/// Validates strictly; gives the policies and templates that are never true.
fn validate(
    schema: &Schema,
    policies: &NamedPolicies,
    files: &[SourceFile],
    findings: &mut Findings,
) -> BTreeSet<String> {
    let result = Validator::new(schema.clone()).validate(&policies.set, ValidationMode::Strict);
    let place = |id: &PolicyId| policies.place(id.as_ref());
    findings.extend(result.validation_errors().map(|error| error_finding(place(error.policy_id()), files, error)));
    let ids = |warnings: &mut dyn Iterator<Item = &ValidationWarning>| -> BTreeSet<String> {
        warnings.map(|warning| warning.policy_id().to_string()).collect()
    };
    let is_about_scope =
        |warning: &&ValidationWarning| matches!(warning, ValidationWarning::InvalidActionApplication(_));
    let is_impossible = |warning: &&ValidationWarning| matches!(warning, ValidationWarning::ImpossiblePolicy(_));
    let by_scope = ids(&mut result.validation_warnings().filter(is_about_scope));
    let mut impossible = ids(&mut result.validation_warnings().filter(is_impossible));
    for warning in result.validation_warnings() {
        let id = warning.policy_id();
        // Whose scope is never met is always false, too: one finding is enough.
        if !(is_impossible(&warning) && by_scope.contains::<str>(id.as_ref())) {
            findings.push(warning_finding(place(id), warning));
        }
    }
    impossible.extend(by_scope);
    impossible
}
