//! The bytes that workers share: a ledger and a document for each issuer, named by the bundle, the issuer's alias, and the cluster
//! that leads to its keys: an operator who changes that does not want what came by the old one.
//!
//! Other filters may write there, too ([`crate::shared_memory`]): bytes that do not read count as absent.

use super::ledger::Ledger;
use crate::bundle::Digest;

/// First bytes of what this version writes. Another layout is another version's, and nothing to us.
const LEDGER: &[u8; 8] = b"pal-kl-1";
const DOCUMENT: &[u8; 8] = b"pal-kd-1";

/// The names of an issuer's shared data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) ledger: String,
    pub(super) document: String,
}

impl Names {
    pub(super) fn new(bundle: Digest, alias: &str, cluster: &str) -> Self {
        Self {
            ledger: format!("palisade.jwks.ledger.{bundle}.{alias}.{cluster}"),
            document: format!("palisade.jwks.document.{bundle}.{alias}.{cluster}"),
        }
    }
}

/// A fetched document as it is shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SharedDocument<'a> {
    /// The ledger's serial when it was shared.
    pub(super) serial: u64,
    /// When it was fetched, in milliseconds since the Unix epoch.
    pub(super) fetched_ms: u64,
    /// The response's body.
    pub(super) body: &'a [u8],
}

pub(super) fn write_ledger(ledger: &Ledger) -> Vec<u8> {
    let Ledger { serial, owner, leased_until_ms, started_ms, next_ms, failures } = *ledger;
    let mut bytes = LEDGER.to_vec();
    for number in [serial, owner, leased_until_ms, started_ms, next_ms, u64::from(failures)] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes
}

pub(super) fn read_ledger(bytes: &[u8]) -> Option<Ledger> {
    let (numbers, []) = bytes.strip_prefix(LEDGER)?.as_chunks::<8>() else {
        return None;
    };
    let numbers: &[[u8; 8]; 6] = numbers.try_into().ok()?;
    let [serial, owner, leased_until_ms, started_ms, next_ms, failures] = numbers.map(u64::from_le_bytes);
    let failures = u32::try_from(failures).ok()?;
    Some(Ledger { serial, owner, leased_until_ms, started_ms, next_ms, failures })
}

pub(super) fn write_document(document: &SharedDocument<'_>) -> Vec<u8> {
    let SharedDocument { serial, fetched_ms, body } = *document;
    [DOCUMENT, &serial.to_le_bytes()[..], &fetched_ms.to_le_bytes(), body].concat()
}

pub(super) fn read_document(bytes: &[u8]) -> Option<SharedDocument<'_>> {
    let (serial, rest) = bytes.strip_prefix(DOCUMENT)?.split_first_chunk()?;
    let (fetched_ms, body) = rest.split_first_chunk()?;
    Some(SharedDocument { serial: u64::from_le_bytes(*serial), fetched_ms: u64::from_le_bytes(*fetched_ms), body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let ledger =
            Ledger { serial: 1, owner: 2, leased_until_ms: 3, started_ms: 4, next_ms: u64::MAX, failures: u32::MAX };
        assert_eq!(read_ledger(&write_ledger(&ledger)), Some(ledger));
        for body in [&b""[..], b"{}", &[0xff; 1000]] {
            let document = SharedDocument { serial: 9, fetched_ms: 10, body };
            assert_eq!(read_document(&write_document(&document)), Some(document));
        }
    }

    #[test]
    fn other_bytes_do_not_read() {
        let ledger = write_ledger(&Ledger::default());
        let document = write_document(&SharedDocument { serial: 1, fetched_ms: 1, body: b"" });
        for len in 0..ledger.len() {
            assert_eq!(read_ledger(&ledger[..len]), None);
        }
        for len in 0..document.len() {
            assert_eq!(read_document(&document[..len]), None);
        }
        assert_eq!(read_ledger(&[&ledger[..], &[0]].concat()), None);
        assert_eq!(read_ledger(&document), None);
        assert_eq!(read_document(&ledger), None);
        let mut large = ledger;
        large.splice(48.., u64::MAX.to_le_bytes());
        assert_eq!(read_ledger(&large), None, "a number of failures that nobody counted to");
    }

    #[test]
    fn names_tell_bundles_issuers_and_clusters_apart() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let mut names: Vec<String> = [(a, "dev", "idp"), (b, "dev", "idp"), (a, "prod", "idp"), (a, "dev", "idp.2")]
            .into_iter()
            .flat_map(|(bundle, alias, cluster)| {
                let Names { ledger, document } = Names::new(bundle, alias, cluster);
                [ledger, document]
            })
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 8);
    }
}
