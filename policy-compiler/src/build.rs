//! From a checked project to the bytes of an unsigned bundle.

use std::collections::BTreeMap;

use palisade_gateway::Json;
use palisade_gateway::bundle::{ActiveBundle, BundleError, Container, Digest, Expectation, SourceEntry, TrustSet};
use palisade_gateway::token::Algorithm as TokenAlgorithm;

use crate::bundle::{self, Draft, WriteError};
use crate::compile::{CompileError, Compiled, PolicySource, WorstCase, compile, self_check};
use crate::diagnostic::{Diagnostic, Findings};
use crate::keys::{Algorithm, PrivateKey, jwk_set, p521_placeholder};
use crate::limits::SELF_CHECK_QUESTIONS;
use crate::lint::lint;
use crate::project::{
    IssuerTable, PROJECT_FILE, Project, ProjectFile, ProjectSources, RouteTable, TRANSACTION_TOKENS, json_finding,
};
use crate::section::{self, jwk_use};

/// What a build is given besides the project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildOptions {
    /// Version on the channel. Default: `created`, which rises by itself.
    pub version: Option<u64>,
    /// When the bundle counts as built, in seconds since the Unix epoch.
    pub created: u64,
    /// What to do for an issuer whose key set is not there.
    pub missing_key_sets: MissingKeySets,
}

/// What to do for an issuer whose key set is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingKeySets {
    /// It is an error: no gateway could verify a token.
    Refuse,
    /// Use a fresh public key that nobody can sign for: enough to check the rest.
    Placeholder,
}

/// An unsigned bundle and what there is to say about it.
#[derive(Clone, Debug)]
pub struct Built {
    /// The container, without signatures.
    pub bytes: Vec<u8>,
    /// Policies that no index narrows down, by id.
    pub unindexed: Vec<String>,
    /// The most steps that one decision can take.
    pub worst_case_steps: u64,
    /// The same by action; `None` for actions that no policy names.
    pub worst_cases: Vec<WorstCase>,
    /// How many policies there are.
    pub policies: usize,
}

/// Checks a project and builds its bundle. With an error among `findings` there is no bundle.
///
/// The same project and options give the same bytes, placeholders apart.
#[must_use]
pub fn build(sources: &ProjectSources, options: &BuildOptions, findings: &mut Findings) -> Option<Built> {
    let project = load(sources, findings)?;
    assemble(&project, sources, options, findings)
}

/// Checks a project as [`build`] does, and says what else there is to say of its policies. Key sets may be missing, so
/// the bundle is not for use.
#[must_use]
pub fn check(sources: &ProjectSources, findings: &mut Findings) -> Option<Built> {
    let project = load(sources, findings)?;
    if let Err(errors) = lint(&project, findings) {
        findings.extend(errors.into_iter().map(|error| compile_finding(&project, error)));
    }
    let options = BuildOptions { version: None, created: 0, missing_key_sets: MissingKeySets::Placeholder };
    assemble(&project, sources, &options, findings)
}

fn load(sources: &ProjectSources, findings: &mut Findings) -> Option<Project> {
    match ProjectFile::parse(&sources.project) {
        Ok(file) => Project::load(file, sources, findings),
        Err(diagnostic) => {
            findings.push(*diagnostic);
            None
        }
    }
}

fn assemble(
    project: &Project,
    sources: &ProjectSources,
    options: &BuildOptions,
    findings: &mut Findings,
) -> Option<Built> {
    let key_sets = key_sets(project, options, findings);
    let gateway = section::build(project, &key_sets, findings);
    if findings.errors() > 0 {
        return None;
    }
    let compiled = compile_policies(project, findings)?;
    let gateway = match gateway.encode() {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.push(Diagnostic::error(error.kind().code(), error.to_string()));
            return None;
        }
    };
    let (count, worst_case_steps) = (compiled.policies, compiled.worst_case_steps());
    let draft = Draft {
        name: project.file.name.as_ref().clone(),
        version: options.version.unwrap_or(options.created),
        created: options.created,
        expires: options.created.saturating_add(project.lifetime_seconds),
        policies: compiled.bytes,
        policy_count: u64::try_from(count).unwrap_or(u64::MAX),
        worst_case_steps,
        gateway,
        sources: source_entries(sources),
    };
    // What a gateway refuses is not built.
    match bundle::write(&draft).and_then(|bytes| open(&bytes, options.created).map(|_| bytes)) {
        Ok(bytes) => Some(Built {
            bytes,
            unindexed: compiled.unindexed,
            worst_case_steps,
            worst_cases: compiled.worst_cases,
            policies: count,
        }),
        Err(error) => {
            findings.push(refusal(project, &error));
            None
        }
    }
}

/// What a gateway refuses, at the policy, the issuer or the route that it names if it names one.
fn refusal(project: &Project, error: &WriteError) -> Diagnostic {
    let WriteError::Bundle(BundleError::Gateway(section)) = error else {
        return Diagnostic::error(error.code(), error.to_string()).in_file(PROJECT_FILE);
    };
    let text = section.to_string();
    let code = section.kind().code();
    let message = text.strip_prefix(code).map_or(text.as_str(), |rest| rest.trim_start_matches([':', ' ']));
    let diagnostic = Diagnostic::error(code, format!("a gateway would refuse {message}"));
    let mut policies = project.policies.places();
    if let Some((_, place)) = policies.find(|(id, _)| message.contains(&format!("policy `{id}`"))) {
        return diagnostic.at(&place.file, place.mark());
    }
    let issuer = |issuer: &&IssuerTable| message.contains(&format!("issuer `{}`", issuer.alias.as_ref()));
    if let Some(issuer) = project.file.issuers.iter().find(issuer) {
        return diagnostic.at(PROJECT_FILE, issuer.alias.span());
    }
    let named = |route: &&RouteTable| message.contains(&format!("`{}`", route.path.as_ref()));
    match project.file.routes.iter().rfind(named) {
        Some(route) => diagnostic.at(PROJECT_FILE, route.path.span()),
        None => diagnostic.in_file(PROJECT_FILE),
    }
}

fn compile_policies(project: &Project, findings: &mut Findings) -> Option<Compiled> {
    let source =
        PolicySource { policies: &project.policies.set, entities: &project.entities, step_limit: project.step_limit() };
    let checked = compile(source).and_then(|compiled| {
        let agreed = self_check(&compiled, source, SELF_CHECK_QUESTIONS);
        agreed.map(|_| compiled).map_err(|error| vec![error])
    });
    match checked {
        Ok(compiled) => Some(compiled),
        Err(errors) => {
            findings.extend(errors.into_iter().map(|error| compile_finding(project, error)));
            None
        }
    }
}

/// What the compiler refuses, at its place in the project.
pub(crate) fn compile_finding(project: &Project, error: CompileError) -> Diagnostic {
    let CompileError { code, message, policy, span } = error;
    let diagnostic = Diagnostic::error(code, message);
    let place = policy.as_deref().and_then(|policy| project.policies.place(policy));
    match (place, &project.file.limits.max_steps) {
        (Some(place), _) => match span {
            Some(span) => diagnostic.at(&place.text_file, span),
            None => diagnostic.at(&place.file, place.span.clone()),
        },
        (None, Some(limit)) if code == "compile.over_budget" => diagnostic.at(PROJECT_FILE, limit.span()),
        (None, _) => diagnostic.in_file(PROJECT_FILE),
    }
}

/// The key set of each issuer, by alias. What is unreadable is a finding; what is missing is left out.
fn key_sets(project: &Project, options: &BuildOptions, findings: &mut Findings) -> BTreeMap<String, Json<'static>> {
    let mut sets = BTreeMap::new();
    let issuers = project.file.issuers.iter();
    let signers = issuers.map(|issuer| (issuer.alias.as_ref().as_str(), &issuer.algorithms, jwk_use(issuer)));
    let transactions = project.file.transaction_tokens.iter();
    let transactions = transactions.map(|table| (TRANSACTION_TOKENS, &table.algorithms, "sig"));
    for (alias, algorithms, key_use) in signers.chain(transactions) {
        let set = match (project.jwks.get(alias), options.missing_key_sets) {
            (Some(file), _) => match serde_json::from_str(&file.text) {
                Ok(set) => set,
                Err(error) => {
                    findings.push(json_finding("issuer.jwks", file, &error));
                    Json::Object(vec![("keys".into(), Json::Array(Vec::new()))])
                }
            },
            (None, MissingKeySets::Refuse) => continue,
            (None, MissingKeySets::Placeholder) => {
                let names = algorithms.as_ref().iter();
                match placeholder(names.filter_map(|name| TokenAlgorithm::from_name(name.as_ref())), key_use) {
                    Some(set) => set,
                    None => continue,
                }
            }
        };
        sets.insert(alias.to_owned(), set);
    }
    sets
}

/// A set with one public key whose private half is thrown away, of the quickest algorithm that the issuer allows.
fn placeholder(allowed: impl Iterator<Item = TokenAlgorithm>, key_use: &str) -> Option<Json<'static>> {
    let mut jwk = match allowed.min_by_key(|algorithm| cost(*algorithm)).unwrap_or(TokenAlgorithm::Es256) {
        TokenAlgorithm::EdDsa | TokenAlgorithm::Ed25519 => fresh(Algorithm::Ed25519)?,
        TokenAlgorithm::Es256 => fresh(Algorithm::Es256)?,
        TokenAlgorithm::Es384 => fresh(Algorithm::Es384)?,
        TokenAlgorithm::Es512 => p521_placeholder()?,
        TokenAlgorithm::Rs256
        | TokenAlgorithm::Rs384
        | TokenAlgorithm::Rs512
        | TokenAlgorithm::Ps256
        | TokenAlgorithm::Ps384
        | TokenAlgorithm::Ps512 => {
            let mut jwk = fresh(Algorithm::Rs256)?;
            // The key is for RS256 only by its `alg`.
            jwk.as_object_mut()?.remove("alg");
            jwk
        }
    };
    jwk.as_object_mut()?.insert("use".to_owned(), key_use.into());
    serde_json::from_value(jwk_set(vec![jwk])).ok()
}

fn fresh(algorithm: Algorithm) -> Option<serde_json::Value> {
    PrivateKey::generate(algorithm).ok()?.public_jwk("placeholder").ok()
}

/// What it costs to make a key, in ranks.
fn cost(algorithm: TokenAlgorithm) -> u8 {
    match algorithm {
        TokenAlgorithm::EdDsa | TokenAlgorithm::Ed25519 | TokenAlgorithm::Es256 => 0,
        TokenAlgorithm::Es384 | TokenAlgorithm::Es512 => 1,
        TokenAlgorithm::Rs256
        | TokenAlgorithm::Rs384
        | TokenAlgorithm::Rs512
        | TokenAlgorithm::Ps256
        | TokenAlgorithm::Ps384
        | TokenAlgorithm::Ps512 => 2,
    }
}

fn source_entries(sources: &ProjectSources) -> Vec<SourceEntry> {
    let all = sources.sources();
    let entries =
        all.iter().map(|(path, text)| SourceEntry { path: path.to_owned(), sha256: Digest::of(text.as_bytes()) });
    entries.collect()
}

/// Opens an unsigned bundle as a gateway would, signed by a key made for the purpose.
///
/// # Errors
///
/// When a gateway would refuse it, whoever had signed it.
pub fn open(bytes: &[u8], now_seconds: u64) -> Result<ActiveBundle, WriteError> {
    let key = PrivateKey::generate(Algorithm::Ed25519)?;
    let signed = bundle::sign(bytes, &key)?;
    let trust = TrustSet::new(vec![key.trust_key()?], 1).map_err(crate::keys::library)?;
    let expectation = Expectation { channel: None, min_version: 0, now_seconds };
    Ok(Container::read(&signed)?.verify(&trust)?.accept(&expectation)?.open()?)
}
