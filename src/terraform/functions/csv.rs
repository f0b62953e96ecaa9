//! `csvdecode`: RFC 4180 with a header row. <https://developer.hashicorp.com/terraform/language/functions/csvdecode>

use super::arguments::{Call, Stop, fail};
use super::{MAX_ITEMS, MAX_TEXT};
use crate::partial::{Entry, Text, Value};

pub(super) fn decode(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.string(0)?;
    if text.len() > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    let rows = rows(&text)?;
    let Some((header, rows)) = rows.split_first() else { return fail("missing header line") };
    if rows.len() > MAX_ITEMS {
        return Err(Stop::Unknown);
    }
    let mut items = Vec::new();
    for row in rows {
        if row.len() != header.len() {
            return fail("a CSV row has not as many fields as the header");
        }
        let mut entries: Vec<Entry> = Vec::new();
        for (name, cell) in header.iter().zip(row) {
            entries.push(Entry { key: Text::known(name), value: c.string_value(cell)? });
        }
        entries.sort_by_key(|e| e.key.to_string());
        items.push(Value::map(entries, c.span));
    }
    c.list_value(items, false)
}

fn rows(text: &str) -> Result<Vec<Vec<String>>, Stop> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut quoted, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        match ch {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if quoted => quoted = false,
            '"' if cell.is_empty() => (quoted, was_quoted) = (true, true),
            '"' => return fail("a bare `\"` in a CSV field"),
            _ if quoted => cell.push(ch),
            ',' => {
                row.push(std::mem::take(&mut cell));
                was_quoted = false;
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                if !(row.is_empty() && cell.is_empty() && !was_quoted) {
                    row.push(std::mem::take(&mut cell));
                    rows.push(std::mem::take(&mut row));
                }
                was_quoted = false;
            }
            _ => cell.push(ch),
        }
    }
    if quoted {
        return fail("an unterminated quoted CSV field");
    }
    if !(row.is_empty() && cell.is_empty() && !was_quoted) {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}
