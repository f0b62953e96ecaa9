//! Type conversion and marks. <https://developer.hashicorp.com/terraform/language/expressions/types#type-conversion>

use super::arguments::{Answer, Call, Stop, fail};
use super::sets::set_of;
use super::unify::one_type;
use crate::partial::{Kind, Value};

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "tostring" => tostring(c),
        "tonumber" => or_null(c, |c| c.number(0).and_then(|n| c.number_value(n))),
        "tobool" => or_null(c, tobool),
        "tolist" => or_null(c, |c| list_of_one_type(c).and_then(|(items, open)| c.list_value(items, open))),
        "toset" => or_null(c, |c| list_of_one_type(c).and_then(|(items, open)| c.list_value(set_of(items), open))),
        "tomap" => or_null(c, tomap),
        "sensitive" | "nonsensitive" | "ephemeralasnull" => c.arg(0).cloned(),
        "issensitive" => c.bool_value(false),
        "list" => fail("the function `list` is gone since Terraform 0.12; use tolist([ ... ])"),
        "map" => fail("the function `map` is gone since Terraform 0.12; use tomap({ ... })"),
        _ => return None,
    })
}

fn or_null(c: &Call<'_>, convert: impl Fn(&Call<'_>) -> Result<Value, Stop>) -> Result<Value, Stop> {
    if c.arg(0)?.is_null() { Ok(c.arg(0)?.clone()) } else { convert(c) }
}

fn tostring(c: &Call<'_>) -> Result<Value, Stop> {
    let value = c.arg(0)?;
    match &value.kind {
        // The unknown keeps its identity: what it is as a string is what it is.
        Kind::Null | Kind::Text(_) | Kind::Unknown(_) => Ok(value.clone()),
        _ => c.text(0).and_then(|t| c.text_value(t)),
    }
}

fn tobool(c: &Call<'_>) -> Result<Value, Stop> {
    let value = c.arg(0)?;
    match (&value.kind, value.as_bool()) {
        (_, Some(truth)) => c.bool_value(truth),
        (Kind::Unknown(_), _) => Err(Stop::Unknown),
        (Kind::Text(t), _) if !t.is_known() => Err(Stop::Unknown),
        _ => fail("cannot convert to bool: only `true` and `false` are allowed"),
    }
}

/// The items of the list, which must have a type in common.
fn list_of_one_type(c: &Call<'_>) -> Result<(Vec<Value>, bool), Stop> {
    let (items, open) = c.list(0)?;
    let Some(items) = one_type(items) else {
        return fail(format!("argument 1 of `{}`: all elements must have the same type", c.name));
    };
    Ok((items, open))
}

fn tomap(c: &Call<'_>) -> Result<Value, Stop> {
    let (entries, open) = c.map(0)?;
    let Some(values) = one_type(entries.iter().map(|e| e.value.clone()).collect()) else {
        return fail("argument 1 of `tomap`: all elements must have the same type");
    };
    let entries = entries.into_iter().zip(values).map(|(e, value)| crate::partial::Entry { key: e.key, value }).collect();
    c.map_value(entries, open)
}
