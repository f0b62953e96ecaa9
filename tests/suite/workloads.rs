//! Witnesses that are no token at a cloud's gate: pods and processes before SPIRE's entries, and the tokens of jobs, which the
//! job has to be able to present.

#![allow(clippy::expect_used)]

use super::invariants::Scan;
use fedlint::admission::spiffe::{self, RegistrationEntry, SELECTORS, SpiffeId};
use fedlint::catalogue::RuleId;
use fedlint::graph::spiffe::{ClusterIdentity, LabelAsks, LabelRequirement, Registration};
use fedlint::graph::{FactOf, FactValue, Start, TokenSet};
use fedlint::pipeline::{Input, Request, check};
use fedlint::rules::Finding;
use fedlint::token::{Claim, Decision, Token};
use regex::Regex;

/// Whether the finding is about SPIRE, and if so whether its witness obtains the id: else why not.
pub(crate) fn of_spire(scan: &Scan, finding: &Finding, witness: &Token) -> Option<Result<(), String>> {
    let spiffe = &scan.estate.graph.spiffe;
    let here = |span| finding.declared == Some(span);
    let sub = witness.string("sub").unwrap_or_default();
    let entries: Vec<_> = spiffe.entries.iter().filter(|e| here(e.origin.span) && e.id.to_string() == sub).collect();
    if !entries.is_empty() {
        let refused = entries.iter().map(|e| of_entry(finding.rule, e, witness)).find(Result::is_err);
        return Some(refused.unwrap_or(Ok(())));
    }
    let identity = spiffe.identities.iter().find(|i| here(i.origin.span))?;
    Some(of_pod(identity, witness))
}

fn list<'t>(witness: &'t Token, name: &str) -> &'t [String] {
    match witness.claims.get(name) {
        Some(Claim::List(all)) => all,
        _ => &[],
    }
}

/// The workload has all of the entry's selectors, is one that can be, and somebody else than the entry names.
fn of_entry(rule: RuleId, entry: &Registration, witness: &Token) -> Result<(), String> {
    let asked = RegistrationEntry { selectors: entry.selectors.clone() };
    let evaluation = spiffe::evaluate(&asked, witness);
    if evaluation.decision != Decision::Admit {
        return Err(format!("the entry refuses it: {evaluation:?}"));
    }
    let held = list(witness, SELECTORS);
    for single in ["k8s:ns:", "k8s:sa:", "k8s:pod-name:", "unix:uid:", "unix:path:"] {
        if held.iter().filter(|s| s.starts_with(single)).count() > 1 {
            return Err(format!("a workload has one `{single}`"));
        }
    }
    let kind = entry.selectors.first().map(|s| s.kind.as_str());
    if rule == RuleId::SpireBroadSelector && matches!(kind, Some("k8s" | "unix")) && held.len() <= entry.selectors.len() {
        return Err("nothing says that it is somebody else".to_owned());
    }
    Ok(())
}

/// The pod is selected, and the template makes its id of it.
fn of_pod(identity: &ClusterIdentity, witness: &Token) -> Result<(), String> {
    let namespace = witness.string("namespace").ok_or("a pod has a namespace")?;
    let account = witness.string("service_account").ok_or("a pod has a ServiceAccount")?;
    let sub = witness.string("sub").ok_or("it has an id")?;
    SpiffeId::parse(sub).map_err(|e| format!("{e:?}"))?;
    // Kubernetes labels each namespace with its name.
    let own = format!("kubernetes.io/metadata.name={namespace}");
    let namespace_labels: Vec<String> = list(witness, "namespace_labels").iter().cloned().chain([own]).collect();
    for (labels, selector) in [(list(witness, "pod_labels"), &identity.pods), (&namespace_labels, &identity.namespaces)] {
        if let Some(failed) = selector.requirements.iter().find(|r| !meets(labels, r)) {
            return Err(format!("it is not selected: {failed:?} of {labels:?}"));
        }
    }
    for selector in identity.selectors.iter().filter_map(|s| s.as_known()).filter(|s| !s.contains("{{")) {
        let wrong = |property: &str, value: &str| selector.strip_prefix(property).is_some_and(|asked| asked != value);
        if wrong("k8s:ns:", namespace) || wrong("k8s:sa:", account) {
            return Err(format!("it does not have `{selector}`"));
        }
    }
    let Some(template) = identity.template.as_known() else { return Ok(()) };
    if !made_of(&template, namespace, account).is_match(sub) {
        return Err(format!("`{template}` makes another id of it"));
    }
    Ok(())
}

fn meets(labels: &[String], requirement: &LabelRequirement) -> bool {
    let Some(key) = requirement.key.as_known() else { return true };
    let values: Vec<&str> = labels.iter().filter_map(|l| l.strip_prefix(&key)?.strip_prefix('=')).collect();
    match &requirement.asks {
        LabelAsks::In(all) => all.iter().any(|v| v.as_known().is_none_or(|v| values.contains(&v.as_str()))),
        LabelAsks::Exists => values.len() == 1,
        LabelAsks::Absent => values.is_empty(),
        LabelAsks::NotIn | LabelAsks::Unknown => true,
    }
}

/// The ids that a Go template makes of a pod: what is neither namespace nor account may be anything of one segment.
fn made_of(template: &str, namespace: &str, account: &str) -> Regex {
    let mut pattern = String::from("^");
    for (i, piece) in template.split("{{").enumerate() {
        let (action, literal) = if i == 0 { ("", piece) } else { piece.split_once("}}").unwrap_or((piece, "")) };
        pattern += &match action.trim_matches(|c: char| c == '-' || c.is_whitespace()) {
            "" => String::new(),
            ".PodMeta.Namespace" => regex::escape(namespace),
            ".PodSpec.ServiceAccountName" => regex::escape(account),
            _ => "[^/]+".to_owned(),
        };
        pattern += &regex::escape(literal);
    }
    Regex::new(&(pattern + "$")).expect("a pattern")
}

/// Rules whose witness is a job's token, shown to the trust that the job asks.
pub(crate) fn is_of_a_job(rule: RuleId) -> bool {
    matches!(rule, RuleId::UntrustedCheckout | RuleId::PrivilegedPullRequest)
}

/// A run of the job can present the token: nothing that is known of one of them contradicts it.
pub(crate) fn is_presentable(scan: &Scan, finding: &Finding, witness: &Token) -> bool {
    let jobs = scan.estate.graph.jobs.iter().filter(|j| finding.declared == Some(j.origin.span));
    let logins = jobs.flat_map(|j| &j.logins);
    let mut sets: Vec<&TokenSet> = Vec::new();
    for login in logins {
        match finding.rule {
            RuleId::UntrustedCheckout => sets.extend(login.foreign.iter().map(|(set, _)| set)),
            _ => sets.extend(login.runs.iter().filter(|s| s.start == Start::PullRequest)),
        }
    }
    sets.into_iter().any(|set| set.facts.iter().all(|fact| agrees(&fact.of, &fact.value, witness)))
}

fn agrees(of: &FactOf, value: &FactValue, witness: &Token) -> bool {
    let FactOf::Claim(name) = of else { return true };
    let subject = witness.string("sub").unwrap_or_default();
    // GitHub's subject names the environment of the job, and is the only place where it does.
    let environment = subject.split_once(":environment:").map(|(_, e)| e);
    let claim = if name == "environment" { environment } else { witness.string(name) };
    let whole = |pattern: &str, text: &str| Regex::new(&format!("^(?:{pattern})$")).expect("a pattern").is_match(text);
    match (value, claim) {
        (FactValue::Absent, claim) => claim.is_none(),
        (FactValue::Is(wanted), None) => name != "environment" || wanted.is_empty(),
        (FactValue::Is(wanted), Some(claim)) => wanted == claim,
        (FactValue::Like(pattern, _), Some(claim)) => whole(pattern, claim),
        (FactValue::Not(pattern), Some(claim)) => !whole(pattern, claim),
        (_, None) => true,
    }
}

fn witness_of(files: &[(&str, &str)], rule: RuleId) -> Token {
    let memory = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>();
    let scan = Scan::of("one", memory.clone());
    let run = check(&Request { input: Input::Memory(memory), ..Request::default() }).expect("the run is made");
    let finding = run.findings.iter().find(|f| f.rule == rule).expect("the rule fires");
    let witness = finding.witness.clone().expect("it has a witness");
    assert_eq!(of_spire(&scan, finding, &witness), Some(Ok(())), "{}", witness.to_json());
    witness
}

/// `workloadSelectorTemplates` narrow the entries that are made, so that the pod that is shown has them too.
#[test]
fn the_pod_that_is_shown_has_the_selectors_of_the_workload() {
    let identity = |spec: &str| {
        format!(
            "apiVersion: spire.spiffe.io/v1alpha1\nkind: ClusterSPIFFEID\nmetadata:\n  name: nested\nspec:\n  admin: true\n  \
             spiffeIDTemplate: 'spiffe://{{{{ .TrustDomain }}}}/ns/{{{{ .PodMeta.Namespace }}}}/sa/{{{{ .PodSpec.ServiceAccountName }}}}'\n{spec}"
        )
    };
    let shown = |spec: &str| witness_of(&[("identity.yaml", &identity(spec))], RuleId::SpirePrivilegedEntry);
    let pinned = shown("  workloadSelectorTemplates: ['k8s:ns:looms', 'k8s:sa:weaver']\n");
    assert_eq!((pinned.string("namespace"), pinned.string("service_account")), (Some("looms"), Some("weaver")));
    let by_label =
        shown("  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: looms}}\n  podSelector: {matchLabels: {craft: weaving}}\n");
    assert_eq!(by_label.string("namespace"), Some("looms"));
    assert_eq!(list(&by_label, "pod_labels"), ["craft=weaving"]);
    let nobody_named = shown("  podSelector: {matchLabels: {craft: weaving}}\n");
    assert_eq!(nobody_named.string("namespace"), Some("another-team"));
}

/// The checks of this file see a witness that does not get in.
#[test]
fn a_wrong_witness_is_seen() {
    let entry = r#"{"entries": [{"spiffe_id": "spiffe://td.example/loom", "selectors": [{"type": "k8s", "value": "ns:looms"}]}]}"#;
    let files = vec![("entries.json".to_owned(), entry.to_owned())];
    let scan = Scan::of("one", files);
    let finding = scan.run.findings.iter().find(|f| f.rule == RuleId::SpireBroadSelector).expect("the rule fires");
    let right = finding.witness.clone().expect("it has a witness");
    assert_eq!(of_spire(&scan, finding, &right), Some(Ok(())));
    for held in [vec!["k8s:ns:looms"], vec!["k8s:ns:another-team"], vec!["k8s:ns:looms", "k8s:ns:other", "k8s:sa:x"], vec![]] {
        let mut wrong = right.clone();
        wrong.claims.insert(SELECTORS.to_owned(), Claim::List(held.iter().map(|&s| s.to_owned()).collect()));
        assert!(matches!(of_spire(&scan, finding, &wrong), Some(Err(_))), "{held:?}");
    }
}
