//! `palisade rollout`: what a candidate would change, as gateways have counted it.

use std::io::Read;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use ureq::Agent;

use super::console::Console;
use super::{Exit, Failure, Format};
use crate::rollout::Rollout;

/// See what a candidate would change before it decides.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Status(Status),
}

/// How often the candidate decided otherwise, by policy.
///
/// Counts are Envoy's, since it started. Exit code 3 when any decision differs or no candidate was asked, 1 when nobody answers.
#[derive(Debug, Args)]
struct Status {
    /// Envoy's admin interface; repeatable, for several gateways
    #[arg(long, value_name = "URL", required = true)]
    admin: Vec<String>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

/// How long an Envoy may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Most statistics that are read, in bytes: those with our names.
const STATS_BYTES: u64 = 16 * 1024 * 1024;

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { command: Command::Status(Status { admin, format }) } = arguments;
    let rollouts: Vec<(&str, Rollout)> =
        admin.iter().map(|url| Ok((url.as_str(), ask(url)?))).collect::<Result<_, Failure>>()?;
    let is_settled = rollouts.iter().all(|(_, rollout)| rollout.asked() > 0 && rollout.differing() == 0);
    match format {
        Format::Json => {
            let gateways: Vec<_> = rollouts.iter().map(|(url, rollout)| json(url, rollout)).collect();
            console.json(&json!({"schema": "palisade.rollout/v1", "same": is_settled, "gateways": gateways}))?;
        }
        Format::Pretty => {
            for (url, rollout) in &rollouts {
                print(url, rollout, console)?;
            }
        }
    }
    Ok(if is_settled { Exit::Success } else { Exit::Findings })
}

fn ask(url: &str) -> Result<Rollout, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new("rollout.admin", format!("`{url}`: {error}"));
    let config = Agent::config_builder()
        .timeout_global(Some(TIMEOUT))
        .max_redirects(0)
        .http_status_as_error(false)
        // The admin interface is on this machine or behind a tunnel to it.
        .proxy(None);
    let agent = Agent::new_with_config(config.build());
    let stats = format!("{}/stats?filter=wasmcustom.palisade_", url.trim_end_matches('/'));
    let mut answer = agent.get(&stats).call().map_err(|error| failed(&error))?;
    if answer.status() != 200 {
        return Err(failed(&format!("status {}", answer.status())));
    }
    let mut text = String::new();
    answer.body_mut().as_reader().take(STATS_BYTES).read_to_string(&mut text).map_err(|error| failed(&error))?;
    Ok(Rollout::parse(&text))
}

fn json(url: &str, rollout: &Rollout) -> serde_json::Value {
    let Rollout { version, results, policies, events } = rollout;
    let policies: Vec<_> = policies
        .iter()
        .map(|((policy, result), count)| json!({"policy": policy, "result": result, "decisions": count}))
        .collect();
    json!({
        "admin": url,
        "version": version,
        "decisions": rollout.asked(),
        "differing": rollout.differing(),
        "results": results,
        "policies": policies,
        "events": events,
    })
}

fn print(url: &str, rollout: &Rollout, console: &mut Console) -> Result<(), Failure> {
    let Rollout { version, results, policies, events } = rollout;
    let version = version.map_or_else(|| "no bundle".to_owned(), |version| format!("version {version}"));
    let (asked, differing) = (rollout.asked(), rollout.differing());
    console.line(&format!("{url}: {version} decides; of {asked} decisions, the candidate's differ in {differing}"))?;
    if asked == 0 {
        console.line("  no candidate was asked")?;
    }
    for (result, count) in results {
        console.line(&format!("  {result:<16} {count:>12}"))?;
    }
    for ((policy, result), count) in policies {
        console.line(&format!("  {result:<16} {count:>12}  {policy}"))?;
    }
    for (event, count) in events {
        console.line(&format!("  candidate {event}: {count}"))?;
    }
    Ok(())
}
