//! Joins: which facts of the finished graph are about each other.
//!
//! A link means "these are the same thing as far as both are written", by the identity of unknowns where there are some.
//! Nothing is linked on a guess: an unknown that could be equal but is not known to be is no link.

use super::index::{Index, by_reference, id, namespace_key, role_path};
use super::member::{self, Accounts, Member};
use super::{
    Gate, Graph, IdentityId, IdentityKind, Origin, Pool, PoolId, ProviderId, ProviderKind, ProviderName, TrustId, WorkloadId, WorkloadKind,
};
use crate::admission::iam::federated;
use crate::graph::addresses;
use crate::partial::{Text, UnknownOrigin, cut};
use crate::place::Span;
use std::collections::{BTreeSet, HashMap};

/// Most ServiceAccounts that one name leads to when the namespace is unknown.
pub const MAX_ROW: usize = 256;

/// All links of a graph. The vectors are indexed by the ids of what stands first in their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    /// The providers whose tokens a trust may take: of an AWS policy those its `Federated` principals name, of a Google
    /// member those of its pool.
    pub trust_providers: Vec<Vec<ProviderId>>,
    /// The pools that a Google member names.
    pub trust_pools: Vec<Vec<PoolId>>,
    /// The Kubernetes ServiceAccounts that a Google member of a GKE workload pool names.
    pub trust_workloads: Vec<Vec<WorkloadId>>,
    /// The reverse of `trust_workloads`: the bindings for a ServiceAccount.
    pub workload_trusts: Vec<Vec<TrustId>>,
    /// The trusts that lead to an identity.
    pub identity_trusts: Vec<Vec<TrustId>>,
    /// What an identity may do: indexes into [`Graph::grants`].
    pub identity_grants: Vec<Vec<usize>>,
    /// The ServiceAccounts whose annotation (or Pod Identity association) names an identity.
    pub identity_workloads: Vec<Vec<WorkloadId>>,
    /// The identities that a ServiceAccount's annotations (or associations) name.
    pub workload_identities: Vec<Vec<IdentityId>>,
    /// The pods that run as a ServiceAccount.
    pub account_pods: Vec<Vec<WorkloadId>>,
    /// The ServiceAccounts that pods run as.
    pub pods_accounts: Vec<Vec<WorkloadId>>,
    /// The providers of a pool.
    pub pool_providers: Vec<Vec<ProviderId>>,
    /// The role that a Pod Identity association names, by index into [`Graph::associations`].
    pub association_roles: Vec<Vec<IdentityId>>,
    /// The roles that an identity pool gives out, by index into the roles of [`Graph::identity_pools`].
    pub pool_roles: Vec<Vec<IdentityId>>,
    /// The pools that a login names, by index into [`Graph::credential_configs`].
    pub login_pools: Vec<Vec<PoolId>>,
    /// The providers that a login names, by the same index.
    pub login_providers: Vec<Vec<ProviderId>>,
    /// What the logins of each job mean, in their order.
    pub job_logins: Vec<Vec<super::job_links::LoginLinks>>,
    /// What names more ServiceAccounts than are linked: the places, in the order of the graph.
    pub cut: Vec<Span>,
}

fn link<T: PartialEq>(table: &mut [Vec<T>], index: usize, value: T) {
    if let Some(row) = table.get_mut(index).filter(|row| !row.contains(&value)) {
        row.push(value);
    }
}

/// Joins a finished graph.
#[must_use]
pub fn links(graph: &Graph) -> Links {
    let index = Index::new(graph);
    let mut links = Links {
        trust_providers: vec![Vec::new(); graph.trusts.len()],
        trust_pools: vec![Vec::new(); graph.trusts.len()],
        trust_workloads: vec![Vec::new(); graph.trusts.len()],
        workload_trusts: vec![Vec::new(); graph.workloads.len()],
        identity_trusts: vec![Vec::new(); graph.identities.len()],
        identity_grants: vec![Vec::new(); graph.identities.len()],
        identity_workloads: vec![Vec::new(); graph.identities.len()],
        workload_identities: vec![Vec::new(); graph.workloads.len()],
        account_pods: vec![Vec::new(); graph.workloads.len()],
        pods_accounts: vec![Vec::new(); graph.workloads.len()],
        pool_providers: vec![Vec::new(); graph.pools.len()],
        association_roles: vec![Vec::new(); graph.associations.len()],
        pool_roles: super::identity_pools::links(graph, &index),
        login_pools: vec![Vec::new(); graph.credential_configs.len()],
        login_providers: vec![Vec::new(); graph.credential_configs.len()],
        job_logins: super::job_links::links(graph, &index),
        cut: Vec::new(),
    };
    providers_of_pools(graph, &index, &mut links);
    for (i, trust) in graph.trusts.iter().enumerate() {
        if let Some(row) = links.identity_trusts.get_mut(trust.identity.index()) {
            row.push(TrustId(id(i)));
        }
        gate(graph, &index, i, &mut links);
    }
    for (i, grant) in graph.grants.iter().enumerate() {
        if let Some(row) = grant.identity.and_then(|g| links.identity_grants.get_mut(g.index())) {
            row.push(i);
        }
    }
    for i in 0..graph.workloads.len() {
        workload(graph, &index, i, &mut links);
    }
    associations(graph, &index, &mut links);
    logins(graph, &index, &mut links);
    links
}

/// The account of an ARN, when it is written.
fn account(arn: &Text) -> Option<String> {
    let known = cut::flat(arn);
    known.split(':').nth(4).filter(|a| !a.is_empty() && a.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned)
}

/// False when both accounts are written and differ.
pub(super) fn same_account(left: &Text, right: &Text) -> bool {
    !matches!((account(left), account(right)), (Some(a), Some(b)) if a != b)
}

/// Every provider that the role's trust policies name is of another account than the ARN.
fn trusts_another_account(graph: &Graph, links: &Links, role: IdentityId, arn: &Text) -> bool {
    let trusts = links.identity_trusts.get(role.index()).into_iter().flatten().filter_map(|t| graph.trust(*t));
    let mut providers = Vec::new();
    for trust in trusts {
        if let Gate::AwsPolicy(policy) = &trust.gate {
            providers.extend(federated(policy));
        }
    }
    !providers.is_empty() && providers.iter().all(|provider| !same_account(provider, arn))
}

fn providers_of_pools(graph: &Graph, index: &Index, links: &mut Links) {
    for (i, provider) in graph.providers.iter().enumerate() {
        let ProviderKind::Google(google) = &provider.kind else { continue };
        let pools = match google.pool {
            Some(pool) => vec![pool],
            None => pools_named(graph, index, &provider.origin.scope, None, &google.pool_name),
        };
        for pool in pools {
            link(&mut links.pool_providers, pool.index(), ProviderId(id(i)));
        }
    }
}

fn gate(graph: &Graph, index: &Index, i: usize, links: &mut Links) {
    let Some(trust) = graph.trusts.get(i) else { return };
    let scope = &trust.origin.scope;
    match &trust.gate {
        Gate::AwsPolicy(policy) => {
            for arn in federated(policy) {
                for provider in super::aws_links::providers(graph, index, scope, arn) {
                    link(&mut links.trust_providers, i, provider);
                }
            }
        }
        // A binding that has ended leads nowhere.
        gate @ Gate::GoogleMember { member, .. } if !gate.has_ended() => google_member(graph, index, i, member, links),
        Gate::GoogleMember { .. } | Gate::AzureCredential { .. } => {}
    }
}

fn google_member(graph: &Graph, index: &Index, i: usize, member: &Text, links: &mut Links) {
    let Some(trust) = graph.trusts.get(i) else { return };
    match member::parse(member) {
        Member::Pool { project, pool, .. } => {
            let pools = pools_named(graph, index, &trust.origin.scope, project.as_ref(), &pool);
            for found in &pools {
                link(&mut links.trust_pools, i, *found);
                for provider in links.pool_providers.get(found.index()).cloned().unwrap_or_default() {
                    link(&mut links.trust_providers, i, provider);
                }
            }
            if pools.is_empty() {
                // The pool itself may be declared elsewhere while its provider is here.
                for provider in providers_named(graph, index, project.as_ref(), &pool) {
                    link(&mut links.trust_providers, i, provider);
                }
            }
        }
        Member::Kubernetes { accounts: Accounts::One { namespace, name }, .. } => {
            for account in accounts(graph, index, Some(&namespace), &name).kept(trust.origin.span, links) {
                link(&mut links.trust_workloads, i, account);
                link(&mut links.workload_trusts, account.index(), TrustId(id(i)));
            }
        }
        _ => {}
    }
}

/// Of several things of one name those of the own scope are meant, where there are some.
pub(super) fn own_scope<'g, T>(mut found: Vec<T>, origin: impl Fn(&T) -> Option<&'g Origin>, scope: &str) -> Vec<T> {
    let own = |found: &T| origin(found).is_some_and(|o| o.scope == scope);
    if found.iter().any(own) {
        found.retain(own);
    }
    found
}

/// Two numbers or two ids can be compared, and so can an id and what is known to be the number of a project of some id.
fn same_project(left: Option<&Text>, right: Option<&Text>) -> bool {
    let (Some(left), Some(right)) = (left, right) else { return true };
    let number = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    match (left.as_known(), right.as_known()) {
        (Some(left), Some(right)) => number(&left) != number(&right) || left == right,
        (Some(known), None) | (None, Some(known)) if !number(&known) => {
            let other = if left.is_known() { right } else { left };
            numbered(other).and_then(Text::as_known).is_none_or(|id| id == known)
        }
        // Unknown ids are told apart by their names only inside one evaluation.
        (None, None) => match (numbered(left), numbered(right)) {
            (Some(a), Some(b)) => a.as_known().zip(b.as_known()).is_none_or(|(a, b)| a == b),
            _ => true,
        },
        _ => true,
    }
}

/// The id of the project whose number the text is.
fn numbered(text: &Text) -> Option<&Text> {
    match cut::only_atom(text)?.origin() {
        UnknownOrigin::ProjectNumber(id) => Some(id),
        _ => None,
    }
}

/// The project in a pool's resource name.
fn project_of(name: &Text) -> Option<Text> {
    cut::strip_prefix(name, "projects/").and_then(|p| cut::split_once(&p, "/")).map(|(project, _)| project)
}

/// True when what is known of the pool's project does not contradict the member's.
fn pool_in(pool: &Pool, project: Option<&Text>) -> bool {
    let named = pool.resource_name.as_ref().and_then(project_of);
    same_project(pool.project.as_ref(), project) && same_project(named.as_ref(), project)
}

fn pools_named(graph: &Graph, index: &Index, scope: &str, project: Option<&Text>, name: &Text) -> Vec<PoolId> {
    let full = index.pool_names.get(&cut::key(name)).cloned().unwrap_or_default();
    if !full.is_empty() {
        return full;
    }
    let mut found = index.pools.get(&cut::key(name)).cloned().unwrap_or_default();
    found.retain(|id| graph.pool(*id).is_some_and(|pool| pool_in(pool, project)));
    // Pools of one name in several scopes: the scope's own is meant.
    let found = own_scope(found, |id| graph.pool(*id).map(|p| &p.origin), scope);
    if found.is_empty() { by_reference(&index.pool_addresses, scope, name) } else { found }
}

/// Providers of a pool that is not in the scan.
fn providers_named(graph: &Graph, index: &Index, project: Option<&Text>, pool: &Text) -> Vec<ProviderId> {
    let fits = |id: &ProviderId| match graph.provider(*id).map(|p| &p.kind) {
        Some(ProviderKind::Google(google)) => same_project(google.project.as_ref(), project),
        _ => false,
    };
    index.poolless.get(&cut::key(pool)).into_iter().flatten().copied().filter(fits).collect()
}

/// The roles that an ARN in an annotation means: path and name always, the account when both are written.
#[must_use]
pub(super) fn roles(graph: &Graph, index: &Index, scope: &str, arn: &Text) -> Vec<IdentityId> {
    let mut found = index.roles.get(&role_path(arn)).cloned().unwrap_or_default();
    found.retain(|id| match graph.identity(*id).map(|i| &i.kind) {
        Some(IdentityKind::AwsRole { arn: Some(own), .. }) => same_account(own, arn),
        _ => false,
    });
    if !found.is_empty() {
        return found;
    }
    let mut referred = by_reference(&index.addresses, scope, arn);
    if referred.is_empty() {
        // A role whose name nobody writes: its ARN ends in what stands for the name.
        let made_up = cut::split_once(arn, ":role/").and_then(|(_, path)| cut::rsplit_once(&path, "/").map(|(_, n)| n).or(Some(path)));
        referred = made_up.map(|name| by_reference(&index.addresses, scope, &name)).unwrap_or_default();
    }
    referred.retain(|id| matches!(graph.identity(*id).map(|i| &i.kind), Some(IdentityKind::AwsRole { .. })));
    referred
}

pub(super) fn google_accounts(graph: &Graph, index: &Index, scope: &str, email: &Text) -> Vec<IdentityId> {
    let exact = index.emails.get(&cut::key(email).to_lowercase()).cloned().unwrap_or_default();
    if !exact.is_empty() {
        return exact;
    }
    let referred = by_reference(&index.addresses, scope, email);
    if !referred.is_empty() {
        return referred;
    }
    open_project(graph, index, email)
}

/// The account of this id whose project is unknown on one side, when there is but one.
fn open_project(graph: &Graph, index: &Index, email: &Text) -> Vec<IdentityId> {
    let Some((local, domain)) = cut::split_once(email, "@") else { return Vec::new() };
    let open = |id: &IdentityId| match graph.identity(*id).map(|i| &i.kind) {
        Some(IdentityKind::GoogleServiceAccount { email: other }) => {
            !domain.is_known() || cut::split_once(other, "@").is_some_and(|(_, d)| !d.is_known())
        }
        _ => false,
    };
    let mut found = index.locals.get(&cut::key(&local).to_lowercase()).cloned().unwrap_or_default();
    found.retain(open);
    if found.len() == 1 { found } else { Vec::new() }
}

/// The ServiceAccounts that a name leads to, and whether there are more of them.
#[derive(Default)]
struct Named {
    found: Vec<WorkloadId>,
    more: bool,
}

impl Named {
    /// Those that are linked; the place is noted where others are left out.
    fn kept(self, place: Span, links: &mut Links) -> Vec<WorkloadId> {
        if self.more {
            links.cut.push(place);
        }
        self.found
    }
}

/// The ServiceAccounts of a name; a namespace that is not known, on either side, may be any.
fn accounts(graph: &Graph, index: &Index, namespace: Option<&Text>, name: &Text) -> Named {
    let name = cut::key(name);
    let asked = namespace_key(namespace);
    let mut found: Vec<WorkloadId> = if asked.is_empty() {
        index.names.get(&name).cloned().unwrap_or_default()
    } else {
        let of = |space: String| index.accounts.get(&(name.clone(), space)).cloned().unwrap_or_default();
        let mut both = of(asked);
        both.extend(of(String::new()));
        both
    };
    // The same unknown on both sides is certain, and then the others are not meant.
    let own = |id: &WorkloadId| match graph.workloads.get(id.index()).map(|w| &w.kind) {
        Some(WorkloadKind::ServiceAccount { namespace: Some(own), .. }) => namespace.is_some_and(|n| n.same(own)),
        _ => false,
    };
    if found.iter().any(own) {
        found.retain(own);
    }
    found.sort();
    let more = found.len() > MAX_ROW;
    found.truncate(MAX_ROW);
    Named { found, more }
}

fn workload(graph: &Graph, index: &Index, i: usize, links: &mut Links) {
    let Some(workload) = graph.workloads.get(i) else { return };
    let scope = &workload.origin.scope;
    match &workload.kind {
        WorkloadKind::ServiceAccount { aws_role, google_service_account, azure_client, .. } => {
            let mut found = aws_role.as_ref().map(|arn| roles(graph, index, scope, arn)).unwrap_or_default();
            // An OIDC provider is of the account of the roles that trust it: a role of that name in another account is meant.
            found.retain(|role| aws_role.as_ref().is_none_or(|arn| !trusts_another_account(graph, links, *role, arn)));
            found.extend(azure_client.as_ref().map(|c| azure_identities(index, scope, c)).unwrap_or_default());
            found.extend(google_service_account.as_ref().map(|e| google_accounts(graph, index, scope, e)).unwrap_or_default());
            for identity in found {
                link(&mut links.workload_identities, i, identity);
                link(&mut links.identity_workloads, identity.index(), WorkloadId(id(i)));
            }
        }
        WorkloadKind::Pods { namespace, service_account, .. } => {
            let name = service_account.clone().unwrap_or_else(|| Text::known("default"));
            for account in accounts(graph, index, namespace.as_ref(), &name).kept(workload.origin.span, links) {
                link(&mut links.pods_accounts, i, account);
                link(&mut links.account_pods, account.index(), WorkloadId(id(i)));
            }
        }
        WorkloadKind::External { .. } => {}
    }
}

/// The identities of Azure whose client id a text is, by reference.
fn azure_identities(index: &Index, scope: &str, client: &Text) -> Vec<IdentityId> {
    let Some((address, "client_id" | "application_id")) = addresses::attribute(client) else { return Vec::new() };
    index.azure_of(scope, address)
}

fn associations(graph: &Graph, index: &Index, links: &mut Links) {
    for (i, association) in graph.associations.iter().enumerate() {
        let named = association.service_account.as_ref();
        let found = named.map(|name| accounts(graph, index, association.namespace.as_ref(), name)).unwrap_or_default();
        let accounts = found.kept(association.origin.span, links);
        for role in roles(graph, index, &association.origin.scope, &association.role) {
            link(&mut links.association_roles, i, role);
            for account in &accounts {
                link(&mut links.workload_identities, account.index(), role);
                link(&mut links.identity_workloads, role.index(), *account);
            }
        }
    }
}

/// The pool and the provider that a login names.
fn logins(graph: &Graph, index: &Index, links: &mut Links) {
    let numbers = numbers(graph, links);
    for (i, config) in graph.credential_configs.iter().enumerate() {
        let Some(name) = ProviderName::parse(&config.audience) else { continue };
        for pool in pools_named(graph, index, &config.origin.scope, Some(&name.project), &name.pool) {
            if !numbers.get(&pool).is_none_or(|known| same_number(known, &name.project)) {
                continue;
            }
            link(&mut links.login_pools, i, pool);
            for provider in links.pool_providers.get(pool.index()).cloned().unwrap_or_default() {
                if named(graph, provider).is_some_and(|own| name.provider.as_ref().is_some_and(|p| own.same(p))) {
                    link(&mut links.login_providers, i, provider);
                }
            }
        }
    }
}

/// The id of a provider.
fn named(graph: &Graph, provider: ProviderId) -> Option<&Text> {
    match &graph.provider(provider)?.kind {
        ProviderKind::Google(google) => Some(&google.name),
        ProviderKind::AwsOidc { .. } => None,
    }
}

/// The numbers of the pools' projects as their members write them: a pool is declared with the id of its project, which cannot be
/// compared with a number. None for a pool whose members write none.
fn numbers(graph: &Graph, links: &Links) -> HashMap<PoolId, BTreeSet<String>> {
    let mut out: HashMap<PoolId, BTreeSet<String>> = HashMap::new();
    for (trust, pools) in graph.trusts.iter().zip(&links.trust_pools) {
        let Gate::GoogleMember { member, .. } = &trust.gate else { continue };
        let Member::Pool { project: Some(project), .. } = member::parse(member) else { continue };
        let Some(number) = project.as_known().filter(|p| p.bytes().all(|b| b.is_ascii_digit())) else { continue };
        for pool in pools {
            out.entry(*pool).or_default().insert(number.clone());
        }
    }
    out
}

/// The project is one of these numbers, or is not written as a number.
fn same_number(known: &BTreeSet<String>, project: &Text) -> bool {
    let number = project.as_known().filter(|p| p.bytes().all(|b| b.is_ascii_digit()));
    number.is_none_or(|number| known.contains(&number))
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
