//! Files, templates and paths. <https://developer.hashicorp.com/terraform/language/functions/file>

use super::arguments::{Answer, Call, Stop, fail};
use super::{FunctionError, MAX_ITEMS};
use crate::partial::{Kind, Part, Text, Value};
use crate::place::paths::clean;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "file" => file(c),
        "fileexists" => location(c, 0).and_then(|p| c.bool_value(c.files.read(&p).is_ok())),
        "filebase64" => location(c, 0).and_then(|p| read(c, &p)).and_then(|f| c.string_value(STANDARD.encode(f.text.as_bytes()))),
        "fileset" => fileset(c),
        "templatefile" => templatefile(c),
        "templatestring" => c.text(0).and_then(|t| failed(c.files.render_text(&t, c.arg(1)?))),
        "basename" => path(c, basename),
        "dirname" => path(c, dirname),
        "abspath" => abspath(c),
        "pathexpand" => pathexpand(c),
        _ => return None,
    })
}

fn read(c: &Call<'_>, path: &str) -> Result<std::sync::Arc<crate::source::SourceFile>, Stop> {
    c.files.read(path).or_else(fail)
}

fn failed(result: Result<Value, FunctionError>) -> Result<Value, Stop> {
    result.map_err(|e| Stop::Error(e.message))
}

/// The text of the file, every byte at its place in it.
/// Where a file is. What `abspath` begins with is the folder that Terraform runs in, and so does each relative path.
fn location(c: &Call<'_>, index: usize) -> Result<String, Stop> {
    let text = c.text(index)?;
    if let [Part::Literal { text: slash, .. }, Part::Hole { atom, .. }, rest @ ..] = text.parts.as_slice()
        && &**slash == "/"
        && atom.is_call_of("abspath")
        && let Some(rest) = (Text { parts: rest.to_vec() }).as_known()
    {
        return Ok(clean(rest.trim_start_matches('/')));
    }
    c.string(index)
}

fn file(c: &Call<'_>) -> Result<Value, Stop> {
    let file = read(c, &location(c, 0)?)?;
    let span = crate::place::Span::new(file.id, 0..file.text.len());
    let part = Part::Literal { text: file.text.clone(), span: Some(span), trail: None };
    Ok(Value::new(Kind::Text(Text { parts: vec![part] }), c.span))
}

fn fileset(c: &Call<'_>) -> Result<Value, Stop> {
    let mut names = c.files.list(&c.string(0)?, &c.string(1)?).or_else(fail)?;
    names.sort();
    names.dedup();
    let open = names.len() > MAX_ITEMS;
    names.truncate(MAX_ITEMS);
    c.list_value(names.into_iter().map(|n| c.string_value(n)).collect::<Result<_, _>>()?, open)
}

fn templatefile(c: &Call<'_>) -> Result<Value, Stop> {
    let file = read(c, &location(c, 0)?)?;
    failed(c.files.render(&file, c.arg(1)?))
}

fn path(c: &Call<'_>, f: fn(&str) -> String) -> Result<Value, Stop> {
    c.string(0).and_then(|p| c.string_value(f(&p)))
}

fn basename(path: &str) -> String {
    let trimmed = path.trim_end_matches('/');
    match (path, trimmed) {
        ("", _) => ".".to_owned(),
        (_, "") => "/".to_owned(),
        _ => trimmed.rsplit('/').next().unwrap_or(trimmed).to_owned(),
    }
}

fn dirname(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| path.get(..=at).unwrap_or("")))
}

/// Where the run's folder is must not matter: only a path that is absolute already is known.
fn abspath(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.string(0)?;
    if text.starts_with('/') { c.string_value(clean(&text)) } else { Err(Stop::Unknown) }
}

fn pathexpand(c: &Call<'_>) -> Result<Value, Stop> {
    let text = c.text(0)?;
    if text.known_prefix().starts_with('~') || text.known_prefix().is_empty() && !text.is_known() {
        Err(Stop::Impure)
    } else {
        c.text_value(text)
    }
}
