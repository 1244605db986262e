//! URLs to which somebody else will send requests: only those that every reader reads alike, and their hosts.
//!
//! Libraries disagree about where a host ends (`\`, `@`, `#`, spaces), about what is an address (`0x7f.1`, `2130706433`,
//! `0177.0.0.1`, `127.1`) and about letters that fold into others. None of that is interpreted here: it is refused.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::error::A2aError;
use crate::limits;

/// A URL of `http` or `https`, of which scheme, host and port are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TargetUrl {
    pub(crate) https: bool,
    /// In lower case; an IPv6 address keeps its brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) kind: HostKind,
}

/// What a host is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKind {
    /// A name with a dot in it, that is not reserved for local use.
    Name,
    /// A name that means something in this network only.
    LocalName,
    /// An address that is routed in the Internet.
    PublicAddress,
    /// Any other address.
    OtherAddress,
}

/// Names for local use: RFC 6761, RFC 6762, RFC 8375, RFC 9476, ICANN's `internal`, and what people use in their place.
const LOCAL_SUFFIXES: [&str; 12] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "test",
    "alt",
];

impl TargetUrl {
    /// Reads a URL.
    pub(crate) fn read(text: &str) -> Result<Self, A2aError> {
        // What has a meaning of its own to some parser, and what has to be encoded (RFC 3986 §2).
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\<>\"{}|^`#".contains(&byte);
        if text.len() > limits::PUSH_URL_BYTES || !text.bytes().all(is_plain) {
            return Err(A2aError::PushUrl);
        }
        let (scheme, rest) = text.split_once("://").ok_or(A2aError::PushUrl)?;
        let https = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(A2aError::PushScheme),
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, _) = rest.split_at_checked(end).ok_or(A2aError::PushUrl)?;
        if authority.contains('@') {
            return Err(A2aError::PushUserinfo);
        }
        // A query without a path before it: not every reader ends the host there.
        if authority.contains('?') {
            return Err(A2aError::PushUrl);
        }
        let (host, port) = match authority.find(']') {
            Some(at) => authority.split_at_checked(at + 1).ok_or(A2aError::PushUrl)?,
            None => {
                authority.split_at_checked(authority.find(':').unwrap_or(authority.len())).ok_or(A2aError::PushUrl)?
            }
        };
        let host = host.to_ascii_lowercase();
        let kind = HostKind::of(&host)?;
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => {
                if https {
                    443
                } else {
                    80
                }
            }
            None => return Err(A2aError::PushUrl),
            Some(digits) => self::port(digits).ok_or(A2aError::PushPort)?,
        };
        Ok(Self { https, host, port, kind })
    }
}

/// A port without signs and leading zeros.
fn port(digits: &str) -> Option<u16> {
    let is_number = !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

impl HostKind {
    /// What a host in lower case is. Names are those of DNS (RFC 1123 §2.1), without the final dot; addresses are in the one
    /// spelling that they are printed in.
    pub(crate) fn of(host: &str) -> Result<Self, A2aError> {
        if let Some(inner) = host.strip_prefix('[') {
            let address = inner.strip_suffix(']').ok_or(A2aError::PushUrl)?;
            let read: Ipv6Addr = address.parse().map_err(|_| A2aError::PushAddress)?;
            if read.to_string() != address {
                return Err(A2aError::PushAddress);
            }
            return Ok(if is_public_v6(read) { Self::PublicAddress } else { Self::OtherAddress });
        }
        let is_label = |label: &str| {
            let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(is_letter)
        };
        if host.len() > limits::HOST_BYTES || !host.split('.').all(is_label) {
            return Err(A2aError::PushUrl);
        }
        // A host whose last label is a number, in whatever base, is an address to some and a name to others.
        let last = host.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
            let read: Ipv4Addr = host.parse().map_err(|_| A2aError::PushAddress)?;
            return Ok(if is_public_v4(read) { Self::PublicAddress } else { Self::OtherAddress });
        }
        let is_below =
            |suffix: &&str| host.strip_suffix(*suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let is_local = !host.contains('.') || LOCAL_SUFFIXES.iter().any(is_below);
        Ok(if is_local { Self::LocalName } else { Self::Name })
    }
}

/// Whether an address is for unicast in the Internet (IANA's special-purpose registry, RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224..=255, _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// The same for IPv6: global unicast, without what is for documentation or carries an IPv4 address in it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global = a & 0xe000 == 0x2000;
    let is_special = matches!((a, b), (0x2001, 0..=0x1ff) | (0x2001, 0xdb8) | (0x2002, _) | (0x3fff, 0..=0xfff));
    is_global && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;
    use A2aError as E;

    fn kind(url: &str) -> Result<HostKind, A2aError> {
        TargetUrl::read(url).map(|url| url.kind)
    }

    #[test]
    fn ordinary_urls_are_read() {
        let url = TargetUrl::read("https://Hooks.Example.org:8443/a/b?c=d@e").unwrap();
        assert_eq!((url.https, url.host.as_str(), url.port), (true, "hooks.example.org", 8443));
        assert_eq!(TargetUrl::read("http://a.example").unwrap().port, 80);
        assert_eq!(TargetUrl::read("https://a.example/").unwrap().port, 443);
        for url in ["https://xn--bcher-kva.example/", "https://a-1.example/%2e", "https://1.example/", "https://a.b1"] {
            assert_eq!(kind(url), Ok(HostKind::Name), "{url}");
        }
    }

    #[test]
    fn addresses_are_told_apart() {
        for url in ["https://8.8.8.8/", "https://192.0.1.1/", "https://172.32.0.1", "https://[2606:4700::1111]/"] {
            assert_eq!(kind(url), Ok(HostKind::PublicAddress), "{url}");
        }
        for host in [
            "0.0.0.0",
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd12::1]",
            "[ff02::1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:8.8.8.8]",
            "[64:ff9b::a00:1]",
            "[2002:a00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "[100::1]",
            "[3fff::1]",
        ] {
            assert_eq!(kind(&format!("https://{host}/")), Ok(HostKind::OtherAddress), "{host}");
        }
    }

    #[test]
    fn odd_spellings_of_addresses_are_refused() {
        for host in [
            "2130706433",
            "0x7f000001",
            "0X7F000001",
            "0x7f.1",
            "017700000001",
            "0177.0.0.1",
            "127.1",
            "127.0.1",
            "1.2.3.4.5",
            "256.0.0.1",
            "10.0.0.01",
            "a.1",
            "a.0x1",
            "1.2.3.0x4",
            "0",
            "[::127.0.0.1]",
            "[0:0::1]",
            "[::0001]",
            "[fe80::1%25eth0]",
            "[fe80::1%eth0]",
            "[::ffff:7f00:1]",
            "[v1.a]",
            "[]",
            "[1.2.3.4]",
        ] {
            assert_eq!(kind(&format!("https://{host}/")), Err(E::PushAddress), "{host}");
        }
    }

    #[test]
    fn local_names_are_known() {
        for host in [
            "localhost",
            "LOCALHOST",
            "a.localhost",
            "metadata",
            "kubernetes",
            "metadata.google.internal",
            "a.local",
            "db.internal",
            "a.b.svc.cluster.local",
            "router.lan",
            "x.home.arpa",
            "x.test",
            "a.localdomain",
        ] {
            assert_eq!(kind(&format!("https://{host}/")), Ok(HostKind::LocalName), "{host}");
        }
        for host in ["notlocal.example", "internal.example", "mylocalhost.org"] {
            assert_eq!(kind(&format!("https://{host}/")), Ok(HostKind::Name), "{host}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for (url, error) in [
            ("", E::PushUrl),
            ("https", E::PushUrl),
            ("https:/a.example/", E::PushUrl),
            ("https:a.example", E::PushUrl),
            ("//a.example/", E::PushUrl),
            ("https://", E::PushUrl),
            ("https:///a", E::PushUrl),
            ("HTTPS://a.example/", E::PushScheme),
            ("ftp://a.example/", E::PushScheme),
            ("file:///etc/passwd", E::PushScheme),
            ("gopher://a.example/", E::PushScheme),
            (" https://a.example/", E::PushUrl),
            ("https://a.example/ ", E::PushUrl),
            ("https://a.example/\t", E::PushUrl),
            ("https://a.exa\nmple/", E::PushUrl),
            ("https://a.example\\@b.example/", E::PushUrl),
            ("https://a.example/\\..", E::PushUrl),
            ("https://a.example#@b.example/", E::PushUrl),
            ("https://a.example/#x", E::PushUrl),
            ("https://a.example?@b.example/", E::PushUserinfo),
            ("https://a.example?x=1", E::PushUrl),
            ("https://user@a.example/", E::PushUserinfo),
            ("https://user:pw@a.example/", E::PushUserinfo),
            ("https://@a.example/", E::PushUserinfo),
            ("https://a.example:443@b.example/", E::PushUserinfo),
            ("https://a.example:/", E::PushPort),
            ("https://a.example:0/", E::PushPort),
            ("https://a.example:0443/", E::PushPort),
            ("https://a.example:+443/", E::PushPort),
            ("https://a.example:65536/", E::PushPort),
            ("https://a.example:443:443/", E::PushPort),
            ("https://a.example./", E::PushUrl),
            ("https://.a.example/", E::PushUrl),
            ("https://a..example/", E::PushUrl),
            ("https://-a.example/", E::PushUrl),
            ("https://a-.example/", E::PushUrl),
            ("https://a_b.example/", E::PushUrl),
            ("https://a%2eexample/", E::PushUrl),
            ("https://a.example%00.b.example/", E::PushUrl),
            ("https://exämple.org/", E::PushUrl),
            ("https://①②⑦.0.0.1/", E::PushUrl),
            ("https://a,b.example/", E::PushUrl),
            ("https://*.example/", E::PushUrl),
            ("https://[::1/", E::PushUrl),
            ("https://[::1]x/", E::PushUrl),
            ("https://x[::1]/", E::PushUrl),
            ("https://a.example]/", E::PushUrl),
        ] {
            assert_eq!(kind(url), Err(error), "{url}");
        }
        let long = format!("https://a.example/{}", "x".repeat(limits::PUSH_URL_BYTES));
        assert_eq!(kind(&long), Err(E::PushUrl));
        let label = format!("https://{}.example/", "a".repeat(64));
        assert_eq!(kind(&label), Err(E::PushUrl));
    }

    #[test]
    fn random_urls_name_one_host_or_none() {
        use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
        let pieces =
            ["a", "b.example", ".", "/", "\\", "@", ":", "443", "#", "?", "[", "]", "::1", "%2f", "127.0.0.1", "0x7f"];
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        let mut accepted = 0;
        for _ in 0..100_000 {
            let mut text = String::from("https://");
            for _ in 0..random.next_u32() % 6 {
                text.push_str(pieces[(random.next_u32() as usize) % pieces.len()]);
            }
            let Ok(url) = TargetUrl::read(&text) else { continue };
            accepted += 1;
            // Another reader: from the scheme to the first character that any of them ends a host at.
            let rest = &text["https://".len()..];
            let bracketed = rest.starts_with('[');
            let end = if bracketed {
                rest.find(']').unwrap() + 1
            } else {
                rest.find(['/', '\\', '?', '#', '@', ':']).unwrap_or(rest.len())
            };
            assert_eq!(rest[..end].to_ascii_lowercase(), url.host, "{text}");
            assert!(!rest.split('/').next().unwrap().contains('@'), "{text}");
        }
        assert!(accepted > 1_000, "{accepted}");
    }
}
