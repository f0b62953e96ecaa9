//! IAM trust policies: STS looks for the provider of the token's issuer, checks its clients, then the role's policy.

use super::{Answer, IssuerChoice, Presented, audience, may_be, preceded};
use crate::admission::iam::{
    BUILT_IN_HOSTS, Effect, Policy, PrincipalKind, PrincipalRef, Request, Requester, context_of, evaluate, is_saml, issuer_of_federated,
    principals,
};
use crate::gate::aws::{WEB_IDENTITY, other_account, registered_clients};
use crate::gate::issuer::{Sameness, compare, difference};
use crate::graph::{Graph, ProviderId, ProviderKind, Trust};
use crate::issuers::{Recognised, Tenancy, registry};
use crate::partial::{Text, Unknown, UnknownKind};
use crate::token::{Claim, Decision, Evaluation, Step, Token, Truth};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The audience that AWS's own tools ask for.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Decides a role of the scan.
pub(super) fn decide_trust(graph: &Graph, providers: &[ProviderId], trust: &Trust, policy: &Policy, presented: &Presented) -> Answer {
    let decide = |presented: &Presented| decide_role(graph, providers, trust, policy, presented);
    audience::of_trust(presented, &wanted(graph, providers, policy, presented), decide(presented), &decide)
}

/// The audiences that a trust asks for, where a tool of AWS does not ask for its own.
fn wanted(graph: &Graph, providers: &[ProviderId], policy: &Policy, presented: &Presented) -> Vec<String> {
    let Some(recognised) = presented.claims.string("iss").and_then(|iss| presented.issuers.recognise(iss)) else { return Vec::new() };
    if customary(&recognised).is_none_or(|usual| usual == AUDIENCE) {
        return Vec::new();
    }
    let is_meant = |url: &Text| !matches!(compare(url, &recognised.iss), Sameness::Other);
    let clients = registered_clients(graph, providers, &is_meant).map(|clients| clients.ids.to_vec()).unwrap_or_default();
    let of_audience = |key: &Text| key.as_known().is_some_and(|key| key.ends_with(":aud"));
    let tests = policy.statements.iter().flat_map(|s| &s.conditions).filter(|test| of_audience(&test.key));
    let mut out: Vec<String> = Vec::new();
    for text in tests.flat_map(|test| test.values.leaves()).flat_map(|leaf| &leaf.choices).chain(&clients) {
        if let Some(known) = text.as_known().filter(|known| !out.contains(known)) {
            out.push(known);
        }
    }
    out
}

fn decide_role(graph: &Graph, providers: &[ProviderId], trust: &Trust, policy: &Policy, presented: &Presented) -> Answer {
    let policy = named_issuer(policy, presented);
    let answer = decide(&policy, presented);
    let Answer::Decided(evaluation) = answer else { return answer };
    if presented.ready || evaluation.decision == Decision::Deny {
        return Answer::Decided(evaluation);
    }
    let steps = elsewhere(graph, trust, &policy).into_iter().chain(clients(graph, providers, presented)).collect();
    Answer::Decided(preceded(steps, evaluation))
}

/// Every provider that the policy names is another account's than the role.
fn elsewhere(graph: &Graph, trust: &Trust, policy: &Policy) -> Option<Step> {
    let role = graph.identity(trust.identity);
    let named: Vec<PrincipalRef> = principals(policy).into_iter().filter(|p| p.effect != Effect::Deny && p.brings_tokens()).collect();
    let found: Vec<(String, String)> = named.iter().map_while(|p| other_account(role, &p.text)).collect();
    let (own, other) = found.first().filter(|_| found.len() == named.len())?;
    Some(Step {
        test: "account of the provider".to_owned(),
        outcome: Truth::False,
        expected: Some(own.clone()),
        found: Some(other.clone()),
        span: named.first().and_then(|p| p.span),
        note: Some("STS looks for the provider in the account of the role".to_owned()),
    })
}

/// A token of "whatever issuer the trust names" is a token of that issuer also where its URL is known only after `apply`:
/// the unknowns of the federated principals are taken by their names.
fn named_issuer<'a>(policy: &'a Policy, presented: &Presented) -> Cow<'a, Policy> {
    if presented.issuer == IssuerChoice::Stated || presented.principal.is_some() {
        return Cow::Borrowed(policy);
    }
    let federated = principals(policy).into_iter().filter(for_tokens);
    let spire = presented.issuer == IssuerChoice::Spire;
    let named = |a: &&Unknown| !(spire && a.kind() == UnknownKind::IssuerHostPath);
    let atoms: BTreeSet<Unknown> = federated.flat_map(|p| p.text.atoms().filter(named).cloned().collect::<Vec<_>>()).collect();
    if atoms.is_empty() {
        return Cow::Borrowed(policy);
    }
    // Without the `${}`: that would be a policy variable.
    let name = |atom: &Unknown| atoms.contains(atom).then(|| atom.bare().to_owned());
    Cow::Owned(policy.resolved(&name))
}

/// The provider's registered clients: STS refuses a token for any other audience.
fn clients(graph: &Graph, providers: &[ProviderId], presented: &Presented) -> Option<Step> {
    let iss = presented.claims.string("iss").unwrap_or_default();
    let is_meant = |url: &Text| presented.issuer != IssuerChoice::Stated || !matches!(compare(url, iss), Sameness::Other);
    let clients = registered_clients(graph, providers, &is_meant)?;
    let known: Vec<String> = clients.ids.iter().filter_map(Text::as_known).collect();
    let url = providers.iter().filter_map(|id| graph.provider(*id)).find_map(|provider| match &provider.kind {
        ProviderKind::AwsOidc { url, .. } if is_meant(url) => Some(url.fill(|_| String::new())),
        _ => None,
    });
    let recognised = presented.issuers.recognise(if iss.is_empty() { url.unwrap_or_default() } else { iss.to_owned() }.as_str());
    let token = with_audience(presented, recognised.as_ref());
    let asked = audiences_of(&token);
    let open = matches!(token.claims.get("aud"), Some(Claim::Open { .. }));
    if open || known.len() < clients.ids.len() || asked.iter().any(|a| known.contains(a)) {
        return None;
    }
    Some(Step {
        test: format!("client ids of the provider `{}`", clients.provider.name),
        outcome: Truth::False,
        expected: Some(known.join(", ")),
        found: (!asked.is_empty()).then(|| asked.join(", ")),
        span: clients.ids.iter().find_map(Text::span).or(Some(clients.provider.span)),
        note: Some("the token's audience is not a client of the identity provider".to_owned()),
    })
}

fn audiences_of(token: &Token) -> Vec<String> {
    let values = ["aud", "azp"].into_iter().filter_map(|name| token.claims.get(name));
    values
        .flat_map(|c| match c {
            Claim::String(s) => vec![s.clone()],
            Claim::List(l) => l.clone(),
            Claim::Json(_) | Claim::Open { .. } => Vec::new(),
        })
        .collect()
}

/// The token with the audience that is customary for its issuer; one that depends on whose it is was not provided.
fn with_audience(presented: &Presented, recognised: Option<&Recognised<'_>>) -> Token {
    let mut token = presented.claims.clone();
    if !presented.any_audience {
        return token;
    }
    match recognised.and_then(customary) {
        Some(audience) if audience.contains('<') => {
            token.claims.insert("aud".to_owned(), Claim::Open { optional: false });
        }
        usual => token.set("aud", usual.unwrap_or(AUDIENCE)),
    }
    token
}

/// The audience that tokens of an issuer customarily have at AWS.
fn customary<'a>(recognised: &'a Recognised<'_>) -> Option<&'a str> {
    recognised.issuer.audiences.get("aws").or_else(|| recognised.issuer.audiences.get("default")).map(String::as_str)
}

/// Decides a trust policy alone.
pub(super) fn decide_policy(policy: &Policy, presented: &Presented) -> Answer {
    let decide = |presented: &Presented| decide(policy, presented);
    let (graph, providers) = (Graph::default(), []);
    audience::of_trust(presented, &wanted(&graph, &providers, policy, presented), decide(presented), &decide)
}

/// Decides a trust policy.
fn decide(policy: &Policy, presented: &Presented) -> Answer {
    let principals = principals(policy);
    let Some(principal) = requester(&principals, presented) else {
        return if principals.iter().any(for_tokens) { Answer::OtherIssuer } else { Answer::NotForTokens };
    };
    let concerned =
        presented.principal.is_some() || presented.ready || !principals.iter().any(|p| p.effect != Effect::Deny) && policy.open.is_some();
    if !concerned && !principals.iter().any(|p| concerns(p, principal.name())) {
        if let Some(step) = nearly(&principals, &principal) {
            return Answer::Decided(Evaluation { decision: Decision::Deny, trace: vec![step], reasons: Vec::new() });
        }
        return if principals.iter().any(for_tokens) { Answer::OtherIssuer } else { Answer::NotForTokens };
    }
    let context = if presented.ready { presented.claims.clone() } else { context(policy, principal.name(), presented) };
    let action = presented.action.clone().unwrap_or_else(|| default_action(&principal).to_owned());
    let request = Request { action, principal, context, caller_allowed: !presented.caller_denied };
    Answer::Decided(evaluate(policy, &request))
}

/// The federated principal that is the token's issuer but for a slash at the end: STS finds no provider of that name
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).
fn nearly(principals: &[PrincipalRef], requester: &Requester) -> Option<Step> {
    let host = requester.name();
    let bare = |text: &str| text.trim_end_matches('/').to_ascii_lowercase();
    let (issuer, principal) = principals.iter().filter(|p| for_tokens(p) && !p.negated).find_map(|p| {
        let issuer = issuer_of_federated(&p.text)?.as_known()?;
        (issuer != host && bare(&issuer) == bare(host)).then_some((issuer, p))
    })?;
    let note = Some(difference(&format!("https://{issuer}"), &format!("https://{host}")).to_string());
    let (expected, found) = (Some(issuer), Some(host.to_owned()));
    Some(Step { test: "Principal".to_owned(), outcome: Truth::False, expected, found, span: principal.text.span(), note })
}

fn for_tokens(p: &PrincipalRef) -> bool {
    p.effect != Effect::Deny && (p.kind == PrincipalKind::Federated && !is_saml(&p.text))
}

/// Whether the statement with this principal can be about the tokens of this issuer.
fn concerns(p: &PrincipalRef, host: &str) -> bool {
    if p.effect == Effect::Deny {
        return false;
    }
    if p.negated {
        return true;
    }
    match p.kind {
        PrincipalKind::Everyone | PrincipalKind::Other => true,
        // `"AWS": "*"` is everyone, too.
        PrincipalKind::Aws => p.text.as_known().is_some_and(|t| t == "*"),
        PrincipalKind::Federated => match issuer_of_federated(&p.text) {
            Some(issuer) => issuer
                .as_known()
                .map_or_else(|| of_cluster(&issuer, host) && may_be(&issuer, host), |known| known.eq_ignore_ascii_case(host)),
            None => p.text.as_known().map_or(!is_saml(&p.text), |t| t == "*"),
        },
        PrincipalKind::Service | PrincipalKind::CanonicalUser => false,
    }
}

/// An unknown that is known to be an issuer is a cluster's: nothing else has its issuer computed.
fn of_cluster(issuer: &Text, host: &str) -> bool {
    let computed = issuer.atoms().any(|a| a.kind() == UnknownKind::IssuerHostPath);
    !computed || registry().recognise(host).is_none_or(|r| r.issuer.tenancy == Tenancy::Cluster)
}

/// Who asks: what was said, the issuer of the token, or the issuer that the policy names.
fn requester(principals: &[PrincipalRef], presented: &Presented) -> Option<Requester> {
    if let Some(principal) = &presented.principal {
        return Some(Requester::parse(principal));
    }
    if presented.ready {
        let service = presented.claims.string("aws:PrincipalServiceName").map(|name| Requester::Service(name.to_owned()));
        return Some(
            service
                .or_else(|| issuer_of_keys(&presented.claims))
                .or_else(|| named(principals))
                .unwrap_or_else(|| Requester::Issuer(String::new())),
        );
    }
    match presented.issuer {
        IssuerChoice::Stated => {
            let iss = presented.claims.string("iss")?;
            Some(Requester::Issuer(iss.strip_prefix("https://").unwrap_or(iss).to_owned()))
        }
        choice => hosts(principals)
            .filter(|host| may_mint(host, choice))
            .map(|h| h.to_string())
            .find(|host| fits(host, presented))
            .map(Requester::Issuer),
    }
}

/// The hosts and paths of the issuers that the policy lets in.
fn hosts(principals: &[PrincipalRef]) -> impl Iterator<Item = Text> {
    principals.iter().filter(|p| for_tokens(p) && !p.negated).filter_map(|p| issuer_of_federated(&p.text))
}

/// Nothing but a cluster has its issuer computed: a SPIRE server's is written.
fn may_mint(host: &Text, choice: IssuerChoice) -> bool {
    choice != IssuerChoice::Spire || !host.atoms().any(|a| a.kind() == UnknownKind::IssuerHostPath)
}

fn fits(host: &str, presented: &Presented) -> bool {
    presented.issuers.recognise(host).is_none_or(|r| presented.issuer.fits(&r))
}

/// The issuer that ready condition keys name.
fn issuer_of_keys(context: &Token) -> Option<Requester> {
    let issuer = context.claims.keys().find_map(|key| {
        let (prefix, claim) = key.rsplit_once(':')?;
        let of_token = matches!(claim.to_ascii_lowercase().as_str(), "sub" | "aud" | "oaud") && prefix.contains('.');
        of_token.then(|| prefix.to_owned())
    })?;
    Some(if BUILT_IN_HOSTS.contains(&issuer.as_str()) { Requester::Federated(issuer) } else { Requester::Issuer(issuer) })
}

/// The first principal that the policy names whole.
fn named(principals: &[PrincipalRef]) -> Option<Requester> {
    let first = principals.iter().filter(|p| p.effect != Effect::Deny && !p.negated).find_map(|p| p.text.as_known())?;
    Some(Requester::parse(&first))
}

fn default_action(principal: &Requester) -> &'static str {
    match principal {
        Requester::Federated(arn) if arn.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
        Requester::Federated(_) | Requester::Issuer(_) => WEB_IDENTITY,
        Requester::Aws(_) | Requester::Service(_) => "sts:AssumeRole",
    }
}

/// The condition keys that STS makes of the token. What depends on the request and not on the token is not known.
fn context(policy: &Policy, principal: &str, presented: &Presented) -> Token {
    let host = issuer_of_federated(&Text::known(principal)).map_or_else(|| principal.to_owned(), |host| host.to_string());
    let recognised = presented.issuers.recognise(&host).or_else(|| presented.issuers.generic(&host));
    let exposed = |claim: &str| recognised.as_ref().is_some_and(|r| r.issuer.aws_key_of(claim).is_some());
    let mut out = context_of(&with_audience(presented, recognised.as_ref()), &host, &exposed);
    // What is said of the request beside the token.
    let said = presented.claims.claims.iter().filter(|(name, _)| is_request_key(name));
    out.claims.extend(said.map(|(name, value)| (name.clone(), value.clone())));
    for key in policy.statements.iter().flat_map(|s| &s.conditions).filter_map(|c| c.key.as_known()) {
        let given = out.claims.keys().any(|known| known.eq_ignore_ascii_case(&key));
        if !given && of_request(&key.to_ascii_lowercase()) {
            out.claims.entry(key).or_insert(Claim::Open { optional: true });
        }
    }
    out.set("aws:SecureTransport", "true");
    out
}

/// A condition key of the request, and no claim: no issuer's claims begin so.
fn is_request_key(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with("aws:") || lower.starts_with("sts:")
}

/// Keys that every request has, with a value that the token does not tell.
fn of_request(key: &str) -> bool {
    let of_sts = matches!(key, "sts:rolesessionname" | "sts:sourceidentity" | "sts:durationseconds");
    of_sts || (key.starts_with("aws:") && key != "aws:securetransport")
}
