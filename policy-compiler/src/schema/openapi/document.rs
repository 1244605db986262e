//! An OpenAPI document, as far as it is read.

use serde_json::{Map, Value};

use crate::diagnostic::{Diagnostic, Findings};

/// A document of OpenAPI 3.0 or 3.1.
#[derive(Clone, Debug)]
pub(super) struct Document(Value);

/// Where gateways serve an API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    /// The host; `None` for every host.
    pub(super) host: Option<String>,
    /// What comes before each path: empty, or with `/` at its start and none at its end.
    pub(super) base_path: String,
}

impl Document {
    /// Reads YAML 1.2, of which JSON is a part. Members that are named twice are refused.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        // In YAML 1.1 `n`, `off` and `NO` are booleans; in 1.2, which OpenAPI is written in, they are names.
        let options = serde_saphyr::options! { strict_booleans: true };
        let document: Value = serde_saphyr::from_str_with_options(text, options).map_err(|error| error.to_string())?;
        let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
        if !["3.0.", "3.1."].iter().any(|read| version.starts_with(read)) {
            return Err("it is not an OpenAPI document of version 3.0 or 3.1".to_owned());
        }
        if !document.get("paths").is_some_and(Value::is_object) {
            return Err("it has no `paths`".to_owned());
        }
        Ok(Self(document))
    }

    /// Path templates, in order of their text, and what can be done there.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&String, &Value)> {
        let paths = self.0.get("paths").and_then(Value::as_object).into_iter().flatten();
        paths.filter(|(path, _)| !path.starts_with("x-"))
    }

    /// The name of the API, as an id that has no places for values.
    pub(super) fn title(&self) -> String {
        let title = self.0.pointer("/info/title").and_then(Value::as_str).unwrap_or_default();
        let id: String = title.chars().filter(|char| !matches!(char, '{' | '}') && !char.is_control()).collect();
        if id.trim().is_empty() { "api".to_owned() } else { id }
    }

    /// What operations without `security` of their own need.
    pub(super) fn security(&self) -> Option<&Value> {
        self.0.get("security")
    }

    /// The kind of a security scheme.
    pub(super) fn scheme_type(&self, name: &str) -> Option<&str> {
        let scheme = self.0.get("components")?.get("securitySchemes")?.get(name)?;
        self.resolve(scheme).ok()?.get("type")?.as_str()
    }

    /// An object, or the one that it refers to.
    pub(super) fn resolve<'v>(&'v self, value: &'v Value) -> Result<&'v Map<String, Value>, String> {
        let mut value = value;
        // No document needs more; a circle has no end.
        for _ in 0..8 {
            let Some(members) = value.as_object() else {
                return Err("an object is needed here".to_owned());
            };
            let Some(reference) = members.get("$ref") else {
                return Ok(members);
            };
            let text = reference.as_str().unwrap_or_default();
            let pointer = text.strip_prefix('#').ok_or_else(|| format!("`{text}` is not in this document"))?;
            value = self.0.pointer(pointer).ok_or_else(|| format!("there is no `{text}`"))?;
        }
        Err("it refers to what refers to it".to_owned())
    }

    /// The server of the routes: the one that was asked for, or the document's first.
    pub(super) fn server(&self, wanted: Option<&str>, findings: &mut Findings) -> Result<Server, String> {
        if let Some(url) = wanted {
            return Server::read(url);
        }
        let servers = self.0.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let Some(first) = servers.first() else { return Ok(Server::default()) };
        if servers.len() > 1 {
            let message = "/servers: routes are written for the first server only";
            findings.push(Diagnostic::note("operation.servers", message).with_help("`--server URL` names another"));
        }
        let mut url = first.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
        for (name, variable) in first.get("variables").and_then(Value::as_object).into_iter().flatten() {
            let default = variable.get("default").and_then(Value::as_str).unwrap_or_default();
            url = url.replace(&format!("{{{name}}}"), default);
        }
        Server::read(&url).map_err(|reason| format!("/servers/0: {reason}"))
    }
}

impl Server {
    fn read(url: &str) -> Result<Self, String> {
        let refused = || format!("`{url}` is not the URL of a server");
        if url.contains(['{', '}', '?', '#', '%', '\\']) || url.contains(char::is_whitespace) {
            return Err(refused());
        }
        let (host, path) = match url.split_once("://") {
            Some(("http" | "https", rest)) => {
                let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
                if authority.is_empty() || authority.contains('@') {
                    return Err(refused());
                }
                (Some(authority.to_ascii_lowercase()), path)
            }
            Some(_) => return Err(refused()),
            None => (None, url),
        };
        let base_path = path.trim_end_matches('/');
        if !base_path.is_empty() && !base_path.starts_with('/') {
            return Err(refused());
        }
        // A route is for a host, whatever the port.
        let host = host.map(|authority| match authority.rsplit_once(':') {
            Some((host, port)) if port.chars().all(|char| char.is_ascii_digit()) => host.to_owned(),
            _ => authority,
        });
        Ok(Self { host, base_path: base_path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Document, String> {
        Document::read(text)
    }

    #[test]
    fn json_and_yaml_are_read() {
        let json = r#"{"openapi": "3.1.0", "info": {"title": "a"}, "paths": {"/b": {}, "/a": {}}}"#;
        let yaml = "openapi: 3.0.3\ninfo:\n  title: a\npaths:\n  /b: {}\n  /a: {}\n";
        for text in [json, yaml] {
            let document = read(text).unwrap();
            assert_eq!(document.title(), "a");
            assert_eq!(document.paths().count(), 2);
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in [
            "",
            "[]",
            "openapi: 3.1.0",
            "openapi: 3.1.0\npaths: []",
            "swagger: '2.0'\npaths: {}",
            "openapi: 2.0.0\npaths: {}",
            "openapi: 4.0.0\npaths: {}",
            "openapi: 3.1.0\nopenapi: 3.1.0\npaths: {}",
            r#"{"openapi": "3.1.0", "paths": {"/a": {}, "/a": {}}}"#,
            "openapi: 3.1.0\npaths: {",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_not_booleans() {
        let document = read("openapi: 3.1.0\npaths: {/n: {no: off}, /y: {}}\ninfo: {title: on}").unwrap();
        assert_eq!(document.title(), "on");
        assert_eq!(document.paths().next().unwrap().1, &serde_json::json!({"no": "off"}));
    }

    #[test]
    fn references_are_followed_and_circles_are_not() {
        let text = "{openapi: 3.1.0, paths: {}, a: {$ref: '#/b'}, b: {x: 1}, c: {$ref: '#/d'}, d: {$ref: '#/c'}}";
        let document = read(text).unwrap();
        assert_eq!(document.resolve(document.0.pointer("/a").unwrap()).unwrap().get("x"), Some(&Value::from(1)));
        for (name, reason) in [("/c", "refers to what refers to it"), ("/openapi", "object")] {
            assert!(document.resolve(document.0.pointer(name).unwrap()).unwrap_err().contains(reason));
        }
        for reference in ["#/nowhere", "other.yaml#/a", "https://h/x"] {
            assert!(document.resolve(&serde_json::json!({"$ref": reference})).is_err(), "{reference}");
        }
    }

    #[test]
    fn servers_have_a_host_and_a_base_path() {
        let of = |url: &str| Server::read(url).map(|server| (server.host.unwrap_or_default(), server.base_path));
        for (url, host, base_path) in [
            ("/", "", ""),
            ("/v1/", "", "/v1"),
            ("https://API.example", "api.example", ""),
            ("https://api.example:8443/v1", "api.example", "/v1"),
            ("http://[::1]:80/a/b", "[::1]", "/a/b"),
        ] {
            assert_eq!(of(url), Ok((host.to_owned(), base_path.to_owned())), "{url}");
        }
        for url in
            ["v1", "ftp://h/", "https://", "https://u@h/", "https://{region}.h/", "https://h/a?b", "https://h/a b"]
        {
            assert!(of(url).is_err(), "{url}");
        }
    }
}
