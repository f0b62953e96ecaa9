//! The command line as a person sees it: `tests/cli/` holds transcripts. `TRYCMD=overwrite cargo test --test suite cli::` writes them anew.

#[test]
fn transcripts() {
    trycmd::TestCases::new().env("NO_COLOR", "1").env("LC_ALL", "C.UTF-8").case("tests/cli/*.trycmd").case("tests/cli/*.toml");
}
