//! How far two names are apart, for "did you mean".

/// Longer names are not compared: the work is the product of the lengths.
const MAX_LENGTH: usize = 128;

/// The least number of insertions, deletions, substitutions and swaps of neighbours that make `b` of `a`; none for
/// names that are too long to compare.
pub(super) fn distance(a: &str, b: &str) -> Option<usize> {
    let short = |name: &str| name.chars().count() <= MAX_LENGTH;
    (short(a) && short(b)).then(|| strsim::osa_distance(a, b))
}

/// The nearest of the names, when it is near enough to be meant (a third of its length, at most three edits); the first
/// of equals.
#[must_use]
pub fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 3);
    let near = all.filter(|candidate| *candidate != name);
    let measured = near.filter_map(|candidate| distance(name, candidate).map(|d| (d, candidate)));
    measured.filter(|(d, _)| *d <= limit).min_by_key(|(d, _)| *d).map(|(_, candidate)| candidate)
}
