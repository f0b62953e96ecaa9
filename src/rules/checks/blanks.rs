//! Values that somebody still has to fill in, wherever a trust holds one: `<CLUSTER_NAME>`.

use super::super::engine::Context;
use crate::admission::iam::Policy;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Gate, GoogleSource, Origin, ProviderKind, Setting};
use crate::partial::{Text, blank, cut};
use crate::rules::Finding;

/// One finding for each trust and provider that has such a value.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let trusts = context.graph.trusts.iter().filter_map(|trust| told(context, &trust.origin, &of_gate(&trust.gate)));
    let providers = context.graph.providers.iter().filter_map(|provider| told(context, &provider.origin, &of_provider(&provider.kind)));
    trusts.chain(providers).collect()
}

fn told(context: &Context<'_>, origin: &Origin, texts: &[&Text]) -> Option<Finding> {
    let (atom, text) = blank::first_written(texts.iter().copied())?;
    let at = cut::hole_span(text, atom).or(atom.span());
    let message = format!("`{}` stands in for a value: no token can satisfy this trust until somebody fills it in", atom.label());
    let finding = Finding::new(RuleId::NeverMatches, origin, at, atom.label(), message);
    let finding = finding.severity(if runs(context, origin) { Severity::Medium } else { Severity::Low });
    Some(finding.help("write the value that is meant, or a variable for it").along_text(text).merged_by(atom.label().to_owned()).yielding())
}

/// A command of a script, which runs as it stands there; what Terraform or a template has is usually an example.
fn runs(context: &Context<'_>, origin: &Origin) -> bool {
    let terraform = |path: &str| [".tf", ".tofu", ".json", ".hcl"].iter().any(|end| path.ends_with(end));
    origin.block().is_some() && context.sources.get(origin.span.file).is_some_and(|file| !terraform(&file.path))
}

fn of_gate(gate: &Gate) -> Vec<&Text> {
    match gate {
        Gate::AwsPolicy(policy) => of_policy(policy),
        Gate::GoogleMember { member, .. } => vec![member],
        Gate::AzureCredential { issuer, subject, audiences, expression } => {
            issuer.iter().chain(subject).chain(audiences).chain(expression).collect()
        }
    }
}

fn of_policy(policy: &Policy) -> Vec<&Text> {
    let mut out = Vec::new();
    for statement in &policy.statements {
        out.extend(statement.principals.items.iter().flat_map(|p| &p.leaf.choices));
        for test in &statement.conditions {
            out.push(&test.key);
            out.extend(test.values.leaves().flat_map(|leaf| &leaf.choices));
        }
    }
    out
}

fn of_provider(kind: &ProviderKind) -> Vec<&Text> {
    match kind {
        ProviderKind::AwsOidc { url, .. } => vec![url],
        ProviderKind::Google(provider) => {
            let mut out = match &provider.source {
                GoogleSource::Oidc { issuer, audiences } => std::iter::once(issuer).chain(audiences).collect(),
                GoogleSource::Aws { account } => vec![account],
                GoogleSource::Saml | GoogleSource::X509 | GoogleSource::Unknown => Vec::new(),
            };
            if let Setting::Set(condition) = &provider.condition {
                out.push(condition);
            }
            out.extend(provider.mapping.iter().flatten().map(|(_, expression)| expression));
            out
        }
    }
}
