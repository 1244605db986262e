//! Security events in, revocations out: `--ssf`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Incoming;
use palisade_gateway::revocation::Entry;
use serde::Deserialize;

use super::{Failure, body, clock, files};
use crate::command::revoke::list_file::{self, ListPath};
use crate::keys::PrivateKey;
use crate::limits::SIGNAL_BYTES;
use crate::project::parse_duration;
use crate::revocation::Publication;
use crate::ssf::{KeySet, SetError, Transmitter};

/// The file that `--ssf` names; paths in it are relative to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Configuration {
    /// The list that is changed: a file `NAME.revocations.json` of the directory.
    list: String,
    /// The private key that signs it.
    key: PathBuf,
    /// Where events are taken.
    #[serde(default = "default_path")]
    path: String,
    /// How long a list is in date.
    #[serde(default = "default_expires_in")]
    expires_in: String,
    transmitter: Vec<TransmitterFile>,
}

/// Who may send events.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransmitterFile {
    issuer: String,
    audience: String,
    jwks: PathBuf,
    /// What the list calls the issuer: its alias in the bundle. Default: the issuer itself.
    alias: Option<String>,
}

fn default_path() -> String {
    "/ssf/events".to_owned()
}

fn default_expires_in() -> String {
    "30d".to_owned()
}

/// Takes events, and publishes what is revoked for them.
pub(super) struct Receiver {
    path: String,
    transmitters: Vec<Transmitter>,
    /// What the list calls each of them.
    aliases: Vec<String>,
    list: ListPath,
    keys: Vec<PrivateKey>,
    expires_in: u64,
    /// One event after the other: each changes the list that the one before has left.
    turn: Mutex<()>,
}

/// What came of an event.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) issuer: String,
    pub(super) kind: String,
    /// What the list has for it, and its serial where that was news.
    pub(super) revoked: Option<(String, Option<u64>)>,
}

/// Why an event was not taken.
#[derive(Debug)]
pub(super) enum Untaken {
    /// It is not a good one; the transmitter is told why.
    Refused(SetError),
    /// The list could not be published: the transmitter tries again.
    Unpublished(Failure),
}

impl Receiver {
    pub(super) fn load(file: &Path, directory: &Path) -> Result<Self, Failure> {
        let read: Result<Configuration, _> = toml::from_str(&files::read_text(file)?);
        let Configuration { list, key, path, expires_in, transmitter } =
            read.map_err(|error| Failure::file("serve.ssf", file, error))?;
        let wrong = |what: &str| Failure::file("serve.ssf", file, what);
        if !path.starts_with('/') || path.len() < 2 {
            return Err(wrong("`path` is no path"));
        }
        if list.contains(['/', '\\']) {
            return Err(wrong("`list` is a file of the directory that is served"));
        }
        if transmitter.is_empty() {
            return Err(wrong("there is no `transmitter`"));
        }
        let beside = |name: &Path| file.parent().unwrap_or(Path::new("")).join(name);
        let (mut transmitters, mut aliases): (Vec<Transmitter>, Vec<String>) = (Vec::new(), Vec::new());
        for TransmitterFile { issuer, audience, jwks, alias } in transmitter {
            if transmitters.iter().any(|known| known.issuer == issuer) {
                return Err(wrong("two transmitters have one `issuer`"));
            }
            let jwks = beside(&jwks);
            let keys = KeySet::parse(&files::read(&jwks)?);
            let keys = keys.map_err(|error| Failure::file("serve.ssf_jwks", &jwks, error))?;
            aliases.push(alias.unwrap_or_else(|| issuer.clone()));
            transmitters.push(Transmitter { issuer, audience, keys });
        }
        let expires_in = parse_duration(&expires_in).map_err(|error| wrong(&error.to_string()))?;
        let keys = vec![PrivateKey::from_pem(&files::read_secret(&beside(&key))?)?];
        let list = ListPath::new(&directory.join(list))?;
        let receiver = Self { path, transmitters, aliases, list, keys, expires_in, turn: Mutex::new(()) };
        // A list that this key cannot continue is found now, and not with the first event.
        list_file::trust(&[], 1, &receiver.keys).and_then(|trust| receiver.list.editor(None, &trust))?;
        Ok(receiver)
    }

    /// Where events are taken.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Takes one event: when this returns well, gateways can fetch the list that has it.
    pub(super) async fn take(self: &Arc<Self>, content_type: Option<&str>, body: Incoming) -> Result<Taken, Untaken> {
        let request = |why| Untaken::Refused(SetError::Request(why));
        let media_type = content_type.and_then(|value| value.split(';').next()).unwrap_or_default().trim();
        if !media_type.eq_ignore_ascii_case("application/secevent+jwt") {
            return Err(request("its content type is not `application/secevent+jwt`"));
        }
        let read = body::read(body, SIGNAL_BYTES).await;
        let token = read.map_err(|_| request("it is too long, or did not come"))?;
        let receiver = Arc::clone(self);
        let taken = tokio::task::spawn_blocking(move || receiver.act(&token)).await;
        taken.unwrap_or_else(|error| Err(Untaken::Unpublished(Failure::new("internal", error))))
    }

    fn act(&self, token: &[u8]) -> Result<Taken, Untaken> {
        let now = clock::now().map_err(Untaken::Unpublished)?;
        let (transmitter, event) = Transmitter::verify(&self.transmitters, token, now).map_err(Untaken::Refused)?;
        let known = self.transmitters.iter().zip(&self.aliases).find(|(known, _)| known.issuer == transmitter.issuer);
        let alias = known.map_or(transmitter.issuer.as_str(), |(_, alias)| alias);
        let (issuer, kind) = (transmitter.issuer.clone(), event.kind.as_str().to_owned());
        let Some(entry) = event.revocation(alias) else { return Ok(Taken { issuer, kind, revoked: None }) };
        if entry.check().is_err() {
            return Err(Untaken::Refused(SetError::Request("its subject has a name that no entry can have")));
        }
        let id = entry.id.as_deref().unwrap_or_default();
        let what = format!("{} {alias}/{id}", entry.kind.as_str());
        let serial = self.publish(entry, now).map_err(Untaken::Unpublished)?;
        Ok(Taken { issuer, kind, revoked: Some((what, serial)) })
    }

    /// The serial of the list that has the entry for the first time; none where the list has it already.
    fn publish(&self, entry: Entry<'static>, now: u64) -> Result<Option<u64>, Failure> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _lock = self.list.lock()?;
        let trust = list_file::trust(&[], 1, &self.keys)?;
        let mut editor = self.list.editor(None, &trust)?;
        let before: Vec<Entry<'static>> = editor.entries().cloned().collect();
        editor.revoke(entry)?;
        // Transmitters send an event again until they know that it has come.
        if before.iter().eq(editor.entries()) {
            return Ok(None);
        }
        let expires = now.saturating_add(self.expires_in);
        let published = editor.publish(&Publication { now, expires, on_expiry: None, keys: &self.keys })?;
        self.list.write(&published)?;
        Ok(Some(published.serial))
    }
}
