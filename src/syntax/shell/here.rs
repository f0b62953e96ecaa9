//! Here-documents: their texts come after the line of their operators, so they are put in place when all is read.

use super::ast::{Argument, Assigned, Assignment, Command, CommandKind, List, Operation, Piece, RedirectKind, Word};
use std::sync::Arc;

/// The pieces without the tabs that lines begin with.
pub(super) fn without_tabs(text: &str, pieces: Vec<Piece>) -> Vec<Piece> {
    let mut out = Vec::new();
    for piece in pieces {
        let Piece::Text { range, quoted } = piece else {
            out.push(piece);
            continue;
        };
        let mut at = range.start;
        for line in text.get(range).unwrap_or_default().split_inclusive('\n') {
            let begins = at == 0 || text.as_bytes().get(at - 1) == Some(&b'\n');
            let tabs = if begins { line.len() - line.trim_start_matches('\t').len() } else { 0 };
            out.push(Piece::Text { range: at + tabs..at + line.len(), quoted });
            at += line.len();
        }
    }
    out
}

/// Puts the texts of the here-documents where their operators stand.
pub(super) fn fill_documents(list: &mut List, documents: &mut [Word]) {
    for item in &mut list.items {
        for command in &mut item.pipeline {
            fill_command(command, documents);
        }
    }
}

fn fill_command(command: &mut Command, documents: &mut [Word]) {
    for redirect in &mut command.redirects {
        if redirect.kind == RedirectKind::HereDocument
            && let Some(document) = documents.get_mut(redirect.target.range.start)
        {
            redirect.target = std::mem::take(document);
        }
        fill_word(&mut redirect.target, documents);
    }
    match &mut command.kind {
        CommandKind::Simple(simple) => {
            for assignment in &mut simple.assignments {
                fill_assignment(assignment, documents);
            }
            for argument in &mut simple.words {
                match argument {
                    Argument::Word(word) => fill_word(word, documents),
                    Argument::Array(assignment) => fill_assignment(assignment, documents),
                }
            }
        }
        CommandKind::Group(list) | CommandKind::Subshell(list) => fill_documents(list, documents),
        CommandKind::If { branches, otherwise } => {
            for (condition, body) in branches {
                fill_documents(condition, documents);
                fill_documents(body, documents);
            }
            if let Some(list) = otherwise {
                fill_documents(list, documents);
            }
        }
        CommandKind::Loop(condition, body) => {
            fill_documents(condition, documents);
            fill_documents(body, documents);
        }
        CommandKind::For { words, body, .. } => {
            words.iter_mut().flatten().for_each(|word| fill_word(word, documents));
            fill_documents(body, documents);
        }
        CommandKind::Case { word, arms } => {
            fill_word(word, documents);
            for (_, body) in arms {
                fill_documents(body, documents);
            }
        }
        CommandKind::Function { body, .. } => {
            if let Some(body) = Arc::get_mut(body) {
                fill_command(body, documents);
            }
        }
        CommandKind::Test => {}
    }
}

fn fill_assignment(assignment: &mut Assignment, documents: &mut [Word]) {
    match &mut assignment.value {
        Assigned::Word(word) => fill_word(word, documents),
        Assigned::Array(words) => words.iter_mut().for_each(|word| fill_word(word, documents)),
    }
}

pub(super) fn fill_word(word: &mut Word, documents: &mut [Word]) {
    for piece in &mut word.pieces {
        match piece {
            Piece::Command { list, .. } => fill_documents(list, documents),
            Piece::Parameter { operation: Operation::Default(word) | Operation::Alternative(word), .. } => fill_word(word, documents),
            _ => {}
        }
    }
}
