//! `palisade token mint`: signs development tokens.

use std::path::{Path, PathBuf};

use clap::Args;
use palisade_gateway::token::Algorithm;
use serde_json::{Map, Value, json};

use crate::command::console::Console;
use crate::command::{Exit, Failure, clock, files};
use crate::keys::PrivateKey;
use crate::token::{Header, mint, workload};

/// Sign a token with a development key. Never for production: there, an identity provider issues tokens.
///
/// Claims from --claims come last and replace the ones that the options set; null removes one. `alg` is one that
/// the key is for.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Private key in PEM form
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Algorithm, where the key has several: RS256 to RS512 or PS256 to PS512 for RSA. Default: RS256
    #[arg(long, value_name = "ALG", value_parser = algorithm)]
    alg: Option<Algorithm>,
    /// Key id for the header
    #[arg(long, value_name = "ID", required_unless_present = "proof_for")]
    kid: Option<String>,
    /// Bind the token to this private key: a workload identity token (draft-ietf-wimse-workload-creds-03)
    #[arg(long, value_name = "FILE")]
    workload_key: Option<PathBuf>,
    /// Prove that the workload identity token in this file is the key's: a workload proof token (draft-ietf-wimse-wpt-02). Its
    /// audience is the URL of the request
    #[arg(long, value_name = "FILE", conflicts_with = "workload_key")]
    proof_for: Option<PathBuf>,
    /// The `iss` claim
    #[arg(long)]
    issuer: Option<String>,
    /// The `aud` claim; several give a list
    #[arg(long)]
    audience: Vec<String>,
    /// The `sub` claim
    #[arg(long)]
    subject: Option<String>,
    /// More claims: a JSON object, or @FILE
    #[arg(long, value_name = "JSON|@FILE")]
    claims: Option<String>,
    /// Time until `exp`, such as 5m; a leading `-` lies in the past
    #[arg(long, value_name = "DURATION", default_value = "5m", allow_hyphen_values = true, value_parser = offset)]
    expires_in: i64,
    /// Time from now to `iat`
    #[arg(long, value_name = "DURATION", default_value = "0s", allow_hyphen_values = true, value_parser = offset)]
    issued_in: i64,
    /// Time from now to `nbf`; absent by default
    #[arg(long, value_name = "DURATION", allow_hyphen_values = true, value_parser = offset)]
    not_before_in: Option<i64>,
    /// Header fields to set or, with null, to remove: kid, typ, cty
    #[arg(long, value_name = "JSON")]
    header: Option<String>,
}

fn algorithm(text: &str) -> Result<Algorithm, String> {
    Algorithm::from_name(text).ok_or_else(|| "not an algorithm".to_owned())
}

fn offset(text: &str) -> Result<i64, String> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let seconds = crate::project::parse_duration(rest).map_err(|error| error.to_string())?;
    let seconds = i64::try_from(seconds).map_err(|_| "too long a duration".to_owned())?;
    Ok(sign * seconds)
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments {
        key,
        alg,
        kid,
        workload_key,
        proof_for,
        issuer,
        audience,
        subject,
        claims,
        expires_in,
        issued_in,
        not_before_in,
        header,
    } = arguments;
    let key = PrivateKey::from_pem(&files::read_secret(key)?)?;
    let key = match alg {
        Some(algorithm) => key.for_tokens(*algorithm)?,
        None => key,
    };
    let now = i64::try_from(clock::now()?).map_err(|error| Failure::new("clock", error))?;

    let mut all = Map::new();
    if let Some(file) = workload_key {
        let key = PrivateKey::from_pem(&files::read_secret(file)?)?;
        all.insert("cnf".to_owned(), workload::confirmation(&key)?);
    }
    if let Some(file) = proof_for {
        let token = String::from_utf8(super::read(file)?).map_err(|error| Failure::file("token.text", file, error))?;
        all.extend(workload::proof_claims(&token)?);
    }
    let texts = [("iss", issuer), ("sub", subject)];
    all.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
    match audience.as_slice() {
        [] => {}
        [one] => drop(all.insert("aud".to_owned(), json!(one))),
        many => drop(all.insert("aud".to_owned(), json!(many))),
    }
    // A proof says until when it is good, and that is all.
    let issued_in = proof_for.is_none().then_some(*issued_in);
    let times = [("iat", issued_in), ("nbf", *not_before_in), ("exp", Some(*expires_in))];
    all.extend(
        times.into_iter().filter_map(|(name, offset)| Some((name.to_owned(), json!(now.saturating_add(offset?))))),
    );
    if let Some(claims) = claims {
        let text = match claims.strip_prefix('@') {
            Some(path) => files::read_text(Path::new(path))?,
            None => claims.clone(),
        };
        all.extend(object("token.claims", "--claims", &text)?);
    }
    all.retain(|_, value| !value.is_null());

    let mut fields = match (kid, workload_key, proof_for) {
        (_, _, Some(_)) => Header { kid: kid.clone(), ..workload::proof_header() },
        (Some(kid), Some(_), None) => workload::token_header(kid),
        (_, _, None) => Header { kid: kid.clone(), ..Header::default() },
    };
    if let Some(header) = header {
        fields.apply(&object("token.header", "--header", header)?)?;
    }
    console.line(&mint(&key, &fields, all)?)?;
    Ok(Exit::Success)
}

fn object(code: &'static str, option: &str, text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::new(code, format!("{option} is not a JSON object: {error}")))
}
