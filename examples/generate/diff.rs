//! The JSON schema of `fedlint diff --format json`, from the types that are written (`src/cli/diff`, `src/difference`).

use fedlint::cli::diff::Report;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SCHEMA: &str = "docs/diff.schema.json";

pub(crate) fn files() -> BTreeMap<String, String> {
    let mut schema = schemars::schema_for!(Report<'static>).to_value();
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), json!("https://raw.githubusercontent.com/fedlint/fedlint/main/docs/diff.schema.json"));
        root.insert("title".to_owned(), json!("fedlint diff"));
    }
    BTreeMap::from([(SCHEMA.to_owned(), serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n")])
}
