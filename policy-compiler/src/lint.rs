//! What the analysis of a project's policies found, as findings: warnings of policies that do nothing or let workflows do
//! too much, notes about policies that cost something on each request.

mod unindexed;
mod workflows;

use std::collections::HashMap;

use crate::compile::{Analysis, CompileError, Never, Redundancy, Redundant, analyse};
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{NamedPolicies, PolicyPlace, Project};

/// Analyses the policies of a project.
///
/// # Errors
/// Where policies cannot be translated; then nothing is found.
pub(crate) fn lint(project: &Project, findings: &mut Findings) -> Result<(), Vec<CompileError>> {
    let policies = &project.policies;
    let mut order: Vec<(&str, &PolicyPlace)> = policies.places().collect();
    order.sort_by_key(|(_, place)| (&place.file, place.span.start));
    let ranks: HashMap<&str, usize> = order.iter().enumerate().map(|(rank, (id, _))| (*id, rank)).collect();
    // Of what the validator knows to be impossible, nothing else is worth saying.
    let rank = |id: &str| ranks.get(id).copied().filter(|_| !project.is_impossible(id));
    let Analysis { never, redundant, mut unindexed } = analyse(&policies.set, &project.entities, rank)?;
    unindexed.retain(|found| !project.is_impossible(&found.policy));
    findings.extend(never.iter().filter_map(|never| contradiction(policies, never)));
    findings.extend(redundant.iter().filter_map(|redundant| redundancy(policies, redundant)));
    workflows::find(project, findings);
    // What a policy costs is no concern before it is right.
    if findings.errors() == 0 {
        findings.extend(unindexed::findings(policies, &unindexed));
    }
    Ok(())
}

fn contradiction(policies: &NamedPolicies, never: &Never) -> Option<Diagnostic> {
    let Never { policy, conditions } = never;
    let place = policies.place(policy)?;
    let text = &place.text_file;
    let warning = |what: &str| {
        let message = format!("policy `{policy}` is never true: {what}");
        Diagnostic::warning("policy.contradiction", message)
    };
    let advice = "correct the conditions, or remove the policy";
    Some(match conditions.as_slice() {
        [] => at(warning("its scope names no action"), place).with_help("name an action, or remove the policy"),
        [Some(only)] => warning("this condition is always false").at(text, only.clone()).with_help(advice),
        [Some(one), Some(other)] => warning("two of its conditions cannot hold together")
            .at(text, other.clone())
            .with_related(text, one.clone(), "the other condition")
            .with_help(advice),
        _ => at(warning("its conditions contradict each other or its scope"), place).with_help(advice),
    })
}

fn redundancy(policies: &NamedPolicies, redundant: &Redundant) -> Option<Diagnostic> {
    let Redundant { policy, by, how } = redundant;
    let (place, other) = (policies.place(policy)?, policies.place(by)?);
    let (code, message, label, help) = match how {
        Redundancy::Overridden => (
            "policy.overridden",
            format!("policy `{policy}` permits nothing: `{by}` forbids all that it permits"),
            "this policy forbids it",
            "remove the `permit`, or narrow the `forbid`",
        ),
        Redundancy::Duplicate => (
            "policy.duplicate",
            format!("policy `{policy}` asks the same as `{by}`"),
            "the same policy",
            "remove one of them",
        ),
        Redundancy::Shadowed => (
            "policy.shadowed",
            format!("policy `{policy}` changes no decision: `{by}` is true whenever it is"),
            "this policy asks for less",
            "remove the narrower policy, or narrow the wider one",
        ),
    };
    let finding = at(Diagnostic::warning(code, message), place).with_help(help);
    Some(finding.with_related(&other.file, other.mark(), label))
}

fn at(diagnostic: Diagnostic, place: &PolicyPlace) -> Diagnostic {
    diagnostic.at(&place.file, place.mark())
}
