//! Expressions with what Terraform 1.11 gives for them: fedlint's evaluator against the answers of `terraform console`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use fedlint::partial::{Kind, Value};
use fedlint::source::{SourceFile, Sources};
use fedlint::terraform::evaluate::{EvalError, ModuleFiles, Workspace};
use serde_json::Value as Json;
use std::path::Path;
use std::sync::Arc;

/// Cases that must agree: all.
const REQUIRED: usize = 150;

struct Folder {
    sources: Sources,
}

impl Folder {
    fn load(at: &Path) -> Self {
        let sources = Sources::new();
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            sources.add(name, std::fs::read_to_string(&path).unwrap());
        }
        Self { sources }
    }
}

impl ModuleFiles for Folder {
    fn folder(&self, folder: &str) -> Vec<Arc<SourceFile>> {
        self.sources.all().into_iter().filter(|f| f.folder() == folder && f.path.ends_with(".tf")).collect()
    }
    fn read(&self, path: &str) -> Option<Arc<SourceFile>> {
        self.sources.by_path(path)
    }
    fn list(&self, _folder: &str) -> Vec<String> {
        self.sources.all().iter().map(|f| f.path.clone()).collect()
    }
}

/// The JSON of a known value; none for an unknown one.
fn json(value: &Value) -> Option<Json> {
    Some(match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(b) => Json::Bool(*b),
        Kind::Number(n) => serde_json::from_str(n).unwrap(),
        Kind::Text(t) => Json::String(t.as_known()?),
        Kind::List { items, open: false } => Json::Array(items.iter().map(json).collect::<Option<_>>()?),
        Kind::Map { entries, open: false } => {
            Json::Object(entries.iter().map(|e| Some((e.key.as_known()?, json(&e.value)?))).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(x), Json::Number(y)) => x.as_f64() == y.as_f64(),
        (Json::Array(x), Json::Array(y)) => x.len() == y.len() && x.iter().zip(y).all(|(m, n)| equal(m, n)),
        (Json::Object(x), Json::Object(y)) => x.len() == y.len() && x.iter().all(|(k, m)| y.get(k).is_some_and(|n| equal(m, n))),
        _ => a == b,
    }
}

fn agrees(case: &Json, result: &Result<Value, EvalError>) -> bool {
    match result {
        Err(_) => case.get("error").is_some(),
        Ok(value) => match (json(value), case.get("expected")) {
            (Some(got), Some(expected)) => equal(&got, expected),
            // Terraform only hides it: that it is sensitive is no secret to us
            (Some(_), None) if case.get("raw").is_some_and(|r| r == "(sensitive value)") => true,
            // more than Terraform: it says unknown where the configuration already tells
            (Some(_), None) => case.get("unknown").is_some(),
            (None, _) => case.get("unknown").is_some(),
        },
    }
}

#[test]
fn expressions_agree_with_terraform() {
    let at = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/terraform-eval");
    let files = Folder::load(&at);
    let workspace = Workspace::new(&files, &[String::new()]);
    let cases = std::fs::read_to_string(at.join("cases.jsonl")).unwrap();
    let (mut good, mut total) = (0, 0);
    for line in cases.lines() {
        let case: Json = serde_json::from_str(line).unwrap();
        let expr = case["expr"].as_str().unwrap();
        let result = workspace.evaluate_expression("", expr);
        total += 1;
        if agrees(&case, &result) {
            good += 1;
        } else {
            let expected = case.get("expected").map_or_else(|| "error or unknown".to_owned(), Json::to_string);
            let got = result
                .map_or_else(|e| format!("error: {}", e.message), |v| json(&v).map_or_else(|| format!("{:?}", v.kind), |j| j.to_string()));
            println!("{expr}\n  terraform: {expected}\n  fedlint:   {got}");
        }
    }
    println!("{good} of {total} expressions agree with Terraform");
    assert!(good >= REQUIRED, "{good} of {total} agree, {REQUIRED} are required");
}
