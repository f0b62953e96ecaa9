//! `docs/report.schema.json` is what the program writes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::support::{BAD, Folder, json, run, run_with};
use serde_json::Value;
use std::path::Path;

/// The keywords that our schemas use, and no other.
const KEYWORDS: [&str; 20] = [
    "$schema",
    "$id",
    "$defs",
    "$ref",
    "title",
    "description",
    "type",
    "required",
    "properties",
    "items",
    "enum",
    "const",
    "minimum",
    "pattern",
    "anyOf",
    "oneOf",
    "additionalProperties",
    "default",
    "examples",
    "format",
];

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the test does not know the type `{other}`"),
    }
}

/// What is wrong with a value, as paths; fields that the schema does not name are wrong too.
pub(crate) fn errors(root: &Value, schema: &Value, value: &Value, at: &str, out: &mut Vec<String>) {
    for keyword in schema.as_object().unwrap().keys() {
        assert!(KEYWORDS.contains(&keyword.as_str()), "the test does not know `{keyword}`");
    }
    if let Some(name) = schema["$ref"].as_str() {
        return errors(root, root.pointer(name.trim_start_matches('#')).unwrap(), value, at, out);
    }
    for any in ["anyOf", "oneOf"].iter().filter_map(|k| schema[*k].as_array()) {
        let fits = |one: &&Value| {
            let mut found = Vec::new();
            errors(root, one, value, at, &mut found);
            found.is_empty()
        };
        if !any.iter().any(|one| fits(&one)) {
            out.push(format!("{at}: fits none"));
        }
    }
    let kinds: Vec<&str> = schema["type"]
        .as_array()
        .map_or_else(|| schema["type"].as_str().into_iter().collect(), |all| all.iter().filter_map(Value::as_str).collect());
    if !kinds.is_empty() && !kinds.iter().any(|kind| is_of(value, kind)) {
        out.push(format!("{at}: {value} is not {kinds:?}"));
    }
    let no_value = schema.get("enum").is_some_and(|all| !all.as_array().unwrap().contains(value));
    if no_value || schema.get("const").is_some_and(|one| one != value) {
        out.push(format!("{at}: {value} is none of the values"));
    }
    if let (Some(least), Some(n)) = (schema["minimum"].as_u64(), value.as_u64()) {
        assert!(n >= least, "{at}: {n}");
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        assert!(regex::Regex::new(pattern).unwrap().is_match(text), "{at}: {text}");
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            out.push(format!("{at}: `{name}` is missing"));
        }
    }
    if let (Some(known), Some(members)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, member) in members {
            match known.get(name) {
                Some(schema) => errors(root, schema, member, &format!("{at}.{name}"), out),
                None if schema["additionalProperties"].is_object() => {
                    errors(root, &schema["additionalProperties"], member, &format!("{at}.{name}"), out);
                }
                None => out.push(format!("{at}: `{name}` is not in the schema")),
            }
        }
    }
    if let (Some(schema), Some(items)) = (schema.get("items"), value.as_array()) {
        items.iter().for_each(|item| errors(root, schema, item, &format!("{at}[]"), out));
    }
}

fn check(report: &Value) {
    let schema = schema();
    let mut found = Vec::new();
    errors(&schema, &schema, report, "report", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn what_is_written_is_what_the_schema_says() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/repos/brightloaf");
    check(&json(&run_with(&repository, &["check", ".", "--isolated", "--format", "json"], None, &[])));
    let folder = Folder::new();
    folder.write("main.tf", format!("# fedlint: ignore[missing-subject] known\n{BAD}").as_bytes());
    folder.write("open.tf", b"variable \"p\" {}\nresource \"aws_iam_role\" \"x\" {\n  assume_role_policy = var.p\n}\n");
    folder.write("broken.json", b"{ \"Federated\": ");
    folder.write("fedlint.toml", b"[[ignore]]\nrule = \"any-ref\"\nreason = \"x\"\n");
    let report = json(&run(&folder, &["check", ".", "--format", "json"], None));
    for list in ["/suppressed", "/coverage/undecided", "/coverage/files_skipped", "/findings"] {
        assert!(!report.pointer(list).unwrap().as_array().unwrap().is_empty(), "{list}: {report}");
    }
    check(&report);
}

#[test]
fn the_check_sees_what_is_wrong() {
    let schema = schema();
    let mut found = Vec::new();
    errors(&schema, &schema, &serde_json::json!({"version": 2, "more": 1}), "report", &mut found);
    assert!(found.len() > 5, "{found:?}");
}
