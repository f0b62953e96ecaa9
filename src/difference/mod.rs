//! What changed between two states of a repository in who is admitted where: the tokens that newly get in, those that no longer do.
//!
//! Both states are read and judged whole. Identities are matched by what they are (the name of a role, an e-mail, a parent), not by
//! where they are written; then for each issuer "admitted now and not before" is a formula like any other, and the search answers it
//! with a token, with a proof that there is none, or with neither.

mod decide;
mod matching;
mod names;
mod permissions;
mod providers;
mod registered;
mod unknowns;
mod ways;
mod written;

use crate::admission::search::Shared;
use crate::config::TenantConfig;
use crate::gate::Inputs;
use crate::graph::IdentityId;
use crate::issuers::Registry;
use crate::pipeline::Estate;
use crate::place::Span;
use crate::report::Run;
use crate::report::json::place;
use crate::rules::Finding;
use crate::rules::baseline::Baseline;
use decide::Verdict;
use permissions::Permissions;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use ways::Ways;

/// One state of the repository.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// What was read.
    pub estate: &'a Estate,
    /// What the rules say of it.
    pub run: &'a Run,
    /// Who mints tokens.
    pub registry: &'a Registry,
    /// Whose ids they are.
    pub tenants: &'a TenantConfig,
}

/// What changed.
#[derive(Debug, Clone, Default, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Difference {
    /// Identities with a change, in order of their names.
    pub identities: Vec<Change>,
    /// Issuers whose tokens some trust takes now and none took before, by their URL.
    pub new_issuers: Vec<String>,
    /// The other way round.
    pub removed_issuers: Vec<String>,
    /// Providers that are there now and were not before.
    pub new_providers: Vec<String>,
    /// The other way round.
    pub removed_providers: Vec<String>,
    /// Providers that take tokens for other audiences than before.
    pub changed_providers: Vec<ProviderChange>,
    /// Workloads that obtain an identity now and did not before where no trust says so: Pod Identity associations, profiles of
    /// Roles Anywhere, entries of SPIRE.
    pub newly_registered: Vec<Registered>,
    /// The other way round.
    pub no_longer_registered: Vec<Registered>,
    /// Findings of `fedlint check` that the first state does not have.
    pub new_findings: Vec<Problem>,
    /// Findings that the second state does not have any more.
    pub resolved_findings: Vec<Problem>,
    /// Trusts of which it is not known whether more or less get in.
    pub undecided: Vec<Open>,
    /// How many trusts were not decided before and are not now, and are written as they were.
    pub undecided_as_before: usize,
    /// Files that are not read now and were before, or were not there.
    pub unread: Vec<Unread>,
    /// Unknowns that bear one name in both states and stand in different places: they are taken for the same value.
    pub assumed: Vec<String>,
}

/// What changed at one identity.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Change {
    /// The identity, as reports name it.
    pub identity: String,
    /// Whether it was there before and is now.
    pub status: Status,
    /// Where it is declared; in the first state where it is gone.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// Who newly gets in.
    pub newly: Vec<Admitted>,
    /// Who no longer gets in.
    pub no_longer: Vec<Admitted>,
    /// What it may do now and might not before.
    pub new_permissions: Vec<String>,
    /// The other way round.
    pub removed_permissions: Vec<String>,
}

/// Whether an identity was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Before and now.
    Changed,
    /// It, or the first trust of it, is new.
    New,
    /// It, or the last trust of it, is gone.
    Removed,
}

/// Somebody who gets in on one side only.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Admitted {
    /// Whose tokens, or which principals.
    pub issuer: String,
    /// A token that is admitted on this side and not on the other; null for who is named and brings no token.
    pub token: Option<Value>,
    /// Who is named, where no token is shown.
    pub who: Option<String>,
    /// `proven`, or `likely` where unknown values have a say.
    pub confidence: Sureness,
}

/// How sure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Sureness {
    /// Whatever the unknowns are.
    Proven,
    /// With the unknowns filled in.
    Likely,
}

/// A provider that takes other tokens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct ProviderChange {
    /// The provider.
    pub provider: String,
    /// Audiences that it takes now.
    pub new_audiences: Vec<String>,
    /// Audiences that it takes no longer.
    pub removed_audiences: Vec<String>,
}

/// A workload that is registered with an identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Registered {
    /// By what.
    pub kind: RegisteredKind,
    /// Who obtains what.
    pub who: String,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

/// By what a workload is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum RegisteredKind {
    /// An EKS Pod Identity association.
    PodIdentity,
    /// A trust anchor or a profile of IAM Roles Anywhere.
    RolesAnywhere,
    /// A registration entry of SPIRE.
    Spiffe,
    /// A trust domain that SPIRE federates with.
    Federation,
}

impl RegisteredKind {
    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::PodIdentity => "Pod Identity",
            Self::RolesAnywhere => "Roles Anywhere",
            Self::Spiffe => "SPIRE",
            Self::Federation => "SPIRE federation",
        }
    }
}

/// A finding in short.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Problem {
    /// The rule.
    pub rule: String,
    /// How bad.
    pub severity: String,
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The identity.
    pub identity: Option<String>,
    /// What is wrong.
    pub message: String,
    /// As in the report of `check`.
    pub fingerprint: String,
}

/// What was not decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Open {
    /// The identity.
    pub identity: String,
    /// Whose tokens, as far as it is known.
    pub issuer: String,
    /// The file of the trust.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// What is not known.
    pub why: String,
}

/// What was not read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "internals", derive(schemars::JsonSchema))]
pub struct Unread {
    /// The file.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl Difference {
    /// Nothing changed, as far as it was decided.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.identities.is_empty()
            && self.new_issuers.is_empty()
            && self.removed_issuers.is_empty()
            && self.new_providers.is_empty()
            && self.removed_providers.is_empty()
            && self.changed_providers.is_empty()
            && self.newly_registered.is_empty()
            && self.no_longer_registered.is_empty()
            && self.new_findings.is_empty()
            && self.resolved_findings.is_empty()
            && self.undecided.is_empty()
            && self.unread.is_empty()
    }

    /// Somebody gets in who did not before.
    #[must_use]
    pub fn admits_more(&self) -> bool {
        !self.newly_registered.is_empty() || self.identities.iter().any(|change| !change.newly.is_empty())
    }

    /// An identity may do more than before.
    #[must_use]
    pub fn permits_more(&self) -> bool {
        self.identities.iter().any(|change| !change.new_permissions.is_empty())
    }
}

/// A state with what is shared by the questions that are asked of it.
struct State<'a> {
    side: Side<'a>,
    shared: Arc<Shared>,
}

impl<'a> State<'a> {
    fn inputs(&'a self) -> Inputs<'a> {
        Inputs { graph: &self.side.estate.graph, links: &self.side.estate.links, registry: self.side.registry, shared: &self.shared }
    }

    fn locate(&self, span: Span) -> (String, usize) {
        self.side.estate.sources.locate(span).map_or((String::new(), 0), |(path, at)| (path, at.line))
    }
}

/// What changed from `before` to `after`.
#[must_use]
pub fn compare(before: Side<'_>, after: Side<'_>) -> Difference {
    let shared: Arc<Shared> = Arc::default();
    let (before, after) = (State { side: before, shared: Arc::clone(&shared) }, State { side: after, shared });
    let mut out = Difference::default();
    let (old, new) = (ways::all(&before), ways::all(&after));
    let mut renamed = Renamed::default();
    for (one, other) in matching::pairs(&before, &old, &after, &new) {
        renamed.add(&before, one, &after, other);
        let one = one.and_then(|id| old.get(&id));
        let other = other.and_then(|id| new.get(&id));
        identity(&before, one, &after, other, &mut out);
    }
    out.identities.sort_by(|a, b| (&a.identity, &a.path, a.line).cmp(&(&b.identity, &b.path, b.line)));
    issuers(&old, &new, &mut out);
    providers::compare(&before, &after, &mut out);
    registered::compare(&before, &after, &mut out);
    findings(&before, &after, &renamed, &mut out);
    unread(&before, &after, &mut out);
    out.undecided.sort();
    out.undecided.dedup();
    out.assumed.sort();
    out.assumed.dedup();
    out
}

fn identity(before: &State<'_>, old: Option<&Ways<'_>>, after: &State<'_>, new: Option<&Ways<'_>>, out: &mut Difference) {
    let none = Ways::default();
    let (status, shown, state) = match (old, new) {
        (Some(_), Some(new)) => (Status::Changed, new, after),
        (None, Some(new)) => (Status::New, new, after),
        (Some(old), None) => (Status::Removed, old, before),
        (None, None) => return,
    };
    let Some(id) = shown.identity else { return };
    let Some(declared) = state.side.estate.graph.identity(id) else { return };
    let (path, line) = state.locate(declared.origin.span);
    let identity = declared.origin.name.clone();
    let mut change = Change {
        identity: identity.clone(),
        status,
        path,
        line,
        newly: Vec::new(),
        no_longer: Vec::new(),
        new_permissions: Vec::new(),
        removed_permissions: Vec::new(),
    };
    let (old, new) = (old.unwrap_or(&none), new.unwrap_or(&none));
    let keys: BTreeSet<&String> = old.decided.iter().chain(&new.decided).map(|way| &way.key).collect();
    for key in keys {
        let asked = decide::Question::new(old, new, key, &mut out.assumed);
        let written_alike = || written::alike(before, old, after, new);
        for (verdict, list) in [(asked.newly(after), &mut change.newly), (asked.no_longer(before), &mut change.no_longer)] {
            match verdict {
                Verdict::Nobody => {}
                Verdict::Somebody(admitted) => list.push(admitted),
                Verdict::Unknown(_) if written_alike() => out.undecided_as_before += 1,
                Verdict::Unknown(why) => out.undecided.push(open(&identity, &asked.issuer, why, state, shown)),
            }
        }
    }
    let named = |list: &BTreeMap<String, String>, other: &BTreeMap<String, String>| -> Vec<Admitted> {
        let new = list.iter().filter(|(key, _)| !other.contains_key(*key));
        new.map(|(_, who)| Admitted { issuer: String::new(), token: None, who: Some(who.clone()), confidence: Sureness::Proven }).collect()
    };
    change.newly.extend(named(&new.named, &old.named));
    change.no_longer.extend(named(&old.named, &new.named));
    for (key, why) in old.open.iter().chain(&new.open).collect::<BTreeMap<_, _>>() {
        if old.open.contains_key(key) == new.open.contains_key(key) && written::alike(before, old, after, new) {
            out.undecided_as_before += 1;
        } else {
            out.undecided.push(open(&identity, "", why.clone(), state, shown));
        }
    }
    let (had, has) = (Permissions::of(before, old), Permissions::of(after, new));
    change.new_permissions = has.beyond(&had);
    change.removed_permissions = had.beyond(&has);
    let changed = !change.newly.is_empty() || !change.no_longer.is_empty();
    if status != Status::Changed || changed || !change.new_permissions.is_empty() || !change.removed_permissions.is_empty() {
        out.identities.push(change);
    }
}

fn open(identity: &str, issuer: &str, why: String, state: &State<'_>, shown: &Ways<'_>) -> Open {
    let (path, line) = shown.spans.first().map(|span| state.locate(*span)).unwrap_or_default();
    Open { identity: identity.to_owned(), issuer: issuer.to_owned(), path, line, why }
}

fn issuers(old: &ways::All<'_>, new: &ways::All<'_>, out: &mut Difference) {
    let all = |ways: &ways::All<'_>| -> BTreeSet<String> {
        ways.values().flat_map(|ways| &ways.decided).filter(|way| way.is_url).map(|way| way.issuer.clone()).collect()
    };
    let (had, has) = (all(old), all(new));
    out.new_issuers = has.difference(&had).cloned().collect();
    out.removed_issuers = had.difference(&has).cloned().collect();
}

/// The identities of both states that bear other names than before: a finding that only got another name is none.
#[derive(Default)]
struct Renamed(Vec<(Known, Known)>);

/// By what findings name an identity: its name and those of its trusts, and where they are declared.
#[derive(Default, PartialEq)]
struct Known {
    names: BTreeSet<String>,
    spans: Vec<Span>,
}

impl Known {
    fn of(state: &State<'_>, id: IdentityId) -> Self {
        let graph = &state.side.estate.graph;
        let trusts = graph.trusts.iter().filter(|trust| trust.identity == id).map(|trust| &trust.origin);
        let mut out = Self::default();
        for origin in graph.identity(id).map(|identity| &identity.origin).into_iter().chain(trusts) {
            out.names.insert(origin.name.clone());
            out.spans.push(origin.span);
        }
        out
    }

    /// Whether a finding speaks of it: one that is told once of a declaration bears the name of its first instance.
    fn is_of(&self, finding: &Finding) -> bool {
        let named = finding.identity.as_ref().is_some_and(|name| self.names.contains(name));
        named || finding.declared.is_some_and(|span| self.spans.contains(&span))
    }
}

impl Renamed {
    fn add(&mut self, before: &State<'_>, old: Option<IdentityId>, after: &State<'_>, new: Option<IdentityId>) {
        let (Some(old), Some(new)) = (old, new) else { return };
        let (old, new) = (Known::of(before, old), Known::of(after, new));
        if old.names != new.names {
            self.0.push((old, new));
        }
    }
}

fn findings(before: &State<'_>, after: &State<'_>, renamed: &Renamed, out: &mut Difference) {
    let only = |these: &State<'_>, others: &State<'_>| -> Vec<Finding> {
        let known = Baseline::of(&others.side.run.findings, &others.side.run.sources);
        known.compare(these.side.run.findings.clone(), &these.side.run.sources).kept
    };
    let same = |one: &Finding, other: &Finding| one.rule == other.rule && one.severity == other.severity;
    let (old, new) = (&before.side.run.findings, &after.side.run.findings);
    let was_there = |finding: &Finding| {
        let pairs = renamed.0.iter().filter(|(_, now)| now.is_of(finding));
        pairs.into_iter().any(|(then, _)| old.iter().any(|other| same(finding, other) && then.is_of(other)))
    };
    let is_there = |finding: &Finding| {
        let pairs = renamed.0.iter().filter(|(then, _)| then.is_of(finding));
        pairs.into_iter().any(|(_, now)| new.iter().any(|other| same(finding, other) && now.is_of(other)))
    };
    let new = only(after, before);
    out.new_findings = new.iter().filter(|f| !was_there(f)).map(|finding| problem(after, finding)).collect();
    let resolved = only(before, after);
    out.resolved_findings = resolved.iter().filter(|f| !is_there(f)).map(|finding| problem(before, finding)).collect();
}

fn problem(state: &State<'_>, finding: &Finding) -> Problem {
    let at = place(&state.side.run.sources, finding.span);
    Problem {
        rule: finding.rule.to_string(),
        severity: finding.severity.to_string(),
        path: at.path,
        line: at.line,
        identity: finding.identity.clone(),
        message: finding.message.clone(),
        fingerprint: finding.fingerprint.clone(),
    }
}

fn unread(before: &State<'_>, after: &State<'_>, out: &mut Difference) {
    let known: BTreeSet<(&String, &String)> = before.side.run.coverage.files_skipped.iter().map(|s| (&s.path, &s.reason)).collect();
    let now = after.side.run.coverage.files_skipped.iter().filter(|s| !known.contains(&(&s.path, &s.reason)));
    out.unread = now.map(|s| Unread { path: s.path.clone(), reason: s.reason.clone() }).collect();
    out.unread.sort();
    out.unread.dedup();
}
