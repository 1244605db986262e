//! `palisade token verify` and the filter say the same of a token, in the same words.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::cli::Palisade;
use palisade_tests::gateway::{Gateway, Options};
use palisade_tests::key::{Algorithm, TokenKey};
use palisade_tests::quickstart::{AUDIENCE, ISSUER};
use palisade_tests::token::{self, Token, now};
use palisade_tests::tools::Tools;
use serde_json::{Value, json};

use crate::fixture::{home, read};
use crate::mesh::{self, WORKLOAD};

/// What the command says of a token that it accepts.
const ACCEPTED: &str = "token.accepted";

/// Beside the quickstart's issuer and the trust domain, an issuer of each other kind.
const ISSUERS: [(&str, &str, &str, &str); 5] = [
    ("oauth", "oauth", "https://oauth.example", r#"["ES256"]"#),
    ("oidc", "oidc", "https://oidc.example", r#"["ES256"]"#),
    ("cluster", "kubernetes", "https://cluster.example", r#"["ES256"]"#),
    ("ci", "github-actions", "https://token.actions.githubusercontent.com", r#"["RS256"]"#),
    ("named", "spiffe-jwt-svid", "https://spire.example", r#"["ES256"]"#),
];

/// A token, and why it is refused, or [`ACCEPTED`].
type Row = (&'static str, String);

/// The keys that sign, and one of whose id the issuers have two.
struct Keys<'a> {
    workshop: &'a Workshop,
    second: TokenKey,
}

#[test]
fn the_command_and_the_filter_give_the_same_reasons() -> Result<()> {
    let folder = home()?;
    let mut second = None;
    let gateway = Gateway::start_with(folder.path(), Options::default(), |workshop, wasm| {
        let (key, jwk) = workshop.rotated_key("second")?;
        second = Some(key);
        let project = folder.path().join("agreement.project");
        write_project(&project, workshop, &jwk)?;
        let bundle = workshop.bundle_of(&project, Some(&workshop.key_set(Recipe::GOOD.issuer)), Recipe::GOOD)?;
        Ok((workshop.filter(&bundle, wasm)?, bundle))
    })?;
    let configuration = folder.path().join("gateway.json");
    fs::write(&configuration, gateway.filter.configuration()?.to_string())?;
    let keys = Keys { workshop: &gateway.workshop, second: second.context("no second key")? };

    let mut rows = keys.forms()?;
    rows.extend(keys.headers()?);
    rows.extend(keys.claims()?);
    rows.extend(keys.kinds()?);
    let mut differences = Vec::new();
    for (number, (expected, token)) in rows.iter().enumerate() {
        let filter = asked(&gateway, token)?;
        let command = verified(&configuration, &folder.path().join("token"), token)?;
        if (filter.as_str(), command.as_str()) != (expected, expected) {
            differences
                .push(format!("{number}: filter {filter}, command {command}, expected {expected}: {token:.200}"));
        }
    }
    ensure!(differences.is_empty(), "{differences:#?}");
    Ok(())
}

#[test]
fn only_the_filter_asks_for_the_proof_of_a_bound_token() -> Result<()> {
    let folder = home()?;
    let gateway = Gateway::start(folder.path(), Options::default())?;
    let configuration = folder.path().join("gateway.json");
    fs::write(&configuration, gateway.filter.configuration()?.to_string())?;
    let thumbprint = "A".repeat(43);
    for (member, filter) in [("jkt", "proof.sent_as_bearer"), ("x5t#S256", "proof.certificate_missing")] {
        let token = Token::coder().claim("cnf", json!({ member: thumbprint })).sign(gateway.key(Algorithm::Es256)?);
        assert_eq!(asked(&gateway, &token)?, filter);
        assert_eq!(verified(&configuration, &folder.path().join("token"), &token)?, ACCEPTED);
    }
    Ok(())
}

/// The filter's reason; [`ACCEPTED`] where the policies decided.
fn asked(gateway: &Gateway, token: &str) -> Result<String> {
    let answer = gateway.send(&read("agreement").bearer(token))?;
    let line = gateway.access_line(&answer)?;
    let reason = line.text("reason").context("no reason")?;
    Ok(if reason.starts_with("policy.") { ACCEPTED } else { reason }.to_owned())
}

/// The command's reason, and that its exit code says the same.
fn verified(configuration: &Path, file: &Path, token: &str) -> Result<String> {
    fs::write(file, token)?;
    let output = Palisade::new(&Tools::from_env()?.cli).run([
        "token".as_ref(),
        "verify".as_ref(),
        file.as_os_str(),
        "--gateway-config".as_ref(),
        configuration.as_os_str(),
        "--format".as_ref(),
        "json".as_ref(),
    ])?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .with_context(|| format!("no report: {}", String::from_utf8_lossy(&output.stderr)))?;
    let reason = report["reason"].as_str().context("no reason")?;
    ensure!(report["accepted"] == (reason == ACCEPTED), "{report}");
    ensure!(output.status.code() == Some(if reason == ACCEPTED { 0 } else { 2 }), "{}: {report}", output.status);
    Ok(reason.to_owned())
}

fn write_project(project: &Path, workshop: &Workshop, second: &Value) -> Result<()> {
    let mut settings = "jwks = \"build/svid.jwks.json\"\n".to_owned();
    mesh::project(project, &settings)?;
    settings.clear();
    for (alias, profile, issuer, algorithms) in ISSUERS {
        let (domain, file) =
            if alias == "named" { ("trust_domain = \"named.example\"\n", "svid") } else { ("", "issuer") };
        settings.push_str(&format!(
            "\n[[issuers]]\nalias = \"{alias}\"\nprofile = \"{profile}\"\n{domain}issuer = \"{issuer}\"\naudiences = [\"{AUDIENCE}\"]\n\
             algorithms = {algorithms}\njwks = \"build/{file}.jwks.json\"\nmax_token_lifetime = \"15m\"\n\
             [issuers.principal]\ntype = \"Workload\"\nid = \"sub\"\n"
        ));
    }
    let file = project.join("palisade.toml");
    fs::write(&file, format!("{}{settings}", fs::read_to_string(&file)?))?;

    let set: Value = serde_json::from_slice(&fs::read(workshop.key_set(Recipe::GOOD.issuer))?)?;
    let mut keys = set["keys"].as_array().cloned().context("no keys")?;
    keys.push(second.clone());
    let svids: Vec<Value> = keys.iter().filter(|key| key["kty"] == "EC").cloned().map(mesh::for_svids).collect();
    fs::create_dir_all(project.join("build"))?;
    fs::write(project.join("build/issuer.jwks.json"), json!({ "keys": keys }).to_string())?;
    Ok(fs::write(project.join("build/svid.jwks.json"), json!({ "keys": svids }).to_string())?)
}

impl Keys<'_> {
    fn key(&self, algorithm: Algorithm) -> Result<&TokenKey> {
        self.workshop.token_key(algorithm).context("the workshop lacks a key")
    }

    fn signed(&self, token: &Token) -> Result<String> {
        Ok(token.sign(self.key(Algorithm::Es256)?))
    }

    /// Signed as it is, whatever the header says.
    fn raw(&self, header: &str, claims: &str) -> Result<String> {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.key(Algorithm::Es256)?.sign(message.as_bytes());
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// What is no token, or a broken one.
    fn forms(&self) -> Result<Vec<Row>> {
        let good = self.signed(&Token::coder())?;
        let claims = Token::coder().claims().to_string();
        let other = self.signed(&Token::coder().claim("autonomous", false))?;
        Ok(vec![
            (ACCEPTED, good.clone()),
            ("credential.malformed", format!("{good}=")),
            ("credential.malformed", "{}".to_owned()),
            ("token.too_large", self.signed(&Token::coder().claim("padding", "x".repeat(9000)))?),
            ("token.header_too_large", self.signed(&Token::coder().header("padding", "x".repeat(5000)))?),
            ("token.parts", "a.b".to_owned()),
            ("token.encrypted", format!("{good}.AAAA.AAAA")),
            ("token.base64", "a.b.c".to_owned()),
            ("token.json", "W10.W10.W10".to_owned()),
            ("token.duplicate_member", self.raw(r#"{"alg":"ES256","kid":"dev-es256","alg":"ES256"}"#, &claims)?),
            ("token.duplicate_member", self.raw(r#"{"alg":"ES256","kid":"dev-es256"}"#, r#"{"iss":"a","iss":"a"}"#)?),
            ("token.signature", token::with_broken_signature(&good)),
            ("token.signature", token::with_replaced_claims(&good, &other)),
        ])
    }

    /// What the header says.
    fn headers(&self) -> Result<Vec<Row>> {
        let with = |name: &str, value: Value| self.signed(&Token::coder().header(name, value));
        let claims = Token::coder().claim("iss", "https://oidc.example").claims().to_string();
        Ok(vec![
            (ACCEPTED, Token::coder().sign(self.key(Algorithm::Rs256)?)),
            (ACCEPTED, Token::coder().sign(self.key(Algorithm::EdDsa)?)),
            (ACCEPTED, with("typ", json!("JWT"))?),
            (ACCEPTED, with("typ", json!("at+jwt"))?),
            ("token.typ", with("typ", json!("dpop+jwt"))?),
            ("token.typ", with("typ", json!(7))?),
            ("token.typ", with("cty", json!("JWT"))?),
            ("token.crit", with("crit", json!(["exp"]))?),
            ("token.header_forbidden", with("jku", json!("https://elsewhere.example"))?),
            ("token.header_forbidden", with("jwk", json!({}))?),
            ("token.parts", Token::coder().unsigned("none")),
            ("token.alg_not_allowed", with("alg", json!("none"))?),
            ("token.alg_not_allowed", with("alg", json!("HS256"))?),
            ("token.alg_not_allowed", with("alg", json!("ES384"))?),
            ("token.key_mismatch", with("alg", json!("RS256"))?),
            ("token.key_mismatch", with("kid", json!("dev-eddsa"))?),
            ("token.kid_invalid", with("kid", json!(7))?),
            ("token.kid_invalid", with("kid", json!("x".repeat(1000)))?),
            ("token.kid_unknown", with("kid", json!("dev-es257"))?),
            ("token.key_ambiguous", self.raw(r#"{"alg":"ES256"}"#, &claims)?),
            (ACCEPTED, Token::coder().claim("iss", "https://oidc.example").sign(&self.second)),
        ])
    }

    /// What the claims say that every kind has.
    fn claims(&self) -> Result<Vec<Row>> {
        let with = |name: &str, value: Value| self.signed(&Token::coder().claim(name, value));
        let without = |name: &str| self.signed(&Token::coder().without(name));
        let past = Token::coder().claim("iat", now() - 400).claim("exp", now() - 100);
        Ok(vec![
            ("token.issuer_missing", without("iss")?),
            ("token.issuer_unknown", with("iss", json!(format!("{ISSUER}/")))?),
            ("token.claim_type", with("iss", json!([ISSUER]))?),
            ("token.claim_type", with("exp", json!("tomorrow"))?),
            ("token.claim_type", with("sub", json!(7))?),
            ("token.exp_missing", without("exp")?),
            ("token.expired", self.signed(&past)?),
            ("token.not_yet_valid", with("nbf", json!(now() + 200))?),
            ("token.issued_in_future", with("iat", json!(now() + 200))?),
            ("token.issued_at_missing", without("iat")?),
            ("token.lifetime", with("exp", json!(now() + 3600))?),
            ("token.audience_missing", without("aud")?),
            ("token.audience", with("aud", json!("https://other.example"))?),
            ("token.audience", with("aud", json!([]))?),
            ("token.audience_multiple", with("aud", json!([AUDIENCE, "https://other.example"]))?),
            ("token.kind", with("events", json!({}))?),
            ("token.cnf", with("cnf", json!("jkt"))?),
            ("token.cnf", with("cnf", json!({"jkt": "short"}))?),
            ("token.cnf_unknown", with("cnf", json!({"kid": "a"}))?),
            ("token.authorization_details", with("authorization_details", json!("all"))?),
            ("identity.id_missing", without("sub")?),
            ("identity.id_invalid", with("sub", json!(""))?),
            ("identity.attribute_missing", without("autonomous")?),
            ("identity.attribute_type", with("autonomous", json!("yes"))?),
            ("identity.attribute_type", with("task", json!({"id": 1}))?),
            ("identity.parents", with("teams", json!([7]))?),
            ("delegation.unexpected", with("act", json!({"sub": "somebody"}))?),
        ])
    }

    /// What one kind of token must look like.
    fn kinds(&self) -> Result<Vec<Row>> {
        let of = |issuer: &str, claims: Value| {
            Token::new(claims.as_object().cloned().unwrap_or_default()).claim("iss", issuer)
        };
        let oauth =
            of("https://oauth.example", json!({"sub": "a", "client_id": "b", "jti": "c"})).header("typ", "at+jwt");
        let oidc = of("https://oidc.example", json!({"sub": "a"}));
        let account = json!({"namespace": "prod", "serviceaccount": {"name": "web", "uid": "1"}});
        let cluster =
            of("https://cluster.example", json!({"sub": "system:serviceaccount:prod:web", "kubernetes.io": account}));
        let ci = of(
            "https://token.actions.githubusercontent.com",
            json!({"sub": "repo:acme/web:ref:refs/heads/main", "repository_id": "1", "repository_owner_id": "2"}),
        )
        .header("typ", "JWT");
        let mesh = of("", json!({ "sub": WORKLOAD })).without("iss");
        let named = of("https://spire.example", json!({"sub": "spiffe://named.example/web"}));
        let es = |token: &Token| self.signed(token);
        let rs = |token: &Token| Ok::<_, anyhow::Error>(token.sign(self.key(Algorithm::Rs256)?));
        Ok(vec![
            (ACCEPTED, es(&oauth)?),
            ("token.typ", es(&oauth.clone().header("typ", "JWT"))?),
            ("token.sub_missing", es(&oauth.clone().without("sub"))?),
            ("token.client_id_missing", es(&oauth.clone().without("client_id"))?),
            ("token.jti_missing", es(&oauth.clone().without("jti"))?),
            ("token.issued_at_missing", es(&oauth.without("iat").claim("nbf", now() - 10))?),
            (ACCEPTED, es(&oidc)?),
            ("token.sub_missing", es(&oidc.clone().without("sub"))?),
            ("token.typ", es(&oidc.header("typ", "at+jwt"))?),
            (ACCEPTED, es(&cluster)?),
            ("token.kubernetes_binding", es(&cluster.clone().without("kubernetes.io"))?),
            ("token.kubernetes_subject", es(&cluster.clone().claim("sub", "system:serviceaccount:prod:root"))?),
            ("token.kubernetes_legacy", es(&cluster.claim("kubernetes.io/serviceaccount/namespace", "prod"))?),
            (ACCEPTED, rs(&ci)?),
            ("token.github_claim_missing", rs(&ci.clone().without("repository_id"))?),
            ("token.alg_not_allowed", es(&ci.clone())?),
            ("token.typ", rs(&ci.header("typ", "at+jwt"))?),
            (ACCEPTED, es(&mesh)?),
            ("token.header_member", es(&mesh.clone().header("extra", 1))?),
            ("token.issuer_unknown", es(&mesh.claim("sub", "spiffe://unknown.example/web"))?),
            (ACCEPTED, es(&named)?),
            ("token.spiffe_id", es(&named.clone().claim("sub", "named.example/web"))?),
            ("token.trust_domain", es(&named.claim("sub", WORKLOAD))?),
        ])
    }
}
