//! Cedar's own errors as findings: stable codes, and the places that Cedar names.

use std::ops::Range;

use cedar_policy::{ValidationError, ValidationWarning};
use miette::Diagnostic as Reported;

use super::advice;
use super::policies::PolicyPlace;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceFile;

/// One of Cedar's errors about a text that is the whole of `file`.
pub(super) fn finding(code: &'static str, severity: Severity, file: &str, error: &dyn Reported) -> Diagnostic {
    let message = match error.source() {
        Some(cause) if !error.to_string().contains(&cause.to_string()) => {
            format!("{error}: {cause}")
        }
        _ => error.to_string(),
    };
    let message = message.replace('\n', " ");
    let mut diagnostic = match severity {
        Severity::Error => Diagnostic::error(code, message),
        Severity::Warning => Diagnostic::warning(code, message),
        Severity::Note => Diagnostic::note(code, message),
    }
    .in_file(file);
    let labels = error.labels().into_iter().flatten();
    for (index, label) in labels.enumerate() {
        let span = range(&label);
        if index == 0 {
            diagnostic.span = Some(span);
        } else {
            let text = label.label().unwrap_or("also here");
            diagnostic = diagnostic.with_related(file, span, text);
        }
    }
    diagnostic.help = error.help().map(|help| help.to_string());
    diagnostic
}

fn range(label: &miette::LabeledSpan) -> Range<usize> {
    label.offset()..label.offset() + label.len()
}

/// A validation error about the policy at a place.
pub(super) fn error_finding(place: Option<&PolicyPlace>, files: &[SourceFile], error: &ValidationError) -> Diagnostic {
    let diagnostic = about_policy(error_code(error), Severity::Error, place, error);
    let file = files.iter().find(|file| Some(&file.path) == diagnostic.file.as_ref());
    let access = file.zip(diagnostic.span.clone()).and_then(|(file, span)| file.text.get(span));
    let advice = match (error, access, &diagnostic.help) {
        (ValidationError::UnsafeOptionalAttributeAccess(_), Some(access), Some(help)) => {
            advice::attribute(access, help)
        }
        (ValidationError::UnsafeTagAccess(_), Some(access), _) => advice::tag(access),
        (_, _, _) => None,
    };
    match advice {
        Some(guard) => diagnostic.with_help(format!("ask first whether it is there: `{guard} && …`")),
        None => diagnostic,
    }
}

/// A validation warning about the policy at a place.
pub(super) fn warning_finding(place: Option<&PolicyPlace>, warning: &ValidationWarning) -> Diagnostic {
    let diagnostic = about_policy(warning_code(warning), Severity::Warning, place, warning);
    match warning {
        ValidationWarning::ImpossiblePolicy(_) => diagnostic.with_help("correct its conditions, or remove it"),
        ValidationWarning::InvalidActionApplication(_) => {
            diagnostic.with_help("compare its scope with `appliesTo` of the schema's actions")
        }
        _ => diagnostic,
    }
}

fn about_policy(
    code: &'static str,
    severity: Severity,
    place: Option<&PolicyPlace>,
    error: &dyn Reported,
) -> Diagnostic {
    let diagnostic = finding(code, severity, place.map_or("", |place| &place.text_file), error);
    match (&diagnostic.span, place) {
        // Of some findings Cedar knows the policy alone.
        (None, Some(place)) => diagnostic.at(&place.file, place.mark()),
        (Some(_) | None, _) => diagnostic,
    }
}

/// The code of a validation error. Cedar may add kinds: those are `validate.error`.
fn error_code(error: &ValidationError) -> &'static str {
    match error {
        ValidationError::UnrecognizedEntityType(_) => "validate.unknown_entity_type",
        ValidationError::UnrecognizedActionId(_) => "validate.unknown_action",
        ValidationError::UnexpectedType(_) => "validate.unexpected_type",
        ValidationError::IncompatibleTypes(_) => "validate.incompatible_types",
        ValidationError::UnsafeAttributeAccess(_) => "validate.unknown_attribute",
        ValidationError::UnsafeOptionalAttributeAccess(_) => "validate.unguarded_attribute",
        ValidationError::UnsafeTagAccess(_) => "validate.unguarded_tag",
        ValidationError::NoTagsAllowed(_) => "validate.no_tags",
        ValidationError::UndefinedFunction(_) => "validate.unknown_function",
        ValidationError::WrongNumberArguments(_) => "validate.argument_count",
        ValidationError::FunctionArgumentValidation(_) => "validate.argument",
        ValidationError::EmptySetForbidden(_) => "validate.empty_set",
        ValidationError::NonLitExtConstructor(_) => "validate.constructor_argument",
        ValidationError::InvalidEnumEntity(_) => "validate.unknown_enum_entity",
        ValidationError::IncompleteSchema(_) => "schema.incomplete",
        _ => "validate.error",
    }
}

/// The code of a validation warning. Cedar may add kinds: those are `validate.warning`.
fn warning_code(warning: &ValidationWarning) -> &'static str {
    match warning {
        ValidationWarning::ImpossiblePolicy(_) => "validate.impossible_policy",
        ValidationWarning::InvalidActionApplication(_) => "validate.never_applies",
        ValidationWarning::BidiCharsInString(_) | ValidationWarning::BidiCharsInIdentifier(_) => {
            "validate.bidi_characters"
        }
        ValidationWarning::MixedScriptString(_) | ValidationWarning::MixedScriptIdentifier(_) => {
            "validate.mixed_scripts"
        }
        ValidationWarning::ConfusableIdentifier(_) => "validate.confusable_characters",
        _ => "validate.warning",
    }
}
