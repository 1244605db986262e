//! The client certificate of a request's connection, as Envoy tells of it.

use crate::proxy::Proxy;

/// Whether the certificate was validated: one byte, 1 for yes. `connection.mtls` says only that a certificate was presented; with
/// `trust_chain_verification: ACCEPT_UNTRUSTED` that can be any.
const VALID: &[u8] = b"connection\0peer_certificate_valid";
/// The SHA-256 digest of the certificate in DER form, as 64 hexadecimal digits.
const DIGEST: &[u8] = b"connection\0sha256_peer_certificate_digest";

/// The certificate in PEM form.
const PEM: &[u8] = b"connection\0peer_certificate";

/// The certificate in DER form, if there is one and the TLS layer validated it.
pub(crate) fn der(proxy: &mut impl Proxy) -> Option<Vec<u8>> {
    if *proxy.property(VALID).ok()? != [1] {
        return None;
    }
    let pem = proxy.property(PEM).ok()?;
    let pem = std::str::from_utf8(&pem).ok()?.trim_ascii();
    let body = pem.strip_prefix("-----BEGIN CERTIFICATE-----")?.strip_suffix("-----END CERTIFICATE-----")?;
    let body: String = body.split_ascii_whitespace().collect();
    base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).ok()
}

/// The digest of the certificate, if there is one and the TLS layer validated it. A host that does not say so has not.
pub(crate) fn digest(proxy: &mut impl Proxy) -> Option<[u8; 32]> {
    if *proxy.property(VALID).ok()? != [1] {
        return None;
    }
    let text = proxy.property(DIGEST).ok()?;
    let (pairs, []) = text.as_chunks::<2>() else {
        return None;
    };
    let mut bytes = [0; 32];
    if pairs.len() != bytes.len() {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = hex(*high)? << 4 | hex(*low)?;
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::FakeProxy;

    const HEX: &str = "00ff7f80e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b";

    fn with(valid: Option<&[u8]>, hex: Option<&str>) -> Option<[u8; 32]> {
        let mut proxy = FakeProxy::default();
        if let Some(valid) = valid {
            proxy.readable.insert("connection.peer_certificate_valid", valid.to_vec());
        }
        if let Some(hex) = hex {
            proxy.readable.insert("connection.sha256_peer_certificate_digest", hex.as_bytes().to_vec());
        }
        digest(&mut proxy)
    }

    #[test]
    fn a_validated_certificate_has_its_digest() {
        let found = with(Some(&[1]), Some(HEX)).unwrap();
        assert_eq!((found[0], found[1], found[2], found[31]), (0, 0xff, 0x7f, 0x1b));
        assert_eq!(with(Some(&[1]), Some(&HEX.to_uppercase())), Some(found));
    }

    #[test]
    fn one_that_was_only_presented_has_none() {
        for valid in [None, Some(&[][..]), Some(&[0]), Some(&[2]), Some(&[1, 0]), Some(b"true"), Some(b"1")] {
            assert_eq!(with(valid, Some(HEX)), None, "{valid:?}");
        }
    }

    #[test]
    fn the_certificate_comes_as_pem() {
        let with = |valid: u8, pem: &str| {
            let mut proxy = FakeProxy::default();
            proxy.readable.insert("connection.peer_certificate_valid", vec![valid]);
            proxy.readable.insert("connection.peer_certificate", pem.as_bytes().to_vec());
            der(&mut proxy)
        };
        let pem = "-----BEGIN CERTIFICATE-----\nMAAw\nAA==\n-----END CERTIFICATE-----\n";
        assert_eq!(with(1, pem), Some(vec![0x30, 0, 0x30, 0]));
        assert_eq!(with(0, pem), None);
        for pem in ["", "MAAwAA==", &pem.replace("MAAw", "M?Aw"), &pem.replace("CERT", "X"), &format!("{pem}{pem}")] {
            assert_eq!(with(1, pem), None, "{pem}");
        }
    }

    #[test]
    fn what_is_no_digest_is_none() {
        let short = &HEX[2..];
        for hex in [None, Some(""), Some("0"), Some(short), Some(&HEX[1..]), Some(&format!("{HEX}00")[..])] {
            assert_eq!(with(Some(&[1]), hex), None, "{hex:?}");
        }
        assert_eq!(with(Some(&[1]), Some(&HEX.replace('e', "g"))), None);
        assert_eq!(with(Some(&[1]), Some(&HEX.replace('e', "+"))), None);
    }
}
