//! `palisade check`: everything that a build would refuse, and what a build would only mention.

use std::path::{Component, Path, PathBuf};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::console::Console;
use super::{Exit, Failure, project, report};
use crate::build::{Built, check};
use crate::cases::CaseFile;
use crate::diagnostic::{Findings, Sarif, catalogue, commands};
use crate::project::PROJECT_FILE;
use crate::source::Sources;

/// Check a policy project.
///
/// Parses and strictly validates policies, schema and entities, checks issuers and routes against the schema, compiles
/// the policies and opens the result as a gateway would. Warns of policies that do nothing (never true, duplicate,
/// shadowed, overridden), and notes those that no index narrows down. Key sets of issuers may be missing. Exits with 3
/// when there is an error among the findings, or with --deny-warnings a warning; notes never count.
#[derive(Debug, Args)]
#[command(after_long_help = catalogue())]
pub(super) struct Arguments {
    /// Folder of the project, or its palisade.toml
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Let warnings count as errors
    #[arg(long)]
    deny_warnings: bool,
    /// Output form; pretty findings go to standard error, all else to standard output
    #[arg(long, value_enum, default_value = "pretty")]
    format: CheckFormat,
}

/// Output for people, for tools, or for a code host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// Text for people
    Pretty,
    /// JSON for tools, in a versioned form
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Workflow commands of GitHub Actions
    Github,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { project: path, deny_warnings, format } = arguments;
    let (mut findings, mut sources) = (Findings::default(), Sources::default());
    let loaded = project::load(path, &[], &mut findings, &mut sources)?;
    let mut built = None;
    if let Some(loaded) = loaded {
        built = check(&loaded.sources, &mut findings);
        for file in &loaded.tests {
            drop(CaseFile::parse(file, &loaded.file, &mut findings));
        }
    }
    match format {
        CheckFormat::Json => {
            let mut document = report::document("palisade.check/v1", &sources, &findings);
            document.extend(built.as_ref().map(|built| ("compiled".to_owned(), cost(built))));
            console.json(&document.into())?;
        }
        CheckFormat::Sarif => {
            let log = serde_json::to_value(Sarif::new(&sources, &findings, PROJECT_FILE));
            console.json(&log.map_err(|error| Failure::new("internal", error))?)?;
        }
        CheckFormat::Github => console.bytes(commands(&sources, &findings, &folder(path)).as_bytes())?,
        CheckFormat::Pretty => {
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

fn cost(built: &Built) -> Value {
    let by_action = built.worst_cases.iter();
    let by_action = by_action.map(|case| json!({"action": case.action, "steps": case.steps}));
    json!({
        "policies": built.policies,
        "worst_case_steps": built.worst_case_steps,
        "worst_cases": by_action.collect::<Vec<Value>>(),
        "unindexed": built.unindexed,
    })
}

/// The project's folder as it was given, with `/` between segments: a workflow names files relative to where it runs.
fn folder(path: &Path) -> String {
    let folder = project::folder(path);
    let parts = folder.components().map(|part| match part {
        Component::RootDir => "".into(),
        _ => part.as_os_str().to_string_lossy(),
    });
    parts.collect::<Vec<_>>().join("/")
}
