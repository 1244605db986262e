//! Protected resources (RFC 9728): their metadata, and where challenges point for it.

use serde::Serialize;

use crate::limits;
use crate::origin::Url;
use crate::proof::OpenDpop;
use crate::section::{ProtectedResource, SectionError, SectionErrorKind};

/// Where metadata lies, before the path of the resource (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// The resources of a bundle.
#[derive(Debug, Default)]
pub(crate) struct ResourceTable {
    resources: Vec<OpenResource>,
}

/// One resource, with all that is said about it written out.
#[derive(Debug)]
pub(crate) struct OpenResource {
    /// Its identifier.
    pub(crate) url: String,
    host: String,
    /// Without a final slash; empty for all of the host.
    path: String,
    metadata_path: String,
    /// Where the metadata is, for `resource_metadata`.
    pub(crate) metadata_url: String,
    /// The metadata: JSON.
    pub(crate) metadata: String,
    /// The scopes to ask for, between spaces; may be empty.
    pub(crate) scope: String,
}

#[derive(Serialize)]
struct Metadata<'a> {
    resource: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    authorization_servers: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    scopes_supported: &'a [String],
    bearer_methods_supported: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dpop_signing_alg_values_supported: Option<Vec<&'a str>>,
}

impl ResourceTable {
    /// Checks the resources of a section.
    pub(crate) fn open(raw: Vec<ProtectedResource>, dpop: Option<&OpenDpop>) -> Result<Self, SectionError> {
        if raw.len() > limits::RESOURCES {
            return Err(SectionError::new(SectionErrorKind::Limit, "resources"));
        }
        let algorithms = dpop.map(OpenDpop::algorithms);
        let mut resources: Vec<OpenResource> = Vec::with_capacity(raw.len());
        for resource in raw {
            let open = OpenResource::open(&resource, algorithms)?;
            if resources.iter().any(|other| (&other.host, &other.path) == (&open.host, &open.path)) {
                return Err(SectionError::new(SectionErrorKind::Duplicate, format!("the resource `{}`", resource.url)));
            }
            resources.push(open);
        }
        Ok(Self { resources })
    }

    /// The resource that a request is for: of those on its host, the one with the longest path above the request's.
    pub(crate) fn find(&self, host: &str, path: &[u8]) -> Option<&OpenResource> {
        let of_host = self.resources.iter().filter(|resource| resource.host == host);
        of_host.filter(|resource| is_under(path, &resource.path)).max_by_key(|resource| resource.path.len())
    }

    /// The resource whose metadata a request asks for.
    pub(crate) fn of_metadata(&self, host: &str, path: &[u8]) -> Option<&OpenResource> {
        if !path.starts_with(WELL_KNOWN.as_bytes()) {
            return None;
        }
        self.resources.iter().find(|resource| resource.host == host && resource.metadata_path.as_bytes() == path)
    }
}

impl OpenResource {
    fn open(raw: &ProtectedResource, algorithms: Option<&str>) -> Result<Self, SectionError> {
        let ProtectedResource { url, name, authorization_servers, scopes } = raw;
        let error = |kind, what: &str| Err(SectionError::new(kind, format!("{what} of the resource `{url}`")));
        let Some(read) = Url::read(url).filter(|read| is_fit(url, read) && !read.rest.contains(['?', '#'])) else {
            return error(SectionErrorKind::Name, "`url`");
        };
        let fit = |server: &String| Url::read(server).is_some_and(|read| is_fit(server, &read));
        if !authorization_servers.iter().all(fit) {
            return error(SectionErrorKind::Name, "`authorization_servers`");
        }
        check_scopes(scopes, &format!("the resource `{url}`"))?;

        let path = read.rest.trim_end_matches('/').to_owned();
        let base = url.strip_suffix(read.rest).unwrap_or(url);
        let metadata = Metadata {
            resource: url,
            authorization_servers,
            scopes_supported: scopes,
            bearer_methods_supported: ["header"],
            resource_name: name.as_deref(),
            dpop_signing_alg_values_supported: algorithms.map(|names| names.split(' ').collect()),
        };
        let Ok(metadata) = serde_json::to_string(&metadata) else {
            return error(SectionErrorKind::Syntax, "the metadata");
        };
        Ok(Self {
            url: url.clone(),
            host: read.origin().host,
            metadata_url: format!("{base}{WELL_KNOWN}{path}"),
            metadata_path: format!("{WELL_KNOWN}{path}"),
            path,
            metadata,
            scope: scopes.join(" "),
        })
    }
}

/// Checks scopes: tokens of RFC 6749 §3.3, which also need no escaping in a quoted string.
pub(crate) fn check_scopes(scopes: &[String], place: &str) -> Result<(), SectionError> {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    let error = |kind| Err(SectionError::new(kind, format!("the scopes of {place}")));
    if scopes.len() > limits::SCOPES {
        return error(SectionErrorKind::Limit);
    }
    for (index, scope) in scopes.iter().enumerate() {
        if scope.is_empty() || scope.len() > limits::SCOPE_BYTES || !scope.bytes().all(allowed) {
            return error(SectionErrorKind::Name);
        }
        if scopes.iter().skip(index + 1).any(|other| other == scope) {
            return error(SectionErrorKind::Duplicate);
        }
    }
    Ok(())
}

/// Whether a URL may be named to clients: `https` (RFC 9728 §2), or `http` to this very machine for development, and of characters
/// that need no escaping in a quoted string.
fn is_fit(text: &str, url: &Url<'_>) -> bool {
    let local = matches!(url.origin().host.as_str(), "localhost" | "127.0.0.1" | "[::1]");
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (url.is_https() || local) && text.bytes().all(plain)
}

fn is_under(path: &[u8], above: &str) -> bool {
    path.strip_prefix(above.as_bytes()).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(url: &str) -> ProtectedResource {
        ProtectedResource {
            url: url.to_owned(),
            name: None,
            authorization_servers: vec!["https://as".to_owned()],
            scopes: vec!["read".to_owned(), "write".to_owned()],
        }
    }

    fn kind(change: impl Fn(&mut ProtectedResource)) -> Option<SectionErrorKind> {
        let mut raw = resource("https://deploys.internal/mcp");
        change(&mut raw);
        ResourceTable::open(vec![raw], None).err().map(|error| error.kind())
    }

    #[test]
    fn metadata_is_between_host_and_path() {
        for (url, expected) in [
            ("https://a", "https://a/.well-known/oauth-protected-resource"),
            ("https://a/", "https://a/.well-known/oauth-protected-resource"),
            ("https://a:8443/mcp", "https://a:8443/.well-known/oauth-protected-resource/mcp"),
            ("https://a/b/mcp/", "https://a/.well-known/oauth-protected-resource/b/mcp"),
        ] {
            let table = ResourceTable::open(vec![resource(url)], None).unwrap();
            let path = expected.split_once("/.").unwrap().1;
            let found = table.of_metadata("a", format!("/.{path}").as_bytes()).unwrap();
            assert_eq!(found.metadata_url, expected);
            assert!(
                found.metadata.starts_with(&format!(r#"{{"resource":"{url}","authorization_servers":["https://as"]"#))
            );
            assert!(
                found.metadata.contains(r#""scopes_supported":["read","write"],"bearer_methods_supported":["header"]"#)
            );
        }
    }

    #[test]
    fn a_request_finds_the_closest_resource_of_its_host() {
        let table = ResourceTable::open(
            ["https://a", "https://a/mcp", "https://a/mcp/admin", "https://b/x"].map(resource).to_vec(),
            None,
        )
        .unwrap();
        for (host, path, expected) in [
            ("a", "/", Some("")),
            ("a", "/mcp", Some("/mcp")),
            ("a", "/mcp/tools", Some("/mcp")),
            ("a", "/mcp-evil", Some("")),
            ("a", "/mcp/admin/x", Some("/mcp/admin")),
            ("b", "/x", Some("/x")),
            ("b", "/", None),
            ("c", "/", None),
        ] {
            let found = table.find(host, path.as_bytes()).map(|resource| resource.path.as_str());
            assert_eq!(found, expected, "{host}{path}");
        }
        for (host, path) in [
            ("a", "/.well-known/oauth-protected-resource/"),
            ("a", "/.well-known/oauth-protected-resource/x"),
            ("a", "/.well-known/oauth-protected-resource/mcp/"),
            ("b", "/.well-known/oauth-protected-resource"),
            ("a", "/.well-known/oauth-protected-resourcemcp"),
            ("a", "/"),
        ] {
            assert!(table.of_metadata(host, path.as_bytes()).is_none(), "{host}{path}");
        }
    }

    #[test]
    fn defects_refuse_the_section() {
        assert_eq!(kind(|_| {}), None);
        assert_eq!(kind(|r| r.url = "http://127.0.0.1:8080/mcp".to_owned()), None);
        for url in [
            "",
            "a",
            "http://a",
            "https://a/?b",
            "https://a/#b",
            "https://a/\"",
            "https://a/\\",
            "https://a/ b",
            "https://a/é",
        ] {
            assert_eq!(kind(|r| r.url = url.to_owned()), Some(SectionErrorKind::Name), "{url}");
        }
        assert_eq!(kind(|r| r.authorization_servers = vec!["as".to_owned()]), Some(SectionErrorKind::Name));
        for scope in ["", "a b", "a\"", "a\\b", "é", "a\n"] {
            assert_eq!(kind(|r| r.scopes = vec![scope.to_owned()]), Some(SectionErrorKind::Name), "{scope}");
        }
        assert_eq!(kind(|r| r.scopes = vec!["a".to_owned(), "a".to_owned()]), Some(SectionErrorKind::Duplicate));
        let twice = ResourceTable::open(vec![resource("https://a/b"), resource("https://A/b/")], None);
        assert_eq!(twice.unwrap_err().kind(), SectionErrorKind::Duplicate);
    }
}
