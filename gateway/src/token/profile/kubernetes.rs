//! Projected service-account tokens of Kubernetes.

use std::borrow::Cow;

use super::super::error::TokenError;
use super::{present, required};
use crate::json::{Json, Member};

/// The issuer of the tokens that Kubernetes kept in secrets: without expiry or audience.
pub(super) fn is_legacy_issuer(issuer: &str) -> bool {
    issuer == "kubernetes/serviceaccount"
}

/// Audiences that tokens for the cluster's own API server have. Each pod's default token has one: what a workload sends to
/// the API server must not work here too.
pub(super) fn is_server_audience(audience: &str) -> bool {
    let host = audience.strip_prefix("https://").unwrap_or(audience);
    matches!(
        host,
        "kubernetes"
            | "api"
            | "k3s"
            | "kubernetes.default"
            | "kubernetes.default.svc"
            | "kubernetes.default.svc.cluster.local"
    )
}

/// Checks that the subject and the object that Kubernetes adds name the same service account.
///
/// What follows, each where it is there: `$kubernetes.namespace`, `.service_account`, `.service_account_uid`, `.pod`,
/// `.pod_uid`, `.node`, `.node_uid`. The uids survive the reuse of a name.
pub(super) fn check<'t>(claims: &Json<'t>) -> Result<Vec<Member<'t>>, TokenError> {
    // Flat claims are the mark of the legacy tokens.
    let is_flat = |(name, _): &Member<'_>| name.starts_with("kubernetes.io/serviceaccount/");
    if claims.as_object().is_some_and(|members| members.iter().any(is_flat)) {
        return Err(TokenError::KubernetesLegacy);
    }
    let subject = required(claims, "sub", TokenError::SubjectMissing)?;
    present(claims, "iat", TokenError::IssuedAtMissing)?;
    let bound = claims.get("kubernetes.io").ok_or(TokenError::KubernetesBinding)?;
    if bound.as_object().is_none() {
        return Err(TokenError::ClaimType);
    }
    let mut facts = Vec::new();
    for (fact, path) in [
        ("namespace", &["namespace"][..]),
        ("service_account", &["serviceaccount", "name"]),
        ("service_account_uid", &["serviceaccount", "uid"]),
        ("pod", &["pod", "name"]),
        ("pod_uid", &["pod", "uid"]),
        ("node", &["node", "name"]),
        ("node_uid", &["node", "uid"]),
    ] {
        if let Some(value) = bound.path(path.iter().copied()) {
            value.as_str().ok_or(TokenError::ClaimType)?;
            facts.push((Cow::Borrowed(fact), value.clone()));
        }
    }
    let fact = |wanted: &str| facts.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.as_str());
    let (Some(namespace), Some(account)) = (fact("namespace"), fact("service_account")) else {
        return Err(TokenError::KubernetesBinding);
    };
    if namespace.contains(':') || subject != format!("system:serviceaccount:{namespace}:{account}") {
        return Err(TokenError::KubernetesSubject);
    }
    Ok(facts)
}
