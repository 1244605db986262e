//! `palisade keys`: generates keys and collects key sets.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::console::Console;
use super::{Exit, Failure, Format, files};
use crate::keys::{Algorithm, PrivateKey, jwk_set};

/// Generate keys and collect key sets.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(Generate),
    Jwks(Jwks),
}

/// Generate a key pair.
///
/// Writes ID.pem (the private key, PKCS#8, readable by its owner only), ID.jwk.json (the public key as a JWK) and, for
/// keys that sign bundles, ID.pub (the public key as `--trust` takes it). Existing files are not overwritten.
#[derive(Debug, Args)]
struct Generate {
    /// ed25519 and es256 sign bundles and tokens, rs256 signs tokens only
    #[arg(long, value_enum)]
    algorithm: AlgorithmArgument,
    /// Key id: 1 to 64 of A-Z, a-z, 0-9, `-`, `_`, `.`
    #[arg(long, value_name = "ID", value_parser = key_id)]
    kid: String,
    /// Folder for the files; created if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// Collect public keys into a JWK Set.
///
/// Takes files and folders; of a folder, every *.jwk.json. Private keys are refused.
#[derive(Debug, Args)]
struct Jwks {
    /// Folders or files
    #[arg(required = true, value_name = "DIR|FILE")]
    inputs: Vec<PathBuf>,
    /// Where to write the set; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AlgorithmArgument {
    Ed25519,
    Es256,
    Es384,
    Rs256,
}

fn key_id(text: &str) -> Result<String, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('.');
    if fits { Ok(text.to_owned()) } else { Err("1 to 64 of A-Z, a-z, 0-9, `-`, `_`, `.`".to_owned()) }
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Generate(generate) => generate_key(generate, console),
        Command::Jwks(jwks) => collect(jwks, console),
    }
}

fn generate_key(arguments: &Generate, console: &mut Console) -> Result<Exit, Failure> {
    let Generate { algorithm, kid, out, format } = arguments;
    let algorithm = match algorithm {
        AlgorithmArgument::Ed25519 => Algorithm::Ed25519,
        AlgorithmArgument::Es256 => Algorithm::Es256,
        AlgorithmArgument::Es384 => Algorithm::Es384,
        AlgorithmArgument::Rs256 => Algorithm::Rs256,
    };
    let [private, public, jwk] = ["pem", "pub", "jwk.json"].map(|extension| out.join(format!("{kid}.{extension}")));
    for path in [&private, &public, &jwk] {
        if path.exists() {
            return Err(Failure::file("key.exists", path, "exists already, and keys are not overwritten"));
        }
    }
    std::fs::create_dir_all(out).map_err(|error| Failure::file("io.write", out, error))?;
    let key = PrivateKey::generate(algorithm)?;
    files::write_secret(&private, key.to_pem()?.as_bytes())?;
    let text = format!("{:#}\n", key.public_jwk(kid)?);
    files::write(&jwk, text.as_bytes())?;
    let trust = key.trust_key().ok().map(|trust| trust.to_string());
    if let Some(trust) = &trust {
        files::write(&public, format!("{trust}\n").as_bytes())?;
    }
    match format {
        Format::Json => console.json(&json!({
            "schema": "palisade.keys.generate/v1",
            "kid": kid,
            "algorithm": algorithm.as_str(),
            "private_key": private,
            "jwk": jwk,
            "trust": trust,
        }))?,
        Format::Pretty => {
            console.line(&format!("{algorithm} key `{kid}`"))?;
            console.line(&format!("private key  {}", private.display()))?;
            console.line(&format!("public JWK   {}", jwk.display()))?;
            if let Some(trust) = trust {
                console.line(&format!("trust        {trust}"))?;
            }
        }
    }
    Ok(Exit::Success)
}

fn collect(arguments: &Jwks, console: &mut Console) -> Result<Exit, Failure> {
    let mut paths = Vec::new();
    for input in &arguments.inputs {
        if input.is_dir() {
            paths.extend(files::with_extension(input, ".jwk.json")?);
        } else {
            paths.push(input.clone());
        }
    }
    let keys: Vec<Value> = paths.iter().map(|path| read_public(path)).collect::<Result<_, Failure>>()?;
    if keys.is_empty() {
        return Err(Failure::new("key.none", "there are no *.jwk.json files"));
    }
    let mut kids: Vec<Option<&Value>> = keys.iter().map(|key| key.get("kid")).collect();
    kids.sort_by_key(|kid| kid.map(ToString::to_string));
    kids.dedup();
    if kids.len() != keys.len() {
        return Err(Failure::new("key.duplicate", "two keys have the same `kid`"));
    }
    let text = format!("{:#}\n", jwk_set(keys));
    if files::is_standard(&arguments.output) {
        console.bytes(text.as_bytes())?;
    } else {
        files::write(&arguments.output, text.as_bytes())?;
    }
    Ok(Exit::Success)
}

fn read_public(path: &Path) -> Result<Value, Failure> {
    let text = files::read_text(path)?;
    let key: Value = serde_json::from_str(&text).map_err(|error| Failure::file("key.jwk", path, error))?;
    if key.get("kty").is_none() {
        return Err(Failure::file("key.jwk", path, "not a JWK: it has no `kty`"));
    }
    if crate::keys::has_secret(&key) {
        return Err(Failure::file("key.secret", path, "a private or symmetric key does not belong into a key set"));
    }
    Ok(key)
}
