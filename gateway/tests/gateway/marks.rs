//! The newest bundle that a proxy has seen: none of its workers opens an older one, whatever it is offered.

use palisade_gateway::{Expected, Gateway, NativeHost, NativeMemory, SharedMemory};

use crate::world::{Ask, NOW, Parts, Signer, configuration, send};

fn bundle(version: u64, change: impl FnOnce(&mut Parts)) -> Vec<u8> {
    let mut parts = Parts::new();
    parts.manifest.version = version;
    change(&mut parts);
    parts.describe_sections();
    parts.sign(&[&Signer::ed25519(1)])
}

fn same(_: &mut Parts) {}

fn renamed(parts: &mut Parts) {
    parts.manifest.name = "another".to_owned();
}

/// A proxy: its workers, and the root contexts of one worker, share this memory.
#[derive(Default)]
struct Proxy(NativeMemory);

impl Proxy {
    fn host(&self) -> NativeHost {
        NativeHost::at(NOW).with_memory(self.0.clone())
    }

    fn configure(&self, bundle: &[u8], rest: &str) -> Result<Gateway, &'static str> {
        let configuration = configuration(bundle, &[&Signer::ed25519(1)], 1, rest);
        Gateway::configure(&configuration, &mut self.host()).map_err(|error| error.code())
    }

    fn swap(&self, gateway: &mut Gateway, bundle: &[u8]) -> Result<bool, &'static str> {
        gateway.swap(bundle, &mut self.host(), &mut Vec::new()).map_err(|error| error.code())
    }
}

fn version(gateway: &Gateway) -> u64 {
    gateway.bundle().unwrap().manifest().version
}

#[test]
fn a_configuration_with_an_older_bundle_is_refused() {
    let proxy = Proxy::default();
    for (version, expected) in
        [(7, Ok(7)), (7, Ok(7)), (9, Ok(9)), (8, Err("bundle.rollback")), (7, Err("bundle.rollback")), (9, Ok(9))]
    {
        let configured = proxy.configure(&bundle(version, same), "").map(|gateway| self::version(&gateway));
        assert_eq!(configured, expected, "{version}");
    }
    // The floor in the configuration holds beside it.
    assert_eq!(proxy.configure(&bundle(9, same), r#","min_version":10"#).err(), Some("bundle.version"));
    // Another proxy, or this one started anew, knows nothing of it.
    assert_eq!(Proxy::default().configure(&bundle(7, same), "").map(|gateway| version(&gateway)), Ok(7));
}

#[test]
fn another_bundle_of_the_same_version_is_refused_and_an_alarm() {
    let proxy = Proxy::default();
    let mut gateway = proxy.configure(&bundle(7, same), "").unwrap();
    let other = bundle(7, renamed);
    assert_eq!(proxy.configure(&other, "").err(), Some("bundle.equivocation"));
    assert_eq!(proxy.swap(&mut gateway, &other), Err("bundle.equivocation"));
    let refused = Gateway::configure(&configuration(&other, &[&Signer::ed25519(1)], 1, ""), &mut proxy.host());
    assert!(refused.unwrap_err().is_alarm());
    let refused = Gateway::configure(b"{}", &mut proxy.host());
    assert!(!refused.unwrap_err().is_alarm());
}

#[test]
fn a_bundle_with_one_more_signature_is_the_same() {
    let proxy = Proxy::default();
    let (first, second) = (Signer::ed25519(1), Signer::es256(2));
    let parts = Parts::new();
    proxy.configure(&parts.sign(&[&first]), "").unwrap();
    assert!(proxy.configure(&parts.sign(&[&first, &second]), "").is_ok());
}

#[test]
fn what_one_worker_opened_holds_for_all() {
    let proxy = Proxy::default();
    let mut first = proxy.configure(&bundle(7, same), "").unwrap();
    let mut second = proxy.configure(&bundle(7, same), "").unwrap();
    assert_eq!(proxy.swap(&mut first, &bundle(9, same)), Ok(true));
    // The second still runs the old one; it takes nothing in between, and may take the same.
    assert_eq!(send(&mut second, &Ask::new("GET", "/repos/site")).reason, "policy.allow");
    assert_eq!(proxy.swap(&mut second, &bundle(8, same)), Err("bundle.rollback"));
    assert_eq!(version(&second), 7);
    assert_eq!(proxy.swap(&mut second, &bundle(9, renamed)), Err("bundle.equivocation"));
    assert_eq!(proxy.swap(&mut second, &bundle(9, same)), Ok(true));
    assert_eq!(version(&second), 9);
}

#[test]
fn what_is_not_opened_leaves_no_mark() {
    let proxy = Proxy::default();
    let mut gateway = proxy.configure(&bundle(7, same), "").unwrap();
    for (what, offered) in [
        ("expired", bundle(20, |parts| parts.manifest.expires = NOW)),
        ("policies that do not open", bundle(20, |parts| parts.policies.truncate(40))),
        ("a section that does not open", bundle(20, |parts| parts.gateway = b"{}".to_vec())),
        ("another channel", bundle(20, |parts| parts.manifest.channel = "other".to_owned())),
        ("unsigned", Parts::new().sign(&[])),
    ] {
        assert!(proxy.configure(&offered, r#","channel":"test""#).is_err(), "{what}");
        assert!(proxy.swap(&mut gateway, &bundle(7, renamed)).is_err());
        assert!(proxy.configure(&bundle(7, same), "").is_ok(), "{what} left a mark");
    }
    // Nor does a good bundle in a configuration that is refused.
    assert_eq!(
        proxy.configure(&bundle(20, same), r#","token_cache":{"max_entries":65537}"#).err(),
        Some("config.token_cache")
    );
    assert_eq!(proxy.swap(&mut gateway, &bundle(8, same)), Ok(true));
}

#[test]
fn channels_are_apart() {
    let proxy = Proxy::default();
    proxy.configure(&bundle(9, same), "").unwrap();
    let staging = bundle(1, |parts| parts.manifest.channel = "staging".to_owned());
    assert_eq!(proxy.configure(&staging, "").map(|gateway| version(&gateway)), Ok(1));
}

#[test]
fn bytes_of_others_under_its_name_are_no_mark() {
    let proxy = Proxy::default();
    for bytes in [&b""[..], b"pal-hw-1", &[0xff; 48]] {
        assert!(proxy.0.clone().share("palisade.mark.test", bytes, Expected::Anything));
        assert!(proxy.configure(&bundle(7, same), "").is_ok());
        assert_eq!(proxy.configure(&bundle(6, same), "").err(), Some("bundle.rollback"));
    }
}
