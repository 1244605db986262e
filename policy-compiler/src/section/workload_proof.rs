//! How workloads prove that a workload identity token is theirs.

use palisade_gateway::section::{BesideWorkload, TokenSlot, WorkloadProofDraft, WorkloadProofRules};
use palisade_gateway::{is_header_name, limits};
use toml::Spanned;

use super::issuers::{algorithms, bounded, profile_of};
use super::resources::{ALGORITHMS, CLOCK_SKEW_SECONDS, origins, texts};
use crate::diagnostic::Findings;
use crate::project::{IssuerTable, ProjectFile, WorkloadProofTable, at};

pub(super) fn build(file: &ProjectFile, findings: &mut Findings) -> Option<WorkloadProofRules> {
    let mut workloads = file.issuers.iter().filter(|issuer| is_for_workloads(issuer));
    let Some(table) = &file.workload_proof else {
        for issuer in workloads {
            let message = format!(
                "nothing says how workloads prove that a token of the issuer `{}` is theirs",
                issuer.alias.as_ref()
            );
            let help = format!("add `[workload_proof]` with `draft = \"{}\"`", WorkloadProofDraft::Wpt02.name());
            findings.push(at("workload_proof.missing", &issuer.alias, message).with_help(help));
        }
        return None;
    };
    if workloads.next().is_none() {
        let message = "no issuer gives out workload identity tokens, so there is nothing to prove";
        findings.push(at("workload_proof.unused", table, message));
    }
    let WorkloadProofTable {
        draft,
        origins: given,
        aliases,
        algorithms: names,
        max_lifetime,
        clock_skew,
        access_token,
        covered_headers,
        forward,
    } = table.as_ref();
    let draft = one_of(
        draft,
        WorkloadProofDraft::ALL.into_iter().map(|draft| (draft.name(), draft)),
        ("workload_proof.draft", "a draft that is implemented"),
        findings,
    );
    let origins = origins(given.as_deref(), file);
    if origins.is_empty() {
        let message = "nothing says under which origins workloads know the gateway";
        let help = "add `origins = [\"https://…\"]`, or `[[resources]]`";
        findings.push(at("workload_proof.origins", table, message).with_help(help));
    }
    let algorithms = match names {
        Some(names) => algorithms(names, findings),
        None => ALGORITHMS.to_vec(),
    };
    let lifetime = match max_lifetime {
        Some(value) => bounded(value, 1, limits::WORKLOAD_PROOF_SECONDS, findings),
        None => Some(limits::WORKLOAD_PROOF_SECONDS),
    };
    let skew = match clock_skew {
        Some(value) => bounded(value, 0, limits::CLOCK_SKEW_SECONDS, findings),
        None => Some(CLOCK_SKEW_SECONDS),
    };
    let access_token = match access_token {
        Some(value) => one_of(
            value,
            [BesideWorkload::Refuse, BesideWorkload::Pass].into_iter().map(|mode| (mode.name(), mode)),
            ("workload_proof.access_token", "what can become of an access token"),
            findings,
        ),
        None => Some(BesideWorkload::default()),
    };
    for header in covered_headers {
        if !is_header_name(header.as_ref()) {
            let message = format!("`{}` is not the name of a header in lower case", header.as_ref());
            findings.push(at("workload_proof.covered_header", header, message));
        }
    }
    Some(WorkloadProofRules {
        draft: draft?,
        origins,
        aliases: texts(aliases),
        algorithms,
        max_lifetime_seconds: lifetime?,
        clock_skew_seconds: skew?,
        access_token: access_token?,
        covered_headers: texts(covered_headers),
        forward: forward.unwrap_or(false),
    })
}

/// Whether an issuer gives out workload identity tokens.
pub(crate) fn is_for_workloads(issuer: &IssuerTable) -> bool {
    profile_of(issuer).is_some_and(|profile| profile.slot() == TokenSlot::Workload)
}

/// What a proof of a request to a host and path is for: an origin of the project, and the path.
pub(crate) fn target(file: &ProjectFile, host: &str, path: &str) -> String {
    let given = file.workload_proof.as_ref().and_then(|table| table.as_ref().origins.as_deref());
    let origins = origins(given, file);
    let is_of_host = |origin: &&String| origin.split_once("://").is_some_and(|(_, authority)| authority == host);
    let origin = origins.iter().find(is_of_host).or(origins.first()).map(String::as_str).unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    format!("{}{path}", origin.trim_end_matches('/'))
}

/// The value of a name, from those that there are.
fn one_of<T>(
    name: &Spanned<String>,
    known: impl Iterator<Item = (&'static str, T)> + Clone,
    (code, what): (&'static str, &str),
    findings: &mut Findings,
) -> Option<T> {
    let found = known.clone().find(|(known, _)| known == name.as_ref()).map(|(_, value)| value);
    if found.is_none() {
        let names: Vec<&str> = known.map(|(known, _)| known).collect();
        let message = format!("`{}` is not {what}", name.as_ref());
        findings.push(at(code, name, message).with_help(format!("it can be: {}", names.join(", "))));
    }
    found
}
