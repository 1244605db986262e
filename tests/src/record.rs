//! Envoy's access log as the quickstart writes it: a line for each request, the decision record at its end.

use anyhow::{Context, Result};
use serde_json::Value;

/// One line of the access log.
#[derive(Clone, Debug)]
pub struct AccessLine {
    /// The status that the client saw.
    pub status: u16,
    /// Envoy's response flags, `-` if none.
    pub flags: String,
    /// Envoy's response code details.
    pub details: String,
    /// The decision record; `None` where Envoy answered without the filter.
    pub record: Option<Value>,
}

impl AccessLine {
    /// Reads a line; `None` if it is no access line (Envoy's own messages share the stream).
    ///
    /// # Errors
    ///
    /// It looks like an access line but its record is no JSON: that would be an escaping fault in the filter.
    pub fn parse(line: &str) -> Result<Option<Self>> {
        let mut words = line.splitn(4, ' ');
        let status = words.next().and_then(|word| word.parse().ok());
        let (Some(status), Some(flags), Some(details), Some(record)) =
            (status, words.next(), words.next(), words.next())
        else {
            return Ok(None);
        };
        let record = match record {
            "-" => None,
            text => Some(serde_json::from_str(text).with_context(|| format!("the record is no JSON: `{text}`"))?),
        };
        Ok(Some(Self { status, flags: flags.to_owned(), details: details.to_owned(), record }))
    }

    /// A member of the record that is text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.record.as_ref()?.get(name)?.as_str()
    }

    /// A member of the record that is a list of texts.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.record.as_ref().and_then(|record| record.get(name)).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
