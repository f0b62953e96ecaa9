//! The assertions of `fedlint test`.

use super::token::of_object;
use super::{Issuers, Presented, Preset, read_token};
use crate::token::Decision;
use serde_json::{Map, Value};

/// What an assertion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// A policy file, relative to the test file.
    File(String),
    /// A policy inline, as JSON text.
    Inline(String),
    /// An identity of the scanned repository.
    Identity(String),
}

/// One assertion.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// Its name.
    pub name: String,
    /// What is presented.
    pub presented: Presented,
    /// It is a job of GitHub, whose subject the scan may customise.
    pub of_github: bool,
    /// To whom.
    pub door: Door,
    /// What has to come out.
    pub expect: Decision,
}

/// Reads a test file: a list (or one object) in JSON or YAML, or one JSON object on each line.
///
/// # Errors
/// What cannot be used, with the name or the number of the assertion.
pub fn read(path: &str, text: &str, issuers: &Issuers) -> Result<Vec<Assertion>, String> {
    let values = values(path, text)?;
    if values.is_empty() {
        return Err(format!("{path}: no assertions"));
    }
    values.iter().enumerate().map(|(i, value)| assertion(i, value, issuers).map_err(|e| format!("{path}: {e}"))).collect()
}

fn values(path: &str, text: &str) -> Result<Vec<Value>, String> {
    let ending = path.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let whole: Value = match ending.as_str() {
        "jsonl" | "ndjson" => return lines(path, text),
        "yaml" | "yml" => {
            serde_saphyr::from_str(text).map_err(|e| format!("{path}: {}", e.to_string().lines().next().unwrap_or_default()))?
        }
        _ => match serde_json::from_str(text) {
            Ok(whole) => whole,
            // Objects one after the other under another ending.
            Err(error) => return lines(path, text).map_err(|_| format!("{path}: {error}")),
        },
    };
    match whole {
        Value::Array(items) => Ok(items),
        Value::Object(_) => Ok(vec![whole]),
        _ => Err(format!("{path}: a list of assertions is expected")),
    }
}

fn lines(path: &str, text: &str) -> Result<Vec<Value>, String> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(i, line)| serde_json::from_str(line).map_err(|e| format!("{path}:{}: {e}", i + 1))).collect()
}

fn assertion(index: usize, value: &Value, issuers: &Issuers) -> Result<Assertion, String> {
    let number = format!("assertion {}", index + 1);
    let object = value.as_object().ok_or_else(|| format!("{number} is not an object"))?;
    let text = |key: &str| object.get(key).and_then(Value::as_str).map(str::to_owned);
    let name = text("name").unwrap_or(number);
    let told = |e: String| format!("`{name}`: {e}");
    let expect = match text("expect").as_deref() {
        Some("admit") => Decision::Admit,
        Some("deny") => Decision::Deny,
        Some("unknown") => Decision::Unknown,
        Some(other) => return Err(told(format!("`expect` is `{other}`; it is `admit`, `deny` or `unknown`"))),
        None => return Err(told("`expect` is missing: `admit`, `deny` or `unknown`".to_owned())),
    };
    if let Some(other) = object.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(told(format!("unknown field `{other}`; the fields are `{}`", FIELDS.join("`, `"))));
    }
    let mut presented = presented(object, issuers).map_err(told)?;
    presented.principal = text("principal");
    presented.action = text("action");
    presented.caller_denied = object.get("caller_allowed") == Some(&Value::Bool(false));
    let of_github = object.contains_key("github");
    Ok(Assertion { presented, of_github, door: door(object).map_err(told)?, expect, name })
}

/// The fields of an assertion: what is asked, and the options of `fedlint simulate`.
const FIELDS: [&str; 22] = [
    "name",
    "expect",
    "policy",
    "identity",
    "token",
    "context",
    "principal",
    "action",
    "caller_allowed",
    "github",
    "ref",
    "event",
    "environment",
    "owner-id",
    "repository-id",
    "immutable",
    "kubernetes",
    "spiffe",
    "subject",
    "issuer",
    "audience",
    "note",
];
/// Those that say whose token it is.
const PRESETS: [&str; 4] = ["github", "kubernetes", "spiffe", "subject"];
/// Those that are said of a preset beside it.
const OF_PRESETS: [&str; 8] = ["ref", "event", "environment", "owner-id", "repository-id", "immutable", "issuer", "audience"];

/// The options of `fedlint simulate` as fields.
fn preset(object: &Map<String, Value>, issuers: &Issuers) -> Result<Presented, String> {
    let named: Vec<&str> = PRESETS.into_iter().filter(|name| object.contains_key(*name)).collect();
    if named.len() > 1 {
        return Err(format!("`{}` exclude each other", named.join("` and `")));
    }
    let text = |key: &str| match object.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(format!("`{key}` is a text")),
    };
    let immutable = match object.get("immutable") {
        None => false,
        Some(Value::Bool(on)) => *on,
        Some(_) => return Err("`immutable` is true or false".to_owned()),
    };
    let preset = Preset {
        github: text("github")?,
        reference: text("ref")?,
        event: text("event")?,
        environment: text("environment")?,
        owner_id: text("owner-id")?,
        repository_id: text("repository-id")?,
        immutable,
        kubernetes: text("kubernetes")?,
        spiffe: text("spiffe")?,
        subject: text("subject")?,
        issuer: text("issuer")?,
        audience: text("audience")?,
    };
    preset.token(issuers)
}

fn presented(object: &Map<String, Value>, issuers: &Issuers) -> Result<Presented, String> {
    let has = |names: &[&str]| names.iter().any(|name| object.contains_key(*name));
    if has(&PRESETS) {
        if has(&["token", "context"]) {
            return Err(format!("`token` and `context` exclude `{}`", PRESETS.join("`, `")));
        }
        return preset(object, issuers);
    }
    if let Some(alone) = OF_PRESETS.into_iter().find(|name| object.contains_key(*name)) {
        return Err(format!("`{alone}` is said beside `{}`", PRESETS.join("`, `")));
    }
    written(object).map(|presented| Presented { issuers: issuers.clone(), ..presented })
}

fn written(object: &Map<String, Value>) -> Result<Presented, String> {
    match (object.get("token"), object.get("context")) {
        (Some(_), Some(_)) => Err("`token` and `context` exclude each other".to_owned()),
        (Some(Value::String(jwt)), None) => read_token(jwt),
        (Some(Value::Object(claims)), None) => of_object(claims),
        (None, Some(Value::Object(context))) => of_object(&Map::from_iter([("context".to_owned(), Value::Object(context.clone()))])),
        (Some(_), None) => Err("`token` is an object of claims or a JWT".to_owned()),
        (None, Some(_)) => Err("`context` is an object of condition keys".to_owned()),
        (None, None) => Err(format!("`token` (claims), `context` (condition keys) or one of `{}` is missing", PRESETS.join("`, `"))),
    }
}

fn door(object: &Map<String, Value>) -> Result<Door, String> {
    match (object.get("policy"), object.get("identity")) {
        (Some(_), Some(_)) => Err("`policy` and `identity` exclude each other".to_owned()),
        (Some(Value::String(path)), None) if !path.trim_start().starts_with('{') => Ok(Door::File(path.clone())),
        (Some(Value::String(inline)), None) => Ok(Door::Inline(inline.clone())),
        (Some(inline @ Value::Object(_)), None) => Ok(Door::Inline(inline.to_string())),
        (None, Some(Value::String(name))) => Ok(Door::Identity(name.clone())),
        (Some(_), None) => Err("`policy` is a path or a document".to_owned()),
        (None, Some(_)) => Err("`identity` is a name".to_owned()),
        (None, None) => Err("`policy` or `identity` is missing".to_owned()),
    }
}
