//! The gateway's [`Host`], answered by the proxy.

use crate::client_certificate;
use crate::proxy::{HostResult, Proxy};
use crate::shared_data::SharedData;
use crate::verify_signature::HostVerifier;
use palisade_gateway::token::SignatureAlgorithm;
use palisade_gateway::{Expected, Host, Shared, SharedMemory};

/// The proxy and its signature verification, for one call into the gateway.
#[derive(Debug)]
pub struct GatewayHost<'a, P> {
    proxy: &'a mut P,
    verifier: &'a mut HostVerifier,
    random: HostResult<()>,
}

impl<'a, P> GatewayHost<'a, P> {
    /// For one call into the gateway.
    pub fn new(proxy: &'a mut P, verifier: &'a mut HostVerifier) -> Self {
        Self { proxy, verifier, random: Ok(()) }
    }

    /// Whether every wish for randomness was granted.
    pub fn random(&self) -> HostResult<()> {
        self.random
    }
}

impl<P: Proxy> SharedMemory for GatewayHost<'_, P> {
    fn shared(&mut self, name: &str) -> Shared {
        SharedData(self.proxy).shared(name)
    }

    fn share(&mut self, name: &str, bytes: &[u8], expected: Expected) -> bool {
        SharedData(self.proxy).share(name, bytes, expected)
    }
}

impl<P: Proxy> Host for GatewayHost<'_, P> {
    fn now_nanos(&mut self) -> u64 {
        // Without a clock it is the end of time: every token and every bundle has expired.
        self.proxy.now_nanos().unwrap_or(u64::MAX)
    }

    fn verify_signature(
        &mut self,
        algorithm: SignatureAlgorithm,
        spki_der: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        self.verifier.verify(self.proxy, algorithm, spki_der, message, signature)
    }

    fn client_certificate(&mut self) -> Option<[u8; 32]> {
        client_certificate::digest(self.proxy)
    }

    fn client_certificate_der(&mut self) -> Option<Vec<u8>> {
        client_certificate::der(self.proxy)
    }

    fn fill_random(&mut self, bytes: &mut [u8]) {
        self.random = self.random.and(self.proxy.fill_random(bytes));
    }
}
