//! Tokens by their subject: what follows from it, and what a customisation of the scan makes of it.

use super::{Issuers, Presented};
use crate::gate::issuer::example;
use crate::gate::subjects::{Chosen, chosen};
use crate::graph::Graph;
use crate::issuers::{ClaimPart, Recognised, Tag, Template};
use crate::source::Sources;
use crate::token::Token;
use std::collections::{BTreeMap, BTreeSet};

/// What a preset of GitHub says by itself; every other claim of a customised subject has a made-up value.
const GIVEN: [&str; 8] = ["repo", "repository", "context", "repository_owner", "ref", "ref_type", "environment", "event_name"];

/// A token of an issuer with this subject. Claims that the subject decides are filled in; those that it does not are open.
///
/// # Errors
/// The issuer is known and mints no such subject.
pub fn of_subject(issuers: &Issuers, issuer: &str, subject: &str) -> Result<Presented, String> {
    let recognised = issuers.recognise(issuer).or_else(|| issuers.generic(issuer));
    let recognised = recognised.ok_or_else(|| format!("`{issuer}` is not a known issuer"))?;
    let mut token = Token::default();
    token.set("iss", recognised.iss.clone());
    token.set("sub", subject);
    let mut claims: BTreeMap<String, Option<String>> = BTreeMap::new();
    let fitting: Vec<(Template, Token)> =
        templates(&recognised, subject).into_iter().filter_map(|t| told(&t, &token).map(|d| (t, d))).collect();
    if fitting.is_empty() {
        let form = example(&recognised.templates(), "sub");
        return Err(format!("no token of {} has the subject `{subject}`: it mints `{form}` and the like", recognised.issuer.name));
    }
    for (template, told) in &fitting {
        for name in template.claims.iter().map(|(name, _)| name).filter(|n| !n.starts_with('/')) {
            let value = told.string(name).map(str::to_owned);
            claims.entry(name.clone()).and_modify(|known| *known = known.take().filter(|k| Some(k) == value.as_ref())).or_insert(value);
        }
    }
    let everywhere = |name: &str| fitting.iter().all(|(t, _)| t.claim(name).is_some());
    let mut presented = Presented { any_audience: true, issuers: issuers.clone(), ..Presented::default() };
    for (name, value) in claims.into_iter().filter(|(name, _)| name != "aud") {
        match value.filter(|_| everywhere(&name)) {
            Some(value) => token.set(&name, value),
            None => {
                if !everywhere(&name) {
                    presented.optional_claims.push(name.clone());
                }
                presented.open_claims.push(name);
            }
        }
    }
    presented.claims = recognised.issuer.typed(token);
    if !presented.open_claims.is_empty() {
        presented.open_notes.push("a test of a claim that does not follow from the subject is not decided".to_owned());
    }
    Ok(presented)
}

/// The templates that can have this subject: the default ones, else those of the customised form that it is of.
fn templates(recognised: &Recognised<'_>, subject: &str) -> Vec<Template> {
    match recognised.form(subject, false) {
        crate::issuers::Form::Default => recognised.templates(),
        crate::issuers::Form::Custom(keys) | crate::issuers::Form::Truncated(keys) => {
            recognised.custom(&keys.iter().map(String::as_str).collect::<Vec<_>>())
        }
    }
}

/// The claims of the template that are decided by those that the token has; none when it is no token of the template.
fn told(template: &Template, token: &Token) -> Option<Token> {
    let values = template.bind(token)?;
    let mut out = Token::default();
    for (name, parts) in template.claims.iter() {
        let piece = |part: &ClaimPart| match part {
            ClaimPart::Literal(text) => Some(text.clone()),
            ClaimPart::Segment(index) => values.get(&template.segments.get(*index)?.name).cloned(),
        };
        if let Some(text) = parts.iter().map(piece).collect::<Option<String>>() {
            out.set(name, text);
        }
    }
    Some(out)
}

impl Presented {
    /// Gives the token of a preset the subject that a customisation in the scan makes of it.
    pub fn customise(&mut self, graph: &Graph, sources: &Sources) {
        let issuers = self.issuers.clone();
        let Some(recognised) = self.claims.string("iss").and_then(|iss| issuers.recognise(iss)) else { return };
        let Some(project) = recognised.project_claim().and_then(|claim| self.claims.string(claim)) else { return };
        let Chosen::Keys(keys, facts) = chosen(&recognised, project, &graph.subject_formats) else { return };
        if keys == recognised.default_keys() {
            return;
        }
        let place = facts.first().and_then(|i| graph.subject_formats.get(*i)).and_then(|f| sources.locate(f.origin.span));
        let place = place.map_or(String::new(), |(path, at)| format!(" ({path}:{})", at.line));
        let list = keys.join("`, `");
        self.notes.push(format!("the subject of `{project}` is customised{place}: `{list}`"));
        let immutable = self.claims.string("sub").is_some_and(|sub| sub.split(':').nth(1).is_some_and(|repo| repo.contains('@')));
        let mut rest = self.claims.clone();
        rest.claims.remove("sub");
        let all = recognised.custom(&keys.iter().map(String::as_str).collect::<Vec<_>>());
        let own = all.iter().filter(|t| t.is(Tag::ImmutableIds) == immutable);
        // A claim that the job has not is not made up, but for those that were left open.
        let has =
            |key: &String| matches!(key.as_str(), "repo" | "context") || rest.claims.contains_key(key) || self.open_claims.contains(key);
        let own = own.filter(|_| keys.iter().all(has));
        let Some(sub) = own.filter_map(|t| t.complete(&rest)).find_map(|t| t.string("sub").map(str::to_owned)) else {
            self.notes.push("this job has no value for one of these claims: GitHub mints it no token, or says nothing of it".to_owned());
            self.claims.claims.remove("sub");
            self.open_claims.push("sub".to_owned());
            return;
        };
        self.claims.set("sub", sub);
        let open: BTreeSet<&str> = keys.iter().map(String::as_str).filter(|k| !GIVEN.contains(k)).collect();
        if !open.is_empty() {
            let list = open.into_iter().collect::<Vec<_>>().join("`, `");
            self.open_notes
                .push(format!("`{list}` was not provided, so the subject is an example and a test that refuses it is not decided"));
            self.open_claims.push("sub".to_owned());
        }
    }
}
