//! `id-token: write` for a job that has no use for it.

use super::super::super::shape::text_at;
use super::permissions;
use super::scope::Scope;
use super::steps::{self, Step};
use crate::partial::{Value, cut};
use crate::place::Span;

/// Actions that ask for no token.
const WITHOUT: [&str; 17] = [
    "actions/cache",
    "actions/checkout",
    "actions/download-artifact",
    "actions/github-script",
    "actions/labeler",
    "actions/setup-dotnet",
    "actions/setup-go",
    "actions/setup-java",
    "actions/setup-node",
    "actions/setup-python",
    "actions/stale",
    "actions/upload-artifact",
    "docker/setup-buildx-action",
    "docker/setup-qemu-action",
    "dtolnay/rust-toolchain",
    "hashicorp/setup-terraform",
    "swatinem/rust-cache",
];
/// Words of commands that may ask for one: the endpoint, and tools that find it themselves.
const USES: [&str; 17] = [
    "ID_TOKEN",
    "oidc",
    "OIDC",
    "cosign",
    "npm publish",
    "pnpm",
    "yarn",
    "twine",
    "uv publish",
    "sigstore",
    "terraform",
    "tofu",
    "vault",
    "attest",
    "gem push",
    "cargo publish",
    "./",
];

/// The place of a permission of the job's own that nothing in it can use.
pub(super) fn permission(job: &Value, steps: &[Step<'_>], scope: &Scope<'_>) -> Option<Span> {
    let span = permissions::granted(job)?;
    let without = |step: &Step<'_>| match &step.uses {
        Some(uses) => WITHOUT.contains(&uses.as_str()) && uses != "actions/github-script",
        None => {
            let run = text_at(step.value, "run").map(|r| cut::flat(&r)).unwrap_or_default();
            !USES.iter().any(|word| run.contains(word)) && steps::login(step, scope).is_none()
        }
    };
    (!steps.is_empty() && steps.iter().all(without)).then_some(span)
}
