//! Runs the checks over the graph and brings their findings into their final form.

use super::checks;
use super::finding::{Category, Confidence, Finding, Related, Severity};
use super::{catalogue, suppress};
use crate::admission::Token;
use crate::admission::exposure::{self, Exposure, Life};
use crate::admission::formula::Formula;
use crate::admission::search::Shared;
use crate::config::Config;
use crate::graph::links::Links;
use crate::graph::{Graph, Origin};
use crate::issuers::{Registry, Template};
use crate::source::{Sources, Span};
use crate::value::{Text, Trail, hops};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

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
    /// What the checks could not decide: the place and the reason.
    pub open: Mutex<BTreeSet<(Span, String)>>,
    /// What the decisions of the run share: a trust like one that was judged before is not judged anew.
    pub shared: Arc<Shared>,
}

impl Context<'_> {
    /// Notes that something stays open: it goes into the coverage, never silently missing.
    pub fn leave_open(&self, span: Span, why: String) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert((span, why));
    }

    /// Whether anybody gets in through a gate.
    #[must_use]
    pub fn life(&self, formula: &Formula, templates: &[Template]) -> Life {
        exposure::life_in(formula, &self.shared.templates(templates))
    }

    /// Who gets in through a gate.
    ///
    /// # Errors
    /// Nothing could be decided; the reason.
    pub fn exposed(&self, formula: &Formula, templates: &[Template]) -> Result<Exposure, String> {
        exposure::exposure_in(formula, &self.shared.templates(templates))
    }

    /// Who gets in through a gate; a search that gives up is left open.
    #[must_use]
    pub fn exposure(&self, origin: &Origin, formula: &Formula, templates: &[Template]) -> Option<Exposure> {
        match self.exposed(formula, templates) {
            Ok(exposure) => Some(exposure),
            Err(why) => {
                self.leave_open(origin.span, format!("who gets in through `{}` was not decided: {why}", origin.name));
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
    pub select: BTreeSet<String>,
    /// Not these.
    pub ignore: BTreeSet<String>,
    /// Not less severe than this.
    pub min_severity: Option<Severity>,
    /// Not less sure than this.
    pub min_confidence: Option<Confidence>,
    /// Report what comments hide, too.
    pub no_ignores: bool,
}

/// Runs every check; the findings are in their final order.
#[must_use]
pub fn run(context: &Context<'_>, selection: &Selection) -> Vec<Finding> {
    let mut findings: Vec<Finding> = checks::CHECKS.par_iter().flat_map_iter(|(_, check)| check(context)).collect();
    for finding in &mut findings {
        if let Some(level) = context.config.rules.get(&finding.rule) {
            finding.severity = level.severity.severity().unwrap_or(finding.severity);
        }
    }
    let off = |f: &Finding| context.config.rules.get(&f.rule).is_some_and(|l| l.severity.severity().is_none());
    findings.retain(|f| !off(f));
    let mut findings = merge(findings, context.sources);
    if !selection.no_ignores {
        findings = suppress::apply(findings, context.sources, context.config);
    }
    findings.retain(|f| {
        (selection.select.is_empty() || selection.select.contains(&f.rule))
            && !selection.ignore.contains(&f.rule)
            && selection.min_severity.is_none_or(|s| f.severity >= s)
            && selection.min_confidence.is_none_or(|c| f.confidence >= c)
    });
    order(&mut findings, context.sources);
    findings
}

/// By file, then place, then severity.
fn order(findings: &mut [Finding], sources: &Sources) {
    findings.sort_by_cached_key(|f| {
        let path = sources.get(f.span.file).map(|s| s.path.clone()).unwrap_or_default();
        (path, f.span.start, f.span.end, std::cmp::Reverse(f.severity), f.rule.clone(), f.identity.clone(), f.message.clone())
    });
}

/// One finding for one literal: instances of a module, worlds and both judgements of a library share their cause.
fn merge(mut findings: Vec<Finding>, sources: &Sources) -> Vec<Finding> {
    order(&mut findings, sources);
    let mut out: Vec<Finding> = Vec::new();
    for finding in findings {
        match out.iter_mut().rev().take_while(|f| f.span == finding.span).find(|f| f.rule == finding.rule) {
            Some(same) => {
                if (finding.severity, finding.confidence) > (same.severity, same.confidence) {
                    *same = finding;
                }
            }
            None => out.push(finding),
        }
    }
    out
}

impl Finding {
    /// A finding of a catalogued rule at its default severity, `proven` unless the origin is a library's defaults.
    /// `edge` names what it is about without line numbers (beside rule and identity).
    #[must_use]
    pub fn new(rule: &str, origin: &Origin, span: Option<Span>, edge: &str, message: impl Into<String>) -> Self {
        let meta = catalogue::find(rule).map(|r| &r.meta);
        Self {
            rule: rule.to_owned(),
            category: meta.map_or(Category::Exposure, |m| m.category),
            severity: meta.map_or(Severity::Medium, |m| m.severity),
            confidence: if origin.library || origin.conditional { Confidence::Likely } else { Confidence::Proven },
            span: span.unwrap_or(origin.span),
            identity: Some(origin.name.clone()),
            message: message.into(),
            help: None,
            witness: None,
            related: Vec::new(),
            edge: format!("{}|{edge}", origin.name),
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

    /// With the way a literal came here, before the other places.
    #[must_use]
    pub fn along(mut self, trail: &Trail) -> Self {
        let after = std::mem::take(&mut self.related);
        // The trail's first hop is the nearest use; from the literal's side the way is read from its last hop.
        let way: Vec<(Span, String)> = hops(trail).map(|h| (h.span, h.what.to_string())).collect();
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
