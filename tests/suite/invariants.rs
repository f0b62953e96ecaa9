//! What holds for every input: the examples of the rules, the fixtures, and (where they are there) the acceptance cases.
//!
//! A witness gets in, and who is proved to be kept out does not: both are put before the evaluators that decide one token
//! at a time. A stranger is named by no policy, and one repository's token speaks of one repository. A finding stands where
//! something is written. Every trust is judged or in the coverage, and nothing is said of it that contradicts itself.

#![allow(clippy::expect_used, clippy::print_stdout)]

use super::witnesses;
use fedlint::admission::entra::Credential;
use fedlint::admission::exposure::{Reachability, shape};
use fedlint::admission::formula::{Formula, GlobPart, Matcher};
use fedlint::admission::search::Shared;
use fedlint::catalogue::{Category, Confidence, RuleId, catalogue};
use fedlint::gate::{self, Inputs};
use fedlint::graph::{Gate, Trust};
use fedlint::issuers::{Template, registry};
use fedlint::partial::Text;
use fedlint::pipeline::{Estate, Input, Request, check, read};
use fedlint::report::Run;
use fedlint::rules::Finding;
use fedlint::simulation::{Presented, simulate};
use fedlint::token::{Decision, Token};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One of so many acceptance cases is checked in each run; with `FEDLINT_ALL_CASES` set, each.
const CASES_STEP: usize = 12;

pub(crate) type Files = Vec<(String, String)>;

/// An input, what was read of it, and what was found.
pub(crate) struct Scan {
    pub(crate) name: String,
    pub(crate) files: Files,
    pub(crate) estate: Estate,
    pub(crate) run: Run,
}

impl Scan {
    pub(crate) fn of(name: &str, files: Files) -> Self {
        let request = Request { input: Input::Memory(files.clone()), ..Request::default() };
        let estate = read(&request).expect("the facts are read");
        let run = check(&request).expect("the run is made");
        Self { name: name.to_owned(), files, estate, run }
    }
}

fn texts(root: &Path, folder: &Path, out: &mut Files) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            texts(root, &path, out);
        } else if let Ok(text) = fs::read_to_string(&path) {
            out.push((path.strip_prefix(root).expect("inside").to_string_lossy().replace('\\', "/"), text));
        }
    }
}

/// Each folder or file in a folder is an input.
fn inputs(root: &Path) -> Vec<(String, Files)> {
    let mut cases: Vec<PathBuf> = fs::read_dir(root).expect("the inputs").flatten().map(|e| e.path()).collect();
    cases.sort();
    let input = |case: PathBuf| {
        let mut all = Vec::new();
        if case.is_dir() {
            texts(&case, &case, &mut all);
        } else if let Ok(text) = fs::read_to_string(&case) {
            all.push((case.file_name().expect("a name").to_string_lossy().into_owned(), text));
        }
        (case.to_string_lossy().into_owned(), all)
    };
    cases.into_iter().map(input).collect()
}

/// The examples of the rule files.
pub(crate) fn examples() -> Vec<(String, Files)> {
    let mut out = Vec::new();
    for rule in catalogue() {
        for example in &rule.examples {
            let files = example.files.iter().map(|f| (f.path.clone(), f.text.clone())).collect();
            out.push((format!("rules/{}.md `{}`", rule.meta.id, example.title), files));
        }
    }
    out
}

/// The fixtures of the repository.
pub(crate) fn fixtures() -> Vec<(String, Files)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["fixtures/sources", "fixtures/repos", "fixtures/readme"].iter().flat_map(|folder| inputs(&root.join(folder))).collect()
}

/// The acceptance cases, where they lie beside the repository.
fn cases() -> Vec<(String, Files)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/cases/cases"));
    let Ok(systems) = fs::read_dir(root) else {
        println!("notice: the acceptance cases are not here, nothing is checked with them");
        return Vec::new();
    };
    let mut systems: Vec<PathBuf> = systems.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect();
    systems.sort();
    let all: Vec<(String, Files)> = systems.iter().flat_map(|system| inputs(system)).collect();
    // All of them take minutes.
    match std::env::var_os("FEDLINT_ALL_CASES") {
        Some(_) => all,
        None => all.into_iter().step_by(CASES_STEP).collect(),
    }
}

/// A trust as the tokens of one issuer meet it.
struct Seen {
    issuer: String,
    formula: Formula,
    templates: Vec<Template>,
    reachability: Reachability,
}

/// The views that the checks judge a trust by.
fn seen(estate: &Estate, index: usize, trust: &Trust, shared: &Arc<Shared>) -> Vec<Seen> {
    let inputs = Inputs { graph: &estate.graph, links: &estate.links, registry: registry(), shared };
    let view = |issuer: &str, formula: Formula, templates: Vec<Template>| {
        let reachability = inputs.reachability(&formula, &templates);
        Seen { issuer: issuer.to_owned(), formula, templates, reachability }
    };
    let providers = estate.links.trust_providers.get(index).map_or(&[][..], Vec::as_slice);
    match &trust.gate {
        Gate::AwsPolicy(policy) => {
            let all = gate::aws::views(&inputs, estate.graph.identity(trust.identity), policy, providers);
            // What depends on the request is left to the request.
            let decided = |v: &gate::aws::FederatedView<'_>| match inputs.reachability(&v.formula, &v.templates) {
                Reachability::Undecided => v.via.lenient.clone(),
                _ => v.formula.clone(),
            };
            all.into_iter().map(|v| view(&v.recognised.iss, decided(&v), v.templates.clone())).collect()
        }
        Gate::AzureCredential { issuer: Some(url), subject, audiences, expression } => {
            let credential =
                Credential { issuer: url.clone(), subject: subject.clone(), audiences: audiences.clone(), expression: expression.clone() };
            let one = gate::azure::issuer_view(&inputs, trust, credential);
            one.into_iter().map(|v| view(&v.recognised.iss, v.formula.clone(), v.templates.clone())).collect()
        }
        Gate::AzureCredential { .. } => Vec::new(),
        Gate::GoogleMember { .. } => {
            let all = providers.iter().flat_map(|id| gate::google::views(&inputs, *id));
            let combined =
                |v: &gate::google::ProviderView<'_>| Some((v.recognised.iss.clone(), v.combined(&trust.gate)?, v.templates.clone()));
            all.filter_map(|v| combined(&v)).map(|(issuer, formula, templates)| view(&issuer, formula, templates)).collect()
        }
    }
}

/// The texts that a policy compares something with, wildcards filled in.
fn literals(formula: &Formula) -> Vec<String> {
    let known = |t: &Text| t.fill(|_| "unknown".to_owned());
    let mut out = Vec::new();
    for occurrence in shape::tests(formula) {
        match &occurrence.test.matcher {
            Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) => out.push(known(t)),
            Matcher::Prefix(t) | Matcher::Suffix(t) => out.push(known(t)),
            Matcher::Glob(parts) => {
                let of = |star: &str| -> String {
                    let part = |p: &GlobPart| match p {
                        GlobPart::Literal(t) => known(t),
                        GlobPart::Star(_) => star.to_owned(),
                        GlobPart::One(_) => "x".to_owned(),
                    };
                    parts.iter().map(part).collect()
                };
                out.extend([of(""), of("x"), of("x/y")]);
            }
            _ => {}
        }
    }
    out
}

/// Tokens of the issuer: the samples of its templates, and names that the policy writes in every place of them.
fn sampled(seen: &Seen) -> Vec<Token> {
    const DRAWS: u64 = 24;
    let literals = literals(&seen.formula);
    let mut words: BTreeSet<String> = literals.iter().flat_map(|l| l.split([':', '/', '@'])).map(str::to_owned).collect();
    words.extend(literals.iter().cloned());
    words.retain(|w| !w.is_empty());
    let words: Vec<String> = words.into_iter().take(64).collect();
    let mut out = Vec::new();
    for template in &seen.templates {
        out.push(template.instantiate(&BTreeMap::new()));
        for draw in 0..DRAWS {
            let mut values = BTreeMap::new();
            for (place, segment) in template.segments.iter().enumerate() {
                // any mixture will do, the same in each run
                let number = (draw * 7919 + place as u64 * 104_729 + draw * draw * 31) % 1_000_003;
                let pick = usize::try_from(number).expect("small");
                if !words.is_empty() && pick % 3 != 0 {
                    values.insert(segment.name.clone(), words[pick % words.len()].clone());
                }
            }
            out.push(template.instantiate(&values));
        }
        out.extend(literals.iter().filter_map(|subject| {
            let mut token = Token::default();
            token.set("sub", subject.clone());
            template.complete(&token)
        }));
    }
    out.retain(|token| seen.templates.iter().any(|t| t.matches(token)));
    out
}

/// Whom a proof keeps out, the evaluator keeps out, too.
fn the_dead_are_dead(scan: &Scan, problems: &mut Vec<String>) {
    let shared = Arc::default();
    let trusts = &scan.estate.graph.trusts;
    for (index, trust) in trusts.iter().enumerate() {
        // What has alternatives, or a name twice, cannot be told apart in the answers.
        let same = |t: &&Trust| t.origin.span == trust.origin.span && t.identity == trust.identity;
        if trusts.iter().filter(same).count() > 1 {
            continue;
        }
        let views = seen(&scan.estate, index, trust, &shared);
        let mut alive: BTreeMap<&str, bool> = BTreeMap::new();
        for view in &views {
            *alive.entry(&view.issuer).or_default() |= !matches!(view.reachability, Reachability::Unreachable);
        }
        for view in views.iter().filter(|v| alive.get(v.issuer.as_str()) == Some(&false)) {
            for token in sampled(view) {
                let mut claims = token.clone();
                if let Some(known) = registry().recognise(&view.issuer) {
                    claims = known.issuer.typed(claims);
                }
                claims.set("iss", view.issuer.clone());
                // Where the audience is what refuses them, they have their own.
                let any_audience = !scan.run.findings.iter().any(|f| f.rule == RuleId::AudienceMismatch);
                let presented = Presented { claims, any_audience, ..Presented::default() };
                let outcome = simulate(&scan.estate.graph, &scan.estate.links, &presented);
                let own = |v: &&fedlint::simulation::Verdict| {
                    v.span == trust.origin.span && v.via.as_deref() == via(trust).as_deref() && Some(&v.identity) == name(scan, trust)
                };
                if outcome.verdicts.iter().filter(own).any(|v| v.evaluation.decision == Decision::Admit) {
                    problems.push(format!("{}: `{}` is proved dead and admits {}", scan.name, trust.origin.name, token.to_json()));
                    break;
                }
            }
        }
    }
}

fn via(trust: &Trust) -> Option<String> {
    match &trust.gate {
        Gate::GoogleMember { member, .. } => Some(member.to_string()),
        _ => None,
    }
}

fn name<'s>(scan: &'s Scan, trust: &Trust) -> Option<&'s String> {
    scan.estate.graph.identity(trust.identity).map(|i| &i.origin.name)
}

/// The rules about those who come from somewhere else.
const STRANGERS: [RuleId; 5] =
    [RuleId::ForeignTenant, RuleId::WildcardSubject, RuleId::MissingSubject, RuleId::MissingAttributeCondition, RuleId::TenantPrefix];

/// A token of GitHub speaks of one repository, and a stranger's is one that nobody has named.
fn witnesses_are_of_one_repository(scan: &Scan, finding: &Finding, witness: &Token, problems: &mut Vec<String>) {
    let mut problem = |what: &str| {
        problems.push(format!("{}: the witness of {} {what}: {}", scan.name, finding.rule, witness.to_json()));
    };
    let Some(sub) = witness.string("sub").filter(|_| witness.string("iss").is_some_and(|iss| iss.contains("githubusercontent"))) else {
        return;
    };
    let Some((owner, repository)) = sub.strip_prefix("repo:").and_then(|r| r.split(':').next()).and_then(|r| r.split_once('/')) else {
        return;
    };
    let plain = |name: &str| name.split('@').next().unwrap_or(name).to_owned();
    let id = |name: &str| name.split_once('@').map(|(_, id)| id.to_owned());
    let pairs = [
        ("repository_owner", Some(plain(owner))),
        ("repository", Some(format!("{}/{}", plain(owner), plain(repository)))),
        ("repository_owner_id", id(owner)),
        ("repository_id", id(repository)),
    ];
    for (claim, wanted) in pairs {
        if let (Some(found), Some(wanted)) = (witness.string(claim), wanted)
            && found != wanted
        {
            problem(&format!("has `{claim}` of another repository than its subject"));
        }
    }
    if STRANGERS.contains(&finding.rule) {
        let owner = plain(owner).to_lowercase();
        let named = |text: &str| {
            let lower = text.to_lowercase();
            [
                format!("repo:{owner}/"),
                format!("repo:{owner}@"),
                format!("'{owner}'"),
                format!("\"{owner}\""),
                format!("/{owner}/"),
                format!("'{owner}/"),
            ]
            .iter()
            .any(|form| lower.contains(form.as_str()))
        };
        if scan.files.iter().any(|(_, text)| named(text)) {
            problem("is of a tenant that is written in the input");
        }
    }
}

/// A finding stands where something is written, and not at what is only on the way.
fn places_are_written(scan: &Scan, finding: &Finding, problems: &mut Vec<String>) {
    let Some(file) = scan.run.sources.get(finding.span.file) else {
        problems.push(format!("{}: {} is in no file", scan.name, finding.rule));
        return;
    };
    let at = file.position(finding.span.start as usize);
    let text = file.text.get(finding.span.start as usize..finding.span.end as usize).unwrap_or_default();
    let place = format!("{}: {} at {}:{}:{}", scan.name, finding.rule, file.path, at.line, at.column);
    if text.is_empty() {
        problems.push(format!("{place} has no text"));
    }
    if (at.line, at.column) == (1, 1) && finding.span.end as usize >= file.text.trim_end().len() && file.text.lines().count() > 1 {
        problems.push(format!("{place} is the whole file"));
    }
    if ["variable ", "locals ", "output "].iter().any(|word| text.starts_with(word)) {
        problems.push(format!("{place} is only on the way: {text}"));
    }
}

/// Every trust is judged, or the coverage says why not.
fn every_trust_is_accounted_for(scan: &Scan, problems: &mut Vec<String>) {
    let shared = Arc::default();
    for (index, trust) in scan.estate.graph.trusts.iter().enumerate() {
        let views = seen(&scan.estate, index, trust, &shared);
        let judged = !views.is_empty() && views.iter().all(|v| !matches!(v.reachability, Reachability::Undecided));
        let tokens = match &trust.gate {
            Gate::AwsPolicy(policy) => {
                policy.open.is_some() || fedlint::admission::iam::principals(policy).iter().any(|p| p.brings_tokens())
            }
            // GKE's own pool is filled by clusters: the checks of Kubernetes judge it.
            Gate::GoogleMember { member, .. } => {
                member.known_prefix().starts_with("principal") && !member.to_string().contains(".svc.id.goog/")
            }
            Gate::AzureCredential { .. } => true,
        };
        if judged || !tokens {
            continue;
        }
        let found = scan.run.findings.iter().any(|f| {
            let places = std::iter::once(f.span).chain(f.related.iter().map(|r| r.span)).chain(f.declared);
            let same = |span: fedlint::place::Span| {
                span.file == trust.origin.span.file && span.start <= trust.origin.span.end && trust.origin.span.start <= span.end
            };
            f.identity.as_ref() == name(scan, trust) || f.identity.as_deref() == Some(&trust.origin.name) || places.into_iter().any(same)
        });
        let near = scan.run.sources.locate(trust.origin.span);
        let told = scan
            .run
            .coverage
            .undecided
            .iter()
            .any(|u| near.as_ref().is_some_and(|(path, _)| *path == u.path) || u.why.contains(&trust.origin.name));
        if !found && !told {
            problems.push(format!("{}: `{}` is neither judged nor undecided", scan.name, trust.origin.name));
        }
    }
}

/// What nobody can use, nobody is let in by.
fn findings_agree(scan: &Scan, problems: &mut Vec<String>) {
    let dead = |f: &&Finding| matches!(f.rule, RuleId::NeverMatches | RuleId::ProjectIdInPrincipal) && f.confidence == Confidence::Proven;
    for closed in scan.run.findings.iter().filter(dead) {
        let open = scan.run.findings.iter().find(|f| {
            f.category == Category::Exposure
                && f.witness.is_some()
                && f.identity == closed.identity
                && f.declared == closed.declared
                && f.span == closed.span
        });
        if let Some(open) = open {
            problems.push(format!(
                "{}: `{:?}` can never be used ({}) and is open ({})",
                scan.name, closed.identity, closed.message, open.message
            ));
        }
    }
}

/// What is wrong with one input.
pub(crate) fn problems_of(scan: &Scan) -> Vec<String> {
    judge_one(scan).2
}

fn judge_one(scan: &Scan) -> (usize, usize, Vec<String>) {
    let mut problems = Vec::new();
    let (admitted, open) = witnesses::judge(scan, &mut problems);
    the_dead_are_dead(scan, &mut problems);
    for finding in &scan.run.findings {
        places_are_written(scan, finding, &mut problems);
        if let Some(witness) = &finding.witness {
            witnesses_are_of_one_repository(scan, finding, witness, &mut problems);
        }
    }
    every_trust_is_accounted_for(scan, &mut problems);
    findings_agree(scan, &mut problems);
    (admitted, open, problems)
}

fn judge(inputs: Vec<(String, Files)>) -> (usize, usize, Vec<String>) {
    let one = |(name, files): (String, Files)| judge_one(&Scan::of(&name, files));
    let each: Vec<(usize, usize, Vec<String>)> = inputs.into_par_iter().map(one).collect();
    each.into_iter().fold((0, 0, Vec::new()), |(a, o, mut all), (admitted, open, problems)| {
        all.extend(problems);
        (a + admitted, o + open, all)
    })
}

#[test]
fn the_rules_examples_keep_the_invariants() {
    let (admitted, open, problems) = judge(examples());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(admitted >= 40 && open * 8 <= admitted, "{admitted} admitted, {open} open");
}

#[test]
fn the_fixtures_keep_the_invariants() {
    let (admitted, _, problems) = judge(fixtures());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    assert!(admitted >= 12, "{admitted}");
}

#[test]
fn the_acceptance_cases_keep_the_invariants() {
    let (_, _, problems) = judge(cases());
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
