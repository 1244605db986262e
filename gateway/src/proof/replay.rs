//! The proofs that were used: each is good for one request, whichever worker of the proxy gets it.
//!
//! Workers share a fixed number of buckets ([`limits::REPLAY_BUCKETS`]), found by the digest of the proof, so that the
//! host's memory, which never forgets by itself, is bounded by that number and the room of one bucket. A proof is looked
//! for and remembered in one step: whoever was slower reads again. Buckets are named by the kind of proof and nothing else, so a
//! new bundle, a new configuration or a new VM knows what was used before. When there is no room, or no telling what was used,
//! proofs are refused.
//!
//! A bucket that does not read was written by somebody else. All it knew is lost, so it is begun anew, and refuses every
//! proof that could have been in it. That is no defence against a filter of the same proxy that means harm: it could put
//! back the bytes of an hour ago, which a MAC would not tell from new ones. Such a filter sees every token and proof
//! anyway; what it cannot do is make two workers differ, or crash one.

mod bucket;

use sha2::{Digest as _, Sha256};

use self::bucket::{Bucket, Entry};
use crate::host::Host;
use crate::limits;
use crate::shared_memory::{Expected, Shared};

/// A kind of proof. Each has a memory of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProofKind {
    /// RFC 9449.
    Dpop,
    /// draft-ietf-wimse-wpt.
    Workload,
}

/// A proof that holds in every other regard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof<'a> {
    pub(crate) kind: ProofKind,
    /// The thumbprint of the key that signed it.
    pub(crate) key: &'a [u8; 32],
    pub(crate) jti: &'a str,
    /// The time in the proof by which it is too old one day, in milliseconds since the Unix epoch. It may be in the future.
    pub(crate) stamp_ms: u64,
    /// The smallest stamp with which a proof is accepted now.
    pub(crate) oldest_ms: u64,
    /// The largest stamp with which any bundle could accept a proof now.
    pub(crate) newest_ms: u64,
}

/// What became of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// It is new, and remembered from now on.
    New,
    /// It was used before.
    Before,
    /// It is new, and there is no room for it.
    NoRoom,
    /// It is older than what the memory still knows.
    Unknown,
    /// The host has no memory, or took nothing into it.
    NoMemory,
}

/// The proofs that the workers of the proxy have seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReplayMemory {
    /// Most proofs in one bucket.
    room: usize,
}

impl ReplayMemory {
    /// A memory for about `entries` proofs. Buckets fill unevenly, so each has twice its share.
    pub(crate) fn new(entries: usize) -> Self {
        Self { room: entries.div_ceil(usize::from(limits::REPLAY_BUCKETS)).saturating_mul(2) }
    }

    /// Remembers a proof, unless it was used before.
    pub(crate) fn insert(&self, proof: &Proof<'_>, host: &mut dyn Host) -> Seen {
        let Proof { kind, key, jti, stamp_ms, oldest_ms, newest_ms } = *proof;
        let digest: [u8; 32] = Sha256::new_with_prefix(key).chain_update(jti).finalize().into();
        // The entry and the bucket are of different parts of the digest, so that entries of one bucket differ in all of theirs.
        let Some((digest, [low, high, ..])) = digest.split_first_chunk() else { return Seen::NoMemory };
        let name = name(kind, u16::from_le_bytes([*low, *high]) % limits::REPLAY_BUCKETS);
        for _ in 0..limits::REPLAY_ATTEMPTS {
            let (mut bucket, expected) = match host.shared(&name) {
                Shared::Found(bytes, version) => match Bucket::read(&bytes, newest_ms) {
                    Some(bucket) => (bucket, Expected::Version(version)),
                    None => {
                        // Should another worker have been quicker, it did this, too.
                        host.share(&name, &Bucket::lost(newest_ms).write(), Expected::Version(version));
                        return Seen::Unknown;
                    }
                },
                Shared::Absent => (Bucket::default(), Expected::Nothing),
                Shared::Unsupported => return Seen::NoMemory,
            };
            bucket.forget(oldest_ms);
            match bucket.insert(Entry { digest: *digest, stamp_ms }, self.room) {
                Seen::New if host.share(&name, &bucket.write(), expected) => return Seen::New,
                // Another worker was quicker, perhaps with this very proof.
                Seen::New => {}
                refused @ (Seen::Before | Seen::NoRoom | Seen::Unknown | Seen::NoMemory) => return refused,
            }
        }
        Seen::NoMemory
    }
}

fn name(kind: ProofKind, bucket: u16) -> String {
    let kind = match kind {
        ProofKind::Dpop => "dpop",
        ProofKind::Workload => "wpt",
    };
    format!("palisade.replay.{kind}.{bucket}")
}

#[cfg(test)]
mod tests;
