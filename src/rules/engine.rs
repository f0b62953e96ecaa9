//! Runs the checks over the graph and brings their findings into their final form.

use super::checks;
use super::finding::{Finding, MergeIn, Related, Suppressed};
use super::suppress::Accepted;
use super::{fingerprint, predicate, suppress};
use crate::admission::exposure::{self, Exposure, Reachability};
use crate::admission::formula::Formula;
use crate::admission::search::Shared;
use crate::catalogue::{Category, Confidence, Rule, RuleId, Severity, catalogue};
use crate::config::{Config, Level};
use crate::gate::Inputs;
use crate::graph::links::Links;
use crate::graph::{Graph, Origin};
use crate::issuers::{Registry, Template};
use crate::place::Span;
use crate::token::Token;

use crate::partial::{Text, Trail, cut, hops};
use crate::source::Sources;
use crate::terraform::evaluate::ModuleCall;
use crate::terraform::models::Arguments;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Most places that a finding lists beside its own.
const MAX_RELATED: usize = 12;

/// What the checks see.
#[derive(Debug)]
pub struct Context<'a> {
    /// The facts.
    pub graph: &'a Graph,
    /// What belongs together.
    pub links: &'a Links,
    /// The files.
    pub sources: &'a Sources,
    /// What the team knows.
    pub config: &'a Config,
    /// Who mints tokens.
    pub registry: &'a Registry,
    /// The calls of Terraform modules.
    pub calls: &'a [ModuleCall],
    /// Which of the calls only a model describes, by where they are written; filled when it is first asked for.
    pub modelled: OnceLock<BTreeMap<Span, usize>>,
    /// What the checks could not decide: the place and the reason.
    pub open: Mutex<BTreeSet<(Span, String)>>,
    /// What the decisions of the run share: a trust like one that was judged before is not judged anew.
    pub shared: Arc<Shared>,
}

impl Context<'_> {
    /// Notes that something is undecided: it goes into the coverage, never silently missing.
    pub fn record_undecided(&self, span: Span, why: String) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert((span, why));
    }

    /// What the views of the gate are made from.
    #[must_use]
    pub fn inputs(&self) -> Inputs<'_> {
        Inputs { graph: self.graph, links: self.links, registry: self.registry, shared: &self.shared }
    }

    /// Whether anybody gets in through a gate.
    #[must_use]
    pub fn reachability(&self, formula: &Formula, templates: &[Template]) -> Reachability {
        exposure::reachability_in(formula, &self.shared.templates(templates))
    }

    /// Whether none of the documented tokens gets in, where [`Context::reachability`] says that this is no proof.
    #[must_use]
    pub fn likely_dead(&self, formula: &Formula, templates: &[Template]) -> bool {
        exposure::undocumented_in(formula, &self.shared.templates(templates))
    }

    /// Whether a token of which `asked` holds gets in, whatever the gate's unknowns are.
    #[must_use]
    pub fn always_admits(&self, formula: &Formula, asked: &Formula, templates: &[Template]) -> bool {
        exposure::always_admits(formula, asked, &self.shared.templates(templates))
    }

    /// Who gets in through a gate.
    ///
    /// # Errors
    /// Nothing could be decided; the reason.
    pub fn exposed(&self, formula: &Formula, templates: &[Template]) -> Result<Exposure, String> {
        let found = exposure::exposure_in(formula, &self.shared.templates(templates))?;
        Ok(self.by_a_stranger(found, formula, templates))
    }

    /// A tenant that the configuration lists is no stranger: another one is shown, where there is one.
    fn by_a_stranger(&self, mut found: Exposure, formula: &Formula, templates: &[Template]) -> Exposure {
        let tenants = &self.config.tenants;
        let own: [(&str, Vec<&str>); 2] =
            [("owner", tenants.github.names().collect()), ("group", tenants.gitlab.iter().map(String::as_str).collect())];
        if !matches!(found.class, exposure::Class::AnyTenant | exposure::Class::TenantPrefix) {
            return found;
        }
        for (segment, names) in own {
            let shown = found.segments.get(segment);
            if !shown.is_some_and(|shown| names.iter().any(|name| name.eq_ignore_ascii_case(shown))) {
                continue;
            }
            let ours = names.iter().map(|name| exposure::segment_is(segment, name)).collect();
            let others = Formula::All(vec![formula.clone(), Formula::Not(Box::new(Formula::Any(ours)))]);
            if let Reachability::Reachable(token) = self.reachability(&others, templates) {
                found.witness = Some(exposure::minimal(&token, formula));
            }
        }
        found
    }

    /// Whether two places begin on one line of one file.
    #[must_use]
    pub fn same_line(&self, a: Span, b: Span) -> bool {
        let line = |span: Span| self.sources.get(span.file).map(|file| file.position(span.start as usize).line);
        a.file == b.file && line(a) == line(b)
    }

    /// What the arguments are for of the module call that declares this, when only a model describes the module.
    #[must_use]
    pub fn model(&self, origin: &Origin) -> Option<&Arguments> {
        let modelled = self.modelled.get_or_init(|| {
            let mut all = BTreeMap::new();
            for (index, call) in self.calls.iter().enumerate().filter(|(_, call)| call.modelled) {
                all.entry(call.span).or_insert(index);
            }
            all
        });
        modelled.get(&origin.span).and_then(|index| self.calls.get(*index)).map(|call| &call.arguments)
    }

    /// A module that nobody has read is handed what names an account: it may make the other half of what binds it.
    #[must_use]
    pub fn hands_on(&self, root: &str, account: &Text) -> bool {
        let last = |key: &str| key.rsplit('/').next().unwrap_or_default().to_owned();
        let own = cut::key(account);
        let names = |key: &String| *key == own || last(key) == last(&own);
        self.calls.iter().filter(|call| call.root == root).flat_map(|call| &call.handed).any(names)
    }

    /// Who gets in through a gate; a search that gives up is left open.
    #[must_use]
    pub fn exposure(&self, origin: &Origin, formula: &Formula, templates: &[Template]) -> Option<Exposure> {
        match self.exposed(formula, templates) {
            Ok(exposure) => Some(exposure),
            Err(why) => {
                self.record_undecided(origin.span, format!("cannot determine which tokens `{}` admits: {why}", origin.name));
                None
            }
        }
    }
}

/// A check: findings of one or several rules.
pub type Check = fn(&Context<'_>) -> Vec<Finding>;

/// Which findings are wanted.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only these rules; all when empty.
    pub select: BTreeSet<RuleId>,
    /// Not these.
    pub ignore: BTreeSet<RuleId>,
    /// Not less severe than this; what the configuration says when absent.
    pub min_severity: Option<Severity>,
    /// Not less sure than this; what the configuration says when absent.
    pub min_confidence: Option<Confidence>,
    /// Report what comments and the configuration hide, too.
    pub no_ignores: bool,
    /// Report what comments hide, too; what the configuration accepts is hidden.
    pub no_comments: bool,
}

/// What a run of the checks found, in its final order.
#[derive(Debug, Default)]
pub struct Found {
    /// Reported.
    pub findings: Vec<Finding>,
    /// Found and accepted.
    pub suppressed: Vec<Suppressed>,
    /// How many are not reported because a rule is off, or not selected, or because of their severity or confidence.
    pub unreported: usize,
}

/// What is broken by a default that stands in for an argument is broken for nobody who passes one. A library has callers; whoever
/// applies a root may have forgotten to.
fn settle_stand_ins(findings: &mut Vec<Finding>) {
    let by_default = |f: &Finding| f.stands_in && f.category == Category::Broken;
    findings.retain(|f| !(by_default(f) && f.library));
    for finding in findings.iter_mut().filter(|f| by_default(f)) {
        finding.severity = Severity::Low;
        finding.confidence = Confidence::Likely;
        finding.yields = true;
    }
}

/// Runs every check.
#[must_use]
pub fn run(context: &Context<'_>, selection: &Selection) -> Found {
    let needed: Vec<Check> = checks::CHECKS.iter().filter(|(name, _)| is_needed(name, selection)).map(|c| c.1).collect();
    let mut findings: Vec<Finding> = needed.par_iter().flat_map_iter(|check| check(context)).collect();
    settle_stand_ins(&mut findings);
    yield_to_the_open(&mut findings);
    // what is said of a part of the tree is said where the finding is
    let config = |f: &Finding| ruling(context, f);
    for finding in &mut findings {
        if let Some(level) = config(finding).level(finding.rule) {
            finding.severity = level.severity().unwrap_or(finding.severity);
        }
    }
    let off = |f: &Finding| config(f).level(f.rule) == Some(Level::Off);
    let all = findings.len();
    findings.retain(|f| !off(f));
    let mut unreported = all - findings.len();
    findings.iter_mut().for_each(|f| f.span = quoted(within(f, context.sources), context.sources));
    // Before instances become one finding: a comment at one of them accepts that one.
    let accepted = if selection.no_ignores {
        Accepted { kept: findings, suppressed: Vec::new() }
    } else {
        suppress::apply(findings, context.sources, context.config, selection.no_comments)
    };
    let mut findings = merge(accepted.kept, context.sources);
    fingerprint::assign(&mut findings, context.sources);
    let merged = findings.len();
    findings.retain(|f| selection.wants(f, config(f)));
    unreported += merged - findings.len();
    let mut suppressed = accepted.suppressed;
    suppressed.retain(|s| selection.wants(&s.finding, config(&s.finding)));
    suppressed.sort_by_cached_key(|s| place_key(&s.finding, context.sources));
    Found { findings, suppressed, unreported }
}

/// "Nobody gets in until it is filled in" is not said beside "and then everybody does": the second is what matters.
fn yield_to_the_open(findings: &mut Vec<Finding>) {
    let is_open = |f: &Finding| f.category == Category::Exposure && f.witness.is_some();
    let open: BTreeSet<(Option<Span>, Option<String>)> =
        findings.iter().filter(|f| is_open(f)).map(|f| (f.declared, f.identity.clone())).collect();
    findings.retain(|f| !f.yields || !open.contains(&(f.declared, f.identity.clone())));
}

/// The configuration that speaks of a finding.
fn ruling<'a>(context: &Context<'a>, finding: &Finding) -> &'a Config {
    if context.config.parts.is_empty() {
        return context.config;
    }
    context.sources.get(finding.span.file).map_or(context.config, |file| context.config.at(&file.path))
}

impl Selection {
    fn wants(&self, finding: &Finding, config: &Config) -> bool {
        (self.select.is_empty() || self.select.contains(&finding.rule))
            && !self.ignore.contains(&finding.rule)
            && self.min_severity.or(config.min_severity).is_none_or(|s| finding.severity >= s)
            && self.min_confidence.or(config.min_confidence).is_none_or(|c| finding.confidence >= c)
    }
}

/// Under `--select` only the checks run that find a selected rule. Whether a comment hides anything is known only when all ran.
fn is_needed(check: &str, selection: &Selection) -> bool {
    let finds = |rule: &Rule| rule.meta.check.iter().any(|name| name == check) || (rule.meta.when.is_some() && check == predicate::NAME);
    let selected = &selection.select;
    selected.is_empty()
        || selected.contains(&RuleId::UnusedSuppression)
        || (check == predicate::NAME && selected.iter().any(|rule| matches!(rule, RuleId::Own(_))))
        || catalogue().iter().any(|rule| selected.contains(&rule.meta.id) && finds(rule))
}

/// A document as a whole is no place: what a finding names inside of it, is.
fn within(finding: &Finding, sources: &Sources) -> Span {
    let Some(file) = sources.get(finding.span.file).filter(|_| finding.span.start == 0) else { return finding.span };
    let whole = |span: &Span| span.file == file.id && span.start == 0 && span.end as usize >= file.text.trim_end().len();
    let inside = finding.related.iter().map(|r| r.span).find(|span| span.file == file.id && !whole(span) && !span.is_empty());
    inside.filter(|_| whole(&finding.span)).unwrap_or(finding.span)
}

/// An empty string is shown with its quotes: a place without text shows nothing.
fn quoted(span: Span, sources: &Sources) -> Span {
    let Some(file) = sources.get(span.file).filter(|_| span.is_empty()) else { return span };
    let bytes = file.text.as_bytes();
    let before = span.start.checked_sub(1).and_then(|at| bytes.get(at as usize));
    match (before, bytes.get(span.end as usize)) {
        (Some(b'"'), Some(b'"')) | (Some(b'\''), Some(b'\'')) => Span { start: span.start - 1, end: span.end + 1, ..span },
        _ => span,
    }
}

/// By file, then place, then severity.
fn order(findings: &mut [Finding], sources: &Sources) {
    findings.sort_by_cached_key(|f| place_key(f, sources));
}

type PlaceKey = (String, u32, u32, std::cmp::Reverse<Severity>, RuleId, Option<String>, String);

pub(crate) fn place_key(f: &Finding, sources: &Sources) -> PlaceKey {
    let path = sources.get(f.span.file).map(|s| s.path.clone()).unwrap_or_default();
    (path, f.span.start, f.span.end, std::cmp::Reverse(f.severity), f.rule, f.identity.clone(), f.message.clone())
}

/// One finding for one mistake of one declaration: instances of a module or a `for_each`, worlds and both judgements of a
/// library share their cause. What another declaration makes of a literal that lets somebody in is a finding of its own:
/// there are two identities to be had. A literal by which nobody gets in is one mistake, however many use it.
fn merge(mut findings: Vec<Finding>, sources: &Sources) -> Vec<Finding> {
    order(&mut findings, sources);
    let mut index: BTreeMap<_, usize> = BTreeMap::new();
    let mut out: Vec<Vec<Finding>> = Vec::new();
    for finding in findings {
        let once = finding.merge_key.clone().filter(|_| finding.declared.is_some());
        let place = if once.is_some() { (None, once.clone()) } else { (Some(finding.span), None) };
        let of_file = Span { start: 0, end: 0, ..finding.span };
        let declared = finding.declared.filter(|_| once.is_some() || finding.category != Category::Broken);
        let declared = declared.and_then(|own| match finding.merge_in {
            MergeIn::Declaration => Some(own),
            MergeIn::File => Some(of_file),
            MergeIn::Run => None,
        });
        let key = (finding.rule, declared, place);
        let next = out.len();
        let at = *index.entry(key).or_insert(next);
        match out.get_mut(at) {
            Some(all) => all.push(finding),
            None => out.push(vec![finding]),
        }
    }
    let mut merged: Vec<Finding> = out.into_iter().filter_map(worst).collect();
    order(&mut merged, sources);
    merged
}

/// The worst of the instances, which names the others.
fn worst(all: Vec<Finding>) -> Option<Finding> {
    // The fingerprint does not change with the severity of an instance.
    let edge = all.iter().map(|f| f.edge.clone()).min()?;
    let at = (0..all.len()).rev().max_by_key(|i| all.get(*i).map(|f| (f.severity, f.confidence)))?;
    let mut others = all;
    let mut kept = others.swap_remove(at);
    kept.edge = edge;
    others.sort_by(|a, b| (&a.identity, &a.message).cmp(&(&b.identity, &b.message)));
    let mut named: BTreeSet<Option<String>> = BTreeSet::from([kept.identity.clone()]);
    // A library by itself is no instance beside those of its callers.
    others.retain(|f| (kept.library || !f.library) && named.insert(f.identity.clone()));
    if others.is_empty() {
        return Some(kept);
    }
    let (count, instances) = (others.len(), if others.len() == 1 { "instance" } else { "instances" });
    kept.message = format!("{} (and {count} more {instances})", kept.message);
    for other in &others {
        // Where the instance differs from this one, else where all of them are declared.
        let own = other.related.iter().map(|r| r.span).find(|s| *s != kept.span && !kept.related.iter().any(|r| r.span == *s));
        let span = own.or(other.declared).unwrap_or(kept.span);
        if kept.related.len() < MAX_RELATED {
            kept.related
                .push(Related { span, message: format!("`{}` is one more instance", other.identity.as_deref().unwrap_or_default()) });
        }
    }
    Some(kept)
}

impl Finding {
    /// A finding of a catalogued rule at its default severity, `proven` unless the origin is a library's defaults.
    /// `edge` names what it is about without line numbers (beside rule and identity).
    #[must_use]
    pub fn new(rule: RuleId, origin: &Origin, span: Option<Span>, edge: &str, message: impl Into<String>) -> Self {
        Self {
            rule,
            category: rule.category(),
            severity: rule.severity(),
            confidence: if origin.library || origin.conditional { Confidence::Likely } else { Confidence::Proven },
            span: span.unwrap_or(origin.span),
            identity: Some(origin.name.clone()),
            declared: Some(origin.span),
            library: origin.library,
            stands_in: origin.stands_in,
            message: message.into(),
            label: None,
            help: None,
            edit: None,
            witness: None,
            related: Vec::new(),
            edge: format!("{}|{edge}", origin.name),
            merge_key: None,
            yields: false,
            merge_in: MergeIn::Declaration,
            fingerprint: String::new(),
        }
        .related_to(origin.span, format!("`{}` is declared here", origin.name))
    }

    /// With this severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// With what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Said once of the declaration under this key.
    #[must_use]
    pub fn merged_by(mut self, key: impl Into<String>) -> Self {
        self.merge_key = Some(key.into());
        self
    }

    /// Not told where the same declaration is found open.
    #[must_use]
    pub fn yielding(mut self) -> Self {
        self.yields = true;
        self
    }

    /// One finding for all with this key in its file.
    #[must_use]
    pub fn merged_in_file(self, key: impl Into<String>) -> Self {
        Self { merge_in: MergeIn::File, ..self.merged_by(key) }
    }

    /// One finding for all with this key in all that is read.
    #[must_use]
    pub fn merged_in_run(self, key: impl Into<String>) -> Self {
        Self { merge_in: MergeIn::Run, ..self.merged_by(key) }
    }

    /// With a token that gets in.
    #[must_use]
    pub fn witness(mut self, token: Option<Token>) -> Self {
        self.witness = token;
        self
    }

    /// `likely` unless `certain`.
    #[must_use]
    pub fn certain(mut self, certain: bool) -> Self {
        if !certain {
            self.confidence = Confidence::Likely;
        }
        self
    }

    /// With one more place; places that are there already, or are the finding's own, are left out.
    #[must_use]
    pub fn related_to(mut self, span: Span, message: impl Into<String>) -> Self {
        let message = message.into();
        let known = span == self.span || self.related.iter().any(|r| r.span == span);
        if !known && self.related.len() < MAX_RELATED {
            self.related.push(Related { span, message });
        }
        self
    }

    /// With one more place, when it has one.
    #[must_use]
    pub fn related(self, span: Option<Span>, message: impl Into<String>) -> Self {
        match span {
            Some(span) => self.related_to(span, message),
            None => self,
        }
    }

    /// With the way a literal came here, before the other places.
    #[must_use]
    pub fn along(mut self, trail: &Trail) -> Self {
        let after = std::mem::take(&mut self.related);
        // The trail's first hop is the nearest use; from the literal's side the way is read from its last hop.
        let way: Vec<(Span, String)> = hops(trail).map(|h| (h.span, h.kind.to_string())).collect();
        for (span, what) in way.into_iter().rev() {
            self = self.related_to(span, what);
        }
        for related in after {
            self = self.related_to(related.span, related.message);
        }
        self
    }

    /// With the way a text came here.
    #[must_use]
    pub fn along_text(self, text: &Text) -> Self {
        self.along(&text.trail())
    }
}
