//! Findings on the console.

use serde_json::{Map, Value, json};

use super::console::Console;
use crate::diagnostic::{FindingJson, Findings};
use crate::source::Sources;

/// Prints findings and their number to standard error.
pub(super) fn print(console: &Console, sources: &Sources, findings: &Findings) {
    if findings.is_empty() {
        return;
    }
    console.findings(sources, findings);
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let mut summary = vec![count(findings.errors(), "error"), count(findings.warnings(), "warning")];
    if findings.notes() > 0 {
        summary.push(count(findings.notes(), "note"));
    }
    console.note(&format!("\n{}", summary.join(", ")));
}

/// Findings as a versioned JSON document.
pub(super) fn document(schema: &str, sources: &Sources, findings: &Findings) -> Map<String, Value> {
    let list: Vec<FindingJson<'_>> =
        findings.sorted().into_iter().map(|finding| FindingJson::new(sources, finding)).collect();
    let mut document = Map::new();
    document.insert("schema".to_owned(), json!(schema));
    document.insert("errors".to_owned(), json!(findings.errors()));
    document.insert("warnings".to_owned(), json!(findings.warnings()));
    document.insert("notes".to_owned(), json!(findings.notes()));
    document.insert("findings".to_owned(), json!(list));
    document
}
