//! Ids of Azure that stand where another kind of id is wanted: object ids, client ids and resource ids all look alike
//! (<https://learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals>).

use super::super::engine::Context;
use super::super::finding::Finding;
use crate::catalogue::RuleId;
use crate::graph::{IdKind, IdSink, IdUse};

/// Every finding about ids.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.id_uses.iter().filter(|u| !fits(u)).map(finding).collect()
}

fn fits(id: &IdUse) -> bool {
    match id.sink {
        IdSink::RoleAssignment => matches!(id.given, IdKind::Principal | IdKind::Guid),
        // The old form of the argument took the object id, and `id` was that.
        IdSink::OfApplication => id.given == IdKind::Application,
        IdSink::OfIdentity => matches!(id.given, IdKind::Resource),
        IdSink::Annotation | IdSink::Variable => matches!(id.given, IdKind::Client | IdKind::Guid),
    }
}

fn finding(id: &IdUse) -> Finding {
    let (wanted, why, help) = match id.sink {
        IdSink::RoleAssignment => (
            "the object id of a principal",
            "the assignment fails, or is for nobody",
            "write `principal_id` of a managed identity, or `object_id` of a service principal",
        ),
        IdSink::OfApplication => (
            "the resource id of the application (`/applications/OBJECT_ID`)",
            "the credential is not made",
            "write `id` of the application",
        ),
        IdSink::OfIdentity => ("the resource id of the identity", "the credential is not made", "write `id` of the managed identity"),
        IdSink::Annotation => {
            ("the client id", "Entra knows no such client (AADSTS700016), so the pods get no token", "write `client_id` of the identity")
        }
        IdSink::Variable => {
            ("the client id", "the login asks Entra for a client that is not there (AADSTS700016)", "write `client_id` of the identity")
        }
    };
    let message = format!("`{}` is {}, and {wanted} is wanted here: {why}", id.shown, noun(id.given));
    Finding::new(RuleId::MalformedPrincipal, &id.origin, id.span, &format!("{:?}", id.sink), message).help(help)
}

fn noun(kind: IdKind) -> &'static str {
    match kind {
        IdKind::Client => "a client id",
        IdKind::Principal => "the object id of a principal",
        IdKind::ApplicationObject => "the object id of an application",
        IdKind::Application => "the resource id of an application",
        IdKind::Resource => "a resource id",
        IdKind::Guid => "a bare id",
        IdKind::Tenant => "the id of a tenant",
    }
}
