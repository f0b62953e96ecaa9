//! `fedlint graph`.

use super::args::{Graph, GraphFormat};
use super::check::{config, request, with_progress};
use super::{CLEAN, CliError, print};
use crate::graph::render;
use crate::pipeline;
use crate::rules::engine::Selection;

pub(super) fn run(arguments: &Graph) -> Result<u8, CliError> {
    let config = config(&arguments.inputs)?;
    let request = request(&arguments.inputs, config, Selection::default())?;
    let world = with_progress(|| pipeline::read(&request)).map_err(|e| CliError::Run(e.to_string()))?;
    let text = match arguments.format {
        GraphFormat::Json => render::json(&world.graph, &world.links),
        GraphFormat::Dot => render::dot(&world.graph, &world.links),
        GraphFormat::Mermaid => render::mermaid(&world.graph, &world.links),
    };
    print(&text)?;
    Ok(CLEAN)
}
