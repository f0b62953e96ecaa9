//! Versions and version constraints. <https://developer.hashicorp.com/terraform/language/expressions/version-constraints>

/// A version without its pre-release part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version([u32; 3]);

impl Version {
    /// Before every version.
    pub(super) const LEAST: Self = Self([0; 3]);
    /// After every version.
    pub(super) const MOST: Self = Self([u32::MAX; 3]);

    /// `5`, `5.1`, `v5.1.2`, `5.1.2-rc1`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        parts(text).map(|(version, _)| version)
    }

    fn next(self) -> Self {
        let [major, minor, patch] = self.0;
        Self([major, minor, patch.saturating_add(1)])
    }
}

/// The version and how many of its numbers were written.
fn parts(text: &str) -> Option<(Version, usize)> {
    let text = text.trim();
    let plain = text.strip_prefix('v').unwrap_or(text).split(['-', '+']).next()?;
    let mut numbers = [0; 3];
    let mut count = 0;
    for piece in plain.split('.') {
        *numbers.get_mut(count)? = piece.parse().ok()?;
        count += 1;
    }
    Some((Version(numbers), count))
}

/// The versions from `from` up to, but not with, `below`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) from: Version,
    pub(super) below: Version,
}

impl Range {
    /// One version.
    pub(super) fn only(version: Version) -> Self {
        Self { from: version, below: version.next() }
    }

    /// What a constraint allows; none when it cannot be read. `!=` is left out: it removes single versions only.
    pub(super) fn of_constraint(text: &str) -> Option<Self> {
        let mut range = Self { from: Version::LEAST, below: Version::MOST };
        for term in text.split(',') {
            let term = term.trim();
            let at = term.find(|c: char| c.is_ascii_digit() || c == 'v')?;
            let (operator, version) = term.split_at(at);
            let (version, written) = parts(version)?;
            let term = match operator.trim() {
                "" | "=" => Self::only(version),
                ">=" => Self { from: version, below: Version::MOST },
                ">" => Self { from: version.next(), below: Version::MOST },
                "<" => Self { from: Version::LEAST, below: version },
                "<=" => Self { from: Version::LEAST, below: version.next() },
                "~>" => Self { from: version, below: pessimistic(version, written) },
                "!=" => continue,
                _ => return None,
            };
            range = Self { from: range.from.max(term.from), below: range.below.min(term.below) };
        }
        Some(range)
    }

    /// Some version is in both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.from.max(other.from) < self.below.min(other.below)
    }
}

/// Only the last written number may grow.
fn pessimistic(version: Version, written: usize) -> Version {
    let Version([major, minor, _]) = version;
    match written {
        1 => Version::MOST,
        2 => Version([major.saturating_add(1), 0, 0]),
        _ => Version([major, minor.saturating_add(1), 0]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints() {
        let range = |from: [u32; 3], below: [u32; 3]| Some(Range { from: Version(from), below: Version(below) });
        assert_eq!(Range::of_constraint("~> 5.28"), range([5, 28, 0], [6, 0, 0]));
        assert_eq!(Range::of_constraint("~> 5.28.1"), range([5, 28, 1], [5, 29, 0]));
        assert_eq!(Range::of_constraint(">= 5.0, < 6.0, != 5.1.0"), range([5, 0, 0], [6, 0, 0]));
        assert_eq!(Range::of_constraint("= v1.2.3"), range([1, 2, 3], [1, 2, 4]));
        assert_eq!(Range::of_constraint("main"), None);
        assert_eq!(Version::parse("5.1.2-rc1"), Version::parse("v5.1.2"));
        assert_eq!(Version::parse("0123abc"), None);
    }
}
