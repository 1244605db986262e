//! The `palisade` command: the only modules that read files, ask the clock or print.
//!
//! Data goes to standard output, diagnostics to standard error. Exit codes are those of [`Exit`].

mod build;
mod check;
mod clock;
mod console;
mod doctor;
mod eval;
mod explain;
mod failure;
mod files;
mod freshness;
mod gateway_config;
mod inspect;
mod jwks;
mod keys;
mod loose;
mod mcp_client;
mod project;
mod pull;
mod push;
mod registry;
mod report;
mod revoke;
mod rollout;
mod root;
mod schema;
mod serve;
mod sign;
mod test;
mod token;
mod verify;
mod web;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use console::Console;
use failure::Failure;

use crate::nesting;

/// How a run ends. The numbers are part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or allow.
    Success,
    /// 1: an error while running: a file, a key, a bundle.
    Error,
    /// 2: deny, or failed tests.
    Deny,
    /// 3: findings in a policy project.
    Findings,
    /// 64: wrong usage (`EX_USAGE` of sysexits.h). Not clap's 2, which means deny here.
    Usage,
}

impl Exit {
    /// The number that the process exits with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Deny => 2,
            Self::Findings => 3,
            Self::Usage => 64,
        }
    }
}

/// Compile, check, test and sign Cedar policies for gateways.
#[derive(Debug, Parser)]
#[command(name = "palisade", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 ok or allow, 1 error, 2 deny or failed tests, 3 findings, 64 usage.";

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Build(build::Arguments),
    Sign(sign::Arguments),
    Verify(verify::Arguments),
    Freshness(freshness::Arguments),
    Root(root::Arguments),
    Inspect(inspect::Arguments),
    Test(test::Arguments),
    Eval(eval::Arguments),
    Explain(explain::Arguments),
    Revoke(revoke::Arguments),
    Keys(keys::Arguments),
    Token(token::Arguments),
    Jwks(jwks::Arguments),
    GatewayConfig(Box<gateway_config::Arguments>),
    Schema(schema::Arguments),
    Serve(serve::Arguments),
    Push(push::Arguments),
    Pull(pull::Arguments),
    Doctor(doctor::Arguments),
    Rollout(rollout::Arguments),
}

/// Output for people or for tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Text for people.
    Pretty,
    /// JSON for tools, in a versioned form.
    Json,
}

/// Runs the command line and gives the exit code of the process.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let exit = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => run(arguments.command),
        Err(error) => {
            // Nothing is left to do when even the message cannot be written.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage } else { Exit::Success }
        }
    };
    ExitCode::from(exit.code())
}

/// Every command runs on a thread with a large stack: all of them may parse policies.
fn run(command: Command) -> Exit {
    let finished = nesting::with_stack(|| {
        let mut console = Console::from_environment();
        let outcome = dispatch(command, &mut console);
        console.close(outcome)
    });
    finished.unwrap_or_else(|error| Console::from_environment().close(Err(Failure::new("internal", error))))
}

fn dispatch(command: Command, console: &mut Console) -> Result<Exit, Failure> {
    match command {
        Command::Check(arguments) => check::run(&arguments, console),
        Command::Build(arguments) => build::run(&arguments, console),
        Command::Sign(arguments) => sign::run(&arguments, console),
        Command::Verify(arguments) => verify::run(&arguments, console),
        Command::Freshness(arguments) => freshness::run(&arguments, console),
        Command::Root(arguments) => root::run(&arguments, console),
        Command::Inspect(arguments) => inspect::run(&arguments, console),
        Command::Test(arguments) => test::run(&arguments, console),
        Command::Eval(arguments) => eval::run(&arguments, console),
        Command::Explain(arguments) => explain::run(&arguments, console),
        Command::Revoke(arguments) => revoke::run(&arguments, console),
        Command::Keys(arguments) => keys::run(&arguments, console),
        Command::Token(arguments) => token::run(&arguments, console),
        Command::Jwks(arguments) => jwks::run(&arguments, console),
        Command::GatewayConfig(arguments) => gateway_config::run(&arguments, console),
        Command::Schema(arguments) => schema::run(&arguments, console),
        Command::Serve(arguments) => serve::run(&arguments, console),
        Command::Push(arguments) => push::run(&arguments, console),
        Command::Pull(arguments) => pull::run(&arguments, console),
        Command::Doctor(arguments) => doctor::run(&arguments, console),
        Command::Rollout(arguments) => rollout::run(&arguments, console),
    }
}
