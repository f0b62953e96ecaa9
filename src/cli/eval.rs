//! `fedlint eval`: what is known of an expression.

use super::args::{AnswerFormat, Eval};
use super::{CLEAN, CliError, print};
use crate::partial::{Kind, Value};
use crate::pipeline;
use crate::terraform::evaluate::why_unknown;
use crate::terraform::json_text::render_json;
use serde_json::{Value as Json, json};

pub(super) fn run(arguments: &Eval) -> Result<u8, CliError> {
    let result = pipeline::expression(&arguments.folder, &arguments.expression).map_err(|e| CliError::Run(e.to_string()))?;
    let answer = match &result {
        Err(error) => json!({"error": error.message}),
        Ok(value) => answer(value),
    };
    let text = match arguments.format {
        AnswerFormat::Json => format!("{answer}\n"),
        AnswerFormat::Human => human(&answer)?,
    };
    print(&text)?;
    Ok(CLEAN)
}

/// What is known, as the contract says it.
fn answer(value: &Value) -> Json {
    match known(value) {
        Some(value) => json!({"known": true, "value": value}),
        None => {
            let why = why_unknown(value).unwrap_or_else(|| "there may be more than what is known".to_owned());
            json!({"known": false, "shape": shape(value), "why": why})
        }
    }
}

/// The JSON of a value that is known to the last leaf.
fn known(value: &Value) -> Option<Json> {
    Some(match &value.kind {
        Kind::Null => Json::Null,
        Kind::Bool(b) => Json::Bool(*b),
        Kind::Number(n) => serde_json::from_str(n).ok()?,
        Kind::Text(text) => Json::String(text.as_known()?),
        Kind::List { items, open: false } => Json::Array(items.iter().map(known).collect::<Option<_>>()?),
        Kind::Map { entries, open: false } => {
            Json::Object(entries.iter().map(|e| Some((e.key.as_known()?, known(&e.value)?))).collect::<Option<_>>()?)
        }
        Kind::List { .. } | Kind::Map { .. } | Kind::OneOf(_) | Kind::Unknown(_) => return None,
    })
}

/// The literal skeleton: a string as it is, JSON with holes for the rest.
fn shape(value: &Value) -> String {
    match &value.kind {
        Kind::OneOf(all) => all.iter().map(shape).collect::<Vec<_>>().join(" | "),
        _ => value.as_text().map_or_else(|| render_json(value).to_string(), |text| text.to_string()),
    }
}

fn human(answer: &Json) -> Result<String, CliError> {
    let text = |name: &str| answer.get(name).and_then(Json::as_str).map(crate::report::printable);
    Ok(match (text("error"), text("shape"), answer.get("value")) {
        (Some(error), ..) => format!("error: {error}\n"),
        (_, Some(shape), _) => format!("{shape}\n  not known: {}\n", text("why").unwrap_or_default()),
        (.., value) => format!("{}\n", serde_json::to_string_pretty(value.unwrap_or(&Json::Null))?),
    })
}
