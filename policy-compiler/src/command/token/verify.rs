//! `palisade token verify`: what a gateway makes of a token.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use palisade_gateway::bundle::ActiveBundle;
use palisade_gateway::{
    BesideToken, Gateway, HeaderBuffer, NativeHost, StatusListError, TokenReport, TokenStatus, TokenStatusReport,
    WorkloadProof,
};
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
    /// File with the proof beside a workload identity token, which is then verified as well
    #[arg(long, value_name = "FILE", requires = "url")]
    proof: Option<PathBuf>,
    /// The request that the proof is for
    #[arg(long, value_name = "URL", requires = "proof", value_parser = target)]
    url: Option<Target>,
    /// A header of that request which the proof covers, as `name: value`; repeatable
    #[arg(long, value_name = "HEADER", requires = "proof", value_parser = header)]
    header: Vec<(String, String)>,
    /// File with the status list that the token names, as its issuer publishes it; the token is looked up there
    #[arg(long, value_name = "FILE")]
    status_list: Option<PathBuf>,
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

/// Where a request goes.
#[derive(Clone, Debug)]
struct Target {
    authority: String,
    /// Without query and fragment.
    path: String,
}

fn target(text: &str) -> Result<Target, String> {
    let (_, rest) = text.split_once("://").ok_or("not an absolute URL")?;
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let rest = rest.get(..end).unwrap_or_default();
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Ok(Target { authority: authority.to_owned(), path: path.to_owned() })
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("not `name: value`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { token, proof, url, header, status_list, project, jwks, gateway_config, at, format } = arguments;
    let now = match at {
        Some(at) => *at,
        None => clock::now()?,
    };
    let mut host = NativeHost::at(now);
    let token = super::read(token)?;
    let proof = proof.as_ref().map(|path| super::read(path)).transpose()?;
    let status_list = status_list.as_ref().map(|path| super::read(path)).transpose()?;
    let headers = HeaderBuffer::from_pairs(header.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let proof = proof.as_deref().zip(url.as_ref()).map(|(proof, Target { authority, path })| {
        let (authority, path, headers) = (authority.as_bytes(), path.as_bytes(), headers.as_map());
        WorkloadProof { proof, authority, path, headers }
    });
    let beside = BesideToken { proof, status_list: status_list.as_deref() };
    let verify = |bundle: &ActiveBundle, host: &mut NativeHost| bundle.verify_token(&token, &beside, host);
    let result = match (gateway_config, project) {
        (Some(path), _) => {
            let gateway = Gateway::configure(&files::read(path)?, &mut host)
                .map_err(|error| Failure::new(error.code(), error))?;
            let bundle = gateway.bundle().ok_or_else(|| Failure::new("bundle.missing", "no bundle decides"))?;
            verify(bundle, &mut host)
        }
        (None, Some(path)) => match of_project(path, jwks, now, console)? {
            Some(bundle) => verify(&bundle, &mut host),
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
    let TokenReport {
        refusal,
        issuer,
        profile,
        kid,
        algorithm,
        principal,
        actors,
        binding,
        key_thumbprint,
        accepted,
        attribute,
        status,
    } = report;
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
        "key_thumbprint": key_thumbprint.map(|thumbprint| URL_SAFE_NO_PAD.encode(thumbprint)),
        "accepted_from": accepted.map(|(from, _)| seconds(from)),
        "accepted_until": accepted.map(|(_, until)| seconds(until)),
        "status_list": status.as_ref().map(|status| json!({
            "uri": status.uri,
            "idx": status.index,
            "status": status.status.map(TokenStatus::name),
            "value": status.status.map(TokenStatus::value),
            "error": status.error.map(StatusListError::code),
        })),
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
        "key_thumbprint",
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
    let mut lines: Vec<String> = shown.iter().filter_map(line).collect();
    lines.extend(report.status.as_ref().map(|status| format!("{:<15}{}", "status", status_text(status))));
    lines
}

fn status_text(report: &TokenStatusReport) -> String {
    let TokenStatusReport { uri, index, status, error } = report;
    let what = match (status, error) {
        (_, Some(error)) => error.to_string(),
        (Some(status), None) => format!("{} ({})", status.name(), status.value()),
        (None, None) => "not looked up".to_owned(),
    };
    format!("{what}, at {index} of {uri}")
}
