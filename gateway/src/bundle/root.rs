//! The root document: which keys may sign what on a channel, and how that changes.
//!
//! A gateway begins with the root of its configuration and goes on from root to root: each is signed by the thresholds of
//! the one before and of its own, and its version is the next (as in The Update Framework, §5.3). A key that the newest
//! root does not name in a role signs nothing in that role any more.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest::Digest;
use super::trust::{TrustKey, TrustKeyError, TrustSet, TrustSetError};
use crate::limits;
use crate::signed::{self, SignedDocument, SignedError};

/// The DSSE payload type of root documents.
pub const ROOT_TYPE: &str = "application/vnd.palisade.root.v1+json";

/// What a root document says. Its bytes are `serde_json::to_vec` of this struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RootFile {
    /// The channel that it is for.
    pub channel: String,
    /// Rises by one with each root of the channel.
    pub version: u64,
    /// When it was written, in seconds since the Unix epoch.
    pub issued: u64,
    /// When it stops vouching for anything new, in seconds since the Unix epoch.
    pub expires: u64,
    /// Who may sign what.
    pub roles: RolesFile,
}

/// The keys of each role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolesFile {
    /// Who signs the next root.
    pub root: RoleFile,
    /// Who signs bundles.
    pub bundle: RoleFile,
    /// Who signs freshness documents.
    pub freshness: RoleFile,
    /// Who signs revocations.
    pub revocation: RoleFile,
}

/// The keys of one role, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleFile {
    /// The keys, as [`TrustKey::parse`] reads them.
    pub keys: Vec<String>,
    /// How many distinct ones must have signed.
    pub threshold: usize,
}

/// What keys may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The next root.
    Root,
    /// Bundles.
    Bundle,
    /// Freshness documents.
    Freshness,
    /// Revocations.
    Revocation,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Root, Self::Bundle, Self::Freshness, Self::Revocation];

    /// The name in a root document.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Bundle => "bundle",
            Self::Freshness => "freshness",
            Self::Revocation => "revocation",
        }
    }
}

impl RolesFile {
    /// The keys of a role.
    #[must_use]
    pub fn role(&self, role: Role) -> &RoleFile {
        match role {
            Role::Root => &self.root,
            Role::Bundle => &self.bundle,
            Role::Freshness => &self.freshness,
            Role::Revocation => &self.revocation,
        }
    }

    /// The same, to be changed.
    pub fn role_mut(&mut self, role: Role) -> &mut RoleFile {
        match role {
            Role::Root => &mut self.root,
            Role::Bundle => &mut self.bundle,
            Role::Freshness => &mut self.freshness,
            Role::Revocation => &mut self.revocation,
        }
    }
}

/// A root that enough of its own keys have signed, and, after the first, enough keys of the one before.
#[derive(Clone, Debug)]
pub struct Root {
    file: RootFile,
    digest: Digest,
    root: TrustSet,
    bundle: TrustSet,
    freshness: TrustSet,
    revocation: TrustSet,
}

/// Why a root is refused; each has a stable code. The root before goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootError {
    /// Not a document of this kind, or not signed by its own keys as it must be.
    Signed(SignedError),
    /// Not signed by the keys of the root before as it must be.
    Predecessor(SignedError),
    /// A name is empty, too long or not printable, or it expires before it was issued.
    Malformed,
    /// A key of a role does not read.
    Key(Role, TrustKeyError),
    /// The keys of a role and its threshold do not fit together.
    Set(Role, TrustSetError),
    /// It is for another channel.
    Channel,
    /// Its version is not the next one.
    Version,
    /// It has expired, and vouches for nothing new.
    Expired,
    /// The configuration has keys, and no root that another could follow.
    Keys,
}

impl RootError {
    /// The stable reason code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Signed(error) => error.code(),
            Self::Predecessor(_) => "root.predecessor",
            Self::Malformed => "root.malformed",
            Self::Key(..) => "root.key",
            Self::Set(..) => "root.role",
            Self::Channel => "root.channel",
            Self::Version => "root.version",
            Self::Expired => "root.expired",
            Self::Keys => "root.none",
        }
    }
}

impl fmt::Display for RootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed(error) => write!(f, "root: {error}"),
            Self::Predecessor(error) => write!(f, "by the keys of the root before: {error}"),
            Self::Malformed => f.write_str("the root has no good channel, or it expires before it was issued"),
            Self::Key(role, error) => write!(f, "role `{}`: {error}", role.as_str()),
            Self::Set(role, error) => write!(f, "role `{}`: {error}", role.as_str()),
            Self::Channel => f.write_str("the root is for another channel"),
            Self::Version => f.write_str("the root is not the next version"),
            Self::Expired => f.write_str("the root has expired"),
            Self::Keys => f.write_str("the configuration has keys and no root"),
        }
    }
}

impl std::error::Error for RootError {}

impl Root {
    /// Reads a root that is trusted because somebody put it there, such as in the configuration. It must be signed by its own keys all
    /// the same: what later ones are held to holds for the first.
    ///
    /// It may have expired: the way to the newest root begins with it.
    ///
    /// # Errors
    ///
    /// When it is not a root document, or its own `root` keys have not signed it.
    pub fn trusted(bytes: &[u8]) -> Result<Self, RootError> {
        let document = SignedDocument::read(bytes, limits::ROOT_BYTES).map_err(RootError::Signed)?;
        let root = Self::parse(document.unverified_payload())?;
        document.verify(&root.root, ROOT_TYPE).map_err(RootError::Signed)?;
        Ok(root)
    }

    /// Reads the root after this one.
    ///
    /// It may have expired, when it is not the last: see [`Root::is_expired`].
    ///
    /// # Errors
    ///
    /// When it is not a root document of this channel with the next version, signed by the thresholds of this root and of itself.
    pub fn next(&self, bytes: &[u8]) -> Result<Self, RootError> {
        let document = SignedDocument::read(bytes, limits::ROOT_BYTES).map_err(RootError::Signed)?;
        // Nothing is parsed that this root does not vouch for.
        let verified = document.verify(&self.root, ROOT_TYPE).map_err(RootError::Predecessor)?;
        let next = Self::parse(verified.payload())?;
        document.verify(&next.root, ROOT_TYPE).map_err(RootError::Signed)?;
        if next.file.channel != self.file.channel {
            return Err(RootError::Channel);
        }
        if Some(next.file.version) != self.file.version.checked_add(1) {
            return Err(RootError::Version);
        }
        Ok(next)
    }

    /// Whether a root that says this would be accepted, if it were signed as it must be.
    ///
    /// # Errors
    ///
    /// When a name, a key or a threshold is not as it must be.
    pub fn check(file: &RootFile) -> Result<(), RootError> {
        let RootFile { channel, version: _, issued, expires, roles: _ } = file;
        let is_name = (1..=limits::NAME_BYTES).contains(&channel.len()) && !channel.chars().any(char::is_control);
        if !is_name || issued >= expires {
            return Err(RootError::Malformed);
        }
        Role::ALL.into_iter().try_for_each(|role| trust_set(role, file.roles.role(role)).map(drop))
    }

    /// Reads a payload whose signatures are checked elsewhere.
    fn parse(payload: &[u8]) -> Result<Self, RootError> {
        let file: RootFile = signed::parse(payload).map_err(RootError::Signed)?;
        Self::check(&file)?;
        let set = |role| trust_set(role, file.roles.role(role));
        Ok(Self {
            digest: Digest::of(payload),
            root: set(Role::Root)?,
            bundle: set(Role::Bundle)?,
            freshness: set(Role::Freshness)?,
            revocation: set(Role::Revocation)?,
            file,
        })
    }

    /// What it says.
    #[must_use]
    pub fn file(&self) -> &RootFile {
        &self.file
    }

    /// The digest of its payload.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Who may sign what.
    #[must_use]
    pub fn role(&self, role: Role) -> &TrustSet {
        match role {
            Role::Root => &self.root,
            Role::Bundle => &self.bundle,
            Role::Freshness => &self.freshness,
            Role::Revocation => &self.revocation,
        }
    }

    /// Whether it vouches for nothing new any more, `now_seconds` after the Unix epoch. The next root is taken all the same.
    #[must_use]
    pub fn is_expired(&self, now_seconds: u64) -> bool {
        now_seconds >= self.file.expires
    }
}

fn trust_set(role: Role, file: &RoleFile) -> Result<TrustSet, RootError> {
    let RoleFile { keys, threshold } = file;
    let keys = keys.iter().map(|key| TrustKey::parse(key)).collect::<Result<_, _>>();
    TrustSet::new(keys.map_err(|error| RootError::Key(role, error))?, *threshold)
        .map_err(|error| RootError::Set(role, error))
}

#[cfg(test)]
mod tests;
