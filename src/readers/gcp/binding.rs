//! A role bound to members on a service account or another resource.

use super::super::context::Reader;
use super::super::shape::{blocks, field, listing, place, text_at};
use crate::graph::member::{self, Member};
use crate::graph::{
    About, BindingCondition, BindingStyle, Gate, GoogleLevel, Grant, IdentityId, IdentityKind, Origin, Trust, UndecidedKind,
};
use crate::partial::{Kind, Text, Value, blank};

/// What a role is bound on.
pub(super) enum Target {
    /// A service account: whoever is bound may become it, when the role says so.
    ServiceAccount(IdentityId),
    /// Another resource.
    Resource {
        /// The name that people know it by.
        what: String,
        /// Where it stands.
        level: GoogleLevel,
    },
}

impl Target {
    /// What is undecided about it.
    pub(super) fn about(&self) -> About {
        match self {
            Self::ServiceAccount(id) => About::Identity(*id),
            Self::Resource { level, .. } => About::GoogleResource(*level),
        }
    }
}

/// How a role is bound.
#[derive(Clone)]
pub(super) struct Binding {
    pub(super) origin: Origin,
    pub(super) role: Text,
    pub(super) condition: Option<BindingCondition>,
    pub(super) style: BindingStyle,
}

/// Binds one member (which may be one of several alternatives).
pub(super) fn bind_value(reader: &mut Reader, target: &Target, binding: &Binding, member: &Value) {
    let alternatives = member.alternatives();
    let several = alternatives.len() > 1;
    for value in alternatives {
        let Some(text) = value.as_text() else {
            if !value.is_null() && concerns(target, &binding.role) {
                reader.undecided_about(
                    target.about(),
                    UndecidedKind::GoogleBinding,
                    place(value),
                    format!("a member of `{}` is not a string", binding.origin.name),
                );
            }
            continue;
        };
        let mut binding = binding.clone();
        binding.origin.conditional |= several;
        bind(reader, target, &binding, text);
    }
}

/// Binds every member of a list.
pub(super) fn bind_list(reader: &mut Reader, target: &Target, binding: &Binding, members: Option<&Value>) {
    let Some(members) = members else { return };
    let list = listing(Some(members));
    if (list.open || list.odd) && concerns(target, &binding.role) {
        reader.undecided_about(
            target.about(),
            UndecidedKind::GoogleBinding,
            place(members).or(Some(binding.origin.span)),
            format!("the members of `{}` are not all known", binding.origin.name),
        );
    }
    let mut binding = binding.clone();
    binding.origin.conditional |= matches!(members.kind, Kind::OneOf(_));
    for member in list.texts {
        bind(reader, target, &binding, member);
    }
}

/// The `bindings` of an allow policy (<https://cloud.google.com/iam/docs/reference/rest/v1/Policy>).
pub(super) fn bind_policy(reader: &mut Reader, target: &Target, origin: &Origin, style: BindingStyle, policy: &Value) {
    let (bindings, open) = blocks(policy, "bindings");
    if open {
        reader.undecided_about(
            target.about(),
            UndecidedKind::GoogleBinding,
            place(policy).or(Some(origin.span)),
            format!("`{}` may hold more bindings than can be read", origin.name),
        );
    }
    for value in bindings {
        let span = place(value).unwrap_or(origin.span);
        let Some(role) = text_at(value, "role") else {
            reader.undecided_about(
                target.about(),
                UndecidedKind::GoogleBinding,
                Some(span),
                format!("a binding of `{}` has no readable role", origin.name),
            );
            continue;
        };
        let condition = field(value, "condition").map(condition);
        let binding = Binding { origin: Origin { span, ..origin.clone() }, role, condition, style };
        bind_list(reader, target, &binding, field(value, "members"));
    }
}

/// The condition of a binding.
pub(super) fn condition(value: &Value) -> BindingCondition {
    BindingCondition { expression: text_at(value, "expression") }
}

/// Whether it matters who a member is that cannot be read: on a service account always, elsewhere for roles that let their
/// holder become somebody. A viewer of a dataset is neither federation nor impersonation.
fn concerns(target: &Target, role: &Text) -> bool {
    let becomes = |known: &String| known.contains("workloadIdentity") || known.contains("iam.serviceAccount") || known == "roles/owner";
    matches!(target, Target::ServiceAccount(_)) || role.as_known().as_ref().is_none_or(becomes)
}

fn bind(reader: &mut Reader, target: &Target, binding: &Binding, text: Text) {
    let text = blank::text_opened(&text).unwrap_or(text);
    let origin = &binding.origin;
    match member::parse(&text) {
        Member::Pool { .. } | Member::Kubernetes { .. } | Member::Workforce | Member::Malformed => trust(reader, target, binding, text),
        Member::Public if matches!(target, Target::ServiceAccount(_)) => trust(reader, target, binding, text),
        // Public buckets and people are nobody's federation.
        Member::Public | Member::Person => {}
        Member::ServiceAccount(email) => {
            let identity = reader.service_account(&origin.scope, &email);
            let scope = Some(Text::known(scope(reader, target)));
            let (permission, others, asks) = (binding.role.clone(), Vec::new(), asked(binding));
            reader.graph.grants.push(Grant { origin: granted(binding), identity, principal: email, permission, scope, others, asks });
        }
        Member::Unclear => {
            let reason = if text.is_known() {
                format!("`{text}` in `{}` is not a member that is known", origin.name)
            } else {
                let why = text.atoms().next().map(|a| a.why().to_owned()).unwrap_or_default();
                format!("who is bound by `{}` is unknown: {why}", origin.name)
            };
            if concerns(target, &binding.role) {
                reader.undecided_about(target.about(), UndecidedKind::GoogleBinding, text.span().or(Some(origin.span)), reason);
            }
            if matches!(target, Target::ServiceAccount(_)) {
                trust(reader, target, binding, text);
            }
        }
    }
}

/// A grant under an IAM condition may not hold.
fn granted(binding: &Binding) -> Origin {
    Origin { conditional: binding.origin.conditional || binding.condition.is_some(), ..binding.origin.clone() }
}

/// What an IAM condition asks.
fn asked(binding: &Binding) -> Vec<Text> {
    let unread =
        |condition: &BindingCondition| condition.expression.clone().unwrap_or_else(|| Text::known("a condition that is not known"));
    binding.condition.iter().map(unread).collect()
}

fn trust(reader: &mut Reader, target: &Target, binding: &Binding, member: Text) {
    let origin = binding.origin.clone();
    let identity = match target {
        Target::ServiceAccount(id) => *id,
        Target::Resource { what, level } => {
            let known = reader.identity(&format!("resource|{}|{what}", origin.scope));
            let id = known.unwrap_or_else(|| {
                let named = Origin { name: what.clone(), ..origin.clone() };
                reader.add_identity(named, IdentityKind::GoogleResource { what: what.clone(), level: *level })
            });
            reader.graph.grants.push(Grant {
                origin: granted(binding),
                identity: Some(id),
                principal: member.clone(),
                permission: binding.role.clone(),
                scope: Some(Text::known(what)),
                others: Vec::new(),
                asks: asked(binding),
            });
            id
        }
    };
    let gate = Gate::GoogleMember { member, role: binding.role.clone(), condition: binding.condition.clone(), style: binding.style };
    reader.graph.add_trust(Trust { origin, identity, gate });
}

fn scope(reader: &Reader, target: &Target) -> String {
    match target {
        Target::Resource { what, .. } => what.clone(),
        Target::ServiceAccount(id) => match reader.graph.identity(*id).map(|i| &i.kind) {
            Some(IdentityKind::GoogleServiceAccount { email }) => format!("serviceAccounts/{email}"),
            _ => "serviceAccounts".to_owned(),
        },
    }
}
