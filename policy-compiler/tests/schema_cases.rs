//! Schemas for tools, beside those that Cedar's own generator wrote.
//!
//! Each `cases/schema/NAME.json` is a result of `tools/list`; `NAME.cedarschema` is what `cedar-policy-mcp-schema-generator`
//! 0.7.0 makes of it with `stub.cedarschema` and objects as records, and `NAME.decimal.cedarschema` with numbers as decimals,
//! too. That crate pins another version of `cedar-policy-core`, so its answers are kept here and it is not a dependency.

use std::fs;
use std::path::Path;

use palisade_policy_compiler::diagnostic::Findings;
use palisade_policy_compiler::schema::{Stub, ToolList, from_mcp};

#[test]
fn schemas_are_those_of_cedars_own_generator() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/schema");
    let stub = Stub::parse(&fs::read_to_string(folder.join("stub.cedarschema")).unwrap()).unwrap();
    let mut compared = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        for (decimal, extension) in [(false, "cedarschema"), (true, "decimal.cedarschema")] {
            let mut tools = ToolList::default();
            assert_eq!(tools.add(&fs::read_to_string(&path).unwrap()).unwrap(), None);
            let mut findings = Findings::default();
            let written = from_mcp(&tools, stub.clone(), decimal, &mut findings).unwrap();
            assert!(findings.is_empty(), "{}: {findings:?}", path.display());
            let expected = fs::read_to_string(path.with_extension(extension)).unwrap();
            assert_eq!(written.schema.trim_end(), expected.trim_end(), "{}", path.display());
            assert_eq!(written.catalogue.tools.len(), tools.len());
            compared += 1;
        }
    }
    assert!(compared >= 6, "{compared}");
}
