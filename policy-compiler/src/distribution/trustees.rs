//! Whose signatures a file must have before it is served: those that gateways demand, so that what they would refuse is refused
//! where it is published.

use std::collections::BTreeMap;

use palisade_gateway::bundle::{Container, FRESHNESS_TYPE, ROOT_TYPE, Role, Root, RootError, TrustSet};
use palisade_gateway::limits;
use palisade_gateway::revocation::PAYLOAD_TYPE;
use palisade_gateway::signed::SignedDocument;

use super::artefact::{ArtefactError, ArtefactName, Kind};
use crate::limits::SERVED_DOCUMENT_BYTES;

/// See the module.
#[derive(Debug)]
pub enum Trustees {
    /// Whoever has signed: gateways find out by themselves.
    Anybody,
    /// So many of these keys, on all channels.
    Keys(TrustSet),
    /// Whom the newest root of a channel names. There is nothing for other channels.
    Roots(BTreeMap<String, Root>),
}

impl Trustees {
    /// These roots, one for each channel; `None` where two are for one.
    #[must_use]
    pub fn of_roots(roots: impl IntoIterator<Item = Root>) -> Option<Self> {
        let mut by_channel = BTreeMap::new();
        for root in roots {
            if by_channel.insert(root.file().channel.clone(), root).is_some() {
                return None;
            }
        }
        Some(Self::Roots(by_channel))
    }

    /// Checks the signatures of a file that is what its name says. True where it was the next root, which says from now on who may
    /// sign: what was refused before may be good by it.
    ///
    /// # Errors
    ///
    /// When gateways with these keys or this root would refuse it.
    pub fn admit(&mut self, name: &ArtefactName<'_>, bytes: &[u8], now_seconds: u64) -> Result<bool, ArtefactError> {
        let trust = match self {
            Self::Anybody => return Ok(false),
            Self::Keys(keys) => &*keys,
            Self::Roots(roots) => {
                let root = roots.get_mut(name.channel).ok_or(ArtefactError::NoRoot)?;
                if let Kind::Root(version) = name.kind {
                    return follow(root, version, bytes);
                }
                if root.is_expired(now_seconds) {
                    return Err(ArtefactError::Root(RootError::Expired));
                }
                root.role(match name.kind {
                    Kind::Bundle | Kind::Candidate => Role::Bundle,
                    Kind::Freshness => Role::Freshness,
                    Kind::Revocations | Kind::RevocationsBase(_) => Role::Revocation,
                    Kind::Root(_) => Role::Root,
                })
            }
        };
        let document = |most: usize, payload_type: &str| {
            let document = SignedDocument::read(bytes, most).map_err(ArtefactError::Document)?;
            document.verify(trust, payload_type).map(drop).map_err(ArtefactError::Document)
        };
        match name.kind {
            Kind::Bundle | Kind::Candidate => {
                let container = Container::read(bytes).map_err(ArtefactError::Bundle)?;
                container.verify(trust).map(drop).map_err(ArtefactError::Bundle)?;
            }
            Kind::Freshness => document(SERVED_DOCUMENT_BYTES, FRESHNESS_TYPE)?,
            Kind::Revocations | Kind::RevocationsBase(_) => document(limits::REVOCATIONS_BYTES, PAYLOAD_TYPE)?,
            // Gateways that trust keys follow no roots.
            Kind::Root(_) => document(SERVED_DOCUMENT_BYTES, ROOT_TYPE)?,
        }
        Ok(false)
    }
}

/// Takes the root after the present one. Older ones are for gateways that are behind.
fn follow(root: &mut Root, version: u64, bytes: &[u8]) -> Result<bool, ArtefactError> {
    if version <= root.file().version {
        let known = Root::trusted(bytes).map_err(ArtefactError::Root)?;
        let is_other = version == root.file().version && known.digest() != root.digest();
        return if is_other { Err(ArtefactError::OtherRoot) } else { Ok(false) };
    }
    *root = root.next(bytes).map_err(ArtefactError::Root)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::sign;
    use crate::distribution::artefact::tests::{key, unsigned};
    use crate::keys::PrivateKey;

    const NOW: u64 = 1_000;

    fn admit(trustees: &mut Trustees, bytes: &[u8]) -> Result<bool, &'static str> {
        let name = ArtefactName::parse("shop.palisade").unwrap();
        trustees.admit(&name, bytes, NOW).map_err(|error| error.code())
    }

    #[test]
    fn a_bundle_needs_the_keys_that_gateways_demand() {
        let (own, other) = (key(), key());
        let keys = |keys: &[&PrivateKey], threshold: usize| {
            let keys = keys.iter().map(|key| key.trust_key().unwrap()).collect();
            Trustees::Keys(TrustSet::new(keys, threshold).unwrap())
        };
        let by_ours = sign(&unsigned("shop", 1), &own).unwrap();
        let by_other = sign(&unsigned("shop", 1), &other).unwrap();
        let by_both = sign(&by_ours, &other).unwrap();
        assert_eq!(admit(&mut Trustees::Anybody, &by_other), Ok(false));
        let mut ours = keys(&[&own], 1);
        assert_eq!(admit(&mut ours, &by_ours), Ok(false));
        assert_eq!(admit(&mut ours, &by_both), Ok(false));
        assert_eq!(admit(&mut ours, &by_other), Err("bundle.threshold"));
        let mut both = keys(&[&own, &other], 2);
        assert_eq!(admit(&mut both, &by_both), Ok(false));
        for one in [&by_ours, &by_other] {
            assert_eq!(admit(&mut both, one), Err("bundle.threshold"));
        }
        let mut none = Trustees::of_roots([]).unwrap();
        assert_eq!(admit(&mut none, &by_ours), Err("artefact.no_root"));
    }
}
