//! Signatures are verified by Envoy's function where it is there, and by the filter where it is not. Both say the same of every
//! algorithm and of every way to spoil or to respell a signature.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::issuers::{Foreign, Minted};
use palisade_tests::quickstart;
use palisade_tests::token::Token;
use rsa::BigUint;
use tempfile::TempDir;

use crate::fixture::{home, read};
use crate::foreign::{ALL, SOME};

/// What the module may use and offer, from the golden lists of its package.
const IMPORTS: &str = include_str!("../../plugin/tests/golden/imports.txt");
const EXPORTS: &str = include_str!("../../plugin/tests/golden/exports.txt");

/// The function that verifies signatures is a foreign one.
const FOREIGN_FUNCTION: &str = "proxy_call_foreign_function";

/// The orders of P-256, P-384 and P-521 (FIPS 186-5).
const ORDERS: [(&str, &str); 3] = [
    ("ES256", "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
    ("ES384", "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
    (
        "ES512",
        "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa\
         51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
    ),
];

struct Gateways {
    by_envoy: Gateway,
    by_filter: Gateway,
    _homes: [TempDir; 2],
}

impl Gateways {
    fn start(minted: &Minted) -> Result<Self> {
        let homes = [home()?, home()?];
        let gateway = |home: &TempDir, withheld: Option<&str>| {
            Gateway::start_with(home.path(), Options::default(), |workshop, wasm| {
                let project = home.path().join("project");
                quickstart::changed(&project, |text| text.replace(SOME, ALL))?;
                let jwks = home.path().join("foreign.jwks.json");
                std::fs::write(&jwks, minted.jwks.to_string())?;
                let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
                let filter = workshop.filter(&bundle, wasm)?;
                let filter = match withheld {
                    Some(name) => filter.with_capabilities(capabilities().filter(|known| *known != name))?,
                    None => filter,
                };
                Ok((filter, bundle))
            })
        };
        let by_envoy = gateway(&homes[0], None)?;
        let by_filter = gateway(&homes[1], Some(FOREIGN_FUNCTION))?;
        Ok(Self { by_envoy, by_filter, _homes: homes })
    }

    /// What both say of a token; an error where they differ.
    fn verdict(&self, token: &str) -> Result<String> {
        let of = |gateway: &Gateway| -> Result<String> {
            let answer = gateway.send(&read("signatures").bearer(token))?;
            let line = gateway.access_line(&answer)?;
            line.text("reason").map(str::to_owned).context("the record has no reason")
        };
        let (by_envoy, by_filter) = (of(&self.by_envoy)?, of(&self.by_filter)?);
        ensure!(by_envoy == by_filter, "Envoy says {by_envoy}, the filter {by_filter}");
        Ok(by_envoy)
    }
}

/// All that the module imports and exports, by name.
fn capabilities() -> impl Iterator<Item = &'static str> {
    IMPORTS.lines().chain(EXPORTS.lines()).filter_map(|line| line.split_once(' ')).map(|(_, name)| name)
}

fn decoded(text: &str) -> Result<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().context("not base64url")
}

/// A number as so many bytes; `None` where it has more.
fn bytes(number: &BigUint, len: usize) -> Option<Vec<u8>> {
    let bytes = number.to_bytes_be();
    Some([vec![0; len.checked_sub(bytes.len())?], bytes].concat())
}

/// Other signatures than a good one, and whether they hold. In ECDSA, `(r, n - s)` holds wherever `(r, s)` does; JOSE does not
/// forbid it, and a token of each is another token.
fn spellings(alg: &str, good: &[u8], modulus: &BigUint) -> Result<Vec<(&'static str, Vec<u8>, bool)>> {
    let len = good.len();
    let flipped = |at: usize| good.iter().enumerate().map(|(i, byte)| if i == at { byte ^ 1 } else { *byte }).collect();
    let mut all = vec![
        ("as it is", good.to_vec(), true),
        ("first byte", flipped(0), false),
        ("a byte in the middle", flipped(len / 2), false),
        ("last byte", flipped(len - 1), false),
        ("zeros", vec![0; len], false),
        ("ones", vec![0xff; len], false),
        ("a byte short", good[..len - 1].to_vec(), false),
        ("without its first byte", good[1..].to_vec(), false),
        ("a byte more", [good, &[0]].concat(), false),
        ("a zero before it", [&[0], good].concat(), false),
        ("twice", [good, good].concat(), false),
    ];
    let number = BigUint::from_bytes_be(good);
    if let Some((_, order)) = ORDERS.iter().find(|(name, _)| *name == alg) {
        let n = BigUint::parse_bytes(order.as_bytes(), 16).context("no order")?;
        let (r, s) = good.split_at(len / 2);
        let fit = |number: &BigUint| bytes(number, len / 2).context("too long a number");
        let (zero, one, order) = (fit(&BigUint::from(0u8))?, fit(&BigUint::from(1u8))?, fit(&n)?);
        let other_s = fit(&(&n - BigUint::from_bytes_be(s)))?;
        let other_r = fit(&(&n - BigUint::from_bytes_be(r)))?;
        all.extend([
            ("the other s", [r, &other_s].concat(), true),
            ("the other r", [&other_r, s].concat(), false),
            ("r and s exchanged", [s, r].concat(), false),
            ("r is zero", [&zero, s].concat(), false),
            ("s is zero", [r, &zero].concat(), false),
            ("r is one", [&one, s].concat(), false),
            ("both are one", [&one[..], &one].concat(), false),
            ("r is the order", [&order, s].concat(), false),
            ("s is the order", [r, &order].concat(), false),
        ]);
        // The same numbers again, where they have room.
        all.extend(
            bytes(&(&n + BigUint::from_bytes_be(s)), len / 2).map(|s| ("s and the order", [r, &s].concat(), false)),
        );
    } else if len == 64 {
        let (r, s) = good.split_at(32);
        all.push(("R is the neutral point", [&[1], &[0; 31][..], s].concat(), false));
        all.push(("S is zero", [r, &[0; 32]].concat(), false));
        all.push(("R and S exchanged", [s, r].concat(), false));
    } else {
        let fit = |number: &BigUint| bytes(number, len);
        all.extend(fit(&(&number + modulus)).map(|bytes| ("the number and the modulus", bytes, false)));
        all.extend(fit(&(modulus - &number)).map(|bytes| ("the number from the modulus", bytes, false)));
        all.extend(fit(modulus).map(|bytes| ("the modulus", bytes, false)));
        all.extend(fit(&BigUint::from(1u8)).map(|bytes| ("one", bytes, false)));
        all.extend(fit(&(modulus - BigUint::from(1u8))).map(|bytes| ("minus one", bytes, false)));
    }
    Ok(all)
}

fn check(minted: &Minted) -> Result<()> {
    let gateways = Gateways::start(minted)?;
    for (gateway, who) in [(&gateways.by_envoy, "the host"), (&gateways.by_filter, "the filter")] {
        ensure!(gateway.envoy.log()?.contains(&format!("signatures are verified by {who}")), "not {who}");
    }
    let keys = minted.jwks["keys"].as_array().context("no keys")?;
    let rsa = keys.iter().find_map(|key| key["n"].as_str()).context("no RSA key")?;
    let modulus = BigUint::from_bytes_be(&decoded(rsa)?);
    let good: Vec<_> = minted.tokens.iter().filter(|token| token.reason == "policy.allow").collect();
    ensure!(good.len() == ALL.matches('"').count() / 2, "{} algorithms", good.len());
    for (index, token) in good.iter().enumerate() {
        let (message, signature) = token.token.rsplit_once('.').context("no signature")?;
        let alg = token.name.as_str();
        for (what, signature, holds) in spellings(alg, &decoded(signature)?, &modulus)? {
            let verdict = gateways.verdict(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)));
            let verdict = verdict.with_context(|| format!("{alg}, {what}"))?;
            let expected = if holds { "policy.allow" } else { "token.signature" };
            ensure!(verdict == expected, "{alg}, {what}: {verdict}");
        }
        // Under the message of another algorithm's token.
        let (_, foreign) = good[(index + 1) % good.len()].token.rsplit_once('.').context("no signature")?;
        let verdict = gateways.verdict(&format!("{message}.{foreign}")).with_context(|| format!("{alg}, another's"))?;
        ensure!(verdict == "token.signature", "{alg}, another's: {verdict}");
    }
    for token in &minted.tokens {
        let verdict = gateways.verdict(&token.token).with_context(|| token.name.clone())?;
        ensure!(verdict == token.reason, "{}: {verdict}", token.name);
    }
    Ok(())
}

#[test]
fn envoy_and_the_filter_say_the_same_of_signatures_by_jose() -> Result<()> {
    check(&Foreign::Jose.mint(&Token::coder().claims())?)
}

#[test]
fn envoy_and_the_filter_say_the_same_of_signatures_by_joserfc() -> Result<()> {
    check(&Foreign::Joserfc.mint(&Token::coder().claims())?)
}
