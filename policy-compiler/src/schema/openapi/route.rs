//! Routes for `palisade.toml`.

use std::fmt::Write as _;

use super::super::fragment::identifier;
use super::super::toml_text::{key, quoted};

/// The path of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// As `palisade.toml` writes it.
    pub(super) text: String,
    /// The names of its values: in the document, and in the template.
    pub(super) names: Vec<(String, String)>,
    /// The literal segment before the first value of the last thing that the path names.
    collection: Option<String>,
}

impl Template {
    /// What the path names last: the segment that says of what kind it is, and the template of its id.
    pub(super) fn thing(&self) -> Option<(String, String)> {
        let collection = self.collection.clone()?;
        let id: Vec<String> = self.names.iter().map(|(_, name)| format!("{{{name}}}")).collect();
        Some((collection, id.join("/")))
    }
}

/// Makes a route's path of an OpenAPI path below a server's.
pub(super) fn template(base_path: &str, path: &str) -> Result<Template, String> {
    let rest = path.strip_prefix('/').ok_or("a path begins with `/`")?;
    let mut text = base_path.to_owned();
    let mut names: Vec<(String, String)> = Vec::new();
    let (mut collection, mut literal) = (None, None);
    for segment in rest.split('/') {
        text.push('/');
        match segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}')) {
            Some(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                let own = identifier(name);
                if names.iter().any(|(_, known)| *known == own) {
                    return Err(format!("two values would be called `{own}`"));
                }
                // Of several values in a row, the first follows the segment that says what they name.
                collection = literal.take().or(collection).or_else(|| Some("Item".to_owned()));
                let _ = write!(text, "{{{own}}}");
                names.push((name.to_owned(), own));
            }
            _ if segment.contains(['{', '}']) => {
                return Err(format!("a route's values are whole segments, and `{segment}` is more than one value"));
            }
            _ if segment.contains(['%', '?', '#', '\\']) => {
                return Err(format!("`{segment}` is not how a segment is written once it is decoded"));
            }
            _ => {
                text.push_str(segment);
                literal = Some(segment.to_owned());
            }
        }
    }
    Ok(Template { text, names, collection })
}

/// One `[[routes]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) host: Option<String>,
    pub(super) method: String,
    pub(super) path: String,
    /// The action, in full.
    pub(super) action: String,
    pub(super) resource_type: String,
    pub(super) resource_id: String,
    /// Attribute of the context, and its source.
    pub(super) context: Vec<(String, String)>,
    pub(super) scopes: Vec<String>,
}

/// Writes routes as they stand in `palisade.toml`.
pub(super) fn write(routes: &[Route]) -> String {
    let mut out = String::new();
    for Route { host, method, path, action, resource_type, resource_id, context, scopes } in routes {
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str("[[routes]]\n");
        if let Some(host) = host {
            let _ = writeln!(out, "host = {}", quoted(host));
        }
        let _ = writeln!(out, "methods = [{}]", quoted(method));
        let _ = writeln!(out, "path = {}", quoted(path));
        let _ = writeln!(out, "action = {}", quoted(action));
        let _ = writeln!(out, "resource = {{ type = {}, id = {} }}", quoted(resource_type), quoted(resource_id));
        if !context.is_empty() {
            let entries: Vec<String> =
                context.iter().map(|(name, source)| format!("{} = {}", key(name), quoted(source))).collect();
            let _ = writeln!(out, "context = {{ {} }}", entries.join(", "));
        }
        if !scopes.is_empty() {
            let scopes: Vec<String> = scopes.iter().map(|scope| quoted(scope)).collect();
            let _ = writeln!(out, "scopes = [{}]", scopes.join(", "));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_one_thing() {
        for (path, text, thing) in [
            ("/", "/v1/", None),
            ("/pets", "/v1/pets", None),
            ("/pets/{pet-id}", "/v1/pets/{pet_id}", Some(("pets", "{pet_id}"))),
            ("/repos/{owner}/{repo}", "/v1/repos/{owner}/{repo}", Some(("repos", "{owner}/{repo}"))),
            (
                "/repos/{owner}/{repo}/pulls/{number}/merge",
                "/v1/repos/{owner}/{repo}/pulls/{number}/merge",
                Some(("pulls", "{owner}/{repo}/{number}")),
            ),
            ("/{tenant}", "/v1/{tenant}", Some(("Item", "{tenant}"))),
            ("/a/{in}", "/v1/a/{in_}", Some(("a", "{in_}"))),
        ] {
            let template = template("/v1", path).unwrap();
            assert_eq!(template.text, text);
            assert_eq!(template.thing(), thing.map(|(kind, id)| (kind.to_owned(), id.to_owned())), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in
            ["pets", "/pets/{id}.json", "/pets/{a}{b}", "/pets/{}", "/a%2Fb", "/{a-b}/{a_b}", "/pets/{id", "/a?b"]
        {
            assert!(template("", path).is_err(), "{path}");
        }
    }

    #[test]
    fn what_is_written_is_toml() {
        let odd = "a \"quoted\" \\ text\nwith \u{7f} and é";
        let route = Route {
            host: Some("api.example".to_owned()),
            method: "GET".to_owned(),
            path: odd.to_owned(),
            action: "Ns::Action::\"get /a\"".to_owned(),
            resource_type: "Ns::Api".to_owned(),
            resource_id: "x".to_owned(),
            context: vec![(odd.to_owned(), "query.q".to_owned()), ("x-y".to_owned(), "header.x-y".to_owned())],
            scopes: vec!["a:b".to_owned()],
        };
        let text = write(&[route.clone(), route]);
        let read: toml::Table = toml::from_str(&text).unwrap();
        let routes = read["routes"].as_array().unwrap();
        assert_eq!(routes.len(), 2);
        assert_eq!(routes[0]["path"].as_str(), Some(odd));
        assert_eq!(routes[0]["context"][odd].as_str(), Some("query.q"));
        assert_eq!(routes[0]["context"]["x-y"].as_str(), Some("header.x-y"));
    }
}
