//! The engine inside a wasm module, with a small stack: the third to be asked.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use palisade_engine::{CompiledPolicySet, PolicyIndex};
use palisade_engine_guest::{Answer as WasmAnswer, Extension, Handle, Transcript};
use serde_json::{Map, Value};

use crate::compare::{Answer, Case};
use crate::vm::Vm;

thread_local! {
    static VM: RefCell<Vm> = RefCell::new(Vm::new(&module()).expect("`make engine-wasm` builds the module"));
}

fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/engine.wasm")
}

/// The module's answers to the requests of a case.
pub(crate) fn answers(policies: &[u8], set: &CompiledPolicySet, case: &Case) -> Result<Vec<Answer>, String> {
    let mut transcript = Transcript::new();
    for request in &case.requests {
        write(request, &mut transcript);
    }
    let answers = replayed(policies, &transcript)?;
    assert_eq!(answers.len(), case.requests.len(), "an answer to each request");
    answers.into_iter().map(|answer| named(set, answer)).collect()
}

/// The module's answers to a transcript.
pub(crate) fn replayed(policies: &[u8], transcript: &Transcript) -> Result<Vec<WasmAnswer>, String> {
    let answers = VM.with_borrow_mut(|vm| {
        vm.open(policies)?;
        vm.answer(transcript)
    });
    answers.map_err(|error| format!("the wasm module: {error}"))
}

fn named(set: &CompiledPolicySet, answer: WasmAnswer) -> Result<Answer, String> {
    let ids = |policies: &[u32]| {
        let mut ids: Vec<_> =
            policies.iter().map(|policy| set.policy_id(PolicyIndex::new(*policy)).to_owned()).collect();
        ids.sort();
        ids
    };
    match answer {
        WasmAnswer::Decided { allow, reasons, errors } => Ok((allow, ids(&reasons), ids(&errors))),
        WasmAnswer::Prospect(prospect) => Err(format!("{prospect:?} where a decision was asked for")),
        WasmAnswer::Refused(code) => Err(format!("the wasm module refuses to decide: {code}")),
    }
}

fn write(request: &Value, transcript: &mut Transcript) {
    let [principal, action, resource] =
        ["principal", "action", "resource"].map(|part| entity(&request[part], transcript));
    let context = value(&request["context"], transcript);
    transcript.decide(principal, action, resource, context);
}

pub(crate) fn entity(uid: &Value, transcript: &mut Transcript) -> Handle {
    transcript.entity(text(&uid["type"]), text(&uid["id"]))
}

/// A value of Cedar's JSON.
pub(crate) fn value(json: &Value, transcript: &mut Transcript) -> Handle {
    match json {
        Value::Bool(value) => transcript.bool(*value),
        Value::Number(number) => transcript.long(number.as_i64().expect("a long")),
        Value::String(text) => transcript.string(text),
        Value::Array(elements) => {
            let elements: Vec<_> = elements.iter().map(|element| value(element, transcript)).collect();
            transcript.set(&elements)
        }
        Value::Object(fields) => object(fields, transcript),
        Value::Null => panic!("Cedar has no null"),
    }
}

fn object(fields: &Map<String, Value>, transcript: &mut Transcript) -> Handle {
    if let Some(uid) = fields.get("__entity") {
        return entity(uid, transcript);
    }
    if let Some(call) = fields.get("__extn") {
        let constructor = match text(&call["fn"]) {
            "decimal" => Extension::Decimal,
            "ip" => Extension::Ip,
            "datetime" => Extension::Datetime,
            "duration" => Extension::Duration,
            other => panic!("no constructor: {other}"),
        };
        return transcript.extension(constructor, text(&call["arg"]));
    }
    let fields: Vec<_> = fields.iter().map(|(key, field)| (key.as_str(), value(field, transcript))).collect();
    transcript.record(&fields)
}

fn text(json: &Value) -> &str {
    json.as_str().expect("text")
}
