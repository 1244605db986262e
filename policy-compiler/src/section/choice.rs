//! Words of which a setting takes one, or a list of different ones.

use toml::Spanned;

use crate::diagnostic::Findings;
use crate::project::at;

/// One of a few words; the default where there is none.
pub(super) fn choice<T: Copy + Default>(
    value: Option<&Spanned<String>>,
    key: &str,
    choices: &[(&str, T)],
    findings: &mut Findings,
) -> Option<T> {
    let Some(value) = value else {
        return Some(T::default());
    };
    let found = choices.iter().find(|(name, _)| name == value.as_ref()).map(|(_, choice)| *choice);
    if found.is_none() {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        let message = format!("`{}` is not a value of `{key}`", value.as_ref());
        findings.push(at("route.choice", value, message).with_help(format!("it can be: {}", names.join(", "))));
    }
    found
}

/// The words of a setting that takes a list of them.
pub(super) struct Words<'w, T> {
    /// Of what is wrong with the list.
    pub(super) code: &'static str,
    /// What is said of a word that is none of them.
    pub(super) stranger: &'static str,
    /// What stands before all words where they are named as help.
    pub(super) help: &'static str,
    pub(super) all: &'w [(&'static str, T)],
}

impl<T: Copy + PartialEq> Words<'_, T> {
    /// What a list means, in its order. A word that is none of these, or listed twice, is a finding.
    pub(super) fn read(&self, list: &[Spanned<String>], findings: &mut Findings) -> Vec<T> {
        let Self { code, stranger, help, all } = self;
        let mut meant = Vec::new();
        for word in list {
            match all.iter().find(|(name, _)| name == word.as_ref()) {
                Some((_, meaning)) if !meant.contains(meaning) => meant.push(*meaning),
                known => {
                    let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
                    let what = if known.is_some() { "is listed twice" } else { stranger };
                    let message = format!("`{}` {what}", word.as_ref());
                    findings.push(at(code, word, message).with_help(format!("{help}: {}", names.join(", "))));
                }
            }
        }
        meant
    }
}
