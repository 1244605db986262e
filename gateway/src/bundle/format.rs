//! The constants of the container, shared by the reader here and the writer in the compiler.
//!
//! ```text
//! magic 8 | format u32 | manifest_len u32 | sections_len u32 | signatures_len u32
//! manifest   JSON, exactly as `serde_json` writes `Manifest`
//! sections   in the manifest's order, no gaps
//! signatures key id 32 | algorithm u8 | len u16 | signature; strictly ascending key ids
//! ```
//! All integers are little-endian.

/// The first bytes of every bundle.
pub const MAGIC: [u8; 8] = *b"PALISADE";

/// The container format this crate reads.
pub const FORMAT: u32 = 1;

/// Bytes before the manifest.
pub const HEADER_BYTES: usize = 8 + 4 * 4;

/// The DSSE payload type under which manifests are signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.palisade.manifest.v1+json";

/// The format of compiled policies and gateway section that this build runs; a manifest's `min_engine` above it is
/// refused.
pub const ENGINE: u32 = 1;

/// Algorithm byte of an Ed25519 signature (RFC 8032, 64 bytes).
pub const ALGORITHM_ED25519: u8 = 1;

/// Algorithm byte of an ES256 signature (raw `r || s`, 64 bytes).
pub const ALGORITHM_ES256: u8 = 2;

/// Length of a signature of either algorithm, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// The bytes that are signed: DSSE's pre-authentication encoding (DSSE 1.0.2) of a payload.
///
/// `"DSSEv1" SP len(type) SP type SP len(payload) SP payload`, lengths in decimal.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = pae_head(payload_type, payload.len());
    message.extend_from_slice(payload);
    message
}

/// What comes before a payload of that many bytes.
pub(crate) fn pae_head(payload_type: &str, payload_len: usize) -> Vec<u8> {
    format!("DSSEv1 {} {payload_type} {payload_len} ", payload_type.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_is_as_dsse_writes_it() {
        // The example of the DSSE specification, protocol.md.
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
    }
}
