//! Variables that are filled into manifests after they were built: `${account}` of Flux
//! (<https://fluxcd.io/flux/components/kustomize/kustomizations/#post-build-variable-substitution>), of `envsubst` and of
//! pipelines, `$(account)` of Kustomize's `vars`.

use crate::partial::{Entry, Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::readers::shape::{field, text_at};

/// Most variables of one text.
const MAX_VARIABLES: usize = 64;

/// Variables and their values.
pub(super) struct Variables {
    values: Vec<(String, Text)>,
}

impl Variables {
    /// `spec.postBuild`. Variables that come from elsewhere stay unknown.
    pub(super) fn read(post_build: &Value) -> Self {
        let map = field(post_build, "substitute");
        let entries = map.map(Value::entries).unwrap_or_default();
        let values = entries.iter().filter_map(|e| Some((e.key.as_known()?, text_at(map?, &e.key.as_known()?)?))).collect();
        Self { values }
    }

    fn value(&self, name: &str) -> Option<&Text> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }
}

/// Fills the variables into every string of a tree.
pub(super) fn fill(value: &mut Value, variables: &Variables) {
    match &mut value.kind {
        Kind::Text(text) => *text = filled(text, Some(variables)),
        Kind::List { items, .. } => items.iter_mut().for_each(|v| fill(v, variables)),
        Kind::Map { entries, .. } => {
            for Entry { key, value } in entries {
                *key = filled(key, Some(variables));
                fill(value, variables);
            }
        }
        _ => {}
    }
}

/// The text with its variables: those with a value as that, the others as unknowns.
pub(super) fn unfilled(text: &Text) -> Text {
    filled(text, None)
}

fn filled(text: &Text, variables: Option<&Variables>) -> Text {
    let has = |part: &Part| matches!(part, Part::Literal { text, .. } if text.contains("${") || text.contains("$("));
    if !text.parts.iter().any(has) {
        return text.clone();
    }
    let mut out = Text::default();
    for (index, part) in text.parts.iter().enumerate() {
        match part {
            Part::Literal { text: literal, .. } => literal_parts(text, index, literal, variables, &mut out),
            hole @ Part::Hole { .. } => out.parts.push(hole.clone()),
        }
    }
    out
}

fn literal_parts(whole: &Text, index: usize, literal: &str, variables: Option<&Variables>, out: &mut Text) {
    let mut at = 0;
    let keep = |range: std::ops::Range<usize>, out: &mut Text| {
        if let (Some(Part::Literal { trail, .. }), Some(piece)) =
            (whole.parts.get(index), literal.get(range.clone()).filter(|p| !p.is_empty()))
        {
            out.parts.push(Part::Literal { text: piece.into(), span: whole.span_of(index, range), trail: trail.clone() });
        }
    };
    for _ in 0..MAX_VARIABLES {
        let Some((start, end, name)) = literal.get(at..).and_then(|rest| next(rest)) else { break };
        keep(at..at + start, out);
        match variables.and_then(|v| v.value(name)) {
            Some(value) => out.push(value),
            None => {
                let span = whole.span_of(index, at + start..at + end);
                let atom =
                    Unknown::new(format!("|variable {name}"), UnknownKind::Any, format!("${{{name}}}"), "a later step fills it in", span);
                out.push(&Text::hole(atom, span));
            }
        }
        at += end;
    }
    keep(at..literal.len(), out);
}

/// The next variable of a text: where it begins and ends, and its name. `$${x}` is none.
fn next(text: &str) -> Option<(usize, usize, &str)> {
    let mut from = 0;
    while let Some(at) = text.get(from..)?.find('$').map(|i| i + from) {
        let (close, inner) = match text.as_bytes().get(at + 1) {
            Some(b'{') => ('}', at + 2),
            Some(b'(') => (')', at + 2),
            Some(b'$') => {
                from = at + 2;
                continue;
            }
            _ => {
                from = at + 1;
                continue;
            }
        };
        let end = text.get(inner..)?.find(close).map(|i| i + inner)?;
        let name = text.get(inner..end)?;
        let name = name.find([':', '-', '=', '/']).and_then(|i| name.get(..i)).unwrap_or(name);
        let word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if word {
            return Some((at, end + 1, name));
        }
        from = inner;
    }
    None
}
