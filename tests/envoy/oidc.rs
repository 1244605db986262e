//! A live issuer, npm's `oidc-provider`: its own tokens, and its keys as they rotate while requests flow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::{Result, anyhow, ensure};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::oidc::OidcProvider;

use crate::fixture::{assert_allowed, home, read};
use crate::workers::await_everywhere;

/// Tokens by RFC 9068, and keys as often as may be.
const SETTINGS: &str = "profile = \"oauth\"\njwks_uri = \"https://issuer.quickstart.example/jwks\"\njwks_fresh_for = \"1s\"\njwks_cooldown = \"1s\"";

fn status(gateway: &Gateway, token: &str) -> Result<u16> {
    Ok(gateway.send(&read("oidc").bearer(token))?.status)
}

#[test]
fn a_live_issuer_rotates_its_keys_while_requests_flow() -> Result<()> {
    let home = home()?;
    let issuer = OidcProvider::start(home.path())?;
    let options = Options { workers: 2, keys: Some(issuer.address()), ..Options::default() };
    let gateway = &Gateway::start_with(home.path(), options, |workshop, wasm| {
        let bundle = workshop.remote_bundle("oidc", 1, SETTINGS)?;
        Ok((workshop.filter_with(&bundle, wasm, &["--jwks-cluster", "dev=issuer"])?, bundle))
    })?;
    let first = issuer.token()?;
    await_everywhere(gateway, &read("oidc").bearer(&first), 200)?;
    let line = assert_allowed(gateway, &read("oidc").bearer(&first))?;
    ensure!(line.text("principal") == Some(r#"Agent::"dev/coder-7""#), "{line:?}");

    // A key is published, then signs; when the last token of the one before is gone, that is retired.
    let mut old = first;
    for _ in 0..2 {
        issuer.rotate()?;
        let new = issuer.token()?;
        await_everywhere(gateway, &read("oidc").bearer(&new), 200)?;
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let flow = scope.spawn(|| -> Result<u32> {
                let mut sent = 0;
                while !done.load(Ordering::Relaxed) || sent == 0 {
                    ensure!(status(gateway, &new)? == 200, "a token by today's key was refused");
                    ensure!(status(gateway, &issuer.token()?)? == 200, "a token made just now was refused");
                    sent += 1;
                }
                Ok(sent)
            });
            let retired = (|| -> Result<()> {
                ensure!(status(gateway, &old)? == 200, "a token by yesterday's key was refused while it is published");
                issuer.retire()?;
                await_everywhere(gateway, &read("oidc").bearer(&old), 401)
            })();
            done.store(true, Ordering::Relaxed);
            flow.join().map_err(|_| anyhow!("the flow of requests panicked"))??;
            retired
        })?;
        ensure!(status(gateway, &old)? == 401, "a retired key came back");
        old = new;
    }
    Ok(())
}
