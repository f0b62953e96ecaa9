//! Identities that can widen their own trust, or make credentials that outlive it: who obtains one for an hour keeps it.

use super::{Context, Judged, Reach, reach};
use crate::admission::glob;
use crate::admission::iam::action_matches;
use crate::catalogue::{RuleId, Severity};
use crate::graph::addresses;
use crate::graph::{Gate, GoogleLevel, Grant, IdentityId, IdentityKind};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use crate::rules::checks::privilege_aws;
use crate::token::Truth;

/// What an action is done to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum To {
    /// The role itself.
    Itself,
    /// A user.
    Users,
}

/// Actions that keep an identity for whoever obtained it once
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>).
const ACTIONS: [(&str, To, &str); 4] = [
    ("iam:UpdateAssumeRolePolicy", To::Itself, "it can change its own trust policy, and let anybody in for good"),
    ("iam:PutRolePolicy", To::Itself, "it can give itself any right"),
    ("iam:AttachRolePolicy", To::Itself, "it can give itself any right"),
    ("iam:CreateAccessKey", To::Users, "it can make access keys of users, which never expire"),
];
/// All of AWS: what an administrator can do is told with who becomes one.
const EVERYTHING: [&str; 2] = ["*", "*:*"];
const ALL_BUT: &str = "NotAction ";

/// Roles of Google Cloud above a service account that change who may impersonate it, or whose tokens its pool takes
/// (<https://cloud.google.com/iam/docs/roles-permissions/iam>).
pub(in crate::rules::checks) const ABOVE: [&str; 6] = [
    "roles/iam.securityAdmin",
    "roles/iam.serviceAccountAdmin",
    "roles/iam.workloadIdentityPoolAdmin",
    "roles/resourcemanager.folderIamAdmin",
    "roles/resourcemanager.organizationAdmin",
    "roles/resourcemanager.projectIamAdmin",
];
/// The same on the account itself.
const ON_ITSELF: [&str; 5] =
    ["roles/editor", "roles/iam.securityAdmin", "roles/iam.serviceAccountAdmin", "roles/iam.serviceAccountKeyAdmin", "roles/owner"];

pub(super) fn check(context: &Context<'_>, judged: &[Judged]) -> Vec<Finding> {
    let mut out = Vec::new();
    for index in 0..context.graph.identities.len() {
        let id = IdentityId(u32::try_from(index).unwrap_or(u32::MAX));
        let Some(identity) = context.graph.identity(id) else { continue };
        let found = match &identity.kind {
            IdentityKind::AwsRole { arn, .. } => {
                let own = of_role(context, id, arn.as_ref());
                // Where more obtain it than are named, the gate is told, and that an administrator stands behind it.
                let wider = !own.is_empty() && reach(context, judged, id) == Reach::Wider;
                own.into_iter().filter(|(administrator, _)| !(wider && *administrator)).map(|(_, finding)| finding).collect()
            }
            IdentityKind::GoogleServiceAccount { email } => of_account(context, id, email),
            IdentityKind::GoogleResource { level: GoogleLevel::Hierarchy, .. } => granted_directly(context, id),
            IdentityKind::GoogleResource { .. } | IdentityKind::AzureIdentity { .. } => Vec::new(),
        };
        // Who obtains it is asked only where it matters.
        if found.is_empty() {
            continue;
        }
        let severity = match reach(context, judged, id) {
            Reach::Nobody => continue,
            Reach::Named => Severity::Low,
            Reach::Wider => Severity::High,
        };
        out.extend(found.into_iter().map(|f| f.severity(severity)));
    }
    out
}

/// The certain grants of an identity.
fn grants<'a>(context: &'a Context<'_>, id: IdentityId) -> impl Iterator<Item = &'a Grant> {
    let all = context.links.identity_grants.get(id.index()).into_iter().flatten();
    all.filter_map(|i| context.graph.grants.get(*i)).filter(|g| !g.origin.conditional)
}

/// One finding for each thing that a role of AWS can do.
/// Whether the grant makes an administrator stands before it.
fn of_role(context: &Context<'_>, id: IdentityId, arn: Option<&Text>) -> Vec<(bool, Finding)> {
    if context.graph.bounded.contains(&id) {
        return Vec::new();
    }
    let mut out: Vec<(bool, Finding)> = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for grant in grants(context, id) {
        let Some(pattern) = grant.permission.as_known() else { continue };
        if pattern.starts_with("arn:") || pattern.starts_with(ALL_BUT) || EVERYTHING.contains(&pattern.as_str()) {
            continue;
        }
        let can = ACTIONS.iter().find(|(action, to, what)| {
            !told.contains(what) && action_matches(&pattern, action) && reaches(grant, *to, arn) && !denied(context, id, action, *to, arn)
        });
        let Some((action, _, what)) = can else { continue };
        told.push(what);
        let shown = if pattern.eq_ignore_ascii_case(action) { format!("`{action}`") } else { format!("`{action}`, by `{pattern}`") };
        let message = format!("whoever obtains this role once keeps it: {what} ({shown})");
        let finding = Finding::new(RuleId::SelfEscalation, &grant.origin, grant.permission.span(), what, message);
        let help = "leave the role itself out of what it manages: name the resources (`arn:aws:iam::ACCOUNT:role/app-*`), deny the action on its own \
                    ARN, or set a permissions boundary";
        let at = context.graph.identity(id).map(|i| i.origin.span);
        out.push((privilege_aws::alone(grant), finding.help(help).along_text(&grant.permission).related(at, "the role")));
    }
    out
}

/// The statement's resources take in what the action is done to.
fn reaches(grant: &Grant, to: To, arn: Option<&Text>) -> bool {
    grant.scope.iter().chain(&grant.others).any(|resource| takes_in(resource, to, arn) == Some(true))
}

/// Whether a resource takes in the role, or users; none where that is not known.
fn takes_in(resource: &Text, to: To, arn: Option<&Text>) -> Option<bool> {
    if resource.is_str("*") {
        return Some(true);
    }
    let fields = fields(resource)?;
    match to {
        To::Users => Some(["*", "user/*"].contains(&fields.name.as_known()?.as_str())),
        To::Itself => {
            let own = arn?;
            if resource.same(own) || addresses::same_role(resource, own) {
                return Some(true);
            }
            let mine = self::fields(own)?;
            if let (Some(a), Some(b)) = (fields.account.as_known(), mine.account.as_known())
                && !glob_matches(&a, &b)
            {
                return Some(false);
            }
            Some(glob_matches(&fields.name.as_known()?, &mine.name.as_known()?))
        }
    }
}

struct Fields {
    account: Text,
    name: Text,
}

/// The account and the resource of an ARN.
fn fields(arn: &Text) -> Option<Fields> {
    let account = addresses::account_of_arn(arn)?;
    let mut rest = arn.clone();
    for _ in 0..5 {
        rest = cut::split_once(&rest, ":")?.1;
    }
    Some(Fields { account, name: rest })
}

/// A policy of the role denies the action on it, or may.
fn denied(context: &Context<'_>, id: IdentityId, action: &str, to: To, arn: Option<&Text>) -> bool {
    let own = context.graph.denials.iter().filter(|d| d.identity == Some(id));
    own.filter(|d| match d.permission.as_known() {
        Some(known) => match known.strip_prefix(ALL_BUT) {
            Some(spared) => !action_matches(spared, action),
            None => action_matches(&known, action),
        },
        None => true,
    })
    .any(|d| d.scope.iter().chain(&d.others).any(|resource| takes_in(resource, to, arn) != Some(false)))
}

/// A service account with a role that changes who may impersonate it.
fn of_account(context: &Context<'_>, id: IdentityId, email: &Text) -> Vec<Finding> {
    let mut out = Vec::new();
    for grant in grants(context, id) {
        let (Some(role), Some(scope)) = (grant.permission.as_known(), grant.scope.as_ref()) else { continue };
        let on_itself = cut::rsplit_once(scope, "serviceAccounts/").is_some_and(|(_, own)| own.same(email));
        let above = || is_above(scope) && !elsewhere(scope, email) && ABOVE.contains(&role.as_str());
        let what = match on_itself {
            true if ON_ITSELF.contains(&role.as_str()) => "it can change who may impersonate it, or make keys of its own that never expire",
            false if above() => power(&role),
            _ => continue,
        };
        out.push(finding(grant, what, &email.to_string()));
    }
    out
}

/// Principals that hold such a role by themselves.
fn granted_directly(context: &Context<'_>, id: IdentityId) -> Vec<Finding> {
    let trusts = context.links.identity_trusts.get(id.index()).into_iter().flatten().filter_map(|t| context.graph.trust(*t));
    let held = trusts.filter_map(|trust| match &trust.gate {
        Gate::GoogleMember { member, role, condition: None, .. } => Some((trust, member, role)),
        _ => None,
    });
    let mut out = Vec::new();
    for (trust, member, role) in held {
        let Some(known) = role.as_known().filter(|r| ABOVE.contains(&r.as_str())) else { continue };
        let message = format!("whoever is this principal once stays it: {} (`{known}`)", power(&known));
        let finding = Finding::new(RuleId::SelfEscalation, &trust.origin, role.span(), &format!("{member}|{known}"), message);
        out.push(finding.help(NARROWER).along_text(role).related(member.span(), "the principal"));
    }
    out
}

const NARROWER: &str = "grant the role that the workload needs, and manage pools and policies with an account that no workload becomes";

fn power(role: &str) -> &'static str {
    match role {
        "roles/iam.workloadIdentityPoolAdmin" => "it can add providers to the pool, and let tokens of any issuer in",
        _ => "it can change who may impersonate any service account there, itself included",
    }
}

fn finding(grant: &Grant, what: &str, email: &str) -> Finding {
    let role = &grant.permission;
    let message = format!("whoever impersonates this account once keeps it: {what} (`{role}`)");
    let finding = Finding::new(RuleId::SelfEscalation, &grant.origin, role.span(), &format!("{email}|{role}"), message);
    finding.help(NARROWER).along_text(role)
}

/// The project is another one than the account's, which no right in it changes
/// (<https://cloud.google.com/iam/docs/service-account-types#user-managed>).
fn elsewhere(scope: &Text, email: &Text) -> bool {
    let project = cut::strip_prefix(scope, "projects/").and_then(|p| p.as_known());
    let domain = cut::split_once(email, "@").and_then(|(_, domain)| domain.as_known());
    let home = domain.as_deref().and_then(|d| d.strip_suffix(".iam.gserviceaccount.com"));
    let by_id = |p: &&String| !p.bytes().all(|b| b.is_ascii_digit());
    project.as_ref().filter(by_id).zip(home).is_some_and(|(project, home)| project != home)
}

/// A project, folder or organisation, and not something in one.
fn is_above(scope: &Text) -> bool {
    let flat = cut::flat(scope);
    let kind = ["projects/", "folders/", "organizations/"].into_iter().find_map(|k| flat.strip_prefix(k));
    kind.is_some_and(|rest| !rest.contains('/'))
}

/// The pattern takes the text in.
fn glob_matches(pattern: &str, text: &str) -> bool {
    glob::matches(&glob::written(pattern), text, false) == Truth::True
}

#[cfg(test)]
mod tests {
    use super::{To, takes_in};
    use crate::partial::Text;

    #[test]
    fn resources_that_take_the_role_in() {
        let own = Text::known("arn:aws:iam::111122223333:role/ci/deploy");
        let itself = |resource: &str| takes_in(&Text::known(resource), To::Itself, Some(&own));
        for within in [
            "*",
            "arn:aws:iam::111122223333:role/ci/deploy",
            "arn:aws:iam::*:role/*",
            "arn:aws:iam::111122223333:*",
            "arn:aws:iam::*:role/ci/*",
        ] {
            assert_eq!(itself(within), Some(true), "{within}");
        }
        for beside in ["arn:aws:iam::111122223333:role/app-*", "arn:aws:iam::444455556666:role/*", "arn:aws:iam::111122223333:policy/*"] {
            assert_eq!(itself(beside), Some(false), "{beside}");
        }
        assert_eq!(itself("deploy"), None);
    }
}
