//! What a command line names: an entry without its terms.

use std::path::Path;

use palisade_gateway::revocation::{Entry, EntryKind};
use palisade_gateway::{Json, UnverifiedToken};

use crate::command::{Failure, files};

/// An entry for a value as people have it at hand: from a decision record, a token, a certificate.
pub(super) fn by_value(kind: EntryKind, value: &str, issuer: Option<&str>) -> Result<Entry<'static>, Failure> {
    let own = |text: &str| Some(text.to_owned());
    let value = entity_id(value).unwrap_or(value);
    let entry = match (kind.has_issuer(), kind.has_id()) {
        (true, true) => match (issuer, value.split_once('/')) {
            (Some(issuer), _) => Entry::new(kind, own(issuer), own(value)),
            // An alias has no `:`, so this is not the beginning of a URL.
            (None, Some((alias, id))) if is_alias(alias) => Entry::new(kind, own(alias), own(id)),
            (None, _) => {
                let message = format!("`{value}` names no issuer: write ALIAS/ID, or add --issuer");
                return Err(Failure::new("revoke.issuer", message));
            }
        },
        (has_issuer, _) => {
            if issuer.is_some() {
                let message = format!("a {} entry names no issuer besides", kind.as_str());
                return Err(Failure::new("revoke.issuer", message));
            }
            if has_issuer { Entry::new(kind, own(value), None) } else { Entry::new(kind, None, own(value)) }
        }
    };
    Ok(entry)
}

/// An entry for a token that is at hand, until it expires.
pub(super) fn by_token(path: &Path) -> Result<Entry<'static>, Failure> {
    let bytes = files::read(path)?;
    let token = UnverifiedToken::read(bytes.trim_ascii())
        .map_err(|refusal| Failure::new(refusal.disposition().reason, "this is no token"))?;
    let claim = |name: &str| token.claims.get(name);
    let text = |name: &str| match claim(name) {
        Some(Json::String(text)) => Ok(text.clone().into_owned()),
        _ => {
            let message = format!("the token has no `{name}`; revoke its subject or session instead");
            Err(Failure::new("revoke.token", message))
        }
    };
    let until = match claim("exp") {
        // Gateways accept it a little longer, by the clock skew of its issuer.
        Some(Json::Number(number)) => {
            number.as_u64().map(|exp| exp.saturating_add(palisade_gateway::limits::CLOCK_SKEW_SECONDS))
        }
        _ => None,
    };
    Ok(Entry { until, ..Entry::new(EntryKind::Token, Some(text("iss")?), Some(text("jti")?)) })
}

/// The id in a Cedar entity such as `Agent::"dev/coder-7"`, where nothing in it is escaped.
fn entity_id(value: &str) -> Option<&str> {
    let (_, id) = value.strip_suffix('"')?.split_once("::\"")?;
    (!id.contains(['\\', '"'])).then_some(id)
}

fn is_alias(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(kind: EntryKind, value: &str, issuer: Option<&str>) -> Option<(Option<String>, Option<String>)> {
        let entry = by_value(kind, value, issuer).ok()?;
        let own = |text: Option<&str>| text.map(str::to_owned);
        let (_, issuer, id) = entry.name();
        Some((own(issuer), own(id)))
    }

    #[test]
    fn values_are_as_people_have_them() {
        let pair = |issuer: &str, id: &str| Some((Some(issuer.to_owned()), Some(id.to_owned())));
        let subject = EntryKind::Subject;
        assert_eq!(named(subject, "dev/coder-7", None), pair("dev", "coder-7"));
        assert_eq!(named(subject, "Agent::\"dev/coder-7\"", None), pair("dev", "coder-7"));
        assert_eq!(named(subject, "A::B::\"dev/x/y\"", None), pair("dev", "x/y"));
        assert_eq!(named(subject, "dev/coder-7", Some("https://idp")), pair("https://idp", "dev/coder-7"));
        assert_eq!(named(subject, "td/spiffe://a/b", None), pair("td", "spiffe://a/b"));
        assert_eq!(named(EntryKind::Issuer, "dev", None), Some((Some("dev".to_owned()), None)));
        assert_eq!(named(EntryKind::Type, "Agent", None), Some((None, Some("Agent".to_owned()))));
        assert_eq!(named(EntryKind::Spiffe, "spiffe://a/b", None), Some((None, Some("spiffe://a/b".to_owned()))));
        for value in ["coder-7", "", "/x", "https://idp/x", "Dev/x", "Agent::\"dev/a\\\"b\""] {
            assert_eq!(named(subject, value, None), None, "{value}");
        }
        assert_eq!(named(EntryKind::Task, "t", Some("dev")), None);
        assert_eq!(named(EntryKind::Issuer, "dev", Some("dev")), None);
    }
}
