//! Identifiers of workloads: SPIFFE IDs (SPIFFE-ID §2) and those of the scheme `wimse` (draft-ietf-wimse-identifier §4). Both are
//! `scheme://trust-domain/path`, taken apart and never compared by prefix of their text.

use crate::limits;

/// A scheme of identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdScheme {
    Spiffe,
    Wimse,
}

/// An identifier whose parts are known to be well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WorkloadId<'a> {
    pub(crate) scheme: IdScheme,
    /// The trust domain's name, lower-case.
    pub(crate) trust_domain: &'a str,
    /// The path without its leading slash; empty for the trust domain itself.
    path: &'a str,
}

/// Whether a name can be a trust domain's: lower-case letters, digits, `.`, `-` and `_`, at most 255 bytes (SPIFFE-ID §2.1).
pub(crate) fn is_trust_domain(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    !name.is_empty() && name.len() <= limits::TRUST_DOMAIN_BYTES && name.bytes().all(allowed)
}

impl IdScheme {
    /// The name before `://`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Spiffe => "spiffe",
            Self::Wimse => "wimse",
        }
    }

    /// Whether a segment of a path may have a character. SPIFFE has few (SPIFFE-ID §2.2); the other scheme has those of RFC 3986
    /// §3.3, but not percent-encoded ones, so that one identity has one spelling.
    fn allows(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'-' | b'_')
            || self == Self::Wimse
                && matches!(
                    byte,
                    b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@'
                )
    }
}

impl<'a> WorkloadId<'a> {
    /// Reads an identifier of either scheme.
    ///
    /// The scheme and the trust domain compare without regard to case (SPIFFE-ID §2), but one identity must have one spelling
    /// here, because it becomes the id of an entity: other spellings than the lower-case one are refused.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = [IdScheme::Spiffe, IdScheme::Wimse].into_iter().find(|known| known.name() == scheme)?;
        if text.len() > limits::PRINCIPAL_ID_BYTES {
            return None;
        }
        let (trust_domain, path) = match rest.split_once('/') {
            // A slash announces a path, which is not empty.
            Some((_, "")) => return None,
            Some((trust_domain, path)) => (trust_domain, path),
            None => (rest, ""),
        };
        let is_segment = |segment: &str| {
            !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(|byte| scheme.allows(byte))
        };
        let segments = path.is_empty() || path.split('/').all(is_segment);
        (is_trust_domain(trust_domain) && segments).then_some(Self { scheme, trust_domain, path })
    }

    /// Reads a SPIFFE ID.
    pub(crate) fn read_spiffe(text: &'a str) -> Option<Self> {
        Self::read(text).filter(|id| id.scheme == IdScheme::Spiffe)
    }

    /// The path as the identifier has it: empty, or with its leading slash.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_apart() {
        let id = WorkloadId::read_spiffe("spiffe://example.org/ns/prod/sa/Web_1.2-x").unwrap();
        assert_eq!((id.trust_domain, id.path().as_str()), ("example.org", "/ns/prod/sa/Web_1.2-x"));
        let prefixes = [
            "example.org",
            "example.org/ns",
            "example.org/ns/prod",
            "example.org/ns/prod/sa",
            "example.org/ns/prod/sa/Web_1.2-x",
        ];
        assert_eq!(id.prefixes(), prefixes);
        let bare = WorkloadId::read_spiffe("spiffe://10.0.0.1").unwrap();
        assert_eq!((bare.path().as_str(), bare.prefixes()), ("", vec!["10.0.0.1".to_owned()]));
        let long = format!("spiffe://example.org/{}", "a".repeat(2048 - 21));
        assert!(WorkloadId::read_spiffe(&long).is_some());
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
            assert_eq!(WorkloadId::read_spiffe(text), None, "{text}");
        }
    }

    #[test]
    fn ids_of_the_other_scheme_come_apart() {
        for (text, domain, path) in [
            ("wimse://example.com/specific-workload", "example.com", "/specific-workload"),
            ("wimse://trust.corp.example.com/workload/af3e86cb", "trust.corp.example.com", "/workload/af3e86cb"),
            ("wimse://example.com/a:b@c~(d)=e", "example.com", "/a:b@c~(d)=e"),
            ("wimse://example.com", "example.com", ""),
        ] {
            let id = WorkloadId::read(text).unwrap();
            assert_eq!((id.scheme, id.trust_domain, id.path().as_str()), (IdScheme::Wimse, domain, path), "{text}");
            assert_eq!(WorkloadId::read_spiffe(text), None, "{text}");
        }
        assert_eq!(WorkloadId::read("spiffe://example.org/a").map(|id| id.scheme), Some(IdScheme::Spiffe));
        for text in [
            "wimse:example.com/a",
            "wimse:///a",
            "wimse://",
            "WIMSE://example.com/a",
            "wimse://Example.com/a",
            "wimse://example.com/",
            "wimse://example.com//a",
            "wimse://example.com/a/../b",
            "wimse://example.com/./a",
            "wimse://example.com/a%20b",
            "wimse://example.com/%2e%2e/b",
            "wimse://example.com/a?b",
            "wimse://example.com/a#b",
            "wimse://example.com:443/a",
            "wimse://user@example.com/a",
            "wimse://example.com/a b",
            "wimse://example.com/\u{e9}",
            "wimse://example.com/a\"b",
            "urn:wimse:example.com/a",
            "https://example.com/a",
            "spiffe://example.com/a:b",
        ] {
            assert_eq!(WorkloadId::read(text), None, "{text}");
        }
    }
}
