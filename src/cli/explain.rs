//! `fedlint explain`, `fedlint rules`: the rule files as a person reads them.

use super::args::{Colour, Explain, Rules, RulesFormat};
use super::{CLEAN, CliError, print};
use crate::catalogue::{Rule, catalogue, markdown_table};
use crate::config::known_rule;
use std::fmt::Write as _;

pub(super) fn explain(arguments: &Explain) -> Result<u8, CliError> {
    let rule = known_rule(&arguments.rule, "the arguments")?;
    let meta = &rule.meta;
    let mut out = format!("{} ({}, {})\n{}\n", meta.id, meta.severity, meta.category, meta.title);
    if !meta.aliases.is_empty() {
        let _ = writeln!(out, "also known as {}", meta.aliases.join(", "));
    }
    out.push('\n');
    out.push_str(rule.body.trim());
    out.push('\n');
    if !meta.references.is_empty() {
        out.push_str("\n## References\n");
        meta.references.iter().for_each(|r| {
            let _ = writeln!(out, "- {r}");
        });
    }
    print(&out, Colour::Never)?;
    Ok(CLEAN)
}

pub(super) fn rules(arguments: &Rules) -> Result<u8, CliError> {
    let text = match arguments.format {
        RulesFormat::Json => {
            let mut text = serde_json::to_string_pretty(&catalogue().iter().map(|r| &r.meta).collect::<Vec<_>>())?;
            text.push('\n');
            text
        }
        RulesFormat::Table => table(),
        RulesFormat::Markdown => markdown_table(),
    };
    print(&text, Colour::Never)?;
    Ok(CLEAN)
}

fn table() -> String {
    let width = catalogue().iter().map(|r| r.meta.id.as_str().len()).max().unwrap_or(0);
    let mut out = String::new();
    for Rule { meta, .. } in catalogue() {
        let _ = writeln!(out, "{:width$}  {:8}  {:8}  {}", meta.id, meta.severity.to_string(), meta.category.to_string(), meta.title);
    }
    out
}
