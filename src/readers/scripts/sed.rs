//! `sed`, as far as scripts fill templates with it: `s/WORD/VALUE/g`
//! (<https://www.gnu.org/software/sed/manual/sed.html#The-_0022s_0022-Command>).

use super::call::Field;
use super::machine::Machine;
use crate::partial::{Text, cut};
use crate::syntax::shell::ast::Command;

/// Most replacements in one text.
const MAX_REPLACED: usize = 1024;

/// One `s` command whose pattern is plain characters.
struct Substitution {
    pattern: String,
    by: Text,
    everywhere: bool,
}

impl Machine<'_> {
    /// What it prints; none when it does more than replace words.
    pub(super) fn sed(&mut self, arguments: &[Field], command: &Command, input: Option<&Text>) -> Option<Text> {
        let (mut scripts, mut files, mut in_place) = (Vec::new(), Vec::new(), false);
        let mut fields = arguments.iter();
        while let Some(field) = fields.next() {
            match field.known().as_deref() {
                Some("-e" | "--expression") => scripts.push(fields.next()?.text.clone()),
                Some("-E" | "-r" | "-s") => {}
                Some(flag) if flag == "-i" || flag.starts_with("-i.") || flag.starts_with("--in-place") => in_place = true,
                // The suffix of BSD's `-i ''`.
                Some("") if in_place => {}
                Some(flag) if flag.starts_with('-') && flag.len() > 1 => return None,
                _ if scripts.is_empty() => scripts.push(field.text.clone()),
                _ => files.push(field.text.clone()),
            }
        }
        let mut all = Vec::new();
        for script in &scripts {
            all.extend(substitutions(script)?);
        }
        if in_place {
            for path in &files {
                let text = self.content(path).unwrap_or_else(|| self.unread(path, &command.range));
                self.state.write(path, &replaced(text, &all), false);
            }
            return Some(Text::default());
        }
        let mut text = Text::default();
        if files.is_empty() {
            text = input.cloned()?;
        }
        for path in &files {
            text.push(&self.content(path).unwrap_or_else(|| self.unread(path, &command.range)));
        }
        Some(replaced(text, &all))
    }
}

fn replaced(text: Text, all: &[Substitution]) -> Text {
    all.iter().fold(text, |text, one| substituted(&text, one))
}

fn substituted(text: &Text, one: &Substitution) -> Text {
    let (mut out, mut rest) = (Text::default(), text.clone());
    for _ in 0..MAX_REPLACED {
        let Some((before, after)) = cut::split_once(&rest, &one.pattern) else { break };
        out.push(&before);
        out.push(&one.by);
        rest = after;
        if !one.everywhere {
            // The first of each line.
            let Some((line, following)) = cut::split_once(&rest, "\n") else { break };
            out.push(&line);
            out.push(&Text::known("\n"));
            rest = following;
        }
    }
    out.push(&rest);
    out
}

/// The commands of a script; none when one of them is no plain replacement.
fn substitutions(script: &Text) -> Option<Vec<Substitution>> {
    let mut out = Vec::new();
    let mut rest = script.clone();
    loop {
        let flat = cut::flat(&rest);
        let start = flat.len() - flat.trim_start_matches(|c: char| c == ';' || c.is_whitespace()).len();
        if start == flat.len() {
            return Some(out);
        }
        let inner = flat.get(start..)?.strip_prefix('s')?;
        let delimiter = inner.chars().next().filter(|c| !c.is_alphanumeric() && *c != '\\')?;
        let first = start + 1 + delimiter.len_utf8();
        let second = ends(&flat, first, delimiter)?;
        let third = ends(&flat, second + delimiter.len_utf8(), delimiter)?;
        let pattern = plain(flat.get(first..second)?, delimiter)?;
        let by = cut::slice(&rest, second + delimiter.len_utf8()..third);
        if cut::flat(&by).contains(['&', '\\']) {
            return None;
        }
        let behind = third + delimiter.len_utf8();
        let flags = flat.get(behind..)?.find([';', '\n']).map_or(flat.len(), |at| behind + at);
        let everywhere = match flat.get(behind..flags)?.trim() {
            "g" => true,
            "" => false,
            _ => return None,
        };
        out.push(Substitution { pattern, by, everywhere });
        rest = cut::slice(&rest, flags..flat.len());
    }
}

/// Where the next delimiter is that no backslash stands before.
fn ends(flat: &str, from: usize, delimiter: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in flat.get(from..)?.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == delimiter => return Some(from + at),
            _ => {}
        }
    }
    None
}

/// The characters that a pattern stands for, when it is no more than characters.
fn plain(pattern: &str, delimiter: char) -> Option<String> {
    let mut out = String::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                let next = characters.next()?;
                if next != delimiter && next.is_ascii_alphanumeric() {
                    return None;
                }
                out.push(next);
            }
            '*' | '[' | ']' | '^' | '+' | '?' | '(' | ')' | '|' | cut::HOLE if c != delimiter => return None,
            c => out.push(c),
        }
    }
    (!out.is_empty()).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(script: &str, text: &str) -> Option<String> {
        Some(replaced(Text::known(text), &substitutions(&Text::known(script))?).to_string())
    }

    #[test]
    fn words_are_replaced_and_patterns_are_not_followed() {
        assert_eq!(run("s/__A__/x/g", "__A__ __A__").as_deref(), Some("x x"));
        assert_eq!(run("s|A|x|", "A A\nA").as_deref(), Some("x A\nx"));
        assert_eq!(run("s#a/b#c#g; s/d/e/", "a/b d").as_deref(), Some("c e"));
        assert_eq!(run("s/\\${X}/y/g", "${X}").as_deref(), Some("y"));
        assert_eq!(run("s/https:\\/\\///", "https://x").as_deref(), Some("x"));
        for script in ["s/^x/y/", "s/a.*b/c/", "s/a/[&]/", "/x/d", "s/a/b/p", "y/a/b/", "s/a", "s/a/b/gq"] {
            assert_eq!(run(script, "axb"), None, "{script}");
        }
        assert_eq!(run("", "a").as_deref(), Some("a"));
    }
}
