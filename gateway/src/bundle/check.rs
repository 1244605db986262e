//! A signature over a message that comes in pieces: whoever has a large one, and requests to serve, waits for a piece.

use ed25519_dalek::StreamVerifier;
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use sha2::{Digest as _, Sha256};

/// A signature that is being checked with one key, by the rules of [`super::TrustKey::verify`].
pub(crate) enum SignatureCheck {
    Ed25519(Box<StreamVerifier>),
    Es256(Box<Es256Check>),
    /// It is none by such a key, whatever the message.
    Broken,
}

pub(crate) struct Es256Check {
    key: p256::ecdsa::VerifyingKey,
    signature: p256::ecdsa::Signature,
    hash: Sha256,
}

impl SignatureCheck {
    pub(super) fn ed25519(key: &ed25519_dalek::VerifyingKey, signature: &[u8]) -> Self {
        let Ok(signature) = ed25519_dalek::Signature::from_slice(signature) else { return Self::Broken };
        // What `verify_strict` asks for, besides a key that is not of small order: its first half is no such point.
        let commitment = ed25519_dalek::VerifyingKey::from_bytes(signature.r_bytes());
        match (commitment, key.verify_stream(&signature)) {
            (Ok(commitment), Ok(check)) if !commitment.is_weak() => Self::Ed25519(Box::new(check)),
            (Ok(_) | Err(_), _) => Self::Broken,
        }
    }

    pub(super) fn es256(key: &p256::ecdsa::VerifyingKey, signature: Option<p256::ecdsa::Signature>) -> Self {
        let check = signature.map(|signature| Box::new(Es256Check { key: *key, signature, hash: Sha256::new() }));
        check.map_or(Self::Broken, Self::Es256)
    }

    /// Takes the next piece of the message.
    pub(crate) fn update(&mut self, piece: &[u8]) {
        match self {
            Self::Ed25519(check) => check.update(piece),
            Self::Es256(check) => check.hash.update(piece),
            Self::Broken => {}
        }
    }

    /// Whether the signature holds, once the message has come to its end.
    pub(crate) fn holds(self) -> bool {
        match self {
            Self::Ed25519(check) => check.finalize_and_verify().is_ok(),
            Self::Es256(check) => {
                let Es256Check { key, signature, hash } = *check;
                key.verify_prehash(&hash.finalize(), &signature).is_ok()
            }
            Self::Broken => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::bundle::testing::{ed25519, es256};
    use crate::bundle::{SignatureCheck, TrustKey};

    fn in_pieces(mut check: SignatureCheck, message: &[u8], most: usize) -> bool {
        message.chunks(most).for_each(|piece| check.update(piece));
        check.holds()
    }

    #[test]
    fn a_message_in_pieces_is_judged_as_a_whole_one() {
        let message = b"a message that is long enough for a few pieces".repeat(9);
        for signer in [ed25519(1), es256(2)] {
            let key = TrustKey::parse(&signer.trust()).unwrap();
            let good = signer.sign(&message);
            let mut signatures = vec![good.clone(), signer.sign(b"another"), Vec::new(), vec![0; 64], vec![0xff; 64]];
            signatures.extend([good[..63].to_vec(), [&good[..], &[0]].concat()]);
            // A first half of small order: the neutral element.
            signatures.push([&[1], &[0; 31][..], &good[32..]].concat());
            for at in 0..good.len() {
                let mut bent = good.clone();
                bent[at] ^= 1;
                signatures.push(bent);
            }
            for signature in signatures {
                for text in [&message[..], &message[1..], b""] {
                    let whole = key.verify(text, &signature);
                    for most in [1, 7, 64, 1_000] {
                        let check = key.begin(&signature);
                        assert_eq!(in_pieces(check, text, most), whole, "{signature:?} in pieces of {most}");
                    }
                }
            }
        }
    }
}
