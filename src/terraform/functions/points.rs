//! Points in texts that are known in part: cutting and rewriting between them, places kept.

use crate::partial::{Part, Text, Unknown, UnknownKind, cut};
use std::ops::Range;

/// A point in a text: before byte `offset` of part `part`. A hole has only its two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) part: usize,
    pub(super) offset: usize,
}

/// The text between two points.
pub(super) fn between(text: &Text, from: Point, to: Point) -> Text {
    let mut parts = Vec::new();
    for (i, part) in text.parts.iter().enumerate().skip(from.part) {
        if i > to.part {
            break;
        }
        match part {
            Part::Literal { text: literal, .. } => {
                let start = if i == from.part { from.offset } else { 0 };
                let end = if i == to.part { to.offset } else { literal.len() };
                if start < end {
                    parts.extend(cut::piece(part, start..end));
                }
            }
            Part::Hole { .. } => {
                // A point inside a hole's index means its front (offset 0): the hole is in when we end behind it.
                if i < to.part {
                    parts.push(part.clone());
                }
            }
        }
    }
    Text { parts }
}

/// The first and the last point.
pub(super) fn ends(text: &Text) -> (Point, Point) {
    (Point { part: 0, offset: 0 }, Point { part: text.parts.len(), offset: 0 })
}

/// The text with every literal rewritten. A piece that stays as it was keeps its place; one that changes in
/// length keeps the place of the whole piece.
pub(super) fn map(text: &Text, literal: impl Fn(&str) -> String, hole: impl Fn(&Unknown) -> Unknown) -> Text {
    let rewrite = |part: &Part| match part {
        Part::Literal { text, span, trail } => Part::Literal { text: literal(text).into(), span: *span, trail: trail.clone() },
        Part::Hole { atom, span, trail } => Part::Hole { atom: hole(atom), span: *span, trail: trail.clone() },
    };
    Text { parts: text.parts.iter().map(rewrite).collect() }
}

/// Merges nothing, but drops empty literals and puts adjacent ones side by side: the runs of a text, each the
/// indexes of its literal parts, separated by holes.
pub(super) fn known_string(text: &Text) -> Option<(String, Vec<(usize, usize)>)> {
    let mut out = String::new();
    let mut starts = Vec::new();
    for (i, part) in text.parts.iter().enumerate() {
        let Part::Literal { text, .. } = part else { return None };
        starts.push((i, out.len()));
        out.push_str(text);
    }
    Some((out, starts))
}

/// One way to fill the holes: the whole string, and where each part begins and ends in it.
pub(super) struct Sample {
    pub(super) string: String,
    bounds: Vec<(Range<usize>, bool)>,
}

impl Sample {
    /// The point at a byte of the string; none inside a hole.
    pub(super) fn point(&self, at: usize) -> Option<Point> {
        if at == self.string.len() {
            return Some(Point { part: self.bounds.len(), offset: 0 });
        }
        let part = self.bounds.partition_point(|(range, _)| range.end <= at);
        let (range, hole) = self.bounds.get(part).filter(|(range, _)| range.contains(&at))?;
        let offset = at - range.start;
        (!*hole || offset == 0).then_some(Point { part, offset })
    }
}

/// Ways to fill the holes that together tell what holds for every way: ordinary ones and those that look like
/// `hostile` (the pattern that is looked for). A known text has one.
pub(super) fn samples(text: &Text, hostile: &str) -> Vec<Sample> {
    const ROUNDS: usize = 5;
    let rounds = if text.is_known() { 1 } else { ROUNDS };
    (0..rounds).map(|round| sample(text, |atom| filling(atom.kind(), round, hostile))).collect()
}

fn sample(text: &Text, fill: impl Fn(&Unknown) -> String) -> Sample {
    let mut string = String::new();
    let mut bounds = Vec::new();
    for part in &text.parts {
        let start = string.len();
        match part {
            Part::Literal { text, .. } => string.push_str(text),
            Part::Hole { atom, .. } => string.push_str(&fill(atom)),
        }
        bounds.push((start..string.len(), matches!(part, Part::Hole { .. })));
    }
    Sample { string, bounds }
}

fn filling(kind: UnknownKind, round: usize, hostile: &str) -> String {
    let stripped = || hostile.replace('\\', "").replace(['^', '$', '(', ')', '*', '+', '?'], "");
    let choices: [String; 5] = match kind {
        UnknownKind::Any => {
            ["x".into(), "A-1/b:c.d_@*e".into(), format!("q{hostile}q"), format!("{}{hostile}", stripped()), stripped() + "z"]
        }
        UnknownKind::AccountId => ["123456789012", "000000000000", "999999999999", "210987654321", "111111111111"].map(String::from),
        UnknownKind::ProjectNumber | UnknownKind::Number => ["1", "1234567890", "0", "99", "42"].map(String::from),
        UnknownKind::ProjectId => ["acme-prod-1", "a12345", "my-project-000", "zzzzzz", "p-q-r-s"].map(String::from),
        UnknownKind::Partition => ["aws", "aws-cn", "aws-us-gov", "aws", "aws-cn"].map(String::from),
        UnknownKind::Region => ["eu-west-1", "us-gov-east-1", "europe-west4", "westeurope", "ap-southeast-2"].map(String::from),
        UnknownKind::IssuerHostPath => [
            "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF",
            "gitlab.example.com",
            "container.googleapis.com/v1/projects/p/locations/l/clusters/c",
            "s3.amazonaws.com/bucket-1",
            "idp.example:8443/realms/a_b",
        ]
        .map(String::from),
        UnknownKind::Arn => [
            "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ABC",
            "arn:aws-cn:iam::210987654321:role/path/name",
            "arn:aws:s3:::bucket",
            "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com",
            "arn:aws:eks:eu-west-1:123456789012:cluster/a",
        ]
        .map(String::from),
        UnknownKind::Guid => ["6f9619ff-8b86-d011-b42d-00c04fc964ff"; 5].map(String::from),
        UnknownKind::ServiceAccountEmail => [
            "a@b-123456.iam.gserviceaccount.com",
            "123-compute@developer.gserviceaccount.com",
            "x1@y.z.iam.gserviceaccount.com",
            "p@appspot.gserviceaccount.com",
            "sa-1@acme-prod.iam.gserviceaccount.com",
        ]
        .map(String::from),
        UnknownKind::Word => {
            let word: String = hostile.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
            ["x".into(), "Some-word_1".into(), format!("q{word}q"), format!("{word}1"), "a.b-c".into()]
        }
    };
    choices.into_iter().nth(round).unwrap_or_default()
}

/// The points that `find` gives in every sample, when they are the same in all of them.
pub(super) fn agreed<T: PartialEq>(text: &Text, hostile: &str, find: impl Fn(&Sample) -> Option<T>) -> Option<T> {
    let mut found: Option<T> = None;
    for sample in samples(text, hostile) {
        let here = find(&sample)?;
        match &found {
            Some(first) if *first != here => return None,
            Some(_) => {}
            None => found = Some(here),
        }
    }
    found
}

/// The pieces of a text between the given disjoint ranges of points, in order.
pub(super) fn outside(text: &Text, ranges: &[(Point, Point)]) -> Vec<Text> {
    let (mut from, last) = ends(text);
    let mut out = Vec::new();
    for (start, end) in ranges {
        out.push(between(text, from, *start));
        from = *end;
    }
    out.push(between(text, from, last));
    out
}

/// Most steps of the search whether a string can occur; past it, it is taken to be possible.
const MAX_STEPS: usize = 1 << 20;

/// Which occurrences of a string are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Where {
    /// At the start of the text.
    Start,
    /// At its end.
    End,
    /// Anywhere.
    Inside,
    /// Anywhere, with at least one character out of a hole.
    ThroughHole,
}

/// May a hole of this kind have the character, where `needle` is looked for?
fn may(kind: UnknownKind, ch: char, needle: &str) -> bool {
    match kind {
        UnknownKind::Any => true,
        UnknownKind::AccountId | UnknownKind::ProjectNumber => ch.is_ascii_digit(),
        UnknownKind::Number => ch.is_ascii_digit() || matches!(ch, '-' | '.'),
        UnknownKind::ProjectId | UnknownKind::Partition | UnknownKind::Region => {
            ch.is_ascii_lowercase() || ch.is_ascii_digit() || ch == '-'
        }
        UnknownKind::Guid => ch.is_ascii_hexdigit() || ch == '-',
        // A URL holds its scheme once, and that is not part of the hole.
        UnknownKind::IssuerHostPath => !needle.contains("://") && !ch.is_whitespace() && !matches!(ch, '*' | '?' | '@' | ','),
        UnknownKind::Arn => !ch.is_whitespace(),
        UnknownKind::ServiceAccountEmail => ch.is_ascii_alphanumeric() || matches!(ch, '-' | '.' | '@' | '_'),
        UnknownKind::Word => !ch.is_whitespace() && !matches!(ch, '/' | ':' | '@' | '*'),
    }
}

/// Whether `needle` can occur at all, each hole being any string over its alphabet. A `false` is a proof.
pub(super) fn possible(text: &Text, needle: &str, place: Where) -> bool {
    enum Unit {
        Char(char),
        Any(UnknownKind),
    }
    let mut units = Vec::new();
    for part in &text.parts {
        match part {
            Part::Literal { text, .. } => units.extend(text.chars().map(Unit::Char)),
            Part::Hole { atom, .. } => units.push(Unit::Any(atom.kind())),
        }
    }
    let n = units.len();
    if n.saturating_mul(needle.len()) > MAX_STEPS {
        return true;
    }
    // A state: where in the text we are, and whether a hole gave a character.
    let close = |states: &mut std::collections::BTreeSet<(usize, bool)>| {
        for i in 0..n {
            if matches!(units.get(i), Some(Unit::Any(_))) {
                for touched in [false, true] {
                    if states.contains(&(i, touched)) {
                        states.insert((i + 1, touched));
                    }
                }
            }
        }
    };
    let mut states: std::collections::BTreeSet<(usize, bool)> =
        if place == Where::Start { [(0, false)].into() } else { (0..=n).map(|i| (i, false)).collect() };
    close(&mut states);
    for ch in needle.chars() {
        let mut next = std::collections::BTreeSet::new();
        for (i, touched) in &states {
            match units.get(*i) {
                Some(Unit::Char(c)) if *c == ch => {
                    next.insert((i + 1, *touched));
                }
                Some(Unit::Any(kind)) if may(*kind, ch, needle) => {
                    next.insert((*i, true));
                }
                _ => {}
            }
        }
        close(&mut next);
        states = next;
    }
    states.iter().any(|(i, touched)| match place {
        Where::End => *i == n,
        Where::ThroughHole => *touched,
        Where::Start | Where::Inside => true,
    })
}

/// The places of `needle` in the text, when no occurrence can involve a hole.
pub(super) fn occurrences(text: &Text, needle: &str) -> Option<Vec<(Point, Point)>> {
    if !text.is_known() && possible(text, needle, Where::ThroughHole) {
        return None;
    }
    agreed(text, needle, |s| s.string.match_indices(needle).map(|(at, m)| Some((s.point(at)?, s.point(at + m.len())?))).collect())
}
