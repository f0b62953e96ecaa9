//! `fedlint graph`.

use super::args::{Graph, GraphFormat};
use super::check::{config, request, with_progress};
use super::{CLEAN, CliError, print};
use crate::graph::render::{self, Notes, Verdict, Way};
use crate::inventory::{Admits, Entry, inventory};
use crate::pipeline;
use crate::place::Span;
use crate::rules::engine::Selection;
use serde_json::json;

pub(super) fn run(arguments: &Graph) -> Result<u8, CliError> {
    let config = config(&arguments.inputs)?;
    let request = request(&arguments.inputs, config.clone(), Selection::default())?;
    let world = with_progress(|| pipeline::read(&request)).map_err(|e| CliError::Run(e.to_string()))?;
    let locate = |span: Span| world.sources.locate(span).map(|(path, at)| (path, at.line));
    let entries = inventory(&world.graph, &world.links, &config, &|span| locate(span).unwrap_or_default());
    let mut notes = Notes { locate: &locate, ..Notes::default() };
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

fn verdict(entry: &Entry) -> Verdict {
    let way = match entry.admits {
        Admits::AnyTenant | Admits::WithinTenant => Way::Open,
        Admits::Named => Way::Named,
        Admits::Nobody => Way::Dead,
        Admits::Undecided => Way::Undecided,
    };
    Verdict { way, admits: json!(entry.admits), who: entry.who.clone(), asks: entry.conditions.clone() }
}
