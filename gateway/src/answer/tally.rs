//! What became of the lists in an answer, for the record and for statistics.

use super::error::AnswerError;
use crate::limits;
use crate::mcp::SeenTools;
use crate::outcome::{LogLevel, Outcome};
use crate::record::{push_json, push_number};

/// Counts since the last report.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    pub(super) lists: u64,
    pub(super) items: u64,
    pub(super) hidden: u64,
    /// The first names of those hidden.
    names: Vec<String>,
    /// Tools that are not as they were approved, and those that never were.
    pub(super) drifted: u64,
    pub(super) unpinned: u64,
    /// The first names of both.
    differing: Vec<String>,
    /// Requests of the server that were left out.
    pub(super) server_requests: u64,
    pub(super) refused: Option<AnswerError>,
    /// Pinned tools of which a definition was seen.
    pub(super) seen: SeenTools,
}

/// What became of the lists in an answer, or in some of its events.
#[derive(Clone, Copy, Debug)]
pub struct AnswerReport<'a> {
    /// The decision record of the request, with the member `answer`: one line of JSON.
    pub record: &'a str,
    /// The level of the record.
    pub level: LogLevel,
    /// Items that the client sees.
    pub shown: u64,
    /// Items that it does not.
    pub hidden: u64,
    /// Tools that are not as the catalogue has them.
    pub drifted: u64,
    /// Tools that the catalogue does not have.
    pub unpinned: u64,
    /// Requests of the server that were left out.
    pub server_requests: u64,
    /// Why the answer was refused, if it was.
    pub refused: Option<Outcome>,
}

impl Tally {
    pub(super) fn hide(&mut self, name: Option<&str>) {
        self.hidden += 1;
        if self.names.len() < limits::RECORD_HIDDEN {
            self.names.extend(name.map(str::to_owned));
        }
    }

    /// Notes a tool that is not in the catalogue, or not as it has it.
    pub(super) fn differs(&mut self, name: Option<&str>) {
        if self.differing.len() < limits::RECORD_HIDDEN {
            self.differing.extend(name.map(str::to_owned));
        }
    }

    /// Whether there is anything to report.
    fn is_empty(&self) -> bool {
        self.lists == 0 && self.server_requests == 0 && self.refused.is_none()
    }

    /// Writes what there is to report into a request's record, and begins anew. `None` where there is nothing.
    pub(super) fn report<'r>(&mut self, request: &str, out: &'r mut String) -> Option<AnswerReport<'r>> {
        if self.is_empty() {
            return None;
        }
        let Self { lists, items, hidden, names, drifted, unpinned, differing, server_requests, refused, seen } =
            std::mem::take(self);
        self.seen = seen;
        let refused = refused.map(Outcome::Answer);
        out.clear();
        out.push_str(request.strip_suffix('}').unwrap_or(request));
        for (name, count) in [
            (",\"answer\":{\"lists\":", lists),
            (",\"items\":", items),
            (",\"hidden\":", hidden),
            (",\"drifted\":", drifted),
            (",\"unpinned\":", unpinned),
            (",\"server_requests\":", server_requests),
        ] {
            out.push_str(name);
            push_number(out, count);
        }
        push_names(out, "hidden_names", &names);
        push_names(out, "differing_names", &differing);
        out.push_str(",\"refused\":");
        match refused {
            Some(outcome) => push_json(out, outcome.disposition().reason),
            None => out.push_str("null"),
        }
        out.push_str("}}");
        Some(AnswerReport {
            record: out,
            level: match refused {
                Some(outcome) => outcome.disposition().level,
                None if drifted + unpinned + server_requests > 0 => LogLevel::Warn,
                None => LogLevel::Info,
            },
            shown: items.saturating_sub(hidden),
            hidden,
            drifted,
            unpinned,
            server_requests,
            refused,
        })
    }
}

fn push_names(out: &mut String, member: &str, names: &[String]) {
    out.push_str(",\"");
    out.push_str(member);
    out.push_str("\":[");
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_json(out, name);
    }
    out.push(']');
}
