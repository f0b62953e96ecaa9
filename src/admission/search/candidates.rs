//! Readable strings for segments: the registry's samples and what the policy itself spells out.

use super::compile::{Leaf, each_leaf};
use super::machine::Machine;
use super::resolve::Prepared;
use crate::admission::search::Compiled;
use crate::language::{Dfa, Language};
use std::sync::Arc;

/// Most words of the policy that are tried per segment.
const MAX_WORDS: usize = 16;
/// Most words of the policy that are looked at for a segment.
const MAX_LOOKED: usize = 256;
/// Most folders that are taken off a path.
const MAX_TAILS: usize = 4;
/// What is put behind a word to make it a stranger's.
pub(super) const STRANGER: &str = "-evil";

/// The readable strings found so far in one search, by alphabet and samples: templates repeat their segments.
#[derive(Debug, Default)]
pub(super) struct Readable {
    leaves: Option<Vec<Arc<Leaf>>>,
    known: Vec<(Arc<Dfa>, Vec<String>, Vec<String>)>,
}

/// The candidates of each segment that is looked at, the most wanted first; `extra` comes last.
pub(super) fn candidates(
    machine: &Machine<'_>,
    formula: &Compiled,
    extra: Option<&[Option<String>]>,
    readable: &mut Readable,
) -> Vec<Vec<String>> {
    let looked: Vec<usize> = machine.segments().collect();
    (0..machine.prepared.template.segments.len())
        .map(|i| {
            let mut all = if looked.contains(&i) { readable.for_segment(machine.prepared, i, formula) } else { Vec::new() };
            all.extend(extra.and_then(|e| e.get(i).cloned().flatten()));
            all
        })
        .collect()
}

impl Readable {
    fn for_segment(&mut self, prepared: &Prepared, segment: usize, formula: &Compiled) -> Vec<String> {
        let Ok(alphabet) = prepared.alphabet(segment) else { return Vec::new() };
        let samples = prepared.template.segments.get(segment).map_or(&[][..], |s| s.samples.as_slice());
        if let Some((_, _, all)) = self.known.iter().find(|(a, s, _)| Arc::ptr_eq(a, &alphabet.0) && s == samples) {
            return all.clone();
        }
        let leaves = self.leaves.get_or_insert_with(|| {
            let mut leaves = Vec::new();
            each_leaf(&formula.root, &mut |leaf: &Arc<Leaf>| leaves.push(Arc::clone(leaf)));
            leaves
        });
        let all = strings(&alphabet, prepared.samples(segment), leaves);
        self.known.push((Arc::clone(&alphabet.0), samples.to_vec(), all.clone()));
        all
    }
}

/// The pieces of a text that an alphabet spells, where they begin and end with a word: a piece of a name is no name.
fn whole_words<'t>(text: &'t str, alphabet: &Dfa) -> Vec<&'t str> {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let mut out = Vec::new();
    let mut at = 0;
    for piece in text.split(|c: char| !alphabet.uses(c)) {
        let (before, after) = (text.get(..at), text.get(at + piece.len()..));
        let cut_before = letter(piece.chars().next()) && letter(before.and_then(|t| t.chars().next_back()));
        let next = after.and_then(|t| t.chars().next());
        let cut_behind = letter(piece.chars().next_back()) && letter(next);
        if !piece.is_empty() && !cut_before && !cut_behind {
            out.push(piece);
        }
        at += piece.len() + next.map_or(0, char::len_utf8);
    }
    out
}

/// A path, and what remains of it without its first folders: `refs/tags/v1.`, `tags/v1.`, `v1.`.
fn with_tails(path: &str) -> impl Iterator<Item = &str> {
    let tails = path.match_indices('/').take(MAX_TAILS).filter_map(|(at, _)| path.get(at + 1..));
    std::iter::once(path).chain(tails.filter(|tail| !tail.is_empty()))
}

/// A word with something behind it: `pr` and `pr-` become `pr-evil`, `v1.` becomes `v1.evil`.
fn behind(word: &str) -> String {
    let own = STRANGER.trim_start_matches('-');
    if word.ends_with(['-', '.', '_', '/']) { format!("{word}{own}") } else { format!("{word}{STRANGER}") }
}

fn strings(alphabet: &Language, samples: Vec<String>, leaves: &[Arc<Leaf>]) -> Vec<String> {
    let mut out = samples;
    let first = out.first().cloned().unwrap_or_default();
    let mut looked: Vec<&str> = Vec::new();
    let mut found: Vec<Option<String>> = Vec::new();
    let mut strangers: Vec<String> = Vec::new();
    let words = leaves.iter().flat_map(|leaf| &leaf.words);
    for word in words.flat_map(|text| whole_words(text, &alphabet.0)).flat_map(with_tails) {
        if found.len() >= MAX_WORDS || looked.len() >= MAX_LOOKED {
            break;
        }
        if looked.contains(&word) {
            continue;
        }
        looked.push(word);
        let own = alphabet.contains(word).then(|| word.to_owned());
        let made = [behind(word), format!("{first}{word}"), format!("{first}-{word}")].into_iter().filter(|w| alphabet.contains(w));
        let before = strangers.len();
        strangers.extend(made);
        // A word that is no string of the segment, nor makes one, is none of its words.
        if own.is_some() || strangers.len() > before {
            found.push(own);
        }
    }
    for candidate in found.into_iter().flatten().chain(strangers) {
        if !out.contains(&candidate) {
            out.push(candidate);
        }
    }
    out
}
