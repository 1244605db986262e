//! Things by their names, for one look-up with each tool of a list.

use palisade_engine::hash_bytes;

/// Things with distinct names, found by a hash: tools are many and their names begin alike, so that comparing texts all the way to
/// one costs more than hashing it. The names are a bundle's and not a client's, so nobody aims at the hash.
#[derive(Debug)]
pub(super) struct ByName<T> {
    /// Ascending.
    hashes: Vec<u32>,
    /// In the order of their names' hashes.
    entries: Vec<(String, T)>,
}

impl<T> ByName<T> {
    /// # Errors
    /// The name that occurs twice.
    pub(super) fn new(mut entries: Vec<(String, T)>) -> Result<Self, String> {
        let hash = |(name, _): &(String, T)| hash_bytes(name.as_bytes());
        entries.sort_by(|left, right| hash(left).cmp(&hash(right)).then_with(|| left.0.cmp(&right.0)));
        if let Some([(name, _), _]) = entries.array_windows().find(|[(left, _), (right, _)]| left == right) {
            return Err(name.clone());
        }
        Ok(Self { hashes: entries.iter().map(hash).collect(), entries })
    }

    pub(super) fn get(&self, name: &str) -> Option<&T> {
        let hash = hash_bytes(name.as_bytes());
        let first = self.hashes.partition_point(|known| *known < hash);
        let same = self.hashes.iter().zip(&self.entries).skip(first).take_while(|(known, _)| **known == hash);
        same.map(|(_, entry)| entry).find(|(known, _)| known == name).map(|(_, thing)| thing)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|(_, thing)| thing)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|(_, thing)| thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_found_by_its_own_name_and_by_no_other() {
        for count in [0, 1, 2, 3, 100, 4096] {
            let name = |n: usize| format!("tool-{n}");
            let map = ByName::new((0..count).rev().map(|n| (name(n), n)).collect()).unwrap();
            assert!((0..count).all(|n| map.get(&name(n)) == Some(&n)), "{count}");
            assert!((count..count + 5000).all(|n| map.get(&name(n)).is_none()), "{count}");
            assert!(["", "tool-", "Tool-1", "tool-1 "].into_iter().all(|name| map.get(name).is_none()));
            assert_eq!(map.iter().count(), count);
        }
    }

    #[test]
    fn a_name_that_is_there_twice_is_told() {
        let entries = ["a", "b", "c", "b"].map(|name| (name.to_owned(), ()));
        assert_eq!(ByName::new(entries.to_vec()).err(), Some("b".to_owned()));
    }

    /// Names with one hash are told apart: by brute force, there are some among a few hundred thousand.
    #[test]
    fn names_with_one_hash_are_told_apart() {
        let mut seen = std::collections::BTreeMap::new();
        let names = (0..400_000_u32).map(|n| format!("tool-{n}"));
        let pairs = names.filter_map(|name| {
            let other = seen.insert(hash_bytes(name.as_bytes()), name.clone())?;
            Some([other, name])
        });
        let pairs: Vec<_> = pairs.take(3).collect();
        assert!(!pairs.is_empty());
        for [left, right] in pairs {
            let both = ByName::new(vec![(left.clone(), 1), (right.clone(), 2)]).unwrap();
            assert_eq!((both.get(&left), both.get(&right)), (Some(&1), Some(&2)));
            let one = ByName::new(vec![(left, 1)]).unwrap();
            assert_eq!(one.get(&right), None);
        }
    }
}
