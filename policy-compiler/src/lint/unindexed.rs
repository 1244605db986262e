//! Policies that no index narrows down, and what their authors can do about it.

use std::collections::{BTreeMap, BTreeSet};

use super::at;
use crate::compile::{Miss, NoGuard, Place, Unindexed};
use crate::diagnostic::Diagnostic;
use crate::limits::MANY_UNINDEXED;
use crate::project::NamedPolicies;

/// A note for each policy that could have been narrowed down, and a warning for each action with many of them.
///
/// A policy without scope and conditions applies to every request, so no index could spare it: nothing is said of it.
/// All links of a template have its conditions, so one note stands for them; they count one by one for the warning.
pub(super) fn findings(policies: &NamedPolicies, unindexed: &[Unindexed]) -> Vec<Diagnostic> {
    let narrowable = || unindexed.iter().filter(|found| found.reason != NoGuard::Unconditional);
    let mut by_action: BTreeMap<Option<&str>, Vec<&Unindexed>> = BTreeMap::new();
    let mut templates = BTreeSet::new();
    let mut all = Vec::new();
    for found in narrowable() {
        for action in &found.actions {
            by_action.entry(action.as_deref()).or_default().push(found);
        }
        let template = policies.template(&found.policy);
        if template.is_none_or(|template| templates.insert(template.to_owned())) {
            all.extend(note(policies, found, template));
        }
    }
    let many = by_action.into_iter().filter(|(_, found)| found.len() > MANY_UNINDEXED);
    all.extend(many.filter_map(|(action, found)| warning(policies, action, &found)));
    all
}

fn note(policies: &NamedPolicies, found: &Unindexed, template: Option<&str>) -> Option<Diagnostic> {
    let place = policies.place(&found.policy)?;
    let subject = match template {
        Some(template) => format!("every link of template `{template}`"),
        None => format!("policy `{}`", found.policy),
    };
    let (at_fault, hidden) = match found.reason {
        NoGuard::Unconditional => (None, None),
        NoGuard::NothingToLookUp(at, _) => (Some(at), None),
        NoGuard::BehindAnError { errs, hidden } => (Some(hidden), Some(errs)),
    };
    let span = |at: Option<usize>| -> Place { found.conditions.get(at?)?.clone() };
    let message = format!("{subject} is evaluated for {}: {}", requests(&found.actions), reason(found.reason));
    let note = Diagnostic::note("policy.unindexed", message).with_help(advice(found.reason));
    let note = match span(at_fault) {
        Some(span) => note.at(&place.text_file, span),
        None => at(note, place),
    };
    Some(match span(hidden) {
        Some(span) => note.with_related(&place.text_file, span, "this could err"),
        None => note,
    })
}

fn warning(policies: &NamedPolicies, action: Option<&str>, found: &[&Unindexed]) -> Option<Diagnostic> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for policy in found {
        *reasons.entry(reason(policy.reason)).or_default() += 1;
    }
    let mut reasons: Vec<(&str, usize)> = reasons.into_iter().collect();
    reasons.sort_by_key(|(reason, count)| (core::cmp::Reverse(*count), *reason));
    let list: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} because {reason}")).collect();
    let number = found.len();
    let actions = [action.map(str::to_owned)];
    let message = format!("{number} policies are evaluated for {}, more than {MANY_UNINDEXED}", requests(&actions));
    let help = format!("{}; each has a note with its place", list.join(", "));
    let first = found.iter().filter_map(|found| policies.place(&found.policy));
    let first = first.min_by_key(|place| (&place.file, place.span.start))?;
    Some(at(Diagnostic::warning("policy.unindexed_many", message).with_help(help), first))
}

/// Actions that a message names before it only counts.
const NAMED: usize = 3;

fn requests(actions: &[Option<String>]) -> String {
    let named: Vec<String> = actions.iter().flatten().take(NAMED).map(|action| format!("`{action}`")).collect();
    match actions.iter().flatten().count().checked_sub(NAMED) {
        _ if named.is_empty() => "every request".to_owned(),
        Some(more) if more > 0 => format!("every request of {} and {more} more actions", named.join(", ")),
        Some(_) | None => format!("every request of {}", named.join(", ")),
    }
}

fn reason(reason: NoGuard) -> &'static str {
    match reason {
        NoGuard::Unconditional => "it asks for nothing",
        NoGuard::BehindAnError { .. } => "what could be looked up stands behind a condition that could err",
        NoGuard::NothingToLookUp(_, miss) => match miss {
            Miss::NoConstant => "neither side of this comparison is a constant",
            Miss::OnlyConstants => "this compares constants",
            Miss::NoKey => "sets, records and addresses cannot be looked up",
            Miss::NoKeyInSet => "the set has elements that cannot be looked up",
            Miss::Alternatives => "the alternatives do not all compare the same expression with constants",
            Miss::Negated => "what is not excluded cannot be looked up",
            Miss::Presence => "the conditions only ask whether something is there",
            Miss::NoComparison => "no condition compares with a constant by `==`, `in`, `is` or `contains`",
        },
    }
}

fn advice(reason: NoGuard) -> &'static str {
    match reason {
        NoGuard::BehindAnError { .. } => "put the comparison first",
        NoGuard::Unconditional
        | NoGuard::NothingToLookUp(
            _,
            Miss::NoConstant
            | Miss::OnlyConstants
            | Miss::NoKey
            | Miss::NoKeyInSet
            | Miss::Negated
            | Miss::Presence
            | Miss::NoComparison,
        ) => {
            "name a principal, a resource or their types in the scope, or begin the conditions with a comparison with a \
             constant"
        }
        NoGuard::NothingToLookUp(_, Miss::Alternatives) => "write a policy for each alternative",
    }
}
