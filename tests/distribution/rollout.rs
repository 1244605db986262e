//! `palisade rollout status` and an admin interface that counts as Envoy does.

use std::process::{Command, Output};

use anyhow::Result;
use palisade_tests::answering::Answering;
use palisade_tests::{process, tools};
use serde_json::Value;

const SAME: &str = "wasmcustom.palisade_bundle_version: 7\nwasmcustom.palisade_candidate_total.result.same: 5\n";
const DIFFERING: &str = "wasmcustom.palisade_candidate_policy_total.policy.front-door.result.allow_to_deny: 2\n\
     wasmcustom.palisade_candidate_total.result.allow_to_deny: 2\n";

fn admin(status: u16, text: &str) -> Result<(Answering, String)> {
    let text = text.to_owned();
    let server = Answering::start(move |asked| match asked.target.as_str() {
        "/stats?filter=wasmcustom.palisade_" => (status, Vec::new(), text.clone().into_bytes()),
        _ => (404, Vec::new(), Vec::new()),
    })?;
    let url = format!("http://{}", server.address);
    Ok((server, url))
}

fn rollout(admins: &[&str]) -> Result<Output> {
    let mut command = Command::new(tools::file("PALISADE_CLI")?);
    command.args(["rollout", "status", "--format", "json"]);
    for admin in admins {
        command.args(["--admin", admin]);
    }
    Ok(command.output()?)
}

#[test]
fn differences_are_findings() -> Result<()> {
    let (_same, same) = admin(200, SAME)?;
    let (_differing, differing) = admin(200, &format!("{SAME}{DIFFERING}"))?;
    let (_none, none) = admin(200, "wasmcustom.palisade_bundle_version: 7\n")?;
    for (admins, code) in [
        (vec![&same], 0),
        (vec![&differing], 3),
        (vec![&same, &differing], 3),
        (vec![&same, &none], 3),
        (vec![&none], 3),
    ] {
        let admins: Vec<&str> = admins.into_iter().map(String::as_str).collect();
        let output = rollout(&admins)?;
        assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let report: Value = serde_json::from_slice(&rollout(&[&differing])?.stdout)?;
    let gateway = &report["gateways"][0];
    assert_eq!((&gateway["decisions"], &gateway["differing"], &gateway["version"]), (&7.into(), &2.into(), &7.into()));
    assert_eq!(
        (&gateway["policies"][0]["policy"], &gateway["policies"][0]["decisions"]),
        (&"front-door".into(), &2.into())
    );
    Ok(())
}

#[test]
fn no_answer_is_no_all_clear() -> Result<()> {
    let (_same, same) = admin(200, SAME)?;
    let (_failing, failing) = admin(500, SAME)?;
    let nobody = format!("http://{}", process::free_address()?);
    for admins in [[&same, &failing], [&same, &nobody]] {
        let output = rollout(&admins.map(String::as_str))?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{complaint}");
        assert!(complaint.contains("error[rollout.admin]"), "{complaint}");
    }
    Ok(())
}
