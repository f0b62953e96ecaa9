//! Tokens of a template, and the template of a token.

use super::{ClaimPart, Segment, Template};
use crate::token::{Claim, Token};
use regex::Regex;
use std::collections::BTreeMap;

/// Steps that reading one token may take: ambiguous claims are tried in every way.
const MAX_STEPS: usize = 100_000;
/// Longer claims are not read.
const MAX_CLAIM: usize = 8192;

/// Values of segments by name.
pub type Values = BTreeMap<String, String>;

impl Template {
    /// The pieces of a claim. A name that starts with `/` is a JSON Pointer (RFC 6901) into a claim that is an
    /// object: `/kubernetes.io/namespace`.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&[ClaimPart]> {
        self.claims.iter().find(|(n, _)| n == name).map(|(_, parts)| parts.as_slice())
    }

    /// The pieces of a member of a claim that is an object: `["kubernetes.io", "namespace"]`.
    #[must_use]
    pub fn member(&self, path: &[&str]) -> Option<&[ClaimPart]> {
        self.claim(&pointer(path))
    }

    /// The segment with this name.
    #[must_use]
    pub fn segment(&self, name: &str) -> Option<&Segment> {
        self.segments.iter().find(|s| s.name == name)
    }

    /// A claim for people: `repo:{owner}/{repository}:pull_request`.
    #[must_use]
    pub fn text(&self, parts: &[ClaimPart]) -> String {
        self.join(parts, |s| format!("{{{}}}", s.name))
    }

    /// The token with these values; a segment without one has its first sample. Every claim is a string: see
    /// [`super::Issuer::typed`].
    #[must_use]
    pub fn instantiate(&self, values: &Values) -> Token {
        let value = |s: &Segment| values.get(&s.name).or(s.samples.first()).cloned().unwrap_or_default();
        let mut token = Token::default();
        for (name, parts) in self.claims.iter() {
            set(&mut token, name, self.join(parts, value));
        }
        token
    }

    /// Whether the issuer mints this token from this template: every claim of the template is there and is read with
    /// one and the same value for each segment. Claims that the template does not know (`exp`, `jti`) are ignored.
    #[must_use]
    pub fn matches(&self, token: &Token) -> bool {
        self.claims.iter().all(|(name, _)| !found(token, name).is_empty()) && self.bind(token).is_some()
    }

    /// The values of the segments that the token's claims give; none when a claim cannot be read. Claims that the
    /// token does not have are passed over, so a token that somebody wrote by hand can be completed.
    #[must_use]
    pub fn bind(&self, token: &Token) -> Option<Values> {
        let mut claims: Vec<(&[ClaimPart], Vec<String>)> = Vec::new();
        for (name, parts) in self.claims.iter() {
            let mut texts = found(token, name);
            if !texts.is_empty() {
                texts.retain(|text| plausible(parts, text));
                if texts.is_empty() {
                    return None;
                }
                claims.push((parts, texts));
            }
        }
        let mut reader =
            Reader { template: self, regexes: vec![None; self.segments.len()], bound: vec![None; self.segments.len()], steps: 0 };
        // the claims with the fewest segments leave the least to try
        claims.sort_by_key(|(parts, _)| parts.iter().filter(|p| matches!(p, ClaimPart::Segment(_))).count());
        reader.claims(&claims).then(|| {
            let bound = self.segments.iter().zip(reader.bound);
            bound.filter_map(|(s, value)| value.map(|v| (s.name.clone(), v))).collect()
        })
    }

    /// The token with the claims that it does not have filled in from this template; none when the claims that it
    /// has are not of this template. Its own claims stay as they are.
    #[must_use]
    pub fn complete(&self, token: &Token) -> Option<Token> {
        let mut full = self.instantiate(&self.bind(token)?);
        full.claims.extend(token.claims.clone());
        Some(full)
    }

    fn join(&self, parts: &[ClaimPart], value: impl Fn(&Segment) -> String) -> String {
        let piece = |part: &ClaimPart| match part {
            ClaimPart::Literal(text) => text.clone(),
            ClaimPart::Segment(index) => self.segments.get(*index).map(&value).unwrap_or_default(),
        };
        parts.iter().map(piece).collect()
    }
}

/// The name under which a template lists a member of an object claim.
#[must_use]
pub fn pointer(path: &[&str]) -> String {
    path.iter().map(|p| format!("/{}", p.replace('~', "~0").replace('/', "~1"))).collect()
}

/// The claim that a template's name belongs to: itself, or the object that a pointer leads into.
#[must_use]
pub fn root(name: &str) -> String {
    steps(name).and_then(|path| path.into_iter().next()).unwrap_or_else(|| name.to_owned())
}

fn steps(pointer: &str) -> Option<Vec<String>> {
    let path = pointer.strip_prefix('/')?;
    Some(path.split('/').map(|p| p.replace("~1", "/").replace("~0", "~")).collect())
}

fn set(token: &mut Token, name: &str, value: String) {
    let Some(path) = steps(name) else {
        token.set(name, value);
        return;
    };
    let Some((claim, members)) = path.split_first() else { return };
    let root = token.claims.entry(claim.clone()).or_insert_with(|| Claim::Json(serde_json::Value::Object(serde_json::Map::new())));
    let Claim::Json(json) = root else { return };
    let mut place = json;
    for member in members {
        if !place.is_object() {
            *place = serde_json::Value::Object(serde_json::Map::new());
        }
        let serde_json::Value::Object(map) = place else { return };
        place = map.entry(member.clone()).or_insert(serde_json::Value::Null);
    }
    *place = serde_json::Value::String(value);
}

/// The strings that a claim can be read as: several for a list, none for an absent claim.
fn found(token: &Token, name: &str) -> Vec<String> {
    let json = |value: &serde_json::Value| match value {
        serde_json::Value::String(s) => vec![s.clone()],
        serde_json::Value::Number(n) => vec![n.to_string()],
        serde_json::Value::Bool(b) => vec![b.to_string()],
        _ => Vec::new(),
    };
    if let Some(path) = steps(name) {
        let Some((claim, members)) = path.split_first() else { return Vec::new() };
        let Some(Claim::Json(root)) = token.claims.get(claim) else { return Vec::new() };
        return members.iter().try_fold(root, |place, member| place.get(member)).map(json).unwrap_or_default();
    }
    match token.claims.get(name) {
        None => Vec::new(),
        Some(Claim::String(s)) => vec![s.clone()],
        Some(Claim::List(items)) => items.clone(),
        Some(Claim::Json(value)) => json(value),
        Some(Claim::Open { .. }) => Vec::new(),
    }
}

/// Whether the literals at both ends fit: most templates fall here, before an alphabet is compiled.
fn plausible(parts: &[ClaimPart], text: &str) -> bool {
    let literal = |part: Option<&ClaimPart>| match part {
        Some(ClaimPart::Literal(text)) => text.clone(),
        _ => String::new(),
    };
    let constant = parts.iter().all(|p| matches!(p, ClaimPart::Literal(_)));
    let (head, tail) = (literal(parts.first()), literal(parts.last()));
    if constant {
        text == parts.iter().map(|p| literal(Some(p))).collect::<String>()
    } else {
        text.starts_with(&head) && text.ends_with(&tail)
    }
}

/// Reads claims with backtracking: the values of segments that are bound are literals for the claims after.
struct Reader<'a> {
    template: &'a Template,
    /// The alphabets, compiled when they are needed.
    regexes: Vec<Option<Regex>>,
    bound: Vec<Option<String>>,
    steps: usize,
}

impl Reader<'_> {
    fn claims(&mut self, rest: &[(&[ClaimPart], Vec<String>)]) -> bool {
        let Some(((parts, texts), after)) = rest.split_first() else { return true };
        texts.iter().filter(|t| t.len() <= MAX_CLAIM).any(|text| self.parts(parts, text, after))
    }

    fn parts(&mut self, parts: &[ClaimPart], text: &str, after: &[(&[ClaimPart], Vec<String>)]) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return false;
        }
        let Some((part, more)) = parts.split_first() else { return text.is_empty() && self.claims(after) };
        let index = match part {
            ClaimPart::Literal(literal) => return text.strip_prefix(literal.as_str()).is_some_and(|rest| self.parts(more, rest, after)),
            ClaimPart::Segment(index) => *index,
        };
        if let Some(Some(value)) = self.bound.get(index).cloned() {
            return text.strip_prefix(value.as_str()).is_some_and(|rest| self.parts(more, rest, after));
        }
        if more.is_empty() {
            return self.segment(index, text, more, "", after);
        }
        let stops = match more.first() {
            // only where the literal after the segment starts
            Some(ClaimPart::Literal(next)) => text.match_indices(next.as_str()).map(|(at, _)| at).collect::<Vec<_>>(),
            _ => text.char_indices().map(|(at, _)| at).chain([text.len()]).collect(),
        };
        stops.into_iter().any(|at| text.split_at_checked(at).is_some_and(|(value, rest)| self.segment(index, value, more, rest, after)))
    }

    fn segment(&mut self, index: usize, value: &str, more: &[ClaimPart], rest: &str, after: &[(&[ClaimPart], Vec<String>)]) -> bool {
        self.steps += 1;
        if self.steps > MAX_STEPS || !self.fits(index, value) {
            return false;
        }
        if let Some(slot) = self.bound.get_mut(index) {
            *slot = Some(value.to_owned());
        }
        if self.parts(more, rest, after) {
            return true;
        }
        if let Some(slot) = self.bound.get_mut(index) {
            *slot = None;
        }
        false
    }

    fn fits(&mut self, index: usize, value: &str) -> bool {
        let (Some(slot), Some(segment)) = (self.regexes.get_mut(index), self.template.segments.get(index)) else { return false };
        if slot.is_none() {
            *slot = Regex::new(&format!("^(?:{})$", segment.alphabet)).ok();
        }
        slot.as_ref().is_some_and(|r| r.is_match(value))
    }
}
