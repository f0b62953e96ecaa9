//! What the members of Google bindings are to the graph: a workload's identity, or somebody else's
//! (<https://cloud.google.com/iam/docs/principal-identifiers>). The grammar is [`google::Member`]'s.

use crate::admission::cel::google::{self, MemberKind, MemberProblemKind, Selector};
use crate::partial::Text;
use crate::partial::cut::{self, HOLE};

/// What a member string names.
#[derive(Debug, Clone)]
pub enum Member {
    /// `principal(Set)://…/workloadIdentityPools/POOL/…`.
    Pool {
        /// The project as written (a number, or wrongly an id); none when the pool's name comes as one hole.
        project: Option<Text>,
        /// The pool's id; the whole resource name when it comes as one hole.
        pool: Text,
        /// The subject, where it names one.
        subject: Option<Text>,
    },
    /// Kubernetes ServiceAccounts of a GKE workload pool.
    Kubernetes {
        /// The project id whose `svc.id.goog` pool it is.
        project: Text,
        /// Which.
        accounts: Accounts,
    },
    /// A workforce pool (people).
    Workforce,
    /// `allUsers`, `allAuthenticatedUsers`.
    Public,
    /// `serviceAccount:EMAIL`.
    ServiceAccount(Text),
    /// `user:`, `group:`, `domain:`, …: not about workloads.
    Person,
    /// A principal that is written wrongly: it matches nobody.
    Malformed,
    /// It begins with an unknown, or is of a form that is not known.
    Unclear,
}

/// ServiceAccounts of a GKE workload pool
/// (<https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity#principal-id-examples>).
#[derive(Debug, Clone)]
pub enum Accounts {
    /// This one, in whichever cluster of the project.
    One {
        /// Its namespace.
        namespace: Text,
        /// Its name.
        name: Text,
    },
    /// One, by its uid: of one cluster.
    Uid,
    /// All of a namespace.
    Namespace(Text),
    /// All of one cluster, by its URL.
    Cluster(Text),
    /// All of the project's clusters.
    Pool,
}

const POOLS: &str = "workloadIdentityPools/";
const GKE: &str = ".svc.id.goog";

/// Reads a member string.
#[must_use]
pub fn parse(text: &Text) -> Member {
    let member = match google::Member::parse(text) {
        Ok(member) => member,
        Err(problem) if matches!(problem.kind, MemberProblemKind::Prefix | MemberProblemKind::Blank) => return Member::Unclear,
        Err(_) => return Member::Malformed,
    };
    match member.kind {
        MemberKind::Pool { project, pool, selector, .. } => of_pool(project.map(|p| p.text), pool.text, selector),
        MemberKind::Workforce { .. } => Member::Workforce,
        MemberKind::AllUsers | MemberKind::AllAuthenticatedUsers => Member::Public,
        MemberKind::ServiceAccount(email) => Member::ServiceAccount(email.text),
        MemberKind::Other | MemberKind::Deleted | MemberKind::Unmodelled => Member::Person,
        MemberKind::Unknown => hidden(text),
    }
}

fn of_pool(project: Option<Text>, pool: Text, selector: Selector) -> Member {
    let known = cut::rsplit_once(&pool, GKE).filter(|(_, end)| cut::is_empty(end)).map(|(project, _)| project);
    let accounts = match selector {
        Selector::ServiceAccount { namespace, name } => Accounts::One { namespace: namespace.text, name: name.text },
        Selector::Namespace(namespace) => Accounts::Namespace(namespace.text),
        Selector::ServiceAccountUid => Accounts::Uid,
        Selector::Cluster(url) => Accounts::Cluster(url.text),
        Selector::Everyone(_) if known.is_some() => Accounts::Pool,
        // An attribute that GKE does not map, or a subject of another form: nobody's.
        _ if known.is_some() => return Member::Malformed,
        Selector::Subject(subject) => return Member::Pool { project, pool, subject: Some(subject.text) },
        Selector::Group(_) | Selector::Attribute { .. } | Selector::Everyone(_) => return Member::Pool { project, pool, subject: None },
    };
    Member::Kubernetes { project: known.unwrap_or(pool), accounts }
}

/// A member of which an unknown hides a part: `${google_iam_workload_identity_pool.x.name}/…`, where the unknown is the pool's
/// resource name, or a whole pool and what follows.
fn hidden(text: &Text) -> Member {
    let scheme = ["principalSet://", "principal://"].into_iter().find_map(|scheme| cut::strip_prefix(text, scheme));
    let Some(rest) = scheme else { return Member::Unclear };
    let tail = cut::strip_prefix(&rest, "iam.googleapis.com/").unwrap_or(rest);
    let (project, after) = match cut::split_once(&tail, POOLS) {
        Some((before, after)) => (cut::strip_prefix(&before, "projects/").and_then(|p| cut::split_once(&p, "/")).map(|(p, _)| p), after),
        None if cut::flat(&tail).starts_with(HOLE) => (None, tail),
        None => return Member::Unclear,
    };
    let (pool, selector) = cut::split_once(&after, "/").unwrap_or_else(|| (after.clone(), Text::default()));
    Member::Pool { project, pool, subject: cut::strip_prefix(&selector, "subject/") }
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
        let Member::Pool { project, pool, subject: None } =
            read("principalSet://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/ci/attribute.repository/o/r")
        else {
            panic!("not a pool member")
        };
        assert_eq!(project.unwrap().to_string(), "123");
        assert_eq!(pool.to_string(), "ci");
    }

    #[test]
    fn both_forms_of_a_service_account_of_a_cluster() {
        for member in [
            "serviceAccount:p-1.svc.id.goog[shop/api]",
            "principal://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/p-1.svc.id.goog/subject/ns/shop/sa/api",
        ] {
            let Member::Kubernetes { project, accounts: Accounts::One { namespace, name } } = read(member) else { panic!("{member}") };
            assert_eq!(project.to_string(), "p-1");
            assert_eq!(namespace.to_string(), "shop");
            assert_eq!(name.to_string(), "api");
        }
    }

    #[test]
    fn a_workload_pool_that_is_not_known() {
        let mut text = Text::known("serviceAccount:");
        text.push(&Text::hole(Unknown::new("k", UnknownKind::Any, "${var.pool}", "", None), None));
        text.push(&Text::known("[shop/api]"));
        let Member::Kubernetes { accounts: Accounts::One { namespace, name }, .. } = parse(&text) else { panic!("not read") };
        assert_eq!((namespace.to_string(), name.to_string()), ("shop".to_owned(), "api".to_owned()));
    }

    #[test]
    fn a_cluster_and_a_uid_of_a_workload_pool_are_no_whole_pool() {
        let gke = |scheme: &str, rest: &str| {
            read(&format!("{scheme}://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p-1.svc.id.goog/{rest}"))
        };
        let accounts = |member| if let Member::Kubernetes { accounts, .. } = member { Some(accounts) } else { None };
        let url = "https://container.googleapis.com/v1/projects/p-1/locations/europe-west1/clusters/c";
        assert!(
            matches!(accounts(gke("principalSet", &format!("kubernetes.cluster/{url}"))), Some(Accounts::Cluster(u)) if u.to_string() == url)
        );
        assert!(matches!(accounts(gke("principal", "kubernetes.serviceaccount.uid/0a1b")), Some(Accounts::Uid)));
        assert!(matches!(accounts(gke("principalSet", "namespace/shop")), Some(Accounts::Namespace(_))));
        assert!(matches!(accounts(gke("principalSet", "*")), Some(Accounts::Pool)));
        assert!(matches!(gke("principalSet", "kubernetes.serviceaccount.uid/0a1b"), Member::Malformed));
        assert!(matches!(gke("principalSet", "attribute.repository/o/r"), Member::Malformed));
    }

    #[test]
    fn a_pool_that_comes_as_one_unknown() {
        let pool = Text::hole(Unknown::new("k", UnknownKind::Any, "${data.x.pool.name}", "", None), None);
        let mut text = Text::known("principalSet://iam.googleapis.com/");
        text.push(&pool);
        text.push(&Text::known("/attribute.repository/o/r"));
        let Member::Pool { project: None, pool: read, subject: None } = parse(&text) else { panic!("not read") };
        assert!(read.same(&pool));
    }

    #[test]
    fn others() {
        assert!(matches!(read("allUsers"), Member::Public));
        assert!(matches!(read("user:a@b.c"), Member::Person));
        assert!(matches!(read("serviceAccount:a@p.iam.gserviceaccount.com"), Member::ServiceAccount(_)));
        assert!(matches!(read("principal://iam.googleapis.com/locations/global/workforcePools/w/subject/x"), Member::Workforce));
        assert!(matches!(read("serviceAccount:p.svc.id.goog"), Member::Malformed));
        assert!(matches!(read("principal://goog/subject/a@b.c"), Member::Person));
        assert!(matches!(read("nonsense"), Member::Unclear));
    }
}
