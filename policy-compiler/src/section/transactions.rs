//! Whose transaction tokens the gateway reads.

use std::collections::BTreeMap;

use palisade_gateway::section::{TransactionMode, TransactionTokens};
use palisade_gateway::{Json, limits};
use toml::Spanned;

use super::issuers::{CLOCK_SKEW_SECONDS, algorithms, bounded};
use super::keys::check_public;
use crate::diagnostic::Findings;
use crate::project::{ProjectFile, TRANSACTION_TOKENS, TransactionTokensTable, at};

pub(super) fn build(
    file: &ProjectFile,
    key_sets: &BTreeMap<String, Json<'static>>,
    findings: &mut Findings,
) -> Option<TransactionTokens> {
    let table = file.transaction_tokens.as_ref()?;
    let TransactionTokensTable { audience, issuer, algorithms: names, jwks, max_token_lifetime, clock_skew } = table;
    let key_set = key_sets.get(TRANSACTION_TOKENS);
    match key_set {
        Some(set) => check_public(set, jwks, findings),
        None => {
            let message = "there is no key set for transaction tokens";
            let help = format!("give one with `--jwks {TRANSACTION_TOKENS}=FILE`");
            findings.push(at("issuer.jwks_missing", jwks, message).with_help(help));
        }
    }
    let lifetime = bounded(max_token_lifetime, 1, limits::TOKEN_LIFETIME_SECONDS, findings);
    let skew = match clock_skew {
        Some(skew) => bounded(skew, 0, limits::CLOCK_SKEW_SECONDS, findings),
        None => Some(CLOCK_SKEW_SECONDS),
    };
    Some(TransactionTokens {
        audience: audience.as_ref().clone(),
        issuer: issuer.as_ref().map(|issuer| issuer.as_ref().clone()),
        algorithms: algorithms(names, findings),
        jwks: key_set?.clone(),
        max_lifetime_seconds: lifetime?,
        clock_skew_seconds: skew?,
    })
}

/// What a route makes of transaction tokens.
pub(super) fn mode(
    value: Option<&Spanned<String>>,
    file: &ProjectFile,
    findings: &mut Findings,
) -> Option<TransactionMode> {
    let Some(value) = value else {
        return Some(TransactionMode::default());
    };
    let modes = [TransactionMode::Strip, TransactionMode::Refuse, TransactionMode::Optional, TransactionMode::Required];
    let Some(mode) = modes.into_iter().find(|mode| mode.name() == value.as_ref()) else {
        let help = format!("it can be: {}", modes.map(TransactionMode::name).join(", "));
        let message = format!("`{}` is nothing to do with a transaction token", value.as_ref());
        findings.push(at("route.transaction", value, message).with_help(help));
        return None;
    };
    let reads = matches!(mode, TransactionMode::Optional | TransactionMode::Required);
    if reads && file.transaction_tokens.is_none() {
        let message = "nothing says whose transaction tokens are read";
        findings.push(at("route.transaction", value, message).with_help("add `[transaction_tokens]`"));
    }
    Some(mode)
}
