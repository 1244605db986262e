//! `palisade jwks`: what a gateway makes of key sets.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use palisade_gateway::token::JwksError;
use palisade_gateway::{Json, JsonLimits, KeyReport, KeyUse, inspect_keys};
use serde_json::{Value, json};

use super::console::Console;
use super::{Exit, Failure, Format, files};

/// Look at key sets.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Lint(Lint),
}

/// Say of each key of a JWK Set whether a gateway would use it, for which algorithms, or why not.
///
/// Exits with 3 when a gateway would refuse a bundle with the set: for a private, weak or malformed key, an id that two keys
/// share, or no usable key at all. Keys that are for something else are passed over.
#[derive(Debug, Args)]
struct Lint {
    /// The JWK Set; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// The set is the bundle of a SPIFFE trust domain, and its keys are to sign JWT-SVIDs
    #[arg(long)]
    svid: bool,
    /// The set is the bundle of a SPIFFE trust domain, and its keys are to sign WIT-SVIDs
    #[arg(long, conflicts_with = "svid")]
    wit_svid: bool,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Command::Lint(Lint { file, svid, wit_svid, format }) = &arguments.command;
    let key_use = match (svid, wit_svid) {
        (true, _) => KeyUse::JwtSvids,
        (false, true) => KeyUse::WitSvids,
        (false, false) => KeyUse::Signatures,
    };
    let text = files::read(file)?;
    let jwks = Json::parse(&text, &JsonLimits::JWKS).map_err(|error| Failure::file("jwks.json", file, error))?;
    let keys = inspect_keys(&jwks, key_use).map_err(|error| match error {
        JwksError::Malformed => Failure::file("jwks.malformed", file, "not a JWK Set: it has no array `keys`"),
        JwksError::Limit => Failure::file("jwks.limit", file, "more keys than a gateway takes"),
    })?;
    let usable = keys.iter().filter(|key| key.algorithms.is_ok()).count();
    let is_defect = |key: &&KeyReport| key.algorithms.as_ref().is_err_and(|error| !error.is_ignorable());
    let defects = keys.iter().filter(is_defect).count();
    match format {
        Format::Json => console.json(&json!({
            "schema": "palisade.jwks.lint/v1",
            "usable": usable,
            "defects": defects,
            "keys": keys.iter().map(document).collect::<Vec<Value>>(),
        }))?,
        Format::Pretty => {
            for key in &keys {
                console.line(&line(key))?;
            }
            console.line(&format!(
                "{usable} usable, {defects} defective, {} passed over",
                keys.len() - usable - defects
            ))?;
        }
    }
    Ok(if defects > 0 || usable == 0 { Exit::Findings } else { Exit::Success })
}

fn document(key: &KeyReport) -> Value {
    let KeyReport { index, kid, thumbprint, algorithms } = key;
    let thumbprint = thumbprint.map(|digest| URL_SAFE_NO_PAD.encode(digest));
    match algorithms {
        Ok(algorithms) => {
            let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
            json!({"index": index, "kid": kid, "thumbprint": thumbprint, "algorithms": names})
        }
        Err(error) => {
            json!({"index": index, "kid": kid, "code": error.code(), "defect": !error.is_ignorable()})
        }
    }
}

fn line(key: &KeyReport) -> String {
    let KeyReport { index, kid, thumbprint, algorithms } = key;
    let thumbprint = thumbprint.map(|digest| URL_SAFE_NO_PAD.encode(digest));
    let kid = kid.as_deref().unwrap_or("no kid");
    match algorithms {
        Ok(algorithms) => {
            let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
            let thumbprint = thumbprint.unwrap_or_default();
            format!("key {index} ({kid}): {}, thumbprint {thumbprint}", names.join(", "))
        }
        Err(error) => format!("key {index} ({kid}): {}", error.code()),
    }
}
