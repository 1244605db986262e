//! A list as it is signed: its head and its entries, in one spelling.
//!
//! A list is whole, or says what has changed since an earlier one, its base: entries of its own are added to those of the base or
//! take their place, entries that are `removed` cancel them. It is all that has changed, so that whoever has the base needs nothing
//! between. A base has no base itself.

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::error::RevocationError;
use super::opening::ListOpening;
use crate::bundle::Digest;

/// The DSSE payload type under which lists are signed.
pub const PAYLOAD_TYPE: &str = "application/vnd.palisade.revocations.v1+json";

/// Between the head and the entries of a payload. A quotation mark inside of a JSON string has a backslash before it, so this stands
/// nowhere else.
pub(super) const SEAM: &str = ",\"entries\":[";

/// What follows the last entry.
pub(super) const END: &str = "]}";

/// All of a list but its entries. Times are seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListHead {
    /// The channel whose gateways it is for.
    pub channel: String,
    /// Rises with each list of the channel, whole or not.
    pub serial: u64,
    /// When it was signed.
    pub issued: u64,
    /// When it is to be replaced at the latest.
    pub expires: u64,
    /// What happens if it is not.
    pub on_expiry: OnExpiry,
    /// The list that this one adds to; absent in a whole list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
}

/// What happens when a list has expired and no other has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExpiry {
    /// What it revokes stays revoked, and everybody else may pass, unless the gateway requires a list that is in date.
    Keep,
    /// Nobody may pass: what was revoked since is not known.
    Deny,
}

/// The list that another one adds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Its serial.
    pub serial: u64,
    /// The SHA-256 digest of its payload.
    pub digest: Digest,
}

/// A list with its entries: for those who write and show lists. Gateways keep less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFile {
    /// All but the entries.
    pub head: ListHead,
    /// The entries, in the order of their names.
    pub entries: Vec<Entry<'static>>,
}

impl ListFile {
    /// Reads a payload; what gateways refuse is refused here.
    ///
    /// # Errors
    ///
    /// When it is not a list in its one spelling.
    pub fn parse(payload: &[u8]) -> Result<Self, RevocationError> {
        let mut entries = Vec::new();
        let mut opening = ListOpening::of_payload(payload.to_vec(), Digest::of(payload))?;
        while !opening.step_with(usize::MAX, |entry| entries.push(entry.into_owned()))? {}
        Ok(Self { head: opening.head().clone(), entries })
    }

    /// Writes the payload, with its entries in order.
    ///
    /// # Errors
    ///
    /// When gateways would refuse it.
    pub fn encode(&self) -> Result<Vec<u8>, RevocationError> {
        let Self { head, entries } = self;
        let mut sorted: Vec<&Entry<'_>> = entries.iter().collect();
        sorted.sort_by_key(|entry| entry.name());
        let mut payload = encode_head(head)?;
        for (index, entry) in sorted.into_iter().enumerate() {
            if index > 0 {
                payload.push(b',');
            }
            serde_json::to_writer(&mut payload, entry).map_err(|_| RevocationError::Malformed)?;
        }
        payload.extend_from_slice(END.as_bytes());
        Self::parse(&payload)?;
        Ok(payload)
    }
}

/// The head and the seam, as they begin a payload.
pub(super) fn encode_head(head: &ListHead) -> Result<Vec<u8>, RevocationError> {
    let mut bytes = serde_json::to_vec(head).map_err(|_| RevocationError::Malformed)?;
    bytes.pop();
    bytes.extend_from_slice(SEAM.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::{EntryKind, Reason};

    fn list() -> ListFile {
        let entry = |kind, issuer: Option<&str>, id: Option<&str>| {
            Entry::new(kind, issuer.map(str::to_owned), id.map(str::to_owned))
        };
        ListFile {
            head: ListHead {
                channel: "prod,\"entries\":[".to_owned(),
                serial: 7,
                issued: 1_000,
                expires: 2_000,
                on_expiry: OnExpiry::Keep,
                base: None,
            },
            entries: vec![
                entry(EntryKind::Issuer, Some("dev"), None),
                Entry {
                    until: Some(9),
                    reason: Reason::KeyCompromise,
                    note: Some("it \"leaked\"".into()),
                    ..entry(EntryKind::Token, Some("dev"), Some("j\\2"))
                },
                entry(EntryKind::Token, Some("dev"), Some("j1")),
            ],
        }
    }

    #[test]
    fn a_list_reads_back_in_order() {
        let list = list();
        let payload = list.encode().unwrap();
        let read = ListFile::parse(&payload).unwrap();
        assert_eq!(read.head, list.head);
        let names: Vec<_> = read.entries.iter().map(Entry::name).collect();
        assert_eq!(
            names,
            [
                (EntryKind::Token, Some("dev"), Some("j1")),
                (EntryKind::Token, Some("dev"), Some("j\\2")),
                (EntryKind::Issuer, Some("dev"), None),
            ]
        );
        assert_eq!(read.encode().unwrap(), payload);
        let empty = ListFile { entries: vec![], ..list };
        assert_eq!(ListFile::parse(&empty.encode().unwrap()).unwrap(), empty);
    }

    #[test]
    fn there_is_one_spelling() {
        let text = String::from_utf8(list().encode().unwrap()).unwrap();
        for changed in [
            text.replacen(':', ": ", 1),
            text.replacen("\"serial\":7", "\"serial\":7,\"serial\":7", 1),
            text.replacen("\"serial\":7", "\"serial\":7,\"extra\":1", 1),
            text.replacen("\"serial\":7", "\"serial\":7.0", 1),
            text.replacen("\"serial\":7", "\"serial\":-7", 1),
            text.replacen("\"serial\":7", "\"serial\":07", 1),
            text.replacen("\"keep\"", "\"ignore\"", 1),
            text.replacen("\"on_expiry\":\"keep\"", "\"on_expiry\":\"keep\",\"base\":null", 1),
            text.replacen("\"id\":\"j1\"", "\"id\":\"\\u006a1\"", 1),
            text.replacen("\"id\":\"j1\"}", "\"id\":\"j1\",\"removed\":false}", 1),
            text.replacen("\"id\":\"j1\"}", "\"id\":\"j1\",\"removed\":true}", 1),
            text.replacen("\"id\":\"j1\"}", "\"id\":\"j1\",\"reason\":\"unspecified\"}", 1),
            text.replacen("},{", "}, {", 1),
            text.replacen("},{", "}{", 1),
            text.replacen("},{", "},,{", 1),
            text.replacen("[{", "[,{", 1),
            text.replace("}]}", "},]}"),
            text.replace("}]}", "}]"),
            text.replace("}]}", "}]}}"),
            text.replace("}]}", "}],\"x\":1}"),
            format!("{text}\n"),
            format!(" {text}"),
            text.replace("\"entries\"", "\"Entries\""),
            text[..text.len() / 2].to_owned(),
            String::new(),
            "{}".to_owned(),
            "{\"entries\":[]}".to_owned(),
            "null".to_owned(),
        ] {
            assert_ne!(changed, text);
            assert!(ListFile::parse(changed.as_bytes()).is_err(), "{changed}");
        }
    }

    #[test]
    fn relations_hold() {
        let base = Base { serial: 6, digest: Digest::of(b"base") };
        let refused = |change: fn(&mut ListFile, Base)| {
            let mut list = list();
            change(&mut list, Base { serial: 6, digest: Digest::of(b"base") });
            list.encode().err()
        };
        let with_base = ListFile { head: ListHead { base: Some(base), ..list().head }, ..list() };
        assert!(with_base.encode().is_ok());
        assert_eq!(refused(|list, _| list.head.channel.clear()), Some(RevocationError::Malformed));
        assert_eq!(refused(|list, _| list.head.channel = "x".repeat(129)), Some(RevocationError::Malformed));
        assert_eq!(refused(|list, _| list.head.expires = list.head.issued), Some(RevocationError::Malformed));
        assert_eq!(
            refused(|list, base| list.head.base = Some(Base { serial: 7, ..base })),
            Some(RevocationError::Malformed),
            "a list after its base"
        );
        let twice = refused(|list, _| list.entries.push(list.entries[0].clone()));
        assert_eq!(twice, Some(RevocationError::Order));
        let removed = refused(|list, _| list.entries[0].removed = true);
        assert_eq!(removed, Some(RevocationError::Entry), "nothing to remove without a base");
        assert_eq!(refused(|list, _| list.entries[0].id = Some("x".into())), Some(RevocationError::Entry));
    }
}
