//! Bytes that no gateway sends.

use anyhow::Result;
use palisade_tests::http1::{Connection, Request};

use crate::fixture::{BUNDLE, Site, get};

#[test]
fn other_methods_change_nothing() -> Result<()> {
    let site = Site::new()?;
    let (server, first) = site.serving_version_1()?;
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"] {
        let request = Request::new(method, "bundles.test", &format!("/{BUNDLE}")).body("other bytes");
        let answer = request.send(server.address)?;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert!(get(BUNDLE).send(server.address)?.body == first.body);
    Ok(())
}

#[test]
fn what_is_no_request_ends_its_own_connection_only() -> Result<()> {
    let site = Site::new()?;
    let (server, _) = site.serving_version_1()?;
    let large = format!("GET /{BUNDLE} HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "a".repeat(20_000));
    let many = format!("GET /{BUNDLE} HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(200));
    let long = format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "a".repeat(70_000));
    for bytes in [
        b"\0\0\0\0\r\n\r\n".as_slice(),
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        large.as_bytes(),
        many.as_bytes(),
        long.as_bytes(),
    ] {
        let mut connection = Connection::open(server.address)?;
        // The server may close before everything is written.
        if connection.write(bytes).is_ok() {
            let answer = connection.read();
            assert!(
                answer.as_ref().map_or(true, |answer| (400..=499).contains(&answer.status)),
                "{}: {answer:?}",
                bytes.escape_ascii()
            );
        }
        assert_eq!(get(BUNDLE).send(server.address)?.status, 200, "after {}", bytes.escape_ascii());
    }
    Ok(())
}

#[test]
fn headers_that_make_no_sense_are_no_reason_to_fail() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    for (name, value) in [
        ("if-none-match", b"\xff\xfe".as_slice()),
        ("if-none-match", b"\""),
        ("if-none-match", b"\"\"\"\"\""),
        ("prefer", b"\xff=\xff"),
        ("prefer", b"wait=\""),
        ("range", b"bytes=0-3"),
        ("if-modified-since", b"Sat, 01 Jan 2050 00:00:00 GMT"),
        ("expect", b"nothing"),
    ] {
        let answer = get(BUNDLE).header(name, value).send(server.address)?;
        assert!(answer.status == 200 && answer.body == first.body, "{name}: {}", value.escape_ascii());
    }
    // What a client writes does not make a line of the log of its own.
    get("x%0a{\"event\":\"published\"}").send(server.address)?;
    let mut connection = Connection::open(server.address)?;
    connection.write(b"GET /a\"b{}<>` HTTP/1.1\r\nhost: a\r\n\r\n")?;
    connection.read()?;
    server.event("request", |event| event["path"].as_str().is_some_and(|path| path.starts_with("/x%0a")))?;
    assert_eq!(server.events("published")?.len(), 1);
    Ok(())
}
