//! `palisade revoke`: edits, signs and publishes the list of what is no longer believed.

pub(super) mod list_file;
mod named;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use palisade_gateway::revocation::{Entry, EntryKind, OnExpiry, Reason};
use serde_json::json;

use super::console::Console;
use super::{Exit, Failure, Format, clock, files};
use crate::keys::PrivateKey;
use crate::revocation::{ListEditor, Publication};
use list_file::ListPath;

/// Revoke what gateways should no longer believe, or take that back.
///
/// Changes NAME.revocations.json, which gateways of the channel NAME fetch: the list as it is must be signed by who signs it now (or by
/// --trust); the next one has the next serial, and takes its place by a rename. Without a file, a new list begins.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One token: its `jti`, or the token itself by --token
    Token(TokenEntry),
    /// Somebody: `sub`, or the principal's id; in tokens about them, and in tokens that they act in
    Subject(Change),
    /// An OAuth client: `client_id` or `azp`
    Client(Change),
    /// A session: `sid`
    Session(Change),
    /// Somebody as an actor for others only
    Actor(Change),
    /// A key of an issuer: `kid`, or its SHA-256 thumbprint in base64url (RFC 7638), as `palisade jwks lint` prints it
    Key(Change),
    /// A key or certificate that callers hold: its SHA-256 thumbprint or digest, in base64url
    Thumbprint(Change),
    /// A SPIFFE id, in tokens and certificates
    Spiffe(Change),
    /// A transaction: `txn`
    Transaction(Change),
    /// A task of agents
    Task(Change),
    /// All that an issuer says
    Issuer(Change),
    /// Principals of a Cedar type
    Type(Change),
    Renew(Renew),
    Show(show::Arguments),
}

/// What is changed.
#[derive(Debug, Args)]
struct Change {
    /// What it is about. With an issuer: ALIAS/ID, as in `Agent::"ALIAS/ID"` of decision records, or ID with --issuer
    value: String,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    publish: Publish,
}

/// What is changed about a token.
#[derive(Debug, Args)]
struct TokenEntry {
    /// ALIAS/JTI, or JTI with --issuer
    #[arg(required_unless_present = "token", conflicts_with = "token")]
    value: Option<String>,
    /// File with the token, `-` for standard input: its `iss`, `jti` and `exp` are taken. Nothing is verified
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    publish: Publish,
}

#[derive(Debug, Args)]
struct Terms {
    /// The issuer, by its alias in the policy bundle or by its `iss`
    #[arg(long, value_name = "ISSUER")]
    issuer: Option<String>,
    /// Only tokens issued at this time or before, RFC 3339 or Unix seconds
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    issued_before: Option<u64>,
    /// When the entry may go, RFC 3339 or Unix seconds: whatever it is about has expired by then. Default: never
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    until: Option<u64>,
    /// Why; for decision records
    #[arg(long, value_name = "REASON", value_parser = reason, default_value = "unspecified")]
    reason: Reason,
    /// For people who read the list. It is public to whoever can fetch it
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Take it back instead
    #[arg(long, conflicts_with_all = ["issued_before", "until", "note"])]
    remove: bool,
}

/// Sign the list anew, with a later expiry. Entries that are over are left out.
#[derive(Debug, Args)]
struct Renew {
    #[command(flatten)]
    publish: Publish,
}

/// How a list is signed and published.
#[derive(Debug, Args)]
struct Publish {
    /// The list, NAME.revocations.json
    #[arg(long, value_name = "FILE")]
    list: PathBuf,
    /// Private key in PEM form (ed25519 or es256), readable by its owner only; repeatable
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// Who must have signed the list as it is, as for `palisade verify`; repeatable. Default: the keys that sign now
    #[arg(long, value_name = "KEY|FILE")]
    trust: Vec<String>,
    /// How many of them. Default: 1
    #[arg(long, value_name = "K", default_value_t = 1)]
    threshold: usize,
    /// The channel of a new list. Default: NAME
    #[arg(long)]
    channel: Option<String>,
    /// How long the list is in date, such as `12h`
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    expires_in: u64,
    /// What happens if no other has come by then. Default: as before; for a new list, keep
    #[arg(long, value_enum)]
    on_expiry: Option<OnExpiryArgument>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnExpiryArgument {
    /// What is revoked stays revoked; others may pass, unless a gateway requires a list that is in date
    Keep,
    /// Nobody may pass
    Deny,
}

fn reason(text: &str) -> Result<Reason, String> {
    serde_json::from_value(json!(text)).map_err(|_| {
        "one of unspecified, key_compromise, credential_compromise, session_revoked, credential_change, claims_change, \
         risk_level_change, policy_violation, privilege_withdrawn, superseded, decommissioned"
            .to_owned()
    })
}

fn duration(text: &str) -> Result<u64, String> {
    crate::project::parse_duration(text).map_err(|error| error.to_string())
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let (kind, change) = match &arguments.command {
        Command::Show(arguments) => return show::run(arguments, console),
        Command::Renew(Renew { publish }) => return publish_with(publish, console, |_| Ok("renewed".to_owned())),
        Command::Token(TokenEntry { value, token, terms, publish }) => {
            let named = match (token, value) {
                (Some(token), _) => named::by_token(token)?,
                (None, value) => {
                    named::by_value(EntryKind::Token, value.as_deref().unwrap_or_default(), terms.issuer.as_deref())?
                }
            };
            return publish_with(publish, console, |editor| apply(editor, named, terms));
        }
        Command::Subject(change) => (EntryKind::Subject, change),
        Command::Client(change) => (EntryKind::Client, change),
        Command::Session(change) => (EntryKind::Session, change),
        Command::Actor(change) => (EntryKind::Actor, change),
        Command::Key(change) => (EntryKind::Key, change),
        Command::Thumbprint(change) => (EntryKind::Thumbprint, change),
        Command::Spiffe(change) => (EntryKind::Spiffe, change),
        Command::Transaction(change) => (EntryKind::Transaction, change),
        Command::Task(change) => (EntryKind::Task, change),
        Command::Issuer(change) => (EntryKind::Issuer, change),
        Command::Type(change) => (EntryKind::Type, change),
    };
    let Change { value, terms, publish } = change;
    let named = named::by_value(kind, value, terms.issuer.as_deref())?;
    publish_with(publish, console, |editor| apply(editor, named, terms))
}

/// Puts an entry into the list or takes it out, and says what was done.
fn apply(editor: &mut ListEditor, named: Entry<'static>, terms: &Terms) -> Result<String, Failure> {
    let Terms { issuer: _, issued_before, until, reason, note, remove } = terms;
    let what = show::name(&named);
    if *remove {
        if !editor.restore(named.kind, named.issuer.as_deref(), named.id.as_deref()) {
            return Err(Failure::new("revoke.not_listed", format!("there is no entry for {what}")));
        }
        return Ok(format!("no longer revoked: {what}"));
    }
    let entry = Entry {
        issued_before: *issued_before,
        until: until.or(named.until),
        reason: *reason,
        note: note.clone().map(Into::into),
        ..named
    };
    if issued_before.is_some() && !entry.kind.has_issued_before() {
        let message = format!("a {} entry is not for tokens issued before some time", entry.kind.as_str());
        return Err(Failure::new("revoke.issued_before", message));
    }
    editor.revoke(entry)?;
    Ok(format!("revoked: {what}"))
}

/// Changes the list, signs and publishes it, while nobody else does.
fn publish_with(
    arguments: &Publish,
    console: &mut Console,
    change: impl FnOnce(&mut ListEditor) -> Result<String, Failure>,
) -> Result<Exit, Failure> {
    let Publish { list, keys, trust, threshold, channel, expires_in, on_expiry, format } = arguments;
    let keys = keys
        .iter()
        .map(|key| Ok(PrivateKey::from_pem(&files::read_secret(key)?)?))
        .collect::<Result<Vec<_>, Failure>>()?;
    let path = ListPath::new(list)?;
    let _lock = path.lock()?;
    // Not the date of a reproducible build: a list that is dated back would not be in date.
    let now = clock::now()?;
    let trust = list_file::trust(trust, *threshold, &keys)?;
    let mut editor = path.editor(channel.as_deref(), &trust)?;
    let done = change(&mut editor)?;
    let published = editor.publish(&Publication {
        now,
        expires: now.saturating_add(*expires_in),
        on_expiry: on_expiry.map(|on_expiry| match on_expiry {
            OnExpiryArgument::Keep => OnExpiry::Keep,
            OnExpiryArgument::Deny => OnExpiry::Deny,
        }),
        keys: &keys,
    })?;
    path.write(&published)?;
    match format {
        Format::Json => console.json(&json!({
            "schema": "palisade.revoke/v1",
            "channel": editor.channel(),
            "serial": published.serial,
            "entries": published.entries,
            "expires": clock::text(now.saturating_add(*expires_in)),
        }))?,
        Format::Pretty => {
            console.line(&done)?;
            let (channel, serial, entries) = (editor.channel(), published.serial, published.entries);
            console.line(&format!("channel {channel}, serial {serial}, entries {entries}: {}", list.display()))?;
        }
    }
    Ok(Exit::Success)
}
