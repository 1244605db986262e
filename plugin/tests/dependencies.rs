//! What the wasm module is made of: the crates, with versions, against a golden file (`make goldens` rewrites it), and
//! what holds for each of them. Procedural macros and build scripts run on the building machine and are not in it.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod golden;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Licences under which the module's parts may be used, as SPDX names them. A part needs one of them.
const LICENCES: [&str; 6] = ["Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib"];

struct Package {
    name: String,
    version: String,
    /// Where it comes from; empty for the registry.
    source: String,
    licence: String,
}

fn packages() -> Vec<Package> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "palisade-plugin", "--target", "wasm32-wasip1", "--no-dedupe"])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}\t{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    lines.into_iter().map(package).collect()
}

/// `NAME vVERSION [(SOURCE)]<tab>LICENCE`
fn package(line: &str) -> Package {
    let (id, licence) = line.split_once('\t').expect(line);
    let mut words = id.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    Package { name: word(), version: word(), source: word(), licence: licence.to_owned() }
}

#[test]
fn the_crates_are_the_golden_ones() {
    let list: Vec<String> = packages().iter().map(|p| format!("{} {}\n", p.name, p.version)).collect();
    assert!(list.len() > 10, "{list:?}");
    golden::assert_golden("dependencies.txt", &list.concat());
}

#[test]
fn every_crate_is_ours_or_from_the_registry() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_str().unwrap();
    for package in packages() {
        let ours = package.source.starts_with(&format!("({workspace}/"));
        assert_eq!(ours, package.name.starts_with("palisade-"), "{} {}", package.name, package.source);
        assert!(ours || package.source.is_empty(), "{} comes from {}", package.name, package.source);
    }
}

#[test]
fn no_crate_is_there_twice() {
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    for package in packages() {
        versions.entry(package.name).or_default().push(package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert!(versions.is_empty(), "{versions:?}");
}

#[test]
fn every_licence_allows_it() {
    for package in packages() {
        // `/` is an old spelling of OR.
        let licence = package.licence.replace('/', " OR ");
        let allowed = licence
            .split(" AND ")
            .all(|part| part.trim_matches(['(', ')']).split(" OR ").any(|licence| LICENCES.contains(&licence.trim())));
        assert!(allowed, "{} is licensed as `{}`", package.name, package.licence);
    }
}

/// For the whole workspace, tests and command included: one registry, and nothing from a repository's head.
#[test]
fn the_lock_file_names_one_registry() {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("Cargo.lock");
    let lock = std::fs::read_to_string(lock).unwrap();
    let mut sources: Vec<_> = lock.lines().filter(|line| line.starts_with("source = ")).collect();
    sources.sort_unstable();
    sources.dedup();
    let [registry] = sources[..] else { panic!("{sources:?}") };
    assert!(registry.starts_with("source = \"registry+"), "{registry}");
}
