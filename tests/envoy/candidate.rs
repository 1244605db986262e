//! A candidate is asked about every request beside the bundle that decides, and decides none.

use std::fs;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::Recipe;
use palisade_tests::gateway::Options;
use palisade_tests::http1::Request;
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::quickstart::REPOS;
use palisade_tests::{tools, wait};
use serde_json::Value;

use crate::field::{Field, TARGET};
use crate::fixture::{good_token, read};

const CANDIDATE: &str = "/quickstart.candidate.palisade";
const TOTAL: &str = "wasmcustom.palisade_candidate_total.result.";
/// Most records of differences that a worker writes in a second.
const SAMPLES: usize = 5;

/// What the candidate changes: nobody reads the handbook, and every agent deletes repositories.
const FIRST_POLICY: &str = "@id(\"read-repositories\")";
const CHANGED: &str = "@id(\"handbook-closed\")\nforbid (principal is Agent, action == Action::\"read\", resource == Repository::\"handbook\");\n\n@id(\"agents-delete\")\npermit (principal is Agent, action == Action::\"delete\", resource is Repository);\n\n@id(\"read-repositories\")";

struct Stage {
    field: Field,
    server: KeyServer,
    token: String,
}

impl Stage {
    /// Version 1 decides. One worker: what it counts and logs is all there is.
    fn start() -> Result<Self> {
        let server = KeyServer::start(Answer::absent())?;
        let field = Field::start_with(server.address(), Options::default(), |_| Ok(vec!["--candidate".to_owned()]))?;
        server.put(TARGET, field.document(1)?);
        field.await_version(1)?;
        let token = good_token(&field.gateway)?;
        Ok(Self { field, server, token })
    }

    fn propose(&self, version: u64) -> Result<()> {
        let name = format!("candidate-{version}");
        let recipe = Recipe { name: &name, version, ..Recipe::GOOD };
        let edit = ("policies/repositories.cedar", FIRST_POLICY, CHANGED);
        let bundle = fs::read(self.field.gateway.workshop.edited_bundle(edit, recipe)?)?;
        self.server.put(CANDIDATE, Answer::Tagged(bundle, format!("\"candidate-{version}\"")));
        Ok(())
    }

    /// Sends a request, which version 1 answers so; says what was counted.
    fn count(&self, request: &Request, status: u16, result: &str) -> Result<u64> {
        let before = self.stat(result)?;
        let answer = self.field.gateway.send(request)?;
        ensure!(answer.status == status, "the candidate has a say: {answer:?}");
        let record = self.field.gateway.access_line(&answer)?.record.context("no record")?;
        ensure!(record["bundle"]["version"] == 1, "another bundle decides: {record}");
        Ok(self.stat(result)? - before)
    }

    fn stat(&self, result: &str) -> Result<u64> {
        self.field.gateway.envoy.stat(&format!("{TOTAL}{result}"))
    }

    fn by_policy(&self, policy: &str, result: &str) -> Result<u64> {
        let name = format!("wasmcustom.palisade_candidate_policy_total.policy.{policy}.result.{result}");
        self.field.gateway.envoy.stat(&name)
    }

    /// Both let it through.
    fn same(&self) -> Request {
        Request::new("GET", REPOS, "/repos/checkout/files/same").bearer(&self.token)
    }

    /// The candidate refuses it.
    fn closed(&self) -> Request {
        read("candidate").bearer(&self.token)
    }

    /// The candidate lets it through.
    fn opened(&self) -> Request {
        Request::new("DELETE", REPOS, "/repos/checkout").bearer(&self.token)
    }

    fn rollout(&self) -> Result<(Option<i32>, Value)> {
        let admin = format!("http://{}", self.field.gateway.envoy.admin());
        let mut command = Command::new(tools::file("PALISADE_CLI")?);
        let output = command.args(["rollout", "status", "--format", "json", "--admin", &admin]).output()?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        let mut report: Value = serde_json::from_slice(&output.stdout).with_context(|| complaint.into_owned())?;
        Ok((output.status.code(), report["gateways"][0].take()))
    }

    /// The sampled records in Envoy's log: what the candidate says of each.
    fn samples(&self) -> Result<Vec<Value>> {
        let log = self.field.gateway.envoy.log()?;
        let lines = log.lines().filter(|line| line.contains("\"candidate\":{"));
        lines
            .map(|line| Ok(serde_json::from_str(line.get(line.find('{').unwrap_or(0)..).unwrap_or_default())?))
            .collect()
    }
}

#[test]
fn differences_are_counted_by_policy_and_sampled_and_change_nothing() -> Result<()> {
    let stage = Stage::start()?;
    ensure!(stage.count(&stage.same(), 200, "same")? == 0, "there is no candidate yet");
    let (code, report) = stage.rollout()?;
    ensure!(code == Some(3) && report["decisions"] == 0, "all clear before anything was asked: {report}");

    stage.propose(2)?;
    wait::until("the candidate to be asked", || Ok((stage.count(&stage.same(), 200, "same")? == 1).then_some(())))?;
    let (code, report) = stage.rollout()?;
    ensure!((code, &report["differing"]) == (Some(0), &0.into()), "{report}");

    for _ in 0..10 {
        ensure!(stage.count(&stage.same(), 200, "same")? == 1);
        ensure!(stage.count(&stage.opened(), 403, "deny_to_allow")? == 1);
    }
    // Many at once: all are counted, and a few are written down.
    let (begin, many) = (Instant::now(), 200);
    let (counted, sampled) = (stage.stat("allow_to_deny")?, stage.samples()?.len());
    for _ in 0..many {
        ensure!(stage.field.gateway.send(&stage.closed())?.status == 200, "the candidate has a say");
    }
    ensure!(stage.stat("allow_to_deny")? - counted == many, "not all were counted");
    let seconds = usize::try_from(begin.elapsed().as_secs())? + 2;
    let samples = stage.samples()?;
    ensure!(samples.len() - sampled >= 1, "none is written down");
    ensure!(samples.len() - sampled <= SAMPLES * seconds, "{} samples in {seconds} s", samples.len() - sampled);
    for sample in &samples {
        let candidate = &sample["candidate"];
        ensure!(candidate["version"] == 2 && sample["bundle"]["version"] == 1, "{sample}");
        let (contrast, policy) = match sample["effect"].as_str() {
            Some("allow") => ("allow_to_deny", "handbook-closed"),
            _ => ("deny_to_allow", "agents-delete"),
        };
        ensure!(candidate["contrast"] == contrast && candidate["policies"][0] == policy, "{sample}");
    }
    ensure!(stage.by_policy("handbook-closed", "allow_to_deny")? == many);
    ensure!(stage.by_policy("agents-delete", "deny_to_allow")? == 10);

    let (code, report) = stage.rollout()?;
    ensure!(code == Some(3), "{report}");
    ensure!(report["version"] == 1 && report["differing"] == many + 10, "{report}");
    let policies = report["policies"].as_array().context("no policies")?;
    for (policy, result, decisions) in
        [("handbook-closed", "allow_to_deny", many), ("agents-delete", "deny_to_allow", 10)]
    {
        let told = policies.iter().find(|told| told["policy"] == policy).context("a policy is missing")?;
        ensure!(told["result"] == result && told["decisions"] == decisions, "{told}");
    }
    Ok(())
}

#[test]
fn a_candidate_is_replaced_refused_and_withdrawn_without_a_word_from_the_one_that_decides() -> Result<()> {
    let stage = Stage::start()?;
    stage.propose(5)?;
    let asked = || Ok((stage.count(&stage.closed(), 200, "allow_to_deny")? == 1).then_some(()));
    wait::until("the candidate to be asked", asked)?;

    // What is no bundle leaves the candidate that there is.
    let refused = |code: &str| {
        stage.field.gateway.envoy.stat(&format!("wasmcustom.palisade_candidate_events_total.result.{code}"))
    };
    let before = refused("bundle.magic")?;
    stage.server.put(CANDIDATE, Answer::Tagged(vec![0xa5; 4096], "\"garbage\"".to_owned()));
    wait::until("the garbage to be refused", || Ok((refused("bundle.magic")? > before).then_some(())))?;
    ensure!(stage.count(&stage.closed(), 200, "allow_to_deny")? == 1, "the candidate is gone");

    // An older one may follow: it leaves no mark. A plain copy of what decides differs in nothing.
    let plain = stage.field.bundle(3)?;
    stage.server.put(CANDIDATE, Answer::Tagged(plain, "\"plain\"".to_owned()));
    wait::until("the older candidate", || Ok((stage.count(&stage.closed(), 200, "same")? == 1).then_some(())))?;
    ensure!(stage.count(&stage.closed(), 200, "allow_to_deny")? == 0);

    stage.server.put(CANDIDATE, Answer::absent());
    wait::until("the candidate to be gone", || Ok((stage.count(&stage.same(), 200, "same")? == 0).then_some(())))?;
    for request in [stage.same(), stage.closed()] {
        for result in ["same", "allow_to_deny", "unknown"] {
            ensure!(stage.count(&request, 200, result)? == 0, "somebody is still asked");
        }
    }
    // It may come again, and decide in the end.
    stage.propose(6)?;
    wait::until("the candidate to be asked again", asked)?;
    let recipe = Recipe { name: "promoted", version: 6, ..Recipe::GOOD };
    let edit = ("policies/repositories.cedar", FIRST_POLICY, CHANGED);
    let promoted = fs::read(stage.field.gateway.workshop.edited_bundle(edit, recipe)?)?;
    stage.server.put(TARGET, Answer::Tagged(promoted, "\"promoted\"".to_owned()));
    wait::until("the candidate to decide", || {
        Ok((stage.field.gateway.send(&stage.closed())?.status == 403).then_some(()))
    })
}
