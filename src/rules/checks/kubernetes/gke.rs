//! GKE workload identity: the annotation on the ServiceAccount and the grant on the Google service account need each
//! other (<https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity>).

use super::directory::{Directory, local};
use super::{Account, Context, equal};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::member::{self, Accounts, Member};
use crate::graph::{
    BindingStyle, Declared, GOOGLE_ACCOUNT, Gate, GoogleLevel, Identity, IdentityId, IdentityKind, Trust, TrustId, WorkloadKind,
};

use crate::partial::{Text, cut};
use crate::rules::Finding;

const USER: &str = "roles/iam.workloadIdentityUser";
/// Roles that let a member act as a service account, or may: custom roles are not read.
const IMPERSONATION: [&str; 3] = [USER, "roles/iam.serviceAccountTokenCreator", "roles/owner"];

/// The ServiceAccounts that a member names.
enum Named {
    /// All of a namespace or of the pool.
    Many(Option<Text>),
    /// This one.
    One(Text, Text),
    /// Certainly none.
    Nobody,
    /// Not known.
    Unclear,
}

/// The annotation is not the e-mail address of a service account
/// (<https://cloud.google.com/iam/docs/service-account-types>).
pub(super) fn address(account: &Account<'_>) -> Option<Finding> {
    let email = account.google?;
    let known = email.as_known()?;
    // What is to be filled in yet: addresses have small letters.
    let names = known.replace("serviceAccounts/", "");
    if names.is_empty() || names.contains(|c: char| c.is_ascii_uppercase() || "${}<>[]% ".contains(c)) {
        return None;
    }
    let wrong = wrong_address(&known)?;
    let origin = &account.workload.origin;
    let span = account.place(GOOGLE_ACCOUNT, email);
    let message = format!("`{known}` is not the address of a service account, {wrong}: the pods get no token");
    let finding = Finding::new(RuleId::MalformedPrincipal, origin, span, "google address", message);
    Some(finding.certain(!account.open).help("write `NAME@PROJECT_ID.iam.gserviceaccount.com`").along_text(email))
}

fn wrong_address(known: &str) -> Option<&'static str> {
    if known.contains('/') {
        return Some("it is the name of the resource");
    }
    let Some((_, domain)) = known.split_once('@') else { return Some("it has no domain") };
    let own = [
        "developer.gserviceaccount.com",
        "appspot.gserviceaccount.com",
        "cloudbuild.gserviceaccount.com",
        "cloudservices.gserviceaccount.com",
    ];
    if own.contains(&domain) {
        return None;
    }
    let Some(project) = domain.strip_suffix(".iam.gserviceaccount.com") else {
        return Some("its domain is not `PROJECT_ID.iam.gserviceaccount.com`");
    };
    // A project of an old domain is `example.com:project`, with the domain behind.
    project.bytes().all(|b| b.is_ascii_digit()).then_some("it has the project's number in place of its id")
}

/// The annotation names a Google service account that is declared here and that grants the ServiceAccount nothing.
pub(super) fn annotation(context: &Context<'_>, directory: &Directory<'_>, account: &Account<'_>) -> Option<Finding> {
    let email = account.google.filter(|_| !account.open)?;
    let linked: Vec<IdentityId> = context.links.workload_identities.get(account.id.index()).cloned().unwrap_or_default();
    let named = |id: &&IdentityId| matches!(context.graph.identity(**id).map(|i| &i.kind), Some(IdentityKind::GoogleServiceAccount { .. }));
    let linked: Vec<IdentityId> = linked.iter().filter(named).copied().collect();
    let declared = linked.iter().find(|id| declared(context, **id))?;
    let identity = context.graph.identity(*declared)?;
    let own: Vec<TrustId> = linked.iter().flat_map(|id| trusts_of(context, *id)).copied().collect();
    let email_of_it = if let IdentityKind::GoogleServiceAccount { email, .. } = &identity.kind { Some(email) } else { None };
    let trusts = directory.grants(email_of_it, &own).into_iter().filter_map(|index| context.graph.trusts.get(index));
    let mut nearest: Option<&Trust> = None;
    for trust in trusts.filter(|t| concerns(context, &linked, identity, t.identity)) {
        let Gate::GoogleMember { member, role, .. } = &trust.gate else { continue };
        if trust.gate.has_ended() || !impersonates(role) {
            continue;
        }
        match covers(member, account) {
            Some(false) if linked.contains(&trust.identity) && matches!(member::parse(member), Member::Kubernetes { .. }) => {
                nearest = nearest.or(Some(trust));
            }
            Some(false) => {}
            _ => return None,
        }
    }
    if context.hands_on(&identity.origin.scope, email) || context.hands_on(&account.workload.origin.scope, email) {
        return None;
    }
    let severity = match account.namespace {
        Some(namespace) if namespace.is_known() && account.name.is_known() => Severity::High,
        _ => Severity::Medium,
    };
    let shown = account.shown();
    let message =
        format!("no grant lets the ServiceAccount `{shown}` act as `{}`: its pods get a 403 instead of a token", identity_name(identity));
    let finding = Finding::new(RuleId::OneSidedBinding, &account.workload.origin, account.place(GOOGLE_ACCOUNT, email), "google", message)
        .severity(severity)
        .help(format!("grant `{USER}` on the service account to `serviceAccount:PROJECT_ID.svc.id.goog[{}]`", account.whole()))
        .certain(account.namespace.is_some_and(Text::is_known) && !identity.origin.conditional && !identity.origin.library)
        .along_text(email)
        .related_to(identity.origin.span, "the service account is declared here");
    Some(match nearest {
        Some(trust) => finding.related_to(trust.origin.span, "this grant is for another ServiceAccount"),
        None => finding,
    })
}

fn identity_name(identity: &Identity) -> String {
    match &identity.kind {
        IdentityKind::GoogleServiceAccount { email, .. } if email.is_known() => email.to_string(),
        _ => identity.origin.name.clone(),
    }
}

fn trusts_of<'a>(context: &'a Context<'_>, id: IdentityId) -> &'a [TrustId] {
    context.links.identity_trusts.get(id.index()).map_or(&[], Vec::as_slice)
}

/// Its grants are this scan's matter: it is declared here, or one of its grants owns its role or its whole policy.
fn declared(context: &Context<'_>, id: IdentityId) -> bool {
    let Some(identity) = context.graph.identity(id) else { return false };
    let made = match &identity.origin.declared {
        Declared::Block { resource, looked_up, .. } => &**resource == "google_service_account" && !looked_up,
        Declared::Object(kind) => &**kind == "IAMServiceAccount",
        Declared::Printed => false,
    };
    let owned = trusts_of(context, id).iter().filter_map(|t| context.graph.trust(*t)).any(|t| match &t.gate {
        Gate::GoogleMember { style: BindingStyle::Policy | BindingStyle::Exported, .. } => true,
        Gate::GoogleMember { style: BindingStyle::Binding, role, .. } => role.as_known().as_deref() == Some(USER),
        _ => false,
    });
    made || owned
}

/// A grant on this identity may be one for the account: it is the account, one of its name whose project is not known, or
/// something above it.
fn concerns(context: &Context<'_>, linked: &[IdentityId], identity: &Identity, of: IdentityId) -> bool {
    if linked.contains(&of) {
        return true;
    }
    match (context.graph.identity(of).map(|i| &i.kind), &identity.kind) {
        (Some(IdentityKind::GoogleServiceAccount { email: other, .. }), IdentityKind::GoogleServiceAccount { email, .. }) => {
            // An unknown name may be the one.
            equal(&local(other), &local(email)) != Some(false)
        }
        // A role on a bucket makes nobody a service account.
        (Some(IdentityKind::GoogleResource { level, .. }), _) => *level != GoogleLevel::Resource,
        _ => false,
    }
}

pub(super) fn impersonates(role: &Text) -> bool {
    role.as_known().is_none_or(|r| IMPERSONATION.contains(&r.as_str()) || !r.starts_with("roles/"))
}

/// Whether the member takes the ServiceAccount in; none when that is not known.
fn covers(member: &Text, account: &Account<'_>) -> Option<bool> {
    let space = |own: &Text| account.namespace.and_then(|n| equal(own, n));
    match named(member) {
        Named::Many(None) => Some(true),
        Named::Many(Some(namespace)) => space(&namespace),
        Named::One(namespace, name) => match (space(&namespace), equal(&name, account.name)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Named::Nobody => Some(false),
        Named::Unclear => None,
    }
}

fn named(text: &Text) -> Named {
    match member::parse(text) {
        Member::Kubernetes { accounts, .. } => match accounts {
            Accounts::One { namespace, name } => Named::One(namespace, name),
            Accounts::Namespace(namespace) => Named::Many(Some(namespace)),
            Accounts::Pool => Named::Many(None),
            // Which cluster a manifest is for is not known, nor the uid that it gets.
            Accounts::Cluster(_) | Accounts::Uid => Named::Unclear,
        },
        // `serviceAccount:${local.pool}[shop/api]`
        Member::ServiceAccount(email) => match cut::split_once(&email, "[").and_then(|(_, rest)| cut::split_once(&rest, "/")) {
            Some((namespace, rest)) => match cut::rsplit_once(&rest, "]") {
                Some((name, _)) => Named::One(namespace, name),
                None => Named::Unclear,
            },
            None if email.known_suffix().contains('@') || email.is_known() => Named::Nobody,
            None => Named::Unclear,
        },
        Member::Person | Member::Workforce => Named::Nobody,
        Member::Pool { pool, subject, .. } => {
            match subject.and_then(|s| cut::strip_prefix(&s, "ns/")).and_then(|s| cut::split_once(&s, "/sa/")) {
                Some((namespace, name)) => Named::One(namespace, name),
                None if pool.is_known() => Named::Nobody,
                None => Named::Unclear,
            }
        }
        Member::Public | Member::Malformed | Member::Unclear => Named::Unclear,
    }
}

/// A grant for a ServiceAccount of a namespace whose manifests are here, and that ServiceAccount does not ask for it.
pub(super) fn binding(context: &Context<'_>, directory: &Directory<'_>, trust: &Trust) -> Option<Finding> {
    let Gate::GoogleMember { member, role, .. } = &trust.gate else { return None };
    let identity = context.graph.identity(trust.identity)?;
    let email = match &identity.kind {
        IdentityKind::GoogleServiceAccount { email, .. } if role.as_known().as_deref() == Some(USER) => email,
        // A role on another resource needs no annotation, and the ServiceAccount has to be there all the same.
        IdentityKind::GoogleResource { .. } if matches!(member::parse(member), Member::Kubernetes { .. }) => {
            return absent(directory, trust, member);
        }
        _ => return None,
    };
    let Named::One(namespace, name) = named(member) else { return None };
    let (namespace, name) = (namespace.as_known()?, name.as_known()?);
    let is = |text: &Text, known: &str| text.as_known().map(|t| t == known);
    if directory.is_external(&namespace) {
        return None;
    }
    let here = directory.of_namespace(&namespace).next().is_some();
    let mut severity = Severity::Medium;
    let (message, at) = match directory.may_be(&namespace, &name).as_slice() {
        // Pods that run as it say that it is made, wherever that is.
        [] if here && runs(context, &namespace, &name) => return None,
        [] if !here => return elsewhere(context, directory, trust, email, &format!("{namespace}/{name}")),
        [] => {
            let near = alike(directory, &namespace, &name);
            // Without one that may be meant it is likely made elsewhere, by a chart or by hand.
            severity = if near.is_some() { Severity::Medium } else { Severity::Low };
            let message = format!(
                "the manifests of namespace `{namespace}` have no ServiceAccount `{name}`: anyone who creates one obtains this identity"
            );
            (message, near.map(|account| account.workload.origin.span))
        }
        [account] if is(account.name, &name) == Some(true) && account.namespace.is_some_and(Text::is_known) => match account.google {
            _ if account.open || account.workload.origin.conditional => return None,
            None => (
                format!(
                    "the ServiceAccount `{namespace}/{name}` has no annotation `iam.gke.io/gcp-service-account`, so its pods never ask for this identity"
                ),
                Some(account.workload.origin.span),
            ),
            Some(other) if equal(other, email) == Some(false) => {
                (format!("the ServiceAccount `{namespace}/{name}` references `{other}`, not this identity"), other.span())
            }
            Some(_) => return other_pool(context, directory, account, trust, email),
        },
        _ => return None,
    };
    let finding = Finding::new(RuleId::OneSidedBinding, &trust.origin, member.span(), &format!("binding {namespace}/{name}"), message)
        .severity(severity)
        .help("annotate the ServiceAccount with `iam.gke.io/gcp-service-account`, or take the grant away")
        .certain(false)
        .along_text(member);
    Some(at.into_iter().fold(finding, |f, span| f.related_to(span, "the ServiceAccount")))
}

/// A ServiceAccount of the namespace that is named nearly so.
fn alike<'a>(directory: &Directory<'a>, namespace: &str, name: &str) -> Option<&'a Account<'a>> {
    let alike = |own: String| own.starts_with(name) || name.starts_with(&own);
    directory.of_namespace(namespace).find(|a| a.name.as_known().is_some_and(alike))
}

/// Whether pods of the scan run as this ServiceAccount.
fn runs(context: &Context<'_>, namespace: &str, name: &str) -> bool {
    let is = |text: &Option<Text>, known: &str| text.as_ref().and_then(Text::as_known).is_some_and(|t| t == known);
    context.graph.workloads.iter().any(|w| {
        matches!(&w.kind, WorkloadKind::Pods { namespace: own, service_account, .. } if is(own, namespace) && is(service_account, name))
    })
}

/// A ServiceAccount that nobody creates here has a role on a resource, while the manifests have one that is named alike.
fn absent(directory: &Directory<'_>, trust: &Trust, member: &Text) -> Option<Finding> {
    let Named::One(namespace, name) = named(member) else { return None };
    let (namespace, name) = (namespace.as_known()?, name.as_known()?);
    // One whose name or namespace is not known may be the one.
    if directory.is_external(&namespace) || directory.is_vague() || directory.has(&namespace, &name) {
        return None;
    }
    let (message, near) = match (directory.of_namespace(&namespace).next(), directory.named(&name).next()) {
        (Some(_), _) => {
            let alike = alike(directory, &namespace, &name)?;
            (format!("the manifests of namespace `{namespace}` have no ServiceAccount `{name}`"), alike)
        }
        (None, Some(other)) => {
            (format!("the manifests have the ServiceAccount `{}`, and none of namespace `{namespace}`", other.shown()), other)
        }
        (None, None) => return None,
    };
    let message = format!("{message}: nobody has the role, unless it is created elsewhere");
    let finding = Finding::new(RuleId::OneSidedBinding, &trust.origin, member.span(), &format!("absent {namespace}/{name}"), message);
    let finding = finding.severity(Severity::Low).certain(false).along_text(member);
    Some(
        finding
            .help("name the ServiceAccount that the pods run as")
            .related_to(near.workload.origin.span, "the ServiceAccount of the manifests"),
    )
}

/// The grant is for a ServiceAccount that is not here, while the one that references the identity has none.
fn elsewhere(context: &Context<'_>, directory: &Directory<'_>, trust: &Trust, email: &Text, granted: &str) -> Option<Finding> {
    let Gate::GoogleMember { member, .. } = &trust.gate else { return None };
    // Where the identity is declared, the annotation is told.
    if declared(context, trust.identity) {
        return None;
    }
    let asks = |a: &&Account<'_>| !a.open && a.google.is_some_and(|g| equal(g, email) == Some(true));
    let refused = |a: &&Account<'_>| {
        let trusts = trusts_of(context, trust.identity).iter().filter_map(|id| context.graph.trust(*id));
        let mut members =
            trusts.filter_map(|t| if let Gate::GoogleMember { member, role, .. } = &t.gate { Some((member, role)) } else { None });
        members.all(|(member, role)| !impersonates(role) || covers(member, a) == Some(false))
    };
    let account = directory.asking(email).filter(asks).find(refused)?;
    let message = format!(
        "the grant is for the ServiceAccount `{granted}`, and the one that references this identity is `{}`: its pods get a 403",
        account.shown()
    );
    let finding = Finding::new(RuleId::OneSidedBinding, &trust.origin, member.span(), &format!("binding {granted}"), message);
    let help = format!("grant the role to `serviceAccount:PROJECT_ID.svc.id.goog[{}]`", account.shown());
    let finding = finding.severity(Severity::Medium).certain(false).help(help).along_text(member);
    Some(finding.related_to(account.workload.origin.span, "the ServiceAccount"))
}

/// The grant is for the pool of the service account's project, and the clusters of the scan are of other projects: the pool
/// belongs to the project of the cluster.
fn other_pool(context: &Context<'_>, directory: &Directory<'_>, account: &Account<'_>, trust: &Trust, email: &Text) -> Option<Finding> {
    let Gate::GoogleMember { member, .. } = &trust.gate else { return None };
    let Member::Kubernetes { project, .. } = member::parse(member) else { return None };
    let project = project.as_known()?;
    let pools = directory.pools.as_ref()?;
    let home = email.as_known()?.ends_with(&format!("@{project}.iam.gserviceaccount.com"));
    let all = trusts_of(context, trust.identity).iter().filter_map(|id| context.graph.trust(*id));
    let others = all.filter(|t| !std::ptr::eq(*t, trust));
    let granted = others.filter_map(|t| if let Gate::GoogleMember { member, .. } = &t.gate { Some(member) } else { None });
    if !home || pools.contains(&project) || granted.into_iter().any(|m| covers(m, account) != Some(false)) {
        return None;
    }
    let first = pools.first()?;
    let message = format!(
        "the grant is for the workload pool of `{project}`, where the service account is, and the clusters of this scan use `{first}.svc.id.goog`: the pool is that of the cluster's project"
    );
    let finding = Finding::new(RuleId::OneSidedBinding, &trust.origin, member.span(), &format!("pool {project}"), message);
    let finding = finding.severity(Severity::Medium).certain(false).along_text(member);
    Some(finding.help(format!("grant the role to `serviceAccount:{first}.svc.id.goog[{}]`", account.shown())))
}
