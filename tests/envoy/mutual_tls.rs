//! Tokens that are bound to a client certificate (RFC 8705), over mutual TLS. Envoy lets every certificate through to the filter
//! here, as `trust_chain_verification: ACCEPT_UNTRUSTED` does; the filter has to tell the good from the forged.

use std::fs;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::Gateway;
use palisade_tests::key::Algorithm;
use palisade_tests::tls::{self, Authority, Certificate};
use palisade_tests::token::Token;
use serde_json::{Value, json};

use crate::fixture::{assert_denial, home, path, read};
use crate::mesh;

/// A token that is bound to a certificate.
fn bound(gateway: &Gateway, certificate: &Certificate) -> Result<String> {
    let digest = URL_SAFE_NO_PAD.encode(certificate.sha256()?);
    Ok(Token::coder().claim("cnf", json!({"x5t#S256": digest})).sign(gateway.key(Algorithm::Es256)?))
}

#[test]
fn a_bound_token_is_good_with_its_validated_certificate_only() -> Result<()> {
    let (certificates, folder) = (home()?, home()?);
    let authority = Authority::new(certificates.path())?;
    let good = authority.issue("good", "/O=Acme/CN=coder-7", 1)?;
    let other = authority.issue("other", "/O=Acme/CN=coder-8", 1)?;
    let expired = authority.issue("expired", "/O=Acme/CN=coder-7", -1)?;
    let forged = authority.self_signed("forged", "/O=Acme/CN=coder-7")?;
    let gateway = Gateway::start_tls(folder.path(), &authority.transport_socket())?;
    let ask = |name: &str, token: &str, certificate: Option<&Certificate>| {
        tls::send(gateway.envoy.address(), certificate, &read(name).bearer(token))
    };

    let token = bound(&gateway, &good)?;
    let answer = ask("mtls-good", &token, Some(&good))?;
    ensure!(answer.status == 200, "{answer:?}");
    ensure!(gateway.upstream.received(&path("mtls-good")).len() == 1, "it should have reached the upstream");

    // The token is known to be good by now; stolen, it is worth nothing.
    let answer = ask("mtls-none", &token, None)?;
    assert_denial(&gateway, &answer, 401, "proof.certificate_missing")?;
    let answer = ask("mtls-other", &token, Some(&other))?;
    assert_denial(&gateway, &answer, 401, "proof.certificate_mismatch")?;

    // Certificates that were presented and not validated count as none, even for the token that names them.
    for (name, certificate) in [("mtls-forged", &forged), ("mtls-expired", &expired)] {
        let answer = ask(name, &bound(&gateway, certificate)?, Some(certificate))?;
        assert_denial(&gateway, &answer, 401, "proof.certificate_missing")?;
    }

    // What is bound to nothing needs no certificate.
    let bearer = Token::coder().sign(gateway.key(Algorithm::Es256)?);
    let answer = ask("mtls-bearer", &bearer, None)?;
    ensure!(answer.status == 200, "{answer:?}");
    Ok(())
}

#[test]
fn an_x509_svid_names_its_workload() -> Result<()> {
    let (certificates, impostors, folder, project) = (home()?, home()?, home()?, home()?);
    let authority = Authority::new(certificates.path())?;
    let svid = |name: &str, uris: &str, days| {
        let extensions =
            format!("subjectAltName={uris}\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n");
        authority.issue_with(name, "/O=Acme", days, &extensions)
    };
    let good = svid("good", "URI:spiffe://example.org/ns/prod/sa/web", 1)?;
    let two = svid("two", "URI:spiffe://example.org/ns/prod/sa/web,URI:spiffe://example.org/admin", 1)?;
    let foreign = svid("foreign", "URI:spiffe://other.org/ns/prod/sa/web", 1)?;
    let expired = svid("expired", "URI:spiffe://example.org/ns/prod/sa/web", -1)?;
    let plain = authority.issue("plain", "/O=Acme", 1)?;
    // The URI of a workload that is trusted, in certificates that nobody, or an authority of the same name, vouches for.
    let forgery = ["subjectAltName=URI:spiffe://example.org/ns/prod/sa/web"];
    let forged = authority.self_signed_with("forged", "/O=Acme", &forgery)?;
    let impostor = Authority::new(impostors.path())?.issue_with("impostor", "/O=Acme", 1, forgery[0])?;

    let gateway = Gateway::start_tls_with(folder.path(), &authority.transport_socket(), |workshop, wasm| {
        let project = project.path().join("project");
        mesh::project(&project, "jwks = \"build/mesh.jwks.json\"")?;
        // The trust domain's tokens are of no interest here; its bundle has the issuer's key for them.
        let jwks = workshop.key_set(Recipe::GOOD.issuer);
        let set: Value = serde_json::from_slice(&fs::read(&jwks)?)?;
        let key = set["keys"].as_array().and_then(|keys| keys.iter().find(|key| key["kty"] == "EC"));
        let key = mesh::for_svids(key.cloned().context("the issuer has no such key")?);
        fs::create_dir_all(project.join("build"))?;
        fs::write(project.join("build/mesh.jwks.json"), json!({"keys": [key]}).to_string())?;
        let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })?;
    let ask = |name: &str, certificate: Option<&Certificate>| {
        tls::send(gateway.envoy.address(), certificate, &mesh::meet(name))
    };
    let answer = ask("svid-good", Some(&good))?;
    ensure!(answer.status == 200, "{answer:?}");
    let line = gateway.access_line(&answer)?;
    ensure!(line.text("principal") == Some("Workload::\"mesh/spiffe://example.org/ns/prod/sa/web\""), "{line:?}");

    for (name, certificate, reason) in [
        ("svid-none", None, "token.missing"),
        ("svid-expired", Some(&expired), "token.missing"),
        ("svid-forged", Some(&forged), "token.missing"),
        ("svid-impostor", Some(&impostor), "token.missing"),
        ("svid-two", Some(&two), "credential.certificate"),
        ("svid-foreign", Some(&foreign), "credential.certificate"),
        ("svid-plain", Some(&plain), "credential.certificate"),
    ] {
        assert_denial(&gateway, &ask(name, certificate)?, 401, reason)?;
    }
    Ok(())
}
