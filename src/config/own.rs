//! The folder of rules of the user's own (`custom-rules`).

use super::{ConfigError, shown};
use crate::catalogue::{Fault, MAX_OWN, OwnRules, Rule, read_own};
use crate::source::held::Held;
use crate::source::regular;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Most bytes of one file.
const MAX_FILE: u64 = 256 << 10;
/// Most names in the folder that are looked at.
const MAX_NAMES: usize = 10_000;

/// The rules of a folder.
pub(super) fn rules(folder: &Path, held: Held<'_>) -> Result<OwnRules, ConfigError> {
    let mut out = OwnRules::default();
    for file in files(folder, held)? {
        let path = shown(&file);
        let text = held.text(&file, MAX_FILE).map_err(|why| ConfigError::Read { path: path.clone(), why })?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let rule = read_own(&path, &stem, &text).map_err(|fault| refused(held.is_plain(&file), &path, &text, &fault))?;
        out.add(rule).map_err(|fault| refused(held.is_plain(&file), &path, &text, &fault))?;
    }
    Ok(out)
}

fn files(folder: &Path, held: Held<'_>) -> Result<Vec<PathBuf>, ConfigError> {
    let wrong = |why: String| ConfigError::Read { path: shown(folder), why: format!("the folder of `custom-rules`: {why}") };
    let names = held.names(folder).map_err(wrong)?;
    let names = names.into_iter().take(MAX_NAMES).map(|name| folder.join(name));
    // a page about the rules is none
    let mut files: Vec<PathBuf> =
        names.filter(|path| path.extension().is_some_and(|e| e == "md") && path.file_stem().is_some_and(|stem| stem != "README")).collect();
    files.sort();
    if files.len() > MAX_OWN {
        return Err(wrong(format!("more than {MAX_OWN} rules")));
    }
    Ok(files)
}

/// The fault with its line; nothing is shown of a file that only a link leads to.
fn refused(plain: bool, path: &str, text: &str, fault: &Fault) -> ConfigError {
    let message =
        if plain { snippet(text, fault) } else { "what the link leads to is no rule (a file that is linked to is not shown)".to_owned() };
    ConfigError::Rule { path: path.to_owned(), message }
}

impl ConfigError {
    /// What is wrong with a rule whose file was read.
    #[must_use]
    pub fn of_rule(rule: &Rule, message: String, at: Option<Range<usize>>) -> Self {
        let (path, text) = rule.file.as_ref().map(|(path, text)| (path.clone(), text.as_str())).unwrap_or_default();
        let plain = regular::is_plain(Path::new(&path));
        let at = at.filter(|_| plain);
        Self::Rule { path, message: snippet(text, &Fault { message, at }) }
    }
}

/// The message, and below it the line with a mark under the place.
fn snippet(text: &str, fault: &Fault) -> String {
    /// Longest line that is shown.
    const MAX_SHOWN: usize = 200;
    let message = regular::one_line(&fault.message);
    let Some(at) = &fault.at else { return message };
    let before = text.get(..at.start).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let line: String = line.chars().take(MAX_SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let column = text.get(start..at.start).map_or(0, |lead| lead.chars().count());
    let width = text.get(at.clone()).map_or(1, |marked| marked.chars().count()).max(1);
    let width = width.min(line.chars().count().saturating_sub(column).max(1));
    let gutter = " ".repeat(number.to_string().len());
    let (space, marks) = (" ".repeat(column), "^".repeat(width));
    format!("{message}\n{gutter}--> line {number}\n{gutter} |\n{number} | {line}\n{gutter} | {space}{marks}")
}
