//! The roles that ServiceAccounts may become, by what they are called and by what their trusts ask for: a scan may have thousands of
//! accounts that name one ARN, and thousands of roles of one name.

use super::{Context, equal};
use crate::admission::formula::Formula;
use crate::admission::iam::{self, Policy, PrincipalKind};
use crate::gate::aws;
use crate::graph::{Gate, IdentityId, IdentityKind, TrustId};
use crate::partial::{Text, cut};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The roles.
pub(super) struct Roles {
    /// Those whose path is known, by what stands last in it.
    by_name: BTreeMap<String, Vec<(IdentityId, String)>>,
    /// Pod Identity associations by the name of their ServiceAccount.
    associations: BTreeMap<String, Vec<usize>>,
    /// Those whose ServiceAccount is not known.
    vague: Vec<usize>,
    /// What the trusts ask of the tokens of each principal; none where whoever is asked for cannot be told.
    formulas: Vec<OnceLock<Option<Vec<Formula>>>>,
}

/// The path of a role's ARN.
pub(super) fn path(arn: &Text) -> Option<String> {
    cut::split_once(arn, ":role/").and_then(|(_, path)| path.as_known())
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

impl Roles {
    pub(super) fn new(context: &Context<'_>) -> Self {
        let formulas = context.graph.trusts.iter().map(|_| OnceLock::new()).collect();
        let mut out = Self { by_name: BTreeMap::new(), associations: BTreeMap::new(), vague: Vec::new(), formulas };
        for (index, identity) in context.graph.identities.iter().enumerate() {
            let IdentityKind::AwsRole { arn: Some(arn), .. } = &identity.kind else { continue };
            let Some(path) = path(arn) else { continue };
            let id = IdentityId(u32::try_from(index).unwrap_or(u32::MAX));
            out.by_name.entry(last(&path).to_owned()).or_default().push((id, path));
        }
        for (index, association) in context.graph.associations.iter().enumerate() {
            match association.service_account.as_ref().and_then(Text::as_known) {
                Some(name) => out.associations.entry(name).or_default().push(index),
                None => out.vague.push(index),
            }
        }
        out
    }

    /// The roles of this path's name that have another path, in their order.
    pub(super) fn named_alike(&self, wanted: &str) -> impl Iterator<Item = &(IdentityId, String)> {
        self.by_name.get(last(wanted)).into_iter().flatten().filter(move |(_, path)| path != wanted)
    }

    /// The roles that Pod Identity may give to a ServiceAccount of this name.
    pub(super) fn associated(&self, context: &Context<'_>, name: &Text) -> BTreeSet<IdentityId> {
        let mut all: Vec<usize> = self.vague.clone();
        match name.as_known() {
            Some(known) => all.extend(self.associations.get(&known).into_iter().flatten()),
            None => all.extend(self.associations.values().flatten()),
        }
        let may_be = |index: &usize| {
            let written = context.graph.associations.get(*index).and_then(|a| a.service_account.as_ref());
            written.is_none_or(|written| equal(written, name) != Some(false))
        };
        let all = all.into_iter().filter(may_be);
        all.flat_map(|index| context.links.association_roles.get(index).into_iter().flatten().copied()).collect()
    }

    /// What a trust asks of the tokens of each federated principal; none where others may get in, too.
    pub(super) fn formulas(&self, context: &Context<'_>, trust: TrustId) -> Option<&[Formula]> {
        let cell = self.formulas.get(trust.index())?;
        let policy = |trust: TrustId| match context.graph.trust(trust).map(|t| &t.gate) {
            Some(Gate::AwsPolicy(policy)) => Some(policy),
            _ => None,
        };
        cell.get_or_init(|| of_policy(context, policy(trust)?)).as_deref()
    }
}

fn of_policy(context: &Context<'_>, policy: &Policy) -> Option<Vec<Formula>> {
    let mut out = Vec::new();
    for principal in iam::principals(policy) {
        if principal.kind == PrincipalKind::Everyone {
            return None;
        }
        if principal.brings_tokens() {
            out.push(aws::issuer_view(&context.inputs(), policy, &principal.text, &[])?.formula);
        }
    }
    Some(out)
}
