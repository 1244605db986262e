//! Security events of an identity provider become revocations.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use palisade_tests::bundle::Recipe;
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::cli::Palisade;
use palisade_tests::http1::{Connection, Request, Response};
use palisade_tests::key::{Algorithm, TokenKey};
use palisade_tests::token::{self, Token};
use serde_json::{Value, json};

use crate::fixture::{Site, etag, get, text};

const LIST: &str = "quickstart.revocations.json";
const ISSUER: &str = "https://idp.test";
const AUDIENCE: &str = "https://gateways.test";

/// A server that takes events of one provider.
struct Signals {
    site: Site,
    server: BundleServer,
}

fn configuration(site: &Site, alias: &str) -> String {
    let workshop = site.home.path().join("workshop");
    format!(
        "list = \"{LIST}\"\nkey = \"{}\"\n[[transmitter]]\nissuer = \"{ISSUER}\"\naudience = \"{AUDIENCE}\"\njwks = \"{}\"\n{alias}\n",
        workshop.join("signers/release.pem").display(),
        site.workshop.key_set(Recipe::GOOD.issuer).display(),
    )
}

impl Signals {
    fn new() -> Result<Self> {
        let site = Site::new()?;
        let file = site.home.path().join("ssf.toml");
        fs::write(&file, configuration(&site, "alias = \"dev\""))?;
        let server = site.serve(&["--ssf", text(&file)])?;
        Ok(Self { site, server })
    }

    fn key(&self) -> Result<&TokenKey> {
        self.site.workshop.token_key(Algorithm::Rs256).context("no key")
    }

    fn push(&self, token: &str) -> Result<Response> {
        push("application/secevent+jwt").body(token).send(self.server.address)
    }

    /// What the list has, as `palisade revoke show` tells it.
    fn list(&self) -> Result<Value> {
        let (list, trust) = (self.site.served().join(LIST), self.site.home.path().join("workshop/signers/release.pub"));
        let arguments = ["revoke", "show", "--list", text(&list), "--trust", text(&trust), "--format", "json"];
        Ok(serde_json::from_str(&Palisade::new(&self.site.cli).succeed(arguments)?)?)
    }
}

fn push(content_type: &str) -> Request {
    Request::new("POST", "gateways.test", "/ssf/events").header("content-type", content_type)
}

/// A good token of the provider: the session of `subject` has ended.
fn ended(subject: &str) -> Token {
    let kind = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    let claims = json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": format!("event-{subject}"),
        "sub_id": {"format": "iss_sub", "iss": ISSUER, "sub": subject},
        "events": {kind: {"event_timestamp": token::now() - 1}},
    });
    let token = Token::new(claims.as_object().cloned().unwrap_or_default());
    token.without("exp").header("typ", "secevent+jwt")
}

#[test]
fn a_session_that_ends_is_revoked_in_the_list_that_gateways_fetch() -> Result<()> {
    let mut signals = Signals::new()?;
    assert_eq!(get(LIST).send(signals.server.address)?.status, 404);
    let event = ended("coder-7");
    let answer = signals.push(&event.clone().sign(signals.key()?))?;
    assert_eq!((answer.status, answer.body.len()), (202, 0), "{answer:?}");
    signals.server.event("published", |event| event["file"] == LIST && event["version"] == 1)?;
    let list = signals.list()?;
    assert!(list.to_string().contains("coder-7") && list.to_string().contains("session_revoked"), "{list}");

    // The same event again is taken, and changes nothing.
    assert_eq!(signals.push(&event.claim("iat", token::now() - 20).sign(signals.key()?))?.status, 202);
    // A gateway that waits has the next one at once.
    let first = get(LIST).send(signals.server.address)?;
    let mut waiting = Connection::open(signals.server.address)?;
    waiting.write(&get(LIST).header("if-none-match", etag(&first)).header("prefer", "wait=20").bytes())?;
    let pushed = Instant::now();
    assert_eq!(signals.push(&ended("coder-8").sign(signals.key()?))?.status, 202);
    let second = waiting.read()?;
    let took = pushed.elapsed();
    println!("from the event to the list at a gateway: {} ms", took.as_millis());
    assert_eq!(second.status, 200);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let line = signals.server.event("signal", |event| event["serial"] == 2)?;
    assert_eq!((&line["revoked"], &line["kind"]), (&"subject dev/coder-8".into(), &"session-revoked".into()));
    Ok(())
}

#[test]
fn nobody_else_revokes_anything() -> Result<()> {
    let signals = Signals::new()?;
    let key = signals.key()?;
    let stranger = signals.site.workshop.issuer_keys("stranger")?;
    let stranger = stranger.iter().find(|key| key.algorithm == Algorithm::Rs256).context("no key")?;
    let ecdsa = signals.site.workshop.token_key(Algorithm::Es256).context("no key")?;
    let good = ended("coder-7");
    let foreign = json!({"format": "iss_sub", "iss": "https://other.test", "sub": "admin"});
    for (what, token, error) in [
        ("a stranger's", good.sign(stranger), "invalid_key"),
        ("of another key of the set", good.sign(ecdsa), "invalid_request"),
        ("unsigned", good.unsigned("none"), "invalid_request"),
        ("altered", token::with_broken_signature(&good.sign(key)), "invalid_key"),
        ("with other claims", token::with_replaced_claims(&good.sign(key), &ended("admin").sign(key)), "invalid_key"),
        ("an access token", Token::coder().claim("iss", ISSUER).claim("aud", AUDIENCE).sign(key), "invalid_request"),
        ("an access token in disguise", good.clone().claim("exp", token::now() + 60).sign(key), "invalid_request"),
        ("for others", good.clone().claim("aud", "https://others.test").sign(key), "invalid_audience"),
        ("of others", good.clone().claim("iss", "https://other.test").sign(key), "invalid_issuer"),
        ("about others", good.clone().claim("sub_id", foreign).sign(key), "access_denied"),
        ("without an event", good.clone().claim("events", json!({})).sign(key), "invalid_request"),
        ("nothing", String::new(), "invalid_request"),
        ("garbage", "garbage".to_owned(), "invalid_request"),
        ("too much", "a".repeat(20_000), "invalid_request"),
    ] {
        let answer = signals.push(&token)?;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, Some("application/json")),
            "{what}: {answer:?}"
        );
        assert_eq!(answer.json()?["err"], error, "{what}: {answer:?}");
    }
    let good = good.sign(key);
    for content_type in ["application/json", "application/jwt", "text/plain", ""] {
        assert_eq!(push(content_type).body(good.as_str()).send(signals.server.address)?.status, 400, "{content_type}");
    }
    let get = Request::new("GET", "gateways.test", "/ssf/events");
    assert_eq!(get.send(signals.server.address)?.status, 404);
    let elsewhere = Request::new("POST", "gateways.test", "/ssf/other").body(good.as_str());
    assert_eq!(elsewhere.send(signals.server.address)?.status, 405);
    assert!(!signals.site.served().join(LIST).exists(), "a list was published");
    Ok(())
}

#[test]
fn an_event_that_cannot_be_acted_on_is_to_be_sent_again() -> Result<()> {
    let mut signals = Signals::new()?;
    let token = ended("coder-7").sign(signals.key()?);
    let list = signals.site.served().join(LIST);
    fs::write(&list, "garbage")?;
    let answer = signals.push(&token)?;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")), "{answer:?}");
    signals.server.event("signal", |event| event["taken"] == false && event["code"] == "signed.syntax")?;
    assert_eq!(fs::read_to_string(&list)?, "garbage", "what is not understood is not overwritten");
    fs::remove_file(&list)?;
    assert_eq!(signals.push(&token)?.status, 202);
    Ok(())
}

#[test]
fn a_configuration_that_is_wrong_is_refused_at_once() -> Result<()> {
    let site = Site::new()?;
    let file = site.home.path().join("ssf.toml");
    let good = configuration(&site, "");
    let empty = site.home.path().join("empty.jwks.json");
    fs::write(&empty, "{\"keys\":[]}")?;
    let keys = site.workshop.key_set(Recipe::GOOD.issuer).display().to_string();
    let transmitter = &good[good.find("[[").unwrap_or_default()..];
    for (text_of_file, code) in [
        (String::new(), "serve.ssf"),
        ("not toml".to_owned(), "serve.ssf"),
        (good.replace("list = ", "unknown = 1\nlist = "), "serve.ssf"),
        (good.replace(LIST, &format!("../{LIST}")), "serve.ssf"),
        (good.replace(LIST, "quickstart.palisade"), "revoke.file_name"),
        (good.replace("release.pem", "nobody.pem"), "io.read"),
        (good.replace(&keys, "nowhere.json"), "io.read"),
        (good.replace(&keys, text(&empty)), "serve.ssf_jwks"),
        (good.replace("list = ", "path = \"events\"\nlist = "), "serve.ssf"),
        (good.replace("list = ", "expires_in = \"soon\"\nlist = "), "serve.ssf"),
        (format!("{good}{transmitter}"), "serve.ssf"),
    ] {
        fs::write(&file, &text_of_file)?;
        let arguments =
            ["serve", text(&site.served()), "--listen", "127.0.0.1:0", "--ssf", text(&file)].map(str::to_owned);
        let output = Palisade::new(&site.cli).run(arguments)?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text_of_file}: {complaint}");
        assert!(complaint.contains(&format!("error[{code}]")), "not {code}: {complaint}");
    }
    Ok(())
}
