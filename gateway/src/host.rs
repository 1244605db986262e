//! What the request path asks of the outside, and nothing more.

use crate::feed::{FetchHost, FetchRequest};
use crate::shared_memory::{Expected, NativeMemory, Shared, SharedMemory};
use crate::token::SignatureAlgorithm;

/// The host of the request path: Envoy in production, the operating system in `palisade test`. Its shared memory is asked for
/// requests with proofs, and for calls of tools that a catalogue pins.
pub trait Host: SharedMemory {
    /// Nanoseconds since the Unix epoch.
    fn now_nanos(&mut self) -> u64;

    /// Verifies a signature with the host's own cryptography, which is far faster than ours inside a wasm VM.
    ///
    /// `spki_der` is a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). An ECDSA `signature` arrives DER-encoded
    /// (RFC 3279 §2.2.3), because that is what hosts take; the others arrive as they stand in the token.
    ///
    /// Ed25519 is not asked for at present: its strict rules are applied here. An RSA signature is below the modulus
    /// and has its length; both are checked before.
    ///
    /// `None` says that the host cannot: the function is absent or does not know the algorithm. The caller then
    /// verifies in Rust. `Some(false)` is final.
    fn verify_signature(
        &mut self,
        algorithm: SignatureAlgorithm,
        spki_der: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool>;

    /// The SHA-256 digest of the DER form of the client certificate of the request's connection, if the TLS layer validated it.
    ///
    /// `None` for a connection without one, and for one whose certificate was presented but not validated.
    fn client_certificate(&mut self) -> Option<[u8; 32]>;

    /// That certificate itself, in DER form. Asked only where certificates are credentials, and once for each.
    fn client_certificate_der(&mut self) -> Option<Vec<u8>>;

    /// Fills `bytes` with randomness. Asked at configuration only: to seed decision ids, and to tell workers apart.
    fn fill_random(&mut self, bytes: &mut [u8]);
}

/// A host that helps with nothing: signatures that no request waits for are verified in Rust.
pub(crate) struct Unaided {
    now_nanos: u64,
}

impl Unaided {
    pub(crate) fn at(now_ms: u64) -> Self {
        Self { now_nanos: now_ms.saturating_mul(1_000_000) }
    }
}

impl SharedMemory for Unaided {
    fn shared(&mut self, _name: &str) -> Shared {
        Shared::Unsupported
    }

    fn share(&mut self, _name: &str, _bytes: &[u8], _expected: Expected) -> bool {
        false
    }
}

impl Host for Unaided {
    fn now_nanos(&mut self) -> u64 {
        self.now_nanos
    }

    fn verify_signature(
        &mut self,
        _algorithm: SignatureAlgorithm,
        _spki_der: &[u8],
        _message: &[u8],
        _signature: &[u8],
    ) -> Option<bool> {
        None
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        None
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        None
    }

    fn fill_random(&mut self, _bytes: &mut [u8]) {}
}

/// A host on the operating system: the system clock, no cryptography of its own, decision ids seeded from the
/// clock, and a memory of its own unless it is given one.
///
/// For `palisade test` and tests. Decision ids need to be unique, not secret, so the clock serves as a seed.
#[derive(Debug, Default)]
pub struct NativeHost {
    fixed_nanos: Option<u64>,
    client_certificate: Option<[u8; 32]>,
    client_certificate_der: Option<Vec<u8>>,
    memory: NativeMemory,
}

impl NativeHost {
    /// A host that reads the system clock.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A host whose clock stands still at `seconds` after the Unix epoch.
    #[must_use]
    pub fn at(seconds: u64) -> Self {
        Self { fixed_nanos: Some(seconds.saturating_mul(1_000_000_000)), ..Self::default() }
    }

    /// The same host, for requests over a connection whose client certificate has this digest.
    #[must_use]
    pub fn with_client_certificate(self, sha256: [u8; 32]) -> Self {
        Self { client_certificate: Some(sha256), ..self }
    }

    /// The same host, for requests over a connection with this client certificate, in DER form.
    #[must_use]
    pub fn with_client_certificate_der(self, der: &[u8]) -> Self {
        let sha256 = <sha2::Sha256 as sha2::Digest>::digest(der).into();
        Self { client_certificate: Some(sha256), client_certificate_der: Some(der.to_vec()), ..self }
    }

    /// The same host, with this memory.
    #[must_use]
    pub fn with_memory(self, memory: NativeMemory) -> Self {
        Self { memory, ..self }
    }
}

impl SharedMemory for NativeHost {
    fn shared(&mut self, name: &str) -> Shared {
        self.memory.shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        self.memory.share(name, bytes, expected)
    }
}

/// Fetches nothing.
impl FetchHost for NativeHost {
    fn now_nanos(&mut self) -> u64 {
        Host::now_nanos(self)
    }

    fn fetch(&mut self, _request: &FetchRequest<'_>) -> Option<u32> {
        None
    }
}

impl Host for NativeHost {
    #[expect(clippy::disallowed_methods, reason = "this host is the operating system's clock")]
    fn now_nanos(&mut self) -> u64 {
        self.fixed_nanos.unwrap_or_else(|| {
            // A clock before 1970 or after 2554 reads as the epoch: every token is then "not yet valid".
            std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .ok()
                .and_then(|elapsed| u64::try_from(elapsed.as_nanos()).ok())
                .unwrap_or(0)
        })
    }

    fn verify_signature(
        &mut self,
        _algorithm: SignatureAlgorithm,
        _spki_der: &[u8],
        _message: &[u8],
        _signature: &[u8],
    ) -> Option<bool> {
        None
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        self.client_certificate
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        self.client_certificate_der.clone()
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        let seed = Host::now_nanos(self).to_le_bytes();
        for (byte, source) in bytes.iter_mut().zip(seed.iter().cycle()) {
            *byte = *source;
        }
    }
}
