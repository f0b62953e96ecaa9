//! The conformance tests of the CEL specification that touch what attribute conditions use.

use base64::Engine as _;
use fedlint::admission::cel::{Fault, Scope, Value, evaluate, parse};
use fedlint::partial::Text;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rows that fail, by file and name, and why. A row here that passes fails the test: the list is exact.
const FAILING: &[(&str, &str, &str)] = &[
    ("parse", "bytes_literals/triple_single_quoted_unescaped_punctuation", "the row's expression lacks the backslash that it expects"),
    ("parse", "bytes_literals/triple_double_quoted_unescaped_punctuation", "the row's expression lacks the backslash that it expects"),
];

/// Fewest rows that have to pass.
const LEAST: usize = 1199;

fn value(json: &serde_json::Value) -> Option<Value> {
    let text = || json["v"].as_str().map(str::to_owned);
    Some(match json["t"].as_str()? {
        "null" => Value::Null,
        "bool" => Value::Bool(json["v"].as_bool()?),
        "int" => Value::Int(text()?.parse().ok()?),
        "uint" => Value::Uint(text()?.parse().ok()?),
        "double" => Value::Double(text()?.parse().ok()?),
        "string" => Value::string(text()?),
        "bytes" => Value::Bytes(base64::engine::general_purpose::STANDARD.decode(text()?).ok()?.into()),
        "type" => {
            let name = text()?;
            Value::Type(Box::leak(name.into_boxed_str()))
        }
        "list" => Value::List(Arc::new(json["v"].as_array()?.iter().map(value).collect::<Option<_>>()?)),
        "map" => {
            let entry = |pair: &serde_json::Value| Some((value(&pair[0])?, value(&pair[1])?));
            Value::Map(Arc::new(json["v"].as_array()?.iter().map(entry).collect::<Option<_>>()?))
        }
        _ => return None,
    })
}

/// Equal in value and in type; a NaN equals a NaN.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(x), Value::Double(y)) => x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()),
        (Value::List(x), Value::List(y)) => x.len() == y.len() && x.iter().zip(y.iter()).all(|(p, q)| same(p, q)),
        _ => a.type_name() == b.type_name() && a.equals(b),
    }
}

/// None when the row passes, else what came out.
fn run(row: &serde_json::Value) -> Option<String> {
    let source = row["expr"].as_str().unwrap_or_default();
    let mut variables = BTreeMap::new();
    for (name, binding) in row["bindings"].as_object().into_iter().flatten() {
        variables.insert(name.clone(), value(binding).ok_or_else(|| Fault::Unknown("binding".to_owned())));
    }
    let scope = Scope { variables, container: row["container"].as_str().unwrap_or_default().to_owned() };
    let outcome = match parse(&Text::known(source)) {
        Ok(expr) => evaluate(&expr, &scope),
        Err(problem) => Err(Fault::Error(problem.message)),
    };
    let wants_error = row["expected"]["t"] == "error";
    match (outcome, value(&row["expected"])) {
        (Err(Fault::Error(_)), _) if wants_error => None,
        (Ok(found), Some(expected)) if same(&found, &expected) => None,
        (outcome, _) => Some(format!("{outcome:?}, wanted {}", row["expected"])),
    }
}

#[test]
fn conformance_rows_pass_but_for_the_named_ones() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/cel-conformance.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("notice: {path} is not here, conformance is not checked");
        return;
    };
    let mut table: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut failing = Vec::new();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("a row of JSON");
        if row["gcp_core"] != true || row["proto"] == true {
            continue;
        }
        let name = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (file, id) = (name("file"), format!("{}/{}", name("section"), name("name")));
        let failure = run(&row);
        let counts = table.entry(file.clone()).or_default();
        counts.0 += usize::from(failure.is_none());
        counts.1 += 1;
        if let Some(failure) = failure {
            if !FAILING.iter().any(|(f, n, _)| *f == file && *n == id) {
                wrong.push(format!("{file} {id}: `{}` gave {failure}", name("expr")));
            }
            failing.push((file, id));
        }
    }
    for (file, (passed, all)) in &table {
        println!("{file:14} {passed:4} of {all:4}");
    }
    let passed: usize = table.values().map(|(p, _)| p).sum();
    println!("{:14} {passed:4} of {:4}", "all", table.values().map(|(_, n)| n).sum::<usize>());
    for (file, name, why) in FAILING {
        assert!(failing.iter().any(|(f, n)| f == file && n == name), "{file} {name} is listed ({why}) but passes");
    }
    assert!(wrong.is_empty(), "{} rows fail that are not listed:\n{}", wrong.len(), wrong.join("\n"));
    assert!(passed >= LEAST, "only {passed} rows pass");
}
