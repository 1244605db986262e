use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::cases;

fn certificates() -> Vec<(String, Vec<u8>, String)> {
    cases::read(include_str!("../../tests/cases/certificates.txt"))
        .into_iter()
        .map(|mut case| {
            let (name, der, expected) = (case.require("case"), case.require("der"), case.require("expect"));
            case.finish();
            (name, STANDARD.decode(der).unwrap(), expected)
        })
        .collect()
}

#[test]
fn every_certificate_is_read_or_refused_as_it_should_be() {
    for (name, der, expected) in certificates() {
        let svid = Svid::read(&der);
        match expected.as_str() {
            "refused" => assert_eq!(svid, None, "{name}"),
            id => {
                let svid = svid.unwrap();
                assert_eq!(svid.id, id, "{name}");
                // 22 November 2026, 03:38, and a hundred years of 365 days later.
                assert!((1_795_318_600_000..1_795_318_800_000).contains(&svid.validity.from_ms), "{svid:?}");
                let life = svid.validity.until_ms - svid.validity.from_ms;
                assert_eq!(life, 36_500 * 86_400_000 + 1000, "{name}");
            }
        }
    }
}

#[test]
fn damaged_certificates_never_panic_nor_become_another_identity() {
    let (_, der, id) = certificates().swap_remove(0);
    for end in 0..der.len() {
        assert_eq!(Svid::read(&der[..end]), None, "cut at {end}");
    }
    let longer = [&der[..], &[0]].concat();
    assert_eq!(Svid::read(&longer), None);
    let place = der.windows(id.len()).position(|window| window == id.as_bytes()).unwrap();
    for at in 0..der.len() {
        for bit in 0..8 {
            let mut changed = der.clone();
            changed[at] ^= 1 << bit;
            if let Some(svid) = Svid::read(&changed) {
                let inside = (place..place + id.len()).contains(&at);
                assert!(inside || svid.id == id, "byte {at}, bit {bit}");
            }
        }
    }
}

#[test]
fn times_have_two_forms() {
    let time = |tag: u8, text: &str| {
        let der = [&[tag, u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        Der(&der).time()
    };
    assert_eq!(time(UTC_TIME, "700101000000Z"), Some(0));
    assert_eq!(time(UTC_TIME, "491231235959Z"), Some(2_524_607_999_000));
    assert_eq!(time(GENERALIZED_TIME, "20240229120000Z"), Some(1_709_208_000_000));
    assert_eq!(time(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799_000));
    for (tag, text) in [
        (UTC_TIME, "7001010000Z"),
        (UTC_TIME, "700101000000"),
        (UTC_TIME, "700101000000+"),
        (UTC_TIME, "19700101000000Z"),
        (UTC_TIME, "701301000000Z"),
        (UTC_TIME, "700100000000Z"),
        (UTC_TIME, "700101240000Z"),
        (UTC_TIME, "69123123595 Z"),
        (UTC_TIME, "691231235959Z"),
        (GENERALIZED_TIME, "700101000000Z"),
        (GENERALIZED_TIME, "00000101000000Z"),
        (INTEGER, "700101000000Z"),
    ] {
        assert_eq!(time(tag, text), None, "{text}");
    }
}
