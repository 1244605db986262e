//! Golden tests of the command's text: `cli/*.trycmd`. `TRYCMD=overwrite cargo test --test cli` writes them anew.

#[test]
fn golden() {
    trycmd::TestCases::new().env("NO_COLOR", "1").env("SOURCE_DATE_EPOCH", "1767225600").case("tests/cli/*.trycmd");
}
