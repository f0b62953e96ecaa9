//! What a role of Azure or Entra is worth: whoever holds it can do anything, or grant themselves any right.

use crate::graph::{Graph, IdentityId, Reach, RoleGrant};
use std::collections::BTreeMap;

/// Microsoft's privileged administrator roles, by name and id: they change everything in their scope, or who may
/// (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/privileged>).
const OF_AZURE: [(&str, &str); 4] = [
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    ("Role Based Access Control Administrator", "f58310d9-a9f6-439a-9e8d-f62e7b41a168"),
    ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
];
/// Roles of Entra that make their holder an administrator, or put a credential on an application that is one
/// (<https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>).
const OF_ENTRA: [(&str, &str); 5] = [
    ("Application Administrator", "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"),
    ("Cloud Application Administrator", "158c047a-c907-4556-b7ef-446551a6b5f7"),
    ("Global Administrator", "62e90394-69f5-4237-9190-012177145e10"),
    ("Privileged Authentication Administrator", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"),
    ("Privileged Role Administrator", "e8611ab8-c189-46e8-94e1-60213ab1f814"),
];

/// For each privileged identity the role that makes it so. One that may not hold says nothing.
pub(super) fn privileged(graph: &Graph) -> BTreeMap<IdentityId, (&RoleGrant, &'static str)> {
    let mut out = BTreeMap::new();
    for grant in graph.role_grants.iter().filter(|g| !g.origin.conditional) {
        if let Some(name) = name(grant) {
            out.entry(grant.identity).or_insert((grant, name));
        }
    }
    out
}

/// The name of the role, when it is privileged.
fn name(grant: &RoleGrant) -> Option<&'static str> {
    let written = grant.role.as_known()?;
    // `/providers/Microsoft.Authorization/roleDefinitions/ID`, or the bare name or id.
    let last = written.rsplit('/').next().unwrap_or_default();
    let is = |(name, id): &&(&'static str, &str)| last.eq_ignore_ascii_case(name) || last.eq_ignore_ascii_case(id);
    let found = match grant.reach {
        Reach::Tenant => OF_ENTRA.iter().chain(&OF_AZURE).find(is),
        Reach::ManagementGroup | Reach::Subscription => OF_AZURE.iter().find(is),
        Reach::Below | Reach::Unknown => None,
    };
    found.map(|(name, _)| *name)
}

/// What the role reaches, for people.
pub(super) fn shown(grant: &RoleGrant, name: &str) -> String {
    match grant.reach {
        Reach::Subscription => format!("`{name}` of a subscription"),
        Reach::ManagementGroup => format!("`{name}` of a management group"),
        _ => format!("`{name}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::{name, shown};
    use crate::graph::{Declared, IdentityId, Origin, Reach, RoleGrant};
    use crate::partial::Text;
    use crate::place::{FileId, Span};

    fn grant(role: &str, reach: Reach) -> RoleGrant {
        let origin = Origin {
            name: "r".to_owned(),
            declared: Declared::Printed,
            span: Span::new(FileId(0), 0..0),
            scope: String::new(),
            library: false,
            stands_in: false,
            conditional: false,
        };
        RoleGrant { origin, identity: IdentityId(0), role: Text::known(role), reach }
    }

    #[test]
    fn administrators_of_a_subscription_and_not_of_a_group_in_it() {
        for role in ["Owner", "contributor", "/providers/Microsoft.Authorization/roleDefinitions/18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"] {
            assert!(name(&grant(role, Reach::Subscription)).is_some(), "{role}");
            assert!(name(&grant(role, Reach::ManagementGroup)).is_some(), "{role}");
            assert!(name(&grant(role, Reach::Below)).is_none(), "{role}");
            assert!(name(&grant(role, Reach::Unknown)).is_none(), "{role}");
        }
        for role in ["Reader", "Network Contributor", "Storage Blob Data Owner", "Global Administrator"] {
            assert!(name(&grant(role, Reach::Subscription)).is_none(), "{role}");
        }
        assert_eq!(name(&grant("62e90394-69f5-4237-9190-012177145e10", Reach::Tenant)), Some("Global Administrator"));
        assert_eq!(shown(&grant("Owner", Reach::Subscription), "Owner"), "`Owner` of a subscription");
    }
}
