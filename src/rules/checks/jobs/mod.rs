//! CI jobs and the trusts that they ask: what can never log in, and what lets people outside log in.

mod admitted;
mod minting;
mod outsiders;
mod says;
mod unused_trusts;

use super::super::engine::Context;
use super::super::finding::Finding;
use super::aws::malformed;
use super::privilege;
use crate::admission::iam;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Conflict, Job, JobIdentity, JobLogin, Minting};
use crate::place::Span;
use rayon::prelude::*;

/// Every finding about jobs.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let privileged = privilege::privileged(context.graph);
    let one = |(index, job): (usize, &Job)| {
        let mut out: Vec<Finding> = minting::check(job).into_iter().collect();
        out.extend(conflicts(context, job));
        out.extend(unused(job));
        out.extend(no_roles(job));
        if !job.minting.is_refused() {
            out.extend(admitted::check(context, index, job));
        }
        out.extend(outsiders::check(context, index, job, &privileged));
        out
    };
    let mut out: Vec<Finding> = context.graph.jobs.par_iter().enumerate().flat_map_iter(one).collect();
    out.extend(unused_trusts::check(context));
    out
}

/// The stored credentials beside the federated logins of a job: what they do there, where they are, and the login.
pub(super) fn stored(job: &Job) -> impl Iterator<Item = (Conflict, Span, &JobLogin)> {
    let beside = |login: &'_ JobLogin| login.conflict;
    job.logins.iter().filter_map(move |login| beside(login).map(|(conflict, span)| (conflict, span, login))).filter(|(conflict, ..)| {
        // without a token the keys are the way in, and not beside one
        let keys = matches!(conflict, Conflict::AwsKeysInStep | Conflict::AwsKeysInEnvironment);
        !keys || job.minting == Minting::Yes
    })
}

fn conflicts(context: &Context<'_>, job: &Job) -> Vec<Finding> {
    let mut out = Vec::new();
    for (conflict, span, login) in stored(job) {
        // a secret that everybody can read is told as that
        if context.graph.static_credentials.iter().any(|c| c.written && c.span.is_some_and(|at| context.same_line(at, span))) {
            continue;
        }
        let (message, help) = said(conflict);
        let finding = Finding::new(RuleId::ConflictingCredentials, &job.origin, Some(span), "stored", message);
        out.push(finding.help(help).related_to(login.span, "the federated login"));
    }
    out
}

/// Logins to what cannot be a role. A bare name is one in the account of the caller
/// (<https://github.com/aws-actions/configure-aws-credentials#options>).
fn no_roles(job: &Job) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    for login in &job.logins {
        let JobIdentity::AwsRole(named) = &login.identity else { continue };
        for arn in named.iter().map(|n| &n.text).filter(|text| text.known_prefix().starts_with("arn:")) {
            let Some(found) = iam::malformed_role(arn) else { continue };
            let message = format!("`{arn}` is not the ARN of a role, {}: the job cannot log in", malformed::what(&found));
            let finding = malformed::finding(&job.origin, &found, arn, arn.span().or(Some(login.span)), message);
            if !out.iter().any(|f| f.span == finding.span) {
                out.push(finding.help("write `arn:aws:iam::ACCOUNT:role/NAME`, with the account's twelve digits"));
            }
        }
    }
    out
}

fn said(conflict: Conflict) -> (&'static str, &'static str) {
    match conflict {
        Conflict::AwsKeysInStep => (
            "access keys beside the role: the action assumes the role with the keys and never asks for a token, so the federation is not used",
            "remove the keys; with `id-token: write` the action assumes `role-to-assume` by the job's token",
        ),
        Conflict::AwsKeysInEnvironment => (
            "stored access keys are in the environment of a job that logs in by its token: whatever reads the environment first uses the keys, not the role",
            "remove the keys from `env` and from the secrets",
        ),
        Conflict::GoogleKeyInStep => (
            "a provider and a stored key together: the action stops (it takes exactly one of `workload_identity_provider` and `credentials_json`), and the key stays valid",
            "remove `credentials_json` and delete the key",
        ),
        Conflict::AzureCredsInStep => (
            "`creds` beside `client-id`: the action ignores the stored secret and logs in by the token, and the secret stays valid",
            "remove `creds` and delete the client secret",
        ),
        Conflict::AzureSecretInEnvironment => (
            "a stored client secret beside a federated login: tools that find the secret use it, and it stays valid when the token does not",
            "remove the secret from `env` and delete it",
        ),
    }
}

fn unused(job: &Job) -> Option<Finding> {
    let span = job.unused_permission?;
    let message =
        "`id-token: write` is granted to a job in which nothing asks for a token: any step of it, and any action that it uses, could";
    let finding = Finding::new(RuleId::UnusedTokenPermission, &job.origin, Some(span), "unused", message);
    Some(finding.severity(Severity::Info).certain(false).help("remove the permission"))
}

/// How a person names what a login asks for.
fn target(login: &JobLogin) -> Option<String> {
    let of = |all: &[crate::graph::Named]| all.first().map(|n| n.text.to_string());
    match &login.identity {
        JobIdentity::AwsRole(names) | JobIdentity::AzureClient(names) => of(names),
        JobIdentity::Google { provider, account } => account.as_deref().and_then(of).or_else(|| of(provider)),
        JobIdentity::Other => None,
    }
}
