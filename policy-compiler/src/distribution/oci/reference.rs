//! Where an artifact is: `oci://REGISTRY/REPOSITORY[:TAG][@sha256:DIGEST]`.

use std::fmt;
use std::str::FromStr;

use palisade_gateway::bundle::Digest;

/// The name of an artifact in a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host, with a port where it is not the scheme's own.
    pub registry: String,
    /// Path of the repository.
    pub repository: String,
    /// A name that may lead to another artifact tomorrow.
    pub tag: Option<String>,
    /// Exactly this manifest.
    pub digest: Option<Digest>,
}

/// Why a text is no reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceError {
    /// It does not begin with `oci://`.
    Scheme,
    /// The registry is no host with an optional port.
    Registry,
    /// The repository is no path of the form that the distribution specification has.
    Repository,
    /// The tag is not one.
    Tag,
    /// The digest is not `sha256:` and 64 lower-case hexadecimal digits.
    Digest,
}

impl fmt::Display for ReferenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => "it does not begin with `oci://`",
            Self::Registry => "its registry is not a host with an optional port",
            Self::Repository => "its repository is not a path of lower-case names",
            Self::Tag => "its tag is not one",
            Self::Digest => "its digest is not `sha256:` and 64 hexadecimal digits",
        })
    }
}

impl std::error::Error for ReferenceError {}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let rest = text.strip_prefix("oci://").ok_or(ReferenceError::Scheme)?;
        let (registry, rest) = rest.split_once('/').ok_or(ReferenceError::Repository)?;
        if !is_registry(registry) {
            return Err(ReferenceError::Registry);
        }
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest_of(digest)?)),
            None => (rest, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) if is_tag(tag) => (repository, Some(tag.to_owned())),
            Some(_) => return Err(ReferenceError::Tag),
            None => (rest, None),
        };
        if !is_repository(repository) {
            return Err(ReferenceError::Repository);
        }
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }
}

impl Reference {
    /// The host without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        match self.registry.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            Some(_) | None => &self.registry,
        }
    }

    /// What the registry is asked for: the digest where there is one, or else the tag, or else `latest`.
    #[must_use]
    pub fn name(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => format!("sha256:{digest}"),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// The same artifact for good.
    #[must_use]
    pub fn pinned(&self, digest: &Digest) -> String {
        format!("oci://{}/{}@sha256:{digest}", self.registry, self.repository)
    }
}

/// `sha256:` and the digest, in its one spelling.
pub(super) fn digest_of(text: &str) -> Result<Digest, ReferenceError> {
    let digits = text.strip_prefix("sha256:").ok_or(ReferenceError::Digest)?;
    Digest::from_hex(digits).filter(|digest| digest.to_string() == digits).ok_or(ReferenceError::Digest)
}

/// A DNS name, an IPv4 address or an IPv6 address in brackets; no user, no escapes.
fn is_registry(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        Some(_) | None => (text, None),
    };
    let is_host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            !host.is_empty() && host.bytes().all(is_plain) && !host.starts_with(['-', '.']) && !host.ends_with('-')
        }
    };
    is_host && port.is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=128).contains(&text.len()) && text.bytes().all(is_plain) && !text.starts_with(['.', '-'])
}

/// Components of lower-case letters and digits, parted by `.`, `_`, `__` or any number of `-`; at most 255 bytes, so that
/// registries take it with their own names before it.
fn is_repository(text: &str) -> bool {
    text.len() <= 255 && text.split('/').all(is_component)
}

fn is_component(text: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = text.as_bytes();
    let parted = text.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    let is_separator = |part: &str| matches!(part, "" | "." | "_" | "__") || part.bytes().all(|byte| byte == b'-');
    is_edge(bytes.first()) && is_edge(bytes.last()) && parted.into_iter().all(is_separator)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn references_read() {
        for (text, registry, host, repository, name) in [
            ("oci://registry.example/policies/shop:7", "registry.example", "registry.example", "policies/shop", "7"),
            ("oci://127.0.0.1:5000/a", "127.0.0.1:5000", "127.0.0.1", "a", "latest"),
            ("oci://[::1]:5000/a:v_1.0-x", "[::1]:5000", "[::1]", "a", "v_1.0-x"),
            ("oci://[::1]/a__b/c--d.e_f", "[::1]", "[::1]", "a__b/c--d.e_f", "latest"),
            ("oci://r/a:1@DIGEST", "r", "r", "a", DIGEST),
            ("oci://r/a@DIGEST", "r", "r", "a", DIGEST),
        ] {
            let reference: Reference = text.replace("DIGEST", DIGEST).parse().unwrap();
            assert_eq!((reference.registry.as_str(), reference.host()), (registry, host), "{text}");
            assert_eq!((reference.repository.as_str(), reference.name().as_str()), (repository, name), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        use ReferenceError::{Digest, Registry, Repository, Scheme, Tag};
        for (text, error) in [
            ("", Scheme),
            ("registry.example/a", Scheme),
            ("https://registry.example/a", Scheme),
            ("oci:/r/a", Scheme),
            ("oci://", Repository),
            ("oci://registry.example", Repository),
            ("oci:///a", Registry),
            ("oci://user@r/a", Registry),
            ("oci://r:port/a", Registry),
            ("oci://r:99999/a", Registry),
            ("oci://r:/a", Registry),
            ("oci://r%2f/a", Registry),
            ("oci://[::1/a", Registry),
            ("oci://[x]/a", Registry),
            ("oci://-r/a", Registry),
            ("oci://r#f/a", Registry),
            ("oci://r/", Repository),
            ("oci://r/A", Repository),
            ("oci://r/a//b", Repository),
            ("oci://r/../a", Repository),
            ("oci://r/a/..", Repository),
            ("oci://r/a..b", Repository),
            ("oci://r/a___b", Repository),
            ("oci://r/a?b", Repository),
            ("oci://r/-a", Repository),
            ("oci://r/ä", Repository),
            ("oci://r/a:", Tag),
            ("oci://r/a:.b", Tag),
            ("oci://r/a:b/c", Tag),
            ("oci://r/a:b:c", Tag),
            ("oci://r/a@", Digest),
            ("oci://r/a@sha256:", Digest),
            ("oci://r/a@sha512:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", Digest),
            ("oci://r/a@sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", Digest),
            ("oci://r/a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde", Digest),
        ] {
            assert_eq!(text.parse::<Reference>(), Err(error), "{text}");
        }
        assert_eq!(format!("oci://r/{}", "a".repeat(256)).parse::<Reference>(), Err(Repository));
        assert_eq!(format!("oci://r/a:{}", "a".repeat(129)).parse::<Reference>(), Err(Tag));
    }
}
