//! Equality with what is derived from a claim, as tests of the claim itself where the two say the same: the search and the
//! reading of names understand `startsWith` and not every `extract`.

use crate::admission::formula::{Matcher, Subject};
use crate::partial::Text;

/// What "the derived value is this text" says of the claim.
#[derive(Debug)]
pub(super) enum Same {
    /// One of these tests holds.
    Any(Vec<(Subject, Matcher)>),
    /// It cannot be.
    Never,
}

/// None where it is not said by tests of the claim.
pub(super) fn equality(subject: &Subject, value: &Text) -> Option<Same> {
    let known = value.as_known()?;
    let begins = |end: &str| {
        let mut text = value.clone();
        text.push(&Text::known(end));
        Matcher::Prefix(text)
    };
    match subject {
        Subject::Split { of, separator, index: 0 } if !known.contains(separator.as_str()) => {
            Some(Same::Any(vec![((**of).clone(), begins(separator)), ((**of).clone(), Matcher::Exact(value.clone()))]))
        }
        Subject::Extract { of, prefix, suffix } if prefix.is_empty() && !suffix.is_empty() && !known.is_empty() => {
            // An earlier occurrence across the end of the value would have ended it.
            let first = format!("{known}{suffix}").find(suffix.as_str());
            (first == Some(known.len())).then(|| Same::Any(vec![((**of).clone(), begins(suffix))]))
        }
        Subject::Concat(pieces) => joined(pieces, &known, &begins),
        _ => None,
    }
}

/// `x.extract('{a}MIDDLE') + 'MIDDLE' + x.extract('MIDDLE{b}END')`: what stands before the first `END` behind the first
/// `MIDDLE`, as in Google's default mapping for AWS.
fn joined(pieces: &[Subject], known: &str, begins: &dyn Fn(&str) -> Matcher) -> Option<Same> {
    let [Subject::Extract { of, prefix, suffix }, Subject::Literal(middle), Subject::Extract { of: again, prefix: start, suffix: end }] =
        pieces
    else {
        return None;
    };
    if of != again || !prefix.is_empty() || suffix != middle || start != middle || end.is_empty() || middle.is_empty() {
        return None;
    }
    let Some((_, rest)) = known.split_once(middle.as_str()) else { return Some(Same::Never) };
    if rest.contains(end.as_str()) {
        return Some(Same::Never);
    }
    // Nothing behind the middle: the claim has no end, or begins with it there.
    let whole = !rest.is_empty() && format!("{rest}{end}").find(end.as_str()) == Some(rest.len());
    whole.then(|| Same::Any(vec![((**of).clone(), begins(end))]))
}
