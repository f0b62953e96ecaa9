//! `fedlint inventory`, `fedlint who`.

use super::args::{Inventory, InventoryFormat, Who};
use super::simulate::estate;
use super::{CLEAN, CliError, check, print};
use crate::inventory::{Admits, Entry, inventory};
use crate::issuers::nearest;
use crate::report::{count, printable};
use serde_json::json;
use std::fmt::Write as _;

/// Most permissions that the table names.
const MAX_PERMISSIONS: usize = 3;

pub(super) fn run(arguments: &Inventory) -> Result<u8, CliError> {
    let entries = entries(&arguments.inputs)?;
    print(&render(&entries, arguments.format)?)?;
    Ok(CLEAN)
}

pub(super) fn who(arguments: &Who) -> Result<u8, CliError> {
    let all = entries(&arguments.inputs)?;
    let named: Vec<Entry> = all.iter().filter(|entry| entry.is_called(&arguments.identity)).cloned().collect();
    if named.is_empty() {
        let near = nearest(
            &arguments.identity,
            all.iter().flat_map(|entry| std::iter::once(&entry.identity).chain(&entry.names)).map(String::as_str),
        );
        let hint = near.map_or("; `fedlint inventory` lists them".to_owned(), |near| format!("; did you mean `{}`?", printable(near)));
        return Err(CliError::Run(format!("no trust of an identity `{}` was found{hint}", printable(&arguments.identity))));
    }
    print(&render(&named, arguments.format)?)?;
    Ok(CLEAN)
}

fn entries(inputs: &super::args::Inputs) -> Result<Vec<Entry>, CliError> {
    let config = check::config(inputs)?;
    let scan = estate(inputs)?;
    let locate = |span| scan.sources.locate(span).map_or((String::new(), 0), |(path, at)| (path, at.line));
    Ok(inventory(&scan.graph, &scan.links, &config, &locate))
}

fn render(entries: &[Entry], format: InventoryFormat) -> Result<String, CliError> {
    Ok(match format {
        InventoryFormat::Human => human(entries),
        InventoryFormat::Csv => csv(entries),
        InventoryFormat::Json => serde_json::to_string_pretty(&json!({"version": 1, "identities": entries}))? + "\n",
    })
}

fn human(entries: &[Entry]) -> String {
    let mut out = String::new();
    let mut before: Option<&str> = None;
    for entry in entries {
        if before != Some(entry.identity.as_str()) {
            let _ = writeln!(out, "{}", printable(&entry.identity));
        }
        before = Some(&entry.identity);
        let _ = writeln!(out, "  {}:{}  {}", printable(&entry.path), entry.line, printable(&entry.issuer));
        let _ = writeln!(out, "    admits  {}", printable(&entry.who));
        for condition in &entry.conditions {
            let _ = writeln!(out, "    asks    {}", printable(condition));
        }
        if let Some(example) = &entry.example {
            let _ = writeln!(out, "    token   {}", printable(&json!(example).to_string()));
        }
        if !entry.permissions.is_empty() {
            let shown: Vec<String> = entry.permissions.iter().take(MAX_PERMISSIONS).map(|p| printable(p)).collect();
            let more = entry.permissions.len().saturating_sub(MAX_PERMISSIONS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = writeln!(out, "    may     {}{more}", shown.join(", "));
        }
    }
    let of = |admits: Admits| entries.iter().filter(|e| e.admits == admits).count();
    let _ = writeln!(
        out,
        "{}: {} open to other tenants, {} wider than named, {} as named, {} dead, {} undecided",
        count(entries.len(), "way"),
        of(Admits::AnyTenant),
        of(Admits::WithinTenant),
        of(Admits::Named),
        of(Admits::Nobody),
        of(Admits::Undecided),
    );
    out
}

/// RFC 4180. What a spreadsheet would take for a formula gets a leading apostrophe
/// (<https://owasp.org/www-community/attacks/CSV_Injection>).
fn csv(entries: &[Entry]) -> String {
    let mut out = String::from("identity,cloud,issuer,admits,who,conditions,permissions,path,line\r\n");
    for e in entries {
        let admits = json!(e.admits);
        let (conditions, permissions, line) = (e.conditions.join("; "), e.permissions.join("; "), e.line.to_string());
        let admits = admits.as_str().unwrap_or_default();
        let fields = [&e.identity, e.cloud, &e.issuer, admits, &e.who, &conditions, &permissions, &e.path, &line];
        let fields: Vec<String> = fields.iter().map(|field| cell(field)).collect();
        out.push_str(&fields.join(","));
        out.push_str("\r\n");
    }
    out
}

fn cell(text: &str) -> String {
    let text = printable(text);
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text };
    if text.contains([',', '"', ' ']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
