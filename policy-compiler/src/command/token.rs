//! `palisade token`: mints, reads and verifies tokens.

mod inspect;
mod mint;
mod verify;

use std::path::Path;

use clap::{Args, Subcommand};

use super::console::Console;
use super::{Exit, Failure, files};

/// Mint development tokens; read and verify any.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Inspect(inspect::Arguments),
    Verify(verify::Arguments),
    Mint(mint::Arguments),
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Inspect(arguments) => inspect::run(arguments, console),
        Command::Verify(arguments) => verify::run(arguments, console),
        Command::Mint(arguments) => mint::run(arguments, console),
    }
}

/// A token from a file, without the white space around it. Tokens are secrets, so they are never arguments.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(files::read(path)?.trim_ascii().to_vec())
}
