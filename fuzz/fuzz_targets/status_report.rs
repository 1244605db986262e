//! Status reports: whatever reads is written again as what it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade_gateway::StatusReport;

fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = StatusReport::parse(bytes) else { return };
    let written = serde_json::to_vec(&report).expect("a report is written");
    assert_eq!(StatusReport::parse(&written), Ok(report));
});
