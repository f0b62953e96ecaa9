//! From the sources of a registry file to [`Template`]s.
//!
//! A claim is written as text with placeholders: `{owner}` is a segment, `{#repo}` a definition (of the form, the
//! template or the issuer, in this order), `{@issuer}` a part of the recognised URL, `{{` and `}}` are braces.

use super::schema::{Form, Source, TemplateSource};
use super::{ClaimPart, Segment, Template};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Definitions may use definitions, this deep.
const MAX_DEPTH: usize = 8;
/// More templates than this are a mistake in the file.
const MAX_TEMPLATES: usize = 512;

/// Alphabets that several vendors share.
const ALPHABETS: &[(&str, &str)] = &[
    ("any", r"[^\x00-\x1f\x7f]+"),
    ("audience", "[!-~]+"),
    ("uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    ("number", "[1-9][0-9]*"),
    ("sha1", "[0-9a-f]{40}"),
    ("bool", "true|false"),
    ("dns-label", "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"),
    ("dns-subdomain", r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*"),
    ("slug", "[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"),
    ("name", "[A-Za-z0-9_-]+"),
    ("aws-name", r"[\w+=,.@-]{1,64}"),
    // git check-ref-format, but for `.lock` at the end of a component and `@{` (https://git-scm.com/docs/git-check-ref-format)
    (
        "git-ref",
        r"(?:[^\x00-\x20\x7f~^:?*\[\\./]+(?:\.[^\x00-\x20\x7f~^:?*\[\\./]+)*\.?/)*[^\x00-\x20\x7f~^:?*\[\\./]+(?:\.[^\x00-\x20\x7f~^:?*\[\\./]+)*",
    ),
];

/// Every template of an issuer with the captured parts of its URL filled in. `subject` replaces the text of `sub`
/// for each template; returning none leaves the template out.
pub(super) fn templates(
    source: &Source,
    captures: &BTreeMap<String, String>,
    subject: &dyn Fn(&BTreeMap<String, String>) -> Option<String>,
) -> Result<Vec<Template>, String> {
    let mut all = Vec::new();
    for template in &source.templates {
        for forms in combinations(&source.axes) {
            if all.len() >= MAX_TEMPLATES {
                return Err(format!("more than {MAX_TEMPLATES} templates"));
            }
            let mut texts = texts(source, template, &forms);
            let Some(sub) = subject(&texts) else { continue };
            if !sub.is_empty() {
                texts.insert("sub".to_owned(), sub);
            }
            all.push(build(source, template, &forms, &texts, captures)?);
        }
    }
    Ok(all)
}

/// The cartesian product of the axes.
fn combinations(axes: &[Vec<Form>]) -> Vec<Vec<&Form>> {
    let mut all: Vec<Vec<&Form>> = vec![Vec::new()];
    for axis in axes.iter().filter(|a| !a.is_empty()) {
        all = all.iter().flat_map(|head| axis.iter().map(move |form| head.iter().copied().chain([form]).collect())).collect();
        all.truncate(MAX_TEMPLATES);
    }
    all
}

fn texts(source: &Source, template: &TemplateSource, forms: &[&Form]) -> BTreeMap<String, String> {
    let mut texts = source.common.clone();
    for form in forms {
        texts.extend(form.claims.clone());
    }
    texts.extend(template.claims.clone());
    for name in &template.without {
        texts.remove(name);
    }
    texts
}

struct Builder<'a> {
    source: &'a Source,
    template: &'a TemplateSource,
    forms: &'a [&'a Form],
    captures: &'a BTreeMap<String, String>,
    segments: Vec<Segment>,
}

fn build(
    source: &Source,
    template: &TemplateSource,
    forms: &[&Form],
    texts: &BTreeMap<String, String>,
    captures: &BTreeMap<String, String>,
) -> Result<Template, String> {
    let name = forms.iter().fold(template.name.clone(), |name, form| name + &form.suffix);
    let mut builder = Builder { source, template, forms, captures, segments: Vec::new() };
    let mut claims = Vec::new();
    // `sub` first: its segments are the ones that tell tokens apart
    let order = texts.iter().filter(|(k, _)| *k == "sub").chain(texts.iter().filter(|(k, _)| *k != "sub"));
    for (claim, text) in order {
        let mut parts = Vec::new();
        builder.parts(text, &mut parts, 0).map_err(|why| format!("template `{name}`, claim `{claim}`: {why}"))?;
        claims.push((claim.clone(), parts));
    }
    claims.sort_by(|a, b| a.0.cmp(&b.0));
    let tags = template.tags.iter().chain(forms.iter().flat_map(|f| &f.tags)).copied().collect();
    Ok(Template {
        name,
        context: template.context,
        tags,
        segments: Arc::new(builder.segments),
        claims: Arc::new(claims),
        undocumented: source.undocumented.clone(),
        unlisted: Vec::new(),
    })
}

impl Builder<'_> {
    fn parts(&mut self, text: &str, out: &mut Vec<ClaimPart>, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err("definitions nest too deep".to_owned());
        }
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    literal(out, &c.to_string());
                }
                '{' => {
                    let name: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    self.placeholder(&name, out, depth)?;
                }
                '}' => return Err("a `}` too many".to_owned()),
                c => literal(out, c.encode_utf8(&mut [0; 4])),
            }
        }
        Ok(())
    }

    fn placeholder(&mut self, name: &str, out: &mut Vec<ClaimPart>, depth: usize) -> Result<(), String> {
        if let Some(name) = name.strip_prefix('#') {
            let text = self.definition(name).ok_or_else(|| format!("definition `{name}` is missing"))?;
            return self.parts(&text, out, depth + 1);
        }
        if let Some(name) = name.strip_prefix('@') {
            let text = self.captures.get(name).ok_or_else(|| format!("the url has no part `{name}`"))?;
            literal(out, text);
            return Ok(());
        }
        let index = match self.segments.iter().position(|s| s.name == name) {
            Some(index) => index,
            None => {
                self.segments.push(segment(self.source, name, 0)?);
                self.segments.len() - 1
            }
        };
        out.push(ClaimPart::Segment(index));
        Ok(())
    }

    fn definition(&self, name: &str) -> Option<String> {
        let forms = self.forms.iter().filter_map(|f| f.define.get(name));
        forms.chain(self.template.define.get(name)).chain(self.source.define.get(name)).next().cloned()
    }
}

fn literal(out: &mut Vec<ClaimPart>, text: &str) {
    match out.last_mut() {
        Some(ClaimPart::Literal(last)) => last.push_str(text),
        _ if text.is_empty() => {}
        _ => out.push(ClaimPart::Literal(text.to_owned())),
    }
}

fn segment(source: &Source, name: &str, depth: usize) -> Result<Segment, String> {
    let own = source.segments.get(name).ok_or_else(|| format!("segment `{name}` is missing"))?;
    let base = match &own.like {
        Some(like) if depth < MAX_DEPTH => Some(segment(source, like, depth + 1)?),
        Some(_) => return Err(format!("segment `{name}` is like itself")),
        None => None,
    };
    let missing = |what: &str| format!("segment `{name}` has no {what}");
    let alphabet = match &own.alphabet {
        Some(text) => alphabet(text)?,
        None => base.as_ref().map(|b| b.alphabet.clone()).ok_or_else(|| missing("alphabet"))?,
    };
    let role = own.role.or(base.as_ref().map(|b| b.role)).ok_or_else(|| missing("role"))?;
    let guessed = match &own.guessed {
        Some(text) => Some(self::alphabet(text)?),
        None => base.as_ref().and_then(|b| b.guessed.clone()),
    };
    let samples = own.samples.clone().or(base.map(|b| b.samples)).filter(|s| !s.is_empty()).ok_or_else(|| missing("samples"))?;
    Ok(Segment { name: name.to_owned(), role, alphabet, samples, guessed })
}

fn alphabet(text: &str) -> Result<String, String> {
    let Some(name) = text.strip_prefix('$') else { return Ok(text.to_owned()) };
    let shared = ALPHABETS.iter().find(|(n, _)| *n == name).ok_or_else(|| format!("alphabet `{text}` is missing"))?;
    Ok(shared.1.to_owned())
}
