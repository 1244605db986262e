//! What the gateway says of itself to OAuth clients, and its rules for DPoP.

use palisade_gateway::limits;
use palisade_gateway::section::{DpopRules, ProtectedResource};
use palisade_gateway::token::Algorithm;
use toml::Spanned;

use super::issuers::{algorithms, bounded};
use crate::diagnostic::Findings;
use crate::project::{DpopTable, ProjectFile, ProtectedResourceTable, at};

/// The algorithms of proofs where the project names none: the ones that clients use, and nothing that is slow to verify.
pub(super) const ALGORITHMS: [Algorithm; 5] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Ed25519, Algorithm::Ps256];
const MAX_AGE_SECONDS: u64 = 60;
pub(super) const CLOCK_SKEW_SECONDS: u64 = 5;

pub(super) fn build(file: &ProjectFile) -> Vec<ProtectedResource> {
    file.resources.iter().map(|table| resource(table, file)).collect()
}

fn resource(table: &ProtectedResourceTable, file: &ProjectFile) -> ProtectedResource {
    let ProtectedResourceTable { url, name, authorization_servers, scopes } = table;
    let servers = match authorization_servers {
        Some(servers) => texts(servers),
        None => oauth_issuers(file),
    };
    ProtectedResource {
        url: url.as_ref().clone(),
        name: name.as_ref().map(|name| name.as_ref().clone()),
        authorization_servers: servers,
        scopes: texts(scopes),
    }
}

/// The issuers that are OAuth authorization servers, in the order of the file.
fn oauth_issuers(file: &ProjectFile) -> Vec<String> {
    let is_oauth = |profile: Option<&Spanned<String>>| {
        profile.is_none_or(|profile| matches!(profile.as_ref().as_str(), "oauth" | "oauth-lenient"))
    };
    let issuers = file.issuers.iter().filter(|issuer| is_oauth(issuer.profile.as_ref()));
    issuers.filter_map(|issuer| issuer.issuer.as_ref()).map(|issuer| issuer.as_ref().clone()).collect()
}

pub(super) fn dpop(file: &ProjectFile, findings: &mut Findings) -> Option<DpopRules> {
    let table = file.dpop.as_ref()?;
    let DpopTable { origins: given, algorithms: names, max_age, clock_skew } = table.as_ref();
    let origins = origins(given.as_deref(), file);
    if origins.is_empty() {
        let message = "nothing says under which origins clients know the gateway";
        findings
            .push(at("dpop.origins", table, message).with_help("add `origins = [\"https://…\"]`, or `[[resources]]`"));
    }
    let algorithms = match names {
        Some(names) => algorithms(names, findings),
        None => ALGORITHMS.to_vec(),
    };
    let max_age = match max_age {
        Some(value) => bounded(value, 1, limits::DPOP_MAX_AGE_SECONDS, findings),
        None => Some(MAX_AGE_SECONDS),
    };
    let clock_skew = match clock_skew {
        Some(value) => bounded(value, 0, limits::CLOCK_SKEW_SECONDS, findings),
        None => Some(CLOCK_SKEW_SECONDS),
    };
    Some(DpopRules { origins, algorithms, max_age_seconds: max_age?, clock_skew_seconds: clock_skew? })
}

/// The origins that are given, or those of the resources.
pub(super) fn origins(given: Option<&[Spanned<String>]>, file: &ProjectFile) -> Vec<String> {
    if let Some(origins) = given {
        return texts(origins);
    }
    let mut origins: Vec<String> = file.resources.iter().filter_map(|table| origin(table.url.as_ref())).collect();
    origins.sort();
    origins.dedup();
    origins
}

/// The scheme and authority of a URL. What is no URL is refused with the resource that it belongs to.
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    Some(format!("{scheme}://{}", rest.split('/').next()?))
}

pub(super) fn texts(list: &[Spanned<String>]) -> Vec<String> {
    list.iter().map(|text| text.as_ref().clone()).collect()
}
