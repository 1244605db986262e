//! Files, entity tags, what is never served, and the end.

use std::fs;
use std::os::unix::fs::symlink;

use anyhow::Result;
use palisade_tests::http1::{Connection, Request};

use crate::fixture::{BUNDLE, Site, etag, get};

#[test]
fn a_bundle_is_served_with_its_tag_and_not_again_to_whoever_has_it() -> Result<()> {
    let site = Site::new()?;
    let (mut server, answer) = site.serving_version_1()?;
    assert!(answer.body == fs::read(site.served().join(BUNDLE))?);
    assert_eq!(answer.header("content-type"), Some("application/vnd.palisade.bundle.v1"));
    assert_eq!(answer.header("cache-control"), Some("no-cache, no-transform"));
    let tag = etag(&answer);
    assert!(tag.starts_with('"') && tag.len() == 66, "a strong tag of a SHA-256: {tag}");

    let unchanged = get(BUNDLE).header("if-none-match", &tag).send(server.address)?;
    assert_eq!((unchanged.status, unchanged.body.len(), etag(&unchanged)), (304, 0, tag.clone()));
    let other = get(BUNDLE).header("if-none-match", "\"other\"").send(server.address)?;
    assert_eq!((other.status, other.body.len()), (200, answer.body.len()));
    let head =
        Connection::open(server.address)?.exchange(&Request::new("HEAD", "bundles.test", &format!("/{BUNDLE}")))?;
    assert_eq!((head.status, etag(&head)), (200, tag.clone()));
    assert_eq!(head.header("content-length"), Some(answer.body.len().to_string().as_str()));
    let query = get(&format!("{BUNDLE}?cache=no")).send(server.address)?;
    assert_eq!(query.status, 200);

    let line = server.event("request", |event| event["status"] == 304)?;
    assert_eq!((&line["method"], &line["path"]), (&"GET".into(), &format!("/{BUNDLE}").into()));
    assert_eq!((&line["bytes"], &line["etag"]), (&0.into(), &tag.as_str().into()));
    assert!(line["micros"].is_u64() && line["client"].as_str().is_some_and(|client| client.starts_with("127.0.0.1:")));
    Ok(())
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_and_who_has_which_is_known() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    get(BUNDLE).header("if-none-match", etag(&first)).send(server.address)?;
    let has = server.event("progress", |_| true)?;
    assert_eq!((&has["version"], &has["current"], &has["file"]), (&1.into(), &true.into(), &BUNDLE.into()));

    server.publish(BUNDLE, &site.bundle(2)?)?;
    server.event("published", |event| event["version"] == 2)?;
    let progress = server.listens("progress")?;
    let page = Request::new("GET", "localhost", "/").send(progress)?.json()?;
    assert_eq!((&page["files"][0]["version"], &page["clients"][0]["version"]), (&2.into(), &1.into()), "{page}");
    assert_eq!((&page["clients"][0]["client"], &page["clients"][0]["current"]), (&"127.0.0.1".into(), &false.into()));

    let second = get(BUNDLE).header("if-none-match", etag(&first)).send(server.address)?;
    assert_eq!(second.status, 200);
    assert!(second.body == fs::read(site.served().join(BUNDLE))?);
    get(BUNDLE).header("if-none-match", etag(&second)).send(server.address)?;
    server.event("progress", |event| event["version"] == 2 && event["current"] == true)?;
    assert_eq!(server.events("progress")?.len(), 2, "news are told once");
    get(BUNDLE).header("if-none-match", "\"invented\"").send(server.address)?;
    let page = Request::new("GET", "localhost", "/").send(progress)?.json()?;
    assert_eq!(page["clients"][0]["version"], 2, "a tag that was never served says nothing");
    assert_eq!(get("").send(progress)?.status, 200);
    assert_eq!(get(BUNDLE).send(progress)?.status, 404, "files are elsewhere");
    Ok(())
}

#[test]
fn a_file_that_is_not_whole_leaves_the_last_good_one() -> Result<()> {
    let site = Site::new()?;
    let (mut server, good) = site.serving_version_1()?;
    let next = fs::read(site.bundle(2)?)?;
    // Written in place, as nobody should: the first half, then garbage, then all of it.
    fs::write(site.served().join(BUNDLE), &next[..next.len() / 2])?;
    server.event("refused", |event| event["file"] == BUNDLE && event["still_served"] == true)?;
    assert!(get(BUNDLE).send(server.address)?.body == good.body);
    fs::write(site.served().join(BUNDLE), "garbage ".repeat(10))?;
    server.event("refused", |event| event["code"] == "bundle.magic")?;
    let answer = get(BUNDLE).send(server.address)?;
    assert!(answer.status == 200 && answer.body == good.body);
    fs::write(site.served().join(BUNDLE), &next)?;
    server.event("published", |event| event["version"] == 2)?;
    assert!(get(BUNDLE).send(server.address)?.body == next);

    server.publish(BUNDLE, &site.bundle(1)?)?;
    server.event("published", |event| event["warning"] == "version_went_back")?;
    // A first file that is not whole is there and cannot be had: that is not to be mistaken for one that was taken away.
    server.publish_bytes("other.palisade", b"garbage")?;
    server.event("refused", |event| event["file"] == "other.palisade" && event["still_served"] == false)?;
    assert_eq!(get("other.palisade").send(server.address)?.status, 503);
    fs::remove_file(site.served().join("other.palisade"))?;
    server.event("withdrawn", |event| event["file"] == "other.palisade")?;
    assert_eq!(get("other.palisade").send(server.address)?.status, 404);
    Ok(())
}

#[test]
fn only_signed_files_of_the_directory_are_served() -> Result<()> {
    let site = Site::new()?;
    let bundle = site.bundle(1)?;
    let served = site.served();
    let outside = site.home.path().join("outside");
    fs::create_dir(&outside)?;
    fs::copy(&bundle, outside.join(BUNDLE))?;
    // All but the last name the right content in the wrong way.
    for name in [".quickstart.palisade", "quickstart.palisade.tmp", "bundle", "quickstart.pem"] {
        fs::copy(&bundle, served.join(name))?;
    }
    fs::create_dir(served.join("folder"))?;
    fs::copy(&bundle, served.join("folder").join(BUNDLE))?;
    fs::create_dir(served.join("folder.palisade"))?;
    symlink(outside.join(BUNDLE), served.join(BUNDLE))?;
    symlink(&outside, served.join("link.palisade"))?;
    symlink(served.join("nowhere"), served.join("dangling.palisade"))?;
    let mut server = site.serve(&[])?;
    server.event("skipped", |event| event["file"] == BUNDLE && event["code"] == "serve.symlink")?;
    server.event("skipped", |event| event["file"] == "folder.palisade" && event["code"] == "serve.file")?;
    server.event("skipped", |event| event["file"] == "dangling.palisade")?;
    for name in [
        "",
        ".",
        "..",
        "folder",
        "folder/",
        "folder/quickstart.palisade",
        ".quickstart.palisade",
        "quickstart.palisade.tmp",
        "quickstart.pem",
        "bundle",
        "quickstart.palisade",
        "folder.palisade",
        "link.palisade",
        "../outside/quickstart.palisade",
        "..%2foutside%2fquickstart.palisade",
        "%2e%2e/outside/quickstart.palisade",
        "//quickstart.palisade",
        "./quickstart.palisade",
        "etc/passwd",
        "index.html",
    ] {
        let answer = get(name).send(server.address)?;
        assert_eq!((answer.status, answer.body.as_slice()), (404, b"no such file\n".as_slice()), "{name}");
        assert_eq!(answer.header("etag"), None, "{name}");
    }
    // As Kubernetes mounts files: links within the directory.
    fs::rename(served.join("folder"), served.join("..data"))?;
    fs::remove_file(served.join(BUNDLE))?;
    symlink(format!("..data/{BUNDLE}"), served.join(BUNDLE))?;
    server.event("published", |event| event["file"] == BUNDLE)?;
    assert_eq!(get(BUNDLE).send(server.address)?.status, 200);
    assert_eq!(get(&format!("..data/{BUNDLE}")).send(server.address)?.status, 404);
    Ok(())
}

#[test]
fn the_server_ends_well() -> Result<()> {
    let site = Site::new()?;
    let (mut server, first) = site.serving_version_1()?;
    let mut waiting = Connection::open(server.address)?;
    let request = get(BUNDLE).header("if-none-match", etag(&first)).header("prefer", "wait=60");
    waiting.write(&request.bytes())?;
    server.event("progress", |_| true)?;
    let status = server.terminate()?;
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(waiting.read()?.status, 304, "who waits is answered");
    assert_eq!(server.events("stopping")?.len(), 1);
    Ok(())
}
