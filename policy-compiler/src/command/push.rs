//! `palisade push`: puts a bundle into an OCI registry.

use std::path::PathBuf;

use clap::Args;
use palisade_gateway::bundle::Container;
use serde_json::json;

use super::console::Console;
use super::registry::{Registry, RegistryArguments};
use super::{Exit, Failure, Format, files};
use crate::bundle::check_whole;
use crate::distribution::oci::{EMPTY_CONFIG, Manifest, Reference};

/// Put a signed bundle into an OCI registry, as an artifact with one layer.
///
/// Prints the reference by which it can be pulled for good: with its digest. The same bundle gives the same digest.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// Where to put it: oci://REGISTRY/REPOSITORY, with :TAG or without
    #[arg(value_name = "REFERENCE")]
    reference: String,
    #[command(flatten)]
    registry: RegistryArguments,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { bundle, reference, registry, format } = arguments;
    let reference = parse(reference)?;
    if reference.digest.is_some() {
        return Err(Failure::new("oci.reference", "the digest is the bundle's own: push to a tag, or to none"));
    }
    let bytes = files::read(bundle)?;
    let container = Container::read(&bytes)?;
    let manifest = check_whole(&container)?;
    if container.signatures().is_empty() {
        return Err(Failure::file("artefact.unsigned", bundle, "it has no signature; see `palisade sign`"));
    }
    let artifact = Manifest::of(&bytes, &format!("{}.palisade", manifest.channel), manifest.version);
    let artifact = artifact.encode().map_err(|error| Failure::new(error.code(), error))?;
    let registry = Registry::new(reference.clone(), registry)?;
    registry.push_blob(EMPTY_CONFIG)?;
    registry.push_blob(&bytes)?;
    let digest = registry.push_manifest(&artifact)?;
    match format {
        Format::Pretty => console.line(&reference.pinned(&digest))?,
        Format::Json => console.json(&json!({
            "schema": "palisade.push/v1",
            "reference": reference.pinned(&digest),
            "tag": reference.tag,
            "digest": format!("sha256:{digest}"),
            "channel": manifest.channel,
            "version": manifest.version,
        }))?,
    }
    Ok(Exit::Success)
}

pub(super) fn parse(reference: &str) -> Result<Reference, Failure> {
    reference.parse().map_err(|error| Failure::new("oci.reference", format!("`{reference}`: {error}")))
}
