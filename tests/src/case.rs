//! Decision cases: the files that `palisade test` replays natively and the whole-product tests replay through Envoy.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http1::Request;
use crate::key::TokenKey;
use crate::token::{Token, now};

/// A file of cases.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// Its name without the extension.
    pub name: String,
    /// Its cases, in order.
    pub cases: Vec<Case>,
}

/// One case: a request, who asks, and what must come out.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// One sentence that says what is being shown.
    pub name: String,
    /// What is asked.
    pub request: CaseRequest,
    /// Who asks; nobody in particular if absent.
    pub token: Option<CaseToken>,
    /// What the upstream answers, where it is about that.
    pub answer: Option<CaseAnswer>,
    /// What must come out.
    pub expect: Expectation,
}

/// What the upstream answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseAnswer {
    /// The status.
    #[serde(default = "success")]
    pub status: u16,
    /// The headers.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// The body, as that of a request.
    pub body: Value,
}

impl CaseAnswer {
    /// The answer as it goes on the wire, with further headers. Its connection ends with it.
    #[must_use]
    pub fn bytes(&self, more: &[(&str, &str)]) -> Vec<u8> {
        let body = match &self.body {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let given = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let is_json = !given && !self.body.is_string();
        let content_type = is_json.then_some(("content-type", "application/json"));
        let own = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let headers = own.chain(content_type).chain(more.iter().copied());
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (status, length) = (self.status, body.len());
        format!("HTTP/1.1 {status} x\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .into_bytes()
    }
}

fn success() -> u16 {
    200
}

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseRequest {
    /// The method.
    pub method: String,
    /// The host.
    pub host: String,
    /// The path, as it goes on the wire.
    pub path: String,
    /// Further headers.
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
        self.body.as_ref().map(|body| match body {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    }

    /// The `content-type` that the body brings along.
    #[must_use]
    pub fn content_type(&self) -> Option<&'static str> {
        let given = self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        self.body.as_ref().filter(|body| !given && !body.is_string()).map(|_| "application/json")
    }
}

/// Who asks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseToken {
    /// The issuer's alias.
    pub issuer: String,
    /// The id of the key that signs.
    pub key: String,
    /// The claims; `iss` and `aud` are the issuer's unless given.
    pub claims: Map<String, Value>,
    /// Fields of the token's header, over those of the key.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// When it was issued, in seconds from now.
    #[serde(default = "issued")]
    pub iat: i64,
    /// When it expires, in seconds from now.
    #[serde(default = "expires")]
    pub exp: i64,
    /// When it begins to be valid, in seconds from now.
    pub nbf: Option<i64>,
}

fn issued() -> i64 {
    -10
}

fn expires() -> i64 {
    300
}

/// What must come out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// The status that the client sees.
    pub status: u16,
    /// `allow` or `deny`.
    pub decision: String,
    /// The reason code of the decision record.
    pub reason: String,
    /// The determining policies, sorted.
    pub policies: Vec<String>,
    /// The code of the JSON-RPC error that the client gets.
    #[serde(default)]
    pub rpc_error: Option<i64>,
    /// The names of the items that are left of the lists in the answer, in order.
    #[serde(default)]
    pub shown: Option<Vec<String>>,
    /// The reason code for which the answer is refused, or the rest of it.
    #[serde(default)]
    pub answer_refused: Option<String>,
}

impl CaseFile {
    /// Reads every case file of a policy project's `tests` folder, by name.
    ///
    /// # Errors
    ///
    /// A file cannot be read or is no case file; a folder without cases is an error too.
    pub fn read_all(project: &Path) -> Result<Vec<Self>> {
        let folder = project.join("tests");
        let mut files = Vec::new();
        for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
            let path = entry?.path();
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let cases = serde_json::from_str(&text).with_context(|| format!("in `{}`", path.display()))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push(Self { name, cases });
        }
        ensure!(!files.is_empty(), "no cases in `{}`", folder.display());
        files.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(files)
    }
}

impl Case {
    /// The request as it goes on the wire, its token signed by the key that the case names.
    ///
    /// # Errors
    ///
    /// No key has that id.
    pub fn request(&self, keys: &[TokenKey]) -> Result<Request> {
        let CaseRequest { method, host, path, headers, body: _ } = &self.request;
        let mut request = Request::new(method, host, path);
        if let Some(content_type) = self.request.content_type() {
            request = request.header("content-type", content_type);
        }
        if let Some(body) = self.request.body() {
            request = request.body(body);
        }
        if let Some(token) = &self.token {
            request = request.bearer(&token.mint(keys)?);
        }
        Ok(headers.iter().fold(request, |request, (name, value)| request.header(name, value)))
    }
}

impl CaseToken {
    /// The signed token.
    ///
    /// # Errors
    ///
    /// No key has the id that the case names.
    pub fn mint(&self, keys: &[TokenKey]) -> Result<String> {
        let Self { issuer: _, key, claims, header, iat, exp, nbf } = self;
        let signer = keys.iter().find(|candidate| candidate.kid == *key);
        let signer = signer.with_context(|| format!("no key `{key}`"))?;
        let mut token = Token::new(claims.clone()).claim("iat", now() + iat).claim("exp", now() + exp);
        if let Some(nbf) = nbf {
            token = token.claim("nbf", now() + nbf);
        }
        let token = header.iter().fold(token, |token, (name, value)| token.header(name, value.clone()));
        Ok(token.sign(signer))
    }
}
