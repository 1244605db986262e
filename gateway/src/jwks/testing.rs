//! A proxy with several workers, and an issuer whose key set changes.

use super::event::{KeyEvent, KeyEventKind, RefreshError};
use super::poller::{Desk, Poller};
use crate::bundle::Digest;
pub(super) use crate::feed::testing::FakeProxy;
use crate::feed::{ClusterNames, FetchResponse};
use crate::section::{self, Profile, RemoteJwks};
use crate::token::{Algorithm, IssuerIndex, IssuerTable, TokenError, testing};

/// One worker.
pub(super) struct Worker {
    pub(super) poller: Poller,
    pub(super) issuers: IssuerTable,
    pub(super) events: Vec<KeyEvent>,
    pub(super) changed: Vec<IssuerIndex>,
}

impl Worker {
    /// A worker that has joined.
    pub(super) fn new(profile: Profile, random: u64, proxy: &mut FakeProxy) -> Self {
        let issuers = IssuerTable::open(vec![issuer(profile)]).unwrap();
        let poller = Poller::new(&issuers, &clusters(), Digest::of(b"bundle"), random).unwrap();
        let mut worker = Self { poller, issuers, events: Vec::new(), changed: Vec::new() };
        worker.desk(proxy, |poller, desk| poller.join(desk));
        worker
    }

    pub(super) fn poll(&mut self, proxy: &mut FakeProxy) {
        self.desk(proxy, |poller, desk| poller.poll(desk));
    }

    pub(super) fn respond(&mut self, call: u32, response: FetchResponse<'_>, proxy: &mut FakeProxy) {
        self.desk(proxy, |poller, desk| poller.respond(call, response, desk));
    }

    /// What a token with this key comes to; a key that is not there is missed, as in the request path.
    pub(super) fn ask(&mut self, kid: &str, now_ms: u64) -> Result<(), TokenError> {
        let (_, issuer) = self.issuers.find(ISSUER).unwrap();
        let found = issuer.terms.keys.find(Some(kid), Algorithm::Es256, now_ms).map(|_| ());
        if found == Err(TokenError::KeyUnknown) {
            self.poller.missed(Some("dev"), Some(kid), &self.issuers, now_ms);
        }
        found
    }

    /// The errors of this worker's fetches, and no longer in its list of events.
    pub(super) fn errors(&mut self) -> Vec<RefreshError> {
        let failed = |event: KeyEvent| match event.kind {
            KeyEventKind::Failed { error, .. } => Some(error),
            KeyEventKind::Fetched { .. } | KeyEventKind::SharedRefused => None,
        };
        self.events.drain(..).filter_map(failed).collect()
    }

    fn desk(&mut self, proxy: &mut FakeProxy, work: impl FnOnce(&mut Poller, &mut Desk<'_>)) {
        let Self { poller, issuers, events, changed } = self;
        work(poller, &mut Desk { issuers, host: proxy, events, changed });
    }
}

pub(super) const ISSUER: &str = "https://issuer";
pub(super) const FRESH_MS: u64 = 600_000;
pub(super) const STALE_MS: u64 = 3_600_000;
pub(super) const COOLDOWN_MS: u64 = 30_000;

pub(in crate::jwks) fn spiffe() -> Profile {
    Profile::SpiffeJwtSvid { trust_domain: "example.org".to_owned(), x509: false }
}

pub(super) fn clusters() -> ClusterNames {
    let mut clusters = ClusterNames::default();
    assert!(clusters.insert("idp.example", "idp"));
    clusters
}

pub(super) fn issuer(profile: Profile) -> section::Issuer {
    section::Issuer {
        profile,
        jwks: None,
        remote_jwks: Some(RemoteJwks::at("https://idp.example:8443/jwks?v=1")),
        algorithms: vec![Algorithm::Es256],
        ..section::testing::issuer("dev", ISSUER)
    }
}

/// A key set with these keys.
pub(super) fn jwks(kids: &[&str]) -> Vec<u8> {
    let keys: Vec<String> = kids.iter().map(|kid| testing::p256(1).jwk(kid)).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(",")).into_bytes()
}

/// A SPIFFE bundle with these keys.
pub(in crate::jwks) fn spiffe_bundle(kids: &[&str], sequence: u64) -> Vec<u8> {
    let key = |kid: &&str| testing::p256(1).jwk(kid).replacen('{', "{\"use\":\"jwt-svid\",", 1);
    let keys: Vec<String> = kids.iter().map(key).collect();
    format!(r#"{{"keys":[{}],"spiffe_sequence":{sequence}}}"#, keys.join(",")).into_bytes()
}
