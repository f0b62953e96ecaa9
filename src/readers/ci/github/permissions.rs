//! Whether a job gets an ID token
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions>).

use super::super::super::shape::{field, place};
use crate::graph::{Minting, NoToken};
use crate::partial::{Kind, Value};
use crate::place::Span;

/// What a `permissions` says of `id-token`; none where there is none.
pub(super) fn stated(holder: &Value) -> Option<Minting> {
    let entry = holder.entries().iter().rev().find(|e| e.key.is_str("permissions"))?;
    let (value, span) = (&entry.value, entry.key.span().or_else(|| place(&entry.value)));
    let no = |span| Minting::No { why: NoToken::Permissions, span };
    Some(match &value.kind {
        Kind::Map { open: true, .. } | Kind::Unknown(_) | Kind::OneOf(_) => Minting::Unknown,
        Kind::Map { .. } => match field(value, "id-token") {
            Some(permission) => match permission.as_text().and_then(|t| t.as_known()).as_deref() {
                Some("write") => Minting::Yes,
                Some(_) => no(place(permission).or(span)),
                None => Minting::Unknown,
            },
            None => no(span),
        },
        Kind::Text(text) if text.is_str("write-all") => Minting::Yes,
        // `{}` and nothing take all away
        _ => no(span),
    })
}

/// Where `id-token: write` is granted.
pub(super) fn granted(holder: &Value) -> Option<Span> {
    let permission = field(field(holder, "permissions")?, "id-token")?;
    permission.as_text().filter(|t| t.is_str("write"))?;
    place(permission)
}

/// What a job gets: its own permissions, else the workflow's, and no more than whoever calls it has.
pub(super) fn of_job(workflow: &Value, job: &Value, caller: Option<(&Minting, &str)>) -> Minting {
    let own = stated(job).or_else(|| stated(workflow));
    match (own, caller) {
        (Some(no @ Minting::No { .. }), _) => no,
        (Some(Minting::Yes), Some((Minting::No { why: NoToken::NoPermissions | NoToken::CallerDefaults(_), span }, name))) => {
            Minting::No { why: NoToken::CallerDefaults(name.to_owned()), span: *span }
        }
        (_, Some((Minting::No { span, .. }, name))) => Minting::No { why: NoToken::Caller(name.to_owned()), span: *span },
        (_, Some((Minting::Unknown, _))) | (Some(Minting::Unknown), _) => Minting::Unknown,
        (Some(Minting::Yes), _) | (None, Some((Minting::Yes, _))) => Minting::Yes,
        (None, None) => Minting::No { why: NoToken::NoPermissions, span: None },
    }
}
