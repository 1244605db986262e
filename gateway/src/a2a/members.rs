//! Members of ProtoJSON objects, as every reader of them finds them.
//!
//! Readers take a field by its name in JSON (`taskId`) or in the proto file (`task_id`), and so do the models of the 0.3
//! SDKs; careless ones ignore case as well. Each member is looked up under both of its names, there may be one of them, and
//! what is only spelt alike is refused. `null` and the empty string are the absence of a value (ProtoJSON, field presence).

use std::borrow::Cow;

use super::error::A2aError;
use crate::json::{JsonKind, JsonView};
use crate::limits;
use crate::rpc::{RpcError, looks_like};

/// A member of an object; `name` is the one in JSON.
pub(super) fn member<'a>(object: Option<JsonView<'a>>, name: &str) -> Result<Option<JsonView<'a>>, A2aError> {
    let mut found = None;
    for (known, value) in object.into_iter().flat_map(JsonView::members) {
        if is_named(&known, name)? && found.replace(value).is_some() {
            return Err(RpcError::LookAlike.into());
        }
    }
    Ok(found.filter(|value| value.kind() != JsonKind::Null))
}

/// The text of a member.
pub(super) fn text<'a>(object: Option<JsonView<'a>>, name: &str) -> Result<Option<Cow<'a, str>>, A2aError> {
    match member(object, name)? {
        Some(value) => bounded(value),
        None => Ok(None),
    }
}

/// A member that is an object.
pub(super) fn object<'a>(object: Option<JsonView<'a>>, name: &str) -> Result<Option<JsonView<'a>>, A2aError> {
    match member(object, name)? {
        Some(value) if value.kind() != JsonKind::Object => Err(A2aError::MemberType),
        found => Ok(found),
    }
}

/// Adds the elements of a member that is a list of texts.
pub(super) fn texts<'a>(object: Option<JsonView<'a>>, name: &str, out: &mut Vec<Cow<'a, str>>) -> Result<(), A2aError> {
    let Some(list) = member(object, name)? else {
        return Ok(());
    };
    if list.kind() != JsonKind::Array {
        return Err(A2aError::MemberType);
    }
    for element in list.elements() {
        let element = bounded(element)?.ok_or(A2aError::MemberType)?;
        if out.len() == limits::MESSAGE_LIST {
            return Err(A2aError::MemberType);
        }
        out.push(element);
    }
    Ok(())
}

/// The texts of all members of a name, however deep: wherever a version or a draft of the protocol has put them.
///
/// The depth of the recursion is that of the document, [`limits::BODY_JSON_DEPTH`] at most.
pub(super) fn anywhere<'a>(
    value: Option<JsonView<'a>>,
    name: &str,
    out: &mut Vec<Cow<'a, str>>,
) -> Result<(), A2aError> {
    for (known, inner) in value.into_iter().flat_map(JsonView::members) {
        if is_named(&known, name)? {
            out.extend(if inner.kind() == JsonKind::Null { None } else { bounded(inner)? });
        } else {
            anywhere(Some(inner), name, out)?;
        }
    }
    for element in value.into_iter().flat_map(JsonView::elements) {
        anywhere(Some(element), name, out)?;
    }
    Ok(())
}

/// A text that is not empty.
pub(super) fn bounded(value: JsonView<'_>) -> Result<Option<Cow<'_, str>>, A2aError> {
    let text = value.string().filter(|text| text.len() <= limits::SUBJECT_BYTES).ok_or(A2aError::MemberType)?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// Whether a member has one of the two spellings of a name. Any other spelling is an error.
fn is_named(member: &str, name: &str) -> Result<bool, A2aError> {
    if member == name || is_snake_of(member, name) {
        return Ok(true);
    }
    if is_alike(member, name) { Err(RpcError::LookAlike.into()) } else { Ok(false) }
}

/// Whether `member` is the name in the proto file for the name in JSON.
fn is_snake_of(member: &str, name: &str) -> bool {
    let mut letters = member.bytes();
    let mut matches = |byte: u8| letters.next() == Some(byte);
    let all = name.bytes().all(|byte| match byte.is_ascii_uppercase() {
        true => matches(b'_') && matches(byte.to_ascii_lowercase()),
        false => matches(byte),
    });
    all && letters.next().is_none()
}

/// Whether names are the same when case, underscores and dashes are ignored.
pub(super) fn is_alike(member: &str, name: &str) -> bool {
    if !member.contains(['_', '-']) {
        return looks_like(member, name);
    }
    let plain = member.replace(['_', '-'], "");
    plain == name || looks_like(&plain, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonDocument;

    fn text_of(body: &str, name: &str) -> Result<Option<String>, A2aError> {
        let mut document = JsonDocument::default();
        let root = document.read(body.as_bytes()).unwrap();
        text(Some(root), name).map(|text| text.map(Cow::into_owned))
    }

    #[test]
    fn a_member_has_two_spellings() {
        for body in [r#"{"taskId":"t"}"#, r#"{"task_id":"t"}"#, r#"{"x":1,"task_id":"t","taskIds":"u"}"#] {
            assert_eq!(text_of(body, "taskId"), Ok(Some("t".to_owned())), "{body}");
        }
        for body in ["{}", r#"{"taskId":null}"#, r#"{"taskId":""}"#, r#"{"task":"t"}"#, "[]", "1"] {
            assert_eq!(text_of(body, "taskId"), Ok(None), "{body}");
        }
    }

    #[test]
    fn other_spellings_and_both_at_once_are_refused() {
        for body in [
            r#"{"taskId":"t","task_id":"t"}"#,
            r#"{"taskId":"t","task_id":null}"#,
            r#"{"taskId":null,"task_id":"t"}"#,
            r#"{"taskid":"t"}"#,
            r#"{"TaskId":"t"}"#,
            r#"{"task_Id":"t"}"#,
            r#"{"_task_id":"t"}"#,
            r#"{"task__id":"t"}"#,
            r#"{"task-id":"t"}"#,
            r#"{"TASK_ID":"t"}"#,
            "{\"ta\u{17f}kId\":\"t\"}",
            r#"{"taskId":"t","tas\u212aId":"u"}"#,
        ] {
            assert_eq!(text_of(body, "taskId"), Err(RpcError::LookAlike.into()), "{body}");
        }
        let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(limits::SUBJECT_BYTES + 1));
        for body in [r#"{"id":1}"#, r#"{"id":["t"]}"#, r#"{"id":{}}"#, r#"{"id":true}"#, &long] {
            assert_eq!(text_of(body, "id"), Err(A2aError::MemberType), "{body}");
        }
    }

    #[test]
    fn members_are_found_however_deep() {
        let find = |body: &str| {
            let mut document = JsonDocument::default();
            let root = document.read(body.as_bytes()).unwrap();
            let mut found = Vec::new();
            anywhere(Some(root), "url", &mut found)?;
            Ok::<_, A2aError>(found.into_iter().map(Cow::into_owned).collect::<Vec<_>>())
        };
        let body = r#"{"a":{"url":"1"},"b":[{"c":{"url":"2"}},[{"url":null}]],"url":"3","urls":"4"}"#;
        assert_eq!(find(body), Ok(vec!["1".to_owned(), "2".to_owned(), "3".to_owned()]));
        assert_eq!(find(r#"{"a":[{"URL":"1"}]}"#), Err(RpcError::LookAlike.into()));
        assert_eq!(find(r#"{"a":[{"url":{"url":"1"}}]}"#), Err(A2aError::MemberType));
    }
}
