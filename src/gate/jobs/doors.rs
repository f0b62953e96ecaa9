//! The trusts that the tokens of a job come to: those that a login names, or every one of the scan.

use super::super::aws::Federated;
use super::super::{Inputs, azure, google, subjects};
use crate::admission::cel::google::{Member, member_formula};
use crate::admission::entra::Credential;
use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::{Formula, Test};
use crate::graph::job_links::LoginLinks;
use crate::graph::{
    About, Gate, GoogleLevel, IdentityId, IdentityKind, Job, JobIdentity, JobLogin, Origin, ProviderId, ProviderKind, SubjectFormat, Trust,
    TrustId, UndecidedKind,
};
use crate::issuers::{Recognised, Template, Tenancy};
use std::collections::BTreeSet;

/// A trust that the tokens of a job come to.
#[derive(Debug, Clone)]
pub struct Door<'a> {
    /// Where it is declared.
    pub origin: &'a Origin,
    /// The identity behind it; none for a provider whose tokens are used as they are.
    pub identity: Option<IdentityId>,
    /// What is asked of a token, the accepted audiences included.
    pub formula: Formula,
    /// It is certain that this is asked.
    pub certain: bool,
    recognised: Recognised<'a>,
    formats: &'a [SubjectFormat],
    federated: Option<Federated>,
}

impl Door<'_> {
    /// The audience that the issuer puts into tokens when nobody asks for one.
    pub(super) fn default_audience(&self) -> Option<String> {
        self.recognised.default_audience()
    }

    fn templates(&self, formula: &Formula) -> Vec<Template> {
        let templates = subjects::tokens(&self.recognised, formula, self.formats).0;
        match &self.federated {
            Some(federated) => federated.request(templates, formula),
            None => templates,
        }
    }

    /// The tokens that the trust can tell apart.
    #[must_use]
    pub fn templates_of_trust(&self) -> Vec<Template> {
        self.templates(&self.formula)
    }

    /// Who gets in with all of these.
    pub(super) fn reachability(&self, inputs: &Inputs<'_>, parts: Vec<Formula>) -> Reachability {
        let formula = Formula::All(parts);
        inputs.reachability(&formula, &self.templates(&formula))
    }

    pub(super) fn reads(&self) -> BTreeSet<String> {
        shape::read(&self.formula)
    }

    /// The test of a claim, else of the subject, as it is written.
    #[must_use]
    pub fn written(&self, claim: &str) -> Option<&Test> {
        let tests = shape::tests(&self.formula);
        let positive = || tests.iter().filter(|o| o.positive && o.test.span.is_some()).map(|o| o.test);
        let of = |claim: &str| positive().find(|t| shape::claims(&t.subject).contains(claim));
        of(claim).or_else(|| of("sub")).or_else(|| positive().next())
    }
}

/// The trusts of a login.
#[derive(Debug, Clone, Default)]
pub struct Doors<'a> {
    /// Those that are known.
    pub all: Vec<Door<'a>>,
    /// There may be others.
    pub open: bool,
    /// Identities of the scan that take no tokens of the job's system.
    pub closed: Vec<&'a Origin>,
}

/// The trusts that a login asks.
#[must_use]
pub fn doors<'a>(inputs: &Inputs<'a>, job: &Job, login: &JobLogin, links: &LoginLinks) -> Doors<'a> {
    let mut out = Doors::default();
    match &login.identity {
        JobIdentity::AwsRole(names) => {
            // a name that is not known may be any
            out.open = names.iter().any(|n| !n.text.is_known()) && links.identities.is_empty();
            links.identities.iter().for_each(|id| aws(inputs, job, *id, &mut out));
        }
        JobIdentity::AzureClient(_) => links.identities.iter().for_each(|id| entra(inputs, job, *id, &mut out)),
        JobIdentity::Google { account, .. } => pool(inputs, job, links, account.is_some(), &mut out),
        JobIdentity::Other => out.open = true,
    }
    out
}

fn trusts<'a>(inputs: &Inputs<'a>, id: IdentityId) -> Vec<(TrustId, &'a Trust)> {
    let ids = inputs.links.identity_trusts.get(id.index()).into_iter().flatten();
    ids.filter_map(|t| inputs.graph.trust(*t).map(|trust| (*t, trust))).collect()
}

/// Something about the identity could not be read.
fn is_open(inputs: &Inputs<'_>, id: IdentityId, kind: UndecidedKind) -> bool {
    inputs.graph.undecided.iter().any(|u| u.kind == kind && u.about == About::Identity(id))
}

fn aws<'a>(inputs: &Inputs<'a>, job: &Job, id: IdentityId, out: &mut Doors<'a>) {
    let Some(identity) = inputs.graph.identity(id) else { return };
    let all = trusts(inputs, id);
    out.open |= all.is_empty() || identity.origin.library || is_open(inputs, id, UndecidedKind::TrustPolicy);
    let before = out.all.len();
    for (trust_id, trust) in all {
        role_trust(inputs, job, trust_id, trust, out);
    }
    if out.all.len() == before {
        out.closed.push(&identity.origin);
    }
}

/// The trust policy of a role, or one of several.
fn role_trust<'a>(inputs: &Inputs<'a>, job: &Job, id: TrustId, trust: &'a Trust, out: &mut Doors<'a>) {
    let Gate::AwsPolicy(policy) = &trust.gate else { return };
    let providers = inputs.links.trust_providers.get(id.index()).map_or(&[][..], Vec::as_slice);
    for view in super::super::aws::views(inputs, inputs.graph.identity(trust.identity), policy, providers) {
        let ours = view.recognised.issuer.family.is_some_and(|f| job.system.families().contains(&f));
        out.open |= !ours && !view.certain && may_be_ours(&view.recognised);
        if ours {
            let formula = with(view.formula, view.accepted.map(|a| a.any));
            let (recognised, formats) = (view.recognised, view.formats);
            let certain = view.certain && !trust.origin.conditional;
            let (identity, federated) = (Some(trust.identity), Some(view.via));
            out.all.push(Door { origin: &trust.origin, identity, formula, certain, recognised, formats, federated });
        }
    }
}

fn entra<'a>(inputs: &Inputs<'a>, job: &Job, id: IdentityId, out: &mut Doors<'a>) {
    let Some(identity) = inputs.graph.identity(id) else { return };
    out.open |= identity.origin.library;
    let before = out.all.len();
    for (_, trust) in trusts(inputs, id) {
        credential(inputs, job, trust, out);
    }
    if out.all.len() == before {
        out.closed.push(&identity.origin);
    }
}

/// One federated identity credential.
fn credential<'a>(inputs: &Inputs<'a>, job: &Job, trust: &'a Trust, out: &mut Doors<'a>) {
    let Gate::AzureCredential { issuer, subject, audiences, expression } = &trust.gate else { return };
    let Some(issuer) = issuer else {
        out.open = true;
        return;
    };
    let credential =
        Credential { issuer: issuer.clone(), subject: subject.clone(), audiences: audiences.clone(), expression: expression.clone() };
    let Some(view) = azure::issuer_view(inputs, trust, credential) else {
        out.open = true;
        return;
    };
    let ours = view.recognised.issuer.family.is_some_and(|f| job.system.families().contains(&f));
    out.open |= !ours && !view.certain && may_be_ours(&view.recognised);
    if ours {
        let formula = with(view.formula, view.accepted.map(|a| a.any));
        let certain = view.certain && !trust.origin.conditional;
        let (recognised, formats) = (view.recognised, view.formats);
        out.all.push(Door {
            origin: &trust.origin,
            identity: Some(trust.identity),
            formula,
            certain,
            recognised,
            formats,
            federated: None,
        });
    }
}

fn pool<'a>(inputs: &Inputs<'a>, job: &Job, links: &LoginLinks, impersonates: bool, out: &mut Doors<'a>) {
    if links.providers.is_empty() {
        // a provider that is not there is another rule's matter
        out.open = true;
        return;
    }
    let members = if impersonates { members(inputs, links, out) } else { Vec::new() };
    for id in &links.providers {
        provider(inputs, job, *id, &members, out);
    }
    out.open |= impersonates && !members.is_empty() && out.all.is_empty();
}

/// What tokens meet behind one provider of a pool: these bindings, or without one the provider alone.
fn provider<'a>(inputs: &Inputs<'a>, job: &Job, id: ProviderId, members: &[(TrustId, &'a Trust)], out: &mut Doors<'a>) {
    let Some(provider) = inputs.graph.provider(id) else { return };
    let views = google::views(inputs, id);
    out.open |= provider.origin.library || views.is_empty() && google::disabled(inputs.graph, inputs.links, id).is_none();
    for view in views {
        let ours = view.recognised.issuer.family.is_some_and(|f| job.system.families().contains(&f));
        if !ours {
            out.open |= !view.certain && may_be_ours(&view.recognised);
            continue;
        }
        let certain = view.certain && !provider.origin.conditional;
        let entered = with(view.formula.clone(), view.accepted.as_ref().map(|a| a.any.clone()));
        let door = |origin: &'a Origin, identity, formula, certain| Door {
            origin,
            identity,
            formula,
            certain,
            recognised: view.recognised.clone(),
            formats: view.formats,
            federated: None,
        };
        if members.is_empty() {
            out.all.push(door(&provider.origin, None, entered, certain));
            continue;
        }
        for (trust_id, trust) in members {
            let Gate::GoogleMember { member, .. } = &trust.gate else { continue };
            if !inputs.links.trust_providers.get(trust_id.index()).is_some_and(|all| all.contains(&id)) {
                continue;
            }
            let Ok(parsed) = Member::parse(member) else {
                out.open = true;
                continue;
            };
            let formula = Formula::All(vec![member_formula(&parsed, &view.via.view), entered.clone()]);
            let certain = certain && !trust.origin.conditional;
            out.all.push(door(&trust.origin, Some(trust.identity), formula, certain));
        }
    }
}

/// The bindings that may let somebody impersonate the accounts; that there are none is another rule's matter.
fn members<'a>(inputs: &Inputs<'a>, links: &LoginLinks, out: &mut Doors<'a>) -> Vec<(TrustId, &'a Trust)> {
    let graph = inputs.graph;
    let reaches = |trust: &Trust| match graph.identity(trust.identity).map(|i| &i.kind) {
        Some(IdentityKind::GoogleServiceAccount { email, .. }) => links.identities.contains(&trust.identity) || !email.is_known(),
        Some(IdentityKind::GoogleResource { level, .. }) => *level != GoogleLevel::Resource,
        _ => false,
    };
    if links.identities.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (i, trust) in graph.trusts.iter().enumerate() {
        let Gate::GoogleMember { role, .. } = &trust.gate else { continue };
        if reaches(trust) && google::may_impersonate(role) {
            found.push((TrustId(u32::try_from(i).unwrap_or(u32::MAX)), trust));
        }
    }
    let about = |about: &About| match about {
        About::Identity(id) => links.identities.contains(id),
        About::GoogleResource(level) => *level != GoogleLevel::Resource,
        About::Declaration | About::Workload(_) => false,
    };
    out.open |= found.is_empty() || graph.undecided.iter().any(|u| u.kind == UndecidedKind::GoogleBinding && about(&u.about));
    found
}

/// An issuer that is not known for certain may be the job's own; a cluster's is known by the cluster, and its subjects are like no job's.
fn may_be_ours(recognised: &Recognised<'_>) -> bool {
    recognised.issuer.tenancy != Tenancy::Cluster
}

fn with(formula: Formula, accepted: Option<Formula>) -> Formula {
    match accepted {
        Some(accepted) => Formula::All(vec![formula, accepted]),
        None => formula,
    }
}

/// A trust of the scan, whoever asks it.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// Its declaration.
    pub origin: &'a Origin,
    /// The identity behind it; none for a provider of a pool.
    pub identity: Option<IdentityId>,
    /// The provider, where tokens only enter a pool.
    pub provider: Option<ProviderId>,
    /// The trust; none for a provider.
    pub trust: Option<&'a Trust>,
    /// What a token meets there; none that takes tokens of the job's system is open or closed, as [`Doors::open`] says.
    pub doors: Doors<'a>,
}

/// Every trust of the scan as the tokens of a job meet it: roles, credentials, providers of pools and the bindings behind them.
#[must_use]
pub fn every<'a>(inputs: &Inputs<'a>, job: &Job) -> Vec<Target<'a>> {
    let mut out = Vec::new();
    for (index, found) in inputs.graph.providers.iter().enumerate() {
        let id = ProviderId(u32::try_from(index).unwrap_or(u32::MAX));
        if !matches!(found.kind, ProviderKind::Google(_)) {
            continue;
        }
        let mut doors = Doors::default();
        provider(inputs, job, id, &[], &mut doors);
        out.push(Target { origin: &found.origin, identity: None, provider: Some(id), trust: None, doors });
    }
    for (index, trust) in inputs.graph.trusts.iter().enumerate() {
        let id = TrustId(u32::try_from(index).unwrap_or(u32::MAX));
        let mut doors = Doors::default();
        match &trust.gate {
            Gate::AwsPolicy(_) => role_trust(inputs, job, id, trust, &mut doors),
            Gate::AzureCredential { .. } => credential(inputs, job, trust, &mut doors),
            Gate::GoogleMember { .. } => {
                for behind in inputs.links.trust_providers.get(index).into_iter().flatten() {
                    provider(inputs, job, *behind, &[(id, trust)], &mut doors);
                }
            }
        }
        doors.open |= is_open(inputs, trust.identity, UndecidedKind::TrustPolicy);
        out.push(Target { origin: &trust.origin, identity: Some(trust.identity), provider: None, trust: Some(trust), doors });
    }
    out
}
