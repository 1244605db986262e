//! One JSON text of the server's: its lists without the items that the caller could not be allowed.

use std::borrow::Cow;
use std::ops::Range;

use palisade_engine::Scratch;

use super::caller::Caller;
use super::error::AnswerError;
use super::tally::Tally;
use crate::json::{JsonDocument, JsonKind, JsonView};
use crate::limits;
use crate::mcp::{Listed, Pin};
use crate::rpc::is_look_alike;
use crate::section::Drift;

/// The members of an envelope.
const ENVELOPE: [&str; 5] = ["jsonrpc", "id", "method", "result", "error"];

/// Who may keep a list, for how long: `private` for one that another caller could be given otherwise (2026-07-28, caching).
const SCOPE: &str = "cacheScope";

/// Members of a result that mean something here.
const RESULT: [&str; 5] = ["tools", "prompts", "resources", "resourceTemplates", SCOPE];

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It may stand as it is.
    None,
    /// What is to stand in its place was written.
    Written,
    /// It may not be there: a request of the server, in the stateless era.
    Dropped,
}

/// Buffers for rewriting, and for the questions on the way.
pub(super) struct Desk {
    pub(super) scratch: Scratch,
    document: JsonDocument,
    /// What was written.
    pub(super) out: String,
    shown: Vec<bool>,
    canonical: String,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            scratch: Scratch::new(),
            document: JsonDocument::new(limits::ANSWER_JSON_VALUES),
            out: String::new(),
            shown: Vec::new(),
            canonical: String::new(),
        }
    }
}

impl Desk {
    /// Gives back the memory that only a large answer needs.
    pub(super) fn shrink(&mut self) {
        self.document.shrink();
        self.out.shrink_to(usize::try_from(limits::ANSWER_BYTES).unwrap_or(usize::MAX));
    }

    /// Rewrites one text.
    pub(super) fn rewrite(&mut self, bytes: &[u8], caller: &Caller, tally: &mut Tally) -> Result<Change, AnswerError> {
        let Self { scratch, document, out, shown, canonical } = self;
        out.clear();
        let root = document.read(bytes)?;
        let writer = Writer { text: root.source(), out, copied: 0 };
        let mut rewriter = Rewriter { caller, tally, scratch, shown, canonical, writer };
        match root.kind() {
            JsonKind::Array if caller.revision.has_batches() => {
                for message in root.elements() {
                    rewriter.message(message)?;
                }
            }
            JsonKind::Object => {
                if rewriter.message(root)? == Change::Dropped {
                    return Ok(Change::Dropped);
                }
            }
            _ => return Err(AnswerError::Message),
        }
        Ok(rewriter.writer.finish())
    }
}

struct Rewriter<'d, 'w> {
    caller: &'d Caller,
    tally: &'w mut Tally,
    scratch: &'w mut Scratch,
    shown: &'w mut Vec<bool>,
    canonical: &'w mut String,
    writer: Writer<'d, 'w>,
}

impl<'d> Rewriter<'d, '_> {
    fn message(&mut self, message: JsonView<'d>) -> Result<Change, AnswerError> {
        if message.kind() != JsonKind::Object {
            return Err(AnswerError::Message);
        }
        let (mut has_id, mut has_method, mut has_error, mut result) = (false, false, false, None);
        for (name, value) in message.members() {
            match &*name {
                "id" => has_id = true,
                "method" => has_method = true,
                "error" => has_error = true,
                "result" => result = Some(value),
                other if is_look_alike(other, &ENVELOPE) => return Err(AnswerError::LookAlike),
                _ => {}
            }
        }
        match (has_method, result, has_error) {
            // From 2026-07-28 on, servers put their questions into results.
            (true, None, false) if has_id && self.caller.revision.is_modern() => {
                self.tally.server_requests += 1;
                return Ok(Change::Dropped);
            }
            (true, None, false) | (false, None, true) => {}
            (false, Some(result), false) => self.result(result)?,
            (_, _, _) => return Err(AnswerError::Message),
        }
        Ok(Change::None)
    }

    /// Whatever was asked for: what has the form of a list is one, so that an answer on another's stream is no way around.
    fn result(&mut self, result: JsonView<'d>) -> Result<(), AnswerError> {
        if result.kind() != JsonKind::Object {
            return Err(AnswerError::Message);
        }
        let listed = |name: &str| Listed::ALL.into_iter().find(|listed| listed.member() == name);
        let (mut has_list, mut has_scope) = (false, false);
        for (name, _) in result.members() {
            has_list |= listed(&name).is_some();
            has_scope |= name == SCOPE;
            if is_look_alike(&name, &RESULT) {
                return Err(AnswerError::LookAlike);
            }
        }
        if !has_list {
            return Ok(());
        }
        for (name, value) in result.members() {
            if let Some(listed) = listed(&name) {
                self.list(listed, value)?;
            } else if name == SCOPE && value.raw() != "\"private\"" {
                self.writer.replace(value, "\"private\"");
            }
        }
        if !has_scope && self.caller.revision.is_modern() {
            self.writer.add_last(result, ",\"cacheScope\":\"private\"");
        }
        Ok(())
    }

    fn list(&mut self, listed: Listed, list: JsonView<'d>) -> Result<(), AnswerError> {
        if list.kind() != JsonKind::Array {
            return Err(AnswerError::Message);
        }
        let mut names = Vec::new();
        for item in list.elements() {
            names.push(item_name(listed, item)?);
        }
        self.shown.clear();
        self.shown.resize(names.len(), true);
        self.caller.strike(listed, &names, self.scratch, self.shown);
        if listed == Listed::Tool {
            self.compare(list, &names)?;
        }
        self.tally.lists += 1;
        self.tally.items += u64::try_from(names.len()).unwrap_or(u64::MAX);
        for (name, _) in names.iter().zip(&*self.shown).filter(|(_, shown)| !**shown) {
            self.tally.hide(name.as_deref());
        }
        self.writer.keep(list, self.shown);
        Ok(())
    }
}

impl<'d> Rewriter<'d, '_> {
    /// Compares tools with those that were approved. All of them: what the server says to one caller of a tool that another
    /// could call, it may say to the other.
    fn compare(&mut self, list: JsonView<'d>, names: &[Option<Cow<'d, str>>]) -> Result<(), AnswerError> {
        let Some(catalogue) = &self.caller.mcp.catalogue else { return Ok(()) };
        for ((item, name), shown) in list.elements().zip(names).zip(&mut *self.shown) {
            let known = name.as_deref().unwrap_or_default();
            let pin = catalogue.compare(known, item, self.canonical);
            self.tally.seen.see(catalogue, known, pin);
            match pin {
                Pin::Same => continue,
                Pin::Drifted => self.tally.drifted += 1,
                Pin::Unknown => self.tally.unpinned += 1,
            }
            self.tally.differs(name.as_deref());
            match catalogue.drift() {
                Drift::Report => {}
                Drift::Drop => *shown = false,
                Drift::Block => return Err(AnswerError::Catalogue),
            }
        }
        Ok(())
    }
}

/// What an item is asked for by; `None` where it does not say so, and cannot be asked for.
fn item_name(listed: Listed, item: JsonView<'_>) -> Result<Option<Cow<'_, str>>, AnswerError> {
    if item.kind() != JsonKind::Object {
        return Err(AnswerError::Message);
    }
    let mut own = None;
    for (name, value) in item.entries() {
        if name.is_text(listed.name()) {
            own = value.string();
        } else if is_look_alike(&name.text(), &[listed.name()]) {
            return Err(AnswerError::LookAlike);
        }
    }
    Ok(own)
}

/// Writes a text anew: what is not replaced are its own bytes. Replacements come in the order of the text.
struct Writer<'d, 'w> {
    text: &'d str,
    out: &'w mut String,
    /// How much of the text has been written or replaced; nothing is written before the first replacement.
    copied: usize,
}

impl Writer<'_, '_> {
    fn copy_to(&mut self, end: usize) {
        self.out.push_str(self.text.get(self.copied..end).unwrap_or_default());
        self.copied = end;
    }

    fn replace(&mut self, value: JsonView<'_>, text: &str) {
        let span = value.span();
        self.copy_to(span.start);
        self.out.push_str(text);
        self.copied = span.end;
    }

    /// Leaves only some elements in an array, with what stands between those that were neighbours.
    fn keep(&mut self, array: JsonView<'_>, shown: &[bool]) {
        let Range { start: open, end: close } = array.span();
        let (mut is_first, mut is_cut, mut end) = (true, false, open + 1);
        for (element, shown) in array.elements().zip(shown) {
            if !shown {
                is_cut = true;
                continue;
            }
            let span = element.span();
            if is_cut {
                self.copy_to(end);
                self.out.push_str(if is_first { "" } else { "," });
                self.copied = span.start;
            }
            (is_first, is_cut, end) = (false, false, span.end);
        }
        if is_cut {
            self.copy_to(end);
            self.copied = close - 1;
        }
    }

    /// Adds a member, with a comma before it, to an object that has others.
    fn add_last(&mut self, object: JsonView<'_>, member: &str) {
        self.copy_to(object.span().end.saturating_sub(1));
        self.out.push_str(member);
    }

    fn finish(mut self) -> Change {
        if self.copied == 0 {
            return Change::None;
        }
        self.copy_to(self.text.len());
        Change::Written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every choice of elements of an array, with spaces around them.
    #[test]
    fn what_is_kept_stays_as_it_was() {
        let elements = [r#"{ "a" : [1,2] }"#, "\"x,]\"", "7", "[ ]", "null"];
        for count in 0..=elements.len() {
            let elements = &elements[..count];
            let text = format!("{{\"b\":[\t{}\r\n], \"c\": 1 }}", elements.join(" , "));
            let mut document = JsonDocument::default();
            let array = document.read(text.as_bytes()).unwrap().get("b").unwrap();
            for choice in 0..1_u32 << count {
                let shown: Vec<bool> = (0..count).map(|at| choice >> at & 1 == 1).collect();
                let mut out = String::new();
                let mut writer = Writer { text: &text, out: &mut out, copied: 0 };
                writer.keep(array, &shown);
                let change = writer.finish();
                if !shown.contains(&false) {
                    assert_eq!((change, out.as_str()), (Change::None, ""), "{choice:b} of {text}");
                    continue;
                }
                let kept: Vec<&str> =
                    elements.iter().zip(&shown).filter(|(_, shown)| **shown).map(|(e, _)| *e).collect();
                assert_eq!(change, Change::Written);
                let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
                assert_eq!(
                    read(&out),
                    read(&format!("{{\"b\":[{}],\"c\":1}}", kept.join(","))),
                    "{choice:b} of {text}"
                );
                // Between brackets and elements that stay there may be spaces; in the elements, nothing has changed.
                assert!(kept.iter().all(|element| out.contains(element)) && out.ends_with("], \"c\": 1 }"), "{out}");
            }
        }
    }
}
