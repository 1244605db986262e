//! What a registry asks for before it answers (`WWW-Authenticate`, RFC 9110 §11.6.1).

/// A way to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// User name and password.
    Basic,
    /// A token of another server.
    Bearer {
        /// Where tokens are given out.
        realm: String,
        /// For whom.
        service: Option<String>,
        /// For what.
        scope: Option<String>,
    },
}

impl Challenge {
    /// Reads the first challenge of a header that can be met; none where there is none.
    #[must_use]
    pub fn read(field: &str) -> Option<Self> {
        let (scheme, rest) = field.trim().split_once(' ').unwrap_or((field.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let (mut realm, mut service, mut scope) = (None, None, None);
        for (name, value) in parameters(rest) {
            let slot = match name.to_ascii_lowercase().as_str() {
                "realm" => &mut realm,
                "service" => &mut service,
                "scope" => &mut scope,
                _ => continue,
            };
            // Two of a kind are a challenge that two clients could read differently.
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Some(Self::Bearer { realm: realm?, service, scope })
    }
}

/// `name="value"` or `name=value`, parted by commas.
fn parameters(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (name, after) = rest.trim_start_matches([' ', '\t', ',']).split_once('=')?;
        let after = after.trim_start_matches([' ', '\t']);
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find([',', ' ']).unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.to_owned(), after)
            }
        };
        rest = after;
        Some((name.trim(), value))
    })
}

/// A quoted string after its first quote, and what follows its last.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(index.checked_add(1)?..)?)),
            '\\' => value.push(characters.next()?.1),
            _ => value.push(character),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let (service, scope) = (service.map(str::to_owned), scope.map(str::to_owned));
        Some(Challenge::Bearer { realm: realm.to_owned(), service, scope })
    }

    #[test]
    fn challenges_read() {
        assert_eq!(Challenge::read("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(Challenge::read("basic"), Some(Challenge::Basic));
        assert_eq!(
            Challenge::read(
                r#"Bearer realm="https://auth.test/token",service="r.test",scope="repository:a:pull,push""#
            ),
            bearer("https://auth.test/token", Some("r.test"), Some("repository:a:pull,push")),
        );
        assert_eq!(
            Challenge::read(r#"bearer  Realm = "https://a/\"b" , error=invalid_token"#),
            bearer("https://a/\"b", None, None),
        );
        assert_eq!(Challenge::read("Bearer realm=https://a"), bearer("https://a", None, None));
    }

    #[test]
    fn what_cannot_be_met_is_none() {
        for field in [
            "",
            "Digest realm=\"x\"",
            "Bearer",
            "Bearer realm",
            "Bearer realm=\"open",
            "Bearer realm=\"a\\",
            "Bearer service=\"x\"",
            "Bearer realm=\"a\", realm=\"b\"",
        ] {
            assert_eq!(Challenge::read(field), None, "{field}");
        }
    }
}
