use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::{Envelope, EnvelopeSignature, SignedDocument, SignedError, SignedOpening};
use crate::bundle::testing::{TestKey, ed25519, es256};
use crate::bundle::{Digest, KeyId, TrustKey, TrustSet, pae};
use crate::limits;

const TYPE: &str = "application/vnd.palisade.test.v1+json";
const LIMIT: usize = 4096;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    text: String,
    number: u64,
}

fn note() -> Vec<u8> {
    br#"{"text":"hello?>","number":7}"#.to_vec()
}

fn trust(keys: &[&TestKey], threshold: usize) -> TrustSet {
    let keys = keys.iter().map(|key| TrustKey::parse(&key.trust()).unwrap()).collect();
    TrustSet::new(keys, threshold).unwrap()
}

fn id(key: &TestKey) -> KeyId {
    Digest::of(&key.public())
}

fn signature(key: &TestKey, payload: &[u8]) -> EnvelopeSignature {
    let sig = key.sign(&pae(TYPE, payload));
    EnvelopeSignature { keyid: id(key).to_string(), sig: STANDARD.encode(sig) }
}

fn envelope(keys: &[&TestKey]) -> Envelope {
    Envelope {
        payload: STANDARD.encode(note()),
        payload_type: TYPE.to_owned(),
        signatures: keys.iter().map(|key| signature(key, &note())).collect(),
    }
}

/// At once and in pieces, which come to the same.
fn verify(envelope: &Envelope, trust: &TrustSet) -> Result<Vec<KeyId>, SignedError> {
    let bytes = serde_json::to_vec(envelope).unwrap();
    let whole = verify_whole(&bytes, trust);
    for most in [0, 4, 9, 16, LIMIT] {
        assert_eq!(verify_in_pieces(&bytes, trust, most), whole, "in pieces of {most}: {envelope:?}");
    }
    whole
}

fn verify_in_pieces(bytes: &[u8], trust: &TrustSet, most: usize) -> Result<Vec<KeyId>, SignedError> {
    let mut opening = SignedOpening::begin(bytes, LIMIT, trust, TYPE)?;
    while !opening.step(most)? {}
    let verified = opening.verify(trust)?;
    assert_eq!((verified.payload(), verified.digest()), (&note()[..], Digest::of(&note())));
    Ok(verified.signers().to_vec())
}

fn verify_whole(bytes: &[u8], trust: &TrustSet) -> Result<Vec<KeyId>, SignedError> {
    let document = SignedDocument::read(bytes, LIMIT)?;
    let verified = document.verify(trust, TYPE)?;
    assert_eq!(verified.payload(), note());
    assert_eq!(verified.digest(), Digest::of(&note()));
    assert_eq!(verified.parse::<Note>().unwrap().number, 7);
    Ok(verified.signers().to_vec())
}

fn refused(envelope: &Envelope, trust: &TrustSet) -> &'static str {
    verify(envelope, trust).map_or_else(|error| error.code(), |_| "accepted")
}

#[test]
fn k_of_n_distinct_keys_must_sign() {
    let (a, b, c) = (ed25519(1), es256(2), ed25519(3));
    let mut both = vec![id(&a), id(&b)];
    both.sort();
    assert_eq!(verify(&envelope(&[&a, &b]), &trust(&[&a, &b, &c], 2)).unwrap(), both);
    assert_eq!(
        verify(&envelope(&[&b, &c]), &trust(&[&b], 1)).unwrap(),
        [id(&b)],
        "a stranger neither counts nor harms"
    );
    for (keys, trust) in [
        (vec![], trust(&[&a], 1)),
        (vec![&b], trust(&[&a], 1)),
        (vec![&a], trust(&[&a, &b], 2)),
        (vec![&a, &a], trust(&[&a, &b], 2)),
        (vec![&a, &c], trust(&[&a, &b], 2)),
    ] {
        assert_eq!(refused(&envelope(&keys), &trust), "signed.threshold");
    }
}

#[test]
fn a_key_hint_is_a_hint() {
    let (a, b) = (ed25519(1), es256(2));
    let hint = |text: &str| {
        let mut envelope = envelope(&[&a, &b]);
        envelope.signatures.iter_mut().for_each(|signature| signature.keyid = text.to_owned());
        envelope
    };
    for text in ["", "release key", &id(&a).to_string().to_uppercase(), "SHA256:abc"] {
        assert_eq!(verify(&hint(text), &trust(&[&a, &b], 2)).unwrap().len(), 2, "{text}");
        assert_eq!(refused(&hint(text), &trust(&[&a, &ed25519(3)], 2)), "signed.threshold", "{text}");
    }
    // Another's id is a lie about a key that is trusted: somebody has changed the document.
    assert_eq!(refused(&hint(&id(&a).to_string()), &trust(&[&a, &b], 1)), "signed.signature");
    // The id of a key that nobody knows says that it is not ours.
    assert_eq!(refused(&hint(&Digest::of(b"").to_string()), &trust(&[&a, &b], 1)), "signed.threshold");
}

#[test]
fn one_key_counts_once_with_and_without_its_hint() {
    let (a, b) = (ed25519(1), ed25519(2));
    let mut twice = envelope(&[&a, &a]);
    twice.signatures[0].keyid = String::new();
    assert_eq!(refused(&twice, &trust(&[&a, &b], 2)), "signed.threshold");
    twice.signatures[1].keyid = String::new();
    assert_eq!(refused(&twice, &trust(&[&a, &b], 2)), "signed.threshold");
    // The same of ES256, which has more than one signature for one message and key.
    let c = es256(3);
    let mut forms = envelope(&[&c]);
    let der = c.sign_der(&pae(TYPE, &note()));
    forms.signatures.push(EnvelopeSignature { keyid: String::new(), sig: STANDARD.encode(der) });
    assert_eq!(refused(&forms, &trust(&[&c, &b], 2)), "signed.threshold");
}

#[test]
fn attempts_are_bounded() {
    let keys: Vec<TestKey> = (1..=16).map(ed25519).collect();
    let all: Vec<&TestKey> = keys.iter().collect();
    let strangers: Vec<TestKey> = (17..=32).map(ed25519).collect();
    let mut flood = envelope(&strangers.iter().collect::<Vec<_>>());
    flood.signatures.iter_mut().for_each(|signature| signature.keyid = String::new());
    assert_eq!(refused(&flood, &trust(&all, 1)), "signed.attempts");
    // Those with a trusted hint come first, so that a flood of others changes nothing.
    flood.signatures[15] = signature(&keys[15], &note());
    assert_eq!(refused(&flood, &trust(&all, 1)), "accepted");
}

#[test]
fn es256_comes_in_both_forms() {
    let key = es256(1);
    let der = key.sign_der(&pae(TYPE, &note()));
    let with = |sig: &[u8]| {
        let mut envelope = envelope(&[&key]);
        envelope.signatures[0].sig = STANDARD.encode(sig);
        refused(&envelope, &trust(&[&key], 1))
    };
    assert_eq!(with(&der), "accepted");
    assert_eq!(with(&key.sign(&pae(TYPE, &note()))), "accepted");
    // DER has one spelling.
    assert_eq!(with(&[&der[..], &[0]].concat()), "signed.signature");
    assert_eq!(with(&der[..der.len() - 1]), "signed.signature");
    let mut padded = der.clone();
    padded[3] += 1;
    padded.insert(4, 0);
    padded[1] += 1;
    assert_eq!(with(&padded), "signed.signature");
    assert_eq!(with(&[]), "signed.signature");
    assert_eq!(with(&[0; 64]), "signed.signature");
}

#[test]
fn every_changed_byte_is_refused() {
    let key = ed25519(1);
    let trust = trust(&[&key], 1);
    let good = serde_json::to_vec(&envelope(&[&key])).unwrap();
    let accepts = |bytes: &[u8]| {
        SignedDocument::read(bytes, LIMIT)
            .and_then(|document| document.verify(&trust, TYPE).map(|verified| verified.payload() == note()))
    };
    assert_eq!(accepts(&good), Ok(true));
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 1;
        // A damaged key hint may still be one; nothing else may change, and the payload never.
        if let Ok(same) = accepts(&damaged) {
            let text = String::from_utf8(damaged).unwrap();
            assert!(same && text.contains("\"payloadType\"") && text.contains("\"payload\""), "byte {at}: {text}");
            assert_eq!(
                text[..text.find("signatures").unwrap()],
                String::from_utf8_lossy(&good)[..text.find("signatures").unwrap()]
            );
        }
    }
    for end in 0..good.len() {
        assert_eq!(accepts(&good[..end]), Err(SignedError::Syntax), "cut at {end}");
    }
    assert_eq!(accepts(&[&good[..], b"x"].concat()), Err(SignedError::Syntax));
}

#[test]
fn a_signature_is_for_one_type_and_one_payload() {
    let key = ed25519(1);
    let trust = trust(&[&key], 1);
    let with = |change: &dyn Fn(&mut Envelope)| {
        let mut envelope = envelope(&[&key]);
        change(&mut envelope);
        refused(&envelope, &trust)
    };
    assert_eq!(
        with(&|e| e.payload_type = "application/vnd.palisade.manifest.v1+json".to_owned()),
        "signed.payload_type"
    );
    assert_eq!(with(&|e| e.payload = STANDARD.encode(b"{}")), "signed.signature");
    // The bare payload instead of its encoding with the type.
    assert_eq!(with(&|e| e.signatures[0].sig = STANDARD.encode(key.sign(&note()))), "signed.signature");
    // Signed as another type, and said to be this one.
    let other = key.sign(&pae("application/json", &note()));
    assert_eq!(with(&|e| e.signatures[0].sig = STANDARD.encode(&other)), "signed.signature");
}

#[test]
fn base64_has_two_alphabets_and_padding() {
    let key = ed25519(1);
    let trust = trust(&[&key], 1);
    let with = |payload: String| refused(&Envelope { payload, ..envelope(&[&key]) }, &trust);
    let standard = STANDARD.encode(note());
    let url_safe = URL_SAFE.encode(note());
    assert_ne!(standard, url_safe, "the note needs both alphabets");
    assert_eq!(with(url_safe), "accepted");
    assert!(standard.ends_with('='));
    for text in [
        URL_SAFE_NO_PAD.encode(note()),
        format!("{standard} "),
        format!("{standard}="),
        standard.replacen('/', "_", 1).replacen('e', "+", 1),
        {
            // The same bytes with a trailing bit that nobody reads.
            let mut bits = standard.clone();
            let last = bits.trim_end_matches('=').len() - 1;
            let next = char::from(bits.as_bytes()[last] + 1).to_string();
            bits.replace_range(last..=last, &next);
            bits
        },
    ] {
        assert_eq!(with(text.clone()), "signed.encoding", "{text}");
    }
}

#[test]
fn what_is_not_an_envelope_is_refused() {
    let read = |text: &str| SignedDocument::read(text.as_bytes(), LIMIT).map(|_| ()).map_err(|error| error.code());
    let good = r#"{"payload":"","payloadType":"","signatures":[]}"#;
    assert_eq!(read(good), Ok(()));
    assert_eq!(
        read(r#"{"payload":"","payloadType":"","signatures":[],"later":{"a":[1]}}"#),
        Ok(()),
        "DSSE says to ignore"
    );
    for text in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"payload":"","payloadType":""}"#,
        r#"{"payload":"","payloadType":"","signatures":{}}"#,
        r#"{"payload":"","payloadType":"","signatures":[{}]}"#,
        r#"{"payload":"","payloadType":"","signatures":[{"sig":1}]}"#,
        r#"{"payload":"","payloadType":"","signatures":[{"sig":"","sig":""}]}"#,
        r#"{"payload":"","payload":"","payloadType":"","signatures":[]}"#,
        r#"{"payload":"","payload\u0054ype":"","payloadType":"","signatures":[]}"#,
        r#"{"payload":null,"payloadType":"","signatures":[]}"#,
        r#"{"payload":7,"payloadType":"","signatures":[]}"#,
        r#"{"payload":[65,65],"payloadType":"","signatures":[]}"#,
        r#"{"payload":{"a":"b"},"payloadType":"","signatures":[]}"#,
    ] {
        assert_eq!(read(text), Err("signed.syntax"), "{text}");
    }
    // Nobody but the decoder looks at each letter.
    for letters in [[0xff; 4], *b"aaa\n", *b"a\0aa"] {
        let no_text = [&br#"{"payload":""#[..], &letters, br#"","payloadType":"","signatures":[]}"#].concat();
        assert_eq!(SignedDocument::read(&no_text, LIMIT).map(drop), Err(SignedError::Encoding), "{letters:?}");
    }
    let escaped = r#"{"payload":"e\u00330=","payloadType":"","signatures":[]}"#;
    assert_eq!(SignedDocument::read(escaped.as_bytes(), LIMIT).unwrap().unverified_payload(), b"{}");
    let many = format!(r#"{{"payload":"","payloadType":"","signatures":[{}]}}"#, vec![r#"{"sig":""}"#; 17].join(","));
    let long = |n: usize| format!(r#"{{"payload":"","payloadType":"","signatures":[{{"sig":"{}"}}]}}"#, "A".repeat(n));
    let kind =
        format!(r#"{{"payload":"","payloadType":"{}","signatures":[]}}"#, "a".repeat(limits::SIGNED_TEXT_BYTES + 1));
    let hint =
        format!(r#"{{"payload":"","payloadType":"","signatures":[{{"keyid":"{}","sig":""}}]}}"#, "a".repeat(257));
    for text in [many, long(limits::SIGNATURE_BYTES + 4), kind, hint] {
        assert_eq!(read(&text), Err("signed.limit"), "{text}");
    }
    assert_eq!(read(&long(limits::SIGNATURE_BYTES)), Ok(()));
    assert_eq!(read(&format!("{good}{}", " ".repeat(LIMIT))), Err("signed.too_large"));
}

#[test]
fn a_payload_has_one_spelling() {
    let key = ed25519(1);
    let parse = |payload: &str| {
        let envelope = Envelope {
            payload: STANDARD.encode(payload),
            payload_type: TYPE.to_owned(),
            signatures: vec![signature(&key, payload.as_bytes())],
        };
        let document = SignedDocument::read(&serde_json::to_vec(&envelope).unwrap(), LIMIT).unwrap();
        let verified = document.verify(&trust(&[&key], 1), TYPE).unwrap();
        verified.parse::<Note>().map_err(|error| error.code())
    };
    assert!(parse(r#"{"text":"a","number":1}"#).is_ok());
    for payload in [
        r#"{"number":1,"text":"a"}"#,
        r#"{"text": "a","number":1}"#,
        r#"{"text":"\u0061","number":1}"#,
        r#"{"text":"a","number":1,"text":"a"}"#,
        r#"{"text":"a","number":1,"more":1}"#,
        r#"{"text":"a","number":1.0}"#,
        "{\"text\":\"a\",\"number\":1}\n",
        "",
    ] {
        assert_eq!(parse(payload), Err("signed.payload"), "{payload}");
    }
}
