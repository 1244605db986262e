//! Parses the schema.

use cedar_policy::Schema;

use super::cedar::finding;
use crate::diagnostic::{Diagnostic, Findings, Severity};
use crate::nesting;
use crate::source::SourceFile;

/// Parses a schema in Cedar syntax or, where it begins with a brace, in Cedar's JSON.
pub(super) fn parse(file: &SourceFile, findings: &mut Findings) -> Option<Schema> {
    if let Err(error) = nesting::check(&file.text) {
        findings.push(Diagnostic::error("schema.nesting", error.to_string()).in_file(&file.path));
        return None;
    }
    let refused = |error: &dyn miette::Diagnostic| finding("schema.refused", Severity::Error, &file.path, error);
    let parsed = if file.text.trim_start().starts_with('{') {
        Schema::from_json_str(&file.text).map_err(|error| refused(&error))
    } else {
        match Schema::from_cedarschema_str(&file.text) {
            Ok((schema, warnings)) => {
                let warning = |warning| finding("schema.warning", Severity::Warning, &file.path, &warning);
                findings.extend(warnings.map(warning));
                Ok(schema)
            }
            Err(error) => Err(refused(&error)),
        }
    };
    match parsed {
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
