//! The URL of a document that is fetched: a JWK Set, a status list.

use crate::limits;
use crate::origin::Url;

/// A URL that documents are fetched from: `https`, and nothing in it that a host might read in another way than we do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DocumentUri {
    text: String,
    /// In lower case, without a port.
    host: String,
}

impl DocumentUri {
    /// Reads a URL. `None` for one that is not `https`, has user information, a fragment, dot segments, no path, or characters
    /// that a URL cannot have.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let plain = |byte: u8| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
        };
        if text.len() > limits::DOCUMENT_URI_BYTES || !text.bytes().all(plain) || !text.starts_with("https://") {
            return None;
        }
        let url = Url::read(text)?;
        let dots = |segment: &str| matches!(segment, "." | "..");
        if !url.rest.starts_with('/') || url.rest.contains('#') || url.path().split('/').any(dots) {
            return None;
        }
        let uri = Self { text: text.to_owned(), host: url.origin().host };
        // A port, if any, has a number.
        (!uri.authority().ends_with(':')).then_some(uri)
    }

    /// The URL of a path at an authority. `None` where they are no such URL, or one would reach into the other.
    pub(crate) fn of(authority: &str, path: &str) -> Option<Self> {
        let are_apart = !authority.contains('/') && path.starts_with('/');
        are_apart.then(|| Self::read(&format!("https://{authority}{path}"))).flatten()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Host and port, as written.
    pub(crate) fn authority(&self) -> &str {
        self.split().0
    }

    /// Path and query, as written.
    pub(crate) fn target(&self) -> &str {
        self.split().1
    }

    fn split(&self) -> (&str, &str) {
        let rest = self.text.get("https://".len()..).unwrap_or_default();
        rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_as_written() {
        for (text, host, authority, target) in [
            ("https://idp.example/jwks", "idp.example", "idp.example", "/jwks"),
            ("https://Idp.Example:8443/a/b?c=d%20e", "idp.example", "Idp.Example:8443", "/a/b?c=d%20e"),
            ("https://[::1]:1/", "[::1]", "[::1]:1", "/"),
            ("https://10.0.0.1/k/..k", "10.0.0.1", "10.0.0.1", "/k/..k"),
        ] {
            let uri = DocumentUri::read(text).unwrap();
            assert_eq!((uri.host(), uri.authority(), uri.target()), (host, authority, target));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let long = format!("https://idp.example/{}", "x".repeat(limits::DOCUMENT_URI_BYTES));
        for text in [
            "",
            "https://",
            "https:///jwks",
            "http://idp.example/jwks",
            "HTTPS://idp.example/jwks",
            "//idp.example/jwks",
            "/jwks",
            "file:///etc/passwd",
            "https://idp.example",
            "https://idp.example?jwks",
            "https://user@idp.example/jwks",
            "https://user:secret@idp.example/jwks",
            "https://idp.example/jwks#keys",
            "https://idp.example/a/../jwks",
            "https://idp.example/./jwks",
            "https://idp.example/jw ks",
            "https://idp.example/jwks\r\nx: y",
            "https://idp.example/jwks\u{0}",
            "https://idp.example/jwk\u{e9}",
            "https://idp.example\\@evil/jwks",
            "https://idp.example:/jwks",
            "https://idp.example:99999/jwks",
            "https://idp.example:x/jwks",
            "https://idp .example/jwks",
            " https://idp.example/jwks",
            &long,
        ] {
            assert_eq!(DocumentUri::read(text), None, "{text}");
        }
    }
}
