//! Readable strings for segments: the registry's samples and what the policy itself spells out.

use super::compile::{Leaf, each_leaf};
use super::machine::Machine;
use super::resolve::Prepared;
use crate::admission::search::Compiled;
use crate::language::{Dfa, Language};
use std::sync::Arc;

/// Most words of the policy that are tried per segment.
const MAX_WORDS: usize = 16;
/// What is put behind a word to make it a stranger's.
const STRANGER: &str = "-evil";

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

fn strings(alphabet: &Language, samples: Vec<String>, leaves: &[Arc<Leaf>]) -> Vec<String> {
    let mut out = samples;
    let first = out.first().cloned().unwrap_or_default();
    let mut found: Vec<&str> = Vec::new();
    let words = leaves.iter().flat_map(|leaf| &leaf.words);
    for word in words.flat_map(|text| text.split(|c: char| !alphabet.0.uses(c))).filter(|w| !w.is_empty()) {
        if found.len() >= MAX_WORDS {
            break;
        }
        if !found.contains(&word) {
            found.push(word);
        }
    }
    // `pr-` becomes `pr-evil`: one dash is enough.
    let behind = |w: &str| format!("{}{STRANGER}", w.strip_suffix('-').unwrap_or(w));
    let stranger = |w: &&str| [behind(w), format!("{first}{w}"), format!("{first}-{w}")];
    let all = found.iter().map(|w| (*w).to_owned()).chain(found.iter().flat_map(stranger));
    for candidate in all {
        if alphabet.contains(&candidate) && !out.contains(&candidate) {
            out.push(candidate);
        }
    }
    out
}
