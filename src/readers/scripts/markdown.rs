//! The commands that documentation tells people to run: the shell blocks of a Markdown file, as one session.

use super::Section;
use crate::partial::{Text, cut};
use crate::source::SourceFile;
use crate::syntax::{markdown, shell};

/// Names of the language.
const SHELLS: [&str; 6] = ["", "sh", "bash", "zsh", "shell", "ksh"];
/// Names of what a terminal shows: commands behind a prompt, and what they print.
const SESSIONS: [&str; 5] = ["console", "terminal", "shell-session", "sh-session", "shellsession"];

/// The blocks that can be read, one after the other.
pub(super) fn sections(file: &SourceFile) -> Vec<Section> {
    let mut whole = Text::default();
    for fence in markdown::fences(file) {
        let session = SESSIONS.contains(&fence.language.as_str()) || cut::flat(&fence.text).trim_start().starts_with("$ ");
        if !session && !SHELLS.contains(&fence.language.as_str()) {
            continue;
        }
        let text = if session { typed(&fence.text) } else { fence.text };
        // Text of another kind, with no language said: whatever it is, it is no script.
        if shell::parse(&cut::flat(&text)).is_ok() {
            whole.push(&text);
            whole.push(&Text::known("\n"));
        }
    }
    if cut::is_empty(&whole) { Vec::new() } else { vec![Section { text: whole, variables: Vec::new(), continues: false }] }
}

/// What somebody types: the lines behind the prompt, and those that continue them.
fn typed(text: &Text) -> Text {
    let flat = cut::flat(text);
    let mut out = Text::default();
    let (mut at, mut continues) = (0, false);
    for line in flat.split_inclusive('\n') {
        let prompt = ["$ ", "# "].into_iter().find(|p| line.starts_with(p)).map_or(0, str::len);
        let skipped = if continues { line.len() - line.trim_start_matches("> ").len() } else { prompt };
        if continues || prompt > 0 {
            out.push(&cut::slice(text, at + skipped..at + line.len()));
            continues = line.trim_end_matches(['\n', '\r']).ends_with('\\');
        }
        at += line.len();
    }
    out
}
