//! `palisade doctor`: looks at a running gateway from outside.

mod certificate;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use palisade_gateway::bundle::{Container, Digest};
use serde_json::json;
use ureq::Agent;
use ureq::http::{Method, Request, Uri};
use ureq::tls::TlsConfig;

use super::console::Console;
use super::{Exit, Failure, Format, clock, files, web};
use crate::bundle::check_whole;
use crate::doctor::{self, Check, Observation, Verdict, Wanted};

/// Look at a running gateway from outside: whether the filter is there, fails closed, and decides by the right bundle.
///
/// URL is one that the gateway must protect. Exit code 3 when a check fails, 1 when nobody answers.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// A URL that needs a token
    url: String,
    /// Method of the requests
    #[arg(long, default_value = "GET")]
    method: String,
    /// Value of the `Host` header. Default: the URL's
    #[arg(long, value_name = "NAME")]
    host: Option<String>,
    /// Path at which the gateway says which bundle decides
    #[arg(long, value_name = "PATH", default_value = "/.well-known/palisade/status")]
    status_path: String,
    /// The version that must decide
    #[arg(long, value_name = "N")]
    expect_version: Option<u64>,
    /// The bundle that must decide
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// What answers at URL echoes the headers of its requests: see whether `x-palisade-…` of clients are removed. Needs
    /// --bearer-env
    #[arg(long, requires = "bearer_env")]
    echo: bool,
    /// Environment variable with a token that may pass at URL, for --echo
    #[arg(long, value_name = "VARIABLE", requires = "echo")]
    bearer_env: Option<String>,
    /// Authorities in PEM form that the gateway is checked by. Default: the public ones
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// How long the gateway may take for one answer.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How much of an answer is read, in bytes.
const BODY_BYTES: u64 = 256 * 1024;

/// A gateway and how to ask it.
struct Gateway<'a> {
    agent: Agent,
    url: &'a str,
    method: Method,
    host: Option<&'a str>,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { url, method, host, status_path, expect_version, bundle, echo: _, bearer_env, ca, format } =
        arguments;
    let uri: Uri = url.parse().map_err(|error| Failure::new("doctor.url", format!("`{url}`: {error}")))?;
    let name = uri.host().unwrap_or_default();
    let is_tls = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        Some(_) | None => return Err(Failure::new("doctor.url", format!("`{url}` is neither http nor https"))),
    };
    let bearer = match bearer_env {
        None => None,
        Some(_) if !is_tls && !web::is_loopback(name) => {
            return Err(Failure::new("doctor.url", "a token goes over TLS or to a loopback address only"));
        }
        Some(variable) => {
            let token = std::env::var(variable);
            Some(token.map_err(|error| Failure::new("doctor.bearer", format!("`{variable}`: {error}")))?)
        }
    };
    let wanted = Wanted { version: *expect_version, digest: bundle.as_deref().map(digest).transpose()? };
    let mut checks = Vec::new();
    if is_tls {
        let port = uri.port_u16().unwrap_or(443);
        checks.extend(certificate::checks(name, port, ca.as_deref())?);
    }
    // A certificate that does not hold is found; what is behind it can be looked at all the same, without a token.
    let is_valid = checks.iter().all(|check| check.verdict != Verdict::Failed);
    let roots = web::roots(ca.as_deref(), "doctor.ca")?;
    let tls = TlsConfig::builder().root_certs(roots).disable_verification(!is_valid).build();
    let config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(tls);
    let config = if web::is_loopback(name) { config.proxy(None) } else { config };
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| Failure::new("doctor.method", error))?;
    let gateway = Gateway { agent: Agent::new_with_config(config.build()), url, method, host: host.as_deref() };

    checks.extend(gateway.refusals()?);
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let status_url = format!("{}://{authority}{status_path}", if is_tls { "https" } else { "http" });
    let status = gateway.ask(&Method::GET, &status_url, &[])?;
    checks.extend(doctor::bundle(doctor::status(&status), &wanted, clock::now()?));
    checks.push(match bearer {
        Some(token) if is_valid => gateway.echo(&token)?,
        Some(_) => Check::skipped("doctor.stripped", "no token goes to a server whose certificate does not hold"),
        None => Check::skipped("doctor.stripped", "give it --echo and a token"),
    });
    report(url, &checks, *format, console)
}

impl Gateway<'_> {
    /// What must not pass, and what the refusals tell.
    fn refusals(&self) -> Result<Vec<Check>, Failure> {
        let first = self.ask(&self.method, self.url, &[])?;
        let second = self.ask(&self.method, self.url, &[])?;
        let mut refused = Vec::new();
        for (name, header, value) in bad_credentials() {
            refused.push((name, self.ask(&self.method, self.url, &[(header, &value)])?));
        }
        Ok(vec![
            doctor::filter(&first),
            doctor::fails_closed(&refused),
            doctor::deciding(&first),
            doctor::uncached(&first, &second),
            doctor::clock(&second),
        ])
    }

    /// Whether headers in which a client speaks for the filter reach the upstream.
    fn echo(&self, token: &str) -> Result<Check, Failure> {
        let (control, forged) = (nonce()?, nonce()?);
        let bearer = format!("Bearer {token}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("x-doctor", control.as_str()),
            ("x-palisade-principal", forged.as_str()),
            ("x-palisade-actor", forged.as_str()),
            ("x-palisade-decision-id", forged.as_str()),
            ("X-Palisade-Doctor", forged.as_str()),
        ];
        let answer = self.ask(&self.method, self.url, &headers)?;
        Ok(doctor::stripped(&answer, &control, &forged))
    }

    fn ask(&self, method: &Method, url: &str, headers: &[(&str, &str)]) -> Result<Observation, Failure> {
        let unreachable =
            |error: &dyn std::fmt::Display| Failure::new("doctor.unreachable", format!("`{url}`: {error}"));
        let mut request = Request::builder().method(method).uri(url).header("user-agent", "palisade-doctor");
        if let Some(host) = self.host {
            request = request.header("host", host);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let sent_millis = now_millis();
        let answer = match *method {
            Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS => {
                self.agent.run(request.body(()).map_err(|error| unreachable(&error))?)
            }
            _ => self.agent.run(request.body(b"".as_slice()).map_err(|error| unreachable(&error))?),
        };
        let mut answer = answer.map_err(|error| unreachable(&error))?;
        let answered_millis = now_millis();
        let field = |name: &str| {
            let mut fields = answer.headers().get_all(name).into_iter();
            let first = fields.next()?.to_str().ok()?.to_owned();
            fields.next().is_none().then_some(first)
        };
        let decision_id = field("x-palisade-decision-id");
        let date = field("date").and_then(|date| date_seconds(&date));
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        // What came before a connection broke is judged as it is.
        let _ = answer.body_mut().as_reader().take(BODY_BYTES).read_to_end(&mut body);
        Ok(Observation { status, decision_id, date, body, sent_millis, answered_millis })
    }
}

/// What is no credential, and whatever the policies are must be refused.
fn bad_credentials() -> Vec<(&'static str, &'static str, String)> {
    let unsigned = {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"https://doctor.invalid","sub":"doctor","exp":4102444800}"#);
        format!("Bearer {header}.{claims}.")
    };
    let forged = {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","kid":"doctor"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"iss":"https://doctor.invalid","sub":"doctor","exp":4102444800}"#);
        format!("Bearer {header}.{claims}.{}", URL_SAFE_NO_PAD.encode([1_u8; 64]))
    };
    vec![
        ("garbage for a token", "authorization", "Bearer garbage".to_owned()),
        ("an empty token", "authorization", "Bearer ".to_owned()),
        ("an unsigned token", "authorization", unsigned),
        ("a token of nobody", "authorization", forged),
        ("a password", "authorization", "Basic ZG9jdG9yOmRvY3Rvcg==".to_owned()),
        ("a header that claims to be the filter's", "x-palisade-principal", "Agent::\"doctor\"".to_owned()),
    ]
}

/// The digest of a bundle's manifest, as gateways report it.
fn digest(bundle: &Path) -> Result<String, Failure> {
    let bytes = files::read(bundle)?;
    let container = Container::read(&bytes)?;
    check_whole(&container)?;
    Ok(format!("sha256:{}", Digest::of(container.unverified_manifest())))
}

fn report(url: &str, checks: &[Check], format: Format, console: &mut Console) -> Result<Exit, Failure> {
    let failed = checks.iter().any(|check| check.verdict == Verdict::Failed);
    match format {
        Format::Json => {
            let checks: Vec<_> = checks
                .iter()
                .map(|Check { code, verdict, detail }| json!({"code": code, "result": verdict.as_str(), "detail": detail}))
                .collect();
            console.json(&json!({"schema": "palisade.doctor/v1", "url": url, "healthy": !failed, "checks": checks}))?;
        }
        Format::Pretty => {
            for Check { code, verdict, detail } in checks {
                console.line(&format!("{:<8} {code:<20} {detail}", verdict.as_str()))?;
            }
        }
    }
    Ok(if failed { Exit::Findings } else { Exit::Success })
}

fn now_millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// `Date` as HTTP writes it (RFC 9110 §5.6.7).
fn date_seconds(text: &str) -> Option<u64> {
    let moment = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    u64::try_from(moment.as_second()).ok()
}

/// A text that nobody else has.
fn nonce() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::new("doctor.random", error))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
