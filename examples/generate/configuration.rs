//! The reference and the JSON schema of fedlint.toml, from the types that read it (`src/config.rs`).

use fedlint::catalogue::catalogue;
use fedlint::config::Config;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const PAGE: &str = "docs/configuration.md";
const SCHEMA: &str = "docs/fedlint.schema.json";

const INTRODUCTION: &str = "<!-- generated from src/config.rs: do not edit -->
# `fedlint.toml`

The file lies in the folder that is checked, or above it up to the repository's root; `--config FILE` names another, `--isolated` reads
none. Its paths and globs are relative to it. Of several files above a path the nearest speaks, alone: it inherits nothing. So a part of a repository has its own `exclude`, `[rules]`,
`[[ignore]]`, `fail-on`, `min-severity` and `min-confidence`, whatever folder is checked; what the whole run is made with (`models`, `custom-rules`, `repository`, `baseline`, `markdown`, `[issuers]`, `[tenants]`, `[github]`) is said by the file of the
checked folder, and in a file below it told and not obeyed. Folders named side by side that have different files are refused: check the one above them, or each. An unknown key, an unknown
rule and a date that is none are errors (exit code 2), never passed over. Arguments of the command line win over the file; `--exclude`, `--select` and `--ignore` add
to it.

`fedlint init` writes a first file, `fedlint config` prints the one in force and where it comes from. Editors that know JSON schemas for TOML complete and check
the file by its first line, which `fedlint init` writes:

```toml
#:schema https://raw.githubusercontent.com/fedlint/fedlint/main/docs/fedlint.schema.json
```

";

pub(crate) fn files() -> BTreeMap<String, String> {
    let schema = schema();
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n";
    BTreeMap::from([(PAGE.to_owned(), page(&schema)), (SCHEMA.to_owned(), text)])
}

/// The schema of the types, with the ids of the rules for completion. Ids of other tools fit too.
fn schema() -> Value {
    let mut schema = schemars::schema_for!(Config).to_value();
    let rules: serde_json::Map<String, Value> = catalogue()
        .iter()
        .map(|rule| (rule.meta.id.to_string(), json!({ "description": rule.meta.title, "$ref": "#/$defs/RuleConfig" })))
        .collect();
    if let Some(Value::Object(of_rules)) = schema.pointer_mut("/properties/rules") {
        of_rules.insert("properties".to_owned(), Value::Object(rules));
    }
    if let Value::Object(root) = &mut schema {
        root.insert("title".to_owned(), json!("fedlint.toml"));
        root.insert("description".to_owned(), json!("What a team knows about its own infrastructure, and how strict it wants to be."));
    }
    schema
}

/// One key as people write it.
struct Key {
    /// `rules.RULE.severity`.
    name: String,
    kind: String,
    default: String,
    text: String,
    example: String,
}

fn page(schema: &Value) -> String {
    let keys = keys(schema);
    let mut out = INTRODUCTION.to_owned();
    out.push_str("| key | type | default |\n|---|---|---|\n");
    for key in &keys {
        let _ = writeln!(out, "| `{}` | {} | {} |", key.name, key.kind, key.default);
    }
    for key in &keys {
        let _ = write!(out, "\n## `{}`\n\n{}\n\n```toml\n{}\n```\n", key.name, key.text, key.example);
    }
    out
}

fn keys(schema: &Value) -> Vec<Key> {
    let mut out = Vec::new();
    for (name, property) in entries(schema, "properties") {
        let table = table_of(schema, property);
        let Some((shape, inner)) = table else {
            let example = format!("{name} = {}", toml(example(property)));
            out.push(key(schema, name.clone(), property, "none", example));
            continue;
        };
        let required: Vec<&str> = inner["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (field, property) in entries(inner, "properties") {
            let absent = if required.contains(&field.as_str()) { "required" } else { "none" };
            let line = |field: &str, property: &Value| format!("{field} = {}", toml(example(property)));
            let (shown, example) = match shape {
                Shape::Plain => (format!("{name}.{field}"), format!("[{name}]\n{}", line(field, property))),
                Shape::ByRule => (format!("{name}.RULE.{field}"), format!("[{name}.any-ref]\n{}", line(field, property))),
                Shape::List => {
                    let wanted = entries(inner, "properties").filter(|(n, _)| *n == field || required.contains(&n.as_str()));
                    let lines: Vec<String> = wanted.map(|(n, p)| line(n, p)).collect();
                    (format!("{name}.{field}"), format!("[[{name}]]\n{}", lines.join("\n")))
                }
            };
            out.push(key(schema, shown, property, absent, example));
        }
    }
    out
}

/// How a table is written.
#[derive(Clone, Copy)]
enum Shape {
    Plain,
    ByRule,
    List,
}

/// The table that a property is, if it is one.
fn table_of<'s>(root: &'s Value, property: &'s Value) -> Option<(Shape, &'s Value)> {
    let (shape, inner) = if property.get("items").is_some_and(|items| items.get("$ref").is_some()) {
        (Shape::List, &property["items"])
    } else if property.get("additionalProperties").is_some_and(Value::is_object) {
        (Shape::ByRule, &property["additionalProperties"])
    } else {
        (Shape::Plain, property)
    };
    let resolved = resolve(root, inner);
    resolved.get("properties").is_some().then_some((shape, resolved))
}

fn resolve<'s>(root: &'s Value, schema: &'s Value) -> &'s Value {
    let reference = schema["$ref"].as_str().and_then(|r| root.pointer(r.trim_start_matches('#')));
    reference.unwrap_or(schema)
}

fn entries<'s>(schema: &'s Value, of: &str) -> impl Iterator<Item = (&'s String, &'s Value)> {
    schema.get(of).and_then(Value::as_object).into_iter().flatten()
}

fn key(root: &Value, name: String, property: &Value, absent: &str, example: String) -> Key {
    let default = property.get("default").filter(|d| !d.is_null());
    Key {
        name,
        kind: kind(root, property),
        default: default.map_or_else(|| absent.to_owned(), |d| format!("`{}`", toml(d))),
        text: property["description"].as_str().unwrap_or_default().replace('\n', " "),
        example,
    }
}

/// The type in words, or the values that there are.
fn kind(root: &Value, property: &Value) -> String {
    let date = property["format"] == "date";
    let property = resolve(root, property);
    let named = property["anyOf"].as_array().and_then(|any| any.first()).unwrap_or(property);
    let resolved = resolve(root, named);
    if let Some(values) = resolved["oneOf"].as_array() {
        let values: Vec<String> = values.iter().filter_map(|v| v["const"].as_str()).map(|v| format!("`{v}`")).collect();
        return values.join(", ");
    }
    let also_table = property["anyOf"].as_array().into_iter().flatten().any(|one| resolve(root, one)["type"] == "object");
    let first = resolved["type"].as_array().and_then(|kinds| kinds.first()).unwrap_or(&resolved["type"]);
    match first.as_str() {
        Some("array") if also_table => "list of strings, or table".to_owned(),
        Some("array") => "list of strings".to_owned(),
        Some("object") => "table".to_owned(),
        Some("string") if date => "date, as a string".to_owned(),
        other => other.unwrap_or("any").to_owned(),
    }
}

fn example(property: &Value) -> &Value {
    property["examples"].as_array().and_then(|all| all.first()).unwrap_or(&Value::Null)
}

/// A value as TOML writes it on one line; scalars and lists are written as JSON writes them.
fn toml(value: &Value) -> String {
    let Some(table) = value.as_object().filter(|table| !table.is_empty()) else { return value.to_string() };
    let entries: Vec<String> = table.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
    format!("{{ {} }}", entries.join(", "))
}
