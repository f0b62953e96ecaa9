//! What is fed with texts: every parser, the evaluator, the conditions, the reports, the whole way, and what checks itself.

use super::invariants::{Scan, problems_of};
use super::seeds;
use fedlint::admission::cel;
use fedlint::admission::cel::google::{GoogleView, condition_formula, evaluate_provider};
use fedlint::admission::entra;
use fedlint::admission::exposure::{Reachability, reachability};
use fedlint::config::Config;
use fedlint::gate::issuer::templates;
use fedlint::issuers::registry;
use fedlint::partial::Text;
use fedlint::pipeline::{Input, Request, check, read};
use fedlint::place::{FileId, Span};
use fedlint::report::{FORMATS, Run, View, human};
use fedlint::rules::comments;
use fedlint::source::{SourceFile, Sources};
use fedlint::syntax::{bicep, hcl, helm, json, markdown, powershell, shell, yaml};
use fedlint::token::{Decision, Token};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One of them. What it says is wrong ends the run, as a panic does.
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: &'static str,
    /// What its inputs are made from.
    pub(crate) seeds: fn() -> Vec<String>,
    /// Words of its language.
    pub(crate) words: &'static [&'static str],
    /// Feeds it.
    pub(crate) run: fn(&str) -> Result<(), String>,
    /// About how many of the cheapest target's executions one of its own costs.
    pub(crate) cost: usize,
}

const fn target(
    name: &'static str,
    cost: usize,
    seeds: fn() -> Vec<String>,
    words: &'static [&'static str],
    run: fn(&str) -> Result<(), String>,
) -> Target {
    Target { name, seeds, words, run, cost }
}

const TF: &[&str] =
    &["resource", "for ", " in ", " => ", "...", "dynamic", "count", "for_each", "jsonencode(", "local.", "var.", "[*]", " ? "];
const CEL: &[&str] =
    &["assertion.", "attribute.", "google.subject", "&&", "!", " in ", ".matches(", ".extract(", "has(", ".exists(x, ", "int(", "[0]"];
const IAM: &[&str] =
    &["\"StringLike\"", "\"ForAllValues:StringLike\"", "\"Null\"", "\"NotPrincipal\"", "\"Deny\"", "\"*\"", "${aws:username}", "IfExists"];
const CFN: &[&str] = &["Fn::Sub", "!Ref ", "!If ", "Fn::ForEach::", "!GetAtt ", "${AWS::AccountId}", "Condition:", "Parameters:"];
const KUBERNETES: &[&str] =
    &["kind: ", "metadata:", "annotations:", "namespace: ", "eks.amazonaws.com/role-arn: ", "{{ .Values.x }}", "{{- end }}"];

/// All of them.
pub(crate) static TARGETS: &[Target] = &[
    target("hcl", 2, || seeds::files(&[".tf", ".hcl", ".tfvars"], &[]), TF, hcl_file),
    target("template", 1, || seeds::texts(&seeds::EXPRESSIONS), TF, template),
    target(
        "json",
        1,
        || seeds::files(&[".json"], &[]),
        &[],
        |t| spans(t, &json::parse(&file("a.json", t)).problems.iter().map(|p| p.span).collect::<Vec<_>>()),
    ),
    target(
        "yaml",
        2,
        || seeds::files(&[".yaml", ".yml"], &[]),
        KUBERNETES,
        |t| spans(t, &yaml::parse(&file("a.yaml", t)).problems.iter().map(|p| p.span).collect::<Vec<_>>()),
    ),
    target(
        "helm",
        2,
        || seeds::files(&[".yaml", ".yml", ".tpl"], &[]),
        KUBERNETES,
        |t| {
            let file = file("c/templates/a.yaml", t);
            let _ = helm::read(&file, true, helm::ChartValues::default());
            spans(t, &helm::parse(&file).problems.iter().map(|p| p.span).collect::<Vec<_>>())
        },
    ),
    target(
        "shell",
        1,
        || seeds::texts(&seeds::SHELL),
        &["$(", "<<EOF\n", "esac", "done", "fi", "${x:-", "$((", "[[ "],
        |t| {
            let _ = (shell::parse(t).is_ok(), shell::document(t).is_ok());
            Ok(())
        },
    ),
    target(
        "bicep",
        1,
        || seeds::texts(&seeds::BICEP),
        &["resource ", "param ", "module ", "'${", "[for ", "@description('"],
        |t| spans(t, &bicep::parse(&file("a.bicep", t)).problems.iter().map(|p| p.span).collect::<Vec<_>>()),
    ),
    target(
        "powershell",
        1,
        || seeds::texts(&seeds::POWERSHELL),
        &["New-AzADAppFederatedCredential ", "-Subject ", "@{", "$(", "@'\n", "`\n"],
        |t| spans(t, &powershell::parse(&file("a.ps1", t)).problems.iter().map(|p| p.span).collect::<Vec<_>>()),
    ),
    target(
        "markdown",
        1,
        || seeds::texts(&seeds::MARKDOWN),
        &["```json\n", "```\n", "~~~"],
        |t| spans(t, &markdown::fences(&file("a.md", t)).iter().map(|f| f.span).collect::<Vec<_>>()),
    ),
    target(
        "spire",
        2,
        || seeds::texts(&seeds::SPIRE),
        &["plugins {", "NodeAttestor \"x\" {", "= ["],
        |t| {
            let _ = fedlint::readers::spiffe::config_file(&file("server.conf", t));
            Ok(())
        },
    ),
    target(
        "comments",
        1,
        || seeds::texts(&seeds::COMMENTS),
        &["fedlint: ignore[", "until ", "checkov:skip="],
        |t| {
            for path in ["a.tf", "a.yaml", "a.json", "a.bicep", "a.sh"] {
                let _ = comments::suppressions(&file(path, t));
            }
            Ok(())
        },
    ),
    target(
        "configuration",
        4,
        || seeds::texts(&seeds::CONFIGURATION),
        &["[rules.", "severity = ", "[[ignore]]"],
        |t| {
            let _ = Config::parse("fedlint.toml", t).is_ok();
            Ok(())
        },
    ),
    target("gitignore", 40, || seeds::texts(&seeds::GITIGNORE), &["**/", "!", "[!a]", "\\"], gitignore),
    target("entra", 4, || seeds::texts(&seeds::ENTRA), &["claims['sub']", " matches ", " eq ", " and "], flexible),
    target(
        "cel",
        1,
        || seeds::texts(&seeds::CEL),
        CEL,
        |t| {
            if let Ok(expression) = cel::parse(&Text::known(t)) {
                let _ = cel::evaluate(&expression, &cel::Scope::default());
            }
            Ok(())
        },
    ),
    target("conditions", 40, || seeds::texts(&seeds::CEL), CEL, conditions),
    target("policies", 150, policies, IAM, |t| agree(vec![("trust.json".to_owned(), t.to_owned())])),
    target(
        "expressions",
        60,
        || seeds::texts(&seeds::EXPRESSIONS),
        TF,
        |t| {
            facts(vec![(
                "a.tf".to_owned(),
                format!("locals {{\n  x = {t}\n}}\nresource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = local.x\n}}\n"),
            )])
        },
    ),
    target("terraform", 80, || seeds::files(&[".tf"], &[]), TF, |t| facts(vec![("a.tf".to_owned(), t.to_owned())])),
    target(
        "cloudformation",
        80,
        || seeds::files(&[".yaml", ".json"], &["AWS::IAM"]),
        CFN,
        |t| facts(vec![("t.yaml".to_owned(), t.to_owned()), ("t.json".to_owned(), t.to_owned())]),
    ),
    target(
        "plan",
        60,
        || seeds::texts(&seeds::PLAN),
        &["\"resources\":", "\"values\":", "\"child_modules\":"],
        |t| facts(vec![("plan.json".to_owned(), t.to_owned())]),
    ),
    target(
        "scripts",
        60,
        || seeds::texts(&seeds::SHELL),
        &["aws iam ", "gcloud ", "az ", "$(", "<<EOF\n"],
        |t| {
            facts(vec![
                ("setup.sh".to_owned(), t.to_owned()),
                (
                    ".github/workflows/a.yml".to_owned(),
                    format!("on: push\njobs:\n  a:\n    steps:\n      - run: |\n          {}\n", t.replace('\n', "\n          ")),
                ),
            ])
        },
    ),
    target("reports", 250, everything, &["\u{1b}[31m", "\n::error::x", "##vso[task]", "</script>", "]]>", "|", "%0A"], reports),
    target("agreement", 300, everything, TF, |t| agree(vec![(name_of(t).to_owned(), t.to_owned())])),
    target("neighbours", 250, everything, &[], neighbours),
];

/// A file that is nowhere.
fn file(path: &str, text: &str) -> Arc<SourceFile> {
    Sources::new().add(path, text)
}

/// What is said of places is said of places in the text.
fn spans(text: &str, all: &[Span]) -> Result<(), String> {
    let inside = |span: &Span| text.get(span.start as usize..span.end as usize).is_some();
    all.iter().find(|span| !inside(span)).map_or(Ok(()), |span| Err(format!("{span:?} is no place in the text")))
}

fn hcl_file(text: &str) -> Result<(), String> {
    let parsed = hcl::parse(&file("a.tf", text));
    let _ = hcl::parse(&file("a.tf.json", text));
    spans(text, &parsed.problems.iter().map(|p| p.span).collect::<Vec<_>>())
}

fn template(text: &str) -> Result<(), String> {
    let _ = (hcl::parse_expression(text, FileId(0)).is_ok(), hcl::parse_template(text, FileId(0)).is_ok());
    Ok(())
}

/// What git's patterns hide is hidden, and the rest is read.
fn gitignore(text: &str) -> Result<(), String> {
    use fedlint::source::walk::{Options, Scan};
    let folder = std::env::temp_dir().join(format!("fedlint-fuzz-{}-{:?}", std::process::id(), std::thread::current().id()));
    let write = |path: &str, text: &str| -> std::io::Result<()> {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(path, text)
    };
    let made = write("infra/a.tf", "locals {}\n")
        .and_then(|()| write(".git/HEAD", "ref: refs/heads/main\n"))
        .and_then(|()| write(".gitignore", text));
    made.map_err(|e| e.to_string())?;
    let options = Options { roots: vec![folder.clone()], ..Options::default() };
    let scan = Scan::run(&options, &Arc::new(Sources::new())).map_err(|e| e.to_string());
    let _ = std::fs::remove_dir_all(&folder);
    scan.map(|_| ())
}

fn flexible(text: &str) -> Result<(), String> {
    let credential = entra::Credential {
        issuer: Text::known("https://token.actions.githubusercontent.com"),
        subject: None,
        audiences: vec![Text::known("api://AzureADTokenExchange")],
        expression: Some(Text::known(text)),
    };
    let Some(recognised) = registry().recognise("https://token.actions.githubusercontent.com") else { return Err("no issuer".to_owned()) };
    let formula = entra::formula(&credential);
    let templates = templates(&recognised, &formula);
    // the expression may ask for an audience: whatever a token is for is what the credential takes
    against(&reachability(&formula, &templates), &samples(&templates), &|token| {
        let audiences = vec![Text::known(token.string("aud").unwrap_or("api://AzureADTokenExchange"))];
        let mut token = token.clone();
        token.set("iss", "https://token.actions.githubusercontent.com");
        token.set("aud", audiences.first().map(Text::to_string).unwrap_or_default());
        entra::evaluate(&entra::Credential { audiences, ..credential.clone() }, &token).decision
    })
}

/// One token of each template.
fn samples(templates: &[fedlint::issuers::Template]) -> Vec<Token> {
    templates.iter().map(|t| t.instantiate(&BTreeMap::new())).collect()
}

/// Whom the search finds, the evaluator of single tokens lets in; whom it proves to be kept out, that keeps out.
fn against(answer: &Reachability, samples: &[Token], decide: &dyn Fn(&Token) -> Decision) -> Result<(), String> {
    match answer {
        Reachability::Reachable(token) if decide(token) == Decision::Deny => Err(format!("the witness is refused: {}", token.to_json())),
        Reachability::Unreachable => match samples.iter().find(|token| decide(token) == Decision::Admit) {
            Some(token) => Err(format!("proved dead, and admits {}", token.to_json())),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn conditions(text: &str) -> Result<(), String> {
    let Some(recognised) = registry().recognise("https://token.actions.githubusercontent.com").map(|k| registry().as_google_sees(k)) else {
        return Err("no issuer".to_owned());
    };
    let mapping = [("google.subject", "assertion.sub"), ("attribute.repository", "assertion.repository")];
    let view = GoogleView {
        mapping: mapping.iter().map(|(k, e)| ((*k).to_owned(), Text::known(*e))).collect(),
        condition: Some(Text::known(text)),
        string_claims: true,
        truths: recognised.issuer.truths().cloned().collect(),
        ..GoogleView::default()
    };
    let formula = condition_formula(&view);
    let templates = templates(&recognised, &formula);
    let typed = |token: &Token| evaluate_provider(&view, &recognised.issuer.typed(token.clone())).evaluation.decision;
    against(&reachability(&formula, &templates), &samples(&templates), &typed)
}

fn policies() -> Vec<String> {
    let text = include_str!("../../fixtures/conformance/aws-trust-cases.json");
    let all: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    let mut out: Vec<String> = all.iter().map(|case| case["policy"].to_string()).collect();
    out.extend(seeds::files(&[".json"], &["sts:AssumeRole"]));
    out
}

fn everything() -> Vec<String> {
    let mut all = seeds::files(&[".tf", ".yaml", ".yml", ".json"], &[]);
    all.extend(seeds::texts(&seeds::BICEP));
    all
}

/// A name under which a text is read for what it is.
fn name_of(text: &str) -> &'static str {
    match text.trim_start() {
        t if t.starts_with('{') => "a.json",
        t if t.contains("resource \"") || t.contains("locals {") => "a.tf",
        t if t.contains("param ") && t.contains("resource ") => "a.bicep",
        t if t.contains("jobs:") => ".github/workflows/a.yml",
        _ => "a.yaml",
    }
}

fn facts(files: Vec<(String, String)>) -> Result<(), String> {
    read(&Request { input: Input::Memory(files), ..Request::default() }).map(|_| ()).map_err(|e| e.to_string())
}

/// What `check` says and what `simulate` says are the same.
fn agree(files: Vec<(String, String)>) -> Result<(), String> {
    let problems = problems_of(&Scan::of("input", files));
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

fn checked(files: Vec<(String, String)>, overview: bool) -> Result<Run, String> {
    check(&Request { input: Input::Memory(files), overview, ..Request::default() }).map_err(|e| e.to_string())
}

/// Every format can be made, is what it is to be, and no text of the input has power in it.
fn reports(text: &str) -> Result<(), String> {
    let name = text.lines().last().unwrap_or_default().chars().take(40).collect::<String>();
    let run = checked(vec![(name_of(text).to_owned(), text.to_owned()), (format!("{name}.tf"), text.to_owned())], true)?;
    let view = View { fail_on: fedlint::catalogue::Severity::High, style: human::Style::default() };
    for format in &FORMATS {
        let made = (format.render)(&run, &view).map_err(|e| format!("{}: {e}", format.name))?;
        let made = fedlint::report::harmless(
            &made,
            if format.name == "github" { fedlint::report::Own::Commands } else { fedlint::report::Own::Nothing },
        );
        let valid = match format.name {
            "json" | "sarif" | "gitlab" => serde_json::from_str::<serde_json::Value>(&made).is_ok(),
            "jsonl" => made.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
            _ => true,
        };
        if !valid {
            return Err(format!("{} is no JSON", format.name));
        }
        harmless(format.name, &made)?;
    }
    Ok(())
}

fn harmless(format: &str, text: &str) -> Result<(), String> {
    let moves =
        |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    if let Some(c) = text.chars().find(|c| moves(*c)) {
        return Err(format!("{format} has {c:?}"));
    }
    let commands =
        |line: &&str| (line.trim_start().starts_with("::") && format != "github") || line.contains("##[") || line.contains("##vso[");
    text.lines().find(commands).map_or(Ok(()), |line| Err(format!("{format} has a command: {line}")))
}

/// A role that anybody gets into is found beside whatever else there is, in any order of the files, and the report is the same.
fn neighbours(text: &str) -> Result<(), String> {
    let bad = r#"resource "aws_iam_role" "bad" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" } }
    }]
  })
}
"#;
    let mut files = vec![(name_of(text).to_owned(), text.to_owned()), ("zz/bad.tf".to_owned(), bad.to_owned())];
    let run = checked(files.clone(), false)?;
    let found = run
        .findings
        .iter()
        .any(|f| f.rule == fedlint::RuleId::MissingSubject && run.sources.get(f.span.file).is_some_and(|file| file.path == "zz/bad.tf"));
    if !found {
        return Err("the bad role beside it is not found".to_owned());
    }
    files.reverse();
    let told = |run: &Run| fedlint::report::json::render(run).unwrap_or_default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().map_err(|e| e.to_string())?;
    let again = pool.install(|| checked(files, false))?;
    if told(&run) == told(&again) { Ok(()) } else { Err("another order, or one thread, gives another report".to_owned()) }
}
