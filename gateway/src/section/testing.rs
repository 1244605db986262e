//! Sections for tests.

use super::{
    ActionRef, Binding, Issuer, Parent, PrincipalMapping, Profile, ResourceTemplate, Route, RouteRules, TypedClaim,
};
use crate::section::AttributeType;
use crate::token::{Algorithm, testing};

/// An issuer with a P-256 key `es` and an Ed25519 key `ed`, whose tokens live at most 900 seconds.
pub(crate) fn issuer(alias: &str, issuer: &str) -> Issuer {
    let jwks = format!(r#"{{"keys":[{},{}]}}"#, testing::p256(1).jwk("es"), testing::ed25519(1).jwk("ed"));
    Issuer {
        alias: alias.to_owned(),
        profile: Profile::OauthLenient,
        issuer: issuer.to_owned(),
        audiences: vec!["https://gateway".to_owned()],
        multiple_audiences: false,
        algorithms: vec![Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ed25519],
        jwks: Some(serde_json::from_str(&jwks).unwrap()),
        remote_jwks: None,
        max_lifetime_seconds: 900,
        clock_skew_seconds: 30,
        binding: Binding::Optional,
        principal: mapping(),
        delegation: None,
        status_lists: None,
    }
}

/// `Agent::"alias/sub"` with an optional attribute `team` and parents from `groups`.
pub(crate) fn mapping() -> PrincipalMapping {
    PrincipalMapping {
        entity_type: "Agent".to_owned(),
        id_claim: vec!["sub".to_owned()],
        attributes: vec![TypedClaim {
            name: "team".to_owned(),
            claim: vec!["team".to_owned()],
            attribute_type: AttributeType::String,
            required: false,
        }],
        parents: vec![Parent { claim: vec!["groups".to_owned()], entity_type: "Group".to_owned() }],
    }
}

/// A route `METHOD path` to `Action::"act"` on `Thing::"thing"`.
pub(crate) fn route(host: Option<&str>, methods: &[&str], path: &str) -> Route {
    Route {
        host: host.map(str::to_owned),
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
        path: path.to_owned(),
        action: ActionRef { entity_type: "Action".to_owned(), id: "act".to_owned() },
        resource: ResourceTemplate { entity_type: "Thing".to_owned(), id: "thing".to_owned() },
        context: vec![],
        rules: RouteRules::default(),
        grpc: false,
    }
}
