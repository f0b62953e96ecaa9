//! The `RUN` instructions of Dockerfiles (<https://docs.docker.com/reference/dockerfile/#run>).

use super::Section;
use crate::partial::{Text, cut};
use crate::place::Span;
use crate::source::SourceFile;
use std::ops::Range;

/// By its name.
pub(super) fn is(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let (stem, end) = lower.split_once('.').unwrap_or((&lower, ""));
    let docker = |part: &str| part == "dockerfile" || part == "containerfile";
    docker(stem) || docker(end.rsplit('.').next().unwrap_or_default())
}

/// One section an instruction.
pub(super) fn sections(file: &SourceFile) -> Vec<Section> {
    let mut out = Vec::new();
    let mut variables: Vec<(String, Text)> = Vec::new();
    let mut lines = ranges(&file.text).into_iter().peekable();
    let text = |range: Range<usize>| Text::literal(file.text.get(range.clone()).unwrap_or_default(), Span::new(file.id, range));
    while let Some(range) = lines.next() {
        let line = file.text.get(range.clone()).unwrap_or_default();
        let Some((instruction, rest)) = line.trim_start().split_once([' ', '\t']) else { continue };
        let start = range.end - rest.len();
        match instruction.to_ascii_uppercase().as_str() {
            "ARG" | "ENV" => {
                if let Some((name, value)) = rest.trim().split_once('=').filter(|(name, _)| !name.contains(' ')) {
                    let value = value.trim_matches(['"', '\'']);
                    let at = start + rest.find(value).unwrap_or_default();
                    variables.push((name.to_owned(), text(at..at + value.len())));
                }
            }
            "RUN" if !rest.trim_start().starts_with('[') => {
                let mut body = Text::default();
                let mut range = start..range.end;
                loop {
                    body.push(&text(range.clone()));
                    let continued = file.text.get(range).unwrap_or_default().trim_end().ends_with('\\');
                    let Some(next) = lines.next_if(|_| continued) else { break };
                    body.push(&Text::known("\n"));
                    range = next;
                    // Comments between continued lines are left out.
                    while file.text.get(range.clone()).unwrap_or_default().trim_start().starts_with('#') {
                        let Some(after) = lines.next() else { break };
                        range = after;
                    }
                }
                if let Some(delimiter) = here_delimiter(&cut::flat(&body)) {
                    here_document(file, &mut lines, &delimiter, &mut body);
                }
                out.push(Section { text: body, variables: variables.clone(), continues: true });
            }
            _ => {}
        }
    }
    out
}

/// `RUN <<EOF` runs the here-document; after a command the shell reads it.
fn here_delimiter(line: &str) -> Option<String> {
    let (_, after) = line.split_once("<<")?;
    let word = after.trim_start_matches('-').split_whitespace().next()?;
    Some(word.trim_matches(['"', '\'']).to_owned())
}

fn here_document(file: &SourceFile, lines: &mut std::iter::Peekable<std::vec::IntoIter<Range<usize>>>, delimiter: &str, body: &mut Text) {
    let bare = cut::flat(body).trim_start().starts_with("<<");
    if bare {
        *body = Text::default();
    } else {
        body.push(&Text::known("\n"));
    }
    for range in lines.by_ref() {
        let line = file.text.get(range.clone()).unwrap_or_default();
        let ends = line.trim() == delimiter;
        if !(ends && bare) {
            body.push(&Text::literal(line, Span::new(file.id, range)));
            body.push(&Text::known("\n"));
        }
        if ends {
            return;
        }
    }
}

fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut out = Vec::new();
    for line in text.split_inclusive('\n') {
        out.push(at..at + line.trim_end_matches(['\n', '\r']).len());
        at += line.len();
    }
    out
}
