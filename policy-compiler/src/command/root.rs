//! `palisade root`: which keys may sign what on a channel.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use palisade_gateway::bundle::{ROOT_TYPE, Role, RoleFile, RolesFile, Root, RootError, RootFile, TrustKey};
use serde_json::{Map, Value, json};

use super::console::Console;
use super::freshness::duration;
use super::verify::read_key;
use super::{Exit, Failure, Format, clock, files};
use crate::signed::Document;

/// Say which keys may sign what on a channel, and change that.
///
/// A root names the keys of four roles: `root` (the next root), `bundle`, `freshness` and `revocation`. Gateways begin with the
/// root in their configuration (`palisade gateway-config --root`) and take the next one, NAME.root.N.json, when it is signed by
/// enough `root` keys of the one before and of its own. `init` and `rotate` write a document; `palisade sign` signs it, key by key.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(Init),
    Rotate(Rotate),
    Show(Show),
}

/// Write the first root of a channel, unsigned. Who signs bundles signs freshness and revocations, unless others are given.
#[derive(Debug, Args)]
struct Init {
    /// The channel: the name of its bundles
    #[arg(long, value_name = "NAME")]
    channel: String,
    #[command(flatten)]
    roles: Roles,
    /// Where to write, such as NAME.root.1.json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Write the next root, unsigned. Sign it with enough old and new `root` keys.
///
/// A bundle that only removed keys have signed decides nothing any more once a gateway has the next root. For a change without a gap,
/// first sign the bundle with a new key as well and publish that, then the root.
#[derive(Debug, Args)]
struct Rotate {
    /// The root before
    root: PathBuf,
    #[command(flatten)]
    roles: Roles,
    /// A key that is in no role any more; repeatable
    #[arg(long, value_name = "KEY|FILE")]
    remove: Vec<String>,
    /// Where to write, such as NAME.root.2.json
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

/// Check roots and show the last: the first must be signed by its own keys, each further one by the one before as well.
#[derive(Debug, Args)]
struct Show {
    /// The roots, in order
    #[arg(required = true, value_name = "FILE")]
    roots: Vec<PathBuf>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// Keys that come in, and how many must sign.
#[derive(Debug, Args)]
struct Roles {
    /// A key for a role: root, bundle, freshness or revocation; repeatable
    #[arg(long = "add", value_name = "ROLE=KEY|FILE", value_parser = role_and_key)]
    add: Vec<(Role, String)>,
    /// How many keys of a role must sign. Default: as before, or 1
    #[arg(long = "threshold", value_name = "ROLE=K", value_parser = role_and_threshold)]
    thresholds: Vec<(Role, usize)>,
    /// For how long from now the root vouches for new bundles
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "365d")]
    duration: u64,
    /// Time of writing, RFC 3339 or Unix seconds. Default: now
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    issued: Option<u64>,
}

fn role(text: &str) -> Result<Role, String> {
    let role = Role::ALL.into_iter().find(|role| role.as_str() == text);
    role.ok_or_else(|| format!("`{text}` is none of root, bundle, freshness and revocation"))
}

fn role_and_key(text: &str) -> Result<(Role, String), String> {
    let (name, key) = text.split_once('=').ok_or("expected ROLE=KEY")?;
    Ok((role(name)?, key.to_owned()))
}

fn role_and_threshold(text: &str) -> Result<(Role, usize), String> {
    let (name, threshold) = text.split_once('=').ok_or("expected ROLE=K")?;
    Ok((role(name)?, threshold.parse().map_err(|_| format!("`{threshold}` is no number"))?))
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Init(init) => first(init, console),
        Command::Rotate(rotate) => next(rotate, console),
        Command::Show(show) => print(show, console),
    }
}

fn first(arguments: &Init, console: &Console) -> Result<Exit, Failure> {
    let Init { channel, roles, output } = arguments;
    let nobody = || RoleFile { keys: Vec::new(), threshold: 1 };
    let empty = RolesFile { root: nobody(), bundle: nobody(), freshness: nobody(), revocation: nobody() };
    let file = RootFile { channel: channel.clone(), version: 1, issued: 0, expires: 0, roles: empty };
    let mut file = roles.apply(file)?;
    for role in [Role::Freshness, Role::Revocation] {
        if file.roles.role(role).keys.is_empty() {
            *file.roles.role_mut(role) = file.roles.bundle.clone();
        }
    }
    write(file, output, console)
}

fn next(arguments: &Rotate, console: &Console) -> Result<Exit, Failure> {
    let Rotate { root, roles, remove, output } = arguments;
    let mut file = Root::trusted(&files::read(root)?)?.file().clone();
    file.version = file.version.checked_add(1).ok_or_else(|| Failure::from(RootError::Version))?;
    for text in remove {
        let key = read_key(text)?.to_string();
        let mut found = false;
        for role in Role::ALL {
            let keys = &mut file.roles.role_mut(role).keys;
            let before = keys.len();
            keys.retain(|known| *known != key);
            found |= keys.len() < before;
        }
        if !found {
            return Err(Failure::new("root.no_such_key", format!("`{text}` is in no role")));
        }
    }
    write(roles.apply(file)?, output, console)
}

impl Roles {
    fn apply(&self, mut file: RootFile) -> Result<RootFile, Failure> {
        let Self { add, thresholds, duration, issued } = self;
        for (role, text) in add {
            file.roles.role_mut(*role).keys.push(read_key(text)?.to_string());
        }
        for (role, threshold) in thresholds {
            file.roles.role_mut(*role).threshold = *threshold;
        }
        let issued = match issued {
            Some(issued) => *issued,
            None => clock::now()?,
        };
        Ok(RootFile { issued, expires: issued.saturating_add(*duration), ..file })
    }
}

/// Writes a root that would be accepted once it is signed.
fn write(file: RootFile, output: &Path, console: &Console) -> Result<Exit, Failure> {
    Root::check(&file)?;
    files::write(output, &Document::new(ROOT_TYPE, &file)?.to_bytes()?)?;
    let (version, needed) = (file.version, file.roles.root.threshold);
    let also = if version == 1 { "" } else { ", and by the keys of the root before" };
    console.note(&format!("{}: root {version}, unsigned; to be signed by {needed} root keys{also}", output.display()));
    Ok(Exit::Success)
}

fn print(arguments: &Show, console: &mut Console) -> Result<Exit, Failure> {
    let Show { roots, format } = arguments;
    let root = chain(roots)?;
    let RootFile { channel, version, issued, expires, roles } = root.file();
    let digest = root.digest();
    match format {
        Format::Json => {
            let roles: Map<String, Value> = Role::ALL
                .into_iter()
                .map(|role| {
                    let RoleFile { keys, threshold } = roles.role(role);
                    (role.as_str().to_owned(), json!({"keys": keys, "threshold": threshold}))
                })
                .collect();
            console.json(&json!({
                "schema": "palisade.root/v1",
                "channel": channel,
                "version": version,
                "digest": digest,
                "issued": clock::text(*issued),
                "expires": clock::text(*expires),
                "roles": roles,
            }))?;
        }
        Format::Pretty => {
            console.line(&format!("root {version} of channel {channel}: verified"))?;
            console.line(&format!("digest     {digest}"))?;
            console.line(&format!("expires    {}", clock::text(*expires)))?;
            for role in Role::ALL {
                let (name, trust) = (role.as_str(), root.role(role));
                console.line(&format!("{name:<10} {} of {} keys", trust.threshold(), trust.keys().len()))?;
                for key in trust.keys().iter().map(TrustKey::to_string) {
                    console.line(&format!("           {key}"))?;
                }
            }
        }
    }
    Ok(Exit::Success)
}

/// The last of a chain of roots, each verified.
pub(super) fn chain(paths: &[PathBuf]) -> Result<Root, Failure> {
    let mut root: Option<Root> = None;
    for path in paths {
        let bytes = files::read(path)?;
        let verified = match root {
            None => Root::trusted(&bytes),
            Some(before) => before.next(&bytes),
        };
        root = Some(verified.map_err(|error| Failure::file(error.code(), path, error))?);
    }
    root.ok_or_else(|| Failure::new("root.none", "there is no root"))
}
