//! The keys of workloads, and the proofs that they make for the requests of cases.

use palisade_gateway::token::Algorithm;
use serde_json::{Map, Value, json};
use toml::Spanned;

use super::file::{CaseProof, CaseRequest};
use crate::keys::{Algorithm as KeyAlgorithm, PrivateKey};
use crate::project::ProjectFile;
use crate::section::workload_target;
use crate::token::{mint, workload};

/// A workload's key, and one that is not its own. Both are made for this run.
pub(super) struct Workloads {
    own: PrivateKey,
    other: PrivateKey,
}

impl Workloads {
    /// Makes keys for the first algorithm that the project lets proofs have.
    pub(super) fn new(project: &ProjectFile) -> Result<Self, String> {
        let table = project.workload_proof.as_ref().map(Spanned::as_ref);
        let names = table.and_then(|table| table.algorithms.as_ref()).into_iter().flat_map(Spanned::as_ref);
        let can_mint = |algorithm: &Algorithm| KeyAlgorithm::of_token(*algorithm).is_some();
        let algorithm = names.filter_map(|name| Algorithm::from_name(name.as_ref())).find(can_mint);
        // The library that signs knows Ed25519 by its older name only.
        let algorithm = match algorithm {
            Some(Algorithm::Ed25519) => Algorithm::EdDsa,
            Some(algorithm) => algorithm,
            None => Algorithm::Es256,
        };
        let key = || PrivateKey::generate_for(algorithm).map_err(|error| error.to_string());
        Ok(Self { own: key()?, other: key()? })
    }

    /// `cnf` of a workload's token.
    pub(super) fn confirmation(&self) -> Result<Value, String> {
        workload::confirmation(&self.own).map_err(|error| error.to_string())
    }

    /// The proof that goes with a token in a request, if the case has one.
    pub(super) fn prove(
        &self,
        wish: Option<&CaseProof>,
        token: &str,
        request: &CaseRequest,
        project: &ProjectFile,
        now_seconds: u64,
    ) -> Result<Option<String>, String> {
        let wish = wish.cloned().unwrap_or_default();
        let CaseProof { absent, stolen, claims: overrides, header: header_overrides, exp } = wish;
        if absent {
            return Ok(None);
        }
        let now = i64::try_from(now_seconds).map_err(|error| error.to_string())?;
        let mut claims = workload::proof_claims(token).map_err(|error| error.to_string())?;
        claims.insert("aud".to_owned(), json!(workload_target(project, &request.host, &request.path)));
        claims.insert("exp".to_owned(), json!(now.saturating_add(exp.unwrap_or(60))));
        cover(&mut claims, request, project);
        claims.extend(overrides);
        claims.retain(|_, value| !value.is_null());
        let mut header = workload::proof_header();
        header.apply(&header_overrides).map_err(|error| error.to_string())?;
        let key = if stolen { &self.other } else { &self.own };
        mint(key, &header, claims).map(Some).map_err(|error| error.to_string())
    }
}

/// Lets a proof cover what the request has besides: an access token, a transaction token, and headers that need it.
fn cover(claims: &mut Map<String, Value>, request: &CaseRequest, project: &ProjectFile) {
    let value = |wanted: &str| {
        request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
    };
    if let Some((_, token)) = value("authorization").and_then(|value| value.split_once(' ')) {
        claims.insert("ath".to_owned(), workload::hash(token.trim().as_bytes()).into());
    }
    if let Some(token) = value("txn-token") {
        claims.insert("tth".to_owned(), workload::hash(token.as_bytes()).into());
    }
    let table = project.workload_proof.as_ref().map(Spanned::as_ref);
    let covered = table.into_iter().flat_map(|table| &table.covered_headers).map(Spanned::as_ref);
    let others: Map<String, Value> =
        covered.filter_map(|name| Some((name.clone(), workload::hash(value(name)?.as_bytes()).into()))).collect();
    if !others.is_empty() {
        claims.insert("oth".to_owned(), Value::Object(others));
    }
}
