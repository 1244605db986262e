//! The targets, as a table and as JSON.

use core::fmt::Write as _;

use serde_json::{Value as Json, json};

/// What a measurement is held against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// No less than.
    AtLeast(f64),
    /// No more than.
    AtMost(f64),
    /// Nothing: shown for information.
    None,
}

/// One row of the report.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The ratio or figure; `None` where this run could not measure it.
    pub measured: Option<f64>,
    /// What it should be.
    pub target: Target,
    /// Absolute figures, or why nothing was measured.
    pub detail: String,
}

impl Row {
    /// Whether the target is met; `None` where there is none.
    #[must_use]
    pub fn holds(&self) -> Option<bool> {
        match (self.target, self.measured) {
            (Target::None, _) => None,
            (Target::AtLeast(bound), Some(measured)) => Some(measured >= bound),
            (Target::AtMost(bound), Some(measured)) => Some(measured <= bound),
            // Not measured is not met.
            (Target::AtLeast(_) | Target::AtMost(_), None) => Some(false),
        }
    }

    fn target(&self) -> String {
        match self.target {
            Target::AtLeast(bound) => format!(">= {bound}"),
            Target::AtMost(bound) => format!("<= {bound}"),
            Target::None => String::new(),
        }
    }

    /// The row of the printed table.
    #[must_use]
    pub fn line(&self) -> String {
        let verdict = match self.holds() {
            Some(true) => "holds",
            Some(false) if self.measured.is_none() => "unmeasured",
            Some(false) => "MISSED",
            None => "",
        };
        let measured = self.measured.map_or_else(|| "-".to_owned(), |measured| format!("{measured:.2}"));
        format!("{:<58} {measured:>10} {:>9}  {verdict:<10} {}", self.name, self.target(), self.detail)
    }

    fn json(&self) -> Json {
        json!({
            "name": self.name,
            "measured": self.measured,
            "target": self.target(),
            "holds": self.holds(),
            "detail": self.detail,
        })
    }
}

/// The report as JSON text.
#[must_use]
pub fn json(rows: &[Row]) -> String {
    let targets: Vec<_> = rows.iter().map(Row::json).collect();
    let missed = rows.iter().filter(|row| row.holds() == Some(false)).count();
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = write!(text, "{:#}", json!({"targets": targets, "missed": missed}));
    text.push('\n');
    text
}

/// Nanoseconds in the unit in which they read best.
#[must_use]
pub fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        n if n < 1e3 => format!("{n:.0} ns"),
        n if n < 1e6 => format!("{:.2} us", n / 1e3),
        n => format!("{:.2} ms", n / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(measured: Option<f64>, target: Target) -> Row {
        Row { name: "row".to_owned(), measured, target, detail: String::new() }
    }

    #[test]
    fn what_was_not_measured_does_not_hold() {
        assert_eq!(row(None, Target::AtLeast(1.0)).holds(), Some(false));
        assert_eq!(row(Some(f64::NAN), Target::AtMost(1.0)).holds(), Some(false));
        assert_eq!(row(Some(2.0), Target::AtMost(1.0)).holds(), Some(false));
        assert_eq!(row(Some(1.0), Target::AtMost(1.0)).holds(), Some(true));
        assert_eq!(row(Some(2.0), Target::AtLeast(1.0)).holds(), Some(true));
        assert_eq!(row(None, Target::None).holds(), None);
    }
}
