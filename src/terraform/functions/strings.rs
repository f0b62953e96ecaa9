//! String functions: case, trimming, cutting, joining.
//! <https://developer.hashicorp.com/terraform/language/functions>

use super::arguments::{Answer, Call, Stop, derived, fail, few};
use super::points::{self, Point, Where};
use super::{MAX_TEXT, replace};
use crate::partial::{Kind, MAX_ALTERNATIVES, Part, Text, UnknownKind, Value, cut};

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "chomp" => chomp(c),
        "indent" => indent(c),
        "join" => join(c),
        "lower" => case(c, str::to_lowercase, |k| {
            !matches!(k, UnknownKind::Any | UnknownKind::Word | UnknownKind::IssuerHostPath | UnknownKind::Arn)
        }),
        "upper" => case(c, uppercase, |k| matches!(k, UnknownKind::AccountId | UnknownKind::ProjectNumber | UnknownKind::Number)),
        "title" => c.string(0).and_then(|s| c.string_value(title(&s))),
        "strrev" => strrev(c),
        "substr" => substr(c),
        "split" => split(c),
        "trim" => trim(c),
        "trimspace" => trimspace(c),
        "trimprefix" => trimprefix(c),
        "trimsuffix" => trimsuffix(c),
        "startswith" => starts(c),
        "endswith" => ends(c),
        "strcontains" => contains(c),
        _ => return None,
    })
}

/// The text without its characters before byte `from` and after byte `to`, counted over its known parts only;
/// for a text whose cut ends are known.
fn cut_known(text: &Text, from: usize, to_drop: usize) -> Text {
    let mut parts = text.parts.clone();
    let mut drop = from;
    for part in &mut parts {
        let Part::Literal { text, .. } = part else { break };
        let here = drop.min(text.len());
        drop -= here;
        let end = text.len();
        if let Some(rest) = cut::piece(part, here..end) {
            *part = rest;
        }
        if drop == 0 {
            break;
        }
    }
    let mut drop = to_drop;
    for part in parts.iter_mut().rev() {
        let Part::Literal { text, .. } = part else { break };
        let here = drop.min(text.len());
        drop -= here;
        let end = text.len() - here;
        if let Some(rest) = cut::piece(part, 0..end) {
            *part = rest;
        }
        if drop == 0 {
            break;
        }
    }
    parts.retain(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty()));
    Text { parts }
}

fn case(c: &Call<'_>, change: fn(&str) -> String, unchanged: fn(UnknownKind) -> bool) -> Result<Value, Stop> {
    let text = c.text(0)?;
    let hole = |a: &crate::partial::Unknown| {
        if unchanged(a.kind()) || a.is_call_of(c.name) { a.clone() } else { derived(c.name, a, &[], a.kind()) }
    };
    c.text_value(points::map(&text, change, hole))
}

fn uppercase(s: &str) -> String {
    s.chars().map(upper).collect()
}

/// Go maps one character to one: `ß`, whose capital form is two letters, stays. <https://pkg.go.dev/unicode#ToUpper>
fn upper(ch: char) -> char {
    let mut capital = ch.to_uppercase();
    match (capital.next(), capital.next()) {
        (Some(one), None) => one,
        _ => ch,
    }
}

fn title(s: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for ch in s.chars() {
        let letter = ch.is_alphanumeric() || ch == '_' || ch == '\'';
        if letter && !inside {
            out.push(upper(ch))
        } else {
            out.push(ch)
        }
        inside = letter;
    }
    out
}

fn strrev(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.text(0)?;
    let mut reversed = points::map(&text, |s| s.chars().rev().collect(), |a| derived("strrev", a, &[], a.kind()));
    reversed.parts.reverse();
    c.text_value(reversed)
}

fn chomp(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.text(0)?;
    let suffix = text.known_suffix();
    let kept = suffix.trim_end_matches(['\r', '\n']).len();
    if kept == 0 && !text.is_known() && !ends_in_line_free_hole(&text) {
        return Err(Stop::Unknown);
    }
    c.text_value(cut_known(&text, 0, suffix.len() - kept))
}

/// The last hole is of a kind that has no white space at its end.
fn ends_in_line_free_hole(text: &Text) -> bool {
    text.atoms().last().is_some_and(|a| a.kind() != UnknownKind::Any)
}

fn indent(c: &Call<'_>) -> Result<Value, Stop> {
    let n = usize::try_from(c.integer(0)?).or_else(|_| fail("the number of spaces must not be negative"))?;
    let lines: usize = c.text(1)?.fill(|_| String::new()).matches('\n').count();
    if n.saturating_mul(lines.max(1)) > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    let pad = format!("\n{}", " ".repeat(n));
    c.text_value(points::map(
        &c.text(1)?,
        |s| s.replace('\n', &pad),
        |a| if a.kind() == UnknownKind::Any { derived("indent", a, &[&n.to_string()], a.kind()) } else { a.clone() },
    ))
}

fn join(c: &Call<'_>) -> Result<Value, Stop> {
    let separator = c.text(0)?;
    let mut items = Vec::new();
    for i in 1..c.args.len() {
        items.extend(c.closed_list(i)?);
    }
    if separator.to_string().len().saturating_mul(items.len()) > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    // An item may be a choice: join once for every combination.
    let mut ways: Vec<Text> = vec![Text::default()];
    for (i, item) in items.iter().enumerate() {
        let choices = item.alternatives();
        if ways.len().saturating_mul(choices.len()) > MAX_ALTERNATIVES {
            return Err(Stop::Unknown);
        }
        let added = choices.iter().map(|choice| c.as_text(choice, 1)).collect::<Result<Vec<_>, _>>()?;
        let Some((last, others)) = added.split_last() else { continue };
        let mut next: Vec<Text> = Vec::new();
        for mut way in ways {
            if i > 0 {
                way.push(&separator);
            }
            for text in others {
                let mut longer = way.clone();
                longer.push(text);
                next.push(longer);
            }
            // The last choice goes on with the text itself: a long list without choices is never copied.
            way.push(last);
            next.push(way);
        }
        ways = next;
    }
    let mut values = ways.into_iter().map(|w| c.text_value(w)).collect::<Result<Vec<_>, _>>()?;
    if values.len() == 1 { values.pop().ok_or(Stop::Unknown) } else { Ok(Value::new(Kind::OneOf(values), c.span)) }
}

/// <https://developer.hashicorp.com/terraform/language/functions/substr>: offsets count grapheme clusters in
/// Terraform; code points here, which differ only for combining characters.
fn substr(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.text(0)?;
    let (offset, length) = (c.integer(1)?, c.integer(2)?);
    let Some((known, _)) = points::known_string(&text) else { return substr_of_prefix(c, &text, offset, length) };
    let total = known.chars().count() as i128;
    let start = if offset < 0 { (total + offset).max(0) } else { offset.min(total) };
    let end = if length < 0 { total } else { start.saturating_add(length).min(total) };
    let byte = |n: i128| usize::try_from(n).ok().and_then(|n| known.char_indices().nth(n)).map_or(known.len(), |(i, _)| i);
    c.text_value(cut_known(&text, byte(start), known.len() - byte(end)))
}

fn substr_of_prefix(c: &Call<'_>, text: &Text, offset: i128, length: i128) -> Result<Value, Stop> {
    let prefix = text.known_prefix();
    let count = prefix.chars().count() as i128;
    if offset < 0 || offset > count {
        return Err(Stop::Unknown);
    }
    let byte = |n: i128| usize::try_from(n).ok().and_then(|n| prefix.char_indices().nth(n)).map_or(prefix.len(), |(i, _)| i);
    let rest = cut_known(text, byte(offset), 0);
    if length < 0 {
        return c.text_value(rest);
    }
    if offset.saturating_add(length) <= count {
        let piece = prefix.get(byte(offset)..byte(offset + length)).unwrap_or("");
        let end = point_in_prefix(&rest, piece.len());
        return c.text_value(points::between(&rest, Point { part: 0, offset: 0 }, end));
    }
    // Names are cut to the cloud's limit (`substr(name, 0, 64)`): the known front stays, what follows is unknown.
    let front = points::between(&rest, Point { part: 0, offset: 0 }, point_in_prefix(&rest, prefix.len() - byte(offset)));
    let Some(first) = rest.atoms().next() else { return Err(Stop::Unknown) };
    let key = super::arguments::text_key(&rest);
    let mut out = front;
    out.push(&Text::hole(derived("substr", first, &[&key, &length.to_string()], first.kind()), c.span));
    c.text_value(out)
}

/// The point `bytes` into the literals at the front.
fn point_in_prefix(text: &Text, bytes: usize) -> Point {
    let mut left = bytes;
    for (part, p) in text.parts.iter().enumerate() {
        let Part::Literal { text, .. } = p else { return Point { part, offset: 0 } };
        if left < text.len() {
            return Point { part, offset: left };
        }
        left -= text.len();
    }
    Point { part: text.parts.len(), offset: 0 }
}

fn split(c: &Call<'_>) -> Result<Value, Stop> {
    let (separator, text) = (c.string(0)?, c.text(1)?);
    if separator.is_empty() {
        let known = text.as_known().ok_or(Stop::Unknown)?;
        let items = known.chars().map(|ch| c.string_value(ch.to_string())).collect::<Result<Vec<_>, _>>()?;
        return c.list_value(items, false);
    }
    few(&text, &separator)?;
    let ranges = points::occurrences(&text, &separator);
    let value = |t: Text| c.text_value(if t.parts.is_empty() { Text::known("") } else { t });
    if let Some(ranges) = ranges {
        return c.list_value(points::outside(&text, &ranges).into_iter().map(value).collect::<Result<Vec<_>, _>>()?, false);
    }
    if separator.ends_with("provider/") || separator == "://" {
        let rest = if separator == "://" { replace::without_scheme(&text) } else { replace::issuer_of_provider_arn(&text) };
        let front = Text::hole(front_atom(&text, &separator)?, c.span);
        return c.list_value(vec![value(front)?, value(rest)?], false);
    }
    split_known_front(c, &text, &separator)
}

fn front_atom(text: &Text, separator: &str) -> Result<crate::partial::Unknown, Stop> {
    let first = text.atoms().next().ok_or(Stop::Unknown)?;
    Ok(derived("split", first, &[separator, "0", &super::arguments::text_key(text)], UnknownKind::Any))
}

/// The pieces before the first hole are certain; of the one with the hole only the front is, and more may follow.
fn split_known_front(c: &Call<'_>, text: &Text, separator: &str) -> Result<Value, Stop> {
    let prefix = text.known_prefix();
    let mut items = Vec::new();
    let mut from = 0;
    for (at, m) in prefix.match_indices(separator) {
        let piece = points::between(text, point_in_prefix(text, from), point_in_prefix(text, at));
        items.push(c.text_value(if piece.parts.is_empty() { Text::known("") } else { piece })?);
        from = at + m.len();
    }
    let straddles = (1..separator.len()).any(|n| separator.get(..n).is_some_and(|head| prefix.ends_with(head)));
    if straddles || (items.is_empty() && prefix.is_empty()) {
        return if items.is_empty() { Err(Stop::Unknown) } else { c.list_value(items, true) };
    }
    let first = text.atoms().next().ok_or(Stop::Unknown)?;
    let mut last = points::between(text, point_in_prefix(text, from), point_in_prefix(text, prefix.len()));
    last.push(&Text::hole(
        derived("split", first, &[separator, &items.len().to_string(), &super::arguments::text_key(text)], UnknownKind::Any),
        c.span,
    ));
    items.push(c.text_value(last)?);
    c.list_value(items, true)
}

fn trim(c: &Call<'_>) -> Result<Value, Stop> {
    let set: Vec<char> = c.string(1)?.chars().collect();
    trim_where(c, |ch| set.contains(&ch))
}

fn trimspace(c: &Call<'_>) -> Result<Value, Stop> {
    trim_where(c, char::is_whitespace)
}

fn trim_where(c: &Call<'_>, drop: impl Fn(char) -> bool) -> Result<Value, Stop> {
    let text = c.text(0)?;
    let (prefix, suffix) = (text.known_prefix(), text.known_suffix());
    let front = prefix.len() - prefix.trim_start_matches(&drop).len();
    let back = suffix.len() - suffix.trim_end_matches(&drop).len();
    if text.is_known() {
        return c.text_value(if front == prefix.len() { Text::known("") } else { cut_known(&text, front, back) });
    }
    // An end that is a hole could lose more characters, unless its kind has none of them; a hole of no known kind is
    // taken not to begin or end with white space.
    let odd = |c: char| drop(c) && !c.is_whitespace();
    let eats =
        |atom: Option<&crate::partial::Unknown>| atom.is_some_and(|a| a.kind() == UnknownKind::Any) && (33..127u8).any(|b| odd(b as char));
    if (front == prefix.len() && eats(text.atoms().next())) || (back == suffix.len() && eats(text.atoms().last())) {
        return Err(Stop::Unknown);
    }
    c.text_value(cut_known(&text, front, back))
}

fn trimprefix(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.text(0)?;
    if replace::is_provider_prefix(&c.text(1)?, &text) {
        return c.text_value(replace::issuer_of_provider_arn(&text));
    }
    let prefix = c.string(1)?;
    match has_prefix(&text, &prefix) {
        Some(true) => c.text_value(cut_known(&text, prefix.len(), 0)),
        Some(false) => c.text_value(text),
        None if prefix.ends_with("://") => c.text_value(replace::without_scheme(&text)),
        None => {
            let Some(first) = text.atoms().next().filter(|_| text.known_prefix().is_empty()) else { return Err(Stop::Unknown) };
            let changed = derived("trimprefix", first, &[&prefix], first.kind());
            c.text_value(replace::with_hole(&text, true, changed))
        }
    }
}

fn trimsuffix(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, suffix) = (c.text(0)?, c.string(1)?);
    match has_suffix(&text, &suffix) {
        Some(true) => c.text_value(cut_known(&text, 0, suffix.len())),
        Some(false) => c.text_value(text),
        None => {
            let Some(last) = text.atoms().last().filter(|_| text.known_suffix().is_empty()) else { return Err(Stop::Unknown) };
            let changed = derived("trimsuffix", last, &[&suffix], last.kind());
            c.text_value(replace::with_hole(&text, false, changed))
        }
    }
}

fn has_prefix(text: &Text, prefix: &str) -> Option<bool> {
    let known = text.known_prefix();
    if known.starts_with(prefix) {
        return Some(true);
    }
    if text.is_known() || !prefix.starts_with(&known) {
        return Some(false);
    }
    (!points::possible(text, prefix, Where::Start)).then_some(false)
}

fn has_suffix(text: &Text, suffix: &str) -> Option<bool> {
    let known = text.known_suffix();
    if known.ends_with(suffix) {
        return Some(true);
    }
    if text.is_known() || !suffix.ends_with(&known) {
        return Some(false);
    }
    (!points::possible(text, suffix, Where::End)).then_some(false)
}

fn starts(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, prefix) = (c.text(0)?, c.text(1)?);
    match prefix.as_known() {
        Some(prefix) => has_prefix(&text, &prefix).map_or(Err(Stop::Unknown), |b| c.bool_value(b)),
        None if apart(&text.known_prefix(), &prefix.known_prefix()) => c.bool_value(false),
        None if text.same(&prefix) => c.bool_value(true),
        None => Err(Stop::Unknown),
    }
}

fn apart(a: &str, b: &str) -> bool {
    !a.bytes().zip(b.bytes()).all(|(a, b)| a == b)
}

fn ends(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, suffix) = (c.text(0)?, c.string(1)?);
    has_suffix(&text, &suffix).map_or(Err(Stop::Unknown), |b| c.bool_value(b))
}

fn contains(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, needle) = (c.text(0)?, c.string(1)?);
    if needle.is_empty() {
        return c.bool_value(true);
    }
    let mut run = String::new();
    for part in &text.parts {
        match part {
            Part::Literal { text, .. } => run.push_str(text),
            Part::Hole { .. } => run.clear(),
        }
        if run.contains(&needle) {
            return c.bool_value(true);
        }
    }
    if points::possible(&text, &needle, Where::Inside) { Err(Stop::Unknown) } else { c.bool_value(false) }
}
