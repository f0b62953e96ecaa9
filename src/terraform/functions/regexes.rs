//! `regex` and `regexall`, in RE2 syntax. <https://developer.hashicorp.com/terraform/language/functions/regex>

use super::MAX_ITEMS;
use super::arguments::{Answer, Call, Stop, fail};
use super::points::{self, Point};
use super::replace::bad_pattern;
use crate::partial::{Entry, Text, Value};
use regex::{Regex, RegexBuilder};

/// Most bytes of a compiled expression.
const MAX_COMPILED: usize = 1 << 20;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "regex" => regex(c),
        "regexall" => regexall(c),
        _ => return None,
    })
}

/// A compiled expression.
pub(super) fn compile(pattern: &str) -> Result<Regex, Stop> {
    match RegexBuilder::new(&go_syntax(pattern)).size_limit(MAX_COMPILED).build() {
        Ok(regex) => Ok(regex),
        // Too large is our limit, not a fault of the user's.
        Err(regex::Error::CompiledTooBig(_)) => Err(Stop::Unknown),
        Err(error) => bad_pattern(pattern, error.to_string().lines().last().unwrap_or("not understood").trim()),
    }
}

/// A compiled expression; none where it is too large or not understood.
pub(crate) fn expression(pattern: &str) -> Option<Regex> {
    compile(pattern).ok()
}

/// The few spellings in which RE2 as Go has it differs: classes of digits, words and spaces are ASCII there, `\z` is
/// the same, `\Q…\E` quotes, and an escaped `/` or other punctuation is itself in both.
fn go_syntax(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let mut chars = after.chars();
        chars.next();
        let next = chars.next();
        rest = chars.as_str();
        match next {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str("[\\t\\n\\x0C\\r ]"),
            Some('S') => out.push_str("[^\\t\\n\\x0C\\r ]"),
            Some('b') => out.push_str("(?-u:\\b)"),
            Some('Q') => {
                let (quoted, left) = rest.split_once("\\E").unwrap_or((rest, ""));
                out.push_str(&regex::escape(quoted));
                rest = left;
            }
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out.push_str(rest);
    out
}

/// The groups of one match: the whole match, then each group.
type Groups = Vec<Option<(Point, Point)>>;

fn groups(sample: &points::Sample, captures: &regex::Captures<'_>) -> Option<Groups> {
    let points = |m: regex::Match<'_>| Some((sample.point(m.start())?, sample.point(m.end())?));
    captures.iter().map(|m| m.map_or(Some(None), |m| points(m).map(Some))).collect()
}

fn regex(c: &Call<'_>) -> Result<Value, Stop> {
    let (pattern, text) = (c.string(0)?, c.text(1)?);
    let compiled = compile(&pattern)?;
    let found = points::agreed(&text, &pattern, |s| match compiled.captures(&s.string) {
        Some(captures) => groups(s, &captures).map(Some),
        None => Some(None),
    });
    match found {
        Some(Some(groups)) => shape(c, &compiled, &text, &groups),
        Some(None) if text.is_known() => fail("pattern did not match any part of the given string"),
        _ => Err(Stop::Unknown),
    }
}

fn regexall(c: &Call<'_>) -> Result<Value, Stop> {
    let (pattern, text) = (c.string(0)?, c.text(1)?);
    let compiled = compile(&pattern)?;
    let found = points::agreed(&text, &pattern, |s| {
        let all = compiled.captures_iter(&s.string).take(MAX_ITEMS + 1);
        all.map(|m| groups(s, &m)).collect::<Option<Vec<_>>>().filter(|all| all.len() <= MAX_ITEMS)
    });
    let Some(found) = found.filter(|f| text.is_known() || !f.is_empty()) else { return Err(Stop::Unknown) };
    c.list_value(found.iter().map(|g| shape(c, &compiled, &text, g)).collect::<Result<_, _>>()?, false)
}

/// A map for named groups, a list for unnamed ones, else the whole match.
fn shape(c: &Call<'_>, compiled: &Regex, text: &Text, groups: &Groups) -> Result<Value, Stop> {
    let piece = |g: &Option<(Point, Point)>| match g {
        Some((from, to)) => {
            let piece = points::between(text, *from, *to);
            c.text_value(if piece.parts.is_empty() { Text::known("") } else { piece })
        }
        None => Ok(Value::null()),
    };
    let named: Vec<Option<&str>> = compiled.capture_names().collect();
    let unnamed = named.iter().skip(1).filter(|n| n.is_none()).count();
    if named.len() <= 1 {
        return groups.first().map_or(Err(Stop::Unknown), piece);
    }
    if unnamed == named.len() - 1 {
        return c.list_value(groups.iter().skip(1).map(piece).collect::<Result<_, _>>()?, false);
    }
    if unnamed > 0 {
        return fail("cannot mix both named and unnamed capturing groups in the same pattern");
    }
    let mut entries = Vec::new();
    for (name, group) in named.iter().zip(groups).skip(1) {
        entries.push(Entry { key: Text::known(name.unwrap_or("")), value: piece(group)? });
    }
    entries.sort_by_key(|e| e.key.to_string());
    c.map_value(entries, false)
}
