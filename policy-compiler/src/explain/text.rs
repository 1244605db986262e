//! An explanation as text for people.

use std::fmt::Write;

use super::{
    Candidate, Exclusion, ExclusionBy, Explanation, Expression, Failed, Found, Guarded, Outcome, PolicyValues,
};

/// Characters of a value or an expression that are shown; JSON has all of them.
const SHOWN: usize = 100;

/// An explanation as text, with a final newline.
#[must_use]
pub fn render(explanation: &Explanation) -> String {
    let Explanation { principal, action, resource, candidates, excluded, explained, unexplained, .. } = explanation;
    let mut text = format!("{}\n", decision(explanation));
    for Failed { policy, message } in &explanation.errors {
        line(&mut text, format_args!("error in {policy}: {message}"));
    }
    if explanation.forbid_error && explanation.decision == "allow" {
        line(&mut text, format_args!("a forbid erred: a gateway denies, unless its on_forbid_error is `skip`"));
    }
    line(&mut text, format_args!("\nprincipal  {principal}\naction     {action}\nresource   {resource}"));
    if let Some(context) = &explanation.context {
        line(&mut text, format_args!("context    {}", short(&context.text)));
    }
    let Explanation { policies, steps, .. } = explanation;
    line(&mut text, format_args!("\ncandidates: {} of {policies} policies, {steps} steps", candidates.len()));
    for Candidate { policy, effect, outcome } in candidates {
        line(&mut text, format_args!("  {:<13}  {effect}  {policy}", outcome.as_str()));
    }
    let count: usize = excluded.iter().map(|group| group.count).sum();
    line(&mut text, format_args!("\nexcluded: {count}"));
    excluded.iter().for_each(|group| exclusion(&mut text, group));
    explained.iter().for_each(|policy| values(&mut text, policy));
    if *unexplained > 0 {
        line(
            &mut text,
            format_args!("\n{unexplained} more deciding policies: --all shows their values, --policy those of one"),
        );
    }
    text
}

/// Writing to a string cannot fail.
fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{content}");
}

fn decision(explanation: &Explanation) -> String {
    let Explanation { decision, reasons, .. } = explanation;
    match reasons.as_slice() {
        [] => format!("{decision}: no permit is satisfied"),
        reasons => format!("{decision} by {}", reasons.join(", ")),
    }
}

fn exclusion(text: &mut String, group: &Exclusion) {
    let Exclusion { by, subject, found, count, policies } = group;
    let place = match by {
        ExclusionBy::Action | ExclusionBy::Index => "",
        ExclusionBy::Scope => " in their scope",
    };
    let found = match found {
        Found::Value(value) => format!("which is {}", short(&value.text)),
        Found::Unmet { unmet } => format!("which is not looked up: {} is false", short(unmet)),
        Found::Error { error } => error.clone(),
    };
    line(text, format_args!("  {count} by {subject}{place}, {found}"));
    for (guard, policies) in by_guard(policies) {
        line(text, format_args!("    {}: {}", short(guard), policies.join(", ")));
    }
    if let Some(more) = count.checked_sub(policies.len()).filter(|more| *more > 0) {
        line(text, format_args!("    and {more} more: --all shows them"));
    }
}

/// Guards with their policies, in the order in which they come first.
fn by_guard(policies: &[Guarded]) -> Vec<(&str, Vec<&str>)> {
    let mut lists: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut places = std::collections::HashMap::new();
    for Guarded { policy, guard } in policies {
        let at = *places.entry(guard.as_str()).or_insert(lists.len());
        match lists.get_mut(at) {
            Some((_, list)) => list.push(policy),
            None => lists.push((guard, vec![policy])),
        }
    }
    lists
}

fn values(text: &mut String, values: &PolicyValues) {
    let PolicyValues { policy, effect, outcome, error, file, span, scope, conditions } = values;
    let at = match (file, span) {
        (Some(file), Some(span)) => format!(", {file}:{}:{}", span.start.line, span.start.column),
        (Some(file), None) => format!(", {file}"),
        (None, _) => String::new(),
    };
    let error = error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    line(text, format_args!("\n{effect} {policy}{at}: {}{error}", outcome.as_str()));
    let mut shown: Vec<(String, usize, &Expression)> = Vec::new();
    shown.extend(scope.iter().map(|part| ("scope".to_owned(), 0, part)));
    conditions.iter().for_each(|part| add(&mut shown, part, 0));
    let width = shown.iter().map(|(place, ..)| place.len()).max().unwrap_or_default();
    for (place, depth, Expression { source, outcome, operands, .. }) in shown {
        let (indent, outcome) = (depth * 2, result(outcome, operands));
        line(text, format_args!("  {place:<width$}  {:indent$}{} {outcome}", "", short(source)));
    }
}

/// Adds an expression, and behind it those in it of which the value is not plain to see: place, depth, expression.
fn add<'e>(shown: &mut Vec<(String, usize, &'e Expression)>, expression: &'e Expression, depth: usize) {
    // JSON policies have no places.
    let place = expression.span.map(|span| format!("{}:{}", span.start.line, span.start.column));
    shown.push((place.unwrap_or_default(), depth, expression));
    // What is in an expression that was not evaluated was not evaluated either.
    if expression.outcome != Outcome::NotEvaluated {
        let parts = expression.operands.iter().filter(|operand| !says_its_value(operand));
        parts.for_each(|operand| add(shown, operand, depth + 1));
    }
}

fn result(outcome: &Outcome, operands: &[Expression]) -> String {
    match outcome {
        Outcome::Value(value) => format!("=> {}", short(&value.text)),
        // Said once, where it comes from.
        Outcome::Error { .. } if operands.iter().any(|operand| matches!(operand.outcome, Outcome::Error { .. })) => {
            "=> error".to_owned()
        }
        Outcome::Error { error } => format!("=> error: {error}"),
        Outcome::NotEvaluated => "(not evaluated)".to_owned(),
    }
}

/// Whether an expression's text is its value, or stands above: literals, constant sets, and the request's variables.
fn says_its_value(expression: &Expression) -> bool {
    let is_value = matches!(&expression.outcome, Outcome::Value(value) if value.text == expression.source);
    expression.is_plain || is_value
}

/// The first characters of a text.
fn short(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
