//! All names but some: an expression for the names of an issuer's grammar that are none of these words.
//!
//! A name is `first (joint? then)*`, with a `suffix` where there is one; with a `lead` it is a path of such names, each after
//! the lead. The expression is a tree of the words' letters: it leaves the tree with a letter that no word has there, or
//! stops where no word stops.

use super::schema::Name;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Longer words are not told apart from others: the expression nests once for each letter.
const MAX_WORD: usize = 64;

/// Why there is no expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A word is too long or not of the grammar: nothing is excluded.
    NotTold,
}

/// Where in a name the tree stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a first letter.
    Start,
    /// After a letter.
    Inside,
    /// After a joint.
    Joint,
    /// Before the first lead.
    Lead,
}

/// The names that are none of `words`; none when there is no other.
pub(super) fn complement(name: &Name, words: &BTreeSet<&str>) -> Result<Option<String>, Failure> {
    if words.iter().any(|w| w.chars().count() > MAX_WORD) {
        return Err(Failure::NotTold);
    }
    let class = |text: &str| Regex::new(&format!("^[{text}]$")).map_err(|_| Failure::NotTold);
    let grammar = Grammar { name, first: class(&name.first)?, then: class(&name.then)? };
    let words: BTreeSet<Vec<char>> = words.iter().map(|w| w.chars().collect()).collect();
    let start = if name.lead.is_some() { State::Lead } else { State::Start };
    let ways = grammar.ways(start, 0, &words)?;
    Ok((!ways.is_empty()).then(|| either(&ways)))
}

struct Grammar<'a> {
    name: &'a Name,
    first: Regex,
    then: Regex,
}

impl Grammar<'_> {
    /// The ways to go on from a place of the tree; each of `words` agrees up to it.
    fn ways(&self, state: State, at: usize, words: &BTreeSet<Vec<char>>) -> Result<Vec<String>, Failure> {
        let mut branches: BTreeMap<char, BTreeSet<Vec<char>>> = BTreeMap::new();
        let mut taken = false;
        for word in words {
            match word.get(at) {
                Some(c) => {
                    branches.entry(*c).or_default().insert(word.clone());
                }
                None => taken = true,
            }
        }
        let letters: Vec<char> = branches.keys().copied().collect();
        let mut out = self.leaving(state, &letters);
        if !taken && matches!(state, State::Inside | State::Lead) {
            out.push(String::new());
        }
        for (c, words) in &branches {
            let next = self.step(state, *c).ok_or(Failure::NotTold)?;
            let ways = self.ways(next, at + 1, words)?;
            if !ways.is_empty() {
                out.push(format!("{}{}", regex::escape(&c.to_string()), either(&ways)));
            }
        }
        Ok(out)
    }

    /// The ways that begin with another letter than these.
    fn leaving(&self, state: State, letters: &[char]) -> Vec<String> {
        let free = |text: &Option<String>| text.clone().filter(|t| !letters.iter().any(|c| t.starts_with(*c)));
        let but = |class: &str| match letters {
            [] => format!("[{class}]"),
            _ => format!("[{class}&&[^{}]]", letters.iter().map(|c| class_escape(*c)).collect::<String>()),
        };
        let (first, then, rest) = (&self.name.first, &self.name.then, self.rest());
        let lead = free(&self.name.lead).map(|lead| format!("{}[{first}]{rest}", regex::escape(&lead)));
        match state {
            State::Start => vec![format!("{}{rest}", but(first))],
            State::Joint => vec![format!("{}{rest}", but(then))],
            State::Lead => lead.into_iter().collect(),
            State::Inside => {
                let mut out = vec![format!("{}{rest}", but(then))];
                out.extend(free(&self.name.joint).map(|joint| format!("{}[{then}]{rest}", regex::escape(&joint))));
                out.extend(lead);
                out.extend(free(&self.name.suffix));
                out
            }
        }
    }

    /// What may follow a letter.
    fn rest(&self) -> String {
        let optional = |text: &Option<String>| text.as_ref().map(|t| format!("(?:{t})?")).unwrap_or_default();
        let joint = self.name.joint.as_ref().map(|j| format!("(?:{})?", regex::escape(j))).unwrap_or_default();
        let body = format!("(?:{joint}[{}])*", self.name.then);
        let path = self.name.lead.as_ref().map(|lead| format!("(?:{}[{}]{body})*", regex::escape(lead), self.name.first));
        format!("{body}{}{}", optional(&self.name.suffix), path.unwrap_or_default())
    }

    fn step(&self, state: State, c: char) -> Option<State> {
        let is = |class: &Regex| class.is_match(c.encode_utf8(&mut [0; 4]));
        let begins = |text: &Option<String>| text.as_ref().is_some_and(|t| t.starts_with(c));
        match state {
            State::Lead => begins(&self.name.lead).then_some(State::Start),
            State::Start => is(&self.first).then_some(State::Inside),
            State::Joint => is(&self.then).then_some(State::Inside),
            State::Inside if begins(&self.name.joint) => Some(State::Joint),
            State::Inside if begins(&self.name.lead) => Some(State::Start),
            State::Inside => is(&self.then).then_some(State::Inside),
        }
    }
}

fn either(ways: &[String]) -> String {
    format!("(?:{})", ways.join("|"))
}

fn class_escape(c: char) -> String {
    if c.is_alphanumeric() { c.to_string() } else { format!("\\{c}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(joint: Option<&str>, suffix: Option<&str>, lead: Option<&str>) -> Name {
        let own = |t: Option<&str>| t.map(str::to_owned);
        Name { first: "ab".into(), then: "ab".into(), joint: own(joint), suffix: own(suffix), lead: own(lead) }
    }

    proptest! {
        /// The expression takes exactly the names of the grammar that are none of the words.
        #[test]
        fn it_is_the_rest_of_the_grammar(
            words in prop::collection::btree_set("[ab](-?[ab]){0,3}", 1..4),
            text in "[ab/_-]{0,5}",
            shape in 0..3,
        ) {
            let (name, grammar) = match shape {
                0 => (name(Some("-"), None, None), "[ab](?:-?[ab])*"),
                1 => (name(Some("-"), Some("_[ab]{1,2}"), None), "[ab](?:-?[ab])*(?:_[ab]{1,2})?"),
                _ => (name(Some("-"), None, Some("/")), "(?:/[ab](?:-?[ab])*)*"),
            };
            let words: BTreeSet<String> = if shape == 2 { words.iter().map(|w| format!("/{w}")).collect() } else { words };
            let words: BTreeSet<&str> = words.iter().map(String::as_str).collect();
            let is = |pattern: &str| Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(&text);
            let other = complement(&name, &words).unwrap().unwrap();
            prop_assert_eq!(is(&other), is(grammar) && !words.contains(text.as_str()), "{}", other);
        }
    }

    #[test]
    fn a_word_of_another_grammar_excludes_nothing() {
        assert_eq!(complement(&name(None, None, None), &BTreeSet::from(["c"])), Err(Failure::NotTold));
        assert_eq!(complement(&name(None, None, None), &BTreeSet::from(["a".repeat(65).as_str()])), Err(Failure::NotTold));
    }
}
