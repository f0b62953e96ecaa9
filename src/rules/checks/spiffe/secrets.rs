//! Secrets in SPIRE's own configuration.

use super::is_rehearsal;
use crate::catalogue::{RuleId, Severity};
use crate::graph::spiffe::{Secret, SecretKind};
use crate::rules::Finding;
use crate::rules::engine::Context;

/// Every secret that is written where others can read it.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.spiffe.secrets.iter().map(|s| one(context, s)).collect()
}

fn one(context: &Context<'_>, secret: &Secret) -> Finding {
    let (what, help, severity) = match secret.kind {
        SecretKind::Database => (
            "the password of the server's database stands in the configuration: who reads it reads and writes every registration entry",
            "take it from the environment (`-expandEnv`, `${NAME}`), or let the database know the server by a certificate or an IAM identity",
            Severity::High,
        ),
        SecretKind::Cloud => (
            "a long-lived secret of a cloud stands in the configuration",
            "let the server use the identity of its machine or pod (instance role, workload identity)",
            Severity::High,
        ),
        SecretKind::Vault => (
            "a secret of Vault stands in the configuration: who reads it can have the CA of the trust domain signed",
            "use `k8s_auth` or `cert_auth`",
            Severity::High,
        ),
        SecretKind::Other => {
            ("a secret stands in the configuration", "take it from the environment (`-expandEnv`, `${NAME}`)", Severity::Medium)
        }
    };
    let severity = if is_rehearsal(context, secret.origin.span) { Severity::Low } else { severity };
    let message = format!("{what} (`{}`)", secret.setting);
    Finding::new(RuleId::StaticCredential, &secret.origin, secret.span, secret.setting, message).severity(severity).help(help)
}
