//! Look-ups of the facts by what they are called, for the joins.

use super::{Graph, Identity, IdentityId, IdentityKind, Origin, Pool, PoolId, ProviderId, ProviderKind, WorkloadId, WorkloadKind};
use crate::graph::addresses;
use crate::partial::{Text, cut};
use std::collections::HashMap;

pub(super) fn id(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Look-ups by the shape of names. The rows keep the order of the graph.
pub(super) struct Index {
    pub(super) roles: HashMap<String, Vec<IdentityId>>,
    pub(super) emails: HashMap<String, Vec<IdentityId>>,
    pub(super) addresses: HashMap<(String, String), Vec<IdentityId>>,
    pub(super) issuers: HashMap<String, Vec<ProviderId>>,
    pub(super) provider_arns: HashMap<String, Vec<ProviderId>>,
    pub(super) provider_addresses: HashMap<(String, String), Vec<ProviderId>>,
    pub(super) pools: HashMap<String, Vec<PoolId>>,
    pub(super) pool_names: HashMap<String, Vec<PoolId>>,
    pub(super) pool_addresses: HashMap<(String, String), Vec<PoolId>>,
    /// ServiceAccounts by name and namespace.
    pub(super) accounts: HashMap<(String, String), Vec<WorkloadId>>,
    /// ServiceAccounts by name.
    pub(super) names: HashMap<String, Vec<WorkloadId>>,
    /// Google service accounts by the part before the `@`.
    pub(super) locals: HashMap<String, Vec<IdentityId>>,
    /// Identities of Azure by their evaluation and the address of what they are of.
    azure: HashMap<(String, String), Vec<IdentityId>>,
    /// Roles that nothing names.
    pub(super) unnamed: Vec<IdentityId>,
    /// Providers whose pool is not in the scan, by the id of the pool.
    pub(super) poolless: HashMap<String, Vec<ProviderId>>,
}

impl Index {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut index = Self {
            roles: HashMap::new(),
            emails: HashMap::new(),
            addresses: HashMap::new(),
            issuers: HashMap::new(),
            provider_arns: HashMap::new(),
            provider_addresses: HashMap::new(),
            pools: HashMap::new(),
            pool_names: HashMap::new(),
            pool_addresses: HashMap::new(),
            accounts: HashMap::new(),
            names: HashMap::new(),
            locals: HashMap::new(),
            azure: HashMap::new(),
            unnamed: Vec::new(),
            poolless: HashMap::new(),
        };
        for (i, identity) in graph.identities.iter().enumerate() {
            index.identity(IdentityId(id(i)), identity);
        }
        for (i, provider) in graph.providers.iter().enumerate() {
            let this = ProviderId(id(i));
            index.provider_addresses.entry(address(&provider.origin)).or_default().push(this);
            match &provider.kind {
                ProviderKind::AwsOidc { url, arn, .. } => {
                    index.issuers.entry(cut::key(&cut::without_scheme(url)).to_lowercase()).or_default().push(this);
                    if let Some(arn) = arn {
                        index.provider_arns.entry(cut::key(arn)).or_default().push(this);
                    }
                }
                ProviderKind::Google(google) if google.pool.is_none() => {
                    index.poolless.entry(cut::key(&google.pool_name)).or_default().push(this);
                }
                ProviderKind::Google(_) => {}
            }
        }
        for (i, pool) in graph.pools.iter().enumerate() {
            index.pool(PoolId(id(i)), pool);
        }
        for (i, workload) in graph.workloads.iter().enumerate() {
            if let WorkloadKind::ServiceAccount { name, namespace, .. } = &workload.kind {
                index.names.entry(cut::key(name)).or_default().push(WorkloadId(id(i)));
                index.accounts.entry((cut::key(name), namespace_key(namespace.as_ref()))).or_default().push(WorkloadId(id(i)));
            }
        }
        index
    }

    fn identity(&mut self, this: IdentityId, identity: &Identity) {
        self.addresses.entry(address(&identity.origin)).or_default().push(this);
        match &identity.kind {
            IdentityKind::AwsRole { arn: Some(arn), .. } => {
                self.roles.entry(role_path(arn)).or_default().push(this);
            }
            IdentityKind::AwsRole { name: None, arn: None, .. } => self.unnamed.push(this),
            IdentityKind::AzureIdentity { parent } => {
                if let Some(of) = addresses::address(parent) {
                    self.azure.entry((identity.origin.scope.clone(), of.to_owned())).or_default().push(this);
                }
            }
            IdentityKind::GoogleServiceAccount { email } => {
                self.emails.entry(cut::key(email).to_lowercase()).or_default().push(this);
                if let Some((local, _)) = cut::split_once(email, "@") {
                    self.locals.entry(cut::key(&local).to_lowercase()).or_default().push(this);
                }
            }
            _ => {}
        }
    }

    /// The identities of Azure that are of what is declared at an address.
    pub(super) fn azure_of(&self, scope: &str, address: &str) -> Vec<IdentityId> {
        self.azure.get(&(scope.to_owned(), address.to_owned())).cloned().unwrap_or_default()
    }

    fn pool(&mut self, this: PoolId, pool: &Pool) {
        self.pools.entry(cut::key(&pool.name)).or_default().push(this);
        self.pool_addresses.entry(address(&pool.origin)).or_default().push(this);
        if let Some(name) = &pool.resource_name {
            self.pool_names.entry(cut::key(name)).or_default().push(this);
        }
    }
}

pub(super) fn address(origin: &Origin) -> (String, String) {
    (origin.scope.clone(), origin.name.clone())
}

pub(super) fn by_reference<T: Copy>(map: &HashMap<(String, String), Vec<T>>, scope: &str, text: &Text) -> Vec<T> {
    let Some(address) = addresses::address(text) else { return Vec::new() };
    map.get(&(scope.to_owned(), address.to_owned())).cloned().unwrap_or_default()
}

/// `role/path/name` of an ARN as its identity; the whole ARN when it is of no known form.
pub(super) fn role_path(arn: &Text) -> String {
    cut::split_once(arn, ":role/").map_or_else(|| cut::key(arn), |(_, path)| format!("role/{}", cut::key(&path)))
}

/// A namespace that is not written, or not known, may be any.
pub(super) fn namespace_key(namespace: Option<&Text>) -> String {
    namespace.and_then(Text::as_known).unwrap_or_default()
}
