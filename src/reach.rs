//! Which identities a workload obtains, by which link, and what they lead to: the mirror of [`crate::inventory`].
//!
//! The first step is what [`crate::simulation`] decides for the workload's tokens; from there it goes on by trusts in roles and by
//! impersonation of service accounts, until nothing new is obtained.

use crate::admission::exposure::{Reachability, segment_is};
use crate::admission::formula::{Formula, Matcher, Subject, Test, TestOrigin};
use crate::admission::glob;
use crate::admission::iam::{self, Effect, Policy, PrincipalKind};
use crate::admission::search::Shared;
use crate::gate::Inputs;
use crate::gate::aws::key_name;
use crate::gate::google::may_impersonate;
use crate::gate::principals::PrincipalView;
use crate::graph::addresses::{account_of_arn, same_role};
use crate::graph::links::Links;
use crate::graph::{Gate, GoogleSource, Grant, Graph, IdentityId, IdentityKind, ProviderKind, Trust};
use crate::issuers::Registry;
use crate::partial::Text;
use crate::place::Span;
use crate::simulation::{JobOutcome, Outcome};
use crate::token::{Decision, Truth};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Most steps from one identity to another.
const MAX_STEPS: usize = 8;
/// Most pairs of identities that are looked at.
const MAX_PAIRS: usize = 250_000;
/// What assumes a role (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
const ASSUME: &str = "sts:AssumeRole";

/// By what an identity is obtained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Link {
    /// A token of the workload is admitted.
    Token,
    /// An EKS Pod Identity association gives it to the ServiceAccount.
    PodIdentity,
    /// A binding names the ServiceAccount of a GKE cluster.
    Cluster,
    /// Its trust lets another identity assume it.
    RoleChain,
    /// Another identity may impersonate it.
    Impersonation,
}

/// One identity that is obtained.
#[derive(Debug, Clone)]
pub struct Reached {
    /// Its name; of a provider whose tokens are used as they are, the provider's.
    pub identity: String,
    /// `aws`, `google` or `azure`.
    pub cloud: &'static str,
    /// The declaration of the trust.
    pub span: Span,
    /// Admitted, or not decided.
    pub decision: Decision,
    /// What the trust asks is known for certain.
    pub certain: bool,
    /// By what.
    pub link: Link,
    /// The identities on the way, the first that is obtained first.
    pub through: Vec<String>,
    /// The member of a Google binding.
    pub member: Option<String>,
    /// The subject of the token that gets in, and what the job is started by.
    pub by: Option<String>,
    /// The workload names it: a login of the job, an annotation of the ServiceAccount.
    pub named: bool,
    /// What it may do.
    pub permissions: Vec<String>,
    /// Why it is not decided.
    pub reasons: Vec<String>,
    id: Option<IdentityId>,
}

/// What is looked into.
#[derive(Debug, Clone, Copy)]
pub struct Estate<'a> {
    /// The facts.
    pub graph: &'a Graph,
    /// What belongs together.
    pub links: &'a Links,
    /// Who mints tokens.
    pub registry: &'a Registry,
}

/// A token of a workload with what the trusts say to it, and the audience where it was chosen.
pub type Asked = (Option<String>, Outcome);

/// What the tokens of a workload get.
#[must_use]
pub fn of_tokens(estate: Estate<'_>, asked: &[Asked]) -> Vec<Reached> {
    onward(estate, at_once(estate, asked))
}

/// What the tokens get by themselves.
fn at_once(estate: Estate<'_>, asked: &[Asked]) -> Vec<Reached> {
    let mut out = Vec::new();
    for (audience, outcome) in asked {
        // an audience that was chosen says nothing of what stays open
        let verdicts = outcome.verdicts.iter().filter(|v| match v.evaluation.decision {
            Decision::Admit => true,
            Decision::Unknown => audience.is_none(),
            Decision::Deny => false,
        });
        out.extend(verdicts.map(|v| Reached {
            decision: v.evaluation.decision,
            reasons: v.evaluation.reasons.clone(),
            member: v.via.clone(),
            by: audience.as_ref().map(|audience| format!("with the audience `{audience}`")),
            ..start(estate, &v.identity, v.cloud, v.span)
        }));
    }
    out
}

/// What the tokens of a job get.
#[must_use]
pub fn of_job(estate: Estate<'_>, outcome: &JobOutcome<'_>) -> Vec<Reached> {
    let mut first: Vec<Reached> = Vec::new();
    for token in &outcome.tokens {
        for v in token.verdicts.iter().filter(|v| v.decision != Decision::Deny) {
            let subject = v.token.as_ref().and_then(|token| token.string("sub")).map(|sub| format!("sub `{sub}`, "));
            let by = Some(format!("{}started by {}", subject.unwrap_or_default(), token.started_by));
            let reasons = v.reason.map(str::to_owned).into_iter().collect();
            let (decision, certain, member, named) = (v.decision, v.certain, v.via.clone(), v.named);
            first.push(Reached { decision, certain, member, named, by, reasons, ..start(estate, &v.identity, v.cloud, v.span) });
        }
    }
    onward(estate, first)
}

/// What a ServiceAccount gets: its tokens, and what is given to it without one.
#[must_use]
pub fn of_service_account(estate: Estate<'_>, asked: &[Asked], namespace: &str, name: &str) -> Vec<Reached> {
    let Estate { graph, links, .. } = estate;
    let mut first = at_once(estate, asked);
    let is = |text: &Option<Text>, value: &str| text.as_ref().and_then(Text::as_known).is_some_and(|known| known == value);
    for (association, roles) in graph.associations.iter().zip(&links.association_roles) {
        if is(&association.namespace, namespace) && is(&association.service_account, name) {
            let of = |id: &IdentityId| graph.identity(*id).map(|role| (*id, role));
            first.extend(roles.iter().filter_map(of).map(|(id, role)| Reached {
                link: Link::PodIdentity,
                named: true,
                id: Some(id),
                permissions: permissions(graph, links, Some(id), None),
                ..start(estate, &role.origin.name, "aws", association.origin.span)
            }));
        }
    }
    let own = graph.workloads.iter().enumerate().filter(|(_, workload)| match &workload.kind {
        crate::graph::WorkloadKind::ServiceAccount { namespace: own, name: called, .. } => {
            is(own, namespace) && called.as_known().is_some_and(|known| known == name)
        }
        _ => false,
    });
    for (index, _) in own {
        for reached in &mut first {
            reached.named |= reached.id.is_some_and(|id| links.workload_identities.get(index).is_some_and(|all| all.contains(&id)));
        }
        for trust in links.workload_trusts.get(index).into_iter().flatten().filter_map(|id| graph.trust(*id)) {
            let Gate::GoogleMember { member, .. } = &trust.gate else { continue };
            let name = graph.identity(trust.identity).map_or(&trust.origin.name, |identity| &identity.origin.name);
            if trust.gate.has_ended() || first.iter().any(|known| known.span == trust.origin.span) {
                continue;
            }
            first.push(Reached {
                link: Link::Cluster,
                member: Some(member.to_string()),
                ..start(estate, name, "google", trust.origin.span)
            });
        }
    }
    onward(estate, first)
}

/// An identity that a token of the workload obtains.
fn start(estate: Estate<'_>, identity: &str, cloud: &'static str, span: Span) -> Reached {
    let Estate { graph, links, .. } = estate;
    let name = |trust: &&Trust| graph.identity(trust.identity).map_or(&trust.origin.name, |i| &i.origin.name) == identity;
    let trust = graph.trusts.iter().find(|trust| trust.origin.span == span && name(trust));
    let id = trust.map(|trust| trust.identity);
    Reached {
        identity: identity.to_owned(),
        cloud,
        span,
        decision: Decision::Admit,
        certain: true,
        link: Link::Token,
        through: Vec::new(),
        member: None,
        by: None,
        named: false,
        permissions: permissions(graph, links, id, trust),
        reasons: Vec::new(),
        id,
    }
}

/// What an identity may do; the role of a binding on something else than a service account is what its members may do there.
fn permissions(graph: &Graph, links: &Links, id: Option<IdentityId>, trust: Option<&Trust>) -> Vec<String> {
    let own = id.and_then(|id| links.identity_grants.get(id.index())).into_iter().flatten().filter_map(|at| graph.grants.get(*at));
    let mut all: BTreeSet<String> = own.map(|grant| grant.permission.to_string()).collect();
    if let Some(Gate::GoogleMember { role, .. }) = trust.map(|trust| &trust.gate)
        && id.and_then(|id| graph.identity(id)).is_some_and(|i| matches!(i.kind, IdentityKind::GoogleResource { .. }))
    {
        all.insert(role.to_string());
    }
    all.into_iter().collect()
}

/// What the identities lead to, breadth first; each identity once, by the shortest way, and by the surest of those.
fn onward(estate: Estate<'_>, first: Vec<Reached>) -> Vec<Reached> {
    let mut out: Vec<Reached> = Vec::new();
    let mut open: VecDeque<Reached> = VecDeque::new();
    for reached in merged(first) {
        open.push_back(reached.clone());
        out.push(reached);
    }
    let mut known: BTreeSet<IdentityId> = out.iter().filter_map(|reached| reached.id).collect();
    let steps = Steps::new(estate);
    let mut pairs = 0;
    while let Some(reached) = open.pop_front() {
        let Some(id) = reached.id.filter(|_| reached.through.len() < MAX_STEPS) else { continue };
        pairs += estate.graph.trusts.len();
        if pairs > MAX_PAIRS {
            break;
        }
        for mut next in steps.from(id) {
            if next.id.is_none_or(|id| !known.insert(id)) {
                continue;
            }
            next.through = reached.through.iter().cloned().chain([reached.identity.clone()]).collect();
            next.certain &= reached.certain;
            if reached.decision == Decision::Unknown {
                next.decision = Decision::Unknown;
                next.reasons.push(format!("whether `{}` is obtained is not known", reached.identity));
            }
            open.push_back(next.clone());
            out.push(next);
        }
    }
    out
}

/// Several tokens of a workload that get the same by the same trust are one; what is admitted says more than what is not decided.
fn merged(first: Vec<Reached>) -> Vec<Reached> {
    let mut all: BTreeMap<(String, Option<String>, Span), Reached> = BTreeMap::new();
    for reached in first {
        let key = (reached.identity.clone(), reached.member.clone(), reached.span);
        match all.get_mut(&key) {
            Some(known) if known.decision == Decision::Unknown && reached.decision == Decision::Admit => {
                let named = known.named;
                *known = reached;
                known.named |= named;
            }
            Some(known) => known.named |= reached.named,
            None => {
                all.insert(key, reached);
            }
        }
    }
    let mut out: Vec<Reached> = all.into_values().collect();
    out.sort_by(|a, b| {
        (a.decision != Decision::Admit, &a.identity, &a.member).cmp(&(b.decision != Decision::Admit, &b.identity, &b.member))
    });
    out
}

/// Who can be obtained from an identity.
struct Steps<'a> {
    estate: Estate<'a>,
    shared: Arc<Shared>,
    /// The statements of each policy that take principals of AWS, as these meet them.
    views: BTreeMap<usize, Vec<PrincipalView>>,
}

impl<'a> Steps<'a> {
    fn new(estate: Estate<'a>) -> Self {
        let mut views = BTreeMap::new();
        for (index, trust) in estate.graph.trusts.iter().enumerate() {
            let Gate::AwsPolicy(policy) = &trust.gate else { continue };
            let of_aws = |index: &usize| {
                policy
                    .statements
                    .get(*index)
                    .is_some_and(|s| s.effect == Effect::Allow && s.principals.items.iter().any(|p| p.kind == PrincipalKind::Aws))
            };
            let all: Vec<PrincipalView> = (0..policy.statements.len())
                .filter(of_aws)
                .filter_map(|statement| PrincipalView::of(estate.registry, policy, statement))
                .collect();
            if !all.is_empty() {
                views.insert(index, all);
            }
        }
        Self { estate, shared: Arc::default(), views }
    }

    fn from(&self, id: IdentityId) -> Vec<Reached> {
        let Some(identity) = self.estate.graph.identity(id) else { return Vec::new() };
        match &identity.kind {
            IdentityKind::AwsRole { arn: Some(arn), .. } => self.roles(id, arn),
            IdentityKind::GoogleServiceAccount { .. } => self.accounts(id),
            IdentityKind::AwsRole { .. } | IdentityKind::GoogleResource { .. } | IdentityKind::AzureIdentity { .. } => Vec::new(),
        }
    }

    /// The roles whose trust policies take a role
    /// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html#iam-term-role-chaining>).
    fn roles(&self, id: IdentityId, arn: &Text) -> Vec<Reached> {
        let Estate { graph, .. } = self.estate;
        let mut out = Vec::new();
        for (index, trust) in graph.trusts.iter().enumerate() {
            let Gate::AwsPolicy(policy) = &trust.gate else { continue };
            if trust.identity == id {
                continue;
            }
            let Some((decision, certain)) = self.role(index, trust, policy, id, arn) else { continue };
            let Some(target) = graph.identity(trust.identity) else { continue };
            let reached = start(self.estate, &target.origin.name, "aws", trust.origin.span);
            out.push(Reached { link: Link::RoleChain, decision, certain, ..reached });
        }
        out
    }

    /// Whether a role can assume another: that is named and takes it, or it is named with its account and may call for it.
    fn role(&self, index: usize, trust: &Trust, policy: &Policy, id: IdentityId, arn: &Text) -> Option<(Decision, bool)> {
        let own = |p: &iam::PrincipalRef| p.kind == PrincipalKind::Aws && p.effect == Effect::Allow && !p.negated;
        let principals: Vec<iam::PrincipalRef> = iam::principals(policy).into_iter().filter(own).collect();
        let named = principals.iter().any(|p| same_role(&p.text, arn));
        let may_call = || self.may_assume(id, trust.identity);
        let whole = principals.iter().any(|p| !same_role(&p.text, arn) && is_account(&p.text, arn));
        if !(named || whole && may_call()) {
            return None;
        }
        let Some(known) = arn.as_known() else {
            // the one is written as the other's address: what else is asked cannot be put to an ARN that is not known
            return Some((Decision::Admit, false));
        };
        let views = self.views.get(&index)?;
        let inputs = Inputs { graph: self.estate.graph, links: self.estate.links, registry: self.estate.registry, shared: &self.shared };
        let found = |formula: &dyn Fn(&PrincipalView) -> &Formula| {
            let each = views.iter().map(|view| {
                // a session of the role calls: its principal is the role
                let asked = Formula::All(vec![formula(view).clone(), is_principal(&known)]);
                inputs.reachability(&asked, &view.templates)
            });
            let all: Vec<Reachability> = each.collect();
            if all.iter().any(|r| matches!(r, Reachability::Reachable(_))) {
                return Some(true);
            }
            if all.iter().all(|r| matches!(r, Reachability::Unreachable)) { Some(false) } else { None }
        };
        match found(&|view| &view.formula) {
            Some(true) => Some((Decision::Admit, true)),
            Some(false) if found(&|view| &view.lenient) == Some(true) => Some((Decision::Admit, false)),
            Some(false) => None,
            None => Some((Decision::Unknown, false)),
        }
    }

    /// Whether a policy of the role allows the call.
    fn may_assume(&self, id: IdentityId, target: IdentityId) -> bool {
        let Estate { graph, links, .. } = self.estate;
        let role = graph.identity(target).and_then(|i| if let IdentityKind::AwsRole { arn, .. } = &i.kind { arn.as_ref() } else { None });
        let grants = links.identity_grants.get(id.index()).into_iter().flatten().filter_map(|at| graph.grants.get(*at));
        let allows = |grant: &Grant| {
            let action = grant.permission.as_known().is_some_and(|action| iam::action_matches(&action, ASSUME));
            let scopes = grant.scope.iter().chain(&grant.others);
            action && scopes.clone().any(|scope| role.is_some_and(|role| covers(scope, role)))
        };
        grants.into_iter().any(allows)
    }

    /// The service accounts that another may impersonate
    /// (<https://cloud.google.com/iam/docs/service-account-impersonation>).
    fn accounts(&self, id: IdentityId) -> Vec<Reached> {
        let Estate { graph, links, .. } = self.estate;
        let own = links.identity_grants.get(id.index()).into_iter().flatten().filter_map(|at| graph.grants.get(*at));
        let mut out = Vec::new();
        for grant in own.filter(|grant| may_impersonate(&grant.permission)) {
            let Some(on) = grant.scope.as_ref().and_then(Text::as_known) else { continue };
            for (target, identity) in graph.identities.iter().enumerate() {
                let IdentityKind::GoogleServiceAccount { email } = &identity.kind else { continue };
                // an address that is not known whole is one within its own evaluation
                let same = email.is_known() || identity.origin.scope == grant.origin.scope;
                let target = IdentityId(u32::try_from(target).unwrap_or(u32::MAX));
                if target == id || !same || on != format!("serviceAccounts/{email}") {
                    continue;
                }
                let certain = grant.permission.is_known() && !grant.origin.conditional;
                let permissions = permissions(graph, links, Some(target), None);
                let reached = start(self.estate, &identity.origin.name, "google", grant.origin.span);
                out.push(Reached { link: Link::Impersonation, id: Some(target), certain, permissions, ..reached });
            }
        }
        out
    }
}

/// The audiences that the trusts of a scan take, for workloads that choose theirs.
#[must_use]
pub fn audiences(graph: &Graph) -> Vec<String> {
    /// Most that are tried.
    const MAX: usize = 32;
    let mut all: BTreeSet<String> = BTreeSet::new();
    let mut add =
        |texts: &[Text]| all.extend(texts.iter().filter_map(Text::as_known).filter(|text| !text.is_empty() && !text.contains('*')));
    for provider in &graph.providers {
        match &provider.kind {
            ProviderKind::AwsOidc { audiences: Some(audiences), .. } => add(audiences),
            ProviderKind::Google(google) => {
                if let GoogleSource::Oidc { audiences, .. } = &google.source {
                    add(audiences);
                }
            }
            ProviderKind::AwsOidc { .. } => {}
        }
    }
    for trust in &graph.trusts {
        match &trust.gate {
            Gate::AwsPolicy(policy) => {
                let tests = policy.statements.iter().flat_map(|s| &s.conditions).filter(|c| key_name(&c.key).as_deref() == Some("aud"));
                tests.flat_map(|c| c.values.leaves()).for_each(|leaf| add(&leaf.choices));
            }
            Gate::AzureCredential { audiences, .. } => add(audiences),
            Gate::GoogleMember { .. } => {}
        }
    }
    all.into_iter().take(MAX).collect()
}

/// `arn:aws:iam::123456789012:root` or `123456789012` of the account that a role is in.
fn is_account(principal: &Text, role: &Text) -> bool {
    let Some(own) = account_of_arn(role) else { return false };
    let Some(known) = principal.as_known() else {
        let root = principal.known_suffix().ends_with(":root");
        return root && account_of_arn(principal).is_some_and(|account| account.same(&own));
    };
    let account = known.strip_suffix(":root").map_or(known.as_str(), |arn| arn.rsplit(':').next().unwrap_or_default());
    own.as_known().is_some_and(|own| own == account)
}

/// Whether a resource of a policy takes in a role.
fn covers(scope: &Text, role: &Text) -> bool {
    if scope.same(role) {
        return true;
    }
    let Some(pattern) = scope.as_known() else { return false };
    let shown = role.as_known().unwrap_or_else(|| role.to_string());
    pattern == "*" || glob::matches(&glob::written(&pattern), &shown, false) == Truth::True
}

/// "The caller is this role": the account's segment, and the ARN where a policy reads it.
fn is_principal(arn: &str) -> Formula {
    let account = arn.split(':').nth(4).unwrap_or_default();
    let test = Formula::Test(Box::new(Test {
        subject: Subject::Claim("aws:principalarn".to_owned()),
        matcher: Matcher::Exact(Text::known(arn)),
        absent: Truth::False,
        span: None,
        trail: None,
        label: "the role".to_owned(),
        origin: TestOrigin::Condition,
    }));
    Formula::All(vec![segment_is("account", account), test])
}
