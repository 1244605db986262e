//! Proofs of possession in Envoy's VM, with keys that the module verifies itself, and what clients are told before they have
//! any: challenges, and the metadata of the protected resource (RFC 9728).

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::http1::Request;
use palisade_tests::key::{Algorithm, TokenKey};
use palisade_tests::quickstart::{self, REPOS};
use palisade_tests::token::{Token, now};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixture::{assert_allowed, assert_denied, home, path, read};

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A client's key.
pub(crate) enum Signer {
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Signer {
    fn p256() -> Result<Self> {
        Ok(Self::P256(p256::ecdsa::SigningKey::from_slice(&[7; 32])?))
    }

    pub(crate) fn ed25519(seed: u8) -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]))
    }

    const fn alg(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    fn jwk(&self) -> Value {
        match self {
            Self::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y)})
            }
            Self::Ed25519(key) => json!({"kty": "OKP", "crv": "Ed25519", "x": b64(key.verifying_key().to_bytes())}),
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::Signer as _;
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// A token that is bound to this key.
    pub(crate) fn token(&self, issuer: &TokenKey) -> Result<String> {
        let members: std::collections::BTreeMap<String, Value> = serde_json::from_value(self.jwk())?;
        let thumbprint = b64(Sha256::digest(serde_json::to_string(&members)?));
        Ok(Token::coder().claim("cnf", json!({"jkt": thumbprint})).sign(issuer))
    }

    /// The request [`read`] with a token and a proof of this key.
    pub(crate) fn ask(&self, name: &str, token: &str, jti: &str, nonce: Option<&str>) -> Request {
        let mut claims = json!({
            "jti": jti, "htm": "GET", "htu": format!("https://{REPOS}{}", path(name)), "iat": now(),
            "ath": b64(Sha256::digest(token)),
        });
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        read(name).header("authorization", format!("DPoP {token}")).header("dpop", self.proof(&claims))
    }

    fn proof(&self, claims: &Value) -> String {
        let header = json!({"typ": "dpop+jwt", "alg": self.alg(), "jwk": self.jwk()});
        let input = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        format!("{input}.{}", b64(self.sign(input.as_bytes())))
    }
}

/// The quickstart with DPoP and a protected resource.
pub(crate) fn start(home: &Path, options: Options<'_>) -> Result<Gateway> {
    Gateway::start_with(home, options, |workshop, wasm| {
        let bundle = bundle(home, workshop, Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })
}

/// Its bundle, by way of a folder in `home`.
pub(crate) fn bundle(home: &Path, workshop: &Workshop, recipe: Recipe<'_>) -> Result<PathBuf> {
    let tables = format!("[[resources]]\nurl = \"https://{REPOS}\"\nscopes = [\"read\"]\n\n[dpop]\n\n[[routes]]");
    let project = home.join(format!("project-{}", recipe.name));
    quickstart::changed(&project, |project| project.replacen("[[routes]]", &tables, 1))?;
    let jwks = workshop.key_set(Recipe::GOOD.issuer);
    workshop.bundle_of(&project, Some(&jwks), recipe)
}

#[test]
fn dpop_proofs_are_good_once_and_for_their_request() -> Result<()> {
    let home = home()?;
    let gateway = start(home.path(), Options::default())?;
    for (key, other) in [(Signer::p256()?, Signer::ed25519(4)), (Signer::ed25519(5), Signer::p256()?)] {
        let alg = key.alg();
        let token = key.token(gateway.key(Algorithm::Es256)?)?;
        let proof = |key: &Signer, name: &str| {
            key.proof(&json!({
                "jti": format!("{alg}-{name}"), "htm": "GET", "htu": format!("https://{REPOS}{}", path(name)), "iat": now(),
                "ath": b64(Sha256::digest(&token)),
            }))
        };
        let ask =
            |name: &str, proof: &str| read(name).header("authorization", format!("DPoP {token}")).header("dpop", proof);
        let name = |what: &str| format!("dpop-{alg}-{what}");

        let good = proof(&key, &name("good"));
        assert_allowed(&gateway, &ask(&name("good"), &good))?;
        let answer = gateway.send(&ask(&name("good"), &good))?;
        ensure!(answer.status == 401, "a proof was good twice: {answer:?}");
        ensure!(gateway.access_line(&answer)?.text("reason") == Some("dpop.replayed"), "{answer:?}");
        ensure!(
            answer.header("www-authenticate").is_some_and(|text| text.starts_with("DPoP error=\"invalid_dpop_proof\""))
        );

        let elsewhere = proof(&key, &name("elsewhere"));
        assert_denied(&gateway, &ask(&name("target"), &elsewhere), 401, "dpop.htu")?;
        let stolen = proof(&other, &name("stolen"));
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
