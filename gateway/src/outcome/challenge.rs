//! Challenges: what a client is told about the credentials it needs (RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3,
//! RFC 9728 §5.1). They never say which check failed.

use super::ClientReason;
use crate::proof::Nonce;
use crate::resource::OpenResource;
use crate::section::Authentication;
use crate::token::Scheme;

/// What the challenges of one request are made of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChallengeFacts<'a> {
    /// The resource that the request was for.
    pub(crate) resource: Option<&'a OpenResource>,
    /// The algorithms of DPoP proofs, where DPoP is accepted.
    pub(crate) dpop_algorithms: Option<&'a str>,
    /// How the token came.
    pub(crate) scheme: Option<Scheme>,
    /// The scopes that the route needs, all of them.
    pub(crate) scopes: &'a [String],
    /// What the route needs of the user's authentication.
    pub(crate) authentication: Option<&'a Authentication>,
    /// The nonce that the next proof has to have.
    pub(crate) nonce: Option<Nonce>,
}

/// Writes the challenges of a reply, each into a string of its own; no challenge leaves both empty.
pub(super) fn write(client: ClientReason, facts: &ChallengeFacts<'_>, challenges: &mut [String; 2]) {
    let [first, second] = challenges;
    first.clear();
    second.clear();
    let by_dpop = facts.scheme == Some(Scheme::Dpop) && facts.dpop_algorithms.is_some();
    let scheme = if by_dpop { "DPoP" } else { "Bearer" };
    let error = match client {
        ClientReason::Forwarded
        | ClientReason::Metadata
        | ClientReason::AccessDenied
        | ClientReason::InvalidTransaction
        | ClientReason::InvalidWorkloadToken
        | ClientReason::InvalidWorkloadProof
        | ClientReason::Unavailable
        | ClientReason::UnsupportedMediaType
        | ClientReason::TooLarge
        | ClientReason::HttpMethod
        | ClientReason::ParseError
        | ClientReason::InvalidMessage
        | ClientReason::InvalidParams
        | ClientReason::InvalidArguments
        | ClientReason::UnknownSession
        | ClientReason::PushTarget
        | ClientReason::MethodNotFound
        | ClientReason::HeaderMismatch
        | ClientReason::UnsupportedVersion
        | ClientReason::Answer => {
            return;
        }
        ClientReason::CredentialsRequired => {
            let mut challenge = Challenge::new(first, "Bearer");
            challenge.metadata(facts);
            if let Some(scope) =
                facts.resource.map(|resource| resource.scope.as_str()).filter(|scope| !scope.is_empty())
            {
                challenge.parameter("scope", [scope]);
            }
            if facts.dpop_algorithms.is_some() {
                Challenge::new(second, "DPoP").algorithms(facts);
            }
            return;
        }
        ClientReason::InvalidRequest => {
            Challenge::new(first, "Bearer").parameter("error", ["invalid_request"]);
            return;
        }
        ClientReason::InvalidToken => "invalid_token",
        ClientReason::InvalidBinding | ClientReason::InvalidProof | ClientReason::NonceRequired => {
            // Without rules for DPoP there is nothing to say of it.
            let scheme = if facts.dpop_algorithms.is_some() { "DPoP" } else { "Bearer" };
            let mut challenge = Challenge::new(first, scheme);
            match client {
                ClientReason::InvalidProof => challenge.parameter("error", ["invalid_dpop_proof"]),
                ClientReason::NonceRequired => {
                    challenge.parameter("error", ["use_dpop_nonce"]);
                    return;
                }
                _ => challenge.parameter("error", ["invalid_token"]),
            }
            challenge.algorithms(facts);
            return;
        }
        ClientReason::InsufficientScope => "insufficient_scope",
        ClientReason::InsufficientAuthentication => "insufficient_user_authentication",
    };
    let mut challenge = Challenge::new(first, scheme);
    challenge.parameter("error", [error]);
    match client {
        ClientReason::InsufficientScope => {
            challenge.parameter("scope", facts.scopes.iter().map(String::as_str));
            challenge.metadata(facts);
        }
        ClientReason::InsufficientAuthentication => {
            if let Some(Authentication { acr_values, max_age_seconds }) = facts.authentication {
                if !acr_values.is_empty() {
                    challenge.parameter("acr_values", acr_values.iter().map(String::as_str));
                }
                if let Some(seconds) = max_age_seconds {
                    challenge.parameter("max_age", [seconds.to_string().as_str()]);
                }
            }
        }
        _ => challenge.metadata(facts),
    }
    if by_dpop {
        challenge.algorithms(facts);
    }
}

/// One challenge while it is written (RFC 9110 §11.6.1). Values come from the bundle, whose checks let nothing through that a quoted
/// string would have to escape.
struct Challenge<'a> {
    out: &'a mut String,
    is_first: bool,
}

impl<'a> Challenge<'a> {
    fn new(out: &'a mut String, scheme: &str) -> Self {
        out.push_str(scheme);
        Self { out, is_first: true }
    }

    /// A parameter whose value is some words between spaces.
    fn parameter<'v>(&mut self, name: &str, words: impl IntoIterator<Item = &'v str>) {
        self.out.push_str(if self.is_first { " " } else { ", " });
        self.is_first = false;
        self.out.push_str(name);
        self.out.push_str("=\"");
        for (index, word) in words.into_iter().enumerate() {
            if index > 0 {
                self.out.push(' ');
            }
            self.out.push_str(word);
        }
        self.out.push('"');
    }

    fn metadata(&mut self, facts: &ChallengeFacts<'_>) {
        if let Some(resource) = facts.resource {
            self.parameter("resource_metadata", [resource.metadata_url.as_str()]);
        }
    }

    fn algorithms(&mut self, facts: &ChallengeFacts<'_>) {
        if let Some(algorithms) = facts.dpop_algorithms {
            self.parameter("algs", [algorithms]);
        }
    }
}
