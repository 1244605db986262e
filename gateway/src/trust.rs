//! Whose signatures count: the keys of the configuration, or those of the newest root.
//!
//! Each root that a worker takes is shared under its version, so that the other workers, and a worker whose VM is new, go the same
//! way from the root in their configuration. What is shared is verified like what comes from the network: another filter that
//! writes there can hold a worker back, and not lead it elsewhere.

use crate::bundle::{Role, Root, RootError, TrustSet};
use crate::limits;
use crate::shared_memory::{Expected, Shared, SharedMemory};

/// Whose signatures count.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// The same keys for bundles and all other documents, until the configuration changes.
    Keys(TrustSet),
    /// Those of a root, until the next one.
    Root(Box<Root>),
}

impl Trust {
    /// Who may sign what, now.
    ///
    /// # Errors
    ///
    /// When the root has expired: it vouches for nothing new.
    pub(crate) fn role(&self, role: Role, now_seconds: u64) -> Result<&TrustSet, RootError> {
        match self {
            Self::Keys(keys) => Ok(keys),
            Self::Root(root) if root.is_expired(now_seconds) => Err(RootError::Expired),
            Self::Root(root) => Ok(root.role(role)),
        }
    }

    /// Whose signatures what is in place must have. An expired root says nothing against it.
    pub(crate) fn of(&self, role: Role) -> &TrustSet {
        match self {
            Self::Keys(keys) => keys,
            Self::Root(root) => root.role(role),
        }
    }

    pub(crate) fn root(&self) -> Option<&Root> {
        match self {
            Self::Keys(_) => None,
            Self::Root(root) => Some(root),
        }
    }

    /// Takes the next root, and shares it.
    pub(crate) fn rotate(&mut self, bytes: &[u8], memory: &mut dyn SharedMemory) -> Result<(), RootError> {
        let Self::Root(root) = self else { return Err(RootError::Keys) };
        let next = root.next(bytes)?;
        // Where it cannot be shared, this worker knows it all the same.
        let _ = memory.share(&name(&next.file().channel, next.file().version), bytes, Expected::Anything);
        **root = next;
        Ok(())
    }

    /// Takes the roots that other workers have shared; says whether there were any.
    pub(crate) fn follow(&mut self, memory: &mut dyn SharedMemory) -> bool {
        let Self::Root(root) = self else { return false };
        let mut followed = false;
        for _ in 0..limits::ROOT_STEPS {
            let Some(version) = root.file().version.checked_add(1) else { break };
            let Shared::Found(bytes, _) = memory.shared(&name(&root.file().channel, version)) else { break };
            let Ok(next) = root.next(&bytes) else { break };
            **root = next;
            followed = true;
        }
        followed
    }
}

fn name(channel: &str, version: u64) -> String {
    format!("palisade.root.{channel}.{version}")
}
