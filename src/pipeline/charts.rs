//! The values of the Helm charts of a scan (<https://helm.sh/docs/topics/charts/#the-chart-file-structure>).

use crate::partial::Value;
use crate::place::paths::{folder_of, inside};
use crate::source::walk::Scan;
use crate::syntax::helm::{self, ChartValues};
use crate::syntax::yaml;
use std::collections::BTreeMap;

/// Most files of values of one chart beside its own; what more of them say is not known.
const MAX_FILES: usize = 8;

/// Most nodes of a file of values; one that is larger is not looked into.
const MAX_NODES: usize = 10_000;
/// Most nodes of values in all templates of a run, in equal shares.
const MAX_FILLED: usize = 400_000;
/// The share of a template, however many there are.
const SHARES: std::ops::RangeInclusive<usize> = 16..=20_000;

/// The values that each chart may be installed with.
pub(super) struct Charts {
    by_folder: BTreeMap<String, Vec<Value>>,
    /// How many nodes one template may be filled in with.
    share: usize,
}

impl Charts {
    /// The charts whose templates are read. A chart inside of another has the values of that one, which are not followed.
    pub(super) fn of(scan: &Scan) -> Self {
        let mut by_folder: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut templates = 0;
        for file in scan.hits().filter(|file| file.chart_template) {
            templates += 1;
            let Some(folder) = chart(&file.path) else { continue };
            if !by_folder.contains_key(folder) {
                let values = if is_inner(folder) { Vec::new() } else { values(scan, folder) };
                by_folder.insert(folder.to_owned(), values);
            }
        }
        let share = (MAX_FILLED / templates.max(1)).clamp(*SHARES.start(), *SHARES.end());
        Self { by_folder, share }
    }

    /// The sets of values of the chart that a template belongs to.
    pub(super) fn values(&self, template: &str) -> ChartValues<'_> {
        let sets = chart(template).and_then(|folder| self.by_folder.get(folder)).map_or(&[][..], Vec::as_slice);
        ChartValues { sets, most: self.share }
    }
}

/// The chart of a template: the folder that `templates` is in.
fn chart(template: &str) -> Option<&str> {
    let mut folder = folder_of(template);
    while !folder.is_empty() {
        let (parent, name) = folder.rsplit_once('/').unwrap_or(("", folder));
        if name == "templates" {
            return Some(parent);
        }
        folder = parent;
    }
    None
}

fn is_inner(folder: &str) -> bool {
    folder_of(folder).rsplit('/').next() == Some("charts") && folder_of(folder).contains('/')
}

/// The chart's own values, and over them those of each file that is named as one: `values-live.yaml`, `values/live.yaml`.
fn values(scan: &Scan, folder: &str) -> Vec<Value> {
    let own = read(scan, &inside(folder, "values.yaml")).unwrap_or_else(|| Value::map(Vec::new(), None));
    let mut others = Vec::new();
    for file in &scan.files {
        let Some(name) = file.path.strip_prefix(folder).map(|rest| rest.trim_start_matches('/')) else { continue };
        let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
        let beside = !name.contains('/') && name.starts_with("values") && name != "values.yaml";
        let below = name.strip_prefix("values/").is_some_and(|rest| !rest.contains('/'));
        if is_yaml && (beside || below) {
            others.push(file.path.as_str());
        }
    }
    if others.len() > MAX_FILES {
        return Vec::new();
    }
    if others.is_empty() {
        return vec![own];
    }
    others.iter().filter_map(|path| Some(helm::merged(&own, &read(scan, path)?))).collect()
}

/// The one document of a file of values.
fn read(scan: &Scan, path: &str) -> Option<Value> {
    let parsed = yaml::parse(&*scan.loader.load(path)?);
    let first = if parsed.problems.is_empty() { parsed.documents.into_iter().next() } else { None };
    first.filter(|values| helm::nodes(values, MAX_NODES + 1) <= MAX_NODES)
}
