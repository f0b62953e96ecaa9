//! Terraform's pure built-in functions over partly known values.
//!
//! Semantics: <https://developer.hashicorp.com/terraform/language/functions> (1.11). A function keeps the shape of a
//! partly known argument where it can (a prefix that is known stays known); where it cannot, the answer is an
//! unknown whose key is derived from the call, so that equal calls on equal unknowns stay equal.
//!
//! Sets: the value tree has no set; `toset` and the set functions give a sorted list without duplicates.

mod arguments;
mod arity;
mod cidr;
mod collections;
mod convert;
mod csv;
mod dates;
mod encode;
mod equality;
mod files;
mod format;
mod hash;
mod json;
mod numbers;
mod points;
mod regexes;
mod replace;
mod sets;
mod strings;
mod unify;
mod yaml;

#[cfg(test)]
mod tests;

pub(in crate::terraform) use equality::{effective, equal};
pub(in crate::terraform) use numbers::Num;
pub use numbers::canonical as canonical_number;
pub(crate) use regexes::expression;
pub(in crate::terraform) use unify::{convertible, unified_with};
pub use yaml::yaml_documents;

use crate::partial::{Kind, MAX_ALTERNATIVES, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::Span;
use arguments::{Call, Stop, key_of, label_of};

/// Most items that a function makes (`range`, `setproduct`); past it the result is unknown.
pub(crate) const MAX_ITEMS: usize = 20_000;
/// Most bytes of a text that a function makes; past it the result is unknown.
pub(crate) const MAX_TEXT: usize = 4 << 20;
/// Deepest nesting that a function walks into.
pub(crate) const MAX_DEPTH: usize = 64;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionError {
    /// What, lower case, no full stop.
    pub message: String,
}

/// The files that functions may read, all inside the scanned root.
pub trait Files {
    /// The file at `path` (as the expression gives it).
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, path: &str) -> Result<std::sync::Arc<crate::source::SourceFile>, String>;
    /// The paths below `folder`, relative to it, that match the glob `pattern`.
    ///
    /// # Errors
    /// Why the folder cannot be listed.
    fn list(&self, folder: &str, pattern: &str) -> Result<Vec<String>, String>;
    /// The template file rendered with the map `vars`.
    ///
    /// # Errors
    /// Why the template cannot be rendered.
    fn render(&self, template: &crate::source::SourceFile, vars: &Value) -> Result<Value, FunctionError>;
    /// The template text rendered with the map `vars`.
    ///
    /// # Errors
    /// Why the template cannot be rendered.
    fn render_text(&self, template: &Text, vars: &Value) -> Result<Value, FunctionError>;
}

/// Calls the function `name` (also as `core::name`) with arguments already expanded. `try` and `can` are the
/// evaluator's, because they are lazy.
///
/// # Errors
/// What Terraform rejects: an unknown function, a wrong argument, a failed conversion.
pub fn call(name: &str, args: &[Value], span: Option<Span>, files: &dyn Files) -> Result<Value, FunctionError> {
    if name.starts_with("provider::") {
        return Ok(unknown(name, args, span, "a provider's function is not evaluated"));
    }
    let name = name.strip_prefix("core::").unwrap_or(name);
    if args.iter().any(|a| matches!(a.kind, Kind::OneOf(_))) {
        return over_alternatives(name, args, span, files);
    }
    match dispatch(&Call { name, args, span, files }) {
        Ok(value) => Ok(value),
        Err(Stop::Error(message)) => Err(FunctionError { message }),
        Err(Stop::Impure) if name.ends_with("timestamp") => {
            // RFC 3339 in UTC: the last character is known
            let value = unknown(name, args, span, &format!("`{name}` differs from run to run"));
            Ok(with_ends("", value, "Z"))
        }
        Err(Stop::Unknown) if name == "abspath" => {
            let why = "the folder that Terraform runs in is not known";
            // One folder for all relative paths.
            match args.first().and_then(Value::as_text).and_then(|text| text.as_known()) {
                Some(path) => Ok(with_ends("/", unknown(name, &[Value::string(".")], span, why), &format!("/{path}"))),
                None => Ok(with_ends("/", unknown(name, args, span, why), "")),
            }
        }
        Err(Stop::Unknown) => Ok(unknown(name, args, span, &format!("`{name}` of an unknown"))),
        Err(Stop::Impure) => Ok(unknown(name, args, span, &format!("`{name}` differs from run to run"))),
    }
}

fn dispatch(call: &Call<'_>) -> Result<Value, Stop> {
    arity::check(call.name, call.args.len())?;
    let families = [
        strings::call,
        replace::call,
        regexes::call,
        format::call,
        collections::call,
        sets::call,
        convert::call,
        numbers::call,
        encode::call,
        hash::call,
        files::call,
        dates::call,
        cidr::call,
    ];
    families.iter().find_map(|family| family(call)).unwrap_or_else(|| Err(Stop::Error(format!("unknown function `{}`", call.name))))
}

/// The unknown that a call on unknowns gives: equal calls give equal unknowns.
fn unknown(name: &str, args: &[Value], span: Option<Span>, why: &str) -> Value {
    let keys: Vec<String> = args.iter().map(key_of).collect();
    let labels: Vec<String> = args.iter().map(label_of).collect();
    // `uuid` and `bcrypt` differ from call to call: the place is part of the identity.
    let place = if matches!(name, "uuid" | "bcrypt") { span.map(|s| format!("@{}:{}", s.file.0, s.start)) } else { None };
    let key = format!("{name}({}){}", keys.join(","), place.unwrap_or_default());
    let joined = name == "join" || args.iter().filter_map(Value::as_text).any(|t| t.atoms().any(Unknown::is_joined));
    let atom = Unknown::new(key, result_kind(name), format!("${{{name}({})}}", labels.join(", ")), why, span);
    Value::unknown(atom.coming_from(UnknownOrigin::Call { function: name.into(), joined }), span)
}

/// An unknown string whose beginning and end are known.
fn with_ends(start: &str, value: Value, end: &str) -> Value {
    let Some(middle) = value.as_text() else { return value };
    let mut text = Text::known(start);
    text.push(&middle);
    text.push(&Text::known(end));
    text.parts.retain(|p| !matches!(p, crate::partial::Part::Literal { text, .. } if text.is_empty()));
    Value::new(Kind::Text(text), value.span)
}

fn result_kind(name: &str) -> UnknownKind {
    match name {
        "length" | "tonumber" | "abs" | "ceil" | "floor" | "index" | "sum" | "parseint" | "min" | "max" | "pow" | "log" | "signum" => {
            UnknownKind::Number
        }
        "md5" | "sha1" | "sha256" | "sha512" | "filemd5" | "filesha1" | "filesha256" | "filesha512" => UnknownKind::Word,
        "uuid" | "uuidv5" => UnknownKind::Guid,
        _ => UnknownKind::Any,
    }
}

/// Calls the function once for every combination of alternatives. A combination that fails is one that Terraform
/// would not accept, so it is left out; when all fail, so does the call.
fn over_alternatives(name: &str, args: &[Value], span: Option<Span>, files: &dyn Files) -> Result<Value, FunctionError> {
    let mut combinations: Vec<Vec<Value>> = vec![Vec::new()];
    for arg in args {
        let choices = alternatives(arg);
        if combinations.len().saturating_mul(choices.len()) > MAX_ALTERNATIVES {
            return Ok(unknown(name, args, span, "too many alternatives"));
        }
        combinations = combinations.iter().flat_map(|c| choices.iter().map(|v| [c.clone(), vec![v.clone()]].concat())).collect();
    }
    let mut results: Vec<Value> = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    let mut failure = None;
    for combination in &combinations {
        match call(name, combination, span, files) {
            Ok(value) => {
                for value in alternatives(&value) {
                    let key = key_of(&value);
                    if !seen.contains(&key) {
                        seen.push(key);
                        results.push(value);
                    }
                }
            }
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    match (results.len(), failure) {
        (0, Some(error)) => Err(error),
        (1, _) => Ok(results.swap_remove(0)),
        (n, _) if n > MAX_ALTERNATIVES || n == 0 => Ok(unknown(name, args, span, "too many alternatives")),
        _ => Ok(Value::new(Kind::OneOf(results), span)),
    }
}

/// The alternatives of a value, nested choices flattened one level at a time.
fn alternatives(value: &Value) -> Vec<Value> {
    fn walk(value: &Value, depth: usize, out: &mut Vec<Value>) {
        match &value.kind {
            Kind::OneOf(all) if depth < MAX_DEPTH => all.iter().for_each(|v| walk(v, depth + 1, out)),
            Kind::OneOf(_) => {}
            _ => out.push(value.clone()),
        }
    }
    let mut out = Vec::new();
    walk(value, 0, &mut out);
    out
}
