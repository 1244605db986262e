//! SPIFFE IDs (SPIFFE-ID §2): `spiffe://trust-domain/path`, taken apart and never compared by prefix of their text.

use crate::limits;

const SCHEME: &str = "spiffe://";

/// A SPIFFE ID whose parts are known to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SpiffeId<'a> {
    /// The trust domain's name, lower-case.
    pub(crate) trust_domain: &'a str,
    /// The path without its leading slash; empty for the trust domain itself.
    path: &'a str,
}

/// Whether a name can be a trust domain's: lower-case letters, digits, `.`, `-` and `_`, at most 255 bytes (§2.1).
pub(crate) fn is_trust_domain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= limits::TRUST_DOMAIN_BYTES && name.bytes().all(allowed)
}

impl<'a> SpiffeId<'a> {
    /// Reads an ID.
    ///
    /// The scheme and the trust domain compare without regard to case (§2), but one identity must have one spelling
    /// here, because it becomes the id of an entity: other spellings than the lower-case one are refused.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        if text.len() > limits::PRINCIPAL_ID_BYTES {
            return None;
        }
        let rest = text.strip_prefix(SCHEME)?;
        let (trust_domain, path) = match rest.split_once('/') {
            // A slash announces a path, which is not empty.
            Some((_, "")) => return None,
            Some((trust_domain, path)) => (trust_domain, path),
            None => (rest, ""),
        };
        let segments = path.is_empty() || path.split('/').all(is_segment);
        (is_trust_domain(trust_domain) && segments).then_some(Self { trust_domain, path })
    }

    /// The path as SPIFFE writes it: empty, or with its leading slash.
    pub(crate) fn path(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("/{}", self.path) }
    }

    /// The trust domain, then it with ever more segments of the path: what the identity lies under, itself included.
    pub(crate) fn prefixes(&self) -> Vec<String> {
        let mut prefix = self.trust_domain.to_owned();
        let mut prefixes = vec![prefix.clone()];
        for segment in self.path.split('/').filter(|segment| !segment.is_empty()) {
            prefix.push('/');
            prefix.push_str(segment);
            prefixes.push(prefix.clone());
        }
        prefixes
    }
}

/// Letters, digits, `.`, `-` and `_`, and neither `.` nor `..` (§2.2).
fn is_segment(segment: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_apart() {
        let id = SpiffeId::read("spiffe://example.org/ns/prod/sa/Web_1.2-x").unwrap();
        assert_eq!((id.trust_domain, id.path().as_str()), ("example.org", "/ns/prod/sa/Web_1.2-x"));
        let prefixes = [
            "example.org",
            "example.org/ns",
            "example.org/ns/prod",
            "example.org/ns/prod/sa",
            "example.org/ns/prod/sa/Web_1.2-x",
        ];
        assert_eq!(id.prefixes(), prefixes);
        let bare = SpiffeId::read("spiffe://10.0.0.1").unwrap();
        assert_eq!((bare.path().as_str(), bare.prefixes()), ("", vec!["10.0.0.1".to_owned()]));
        let long = format!("spiffe://example.org/{}", "a".repeat(2048 - 21));
        assert!(SpiffeId::read(&long).is_some());
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let long_domain = format!("spiffe://{}/a", "a".repeat(256));
        let long = format!("spiffe://example.org/{}", "a".repeat(2048));
        for text in [
            "",
            "spiffe:",
            "spiffe://",
            "spiffe:///a",
            "SPIFFE://example.org/a",
            "https://example.org/a",
            "wimse://example.org/a",
            "spiffe://Example.org/a",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org//a",
            "spiffe://example.org/a//b",
            "spiffe://example.org/./a",
            "spiffe://example.org/a/..",
            "spiffe://example.org/a/../b",
            "spiffe://example.org/%61",
            "spiffe://example.org/a?b",
            "spiffe://example.org/a#b",
            "spiffe://example.org?b",
            "spiffe://user@example.org/a",
            "spiffe://example.org:443/a",
            "spiffe://exa%6dple.org/a",
            "spiffe://example.org/é",
            "spiffe://éxample.org/a",
            "spiffe://example.org/a b",
            "spiffe://example.org/a\0",
            " spiffe://example.org/a",
            "spiffe://[::1]/a",
            &long_domain,
            &long,
        ] {
            assert_eq!(SpiffeId::read(text), None, "{text}");
        }
    }
}
