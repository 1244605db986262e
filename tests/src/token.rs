//! Tokens of the development issuer: good ones, and every kind of bad one.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::key::TokenKey;
use crate::quickstart::{AUDIENCE, ISSUER};

/// A token under construction; whatever is set is signed as it is.
#[derive(Clone, Debug)]
pub struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
}

/// Seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

impl Token {
    /// A token with these claims, issued 10 s ago, valid for 5 minutes more, for the quickstart's issuer and audience.
    #[must_use]
    pub fn new(claims: Map<String, Value>) -> Self {
        let mut token = Self { header: Map::new(), claims: Map::new() }
            .claim("iss", ISSUER)
            .claim("aud", AUDIENCE)
            .claim("iat", now() - 10)
            .claim("exp", now() + 300);
        token.claims.extend(claims);
        token
    }

    /// An autonomous agent of the payments team, working on task T-1: branch `agent-T-1` of repository `checkout`.
    #[must_use]
    pub fn coder() -> Self {
        let started = now() - 60;
        let claims = json!({
            "sub": "coder-7",
            "teams": ["payments"],
            "autonomous": true,
            "task": {"id": "T-1", "started_at": started, "repository": "checkout", "branch": "agent-T-1"},
        });
        Self::new(claims.as_object().cloned().unwrap_or_default())
    }

    /// Sets a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Sets a field of the header, over the `alg` and `kid` of the signing key too.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The claims as JSON, for somebody else to sign.
    #[must_use]
    pub fn claims(&self) -> Value {
        Value::Object(self.claims.clone())
    }

    /// Signs with `key`.
    #[must_use]
    pub fn sign(&self, key: &TokenKey) -> String {
        let mut header = Map::new();
        header.insert("alg".to_owned(), key.algorithm.name().into());
        header.insert("kid".to_owned(), key.kid.as_str().into());
        header.extend(self.header.clone());
        let message = self.message(header);
        let signature = URL_SAFE_NO_PAD.encode(key.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// An unsecured token (RFC 7519 §6): `alg` as given, no signature.
    #[must_use]
    pub fn unsigned(&self, alg: &str) -> String {
        let mut header = Map::new();
        header.insert("alg".to_owned(), alg.into());
        header.extend(self.header.clone());
        format!("{}.", self.message(header))
    }

    fn message(&self, header: Map<String, Value>) -> String {
        let part = |members: Map<String, Value>| URL_SAFE_NO_PAD.encode(Value::Object(members).to_string());
        format!("{}.{}", part(header), part(self.claims.clone()))
    }
}

/// The token with one bit of its signature turned over.
#[must_use]
pub fn with_broken_signature(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap_or((token, ""));
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    if let Some(byte) = bytes.last_mut() {
        *byte ^= 1;
    }
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The token with other claims under the signature of the first.
#[must_use]
pub fn with_replaced_claims(token: &str, other: &str) -> String {
    let (mut parts, mut others) = (token.split('.'), other.split('.'));
    let header = parts.next().unwrap_or_default();
    let signature = parts.nth(1).unwrap_or_default();
    let claims = others.nth(1).unwrap_or_default();
    format!("{header}.{claims}.{signature}")
}
