//! `palisade freshness`: renews a bundle that is out there.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use palisade_gateway::bundle::{Container, Digest, FRESHNESS_TYPE, FreshnessFile};
use palisade_gateway::limits;

use super::console::Console;
use super::sign::private_key;
use super::{Exit, Failure, clock, files};
use crate::bundle;
use crate::project::parse_duration;
use crate::signed::Document;

/// Renew a bundle: write a small signed document that lets gateways go on with exactly this bundle for a while.
///
/// Give bundles a short `lifetime`, and publish NAME.freshness.json again and again: a gateway that somebody keeps at an old bundle then
/// stops deciding by it. The document never shortens a life. It is signed here, or later by `palisade sign`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how").required(true).args(["key", "key_env", "unsigned"]))]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// For how long from now, such as 1h or 2d; at most 31 days
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: u64,
    /// Time of signing, RFC 3339 or Unix seconds. Default: now
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    issued: Option<u64>,
    /// Private key in PEM form (ed25519 or es256), readable by its owner only
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Environment variable with such a key
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// Sign later, with `palisade sign`
    #[arg(long)]
    unsigned: bool,
    /// Where to write the document, such as NAME.freshness.json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn duration(text: &str) -> Result<u64, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let Arguments { bundle: path, duration, issued, key, key_env, unsigned, output } = arguments;
    if !(1..=limits::FRESHNESS_MAX_SECONDS).contains(duration) {
        return Err(Failure::new("freshness.lifetime", "a freshness document lives for 1 second to 31 days"));
    }
    let bytes = files::read(path)?;
    let container = Container::read(&bytes)?;
    let manifest = bundle::check_whole(&container)?;
    let issued = match issued {
        Some(issued) => *issued,
        None => clock::now()?,
    };
    let file = FreshnessFile {
        channel: manifest.channel,
        version: manifest.version,
        digest: Digest::of(container.unverified_manifest()),
        issued,
        expires: issued.saturating_add(*duration),
    };
    let mut document = Document::new(FRESHNESS_TYPE, &file)?;
    if !unsigned {
        document.sign(&private_key(key.as_deref(), key_env.as_deref())?)?;
    }
    files::write(output, &document.to_bytes()?)?;
    let (version, channel) = (file.version, &file.channel);
    let until = clock::text(file.expires);
    console.note(&format!("{}: version {version} on channel {channel} decides until {until}", output.display()));
    Ok(Exit::Success)
}
