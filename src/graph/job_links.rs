//! Joins between the logins of jobs and what they name.

use super::index::Index;
use super::job::{Job, JobIdentity, JobLogin, Named};
use super::{Graph, IdentityId, PoolId, ProviderId, ProviderKind, ProviderName};
use crate::graph::addresses;
use crate::partial::{Text, cut};

/// What a login means in the scan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginLinks {
    /// The identities: roles, service accounts, applications.
    pub identities: Vec<IdentityId>,
    /// The providers of Google pools that tokens are exchanged by.
    pub providers: Vec<ProviderId>,
    /// The pools that are named, where the scan has them.
    pub pools: Vec<PoolId>,
    /// The repositories whose variables name the identity.
    pub repositories: Vec<String>,
    /// An identity was found by the only trust policy that says of no role whose it is.
    pub guessed: bool,
}

pub(super) fn links(graph: &Graph, index: &Index) -> Vec<Vec<LoginLinks>> {
    graph.jobs.iter().map(|job| job.logins.iter().map(|login| of_login(graph, index, job, login)).collect()).collect()
}

fn of_login(graph: &Graph, index: &Index, job: &Job, login: &JobLogin) -> LoginLinks {
    let mut out = LoginLinks::default();
    match &login.identity {
        JobIdentity::AwsRole(names) => {
            for name in names {
                let found = super::links::roles(graph, index, &name.scope, &name.text);
                out.add(found, name);
            }
            if out.identities.is_empty()
                && let [name] = names.as_slice()
            {
                out.identities = lone_policy(graph, index, &name.text);
                out.guessed = !out.identities.is_empty();
            }
        }
        JobIdentity::Google { provider, account } => {
            for name in provider {
                out.provider(graph, name);
            }
            for name in account.iter().flatten() {
                let found = super::links::google_accounts(graph, index, &name.scope, &name.text);
                out.add(found, name);
            }
        }
        JobIdentity::AzureClient(names) => {
            for name in names {
                out.add(azure(index, name), name);
            }
        }
        JobIdentity::Other => {}
    }
    let apart = |id: &IdentityId| graph.identity(*id).is_some_and(|i| apart(graph_file(job), &i.origin.scope));
    out.identities.retain(|id| !apart(id));
    out.providers.retain(|id| graph.provider(*id).is_some_and(|p| !self::apart(graph_file(job), &p.origin.scope)));
    out
}

impl LoginLinks {
    fn add(&mut self, found: Vec<IdentityId>, name: &Named) {
        if !found.is_empty() {
            self.repository(name);
        }
        for id in found {
            if !self.identities.contains(&id) {
                self.identities.push(id);
            }
        }
    }

    fn repository(&mut self, name: &Named) {
        if let Some(repository) = name.repository.as_ref().filter(|r| !self.repositories.contains(r)) {
            self.repositories.push(repository.clone());
        }
    }

    fn provider(&mut self, graph: &Graph, name: &Named) {
        let Some(parsed) = ProviderName::parse(&name.text) else { return };
        let Some(wanted) = &parsed.provider else { return };
        self.repository(name);
        for (i, pool) in graph.pools.iter().enumerate() {
            let named = pool.resource_name.as_ref().and_then(|n| cut::strip_prefix(n, "projects/"));
            let number = named.and_then(|rest| cut::split_once(&rest, "/")).map(|(number, _)| number);
            if pool.name.same(&parsed.pool) && !differ(number.as_ref(), &parsed.project) {
                self.pools.push(PoolId(u32::try_from(i).unwrap_or(u32::MAX)));
            }
        }
        for (i, provider) in graph.providers.iter().enumerate() {
            let ProviderKind::Google(google) = &provider.kind else { continue };
            let pool = google.pool.is_none_or(|id| self.pools.contains(&id));
            if pool && google.pool_name.same(&parsed.pool) && google.name.same(wanted) {
                self.providers.push(ProviderId(u32::try_from(i).unwrap_or(u32::MAX)));
            }
        }
    }
}

/// Both are numbers, and not the same: a number and an id may be one project.
fn differ(left: Option<&Text>, right: &Text) -> bool {
    let number = |t: &Text| t.as_known().filter(|k| !k.is_empty() && k.bytes().all(|b| b.is_ascii_digit()));
    matches!((left.and_then(number), number(right)), (Some(a), Some(b)) if a != b)
}

/// The only trust policy that stands alone, when its providers are of the account of the role.
fn lone_policy(graph: &Graph, index: &Index, role: &Text) -> Vec<IdentityId> {
    let [id] = index.unnamed.as_slice() else { return Vec::new() };
    let own = graph.trusts.iter().filter(|t| t.identity == *id);
    let account = addresses::account_of_arn(role).and_then(|a| a.as_known());
    let fits = |policy: &crate::admission::iam::Policy| {
        let mut providers = crate::admission::iam::federated(policy).into_iter().peekable();
        providers.peek().is_some()
            && account.is_some()
            && providers.all(|p| addresses::account_of_arn(p).and_then(|a| a.as_known()) == account)
    };
    let mut policies = own.filter_map(|t| if let super::Gate::AwsPolicy(policy) = &t.gate { Some(policy) } else { None }).peekable();
    if policies.peek().is_some() && policies.all(|policy| fits(policy)) { vec![*id] } else { Vec::new() }
}

/// The application or managed identity whose client id this is.
fn azure(index: &Index, name: &Named) -> Vec<IdentityId> {
    addresses::address(&name.text).map(|address| index.azure_of(&name.scope, address)).unwrap_or_default()
}

fn graph_file(job: &Job) -> &str {
    &job.origin.scope
}

/// Folders of examples, each a repository of its own: what two of them name alike is not the same.
const EXAMPLES: [&str; 14] = [
    "example",
    "examples",
    "sample",
    "samples",
    "doc",
    "docs",
    "demo",
    "demos",
    "test",
    "tests",
    "testdata",
    "fixtures",
    "e2e",
    "tutorials",
];

/// Whether two places belong to different examples.
fn apart(left: &str, right: &str) -> bool {
    example(left) != example(right)
}

/// The example that a path is in, up to its own folder.
fn example(path: &str) -> Option<String> {
    let folders: Vec<&str> = path.split('/').collect();
    let at = folders.iter().position(|f| EXAMPLES.contains(f))?;
    Some(folders.get(..folders.len().min(at + 2)).unwrap_or_default().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_apart() {
        assert!(apart("docs/aws/.github/workflows/x.yml", "infra"));
        assert!(apart("examples/a/.github/workflows/x.yml", "examples/b/infra"));
        assert!(!apart("examples/a/.github/workflows/x.yml", "examples/a/infra"));
        assert!(!apart(".github/workflows/x.yml", "infra/live"));
    }
}
