//! `[issuers.status_lists]`: where an issuer says which of its tokens are no longer good.

use palisade_gateway::limits;
use palisade_gateway::section::{OnUnavailable, StatusLists, StatusMode};
use toml::Spanned;

use super::issuers::bounded;
use crate::diagnostic::Findings;
use crate::project::{IssuerTable, StatusListsTable, at};

pub(super) fn build(table: &Spanned<StatusListsTable>, findings: &mut Findings) -> Option<StatusLists> {
    let StatusListsTable { mode, uris, fresh_for, max_stale, on_unavailable } = table.as_ref();
    let mode = self::mode(mode.as_ref(), findings)?;
    let listed = uris.iter().flat_map(Spanned::as_ref);
    let list: Vec<String> = listed.clone().map(|uri| uri.as_ref().clone()).collect();
    let defaults = StatusLists { mode, ..StatusLists::at(list) };
    if mode == StatusMode::Ignore {
        ignored(table.as_ref(), findings);
        return Some(StatusLists { uris: Vec::new(), ..defaults });
    }
    if defaults.uris.is_empty() {
        let message = "nothing says which status lists tokens may name";
        let help = "give `uris`, such as `https://idp.example/statuslists/` for all that lie below";
        let finding = match uris {
            Some(uris) => at("issuer.status_uris", uris, message),
            None => at("issuer.status_uris", table, message),
        };
        findings.push(finding.with_help(help));
    }
    if let Some(uris) = uris.as_ref().filter(|uris| uris.as_ref().len() > limits::STATUS_URIS) {
        let message = format!("an issuer has at most {} places of status lists", limits::STATUS_URIS);
        findings.push(at("issuer.status_uris", uris, message));
    }
    for uri in listed.filter(|uri| !StatusLists::is_acceptable_uri(uri.as_ref())) {
        let message = format!("`{}` is not a URL that status lists can be fetched from", uri.as_ref());
        let help = "it begins with `https://`, has a path, and no user, fragment or dot segments";
        findings.push(at("issuer.status_uri", uri, message).with_help(help));
    }
    let mut setting = |value: &Option<Spanned<String>>, least, default| match value {
        Some(value) => bounded(value, least, limits::STATUS_MAX_SECONDS, findings),
        None => Some(default),
    };
    let fresh = setting(fresh_for, 1, defaults.fresh_for_seconds);
    let least = fresh.unwrap_or(1);
    let stale = setting(max_stale, least, defaults.max_stale_seconds.max(least));
    Some(StatusLists {
        fresh_for_seconds: fresh?,
        max_stale_seconds: stale?,
        on_unavailable: self::on_unavailable(on_unavailable.as_ref(), findings)?,
        ..defaults
    })
}

/// The URL of some list that tokens of an issuer may name, where any may.
pub(crate) fn example(issuer: &IssuerTable) -> Option<String> {
    let StatusListsTable { uris, .. } = issuer.status_lists.as_ref()?.as_ref();
    let uris = uris.iter().flat_map(Spanned::as_ref).map(|uri| uri.as_ref().clone());
    StatusLists::at(uris.collect()).example()
}

/// With `ignore`, there is nothing to set.
fn ignored(table: &StatusListsTable, findings: &mut Findings) {
    let StatusListsTable { mode: _, uris, fresh_for, max_stale, on_unavailable } = table;
    let message = "status lists that are ignored are not fetched";
    if let Some(uris) = uris {
        findings.push(at("issuer.status_setting", uris, message));
    }
    for setting in [fresh_for, max_stale, on_unavailable].into_iter().flatten() {
        findings.push(at("issuer.status_setting", setting, message));
    }
}

fn mode(value: Option<&Spanned<String>>, findings: &mut Findings) -> Option<StatusMode> {
    match value.map(|value| (value, value.as_ref().as_str())) {
        None => Some(StatusMode::default()),
        Some((_, "optional")) => Some(StatusMode::Optional),
        Some((_, "required")) => Some(StatusMode::Required),
        Some((_, "ignore")) => Some(StatusMode::Ignore),
        Some((value, other)) => {
            let message = format!("`{other}` is neither `optional` nor `required` nor `ignore`");
            findings.push(at("issuer.status_mode", value, message));
            None
        }
    }
}

fn on_unavailable(value: Option<&Spanned<String>>, findings: &mut Findings) -> Option<OnUnavailable> {
    match value.map(|value| (value, value.as_ref().as_str())) {
        None => Some(OnUnavailable::default()),
        Some((_, "deny")) => Some(OnUnavailable::Deny),
        Some((_, "allow")) => Some(OnUnavailable::Allow),
        Some((value, other)) => {
            let message = format!("`{other}` is neither `deny` nor `allow`");
            findings.push(at("issuer.status_on_unavailable", value, message));
            None
        }
    }
}
