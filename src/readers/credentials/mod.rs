//! Static credentials: access keys, keys of service accounts, client secrets, tokens that never expire, wherever a file makes
//! them, keeps them or hands them to a workload.

mod ci;
mod files;
mod names;
mod operators;
mod pods;
mod settings;
mod terraform;
pub(in crate::readers) mod value;
mod workflow;

use super::context::{Object, Reader};
use super::shape::{field, known_at};
use crate::graph::{Beside, Origin, Stands, StaticCredential};
pub(super) use files::{Kept, remember};
use settings::Found;
pub(super) use terraform::resource;

/// Reads a document.
pub(super) fn document(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if field(value, "apiVersion").is_some()
        && let Some(kind) = known_at(value, "kind")
    {
        files::manifest(reader, object, &kind);
        if kind == "ClusterRoleBinding" {
            files::administrators(reader, object);
        }
        pods::read(reader, object, &kind);
        operators::read(reader, object, &kind);
        return;
    }
    if object.templated || !object.whole {
        return;
    }
    if ci::is_pipeline(object.file) {
        workflow::read(reader, object);
        ci::read(reader, object);
    } else {
        files::loose(reader, object);
        operators::values(reader, object);
    }
}

/// What was found among settings, as a fact.
fn of(origin: Origin, stands: Stands, found: Found) -> StaticCredential {
    StaticCredential {
        written: found.written,
        span: found.span,
        trail: found.trail,
        secret: found.secret,
        beside: found.federated.map(|span| Beside { span: Some(span), shadowed: false }),
        ..StaticCredential::new(origin, found.cloud, found.kind, stands)
    }
}
