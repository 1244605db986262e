//! What the built wasm module asks of its host and offers to it, against golden files: a new hostcall or callback is a
//! change that somebody reviews. `make goldens` rewrites them.
//!
//! The module is the one in `PALISADE_WASM`; without it these tests fail and do not skip.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod golden;

use golden::assert_golden;
use std::path::Path;
use wasmparser::{Parser, Payload, TypeRef, Validator, WasmFeatures};

fn module() -> Vec<u8> {
    let path = std::env::var_os("PALISADE_WASM").expect("PALISADE_WASM is not set: run `make test`");
    std::fs::read(path).expect("PALISADE_WASM names a file: run `make plugin`")
}

fn manifest_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn payloads(module: &[u8]) -> Vec<Payload<'_>> {
    Parser::new(0).parse_all(module).collect::<Result<_, _>>().unwrap()
}

#[test]
fn imports_are_the_golden_ones() {
    let module = module();
    let mut lines = Vec::new();
    for payload in payloads(&module) {
        if let Payload::ImportSection(imports) = payload {
            for import in imports.into_imports() {
                let import = import.unwrap();
                assert!(matches!(import.ty, TypeRef::Func(_)), "{import:?}: only functions are imported");
                lines.push(format!("{} {}\n", import.module, import.name));
            }
        }
    }
    lines.sort();
    assert_golden("imports.txt", &lines.concat());
}

#[test]
fn exports_are_the_golden_ones() {
    let module = module();
    let mut lines = Vec::new();
    for payload in payloads(&module) {
        if let Payload::ExportSection(exports) = payload {
            for export in exports {
                let export = export.unwrap();
                lines.push(format!("{:?} {}\n", export.kind, export.name));
            }
        }
    }
    lines.sort();
    assert_golden("exports.txt", &lines.concat());
}

/// What every proxy-wasm host that we know of accepts (see `PROPOSALS`), so that the filter is not tied to V8.
#[test]
fn the_module_validates_with_widely_supported_features_only() {
    const PROPOSALS: WasmFeatures = WasmFeatures::WASM1
        .union(WasmFeatures::SIGN_EXTENSION)
        .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
        .union(WasmFeatures::BULK_MEMORY)
        .union(WasmFeatures::MULTI_VALUE)
        .union(WasmFeatures::REFERENCE_TYPES);
    Validator::new_with_features(PROPOSALS).validate_all(&module()).unwrap();
}

/// Envoy enforces the maximum that a module declares; without one a VM may grow to 1 GiB.
#[test]
fn the_memory_has_a_maximum() {
    const PAGE: u64 = 64 * 1024;
    let module = module();
    let mut maximum = None;
    for payload in payloads(&module) {
        if let Payload::MemorySection(memories) = payload {
            maximum = memories.into_iter().next().unwrap().unwrap().maximum;
        }
    }
    assert_eq!(maximum.map(|pages| pages * PAGE), Some(256 * 1024 * 1024));
}

#[test]
fn the_module_is_within_its_ceiling() {
    let ceiling = std::fs::read_to_string(manifest_dir().join("size-ceiling")).unwrap();
    let ceiling: usize = ceiling.lines().find_map(|line| line.parse().ok()).unwrap();
    let size = module().len();
    assert!(size <= ceiling, "{size} bytes are more than {ceiling}");
}

/// Paths of the building machine would leak who built it and make the bytes differ from machine to machine.
#[test]
fn no_path_of_this_machine_is_in_the_module() {
    let module = module();
    let workspace = manifest_dir().parent().unwrap().to_str().unwrap().to_owned();
    let home = std::env::var("HOME").unwrap();
    let cargo_home = std::env::var("CARGO_HOME").unwrap_or_else(|_| format!("{home}/.cargo"));
    for needle in [workspace.as_str(), cargo_home.as_str(), "/.cargo/", "/home/", "registry/src/"] {
        let found = module.windows(needle.len()).any(|window| window == needle.as_bytes());
        assert!(!found, "the module contains `{needle}`");
    }
}

#[test]
fn nothing_but_code_and_data_is_left_in_the_module() {
    let module = module();
    for payload in payloads(&module) {
        if let Payload::CustomSection(section) = payload {
            assert!(["producers", "target_features"].contains(&section.name()), "custom section `{}`", section.name());
        }
    }
}
