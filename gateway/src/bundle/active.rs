//! The bundle that decides.

use std::rc::Rc;

use palisade_engine::CompiledPolicySet;

use super::digest::Digest;
use super::error::BundleError;
use super::evidence::Evidence;
use super::freshness::Freshness;
use super::manifest::{Manifest, is_premature};
use super::mark::HighWaterMark;
use super::trust::TrustSet;
use crate::cure::CureTable;
use crate::identity::RouteSlots;
use crate::proof::{OpenDpop, OpenWorkloadProof};
use crate::resource::ResourceTable;
use crate::route::RouteTable;
use crate::section::{GatewaySection, OpenSection};
use crate::token::IssuerTable;
use crate::transaction::TransactionRules;

/// A bundle all of whose parts have been verified and opened. Only this can decide.
#[derive(Debug)]
pub struct ActiveBundle {
    manifest: Manifest,
    digest: Digest,
    evidence: Evidence,
    is_trusted: bool,
    /// Not before the manifest's.
    expires: u64,
    /// Shared with requests whose answers are still to be filtered, whatever bundle decides by then.
    policies: Rc<CompiledPolicySet>,
    issuers: IssuerTable,
    routes: RouteTable,
    slots: RouteSlots,
    resources: ResourceTable,
    dpop: Option<OpenDpop>,
    workload_proof: Option<OpenWorkloadProof>,
    transactions: Option<TransactionRules>,
    cures: CureTable,
}

/// Where an opened bundle is from, and until when it decides.
#[derive(Debug)]
pub(super) struct Provenance {
    pub(super) manifest: Manifest,
    pub(super) digest: Digest,
    pub(super) evidence: Evidence,
    pub(super) expires: u64,
}

impl ActiveBundle {
    /// Puts the sections together. Called with what was read from bytes whose digests hold, by [`super::Opening`] only.
    pub(super) fn open(
        provenance: Provenance,
        policies: CompiledPolicySet,
        section: GatewaySection,
    ) -> Result<Self, BundleError> {
        let Provenance { manifest, digest, evidence, expires } = provenance;
        if u64::try_from(policies.policy_count()) != Ok(manifest.policies) {
            return Err(BundleError::Policies("the manifest counts other policies".to_owned()));
        }
        let OpenSection { issuers, mut routes, slots, resources, dpop, workload_proof, transactions, cures } =
            OpenSection::open(section).map_err(BundleError::Gateway)?;
        routes.learn(&policies);
        Ok(Self {
            manifest,
            digest,
            evidence,
            is_trusted: true,
            expires,
            policies: Rc::new(policies),
            issuers,
            routes,
            slots,
            resources,
            dpop,
            workload_proof,
            transactions,
            cures,
        })
    }

    /// The signed manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The digest of the manifest: the identity of the bundle.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What tells it from others of its channel.
    pub(crate) fn mark(&self) -> HighWaterMark {
        HighWaterMark { version: self.manifest.version, digest: self.digest }
    }

    /// The compiled policies.
    #[must_use]
    pub fn policies(&self) -> &CompiledPolicySet {
        &self.policies
    }

    /// The same, to be kept.
    pub(crate) fn shared_policies(&self) -> Rc<CompiledPolicySet> {
        Rc::clone(&self.policies)
    }

    pub(crate) fn issuers(&self) -> &IssuerTable {
        &self.issuers
    }

    /// The issuers, to give them the keys that were fetched for them. Nothing else in a bundle ever changes.
    pub(crate) fn issuers_mut(&mut self) -> &mut IssuerTable {
        &mut self.issuers
    }

    pub(crate) fn routes(&self) -> &RouteTable {
        &self.routes
    }

    pub(crate) fn slots(&self) -> &RouteSlots {
        &self.slots
    }

    /// Whose transaction tokens are read; `None` where nobody's are.
    pub(crate) fn transactions(&self) -> Option<&TransactionRules> {
        self.transactions.as_ref()
    }

    /// What the gateway is to OAuth clients.
    pub(crate) fn resources(&self) -> &ResourceTable {
        &self.resources
    }

    /// How DPoP proofs must look; `None` where they are not accepted.
    pub(crate) fn dpop(&self) -> Option<&OpenDpop> {
        self.dpop.as_ref()
    }

    /// What clients are told that would cure a denial.
    pub(crate) fn cures(&self) -> &CureTable {
        &self.cures
    }

    /// How workload proof tokens must look; `None` where workload identity tokens are not accepted.
    pub(crate) fn workload_proof(&self) -> Option<&OpenWorkloadProof> {
        self.workload_proof.as_ref()
    }

    /// Whether the upstream gets a request without the workload's token and proof, on a route that strips tokens or does not. Where
    /// they are not accepted, they are headers like others.
    pub(crate) fn strips_workload_token(&self, route_strips: bool) -> bool {
        self.workload_proof.as_ref().is_some_and(|rules| route_strips || !rules.forward)
    }

    /// Whether the bundle has expired, `now_seconds` after the Unix epoch.
    #[must_use]
    pub fn is_expired(&self, now_seconds: u64) -> bool {
        now_seconds >= self.expires
    }

    /// Whether the clock shows a time before it was built.
    #[must_use]
    pub fn is_premature(&self, now_seconds: u64) -> bool {
        is_premature(self.manifest.created, now_seconds)
    }

    /// When it stops deciding, in seconds since the Unix epoch: what its manifest says, or later if it was renewed.
    #[must_use]
    pub fn expires(&self) -> u64 {
        self.expires
    }

    /// Lengthens its life, if the document is about exactly this bundle; says whether it did. Never shortens it.
    pub(crate) fn renew(&mut self, freshness: &Freshness) -> bool {
        let renewed = freshness.renews(&self.manifest.channel, self.manifest.version, self.digest);
        let is_later = renewed.is_some_and(|expires| expires > self.expires);
        self.expires = self.expires.max(renewed.unwrap_or_default());
        is_later
    }

    /// Whether enough of the keys that are trusted now have signed it. If not, it decides nothing.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.is_trusted
    }

    /// Asks again who has signed it, because other keys are trusted now.
    pub(crate) fn recheck(&mut self, trust: &TrustSet) {
        self.is_trusted = self.evidence.signers(trust).is_ok();
    }

    /// Takes the signatures of the same bundle as it was offered and verified once more; says whether they are others.
    pub(crate) fn attest(&mut self, evidence: &Evidence) -> bool {
        let is_new = self.evidence != *evidence;
        self.evidence.clone_from(evidence);
        self.is_trusted = true;
        is_new
    }
}
