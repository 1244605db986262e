//! The directory: looked through several times a second, and the only thing that touches the disk.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use super::Failure;
use super::event::{Event, Log};
use crate::distribution::artefact::{Artefact, ArtefactName};
use crate::distribution::shelf::Shelf;
use crate::distribution::trustees::Trustees;
use crate::limits::{SERVED_BYTES, SERVED_FILES};

/// How often it is looked through: what a publication takes at most, before those who wait for it are answered.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long a file is read again although it looks the same: timestamps are coarser than writes.
const SETTLED: Duration = Duration::from_secs(2);

/// A directory with its state.
pub(super) struct Directory {
    root: PathBuf,
    shelf: Arc<Shelf>,
    trustees: Trustees,
    seen: BTreeMap<String, Seen>,
}

/// A file as it was when last looked at.
struct Seen {
    stamp: Result<Stamp, Skip>,
    since: Instant,
}

/// What changes with a file's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    identity: (u64, u64, i64, i64),
}

/// Why a file is not looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Skip {
    code: &'static str,
    message: String,
}

impl Directory {
    /// A directory of which only that is served which `trustees` have signed.
    pub(super) fn open(path: &Path, trustees: Trustees) -> Result<Self, Failure> {
        let failed = |error| Failure::file("serve.directory", path, error);
        let root = fs::canonicalize(path).map_err(failed)?;
        fs::read_dir(&root).map_err(failed)?;
        Ok(Self { root, shelf: Arc::default(), trustees, seen: BTreeMap::new() })
    }

    pub(super) fn shelf(&self) -> Arc<Shelf> {
        Arc::clone(&self.shelf)
    }

    /// Looks until it is aborted.
    pub(super) async fn keep_current(mut self, shelf: watch::Sender<Arc<Shelf>>, log: Log) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let looked = tokio::task::spawn_blocking(move || {
                let events = self.look();
                (self, events)
            });
            let Ok((after, events)) = looked.await else { return };
            self = after;
            if !Arc::ptr_eq(&self.shelf, &shelf.borrow()) {
                shelf.send_replace(self.shelf());
            }
            // What the log says is so by then.
            events.into_iter().for_each(|event| log.send(event));
        }
    }

    /// Looks once, and says what has changed.
    #[must_use]
    pub(super) fn look(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        self.look_into(&mut events);
        events
    }

    fn look_into(&mut self, events: &mut Vec<Event>) {
        let mut names = match self.names() {
            Ok(names) => names,
            // What was served stays: a directory on a network may come and go.
            Err(error) => return self.skip(".", Skip { code: "serve.directory", message: error.to_string() }, events),
        };
        self.seen.remove(".");
        names.sort();
        let surplus = names.split_off(names.len().min(SERVED_FILES));
        for name in &names {
            self.look_at(name, events);
        }
        if let Some(name) = surplus.first() {
            let message = format!("there are more than {SERVED_FILES} files");
            self.skip(name, Skip { code: "serve.files", message }, events);
        }
        let gone = |name: &str| names.binary_search_by(|known| known.as_str().cmp(name)).is_err();
        self.seen.retain(|name, _| !gone(name) || surplus.first() == Some(name));
        let missing: Vec<String> = self.shelf.names().filter(|name| gone(name)).map(str::to_owned).collect();
        for name in missing {
            if let Some(change) = Arc::make_mut(&mut self.shelf).remove(&name) {
                events.push(Event::File { name, change });
            }
        }
    }

    /// The names in it that could be served.
    fn names(&self) -> std::io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.root)? {
            let name = entry?.file_name();
            names.extend(name.to_str().filter(|name| ArtefactName::parse(name).is_some()).map(str::to_owned));
        }
        Ok(names)
    }

    fn look_at(&mut self, name: &str, events: &mut Vec<Event>) {
        let Some(parsed) = ArtefactName::parse(name) else { return };
        let (path, stamp) = match self.stamp(name) {
            Ok(found) => found,
            Err(skip) => return self.skip(name, skip, events),
        };
        let now = Instant::now();
        let since = match self.seen.get(name) {
            Some(seen) if seen.stamp == Ok(stamp) && now.duration_since(seen.since) > SETTLED => return,
            Some(seen) if seen.stamp == Ok(stamp) => seen.since,
            Some(_) | None => now,
        };
        let bytes = match self.read(&path, name, &stamp, parsed.kind.max_bytes()) {
            Ok(bytes) => bytes,
            Err(skip) => return self.skip(name, skip, events),
        };
        self.seen.insert(name.to_owned(), Seen { stamp: Ok(stamp), since });
        // Those who answer requests keep the shelf that they have: a changed one takes its place.
        let mut shelf = Arc::clone(&self.shelf);
        let mut has_followed = false;
        let admit = |artefact: &Artefact| {
            has_followed = self.trustees.admit(&parsed, artefact.bytes(), super::now())?;
            Ok(())
        };
        if let Some(change) = Arc::make_mut(&mut shelf).put(name, &parsed, bytes, admit) {
            if has_followed {
                // Others may sign from now on.
                Arc::make_mut(&mut shelf).reconsider();
                self.seen.clear();
            }
            self.shelf = shelf;
            events.push(Event::File { name: name.to_owned(), change });
        }
    }

    /// Where a file's bytes are, and what they look like from outside. Symbolic links are followed within the directory, which
    /// is how Kubernetes mounts files.
    fn stamp(&self, name: &str) -> Result<(PathBuf, Stamp), Skip> {
        let unreadable = |error: std::io::Error| Skip { code: "serve.file", message: error.to_string() };
        let path = fs::canonicalize(self.root.join(name)).map_err(unreadable)?;
        if !path.starts_with(&self.root) {
            let message = "it is a symbolic link out of the directory".to_owned();
            return Err(Skip { code: "serve.symlink", message });
        }
        let metadata = fs::metadata(&path).map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(Skip { code: "serve.file", message: "it is not a file".to_owned() });
        }
        Ok((path, Stamp::of(&metadata)))
    }

    fn read(&self, path: &Path, name: &str, stamp: &Stamp, max_bytes: usize) -> Result<Vec<u8>, Skip> {
        let others = self.shelf.size_without(name);
        if usize::try_from(stamp.len).map_or(true, |len| len.saturating_add(others) > SERVED_BYTES) {
            let message = format!("the files have more than {SERVED_BYTES} bytes together");
            return Err(Skip { code: "serve.size", message });
        }
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        let too_large = || Skip { code: "serve.file_size", message: format!("it has more than {max_bytes} bytes") };
        if stamp.len > limit {
            return Err(too_large());
        }
        let unreadable = |error: std::io::Error| Skip { code: "serve.file", message: error.to_string() };
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(unreadable)?;
        // It may grow while it is read.
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() > max_bytes { Err(too_large()) } else { Ok(bytes) }
    }

    /// Says once that a file is not looked into. What was served of it stays.
    fn skip(&mut self, name: &str, skip: Skip, events: &mut Vec<Event>) {
        let known = self.seen.get(name).is_some_and(|seen| seen.stamp.as_ref() == Err(&skip));
        if !known {
            let Skip { code, message } = skip.clone();
            self.seen.insert(name.to_owned(), Seen { stamp: Err(skip), since: Instant::now() });
            events.push(Event::Skipped { name: name.to_owned(), code, message });
        }
    }
}

impl Stamp {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let identity = (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec());
        Self { len: metadata.len(), modified: metadata.modified().ok(), identity }
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        Self { len: metadata.len(), modified: metadata.modified().ok(), identity: (0, 0, 0, 0) }
    }
}
