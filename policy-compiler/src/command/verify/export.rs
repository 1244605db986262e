//! What was signed, and by whom, in files that other tools verify: OpenSSL, cosign.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::bundle::{Digest, SignatureEntry, SignerAlgorithm, TrustKey};
use serde_json::json;

use crate::bundle;
use crate::command::{Failure, files};

/// Writes `payload`, the bytes that are signed, and for each of `keys` that signed `ID.pem` and `ID.sig`: the public key as
/// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in PEM, and the signature in base64, ECDSA in DER form; for ECDSA besides
/// `ID.sigstore.json`, which cosign takes as `--bundle`.
pub(super) fn write(
    folder: &Path,
    bytes: &[u8],
    signatures: &[SignatureEntry<'_>],
    keys: &[TrustKey],
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("io.write", folder, error))?;
    let payload = bundle::message(bytes)?;
    files::write(&folder.join("payload"), &payload)?;
    for key in keys {
        let Some(entry) = signatures.iter().find(|entry| entry.key_id == key.id()) else { continue };
        let file = |extension: &str| folder.join(format!("{}.{extension}", key.id()));
        let signature = match key.algorithm() {
            SignerAlgorithm::Ed25519 => entry.signature.to_vec(),
            SignerAlgorithm::Es256 => {
                let signature = bundle::der(entry.signature).ok_or_else(|| not_a_signature(key))?;
                files::write(&file("sigstore.json"), sigstore_bundle(key, &payload, &signature).as_bytes())?;
                signature
            }
        };
        files::write(&file("sig"), format!("{}\n", STANDARD.encode(signature)).as_bytes())?;
        files::write(&file("pem"), key.to_pem().as_bytes())?;
    }
    Ok(())
}

/// A Sigstore bundle 0.3 for one signature by a key that the verifier has: no certificate, and in no transparency log. Keys are
/// named as cosign names them, by the SHA-256 of their SubjectPublicKeyInfo, which is the key's id here, too.
fn sigstore_bundle(key: &TrustKey, payload: &[u8], signature: &[u8]) -> String {
    let digest = Digest::of(payload);
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {"publicKey": {"hint": STANDARD.encode(key.id().as_bytes())}, "tlogEntries": []},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(digest.as_bytes())},
            "signature": STANDARD.encode(signature),
        },
    });
    format!("{bundle}\n")
}

fn not_a_signature(key: &TrustKey) -> Failure {
    Failure::new("bundle.signature", format!("the signature by {} has no DER form", key.id()))
}
