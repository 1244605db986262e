//! `palisade token inspect`: shows what a token says.

use std::path::PathBuf;

use clap::Args;
use palisade_gateway::UnverifiedToken;
use serde_json::json;

use crate::command::console::Console;
use crate::command::{Exit, Failure};

/// Show the header and the claims of a token. Nothing is verified: anybody can write them.
///
/// Exits with 2, and says why, when a gateway would refuse the token for its form alone.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// File with the token; `-` is standard input
    #[arg(default_value = "-")]
    token: PathBuf,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { token } = arguments;
    match UnverifiedToken::read(&super::read(token)?) {
        Ok(UnverifiedToken { header, claims, signature_bytes }) => {
            console.json(&json!({
                "schema": "palisade.token.inspect/v1",
                "verified": false,
                "header": header,
                "claims": claims,
                "signature_bytes": signature_bytes,
            }))?;
            Ok(Exit::Success)
        }
        Err(refusal) => {
            let reason = refusal.disposition().reason;
            console.json(&json!({"schema": "palisade.token.inspect/v1", "verified": false, "reason": reason}))?;
            Ok(Exit::Deny)
        }
    }
}
