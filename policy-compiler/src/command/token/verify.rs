//! `palisade token verify`: what a gateway makes of a token.

use std::path::PathBuf;

use clap::Args;
use palisade_gateway::bundle::ActiveBundle;
use palisade_gateway::{Gateway, NativeHost, TokenReport};
use serde_json::{Value, json};

use crate::build::{BuildOptions, MissingKeySets, build, open};
use crate::command::console::Console;
use crate::command::project::{alias_and_file, load};
use crate::command::{Exit, Failure, Format, clock, files, report};
use crate::diagnostic::Findings;
use crate::source::Sources;

/// Verify a token as a gateway does, by the gateway's own code, and say what it makes of it.
///
/// Exits with 2 when the token is refused; the reason codes are those of decision records. A token that is bound to a key
/// is accepted here, and needs a proof with each request there.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// File with the token; `-` is standard input
    #[arg(default_value = "-")]
    token: PathBuf,
    /// Project whose issuers count: its folder, or its palisade.toml
    #[arg(long, value_name = "PATH", required_unless_present = "gateway_config")]
    project: Option<PathBuf>,
    /// Key set of an issuer of the project, in place of the one that the project names; repeatable
    #[arg(long, value_name = "ALIAS=FILE", value_parser = alias_and_file, requires = "project")]
    jwks: Vec<(String, PathBuf)>,
    /// Configuration of a gateway, whose bundle's issuers count
    #[arg(long, value_name = "FILE", conflicts_with = "project")]
    gateway_config: Option<PathBuf>,
    /// Time to verify at, RFC 3339 or Unix seconds. Default: now
    #[arg(long, value_name = "TIME", value_parser = clock::parse)]
    at: Option<u64>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { token, project, jwks, gateway_config, at, format } = arguments;
    let now = match at {
        Some(at) => *at,
        None => clock::now()?,
    };
    let mut host = NativeHost::at(now);
    let token = super::read(token)?;
    let result = match (gateway_config, project) {
        (Some(path), _) => {
            let gateway = Gateway::configure(&files::read(path)?, &mut host)
                .map_err(|error| Failure::new(error.code(), error))?;
            gateway.bundle().verify_token(&token, &mut host)
        }
        (None, Some(path)) => match of_project(path, jwks, now, console)? {
            Some(bundle) => bundle.verify_token(&token, &mut host),
            None => return Ok(Exit::Findings),
        },
        (None, None) => return Err(Failure::new("usage", "give --project or --gateway-config")),
    };
    match format {
        Format::Json => console.json(&document(&result))?,
        Format::Pretty => lines(&result).iter().try_for_each(|line| console.line(line))?,
    }
    Ok(if result.refusal.is_none() { Exit::Success } else { Exit::Deny })
}

fn of_project(
    path: &std::path::Path,
    jwks: &[(String, PathBuf)],
    now: u64,
    console: &Console,
) -> Result<Option<ActiveBundle>, Failure> {
    let (mut findings, mut sources) = (Findings::default(), Sources::default());
    let loaded = load(path, jwks, &mut findings, &mut sources)?;
    let options = BuildOptions { version: None, created: now, missing_key_sets: MissingKeySets::Refuse };
    let built = loaded.and_then(|loaded| build(&loaded.sources, &options, &mut findings));
    report::print(console, &sources, &findings);
    Ok(match built {
        Some(built) => Some(open(&built.bytes, now)?),
        None => None,
    })
}

/// The reason code; `token.accepted` is no reason of the gateway's, for it does not ask about tokens alone.
fn reason(report: &TokenReport) -> &'static str {
    report.refusal.map_or("token.accepted", |refusal| refusal.disposition().reason)
}

fn seconds(millis: u64) -> Value {
    json!(millis / 1000)
}

fn document(report: &TokenReport) -> Value {
    let TokenReport { refusal, issuer, profile, kid, algorithm, principal, actors, binding, accepted, attribute } =
        report;
    json!({
        "schema": "palisade.token.verify/v1",
        "accepted": refusal.is_none(),
        "reason": reason(report),
        "attribute": attribute,
        "issuer": issuer,
        "profile": profile,
        "kid": kid,
        "alg": algorithm.map(|algorithm| algorithm.name()),
        "principal": principal,
        "actors": actors,
        "binding": binding,
        "accepted_from": accepted.map(|(from, _)| seconds(from)),
        "accepted_until": accepted.map(|(_, until)| seconds(until)),
    })
}

fn lines(report: &TokenReport) -> Vec<String> {
    let Value::Object(members) = document(report) else { return Vec::new() };
    let shown = [
        "reason",
        "attribute",
        "issuer",
        "profile",
        "kid",
        "alg",
        "principal",
        "actors",
        "binding",
        "accepted_from",
        "accepted_until",
    ];
    let line = |name: &&str| {
        let text = match members.get(*name)? {
            Value::Null => return None,
            Value::String(text) => text.clone(),
            Value::Array(list) if list.is_empty() => return None,
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", "),
            other => other.to_string(),
        };
        Some(format!("{name:<15}{text}"))
    };
    shown.iter().filter_map(line).collect()
}
