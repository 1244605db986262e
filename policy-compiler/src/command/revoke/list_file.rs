//! The files of a list: the one in force, and the copy of a large one that lists after it rest on.

use std::fs::File;
use std::path::{Path, PathBuf};

use palisade_gateway::bundle::TrustSet;

use crate::command::verify::read_key;
use crate::command::{Failure, files};
use crate::keys::PrivateKey;
use crate::revocation::{ListEditor, Published, SignedList};

const SUFFIX: &str = ".revocations.json";

/// Where a list is.
pub(in crate::command) struct ListPath {
    path: PathBuf,
    channel: String,
}

impl ListPath {
    pub(in crate::command) fn new(path: &Path) -> Result<Self, Failure> {
        let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
        match name.filter(|name| !name.is_empty()) {
            Some(name) => Ok(Self { path: path.to_owned(), channel: name.to_owned() }),
            None => Err(Failure::file("revoke.file_name", path, format!("a list is named NAME{SUFFIX}"))),
        }
    }

    /// Waits until nobody else changes a list of this folder; ends with what it returns, or with the process.
    pub(in crate::command) fn lock(&self) -> Result<Option<File>, Failure> {
        if cfg!(not(unix)) {
            return Ok(None);
        }
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            Some(_) | None => Path::new("."),
        };
        let locked = File::open(folder).and_then(|file| file.lock().map(|()| file));
        locked.map(Some).map_err(|error| Failure::file("io.lock", folder, error))
    }

    /// The list as it is; a new one where there is none.
    pub(in crate::command) fn editor(&self, channel: Option<&str>, trust: &TrustSet) -> Result<ListEditor, Failure> {
        if !self.path.exists() {
            return Ok(ListEditor::new(channel.unwrap_or(&self.channel)));
        }
        let current = SignedList::read(&files::read(&self.path)?, Some(trust))?;
        if let Some(channel) = channel.filter(|channel| *channel != current.list.head.channel) {
            let message = format!("the list is of the channel `{}`, not `{channel}`", current.list.head.channel);
            return Err(Failure::file("revocations.channel", &self.path, message));
        }
        let base = self.base(&current)?;
        Ok(ListEditor::open(current, base)?)
    }

    /// The list that another one rests on. It is named by its digest in what was signed, so nobody else needs to vouch for it.
    pub(in crate::command) fn base(&self, list: &SignedList) -> Result<Option<SignedList>, Failure> {
        let Some(base) = list.list.head.base else { return Ok(None) };
        Ok(Some(SignedList::read(&files::read(&self.archive(base.serial))?, None)?))
    }

    /// Writes a list: first what it, or a list after it, rests on.
    pub(in crate::command) fn write(&self, published: &Published) -> Result<(), Failure> {
        let Published { serial, entries: _, archive, list } = published;
        if let Some(archive) = archive {
            files::write(&self.archive(*serial), archive)?;
        }
        files::write(&self.path, list)
    }

    fn archive(&self, serial: u64) -> PathBuf {
        self.path.with_file_name(format!("{}.revocations.{serial}.json", self.channel))
    }
}

/// Whose signatures count on the list as it is: those that are named, or who signs now.
pub(in crate::command) fn trust(named: &[String], threshold: usize, keys: &[PrivateKey]) -> Result<TrustSet, Failure> {
    let keys = match named {
        [] => keys.iter().map(|key| Ok(key.trust_key()?)).collect::<Result<Vec<_>, Failure>>()?,
        named => named.iter().map(|text| read_key(text)).collect::<Result<Vec<_>, Failure>>()?,
    };
    TrustSet::new(keys, threshold).map_err(|error| Failure::new("trust.set", error))
}
