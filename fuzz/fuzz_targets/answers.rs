//! Any bytes as the answer to a list, in one text or as a stream of events: no panic; what comes out is the same however it
//! comes in, and means the same as what came in, without the items that nobody could be allowed, and with all the others.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_engine::CompiledPolicySet;
use palisade_gateway::section::McpRoute;
use palisade_gateway::{
    AnswerBuffers, AnswerError, AnswerFilter, AnswerReader, AnswerStep, HeaderBuffer, McpRevision, ReceivedBody,
    Rewritten,
};
use serde_json::Value;

const ROUTE: &str = include_str!("../../gateway/src/mcp/testing.json");
/// What `answers.cedar` compiles to; a test of the compiler says so.
const POLICIES: &[u8] = include_bytes!("../fixtures/answers.policies");

/// Lists, the member by which an item is asked for, and whether those policies let anybody ask for it. They know no prompts.
type List = (&'static str, &'static str, fn(&str) -> bool);
const LISTS: [List; 4] = [
    ("tools", "name", |name| name == "read"),
    ("prompts", "name", |_| false),
    ("resources", "uri", |uri| uri.starts_with("file:///work/")),
    // Where a template leads is not known, so that it could be there.
    ("resourceTemplates", "uriTemplate", |_| true),
];

// The first byte chooses the revision and the form; the second, where a stream is cut.
fuzz_target!(|data: &[u8]| {
    let [choice, cut, data @ ..] = data else { return };
    let reader = open(McpRevision::ALL[usize::from(choice & 0x7f) % McpRevision::ALL.len()]);
    if choice & 0x80 == 0 { whole(reader.filter(), data) } else { events(&reader, data, usize::from(*cut)) }
});

fn open(revision: McpRevision) -> AnswerReader {
    let route: McpRoute = serde_json::from_str(ROUTE).unwrap();
    AnswerReader::open(route, CompiledPolicySet::open(POLICIES).unwrap(), revision, "Agent").unwrap()
}

fn head(filter: &mut AnswerFilter, content_type: &str) -> AnswerStep {
    let headers = HeaderBuffer::from_pairs([(":status", "200"), ("content-type", content_type)]);
    filter.head(Some(headers.as_map()), false).unwrap()
}

fn whole(mut filter: AnswerFilter, data: &[u8]) {
    assert!(matches!(head(&mut filter, "application/json"), AnswerStep::Keep { .. }));
    let mut buffers = AnswerBuffers::default();
    match filter.finish(ReceivedBody::Whole(data), &mut buffers) {
        Ok(Rewritten::Unchanged) if data.is_empty() => {}
        Ok(Rewritten::Unchanged) => compare(data, data),
        Ok(Rewritten::Changed { body, .. }) => compare(data, body),
        Err(_) => {}
    }
}

/// What went on of a text is what there was, but for items that nobody could be allowed.
fn compare(before: &[u8], after: &[u8]) {
    let messages = |bytes: &[u8]| match serde_json::from_slice(bytes).unwrap() {
        Value::Array(messages) => messages,
        message => vec![message],
    };
    let (before, after) = (messages(before), messages(after));
    assert_eq!(before.len(), after.len());
    for (mut before, mut after) in before.into_iter().zip(after) {
        for (list, member, could_be) in LISTS {
            let take = |message: &mut Value| message.get_mut("result")?.as_object_mut()?.remove(list);
            let (mut before, after) = match (take(&mut before), take(&mut after)) {
                (None, None) => continue,
                (Some(Value::Array(before)), Some(Value::Array(after))) => (before, after),
                other => panic!("{other:?}"),
            };
            before.retain(|item| item.get(member).and_then(Value::as_str).is_some_and(could_be));
            // Names that nobody can ask for, because they are too long or have more than one reading, are gone as well.
            let mut rest = before.iter();
            assert!(after.iter().all(|item| rest.any(|known| known == item)), "{list}: {before:?} {after:?}");
            if list == "tools" {
                assert_eq!(before, after);
            }
        }
        for message in [&mut before, &mut after] {
            if let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) {
                result.remove("cacheScope");
            }
        }
        assert_eq!(before, after);
    }
}

fn events(reader: &AnswerReader, data: &[u8], cut: usize) {
    let run = |cuts: &[usize]| -> Result<Vec<u8>, AnswerError> {
        let mut filter = reader.filter();
        assert_eq!(head(&mut filter, "text/event-stream"), AnswerStep::Events);
        let (mut buffers, mut out, mut start) = (AnswerBuffers::default(), Vec::new(), 0);
        for end in cuts.iter().copied().chain([data.len()]) {
            out.extend_from_slice(filter.events(&data[start..end], end == data.len(), &mut buffers)?);
            start = end;
        }
        Ok(out)
    };
    let whole = run(&[]).unwrap();
    // The same in two parts, in three, and byte by byte.
    let cut = cut.min(data.len().saturating_sub(1));
    assert_eq!(run(&[cut]).unwrap(), whole);
    assert_eq!(run(&[cut / 2, cut]).unwrap(), whole);
    if data.len() < 4096 {
        assert_eq!(run(&(0..data.len()).collect::<Vec<_>>()).unwrap(), whole);
    }
    // No event has an item that nobody could be allowed, to a reader who goes by the standard.
    for data in data_of(&whole) {
        let Ok(message) = serde_json::from_str::<Value>(&data) else { continue };
        let messages = message.as_array().map_or(std::slice::from_ref(&message), Vec::as_slice);
        for (list, member, could_be) in LISTS {
            let items = messages.iter().filter_map(|message| message.get("result")?.get(list)?.as_array()).flatten();
            for item in items {
                assert!(item.get(member).and_then(Value::as_str).is_some_and(could_be), "{list}: {item}");
            }
        }
    }
}

/// The data of each event (HTML, server-sent events).
fn data_of(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n").replace('\r', "\n");
    let event = |event: &str| {
        let lines = event.lines().filter_map(|line| line.strip_prefix("data:"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    };
    text.trim_start_matches('\u{feff}').split("\n\n").map(event).collect()
}
