//! Whose subjects are customised, and what a policy's own patterns say about it.

use crate::admission::exposure::shape;
use crate::admission::formula::{Formula, GlobPart, Matcher, Test};
use crate::graph::{SubjectFormat, SubjectKeys};
use crate::issuers::{Fixed, Form, Keys, Recognised, Template};
use crate::partial::Text;
use std::collections::BTreeSet;

/// Most projects of one policy, and most customised forms, that are told apart; the rest is taken to be as by default.
const MAX_FORMS: usize = 8;
/// Stands for an unknown part of a name: no name holds it.
const UNKNOWN: &str = "\u{1}";

/// What is known of the subjects that a policy is for.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// The claims of a customised subject that the policy asks for.
    pub wanted: Option<Keys>,
    /// Nothing in the scan sets them.
    pub assumed: bool,
    /// A subject pattern ends before a default subject does: somebody may have customised it so.
    pub truncated: bool,
    /// The facts (by index) that give projects of this policy another form than the default.
    pub customised: Vec<usize>,
}

/// The tokens of the issuer that differ in the claims that the formula reads, with the customised subjects of the scan.
#[must_use]
pub fn tokens(recognised: &Recognised<'_>, formula: &Formula, formats: &[SubjectFormat]) -> (Vec<Template>, Subjects) {
    let mut claims: BTreeSet<String> = shape::read(formula);
    // The witness of a gate that reads nothing should still be a whole subject of the usual form.
    claims.insert("sub".to_owned());
    if !recognised.customisable() {
        return (recognised.templates_for(&claims), Subjects::default());
    }
    let patterns: Vec<(String, bool)> = shape::tests(formula)
        .into_iter()
        .filter(|o| o.positive && shape::claims(&o.test.subject).contains("sub"))
        .filter_map(|o| pattern(o.test))
        .collect();
    let (fixed, mut others, customised) = known(recognised, formula, formats);
    let mut out = Subjects { customised, ..Subjects::default() };
    for (pattern, open) in &patterns {
        match recognised.form(pattern, *open) {
            Form::Default => {}
            Form::Truncated(_) => out.truncated = true,
            Form::Custom(keys) => {
                // A customisation of the scan may be what the pattern is for, also where it names the claims otherwise.
                let seen = others.contains(&keys) || fixed.iter().any(|f| f.keys == keys);
                if !seen && others.len() < MAX_FORMS {
                    others.push(keys.clone());
                    out.assumed = true;
                }
                out.wanted = Some(keys);
            }
        }
    }
    (recognised.templates_with(&claims, &fixed, &others), out)
}

/// What the scan says: projects of a known form, forms that any project may have, and the facts behind the first.
fn known(recognised: &Recognised<'_>, formula: &Formula, formats: &[SubjectFormat]) -> (Vec<Fixed>, Vec<Keys>, Vec<usize>) {
    let concerned: Vec<(usize, &SubjectFormat)> =
        formats.iter().enumerate().filter(|(_, f)| recognised.issuer.family == Some(f.family)).collect();
    let (mut fixed, mut others, mut facts): (Vec<Fixed>, Vec<Keys>, Vec<usize>) = (Vec::new(), Vec::new(), Vec::new());
    if concerned.is_empty() {
        return (fixed, others, facts);
    }
    let organisation: Vec<&Keys> =
        concerned.iter().filter_map(|(_, f)| (f.project.is_none()).then_some(&f.keys)).filter_map(these).collect();
    let mut offer = |keys: &Keys| {
        if others.len() < MAX_FORMS && !others.contains(keys) {
            others.push(keys.clone());
        }
    };
    organisation.iter().for_each(|keys| offer(keys));
    for project in projects(formula).into_iter().take(MAX_FORMS) {
        match chosen(recognised, &project, formats) {
            Chosen::Nothing => {}
            Chosen::Keys(keys, about) => {
                facts.extend(about);
                fixed.push(Fixed { project, keys });
            }
            Chosen::Perhaps(all) => all.iter().for_each(&mut offer),
        }
    }
    (fixed, others, facts)
}

/// What the scan says about one project's subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// Nothing.
    Nothing,
    /// It is made of these claims; the facts (by index) that say so.
    Keys(Keys, Vec<usize>),
    /// It may be made of any of these.
    Perhaps(Vec<Keys>),
}

/// The claims that the subject of a project (`octo-org/octo-repo`) is made of, as far as the scan says.
#[must_use]
pub fn chosen(recognised: &Recognised<'_>, project: &str, formats: &[SubjectFormat]) -> Chosen {
    let concerned = || formats.iter().enumerate().filter(|(_, f)| recognised.issuer.family == Some(f.family));
    let organisation: Vec<&Keys> = concerned().filter(|(_, f)| f.project.is_none()).filter_map(|(_, f)| these(&f.keys)).collect();
    let about: Vec<(usize, &SubjectFormat)> =
        concerned().filter(|(_, f)| f.project.as_ref().and_then(Text::as_known).is_some_and(|name| is(project, &name))).collect();
    let keys: Vec<Option<Keys>> = about.iter().map(|(_, f)| effective(f, recognised, &organisation)).collect();
    match keys.as_slice() {
        [] => Chosen::Nothing,
        [Some(first), rest @ ..] if rest.iter().all(|k| k.as_ref() == Some(first)) && about.iter().all(|(_, f)| !f.origin.conditional) => {
            Chosen::Keys(first.clone(), about.iter().map(|(i, _)| *i).collect())
        }
        _ => Chosen::Perhaps(keys.into_iter().flatten().collect()),
    }
}

fn these(keys: &SubjectKeys) -> Option<&Keys> {
    match keys {
        SubjectKeys::These(keys) => Some(keys),
        _ => None,
    }
}

/// The claims that a project's subject is made of, when that is known.
fn effective(format: &SubjectFormat, recognised: &Recognised<'_>, organisation: &[&Keys]) -> Option<Keys> {
    match &format.keys {
        SubjectKeys::Default => Some(recognised.default_keys().to_vec()),
        SubjectKeys::These(keys) => Some(keys.clone()),
        // What the organisation has set elsewhere is not known.
        SubjectKeys::Organisation => match organisation {
            [keys] => Some((*keys).clone()),
            _ => None,
        },
        SubjectKeys::Unknown => None,
    }
}

/// Whether a project's path is that of this name, or ends with it.
fn is(project: &str, name: &str) -> bool {
    let (project, name) = (project.to_ascii_lowercase(), name.to_ascii_lowercase());
    project == name || project.strip_suffix(&name).is_some_and(|head| head.ends_with('/'))
}

/// The projects that a policy names whole, each once: `octo/app` of `repo:octo@1/app@2:*`.
fn projects(formula: &Formula) -> BTreeSet<String> {
    let tests = shape::tests(formula).into_iter().filter(|o| o.positive).filter_map(|o| pattern(o.test));
    let mut out = BTreeSet::new();
    for (text, open) in tests {
        let mut pieces: Vec<&str> = text.split(':').collect();
        if open {
            pieces.pop();
        }
        for piece in pieces.into_iter().filter(|p| p.contains('/') && !p.contains(['*', ' ']) && !p.contains(UNKNOWN)) {
            out.insert(piece.split('/').map(|name| name.split('@').next().unwrap_or(name)).collect::<Vec<_>>().join("/"));
        }
    }
    out
}

/// A test's pattern with `*` for its wildcards, and whether more may follow.
fn pattern(test: &Test) -> Option<(String, bool)> {
    let flat = |text: &Text| text.fill(|_| UNKNOWN.to_owned());
    match &test.matcher {
        Matcher::Exact(text) | Matcher::ExactIgnoreCase(text) => Some((flat(text), false)),
        Matcher::Prefix(text) => Some((flat(text), true)),
        Matcher::Glob(parts) => {
            let piece = |part: &GlobPart| match part {
                GlobPart::Literal(text) => flat(text),
                GlobPart::Star(_) | GlobPart::One(_) => "*".to_owned(),
            };
            Some((parts.iter().map(piece).collect(), false))
        }
        _ => None,
    }
}
