//! What was signed, and by whom, in files that other tools verify: OpenSSL, cosign.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use palisade_gateway::bundle::{SignatureEntry, SignerAlgorithm, TrustKey};

use crate::bundle;
use crate::command::{Failure, files};

/// Writes `payload`, the bytes that are signed, and for each of `keys` that signed `ID.pem` and `ID.sig`: the public key as
/// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) in PEM, and the signature in base64, ECDSA in DER form.
pub(super) fn write(
    folder: &Path,
    bytes: &[u8],
    signatures: &[SignatureEntry<'_>],
    keys: &[TrustKey],
) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::file("io.write", folder, error))?;
    files::write(&folder.join("payload"), &bundle::message(bytes)?)?;
    for key in keys {
        let Some(entry) = signatures.iter().find(|entry| entry.key_id == key.id()) else { continue };
        let signature = match key.algorithm() {
            SignerAlgorithm::Ed25519 => entry.signature.to_vec(),
            SignerAlgorithm::Es256 => bundle::der(entry.signature).ok_or_else(|| not_a_signature(key))?,
        };
        let file = |extension: &str| folder.join(format!("{}.{extension}", key.id()));
        files::write(&file("sig"), format!("{}\n", STANDARD.encode(signature)).as_bytes())?;
        files::write(&file("pem"), key.to_pem().as_bytes())?;
    }
    Ok(())
}

fn not_a_signature(key: &TrustKey) -> Failure {
    Failure::new("bundle.signature", format!("the signature by {} has no DER form", key.id()))
}
