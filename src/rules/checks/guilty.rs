//! Which piece of a joined value makes it one that no token has: the caller's argument, not the format that it is put into.

use crate::admission::formula::{GlobPart, Matcher, Test};
use crate::partial::{Part, Text, Trail, Unknown, UnknownKind, hops};
use crate::place::Span;

/// What stands between the names of a subject.
const DELIMITERS: [char; 4] = ['/', ':', '@', '*'];
/// Most pieces of a value that are tried.
const MAX_PIECES: usize = 12;

/// Where the mistake of a test stands that no token passes: the one piece of its value without which some token might pass, else the
/// test. Of several such pieces one that came from elsewhere is more likely wrong than the text that it is put into.
pub(super) fn place(test: &Test, never: &dyn Fn(&Test) -> bool) -> (Option<Span>, Trail) {
    let own = (test.span, test.trail.clone());
    let pieces = pieces(&test.matcher);
    if pieces.len() < 2 || pieces.len() > MAX_PIECES {
        return own;
    }
    let saving = |strict: bool| -> Vec<(Option<Span>, Trail)> {
        let saves = |index: &usize| !never(&Test { matcher: without(&test.matcher, *index, strict), ..test.clone() });
        (0..pieces.len()).filter(saves).filter_map(|index| pieces.get(index).cloned()).collect()
    };
    // Other names between the same delimiters first: what may hold delimiters could stand for the whole rest of the value.
    let saving = Some(saving(true)).filter(|all| !all.is_empty()).unwrap_or_else(|| saving(false));
    let mut chosen = saving.iter().filter(|(span, trail)| span.is_some() && hops(trail).any(|hop| hop.kind.is_choice()));
    let first = chosen.next();
    if saving.len() == pieces.len() && (first.is_none() || chosen.next().is_some()) {
        return own;
    }
    first.or_else(|| saving.iter().find(|(span, _)| span.is_some())).cloned().unwrap_or(own)
}

/// The literal pieces of a value in order.
fn pieces(matcher: &Matcher) -> Vec<(Option<Span>, Trail)> {
    let of = |text: &Text| -> Vec<(Option<Span>, Trail)> {
        let literal = |part: &Part| match part {
            Part::Literal { text, span, trail } if !text.is_empty() => Some((*span, trail.clone())),
            _ => None,
        };
        text.parts.iter().filter_map(literal).collect()
    };
    match matcher {
        Matcher::Glob(parts) => parts.iter().flat_map(|p| if let GlobPart::Literal(text) = p { of(text) } else { Vec::new() }).collect(),
        other => text_of(other).map(of).unwrap_or_default(),
    }
}

fn text_of(matcher: &Matcher) -> Option<&Text> {
    match matcher {
        Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) | Matcher::Suffix(t) | Matcher::Contains(t) => Some(t),
        _ => None,
    }
}

/// The matcher with one literal piece as an unknown; strictly, with other names between the delimiters that the piece has.
fn without(matcher: &Matcher, index: usize, strict: bool) -> Matcher {
    let mut left = index;
    let mut open = |text: &Text| Text { parts: text.parts.iter().flat_map(|part| opened(part, &mut left, strict)).collect() };
    match matcher {
        Matcher::Exact(t) => Matcher::Exact(open(t)),
        Matcher::ExactIgnoreCase(t) => Matcher::ExactIgnoreCase(open(t)),
        Matcher::Prefix(t) => Matcher::Prefix(open(t)),
        Matcher::Suffix(t) => Matcher::Suffix(open(t)),
        Matcher::Contains(t) => Matcher::Contains(open(t)),
        Matcher::Glob(parts) => {
            let part = |p: &GlobPart| if let GlobPart::Literal(text) = p { GlobPart::Literal(open(text)) } else { p.clone() };
            Matcher::Glob(parts.iter().map(part).collect())
        }
        other => other.clone(),
    }
}

/// The piece as an unknown where it is the one that is counted down to.
fn opened(part: &Part, left: &mut usize, strict: bool) -> Vec<Part> {
    let Part::Literal { text, span, trail } = part else { return vec![part.clone()] };
    if text.is_empty() {
        return vec![part.clone()];
    }
    let hit = *left == 0;
    *left = left.wrapping_sub(1);
    if !hit {
        return vec![part.clone()];
    }
    let hole = |at: usize, kind: UnknownKind| {
        let atom = Unknown::new(format!("guilty|piece|{at}"), kind, &**text, "this piece may be wrong", *span);
        Part::Hole { atom, span: *span, trail: trail.clone() }
    };
    if !strict {
        return vec![hole(0, UnknownKind::Any)];
    }
    let mut out = Vec::new();
    let mut within = false;
    for (at, c) in text.char_indices() {
        if DELIMITERS.contains(&c) {
            out.push(Part::Literal { text: c.to_string().into(), span: *span, trail: trail.clone() });
        } else if !within {
            out.push(hole(at, UnknownKind::Word));
        }
        within = !DELIMITERS.contains(&c);
    }
    out
}
