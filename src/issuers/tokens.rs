//! Ready tokens of the common issuers, for `fedlint simulate`.

use super::template::Values;
use super::{ClaimPart, Context, StandsFor, Tag, Template, registry};
use crate::token::Token;
use std::collections::BTreeMap;

/// GitHub's issuer for github.com.
const GITHUB: &str = "token.actions.githubusercontent.com";

/// A GitHub Actions job.
#[derive(Debug, Clone, Default)]
pub struct Github<'a> {
    /// `octo-org`
    pub owner: &'a str,
    /// `octo-repo`
    pub repository: &'a str,
    /// `refs/heads/main`, `refs/tags/v1`, `refs/pull/1/merge`; a bare name is a branch; empty is `main`.
    pub reference: &'a str,
    /// `push`, `pull_request`, `pull_request_target`; empty where the ref says it.
    pub event: &'a str,
    /// The deployment environment of the job.
    pub environment: Option<&'a str>,
    /// The ids of owner and repository, for an immutable subject.
    pub ids: Option<(&'a str, &'a str)>,
    /// The audience; empty is the one of AWS.
    pub audience: &'a str,
    /// The issuer's URL; empty is github.com's.
    pub issuer: &'a str,
}

/// The token of a GitHub Actions job; none when a name is not one that GitHub allows, or the issuer is not GitHub's.
#[must_use]
pub fn github(job: &Github<'_>) -> Option<Token> {
    let recognised = registry().recognise(if job.issuer.is_empty() { GITHUB } else { job.issuer })?;
    let (kind, reference) = reference(job.reference);
    let pull = job.event.starts_with("pull_request") || kind == "pull";
    let merged = pull && kind == "branch" && !job.reference.is_empty();
    let template = recognised.templates().into_iter().find(|t| fits(t, job, kind, pull))?;
    let mut values = Values::from([("owner".to_owned(), job.owner.to_owned()), ("repository".to_owned(), job.repository.to_owned())]);
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            values.insert(name.to_owned(), value.to_owned());
        }
    };
    match kind {
        "tag" => put("tag", reference),
        "pull" => put("pull_number", reference.split('/').next().unwrap_or_default()),
        _ if merged => put("base_branch", reference),
        _ => put("branch", reference),
    }
    if !pull {
        put("event", job.event);
    }
    put("environment", job.environment.unwrap_or_default());
    put("audience", if job.audience.is_empty() { "sts.amazonaws.com" } else { job.audience });
    put("owner_id", job.ids.map_or("", |(owner, _)| owner));
    put("repository_id", job.ids.map_or("", |(_, repository)| repository));
    checked(&template, &values)
}

/// Whether a template is the one of such a job: its claims can say what the job's do.
fn fits(template: &Template, job: &Github<'_>, kind: &str, pull: bool) -> bool {
    let mut said = Token::default();
    if pull {
        said.set("event_name", if job.event.is_empty() { "pull_request" } else { job.event });
    }
    if !job.reference.is_empty() || !pull {
        said.set("ref_type", if kind == "tag" { "tag" } else { "branch" });
        let (_, short) = reference(job.reference);
        let folder = match kind {
            "tag" => "tags",
            "pull" => "pull",
            _ => "heads",
        };
        said.set("ref", format!("refs/{folder}/{short}"));
    }
    if let Some(environment) = job.environment {
        said.set("environment", environment);
    }
    let pulls = [Context::PullRequest, Context::PullRequestTarget];
    let own_event = template.claim("event_name").is_some_and(|parts| parts.iter().all(|p| matches!(p, ClaimPart::Literal(_))));
    template.segment("owner").is_some()
        && template.is(Tag::ImmutableIds) == job.ids.is_some()
        && template.claim("environment").is_some() == job.environment.is_some()
        && (pulls.contains(&template.context) || (own_event && job.environment.is_some())) == pull
        && template.bind(&said).is_some()
}

/// The kind of a ref (`branch`, `tag`, `pull`) and its short name.
fn reference(reference: &str) -> (&'static str, &str) {
    let kinds = [("refs/heads/", "branch"), ("refs/tags/", "tag"), ("refs/pull/", "pull")];
    let found = kinds.into_iter().find_map(|(prefix, kind)| reference.strip_prefix(prefix).map(|short| (kind, short)));
    found.unwrap_or(("branch", if reference.is_empty() { "main" } else { reference }))
}

/// The token of a pod: `issuer` is the cluster's URL. None when the namespace or the ServiceAccount is not a
/// Kubernetes name.
#[must_use]
pub fn kubernetes(issuer: &str, namespace: &str, service_account: &str) -> Option<Token> {
    let recognised = registry().recognise(issuer).or_else(|| registry().standing_for(StandsFor::Cluster, issuer))?;
    let values = [("namespace", namespace), ("service_account", service_account)];
    let values: Values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    recognised.templates().iter().find(|t| t.segment("service_account").is_some()).and_then(|t| checked(t, &values))
}

/// The JWT-SVID of a SPIFFE id; `issuer` is the server's `jwt_issuer`. None when the id is not one.
#[must_use]
pub fn spiffe(issuer: &str, id: &str) -> Option<Token> {
    let recognised = registry().standing_for(StandsFor::Spiffe, issuer)?;
    let mut token = Token { claims: BTreeMap::new() };
    token.set("sub", id);
    recognised.templates().iter().find_map(|t| t.complete(&token))
}

/// The token, when each value is within the alphabet of its segment.
fn checked(template: &Template, values: &Values) -> Option<Token> {
    let token = template.instantiate(values);
    template.matches(&token).then_some(token)
}
