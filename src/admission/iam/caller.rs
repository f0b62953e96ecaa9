//! What a caller of STS brings along beside a token: keys of the request, which are no claims of anybody's token.
//!
//! Which keys a request holds: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html>.

use super::formula::{Viewer, covers};
use super::policy::{Effect, Policy, Statement};
use crate::admission::exposure::shape;
use crate::admission::formula::Formula;
use crate::issuers::{ClaimPart, Role, Segment, SessionTags, Template};
use crate::token::{Token, Truth};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most keys that a request may have or not whose combinations are all looked at.
const MAX_OPTIONAL: usize = 5;
/// Printable characters.
const ANY: &str = r"[^\x00-\x1f\x7f]+";
/// Session names and source identities
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
const NAME: &str = r"[\w+=,.@-]{2,64}";

/// A key whose value the caller picks.
struct Chosen {
    /// The key in lower case.
    key: &'static str,
    /// As it is documented.
    documented: &'static str,
    /// The values that STS takes.
    alphabet: &'static str,
    /// A readable value.
    sample: &'static str,
    /// Every request has it.
    always: bool,
}

/// The caller's choice, whoever they are.
const CHOSEN: &[Chosen] = &[
    Chosen { key: "sts:rolesessionname", documented: "sts:RoleSessionName", alphabet: NAME, sample: "some-session", always: true },
    Chosen { key: "aws:useragent", documented: "aws:UserAgent", alphabet: ANY, sample: "some-client", always: true },
    Chosen {
        key: "aws:requestedregion",
        documented: "aws:RequestedRegion",
        alphabet: "[a-z]{2}(?:-[a-z]+)+-[0-9]",
        sample: "us-east-1",
        always: true,
    },
    Chosen { key: "aws:referer", documented: "aws:Referer", alphabet: ANY, sample: "https://example.com", always: false },
];

/// The choice of a caller who has credentials of AWS: parameters of `AssumeRole`.
const OF_ASSUME_ROLE: &[Chosen] = &[
    Chosen { key: "sts:externalid", documented: EXTERNAL_ID, alphabet: r"[\w+=,.@:/-]{2,}", sample: "some-external-id", always: false },
    Chosen { key: "sts:sourceidentity", documented: "sts:SourceIdentity", alphabet: NAME, sample: "some-source", always: false },
    Chosen { key: "aws:sourceidentity", documented: "aws:SourceIdentity", alphabet: NAME, sample: "some-source", always: false },
    Chosen { key: "aws:tagkeys", documented: "aws:TagKeys", alphabet: ANY, sample: "some-tag", always: false },
    Chosen { key: "sts:transitivetagkeys", documented: "sts:TransitiveTagKeys", alphabet: ANY, sample: "some-tag", always: false },
];

/// The key of the external id.
pub const EXTERNAL_ID: &str = "sts:ExternalId";

/// Other keys by their documented spelling.
const DOCUMENTED: &[&str] = &[
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalType",
    "aws:PrincipalIsAWSService",
    "aws:ViaAWSService",
    "aws:MultiFactorAuthPresent",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:VpceAccount",
];
const TAG_SESSION: &str = "sts:TagSession";
const PRINCIPAL_TAG: &str = "aws:principaltag/";
const REQUEST_TAG: &str = "aws:requesttag/";

/// The ARN that a `Principal` element names a session by; no condition key.
pub(super) const SESSION_ARN: &str = "principal";

/// True for a key that every kind of caller may choose, so that it stands beside the claims of a token.
pub(super) fn is_chosen(key: &str) -> bool {
    CHOSEN.iter().any(|c| c.key == key)
}

/// What a key says of a caller with credentials of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The templates of principals, or the parameters of the call, say it.
    Modelled,
    /// No principal's own call has it: it is there when a service calls.
    Absent,
    /// It is not modelled.
    Open,
}

/// What is known of a lower-case `aws:` or `sts:` key in the requests of principals.
pub(super) fn of_principal(key: &str) -> Known {
    const ABSENT: &[&str] = &[
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
    ];
    let modelled = DOCUMENTED.iter().any(|d| d.eq_ignore_ascii_case(key))
        || matches!(key, "aws:userid" | "aws:username")
        || key.starts_with(PRINCIPAL_TAG)
        || key.starts_with(REQUEST_TAG)
        || CHOSEN.iter().chain(OF_ASSUME_ROLE).any(|c| c.key == key);
    if modelled {
        Known::Modelled
    } else if ABSENT.contains(&key) {
        Known::Absent
    } else {
        Known::Open
    }
}

/// A test of one of these keys, which depend on when and where a request is made, may hold for anybody.
pub(super) fn may_hold(key: &str) -> bool {
    const AROUND: &[&str] = &["aws:sourceip", "aws:vpcsourceip", "aws:multifactorauthage", "sts:durationseconds"];
    AROUND.contains(&key)
}

/// The key holds when the request is made, or when the credentials were that it is made with
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>).
pub(super) fn is_moment(key: &str) -> bool {
    matches!(key, "aws:currenttime" | "aws:epochtime" | "aws:tokenissuetime")
}

/// The token with its keys as they are documented (`aws:PrincipalArn`), without what is no key.
#[must_use]
pub fn documented(mut token: Token) -> Token {
    token.claims.remove(SESSION_ARN);
    let spelled = |key: &str| -> Option<String> {
        let known = DOCUMENTED.iter().find(|d| d.eq_ignore_ascii_case(key)).copied();
        let chosen = CHOSEN.iter().chain(OF_ASSUME_ROLE).find(|c| c.key == key).map(|c| c.documented);
        let tag = |head: &str, name: &str| key.strip_prefix(head).map(|tag| format!("{name}{tag}"));
        known
            .or(chosen)
            .map(str::to_owned)
            .or_else(|| tag(PRINCIPAL_TAG, "aws:PrincipalTag/"))
            .or_else(|| tag(REQUEST_TAG, "aws:RequestTag/"))
    };
    token.claims = token.claims.into_iter().map(|(key, claim)| (spelled(&key).unwrap_or(key), claim)).collect();
    token
}

/// The session tags that may come through the policy: a request that holds some is refused without `sts:TagSession`
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required>).
#[must_use]
pub fn session_tags(policy: &Policy, tags: SessionTags) -> SessionTags {
    let allows = |s: &Statement| s.effect != Effect::Deny && covers(&s.actions, TAG_SESSION) != Truth::False;
    if policy.open.is_some() || policy.statements.iter().any(allows) { tags } else { SessionTags::Never }
}

/// The templates with the keys of the request that the formula reads: one more template for each way in which the optional
/// ones can be there or not.
#[must_use]
pub fn with_request_keys(templates: Vec<Template>, formula: &Formula, viewer: &Viewer, tags: SessionTags) -> Vec<Template> {
    let read: BTreeSet<String> = shape::read(formula);
    let mut out = templates;
    // The keys of IAM are a closed list: what is not brought here is in no request.
    out.iter_mut().for_each(|t| t.unlisted.clear());
    let mut optional = 0;
    for key in &read {
        let Some(brought) = brought(key, viewer, tags) else { continue };
        match brought {
            Brought::Always(value) => out.iter_mut().for_each(|t| value.add(t, key)),
            Brought::Perhaps(value) => {
                let mut with = out.clone();
                with.retain(|t| value.fits(t));
                with.iter_mut().for_each(|t| {
                    value.add(t, key);
                    t.name = format!("{}+{key}", t.name);
                });
                optional += 1;
                if optional > MAX_OPTIONAL {
                    out.retain(|t| !value.fits(t));
                }
                out.extend(with);
            }
        }
    }
    out
}

enum Brought {
    Always(Value),
    Perhaps(Value),
}

/// Where the value of a request key comes from.
enum Value {
    /// A new variable part of the token.
    Free { role: Role, alphabet: &'static str, sample: &'static str },
    /// The token's claim with this name.
    Claim(String),
}

impl Value {
    fn fits(&self, template: &Template) -> bool {
        match self {
            Self::Free { .. } => true,
            Self::Claim(name) => template.claim(name).is_some(),
        }
    }

    fn add(&self, template: &mut Template, key: &str) {
        if template.claim(key).is_some() {
            return;
        }
        let parts = match self {
            Self::Free { role, alphabet, sample } => {
                let segment = Segment {
                    name: key.to_owned(),
                    role: *role,
                    alphabet: (*alphabet).to_owned(),
                    samples: vec![(*sample).to_owned()],
                    guessed: None,
                };
                Arc::make_mut(&mut template.segments).push(segment);
                vec![ClaimPart::Segment(template.segments.len() - 1)]
            }
            Self::Claim(name) => match template.claim(name) {
                Some(parts) => parts.to_vec(),
                None => return,
            },
        };
        Arc::make_mut(&mut template.claims).push((key.to_owned(), parts));
        Arc::make_mut(&mut template.claims).sort_by(|a, b| a.0.cmp(&b.0));
    }
}

/// Whether the requests of this kind of caller hold a key beside the claims of the token.
fn brought(key: &str, viewer: &Viewer, tags: SessionTags) -> Option<Brought> {
    let chosen = |c: &Chosen| {
        let value = Value::Free { role: Role::CallerChosen, alphabet: c.alphabet, sample: c.sample };
        if c.always { Brought::Always(value) } else { Brought::Perhaps(value) }
    };
    if let Some(found) = CHOSEN.iter().find(|c| c.key == key) {
        return Some(chosen(found));
    }
    match viewer {
        Viewer::Principals => {
            let tagged = key.starts_with(REQUEST_TAG) || matches!(key, "aws:tagkeys" | "sts:transitivetagkeys");
            if tagged && tags == SessionTags::Never {
                return None;
            }
            if let Some(found) = OF_ASSUME_ROLE.iter().find(|c| c.key == key) {
                return Some(chosen(found));
            }
            let tag = key.starts_with(PRINCIPAL_TAG) || key.starts_with(REQUEST_TAG);
            tag.then_some(Brought::Perhaps(Value::Free { role: Role::CallerChosen, alphabet: ANY, sample: "some-tag" }))
        }
        Viewer::Federated(_) | Viewer::Issuer(_) => signed(key, tags).map(Brought::Perhaps),
        Viewer::Aws(_) | Viewer::Service(_) => None,
    }
}

/// A key that STS fills from claims of the token that are there for it
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp>).
fn signed(key: &str, tags: SessionTags) -> Option<Value> {
    let free = Value::Free { role: Role::Other, alphabet: ANY, sample: "some-tag" };
    match (key, tags) {
        (_, SessionTags::Never) => None,
        ("sts:sourceidentity" | "aws:tagkeys" | "sts:transitivetagkeys", _) => Some(free),
        (_, SessionTags::Claims) => key.strip_prefix(REQUEST_TAG).map(|claim| Value::Claim(claim.to_owned())),
        (_, SessionTags::Any) => key.starts_with(REQUEST_TAG).then_some(free),
    }
}
