//! The shapes that SPIRE's configuration has in HCL and in JSON: blocks are maps, or lists of maps, and may be repeated.

use crate::graph::spiffe::{Lifetime, LifetimeOf, Listed, Switch};
use crate::graph::{Seconds, Setting};
use crate::partial::{Entry, Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::readers::shape::{self, place};

/// How deep lists in lists and values are followed.
const MAX_DEPTH: usize = 48;

/// The maps of every block with this name.
pub(super) fn sections<'v>(value: &'v Value, key: &str) -> Vec<&'v Value> {
    let mut out = Vec::new();
    for entry in value.entries().iter().filter(|e| e.key.is_str(key)) {
        maps(&entry.value, &mut out, MAX_DEPTH);
    }
    out
}

fn maps<'v>(value: &'v Value, out: &mut Vec<&'v Value>, depth: usize) {
    match &value.kind {
        Kind::Map { .. } => out.push(value),
        Kind::List { items, .. } | Kind::OneOf(items) if depth > 0 => items.iter().for_each(|v| maps(v, out, depth - 1)),
        _ => {}
    }
}

/// The last block with this name.
pub(super) fn section<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    sections(value, key).pop()
}

/// What stands under names in the blocks with this name: `NodeAttestor "k8s_psat" { … }`.
pub(super) fn named<'v>(value: &'v Value, key: &str) -> Vec<(&'v Text, &'v Value)> {
    let mut out = Vec::new();
    for section in sections(value, key) {
        for entry in section.entries() {
            let mut all = Vec::new();
            maps(&entry.value, &mut all, MAX_DEPTH);
            match all.pop() {
                Some(map) => out.push((&entry.key, map)),
                None => out.push((&entry.key, &entry.value)),
            }
        }
    }
    out
}

/// The place of one name in the blocks: its key.
pub(super) fn key_span(value: &Value, key: &str) -> Option<crate::place::Span> {
    value.entries().iter().rev().find(|e| e.key.is_str(key)).and_then(|e| e.key.span().or_else(|| place(&e.value)))
}

/// There may be more blocks than are written.
pub(super) fn is_open(value: &Value, key: &str) -> bool {
    value.is_open()
        || sections(value, key).iter().any(|s| s.is_open())
        || value.get(key).is_some_and(|v| matches!(v.kind, Kind::Unknown(_)))
}

/// An optional string.
pub(super) fn setting(map: &Value, key: &str) -> Setting {
    shape::setting(map.get(key), map.is_open(), key)
}

/// A string.
pub(super) fn text(map: &Value, key: &str) -> Option<Text> {
    shape::text_at(map, key)
}

/// A truth value; none when it is certainly not set.
pub(super) fn switch(map: &Value, key: &str) -> Option<Switch> {
    match map.get(key) {
        Some(value) if value.is_null() => None,
        Some(value) => Some(Switch { on: value.as_bool(), span: key_span(map, key) }),
        None => map.is_open().then_some(Switch { on: None, span: None }),
    }
}

/// A list of strings under the first key that is there.
pub(super) fn listed(map: &Value, keys: &[&str]) -> Listed {
    for key in keys {
        if let Some(value) = map.get(key).filter(|v| !v.is_null()) {
            let listing = shape::listing(Some(value));
            let span = key_span(map, key);
            return Listed { texts: listing.texts, open: listing.open || listing.odd, written: true, span };
        }
    }
    Listed { open: map.is_open(), ..Listed::default() }
}

/// A lifetime as a number of seconds or as Go writes durations (<https://pkg.go.dev/time#ParseDuration>).
pub(super) fn lifetime(map: &Value, key: &str, of: LifetimeOf) -> Option<Lifetime> {
    let value = map.get(key)?;
    let text = shape::text(Some(value))?;
    let seconds = duration(text.as_known()?.trim())?;
    let (span, trail) = (value.span.or_else(|| text.span()), text.trail());
    Some(Lifetime { of, seconds: Seconds { value: seconds, span, trail } })
}

/// Seconds.
pub(super) fn duration(text: &str) -> Option<u32> {
    if let Ok(plain) = text.parse::<u32>() {
        return Some(plain);
    }
    let (mut total, mut rest) = (0f64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match rest.get(..letters)? {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 0.001,
            _ => return None,
        };
        total += number * unit;
        rest = rest.get(letters..)?;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (total.is_finite() && total >= 0.0 && total < f64::from(u32::MAX)).then_some(total as u32)
}

/// The tree as the program sees it: with `-expandEnv`, `$NAME` and `${NAME}` come from the environment
/// (<https://github.com/spiffe/spire/blob/main/doc/spire_server.md#command-line-options>), which nobody knows here.
pub(super) fn expanded(value: &Value) -> Value {
    expanded_within(value, MAX_DEPTH)
}

fn expanded_within(value: &Value, depth: usize) -> Value {
    if depth == 0 {
        return value.clone();
    }
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(expand(text)),
        Kind::List { items, open } => Kind::List { items: items.iter().map(|v| expanded_within(v, depth - 1)).collect(), open: *open },
        Kind::OneOf(items) => Kind::OneOf(items.iter().map(|v| expanded_within(v, depth - 1)).collect()),
        Kind::Map { entries, open } => {
            let entry = |e: &Entry| Entry { key: expand(&e.key), value: expanded_within(&e.value, depth - 1) };
            Kind::Map { entries: entries.iter().map(entry).collect(), open: *open }
        }
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

fn expand(text: &Text) -> Text {
    let mut parts = Vec::new();
    for part in &text.parts {
        let Part::Literal { text: literal, span, trail } = part else {
            parts.push(part.clone());
            continue;
        };
        let mut start = 0;
        while let Some((range, name)) = variable(literal, start) {
            parts.extend(crate::partial::cut::piece(part, start..range.start).filter(|_| range.start > start));
            let at = span.map(|s| if s.len() == literal.len() { s.slice(range.clone()) } else { s });
            let atom = Unknown::new(
                format!("|environment {name}"),
                UnknownKind::Any,
                format!("${{{name}}}"),
                "it is filled in when the program starts",
                at,
            );
            parts.push(Part::Hole { atom, span: at, trail: trail.clone() });
            start = range.end;
        }
        if start < literal.len() || (start == 0 && literal.is_empty()) {
            parts.extend(crate::partial::cut::piece(part, start..literal.len()));
        }
    }
    Text { parts }
}

/// The next variable at or after byte `from`.
fn variable(text: &str, from: usize) -> Option<(std::ops::Range<usize>, &str)> {
    let name_at = |start: usize| {
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest.get(..end).filter(|n| n.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
    };
    let mut at = from;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('$')) {
        let dollar = at + found;
        // `$(NAME)` is a variable of Kustomize (`vars`), or of the pod that a configuration is written for.
        let closing = match text.as_bytes().get(dollar + 1) {
            Some(b'{') => Some('}'),
            Some(b'(') => Some(')'),
            _ => None,
        };
        let wrapped = usize::from(closing.is_some());
        if let Some(name) = name_at(dollar + 1 + wrapped) {
            let end = dollar + 1 + wrapped + name.len();
            let closed = closing.is_none_or(|c| text.get(end..).is_some_and(|rest| rest.starts_with(c)));
            if closed {
                return Some((dollar..end + wrapped, name));
            }
        }
        at = dollar + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, seconds) in [("24h", Some(86400)), ("1h30m", Some(5400)), ("90s", Some(90)), ("3600", Some(3600)), ("1.5h", Some(5400))]
        {
            assert_eq!(duration(text), seconds, "{text}");
        }
        for text in ["", "h", "1d", "24 h", "-1h"] {
            assert!(duration(text).is_none() || text.is_empty(), "{text}");
        }
    }

    #[test]
    fn variables_of_the_environment_are_unknown() {
        let shown = |t: &str| expand(&Text::known(t)).to_string();
        assert_eq!(shown("a $B c${D}"), "a ${B} c${D}");
        assert_eq!(expand(&Text::known("a $B c${D}")).atoms().count(), 2);
        assert_eq!(shown("ns/$(BAKERY_NAMESPACE)/sa"), "ns/${BAKERY_NAMESPACE}/sa");
        for text in ["^a$", "$1", "${", "$(", "$(date +%s)", "cost: $", ""] {
            assert!(expand(&Text::known(text)).is_known(), "{text}");
            assert_eq!(shown(text), text);
        }
    }
}
