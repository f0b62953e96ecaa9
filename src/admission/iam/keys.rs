//! What a condition key stands for, seen from one kind of caller.

use super::caller::{self, Known};
use super::formula::{View, Viewer};
use super::matching::{from_url, same_issuer, split_key};
use super::principals::is_saml;
use crate::partial::{Text, UnknownOrigin, cut};
use crate::token::Truth;

/// What a condition key stands for.
pub(super) enum Meaning {
    /// A claim of the token, or a key that the caller chooses under its full lower-case name.
    Claim {
        /// Its name.
        name: String,
        /// It is multi-valued.
        list: bool,
        /// An assumption.
        note: Option<String>,
    },
    /// The same value in every request.
    Fixed(String),
    /// Never there.
    Absent,
    /// It depends on the request, not on the token.
    Request {
        /// The reason.
        why: String,
        /// A test of it may hold for anybody: when and where a request is made.
        may_hold: bool,
    },
    /// The moment of the request.
    Moment(String),
}

/// Keys with several values (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>).
const MULTI_VALUED: [&str; 6] = [
    "aws:tagkeys",
    "aws:principalorgpaths",
    "aws:principalservicenameslist",
    "aws:sourceorgpaths",
    "aws:calledvia",
    "sts:transitivetagkeys",
];

fn claim(name: String) -> Meaning {
    let list = MULTI_VALUED.contains(&name.as_str());
    Meaning::Claim { name, list, note: None }
}

pub(super) fn meaning(view: &View<'_>, key: &Text) -> Meaning {
    let Some((prefix, name)) = split_key(key) else {
        return if key.is_known() {
            Meaning::Absent
        } else {
            Meaning::Request { why: format!("the condition key `{key}` is not known"), may_hold: false }
        };
    };
    if let Some(known) = prefix.as_known() {
        let full = format!("{known}:{name}").to_ascii_lowercase();
        match known.to_ascii_lowercase().as_str() {
            "sts" => return sts(view, full),
            "aws" => return global(view, full),
            "saml" => {
                let saml = matches!(&view.viewer, Viewer::Federated(arn) if is_saml(arn));
                return if saml { claim(full) } else { Meaning::Absent };
            }
            _ => {}
        }
    } else if full_key_may_be_global(&prefix) && view.issuer().is_none() {
        return Meaning::Request { why: format!("the condition key `{key}` is not known"), may_hold: false };
    }
    of_issuer(view, &prefix, &name)
}

/// The scheme that a key certainly begins with; a provider's own `url` comes without.
#[must_use]
pub fn scheme(text: &Text) -> Option<&'static str> {
    let start = text.known_prefix();
    ["https://", "http://"].into_iter().find(|s| start.starts_with(s) && !from_url(text))
}

/// A key's part before its claim is an ARN, or what stands for the principal's: keys have the issuer's host and path there.
#[must_use]
pub fn is_arn(prefix: &Text, principal: Option<&Text>) -> bool {
    let unknown = |arn: &Text| cut::only_atom(arn).is_some_and(|atom| !matches!(atom.origin(), UnknownOrigin::Blank(_)));
    prefix.known_prefix().starts_with("arn:") || principal.is_some_and(|arn| prefix.same(arn) && unknown(arn))
}

/// A prefix of nothing but holes may turn out to be `aws` or `sts`.
fn full_key_may_be_global(prefix: &Text) -> bool {
    prefix.known_prefix().is_empty()
}

fn of_issuer(view: &View<'_>, prefix: &Text, name: &str) -> Meaning {
    // AWS names its keys by the host and path of the issuer: none begins with a scheme, whatever follows.
    if scheme(prefix).is_some() || is_arn(prefix, view.federated()) {
        return Meaning::Absent;
    }
    let Some(issuer) = view.issuer() else {
        return match &view.viewer {
            Viewer::Federated(arn) if !arn.is_known() => {
                Meaning::Request { why: format!("the issuer behind `{arn}` is not known"), may_hold: false }
            }
            _ => Meaning::Absent,
        };
    };
    let note = match same_issuer(prefix, &issuer) {
        Truth::True => None,
        Truth::False | Truth::Error => return Meaning::Absent,
        Truth::Unknown => Some(format!("`{prefix}` is taken as this provider's issuer")),
    };
    let lower = name.to_ascii_lowercase();
    match (view.claim_of)(&lower).or_else(|| (view.claim_of)(name)) {
        Some(claim) => Meaning::Claim { list: lower == "amr", name: claim, note },
        None => Meaning::Absent,
    }
}

fn sts(view: &View<'_>, full: String) -> Meaning {
    if matches!(view.viewer, Viewer::Principals) {
        return of_principal(full);
    }
    let web = matches!(view.viewer, Viewer::Federated(_) | Viewer::Issuer(_));
    match full.as_str() {
        "sts:rolesessionname" | "sts:sourceidentity" | "sts:durationseconds" => claim(full),
        "sts:transitivetagkeys" if web => claim(full),
        // Parameters that only AssumeRole has.
        "sts:externalid" if web => Meaning::Absent,
        "sts:externalid" | "sts:transitivetagkeys" => claim(full),
        _ => request(full),
    }
}

/// A key of a principal that calls STS with credentials of AWS.
fn of_principal(full: String) -> Meaning {
    match caller::of_principal(&full) {
        Known::Modelled => claim(full),
        Known::Absent => Meaning::Absent,
        Known::Open => request(full),
    }
}

/// A key of the request that says nothing of who asks.
fn request(full: String) -> Meaning {
    let why = format!("`{full}` depends on the request, not on the token");
    if caller::is_moment(&full) {
        return Meaning::Moment(why);
    }
    Meaning::Request { why, may_hold: caller::may_hold(&full) }
}

fn global(view: &View<'_>, full: String) -> Meaning {
    let web = matches!(view.viewer, Viewer::Federated(_) | Viewer::Issuer(_));
    if full == "aws:securetransport" {
        return Meaning::Fixed("true".to_owned());
    }
    if matches!(view.viewer, Viewer::Principals) {
        return of_principal(full);
    }
    if full.starts_with("aws:requesttag/") || full == "aws:tagkeys" || caller::is_chosen(&full) {
        return claim(full);
    }
    let about_caller = full.starts_with("aws:principal") || full == "aws:userid" || full == "aws:username";
    let about_source = matches!(full.as_str(), "aws:sourcearn" | "aws:sourceaccount" | "aws:sourceorgid" | "aws:sourceorgpaths");
    if !web && (about_caller || about_source) {
        return claim(full);
    }
    request(full)
}
