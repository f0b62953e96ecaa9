//! The picture of who trusts whom, as data: the script draws what of it is looked at.

use super::super::Run;
use super::super::overview::{Line, Node, Overview};
use super::layout;
use super::marks::{Marks, system};
use super::page::{Page, shown};
use crate::inventory::Admits;
use serde_json::{Value, json};

/// Most findings that a node names.
const MAX_FINDINGS: usize = 50;

pub(super) fn render(page: &mut Page, run: &Run, overview: &Overview, marks: &Marks) {
    page.ours("<script type=\"application/json\" id=\"data\">").data(&data(run, overview, marks)).ours("</script>\n");
}

fn data(run: &Run, overview: &Overview, marks: &Marks) -> Value {
    let order = order(run, overview, marks);
    let nodes: Vec<Value> = overview.nodes.iter().enumerate().map(|(at, node)| one(run, marks, at, node, &order)).collect();
    let paths: Vec<Value> = overview.paths.iter().map(|path| json!({"n": path.nodes, "a": path.admits})).collect();
    let lines = |lines: &[Line]| -> Vec<Value> { lines.iter().map(|l| json!([l.from, l.to, shown(&l.label)])).collect() };
    json!({"nodes": nodes, "paths": paths, "uses": lines(&overview.uses), "grants": lines(&overview.grants)})
}

fn one(run: &Run, marks: &Marks, at: usize, node: &Node, order: &[usize]) -> Value {
    let place = node.span.and_then(|span| run.sources.locate(span));
    let place = place.map(|(path, position)| format!("{}:{}", shown(&path), position.line));
    let facts: Vec<(&str, String)> = node.facts.iter().map(|(name, text)| (*name, lines(text))).collect();
    let findings: &[usize] = marks.findings.get(at).map_or(&[], Vec::as_slice);
    json!({
        "k": node.kind.as_str(),
        "l": node.kind.layer(),
        "t": shown(&node.label),
        "c": system(node.system),
        "o": order.get(at),
        "p": place,
        "d": facts,
        "a": node.admits,
        "s": marks.worst(run, at),
        "f": findings.get(..findings.len().min(MAX_FINDINGS)),
        "m": findings.len(),
    })
}

/// Several lines of ours, each shown.
fn lines(text: &str) -> String {
    text.split('\n').map(shown).collect::<Vec<_>>().join("\n")
}

/// The worst stands at the top where the lines leave a choice.
fn order(run: &Run, overview: &Overview, marks: &Marks) -> Vec<usize> {
    let layers: Vec<usize> = overview.nodes.iter().map(|node| node.kind.layer()).collect();
    let mut lines: Vec<(usize, usize)> = Vec::new();
    for path in &overview.paths {
        lines.extend(path.nodes.iter().zip(path.nodes.iter().skip(1)).map(|(from, to)| (*from, *to)));
    }
    lines.extend(overview.uses.iter().chain(&overview.grants).map(|line| (line.from, line.to)));
    let mut ranked: Vec<usize> = (0..layers.len()).collect();
    let of = |at: &usize| {
        let admits = overview.nodes.get(*at).and_then(|node| node.admits).unwrap_or(Admits::Named);
        (std::cmp::Reverse(marks.worst(run, *at)), admits, *at)
    };
    ranked.sort_by_key(of);
    let mut weight = vec![0; layers.len()];
    for (rank, node) in ranked.into_iter().enumerate() {
        if let Some(slot) = weight.get_mut(node) {
            *slot = rank;
        }
    }
    layout::order(&layers, &weight, &lines)
}
