//! Case files: blocks of `name: value` lines, apart by empty lines. `#` begins a comment line.

use std::collections::BTreeMap;

/// One case.
pub(crate) struct Case {
    fields: BTreeMap<String, String>,
    line: usize,
}

impl Case {
    /// Takes a field out; every field has to be taken.
    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.fields.remove(name)
    }

    pub(crate) fn require(&mut self, name: &str) -> String {
        self.take(name).unwrap_or_else(|| panic!("line {}: no `{name}`", self.line))
    }

    /// Fails on fields that nobody asked for: a misspelt one must not make a case easier.
    pub(crate) fn finish(self) {
        assert!(self.fields.is_empty(), "line {}: unknown fields {:?}", self.line, self.fields);
    }
}

/// Reads a case file. A line that does not parse fails the run.
pub(crate) fn read(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() {
            open = false;
            continue;
        }
        if line.starts_with('#') {
            continue;
        }
        if !open {
            cases.push(Case { fields: BTreeMap::new(), line: number });
            open = true;
        }
        let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("line {number}: no colon"));
        let fields = &mut cases.last_mut().unwrap().fields;
        let known = fields.insert(name.to_owned(), value.trim().to_owned());
        assert_eq!(known, None, "line {number}: `{name}` again");
    }
    assert!(!cases.is_empty());
    cases
}
