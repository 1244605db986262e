//! What each worker says of itself where all of them can read it.
//!
//! Other filters may write there, too ([`crate::shared_memory`]): what does not read is begun anew. Nothing is decided by it.

mod layout;

use std::borrow::Cow;

use super::document::{Fault, Part, ReportedCandidate, WorkerGroup};
use crate::limits;
use crate::shared_memory::{Expected, Shared, SharedMemory};

/// Workers come in each other's way; each round one of them succeeds, and who does not tries again with the next tick.
const ROUNDS: usize = 4;

/// All workers of a proxy that report to one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Board {
    /// The proxy, by chance.
    pub(super) instance: u64,
    /// Its own name for itself.
    pub(super) node: Option<String>,
    workers: Vec<Worker>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Worker {
    id: u64,
    /// When it said so, in milliseconds since the Unix epoch.
    at_ms: u64,
    view: View,
}

/// What decides in a worker, and how it has fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The bundle that decides; none where it has expired, too.
    pub(super) bundle: Option<ReportedCandidate>,
    pub(super) candidate: Option<ReportedCandidate>,
    pub(super) revocations: Option<u64>,
    /// At most one for each part, in their order.
    pub(super) turns: Vec<Turn>,
}

/// What happened last to a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) part: Part,
    /// When, in milliseconds since the Unix epoch.
    pub(super) at_ms: u64,
    /// The code of what went wrong; none where it went well.
    pub(super) code: Option<Cow<'static, str>>,
}

impl Board {
    /// A board with nobody on it.
    pub(super) fn new(instance: u64) -> Self {
        Self { instance, node: None, workers: Vec::new() }
    }

    /// What stands there, and its version.
    fn read(name: &str, instance: u64, memory: &mut dyn SharedMemory) -> Option<(Self, Expected)> {
        match memory.shared(name) {
            Shared::Found(bytes, version) => {
                let board = Self::decode(&bytes).unwrap_or_else(|| Self::new(instance));
                Some((board, Expected::Version(version)))
            }
            Shared::Absent => Some((Self::new(instance), Expected::Nothing)),
            Shared::Unsupported => None,
        }
    }

    /// Says where all can read it what decides in a worker. Returns the board as it is then, and `false` when others were quicker each
    /// time: then, and where workers share nothing, only that worker is on it.
    pub(super) fn post(name: &str, own: &Poster<'_>, now_ms: u64, memory: &mut dyn SharedMemory) -> (Self, bool) {
        for _ in 0..ROUNDS {
            let Some((mut board, expected)) = Self::read(name, own.instance, memory) else {
                return (Self::alone(own, now_ms), true);
            };
            board.put(own, now_ms);
            if memory.share(name, &board.encode(), expected) {
                return (board, true);
            }
        }
        (Self::alone(own, now_ms), false)
    }

    fn alone(own: &Poster<'_>, now_ms: u64) -> Self {
        let mut board = Self::new(own.instance);
        board.put(own, now_ms);
        board
    }

    fn put(&mut self, own: &Poster<'_>, now_ms: u64) {
        let Poster { id, view, node, instance: _ } = *own;
        // Who has not said so for long has ended. A time to come is nobody's.
        let lives = |worker: &Worker| worker.at_ms <= now_ms && now_ms - worker.at_ms < limits::REPORT_SILENCE_MS;
        self.workers.retain(|worker| worker.id != id && lives(worker));
        self.workers.truncate(limits::REPORT_WORKERS - 1);
        self.workers.push(Worker { id, at_ms: now_ms, view: view.clone() });
        if let Some(node) = node {
            self.node = Some(node.to_owned());
        }
    }

    /// The workers, by what decides in them, the most common first.
    pub(super) fn groups(&self) -> Vec<WorkerGroup> {
        let mut groups: Vec<WorkerGroup> = Vec::new();
        for Worker { view: View { bundle, candidate: _, revocations, turns: _ }, .. } in &self.workers {
            let (version, digest) = (bundle.map(|bundle| bundle.version), bundle.map(|bundle| bundle.digest));
            let same = |group: &&mut WorkerGroup| group.digest == digest && group.revocations == *revocations;
            match groups.iter_mut().find(same) {
                Some(group) => group.count += 1,
                None => groups.push(WorkerGroup { count: 1, version, digest, revocations: *revocations }),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse((group.count, group.version)));
        groups.truncate(limits::REPORT_GROUPS);
        groups
    }

    /// What went wrong last with each part, unless it went well since, in whichever worker.
    pub(super) fn faults(&self, now_ms: u64) -> Vec<Fault> {
        let turns = self.workers.iter().flat_map(|worker| &worker.view.turns);
        let mut last: Vec<&Turn> = Vec::new();
        for turn in turns {
            match last.iter_mut().find(|known| known.part == turn.part) {
                Some(known) if known.at_ms >= turn.at_ms => {}
                Some(known) => *known = turn,
                None => last.push(turn),
            }
        }
        last.sort_by_key(|turn| turn.part);
        let fault = |turn: &Turn| {
            let age_s = now_ms.saturating_sub(turn.at_ms) / 1000;
            Some(Fault { part: turn.part, code: turn.code.clone()?, age_s })
        };
        last.into_iter().filter_map(fault).collect()
    }
}

/// Who says something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Poster<'a> {
    /// By chance, and not 0.
    pub(super) id: u64,
    pub(super) view: &'a View,
    /// The proxy's name for itself, if this worker knows it.
    pub(super) node: Option<&'a str>,
    /// What the proxy is called if nobody has called it anything yet.
    pub(super) instance: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Digest;
    use crate::shared_memory::NativeMemory;

    const NOW: u64 = 1_800_000_000_000;
    const NAME: &str = "board";

    fn view(version: u64, code: Option<&'static str>, at_ms: u64) -> View {
        let bundle = ReportedCandidate { version, digest: Digest::of(&version.to_le_bytes()) };
        let turns = vec![Turn { part: Part::Bundle, at_ms, code: code.map(Into::into) }];
        View { bundle: Some(bundle), candidate: None, revocations: None, turns }
    }

    fn post(id: u64, view: &View, now_ms: u64, memory: &mut NativeMemory) -> Board {
        Board::post(NAME, &Poster { id, view, node: None, instance: id * 10 }, now_ms, memory).0
    }

    #[test]
    fn workers_see_each_other_and_agree_on_a_name() {
        let memory = &mut NativeMemory::default();
        post(1, &view(7, None, NOW), NOW, memory);
        post(2, &view(7, None, NOW), NOW, memory);
        let board = post(3, &view(8, None, NOW), NOW + 1, memory);
        assert_eq!(board.instance, 10);
        let groups: Vec<_> = board.groups().iter().map(|group| (group.count, group.version)).collect();
        assert_eq!(groups, [(2, Some(7)), (1, Some(8))]);
        let board = post(1, &view(8, None, NOW), NOW + 2, memory);
        assert_eq!(board.groups()[0].count, 2, "a worker counts once");
    }

    #[test]
    fn who_is_silent_is_forgotten() {
        let memory = &mut NativeMemory::default();
        post(1, &view(7, None, NOW), NOW, memory);
        post(3, &view(7, None, NOW), NOW + limits::REPORT_SILENCE_MS * 9, memory);
        let board = post(2, &view(8, None, NOW), NOW + limits::REPORT_SILENCE_MS, memory);
        assert_eq!(board.groups().len(), 1, "one is silent, and one is from the future");
    }

    #[test]
    fn the_last_word_about_a_part_counts() {
        let memory = &mut NativeMemory::default();
        let board = post(1, &view(7, Some("feed.status"), NOW), NOW, memory);
        assert_eq!(board.faults(NOW + 5000)[0].code, "feed.status");
        assert_eq!(board.faults(NOW + 5000)[0].age_s, 5);
        let board = post(2, &view(7, None, NOW + 1), NOW + 1, memory);
        assert_eq!(board.faults(NOW), [], "another worker fetched well since");
        let board = post(1, &view(7, Some("bundle.signature"), NOW + 2), NOW + 2, memory);
        assert_eq!(board.faults(NOW).len(), 1);
    }

    #[test]
    fn what_does_not_read_is_begun_anew() {
        for bytes in [&b""[..], b"{}", b"pal-rb-1", b"pal-rb-2\0\0\0\0\0\0\0\0\0\0"] {
            let memory = &mut NativeMemory::default();
            memory.share(NAME, bytes, Expected::Anything);
            assert_eq!(post(9, &view(7, None, NOW), NOW, memory).instance, 90);
            assert_eq!(post(8, &view(7, None, NOW), NOW, memory).instance, 90);
        }
    }

    #[test]
    fn workers_and_groups_are_bounded() {
        let memory = &mut NativeMemory::default();
        for id in 1..=2 * limits::REPORT_WORKERS as u64 {
            post(id, &view(id, None, NOW), NOW, memory);
        }
        let full = post(1, &view(1, None, NOW), NOW, memory);
        assert_eq!(full.workers.len(), limits::REPORT_WORKERS);
        assert_eq!(full.groups().len(), limits::REPORT_GROUPS);
    }
}
