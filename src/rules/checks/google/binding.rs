//! What a binding makes of a pool: the condition and the member together decide who has the identity.

use super::super::format::{self, Customised};
use super::super::{privilege, verdict};
use super::provider::CONDITION_RULES;
use super::spelling::Spelling;
use super::{Context, ProviderView, ambiguous, attributes, conditions, views};
use crate::admission::cel::google::{Member, MemberKind, Selector};
use crate::admission::exposure::{Class, Exposure, Reachability, shape};
use crate::catalogue::{Category, RuleId};
use crate::partial::{Text, cut};
use crate::token::Token;

use crate::admission::formula::{Formula, Matcher, Subject, Test};
use crate::catalogue::Severity;
use crate::gate::audience::without_audience;
use crate::graph::{Gate, GoogleProvider, GoogleSource, IdentityKind, ProviderId, ProviderKind, Setting, Trust};
use crate::issuers::{Tag, Template, Tenancy};
use crate::place::Span;

use crate::rules::{Finding, advice};

pub(super) fn check(context: &Context<'_>, index: usize, trust: &Trust) -> Vec<Finding> {
    let Gate::GoogleMember { member: text, condition, .. } = &trust.gate else { return Vec::new() };
    match condition.as_ref().and_then(|c| conditions::check(context, trust, c)) {
        Some(finding) => vec![finding],
        None if condition.is_some() => {
            let exposure = |f: &Finding| f.category == Category::Exposure;
            granted(context, index, trust, text).into_iter().map(|f| if exposure(&f) { f.certain(false) } else { f }).collect()
        }
        None => granted(context, index, trust, text),
    }
}

/// No identity of the pool can be the member: no provider maps what it asks for, or none can give the value.
pub(super) fn is_dead(context: &Context<'_>, index: usize, trust: &Trust) -> bool {
    let Gate::GoogleMember { member: text, .. } = &trust.gate else { return false };
    let Ok(member) = Member::parse(text) else { return false };
    let providers = context.links.trust_providers.get(index).cloned().unwrap_or_default();
    let seen: Vec<ProviderView<'_>> = providers.iter().flat_map(|id| views(context, *id)).collect();
    attributes::in_binding(context, index, trust, &member, &seen).is_some()
}

/// What a binding would make of its pool if it named the project by its number; nothing for GKE's older form.
pub(super) fn once_named(context: &Context<'_>, index: usize, trust: &Trust) -> Vec<Finding> {
    let Gate::GoogleMember { member, role, condition, style } = &trust.gate else { return Vec::new() };
    let Some((before, rest)) = cut::split_once(member, "iam.googleapis.com/projects/") else { return Vec::new() };
    let Some((_, after)) = cut::split_once(&rest, "/") else { return Vec::new() };
    let mut named = before;
    named.push(&Text::known("iam.googleapis.com/projects/1/"));
    named.push(&after);
    let gate = Gate::GoogleMember { member: named, role: role.clone(), condition: condition.clone(), style: *style };
    check(context, index, &Trust { gate, ..trust.clone() })
}

/// What a binding makes of a pool, when its condition holds.
fn granted(context: &Context<'_>, index: usize, trust: &Trust, text: &Text) -> Vec<Finding> {
    let Ok(member) = Member::parse(text) else { return Vec::new() };
    if matches!(member.kind, MemberKind::AllUsers | MemberKind::AllAuthenticatedUsers) {
        return public(context, trust, &member).into_iter().collect();
    }
    // Told by its name, with what it opens once the name is mended.
    if member.names_nobody() {
        return Vec::new();
    }
    let providers = context.links.trust_providers.get(index).cloned().unwrap_or_default();
    let seen: Vec<ProviderView<'_>> = providers.iter().flat_map(|id| views(context, *id)).collect();
    if seen.is_empty()
        && let Some(finding) = unseen_pool(context, index, trust, &member, &providers)
    {
        return vec![finding];
    }
    if let Some(finding) = stranded(context, trust, &seen) {
        return vec![finding];
    }
    if let Some(finding) = attributes::in_binding(context, index, trust, &member, &seen) {
        return vec![finding];
    }
    let judged: Vec<(Formula, Vec<Template>, &ProviderView<'_>)> = seen
        .iter()
        .filter_map(|s| {
            let formula = s.combined(&trust.gate)?;
            let templates = judged_on(context, s, &formula);
            Some((formula, templates, s))
        })
        .collect();
    if let Some(finding) = excluded(context, trust, &judged, text.span()) {
        return vec![finding];
    }
    if let Some(told) = undocumented(context, trust, &judged, text.span()) {
        return told.into_iter().collect();
    }
    // The condition of one provider of the pool shuts out what another's lets in: that is decided, and says nothing.
    let alive = |(f, t, _): &&(Formula, Vec<Template>, &ProviderView<'_>)| !matches!(context.reachability(f, t), Reachability::Unreachable);
    let exposures: Vec<_> =
        judged.iter().filter(alive).filter_map(|(f, t, s)| context.exposure(&trust.origin, f, t).map(|e| (e, f, t, *s))).collect();
    // The weakest provider decides.
    let Some((exposure, formula, templates, seen)) = exposures.into_iter().min_by_key(|(e, ..)| e.class) else {
        return Vec::new();
    };
    if let Some(Selector::Everyone(_)) = member.selector() {
        return vec![whole_pool(context, trust, &member, &exposure, seen, formula, templates)];
    }
    // A stranger is the provider's fault, and is reported there with this binding.
    let verdict = verdict::inside(context, &without_audience(formula), templates, &exposure, seen.tenancy() == Tenancy::Cluster);
    let verdict = verdict.filter(|v| v.rule != RuleId::OrganizationWide || !names_some(seen, formula, &exposure));
    let verdict = verdict.filter(|v| !CONDITION_RULES.contains(&v.rule) || !answered(context, seen, v.rule));
    if let Some(finding) = verdict.as_ref().and_then(|v| ambiguous::mapping(seen, trust, &member, &exposure, v)) {
        return vec![finding];
    }
    let stale = format::stale(context, &trust.origin, &without_audience(formula), templates);
    let found = verdict.map(|mut v| {
        if seen.via.view.aws && v.rule == RuleId::OrganizationWide {
            v.message = "every role of the AWS account that the provider admits has the identity".to_owned();
            v.help = "bind `attribute.aws_role/ROLE` for the one role that needs it".to_owned();
            v.severity = Severity::Medium;
        }
        if v.rule == RuleId::AnyRef {
            v.help = advice::one_branch_of_a_pool(
                templates,
                &Spelling::of(context.sources, &seen.via.provider.origin).name("attribute_condition"),
            );
        }
        // The value that the member holds is right and not enough: the member is what has to change, not where its value is from.
        let selector =
            member.selector().and_then(Selector::key_span).filter(|_| matches!(v.rule, RuleId::AnyRef | RuleId::OrganizationWide));
        v.span = selector.or(v.span).or_else(|| text.span());
        v.finding(&trust.origin, &text.to_string(), &exposure).certain(seen.certain)
    });
    found.into_iter().chain(stale).collect()
}

/// Within the tenant only some are admitted, though not by a project's name: the members of a group, or one caller of AWS by
/// the whole ARN.
fn names_some(seen: &ProviderView<'_>, formula: &Formula, exposure: &Exposure) -> bool {
    let tests = shape::tests(formula);
    let admitting = exposure.admitting.iter().filter_map(|i| tests.get(*i)).map(|o| o.test);
    let exact = admitting.filter(|t| matches!(t.matcher, Matcher::Exact(_)));
    exact.into_iter().any(|t| match &t.subject {
        Subject::AnyItem(_) => true,
        Subject::Claim(claim) => seen.via.view.aws && (claim == "arn" || claim == "userid"),
        _ => false,
    })
}

/// The projects that are bound have customised subjects, of another form than the member's.
fn stranded(context: &Context<'_>, trust: &Trust, seen: &[ProviderView<'_>]) -> Option<Finding> {
    let judge = |s: &ProviderView<'_>| {
        let formula = s.combined(&trust.gate)?;
        let (templates, subjects) = s.tokens(&formula);
        let unreachable =
            !subjects.customised.is_empty() && matches!(context.reachability(&formula, &templates), Reachability::Unreachable);
        let found = unreachable.then(|| format::customised(context, &trust.origin, &s.recognised, &formula, &subjects, true))?;
        if let Customised::Dead(finding) = found { Some(*finding) } else { None }
    };
    let found: Vec<Finding> = seen.iter().map_while(judge).collect();
    // Another provider of the pool may still let somebody in.
    (found.len() == seen.len()).then(|| found.into_iter().next()).flatten()
}

/// The condition alone breaks this rule, which is reported at the provider.
fn answered(context: &Context<'_>, seen: &ProviderView<'_>, rule: RuleId) -> bool {
    let templates = seen.templates_for(&seen.via.condition);
    let cluster = seen.tenancy() == Tenancy::Cluster;
    let alone = |e: Exposure| verdict::inside(context, &seen.formula, &templates, &e, cluster);
    context.exposed(&seen.via.condition, &templates).ok().and_then(alone).is_some_and(|v| v.rule == rule)
}

/// The tokens that a binding is judged on. An IAM user whose path is made up to look like a role's ARN is nobody's
/// worry when role sessions get in as well: who can make users in the account can make roles.
fn judged_on(context: &Context<'_>, seen: &ProviderView<'_>, formula: &Formula) -> Vec<Template> {
    let templates = seen.templates_for(formula);
    let sessions: Vec<Template> = templates.iter().filter(|t| t.is(Tag::RoleSession)).cloned().collect();
    if seen.via.view.aws && matches!(context.reachability(formula, &sessions), Reachability::Reachable(_)) { sessions } else { templates }
}

/// Condition and member exclude each other: the binding is dead though each alone is not.
fn excluded(
    context: &Context<'_>,
    trust: &Trust,
    judged: &[(Formula, Vec<Template>, &ProviderView<'_>)],
    span: Option<Span>,
) -> Option<Finding> {
    let dead = |f: &Formula, t: &[Template]| matches!(context.reachability(f, t), Reachability::Unreachable);
    if judged.is_empty() || !judged.iter().all(|(f, t, _)| dead(f, t)) {
        return None;
    }
    let alone = |f: &Formula| if let Formula::All(parts) = f { parts.first().cloned() } else { None };
    let (formula, templates, seen) = judged.first()?;
    let alive = |f: &Formula| matches!(context.reachability(f, templates), Reachability::Reachable(_));
    let member_alive = alone(formula).is_some_and(|m| alive(&m));
    let condition_alive = alive(&seen.via.condition);
    if !member_alive || !condition_alive {
        return None;
    }
    let message = "no token that the provider's condition admits belongs to this member: the binding can never be used";
    let finding = Finding::new(RuleId::NeverMatches, &trust.origin, span, "member", message).severity(Severity::Medium);
    let setting = Spelling::of(context.sources, &seen.via.provider.origin).name("attribute_condition");
    let finding = finding.help(format!("bring the member and the provider's `{setting}` together"));
    Some(finding.related_to(seen.via.provider.origin.span, "the provider's condition excludes the member"))
}

/// None of the documented tokens belongs to the member, because it asks for a claim that the vendor does not document. `None`: that
/// is not so; where no documented token enters the pool at all, the provider tells it, and the binding says no more.
fn undocumented(
    context: &Context<'_>,
    trust: &Trust,
    judged: &[(Formula, Vec<Template>, &ProviderView<'_>)],
    span: Option<Span>,
) -> Option<Option<Finding>> {
    let likely_dead = |f: &Formula, t: &[Template]| match context.reachability(f, t) {
        Reachability::Reachable(_) => false,
        Reachability::Unreachable => true,
        Reachability::Undecided => context.likely_dead(f, t),
    };
    if judged.is_empty() || !judged.iter().all(|(f, t, _)| likely_dead(f, t)) {
        return None;
    }
    let asks = |(formula, templates, seen): &&(Formula, Vec<Template>, &ProviderView<'_>)| {
        super::provider::unlisted_claim(seen, formula, templates).is_some()
    };
    let (formula, templates, seen) = judged.iter().find(asks)?;
    let (claim, _) = super::provider::unlisted_claim(seen, formula, templates)?;
    if likely_dead(&seen.via.condition, &seen.templates_for(&seen.via.condition)) {
        return Some(None);
    }
    let name = &seen.recognised.issuer.name;
    let message = format!(
        "the member asks for a value of the claim `{claim}`, which {name} does not document: if its tokens lack it, the binding can never be used"
    );
    let finding = Finding::new(RuleId::NeverMatches, &trust.origin, span, "unlisted claim", message).severity(Severity::Medium);
    let help = match seen.recognised.issuer.nearest_claim(&claim) {
        Some(near) => format!("map the attribute from `{near}`, if that is meant"),
        None => format!("compare with a token of {name}, or map the attribute from a claim that is documented"),
    };
    let finding = finding.certain(false).help(help);
    Some(Some(finding.related_to(seen.via.provider.origin.span, "the mapping is made here")))
}

/// The whole pool is bound, and what its providers admit is not known: they are declared elsewhere, or their assertions are of
/// a kind that is not modelled (SAML, X.509).
fn unseen_pool(context: &Context<'_>, index: usize, trust: &Trust, member: &Member, providers: &[ProviderId]) -> Option<Finding> {
    let Gate::GoogleMember { role, .. } = &trust.gate else { return None };
    let MemberKind::Pool { pool, selector: Selector::Everyone(star), .. } = &member.kind else { return None };
    // Whether a pool of GKE is too much is told by its own rule; one that is disabled lets nobody in.
    let pools = context.links.trust_pools.get(index).map_or(&[][..], Vec::as_slice);
    let off = pools.iter().filter_map(|id| context.graph.pool(*id)).any(|p| p.disabled);
    if cut::flat(&pool.text).ends_with(".svc.id.goog") || off {
        return None;
    }
    let google = |id: &ProviderId| match context.graph.provider(*id).map(|p| &p.kind) {
        Some(ProviderKind::Google(google)) if !google.disabled => Some(google),
        _ => None,
    };
    let declared: Vec<&GoogleProvider> = providers.iter().filter_map(google).collect();
    let foreign = |g: &&GoogleProvider| matches!(g.source, GoogleSource::Saml | GoogleSource::X509);
    let (who, open) = match declared.as_slice() {
        [] if providers.is_empty() => ("whoever the providers of the pool admit, which are not in this scan", true),
        all if !all.is_empty() && all.iter().all(foreign) => {
            let bare = all.iter().any(|g| matches!(g.condition, Setting::Absent));
            (
                if bare {
                    "whoever the identity provider asserts, or the trust anchors certify"
                } else {
                    "whoever the provider's condition admits"
                },
                bare,
            )
        }
        // An OIDC or AWS provider that cannot be read is in the coverage.
        _ => return None,
    };
    let severity = match () {
        () if !open => Severity::Low,
        () if privilege::becomes_somebody(role) => Severity::High,
        () => Severity::Medium,
    };
    let message = format!("every identity of the pool has this one: {who}");
    let span = star.or_else(|| member.text.find_span("/*")).or_else(|| member.text.span());
    let finding = Finding::new(RuleId::WholePoolPrincipal, &trust.origin, span, &member.text.to_string(), message);
    let finding = finding.severity(severity).certain(false).along_text(&member.text);
    Some(finding.help("bind one value of an attribute that the provider maps (`…/attribute.NAME/VALUE`) or one subject instead of `/*`"))
}

fn whole_pool(
    context: &Context<'_>,
    trust: &Trust,
    member: &Member,
    exposure: &Exposure,
    seen: &ProviderView<'_>,
    formula: &Formula,
    templates: &[Template],
) -> Finding {
    let star = if let Some(Selector::Everyone(star)) = member.selector() { *star } else { None };
    // What the condition leaves open is the cause, and the binding that repeats it is no worse.
    let cause = || {
        verdict::inside(context, &without_audience(formula), templates, exposure, seen.tenancy() == Tenancy::Cluster).map(|v| v.severity)
    };
    let (severity, who) = match exposure.class {
        Class::AnyTenant | Class::TenantPrefix => {
            (Severity::Critical, format!("unrelated tenants of {} among them", seen.recognised.issuer.name))
        }
        Class::Intended if !is_tested(formula) => {
            // A service keeps its customers apart: what it does for others is no stranger's choice.
            let severity = if matches!(seen.tenancy(), Tenancy::Own | Tenancy::Service) { Severity::Low } else { Severity::Medium };
            (severity, format!("whoever {} gives a token to, now or later", seen.recognised.issuer.name))
        }
        Class::Intended => (Severity::Low, "today that is the one workload that the provider admits".to_owned()),
        _ => (
            cause().unwrap_or(Severity::Medium).min(Severity::High),
            "every identity that the provider admits, now or after the next change of its condition".to_owned(),
        ),
    };
    let message = format!("every identity of the pool has this one: {who}");
    Finding::new(RuleId::WholePoolPrincipal, &trust.origin, star.or_else(|| member.text.find_span("/*")), &member.text.to_string(), message)
        .severity(severity)
        .help(narrower(seen))
        .witness(exposure.witness.clone())
        .certain(exposure.certain && seen.certain)
        .along_text(&member.text)
        .related_to(seen.via.provider.origin.span, "this provider fills the pool")
}

/// Something is asked of the tokens beyond whom they are for and that a claim is there.
fn is_tested(formula: &Formula) -> bool {
    let of_workload = |test: &Test| {
        let other = shape::claims(&test.subject).iter().any(|claim| !matches!(claim.as_str(), "aud" | "azp" | "iss"));
        other && !matches!(test.matcher, Matcher::Present)
    };
    shape::tests(formula).iter().any(|o| of_workload(o.test))
}

/// What to bind instead of the pool: an attribute that the provider maps.
fn narrower(seen: &ProviderView<'_>) -> String {
    if seen.via.view.aws && seen.via.view.mapping.is_empty() {
        return "bind the role (`…/attribute.aws_role/arn:aws:sts::ACCOUNT:assumed-role/ROLE`) instead of `/*`".to_owned();
    }
    let mapping = seen.via.view.mapping.iter().map(|(key, expression)| (key.as_str(), expression.to_string()));
    match advice::attribute(mapping, &seen.templates_for(&Formula::TRUE)) {
        Some(key) => format!("bind one value of an attribute that the provider maps (`…/{key}/VALUE`) or one subject instead of `/*`"),
        None => {
            "bind one subject (`principal://…/subject/SUBJECT`) instead of `/*`, or map an attribute that names the workload and bind that"
                .to_owned()
        }
    }
}

/// `allUsers`, `allAuthenticatedUsers`.
fn public(context: &Context<'_>, trust: &Trust, member: &Member) -> Option<Finding> {
    let identity = context.graph.identity(trust.identity)?;
    if !matches!(identity.kind, IdentityKind::GoogleServiceAccount { .. }) {
        return None;
    }
    let mut witness = Token::default();
    witness.set("iss", "https://accounts.google.com");
    witness.set("email", "stranger@gmail.com");
    let who = if matches!(member.kind, MemberKind::AllUsers) { "anyone" } else { "anyone with a Google account" };
    let finding =
        Finding::new(RuleId::PublicPrincipal, &trust.origin, member.text.span(), "public", format!("{who} may use this service account"));
    Some(finding.help("name the principals that need it").witness(Some(witness)).along_text(&member.text))
}
