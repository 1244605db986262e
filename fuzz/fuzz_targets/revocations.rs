//! Any bytes as a revocation list: no panic, and what is accepted is the one spelling of what it says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_gateway::limits;
use palisade_gateway::revocation::ListFile;
use palisade_gateway::signed::SignedDocument;

fuzz_target!(|data: &[u8]| {
    let _ = SignedDocument::read(data, limits::REVOCATIONS_BYTES);
    let Ok(list) = ListFile::parse(data) else { return };
    assert_eq!(list.encode().unwrap(), data);
    assert!(list.entries.is_sorted_by(|a, b| a.name() < b.name()));
    assert!(list.entries.iter().all(|entry| entry.check().is_ok() && (!entry.removed || list.head.base.is_some())));
});
