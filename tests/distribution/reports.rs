//! What gateways say of themselves to `palisade serve`.

use std::fs;

use anyhow::{Context, Result};
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::http1::{Connection, Request, Response};
use palisade_tests::tls::{self, Authority};
use palisade_tests::wait;
use serde_json::{Value, json};

use crate::fixture::{BUNDLE, Site, get, text};

fn post() -> Request {
    Request::new("POST", "bundles.test", "/reports").header("content-type", "application/json")
}

/// A report as gateways write them.
fn report(instance: &str, version: u64, digest: &str) -> Value {
    let release = json!({"name": "quickstart", "version": version, "digest": digest, "created": 1, "expires": 2});
    json!({
        "schema": "palisade.status/v1",
        "gateway": "edge-1",
        "node": null,
        "instance": instance,
        "filter": "0.1.0",
        "time": 1_800_000_000,
        "interval_s": 60,
        "channel": "quickstart",
        "state": "deciding",
        "bundle": release,
        "root": null,
        "confirmed_age_s": 3,
        "faults": [{"part": "revocations", "code": "feed.status", "age_s": 4}],
        "candidate": null,
        "revocations": {"serial": 5, "age_s": 6, "expires": 7, "entries": 8},
        "workers": [{"count": 3, "version": version, "digest": digest, "revocations": 5}],
    })
}

/// A server with a bundle in place, and the bundle's digest.
fn serving(site: &Site) -> Result<(BundleServer, String)> {
    fs::copy(site.bundle(1)?, site.served().join(BUNDLE))?;
    let mut server = site.serve(&["--progress", "127.0.0.1:0"])?;
    let published = server.event("published", |_| true)?;
    Ok((server, digest(&published)))
}

/// The digest that an event names, as reports have it.
fn digest(event: &Value) -> String {
    let digest = event.get("digest").and_then(Value::as_str).unwrap_or_default();
    digest.trim_start_matches("sha256:").to_owned()
}

fn gateways(server: &mut BundleServer) -> Result<Value> {
    let page = get("").send(server.listens("progress")?)?.json()?;
    page.get("gateways").cloned().context("no gateways")
}

fn send(server: &BundleServer, report: &Value) -> Result<Response> {
    post().body(report.to_string()).send(server.address)
}

#[test]
fn what_gateways_say_stands_beside_what_they_fetched() -> Result<()> {
    let site = Site::new()?;
    let (mut server, served) = serving(&site)?;
    assert_eq!(gateways(&mut server)?, json!([]));
    let answer = send(&server, &report("00000000000000aa", 1, &served))?;
    assert_eq!((answer.status, answer.body.len()), (204, 0), "{answer:?}");
    send(&server, &report("00000000000000bb", 9, &"0".repeat(64)))?;
    let all = gateways(&mut server)?;
    let [first, second] = all.as_array().map(Vec::as_slice).unwrap_or_default() else { panic!("{all}") };
    assert_eq!((&first["client"], &first["gateway"]), (&"127.0.0.1".into(), &"edge-1".into()));
    assert_eq!((&first["state"], &first["bundle"]["version"]), (&"deciding".into(), &1.into()));
    assert_eq!(
        (&first["current"], &first["overdue"], &second["current"]),
        (&true.into(), &false.into(), &false.into())
    );
    assert_eq!(first["faults"], json!([{"part": "revocations", "code": "feed.status", "age_s": 4}]));
    assert_eq!((&first["revocations"]["serial"], &first["workers"][0]["count"]), (&5.into(), &3.into()));

    // The same again is no news, and another bundle is.
    send(&server, &report("00000000000000aa", 1, &served))?;
    server.publish(BUNDLE, &site.bundle(2)?)?;
    let next = digest(&server.event("published", |event| event["version"] == 2)?);
    assert_eq!(gateways(&mut server)?[0]["current"], false);
    send(&server, &report("00000000000000aa", 2, &next))?;
    let told = server.event("report", |event| event["bundle"]["version"] == 2)?;
    assert_eq!((&told["current"], &told["instance"]), (&true.into(), &"00000000000000aa".into()));
    assert_eq!(server.events("report")?.len(), 3);
    server.event("request", |event| event["path"] == "/reports" && event["status"] == 204)?;
    Ok(())
}

#[test]
fn what_no_gateway_sends_is_refused_and_changes_nothing() -> Result<()> {
    let site = Site::new()?;
    let (mut server, digest) = serving(&site)?;
    let good = report("00000000000000aa", 1, &digest);
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        if let Some(place) = changed.pointer_mut(pointer) {
            *place = value;
        }
        assert_ne!(changed, good, "{pointer}");
        changed.to_string()
    };
    let more = good.to_string().replacen('{', "{\"more\":1,", 1);
    let twice = good.to_string().replacen('{', "{\"time\":1,", 1);
    let padded = format!("{good}{}", " ".repeat(8 * 1024));
    for (body, status, code) in [
        (String::new(), 400, "report.malformed"),
        ("garbage".to_owned(), 400, "report.malformed"),
        ("[]".to_owned(), 400, "report.malformed"),
        (good.to_string()[..100].to_owned(), 400, "report.malformed"),
        (more, 400, "report.malformed"),
        (twice, 400, "report.malformed"),
        (with("/schema", "palisade.status/v2".into()), 400, "report.malformed"),
        (with("/state", "asleep".into()), 400, "report.malformed"),
        (with("/gateway", "a\u{1b}[31m".into()), 400, "report.malformed"),
        (with("/gateway", "x".repeat(300).into()), 400, "report.malformed"),
        (with("/instance", "../../etc".into()), 400, "report.malformed"),
        (with("/interval_s", 0.into()), 400, "report.malformed"),
        (with("/bundle/digest", "sha256:x".into()), 400, "report.malformed"),
        (with("/bundle/version", (-1).into()), 400, "report.malformed"),
        (with("/faults/0/code", "\r\nevent: published".into()), 400, "report.malformed"),
        (with("/workers", vec![good["workers"][0].clone(); 9].into()), 400, "report.malformed"),
        (with("/channel", "another".into()), 404, "report.channel"),
        (padded, 413, "report.too_large"),
        ("x".repeat(1_000_000), 413, "report.too_large"),
    ] {
        let before = server.events("report_refused")?.len();
        // The server may answer and close before everything is written.
        let mut connection = Connection::open(server.address)?;
        if connection.write(&post().body(body.clone()).bytes()).is_ok()
            && let Ok(answer) = connection.read()
        {
            let start: String = body.chars().take(80).collect();
            assert_eq!(answer.status, status, "{start}");
        }
        let refused = wait::until("the line of the log", || {
            let refused = server.events("report_refused")?;
            Ok((refused.len() > before).then_some(refused))
        })?;
        assert_eq!((refused.len(), &refused[before]["code"]), (before + 1, &code.into()));
    }
    let untyped = Request::new("POST", "bundles.test", "/reports").body(good.to_string()).send(server.address)?;
    assert_eq!(untyped.status, 415);
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
        let mut connection = Connection::open(server.address)?;
        let answer = connection.exchange(&Request::new(method, "bundles.test", "/reports"))?;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    for path in ["/reports/", "/Reports", "/", "/quickstart.palisade"] {
        let request = Request::new("POST", "bundles.test", path).header("content-type", "application/json");
        assert_eq!(request.body(good.to_string()).send(server.address)?.status, 405, "{path}");
    }
    let progress = server.listens("progress")?;
    assert_eq!(post().body(good.to_string()).send(progress)?.status, 405, "that is no place for reports");
    // One that is announced and never comes keeps nobody else waiting.
    let mut half = Connection::open(server.address)?;
    half.write(b"POST /reports HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{")?;
    assert_eq!(gateways(&mut server)?, json!([]), "nobody has said anything");
    assert_eq!(server.events("report")?.len(), 0);
    assert_eq!(send(&server, &good)?.status, 204);
    Ok(())
}

#[test]
fn gateways_are_known_by_their_certificates() -> Result<()> {
    let site = Site::new()?;
    fs::copy(site.bundle(1)?, site.served().join(BUNDLE))?;
    let folder = site.home.path().join("tls");
    fs::create_dir(&folder)?;
    let authority = Authority::new(&folder)?;
    authority.issue_with("serving", "/CN=bundles.test", 1, "subjectAltName=DNS:bundles.test")?;
    let key = folder.join("serving.key");
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let (certificate, ca) = (folder.join("serving.pem"), folder.join("ca.pem"));
    let tls = ["--tls-cert", text(&certificate), "--tls-key", text(&key), "--client-ca", text(&ca)];
    let mut server = site.serve(&[&tls[..], &["--progress", "127.0.0.1:0"]].concat())?;
    let named =
        |name: &str| authority.issue_with(name, "/CN=g", 1, &format!("subjectAltName=URI:spiffe://prod.test/{name}"));
    let (one, other) = (named("one")?, named("other")?);
    let request = post().body(report("00000000000000aa", 1, &"0".repeat(64)).to_string());
    for certificate in [&one, &other] {
        assert_eq!(tls::send(server.address, Some(certificate), &request)?.status, 204);
    }
    let all = gateways(&mut server)?;
    let clients: Vec<_> = all.as_array().into_iter().flatten().map(|gateway| gateway["client"].clone()).collect();
    assert_eq!(clients, ["spiffe://prod.test/one", "spiffe://prod.test/other"], "nobody speaks for another");
    let foreign = authority.self_signed("foreign", "/CN=f")?;
    assert!(tls::send(server.address, Some(&foreign), &request).is_err());
    Ok(())
}
