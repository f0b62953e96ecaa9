//! `fedlint graph`.

use super::args::{Graph, GraphFormat};
use super::check::{config, request, with_progress};
use super::{CLEAN, CliError, print};
use crate::graph::render::{self, Notes, Verdict, Way};
use crate::inventory::{Admits, Entry, inventory};
use crate::issuers::nearest;
use crate::pipeline;
use crate::place::Span;
use crate::report::printable;
use crate::rules::engine::Selection;
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn run(arguments: &Graph) -> Result<u8, CliError> {
    let config = config(&arguments.inputs)?;
    let request = request(&arguments.inputs, config.clone(), Selection::default())?;
    let world = with_progress(|| pipeline::read(&request)).map_err(|e| CliError::Run(e.to_string()))?;
    let locate = |span: Span| world.sources.locate(span).map(|(path, at)| (path, at.line));
    let entries = inventory(&world.graph, &world.links, &config, &|span| locate(span).unwrap_or_default());
    let (focus, depth, permissions) = (arguments.focus.as_deref(), arguments.depth, arguments.permissions);
    if let Some(name) = focus {
        there(name, &render::names(&world.graph, &world.links))?;
    }
    let mut notes = Notes { locate: &locate, focus, depth, permissions, ..Notes::default() };
    for entry in entries {
        let verdict = verdict(&entry);
        // Of several answers for one line the most open one is shown.
        let known = notes.verdicts.entry((entry.trust, entry.provider)).or_insert_with(|| verdict.clone());
        if verdict.way < known.way {
            *known = verdict;
        }
    }
    let text = match arguments.format {
        GraphFormat::Json => render::json(&world.graph, &world.links, &notes),
        GraphFormat::Dot => render::dot(&world.graph, &world.links, &notes),
        GraphFormat::Mermaid => render::mermaid(&world.graph, &world.links, &notes),
    };
    print(&text)?;
    Ok(CLEAN)
}

/// A node of this name is in the graph.
fn there(name: &str, names: &BTreeSet<String>) -> Result<(), CliError> {
    if names.contains(name) {
        return Ok(());
    }
    let near = nearest(name, names.iter().map(String::as_str)).or_else(|| names.iter().map(String::as_str).find(|n| n.contains(name)));
    let hint = near.map_or("; `fedlint graph` lists them".to_owned(), |near| format!("; did you mean `{}`?", printable(near)));
    Err(CliError::Run(format!("no node of the graph is called `{}`{hint}", printable(name))))
}

fn verdict(entry: &Entry) -> Verdict {
    let way = match entry.admits {
        Admits::AnyTenant | Admits::WithinTenant => Way::Open,
        Admits::Named => Way::Named,
        Admits::Nobody => Way::Dead,
        Admits::Undecided => Way::Undecided,
    };
    Verdict { way, admits: json!(entry.admits), who: entry.who.clone(), told: entry.told, asks: entry.conditions.clone() }
}
