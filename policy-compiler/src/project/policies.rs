//! Parses policy files and names every policy.
//!
//! A policy's id is its `@id` annotation. Without one it is `FILE#N`: the file's path in the project and the policy's
//! number in it, from 1. Two policies of the same id are an error.

mod links;

use std::collections::BTreeMap;
use std::ops::Range;

use cedar_policy::{Policy, PolicyId, PolicySet, Template};
use cedar_policy_core::ast::{AnyId, Template as TemplateAst};

use super::cedar::finding;
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::nesting;
use crate::source::SourceFile;

/// Where a policy stands in the project. A linked policy stands in the file of its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyPlace {
    /// Path of its file.
    pub file: String,
    /// Byte range of the whole policy, annotations included.
    pub span: Range<usize>,
    /// Path of the file with its text: for a linked policy, that of its template.
    pub text_file: String,
    /// Byte range of its `@id`, if it has one.
    id_span: Option<Range<usize>>,
}

impl PolicyPlace {
    /// The part of the policy that stands for the whole: its `@id` if it has one.
    #[must_use]
    pub fn mark(&self) -> Range<usize> {
        self.id_span.clone().unwrap_or_else(|| self.span.clone())
    }
}

/// The policies of a project under their ids.
#[derive(Clone, Debug, Default)]
pub struct NamedPolicies {
    /// The set.
    pub set: PolicySet,
    places: BTreeMap<String, PolicyPlace>,
}

impl NamedPolicies {
    /// Parses files in the given order, then links templates. What is wrong goes to `findings`; the rest is kept.
    #[must_use]
    pub fn parse(files: &[SourceFile], links: &[SourceFile], findings: &mut Findings) -> Self {
        let mut named = Self::default();
        for file in files {
            named.add_file(file, findings);
        }
        links::add(&mut named, links, findings);
        named
    }

    /// Where a policy stands.
    #[must_use]
    pub fn place(&self, id: &str) -> Option<&PolicyPlace> {
        self.places.get(id)
    }

    /// The template of a linked policy.
    #[must_use]
    pub fn template(&self, id: &str) -> Option<&str> {
        self.set.policy(&PolicyId::new(id))?.template_id().map(AsRef::as_ref)
    }

    /// Ids and places, by id.
    pub fn places(&self) -> impl Iterator<Item = (&str, &PolicyPlace)> {
        self.places.iter().map(|(id, place)| (id.as_str(), place))
    }

    fn add_file(&mut self, file: &SourceFile, findings: &mut Findings) {
        if let Err(error) = nesting::check(&file.text) {
            findings.push(Diagnostic::error("policy.nesting", error.to_string()).in_file(&file.path));
            return;
        }
        let parsed: PolicySet = match file.text.parse() {
            Ok(parsed) => parsed,
            Err(errors) => {
                let errors: cedar_policy::ParseErrors = errors;
                findings
                    .extend(errors.iter().map(|error| finding("policy.syntax", Severity::Error, &file.path, error)));
                return;
            }
        };
        let mut statements: Vec<Statement> = Vec::new();
        statements.extend(parsed.policies().cloned().map(Statement::Policy));
        statements.extend(parsed.templates().cloned().map(Statement::Template));
        statements.sort_by_key(|statement| statement.span().start);
        for (index, statement) in statements.into_iter().enumerate() {
            self.add(file, index + 1, statement, findings);
        }
    }

    fn add(&mut self, file: &SourceFile, number: usize, statement: Statement, findings: &mut Findings) {
        let annotation = statement.id_annotation();
        let place = PolicyPlace {
            file: file.path.clone(),
            text_file: file.path.clone(),
            span: statement.span(),
            id_span: annotation.as_ref().map(|(_, span)| span.clone()),
        };
        let mark = place.mark();
        let id = match annotation {
            Some((id, span)) if id.is_empty() => {
                let message = "the policy's `@id` is empty";
                findings.push(Diagnostic::error("policy.empty_id", message).at(&file.path, span));
                return;
            }
            Some((id, _)) => id,
            None => format!("{}#{number}", file.path),
        };
        if let Some(duplicate) = self.duplicate(&id, &file.path, mark) {
            findings.push(duplicate);
            return;
        }
        if let Err(message) = statement.insert(&mut self.set, &id) {
            findings.push(Diagnostic::error("policy.refused", message).at(&file.path, place.span));
            return;
        }
        self.places.insert(id, place);
    }

    /// The finding about an id that is taken.
    fn duplicate(&self, id: &str, file: &str, mark: Range<usize>) -> Option<Diagnostic> {
        let first = self.places.get(id)?;
        let message = format!("two policies have the id `{id}`");
        let twice = Diagnostic::error("policy.duplicate_id", message).at(file, mark);
        Some(twice.with_related(&first.file, first.mark(), "first used here"))
    }
}

/// A policy or a template, as a file holds them.
enum Statement {
    Policy(Policy),
    Template(Template),
}

impl Statement {
    fn ast(&self) -> &TemplateAst {
        match self {
            Self::Policy(policy) => policy.as_ref().template(),
            Self::Template(template) => template.as_ref(),
        }
    }

    fn span(&self) -> Range<usize> {
        self.ast().loc().map_or(0..0, |place| place.start()..place.end())
    }

    /// The text and place of `@id`.
    fn id_annotation(&self) -> Option<(String, Range<usize>)> {
        let key: AnyId = "id".parse().ok()?;
        let annotation = self.ast().annotation(&key)?;
        let place = annotation.loc.as_ref();
        let span = place.map_or(0..0, |place| place.start()..place.end());
        Some((annotation.val.to_string(), span))
    }

    fn insert(self, set: &mut PolicySet, id: &str) -> Result<(), String> {
        let inserted = match self {
            Self::Policy(policy) => set.add(policy.new_id(PolicyId::new(id))),
            Self::Template(template) => set.add_template(template.new_id(PolicyId::new(id))),
        };
        inserted.map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests;
