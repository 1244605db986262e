//! The quickstart with DPoP and more algorithms, in Envoy's VM: what the host verifies, and what the module does itself.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::{self, REPOS};
use palisade_tests::token::{Token, now};
use rand_chacha::rand_core::SeedableRng as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::{assert_allowed, assert_denied, home, path, read};

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs with algorithms that the quickstart's issuer does not use.
enum Signer {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(Box<p521::ecdsa::SigningKey>),
    Ed25519(ed25519_dalek::SigningKey),
    Rsa(Box<rsa::RsaPrivateKey>),
}

impl Signer {
    fn p256() -> Result<Self> {
        Ok(Self::P256(p256::ecdsa::SigningKey::from_slice(&[7; 32])?))
    }

    fn jwk(&self) -> Value {
        let ec = |curve: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({"kty": "EC", "crv": curve, "x": b64(x), "y": b64(y)})
        };
        match self {
            Self::P256(key) => ec("P-256", key.verifying_key().to_encoded_point(false).as_bytes()),
            Self::P384(key) => ec("P-384", key.verifying_key().to_encoded_point(false).as_bytes()),
            Self::P521(key) => ec("P-521", p521::ecdsa::VerifyingKey::from(&**key).to_encoded_point(false).as_bytes()),
            Self::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(key.verifying_key().to_bytes())}),
            Self::Rsa(key) => json!({"kty": "RSA", "n": b64(key.n().to_bytes_be()), "e": b64(key.e().to_bytes_be())}),
        }
    }

    fn sign(&self, algorithm: &str, message: &[u8]) -> Result<Vec<u8>> {
        use rsa::signature::RandomizedSigner as _;
        // ECDSA on P-521 and PSS want randomness; a test needs none that is secret.
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        Ok(match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(key, message);
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(key, message);
                signature.to_bytes().to_vec()
            }
            Self::P521(key) => {
                let signature: p521::ecdsa::Signature = key.try_sign_with_rng(&mut random, message)?;
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Self::Rsa(key) => match algorithm {
                "PS256" => key.sign_with_rng(&mut random, rsa::Pss::new::<Sha256>(), &Sha256::digest(message))?,
                "RS512" => key.sign(rsa::Pkcs1v15Sign::new::<sha2::Sha512>(), &sha2::Sha512::digest(message))?,
                other => anyhow::bail!("no RSA algorithm `{other}`"),
            },
        })
    }

    fn jws(&self, header: &Value, claims: &Value) -> Result<String> {
        let algorithm = header["alg"].as_str().context("no alg")?;
        let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        Ok(format!("{input}.{}", b64(self.sign(algorithm, input.as_bytes())?)))
    }
}

/// The quickstart with DPoP, a protected resource, and all algorithms, whose issuer has these keys besides its own.
fn project(folder: &Path, workshop: &Workshop, keys: &[(&str, Signer)]) -> Result<()> {
    copy(&quickstart::folder(), folder)?;
    let file = folder.join("palisade.toml");
    let algorithms = r#"["ES256", "RS256", "EdDSA"]"#;
    let all = r#"["ES256", "RS256", "EdDSA", "ES384", "ES512", "PS256", "RS512", "Ed25519"]"#;
    let text = fs::read_to_string(&file)?;
    ensure!(text.contains(algorithms) && text.contains("[[routes]]"), "the quickstart's project has changed");
    let tables = format!("[[resources]]\nurl = \"https://{REPOS}\"\nscopes = [\"read\"]\n\n[dpop]\n\n[[routes]]");
    fs::write(&file, text.replace(algorithms, all).replacen("[[routes]]", &tables, 1))?;

    let file = workshop.key_set(Recipe::GOOD.issuer);
    let mut set: Value = serde_json::from_slice(&fs::read(&file)?)?;
    let list = set["keys"].as_array_mut().context("no keys")?;
    for (kid, key) in keys {
        let mut jwk = key.jwk();
        jwk["kid"] = json!(kid);
        list.push(jwk);
    }
    Ok(fs::write(&file, set.to_string())?)
}

/// Copies the parts of a policy project.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for name in ["palisade.toml", "schema.cedarschema", "policies", "entities", "tests"] {
        let (from, to) = (from.join(name), to.join(name));
        if from.is_file() {
            fs::copy(&from, &to)?;
            continue;
        }
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn start(home: &Path, folder: &Path, keys: &[(&str, Signer)]) -> Result<Gateway> {
    Gateway::start_with(home, Options::default(), |workshop, wasm| {
        project(folder, workshop, keys)?;
        let bundle = workshop.bundle_of(folder, Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })
}

#[test]
fn every_algorithm_verifies_in_the_vm() -> Result<()> {
    let (home, folder) = (home()?, home()?);
    let mut scalar = [9; 66];
    scalar[0] = 0;
    let rsa = || {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(2);
        Ok::<_, anyhow::Error>(Signer::Rsa(Box::new(rsa::RsaPrivateKey::new(&mut random, 2048)?)))
    };
    let keys = [
        ("es384", Signer::P384(p384::ecdsa::SigningKey::from_slice(&[8; 48])?)),
        ("es512", Signer::P521(Box::new(p521::ecdsa::SigningKey::from_slice(&scalar)?))),
        ("rsa", rsa()?),
        ("ed", Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[3; 32]))),
    ];
    let gateway = start(home.path(), folder.path(), &keys)?;
    for (index, algorithm) in [(0, "ES384"), (1, "ES512"), (2, "PS256"), (2, "RS512"), (3, "Ed25519")] {
        let (kid, key) = &keys[index];
        let name = format!("vm-{algorithm}");
        // The claims of a good token, under another signature.
        let token = Token::coder().sign(gateway.key(Algorithm::Es256)?);
        let claims = token.split('.').nth(1).context("no claims")?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap_or_default())?;
        let token = key.jws(&json!({"alg": algorithm, "kid": kid}), &claims)?;
        let line = assert_allowed(&gateway, &read(&name).bearer(&token))?;
        let used = line.record.as_ref().and_then(|record| record.pointer("/token/alg"));
        ensure!(used == Some(&json!(algorithm)), "{line:?}");

        let (input, signature) = token.rsplit_once('.').context("no signature")?;
        let mut signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
        let at = signature.len() / 2;
        signature[at] ^= 1;
        let broken = format!("{input}.{}", b64(signature));
        assert_denied(&gateway, &read(&format!("{name}-broken")).bearer(&broken), 401, "token.signature")?;
    }
    Ok(())
}

#[test]
fn dpop_proofs_are_good_once_and_for_their_request() -> Result<()> {
    let (home, folder) = (home()?, home()?);
    let gateway = start(home.path(), folder.path(), &[])?;
    for (alg, key, other) in [
        ("ES256", Signer::p256()?, Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[4; 32]))),
        ("EdDSA", Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[5; 32])), Signer::p256()?),
    ] {
        let members: std::collections::BTreeMap<String, Value> = serde_json::from_value(key.jwk())?;
        let thumbprint = b64(Sha256::digest(serde_json::to_string(&members)?));
        let token = Token::coder().claim("cnf", json!({"jkt": thumbprint})).sign(gateway.key(Algorithm::Es256)?);
        let proof = |key: &Signer, alg: &str, name: &str| {
            let claims = json!({
                "jti": format!("{alg}-{name}"), "htm": "GET", "htu": format!("https://{REPOS}{}", path(name)), "iat": now(),
                "ath": b64(Sha256::digest(&token)),
            });
            key.jws(&json!({"typ": "dpop+jwt", "alg": alg, "jwk": key.jwk()}), &claims)
        };
        let ask =
            |name: &str, proof: &str| read(name).header("authorization", format!("DPoP {token}")).header("dpop", proof);
        let name = |what: &str| format!("dpop-{alg}-{what}");

        let good = proof(&key, alg, &name("good"))?;
        assert_allowed(&gateway, &ask(&name("good"), &good))?;
        let answer = gateway.send(&ask(&name("good"), &good))?;
        ensure!(answer.status == 401, "a proof was good twice: {answer:?}");
        ensure!(gateway.access_line(&answer)?.text("reason") == Some("dpop.replayed"), "{answer:?}");
        ensure!(
            answer.header("www-authenticate").is_some_and(|text| text.starts_with("DPoP error=\"invalid_dpop_proof\""))
        );

        let elsewhere = proof(&key, alg, &name("elsewhere"))?;
        assert_denied(&gateway, &ask(&name("target"), &elsewhere), 401, "dpop.htu")?;
        let stolen = proof(&other, if alg == "ES256" { "EdDSA" } else { "ES256" }, &name("stolen"))?;
        assert_denied(&gateway, &ask(&name("stolen"), &stolen), 401, "dpop.key_mismatch")?;
        assert_denied(&gateway, &read(&name("bearer")).bearer(&token), 401, "proof.sent_as_bearer")?;
    }

    let metadata = gateway.send(&Request::new("GET", REPOS, "/.well-known/oauth-protected-resource"))?;
    ensure!(metadata.status == 200, "{metadata:?}");
    ensure!(metadata.json()?["resource"] == json!(format!("https://{REPOS}")), "{metadata:?}");
    ensure!(metadata.json()?["authorization_servers"] == json!([quickstart::ISSUER]), "{metadata:?}");
    let bare = gateway.send(&read("dpop-nobody"))?;
    ensure!(
        bare.status == 401 && bare.header("www-authenticate").is_none(),
        "two challenges, in two headers: {bare:?}"
    );
    Ok(())
}
