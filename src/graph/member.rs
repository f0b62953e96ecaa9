//! Google IAM members that name federated principals
//! (<https://cloud.google.com/iam/docs/principal-identifiers>).

use super::pieces::{self, HOLE};
use crate::partial::Text;

/// What a member string names.
#[derive(Debug, Clone)]
pub enum Member {
    /// `principal(Set)://…/workloadIdentityPools/POOL/…`.
    Pool {
        /// The project as written (a number, or wrongly an id); none when the pool's name comes as one hole.
        project: Option<Text>,
        /// The pool's id; the whole resource name when it comes as one hole.
        pool: Text,
        /// What stands after the pool: `subject/…`, `attribute.x/…`, `*`; empty when nothing does.
        selector: Text,
    },
    /// A Kubernetes ServiceAccount of a GKE workload pool.
    Kubernetes {
        /// The project id whose `svc.id.goog` pool it is.
        project: Text,
        /// The namespace; none for a member that takes the whole pool.
        namespace: Option<Text>,
        /// The ServiceAccount; none for a whole namespace or pool.
        name: Option<Text>,
        /// Written `serviceAccount:P.svc.id.goog[NS/KSA]`.
        legacy: bool,
    },
    /// A workforce pool (people).
    Workforce,
    /// `allUsers`, `allAuthenticatedUsers`.
    Public,
    /// `serviceAccount:EMAIL`.
    ServiceAccount(Text),
    /// `user:`, `group:`, `domain:`, …: not about workloads.
    Person,
    /// It begins with an unknown, or is of a form that is not known.
    Unclear,
}

const POOLS: &str = "workloadIdentityPools/";
const GKE: &str = ".svc.id.goog";

/// Reads a member string.
#[must_use]
pub fn parse(member: &Text) -> Member {
    let whole = pieces::flat(member);
    if matches!(whole.as_str(), "allUsers" | "allAuthenticatedUsers") {
        return Member::Public;
    }
    for scheme in ["principalSet://", "principal://"] {
        if let Some(rest) = pieces::strip_prefix(member, scheme) {
            return principal(&rest);
        }
    }
    if let Some(email) = pieces::strip_prefix(member, "serviceAccount:") {
        return legacy(&email).unwrap_or(Member::ServiceAccount(email));
    }
    let person = ["user:", "group:", "domain:", "projectOwner:", "projectEditor:", "projectViewer:", "deleted:"];
    if person.iter().any(|p| whole.starts_with(p)) { Member::Person } else { Member::Unclear }
}

/// `P.svc.id.goog[NS/KSA]`.
fn legacy(email: &Text) -> Option<Member> {
    let (project, rest) = pieces::split_once(email, GKE).or_else(|| {
        // `${var.workload_pool}[shop/api]`: only a workload pool is followed by brackets.
        let at = pieces::flat(email).find('[').filter(|at| pieces::flat(email).get(..*at).is_some_and(|pool| pool.ends_with(HOLE)))?;
        Some((pieces::slice(email, 0..at), pieces::slice(email, at..pieces::flat(email).len())))
    })?;
    let inner = pieces::strip_prefix(&rest, "[")?;
    let (inner, _) = pieces::rsplit_once(&inner, "]")?;
    let (namespace, name) = match pieces::split_once(&inner, "/") {
        Some((namespace, name)) => (Some(namespace), Some(name)),
        None => (None, Some(inner)),
    };
    Some(Member::Kubernetes { project, namespace, name, legacy: true })
}

fn principal(rest: &Text) -> Member {
    let flat = pieces::flat(rest);
    let tail = pieces::strip_prefix(rest, "iam.googleapis.com/").unwrap_or_else(|| rest.clone());
    if flat.contains("/workforcePools/") {
        return Member::Workforce;
    }
    // People and service agents of a whole organisation.
    if ["goog/", "cloudresourcemanager.googleapis.com/", "agents."].iter().any(|p| flat.starts_with(p)) {
        return Member::Person;
    }
    let Some((before, after)) = pieces::split_once(&tail, POOLS) else {
        // `${google_iam_workload_identity_pool.x.name}/…`: the hole is the pool's resource name.
        if !pieces::flat(&tail).starts_with(HOLE) {
            return Member::Unclear;
        }
        let (pool, selector) = pieces::split_once(&tail, "/").unwrap_or_else(|| (tail.clone(), Text::default()));
        return Member::Pool { project: None, pool, selector };
    };
    let project = pieces::strip_prefix(&before, "projects/").and_then(|p| pieces::split_once(&p, "/")).map(|(p, _)| p);
    let (pool, selector) = pieces::split_once(&after, "/").unwrap_or_else(|| (after.clone(), Text::default()));
    match pieces::rsplit_once(&pool, GKE) {
        Some((id, end)) if pieces::is_empty(&end) => kubernetes(id, &selector),
        _ => Member::Pool { project, pool, selector },
    }
}

fn kubernetes(project: Text, selector: &Text) -> Member {
    let (mut namespace, mut name) = (None, None);
    if let Some(subject) = pieces::strip_prefix(selector, "subject/ns/") {
        let (space, account) = pieces::split_once(&subject, "/sa/").map_or((subject.clone(), None), |(n, a)| (n, Some(a)));
        (namespace, name) = (Some(space), account);
    } else if let Some(space) = pieces::strip_prefix(selector, "namespace/") {
        namespace = Some(space);
    }
    Member::Kubernetes { project, namespace, name, legacy: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::{Unknown, UnknownKind};

    fn read(member: &str) -> Member {
        parse(&Text::known(member))
    }

    #[test]
    fn a_pool_member_with_slashes_in_its_value() {
        let Member::Pool { project, pool, selector } =
            read("principalSet://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/attribute.repository/o/r")
        else {
            panic!("not a pool member")
        };
        assert_eq!(project.unwrap().to_string(), "123");
        assert_eq!(pool.to_string(), "ci");
        assert_eq!(selector.to_string(), "attribute.repository/o/r");
    }

    #[test]
    fn both_forms_of_a_service_account_of_a_cluster() {
        for member in [
            "serviceAccount:p-1.svc.id.goog[shop/api]",
            "principal://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/p-1.svc.id.goog/subject/ns/shop/sa/api",
        ] {
            let Member::Kubernetes { project, namespace, name, .. } = read(member) else { panic!("{member}") };
            assert_eq!(project.to_string(), "p-1");
            assert_eq!(namespace.unwrap().to_string(), "shop");
            assert_eq!(name.unwrap().to_string(), "api");
        }
    }

    #[test]
    fn a_workload_pool_that_is_not_known() {
        let mut text = Text::known("serviceAccount:");
        text.push(&Text::hole(Unknown::new("k", UnknownKind::Any, "${var.pool}", "", None), None));
        text.push(&Text::known("[shop/api]"));
        let Member::Kubernetes { namespace, name, legacy: true, .. } = parse(&text) else { panic!("not read") };
        assert_eq!((namespace.unwrap().to_string(), name.unwrap().to_string()), ("shop".to_owned(), "api".to_owned()));
    }

    #[test]
    fn others() {
        assert!(matches!(read("allUsers"), Member::Public));
        assert!(matches!(read("user:a@b.c"), Member::Person));
        assert!(matches!(read("serviceAccount:a@p.iam.gserviceaccount.com"), Member::ServiceAccount(_)));
        assert!(matches!(read("principal://iam.googleapis.com/locations/global/workforcePools/w/subject/x"), Member::Workforce));
        assert!(matches!(read("serviceAccount:p.svc.id.goog"), Member::ServiceAccount(_)));
        assert!(matches!(read("principal://goog/subject/a@b.c"), Member::Person));
        assert!(matches!(read("nonsense"), Member::Unclear));
    }
}
