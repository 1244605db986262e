//! Which client has which version of which file, as far as it has said so.

use std::collections::BTreeMap;

/// The clients and what they have. Bounded: beyond the bound, the client that was heard of longest ago is forgotten.
#[derive(Debug)]
pub struct Progress {
    clients: BTreeMap<String, Client>,
    max_clients: usize,
}

#[derive(Debug, Default)]
struct Client {
    /// Entity tags by file, with when each was first named.
    has: BTreeMap<String, Has>,
    heard: u64,
}

/// What a client has of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Has {
    /// The entity tag, with its quotes.
    pub etag: String,
    /// When the client first said so, in seconds since the Unix epoch.
    pub since: u64,
}

impl Progress {
    /// Nothing known yet.
    #[must_use]
    pub fn new(max_clients: usize) -> Self {
        Self { clients: BTreeMap::new(), max_clients }
    }

    /// Notes that a client has a file. True where that is news.
    ///
    /// Only files that are served are noted, so that what one client takes is bounded by their number.
    pub fn note(&mut self, client: &str, file: &str, etag: &str, now_seconds: u64) -> bool {
        if !self.clients.contains_key(client) && self.clients.len() >= self.max_clients {
            self.forget_one();
        }
        let client = self.clients.entry(client.to_owned()).or_default();
        client.heard = now_seconds;
        if client.has.get(file).is_some_and(|has| has.etag == etag) {
            return false;
        }
        client.has.insert(file.to_owned(), Has { etag: etag.to_owned(), since: now_seconds });
        true
    }

    /// Everything known: client, when it was last heard of, file, what it has.
    pub fn all(&self) -> impl Iterator<Item = (&str, u64, &str, &Has)> {
        self.clients.iter().flat_map(|(name, client)| {
            client.has.iter().map(move |(file, has)| (name.as_str(), client.heard, file.as_str(), has))
        })
    }

    fn forget_one(&mut self) {
        let oldest = self.clients.iter().min_by_key(|(_, client)| client.heard).map(|(name, _)| name.clone());
        if let Some(name) = oldest {
            self.clients.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_are_told_once() {
        let mut progress = Progress::new(10);
        assert!(progress.note("a", "x.palisade", "\"1\"", 5));
        assert!(!progress.note("a", "x.palisade", "\"1\"", 6));
        assert!(progress.note("a", "x.palisade", "\"2\"", 7));
        assert!(progress.note("a", "x.freshness.json", "\"2\"", 8));
        assert!(progress.note("b", "x.palisade", "\"1\"", 9));
        let all: Vec<_> = progress.all().map(|(name, heard, file, has)| (name, heard, file, has.since)).collect();
        assert_eq!(all, [("a", 8, "x.freshness.json", 8), ("a", 8, "x.palisade", 7), ("b", 9, "x.palisade", 9)]);
    }

    #[test]
    fn clients_are_bounded() {
        let mut progress = Progress::new(2);
        for (client, now) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            progress.note(client, "x.palisade", "\"1\"", now);
        }
        let names: Vec<&str> = progress.all().map(|(name, ..)| name).collect();
        assert_eq!(names, ["a", "c"], "the one that was heard of longest ago is forgotten");
    }
}
