//! One command with its arguments.

use crate::partial::{Text, cut};
use crate::place::Span;

/// One argument after expansion.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) text: Text,
    /// An unknown that is not quoted: it may be no word or several.
    pub(super) open: bool,
}

impl Field {
    pub(super) fn new(text: Text) -> Self {
        Self { text, open: false }
    }

    pub(super) fn open(text: Text) -> Self {
        Self { text, open: true }
    }

    pub(super) fn known(&self) -> Option<String> {
        self.text.as_known()
    }
}

/// The words with spaces between them, as `eval` and `$*` put them together.
pub(super) fn spaced(fields: &[Field]) -> Text {
    let mut out = Text::default();
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.push(&Text::known(" "));
        }
        out.push(&field.text);
    }
    out
}

/// A command that is run.
#[derive(Debug, Clone)]
pub(super) struct Call {
    /// The file that it stands in.
    pub(super) path: String,
    /// Name and arguments.
    pub(super) fields: Vec<Field>,
    /// Where.
    pub(super) span: Option<Span>,
    /// It may not run.
    pub(super) conditional: bool,
    /// What it is given to read.
    pub(super) input: Option<Text>,
}

/// The flags of a command and what is none.
#[derive(Debug, Default)]
pub(super) struct Arguments {
    /// Words that are neither flags nor values of flags.
    pub(super) positional: Vec<Text>,
    /// Flags without their dashes, with their values in order.
    pub(super) flags: Vec<(String, Vec<Text>)>,
    /// There may be more flags than these.
    pub(super) open: bool,
    /// Unknowns without quotes that stand where no flag waits for a value.
    loose: Vec<Text>,
}

/// How a program writes its flags.
#[derive(Clone, Copy)]
pub(super) struct Grammar {
    /// Flags that take no value.
    pub(super) switches: &'static [&'static str],
    /// Whether a flag takes all words up to the next flag.
    pub(super) several: bool,
    /// Short flags and what they mean.
    pub(super) short: &'static [(&'static str, &'static str)],
}

impl Arguments {
    /// Reads the words behind the name of a command.
    pub(super) fn read(fields: &[Field], grammar: Grammar) -> Self {
        let mut out = Self::default();
        let mut fields = fields.iter().peekable();
        while let Some(field) = fields.next() {
            if field.open {
                out.open = true;
                out.loose.push(field.text.clone());
                continue;
            }
            let flat = cut::flat(&field.text);
            let dashes = flat.len() - flat.trim_start_matches('-').len();
            if dashes == 0 || flat.len() == dashes {
                out.positional.push(field.text.clone());
                continue;
            }
            let (name, attached) = match cut::split_once(&field.text, "=") {
                Some((name, value)) => (cut::flat(&name), Some(value)),
                None => (flat, None),
            };
            let bare = name.trim_start_matches('-');
            let name = grammar.short.iter().find(|(short, _)| name == *short).map_or(bare, |(_, long)| long).to_owned();
            let mut values: Vec<Text> = attached.into_iter().collect();
            let switch = grammar.switches.contains(&name.as_str()) || name.starts_with("no-");
            if values.is_empty() && !switch {
                while let Some(next) = fields.peek().filter(|f| !cut::flat(&f.text).starts_with("--")) {
                    // A flag that waits for a value takes the word: without one the command fails.
                    if next.open && !values.is_empty() {
                        break;
                    }
                    values.push(next.text.clone());
                    fields.next();
                    if !grammar.several {
                        break;
                    }
                }
            }
            out.add(name, values);
        }
        out
    }

    /// The one unknown without quotes as the operand that the command cannot do without; false when there is not one.
    pub(super) fn take_operand(&mut self) -> bool {
        let [operand] = self.loose.as_slice() else { return false };
        self.positional.push(operand.clone());
        self.loose.clear();
        self.open = false;
        true
    }

    pub(super) fn add(&mut self, name: String, values: Vec<Text>) {
        self.flags.push((name, values));
    }

    /// Whether a flag is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|(flag, _)| flag == name)
    }

    /// The value of a flag; the last counts.
    pub(super) fn flag(&self, name: &str) -> Option<&Text> {
        self.flags.iter().rev().find(|(flag, _)| flag == name).and_then(|(_, values)| values.first())
    }

    /// All values of a flag, however often it is written.
    pub(super) fn all(&self, name: &str) -> Vec<Text> {
        self.flags.iter().filter(|(flag, _)| flag == name).flat_map(|(_, values)| values.clone()).collect()
    }
}
