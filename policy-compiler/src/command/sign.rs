//! `palisade sign`: adds a signature to a bundle or a signed document, made here or elsewhere.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use palisade_gateway::bundle::{Digest, KeyId, TrustKey};
use palisade_gateway::limits;

use super::console::Console;
use super::verify::read_key;
use super::{Exit, Failure, files};
use crate::bundle;
use crate::keys::PrivateKey;
use crate::signed::Document;

/// Sign a bundle, or a document beside it (NAME.revocations.json and the like), in place.
///
/// Adds a signature by this key, or replaces the one it made before. Signatures by other keys stay.
///
/// A key that cannot be had as a file, such as one in an HSM or a key management service, signs in two steps. --digest prints the
/// SHA-256 of the bytes that have to be signed (DSSE's pre-authentication encoding) for services that sign digests, and --payload
/// writes the bytes themselves: ECDSA P-256 with SHA-256, or Ed25519. --signature adds what came back, once it is verified by --trust.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("how").required(true).args(["key", "key_env", "digest", "signature"]))]
pub(super) struct Arguments {
    /// The bundle or document
    file: PathBuf,
    /// Private key in PEM form (ed25519 or es256), readable by its owner only
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Environment variable with such a key
    #[arg(long, value_name = "VARIABLE")]
    key_env: Option<String>,
    /// Sign nothing: print the SHA-256 of what has to be signed, in hexadecimal
    #[arg(long, conflicts_with = "output")]
    digest: bool,
    /// Write the bytes that have to be signed here
    #[arg(long, value_name = "FILE", requires = "digest")]
    payload: Option<PathBuf>,
    /// A signature over these bytes that was made elsewhere, as it is or in base64; ECDSA in DER form or as r and s
    #[arg(long, value_name = "FILE", requires = "trust")]
    signature: Option<PathBuf>,
    /// The key that made it: `ed25519:BASE64`, `es256:BASE64`, or a file that holds one
    #[arg(long, value_name = "KEY|FILE", requires = "signature")]
    trust: Option<String>,
    /// Where to write the signed file. Default: over it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { file, key, key_env, digest, payload, signature, trust, output } = arguments;
    let unsigned = Unsigned::read(file)?;
    if *digest {
        let message = unsigned.message()?;
        if let Some(path) = payload {
            files::write(path, &message)?;
        }
        console.line(&Digest::of(&message).to_string())?;
        return Ok(Exit::Success);
    }
    let (signed, id, algorithm) = match (signature, trust) {
        (Some(signature), Some(trust)) => {
            let key = read_key(trust)?;
            let signed = unsigned.attach(&key, &decoded(files::read(signature)?))?;
            (signed, key.id(), key.algorithm().name())
        }
        (_, _) => {
            let key = private_key(key.as_deref(), key_env.as_deref())?;
            let (signed, id) = unsigned.sign(&key)?;
            (signed, id, key.algorithm().as_str())
        }
    };
    let output = output.as_ref().unwrap_or(file);
    files::write(output, &signed)?;
    console.note(&format!("signed {} with {algorithm} key {id}", output.display()));
    Ok(Exit::Success)
}

pub(super) fn private_key(file: Option<&Path>, variable: Option<&str>) -> Result<PrivateKey, Failure> {
    let text = match (file, variable) {
        (Some(path), _) => files::read_secret(path)?,
        (None, Some(name)) => std::env::var(name)
            .map_err(|error| Failure::new("key.environment", format!("the variable `{name}`: {error}")))?,
        (None, None) => return Err(Failure::new("internal", "there is no key")),
    };
    Ok(PrivateKey::from_pem(&text)?)
}

/// A signature as tools leave it: bytes, or a line of base64. No signature of ours is 88 or more bytes long, and no base64 of one
/// is shorter.
fn decoded(bytes: Vec<u8>) -> Vec<u8> {
    let text = bytes.trim_ascii();
    match STANDARD.decode(text) {
        Ok(decoded) if text.len() >= 88 => decoded,
        Ok(_) | Err(_) => bytes,
    }
}

/// What is to be signed.
enum Unsigned {
    Bundle(Vec<u8>),
    Document(Document),
}

impl Unsigned {
    /// Documents are JSON objects, and bundles begin with their magic.
    fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = files::read(path)?;
        Ok(match bytes.first() {
            Some(b'{') => Self::Document(Document::read(&bytes, limits::BUNDLE_BYTES)?),
            Some(_) | None => Self::Bundle(bytes),
        })
    }

    fn message(&self) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Bundle(bytes) => Ok(bundle::message(bytes)?),
            Self::Document(document) => Ok(document.message()),
        }
    }

    fn sign(self, key: &PrivateKey) -> Result<(Vec<u8>, KeyId), Failure> {
        let signed = match self {
            Self::Bundle(bytes) => bundle::sign(&bytes, key)?,
            Self::Document(mut document) => {
                document.sign(key)?;
                document.to_bytes()?
            }
        };
        Ok((signed, key.trust_key()?.id()))
    }

    fn attach(self, key: &TrustKey, signature: &[u8]) -> Result<Vec<u8>, Failure> {
        Ok(match self {
            Self::Bundle(bytes) => bundle::attach(&bytes, key, signature)?,
            Self::Document(mut document) => {
                document.attach(key, signature)?;
                document.to_bytes()?
            }
        })
    }
}
