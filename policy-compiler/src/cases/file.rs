//! The case files of a project: JSON arrays of cases.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::statuses::CaseStatus;
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{IssuerTable, ProjectFile, json_finding, span_in};
use crate::section::{is_for_workloads, status_list_uri};
use crate::source::SourceFile;
use crate::token::Header;

/// A file of cases.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// The file's path in the project.
    pub path: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// One case. Unknown fields are refused: a misspelt expectation would expect nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// One sentence that says what is shown.
    pub name: String,
    /// What is asked.
    pub request: CaseRequest,
    /// Who asks; nobody without it.
    #[serde(default)]
    pub token: Option<CaseToken>,
    /// What the upstream answers, where it is about that.
    #[serde(default)]
    pub answer: Option<CaseAnswer>,
    /// What must come out.
    pub expect: Expectation,
}

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRequest {
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The path with its query, as it goes on the wire.
    pub path: String,
    /// Further headers, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body. Text stands for itself; anything else is sent as JSON, with its `content-type` unless the headers have
    /// one. Without it the request ends with its headers.
    #[serde(default)]
    pub body: Option<Value>,
}

impl CaseRequest {
    /// The body as it goes on the wire.
    #[must_use]
    pub fn body(&self) -> Option<String> {
        self.body.as_ref().map(on_the_wire)
    }

    /// The `content-type` that the body brings along.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
        self.body.as_ref().and_then(|body| content_type(&self.headers, body))
    }
}

/// What the upstream answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseAnswer {
    /// The status. Default: 200.
    #[serde(default = "success")]
    pub status: u16,
    /// The headers, in order.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, as that of a request. A stream of events is a text, with its `content-type` in the headers.
    pub body: Value,
}

impl CaseAnswer {
    /// The body as it goes on the wire.
    #[must_use]
    pub fn body(&self) -> String {
        on_the_wire(&self.body)
    }

    /// The `content-type` that the body brings along.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
        content_type(&self.headers, &self.body)
    }

    /// Whether it is a stream of events.
    #[must_use]
    pub fn is_stream(&self) -> bool {
        self.headers.iter().any(|(name, value)| {
            name.eq_ignore_ascii_case("content-type") && value.to_ascii_lowercase().starts_with("text/event-stream")
        })
    }
}

fn on_the_wire(body: &Value) -> String {
    match body {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn content_type(headers: &[(String, String)], body: &Value) -> Option<&'static str> {
    let given = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    (!given && !body.is_string()).then_some("application/json")
}

fn success() -> u16 {
    200
}

/// Who asks: a token that is minted for the case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseToken {
    /// Alias of the issuer.
    pub issuer: String,
    /// Id of the key that signs.
    pub key: String,
    /// Claims; `iss` and `aud` are the issuer's unless given here, and null removes one.
    pub claims: Map<String, Value>,
    /// Header fields to set or, with null, to remove: `kid`, `typ`, `cty`.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// When it was issued, in seconds from now. Default: -10.
    #[serde(default = "issued")]
    pub iat: i64,
    /// When it expires, in seconds from now. Default: 300.
    #[serde(default = "expires")]
    pub exp: i64,
    /// When it begins to be valid, in seconds from now. Default: absent.
    #[serde(default)]
    pub nbf: Option<i64>,
    /// Its status, as a list of its issuer has it: `valid`, `invalid`, `suspended` or a number. Default: it names no list.
    #[serde(default)]
    pub status: Option<CaseStatus>,
    /// For workload identity tokens: what is particular about the proof beside it. Default: nothing, it is a good one.
    #[serde(default)]
    pub proof: Option<CaseProof>,
}

/// The proof beside a workload identity token. It covers the tokens and headers that the request has, unless its claims say
/// otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseProof {
    /// Whether there is none.
    #[serde(default)]
    pub absent: bool,
    /// Whether another key than the token's signs it.
    #[serde(default)]
    pub stolen: bool,
    /// Claims; null removes one.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// Header fields, as those of the token.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// When it expires, in seconds from now. Default: 60.
    #[serde(default)]
    pub exp: Option<i64>,
}

fn issued() -> i64 {
    -10
}

fn expires() -> i64 {
    300
}

/// What must come out. What is absent is not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status that the client sees; 200 when the request goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `allow` or `deny`.
    pub decision: Expected,
    /// The reason code of the decision record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The determining policies, exactly, in any order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<String>>,
    /// The code of the JSON-RPC error that the client gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpc_error: Option<i64>,
    /// The names of the items that are left of the lists in the answer, exactly, in order: of tools and prompts, URIs of
    /// resources, URI templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Vec<String>>,
    /// The reason code for which the answer is refused, or the rest of a stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_refused: Option<String>,
}

/// The decision that is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// The request goes on.
    Allow,
    /// The request is answered.
    Deny,
}

impl Expected {
    /// The word in case files.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

impl CaseFile {
    /// Reads a case file against its project. What is wrong goes to `findings`, at its case.
    #[must_use]
    pub fn parse(file: &SourceFile, project: &ProjectFile, findings: &mut Findings) -> Self {
        let mut cases = Vec::new();
        match serde_json::from_str::<Vec<&RawValue>>(&file.text) {
            Err(error) => findings.push(json_finding("test.syntax", file, &error)),
            Ok(list) => {
                for raw in list {
                    let span = span_in(&file.text, raw.get());
                    match read(raw.get(), project) {
                        Ok(case) => cases.push(case),
                        Err((code, message)) => {
                            findings.push(Diagnostic::error(code, message).at(&file.path, span));
                        }
                    }
                }
            }
        }
        Self { path: file.path.clone(), cases }
    }
}

fn read(text: &str, project: &ProjectFile) -> Result<Case, (&'static str, String)> {
    let case: Case = serde_json::from_str(text).map_err(|error| {
        let text = error.to_string();
        let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
        ("test.case", format!("not a case: {message}"))
    })?;
    check_answer(&case).map_err(|message| ("test.answer", message.to_owned()))?;
    if let Some(token) = &case.token {
        if !project.issuers.iter().any(|issuer| *issuer.alias.as_ref() == token.issuer) {
            return Err(("test.issuer", format!("the project has no issuer `{}`", token.issuer)));
        }
        let is_for_workloads =
            |issuer: &&IssuerTable| *issuer.alias.as_ref() == token.issuer && is_for_workloads(issuer);
        if token.proof.is_some() && !project.issuers.iter().any(|issuer| is_for_workloads(&issuer)) {
            let message = format!("tokens of the issuer `{}` have no proof that a case could describe", token.issuer);
            return Err(("test.proof", message));
        }
        let has_lists =
            |issuer: &IssuerTable| *issuer.alias.as_ref() == token.issuer && status_list_uri(issuer).is_some();
        if token.status.is_some() && !project.issuers.iter().any(has_lists) {
            let message = format!("tokens of the issuer `{}` are not looked up in status lists", token.issuer);
            return Err(("test.status", message));
        }
        for header in std::iter::once(&token.header).chain(token.proof.as_ref().map(|proof| &proof.header)) {
            Header::default().apply(header).map_err(|error| ("test.header", error.to_string()))?;
        }
    }
    Ok(case)
}

/// A case that gives an answer says what comes of it, and only such a case can.
fn check_answer(case: &Case) -> Result<(), &'static str> {
    let expects = case.expect.shown.is_some() || case.expect.answer_refused.is_some();
    match (&case.answer, expects, case.expect.decision) {
        (None, false, _) | (Some(_), true, Expected::Allow) => Ok(()),
        (None, true, _) => Err("the case expects something of an answer, and gives none"),
        (Some(_), false, _) => {
            Err("the case gives an answer, and expects nothing of it: neither `shown` nor `answer_refused`")
        }
        (Some(_), true, Expected::Deny) => Err("the case gives an answer to a request that is denied"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_case_with_an_answer_says_what_comes_of_it_and_no_other_does() {
        let check = |answer: Option<Value>, decision: &str, expect: Value| {
            let mut expectation = json!({"decision": decision});
            expectation.as_object_mut().unwrap().extend(expect.as_object().unwrap().clone());
            let request = json!({"method": "POST", "host": "h", "path": "/"});
            let case = json!({"name": "n", "request": request, "answer": answer, "expect": expectation});
            check_answer(&serde_json::from_value(case).unwrap()).is_ok()
        };
        let (answer, shown) = (Some(json!({"body": {}})), json!({"shown": []}));
        let refused = json!({"answer_refused": "answer.json"});
        assert!(check(None, "deny", json!({})) && check(None, "allow", json!({"rpc_error": 1})));
        assert!(check(answer.clone(), "allow", shown.clone()) && check(answer.clone(), "allow", refused.clone()));
        for (answer, decision, expect) in [
            (answer.clone(), "allow", json!({})),
            (answer.clone(), "allow", json!({"reason": "policy.allow"})),
            (answer.clone(), "deny", shown.clone()),
            (answer.clone(), "deny", json!({})),
            (None, "allow", shown),
            (None, "deny", refused),
        ] {
            assert!(!check(answer.clone(), decision, expect.clone()), "{answer:?} {decision} {expect}");
        }
    }
}
