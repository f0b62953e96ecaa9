//! Trusts in SAML providers whose audience is no address that AWS is sent assertions to
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml>).

use super::RoleTrust;
use crate::admission::iam::{Base, ConditionTest, Effect};
use crate::catalogue::{RuleId, Severity};
use crate::partial::Text;
use crate::rules::Finding;

/// The hosts of AWS's sign-in, by partition; a region may stand before each.
const SIGN_IN: [&str; 4] = ["signin.aws.amazon.com", "signin.amazonaws.cn", "signin.amazonaws-us-gov.com", "signin.amazonaws.eu"];

/// Every test of the audience that no assertion for AWS passes.
pub(super) fn audience(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let allow = subject.policy.statements.iter().filter(|s| s.effect == Effect::Allow);
    allow.flat_map(|s| &s.conditions).filter_map(|test| never(subject, test)).collect()
}

fn never(subject: &RoleTrust<'_>, test: &ConditionTest) -> Option<Finding> {
    let operator = test.operator.filter(|o| o.base == Base::StringEquals && !o.negated && !o.if_exists)?;
    let key = test.key.as_known().filter(|key| key.eq_ignore_ascii_case("saml:aud"))?;
    let values: Vec<&Text> = test.values.leaves().flat_map(|leaf| &leaf.choices).collect();
    let open = test.maybe.is_some() || operator.set.is_some() || test.values.choices.iter().any(|list| list.why_open().is_some());
    let wrong = |text: &&Text| text.as_known().is_some_and(|value| misses(&value));
    if open || values.is_empty() || !values.iter().all(wrong) {
        return None;
    }
    let first = values.first()?;
    let message = format!("no assertion is for `{first}`: AWS is sent them at `…/saml`, so nobody can ever satisfy this trust");
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, first.span().or(test.span), &key, message);
    let help = "compare `SAML:aud` with `https://signin.aws.amazon.com/saml`, or with the sign-in of your region or partition";
    Some(finding.severity(Severity::High).help(help).along_text(first))
}

/// The address of AWS's sign-in with another path than its own, or without its scheme. What is no address of AWS says nothing: an identity
/// provider may write anything.
fn misses(value: &str) -> bool {
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let ours = SIGN_IN.iter().any(|own| host == *own || host.strip_suffix(own).is_some_and(|region| region.ends_with('.')));
    // One address for each provider that encrypts its assertions: `/saml/acs/ID`.
    ours && (scheme != "https" || !(path == "saml" || path.starts_with("saml/acs/")))
}

#[cfg(test)]
mod tests {
    use super::misses;

    #[test]
    fn the_addresses_of_the_sign_in() {
        for right in [
            "https://signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml/acs/SAMLSP1",
            "https://signin.amazonaws-us-gov.com/saml",
            "https://sso.example.com/anything",
        ] {
            assert!(!misses(right), "{right}");
        }
        for wrong in [
            "https://signin.aws.amazon.com/samls",
            "https://signin.aws.amazon.com/",
            "http://signin.aws.amazon.com/saml",
            "signin.aws.amazon.com/saml",
        ] {
            assert!(misses(wrong), "{wrong}");
        }
    }
}
