//! Readable strings for segments: the registry's samples and what the policy itself spells out.

use super::compile::{Leaf, each_leaf};
use super::machine::Machine;
use super::resolve::{Piece, Prepared};
use crate::admission::search::Compiled;
use std::sync::Arc;

/// Most words of the policy that are tried per segment.
const MAX_WORDS: usize = 16;
/// What is put behind a word to make it a stranger's.
const STRANGER: &str = "-evil";

/// The candidates of each segment, the most wanted first; `extra` comes last.
pub(super) fn candidates(machine: &Machine<'_>, formula: &Compiled, extra: Option<&[Option<String>]>) -> Vec<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    each_leaf(&formula.root, &mut |leaf: &Arc<Leaf>| words.extend(leaf.words.iter().cloned()));
    (0..machine.prepared.template.segments.len())
        .map(|i| {
            let mut all = for_segment(machine.prepared, i, &words);
            all.extend(extra.and_then(|e| e.get(i).cloned().flatten()));
            all
        })
        .collect()
}

fn for_segment(prepared: &Prepared, segment: usize, words: &[String]) -> Vec<String> {
    let Ok(alphabet) = prepared.alphabet(segment) else { return Vec::new() };
    let mut out = prepared.samples(segment);
    let first = out.first().cloned().unwrap_or_default();
    let mut found: Vec<&str> = Vec::new();
    for text in words {
        for word in text.split(|c: char| !alphabet.0.uses(c)).filter(|w| !w.is_empty()) {
            if found.len() < MAX_WORDS && !found.contains(&word) {
                found.push(word);
            }
        }
    }
    let stranger = |w: &&str| [format!("{w}{STRANGER}"), format!("{first}{w}"), format!("{first}-{w}")];
    let all = found.iter().map(|w| (*w).to_owned()).chain(found.iter().flat_map(stranger));
    for candidate in all {
        if alphabet.contains(&candidate) && !out.contains(&candidate) {
            out.push(candidate);
        }
    }
    out
}

/// The string that the pieces are with each segment's samples, one string per round of samples.
pub(super) fn rendered_samples(pieces: &[Piece], prepared: &Prepared) -> Vec<String> {
    const ROUNDS: usize = 4;
    (0..ROUNDS)
        .filter_map(|round| {
            pieces
                .iter()
                .map(|p| match p {
                    Piece::Literal(text) => Some(text.clone()),
                    Piece::Segment(i) => {
                        let samples = prepared.samples(*i);
                        samples.get(round).or_else(|| samples.last()).cloned()
                    }
                })
                .collect::<Option<String>>()
        })
        .collect()
}
