//! IAM's principal identifiers (<https://cloud.google.com/iam/docs/principal-identifiers>).

use crate::partial::cut::{split_once, strip_prefix};
use crate::partial::{Part, Text, UnknownKind, cut};
use crate::place::Span;
use std::fmt;

/// A piece of a member with its place.
#[derive(Debug, Clone)]
pub struct Piece {
    /// The characters, holes kept.
    pub text: Text,
    /// Where.
    pub span: Option<Span>,
}

impl Piece {
    fn of(text: Text) -> Self {
        let span = text.span();
        Self { text, span }
    }
}

/// What stands after `projects/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectKind {
    /// Digits: right in a `principal://`.
    Number,
    /// A project id: such a member matches nobody.
    Id,
    /// Not known statically, or neither.
    Unknown,
}

/// Which identities of a pool.
#[derive(Debug, Clone)]
pub enum Selector {
    /// `subject/S`
    Subject(Piece),
    /// `group/G`
    Group(Piece),
    /// `attribute.NAME/VALUE`
    Attribute {
        /// The name after `attribute.`.
        name: Piece,
        /// The value: all the rest, `/` and `:` included.
        value: Piece,
    },
    /// `*`: every identity of the pool.
    Everyone(Option<Span>),
    /// GKE: `subject/ns/NS/sa/KSA`, or the legacy `[NS/KSA]`.
    ServiceAccount {
        /// The Kubernetes namespace.
        namespace: Piece,
        /// The Kubernetes service account.
        name: Piece,
    },
    /// GKE: `namespace/NS`, in every cluster of the pool.
    Namespace(Piece),
    /// GKE: `kubernetes.serviceaccount.uid/UID`
    ServiceAccountUid,
    /// GKE: `kubernetes.cluster/URL`
    Cluster(Piece),
}

impl Selector {
    /// Where an attribute is chosen.
    #[must_use]
    pub fn key_span(&self) -> Option<Span> {
        match self {
            Self::Attribute { name, .. } => name.span,
            _ => None,
        }
    }
}

/// What a member names.
#[derive(Debug, Clone)]
pub enum MemberKind {
    /// Identities of a workload identity pool.
    Pool {
        /// The number (or, wrongly, the id) of the project; none in GKE's legacy form.
        project: Option<Piece>,
        /// The pool; `PROJECT_ID.svc.id.goog` for GKE.
        pool: Piece,
        /// Which identities.
        selector: Selector,
    },
    /// Identities of a workforce pool.
    Workforce {
        /// Which identities.
        selector: Selector,
    },
    /// `allUsers`
    AllUsers,
    /// `allAuthenticatedUsers`
    AllAuthenticatedUsers,
    /// `serviceAccount:EMAIL`
    ServiceAccount(Piece),
    /// `user:`, `group:`, `domain:`, `projectOwner:` and their kin.
    Other,
    /// `deleted:…`: stale, matches nobody.
    Deleted,
    /// A principal outside of pools (agents, deny policies, projects): not modelled.
    Unmodelled,
    /// A hole hides the form.
    Unknown,
}

/// A member of an IAM binding.
#[derive(Debug, Clone)]
pub struct Member {
    /// What it names.
    pub kind: MemberKind,
    /// As it is written.
    pub text: Text,
}

/// Why a member matches nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberProblem {
    /// What is wrong.
    pub kind: MemberProblemKind,
    /// The part that is wrong.
    pub span: Option<Span>,
    /// For people.
    pub message: String,
}

/// The ways to be malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberProblemKind {
    /// Blank before, after or within.
    Blank,
    /// Not one of IAM's words.
    Prefix,
    /// The host is not `iam.googleapis.com`.
    Host,
    /// `projects/NUMBER` is missing.
    Project,
    /// The location is not `global`.
    Location,
    /// `workloadIdentityPools/POOL` is missing.
    Pool,
    /// `providers/X` does not belong in a member.
    Provider,
    /// An empty segment: `//`, a trailing `/`.
    Empty,
    /// `principal://` with a set, or `principalSet://` with a subject.
    SetOrOne,
    /// `attributes.x`, `attribute/x`, a bare name: neither subject, group, attribute nor `*`.
    Selector,
    /// Two attributes in one member: the second is taken literally.
    MultipleAttributes,
    /// The legacy GKE form is not `PROJECT.svc.id.goog[NS/KSA]`.
    LegacyForm,
}

impl fmt::Display for MemberProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The first `/`-separated segment and the rest, if any.
fn segment(text: &Text) -> (Text, Option<Text>) {
    split_once(text, "/").map_or_else(|| (text.clone(), None), |(head, tail)| (head, Some(tail)))
}

fn known(text: &Text) -> Option<String> {
    text.as_known()
}

fn fail<T>(kind: MemberProblemKind, at: &Text, whole: &Text, message: impl Into<String>) -> Result<T, MemberProblem> {
    Err(MemberProblem { kind, span: at.span().or_else(|| whole.span()), message: message.into() })
}

impl ProjectKind {
    /// What a project is written as (<https://cloud.google.com/resource-manager/docs/creating-managing-projects>).
    #[must_use]
    pub fn of(text: &Text) -> Self {
        if let [Part::Hole { atom, .. }] = text.parts.as_slice() {
            return match atom.kind() {
                UnknownKind::ProjectNumber | UnknownKind::Number => Self::Number,
                UnknownKind::ProjectId => Self::Id,
                _ => Self::Unknown,
            };
        }
        let Some(s) = known(text) else { return Self::Unknown };
        let id = (6..=30).contains(&s.len())
            && s.starts_with(|c: char| c.is_ascii_lowercase())
            && !s.ends_with('-')
            && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit()) {
            Self::Number
        } else if id {
            Self::Id
        } else {
            Self::Unknown
        }
    }
}

impl Member {
    /// Reads a member.
    ///
    /// # Errors
    /// The form is none of IAM's; such a member is rejected by the API or matches nobody.
    pub fn parse(text: &Text) -> Result<Self, MemberProblem> {
        let shape = cut::flat(text);
        let make = |kind| Ok(Self { kind, text: text.clone() });
        let starts_known =
            matches!(text.parts.iter().find(|p| !matches!(p, Part::Literal { text, .. } if text.is_empty())), Some(Part::Literal { .. }));
        if !starts_known && !text.is_known() {
            return make(MemberKind::Unknown);
        }
        if shape != shape.trim() {
            return fail(MemberProblemKind::Blank, text, text, "blank at the start or end of the member");
        }
        match shape.as_str() {
            "allUsers" => return make(MemberKind::AllUsers),
            "allAuthenticatedUsers" => return make(MemberKind::AllAuthenticatedUsers),
            _ => {}
        }
        if strip_prefix(text, "deleted:").is_some() {
            return make(MemberKind::Deleted);
        }
        if let Some(rest) = strip_prefix(text, "serviceAccount:") {
            return make(service_account(&rest, text)?);
        }
        for (scheme, set) in [("principalSet://", true), ("principal://", false)] {
            if let Some(rest) = strip_prefix(text, scheme) {
                return make(principal(&rest, text, set)?);
            }
        }
        for word in ["user", "group", "domain", "projectOwner", "projectEditor", "projectViewer", "specialGroup"] {
            if strip_prefix(text, &format!("{word}:")).is_some() {
                return make(MemberKind::Other);
            }
        }
        if !text.known_prefix().contains(':') && !text.is_known() {
            return make(MemberKind::Unknown);
        }
        fail(MemberProblemKind::Prefix, text, text, format!("`{text}` does not start with a kind of principal"))
    }

    /// Whether the pool's project is certainly written as the other of its two names, so that no identity is the member: a principal
    /// names it by its number, and GKE's older form by its id (<https://cloud.google.com/iam/docs/principal-identifiers>).
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        let MemberKind::Pool { project, pool, .. } = &self.kind else { return false };
        match project {
            Some(project) => ProjectKind::of(&project.text) == ProjectKind::Id,
            None => split_once(&pool.text, ".svc.id.goog").is_some_and(|(project, _)| ProjectKind::of(&project) == ProjectKind::Number),
        }
    }

    /// The pool's selector, for identities of a pool.
    #[must_use]
    pub fn selector(&self) -> Option<&Selector> {
        match &self.kind {
            MemberKind::Pool { selector, .. } | MemberKind::Workforce { selector, .. } => Some(selector),
            _ => None,
        }
    }
}

fn service_account(rest: &Text, whole: &Text) -> Result<MemberKind, MemberProblem> {
    let Some((pool, inner)) = split_once(rest, "[") else {
        if known(rest).is_some_and(|s| s.ends_with(".svc.id.goog")) {
            return fail(MemberProblemKind::LegacyForm, rest, whole, "`[NAMESPACE/SERVICE_ACCOUNT]` is missing after the pool");
        }
        return Ok(MemberKind::ServiceAccount(Piece::of(rest.clone())));
    };
    let malformed = |at: &Text, why: &str| fail(MemberProblemKind::LegacyForm, at, whole, why);
    let Some((inner, after)) = split_once(&inner, "]") else { return malformed(&inner, "`]` is missing") };
    if !after.parts.is_empty() {
        return malformed(&after, "nothing may follow `]`");
    }
    if pool.is_known() && !known(&pool).is_some_and(|p| p.ends_with(".svc.id.goog")) {
        return malformed(&pool, "the pool must be `PROJECT_ID.svc.id.goog`");
    }
    let Some((namespace, name)) = split_once(&inner, "/") else {
        if !inner.is_known() {
            return Ok(MemberKind::Unknown);
        }
        return malformed(&inner, "the brackets have to hold `NAMESPACE/SERVICE_ACCOUNT`");
    };
    let bad = |t: &Text| known(t).is_some_and(|s| s.is_empty() || s.contains(['/', '*']));
    if bad(&namespace) || bad(&name) {
        return malformed(&inner, "the brackets have to hold `NAMESPACE/SERVICE_ACCOUNT`, without wildcards");
    }
    if known(&pool).is_some_and(|p| p.starts_with(|c: char| c.is_ascii_digit())) {
        return malformed(&pool, "the pool is named by the project's id, not by its number");
    }
    let selector = Selector::ServiceAccount { namespace: Piece::of(namespace), name: Piece::of(name) };
    Ok(MemberKind::Pool { project: None, pool: Piece::of(pool), selector })
}

fn principal(rest: &Text, whole: &Text, set: bool) -> Result<MemberKind, MemberProblem> {
    use MemberProblemKind as K;
    let unknown = || Ok(MemberKind::Unknown);
    let (host, tail) = segment(rest);
    let Some(host_name) = known(&host) else { return unknown() };
    if host_name == "goog" || host_name.ends_with(".system.id.goog") || host_name == "cloudresourcemanager.googleapis.com" {
        return Ok(MemberKind::Unmodelled);
    }
    if host_name != "iam.googleapis.com" {
        return fail(K::Host, &host, whole, format!("host `{host_name}` must be `iam.googleapis.com`"));
    }
    let Some(tail) = tail else { return fail(K::Project, &host, whole, "`projects/NUMBER` is missing") };
    let (word, tail) = segment(&tail);
    let Some(word_name) = known(&word) else { return unknown() };
    if word_name.is_empty() {
        return fail(K::Empty, rest, whole, "empty segment after the host");
    }
    let (project, tail) = match (word_name.as_str(), tail) {
        ("projects", Some(tail)) => {
            let (project, tail) = segment(&tail);
            if known(&project).is_some_and(|p| p.is_empty()) {
                return fail(K::Empty, rest, whole, "the project is empty");
            }
            // `projects/-/serviceAccounts/…` of deny policies.
            if known(&project).as_deref() == Some("-") {
                return Ok(MemberKind::Unmodelled);
            }
            match tail {
                Some(tail) => match segment(&tail) {
                    (l, Some(after)) if known(&l).as_deref() == Some("locations") => (Some(project), after),
                    (l, _) if known(&l).is_none() => return unknown(),
                    (l, _) => return fail(K::Location, &l, whole, "`locations/global` has to follow the project"),
                },
                None if project.is_known() => return fail(K::Location, &project, whole, "`locations/global` has to follow the project"),
                None => return unknown(),
            }
        }
        ("locations", Some(tail)) => (None, tail),
        _ => return fail(K::Project, &word, whole, format!("`{word_name}` stands where `projects/NUMBER` is needed")),
    };
    let (location, tail) = segment(&tail);
    let Some(tail) = tail else {
        return if location.is_known() { fail(K::Pool, &location, whole, "`workloadIdentityPools/POOL` is missing") } else { unknown() };
    };
    if known(&location).is_some_and(|l| l != "global") {
        return fail(K::Location, &location, whole, format!("location `{location}` must be `global`"));
    }
    let (kind, tail) = segment(&tail);
    let Some(kind_name) = known(&kind) else { return unknown() };
    let workforce = kind_name == "workforcePools";
    if !workforce && kind_name != "workloadIdentityPools" {
        return fail(K::Pool, &kind, whole, format!("`{kind_name}` must be `workloadIdentityPools`"));
    }
    if workforce && let Some(project) = &project {
        return fail(K::Project, project, whole, "a workforce pool belongs to an organisation, not to a project");
    }
    if !workforce && project.is_none() {
        return fail(K::Project, &word, whole, "`projects/NUMBER` is missing");
    }
    let Some(tail) = tail else { return fail(K::Pool, &kind, whole, "the pool is missing") };
    let (pool, tail) = segment(&tail);
    if known(&pool).is_some_and(|p| p.is_empty()) {
        return fail(K::Empty, &kind, whole, "the pool is empty");
    }
    let Some(tail) = tail else {
        return if pool.is_known() {
            fail(K::Selector, &pool, whole, "`/subject/…`, `/attribute.…` or `/*` is missing after the pool")
        } else {
            unknown()
        };
    };
    let gke = pool.known_suffix().ends_with(".svc.id.goog");
    let Some(selector) = selector(&tail, whole, set, gke)? else { return unknown() };
    Ok(match project {
        Some(project) => MemberKind::Pool { project: Some(Piece::of(project)), pool: Piece::of(pool), selector },
        None => MemberKind::Workforce { selector },
    })
}

/// The selector after the pool; none when a hole hides it.
fn selector(tail: &Text, whole: &Text, set: bool, gke: bool) -> Result<Option<Selector>, MemberProblem> {
    use MemberProblemKind as K;
    let (word, value) = segment(tail);
    let prefix = word.known_prefix();
    let one = |this: &str| fail(K::SetOrOne, &word, whole, format!("`{this}` names one identity: it needs `principal://`"));
    let many = |this: &str| fail(K::SetOrOne, &word, whole, format!("`{this}` names a set of identities: it needs `principalSet://`"));
    let filled = value.clone().filter(|v| !v.parts.iter().all(|p| matches!(p, Part::Literal { text, .. } if text.is_empty())));
    let need = || filled.clone().map_or_else(|| fail(K::Empty, &word, whole, format!("nothing follows `{word}`")), Ok);
    let found = match known(&word).as_deref() {
        Some("") => return fail(K::Empty, tail, whole, "empty segment after the pool"),
        Some("*") if value.is_some() => return fail(K::Selector, tail, whole, "nothing may follow `*`"),
        Some("*") if !set => return many("*"),
        Some("*") => Selector::Everyone(word.span()),
        Some("subject") if set => return one("subject"),
        Some("subject") => {
            let value = need()?;
            gke.then(|| kubernetes_subject(&value)).flatten().unwrap_or_else(|| Selector::Subject(Piece::of(value)))
        }
        Some("group") if !set => return many("group"),
        Some("group") => Selector::Group(Piece::of(need()?)),
        Some("namespace") if !set => return many("namespace"),
        Some("namespace") if gke => Selector::Namespace(Piece::of(need()?)),
        Some("kubernetes.serviceaccount.uid") if set => return one("kubernetes.serviceaccount.uid"),
        Some("kubernetes.serviceaccount.uid") => {
            need()?;
            Selector::ServiceAccountUid
        }
        Some("kubernetes.cluster") if !set => return many("kubernetes.cluster"),
        Some("kubernetes.cluster") => Selector::Cluster(Piece::of(need()?)),
        Some("providers") => return fail(K::Provider, tail, whole, "a member names a pool, not one of its providers"),
        _ if prefix.starts_with("attribute.") => {
            if !set {
                return many("attribute");
            }
            let Some(name) = strip_prefix(&word, "attribute.") else { return Ok(None) };
            if value.is_none() && !word.is_known() {
                return Ok(None);
            }
            let value = need()?;
            if name.parts.is_empty() {
                return fail(K::Selector, &word, whole, "the attribute has no name");
            }
            if let Some(second) = value.find_span("/attribute.") {
                let message = "a member names one attribute: the rest is taken as its value".to_owned();
                return Err(MemberProblem { kind: K::MultipleAttributes, span: Some(second), message });
            }
            if value.parts.iter().any(|p| matches!(p, Part::Literal { text, .. } if text.contains("/attribute."))) {
                return fail(K::MultipleAttributes, &value, whole, "a member names one attribute: the rest is taken as its value");
            }
            Selector::Attribute { name: Piece::of(name), value: Piece::of(value) }
        }
        None => return Ok(None),
        Some(other) => {
            return fail(K::Selector, &word, whole, format!("`{other}` is neither `subject`, `group`, `attribute.NAME` nor `*`"));
        }
    };
    Ok(Some(found))
}

/// `ns/NS/sa/KSA`.
fn kubernetes_subject(value: &Text) -> Option<Selector> {
    let (namespace, rest) = split_once(&strip_prefix(value, "ns/")?, "/")?;
    let name = strip_prefix(&rest, "sa/")?;
    Some(Selector::ServiceAccount { namespace: Piece::of(namespace), name: Piece::of(name) })
}
