//! SPIFFE IDs and SPIRE registration entries.
//!
//! The grammar of IDs: <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>. An entry admits a workload
//! whose selectors hold all of the entry's
//! (<https://spiffe.io/docs/latest/deploying/registering/>).

use super::formula::{Formula, Matcher, Subject, Test};
use crate::partial::Text;
use crate::place::Span;
use crate::token::{Claim, Decision, Evaluation, Step, Token, Truth};
use std::fmt;

pub mod template;

/// Most bytes of an ID.
pub const MAX_ID: usize = 2048;
/// Most bytes of a trust domain.
pub const MAX_TRUST_DOMAIN: usize = 255;

/// A well-formed SPIFFE ID.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    /// The trust domain, lower case.
    pub trust_domain: String,
    /// The path with its leading `/`, empty for the trust domain itself.
    pub path: String,
}

/// Why a string is not a SPIFFE ID, with the bytes that are wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdProblem {
    /// Which rule is broken.
    pub kind: IdProblemKind,
    /// The bytes of the string.
    pub range: std::ops::Range<usize>,
}

/// The rules of the grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdProblemKind {
    /// Longer than [`MAX_ID`].
    TooLong,
    /// The scheme is not `spiffe`.
    Scheme,
    /// The trust domain is empty.
    EmptyTrustDomain,
    /// The trust domain is longer than [`MAX_TRUST_DOMAIN`].
    LongTrustDomain,
    /// The trust domain has a port or user information, or another illegal character.
    TrustDomainCharacter,
    /// A query or a fragment.
    QueryOrFragment,
    /// Two slashes in a row.
    EmptySegment,
    /// A slash at the end.
    TrailingSlash,
    /// `.` or `..` as a segment.
    DotSegment,
    /// A character that a path cannot hold.
    PathCharacter,
}

impl fmt::Display for IdProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            IdProblemKind::TooLong => "a SPIFFE ID has at most 2048 bytes",
            IdProblemKind::Scheme => "a SPIFFE ID starts with `spiffe://`",
            IdProblemKind::EmptyTrustDomain => "the trust domain is empty",
            IdProblemKind::LongTrustDomain => "a trust domain has at most 255 bytes",
            IdProblemKind::TrustDomainCharacter => "a trust domain holds only `a-z`, `0-9`, `.`, `-` and `_`",
            IdProblemKind::QueryOrFragment => "a SPIFFE ID has no query and no fragment",
            IdProblemKind::EmptySegment => "a path segment is empty",
            IdProblemKind::TrailingSlash => "a path does not end in `/`",
            IdProblemKind::DotSegment => "a path segment cannot be `.` or `..`",
            IdProblemKind::PathCharacter => "a path segment holds only letters, digits, `.`, `-` and `_`",
        })
    }
}

impl SpiffeId {
    /// Reads an ID. Scheme and trust domain are compared without case and kept in lower case.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn parse(id: &str) -> Result<Self, IdProblem> {
        use IdProblemKind as K;
        let fail = |kind, range| Err(IdProblem { kind, range });
        if id.len() > MAX_ID {
            return fail(K::TooLong, 0..id.len());
        }
        const SCHEME: usize = "spiffe://".len();
        if !id.get(..SCHEME).is_some_and(|s| s.eq_ignore_ascii_case("spiffe://")) {
            return fail(K::Scheme, 0..id.len().min(SCHEME));
        }
        let rest = id.get(SCHEME..).unwrap_or("");
        if let Some(at) = rest.find(['?', '#']) {
            return fail(K::QueryOrFragment, SCHEME + at..id.len());
        }
        let (domain, path) = rest.find('/').map_or((rest, ""), |i| rest.split_at(i));
        if domain.is_empty() {
            return fail(K::EmptyTrustDomain, 0..SCHEME);
        }
        if domain.len() > MAX_TRUST_DOMAIN {
            return fail(K::LongTrustDomain, SCHEME..SCHEME + domain.len());
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if let Some((at, c)) = domain.char_indices().find(|(_, c)| !legal(*c)) {
            return fail(K::TrustDomainCharacter, SCHEME + at..SCHEME + at + c.len_utf8());
        }
        let mut at = SCHEME + domain.len();
        let count = path.split('/').count();
        for (i, segment) in path.split('/').enumerate().skip(1) {
            at += 1;
            let range = at..at + segment.len();
            match segment {
                "" if i + 1 == count => return fail(K::TrailingSlash, at - 1..at),
                "" => return fail(K::EmptySegment, at - 1..at + 1),
                "." | ".." => return fail(K::DotSegment, range),
                _ => {}
            }
            if let Some((offset, c)) = segment.char_indices().find(|(_, c)| !legal(*c)) {
                return fail(K::PathCharacter, at + offset..at + offset + c.len_utf8());
            }
            at += segment.len();
        }
        Ok(Self { trust_domain: domain.to_ascii_lowercase(), path: path.to_owned() })
    }

    /// True for the paths that SPIRE keeps to itself: `/spire` and all below.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.path == "/spire" || self.path.starts_with("/spire/")
    }

    /// True for the server's and the agents' own IDs.
    #[must_use]
    pub fn is_infrastructure(&self) -> bool {
        self.path == "/spire/server" || self.path.starts_with("/spire/agent/")
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}{}", self.trust_domain, self.path)
    }
}

/// A selector: `k8s` and `ns:payments`.
#[derive(Debug, Clone)]
pub struct Selector {
    /// The attestor: `k8s`, `unix`, `docker`.
    pub kind: String,
    /// The rest.
    pub value: Text,
    /// Where it is written.
    pub span: Option<Span>,
}

impl Selector {
    /// Reads `type:value`.
    #[must_use]
    pub fn parse(text: &str, span: Option<Span>) -> Option<Self> {
        let (kind, value) = text.split_once(':')?;
        let value = span.map_or_else(
            || Text::known(value),
            |s| {
                let at = kind.len() + 1;
                Text::literal(value, if s.len() == text.len() { s.slice(at..text.len()) } else { s })
            },
        );
        (!kind.is_empty()).then(|| Self { kind: kind.to_owned(), value, span })
    }

    fn property(&self) -> String {
        let prefix = self.value.known_prefix();
        prefix.split(':').next().unwrap_or("").to_owned()
    }

    fn label(&self) -> String {
        format!("{}:{}", self.kind, self.value)
    }
}

/// A registration entry as far as admission goes.
#[derive(Debug, Clone, Default)]
pub struct RegistrationEntry {
    /// The selectors, all of which a workload has to have.
    pub selectors: Vec<Selector>,
}

/// How many workloads a set of selectors lets in, narrowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Breadth {
    /// Bound to contents or to a named identity: a digest, a service account in its namespace, a pod's uid.
    Narrow,
    /// A program's path, whoever runs it; what a namespace's users choose inside of it.
    Bounded,
    /// Names that whoever starts the workload chooses: labels, container names, tags, environment variables.
    Chosen,
    /// Every process of an operating system user or group.
    User,
    /// Every workload of a namespace.
    Namespace,
    /// Every process of root, which is every process that may become anybody.
    Root,
    /// No selector at all.
    Everything,
    /// A kind of selector that is not known here.
    Unknown,
}

/// How broad a set of selectors is. Selectors are ANDed: the narrowest counts, and one that is not known may be narrower.
#[must_use]
pub fn breadth(selectors: &[Selector]) -> Breadth {
    if selectors.is_empty() {
        return Breadth::Everything;
    }
    let has = |kind: &str, property: &str| selectors.iter().any(|s| s.kind == kind && s.property() == property);
    let is_digest = |s: &Selector| s.value.known_suffix().contains("@sha256:") || s.value.known_prefix().contains("@sha256:");
    let digest = |kind: &str, property: &str| selectors.iter().any(|s| s.kind == kind && s.property() == property && is_digest(s));
    let user = ["uid", "user", "gid", "group"].iter().any(|p| has("unix", p));
    let narrow = (has("k8s", "ns") && has("k8s", "sa"))
        || ["pod-uid", "pod-owner-uid", "image-signature"].iter().any(|p| has("k8s", p))
        || digest("k8s", "container-image")
        || digest("k8s", "pod-image")
        || has("unix", "sha256")
        || (has("unix", "path") && user)
        || has("docker", "image_config_digest")
        || has("docker", "image-signature")
        || selectors.iter().any(|s| s.kind == "systemd");
    if narrow {
        return Breadth::Narrow;
    }
    let all: Vec<Breadth> = selectors.iter().map(alone).collect();
    if all.contains(&Breadth::Unknown) {
        return Breadth::Unknown;
    }
    if has("k8s", "ns") && all.contains(&Breadth::Chosen) {
        return Breadth::Bounded;
    }
    all.into_iter().min().unwrap_or(Breadth::Everything)
}

/// Every property of the pods of a namespace that its users choose, beside the ServiceAccount
/// (<https://github.com/spiffe/spire/blob/main/doc/plugin_agent_workloadattestor_k8s.md>).
const POD_CHOICES: [&str; 12] = [
    "sa",
    "pod-label",
    "pod-name",
    "pod-owner",
    "pod-image",
    "pod-image-count",
    "pod-init-image",
    "pod-init-image-count",
    "container-name",
    "container-image",
    "node-name",
    "ns-label",
];

fn alone(selector: &Selector) -> Breadth {
    let property = selector.property();
    let root = selector.value.as_known().is_some_and(|v| matches!(v.as_str(), "uid:0" | "user:root" | "gid:0" | "group:root"));
    match (selector.kind.as_str(), property.as_str()) {
        ("unix", _) if root => Breadth::Root,
        ("unix", "uid" | "gid" | "user" | "group" | "supplementary_gid" | "supplementary_group") => Breadth::User,
        ("unix", "path") => Breadth::Bounded,
        ("k8s", "ns") => Breadth::Namespace,
        ("k8s", property) if POD_CHOICES.contains(&property) => Breadth::Chosen,
        ("docker", "label" | "env" | "image_id") => Breadth::Chosen,
        _ => Breadth::Unknown,
    }
}

/// A workload that nobody meant and that has all of the selectors: what else it is differs from any workload that one would
/// name. The evaluator admits it; none when the selectors are not all known.
#[must_use]
pub fn stranger(id: &str, selectors: &[Selector]) -> Option<Token> {
    let has = |kind: &str, property: &str| selectors.iter().any(|s| s.kind == kind && s.property() == property);
    let mut held: Vec<String> = Vec::new();
    for selector in selectors {
        held.push(format!("{}:{}", selector.kind, selector.value.as_known()?));
    }
    // A pod of somebody else, or a program of somebody else.
    let pod = [("ns", "k8s:ns:another-team"), ("sa", "k8s:sa:another-account"), ("pod-name", "k8s:pod-name:another-pod")];
    let process = [("uid", "unix:uid:1001"), ("path", "unix:path:/tmp/another-program")];
    let kind = selectors.first()?.kind.clone();
    let (others, sort): (&[(&str, &str)], &str) = match kind.as_str() {
        "k8s" => (&pod, "k8s"),
        "unix" => (&process, "unix"),
        _ => (&[], ""),
    };
    let user = has("unix", "uid") || has("unix", "user");
    for (property, selector) in others {
        let told = has(sort, property) || (*property == "uid" && user);
        if !told {
            held.push((*selector).to_owned());
        }
    }
    let mut workload = Token::default();
    workload.set("sub", id);
    workload.claims.insert(SELECTORS.to_owned(), Claim::List(held));
    let entry = RegistrationEntry { selectors: selectors.to_vec() };
    (evaluate(&entry, &workload).decision == Decision::Admit).then_some(workload)
}

/// What a set of node selectors takes in (<https://github.com/spiffe/spire/tree/main/doc>, `plugin_server_nodeattestor_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeBreadth {
    /// Certain nodes.
    Certain,
    /// Every node of a cluster.
    Cluster,
    /// Every machine of an account, a project, a subscription, or a part of one.
    Account,
    /// Not known.
    Unknown,
}

/// How many nodes a set of node selectors takes in.
#[must_use]
pub fn node_breadth(selectors: &[Selector]) -> NodeBreadth {
    let wide = |s: &Selector| match (s.kind.as_str(), s.property().as_str()) {
        ("k8s_psat", "cluster") => Some(NodeBreadth::Cluster),
        ("aws_iid", "account_id" | "account" | "az" | "region")
        | ("gcp_iit", "project-id" | "zone")
        | ("azure_imds" | "azure_msi", "subscription-id" | "tenant-id" | "location" | "region") => Some(NodeBreadth::Account),
        (_, "") => None,
        _ => Some(NodeBreadth::Certain),
    };
    let all: Vec<Option<NodeBreadth>> = selectors.iter().map(wide).collect();
    if all.contains(&Some(NodeBreadth::Certain)) {
        return NodeBreadth::Certain;
    }
    match all.first() {
        Some(Some(first)) if !all.contains(&None) => *first,
        _ => NodeBreadth::Unknown,
    }
}

/// Whether the selectors are those of nodes: every kind is a node attestor's.
#[must_use]
pub fn of_nodes(selectors: &[Selector]) -> bool {
    let node = |s: &Selector| {
        matches!(
            s.kind.as_str(),
            "k8s_psat"
                | "k8s_sat"
                | "aws_iid"
                | "gcp_iit"
                | "azure_msi"
                | "azure_imds"
                | "x509pop"
                | "sshpop"
                | "tpm_devid"
                | "join_token"
                | "http_challenge"
        )
    };
    !selectors.is_empty() && selectors.iter().all(node)
}

/// The pseudo-claim that holds a workload's selectors, each as `type:value`.
pub const SELECTORS: &str = "selectors";

/// Decides a workload, its selectors in the list claim [`SELECTORS`]: all of the entry's have to be among them.
#[must_use]
pub fn evaluate(entry: &RegistrationEntry, workload: &Token) -> Evaluation {
    let held: &[String] = match workload.claims.get(SELECTORS) {
        Some(Claim::List(all)) => all,
        Some(Claim::String(one)) => std::slice::from_ref(one),
        _ => &[],
    };
    let mut trace = Vec::new();
    if entry.selectors.is_empty() {
        let note = Some("an entry needs at least one selector".to_owned());
        trace.push(Step { test: "selectors".to_owned(), outcome: Truth::Error, expected: None, found: None, span: None, note });
    }
    for selector in &entry.selectors {
        let label = selector.label();
        let outcome = match selector.value.as_known() {
            Some(_) => Truth::from(held.contains(&label)),
            None => {
                let prefix = format!("{}:{}", selector.kind, selector.value.known_prefix());
                let suffix = selector.value.known_suffix();
                let fits = held.iter().any(|h| h.len() >= prefix.len() + suffix.len() && h.starts_with(&prefix) && h.ends_with(&suffix));
                if fits { Truth::Unknown } else { Truth::False }
            }
        };
        let same = held.iter().filter(|h| h.starts_with(&format!("{}:{}", selector.kind, selector.property())));
        let found = same.cloned().collect::<Vec<_>>().join(", ");
        let found = (!found.is_empty()).then_some(found);
        trace.push(Step { test: format!("selector {label}"), outcome, expected: Some(label), found, span: selector.span, note: None });
    }
    let outcome = trace.iter().fold(Truth::True, |all, s| all.and(s.outcome));
    let decision = match outcome {
        Truth::True => Decision::Admit,
        Truth::False | Truth::Error => Decision::Deny,
        Truth::Unknown => Decision::Unknown,
    };
    let reasons = if decision == Decision::Unknown { vec!["a selector depends on an unknown value".to_owned()] } else { Vec::new() };
    Evaluation { decision, trace, reasons }
}

/// The entry over all workloads: every selector is an item of [`SELECTORS`].
#[must_use]
pub fn formula(entry: &RegistrationEntry) -> Formula {
    if entry.selectors.is_empty() {
        return Formula::Constant(Truth::Error, Some("an entry needs at least one selector".to_owned()));
    }
    let test = |s: &Selector| {
        let mut value = Text::known(format!("{}:", s.kind));
        value.push(&s.value);
        Formula::Test(Box::new(Test {
            subject: Subject::AnyItem(SELECTORS.to_owned()),
            matcher: Matcher::Exact(value),
            absent: Truth::False,
            span: s.span,
            trail: s.value.trail(),
            label: format!("selector {}", s.label()),
            origin: crate::admission::formula::TestOrigin::Condition,
        }))
    };
    Formula::All(entry.selectors.iter().map(test).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_grammar_is_kept() {
        use IdProblemKind as K;
        let kind = |id: &str| SpiffeId::parse(id).map_err(|p| p.kind);
        assert_eq!(kind("spiffe://td").map(|i| i.path), Ok(String::new()));
        assert_eq!(kind("SPIFFE://TD/A").map(|i| i.to_string()), Ok("spiffe://td/A".to_owned()));
        for (id, wrong) in [
            ("https://td/a", K::Scheme),
            ("spiffe:///a", K::EmptyTrustDomain),
            ("spiffe://td:80/a", K::TrustDomainCharacter),
            ("spiffe://u@td/a", K::TrustDomainCharacter),
            ("spiffe://td/a?x", K::QueryOrFragment),
            ("spiffe://td/a#x", K::QueryOrFragment),
            ("spiffe://td/a//b", K::EmptySegment),
            ("spiffe://td/", K::TrailingSlash),
            ("spiffe://td/a/", K::TrailingSlash),
            ("spiffe://td/a/../b", K::DotSegment),
            ("spiffe://td/a%20b", K::PathCharacter),
            ("spiffe://td/ns/*", K::PathCharacter),
        ] {
            assert_eq!(kind(id), Err(wrong), "{id}");
        }
        assert_eq!(kind(&format!("spiffe://{}", "a".repeat(256))), Err(K::LongTrustDomain));
        assert_eq!(kind(&format!("spiffe://td/{}", "a".repeat(2048))), Err(K::TooLong));
        assert_eq!(kind(&format!("spiffe://{}", "a".repeat(255))).map(|i| i.trust_domain.len()), Ok(255));
        assert_eq!(kind(&format!("spiffe://td/{}", "a".repeat(2048 - 12))).map(|i| i.to_string().len()), Ok(2048));
        assert_eq!(SpiffeId::parse("spiffe://td/a%20").unwrap_err().range, 13..14);
        let reserved = |p: &str| SpiffeId::parse(p).unwrap().is_reserved();
        assert!(reserved("spiffe://td/spire") && reserved("spiffe://td/spire/agent/x") && !reserved("spiffe://td/spirex"));
    }

    fn entry(selectors: &[&str]) -> RegistrationEntry {
        RegistrationEntry { selectors: selectors.iter().filter_map(|s| Selector::parse(s, None)).collect() }
    }

    #[test]
    fn a_workload_needs_every_selector() {
        let mut workload = Token::default();
        let held = ["k8s:ns:a", "k8s:sa:b", "k8s:pod-label:x:y"].map(str::to_owned).to_vec();
        workload.claims.insert(SELECTORS.to_owned(), Claim::List(held));
        assert_eq!(evaluate(&entry(&["k8s:ns:a", "k8s:sa:b"]), &workload).decision, Decision::Admit);
        let refused = evaluate(&entry(&["k8s:ns:a", "k8s:sa:c"]), &workload);
        assert_eq!(refused.decision, Decision::Deny);
        assert_eq!(refused.first_failure().unwrap().found.as_deref(), Some("k8s:sa:b"));
        assert_eq!(evaluate(&entry(&[]), &workload).decision, Decision::Deny);
    }

    #[test]
    fn the_narrowest_selector_counts() {
        let b = |s: &[&str]| breadth(&entry(s).selectors);
        assert_eq!(b(&["k8s:ns:a"]), Breadth::Namespace);
        assert_eq!(b(&["k8s:ns:a", "k8s:sa:b"]), Breadth::Narrow);
        assert_eq!(b(&["k8s:pod-label:app:x"]), Breadth::Chosen);
        assert_eq!(b(&["k8s:sa:x"]), Breadth::Chosen);
        assert_eq!(b(&["k8s:ns:a", "k8s:pod-label:app:x"]), Breadth::Bounded);
        assert_eq!(b(&["k8s:ns:a", "k8s:container-image:r.example/a@sha256:00"]), Breadth::Narrow);
        assert_eq!(b(&["unix:path:/bin/x"]), Breadth::Bounded);
        assert_eq!(b(&["unix:path:/bin/x", "unix:user:x"]), Breadth::Narrow);
        assert_eq!(b(&["k8s:ns:a", "nitro:x"]), Breadth::Unknown);
        for root in ["unix:uid:0", "unix:user:root", "unix:gid:0", "unix:group:root"] {
            assert_eq!(b(&[root]), Breadth::Root, "{root}");
        }
        assert_eq!(b(&["unix:gid:1"]), Breadth::User);
        assert_eq!(b(&["unix:uid:1000"]), Breadth::User);
        assert_eq!(b(&["unix:path:/bin/x", "unix:sha256:abc"]), Breadth::Narrow);
        assert_eq!(b(&["docker:image_id:x"]), Breadth::Chosen);
        assert_eq!(b(&[]), Breadth::Everything);
        assert_eq!(b(&["nitro:x"]), Breadth::Unknown);
    }

    #[test]
    fn a_stranger_has_all_selectors_and_is_somebody_else() {
        let found = stranger("spiffe://td/a", &entry(&["k8s:ns:a"]).selectors).unwrap();
        let Some(Claim::List(held)) = found.claims.get(SELECTORS) else { panic!("no selectors") };
        assert!(held.contains(&"k8s:ns:a".to_owned()) && held.contains(&"k8s:sa:another-account".to_owned()), "{held:?}");
        assert!(!held.contains(&"k8s:ns:another-team".to_owned()));
    }

    #[test]
    fn nodes_of_a_cluster_or_an_account() {
        let b = |s: &[&str]| node_breadth(&entry(s).selectors);
        assert_eq!(b(&["k8s_psat:cluster:a"]), NodeBreadth::Cluster);
        assert_eq!(b(&["k8s_psat:cluster:a", "k8s_psat:agent_ns:b", "k8s_psat:agent_sa:c"]), NodeBreadth::Certain);
        assert_eq!(b(&["aws_iid:account_id:1"]), NodeBreadth::Account);
        assert_eq!(b(&["aws_iid:account_id:1", "aws_iid:tag:role:db"]), NodeBreadth::Certain);
        assert_eq!(b(&[]), NodeBreadth::Unknown);
    }

    proptest! {
        #[test]
        fn a_read_id_reads_again(id in "spiffe://[a-z._-]{1,5}(/[a-zA-Z0-9._%-]{0,3}){0,3}[ -~é]?") {
            if let Ok(read) = SpiffeId::parse(&id) {
                prop_assert_eq!(SpiffeId::parse(&read.to_string()), Ok(read));
            }
        }
    }
}
