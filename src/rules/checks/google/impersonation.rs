//! Who may impersonate service accounts: nobody, too many, or with less than some guides ask for.

use super::accounts::Accounts;
use super::spelling::Spelling;
use super::{Context, binding};
use crate::admission::cel::google::{Member, MemberKind};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{
    About, CredentialConfig, Gate, GoogleLevel, Identity, IdentityId, IdentityKind, Login, Trust, Undecided, UndecidedKind,
};

use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::BTreeSet;

pub(super) const USER: &str = "roles/iam.workloadIdentityUser";
pub(super) const CREATOR: &str = "roles/iam.serviceAccountTokenCreator";

/// Roles that let their holder become a service account, or act as it
/// (<https://cloud.google.com/iam/docs/service-account-permissions>).
const IMPERSONATION: [&str; 5] =
    [USER, CREATOR, "roles/iam.serviceAccountOpenIdTokenCreator", "roles/iam.serviceAccountKeyAdmin", "roles/iam.serviceAccountUser"];

pub(super) fn check(context: &Context<'_>, accounts: &Accounts<'_>) -> Vec<Finding> {
    let graph = context.graph;
    let creators = graph.trusts.iter().enumerate().filter_map(|(i, t)| missing_creator(context, accounts, i, t));
    let mut out: Vec<Finding> = creators.collect();
    // Whoever no identity can be becomes nobody.
    let alive = |i: usize, t: &Trust| federated_above(context, t).filter(|_| !binding::is_dead(context, i, t));
    out.extend(graph.trusts.iter().enumerate().filter_map(|(i, t)| alive(i, t)));
    out.extend(accounts_above(context));
    out.extend(graph.credential_configs.iter().filter_map(|c| unbound(context, accounts, c)));
    out
}

pub(super) fn member_and_role(trust: &Trust) -> Option<(&Text, &Text)> {
    match &trust.gate {
        Gate::GoogleMember { member, role, .. } if !trust.gate.has_ended() => Some((member, role)),
        _ => None,
    }
}

pub(super) fn is_role(role: &Text, wanted: &str) -> bool {
    role.as_known().as_deref() == Some(wanted)
}

/// A federated principal outside of GKE, where nobody asks for two roles.
pub(super) fn is_external(member: &Text) -> bool {
    match Member::parse(member).map(|m| m.kind) {
        Ok(MemberKind::Pool { pool, .. }) => !cut::flat(&pool.text).ends_with(".svc.id.goog"),
        _ => false,
    }
}

/// The first role without the second.
fn missing_creator(context: &Context<'_>, accounts: &Accounts<'_>, index: usize, trust: &Trust) -> Option<Finding> {
    let (member, role) = member_and_role(trust)?;
    let identity = context.graph.identity(trust.identity)?;
    if !is_role(role, USER) || !is_external(member) || !matches!(identity.kind, IdentityKind::GoogleServiceAccount { .. }) {
        return None;
    }
    // The second role counts wherever it is granted: on the account, or above it.
    if accounts.may_sign(index, trust.identity, member) {
        return None;
    }
    let message = "the principal holds `roles/iam.workloadIdentityUser` and not `roles/iam.serviceAccountTokenCreator`: access and ID tokens need only \
                   the first; signing (`signBlob`, `signJwt`, signed URLs, domain-wide delegation) and chains of `delegates` need the second, and some \
                   guides ask for both";
    let finding = Finding::new(RuleId::MissingTokenCreator, &trust.origin, member.span(), &member.to_string(), message);
    // Where a need is seen it is no matter of opinion.
    if let Some(signing) = accounts.signing(trust.identity) {
        let needed = format!(
            "the principal holds `roles/iam.workloadIdentityUser` on `{}` and not `roles/iam.serviceAccountTokenCreator`, which is needed: {}",
            signing.account, signing.how
        );
        let finding = Finding { message: needed, ..finding }.severity(Severity::Medium).along_text(member);
        let help = "grant `roles/iam.serviceAccountTokenCreator` on this service account to the same principal";
        return Some(finding.help(help).related_to(signing.origin.span, "the signature, or the delegation"));
    }
    let help = "leave it as it is, or grant `roles/iam.serviceAccountTokenCreator` on this service account when the workload signs; teams that want both \
                everywhere set `[rules.missing-token-creator] severity = \"high\"`";
    let finding = finding.help(help).along_text(member);
    // What nobody needs by what is seen is said in one line, unless the team asks for it by a severity of its own.
    match context.config.level(RuleId::MissingTokenCreator) {
        Some(_) => Some(finding),
        None => Some(finding.merged_in_run("opinion")),
    }
}

/// The project, folder or organisation that an identity stands for.
pub(super) fn above(identity: &Identity) -> Option<&str> {
    match &identity.kind {
        IdentityKind::GoogleResource { what, level: GoogleLevel::Hierarchy } => {
            Some(what.trim_start_matches("//cloudresourcemanager.googleapis.com/"))
        }
        _ => None,
    }
}

fn level(what: &str) -> Option<&str> {
    let what = what.trim_start_matches("//cloudresourcemanager.googleapis.com/");
    let kind = ["projects/", "folders/", "organizations/"].into_iter().find(|k| what.starts_with(k))?;
    // A resource inside a project is not the project.
    (!what.get(kind.len()..)?.contains('/')).then_some(what)
}

/// An impersonation role for a federated principal above the service account.
fn federated_above(context: &Context<'_>, trust: &Trust) -> Option<Finding> {
    let (member, role) = member_and_role(trust)?;
    let role = role.as_known().filter(|r| IMPERSONATION.contains(&r.as_str()))?;
    let what = above(context.graph.identity(trust.identity)?)?;
    let pool = Member::parse(member).is_ok_and(|m| matches!(m.kind, MemberKind::Pool { .. } | MemberKind::Unknown));
    if !pool {
        return None;
    }
    let message = format!(
        "`{role}` on `{what}` is a right over every service account in it, default ones included: the workload becomes any of them"
    );
    let Gate::GoogleMember { role: written, .. } = &trust.gate else { return None };
    let finding = Finding::new(RuleId::ProjectWideImpersonation, &trust.origin, member.span(), &format!("{role}|{member}"), message);
    let finding = finding.severity(Severity::Critical).certain(!conditional(trust));
    let help = format!("grant the role on the one service account: {}", Spelling::of(context.sources, &trust.origin).on_account());
    Some(finding.help(help).along_text(member).related(written.span(), "the role"))
}

fn conditional(trust: &Trust) -> bool {
    matches!(trust.gate, Gate::GoogleMember { condition: Some(_), .. })
}

/// The same for service accounts.
fn accounts_above(context: &Context<'_>) -> Vec<Finding> {
    let accounts = context.graph.grants.iter().filter(|g| cut::flat(&g.principal).contains('@'));
    accounts
        .filter_map(|grant| {
            let role = grant.permission.as_known().filter(|r| IMPERSONATION.contains(&r.as_str()))?;
            let scope = cut::flat(grant.scope.as_ref()?);
            level(&scope)?;
            let shown = grant.scope.as_ref()?.to_string();
            let what = shown.trim_start_matches("//cloudresourcemanager.googleapis.com/");
            // To act as an account on deployment is less than to hold its tokens.
            let severity = if role == "roles/iam.serviceAccountUser" { Severity::Medium } else { Severity::High };
            let severity = if service_agent(&grant.principal) { Severity::Info } else { severity };
            let message = format!("`{role}` on `{what}` is a right over every service account in it, default ones included");
            let on = Spelling::of(context.sources, &grant.origin).on_account();
            let finding = Finding::new(
                RuleId::ProjectWideImpersonation,
                &grant.origin,
                grant.permission.span(),
                &format!("{role}|{}", grant.principal),
                message,
            );
            Some(
                finding
                    .severity(severity)
                    .help(format!("grant the role on the service accounts that are meant: {on}"))
                    .along_text(&grant.permission)
                    .related(grant.principal.span(), format!("held by `{}`", grant.principal)),
            )
        })
        .collect()
}

/// An account of Google's own that acts for a product in the project, where Google's instructions ask for such grants
/// (<https://cloud.google.com/iam/docs/service-agents>). Nobody else holds its keys.
fn service_agent(email: &Text) -> bool {
    let flat = cut::flat(email);
    let Some((local, domain)) = flat.split_once('@') else { return false };
    let numbered = local.strip_prefix("service-").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit() || b == 0));
    domain.starts_with("gcp-sa-")
        || domain == "cloudservices.gserviceaccount.com"
        || (numbered && domain.ends_with(".gserviceaccount.com") && AGENTS.iter().any(|a| domain.starts_with(a)))
}

/// The projects of older service agents.
const AGENTS: [&str; 10] = [
    "cloud-ml.google.com",
    "cloudcomposer-accounts.",
    "compute-system.",
    "container-engine-robot.",
    "containerregistry.",
    "dataflow-service-producer-prod.",
    "dataproc-accounts.",
    "gcf-admin-robot.",
    "gs-project-accounts.",
    "serverless-robot-prod.",
];

/// A credential configuration impersonates an account that nobody of its pool may impersonate.
fn unbound(context: &Context<'_>, accounts: &Accounts<'_>, config: &CredentialConfig) -> Option<Finding> {
    let email = config.impersonates.as_ref().filter(|e| e.is_known())?;
    let ids = accounts.of(email);
    // Nothing is said of the account in this scan.
    if ids.is_empty() {
        return None;
    }
    let maybe: BTreeSet<IdentityId> = ids.iter().copied().chain(accounts.may_be(email)).collect();
    if may_be_bound(context, &maybe) {
        return None;
    }
    let what = match config.login {
        Login::Configuration => "configuration",
        Login::Job => "job",
    };
    let pool = cut::split_once(&config.audience, "/workloadIdentityPools/")
        .and_then(|(_, rest)| cut::split_once(&rest, "/"))
        .map(|(pool, _)| pool)?;
    let reaches = |trust: &Trust| {
        member_and_role(trust).is_some_and(|(member, role)| crate::gate::google::may_impersonate(role) && may_be_of(member, &pool))
    };
    if accounts.grants(&maybe).any(reaches) {
        return None;
    }
    let message = format!(
        "this {what} impersonates `{email}`, and nothing in the scan lets a principal of the pool `{pool}` do so: `iam.serviceAccounts.getAccessToken` is denied"
    );
    let finding = Finding::new(RuleId::UnboundImpersonation, &config.origin, email.span(), &email.to_string(), message);
    let finding = finding
        .help("grant `roles/iam.workloadIdentityUser` on the service account to `principalSet://…/attribute.NAME/VALUE` of the pool");
    let places = ids.iter().filter_map(|id| context.graph.identity(*id));
    Some(places.fold(finding, |f, i| f.related_to(i.origin.span, "the service account")))
}

/// The member is, or may be, of the pool.
fn may_be_of(member: &Text, pool: &Text) -> bool {
    match Member::parse(member).map(|m| m.kind) {
        Ok(MemberKind::Pool { pool: own, .. }) => !own.text.is_known() || !pool.is_known() || own.text.same(pool),
        Ok(MemberKind::Unknown | MemberKind::AllUsers | MemberKind::AllAuthenticatedUsers) => true,
        Ok(_) => false,
        // What is malformed has its own finding.
        Err(_) => true,
    }
}

/// A binding that could not be read may let somebody impersonate one of these accounts: one on it, or on what may be above it.
fn may_be_bound(context: &Context<'_>, accounts: &BTreeSet<IdentityId>) -> bool {
    let reaches = |undecided: &Undecided| match &undecided.about {
        About::Identity(id) => accounts.contains(id),
        About::GoogleResource(level) => *level != GoogleLevel::Resource,
        About::Declaration | About::Workload(_) => false,
    };
    context.graph.undecided.iter().any(|u| u.kind == UndecidedKind::GoogleBinding && reaches(u))
}
