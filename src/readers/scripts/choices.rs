//! Variables that a condition sets to one of two values, and the commands that come of it.

use super::call::Field;
use crate::partial::{Part, Text, cut};
use std::collections::BTreeMap;

/// Most unknowns whose values are kept.
pub(super) const MAX_CHOICES: usize = 64;
/// Most ways in which one command is read.
const MAX_WAYS: usize = 8;

/// The two values of a variable, and the condition that picks one: what one condition sets is picked together.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) condition: String,
    pub(super) values: [Text; 2],
}

/// The ways in which a command may run: none when no condition decides what stands in it, or too many do.
pub(super) fn ways(fields: &[Field], choices: &BTreeMap<String, Choice>) -> Vec<Vec<Field>> {
    let mut open: Vec<(BTreeMap<&str, usize>, Vec<Field>)> = vec![(BTreeMap::new(), fields.to_vec())];
    let mut done: Vec<Vec<Field>> = Vec::new();
    while let Some((picked, fields)) = open.pop() {
        let Some((key, choice)) = first(&fields, choices) else {
            if !picked.is_empty() && !done.iter().any(|d| same(d, &fields)) {
                done.push(fields);
            }
            continue;
        };
        // The last one is looked at next: in the order of the script.
        for (at, value) in choice.values.iter().enumerate().rev() {
            if cut::is_empty(value) && !may_be_empty(&fields, key) {
                continue;
            }
            if picked.get(&*choice.condition).is_none_or(|before| *before == at) {
                let mut picked = picked.clone();
                picked.insert(&choice.condition, at);
                open.push((picked, fields.iter().map(|f| filled(f, key, value)).collect()));
            }
        }
        if open.len() + done.len() > MAX_WAYS {
            return Vec::new();
        }
    }
    done
}

/// Flags that mean something with an empty text: no condition.
const OPTIONAL: [&str; 2] = ["--attribute-condition", "--condition"];

/// Whether the command makes sense where this unknown is empty: it is a word of its own that vanishes, or all of such a flag.
/// Anywhere else an empty text is what a variable is set to before the script fills it.
fn may_be_empty(fields: &[Field], key: &str) -> bool {
    let mut before: Option<&Field> = None;
    for field in fields {
        if field.text.atoms().any(|atom| atom.key() == key) {
            let (name, text) = match cut::split_once(&field.text, "=") {
                Some((name, text)) => (name.as_known(), text),
                None => (before.and_then(Field::known), field.text.clone()),
            };
            let optional = name.is_some_and(|name| OPTIONAL.contains(&name.as_str()));
            if cut::only_atom(&text).is_none() || !(field.open || optional) {
                return false;
            }
        }
        before = Some(field);
    }
    true
}

fn first<'c>(fields: &[Field], choices: &'c BTreeMap<String, Choice>) -> Option<(&'c str, &'c Choice)> {
    let mut atoms = fields.iter().flat_map(|f| f.text.atoms());
    atoms.find_map(|atom| choices.get_key_value(atom.key())).map(|(key, choice)| (key.as_str(), choice))
}

fn filled(field: &Field, key: &str, value: &Text) -> Field {
    let mut text = Text::default();
    let mut any = false;
    for part in &field.text.parts {
        match part {
            Part::Hole { atom, .. } if atom.key() == key => {
                any = true;
                text.push(value);
            }
            other => text.parts.push(other.clone()),
        }
    }
    let open = field.open && (!any || !text.is_known());
    Field { text, open }
}

fn same(a: &[Field], b: &[Field]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.text.same(&b.text))
}
