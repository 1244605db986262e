//! What is asked: only a request that some route describes can be allowed, and only as it is spelled.

use anyhow::Result;
use palisade_tests::http1::Request;
use palisade_tests::quickstart::REPOS;

use crate::fixture::{assert_allowed, assert_denied, good_token, read, shared};

fn refused(method: &str, host: &str, target: &str, reason: &str) -> Result<()> {
    let gateway = shared()?;
    let request = Request::new(method, host, target).bearer(&good_token(gateway)?);
    assert_denied(gateway, &request, 403, reason).map(drop)
}

#[test]
fn an_unknown_route() -> Result<()> {
    refused("GET", REPOS, "/", "route.unknown")?;
    refused("GET", REPOS, "/repos", "route.unknown")?;
    refused("GET", REPOS, "/repos/handbook/files", "route.unknown")
}

#[test]
fn a_method_that_no_route_names() -> Result<()> {
    refused("POST", REPOS, "/repos/handbook/files/a-method", "route.unknown")?;
    refused("OPTIONS", REPOS, "/repos/handbook/files/a-method", "route.unknown")
}

#[test]
fn a_host_that_no_route_names() -> Result<()> {
    refused("GET", "other.internal", "/repos/handbook/files/a-host", "route.unknown")
}

#[test]
fn a_host_with_a_port_is_the_same_host() -> Result<()> {
    let gateway = shared()?;
    let request = Request::new("GET", "repos.internal:8080", "/repos/handbook/files/with-port");
    assert_allowed(gateway, &request.bearer(&good_token(gateway)?)).map(drop)
}

#[test]
fn spellings_that_two_servers_could_read_differently() -> Result<()> {
    for target in [
        "/repos/handbook/files/../../ledger/files/x",
        "/repos/handbook/files/./x",
        "/repos/handbook//files/x",
        "/repos/handbook/files/%2e%2e/x",
        "/repos/handbook/files/..%2fx",
        "/repos/handbook/files/a%2Fb",
        "/repos/handbook/files/a%5cb",
        "/repos/handbook/files/a\\b",
        "/repos/handbook/files/a%00b",
        "/repos/handbook/files/a%zz",
        "/repos/handbook/files/a%2",
        "//repos/handbook/files/x",
    ] {
        refused("GET", REPOS, target, "route.path_unsafe")?;
    }
    Ok(())
}

#[test]
fn a_query_changes_nothing_about_the_decision() -> Result<()> {
    let gateway = shared()?;
    let token = good_token(gateway)?;
    assert_allowed(gateway, &read("query?method=DELETE&repo=ledger").bearer(&token))?;
    refused("GET", REPOS, "/admin?x=/repos/handbook/files/README.md", "route.unknown")
}

#[test]
fn method_override_headers_are_not_read() -> Result<()> {
    let gateway = shared()?;
    let request = Request::new("PATCH", REPOS, "/repos/handbook/files/override").bearer(&good_token(gateway)?);
    let request = request.header("x-http-method-override", "GET").header("x-original-url", "/repos/handbook/files/a");
    assert_denied(gateway, &request, 403, "route.unknown").map(drop)
}
