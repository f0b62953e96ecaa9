//! `replace`, and the two idioms that link a role to its provider: an issuer without its scheme, and the issuer
//! inside a provider's ARN. <https://developer.hashicorp.com/terraform/language/functions/replace>

use super::arguments::{Answer, Call, Stop, derived, fail, few, length, text_key};
use super::points::{self, Point};
use super::{MAX_TEXT, regexes};
use crate::partial::{Part, Text, Unknown, UnknownKind, Value, cut};

/// What stands before the issuer in the ARN of an OpenID Connect provider.
const PROVIDER_MARK: &str = "provider/";

pub(super) fn call(c: &Call<'_>) -> Answer {
    (c.name == "replace").then(|| replace(c))
}

fn replace(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, with) = (c.text(0)?, c.text(2)?);
    if with.as_known().is_some_and(|w| w.is_empty()) && is_provider_prefix(&c.text(1)?, &text) {
        let issuer = issuer_of_provider_arn(&text);
        return c.text_value(issuer);
    }
    let pattern = c.string(1)?;
    let inner = pattern.strip_prefix('/').and_then(|p| p.strip_suffix('/')).filter(|_| pattern.len() > 1);
    let result = match inner {
        Some(regex) => by_regex(&text, &pattern, regex, &with)?,
        None => by_literal(&text, &pattern, &with)?,
    };
    c.text_value(if result.parts.is_empty() { Text::known("") } else { result })
}

/// `arn:aws:iam::${account}:oidc-provider/`, all that stands before the issuer in an ARN of a provider: what it is cut from
/// is such an ARN. That the accounts are the same is taken for granted where they are not both written.
pub(super) fn is_provider_prefix(pattern: &Text, arn: &Text) -> bool {
    if !pattern.known_prefix().starts_with("arn:") || !pattern.known_suffix().ends_with(":oidc-provider/") {
        return false;
    }
    match pattern.as_known() {
        // A written ARN holds the prefix or not: that is no guess.
        Some(_) if arn.is_known() => false,
        Some(known) => known.starts_with(&arn.known_prefix()) || arn.known_prefix().starts_with(&known),
        None => arn.known_prefix().is_empty() || arn.known_prefix().starts_with("arn:"),
    }
}

fn by_literal(text: &Text, pattern: &str, with: &Text) -> Result<Text, Stop> {
    if pattern.is_empty() {
        let (known, with) = (text.as_known().ok_or(Stop::Unknown)?, with.as_known().ok_or(Stop::Unknown)?);
        if (known.len() + 1).saturating_mul(with.len()) > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        return Ok(Text::known(known.replace("", &with)));
    }
    if is_scheme(pattern) && with.as_known().is_some_and(|w| w.is_empty()) {
        return Ok(without_scheme(text));
    }
    few(text, pattern)?;
    let found = points::occurrences(text, pattern);
    if let Some(ranges) = found {
        if ranges.len().saturating_mul(with.to_string().len()) > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        return Ok(interleave(points::outside(text, &ranges), |_| with.clone()));
    }
    part_by_part(text, pattern, with)
}

/// Each literal run on its own and each hole as a derived unknown, when no match can straddle a border.
fn part_by_part(text: &Text, pattern: &str, with: &Text) -> Result<Text, Stop> {
    let with_key = text_key(with);
    let mut out = Text::default();
    let mut run = Text::default();
    let mut last_was_hole = false;
    let close = |run: &mut Text, out: &mut Text, hole_before: bool, hole_after: bool| -> Result<(), Stop> {
        if let Some((known, _)) = points::known_string(run).filter(|(k, _)| !k.is_empty()) {
            let tail = hole_after && (1..pattern.len()).any(|n| pattern.get(..n).is_some_and(|p| known.ends_with(p)));
            let head = hole_before && (1..pattern.len()).any(|n| pattern.get(n..).is_some_and(|p| known.starts_with(p)));
            if tail || head {
                return Err(Stop::Unknown);
            }
            out.push(&by_literal(run, pattern, with)?);
            if length(out) > MAX_TEXT {
                return Err(Stop::Unknown);
            }
        } else if hole_before && hole_after && pattern.len() > 1 {
            return Err(Stop::Unknown);
        }
        run.parts.clear();
        Ok(())
    };
    for part in &text.parts {
        match part {
            Part::Literal { .. } => run.parts.push(part.clone()),
            Part::Hole { atom, span, trail } => {
                close(&mut run, &mut out, last_was_hole, true)?;
                last_was_hole = true;
                let changed = derived("replace", atom, &[pattern, &with_key], kept_kind(atom.kind()));
                out.parts.push(Part::Hole { atom: changed, span: *span, trail: trail.clone() });
            }
        }
    }
    close(&mut run, &mut out, last_was_hole, false)?;
    Ok(out)
}

/// The kinds whose alphabet a replacement of a few characters is taken to keep.
fn kept_kind(kind: UnknownKind) -> UnknownKind {
    if kind == UnknownKind::Word { kind } else { UnknownKind::Any }
}

fn is_scheme(pattern: &str) -> bool {
    matches!(pattern, "https://" | "http://")
}

fn by_regex(text: &Text, written: &str, pattern: &str, with: &Text) -> Result<Text, Stop> {
    let compiled = regexes::compile(pattern)?;
    let template = with.as_known().ok_or(Stop::Unknown)?;
    if let Some(known) = text.as_known() {
        return known_regex(text, &known, &compiled, &template);
    }
    if template.is_empty() && greedy_provider(pattern) {
        return Ok(issuer_of_provider_arn(text));
    }
    if template.is_empty()
        && matches!(
            pattern,
            "^https://"
                | "^https?://"
                | "https?://"
                | "^(https://)"
                | "^(https?://)"
                | "^(.*)//"
                | "^https:\\/\\/"
                | "^https?:\\/\\/"
                | "https:\\/\\/"
                | "^.*://"
        )
    {
        return Ok(without_scheme(text));
    }
    if !template.contains('$') {
        let found = points::agreed(text, pattern, |s| {
            compiled.find_iter(&s.string).map(|m| Some((s.point(m.start())?, s.point(m.end())?))).collect::<Option<Vec<_>>>()
        });
        if let Some(ranges) = found {
            if ranges.len().saturating_mul(template.len()) > MAX_TEXT {
                return Err(Stop::Unknown);
            }
            return Ok(interleave(points::outside(text, &ranges), |_| Text::known(&template)));
        }
    }
    // A class of characters works on each part by itself.
    if one_character(pattern) && !template.contains('$') {
        let literal = |s: &str| compiled.replace_all(s, template.as_str()).into_owned();
        return Ok(points::map(text, literal, |a| derived("replace", a, &[written, &template], kept_kind(a.kind()))));
    }
    Err(Stop::Unknown)
}

/// A regex that matches exactly one character: `[^a-z]`, `\W`.
fn one_character(pattern: &str) -> bool {
    use regex_syntax::hir::HirKind;
    regex_syntax::parse(pattern).is_ok_and(|hir| match hir.kind() {
        HirKind::Class(_) => true,
        HirKind::Literal(l) => std::str::from_utf8(&l.0).is_ok_and(|s| s.chars().count() == 1),
        _ => false,
    })
}

fn known_regex(text: &Text, known: &str, compiled: &regex::Regex, template: &str) -> Result<Text, Stop> {
    let mut ranges = Vec::new();
    let mut replacements = Vec::new();
    let sample = points::samples(text, "");
    let Some(sample) = sample.first() else { return Ok(Text::known(known)) };
    // Each `$` may bring a whole match.
    let groups = template.matches('$').count();
    let mut size = 0_usize;
    for captures in compiled.captures_iter(known) {
        let Some(whole) = captures.get(0) else { continue };
        let (Some(from), Some(to)) = (sample.point(whole.start()), sample.point(whole.end())) else { continue };
        size = size.saturating_add(template.len()).saturating_add(groups.saturating_mul(whole.len()));
        if size > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        ranges.push((from, to));
        replacements.push(expansion(text, sample, &captures, template));
    }
    Ok(interleave(points::outside(text, &ranges), |i| replacements.get(i).cloned().unwrap_or_default()))
}

/// What a match is replaced by; a template that is one group keeps the place of what the group took.
fn expansion(text: &Text, sample: &points::Sample, captures: &regex::Captures<'_>, template: &str) -> Text {
    let group = template.strip_prefix("${").and_then(|t| t.strip_suffix('}')).or_else(|| template.strip_prefix('$'));
    let taken = group.and_then(|g| g.parse::<usize>().ok()).and_then(|g| captures.get(g));
    if let Some((from, to)) = taken.and_then(|m| Some((sample.point(m.start())?, sample.point(m.end())?))) {
        return points::between(text, from, to);
    }
    let mut out = String::new();
    captures.expand(template, &mut out);
    Text::known(out)
}

fn interleave(kept: Vec<Text>, replacement: impl Fn(usize) -> Text) -> Text {
    let mut out = Text::default();
    for (i, piece) in kept.iter().enumerate() {
        if i > 0 {
            out.push(&replacement(i - 1));
        }
        out.push(piece);
    }
    out.parts.retain(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty()));
    out
}

/// `^(.*provider/)` and its many spellings: everything through the last `provider/`.
fn greedy_provider(pattern: &str) -> bool {
    let plain: String = pattern.chars().filter(|c| !matches!(c, '(' | ')' | '\\' | '^')).collect();
    let head = plain.strip_suffix("oidc-provider/").or_else(|| plain.strip_suffix(PROVIDER_MARK));
    head.is_some_and(|h| {
        matches!(
            h,
            ".*" | ".+"
                | ".*?"
                | "arn:.*"
                | "arn:aws:iam::.*:"
                | ".*:"
                | "arn:aws.*"
                | "arn:aws:iam::.*"
                | "arn:aws:iam::d+:"
                | "arn:aws:iam::[0-9]+:"
                | "arn:aws:iam::d{12}:"
                | "arn:aws:iam::[0-9]{12}:"
        )
    })
}

/// The text without its URL scheme: what `replace(url, "https://", "")` and its spellings give. A text that begins
/// with an unknown gives a derived unknown, the same one for every spelling; an issuer that is known to have no
/// scheme stays as it is.
#[must_use]
pub(super) fn without_scheme(text: &Text) -> Text {
    let prefix = text.known_prefix();
    for scheme in ["https://", "http://"] {
        if prefix.starts_with(scheme) {
            return cut::tail(text, scheme.len());
        }
    }
    match first_atom(text) {
        Some(atom) if atom.kind() == UnknownKind::Any && !atom.is_call_of("replace") => {
            let changed = derived("replace", atom, &["https://", ""], UnknownKind::IssuerHostPath);
            with_hole(text, true, changed)
        }
        _ => text.clone(),
    }
}

/// The issuer inside the ARN of an OpenID Connect provider: what `replace(arn, "/^(.*provider/)/", "")` and its
/// spellings give. An unknown ARN gives a derived unknown, the same one for every spelling.
#[must_use]
pub(super) fn issuer_of_provider_arn(text: &Text) -> Text {
    let mut last: Option<Point> = None;
    for (part, p) in text.parts.iter().enumerate() {
        if let Part::Literal { text, .. } = p
            && let Some(at) = text.rfind(PROVIDER_MARK)
        {
            last = Some(Point { part, offset: at + PROVIDER_MARK.len() });
        }
    }
    if let Some(from) = last {
        return points::between(text, from, points::ends(text).1);
    }
    let Some(first) = text.atoms().next() else { return text.clone() };
    let whole = text.parts.iter().filter(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty())).count() == 1;
    if whole && first.kind() == UnknownKind::IssuerHostPath {
        return text.clone();
    }
    let (place, trail) = (text.span(), text.trail());
    let key = if whole { String::new() } else { text_key(text) };
    let more: Vec<&str> = if whole { vec!["/^(.*provider/)/", ""] } else { vec!["/^(.*provider/)/", "", &key] };
    Text { parts: vec![Part::Hole { atom: derived("replace", first, &more, UnknownKind::IssuerHostPath), span: place, trail }] }
}

fn first_atom(text: &Text) -> Option<&Unknown> {
    text.parts.iter().find(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty())).and_then(|p| match p {
        Part::Hole { atom, .. } => Some(atom),
        Part::Literal { .. } => None,
    })
}

/// The text with its first (or last) hole exchanged.
pub(super) fn with_hole(text: &Text, first: bool, atom: Unknown) -> Text {
    let mut parts = text.parts.clone();
    let is_hole = |p: &Part| matches!(p, Part::Hole { .. });
    let at = if first { parts.iter().position(is_hole) } else { parts.iter().rposition(is_hole) };
    if let Some(Part::Hole { atom: place, .. }) = at.and_then(|i| parts.get_mut(i)) {
        *place = atom;
    }
    Text { parts }
}

/// Every family reports a bad pattern the same way.
pub(super) fn bad_pattern<T>(pattern: &str, why: &str) -> Result<T, Stop> {
    fail(format!("invalid regular expression `{pattern}`: {why}"))
}
