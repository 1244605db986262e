//! The route table: which route a request is for.

use std::rc::Rc;

use palisade_engine::CompiledPolicySet;

use super::authority;
use super::open::{OpenRoute, Target};
use super::path::RequestPath;
use super::template::Segment;
use super::trie::Trie;
use crate::identity::RouteSlots;
use crate::limits;
use crate::section::{self, SectionError, SectionErrorKind};

/// All routes of a bundle, by host, method and path.
#[derive(Debug)]
pub(crate) struct RouteTable {
    routes: Vec<OpenRoute>,
    places: Vec<Place>,
    /// The hosts that have routes of their own, ascending.
    hosts: Vec<(String, Methods)>,
    any_host: Methods,
    /// Whether some requests need no credentials.
    has_public: bool,
}

/// One of the templates of a route.
#[derive(Debug)]
struct Place {
    route: usize,
    segments: Vec<Segment>,
}

/// The methods that have routes, ascending.
type Methods = Vec<(String, Trie)>;

impl RouteTable {
    /// Checks all routes of a section. Routes that could both match one request, without one being more specific, are
    /// refused here: which of them wins must not depend on their order.
    pub(crate) fn open(
        raw: Vec<section::Route>,
        mcp: Vec<section::McpRoute>,
        a2a: Vec<section::A2aRoute>,
        slots: &mut RouteSlots,
        has_transactions: bool,
    ) -> Result<Self, SectionError> {
        let count = raw.len().saturating_add(mcp.len()).saturating_add(a2a.len());
        if count == 0 {
            return Err(SectionError::new(SectionErrorKind::Empty, "routes"));
        }
        if count > limits::ROUTES {
            return Err(SectionError::new(SectionErrorKind::Limit, "routes"));
        }
        let mut opened = Vec::with_capacity(count);
        for (number, route) in (0..).zip(raw) {
            let head = (route.host.clone(), format!("the route `{}`", route.path));
            check_methods(&route.methods, &head.1)?;
            opened.push((head, OpenRoute::open(route, number, slots, has_transactions)?));
        }
        for route in mcp {
            let head = (route.host.clone(), format!("the route `{}`", route.path));
            opened.push((head, OpenRoute::open_mcp(route, slots, has_transactions)?));
        }
        for route in a2a {
            let head = (route.host.clone(), format!("the route `{}`", route.path));
            opened.push((head, OpenRoute::open_a2a(route, slots, has_transactions)?));
        }
        let mut table = Self {
            routes: Vec::with_capacity(count),
            places: Vec::with_capacity(count),
            hosts: Vec::new(),
            any_host: Vec::new(),
            has_public: false,
        };
        let mut keys = Vec::with_capacity(count);
        for ((host, place), (route, entries)) in opened {
            let host = host.map(|host| canonical_host(&host, &place)).transpose()?;
            for (methods, segments) in entries {
                table.places.push(Place { route: table.routes.len(), segments });
                keys.push((host.clone(), methods, place.clone()));
            }
            table.has_public |= matches!(&route.target, Target::A2a(a2a) if a2a.has_public_card());
            table.routes.push(route);
        }
        for (index, (host, methods, place)) in keys.iter().enumerate() {
            for method in methods {
                table.insert(host.as_deref(), method, index, place)?;
            }
        }
        for (index, (host, methods, place)) in keys.iter().enumerate() {
            for method in methods {
                if table.is_ambiguous(host.as_deref(), method, index) {
                    return Err(SectionError::new(SectionErrorKind::AmbiguousRoute, place.as_str()));
                }
            }
        }
        Ok(table)
    }

    /// Whether some requests need no credentials, so that a route has to be found before it is known who asks.
    pub(crate) fn has_public(&self) -> bool {
        self.has_public
    }

    /// Makes ready what the routes need of the policies. Called once, before anybody shares them.
    pub(crate) fn learn(&mut self, policies: &CompiledPolicySet) {
        for route in &mut self.routes {
            if let Target::Mcp(mcp) = &mut route.target
                && let Some(mcp) = Rc::get_mut(mcp)
            {
                mcp.learn(policies);
            }
        }
    }

    /// The route for a request. Routes of its own host come before routes for any host.
    pub(crate) fn find(&self, host: &str, method: &str, path: &RequestPath) -> Option<&OpenRoute> {
        let own = lookup(&self.hosts, host).and_then(|methods| lookup(methods, method));
        let any = lookup(&self.any_host, method);
        let index = own.and_then(|trie| trie.find(path)).or_else(|| any.and_then(|trie| trie.find(path)))?;
        self.places.get(index).and_then(|place| self.routes.get(place.route))
    }

    fn insert(&mut self, host: Option<&str>, method: &str, index: usize, place: &str) -> Result<(), SectionError> {
        let methods = match host {
            Some(host) => entry(&mut self.hosts, host),
            None => Some(&mut self.any_host),
        };
        let trie = methods.and_then(|methods| entry(methods, method));
        let segments = self.places.get(index).map(|place| place.segments.as_slice());
        match trie.zip(segments).map(|(trie, segments)| trie.insert(segments, index)) {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(SectionError::new(SectionErrorKind::Duplicate, place)),
        }
    }

    fn is_ambiguous(&self, host: Option<&str>, method: &str, index: usize) -> bool {
        let methods = match host {
            Some(host) => lookup(&self.hosts, host),
            None => Some(&self.any_host),
        };
        let trie = methods.and_then(|methods| lookup(methods, method));
        let segments = |place: usize| self.places.get(place).map(|place| place.segments.as_slice());
        match trie.zip(segments(index)) {
            Some((trie, own)) => trie.crossing(own, &segments).is_some(),
            None => true,
        }
    }
}

fn lookup<'m, T>(map: &'m [(String, T)], key: &str) -> Option<&'m T> {
    let index = map.binary_search_by(|(known, _)| known.as_str().cmp(key)).ok()?;
    map.get(index).map(|(_, value)| value)
}

fn entry<'m, T: Default>(map: &'m mut Vec<(String, T)>, key: &str) -> Option<&'m mut T> {
    let index = match map.binary_search_by(|(known, _)| known.as_str().cmp(key)) {
        Ok(index) => index,
        Err(index) => {
            map.insert(index, (key.to_owned(), T::default()));
            index
        }
    };
    map.get_mut(index).map(|(_, value)| value)
}

/// A host of a route: a host name without port.
fn canonical_host(host: &str, place: &str) -> Result<String, SectionError> {
    let mut canonical = String::new();
    let has_port = host.contains(':') && !host.ends_with(']');
    match authority::host(host.as_bytes(), &mut canonical) {
        Ok(()) if !canonical.is_empty() && !has_port => Ok(canonical),
        Ok(()) | Err(_) => Err(SectionError::new(SectionErrorKind::Name, format!("the host of {place}"))),
    }
}

/// Methods are tokens (RFC 9110 §9.1); CONNECT has no path, so no route can be for it.
fn check_methods(methods: &[String], place: &str) -> Result<(), SectionError> {
    let error = |kind| Err(SectionError::new(kind, format!("the methods of {place}")));
    if methods.is_empty() {
        return error(SectionErrorKind::Empty);
    }
    for (index, method) in methods.iter().enumerate() {
        let is_token = |c: char| c.is_ascii_uppercase() || c == '-' || c == '_';
        if method.is_empty()
            || method.len() > limits::METHOD_BYTES
            || !method.chars().all(is_token)
            || method == "CONNECT"
        {
            return error(SectionErrorKind::Name);
        }
        if methods.iter().skip(index + 1).any(|other| other == method) {
            return error(SectionErrorKind::Duplicate);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::route::Target;
    use crate::section::testing::route;

    fn open(routes: Vec<section::Route>) -> Result<RouteTable, SectionErrorKind> {
        // Each route's action is its own position, so that tests can tell them apart.
        let number = |(index, mut route): (usize, section::Route)| {
            route.action.id = index.to_string();
            route
        };
        let routes = routes.into_iter().enumerate().map(number).collect();
        RouteTable::open(routes, vec![], vec![], &mut RouteSlots::default(), false).map_err(|error| error.kind())
    }

    fn find(table: &RouteTable, host: &str, method: &str, path: &str) -> Option<usize> {
        let mut request = RequestPath::default();
        request.read(path.as_bytes()).unwrap();
        table.find(host, method, &request).map(|route| match &route.target {
            Target::Http(target) => target.call.action.id.parse().unwrap(),
            Target::Mcp(_) | Target::A2a(_) => panic!("an MCP server"),
        })
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let paths = ["/{p*}", "/a/{x}", "/a/b", "/a/{x}/c", "/a/b/{y}", "/a/b/c", "/", "/a/", "/z/{p*}"];
        let table = open(paths.iter().map(|path| route(None, &["GET"], path)).collect());
        assert_eq!(table.unwrap_err(), SectionErrorKind::AmbiguousRoute, "/a/{{x}}/c and /a/b/{{y}} cross");

        let paths = ["/{p*}", "/a/{x}", "/a/b", "/a/{x}/c", "/a/b/c", "/", "/a/", "/z/{p*}"];
        let table = open(paths.iter().map(|path| route(None, &["GET"], path)).collect()).unwrap();
        for (path, expected) in [
            ("/q", Some("/{p*}")),
            ("/a", Some("/{p*}")),
            ("/a/q", Some("/a/{x}")),
            ("/a/b", Some("/a/b")),
            ("/%61/%62", Some("/a/b")),
            ("/a/b/c", Some("/a/b/c")),
            ("/a/q/c", Some("/a/{x}/c")),
            ("/a/b/d", Some("/{p*}")),
            ("/a/q/d", Some("/{p*}")),
            ("/", Some("/")),
            ("/a/", Some("/a/")),
            ("/z/a/b/", Some("/z/{p*}")),
            ("/z/", Some("/{p*}")),
            ("/A/b", Some("/{p*}")),
        ] {
            let found = find(&table, "", "GET", path).map(|index| paths[index]);
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn nothing_matches_by_accident() {
        let table = open(vec![route(None, &["GET", "HEAD"], "/a/{x}"), route(Some("h"), &["PUT"], "/b")]).unwrap();
        for (host, method, path) in [
            ("", "POST", "/a/b"),
            ("", "get", "/a/b"),
            ("", "GET", "/a"),
            ("", "GET", "/a/"),
            ("", "GET", "/a/b/"),
            ("", "GET", "/a/b/c"),
            ("", "PUT", "/b"),
            ("hh", "PUT", "/b"),
            ("h", "GET", "/b"),
        ] {
            assert_eq!(find(&table, host, method, path), None, "{method} {host}{path}");
        }
        assert_eq!(find(&table, "h", "PUT", "/b"), Some(1));
        assert_eq!(find(&table, "h", "HEAD", "/a/b"), Some(0));
    }

    #[test]
    fn a_hosts_own_routes_come_first() {
        let table = open(vec![
            route(None, &["GET"], "/a/b"),
            route(Some("Repos.Internal"), &["GET"], "/a/{x}"),
            route(Some("[2001:DB8::1]"), &["GET"], "/a/{x}"),
        ])
        .unwrap();
        assert_eq!(find(&table, "repos.internal", "GET", "/a/b"), Some(1));
        assert_eq!(find(&table, "[2001:db8::1]", "GET", "/a/b"), Some(2));
        assert_eq!(find(&table, "other", "GET", "/a/b"), Some(0));
    }

    #[test]
    fn conflicts_are_refused() {
        let get = |path| route(None, &["GET"], path);
        for routes in [
            vec![get("/a"), get("/a")],
            vec![get("/{x}"), get("/{y}")],
            vec![get("/a/{x*}"), get("/a/{y*}")],
            vec![get("/a"), route(None, &["PUT", "GET"], "/a")],
            vec![route(Some("h"), &["GET"], "/a"), route(Some("H."), &["GET"], "/a")],
            vec![route(None, &["GET", "GET"], "/a")],
        ] {
            assert_eq!(open(routes).unwrap_err(), SectionErrorKind::Duplicate);
        }
        for (a, b) in [("/a/{x}", "/{y}/b"), ("/{x}/b", "/a/{p*}"), ("/{x}/b/{p*}", "/a/{y}/c")] {
            assert_eq!(open(vec![get(a), get(b)]).unwrap_err(), SectionErrorKind::AmbiguousRoute, "{a} {b}");
            assert_eq!(open(vec![get(b), get(a)]).unwrap_err(), SectionErrorKind::AmbiguousRoute, "{b} {a}");
            let apart = vec![get(a), route(None, &["PUT"], b), route(Some("h"), &["GET"], b)];
            assert!(open(apart).is_ok(), "{a} {b}");
        }
    }

    #[test]
    fn bad_routes_are_refused() {
        assert_eq!(open(vec![]).unwrap_err(), SectionErrorKind::Empty);
        let refused = |host, methods: &[&str]| open(vec![route(host, methods, "/a")]).unwrap_err();
        assert_eq!(refused(None, &[]), SectionErrorKind::Empty);
        for method in ["", "get", "G T", "CONNECT", "*"] {
            assert_eq!(refused(None, &[method]), SectionErrorKind::Name, "{method}");
        }
        for host in ["", "a:80", "a b", "http://a", "*.a", "a/b", "[::1]:80"] {
            assert_eq!(refused(Some(host), &["GET"]), SectionErrorKind::Name, "{host}");
        }
    }

    #[test]
    fn ten_thousand_routes_open_and_match() {
        let routes = (0..10_000).map(|n| route(None, &["GET"], &format!("/api/v1/s{n}/{{x}}/items/{{y}}")));
        let table = open(routes.collect()).unwrap();
        assert_eq!(find(&table, "", "GET", "/api/v1/s7777/a/items/b"), Some(7777));
        assert_eq!(find(&table, "", "GET", "/api/v1/s10000/a/items/b"), None);
    }
}
