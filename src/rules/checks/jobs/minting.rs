//! Jobs that ask for an identity and get no token to show.

use super::target;
use crate::catalogue::{RuleId, Severity};
use crate::gate::jobs::no_token;
use crate::graph::{Conflict, Job, JobIdentity, JobLogin, Minting, NoToken};
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
    let (what, help) = no_token(why, job.system);
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
