//! Gates that are only a matter of what the caller picks: a session name, the name of a workflow.

use super::super::formula::{Formula, Matcher, Subject};
use super::super::search::{Compiled, Options, Outcome, Templates};
use super::{Class, segment_test, shape};
use crate::issuers::template::root;
use crate::issuers::{ClaimPart, Role, Template};
use crate::partial::Text;
use std::collections::BTreeSet;

/// What nobody asks for by accident.
const NEUTRAL: &[&str] = &["neutral-value", "neutral-value.yml", "0"];
/// Claims of which the caller's choice is the customary use.
const AUDIENCES: [&str; 2] = ["aud", "azp"];

/// True when a token whose identity is a plain stranger's is admitted with values that its caller picks, and proved to be
/// refused without them.
pub(super) fn decides(formula: &Formula, query: &Compiled, templates: &Templates, class: Class, options: &Options<'_>) -> bool {
    if !matches!(class, Class::AnyTenant | Class::AnyNamespace | Class::AnyProject) {
        return false;
    }
    let read: BTreeSet<String> = shape::read(formula);
    let names = |keep: &dyn Fn(&Template, usize, Role) -> bool| -> BTreeSet<String> {
        let all = templates
            .templates()
            .flat_map(|t| t.segments.iter().enumerate().filter(|(i, s)| keep(t, *i, s.role)).map(|(_, s)| s.name.clone()));
        all.collect()
    };
    let picked = names(&|t, i, role| role == Role::CallerChosen && seen(t, i, &read));
    if picked.is_empty() {
        return false;
    }
    // Only tokens that hold such a value: an IAM user's path is nobody's session.
    let holders = templates.only(|t| t.segments.iter().any(|s| picked.contains(&s.name)));
    let templates = &holders;
    let identity = names(&|_, _, role| stranger(class).contains(&role));
    let pinned = query.and(&Compiled::new(&Formula::All(identity.iter().map(|n| pin(templates, n, false)).collect()), options));
    if pinned.search(templates, options).witness().is_none() {
        return false;
    }
    let plain = pinned.and(&Compiled::new(&Formula::All(picked.iter().map(|n| pin(templates, n, true)).collect()), options));
    matches!(plain.search(templates, options), Outcome::Proof)
}

/// The roles at the level of the class and below.
fn stranger(class: Class) -> &'static [Role] {
    let all: &[Role] = &[Role::Tenant, Role::TenantId, Role::Namespace, Role::Project, Role::ProjectId, Role::Ref, Role::Environment];
    let from = if class == Class::AnyTenant { 0 } else { 2 };
    all.get(from..).unwrap_or(all)
}

/// The segment stands in a claim that the gate reads and that is no audience.
fn seen(template: &Template, segment: usize, read: &BTreeSet<String>) -> bool {
    let holds = |parts: &[ClaimPart]| parts.contains(&ClaimPart::Segment(segment));
    template.claims.iter().any(|(name, parts)| !AUDIENCES.contains(&name.as_str()) && read.contains(&root(name)) && holds(parts))
}

/// "The segment is a stranger's" (its first sample), or a neutral value; a template without the segment passes.
fn pin(templates: &Templates, name: &str, neutral: bool) -> Formula {
    let segment = templates.templates().flat_map(|t| t.segments.iter()).find(|s| s.name == name);
    let sample = segment.and_then(|s| s.samples.first()).cloned().unwrap_or_default();
    let value =
        if neutral { NEUTRAL.iter().copied().find(|text| templates.can_be(name, text)).map_or(sample, str::to_owned) } else { sample };
    let mut test = segment_test(name, Matcher::Exact(Text::known(value)));
    if let Formula::Test(test) = &mut test {
        test.absent = super::Truth::True;
        debug_assert!(matches!(test.subject, Subject::Segment(_)));
    }
    test
}
