//! Streams, colours, and output for tools.

use std::io::{Read as _, Write as _};
use std::process::Stdio;

use serde_json::Value;

use crate::palisade::{Run, Workshop};

#[test]
fn findings_for_tools_go_to_standard_output() {
    let workshop = Workshop::new();
    workshop.write("project/policies/bad.cedar", "permit (principal, action, resource) when { 1 };");
    let run = workshop.run("check project --format json");
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["schema"], "palisade.check/v1");
    assert_eq!(document["errors"], 1);
    let finding = &document["findings"][0];
    assert_eq!(finding["code"], "validate.unexpected_type");
    assert_eq!(finding["file"], "policies/bad.cedar");
    assert_eq!(finding["span"]["start"], serde_json::json!({"line": 1, "column": 45, "offset": 44}));
    assert_eq!(finding["span"]["end"], serde_json::json!({"line": 1, "column": 46, "offset": 45}));
}

#[test]
fn findings_for_people_go_to_standard_error() {
    let workshop = Workshop::new();
    workshop.write("project/policies/bad.cedar", "permit");
    let run = workshop.run("check project");
    assert_eq!((run.code, run.out.as_str()), (3, ""));
    assert!(run.err.contains("policies/bad.cedar"));
    assert!(!run.err.contains('\u{1b}'), "no colours into a pipe");
}

#[test]
fn colours_can_be_forced_and_refused() {
    let workshop = Workshop::new();
    workshop.write("project/policies/bad.cedar", "permit");
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = workshop.command(&["check", "project"]);
        Run::of(command.envs(variables.iter().copied())).err.contains('\u{1b}')
    };
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "0")]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn warnings_pass_unless_they_are_denied() {
    let workshop = Workshop::new();
    workshop.write("project/policies/never.cedar", "permit (principal, action, resource is Team);");
    assert_eq!(workshop.run("check project").code, 0);
    assert_eq!(workshop.run("check project --deny-warnings").code, 3);
}

#[test]
fn a_reader_that_goes_away_is_no_error_worth_a_word() {
    let workshop = Workshop::new();
    let case = r#"{"policies":"","entities":[],"requests":[]}"#;
    workshop.write("cases.jsonl", format!("{case}\n").replace("[]}", &format!("[{}{{}}]}}", "{},".repeat(20_000))));
    let mut command = workshop.command(&["eval", "--cases", "cases.jsonl", "--format", "json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    child.wait().unwrap();
    assert_eq!(err, "");
}

#[test]
fn lines_are_answered_as_they_come() {
    let workshop = Workshop::new();
    let mut command = workshop.command(&["eval", "--cases", "-", "--format", "json"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    for case in 0..3 {
        input.write_all(b"\n{\"policies\": \"\", \"entities\": [], \"requests\": [{}]}\n").unwrap();
        let mut answer = Vec::new();
        while answer.last() != Some(&b'\n') {
            let mut byte = [0];
            output.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["case"], case);
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_request_can_come_from_standard_input() {
    let workshop = Workshop::new();
    workshop.write("policies.cedar", r#"permit(principal, action == Action::"read", resource);"#);
    workshop.write("entities.json", "[]");
    for (action, code) in [("read", 0), ("write", 2)] {
        let arguments = ["explain", "--policies", "policies.cedar", "--entities", "entities.json", "--request", "-"];
        let mut child = workshop.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let request =
            format!(r#"{{"principal": "U::\"a\"", "action": "Action::\"{action}\"", "resource": "P::\"b\""}}"#);
        child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{action}");
    }
}

#[test]
fn files_that_are_not_text_are_refused() {
    let workshop = Workshop::new();
    workshop.write("project/policies/bad.cedar", [0xff, 0xfe]);
    workshop.fails("check project", 3, "project.file");
    workshop.write("project/palisade.toml", [0xff]);
    workshop.fails("check project", 1, "io.utf8");
}
