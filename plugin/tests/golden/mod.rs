//! Golden files, beside this one.

use std::path::Path;

/// Compares with the golden file, or rewrites it when `make goldens` asks.
pub(crate) fn assert_golden(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("PALISADE_UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == actual,
        "{name} differs; run `make goldens` and review the change\n--- golden\n{golden}\n--- now\n{actual}"
    );
}
