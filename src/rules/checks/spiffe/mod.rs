//! SPIFFE and SPIRE: who obtains an id, who can pose as an agent, what cannot work.

mod attestation;
mod bootstrap;
mod clouds;
mod entries;
mod federation;
mod identities;
mod lifetimes;
mod mismatch;
mod refusals;
mod secrets;

use super::super::engine::Context;
use super::super::finding::Finding;
use crate::admission::spiffe::SpiffeId;
use crate::catalogue::{Category, Severity};
use crate::graph::Setting;
use crate::partial::Text;
use crate::place::Span;

/// Every finding about SPIFFE and SPIRE.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let parts = [
        entries::check,
        identities::check,
        attestation::check,
        bootstrap::check,
        federation::check,
        mismatch::check,
        clouds::check,
        lifetimes::check,
        refusals::check,
        secrets::check,
    ];
    let mut findings: Vec<Finding> = parts.iter().flat_map(|part| part(context)).collect();
    for finding in &mut findings {
        // What is only tried out is bounded: it is told, and no more.
        if finding.category != Category::Broken && is_rehearsal(context, finding.span) {
            finding.severity = finding.severity.min(Severity::Low);
        }
    }
    findings
}

/// A setting that is certainly this text.
fn set(setting: &Setting) -> Option<&Text> {
    if let Setting::Set(text) = setting { Some(text) } else { None }
}

/// The trust domain of an id, as far as it is written: `spiffe://domain/…`, or the domain alone.
fn domain_of(id: &Text) -> Option<String> {
    let written = id.known_prefix();
    let rest = written.strip_prefix("spiffe://").unwrap_or(&written);
    match rest.split_once('/') {
        Some((domain, _)) => Some(domain.to_owned()),
        None => id.is_known().then(|| rest.to_owned()),
    }
    .filter(|d| !d.is_empty())
}

/// Why SPIRE refuses an id. Unlike the standard's comparison its library takes trust domains in small letters only
/// (<https://pkg.go.dev/github.com/spiffe/go-spiffe/v2/spiffeid#FromString>).
fn id_problem(id: &str) -> Option<String> {
    // A name that is to be filled in before anybody reads it.
    if id.contains(['<', '{']) {
        return None;
    }
    match SpiffeId::parse(id) {
        Err(problem) => Some(problem.to_string()),
        Ok(read) => {
            (!id.starts_with(&format!("spiffe://{}", read.trust_domain))).then(|| "a trust domain has no capital letters".to_owned())
        }
    }
}

/// The folders of a place.
fn folders(context: &Context<'_>, span: Span) -> Vec<String> {
    let path = context.sources.get(span.file).map(|s| s.path.clone()).unwrap_or_default();
    let mut all: Vec<String> = path.split('/').map(str::to_owned).collect();
    all.pop();
    all
}

/// How many folders apart two places may be that belong to one deployment.
const NEAR: usize = 2;

/// Whether two files may be parts of one deployment: no more than two folders away from what they share.
fn near(context: &Context<'_>, left: Span, right: Span) -> bool {
    apart(context, left, right) <= NEAR
}

/// How many folders two files are away from what they share.
fn apart(context: &Context<'_>, left: Span, right: Span) -> usize {
    let (left, right) = (folders(context, left), folders(context, right));
    let common = left.iter().zip(&right).take_while(|(a, b)| a == b).count();
    left.len().max(right.len()) - common
}

/// Folders of what is tried out and never deployed.
const REHEARSALS: [&str; 15] = [
    "ci",
    "integration",
    "test",
    "tests",
    "testdata",
    "e2e",
    "demo",
    "demos",
    "example",
    "examples",
    "quickstart",
    "tutorial",
    "tutorials",
    "sandbox",
    "local",
];

/// Whether a file is there to try something out.
fn is_rehearsal(context: &Context<'_>, span: Span) -> bool {
    folders(context, span).iter().any(|f| REHEARSALS.contains(&f.as_str()))
}
