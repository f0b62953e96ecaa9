//! Principals that IAM does not take: it refuses the whole policy for one of them.

use super::RoleTrust;
use crate::admission::iam::{self, Flaw, Malformed, PrincipalKind};
use crate::catalogue::RuleId;
use crate::graph::Origin;
use crate::partial::Text;
use crate::place::Span;
use crate::rules::Finding;

/// Every principal of the trust that IAM refuses, at the part that is wrong.
pub(super) fn principals(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen: Vec<Text> = Vec::new();
    for principal in iam::principals(subject.policy) {
        let Some(found) = iam::malformed(principal.kind, &principal.text) else { continue };
        // What an unknown switch leaves broken in one of its positions may be a mixture that never is.
        if principal.alternative {
            continue;
        }
        if seen.iter().any(|s| s.same(&principal.text)) {
            continue;
        }
        seen.push(principal.text.clone());
        let sure = principal.kind != PrincipalKind::Service;
        let message = format!("IAM refuses this policy: `{}` is not a principal, {}", principal.text, what(&found));
        findings.push(finding(&subject.trust.origin, &found, &principal.text, principal.span, message).certain(sure).help(help(&found)));
    }
    findings
}

/// The finding at the wrong part, or where the principal is written.
pub(in crate::rules::checks) fn finding(origin: &Origin, found: &Malformed, text: &Text, span: Option<Span>, message: String) -> Finding {
    let own = found.span().filter(|s| !s.is_empty());
    Finding::new(RuleId::MalformedPrincipal, origin, own.or(span), &text.to_string(), message).along_text(text)
}

/// Which part is wrong, and how.
pub(in crate::rules::checks) fn what(found: &Malformed) -> String {
    let part = &found.part;
    match found.flaw {
        Flaw::Wildcard => "a wildcard cannot stand in a part of it".to_owned(),
        Flaw::NoAccount => "its account is missing".to_owned(),
        Flaw::Account => format!("an account has twelve digits and `{part}` has not"),
        Flaw::Fields => "an ARN of IAM is `arn:PARTITION:iam::ACCOUNT:RESOURCE`, with an empty region".to_owned(),
        Flaw::NotAPrincipal => format!("`{part}` is nothing that can sign in"),
        Flaw::NoName => format!("`{part}` lacks a name"),
        Flaw::Service => "roles, users and accounts are of `iam`, sessions of `sts`".to_owned(),
        Flaw::ProviderUnderAws => "an identity provider belongs under `Federated`".to_owned(),
        Flaw::ServiceUnderAws => "a service belongs under `Service`".to_owned(),
        Flaw::NoArn => "it is neither an ARN nor an account".to_owned(),
        Flaw::Url => "an identity provider is named by its ARN and not by its URL".to_owned(),
        Flaw::Host => "an identity provider is named by its ARN and not by its host".to_owned(),
        Flaw::NotAProvider => format!("`{part}` is not an identity provider"),
        Flaw::Everybody => "`*` stands under `AWS` alone".to_owned(),
        Flaw::Blank => "no ARN holds white space".to_owned(),
        Flaw::NotAService => "a service is named like `lambda.amazonaws.com`".to_owned(),
    }
}

fn help(found: &Malformed) -> &'static str {
    match found.flaw {
        Flaw::Wildcard => {
            "name the principals one by one, or name the account (`arn:aws:iam::ACCOUNT:root`) and test `aws:PrincipalArn` with `ArnLike`"
        }
        Flaw::Url | Flaw::Host | Flaw::NotAProvider => {
            "name the provider: `arn:aws:iam::ACCOUNT:oidc-provider/HOST/PATH`, `arn:aws:iam::ACCOUNT:saml-provider/NAME`"
        }
        Flaw::ProviderUnderAws => "move it under `Federated`, with `sts:AssumeRoleWithWebIdentity` or `sts:AssumeRoleWithSAML`",
        Flaw::ServiceUnderAws => "move it under `Service`",
        Flaw::NotAService => "write the service's principal as its documentation has it",
        Flaw::Blank => "write it without white space",
        Flaw::Everybody => "name the provider or the service",
        Flaw::NotAPrincipal => "name a role, a user, a session or an account",
        Flaw::Account | Flaw::NoAccount | Flaw::Fields | Flaw::NoName | Flaw::Service | Flaw::NoArn => {
            "write `arn:aws:iam::ACCOUNT:role/NAME`, `arn:aws:iam::ACCOUNT:root`, or the account's twelve digits"
        }
    }
}
