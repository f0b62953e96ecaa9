//! Customised subjects: an issuer that lets its tenants choose which claims their `sub` is made of.
//!
//! GitHub: `include_claim_keys` of an organisation or a repository
//! (<https://docs.github.com/en/actions/reference/security/oidc#customizing-the-subject-claims-for-an-organization-or-repository>).
//! GitLab: `ci_id_token_sub_claim_components` of a project (<https://docs.gitlab.com/api/projects/>).

use super::complement::{Failure, complement};
use super::schema::Customised;
use super::template::Values;
use super::{ClaimPart, Recognised, Role, Segment, Template, expand};
use crate::token::Token;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Longer lists of claims are no templates (GitHub has some thirty claims).
const MAX_KEYS: usize = 32;

/// The claims of a subject, in order.
pub type Keys = Vec<String>;

/// A project (repository) whose subject is known to be made of these claims.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fixed {
    /// The project as its claim says it: `octo-org/octo-repo`.
    pub project: String,
    /// Its claims.
    pub keys: Keys,
}

/// What a subject pattern says about the claims that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// The issuer's default, or a pattern that does not say.
    Default,
    /// The default with the end missing: only a subject of these claims fits, and most likely none is meant.
    Truncated(Keys),
    /// Only a subject of these claims fits.
    Custom(Keys),
}

/// What follows the claims that a pattern names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tail {
    Nothing,
    Anything,
    More,
}

impl Recognised<'_> {
    /// Whether tenants can choose the claims of their subject.
    #[must_use]
    pub fn customisable(&self) -> bool {
        self.issuer.customised.is_some()
    }

    /// The claims that the subject is made of unless somebody chooses others.
    #[must_use]
    pub fn default_keys(&self) -> &[String] {
        self.issuer.customised.as_ref().map_or(&[], |c| &c.default)
    }

    /// The claim that names the project whose subject can be customised: `repository`.
    #[must_use]
    pub fn project_claim(&self) -> Option<&str> {
        self.issuer.customised.as_ref().map(|c| c.project.as_str())
    }

    /// Tokens whose subject is these claims one after the other. Templates without one of the claims are left out: GitHub
    /// requires an environment where `environment` is asked for, and says nothing of the others.
    #[must_use]
    pub fn custom(&self, keys: &[&str]) -> Vec<Template> {
        let Some(custom) = self.issuer.customised.as_ref().filter(|_| !keys.is_empty() && keys.len() <= MAX_KEYS) else {
            return Vec::new();
        };
        let subject = |texts: &BTreeMap<String, String>| {
            let piece = |key: &&str| custom.pieces.get(*key).cloned().or_else(|| texts.get(*key).map(|text| format!("{key}:{text}")));
            keys.iter().map(piece).collect::<Option<Vec<String>>>().map(|pieces| pieces.join(":"))
        };
        let mut templates = expand::templates(&self.issuer.source, &self.placeholders(), &subject).unwrap_or_default();
        for template in &mut templates {
            template.name = format!("{} ({})", template.name, keys.join(", "));
        }
        templates
    }

    /// Every token that can matter for these claims: with the default subject, and with the customised ones of `others`. A
    /// project of `fixed` has tokens of its own form only.
    #[must_use]
    pub fn templates_with(&self, claims: &BTreeSet<String>, fixed: &[Fixed], others: &[Keys]) -> Vec<Template> {
        let mut forms: Vec<Keys> = vec![self.default_keys().to_vec()];
        for keys in others.iter().chain(fixed.iter().map(|f| &f.keys)) {
            if !forms.contains(keys) {
                forms.push(keys.clone());
            }
        }
        let mut out = Vec::new();
        for (index, keys) in forms.iter().enumerate() {
            let mut templates = if index == 0 {
                self.templates_for(claims)
            } else {
                let mut custom = self.custom(&keys.iter().map(String::as_str).collect::<Vec<_>>());
                custom.iter_mut().for_each(once);
                self.issuer.with_listed(distinct(custom, claims), claims)
            };
            let of_another_form: Vec<&str> = fixed.iter().filter(|f| f.keys != *keys).map(|f| f.project.as_str()).collect();
            out.extend(templates.drain(..).flat_map(|t| self.without(t, &of_another_form)));
        }
        out
    }

    /// Templates for every project but these: for each name of a project's path one for the other names, and so on behind each
    /// name that is theirs.
    fn without(&self, template: Template, projects: &[&str]) -> Vec<Template> {
        let Some(custom) = self.issuer.customised.as_ref().filter(|_| !projects.is_empty()) else { return vec![template] };
        let only = Template {
            claims: Arc::new(template.claims.iter().filter(|(name, _)| *name == custom.project).cloned().collect()),
            ..template.clone()
        };
        let values = |project: &&str| {
            let mut token = Token::default();
            token.set(&custom.project, *project);
            only.bind(&token).filter(|v| !v.is_empty())
        };
        let values: Vec<Values> = projects.iter().filter_map(values).collect();
        let Some(first) = values.first() else { return vec![template] };
        let names: Vec<usize> =
            (0..template.segments.len()).filter(|i| template.segments.get(*i).is_some_and(|s| first.contains_key(&s.name))).collect();
        let mut out = Vec::new();
        others(custom, &template, &names, &values.iter().collect::<Vec<_>>(), &mut out);
        out
    }

    /// The claims that a subject pattern is made of. `*` stands for a wildcard, any other character for itself; `open`
    /// says that more can follow.
    #[must_use]
    pub fn form(&self, pattern: &str, open: bool) -> Form {
        let Some(custom) = &self.issuer.customised else { return Form::Default };
        let Some((mut keys, tail)) = self.keys_of(custom, pattern, open) else { return Form::Default };
        let default = &custom.default;
        if keys == *default || (tail != Tail::Nothing && default.starts_with(&keys)) {
            return Form::Default;
        }
        if default.starts_with(&keys) {
            return Form::Truncated(keys);
        }
        if tail == Tail::More {
            // Something follows: what every default subject has is the likeliest.
            keys.extend(default.iter().filter(|k| !keys.contains(k)).cloned().collect::<Vec<_>>());
        }
        Form::Custom(keys)
    }

    /// The claims, and whether more can follow; none for what is no list of claims.
    fn keys_of(&self, custom: &Customised, pattern: &str, open: bool) -> Option<(Keys, Tail)> {
        let mut tokens: Vec<&str> = pattern.split(':').collect();
        let mut tail = if open || pattern.ends_with('*') { Tail::Anything } else { Tail::Nothing };
        if open {
            // The last piece may be the beginning of anything.
            tokens.pop();
        }
        let context = custom.pieces.contains_key("context");
        let mut keys: Keys = Vec::new();
        let mut rest = tokens.into_iter().peekable();
        while let Some(token) = rest.next() {
            let own_context = context && !keys.iter().any(|k| k == "context");
            if token == "*" && rest.peek().is_none() {
                tail = Tail::More;
            } else if own_context && (token == "*" || token == "pull_request") {
                keys.push("context".to_owned());
            } else if own_context && matches!(token, "ref" | "environment") {
                rest.next()?;
                keys.push("context".to_owned());
            } else if custom.pieces.contains_key(token) || self.issuer.claim(token).is_some() {
                match rest.next() {
                    Some(_) => keys.push(token.to_owned()),
                    // The piece that was left out is the beginning of its value.
                    None if open => keys.push(token.to_owned()),
                    None => return None,
                }
            } else {
                return None;
            }
            if keys.len() > MAX_KEYS {
                return None;
            }
        }
        (!keys.is_empty()).then_some((keys, tail))
    }
}

/// A name that a customised subject says twice (`repo:octo@1/app@2:repository_owner_id:1`) is two names here: a search that
/// remembered the first until the second comes would be as large as the product of all names. More subjects than the issuer
/// mints prove no less; whose they are the first name says.
///
/// The segments come in the order of the subject, which is the one in which a search reads it.
fn once(template: &mut Template) {
    let Some((_, subject)) = Arc::make_mut(&mut template.claims).iter_mut().find(|(name, _)| name == "sub") else { return };
    let mut order: Vec<usize> = Vec::new();
    let mut segments: Vec<Segment> = Vec::new();
    let mut parts: Vec<ClaimPart> = Vec::new();
    for part in subject.drain(..) {
        match part {
            ClaimPart::Literal(text) => parts.push(ClaimPart::Literal(text)),
            ClaimPart::Segment(index) => {
                let Some(segment) = template.segments.get(index).cloned() else { continue };
                let times = order.iter().filter(|i| **i == index).count();
                parts.push(ClaimPart::Segment(segments.len()));
                order.push(index);
                segments.push(match times {
                    0 => segment,
                    _ => Segment { name: format!("{}_{}", segment.name, times + 1), role: Role::Other, ..segment },
                });
            }
        }
    }
    *subject = parts;
    for (index, segment) in template.segments.iter().enumerate().filter(|(i, _)| !order.contains(i)).collect::<Vec<_>>() {
        order.push(index);
        segments.push(segment.clone());
    }
    let place = |old: usize| order.iter().position(|i| *i == old).unwrap_or(old);
    for part in Arc::make_mut(&mut template.claims).iter_mut().filter(|(name, _)| name != "sub").flat_map(|(_, parts)| parts) {
        if let ClaimPart::Segment(index) = part {
            *index = place(*index);
        }
    }
    template.segments = Arc::new(segments);
}

/// Of templates that do not differ in these claims only the first.
fn distinct(templates: Vec<Template>, claims: &BTreeSet<String>) -> Vec<Template> {
    let mut seen = BTreeSet::new();
    templates.into_iter().filter(|t| seen.insert((t.context, super::recognise::shape(t, claims)))).collect()
}

/// The template for every list of names but these.
fn others(custom: &Customised, template: &Template, names: &[usize], projects: &[&Values], out: &mut Vec<Template>) {
    let Some((index, deeper)) = names.split_first() else { return };
    let Some(segment) = template.segments.get(*index) else { return };
    let value = |project: &Values| project.get(&segment.name).cloned().unwrap_or_default();
    let theirs: BTreeSet<String> = projects.iter().map(|p| value(p)).collect();
    let words: BTreeSet<&str> = theirs.iter().map(String::as_str).collect();
    let alphabet = match custom.names.get(&segment.name).map(|name| complement(name, &words)) {
        Some(Ok(alphabet)) => alphabet,
        // names that cannot be told apart from theirs stay in: more tokens than the issuer mints prove no less
        Some(Err(Failure::NotTold)) | None => Some(segment.alphabet.clone()),
    };
    let with = |alphabet: String, samples: Option<Vec<String>>| {
        let mut variant = template.clone();
        if let Some(own) = Arc::make_mut(&mut variant.segments).get_mut(*index) {
            own.alphabet = alphabet;
            own.samples = samples.unwrap_or_else(|| own.samples.clone());
        }
        variant
    };
    out.extend(alphabet.map(|alphabet| with(alphabet, None)));
    for name in &theirs {
        let same: Vec<&Values> = projects.iter().copied().filter(|p| value(p) == *name).collect();
        others(custom, &with(regex::escape(name), Some(vec![name.clone()])), deeper, &same, out);
    }
}
