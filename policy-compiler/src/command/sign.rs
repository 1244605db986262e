//! `palisade sign`: adds a signature to a bundle.

use std::path::PathBuf;

use clap::Args;

use super::console::Console;
use super::{Exit, Failure, files};
use crate::bundle;
use crate::keys::PrivateKey;

/// Sign a bundle, in place.
///
/// Adds a signature by this key, or replaces the one it made before. Signatures by other keys stay.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// Private key in PEM form (ed25519 or es256), readable by its owner only
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Where to write the signed bundle. Default: over the bundle
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let Arguments { bundle: path, key, output } = arguments;
    let key = PrivateKey::from_pem(&files::read_secret(key)?)?;
    let signed = bundle::sign(&files::read(path)?, &key)?;
    let output = output.as_ref().unwrap_or(path);
    files::write(output, &signed)?;
    let id = key.trust_key()?.id();
    console.note(&format!("signed {} with {} key {id}", output.display(), key.algorithm()));
    Ok(Exit::Success)
}
