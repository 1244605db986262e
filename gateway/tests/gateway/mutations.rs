//! Hostile variations by the thousand: nothing panics, and nothing that was changed is let through.

use palisade_gateway::{Gateway, HeaderMap, NativeHost, RequestHead};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::world::{Ask, NOW, Parts, Signer, configuration, gateway, send, token};

fn below(random: &mut ChaCha8Rng, end: usize) -> usize {
    usize::try_from(random.next_u64() % u64::try_from(end).unwrap()).unwrap()
}

#[test]
fn every_changed_character_of_a_token_is_refused() {
    let mut gateway = gateway();
    let good = token();
    assert_eq!(send(&mut gateway, &Ask::new("GET", "/repos/site")).reason, "policy.allow");
    for at in 0..good.len() {
        let old = good.as_bytes()[at];
        for new in [b'A', b'z', b'-', b'.', old ^ 1, old ^ 0x20] {
            if new == old {
                continue;
            }
            let mut changed = good.clone().into_bytes();
            changed[at] = new;
            let ask = Ask::bare("GET", "/repos/site").header("authorization", [b"Bearer ", &changed[..]].concat());
            let answer = send(&mut gateway, &ask);
            assert!(matches!(answer.status, 400 | 401), "character {at} as {new:#x}: {}", answer.reason);
        }
    }
}

#[test]
fn a_flood_of_garbage_changes_nothing() {
    let mut gateway = gateway();
    let good = Ask::new("GET", "/repos/site");
    assert_eq!(send(&mut gateway, &good).reason, "policy.allow");
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let token = token();
    let (input, _) = token.rsplit_once('.').unwrap();
    for number in 0..100_000u32 {
        // Mostly what fails early; now and then one that costs a verification.
        let text = match number % 200 {
            0 => format!("{input}.{}", crate::keys::b64([random.next_u64().to_le_bytes(); 8].concat())),
            1 => format!("{input}{number}.AAAA"),
            _ => format!("{:x}.{:x}.{number:x}", random.next_u64(), random.next_u64()),
        };
        let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {text}"));
        let answer = send(&mut gateway, &ask);
        assert_eq!((answer.status, answer.cached), (401, false), "{text}");
    }
    // None of it took a place in the cache: the good token is still there.
    assert!(send(&mut gateway, &good).cached);
}

#[test]
fn every_shortened_token_is_refused() {
    let mut gateway = gateway();
    let good = token();
    for len in 0..good.len() {
        for part in [&good[..len], &good[good.len() - len..]] {
            let ask = Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {part}"));
            assert_eq!(send(&mut gateway, &ask).status, 401, "{len}");
        }
    }
}

#[test]
fn damaged_header_maps_never_panic_nor_pass_for_another() {
    let mut gateway = gateway();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let pairs: [(&[u8], Vec<u8>); 5] = [
        (b":method", b"GET".to_vec()),
        (b":path", b"/repos/site".to_vec()),
        (b":authority", b"repos.internal".to_vec()),
        (b"authorization", format!("Bearer {}", token()).into_bytes()),
        (b"x-intent", b"none".to_vec()),
    ];
    let mut good = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
    for (name, value) in &pairs {
        good.extend_from_slice(&u32::try_from(name.len()).unwrap().to_le_bytes());
        good.extend_from_slice(&u32::try_from(value.len()).unwrap().to_le_bytes());
    }
    for (name, value) in &pairs {
        good.extend_from_slice(&[*name, &[0][..], value, &[0]].concat());
    }
    let mut read = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=below(&mut random, 3) {
            let at = below(&mut random, bytes.len());
            match below(&mut random, 4) {
                0 => bytes[at] ^= 1 << below(&mut random, 8),
                1 => bytes[at] = 0,
                2 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, u8::try_from(below(&mut random, 256)).unwrap()),
            }
        }
        if let Ok(headers) = HeaderMap::parse(&bytes) {
            read += 1;
            let _ = gateway.decide(&RequestHead { headers }, &mut NativeHost::at(NOW));
        }
    }
    assert!(read > 1000, "too few of the damaged maps were readable: {read}");
}

#[test]
fn damaged_configurations_never_panic_nor_load_another_bundle() {
    let key = Signer::ed25519(1);
    let bundle = Parts::new().sign(&[&key]);
    let good = configuration(&bundle, &[&key], 1, r#","channel":"test""#);
    let digest = Gateway::configure(&good, &mut NativeHost::at(NOW)).unwrap().bundle().unwrap().digest();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for _ in 0..3000 {
        let mut bytes = good.clone();
        for _ in 0..=below(&mut random, 2) {
            let at = below(&mut random, bytes.len());
            match below(&mut random, 3) {
                0 => bytes[at] ^= 1 << below(&mut random, 8),
                1 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, u8::try_from(below(&mut random, 256)).unwrap()),
            }
        }
        if let Ok(gateway) = Gateway::configure(&bytes, &mut NativeHost::at(NOW)) {
            // White space, or a change and its undoing; never another bundle.
            assert_eq!(gateway.bundle().unwrap().digest(), digest);
        }
    }
}
