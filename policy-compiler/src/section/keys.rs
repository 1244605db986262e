//! Where an issuer's keys come from: a file that goes into the bundle, or a URL that gateways fetch.

use palisade_gateway::section::{Profile, RemoteJwks};
use palisade_gateway::{Json, limits};
use toml::Spanned;

use super::issuers::bounded;
use crate::diagnostic::Findings;
use crate::keys::SECRET_MEMBERS;
use crate::project::{IssuerTable, at};

/// Keys as the section has them: one of the two is there.
pub(super) struct Keys {
    pub(super) inline: Option<Json<'static>>,
    pub(super) remote: Option<RemoteJwks>,
}

/// Key sets of SPIFFE bundles that do not say how often are fetched this often, in seconds (SPIFFE Federation §5.2.1).
const SPIFFE_FRESH_SECONDS: u64 = 5 * 60;

/// The keys of an issuer. A key set that was given takes the place of one that would be fetched.
pub(super) fn build(
    table: &IssuerTable,
    profile: Option<&Profile>,
    given: Option<&Json<'static>>,
    findings: &mut Findings,
) -> Option<Keys> {
    let alias = table.alias.as_ref();
    let remote = match (&table.jwks, &table.jwks_uri) {
        (None, None) => {
            let message = format!("the issuer `{alias}` has neither `jwks` nor `jwks_uri`");
            findings.push(at("issuer.jwks_missing", &table.alias, message));
            return None;
        }
        (Some(_), Some(uri)) => {
            let message = format!("the issuer `{alias}` has both `jwks` and `jwks_uri`");
            findings.push(at("issuer.jwks_twice", uri, message));
            return None;
        }
        (Some(jwks), None) => {
            for setting in [&table.jwks_fresh_for, &table.jwks_max_stale, &table.jwks_cooldown].into_iter().flatten() {
                let message = "keys that are in the bundle are not fetched";
                findings.push(at("issuer.jwks_setting", setting, message).with_help("it is for `jwks_uri`"));
            }
            return inline(alias, jwks, given, findings);
        }
        (None, Some(uri)) => remote(table, uri, profile, findings)?,
    };
    Some(match given {
        Some(set) => Keys { inline: Some(set.clone()), remote: None },
        None => Keys { inline: None, remote: Some(remote) },
    })
}

fn inline(
    alias: &str,
    place: &Spanned<String>,
    given: Option<&Json<'static>>,
    findings: &mut Findings,
) -> Option<Keys> {
    let Some(set) = given else {
        let message = format!("there is no key set for the issuer `{alias}`");
        let help = format!("give one with `--jwks {alias}=FILE`");
        findings.push(at("issuer.jwks_missing", place, message).with_help(help));
        return None;
    };
    check_public(set, place, findings);
    Some(Keys { inline: Some(set.clone()), remote: None })
}

fn remote(
    table: &IssuerTable,
    uri: &Spanned<String>,
    profile: Option<&Profile>,
    findings: &mut Findings,
) -> Option<RemoteJwks> {
    let RemoteJwks { fresh_for_seconds, max_stale_seconds, cooldown_seconds, .. } = RemoteJwks::at("");
    let fresh_default = match profile {
        Some(profile) if profile.has_spiffe_bundle() => SPIFFE_FRESH_SECONDS,
        Some(_) | None => fresh_for_seconds,
    };
    let mut setting = |value: &Option<Spanned<String>>, least, default| match value {
        Some(value) => bounded(value, least, limits::JWKS_MAX_SECONDS, findings),
        None => Some(default),
    };
    let fresh = setting(&table.jwks_fresh_for, 1, fresh_default);
    let stale = setting(&table.jwks_max_stale, fresh.unwrap_or(1), max_stale_seconds.max(fresh.unwrap_or(1)));
    let cooldown = setting(&table.jwks_cooldown, 1, cooldown_seconds);
    let remote = RemoteJwks {
        uri: uri.as_ref().clone(),
        fresh_for_seconds: fresh?,
        max_stale_seconds: stale?,
        cooldown_seconds: cooldown?,
    };
    if !remote.has_acceptable_uri() {
        let message = format!("`{}` is not a URL that keys can be fetched from", uri.as_ref());
        let help = "it begins with `https://`, has a path, and no user, fragment or dot segments";
        findings.push(at("issuer.jwks_uri", uri, message).with_help(help));
        return None;
    }
    Some(remote)
}

pub(super) fn check_public(set: &Json, place: &Spanned<String>, findings: &mut Findings) {
    let Some(keys) = set.get("keys").and_then(Json::as_array) else {
        let message = "the file is not a JWK Set: it has no array `keys`";
        findings.push(at("issuer.jwks", place, message));
        return;
    };
    if keys.iter().any(|key| SECRET_MEMBERS.iter().any(|member| key.get(member).is_some())) {
        let message = "the key set holds a private or symmetric key";
        let help = "a bundle is public: publish the public keys only, and replace this key, for it may have leaked";
        findings.push(at("issuer.jwks_secret", place, message).with_help(help));
    }
}
