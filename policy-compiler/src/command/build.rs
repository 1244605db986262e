//! `palisade build`: writes an unsigned bundle.

use std::path::PathBuf;

use clap::Args;
use palisade_gateway::bundle::{Container, Digest};
use serde_json::json;

use super::console::Console;
use super::{Exit, Failure, Format, clock, files, project, report};
use crate::build::{BuildOptions, MissingKeySets, build};
use crate::diagnostic::Findings;
use crate::source::Sources;

/// Build an unsigned bundle from a policy project.
///
/// The same project, version and time give the same bytes.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the project, or its palisade.toml
    project: PathBuf,
    /// Where to write the bundle
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Version on the channel; gateways can refuse lower ones. Default: the time of creation in Unix seconds
    #[arg(long, value_name = "N")]
    version: Option<u64>,
    /// Time of creation, RFC 3339 or Unix seconds. Default: SOURCE_DATE_EPOCH, or now
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    created: Option<u64>,
    /// Key set of an issuer, in place of the file that the project names; repeatable
    #[arg(long, value_name = "ALIAS=FILE", value_parser = project::alias_and_file)]
    jwks: Vec<(String, PathBuf)>,
    /// Output form; pretty goes to standard error, JSON to standard output
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { project: path, output, version, created, jwks, format } = arguments;
    let created = match created {
        Some(created) => *created,
        None => clock::source_date()?,
    };
    let (mut findings, mut sources) = (Findings::default(), Sources::default());
    let loaded = project::load(path, jwks, &mut findings, &mut sources)?;
    let options = BuildOptions { version: *version, created, missing_key_sets: MissingKeySets::Refuse };
    let built = loaded.and_then(|loaded| build(&loaded.sources, &options, &mut findings));
    let bundle = match &built {
        Some(built) => {
            files::write(output, &built.bytes)?;
            Some(json!({
                "path": output,
                "size": built.bytes.len(),
                "digest": Digest::of(Container::read(&built.bytes)?.unverified_manifest()),
                "version": version.unwrap_or(created),
                "policies": built.policies,
                "worst_case_steps": built.worst_case_steps,
            }))
        }
        None => None,
    };
    match format {
        Format::Json => {
            let mut document = report::document("palisade.build/v1", &sources, &findings);
            document.extend(bundle.map(|bundle| ("bundle".to_owned(), bundle)));
            console.json(&document.into())?;
        }
        Format::Pretty => {
            report::print(console, &sources, &findings);
            if let Some(built) = &built {
                let size = built.bytes.len();
                console.note(&format!(
                    "built {}: {} policies, {size} bytes, unsigned",
                    output.display(),
                    built.policies
                ));
            }
        }
    }
    Ok(if built.is_some() { Exit::Success } else { Exit::Findings })
}
