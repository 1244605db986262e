//! The `palisade` command. All of it is in the library's `command` module.

use std::process::ExitCode;

fn main() -> ExitCode {
    palisade_policy_compiler::command::main(std::env::args_os())
}
