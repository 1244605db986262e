//! `palisade inspect`: shows what is in a bundle.

use std::path::PathBuf;

use clap::Args;
use palisade_engine::{CompiledPolicySet, PolicyIndex};
use palisade_gateway::bundle::{BundleError, Container, Manifest, SectionName, SignerAlgorithm};
use palisade_gateway::section::GatewaySection;
use serde_json::json;

use super::console::Console;
use super::{Exit, Failure, Format, clock, files};
use crate::bundle::check_whole;
use crate::listing;

/// Show what is in a bundle. Nothing is verified but the digests; for signatures see `palisade verify`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The bundle
    bundle: PathBuf,
    /// Show the index of the policies as well: what is looked up for each action, and which policies are always run
    #[arg(long)]
    index: bool,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { bundle, index, format } = arguments;
    let bytes = files::read(bundle)?;
    let container = Container::read(&bytes)?;
    let contents = Contents::read(&container)?;
    match format {
        Format::Json => contents.print_json(&container, *index, console)?,
        Format::Pretty => contents.print_text(&container, *index, console)?,
    }
    Ok(Exit::Success)
}

/// The parts of a bundle, opened without trust.
struct Contents {
    manifest: Manifest,
    set: CompiledPolicySet,
    policies: Vec<String>,
    gateway: GatewaySection,
}

impl Contents {
    fn read(container: &Container<'_>) -> Result<Self, Failure> {
        let manifest = check_whole(container)?;
        let section = |name: SectionName| sections(&manifest, container).find(|(found, _)| *found == name);
        let missing = |name: SectionName| BundleError::SectionMissing(name);
        let (_, policies) = section(SectionName::Policies).ok_or_else(|| missing(SectionName::Policies))?;
        let (_, gateway) = section(SectionName::Gateway).ok_or_else(|| missing(SectionName::Gateway))?;
        let set = CompiledPolicySet::open(policies).map_err(|error| Failure::new("bundle.policies", error))?;
        let gateway = GatewaySection::parse(gateway).map_err(|error| Failure::new("bundle.gateway", error))?;
        let policies = policy_ids(&set)?;
        Ok(Self { manifest, set, policies, gateway })
    }

    fn print_json(&self, container: &Container<'_>, index: bool, console: &mut Console) -> Result<(), Failure> {
        let signatures = container.signatures().iter();
        let signatures: Vec<_> =
            signatures.map(|entry| json!({"key_id": entry.key_id, "algorithm": algorithm(entry.algorithm)})).collect();
        console.json(&json!({
            "schema": "palisade.inspect/v1",
            "manifest": self.manifest,
            "signatures": signatures,
            "policies": self.policies,
            "gateway": self.gateway,
            "index": index.then(|| listing::index(&self.set)),
        }))
    }

    fn print_text(&self, container: &Container<'_>, index: bool, console: &mut Console) -> Result<(), Failure> {
        let Self { manifest, set, policies, gateway } = self;
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
            let methods = if route.grpc { "gRPC" } else { methods.as_str() };
            console.line(&format!("route        {methods} {host}{} is {action}", route.path))?;
        }
        for route in &gateway.mcp {
            let host = route.host.as_deref().unwrap_or("*");
            let server = format!("{}::\"{}\"", route.server.entity_type, route.server.id);
            let (methods, tools) = (route.methods.len(), route.tools.len());
            let line = format!("route        mcp {host}{} is {server}: {methods} methods, {tools} tools", route.path);
            console.line(&line)?;
        }
        for route in &gateway.a2a {
            let host = route.host.as_deref().unwrap_or("*");
            let tenant = if route.tenant_in_id { "{tenant}" } else { "" };
            let agent = format!("{}::\"{}{tenant}\"", route.agent.entity_type, route.agent.id);
            let (count, card) = (route.operations.len(), if route.card.public { ", public card" } else { "" });
            console.line(&format!("route        a2a {host}{} is {agent}: {count} operations{card}", route.path))?;
        }
        for policy in policies {
            console.line(&format!("policy       {policy}"))?;
        }
        if index {
            console.line(&format!("\nindex\n{}", listing::index(set).trim_end()))?;
        }
        Ok(())
    }
}

/// The sections' names and bytes, in order.
fn sections<'a>(manifest: &Manifest, container: &Container<'a>) -> impl Iterator<Item = (SectionName, &'a [u8])> {
    let mut rest = container.unverified_sections();
    manifest.sections.iter().map_while(move |section| {
        let (bytes, after) = rest.split_at_checked(usize::try_from(section.size).ok()?)?;
        rest = after;
        Some((section.name, bytes))
    })
}

fn policy_ids(set: &CompiledPolicySet) -> Result<Vec<String>, Failure> {
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
