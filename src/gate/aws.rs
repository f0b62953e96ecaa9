//! IAM trust policies: the federated principals of a role, each as its tokens meet the policy.

use super::audience::Accepted;
use super::issuer;
use super::subjects;
use super::{Inputs, IssuerView};
use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::Formula;
use crate::admission::iam::{self, Effect, Policy, PrincipalRef, View, Viewer};
use crate::graph::addresses::account_of_arn;
use crate::graph::{Graph, Identity, IdentityKind, Origin, ProviderId, ProviderKind};
use crate::issuers::{ClaimPart, Context, Role, SessionTags, Template};
use crate::partial::{Part, Text, cut};
use std::collections::BTreeMap;

/// The action of a web identity.
pub const WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// A role's trust as the tokens of one federated principal meet it.
pub type FederatedView<'a> = IssuerView<'a, Federated>;

/// The federated principal that tokens come through.
#[derive(Debug, Clone)]
pub struct Federated {
    /// As it is written.
    pub principal: Text,
    /// The formula when the tests hold that depend on when and where the request is made.
    pub lenient: Formula,
    /// The session tags that may come with a token.
    pub tags: SessionTags,
}

impl Federated {
    /// The templates with the keys of the request that the formula reads.
    #[must_use]
    pub fn request(&self, templates: Vec<Template>, formula: &Formula) -> Vec<Template> {
        iam::with_request_keys(templates, formula, &Viewer::Federated(self.principal.clone()), self.tags)
    }
}

/// The issuers whose tokens the policy of a role takes, each once, in order.
#[must_use]
pub fn views<'a>(inputs: &Inputs<'a>, role: Option<&Identity>, policy: &Policy, providers: &[ProviderId]) -> Vec<FederatedView<'a>> {
    let mut out: Vec<FederatedView<'a>> = Vec::new();
    let mut done: Vec<Text> = Vec::new();
    for principal in iam::principals(policy) {
        let elsewhere = other_account(role, &principal.text).is_some();
        let saml = || policy.statements.get(principal.statement).is_some_and(only_saml);
        if !principal.brings_tokens() || elsewhere || saml() || done.iter().any(|d| d.same(&principal.text)) {
            continue;
        }
        done.push(principal.text.clone());
        out.extend(issuer_view(inputs, policy, &principal.text, providers));
    }
    out
}

/// The policy as the tokens of one federated principal meet it; `providers` are the resources that it may mean.
#[must_use]
pub fn issuer_view<'a>(inputs: &Inputs<'a>, policy: &Policy, principal: &Text, providers: &[ProviderId]) -> Option<FederatedView<'a>> {
    let shown = iam::issuer_of_federated(principal);
    let spelt = if shown.is_some() { None } else { issuer_of_keys(policy, principal) };
    // An ARN that shows its issuer in part (`…:oidc-provider/${var.issuer}`) means the one that the keys spell, when it can be.
    let told = shown.as_ref().filter(|host| !host.is_known()).and_then(|host| {
        let keys = issuer_of_keys(policy, principal)?;
        issuer::may_be(host, &keys.as_known()?).then_some(keys)
    });
    let whole = told.is_none();
    let host = told.or(shown).or_else(|| spelt.clone()).unwrap_or_else(|| principal.clone());
    let subjects: Vec<String> = subject_values(policy).iter().map(Text::known_prefix).collect();
    let known = issuer::known(inputs.registry, &host, &subjects)?;
    let recognised = known.recognised;
    let keys: BTreeMap<String, String> = recognised
        .issuer
        .claim_names()
        .filter_map(|claim| recognised.issuer.aws_key_of(claim).map(|key| (key.to_lowercase(), claim.to_owned())))
        .chain([("sub".to_owned(), "sub".to_owned())])
        .collect();
    let azp = recognised.issuer.claim("azp").is_some();
    let claim_of = |key: &str| match key.to_lowercase().as_str() {
        "aud" => Some(if azp { "azp" } else { "aud" }.to_owned()),
        "oaud" => Some("aud".to_owned()),
        key => keys.get(key).cloned(),
    };
    let view = View { viewer: Viewer::Federated(principal.clone()), issuer: spelt.clone(), action: WEB_IDENTITY, claim_of: &claim_of };
    let formula = iam::formula(policy, &view);
    let formats = &inputs.graph.subject_formats;
    let (templates, subjects) = subjects::tokens(&recognised, &formula, formats);
    let accepted = if azp { None } else { clients(inputs, principal, providers) };
    let tags = iam::session_tags(policy, recognised.issuer.session_tags);
    let via = Federated { principal: principal.clone(), lenient: iam::lenient_formula(policy, &view), tags };
    let templates = via.request(without_hidden_branches(templates, &claim_of), &formula);
    let certain = known.certain && spelt.is_none() && whole;
    Some(IssuerView { via, recognised, certain, formula, templates, subjects, accepted, formats })
}

/// A token whose branch no policy can see, of an issuer that has others in which the subject says it, is a workload's: there is
/// no branch to pin in it.
fn without_hidden_branches(mut templates: Vec<Template>, claim_of: &dyn Fn(&str) -> Option<String>) -> Vec<Template> {
    let names_ref = |t: &Template, parts: &[ClaimPart]| {
        let is_ref = |i: &usize| t.segments.get(*i).is_some_and(|s| s.role == Role::Ref);
        parts.iter().any(|part| matches!(part, ClaimPart::Segment(i) if is_ref(i)))
    };
    let in_subject = |t: &Template| t.claim("sub").is_some_and(|parts| names_ref(t, parts));
    if !templates.iter().any(in_subject) {
        return templates;
    }
    let seen = |t: &Template| t.claims.iter().any(|(name, parts)| names_ref(t, parts) && claim_of(name).is_some());
    let hidden = |t: &Template| matches!(t.context, Context::Branch | Context::Tag) && !in_subject(t) && !seen(t);
    for template in templates.iter_mut().filter(|t| hidden(t)) {
        template.context = Context::Workload;
    }
    templates
}

/// The issuer that the condition keys beside a principal spell whose ARN does not show it: they are made for the tokens of the
/// provider that is meant. None where they spell several.
fn issuer_of_keys(policy: &Policy, principal: &Text) -> Option<Text> {
    let mut found: Option<Text> = None;
    for named in named_by_allow(policy, principal) {
        let conditions = policy.statements.get(named.statement).map(|s| s.conditions.as_slice()).unwrap_or_default();
        for test in conditions {
            let Some((prefix, _)) = cut::rsplit_once(&test.key, ":") else { continue };
            let known = prefix.as_known();
            let of_aws = known.as_deref().is_some_and(|k| ["aws", "sts", "saml"].iter().any(|own| own.eq_ignore_ascii_case(k)));
            if of_aws || known.as_deref().is_some_and(|k| !k.contains('.')) {
                continue;
            }
            match &found {
                Some(before) if !before.same(&prefix) => return None,
                Some(_) => {}
                None => found = Some(prefix),
            }
        }
    }
    found
}

/// The clients of the provider: STS takes tokens for one of them only.
fn clients(inputs: &Inputs<'_>, principal: &Text, providers: &[ProviderId]) -> Option<Accepted> {
    let host = iam::issuer_of_federated(principal)?;
    let clients = registered_clients(inputs.graph, providers, &|url| is_of(url, &host))?;
    Some(Accepted { certain: clients.certain, ..Accepted::written(&clients.ids) })
}

/// The client ids that are registered at the providers that may be meant.
#[derive(Debug, Clone)]
pub struct Clients<'a> {
    /// The ids; never none.
    pub ids: Vec<Text>,
    /// Each is written, where it counts.
    pub certain: bool,
    /// The first of the providers.
    pub provider: &'a Origin,
}

/// The clients of those of `providers` whose URL is meant; none where a provider's are not known, or none is in the scan
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).
#[must_use]
pub fn registered_clients<'a>(graph: &'a Graph, providers: &[ProviderId], is_meant: &dyn Fn(&Text) -> bool) -> Option<Clients<'a>> {
    let mut found: Option<Clients<'a>> = None;
    for provider in providers.iter().filter_map(|id| graph.provider(*id)) {
        let ProviderKind::AwsOidc { url, audiences, .. } = &provider.kind else { continue };
        // What is looked up is what is declared, where that is in the scan.
        if !is_meant(url) || (audiences.is_none() && provider.origin.is_looked_up()) {
            continue;
        }
        let clients = found.get_or_insert(Clients { ids: Vec::new(), certain: true, provider: &provider.origin });
        clients.certain &= !provider.origin.library && !provider.origin.conditional;
        clients.ids.extend(audiences.as_ref()?.iter().cloned());
    }
    found.filter(|clients| !clients.ids.is_empty())
}

/// Whether a provider's URL is that of this host and path, as far as both are written.
#[must_use]
pub fn is_of(url: &Text, host: &Text) -> bool {
    let bare = cut::trim_slashes(&cut::without_scheme(url));
    let host = cut::trim_slashes(host);
    match (bare.as_known(), host.as_known()) {
        (Some(bare), Some(host)) => bare.eq_ignore_ascii_case(&host),
        _ => bare.same(&host),
    }
}

impl FederatedView<'_> {
    /// The formula for tokens that are for a client of the provider, where the policy itself asks for no audience; as it is
    /// written when the clients are not known, or when none of the issuer's tokens is for one.
    #[must_use]
    pub fn with_audience(&self, inputs: &Inputs<'_>) -> (Formula, Vec<Template>) {
        let plain = || (self.formula.clone(), self.templates.clone());
        let reads = |o: &shape::Occurrence<'_>| shape::claims(&o.test.subject).iter().any(|c| c == "aud" || c == "azp");
        let Some(accepted) = self.accepted.as_ref().filter(|_| !shape::tests(&self.formula).iter().any(reads)) else { return plain() };
        let formula = Formula::All(vec![self.formula.clone(), accepted.usual.clone()]);
        let templates = self.via.request(self.templates_for(&formula), &formula);
        if matches!(inputs.reachability(&formula, &templates), Reachability::Reachable(_)) { (formula, templates) } else { plain() }
    }
}

/// The accounts of a role and of a provider (in this order) when they are written and differ: STS looks for the provider in
/// the role's account (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).
#[must_use]
pub fn other_account(role: Option<&Identity>, principal: &Text) -> Option<(String, String)> {
    let arn = match &role?.kind {
        IdentityKind::AwsRole { arn, .. } => arn.as_ref()?,
        _ => return None,
    };
    let (role, provider) = (account_of_arn(arn)?.as_known()?, account_of_arn(principal)?.as_known()?);
    (role != provider && !role.is_empty() && !provider.is_empty()).then_some((role, provider))
}

/// The statement assumes with SAML and with nothing else: its principal, known or not, mints no tokens.
fn only_saml(statement: &iam::Statement) -> bool {
    let actions: Vec<String> = statement.actions.patterns.leaves().filter_map(|l| l.text()?.as_known()).map(|a| a.to_lowercase()).collect();
    let assumes: Vec<&String> = actions.iter().filter(|a| a.starts_with("sts:assumerole")).collect();
    !statement.actions.negated
        && !assumes.is_empty()
        && assumes.iter().all(|a| *a == "sts:assumerolewithsaml")
        && !actions.iter().any(|a| a == "*" || a == "sts:*")
}

/// The values that the policy compares any `…:sub` with.
#[must_use]
pub fn subject_values(policy: &Policy) -> Vec<Text> {
    let tests = policy.statements.iter().flat_map(|s| &s.conditions).filter(|c| key_name(&c.key).as_deref() == Some("sub"));
    tests.flat_map(|c| c.values.leaves()).flat_map(|l| l.choices.iter().cloned()).collect()
}

/// The part of a condition key after its issuer.
#[must_use]
pub fn key_name(key: &Text) -> Option<String> {
    match key.parts.last()? {
        Part::Literal { .. } => key.known_suffix().rsplit_once(':').map(|(_, name)| name.to_lowercase()),
        Part::Hole { .. } => None,
    }
}

/// The claim of a condition key of this issuer, in lower case: keys are compared without case
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>).
#[must_use]
pub fn own_claim(key: &Text, issuer: &Text) -> Option<String> {
    let (prefix, name) = cut::rsplit_once(key, ":")?;
    let same = match (prefix.as_known(), issuer.as_known()) {
        (Some(prefix), Some(issuer)) => prefix.eq_ignore_ascii_case(&issuer),
        _ => prefix.same(issuer),
    };
    name.as_known().filter(|_| same).map(|name| name.to_lowercase())
}

/// The statements' principals that name one provider.
#[must_use]
pub fn named_by_allow(policy: &Policy, principal: &Text) -> Vec<PrincipalRef> {
    iam::principals(policy).into_iter().filter(|p| p.effect == Effect::Allow && p.text.same(principal)).collect()
}
