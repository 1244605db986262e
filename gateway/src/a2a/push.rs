//! Where push notifications may go. The agent behind us sends them, from inside the network: a caller who chooses their
//! target has the agent ask whomever it likes (SSRF).

use std::borrow::Cow;

use super::error::A2aError;
use super::facts::PushTo;
use super::url::{HostKind, TargetUrl};
use crate::limits;
use crate::section::{PushTarget, SectionError, SectionErrorKind};

impl PushTarget {
    /// Reads a place as policy projects write it: a host, `*.` before it for the names below it, perhaps a scheme and a port.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
        let (subdomains, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        if rest.contains('/') {
            return None;
        }
        let TargetUrl { https, host, port, kind: _ } = TargetUrl::read(&format!("{scheme}://{rest}")).ok()?;
        let target = Self { https, host, subdomains, port };
        check(std::slice::from_ref(&target), "").ok().map(|()| target)
    }
}

/// Checks the places that a route lists.
pub(super) fn check(targets: &[PushTarget], place: &str) -> Result<(), SectionError> {
    let error = |kind, what: &str| SectionError::new(kind, format!("the push target `{what}` of {place}"));
    if targets.len() > limits::PUSH_TARGETS {
        return Err(error(SectionErrorKind::Limit, ""));
    }
    for PushTarget { https: _, host, subdomains, port } in targets {
        let kind = HostKind::of(host).map_err(|_| error(SectionErrorKind::Name, host))?;
        let is_name = matches!(kind, HostKind::Name | HostKind::LocalName);
        if host.bytes().any(|byte| byte.is_ascii_uppercase()) || (*subdomains && !is_name) {
            return Err(error(SectionErrorKind::Name, host));
        }
        if *port == 0 {
            return Err(error(SectionErrorKind::Range, host));
        }
    }
    Ok(())
}

/// Whether push notifications may go to a URL.
pub(super) fn target<'a>(targets: &[PushTarget], url: Cow<'a, str>) -> Result<PushTo<'a>, A2aError> {
    let target = TargetUrl::read(&url)?;
    if targets.is_empty() {
        public(&target)?;
    } else if !targets.iter().any(|listed| covers(listed, &target)) {
        return Err(refusal(targets, &target));
    }
    Ok(PushTo { url, target })
}

/// By default: `https` on its own port, to what is public.
fn public(target: &TargetUrl) -> Result<(), A2aError> {
    match target.kind {
        HostKind::LocalName => return Err(A2aError::PushHost),
        HostKind::OtherAddress => return Err(A2aError::PushAddress),
        HostKind::Name | HostKind::PublicAddress => {}
    }
    match (target.https, target.port) {
        (false, _) => Err(A2aError::PushScheme),
        (true, 443) => Ok(()),
        (true, _) => Err(A2aError::PushPort),
    }
}

fn covers(listed: &PushTarget, target: &TargetUrl) -> bool {
    listed.https == target.https && listed.port == target.port && covers_host(listed, &target.host)
}

fn covers_host(listed: &PushTarget, host: &str) -> bool {
    match listed.subdomains {
        true => host.strip_suffix(listed.host.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        false => host == listed.host,
    }
}

/// What is wrong with a URL that is not listed.
fn refusal(targets: &[PushTarget], target: &TargetUrl) -> A2aError {
    let of_host: Vec<&PushTarget> = targets.iter().filter(|listed| covers_host(listed, &target.host)).collect();
    match (of_host.as_slice(), target.kind) {
        ([], HostKind::OtherAddress) => A2aError::PushAddress,
        ([], _) => A2aError::PushHost,
        (of_host, _) if of_host.iter().any(|listed| listed.https == target.https) => A2aError::PushPort,
        (_, _) => A2aError::PushScheme,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use A2aError as E;

    fn of(targets: &[&str], url: &str) -> Result<String, A2aError> {
        let targets: Vec<PushTarget> = targets.iter().map(|text| PushTarget::parse(text).unwrap()).collect();
        assert!(check(&targets, "test").is_ok());
        target(&targets, Cow::Borrowed(url)).map(|to| to.target.host)
    }

    #[test]
    fn without_a_list_it_is_what_is_public() {
        assert_eq!(of(&[], "https://Hooks.example.org/a").as_deref(), Ok("hooks.example.org"));
        assert_eq!(of(&[], "https://8.8.8.8:443/").as_deref(), Ok("8.8.8.8"));
        for (url, error) in [
            ("http://hooks.example.org/", E::PushScheme),
            ("https://hooks.example.org:8443/", E::PushPort),
            ("https://localhost/", E::PushHost),
            ("https://metadata.google.internal/", E::PushHost),
            ("http://169.254.169.254/latest", E::PushAddress),
            ("https://[::1]/", E::PushAddress),
            ("https://0x7f000001/", E::PushAddress),
            ("https://a@b.example/", E::PushUserinfo),
        ] {
            assert_eq!(of(&[], url), Err(error), "{url}");
        }
    }

    #[test]
    fn a_list_is_exhaustive() {
        let list = ["hooks.example.org", "*.hooks.example.com", "http://sink.internal:8080", "10.0.0.7"];
        for url in [
            "https://hooks.example.org/x",
            "https://a.b.hooks.example.com/",
            "http://sink.internal:8080/",
            "https://10.0.0.7/",
        ] {
            assert!(of(&list, url).is_ok(), "{url}");
        }
        for (url, error) in [
            ("https://example.org/", E::PushHost),
            ("https://8.8.8.8/", E::PushHost),
            ("https://hooks.example.com/", E::PushHost),
            ("https://xhooks.example.com/", E::PushHost),
            ("https://hooks.example.org.evil.example/", E::PushHost),
            ("https://a.hooks.example.org/", E::PushHost),
            ("https://10.0.0.8/", E::PushAddress),
            ("https://10.0.0.7:444/", E::PushPort),
            ("http://hooks.example.org/", E::PushScheme),
            ("http://sink.internal/", E::PushPort),
            ("https://sink.internal:8080/", E::PushScheme),
        ] {
            assert_eq!(of(&list, url), Err(error), "{url}");
        }
    }

    #[test]
    fn bad_lists_are_refused() {
        let target = |host: &str, subdomains, port| PushTarget { https: true, host: host.to_owned(), subdomains, port };
        for target in [
            target("Hooks.example", false, 443),
            target("a.example", false, 0),
            target("10.0.0.1", true, 443),
            target("0x7f.1", false, 443),
            target("*.a.example", false, 443),
            target("a.example/", false, 443),
            target("", true, 443),
            target("a@b", false, 443),
        ] {
            assert!(check(std::slice::from_ref(&target), "test").is_err(), "{target:?}");
        }
        for text in
            ["", "*.", "a.example/x", "ftp://a.example", "*.10.0.0.1", "a b", "*", "https://a@b.example", "a.*.example"]
        {
            assert_eq!(PushTarget::parse(text), None, "{text}");
        }
        assert!(check(&vec![target("a.example", false, 443); limits::PUSH_TARGETS + 1], "test").is_err());
    }
}
