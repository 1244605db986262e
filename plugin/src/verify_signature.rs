//! Envoy's foreign function `verify_signature`: BoringSSL, some fifteen times as fast as Rust in the VM.
//!
//! Its argument and result are protobuf messages of `source/extensions/common/wasm/ext/verify_signature.proto`,
//! written out by hand here: two fields more or less are no reason for a protobuf library in the module.

use crate::proxy::{HostResult, Proxy, Status};
use palisade_gateway::token::{Hash, SignatureAlgorithm};

const FUNCTION: &str = "verify_signature";

/// Field keys of `VerifySignatureArguments`: field number, wire type 2 (length-delimited).
const HASH_FUNCTION: u8 = 1 << 3 | 2;
const PUBLIC_KEY: u8 = 2 << 3 | 2;
const SIGNATURE: u8 = 3 << 3 | 2;
const TEXT: u8 = 4 << 3 | 2;

/// `VerifySignatureResult` with `result` true and no error: the only answer that verifies.
const VALID: [u8; 2] = [1 << 3, 1];

/// The host's signature verification, where it has one.
#[derive(Debug, Default)]
pub struct HostVerifier {
    present: bool,
    /// Reused between calls.
    argument: Vec<u8>,
}

impl HostVerifier {
    /// Asks the host with an empty argument: `BadArgument` means that the function is there, anything else that it
    /// is not (absent, or withheld by a capability restriction).
    pub fn probe(proxy: &mut impl Proxy) -> Self {
        let present = match proxy.call_foreign(FUNCTION, &[]) {
            Err(Status::BAD_ARGUMENT) => true,
            Err(_) | Ok(_) => false,
        };
        Self { present, argument: Vec::new() }
    }

    /// Whether the host can verify at all.
    pub fn is_present(&self) -> bool {
        self.present
    }

    /// Verifies, or says `None` when the host cannot and the caller has to.
    ///
    /// The hash is fixed by the algorithm and never comes from a token: the host would take SHA-1 too.
    pub fn verify(
        &mut self,
        proxy: &mut impl Proxy,
        algorithm: SignatureAlgorithm,
        spki_der: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        if !self.present {
            return None;
        }
        let hash = match algorithm {
            SignatureAlgorithm::RsaPkcs1(Hash::Sha256) | SignatureAlgorithm::EcdsaP256Sha256 => "sha256",
            SignatureAlgorithm::RsaPkcs1(Hash::Sha384) | SignatureAlgorithm::EcdsaP384Sha384 => "sha384",
            SignatureAlgorithm::RsaPkcs1(Hash::Sha512) => "sha512",
            // The function has no way to ask for PSS, and BoringSSL's digest interface no Ed25519. P-521 is not in its
            // documentation, and a host that does not know a curve would say that the signature is wrong.
            SignatureAlgorithm::RsaPss(_) | SignatureAlgorithm::EcdsaP521Sha512 | SignatureAlgorithm::Ed25519 => {
                return None;
            }
        };
        self.argument.clear();
        for (key, field) in
            [(HASH_FUNCTION, hash.as_bytes()), (PUBLIC_KEY, spki_der), (SIGNATURE, signature), (TEXT, message)]
        {
            push_field(&mut self.argument, key, field);
        }
        answer(proxy.call_foreign(FUNCTION, &self.argument))
    }
}

/// A call that fails says that the host could not judge, so the caller verifies by itself; an answer that is not
/// exactly "valid" is final.
fn answer(result: HostResult<crate::buffers::HostBytes>) -> Option<bool> {
    Some(result.ok()?[..] == VALID)
}

fn push_field(message: &mut Vec<u8>, key: u8, field: &[u8]) {
    message.push(key);
    push_varint(message, field.len());
    message.extend_from_slice(field);
}

/// Base 128, least significant group first, the high bit set on all but the last.
fn push_varint(message: &mut Vec<u8>, mut value: usize) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            message.push(low & 0x7f);
            return;
        }
        message.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffers::HostBytes;
    use crate::fake::FakeProxy;

    const RSA: SignatureAlgorithm = SignatureAlgorithm::RsaPkcs1(Hash::Sha256);

    fn verifier(proxy: &mut FakeProxy) -> HostVerifier {
        proxy.foreign = Err(Status::BAD_ARGUMENT);
        HostVerifier::probe(proxy)
    }

    #[test]
    fn the_argument_is_the_message_that_envoy_reads() {
        let mut proxy = FakeProxy::default();
        let mut verifier = verifier(&mut proxy);
        proxy.foreign = Ok(VALID.to_vec());
        let long = [7; 300];
        assert_eq!(verifier.verify(&mut proxy, RSA, b"key", &long, b"sig"), Some(true));
        let mut expected = b"\x0a\x06sha256\x12\x03key\x1a\x03sig\x22\xac\x02".to_vec();
        expected.extend_from_slice(&long);
        assert_eq!(proxy.foreign_argument, expected);
    }

    #[test]
    fn only_the_exact_answer_verifies() {
        let mut proxy = FakeProxy::default();
        let mut verifier = verifier(&mut proxy);
        for no in [&b""[..], b"\x08", b"\x08\x00", b"\x08\x02", b"\x08\x01\x12\x01e", b"\x10\x01", b"\xff\xff"] {
            proxy.foreign = Ok(no.to_vec());
            assert_eq!(verifier.verify(&mut proxy, RSA, b"k", b"m", b"s"), Some(false), "{no:?}");
        }
    }

    #[test]
    fn a_failed_call_leaves_it_to_the_caller() {
        let mut proxy = FakeProxy::default();
        let mut verifier = verifier(&mut proxy);
        for status in 1..20 {
            proxy.foreign = Err(Status(status));
            assert_eq!(verifier.verify(&mut proxy, RSA, b"k", b"m", b"s"), None);
        }
    }

    #[test]
    fn a_host_without_the_function_is_not_asked() {
        for found in [Err(Status::NOT_FOUND), Err(Status::INTERNAL_FAILURE), Ok(VALID.to_vec())] {
            let mut proxy = FakeProxy { foreign: found, ..FakeProxy::default() };
            let mut verifier = HostVerifier::probe(&mut proxy);
            assert!(!verifier.is_present());
            proxy.foreign = Ok(VALID.to_vec());
            proxy.foreign_argument = b"untouched".to_vec();
            assert_eq!(verifier.verify(&mut proxy, RSA, b"k", b"m", b"s"), None);
            assert_eq!(proxy.foreign_argument, b"untouched");
        }
    }

    #[test]
    fn the_hash_follows_from_the_algorithm() {
        for (algorithm, hash) in [
            (SignatureAlgorithm::RsaPkcs1(Hash::Sha384), "sha384"),
            (SignatureAlgorithm::RsaPkcs1(Hash::Sha512), "sha512"),
            (SignatureAlgorithm::EcdsaP256Sha256, "sha256"),
            (SignatureAlgorithm::EcdsaP384Sha384, "sha384"),
        ] {
            let mut proxy = FakeProxy::default();
            let mut verifier = verifier(&mut proxy);
            proxy.foreign = Ok(VALID.to_vec());
            assert_eq!(verifier.verify(&mut proxy, algorithm, b"k", b"m", b"s"), Some(true));
            assert_eq!(proxy.foreign_argument.get(2..8), Some(hash.as_bytes()));
        }
    }

    #[test]
    fn what_the_host_cannot_do_is_never_asked_of_it() {
        for algorithm in [
            SignatureAlgorithm::Ed25519,
            SignatureAlgorithm::EcdsaP521Sha512,
            SignatureAlgorithm::RsaPss(Hash::Sha256),
            SignatureAlgorithm::RsaPss(Hash::Sha512),
        ] {
            let mut proxy = FakeProxy::default();
            let mut verifier = verifier(&mut proxy);
            proxy.foreign = Ok(VALID.to_vec());
            assert_eq!(verifier.verify(&mut proxy, algorithm, b"k", b"m", b"s"), None);
        }
    }

    #[test]
    fn varints_of_every_length() {
        for (value, bytes) in [
            (0, &[0][..]),
            (1, &[1]),
            (127, &[0x7f]),
            (128, &[0x80, 1]),
            (16_383, &[0xff, 0x7f]),
            (16_384, &[0x80, 0x80, 1]),
            (0xffff_ffff, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            let mut message = Vec::new();
            push_varint(&mut message, value);
            assert_eq!(message, bytes);
        }
        assert_eq!(answer(Ok(HostBytes::copy_of(&VALID))), Some(true));
    }
}
