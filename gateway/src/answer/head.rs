//! What the headers of an answer say of how it is to be read.

use super::error::AnswerError;
use crate::header_map::HeaderMap;
use crate::rpc::is_utf8_of_type;

/// Headers that are about the very bytes of a body, and untrue of another.
const ABOUT_BYTES: [&str; 5] = ["etag", "content-digest", "repr-digest", "digest", "content-md5"];

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing in it is a list.
    Other,
    /// One text.
    Whole {
        /// Whether it is announced as JSON. One that is not may still turn out to be empty.
        is_json: bool,
    },
    /// A stream of events.
    Events,
}

/// The headers of an answer, as far as they matter.
#[derive(Debug)]
pub(super) struct AnswerHead {
    pub(super) form: Form,
    pub(super) has_length: bool,
    /// The headers that have to go if the body is changed.
    pub(super) about_bytes: Vec<&'static str>,
}

impl AnswerHead {
    /// Reads the headers of an answer that has a body. Only a success is an answer to a list: clients take anything else for
    /// an error, whatever is in it.
    pub(super) fn read(headers: HeaderMap<'_>, max_bytes: u32) -> Result<Self, AnswerError> {
        let mut head = Self { form: Form::Other, has_length: false, about_bytes: Vec::new() };
        let (mut status, mut content_type, mut is_encoded, mut is_too_large) = (None, None, false, false);
        for header in headers.iter() {
            let is = |name: &str| header.name.eq_ignore_ascii_case(name.as_bytes());
            if is(":status") {
                status = Some(header.value);
            } else if is("content-type") {
                if content_type.replace(header.value).is_some() {
                    // Which of them a client goes by is not known here.
                    content_type = Some(b"");
                }
            } else if is("content-encoding") {
                is_encoded |= !header.value.trim_ascii().eq_ignore_ascii_case(b"identity");
            } else if is("content-length") {
                head.has_length = true;
                let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse::<u64>().ok());
                is_too_large = length.is_none_or(|length| length > u64::from(max_bytes));
            } else if let Some(name) = ABOUT_BYTES.into_iter().find(|name| is(name)) {
                head.about_bytes.push(name);
            }
        }
        if !status.is_some_and(|status| status.len() == 3 && status.starts_with(b"2")) {
            return Ok(head);
        }
        if is_encoded {
            return Err(AnswerError::ContentEncoding);
        }
        let content_type = content_type.unwrap_or_default();
        if is_utf8_of_type(content_type, "text/event-stream") {
            head.form = Form::Events;
        } else if is_too_large {
            return Err(AnswerError::TooLarge);
        } else {
            head.form = Form::Whole { is_json: is_utf8_of_type(content_type, "application/json") };
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;

    fn form(pairs: &[(&str, &str)]) -> Result<Form, AnswerError> {
        AnswerHead::read(HeaderBuffer::from_pairs(pairs.iter().copied()).as_map(), 100).map(|head| head.form)
    }

    #[test]
    fn successes_are_read_by_their_type() {
        let json = Ok(Form::Whole { is_json: true });
        let other = Ok(Form::Whole { is_json: false });
        for (status, content_type, expected) in [
            ("200", "application/json", json),
            ("200", "Application/JSON; charset=UTF-8", json),
            ("202", "application/json", json),
            ("200", "text/event-stream", Ok(Form::Events)),
            ("200", "text/event-stream;charset=utf-8", Ok(Form::Events)),
            ("200", "text/event-stream; charset=utf-7", other),
            ("200", "application/json; charset=utf-16", other),
            ("200", "text/plain", other),
            ("200", "", other),
            ("400", "application/json", Ok(Form::Other)),
            ("404", "text/event-stream", Ok(Form::Other)),
            ("500", "text/plain", Ok(Form::Other)),
            ("301", "application/json", Ok(Form::Other)),
        ] {
            assert_eq!(
                form(&[(":status", status), ("content-type", content_type)]),
                expected,
                "{status} {content_type}"
            );
        }
        assert_eq!(form(&[(":status", "200")]), other);
        assert_eq!(form(&[("content-type", "application/json")]), Ok(Form::Other), "no status, no answer");
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let ok = (":status", "200");
        let json = ("content-type", "application/json");
        assert_eq!(form(&[ok, json, ("content-encoding", "gzip")]), Err(AnswerError::ContentEncoding));
        assert_eq!(form(&[ok, json, ("content-encoding", "identity, br")]), Err(AnswerError::ContentEncoding));
        assert_eq!(form(&[(":status", "404"), json, ("content-encoding", "gzip")]), Ok(Form::Other));
        assert_eq!(form(&[ok, json, ("content-encoding", "identity")]), Ok(Form::Whole { is_json: true }));
        assert_eq!(form(&[ok, json, ("content-length", "101")]), Err(AnswerError::TooLarge));
        assert_eq!(form(&[ok, json, ("content-length", "x")]), Err(AnswerError::TooLarge));
        assert_eq!(form(&[ok, json, ("content-length", "100")]), Ok(Form::Whole { is_json: true }));
        let twice = [ok, json, ("Content-Type", "text/event-stream")];
        assert_eq!(form(&twice), Ok(Form::Whole { is_json: false }), "whichever a client goes by");
    }
}
