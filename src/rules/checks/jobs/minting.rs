//! Jobs that ask for an identity and get no token to show.

use super::target;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{CiSystem, Conflict, Job, JobIdentity, JobLogin, Minting, NoToken};
use crate::rules::Finding;

/// One finding for a job: the mistake is one, however many steps log in.
pub(super) fn check(job: &Job) -> Option<Finding> {
    let Minting::No { why, span } = &job.minting else { return None };
    let keys = |l: &JobLogin| matches!(l.conflict, Some((Conflict::AwsKeysInStep | Conflict::AwsKeysInEnvironment, _)));
    let login = job.logins.iter().find(|l| !l.ambient && !keys(l))?;
    let asks = match target(login) {
        Some(target) => format!("logs in to `{target}` by its token"),
        None => "asks for an ID token".to_owned(),
    };
    let (what, help) = said(why, job.system);
    let by_default = matches!(why, NoToken::CallerDefaults(_));
    let message = if by_default { format!("this job {asks}: {what}") } else { format!("this job {asks} and gets none: {what}") };
    let mut finding = Finding::new(RuleId::JobCannotMintToken, &job.origin, Some(login.span), "token", message)
        .help(help)
        .related(*span, "this decides it");
    if let Some((name, place)) = &job.caller {
        finding = finding.related_to(*place, format!("called by `{name}`"));
    }
    // a command may do without, by a test of its own
    let command = matches!(login.identity, JobIdentity::Other) && login.optional;
    if by_default {
        return Some(finding.severity(Severity::Low).certain(false));
    }
    Some(if command { finding.severity(Severity::Medium).certain(false) } else { finding })
}

fn said(why: &NoToken, system: CiSystem) -> (String, String) {
    const GRANT: &str = "add `permissions: {id-token: write, contents: read}`";
    match why {
        NoToken::Permissions => (
            "its `permissions` do not hold `id-token: write`, and what is not listed is taken away".to_owned(),
            "add `id-token: write` to the `permissions` of the job".to_owned(),
        ),
        NoToken::NoPermissions => {
            ("nothing says `permissions`, and the defaults never hold `id-token: write`".to_owned(), format!("{GRANT} to the job"))
        }
        NoToken::Caller(name) => (
            format!("its caller `{name}` does not have `id-token: write`, and a called workflow gets no more than its caller has"),
            format!("{GRANT} to the calling job"),
        ),
        NoToken::CallerDefaults(name) => (
            format!(
                "its caller `{name}` states no `permissions`, and where the repository's default is read-only GitHub refuses to start a workflow that wants more than its caller has"
            ),
            format!("{GRANT} to the calling job"),
        ),
        NoToken::StepWithoutOidc => ("the step does not say `oidc: true`".to_owned(), "add `oidc: true` to the step".to_owned()),
        NoToken::TokenOfOtherJob(name) => (
            format!("`{name}` is declared elsewhere, and the `id_tokens` of the job replace those of `default`"),
            format!("declare `{name}` under the `id_tokens` of the job"),
        ),
        NoToken::Removed(name) => (
            format!("{} removed `{name}`", system.name()),
            "declare a token under `id_tokens` with the audience that the trust wants".to_owned(),
        ),
        NoToken::NoAudience(name) => {
            (format!("`{name}` has no `aud`, which {} requires", system.name()), "set `aud` to what the trust wants".to_owned())
        }
    }
}
