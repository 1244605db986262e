//! `palisade pull`: gets a bundle from an OCI registry.

use std::path::PathBuf;

use clap::Args;
use palisade_gateway::bundle::{Container, Expectation};
use serde_json::json;

use super::console::Console;
use super::push::parse;
use super::registry::{Registry, RegistryArguments};
use super::verify::OptionalTrust;
use super::{Exit, Failure, Format, clock, files};
use crate::bundle::check_whole;
use crate::distribution::oci::Manifest;

/// Get a bundle from an OCI registry.
///
/// Sizes and digests are checked, and with --trust the bundle itself, as a gateway does; nothing is written before that. By a
/// digest, what comes is what was meant; by a tag, it is what the registry has there now.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// What to get: oci://REGISTRY/REPOSITORY, with :TAG, @sha256:DIGEST or neither
    #[arg(value_name = "REFERENCE")]
    reference: String,
    /// Where to write the bundle
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    trust: OptionalTrust,
    /// Channel that the bundle must be for, with --trust. Default: any
    #[arg(long, requires = "keys")]
    channel: Option<String>,
    /// Lowest accepted version, with --trust
    #[arg(long, value_name = "N", default_value_t = 0, requires = "keys")]
    min_version: u64,
    #[command(flatten)]
    registry: RegistryArguments,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { reference, output, trust, channel, min_version, registry, format } = arguments;
    let reference = parse(reference)?;
    let trust = trust.set()?;
    let registry = Registry::new(reference.clone(), registry)?;
    let (artifact, digest) = registry.manifest()?;
    let (layer, size) = Manifest::bundle(&artifact)
        .map_err(|error| Failure::new(error.code(), format!("`{}`: {error}", reference.pinned(&digest))))?;
    let bytes = registry.blob(&layer, size)?;
    let container = Container::read(&bytes)?;
    let manifest = check_whole(&container)?;
    if let Some(trust) = &trust {
        let expectation =
            Expectation { channel: channel.as_deref(), min_version: *min_version, now_seconds: clock::now()? };
        container.verify(trust)?.accept(&expectation)?.open()?;
    }
    files::write(output, &bytes)?;
    let verified = trust.is_some();
    match format {
        Format::Pretty => {
            let how = if verified { "verified" } else { "signatures not verified: no --trust" };
            let (channel, version) = (&manifest.channel, manifest.version);
            console.line(&reference.pinned(&digest))?;
            console.note(&format!("{}: {channel} version {version}, {how}", output.display()));
        }
        Format::Json => console.json(&json!({
            "schema": "palisade.pull/v1",
            "reference": reference.pinned(&digest),
            "digest": format!("sha256:{digest}"),
            "channel": manifest.channel,
            "version": manifest.version,
            "verified": verified,
        }))?,
    }
    Ok(Exit::Success)
}
