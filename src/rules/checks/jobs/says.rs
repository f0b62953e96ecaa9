//! What a refusal is to a reader.

use super::super::super::engine::Context;
use crate::gate::jobs::{Culprit, Door, Failing, Refusal};
use crate::graph::{FactOf, FactValue, JobAudience, JobIdentity, JobLogin, NamedBy, TokenFact};

/// Why, and what to do.
pub(super) struct Said {
    pub(super) why: String,
    pub(super) help: String,
}

/// What no token of the job can do.
pub(super) fn asked(context: &Context<'_>, login: &JobLogin, door: &Door<'_>) -> String {
    let name = door.identity.and_then(|id| context.graph.identity(id)).map_or(&door.origin.name, |i| &i.origin.name);
    match &login.identity {
        JobIdentity::AwsRole(_) => format!("can assume `{name}`"),
        JobIdentity::Google { account: Some(_), .. } if door.identity.is_some() => format!("can impersonate `{}`", account(login, name)),
        JobIdentity::Google { .. } => format!("is admitted by the provider `{name}`"),
        JobIdentity::AzureClient(_) => format!("matches a federated credential of `{}`", resource(name)),
        JobIdentity::Other => "is accepted".to_owned(),
    }
}

/// `${azurerm_user_assigned_identity.ci.id}` by its address.
fn resource(name: &str) -> &str {
    let inner = name.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(name);
    inner.strip_suffix(".id").unwrap_or(inner)
}

fn account(login: &JobLogin, name: &str) -> String {
    match &login.identity {
        JobIdentity::Google { account: Some(all), .. } => all.first().map_or_else(|| name.to_owned(), |n| n.text.to_string()),
        _ => name.to_owned(),
    }
}

pub(super) fn why(login: &JobLogin, refusal: &Refusal) -> Said {
    let cause = match &refusal.culprit {
        Some(Culprit::Fact(fact)) => cause(fact, refusal.wanted()),
        Some(Culprit::Audience) => match &login.audience {
            JobAudience::Known(text) => format!("it asks for the audience `{text}`"),
            _ => "its audience is another".to_owned(),
        },
        Some(Culprit::Repository) => "its repository is another, or is written in another letter case".to_owned(),
        Some(Culprit::OwnRepository(own)) => format!("it is a job of `{}`, as {} says", own.name, named_by(own.by)),
        None => "its claims are others".to_owned(),
    };
    let Some(Failing { claim: name, presented, wanted }) = refusal.failing() else {
        return Said { why: cause, help: "let the trust accept what the job presents, or change the job".to_owned() };
    };
    let absent = || "nothing".to_owned();
    let quoted = |v: &Option<String>| v.as_ref().map_or_else(absent, |v| format!("`{v}`"));
    let only_case = presented.as_ref().zip(wanted.as_ref()).is_some_and(|(a, b)| a.eq_ignore_ascii_case(b));
    let near = if only_case { ", which differs in letter case alone" } else { "" };
    let why = format!("{cause}; it presents {} as `{name}`, and the trust wants {}{near}", quoted(&presented), quoted(&wanted));
    let help = match (&presented, &wanted) {
        (Some(presented), Some(wanted)) => {
            format!("trust `{presented}`, or change the job so that it presents `{wanted}`")
        }
        _ => format!("make `{name}` of the job and of the trust agree"),
    };
    Said { why, help }
}

fn named_by(by: NamedBy) -> &'static str {
    match by {
        NamedBy::Configuration => "the configuration",
        NamedBy::Environment => "the environment of the CI job",
        NamedBy::Remote => "the address of git's remote",
    }
}

/// What of the job is not wanted.
fn cause(fact: &TokenFact, wanted: Option<&str>) -> String {
    let FactOf::Claim(name) = &fact.of else {
        return match &fact.value {
            FactValue::Is(value) => format!("it is `{value}`"),
            _ => "it is another".to_owned(),
        };
    };
    match (name.as_str(), &fact.value, wanted) {
        ("environment", FactValue::Is(value), None) => {
            format!("it runs in the environment `{value}`, so that its subject names the environment and not the ref")
        }
        ("environment", FactValue::Is(value), Some(_)) => format!("it runs in the environment `{value}`"),
        ("environment", FactValue::Absent, Some(wanted)) => format!("it names no environment, and the trust is for `{wanted}`"),
        ("environment", FactValue::Absent, None) => "it names no environment".to_owned(),
        ("ref", FactValue::Like(_, shown), _) => format!("it runs on {shown}"),
        ("event_name", FactValue::Is(value), _) => format!("it is started by `{value}`"),
        ("job_workflow_ref", FactValue::Like(_, shown), _) => format!("the workflow that logs in is {shown}"),
        (name, FactValue::Is(value), _) => format!("its `{name}` is `{value}`"),
        (name, FactValue::Like(_, shown), _) => format!("its `{name}` is {shown}"),
        (name, FactValue::Absent, _) => format!("its token has no `{name}`"),
        (name, FactValue::Not(_), _) => format!("its `{name}` is another"),
    }
}
