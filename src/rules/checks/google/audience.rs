//! Which tokens a provider takes by their audience: those on its list, else those for its own resource name
//! (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers#Oidc>).

use super::{Context, Seen};
use crate::admission::cel::google::{GoogleView, references};
use crate::admission::exposure::Life;
use crate::admission::formula::{Formula, Matcher};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{GoogleProvider, GoogleSource, Graph, pieces};
use crate::issuers::{ClaimPart, Recognised, Role};
use crate::rules::audience::{one_of, readable, test};

use crate::partial::Text;
use crate::rules::{Finding, subjects};

/// The beginnings of a provider's own name in an audience.
const OWN: [&str; 2] = ["https://iam.googleapis.com/projects/", "//iam.googleapis.com/projects/"];

/// The list as formulas.
pub(super) struct Accepted {
    /// "The audience is the first that is accepted", for gates that do not look at it themselves.
    pub(super) usual: Formula,
    /// "The audience is one that is accepted", as far as it is known.
    pub(super) any: Formula,
}

/// What a provider accepts; none for one that is not asked for tokens with an audience.
pub(super) fn accepted(graph: &Graph, google: &GoogleProvider, recognised: &Recognised<'_>) -> Option<Accepted> {
    let GoogleSource::Oidc { audiences, .. } = &google.source else { return None };
    if audiences.is_empty() {
        let mut own = Text::known("/locations/global/workloadIdentityPools/");
        own.push(&google.pool_name);
        own.push(&Text::known("/providers/"));
        own.push(&google.name);
        let number = number(graph, google);
        let whole = |start: &str| format!("{start}{}{}", number.as_deref().unwrap_or("PROJECT_NUMBER"), readable(&own));
        let named = |start: &&str| match &number {
            Some(_) if own.is_known() => test(Matcher::Exact(Text::known(whole(start)))),
            _ => Formula::All(vec![test(Matcher::Prefix(Text::known(start))), test(Matcher::Suffix(own.clone()))]),
        };
        return Some(Accepted { usual: one_of(&[whole(OWN[0])]), any: Formula::Any(OWN.iter().map(named).collect()) });
    }
    let any = Formula::Any(audiences.iter().map(|a| test(Matcher::Exact(a.clone()))).collect());
    let shown: Vec<String> = audiences.iter().map(readable).collect();
    let first = shown.first().filter(|_| shown.len() == 1 || chosen_freely(recognised)).cloned();
    Some(Accepted { usual: one_of(&first.map_or(shown, |f| vec![f])), any })
}

/// The number of the provider's project, when it is written.
fn number(graph: &Graph, google: &GoogleProvider) -> Option<String> {
    let pool = google.pool.and_then(|id| graph.pool(id))?;
    let named = pool.resource_name.as_ref().and_then(|name| pieces::strip_prefix(name, "projects/"));
    let project = named.and_then(|rest| pieces::split_once(&rest, "/")).map(|(project, _)| project);
    let digits = |t: &Text| t.as_known().filter(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit()));
    project.as_ref().and_then(digits).or_else(|| pool.project.as_ref().and_then(digits))
}

/// Whoever asks for a token of the issuer picks its audience, and it says nothing else.
fn chosen_freely(recognised: &Recognised<'_>) -> bool {
    let claims = ["aud".to_owned()].into();
    recognised.templates_for(&claims).iter().all(|t| match t.claim("aud") {
        Some([ClaimPart::Segment(index)]) => t.segments.get(*index).is_some_and(|s| s.role == Role::CallerChosen),
        _ => false,
    })
}

/// Whether the provider's own expressions look at the audience.
pub(super) fn is_read(view: &GoogleView) -> bool {
    let mentions = |text: &Text| pieces::flat(text).contains("aud");
    (view.condition.iter().any(mentions) || view.mapping.iter().any(|(_, e)| mentions(e)))
        && references(view).claims.iter().any(|r| r.name == "aud")
}

/// No token of the issuer is for an audience that is accepted, though the condition lets some in.
pub(super) fn unmet(context: &Context<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let dead = |formula: &Formula| matches!(context.life(formula, &seen.templates(formula)), Life::Dead);
    if seen.accepted.is_none() || !dead(&seen.condition) || dead(&seen.plain) {
        return None;
    }
    let name = &seen.recognised.issuer.name;
    let span = match &seen.google.source {
        GoogleSource::Oidc { audiences, .. } => audiences.first().and_then(Text::span),
        _ => None,
    };
    let (templates, _) = subjects::tokens(&seen.recognised, &seen.condition, &context.graph.subject_formats);
    let minted: Vec<String> = templates.iter().filter_map(|t| t.claim("aud").map(|parts| t.text(parts))).collect();
    let message = format!("no token of {name} is for an audience that this provider accepts: nobody enters the pool");
    let finding = Finding::new(RuleId::AudienceMismatch, &seen.provider.origin, span, "audience", message);
    let help = minted.first().map_or_else(
        || "put the audience of the tokens into `allowed_audiences`".to_owned(),
        |aud| format!("put the audience of the tokens into `allowed_audiences`: `{aud}`"),
    );
    Some(finding.severity(Severity::Medium).certain(false).help(help))
}
