//! The arguments of a tool call in its record: a digest, and the values that the bundle lets in by name.

use super::json::push_text;
use crate::bundle::Digest;
use crate::json::{JsonKind, JsonView};

/// The arguments of a call, and which of them are recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordedArguments<'a> {
    /// An object; without it there are none.
    pub(crate) given: Option<JsonView<'a>>,
    /// Names of those whose values are recorded.
    pub(crate) values: &'a [String],
}

impl RecordedArguments<'_> {
    /// Appends the member `arguments`: the digest of their canonical spelling (RFC 8785), which is the same for the same
    /// arguments. Where an integer has none, there is the digest of the bytes as they were sent.
    pub(super) fn push(&self, out: &mut String, scratch: &mut String) {
        let Self { given, values } = self;
        scratch.clear();
        let spelling = match given {
            None => {
                scratch.push_str("{}");
                "canonical"
            }
            Some(given) => match given.push_canonical(scratch) {
                Ok(()) => "canonical",
                Err(_) => {
                    scratch.clear();
                    scratch.push_str(given.raw());
                    "as_sent"
                }
            },
        };
        out.push_str(",\"arguments\":{\"");
        out.push_str(spelling);
        out.push_str("\":\"");
        Digest::of(scratch.as_bytes()).push(out);
        out.push('"');
        if !values.is_empty() {
            self.push_values(out, scratch);
        }
        out.push('}');
    }

    /// Values that are no texts stand in a text, too, as canonical JSON: each is bounded alike.
    fn push_values(&self, out: &mut String, scratch: &mut String) {
        out.push_str(",\"values\":{");
        let mut is_first = true;
        for name in self.values {
            let Some(value) = self.given.and_then(|given| given.get(name)) else { continue };
            if !std::mem::take(&mut is_first) {
                out.push(',');
            }
            push_text(out, name);
            out.push(':');
            scratch.clear();
            match value.kind() {
                JsonKind::String => push_text(out, &value.text()),
                JsonKind::Null
                | JsonKind::True
                | JsonKind::False
                | JsonKind::Number
                | JsonKind::Array
                | JsonKind::Object => match value.push_canonical(scratch) {
                    Ok(()) => push_text(out, scratch),
                    Err(_) => push_text(out, value.raw()),
                },
            }
        }
        out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{Json, JsonDocument, JsonLimits};
    use crate::limits;

    fn push(given: Option<&str>, values: &[&str]) -> Json<'static> {
        let mut document = JsonDocument::default();
        let given = given.map(|text| document.read(text.as_bytes()).unwrap());
        let values: Vec<String> = values.iter().map(|name| (*name).to_owned()).collect();
        let mut out = String::from("{\"x\":0");
        RecordedArguments { given, values: &values }.push(&mut out, &mut String::from("left over"));
        out.push('}');
        assert!(!out.contains('\n'), "{out}");
        Json::parse(out.as_bytes(), &JsonLimits::JWKS).unwrap().get("arguments").unwrap().clone().into_owned()
    }

    fn text<'j>(json: &'j Json<'_>, path: &[&str]) -> Option<&'j str> {
        json.path(path.iter().copied()).and_then(Json::as_str)
    }

    #[test]
    fn the_same_arguments_have_the_same_digest() {
        let digest = |text: &str| push(Some(text), &[]).get("canonical").cloned();
        let one = digest(r#"{"path":"/a","n":1.0}"#);
        assert_eq!(one, digest("{ \"n\" : 1,\n\"path\":\"\\u002fa\" }"));
        let expected = format!("{:?}", Digest::of(br#"{"n":1,"path":"/a"}"#));
        assert_eq!(one.as_ref().and_then(Json::as_str), Some(expected.as_str()));
        for other in [r#"{"path":"/a","n":2}"#, r#"{"path":"/a"}"#, r#"{"path":"/a","n":"1"}"#, "{}"] {
            assert_ne!(one, digest(other), "{other}");
        }
        assert_eq!(push(None, &["path"]).get("canonical"), digest("{}").as_ref());
    }

    #[test]
    fn arguments_without_canonical_spelling_are_recorded_as_sent() {
        let sent = r#"{"n": 9007199254740993}"#;
        let pushed = push(Some(sent), &["n"]);
        assert_eq!(pushed.get("canonical"), None);
        assert_eq!(text(&pushed, &["as_sent"]), Some(format!("{:?}", Digest::of(sent.as_bytes())).as_str()));
        assert_eq!(text(&pushed, &["values", "n"]), Some("9007199254740993"));
    }

    #[test]
    fn only_values_that_are_named_are_recorded() {
        let given = r#"{"path":"/a\nb","secret":"s3cr3t","n":1.50,"list":[ 1, {"k": "v"} ]}"#;
        assert_eq!(push(Some(given), &[]).get("values"), None);
        let pushed = push(Some(given), &["path", "n", "list", "Secret", "secre", "absent"]);
        assert_eq!(text(&pushed, &["values", "path"]), Some("/a\nb"));
        assert_eq!(text(&pushed, &["values", "n"]), Some("1.5"));
        assert_eq!(text(&pushed, &["values", "list"]), Some(r#"[1,{"k":"v"}]"#));
        assert_eq!(pushed.get("values").and_then(Json::as_object).map(<[_]>::len), Some(3));
        let long = format!(r#"{{"path":"{}","list":[{}1]}}"#, "x".repeat(100_000), "1,".repeat(10_000));
        let pushed = push(Some(&long), &["path", "list"]);
        for name in ["path", "list"] {
            assert!(text(&pushed, &["values", name]).unwrap().len() <= limits::RECORD_STRING_BYTES + '…'.len_utf8());
        }
    }
}
