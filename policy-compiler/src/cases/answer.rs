//! The upstream's answer to a case, through the filter that its request left behind.

use palisade_gateway::{
    AnswerBuffers, AnswerError, AnswerFilter, AnswerStep, HeaderBuffer, Outcome, ReceivedBody, Rewritten,
};
use serde_json::Value;

use super::file::CaseAnswer;

/// The members of a result that hold the items of a list, each with the member by which an item is asked for.
const LISTS: [(&str, &str); 4] =
    [("tools", "name"), ("prompts", "name"), ("resources", "uri"), ("resourceTemplates", "uriTemplate")];

/// What the client gets of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivered {
    /// The names of the items that are left of its lists, in order. What is no list, or cannot be read, has none.
    pub(super) shown: Vec<String>,
    /// The reason code where it is refused, or the rest of it.
    pub(super) refused: Option<String>,
}

/// Filters an answer. Without a filter it goes on as it is.
pub(super) fn deliver(filter: Option<Box<AnswerFilter>>, answer: &CaseAnswer) -> Delivered {
    let body = answer.body();
    let mut buffers = AnswerBuffers::default();
    let filtered = match filter {
        None => Ok((body.clone().into_bytes(), None)),
        Some(mut filter) => through(&mut filter, answer, &body, &mut buffers),
    };
    match filtered {
        Ok((bytes, refused)) => {
            let text = String::from_utf8_lossy(&bytes);
            let texts = if answer.is_stream() { events(&text) } else { vec![text.into_owned()] };
            let shown = texts.iter().filter_map(|text| serde_json::from_str(text).ok());
            Delivered { shown: shown.flat_map(|message: Value| items(&message)).collect(), refused }
        }
        Err(error) => Delivered { shown: Vec::new(), refused: Some(reason(error)) },
    }
}

/// The bytes that go on, and why no more of them do.
fn through(
    filter: &mut AnswerFilter,
    answer: &CaseAnswer,
    body: &str,
    buffers: &mut AnswerBuffers,
) -> Result<(Vec<u8>, Option<String>), AnswerError> {
    let status = answer.status.to_string();
    let mut headers = HeaderBuffer::from_pairs([(":status", status.as_str())]);
    if let Some(content_type) = answer.content_type() {
        headers.push(b"content-type", content_type.as_bytes());
    }
    for (name, value) in &answer.headers {
        headers.push(name.to_ascii_lowercase().as_bytes(), value.as_bytes());
    }
    let bytes = match filter.head(Some(headers.as_map()), body.is_empty())? {
        AnswerStep::Pass => body.as_bytes().to_vec(),
        AnswerStep::Keep { .. } => match filter.finish(ReceivedBody::Whole(body.as_bytes()), buffers)? {
            Rewritten::Unchanged => body.as_bytes().to_vec(),
            Rewritten::Changed { body, .. } => body.to_vec(),
        },
        AnswerStep::Events => filter.events(body.as_bytes(), true, buffers)?.to_vec(),
    };
    let refused = filter.report(buffers).and_then(|report| report.refused);
    Ok((bytes, refused.map(|outcome| outcome.disposition().reason.to_owned())))
}

fn reason(error: AnswerError) -> String {
    Outcome::Answer(error).disposition().reason.to_owned()
}

/// The data of each event of a stream.
fn events(stream: &str) -> Vec<String> {
    let mut events = vec![String::new()];
    for line in stream.lines() {
        match line.strip_prefix("data:") {
            Some(data) => events.last_mut().into_iter().for_each(|event| event.push_str(data)),
            None if line.is_empty() => events.push(String::new()),
            None => {}
        }
    }
    events
}

/// The names of the items in the lists of a message, or of a batch of them.
fn items(message: &Value) -> Vec<String> {
    let messages = message.as_array().map_or(std::slice::from_ref(message), Vec::as_slice);
    let results = messages.iter().filter_map(|message| message.get("result"));
    let name = |item: &Value, member: &str| item.get(member).and_then(Value::as_str).unwrap_or("?").to_owned();
    results
        .flat_map(|result| LISTS.iter().filter_map(|(list, member)| Some((result.get(list)?.as_array()?, *member))))
        .flat_map(|(items, member)| items.iter().map(move |item| name(item, member)))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delivered(answer: Value) -> Delivered {
        deliver(None, &serde_json::from_value(answer).unwrap())
    }

    #[test]
    fn items_are_named_wherever_a_list_stands() {
        let message = |result: Value| json!({"jsonrpc": "2.0", "id": 1, "result": result});
        let tools = message(json!({"tools": [{"name": "a"}, {"title": "b"}, 7]}));
        assert_eq!(delivered(json!({"body": tools})).shown, ["a", "?", "?"]);
        let templates =
            message(json!({"resources": [{"uri": "file:///a"}], "resourceTemplates": [{"uriTemplate": "{x}"}]}));
        assert_eq!(delivered(json!({"body": [tools, templates]})).shown, ["a", "?", "?", "file:///a", "{x}"]);
        let stream = format!("event: message\ndata: {tools}\n\n: a comment\n\ndata:{templates}\n\n");
        let stream = json!({"headers": [["Content-Type", "text/event-stream"]], "body": stream});
        assert_eq!(delivered(stream).shown, ["a", "?", "?", "file:///a", "{x}"]);
        for body in [json!(""), json!("no JSON"), json!({}), json!({"result": {"tools": 1}}), json!([])] {
            assert_eq!(delivered(json!({ "body": body })), Delivered { shown: vec![], refused: None }, "{body}");
        }
    }
}
