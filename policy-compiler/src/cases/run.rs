//! Runs cases through a gateway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::{
    Action, BundleSource, ClusterNames, ConfigurationFile, DpopFile, Gateway, HeaderBuffer, McpFile, NativeHost,
    OnForbidError, ReceivedBody, RequestHead, TokenCacheFile, TrustFile, Verdict, limits,
};
use serde::Serialize;
use serde_json::{Map, json};

use super::answer::{self, Delivered};
use super::file::{Case, CaseRequest, CaseToken, Expectation, Expected};
use super::keys::CaseKeys;
use super::statuses;
use super::workloads::Workloads;
use crate::bundle;
use crate::keys::{Algorithm, PrivateKey};
use crate::project::ProjectFile;
use crate::section::{is_for_workloads, status_list_uri};
use crate::token::{Header, mint, workload};

/// What came out of a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The status that the client sees; 200 when the request goes on.
    pub status: u16,
    /// Whether the request goes on.
    pub decision: Expected,
    /// The reason code.
    pub reason: String,
    /// The determining policies, sorted.
    pub policies: Vec<String>,
    /// The policies that could not be evaluated, sorted.
    pub errors: Vec<String>,
    /// The code of the JSON-RPC error that the client gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc_error: Option<i64>,
    /// The names of the items that are left of the lists in the answer, in order, where the case gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<Vec<String>>,
    /// The reason code for which the answer is refused, or the rest of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_refused: Option<String>,
}

impl Observed {
    /// Whether this is what was expected.
    #[must_use]
    pub fn meets(&self, expectation: &Expectation) -> bool {
        let Expectation { status, decision, reason, policies, rpc_error, shown, answer_refused } = expectation;
        let sorted = policies.clone().map(|mut policies| {
            policies.sort();
            policies
        });
        *decision == self.decision
            && status.is_none_or(|status| status == self.status)
            && reason.as_ref().is_none_or(|reason| *reason == self.reason)
            && rpc_error.is_none_or(|code| Some(code) == self.rpc_error)
            && sorted.is_none_or(|policies| policies == self.policies)
            && shown.as_ref().is_none_or(|shown| Some(shown) == self.shown.as_ref())
            // One that is shown whole is not refused, unless the case says so.
            && (shown.is_none() && answer_refused.is_none() || *answer_refused == self.answer_refused)
    }
}

/// The code of the JSON-RPC error in a reply.
fn rpc_error(verdict: &Verdict<'_>) -> Option<i64> {
    let Action::Reply(reply) = &verdict.action else {
        return None;
    };
    let body: serde_json::Value = serde_json::from_slice(reply.body).ok()?;
    body.pointer("/error/code")?.as_i64()
}

/// Clusters for the status lists of all issuers: nothing is fetched, and a configuration has to name some.
fn nowhere(project: &ProjectFile) -> ClusterNames {
    let mut clusters = ClusterNames::default();
    for issuer in project.issuers.iter().filter(|issuer| issuer.status_lists.is_some()) {
        clusters.insert(issuer.alias.as_ref(), "none");
    }
    clusters
}

/// A gateway with the project's bundle, at a fixed time.
pub struct Runner<'a> {
    gateway: Gateway,
    host: NativeHost,
    project: &'a ProjectFile,
    keys: &'a CaseKeys,
    workloads: Workloads,
    now_seconds: u64,
}

impl<'a> Runner<'a> {
    /// Signs an unsigned bundle with a key made for this run and configures a gateway with it.
    ///
    /// # Errors
    ///
    /// When the gateway refuses the bundle.
    pub fn new(
        unsigned_bundle: &[u8],
        project: &'a ProjectFile,
        keys: &'a CaseKeys,
        now_seconds: u64,
    ) -> Result<Self, String> {
        let key = PrivateKey::generate(Algorithm::Ed25519).map_err(|error| error.to_string())?;
        let signed = bundle::sign(unsigned_bundle, &key).map_err(|error| error.to_string())?;
        let trust = key.trust_key().map_err(|error| error.to_string())?;
        let configuration = ConfigurationFile {
            bundle: BundleSource::inline(STANDARD.encode(signed)),
            trust: TrustFile::keys(vec![trust.to_string()], 1),
            freshness: None,
            channel: Some(project.name.as_ref().clone()),
            min_version: 0,
            on_forbid_error: OnForbidError::Deny,
            decision_log: Vec::new(),
            token_cache: TokenCacheFile { max_entries: limits::TOKEN_CACHE_ENTRIES },
            dpop: DpopFile::default(),
            mcp: McpFile::default(),
            candidate: false,
            status: None,
            status_report: None,
            jwks_clusters: ClusterNames::default(),
            status_list_clusters: nowhere(project),
            revocations: None,
        };
        let configuration = serde_json::to_vec(&configuration).map_err(|error| error.to_string())?;
        let mut host = NativeHost::at(now_seconds);
        let mut gateway = Gateway::configure(&configuration, &mut host).map_err(|error| error.to_string())?;
        statuses::publish(&mut gateway, &mut host, project, keys, now_seconds)?;
        Ok(Self { gateway, host, project, keys, workloads: Workloads::new(project)?, now_seconds })
    }

    /// Runs one case.
    ///
    /// # Errors
    ///
    /// When its token cannot be minted.
    pub fn run(&mut self, case: &Case) -> Result<Observed, String> {
        let CaseRequest { method, host, path, headers, body: _ } = &case.request;
        let mut buffer = HeaderBuffer::from_pairs([
            (":method", method.as_str()),
            (":scheme", "http"),
            (":authority", host.as_str()),
            (":path", path.as_str()),
        ]);
        if let Some(token) = &case.token {
            let (signed, is_workload) = self.mint(token)?;
            if is_workload {
                buffer.push(b"workload-identity-token", signed.as_bytes());
                let proof = self.workloads.prove(
                    token.proof.as_ref(),
                    &signed,
                    &case.request,
                    self.project,
                    self.now_seconds,
                )?;
                if let Some(proof) = proof {
                    buffer.push(b"workload-proof-token", proof.as_bytes());
                }
            } else {
                buffer.push(b"authorization", format!("Bearer {signed}").as_bytes());
            }
        }
        if let Some(content_type) = case.request.content_type() {
            buffer.push(b"content-type", content_type.as_bytes());
        }
        for (name, value) in headers {
            buffer.push(name.to_ascii_lowercase().as_bytes(), value.as_bytes());
        }
        let request = RequestHead { headers: buffer.as_map() };
        let body = case.request.body();
        let verdict = match &body {
            Some(body) => self.gateway.finish(&request, ReceivedBody::Whole(body.as_bytes()), None, &mut self.host),
            None => self.gateway.decide(&request, &mut self.host),
        };
        let sorted = |names: palisade_gateway::PolicyNames<'_>| {
            let mut names: Vec<String> = names.iter().map(str::to_owned).collect();
            names.sort();
            names
        };
        let goes_on = matches!(verdict.action, Action::Forward(_));
        let delivered = case.answer.as_ref().filter(|_| goes_on);
        let delivered = delivered.map(|answer| answer::deliver(verdict.answer.clone(), answer));
        let (shown, answer_refused) =
            delivered.map_or((None, None), |Delivered { shown, refused }| (Some(shown), refused));
        Ok(Observed {
            status: verdict.status,
            decision: if verdict.outcome.is_allowed() { Expected::Allow } else { Expected::Deny },
            reason: verdict.disposition().reason.to_owned(),
            policies: sorted(verdict.policies),
            errors: sorted(verdict.errors),
            rpc_error: rpc_error(&verdict),
            shown,
            answer_refused,
        })
    }

    /// Signs a case's token, and says whether it is a workload's.
    fn mint(&self, token: &CaseToken) -> Result<(String, bool), String> {
        let CaseToken { issuer: alias, key: kid, claims, header: overrides, iat, exp, nbf, status, proof: _ } = token;
        let key = self.keys.get(alias, kid).ok_or_else(|| format!("there is no key `{kid}`"))?;
        let issuer = self.project.issuers.iter().find(|issuer| issuer.alias.as_ref() == alias);
        let issuer = issuer.ok_or_else(|| format!("there is no issuer `{alias}`"))?;

        let now = i64::try_from(self.now_seconds).map_err(|error| error.to_string())?;
        let mut all = Map::new();
        all.insert("iss".to_owned(), json!(issuer.issuer.as_ref().map(|issuer| issuer.as_ref().as_str())));
        let audience = issuer.audiences.iter().flat_map(toml::Spanned::as_ref).next();
        let audience = audience.map(|audience| audience.as_ref().as_str());
        all.insert("aud".to_owned(), json!(audience));
        all.insert("iat".to_owned(), json!(now.saturating_add(*iat)));
        all.insert("exp".to_owned(), json!(now.saturating_add(*exp)));
        all.insert("nbf".to_owned(), json!(nbf.map(|nbf| now.saturating_add(nbf))));
        let is_workload = is_for_workloads(issuer);
        if is_workload {
            all.insert("cnf".to_owned(), self.workloads.confirmation()?);
        }
        if let (Some(status), Some(uri)) = (status, status_list_uri(issuer)) {
            all.insert("status".to_owned(), status.claim(&uri));
        }
        all.extend(claims.clone());
        all.retain(|_, value| !value.is_null());

        let mut header = match is_workload {
            true => workload::token_header(kid),
            false => Header { kid: Some(kid.clone()), ..Header::default() },
        };
        header.apply(overrides).map_err(|error| error.to_string())?;
        Ok((mint(key, &header, all).map_err(|error| error.to_string())?, is_workload))
    }
}
