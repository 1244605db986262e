//! Looking at a document.

use std::borrow::Cow;
use std::ops::Range;

use super::document::{JsonKind, Node};
use super::scan;

/// One value of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JsonView<'d> {
    nodes: &'d [Node],
    text: &'d str,
    at: usize,
}

/// A value that is not there. Cannot be met: views are made of nodes that exist.
const NOTHING: Node = Node { kind: JsonKind::Null, escaped: false, start: 0, end: 0, next: u32::MAX };

impl<'d> JsonView<'d> {
    pub(super) fn root(nodes: &'d [Node], text: &'d str) -> Self {
        Self::at(nodes, text, 0)
    }

    pub(super) fn at(nodes: &'d [Node], text: &'d str, at: usize) -> Self {
        Self { nodes, text, at }
    }

    fn node(self) -> Node {
        self.nodes.get(self.at).copied().unwrap_or(NOTHING)
    }

    /// The text of the whole document.
    pub(crate) fn source(self) -> &'d str {
        self.text
    }

    /// What it is.
    pub(crate) fn kind(self) -> JsonKind {
        self.node().kind
    }

    /// The value as it stands in the text.
    pub(crate) fn raw(self) -> &'d str {
        self.text.get(self.span()).unwrap_or_default()
    }

    /// Where it stands in the text.
    pub(crate) fn span(self) -> Range<usize> {
        let Node { start, end, .. } = self.node();
        place(start)..place(end)
    }

    /// The text of a string; empty for any other kind of value.
    pub(crate) fn text(self) -> Cow<'d, str> {
        let Node { kind: JsonKind::String, escaped, start, end, .. } = self.node() else {
            return Cow::Borrowed("");
        };
        let inner = self.text.get(place(start) + 1..place(end).saturating_sub(1)).unwrap_or_default();
        if escaped { Cow::Owned(scan::unescape(inner)) } else { Cow::Borrowed(inner) }
    }

    /// The text of a string; `None` for any other kind of value.
    pub(crate) fn string(self) -> Option<Cow<'d, str>> {
        (self.kind() == JsonKind::String).then(|| self.text())
    }

    /// The elements of an array; nothing for any other kind of value.
    pub(crate) fn elements(self) -> impl Iterator<Item = JsonView<'d>> {
        let end = place(self.node().next);
        let mut at = if self.kind() == JsonKind::Array { self.at + 1 } else { end };
        std::iter::from_fn(move || {
            let element = Self { at, ..self };
            (at < end).then(|| {
                at = place(element.node().next);
                element
            })
        })
    }

    /// The members of an object, in the order written; nothing for any other kind of value.
    pub(crate) fn members(self) -> impl Iterator<Item = (Cow<'d, str>, JsonView<'d>)> {
        self.entries().map(|(name, value)| (name.text(), value))
    }

    /// The same, but for who need not read all names.
    pub(crate) fn entries(self) -> impl Iterator<Item = (JsonView<'d>, JsonView<'d>)> {
        let node = self.node();
        let end = place(node.next);
        let mut at = if node.kind == JsonKind::Object { self.at + 1 } else { end };
        std::iter::from_fn(move || {
            let name = Self { at, ..self };
            (at < end).then(|| {
                let value = Self { at: at + 1, ..self };
                at = place(value.node().next);
                (name, value)
            })
        })
    }

    /// The member of an object by name; `None` for a missing member and for any other kind of value.
    pub(crate) fn get(self, name: &str) -> Option<JsonView<'d>> {
        let Node { kind: JsonKind::Object, next: end, .. } = self.node() else { return None };
        let mut at = self.at + 1;
        while at < place(end) {
            let (member, value) = (Self { at, ..self }, Self { at: at + 1, ..self });
            if member.is_text(name) {
                return Some(value);
            }
            at = place(value.node().next);
        }
        None
    }

    /// Whether it is a string of this text.
    pub(crate) fn is_text(self, text: &str) -> bool {
        let Node { kind, escaped, start, end, .. } = self.node();
        match (kind, escaped) {
            // Nearly every string: what stands between its quotes is its text, and its length tells most apart.
            (JsonKind::String, false) => {
                place(end).saturating_sub(place(start)) == text.len() + 2
                    && self.text.as_bytes().get(place(start) + 1..place(end) - 1) == Some(text.as_bytes())
            }
            (JsonKind::String, true) => self.text() == text,
            (_, _) => false,
        }
    }

    /// The same value as serde_json has it, for comparison.
    #[cfg(test)]
    pub(crate) fn to_serde(self) -> serde_json::Value {
        use serde_json::Value;
        match self.kind() {
            JsonKind::Null => Value::Null,
            JsonKind::True => Value::Bool(true),
            JsonKind::False => Value::Bool(false),
            JsonKind::Number => serde_json::from_str(self.raw()).unwrap(),
            JsonKind::String => Value::String(self.text().into_owned()),
            JsonKind::Array => self.elements().map(Self::to_serde).collect(),
            JsonKind::Object => self
                .members()
                .map(|(name, value)| (name.into_owned(), value.to_serde()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

fn place(place: u32) -> usize {
    // Wider than 32 bits everywhere this runs.
    usize::try_from(place).unwrap_or(usize::MAX)
}
