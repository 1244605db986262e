//! `palisade inspect`: shows what is in a bundle.

use std::path::PathBuf;

use clap::Args;
use palisade_engine::{CompiledPolicySet, PolicyIndex};
use palisade_gateway::bundle::{Container, Manifest, SectionName, SignerAlgorithm};
use palisade_gateway::section::GatewaySection;
use serde_json::json;

use super::console::Console;
use super::{Exit, Failure, Format, clock, files};
use crate::bundle::check_whole;

/// Show what is in a bundle. Nothing is verified but the digests; for signatures see `palisade verify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { bundle, format } = arguments;
    let bytes = files::read(bundle)?;
    let container = Container::read(&bytes)?;
    let contents = Contents::read(&container)?;
    match format {
        Format::Json => contents.print_json(&container, console)?,
        Format::Pretty => contents.print_text(&container, console)?,
    }
    Ok(Exit::Success)
}

/// The parts of a bundle, opened without trust.
struct Contents {
    manifest: Manifest,
    policies: Vec<String>,
    gateway: GatewaySection,
}

impl Contents {
    fn read(container: &Container<'_>) -> Result<Self, Failure> {
        let manifest = check_whole(container)?;
        let mut rest = container.unverified_sections();
        let mut policies = Vec::new();
        let mut gateway = GatewaySection { issuers: Vec::new(), routes: Vec::new() };
        for section in &manifest.sections {
            let size = usize::try_from(section.size).map_err(|error| Failure::new("bundle.layout", error))?;
            let (bytes, after) = rest.split_at_checked(size).unwrap_or_default();
            match section.name {
                SectionName::Policies => policies = policy_ids(bytes)?,
                SectionName::Gateway => {
                    gateway = GatewaySection::parse(bytes).map_err(|error| Failure::new("bundle.gateway", error))?;
                }
            }
            rest = after;
        }
        Ok(Self { manifest, policies, gateway })
    }

    fn print_json(&self, container: &Container<'_>, console: &mut Console) -> Result<(), Failure> {
        let signatures = container.signatures().iter();
        let signatures: Vec<_> =
            signatures.map(|entry| json!({"key_id": entry.key_id, "algorithm": algorithm(entry.algorithm)})).collect();
        console.json(&json!({
            "schema": "palisade.inspect/v1",
            "manifest": self.manifest,
            "signatures": signatures,
            "policies": self.policies,
            "gateway": self.gateway,
        }))
    }

    fn print_text(&self, container: &Container<'_>, console: &mut Console) -> Result<(), Failure> {
        let Self { manifest, policies, gateway } = self;
        console.line(&format!("{} version {} on channel {}", manifest.name, manifest.version, manifest.channel))?;
        console.line(&format!("created      {}", clock::text(manifest.created)))?;
        console.line(&format!("expires      {}", clock::text(manifest.expires)))?;
        console.line(&format!("engine       {} or later", manifest.min_engine))?;
        console.line(&format!("worst case   {} steps a decision", manifest.worst_case_steps))?;
        for section in &manifest.sections {
            let name = section.name.as_str();
            console.line(&format!("section      {name:<9}{:>9} bytes  sha256 {}", section.size, section.sha256))?;
        }
        for source in &manifest.sources {
            console.line(&format!("source       {}  sha256 {}", source.path, source.sha256))?;
        }
        for entry in container.signatures() {
            console.line(&format!("signature    {} by {}, not verified", algorithm(entry.algorithm), entry.key_id))?;
        }
        if container.signatures().is_empty() {
            console.line("signature    none")?;
        }
        for issuer in &gateway.issuers {
            let principal = &issuer.principal.entity_type;
            console.line(&format!("issuer       {} ({}) gives {principal}", issuer.alias, issuer.issuer))?;
        }
        for route in &gateway.routes {
            let host = route.host.as_deref().unwrap_or("*");
            let (methods, action) = (route.methods.join(","), &route.action);
            let action = format!("{}::\"{}\"", action.entity_type, action.id);
            console.line(&format!("route        {methods} {host}{} is {action}", route.path))?;
        }
        for policy in policies {
            console.line(&format!("policy       {policy}"))?;
        }
        Ok(())
    }
}

fn policy_ids(bytes: &[u8]) -> Result<Vec<String>, Failure> {
    let set = CompiledPolicySet::open(bytes).map_err(|error| Failure::new("bundle.policies", error))?;
    let count = u32::try_from(set.policy_count()).map_err(|error| Failure::new("bundle.policies", error))?;
    let mut ids: Vec<String> = (0..count).map(|index| set.policy_id(PolicyIndex::new(index)).to_owned()).collect();
    ids.sort();
    Ok(ids)
}

fn algorithm(algorithm: SignerAlgorithm) -> &'static str {
    match algorithm {
        SignerAlgorithm::Ed25519 => "ed25519",
        SignerAlgorithm::Es256 => "es256",
    }
}
