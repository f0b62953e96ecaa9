//! Workload identity of AKS: the annotation, the label of the pods, the credential and the cluster's issuer need each other
//! (<https://learn.microsoft.com/azure/aks/workload-identity-overview>).

use super::directory::Directory;
use super::{Account, Context, equal};
use crate::catalogue::{RuleId, Severity};
use crate::graph::addresses;
use crate::graph::{AZURE_CLIENT, AksCluster, Gate, IdentityKind, PodSettings, Switch, Trust, UseLabel, Workload, WorkloadKind};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::BTreeMap;

const LABEL: &str = "azure.workload.identity/use";
const EXCHANGE: &str = "AzureADTokenExchange";

/// The annotation names an identity of this scan, and none of its credentials is for the ServiceAccount.
pub(super) fn annotation(context: &Context<'_>, directory: &Directory<'_>, account: &Account<'_>) -> Option<Finding> {
    let client = account.azure.filter(|_| !account.open)?;
    let linked = context.links.workload_identities.get(account.id.index())?;
    let azure =
        |id: &&crate::graph::IdentityId| matches!(context.graph.identity(**id).map(|i| &i.kind), Some(IdentityKind::AzureIdentity { .. }));
    let mut nearest: Option<&Trust> = None;
    for identity in linked.iter().filter(azure) {
        for id in context.links.identity_trusts.get(identity.index()).into_iter().flatten() {
            let trust = context.graph.trust(*id)?;
            let Gate::AzureCredential { subject: Some(subject), expression: None, .. } = &trust.gate else { return None };
            if names(subject, account) != Some(false) {
                return None;
            }
            nearest = nearest.or(Some(trust));
        }
    }
    // An identity without a credential in the scan may have one elsewhere, unless the one for this account is another's.
    let Some(nearest) = nearest else {
        let known = linked.iter().any(|id| azure(&id)) || addresses::address(client).is_some();
        return known.then(|| of_another(context, directory, account, client)).flatten();
    };
    let identity = context.graph.identity(nearest.identity);
    let parent = identity.and_then(|i| if let IdentityKind::AzureIdentity { parent } = &i.kind { Some(parent) } else { None });
    let handed = |text: &Text| context.hands_on(&nearest.origin.scope, text) || context.hands_on(&account.workload.origin.scope, text);
    if handed(client) || parent.is_some_and(handed) {
        return None;
    }
    let shown = account.shown();
    let message = format!(
        "no federated credential of the identity is for `system:serviceaccount:{}`: pods of `{shown}` get AADSTS700213 instead of a token",
        shown.replace('/', ":")
    );
    let known = account.namespace.is_some_and(Text::is_known) && account.name.is_known();
    let finding = Finding::new(RuleId::OneSidedBinding, &account.workload.origin, account.place(AZURE_CLIENT, client), "azure", message)
        .severity(if known { Severity::High } else { Severity::Medium })
        .certain(known && !nearest.origin.conditional && !nearest.origin.library)
        .help(format!("add a federated credential with the subject `system:serviceaccount:{}`", shown.replace('/', ":")))
        .along_text(client);
    Some(finding.related_to(nearest.origin.span, "this credential is for another subject"))
}

/// The credential for the ServiceAccount is there, and belongs to another identity than the annotation names.
fn of_another(context: &Context<'_>, directory: &Directory<'_>, account: &Account<'_>, client: &Text) -> Option<Finding> {
    let mut subject = Text::known("system:serviceaccount:");
    subject.push(account.namespace?);
    subject.push(&Text::known(":"));
    subject.push(account.name);
    let trust = directory.credential(&subject).and_then(|index| context.graph.trusts.get(index))?;
    // another id of the same identity is another mistake, and is told as such
    let parent = match context.graph.identity(trust.identity).map(|i| &i.kind) {
        Some(IdentityKind::AzureIdentity { parent }) => addresses::address(parent),
        _ => None,
    };
    if parent.is_some() && parent == addresses::address(client) {
        return None;
    }
    let other = context.graph.identity(trust.identity).map_or(&trust.origin.name, |i| &i.origin.name);
    let message = format!(
        "the federated credential for `{}` belongs to `{other}`, and the annotation names another identity, which has none here: the pods get AADSTS700213 instead of a token",
        account.shown()
    );
    let finding = Finding::new(RuleId::OneSidedBinding, &account.workload.origin, account.place(AZURE_CLIENT, client), "azure", message);
    let finding = finding.severity(Severity::Medium).certain(false).along_text(client);
    let help = "let the credential's parent be the identity that the annotation names, or annotate the other one";
    Some(finding.help(help).related_to(trust.origin.span, "this credential is for the ServiceAccount"))
}

/// Whether a credential's subject is the ServiceAccount.
fn names(subject: &Text, account: &Account<'_>) -> Option<bool> {
    let Some(rest) = cut::strip_prefix(subject, "system:serviceaccount:") else {
        return if cut::starts_unknown(subject) { None } else { Some(false) };
    };
    let (namespace, name) = cut::split_once(&rest, ":")?;
    let space = account.namespace.and_then(|own| equal(&namespace, own));
    match (space, equal(&name, account.name)) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// What is wrong with the labels of pods.
pub(super) fn labels(
    context: &Context<'_>,
    accounts: &BTreeMap<usize, &Account<'_>>,
    index: usize,
    workload: &Workload,
) -> Option<Finding> {
    let WorkloadKind::Pods { settings, .. } = &workload.kind else { return None };
    if let UseLabel::NotText(span) = &settings.label {
        let message = format!("the label `{LABEL}` is a truth value, and labels are strings: the API server refuses the object");
        let finding = Finding::new(RuleId::WorkloadLabel, &workload.origin, *span, "type", message);
        return Some(finding.help(format!("write `{LABEL}: \"true\"`")));
    }
    let candidates = context.links.pods_accounts.get(index)?;
    let [one] = candidates.as_slice() else { return None };
    let account = accounts.get(&one.index())?;
    if account.open || settings.open || !settings.labelled || workload.origin.conditional || account.workload.origin.conditional {
        return None;
    }
    match (account.azure, &settings.label) {
        (Some(client), UseLabel::Absent | UseLabel::Other(_)) if wants_webhook(settings) => {
            Some(missing(workload, settings, account, client))
        }
        (None, UseLabel::On(span)) if !settings.told_client && !settings.system => {
            let message = format!(
                "the pods ask for a token, and the ServiceAccount `{}` names no identity: the application has to know its client id by itself",
                account.shown()
            );
            let finding = Finding::new(RuleId::WorkloadLabel, &workload.origin, *span, "orphan", message).severity(Severity::Low);
            Some(
                finding
                    .help("annotate the ServiceAccount with `azure.workload.identity/client-id`")
                    .related_to(account.workload.origin.span, "the ServiceAccount"),
            )
        }
        _ => None,
    }
}

/// The pods get no token without the webhook: no driver brings one, they project none themselves, and the webhook looks at them.
fn wants_webhook(settings: &PodSettings) -> bool {
    let projected = settings.tokens.iter().any(|t| t.audience.as_ref().is_some_and(|a| cut::flat(a).contains(EXCHANGE)));
    !settings.secrets_store && !projected && !settings.system
}

fn missing(workload: &Workload, settings: &PodSettings, account: &Account<'_>, client: &Text) -> Finding {
    let (span, what) = match (&settings.label, settings.label_of_maker, account.label) {
        (UseLabel::Other(text), ..) => {
            (text.span(), format!("the label `{LABEL}` of the pods is `{text}`, and the webhook looks for `true`"))
        }
        (_, Some(span), _) => (Some(span), format!("the label `{LABEL}` stands on the object and not on the template of its pods")),
        (_, None, UseLabel::On(span)) => (*span, format!("the label `{LABEL}` stands on the ServiceAccount and not on the pods")),
        _ => (None, format!("the pods have no label `{LABEL}`")),
    };
    let message = format!("{what}: the webhook leaves them alone, and they get no token for the identity of `{}`", account.shown());
    let finding = Finding::new(RuleId::WorkloadLabel, &workload.origin, span, "missing", message);
    let finding = finding.help(format!("write `{LABEL}: \"true\"` into the labels of the pod template"));
    finding.related(client.span(), "the identity that they are to have")
}

/// The label of a ServiceAccount is no string.
pub(super) fn account_label(account: &Account<'_>) -> Option<Finding> {
    let UseLabel::NotText(span) = account.label else { return None };
    let message = format!("the label `{LABEL}` is a truth value, and labels are strings: the API server refuses the object");
    let finding = Finding::new(RuleId::WorkloadLabel, &account.workload.origin, *span, "type", message);
    Some(finding.help("take the label off the ServiceAccount and write it, as a string, into the pod template"))
}

/// Clusters that do not offer what credentials and pods count on.
pub(super) fn disabled(context: &Context<'_>) -> Vec<Finding> {
    let on = |w: &Workload| matches!(&w.kind, WorkloadKind::Pods { settings, .. } if matches!(settings.label, UseLabel::On(_)));
    let labelled = context.graph.workloads.iter().any(on);
    context.graph.aks_clusters.iter().filter_map(|cluster| one(context, cluster, labelled)).collect()
}

fn one(context: &Context<'_>, cluster: &AksCluster, labelled: bool) -> Option<Finding> {
    let credential = context.graph.trusts.iter().find(|t| uses_issuer(t, cluster));
    let finding = |span, edge, why: &str| Finding::new(RuleId::WorkloadIdentityDisabled, &cluster.origin, span, edge, why);
    if let Switch::Off(span) = cluster.issuer {
        let why = match credential {
            Some(_) => "the cluster has no issuer of tokens, and a federated credential trusts it: no token can ever satisfy that trust",
            None if cluster.workload_identity == Switch::On => {
                "workload identity needs the issuer of the cluster, which is switched off: Azure refuses the cluster"
            }
            None => return None,
        };
        let finding = finding(span, "issuer", why).help("set `oidc_issuer_enabled = true`");
        return Some(finding.related(credential.map(|c| c.origin.span), "this credential trusts the issuer"));
    }
    let off = match cluster.workload_identity {
        Switch::Off(span) => span,
        Switch::Absent => None,
        Switch::On | Switch::Unknown => return None,
    };
    // Without the webhook a workload may still project its token itself: only labelled pods count on it.
    let credential = credential.filter(|_| labelled)?;
    let why =
        "workload identity is off, so no webhook gives the labelled pods the token that a federated credential of this cluster waits for";
    let finding = finding(off, "webhook", why).certain(matches!(cluster.workload_identity, Switch::Off(_)));
    // It needs the issuer, which is off where nothing switches it on.
    let help = match cluster.issuer {
        Switch::On => "set `workload_identity_enabled = true`",
        _ => "set `oidc_issuer_enabled = true` and `workload_identity_enabled = true`",
    };
    Some(finding.help(help).related_to(credential.origin.span, "this credential trusts the issuer"))
}

/// The credential's issuer is this cluster's, by reference.
fn uses_issuer(trust: &Trust, cluster: &AksCluster) -> bool {
    let Gate::AzureCredential { issuer: Some(issuer), .. } = &trust.gate else { return false };
    let own = |atom: &crate::partial::Unknown| atom.attribute_of().is_some_and(|of| of.address == cluster.origin.name);
    trust.origin.scope == cluster.origin.scope && issuer.atoms().any(own)
}
