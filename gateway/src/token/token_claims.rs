//! The claims of a verified token, and what the gateway itself found out about the token.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::authorization_details;
use super::error::TokenError;
use super::issuer::Issuer;
use super::profile::check_spiffe;
use crate::identity::{Datum, ReadFault};
use crate::json::{Json, Member};
use crate::proof::Confirmation;
use crate::section::{AttributeType, Profile};

/// What a mapping may read about a token besides its claims, as `(root, members)`. A path whose first name is a root is never
/// looked up among the claims, so no issuer can speak in the gateway's name.
pub(crate) const FACTS: [(&str, &[&str]); 4] = [
    ("$token", &["profile", "issuer", "binding", "key_thumbprint", "client_is_subject"]),
    ("$spiffe", &["trust_domain", "path", "prefixes"]),
    ("$workload", &["scheme", "trust_domain", "path", "prefixes"]),
    ("$kubernetes", &["namespace", "service_account", "service_account_uid", "pod", "pod_uid", "node", "node_uid"]),
];

/// Claims whose signature holds, with the gateway's own findings beside them.
#[derive(Debug)]
pub(crate) struct TokenClaims<'d> {
    claims: Json<'d>,
    /// The members of `$token`.
    token: Json<'d>,
    /// Another root of [`FACTS`] with its members, where there is one.
    subject: Option<(&'static str, Json<'d>)>,
}

impl<'d> TokenClaims<'d> {
    /// Claims of an issuer, with what its profile's checks found out.
    pub(super) fn new(
        claims: Json<'d>,
        issuer: &'d Issuer,
        confirmation: &Confirmation,
        mut found: Vec<Member<'d>>,
    ) -> Self {
        let root = match &issuer.profile {
            Profile::Oauth | Profile::OauthLenient | Profile::Oidc | Profile::GithubActions => None,
            Profile::SpiffeJwtSvid { .. } | Profile::SpiffeWitSvid { .. } => Some("$spiffe"),
            Profile::WimseWit03 { .. } => Some("$workload"),
            Profile::Kubernetes => Some("$kubernetes"),
        };
        let subject = root.map(|root| (root, Json::Object(std::mem::take(&mut found))));
        let mut token = found;
        let mut add = |name, text| token.push((Cow::Borrowed(name), Json::String(text)));
        add("profile", Cow::Borrowed(issuer.profile.name()));
        add("issuer", Cow::Borrowed(&issuer.alias));
        add("binding", Cow::Borrowed(confirmation.name()));
        if let Some(thumbprint) = confirmation.key_thumbprint() {
            add("key_thumbprint", Cow::Owned(URL_SAFE_NO_PAD.encode(thumbprint)));
        }
        Self { claims, token: Json::Object(token), subject }
    }

    /// What is known of the holder of an X.509-SVID of an issuer's trust domain: its SPIFFE ID as `sub`, and what follows from it.
    pub(crate) fn of_svid(id: &'d str, issuer: &'d Issuer, sha256: [u8; 32]) -> Result<Self, TokenError> {
        let Profile::SpiffeJwtSvid { trust_domain, .. } = &issuer.profile else {
            return Err(TokenError::TrustDomain);
        };
        let claims = Json::Object(vec![(Cow::Borrowed("sub"), Json::String(Cow::Borrowed(id)))]);
        let found = check_spiffe(&claims, trust_domain)?;
        let confirmation = Confirmation { certificate: Some(sha256), ..Confirmation::default() };
        Ok(Self::new(claims, issuer, &confirmation, found))
    }

    /// Members of an object about which the gateway found out nothing: an `act` object, a transaction token.
    pub(crate) fn of_nobody(act: Json<'d>) -> Self {
        Self { claims: act, token: Json::Object(Vec::new()), subject: None }
    }

    /// Claims without findings, for tests of what comes after.
    #[cfg(test)]
    pub(crate) fn for_test(claims: &'d str) -> Self {
        let claims = Json::parse(claims.as_bytes(), &crate::json::JsonLimits::TOKEN).unwrap();
        let issuer = Box::leak(Box::new(Issuer::for_test(Profile::Oidc)));
        Self::new(claims, issuer, &Confirmation::default(), Vec::new())
    }

    /// A claim by its name.
    pub(crate) fn claim(&self, name: &str) -> Option<&Json<'d>> {
        self.claims.get(name)
    }

    /// The claim, or the finding, at a path of member names.
    pub(crate) fn find(&self, path: &[String]) -> Option<&Json<'d>> {
        let (first, members) = path.split_first()?;
        let root = match first.as_str() {
            "$token" => &self.token,
            name if name.starts_with('$') => {
                let (root, found) = self.subject.as_ref()?;
                if *root == name { found } else { return None }
            }
            claim => self.claims.get(claim)?,
        };
        root.path(members.iter().map(String::as_str))
    }

    /// The typed value at a path; `None` where there is nothing.
    ///
    /// `scope` is a string of items between spaces (RFC 8693 §4.2), so as a set of strings it is those items.
    /// `authorization_details` is the types of its items and, followed by a type, the rights that these grant; without the
    /// claim there are none.
    pub(crate) fn datum(&self, path: &[String], attribute_type: &AttributeType) -> Option<Result<Datum, ReadFault>> {
        if let Some((name, details)) = path.split_first().filter(|(name, _)| *name == authorization_details::CLAIM) {
            return Some(authorization_details::read(self.claims.get(name), details, attribute_type));
        }
        let claim = self.find(path)?;
        Some(match (path, attribute_type, claim) {
            ([name], AttributeType::Set(element), Json::String(items))
                if name == "scope" && **element == AttributeType::String =>
            {
                let items = items.split(' ').filter(|item| !item.is_empty());
                Ok(Datum::Set(items.map(|item| Datum::Text(item.to_owned())).collect()))
            }
            _ => Datum::from_claim(claim, attribute_type),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('.').map(str::to_owned).collect()
    }

    #[test]
    fn the_gateways_findings_are_not_the_issuers_to_state() {
        let claims =
            TokenClaims::for_test(r#"{"$token":{"profile":"oauth","x":1},"$spiffe":{"path":"/a"},"a":{"$token":2}}"#);
        assert_eq!(claims.find(&path("$token.profile")).and_then(Json::as_str), Some("oidc"));
        assert_eq!(claims.find(&path("$token.issuer")).and_then(Json::as_str), Some("test"));
        assert_eq!(claims.find(&path("$token.x")), None);
        assert_eq!(claims.find(&path("$spiffe.path")), None);
        assert!(claims.find(&path("a.$token")).is_some());
    }

    #[test]
    fn a_scope_is_a_set_of_items() {
        let set = AttributeType::Set(Box::new(AttributeType::String));
        let items = |claims: &str, name: &str| TokenClaims::for_test(claims).datum(&path(name), &set);
        let text = |text: &str| Datum::Text(text.to_owned());
        assert_eq!(
            items(r#"{"scope":"a b  a"}"#, "scope"),
            Some(Ok(Datum::Set(vec![text("a"), text("b"), text("a")])))
        );
        assert_eq!(items(r#"{"scope":""}"#, "scope"), Some(Ok(Datum::Set(vec![]))));
        assert_eq!(items(r#"{"scope":["a b"]}"#, "scope"), Some(Ok(Datum::Set(vec![text("a b")]))));
        assert_eq!(items("{}", "scope"), None);
        assert_eq!(items(r#"{"scope":1}"#, "scope"), Some(Err(ReadFault::Type)));
        assert_eq!(items(r#"{"groups":"a b"}"#, "groups"), Some(Err(ReadFault::Type)));
        let claims = TokenClaims::for_test(r#"{"scope":"a b"}"#);
        assert_eq!(claims.datum(&path("scope"), &AttributeType::String), Some(Ok(text("a b"))));
    }
}
