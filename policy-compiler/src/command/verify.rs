//! `palisade verify`: checks a bundle as a gateway does.

mod export;

use std::path::{Path, PathBuf};

use clap::Args;
use palisade_gateway::bundle::{Container, Expectation, Manifest, Role, TrustKey, TrustSet};
use serde_json::json;

use super::console::Console;
use super::{Exit, Failure, Format, clock, files};

/// Verify a bundle exactly as a gateway does: signatures, channel, version, expiry, digests, and every section opened.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    #[command(flatten)]
    trust: OptionalTrust,
    /// A root in place of --trust: whom it names for bundles. Given several, in order, it is the last, and each must follow from the one
    /// before
    #[arg(long = "root", value_name = "FILE", required_unless_present = "keys", conflicts_with_all = ["keys", "threshold"])]
    roots: Vec<PathBuf>,
    /// Channel that the bundle must be for. Default: that of the root, or any
    #[arg(long)]
    channel: Option<String>,
    /// Lowest accepted version
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_version: u64,
    /// Time to verify at, RFC 3339 or Unix seconds. Default: now
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    at: Option<u64>,
    /// Write here, for other tools, the bytes that are signed, and each signer's public key and signature
    #[arg(long, value_name = "DIR")]
    export: Option<PathBuf>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// Whose signatures count, where somebody wants to know.
#[derive(Debug, Args)]
pub(super) struct OptionalTrust {
    /// A key that may sign: `ed25519:BASE64`, `es256:BASE64`, or a file that holds one; repeatable
    #[arg(long = "trust", value_name = "KEY|FILE")]
    keys: Vec<String>,
    /// How many distinct keys must have signed
    #[arg(long, value_name = "K", default_value_t = 1, requires = "keys")]
    threshold: usize,
}

impl OptionalTrust {
    /// None where no key is given.
    pub(super) fn set(&self) -> Result<Option<TrustSet>, Failure> {
        let Self { keys, threshold } = self;
        if keys.is_empty() {
            return Ok(None);
        }
        let keys = keys.iter().map(|text| read_key(text)).collect::<Result<Vec<_>, _>>()?;
        TrustSet::new(keys, *threshold).map(Some).map_err(|error| Failure::new("trust.set", error))
    }
}

pub(super) fn read_key(text: &str) -> Result<TrustKey, Failure> {
    let key = match text.contains(':') && !Path::new(text).exists() {
        true => text.to_owned(),
        false => files::read_text(Path::new(text))?,
    };
    TrustKey::parse(key.trim()).map_err(|error| Failure::new("trust.key", format!("`{text}`: {error}")))
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { bundle, trust, roots, channel, min_version, at, export, format } = arguments;
    let bytes = files::read(bundle)?;
    let now_seconds = match at {
        Some(at) => *at,
        None => clock::now()?,
    };
    let (trust, root_channel) = match trust.set()? {
        Some(keys) => (keys, None),
        None => {
            let root = super::root::chain(roots)?;
            if root.is_expired(now_seconds) {
                return Err(Failure::new("root.expired", "the root has expired, and vouches for nothing new"));
            }
            (root.role(Role::Bundle).clone(), Some(root.file().channel.clone()))
        }
    };
    let channel = channel.as_ref().or(root_channel.as_ref());
    let expectation = Expectation { channel: channel.map(String::as_str), min_version: *min_version, now_seconds };
    let container = Container::read(&bytes)?;
    let signatures = container.signatures().to_vec();
    let verified = container.verify(&trust)?;
    let signers: Vec<String> = verified.signers().iter().map(ToString::to_string).collect();
    let active = verified.accept(&expectation)?.open()?;
    if let Some(folder) = export {
        export::write(folder, &bytes, &signatures, trust.keys())?;
    }
    let Manifest { name, channel, version, created, expires, policies, .. } = active.manifest();
    match format {
        Format::Json => console.json(&json!({
            "schema": "palisade.verify/v1",
            "name": name,
            "channel": channel,
            "version": version,
            "digest": active.digest(),
            "created": clock::text(*created),
            "expires": clock::text(*expires),
            "signers": signers,
            "threshold": trust.threshold(),
            "policies": policies,
        }))?,
        Format::Pretty => {
            console.line(&format!("{name} version {version} on channel {channel}: verified"))?;
            console.line(&format!("digest     {}", active.digest()))?;
            console.line(&format!("expires    {}", clock::text(*expires)))?;
            console.line(&format!("signed by  {} of {} needed", signers.len(), trust.threshold()))?;
            for signer in signers {
                console.line(&format!("           {signer}"))?;
            }
        }
    }
    Ok(Exit::Success)
}
