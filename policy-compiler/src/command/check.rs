//! `palisade check`: everything that a build would refuse, and what a build would only mention.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::console::Console;
use super::{Exit, Failure, Format, project, report};
use crate::build::{BuildOptions, MissingKeySets, build};
use crate::cases::CaseFile;
use crate::diagnostic::Findings;
use crate::source::Sources;

/// Check a policy project.
///
/// Parses and strictly validates policies, schema and entities, checks issuers and routes against the schema, compiles
/// the policies and opens the result as a gateway would. Key sets of issuers may be missing. Exits with 3 when there is
/// an error among the findings, or with --deny-warnings any finding.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the project, or its palisade.toml
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Let warnings count as errors
    #[arg(long)]
    deny_warnings: bool,
    /// Output form; pretty findings go to standard error, JSON to standard output
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { project: path, deny_warnings, format } = arguments;
    let (mut findings, mut sources) = (Findings::default(), Sources::default());
    let loaded = project::load(path, &[], &mut findings, &mut sources)?;
    let mut built = None;
    if let Some(loaded) = loaded {
        let options = BuildOptions { version: None, created: 0, missing_key_sets: MissingKeySets::Placeholder };
        built = build(&loaded.sources, &options, &mut findings);
        for file in &loaded.tests {
            drop(CaseFile::parse(file, &loaded.file, &mut findings));
        }
    }
    match format {
        Format::Json => {
            let cost = built.as_ref().map(|built| {
                let by_action = built.worst_cases.iter();
                let by_action = by_action.map(|case| json!({"action": case.action, "steps": case.steps}));
                json!({
                    "policies": built.policies,
                    "worst_case_steps": built.worst_case_steps,
                    "worst_cases": by_action.collect::<Vec<Value>>(),
                    "unindexed": built.unindexed,
                })
            });
            let mut document = report::document("palisade.check/v1", &sources, &findings);
            document.extend(cost.map(|cost| ("compiled".to_owned(), cost)));
            console.json(&document.into())?;
        }
        Format::Pretty => {
            report::print(console, &sources, &findings);
            if let Some(built) = &built {
                console.line(&format!(
                    "ok: {} policies, at most {} steps a decision",
                    built.policies, built.worst_case_steps
                ))?;
            }
        }
    }
    let bad = findings.errors() > 0 || (*deny_warnings && findings.warnings() > 0);
    Ok(if bad { Exit::Findings } else { Exit::Success })
}
