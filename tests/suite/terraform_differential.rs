//! Random expressions: fedlint's evaluator against `terraform console`, where that program is installed.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic)]

use fedlint::partial::{Kind, Value};
use fedlint::source::{SourceFile, Sources};
use fedlint::terraform::evaluate::{ModuleFiles, Workspace};
use serde_json::Value as Json;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Expressions of one run; all go into one call of the console.
const EXPRESSIONS: usize = 250;
/// One run for each.
const SEEDS: std::ops::Range<u64> = 0x5EED_F00D..0x5EED_F011;
/// Deepest nesting of an expression.
const DEPTH: usize = 4;
/// What the expressions refer to.
const CONFIGURATION: &str = r#"locals {
  s = "repo:Acme/App:*"
  e = ""
  l = ["b", "a", "c/d", "a"]
  m = { x = "1", y = "two", z = "b" }
  n = 3
  t = true
}
"#;
/// Stands for an error in the answers of both.
const FAILED: &str = "!";

struct One(Sources);

impl ModuleFiles for One {
    fn folder(&self, folder: &str) -> Vec<Arc<SourceFile>> {
        if folder.is_empty() { self.0.all() } else { Vec::new() }
    }
    fn read(&self, path: &str) -> Option<Arc<SourceFile>> {
        self.0.by_path(path)
    }
    fn list(&self, _folder: &str) -> Vec<String> {
        Vec::new()
    }
}

/// Expressions by type, so that most of them mean something.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        // xorshift64*: the same expressions in every run
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % n
    }

    fn literal(&mut self) -> String {
        ["\"a\"", "\"b\"", "\"repo:\"", "\"c/d\"", "\" X \"", "\"*\"", "\"\"", "\"two\"", "\"true\"", "\"12\""][self.below(10)].to_owned()
    }

    fn any(&mut self, d: usize) -> String {
        match self.below(7) {
            0 | 1 => self.string(d),
            2 => self.number(d),
            3 => self.bool(d),
            4 | 5 => self.list(d),
            _ => self.map(d),
        }
    }

    fn string(&mut self, d: usize) -> String {
        let Some(d) = d.checked_sub(1) else {
            return match self.below(4) {
                0 => "local.s".to_owned(),
                1 => "local.m.y".to_owned(),
                _ => self.literal(),
            };
        };
        match self.below(20) {
            0 | 1 => format!("\"${{{}}}-${{{}}}\"", self.string(d), self.any_scalar(d)),
            2 => format!("format(\"%s/%s\", {}, {})", self.string(d), self.any_scalar(d)),
            3 => format!("lower({})", self.string(d)),
            4 => format!("upper({})", self.string(d)),
            5 => format!("trimspace({})", self.string(d)),
            6 => format!("replace({}, {}, {})", self.string(d), self.literal(), self.literal()),
            7 => format!("replace({}, \"/[a-c]+/\", \"<$0>\")", self.string(d)),
            8 => format!("join({}, {})", self.literal(), self.list(d)),
            9 => format!("trimprefix({}, {})", self.string(d), self.literal()),
            10 => format!("trimsuffix({}, {})", self.string(d), self.literal()),
            11 => format!("substr({}, {}, 3)", self.string(d), self.below(3)),
            12 => format!("({} ? {} : {})", self.bool(d), self.string(d), self.string(d)),
            13 => format!("{}[{}]", self.list(d), self.below(3)),
            14 => format!("element({}, {})", self.list(d), self.below(5)),
            15 => format!("lookup({}, {}, {})", self.map(d), self.literal(), self.literal()),
            16 => format!("try({}[{}], {})", self.map(d), self.literal(), self.string(d)),
            17 => format!("coalesce({}, {})", self.string(d), self.string(d)),
            18 => format!("\"%{{ for x in {} }}${{x}};%{{ endfor }}\"", self.list(d)),
            _ => format!("\"%{{ if {} }}${{{}}}%{{ else }}no%{{ endif }}\"", self.bool(d), self.string(d)),
        }
    }

    fn any_scalar(&mut self, d: usize) -> String {
        match self.below(3) {
            0 => self.number(d),
            1 => self.bool(d),
            _ => self.string(d),
        }
    }

    fn number(&mut self, d: usize) -> String {
        let Some(d) = d.checked_sub(1) else { return ["0", "1", "2", "7", "local.n", "0.5"][self.below(6)].to_owned() };
        match self.below(9) {
            0 => format!("length({})", self.list(d)),
            1 => format!("length({})", self.string(d)),
            2 => format!("({} + {})", self.number(d), self.number(d)),
            3 => format!("({} * {})", self.number(d), self.number(d)),
            4 => format!("({} - {})", self.number(d), self.number(d)),
            5 => format!("({} % 3)", self.number(d)),
            6 => format!("max({}, {})", self.number(d), self.number(d)),
            7 => format!("floor({})", self.number(d)),
            _ => format!("try(tonumber({}), {})", self.string(d), self.number(d)),
        }
    }

    fn bool(&mut self, d: usize) -> String {
        let Some(d) = d.checked_sub(1) else { return ["true", "false", "local.t"][self.below(3)].to_owned() };
        match self.below(10) {
            0 => format!("({} == {})", self.string(d), self.string(d)),
            1 => format!("({} < {})", self.number(d), self.number(d)),
            2 => format!("!{}", self.bool(d)),
            3 => format!("({} && {})", self.bool(d), self.bool(d)),
            4 => format!("({} || {})", self.bool(d), self.bool(d)),
            5 => format!("contains({}, {})", self.list(d), self.string(d)),
            6 => format!("startswith({}, {})", self.string(d), self.literal()),
            7 => format!("strcontains({}, {})", self.string(d), self.literal()),
            8 => format!("can(tonumber({}))", self.string(d)),
            _ => format!("({} != {})", self.number(d), self.number(d)),
        }
    }

    fn list(&mut self, d: usize) -> String {
        let Some(d) = d.checked_sub(1) else { return "local.l".to_owned() };
        match self.below(16) {
            0 => format!("[{}, {}]", self.string(d), self.string(d)),
            1 => format!("concat({}, {})", self.list(d), self.list(d)),
            2 => format!("reverse({})", self.list(d)),
            3 => format!("distinct({})", self.list(d)),
            4 => format!("sort({})", self.list(d)),
            5 => format!("compact({})", self.list(d)),
            6 => format!("split({}, {})", ["\"/\"", "\":\"", "\"a\""][self.below(3)], self.string(d)),
            7 => format!("[for x in {} : upper(x)]", self.list(d)),
            8 => format!("[for i, x in {} : \"${{i}}${{x}}\" if x != {}]", self.list(d), self.literal()),
            9 => format!("keys({})", self.map(d)),
            10 => format!("values({})", self.map(d)),
            11 => format!("tolist(toset({}))", self.list(d)),
            12 => format!("flatten([{}, [{}]])", self.list(d), self.list(d)),
            13 => format!("formatlist(\"%s:*\", {})", self.list(d)),
            14 => format!("slice({}, 0, {})", self.list(d), self.below(3)),
            _ => format!("regexall(\"[a-z]+\", {})", self.string(d)),
        }
    }

    fn map(&mut self, d: usize) -> String {
        let Some(d) = d.checked_sub(1) else { return "local.m".to_owned() };
        match self.below(6) {
            0 => format!("{{ x = {}, (\"k\") = {} }}", self.string(d), self.string(d)),
            1 => format!("merge({}, {})", self.map(d), self.map(d)),
            // as a map of strings: Terraform refuses mixed types at many places where fedlint goes on
            2 => format!("{{ for k, v in {{ for x in {} : x => upper(x)... }} : k => join(\"+\", v) }}", self.list(d)),
            3 => format!("{{ for i, x in {} : \"${{i}}\" => x }}", self.list(d)),
            4 => format!("{{ for k, v in {} : v => k if k != \"x\" }}", self.map(d)),
            _ => format!("zipmap(distinct({}), distinct({}))", self.list(d), self.list(d)),
        }
    }
}

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

/// What Terraform gives for each; none where the program is not installed.
fn terraform(expressions: &[String]) -> Option<Vec<Json>> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), CONFIGURATION).unwrap();
    let empty = folder.path().join("empty.tfrc");
    std::fs::write(&empty, "").unwrap();
    let each: Vec<String> = expressions.iter().map(|e| format!("try(jsonencode({e}), \"{FAILED}\")")).collect();
    let mut console = Command::new("terraform")
        .arg("console")
        .current_dir(folder.path())
        .env("CHECKPOINT_DISABLE", "1")
        .env("TF_CLI_CONFIG_FILE", &empty)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    // base64: the console prints strings in a notation of its own
    writeln!(console.stdin.take().unwrap(), "base64encode(jsonencode([{}]))", each.join(", ")).unwrap();
    let output = console.wait_with_output().unwrap();
    assert!(output.status.success(), "terraform console failed: {}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    let text = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, printed.trim().trim_matches('"')).unwrap();
    let answers: Vec<String> = serde_json::from_slice(&text).unwrap();
    Some(answers.iter().map(|a| serde_json::from_str(a).unwrap_or_else(|_| Json::String(FAILED.to_owned()))).collect())
}

#[test]
fn random_expressions_agree_with_terraform() {
    for seed in SEEDS {
        agree(seed);
    }
}

fn agree(seed: u64) {
    let mut random = Random(seed);
    let expressions: Vec<String> = (0..EXPRESSIONS).map(|_| random.any(DEPTH)).collect();
    let Some(answers) = terraform(&expressions) else {
        println!("skipped: terraform is not installed");
        return;
    };
    assert_eq!(answers.len(), EXPRESSIONS);
    let sources = Sources::new();
    sources.add("main.tf", CONFIGURATION);
    let files = One(sources);
    let workspace = Workspace::new(&files, &[String::new()]);
    let mut wrong = Vec::new();
    for (expression, expected) in expressions.iter().zip(&answers) {
        let got = match workspace.evaluate_expression("", expression) {
            Ok(value) => json(&value).unwrap_or_else(|| Json::String("unknown".to_owned())),
            Err(_) => Json::String(FAILED.to_owned()),
        };
        if !equal(&got, expected) {
            wrong.push(format!("{expression}\n  terraform: {expected}\n  fedlint:   {got}"));
        }
    }
    let failed = answers.iter().filter(|a| **a == Json::String(FAILED.to_owned())).count();
    println!("{} of {EXPRESSIONS} random expressions agree with Terraform, {failed} are errors in both", EXPRESSIONS - wrong.len());
    assert!(failed * 2 < EXPRESSIONS, "most expressions must mean something");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}
