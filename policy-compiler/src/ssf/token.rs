//! A security event token, from bytes to an event.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_gateway::{Json, JsonLimits};

use super::event::Event;
use super::keys::KeySet;

/// Who sends events, and how they are known.
#[derive(Clone, Debug)]
pub struct Transmitter {
    /// `iss` of its tokens.
    pub issuer: String,
    /// What its tokens name us by.
    pub audience: String,
    /// Its keys.
    pub keys: KeySet,
}

/// Why a token is refused, by the error codes of RFC 8935 §2.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// `invalid_request`: it does not read, or is no security event token.
    Request(&'static str),
    /// `invalid_key`: no key of the transmitter has signed it.
    Key(&'static str),
    /// `invalid_issuer`: of somebody who is not known.
    Issuer,
    /// `invalid_audience`: for somebody else.
    Audience,
    /// `access_denied`: about somebody whom this transmitter does not speak for.
    Denied,
}

impl SetError {
    /// The error code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Key(_) => "invalid_key",
            Self::Issuer => "invalid_issuer",
            Self::Audience => "invalid_audience",
            Self::Denied => "access_denied",
        }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request(why) | Self::Key(why) => why,
            Self::Issuer => "the issuer is not known here",
            Self::Audience => "it is for somebody else",
            Self::Denied => "its subject is of another issuer",
        })
    }
}

impl std::error::Error for SetError {}

/// A token whose parts decode; nothing in it has been verified.
struct Parts<'a> {
    signed: &'a [u8],
    header: Json<'static>,
    claims: Json<'static>,
    signature: Vec<u8>,
}

impl Transmitter {
    /// Verifies a token of one of `transmitters`, by its `iss`.
    ///
    /// # Errors
    ///
    /// When it is not a security event token of one of them for us. `now_seconds` since the Unix epoch.
    pub fn verify<'t>(transmitters: &'t [Self], token: &[u8], now_seconds: u64) -> Result<(&'t Self, Event), SetError> {
        let Parts { signed, header, claims, signature } = Parts::read(token)?;
        let kid = check_header(&header)?;
        let issuer = text(&claims, "iss").ok_or(SetError::Request("it has no `iss`"))?;
        let transmitter = transmitters.iter().find(|known| known.issuer == issuer).ok_or(SetError::Issuer)?;
        match transmitter.keys.verify(kid, signed, &signature) {
            None => return Err(SetError::Key("there is no such key")),
            Some(false) => return Err(SetError::Key("the signature does not hold")),
            Some(true) => {}
        }
        // `exp` and `sub` would make it look like an access token (SSF 1.0 §4.1.7 and §4.1.2).
        for forbidden in ["sub", "exp"] {
            if claims.get(forbidden).is_some() {
                return Err(SetError::Request("it has `sub` or `exp`"));
            }
        }
        if !is_audience(claims.get("aud"), &transmitter.audience)? {
            return Err(SetError::Audience);
        }
        if text(&claims, "jti").is_none_or(str::is_empty) {
            return Err(SetError::Request("it has no `jti`"));
        }
        let event = Event::read(&claims, now_seconds)?;
        if event.subject.issuer().is_some_and(|issuer| issuer != transmitter.issuer) {
            return Err(SetError::Denied);
        }
        Ok((transmitter, event))
    }
}

impl<'a> Parts<'a> {
    fn read(token: &'a [u8]) -> Result<Self, SetError> {
        let malformed = SetError::Request("it is no compact JWS");
        let text = std::str::from_utf8(token).map_err(|_| malformed.clone())?;
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed);
        };
        let signed = text.rsplit_once('.').map(|(signed, _)| signed.as_bytes()).ok_or_else(|| malformed.clone())?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed.clone());
        let object = |part: &str| {
            let bytes = decode(part)?;
            let value = Json::parse(&bytes, &JsonLimits::TOKEN).map_err(|_| malformed.clone())?;
            if value.as_object().is_some() { Ok(value.into_owned()) } else { Err(malformed.clone()) }
        };
        Ok(Self { signed, header: object(header)?, claims: object(claims)?, signature: decode(signature)? })
    }
}

/// The id of the key, of a header that says no more than it may.
fn check_header<'a>(header: &'a Json<'_>) -> Result<&'a str, SetError> {
    let kind = text(header, "typ").unwrap_or_default().to_ascii_lowercase();
    if kind.strip_prefix("application/").unwrap_or(&kind) != "secevent+jwt" {
        return Err(SetError::Request("its `typ` is not `secevent+jwt`"));
    }
    if text(header, "alg") != Some("RS256") {
        return Err(SetError::Request("its `alg` is not RS256"));
    }
    if ["crit", "b64", "zip", "enc"].iter().any(|name| header.get(name).is_some()) {
        return Err(SetError::Request("its header asks for what is not understood"));
    }
    text(header, "kid").ok_or(SetError::Key("it names no key"))
}

/// Whether we are an audience: a text, or a list of texts.
fn is_audience(audience: Option<&Json>, ours: &str) -> Result<bool, SetError> {
    let malformed = SetError::Request("its `aud` is neither a text nor a list of texts");
    match audience {
        Some(Json::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            Ok(texts.ok_or(malformed)?.contains(&ours))
        }
        Some(one) => Ok(one.as_str().ok_or(malformed)? == ours),
        None => Err(SetError::Request("it has no `aud`")),
    }
}

pub(super) fn text<'a>(value: &'a Json<'_>, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Json::as_str)
}
