//! Which bundle decides, and how that stands: for statistics, reports and people.

use super::bundle::Delivery;
use crate::bundle::{ActiveBundle, Digest, Manifest, is_premature};
use crate::generation::Generations;
use crate::report::State;

/// Which bundle decides, and how fresh that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleStatus<'a> {
    /// The bundle that decides; `None` where there is none, and every request is denied.
    pub bundle: Option<BundleIdentity<'a>>,
    /// When a server last said what there is, in milliseconds since the Unix epoch; `None` where nobody was asked or nobody
    /// answered.
    pub confirmed_ms: Option<u64>,
    /// The code of what went wrong last, unless something went well since.
    pub last_error: Option<&'static str>,
    /// Whether something is wrong, be it that another worker of the proxy found out.
    pub is_failing: bool,
    /// How often this worker has put one bundle in the place of another.
    pub swaps: u64,
}

/// A bundle by its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleIdentity<'a> {
    /// For people.
    pub name: &'a str,
    /// What it is published on.
    pub channel: &'a str,
    /// Rises with each publication.
    pub version: u64,
    /// Of its manifest.
    pub digest: Digest,
    /// When it was built, in seconds since the Unix epoch.
    pub created: u64,
    /// When it stops deciding, in seconds since the Unix epoch.
    pub expires: u64,
    /// Whether enough of the keys that are trusted now have signed it.
    pub is_trusted: bool,
}

impl<'a> BundleStatus<'a> {
    pub(crate) fn of(generations: &'a Generations, delivery: Option<&Delivery>) -> Self {
        Self {
            bundle: generations.active().map(|generation| BundleIdentity::of(&generation.bundle)),
            confirmed_ms: delivery.and_then(Delivery::confirmed_ms),
            is_failing: delivery.is_some_and(Delivery::is_failing),
            last_error: delivery.and_then(|delivery| delivery.last_error),
            swaps: delivery.map_or(0, |delivery| delivery.swaps),
        }
    }
}

impl BundleStatus<'_> {
    /// Whether a bundle decides at a time, or why every request is denied.
    #[must_use]
    pub fn state(&self, now_seconds: u64) -> State {
        match self.bundle {
            None => State::Missing,
            Some(bundle) if now_seconds >= bundle.expires => State::Expired,
            Some(bundle) if is_premature(bundle.created, now_seconds) => State::NotYetValid,
            Some(bundle) if !bundle.is_trusted => State::Untrusted,
            Some(_) => State::Deciding,
        }
    }
}

impl<'a> BundleIdentity<'a> {
    fn of(bundle: &'a ActiveBundle) -> Self {
        let Manifest { name, channel, version, created, .. } = bundle.manifest();
        let (expires, is_trusted) = (bundle.expires(), bundle.is_trusted());
        Self { name, channel, version: *version, digest: bundle.digest(), created: *created, expires, is_trusted }
    }
}
