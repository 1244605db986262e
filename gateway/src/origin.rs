//! Origins of `http` and `https` URLs (RFC 6454 §4), compared by their parts and never by their text.

/// Scheme, host and port of a URL, borrowed, and what follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    https: bool,
    host: &'a str,
    port: u16,
    /// Path, query and fragment; empty, or beginning with `/`, `?` or `#`.
    pub(crate) rest: &'a str,
}

/// An origin of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    https: bool,
    /// Lower-case; an IPv6 address keeps its brackets.
    pub(crate) host: String,
    port: u16,
}

impl<'a> Url<'a> {
    /// Reads an absolute URL. One with user information is none that anybody should write.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let https = scheme.eq_ignore_ascii_case("https");
        if !https && !scheme.eq_ignore_ascii_case("http") {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at_checked(end)?;
        let (host, port) = split_authority(authority)?;
        Some(Self { https, host, port: port.unwrap_or(default_port(https)), rest })
    }

    /// The path: what comes before a query or fragment, `/` where there is none (RFC 3986 §6.2.3).
    pub(crate) fn path(&self) -> &'a str {
        let end = self.rest.find(['?', '#']).unwrap_or(self.rest.len());
        match self.rest.get(..end) {
            None | Some("") => "/",
            Some(path) => path,
        }
    }

    pub(crate) fn is_https(&self) -> bool {
        self.https
    }

    pub(crate) fn origin(&self) -> Origin {
        Origin { https: self.https, host: self.host.to_ascii_lowercase(), port: self.port }
    }
}

impl Origin {
    /// Whether a URL is of this origin.
    pub(crate) fn contains(&self, url: &Url<'_>) -> bool {
        self.https == url.https && self.port == url.port && self.host.eq_ignore_ascii_case(url.host)
    }

    /// Whether a request's authority names this origin.
    pub(crate) fn is_named_by(&self, authority: &str) -> bool {
        split_authority(authority).is_some_and(|(host, port)| {
            self.host.eq_ignore_ascii_case(host) && port.unwrap_or(default_port(self.https)) == self.port
        })
    }
}

fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

/// A host, and a port that is not empty.
fn split_authority(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            (authority.get(..address.len().checked_add(2)?)?, port)
        }
        None => {
            let (host, port) = authority.split_at_checked(authority.find(':').unwrap_or(authority.len()))?;
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            if host.is_empty() || !host.chars().all(allowed) {
                return None;
            }
            (host, port)
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Some((host, None)),
        Some("") => Some((host, None)),
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some((host, Some(digits.parse().ok()?))),
        None | Some(_) => None,
    }
}

/// Whether two paths are the same after the normalisation of RFC 3986 §6.2.2: percent-encoded characters that need not be are
/// decoded, and the others have upper-case digits. Dot segments are not removed: a request that has any is denied elsewhere.
pub(crate) fn same_path(a: &[u8], b: &[u8]) -> bool {
    Normal(a).eq(Normal(b))
}

struct Normal<'a>(&'a [u8]);

impl Iterator for Normal<'_> {
    /// A byte, and whether it stands for itself or for its percent-encoded form.
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        if let [b'%', high, low, rest @ ..] = self.0
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            self.0 = rest;
            let byte = high << 4 | low;
            let unreserved = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
            return Some((byte, !unreserved));
        }
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some((*first, false))
    }
}

/// The value of a hexadecimal digit.
pub(crate) fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_many_spellings() {
        let origin = Url::read("https://deploys.internal").unwrap().origin();
        for url in [
            "https://deploys.internal",
            "HTTPS://Deploys.INTERNAL:443/a",
            "https://deploys.internal:/a?b#c",
            "https://deploys.internal?a",
        ] {
            assert!(origin.contains(&Url::read(url).unwrap()), "{url}");
        }
        for url in [
            "http://deploys.internal",
            "https://deploys.internal:8443",
            "https://deploys.internal.evil/",
            "https://evil/deploys.internal",
            "https://deploys.internal.",
            "https://443",
        ] {
            assert!(!origin.contains(&Url::read(url).unwrap()), "{url}");
        }
        for authority in ["deploys.internal", "DEPLOYS.internal:443", "deploys.internal:"] {
            assert!(origin.is_named_by(authority), "{authority}");
        }
        for authority in
            ["", "deploys.internal:80", "evil", "a@deploys.internal", "deploys.internal/", "deploys.internal:x"]
        {
            assert!(!origin.is_named_by(authority), "{authority}");
        }
        assert!(Url::read("http://[::1]:8080/").unwrap().origin().is_named_by("[::1]:8080"));
    }

    #[test]
    fn what_is_no_url_is_refused() {
        for text in [
            "",
            "/a",
            "deploys.internal/a",
            "//deploys.internal/a",
            "ftp://deploys.internal/",
            "https:/deploys.internal/",
            "https://",
            "https:///a",
            "https://user@deploys.internal/",
            "https://deploys.internal:99999/",
            "https://deploys.internal:-1/",
            "https://deploys.internal:4 43/",
            "https://[::1/",
            "https://[evil]/",
            "https://a b/",
            "https://é/",
            "javascript:https://deploys.internal",
        ] {
            assert_eq!(Url::read(text), None, "{text}");
        }
    }

    #[test]
    fn paths_are_compared_normalised() {
        for (a, b) in [("/a", "/a"), ("/%61%2Db", "/a-b"), ("/a%2fb", "/a%2Fb"), ("/%7e", "/~"), ("/%zz", "/%zz")] {
            assert!(same_path(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
        for (a, b) in [
            ("/a", "/a/"),
            ("/a", "/A"),
            ("/a%2Fb", "/a/b"),
            ("/a", "/a%00"),
            ("/%", "/%25"),
            ("/a/../b", "/b"),
            ("", "/"),
        ] {
            assert!(!same_path(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
        for (url, path) in
            [("https://a", "/"), ("https://a?x", "/"), ("https://a/b?x", "/b"), ("https://a/b#x?y", "/b")]
        {
            assert_eq!(Url::read(url).unwrap().path(), path, "{url}");
        }
    }
}
