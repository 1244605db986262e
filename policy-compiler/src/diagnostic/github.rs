//! Findings as workflow commands of GitHub Actions, which shows them at the lines of a change.

use std::fmt::Write as _;

use super::{Diagnostic, Findings, Severity, locate};
use crate::source::{Position, Sources};

/// One workflow command a finding, each on a line of its own.
///
/// `folder` leads from where the workflow runs to the project, with `/` between segments; empty if they are the same.
#[must_use]
pub fn commands(sources: &Sources, findings: &Findings, folder: &str) -> String {
    let mut text = String::new();
    for diagnostic in findings.sorted() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", command(sources, diagnostic, folder));
    }
    text
}

fn command(sources: &Sources, diagnostic: &Diagnostic, folder: &str) -> String {
    let name = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = Vec::new();
    if let Some(file) = &diagnostic.file {
        let path = if folder.is_empty() { file.clone() } else { format!("{folder}/{file}") };
        properties.push(format!("file={}", property(&path)));
        properties.extend(diagnostic.span.as_ref().and_then(|span| {
            let (index, span) = locate(sources, file, span)?;
            Some(place(index.position(span.start), index.position(span.end)))
        }));
    }
    properties.push(format!("title={}", property(diagnostic.code)));
    let mut message = diagnostic.message.clone();
    for place in &diagnostic.related {
        let index = sources.lines(&place.file);
        let line = index.map_or_else(String::new, |index| format!(":{}", index.position(place.span.start).line));
        let _ = write!(message, "\n{}{line}: {}", place.file, place.text);
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(message, "\nhelp: {help}");
    }
    format!("::{name} {}::{}", properties.join(","), data(&message))
}

/// The runner takes columns only within one line.
fn place(start: Position, end: Position) -> String {
    let (line, end_line) = (start.line, end.line);
    match line == end_line {
        true => format!("line={line},col={},endLine={end_line},endColumn={}", start.column, end.column),
        false => format!("line={line},endLine={end_line}"),
    }
}

/// Escapes a message, as the runner's toolkit does.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property's value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    fn line(diagnostic: Diagnostic, folder: &str) -> String {
        let mut sources = Sources::default();
        sources.add(&SourceFile::new("a,b:c.cedar", "é😀 x\nyz\n"));
        commands(&sources, &Findings::from(diagnostic), folder)
    }

    #[test]
    fn places_are_lines_and_characters() {
        let error = Diagnostic::error("a.b", "m").at("a,b:c.cedar", 7..8);
        assert_eq!(line(error, ""), "::error file=a%2Cb%3Ac.cedar,line=1,col=4,endLine=1,endColumn=5,title=a.b::m\n");
        let across = Diagnostic::warning("a.b", "m").at("a,b:c.cedar", 7..10);
        assert_eq!(line(across, "p/q"), "::warning file=p/q/a%2Cb%3Ac.cedar,line=1,endLine=2,title=a.b::m\n");
    }

    #[test]
    fn nothing_in_a_message_starts_a_command() {
        let hostile = Diagnostic::note("a.b", "100%\r\n::error::no, not: this").with_help("a\n::stop-commands::x");
        assert_eq!(
            line(hostile, "p"),
            "::notice title=a.b::100%25%0D%0A::error::no, not: this%0Ahelp: a%0A::stop-commands::x\n"
        );
        let file = Diagnostic::error("a.b", "m").in_file("x\n::error::y");
        assert_eq!(line(file, ""), "::error file=x%0A%3A%3Aerror%3A%3Ay,title=a.b::m\n");
    }
}
