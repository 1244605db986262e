//! Which configurations were accepted in this proxy before, by any of its VMs.
//!
//! Envoy asks a VM of its own first whether a configuration is good, and never asks again about one that was: when it comes back
//! (an operator goes back to an older file), or a VM is loaded anew, workers are told to use it. A worker that refuses then
//! is left without a filter, and **Envoy 1.40 lets requests by**, whatever the failure policy is. So only a configuration that
//! nobody has accepted is refused; another one is taken, and denies ([`crate::filter`]).

use crate::proxy::Proxy;
use crate::shared_data::SharedData;
use palisade_gateway::bundle::Digest;
use palisade_gateway::{Expected, Shared, SharedMemory};

/// Says to all VMs that this configuration was accepted. A host that does not keep it has no older bundles to refuse, either.
pub(crate) fn remember(configuration: &[u8], proxy: &mut impl Proxy) {
    let _ = SharedData(proxy).share(&name(configuration), &[], Expected::Anything);
}

/// Whether some VM has accepted it.
pub(crate) fn is_known(configuration: &[u8], proxy: &mut impl Proxy) -> bool {
    matches!(SharedData(proxy).shared(&name(configuration)), Shared::Found(..))
}

fn name(configuration: &[u8]) -> String {
    format!("palisade.accepted.{}", Digest::of(configuration))
}
