//! An issuer of tokens, as the bundle describes it.

use serde::{Deserialize, Serialize};

use super::delegation::Delegation;
use super::profile::Profile;
use super::remote_jwks::RemoteJwks;
use super::resource::Binding;
use super::status_lists::StatusLists;
use super::types::AttributeType;
use crate::json::Json;
use crate::token::Algorithm;

/// An issuer whose tokens are accepted, and how they become principals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issuer {
    /// Short name, `[a-z0-9-]+`: the namespace of this issuer's principal ids.
    pub alias: String,
    /// What kind of tokens it gives out. Default: `oauth-lenient`.
    #[serde(default)]
    pub profile: Profile,
    /// The exact `iss`; compared byte for byte, without URL normalisation.
    pub issuer: String,
    /// The values of `aud` that name this gateway.
    pub audiences: Vec<String>,
    /// Whether a token may name audiences besides; such a token can be replayed by every one of them. Default: no.
    #[serde(default)]
    pub multiple_audiences: bool,
    /// The algorithms this issuer may sign with.
    pub algorithms: Vec<Algorithm>,
    /// The issuer's JWK Set (RFC 7517 §5). Either this or `remote_jwks` is there, not both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks: Option<Json<'static>>,
    /// Where its JWK Set is fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_jwks: Option<RemoteJwks>,
    /// The longest lifetime of a token, from its earliest time claim to `exp`, in seconds.
    pub max_lifetime_seconds: u64,
    /// How far clocks may be apart, in seconds.
    pub clock_skew_seconds: u64,
    /// Whether its tokens must be bound to a key of the caller. Default: they may be.
    #[serde(default)]
    pub binding: Binding,
    /// How claims become the principal.
    pub principal: PrincipalMapping,
    /// How actors become entities. Default: tokens that name actors are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegation: Option<Delegation>,
    /// Where it says which of its tokens are no longer good. Default: tokens that name a status list are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_lists: Option<StatusLists>,
}

/// How a token's claims become the principal `Type::"alias/id"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalMapping {
    /// The principal's entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
    /// Path of member names to the claim with the principal's id; usually `["sub"]`.
    pub id_claim: Vec<String>,
    /// The principal's attributes.
    pub attributes: Vec<TypedClaim>,
    /// The principal's direct parents.
    pub parents: Vec<Parent>,
}

/// A claim that becomes a Cedar attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TypedClaim {
    /// The attribute's name in Cedar.
    pub name: String,
    /// Path of member names to the claim.
    pub claim: Vec<String>,
    /// The attribute's type; a claim of another type denies.
    #[serde(rename = "type")]
    pub attribute_type: AttributeType,
    /// Whether a token without the claim is refused.
    pub required: bool,
}

/// A claim that names parents of the principal: a string or an array of strings, each the id of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parent {
    /// Path of member names to the claim. A token without it gives no parents.
    pub claim: Vec<String>,
    /// The parents' entity type.
    #[serde(rename = "type")]
    pub entity_type: String,
}
