//! What leaves the program has no power over who reads it: neither over a terminal nor over the runner of a job, which takes
//! commands from the lines that a step prints.

use super::is_unsafe;

/// What of the powers is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Own {
    /// None.
    Nothing,
    /// Colours and links: what comes from a scanned file was made harmless before.
    Colours,
    /// Lines that begin with a command of GitHub's runner: the format of annotations is made of them.
    Commands,
}

/// A finished text for standard output or a file, whatever slipped into it. Escapes are those of JSON, so that a JSON document stays
/// one.
#[must_use]
pub fn harmless(text: &str, own: Own) -> String {
    let mut out = String::with_capacity(text.len());
    let colours = own == Own::Colours;
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push('\n');
        }
        let indent = line.len() - line.trim_start().len();
        let (space, rest) = line.split_at_checked(indent).unwrap_or(("", line));
        harmless_part(&mut out, space, colours);
        // <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
        match rest.strip_prefix("::").filter(|_| own != Own::Commands) {
            Some(rest) => {
                out.push_str("\\u003a:");
                harmless_part(&mut out, rest, colours);
            }
            None => harmless_part(&mut out, rest, colours),
        }
    }
    out
}

/// A part of a line: no control characters, and no command of a runner that takes them from anywhere in a line: `##[group]` of
/// GitHub and Azure Pipelines, `##vso[…]` of Azure Pipelines, `##teamcity[…]`.
/// <https://learn.microsoft.com/en-us/azure/devops/pipelines/scripts/logging-commands>
fn harmless_part(out: &mut String, text: &str, colours: bool) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("##") {
        push(out, before, colours);
        let word = after.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
        out.push('#');
        if word.starts_with('[') {
            out.push_str("\\u0023");
            rest = after;
        } else {
            // The second mark may begin another pair.
            rest = rest.get(before.len() + 1..).unwrap_or_default();
        }
    }
    push(out, rest, colours);
}

fn push(out: &mut String, text: &str, colours: bool) {
    for c in text.chars() {
        if is_unsafe(c) && c != '\t' && !(colours && c == '\u{1b}') {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
}

/// A line of a file as it is, each character without power replaced by one of the same length, so that places in it stay true.
#[must_use]
pub(super) fn same_length(line: &str) -> String {
    let stand_in = |c: char| match c.len_utf8() {
        1 if c == '\t' => ' ',
        1 => '?',
        2 => '\u{bf}',
        _ => '\u{fffd}',
    };
    line.chars().map(|c| if is_unsafe(c) { stand_in(c) } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_runners_are_shown_and_not_given() {
        for (text, shown) in [
            ("::error::x", "\\u003a:error::x"),
            ("a\n  ::stop-commands::t\nb::c", "a\n  \\u003a:stop-commands::t\nb::c"),
            ("x ##[add-mask]y", "x #\\u0023[add-mask]y"),
            ("##vso[task.setvariable]", "#\\u0023vso[task.setvariable]"),
            ("###[x] ## [y] ##", "##\\u0023[x] ## [y] ##"),
            ("a\u{1b}[1m\u{202e}\r\tb", "a\\u001b[1m\\u202e\\u000d\tb"),
        ] {
            assert_eq!(harmless(text, Own::Nothing), shown);
        }
        assert_eq!(harmless("::error file=a::##[b]", Own::Commands), "::error file=a::#\\u0023[b]");
    }

    #[test]
    fn stand_ins_keep_places() {
        let line = "a\t\u{1b}\u{85}\u{202e}é";
        assert_eq!(same_length(line), "a ?\u{bf}\u{fffd}é");
        assert_eq!(same_length(line).len(), line.len());
    }
}
