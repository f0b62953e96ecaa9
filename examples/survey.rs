//! How much of a folder fedlint can see: what was read and lost, the trust sites by kind, and how many of them have
//! leaves that are known, partly known (a literal skeleton around holes) or unknown, with the reasons counted.
//!
//! `cargo run --release --example survey -- FOLDER [--list]`; `--list` names every site that has an unknown leaf.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use fedlint::admission::iam::{Leaf, Policy, PrincipalKind};
use fedlint::graph::{Gate, GoogleProvider, GoogleSource, Graph, Origin, ProviderKind, Setting};
use fedlint::partial::{Text, Unknown};
use fedlint::pipeline::{Estate, Input, Request, read};
use fedlint::place::Span;
use fedlint::syntax::hcl::{self, ExprKind};
use fedlint::terraform::models;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// How much of a leaf is known; the worst of a site's leaves is the site's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    Whole,
    Partly,
    Not,
}

/// The sites of one kind.
#[derive(Debug, Default)]
struct Tally {
    whole: usize,
    partly: usize,
    not: usize,
}

impl Tally {
    fn add(&mut self, known: Known) {
        match known {
            Known::Whole => self.whole += 1,
            Known::Partly => self.partly += 1,
            Known::Not => self.not += 1,
        }
    }
}

/// One site while its leaves are looked at.
struct Site {
    worst: Known,
    reasons: Vec<String>,
}

impl Site {
    fn new() -> Self {
        Self { worst: Known::Whole, reasons: Vec::new() }
    }

    fn see(&mut self, known: Known) {
        self.worst = self.worst.max(known);
    }

    fn atom(&mut self, atom: &Unknown) {
        self.see(Known::Not);
        self.reasons.push(general(atom.why()));
    }

    fn text(&mut self, text: &Text) {
        if text.is_known() {
            return;
        }
        let literal: usize = text.parts.len() - text.atoms().count();
        self.see(if literal > 0 { Known::Partly } else { Known::Not });
        self.reasons.extend(text.atoms().map(|a| general(a.why())));
    }

    /// A leaf that may be chosen among several is partly known when one of them is.
    fn leaf(&mut self, leaf: &Leaf) {
        if let [one] = leaf.choices.as_slice() {
            return self.text(one);
        }
        let each = leaf.choices.iter().map(|choice| {
            let mut one = Site::new();
            one.text(choice);
            self.reasons.append(&mut one.reasons);
            one.worst
        });
        let best = each.min().unwrap_or(Known::Not);
        self.see(best.max(Known::Partly));
    }

    fn open(&mut self, why: Option<&String>, empty: bool) {
        if let Some(why) = why {
            self.see(if empty { Known::Not } else { Known::Partly });
            self.reasons.push(general(why));
        }
    }
}

/// The report under construction.
#[derive(Default)]
struct Survey {
    tallies: BTreeMap<&'static str, Tally>,
    reasons: BTreeMap<String, usize>,
    listed: Vec<String>,
}

impl Survey {
    fn add(&mut self, kind: &'static str, origin: &Origin, estate: &Estate, site: Site) {
        self.tallies.entry(kind).or_default().add(site.worst);
        if site.worst == Known::Not {
            let place = estate.sources.locate(origin.span).map_or_else(String::new, |(path, at)| format!("{path}:{}", at.line));
            let library = if origin.library { " (library)" } else { "" };
            self.listed.push(format!("{kind}: {place} {}{library}: {}", origin.name, site.reasons.join("; ")));
            for reason in site.reasons {
                *self.reasons.entry(reason).or_default() += 1;
            }
        }
    }
}

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let list = arguments.iter().any(|a| a == "--list");
    arguments.retain(|a| a != "--list");
    let [folder] = arguments.as_slice() else {
        eprintln!("usage: survey FOLDER [--list]");
        return ExitCode::FAILURE;
    };
    let start = Instant::now();
    let request = Request { input: Input::Paths(vec![PathBuf::from(folder)]), ..Request::default() };
    match read(&request) {
        Ok(estate) => {
            let took = start.elapsed();
            print(&estate, list);
            println!("read in {} ms", took.as_millis());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn print(estate: &Estate, list: bool) {
    let survey = survey(estate);
    let coverage = &estate.coverage;
    println!("files {} lost {}", coverage.files_read, coverage.files_skipped.len());
    coverage.files_skipped.iter().for_each(|s| println!("  lost {}: {}", s.path, s.reason));
    for (kind, tally) in &survey.tallies {
        println!("{kind}: known {} partly {} unknown {}", tally.whole, tally.partly, tally.not);
    }
    let count = |counts: &BTreeMap<String, usize>| {
        let mut sorted: Vec<_> = counts.iter().collect();
        sorted.sort_by(|a, b| b.1.cmp(a.1));
        sorted.iter().take(15).for_each(|(reason, n)| println!("  {n} {reason}"));
    };
    count(&survey.reasons);
    calls(estate, list);
    let mut undecided: BTreeMap<String, usize> = BTreeMap::new();
    coverage.undecided.iter().for_each(|u| *undecided.entry(general(&u.why)).or_default() += 1);
    println!("undecided {}", coverage.undecided.len());
    count(&undecided);
    if list {
        survey.listed.iter().for_each(|l| println!("{l}"));
        coverage.undecided.iter().for_each(|u| println!("undecided: {}:{} {}", u.path, u.line, u.why));
    }
}

/// What became of the calls of one model.
#[derive(Debug, Default)]
struct Calls {
    made: usize,
    off: usize,
    lost: usize,
}

/// The calls of modules that a model describes: those that give a trust or a provider, those whose arguments (or
/// `count`) switch it off, and those of which nothing became known.
fn calls(estate: &Estate, list: bool) {
    let graph = &estate.graph;
    let trusts = graph.trusts.iter().map(|t| t.origin.span);
    let made: BTreeSet<Span> = trusts.chain(graph.providers.iter().map(|p| p.origin.span)).collect();
    let evaluated: BTreeSet<Span> = estate.calls.iter().filter(|c| c.modelled).map(|c| c.span).collect();
    let mut counts: BTreeMap<&str, Calls> = BTreeMap::new();
    let mut remote = 0;
    for file in estate.sources.all().iter().filter(|f| f.path.ends_with(".tf") && !f.path.starts_with(models::FOLDER)) {
        for block in hcl::parse(file).body.blocks.iter().filter(|b| &*b.kind == "module") {
            let literal = |name: &str| match &block.body.attribute(name)?.value.kind {
                ExprKind::Template(t) => t.as_literal(),
                _ => None,
            };
            let Some(source) = literal("source").filter(|s| !s.starts_with('.')) else { continue };
            let Some(model) = models::find(&source, literal("version").as_deref()) else {
                remote += 1;
                continue;
            };
            let count = counts.entry(&model.name).or_default();
            let what = match (made.contains(&block.header), evaluated.contains(&block.header)) {
                (true, _) => {
                    count.made += 1;
                    continue;
                }
                (false, true) => {
                    count.off += 1;
                    "switched off"
                }
                (false, false) => {
                    count.lost += 1;
                    "lost"
                }
            };
            if let Some((path, at)) = estate.sources.locate(block.header).filter(|_| list) {
                println!("call {what}: {path}:{} {source}", at.line);
            }
        }
    }
    println!("calls of other remote modules {remote}");
    for (model, Calls { made, off, lost }) in &counts {
        println!("calls of {model}: {}, with a trust or provider {made}, switched off {off}, lost {lost}", made + off + lost);
    }
}

fn survey(estate: &Estate) -> Survey {
    let mut survey = Survey::default();
    let graph: &Graph = &estate.graph;
    for provider in &graph.providers {
        match &provider.kind {
            ProviderKind::AwsOidc { url, .. } => survey.add("aws provider url", &provider.origin, estate, of_text(Some(url))),
            ProviderKind::Google(google) => {
                survey.add("google condition", &provider.origin, estate, condition(google));
                if let GoogleSource::Oidc { issuer, .. } = &google.source {
                    survey.add("google issuer", &provider.origin, estate, of_text(Some(issuer)));
                }
            }
        }
    }
    for trust in &graph.trusts {
        match &trust.gate {
            Gate::AwsPolicy(policy) => aws(&mut survey, estate, &trust.origin, policy),
            Gate::GoogleMember { member, .. } => survey.add("google member", &trust.origin, estate, of_text(Some(member))),
            Gate::AzureCredential { issuer, subject, expression, .. } => {
                survey.add("azure issuer", &trust.origin, estate, of_text(issuer.as_ref()));
                survey.add("azure subject", &trust.origin, estate, of_text(subject.as_ref().or(expression.as_ref())));
            }
        }
    }
    survey
}

fn of_text(text: Option<&Text>) -> Site {
    let mut site = Site::new();
    match text {
        Some(text) => site.text(text),
        None => {
            site.see(Known::Not);
            site.reasons.push("not readable".to_owned());
        }
    }
    site
}

fn condition(google: &GoogleProvider) -> Site {
    let mut site = Site::new();
    match &google.condition {
        Setting::Absent => {}
        Setting::Set(text) => site.text(text),
        Setting::OneOf(all) => {
            site.see(Known::Partly);
            all.iter().flatten().for_each(|t| site.text(t));
        }
        Setting::Unknown(atom) => site.atom(atom),
    }
    site
}

/// A trust policy's conditions and its federated principals, each as a site of its own; policies that trust no
/// federated principal do not count.
fn aws(survey: &mut Survey, estate: &Estate, origin: &Origin, policy: &Policy) {
    if policy.open.is_some() {
        let mut site = Site::new();
        site.open(policy.open.as_ref(), policy.statements.is_empty());
        survey.add("aws statements unknown", origin, estate, site);
    }
    for statement in &policy.statements {
        let named = || statement.principals.items.iter().filter(|p| p.kind == PrincipalKind::Federated);
        if named().next().is_none() && statement.principals.open.is_none() {
            continue;
        }
        let mut principal = Site::new();
        named().for_each(|p| principal.leaf(&p.leaf));
        principal.open(statement.principals.open.as_ref(), named().next().is_none());
        survey.add("aws principal", origin, estate, principal);
        let mut conditions = Site::new();
        for test in &statement.conditions {
            conditions.text(&test.key);
            for list in &test.values.choices {
                list.items.iter().for_each(|leaf| conditions.leaf(leaf));
                conditions.open(list.open.as_ref(), list.items.is_empty());
            }
        }
        conditions.open(statement.open_conditions.as_ref(), statement.conditions.is_empty());
        survey.add("aws condition", origin, estate, conditions);
    }
}

/// A reason without the names in it.
fn general(why: &str) -> String {
    why.split('`').enumerate().map(|(i, part)| if i % 2 == 1 { "`…`" } else { part }).collect()
}
