//! The reference and the schema of fedlint.toml say what the program reads. `cargo run --example generate` writes both.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::configuration::KEYS;
use crate::report_schema::errors;
use crate::support::{Folder, run};
use fedlint::config::Config;
use serde_json::Value;
use std::path::Path;

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// What the schema says against a configuration.
fn refused(configuration: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(&read("docs/fedlint.schema.json")).unwrap();
    let value: Value = toml::from_str(configuration).unwrap_or_else(|e| panic!("{configuration}: {e}"));
    let mut out = Vec::new();
    errors(&schema, &schema, &value, "fedlint.toml", &mut out);
    out
}

/// The blocks of TOML on a page.
fn blocks(page: &str) -> Vec<String> {
    let block = |rest: &str| rest.split_once('\n').and_then(|(_, rest)| rest.split("\n```").next()).map(str::to_owned);
    page.split("```toml").skip(1).filter_map(block).collect()
}

#[test]
fn every_key_is_on_the_page() {
    let page = read("docs/configuration.md");
    for (key, _) in KEYS {
        let family = key.split('.').next().unwrap();
        let shown = page.contains(&format!("\n## `{key}`\n")) || page.contains(&format!("\n## `{family}."));
        assert!(shown, "docs/configuration.md does not explain `{key}`");
    }
}

#[test]
fn what_the_pages_and_the_first_file_show_is_read_and_fits_the_schema() {
    let mut shown: Vec<String> = ["docs/configuration.md", "docs/gate.md", "README.md"].iter().flat_map(|p| blocks(&read(p))).collect();
    let folder = Folder::new();
    run(&folder, &["init"], None);
    let first = std::fs::read_to_string(folder.path().join("fedlint.toml")).unwrap();
    assert!(first.starts_with("#:schema https://") && first.contains("docs/fedlint.schema.json\n"), "{first}");
    // With the keys that are only proposed, too.
    let proposed: Vec<&str> =
        first.lines().map(|l| if l.contains(" = ") || l.contains('[') { l.trim_start_matches("# ") } else { l }).collect();
    shown.extend([first.clone(), proposed.join("\n")]);
    shown.extend(KEYS.iter().map(|(_, configuration)| (*configuration).to_owned()));
    assert!(shown.len() > 20);
    for configuration in shown {
        Config::parse("fedlint.toml", &configuration).unwrap_or_else(|e| panic!("{configuration}: {e}"));
        assert_eq!(refused(&configuration), Vec::<String>::new(), "{configuration}");
    }
}

#[test]
fn what_is_not_read_does_not_fit_the_schema() {
    for configuration in [
        "fail_on = \"high\"",
        "fail-on = \"loud\"",
        "exclude = \"examples/**\"",
        "[rules.any-ref]\nlevel = \"info\"",
        "[rules.any-ref]\nseverity = \"loud\"",
        "[github]\nimmutable-subjects = \"yes\"",
        "[[ignore]]\nrule = \"any-ref\"",
        "[issuers]\ntrust = []",
    ] {
        assert!(Config::parse("fedlint.toml", configuration).is_err(), "{configuration}");
        assert_ne!(refused(configuration), Vec::<String>::new(), "{configuration}");
    }
}
