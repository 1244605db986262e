//! Requests that wait for a change.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::Result;
use palisade_tests::http1::Connection;

use crate::fixture::{BUNDLE, Site, etag, get};

#[test]
fn who_waits_gets_the_next_version_when_it_is_published() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    let mut waiting = Vec::new();
    for _ in 0..50 {
        let mut connection = Connection::open(server.address)?;
        let request = get(BUNDLE).header("if-none-match", etag(&first)).header("prefer", "wait=20");
        connection.write(&request.bytes())?;
        waiting.push(connection);
    }
    server.event("progress", |_| true)?;
    let next = site.bundle(2)?;
    let published = Instant::now();
    server.publish(BUNDLE, &next)?;
    for connection in &mut waiting {
        let answer = connection.read()?;
        assert_eq!((answer.status, answer.header("preference-applied")), (200, Some("wait=20")));
        assert!(answer.body == fs::read(&next)?);
    }
    let took = published.elapsed();
    println!("50 clients had the new version {} ms after it was published", took.as_millis());
    assert!(took < Duration::from_secs(5), "{took:?}");
    Ok(())
}

#[test]
fn a_wait_without_a_change_ends_in_time() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    let request = get(BUNDLE).header("if-none-match", etag(&first)).header("prefer", "wait=1");
    let begun = Instant::now();
    let answer = request.send(server.address)?;
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!((answer.status, answer.header("preference-applied")), (304, Some("wait=1")));
    // The file is touched, and another is published: neither is a change of this one.
    let mut connection = Connection::open(server.address)?;
    connection.write(&request.bytes())?;
    fs::write(site.served().join(BUNDLE), &first.body)?;
    server.publish("quickstart.candidate.palisade", &site.bundle(2)?)?;
    server.event("published", |event| event["file"] == "quickstart.candidate.palisade")?;
    assert_eq!(connection.read()?.status, 304);
    Ok(())
}

#[test]
fn only_who_has_the_file_waits() -> Result<()> {
    let site = Site::new()?;
    let (server, first) = site.serving_version_1()?;
    let waits = |request: palisade_tests::http1::Request| request.header("prefer", "wait=60");
    let begun = Instant::now();
    assert_eq!(waits(get(BUNDLE)).send(server.address)?.status, 200);
    assert_eq!(waits(get(BUNDLE).header("if-none-match", "\"old\"")).send(server.address)?.status, 200);
    assert_eq!(waits(get("none.palisade").header("if-none-match", "\"old\"")).send(server.address)?.status, 404);
    let head = palisade_tests::http1::Request::new("HEAD", "bundles.test", &format!("/{BUNDLE}"));
    let head = waits(head.header("if-none-match", etag(&first)));
    assert_eq!(Connection::open(server.address)?.exchange(&head)?.status, 304);
    for refused in ["wait=0", "wait=-1", "wait", "respond-async"] {
        let request = get(BUNDLE).header("if-none-match", etag(&first)).header("prefer", refused);
        let answer = request.send(server.address)?;
        assert_eq!((answer.status, answer.header("preference-applied")), (304, None), "{refused}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "nobody waited");
    Ok(())
}

#[test]
fn who_waits_for_a_file_that_is_taken_away_is_told() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    let mut connection = Connection::open(server.address)?;
    connection.write(&get(BUNDLE).header("if-none-match", etag(&first)).header("prefer", "wait=20").bytes())?;
    server.event("progress", |_| true)?;
    // Garbage is no change: the last good bytes are what the client has.
    server.publish_bytes(BUNDLE, b"garbage")?;
    server.event("refused", |_| true)?;
    fs::remove_file(site.served().join(BUNDLE))?;
    let answer = connection.read()?;
    assert_eq!((answer.status, answer.header("preference-applied")), (404, Some("wait=20")));
    Ok(())
}

#[test]
fn a_client_that_leaves_is_logged() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    let mut connection = Connection::open(server.address)?;
    connection.write(&get(BUNDLE).header("if-none-match", etag(&first)).header("prefer", "wait=60").bytes())?;
    server.event("progress", |_| true)?;
    drop(connection);
    let line = server.event("request", |event| event["status"] == 499)?;
    assert_eq!(line["path"], format!("/{BUNDLE}"));
    Ok(())
}
