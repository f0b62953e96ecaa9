//! Google Cloud: the pool's providers (issuer, audience, mapping, condition), then the member of the binding.

use super::{Answer, Issued, IssuerChoice, Issuers, Nearly, Presented, issued, preceded};
use crate::admission::cel::Value;
use crate::admission::cel::google::{Attributes, GoogleView, Member, MemberKind, Selector, evaluate_member, evaluate_provider};
use crate::admission::search::HoleMode;
use crate::admission::search::concrete::evaluate_in;
use crate::gate::google::{Disabled, audiences_of, disabled};
use crate::gate::issuer::Difference;
use crate::graph::links::Links;
use crate::graph::{GoogleProvider, GoogleSource, Graph, ProviderId, ProviderKind, Setting};
use crate::partial::Text;
use crate::token::{Claim, Decision, Evaluation, Step, Token, Truth};

/// Where the tokens of GKE clusters come from.
const GKE: &str = "https://container.googleapis.com/v1/projects/";

/// The subjects of Kubernetes' ServiceAccounts.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
/// The end of the name of GKE's own pool.
const WORKLOAD_POOL: &str = ".svc.id.goog";

/// What a provider makes of the token.
struct Entry {
    evaluation: Evaluation,
    attributes: Attributes,
    /// There may be more attributes than these.
    open: bool,
}

/// Decides a binding of the scan.
pub(super) fn decide_member(graph: &Graph, links: &Links, providers: &[ProviderId], text: &Text, presented: &Presented) -> Answer {
    let Ok(member) = Member::parse(text) else { return Answer::NotForTokens };
    let MemberKind::Pool { pool, .. } = &member.kind else { return Answer::NotForTokens };
    if presented.ready {
        return Answer::NotForTokens;
    }
    if let Some(project) = pool.text.as_known().and_then(|p| p.strip_suffix(WORKLOAD_POOL).map(str::to_owned)) {
        return gke(&member, &project, presented);
    }
    let google = |id: &&ProviderId| graph.provider(**id).is_some_and(|p| matches!(p.kind, ProviderKind::Google(_)));
    let all: Vec<ProviderId> = providers.iter().filter(google).copied().collect();
    if all.is_empty() {
        let reason = format!("no provider of the pool `{}` is in the scan", pool.text);
        return Answer::Decided(Evaluation { decision: Decision::Unknown, trace: Vec::new(), reasons: vec![reason] });
    }
    let entries = all.into_iter().filter_map(|provider| enter(graph, links, provider, presented));
    let judged: Vec<Evaluation> = entries.map(|entry| through(&member, entry, None)).collect();
    // Any provider of the pool lets in; for a refusal the one that came furthest tells most.
    let rank = |e: &Evaluation| match e.decision {
        Decision::Admit => (0, 0),
        Decision::Unknown => (1, 0),
        Decision::Deny => (2, usize::MAX - e.trace.iter().take_while(|s| s.outcome == Truth::True).count()),
    };
    judged.into_iter().min_by_key(rank).map_or(Answer::OtherIssuer, Answer::Decided)
}

/// Decides a provider alone: who enters the pool.
pub(super) fn decide_provider(graph: &Graph, links: &Links, provider: ProviderId, presented: &Presented) -> Answer {
    enter(graph, links, provider, presented).map_or(Answer::OtherIssuer, |entry| Answer::Decided(entry.evaluation))
}

/// The member after its provider; `shown` is the value as it is told, where that is not the value itself.
fn through(member: &Member, entry: Entry, shown: Option<String>) -> Evaluation {
    let Entry { evaluation, attributes, open } = entry;
    if evaluation.decision == Decision::Deny {
        return evaluation;
    }
    let mut truth = evaluate_member(member, &attributes);
    let mut note = None;
    if member.names_nobody() {
        note = Some("the project is named by its id where the number belongs, or the reverse: nobody is this member".to_owned());
    } else if open && truth == Truth::False {
        truth = Truth::Unknown;
        note = Some("the provider's mapping is not known whole".to_owned());
    }
    let (name, found) = selected(member, &attributes);
    if truth == Truth::Unknown && note.is_none() {
        note = attributes.get(&name).and_then(|value| value.as_ref().err()).map(|fault| fault.message().to_owned());
    }
    if truth == Truth::Unknown && note.is_none() && !member.text.is_known() {
        note = Some("the member is not known whole".to_owned());
    }
    let missing = found.is_none() && truth == Truth::False && !matches!(member.selector(), Some(Selector::Everyone(_)));
    if missing && note.is_none() {
        note = Some(format!("the provider maps no `{name}`"));
    }
    let step = Step {
        test: format!("member `{name}`"),
        outcome: truth,
        expected: Some(member.text.to_string()),
        found: shown.or(found),
        span: member.text.span(),
        note,
    };
    let member = preceded(vec![step], Evaluation { decision: Decision::Admit, trace: Vec::new(), reasons: Vec::new() });
    let reasons = member.reasons;
    let mut all = preceded(evaluation.trace, Evaluation { decision: member.decision, trace: member.trace, reasons });
    if all.decision == Decision::Unknown && evaluation.decision == Decision::Unknown {
        evaluation.reasons.into_iter().for_each(|r| {
            if !all.reasons.contains(&r) {
                all.reasons.push(r)
            }
        });
    }
    all
}

/// The attribute that a member asks for, and its value.
fn selected(member: &Member, attributes: &Attributes) -> (String, Option<String>) {
    let key = match member.selector() {
        Some(Selector::Attribute { name, .. }) => format!("attribute.{}", name.text),
        Some(Selector::Group(_)) => "google.groups".to_owned(),
        _ => "google.subject".to_owned(),
    };
    let found = attributes.get(&key).and_then(|v| v.as_ref().ok()).and_then(|value| match value {
        Value::String(s) => Some(s.to_string()),
        Value::List(items) => Some(items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")),
        _ => None,
    });
    (key, found)
}

/// Issuer, audience, mapping and condition; none when the provider takes the tokens of another issuer.
fn enter(graph: &Graph, links: &Links, id: ProviderId, presented: &Presented) -> Option<Entry> {
    let ProviderKind::Google(provider) = &graph.provider(id)?.kind else { return None };
    let mut steps = Vec::new();
    let token = match &provider.source {
        GoogleSource::Oidc { issuer, audiences } => match issued(issuer, presented) {
            Issued::No => return None,
            Issued::Yes(token) => aimed(graph, provider, audiences, token, presented, &mut steps),
            Issued::Perhaps(token, step) => {
                steps.push(step);
                aimed(graph, provider, audiences, token, presented, &mut steps)
            }
            Issued::Nearly(nearly) => {
                let (step, token) = slash(&nearly, presented);
                steps.push(step);
                token
            }
        },
        GoogleSource::Aws { account } => {
            steps.push(of_account(account, presented)?);
            presented.claims.clone()
        }
        GoogleSource::Saml | GoogleSource::X509 => return None,
        GoogleSource::Unknown => {
            steps.push(unknown("issuer", "what the provider trusts is not known"));
            presented.claims.clone()
        }
    };
    if let Some(what) = disabled(graph, links, id) {
        let note = match what {
            Disabled::Provider => "the provider is disabled",
            Disabled::Pool => "the pool is disabled: it exchanges no tokens",
        };
        steps.push(Step {
            test: "disabled".to_owned(),
            outcome: Truth::False,
            expected: Some("false".to_owned()),
            found: Some("true".to_owned()),
            span: None,
            note: Some(note.to_owned()),
        });
    }
    let (evaluation, attributes) = conditions(provider, &token, &presented.issuers);
    Some(Entry { evaluation: preceded(steps, evaluation), attributes, open: provider.mapping_open })
}

fn unknown(test: &str, why: &str) -> Step {
    Step { test: test.to_owned(), outcome: Truth::Unknown, expected: None, found: None, span: None, note: Some(why.to_owned()) }
}

/// Under each condition that the provider may have.
fn conditions(provider: &GoogleProvider, token: &Token, issuers: &Issuers) -> (Evaluation, Attributes) {
    let conditions: Vec<Option<Text>> = match &provider.condition {
        Setting::Absent => vec![None],
        Setting::Set(text) => vec![Some(text.clone())],
        Setting::OneOf(all) => all.clone(),
        Setting::Unknown(atom) => vec![Some(Text::hole(atom.clone(), None))],
    };
    let aws = matches!(provider.source, GoogleSource::Aws { .. });
    let mapping: Vec<(String, Text)> = provider.mapping.iter().flatten().map(|(k, e)| (k.to_string(), e.clone())).collect();
    let recognised = token.string("iss").and_then(|iss| issuers.recognise(iss));
    let string_claims = aws || recognised.is_some_and(|r| !r.issuer.tenancy.is_free());
    let mut all: Vec<(Evaluation, Attributes)> = Vec::new();
    for condition in conditions {
        let view = GoogleView { mapping: mapping.clone(), aws, condition, string_claims, ..GoogleView::default() };
        let admission = evaluate_provider(&view, token);
        all.push((admission.evaluation, admission.attributes));
    }
    let agreed = all.windows(2).all(|w| matches!(w, [a, b] if a.0.decision == b.0.decision));
    let Some((mut evaluation, attributes)) = all.into_iter().next() else {
        let reasons = vec!["the provider's condition is not known".to_owned()];
        return (Evaluation { decision: Decision::Unknown, trace: Vec::new(), reasons }, Attributes::new());
    };
    // A condition on an attribute of a mapping that is not known whole.
    if !agreed || (provider.mapping_open && evaluation.decision == Decision::Deny) {
        let why = if agreed {
            "the provider's mapping is not known whole"
        } else {
            "the provider has one of several conditions, and they differ here"
        };
        evaluation =
            Evaluation { decision: Decision::Unknown, trace: vec![unknown("attribute condition", why)], reasons: vec![why.to_owned()] };
    }
    (evaluation, attributes)
}

/// Google's own example for Entra leaves out the slash that Entra's tokens end with, and Microsoft's for its services: there
/// it does not count. Whether it does elsewhere is not documented
/// (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds>).
fn slash(nearly: &Nearly, presented: &Presented) -> (Step, Token) {
    let (step, mut token) = (nearly.step(), presented.claims.clone());
    if nearly.difference != Difference::SlashMissing || nearly.iss.strip_suffix('/') != Some(&nearly.trusted) {
        return (step, token);
    }
    token.set("iss", nearly.iss.clone());
    let entra = presented.issuers.recognise(&nearly.iss).is_some_and(|r| r.host_path.starts_with("sts.windows.net/"));
    let (outcome, note) = if entra {
        (Truth::True, None)
    } else {
        (Truth::Unknown, Some("whether the slash at the end counts for Google is not documented; write it as the token does".to_owned()))
    };
    (Step { outcome, note, ..step }, token)
}

/// The token's audience, or the one that the provider wants where it is free.
fn aimed(
    graph: &Graph,
    provider: &GoogleProvider,
    audiences: &[Text],
    mut token: Token,
    presented: &Presented,
    steps: &mut Vec<Step>,
) -> Token {
    let own = format!("/workloadIdentityPools/{}/providers/{}", provider.pool_name, provider.name);
    if presented.any_audience {
        let audience = audiences
            .first()
            .map_or_else(|| format!("//iam.googleapis.com/projects/PROJECT_NUMBER/locations/global{own}"), Text::to_string);
        token.set("aud", audience);
        return token;
    }
    let asked: Vec<String> = match token.claims.get("aud") {
        Some(Claim::String(s)) => vec![s.clone()],
        Some(Claim::List(all)) => all.clone(),
        Some(Claim::Json(_) | Claim::Open { .. }) | None => Vec::new(),
    };
    // One that the token has is enough.
    let accepted = audiences_of(graph, provider, audiences).any;
    let takes = |audience: &String| {
        let mut alone = Token::default();
        alone.set("aud", audience.clone());
        evaluate_in(&accepted, &alone, &[], &HoleMode::Any)
    };
    let truth = asked.iter().map(takes).fold(Truth::False, Truth::or);
    let expected = if audiences.is_empty() {
        format!("the provider's own name, `https://iam.googleapis.com/projects/…{own}`")
    } else {
        audiences.iter().map(Text::to_string).collect::<Vec<_>>().join(", ")
    };
    let note = (truth == Truth::Unknown).then(|| "the allowed audiences are not known whole".to_owned());
    let found = (!asked.is_empty()).then(|| asked.join(", "));
    steps.push(Step {
        test: "allowed audiences".to_owned(),
        outcome: truth,
        expected: Some(expected),
        found,
        span: audiences.first().and_then(Text::span),
        note,
    });
    token
}

/// A caller identity of AWS is of one account; none when the token is no such identity.
fn of_account(account: &Text, presented: &Presented) -> Option<Step> {
    let arn =
        presented.claims.string("arn").filter(|_| presented.issuer == IssuerChoice::Stated && presented.claims.string("iss").is_none())?;
    let own = presented.claims.string("account").or_else(|| arn.split(':').nth(4)).unwrap_or_default();
    let outcome = match account.as_known() {
        Some(known) => Truth::from(known == own),
        None => Truth::Unknown,
    };
    let note = (outcome == Truth::Unknown).then(|| "the AWS account that the provider trusts is not known".to_owned());
    (outcome != Truth::False).then(|| Step {
        test: "AWS account".to_owned(),
        outcome,
        expected: Some(account.to_string()),
        found: Some(own.to_owned()),
        span: account.span(),
        note,
    })
}

/// GKE's own pool: the ServiceAccounts of the project's clusters, whatever the audience of the token at hand.
fn gke(member: &Member, project: &str, presented: &Presented) -> Answer {
    let subject = presented.claims.string("sub").unwrap_or_default();
    let cluster = match presented.issuer {
        IssuerChoice::Cluster => true,
        IssuerChoice::Stated => presented.claims.string("iss").is_some_and(|iss| iss.starts_with(&format!("{GKE}{project}/"))),
        IssuerChoice::Spire | IssuerChoice::Any => false,
    };
    if !cluster || !subject.starts_with(SERVICE_ACCOUNT) {
        return Answer::OtherIssuer;
    }
    let attributes = Attributes::from([("google.subject".to_owned(), Ok(Value::string(subject)))]);
    let nothing = Evaluation { decision: Decision::Admit, trace: Vec::new(), reasons: Vec::new() };
    // Both in the form of the member, so that they can be compared.
    let form = subject.strip_prefix(SERVICE_ACCOUNT).and_then(|rest| rest.split_once(':'));
    let form = form.filter(|_| matches!(member.kind, MemberKind::Pool { project: None, .. }));
    let shown = form.map(|(namespace, name)| format!("serviceAccount:{project}{WORKLOAD_POOL}[{namespace}/{name}]"));
    Answer::Decided(through(member, Entry { evaluation: nothing, attributes, open: false }, shown))
}
