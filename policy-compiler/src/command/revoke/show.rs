//! `palisade revoke show`: what is on a list.

use std::path::PathBuf;

use clap::Args;
use palisade_gateway::revocation::{Entry, OnExpiry};
use serde_json::json;

use super::list_file::{self, ListPath};
use crate::command::console::Console;
use crate::command::{Exit, Failure, Format, clock, files};
use crate::revocation::{ListEditor, SignedList};

/// Show what is on a list. Signatures are verified where --trust says whose they are to be.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The list, NAME.revocations.json
    #[arg(long, value_name = "FILE")]
    list: PathBuf,
    /// Who must have signed it, as for `palisade verify`; repeatable
    #[arg(long, value_name = "KEY|FILE")]
    trust: Vec<String>,
    /// How many of them
    #[arg(long, value_name = "K", default_value_t = 1)]
    threshold: usize,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { list: path, trust, threshold, format } = arguments;
    let trust = if trust.is_empty() { None } else { Some(list_file::trust(trust, *threshold, &[])?) };
    let list = SignedList::read(&files::read(path)?, trust.as_ref())?;
    let base = ListPath::new(path)?.base(&list)?;
    let head = list.list.head.clone();
    let (digest, signers) = (list.digest, list.signers.clone());
    let editor = ListEditor::open(list, base)?;
    let entries: Vec<&Entry<'_>> = editor.entries().collect();
    match format {
        Format::Json => console.json(&json!({
            "schema": "palisade.revoke.show/v1",
            "verified": trust.is_some(),
            "signers": signers,
            "digest": digest,
            "channel": head.channel,
            "serial": head.serial,
            "issued": clock::text(head.issued),
            "expires": clock::text(head.expires),
            "on_expiry": head.on_expiry,
            "base": head.base,
            "entries": entries,
        }))?,
        Format::Pretty => {
            console.line(&format!("channel    {}", head.channel))?;
            console.line(&format!("serial     {}", head.serial))?;
            console.line(&format!("issued     {}", clock::text(head.issued)))?;
            let then = match head.on_expiry {
                OnExpiry::Keep => "what is revoked stays so",
                OnExpiry::Deny => "nobody may pass",
            };
            console.line(&format!("expires    {}; then {then}", clock::text(head.expires)))?;
            let verified = if trust.is_some() { "verified" } else { "not verified" };
            console.line(&format!("signatures {verified}"))?;
            console.line(&format!("entries    {}", entries.len()))?;
            for entry in entries {
                console.line(&format!("  {}", line(entry)))?;
            }
        }
    }
    Ok(Exit::Success)
}

/// What an entry is about, in words.
pub(super) fn name(entry: &Entry<'_>) -> String {
    let (kind, issuer, id) = entry.name();
    let place = issuer.into_iter().chain(id).collect::<Vec<_>>().join(" ");
    format!("{} {place}", kind.as_str())
}

fn line(entry: &Entry<'_>) -> String {
    let mut text = name(entry);
    if let Some(time) = entry.issued_before {
        text.push_str(&format!(", issued before {}", clock::text(time)));
    }
    if let Some(time) = entry.until {
        text.push_str(&format!(", until {}", clock::text(time)));
    }
    text.push_str(&format!(", {}", entry.reason.as_str()));
    if let Some(note) = &entry.note {
        text.push_str(&format!(": {note}"));
    }
    text
}
