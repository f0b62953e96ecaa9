//! Whether IAM takes a principal as it is written
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>).
//!
//! IAM checks each principal when a policy is written and refuses the whole policy for one that cannot exist. What is not
//! known of a text is taken for anything that fits.

use super::policy::PrincipalKind;
use super::principals::BUILT_IN_HOSTS;
use crate::partial::{Text, cut};
use crate::place::Span;

/// What is wrong with a principal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// `*` or `?` in a part of it.
    Wildcard,
    /// The account is missing.
    NoAccount,
    /// The account does not have twelve digits.
    Account,
    /// An ARN with a field too many, too few, or one that has to be empty.
    Fields,
    /// The ARN of something that cannot sign in: a group, an instance profile, a policy, a function.
    NotAPrincipal,
    /// A role, user or provider without a name.
    NoName,
    /// A session stands under `iam`, a role or user under `sts`.
    Service,
    /// An identity provider under `AWS`.
    ProviderUnderAws,
    /// A service under `AWS`.
    ServiceUnderAws,
    /// Neither an ARN nor an account under `AWS`.
    NoArn,
    /// A URL under `Federated`.
    Url,
    /// A host under `Federated` that is none of the providers that IAM knows by their host.
    Host,
    /// An ARN under `Federated` of something that is no identity provider.
    NotAProvider,
    /// `*` under `Federated` or `Service`.
    Everybody,
    /// White space, which no ARN holds.
    Blank,
    /// A service that has no form of a service's name.
    NotAService,
}

/// A flaw and where it is.
#[derive(Debug, Clone)]
pub struct Malformed {
    /// What.
    pub flaw: Flaw,
    /// The part that is wrong.
    pub part: Text,
}

impl Malformed {
    /// Where the wrong part is written; none where it is empty.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        self.part.span()
    }
}

/// The fields of an ARN: `arn`, partition, service, region, account, resource.
const FIELDS: usize = 6;
/// What a service's name ends with, in the partitions of AWS.
const SERVICE_DOMAINS: [&str; 7] =
    [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal", ".c2s.ic.gov", ".sc2s.sgov.gov", ".csp.hci.ic.gov"];
/// Services of another domain (<https://developer.amazon.com/en-US/docs/alexa/custom-skills/use-a-cross-account-lambda-function.html>).
const OTHER_SERVICES: [&str; 2] = ["alexa-appkit.amazon.com", "alexa-connectedhome.amazon.com"];

/// What keeps IAM from taking the principal; none where it may be right.
#[must_use]
pub fn malformed(kind: PrincipalKind, text: &Text) -> Option<Malformed> {
    let flat = cut::flat(text);
    if flat.is_empty() || is_template(&flat) {
        return None;
    }
    match kind {
        PrincipalKind::Aws => aws(text, &flat),
        PrincipalKind::Federated => federated(text, &flat),
        PrincipalKind::Service => service(text, &flat),
        PrincipalKind::Everyone | PrincipalKind::CanonicalUser | PrincipalKind::Other => None,
    }
}

/// What keeps the text from being the ARN of a role.
#[must_use]
pub fn malformed_role(text: &Text) -> Option<Malformed> {
    let flat = cut::flat(text);
    if flat.is_empty() || is_template(&flat) || flat.starts_with(cut::HOLE) {
        return None;
    }
    if let Some(at) = flat.find(char::is_whitespace) {
        return Some(Malformed { flaw: Flaw::Blank, part: cut::slice(text, at..at + 1) });
    }
    if let Some(found) = aws(text, &flat) {
        return Some(found);
    }
    let fields = fields(text, &flat)?;
    let resource = fields.resource();
    (!resource.starts_with(cut::HOLE) && !resource.starts_with("role/")).then(|| fields.wrong(Flaw::NotAPrincipal, FIELDS - 1))
}

/// Somebody still fills something in: `<ACCOUNT>`, `{{ account }}`, `${account}`, `ACCOUNT_ID`.
fn is_template(flat: &str) -> bool {
    let marked = flat.contains(['<', '>', '{', '}', '$', '%', '[']) || flat.contains("...") || flat.contains('…');
    marked || flat.split([':', '/']).any(is_placeholder)
}

/// A word in capitals, or of one letter again and again, in place of digits.
fn is_placeholder(word: &str) -> bool {
    let capitals = word.len() > 2 && word.bytes().all(|b| b.is_ascii_uppercase() || matches!(b, b'_' | b'-'));
    let crosses = word.len() > 2 && word.bytes().all(|b| matches!(b, b'x' | b'X' | b'#'));
    capitals || crosses
}

fn aws(text: &Text, flat: &str) -> Option<Malformed> {
    let whole = |flaw| Some(Malformed { flaw, part: text.clone() });
    if flat == "*" {
        return None;
    }
    if flat.bytes().all(|b| b.is_ascii_digit()) {
        return if flat.len() == 12 { None } else { whole(Flaw::Account) };
    }
    if !flat.starts_with("arn:") {
        // Where the beginning is not known it may be an ARN; a unique id stands for somebody who was deleted.
        let open = flat.contains(cut::HOLE) || is_unique_id(flat);
        return match open {
            true => None,
            false if is_service(flat) => whole(Flaw::ServiceUnderAws),
            false if BUILT_IN_HOSTS.contains(&flat) => whole(Flaw::ProviderUnderAws),
            false if flat.contains(['*', '?']) => whole(Flaw::Wildcard),
            false => whole(Flaw::NoArn),
        };
    }
    let fields = fields(text, flat)?;
    if let Some(found) = fields.frame() {
        return Some(found);
    }
    let (service, resource) = (fields.get(2), fields.resource());
    if let Some(at) = resource.find(['*', '?']) {
        return Some(Malformed { flaw: Flaw::Wildcard, part: fields.slice(FIELDS - 1, at..at + 1) });
    }
    // Nothing can be said of a resource of which even the type is not known.
    if resource.starts_with(cut::HOLE) || service.contains(cut::HOLE) {
        return None;
    }
    if resource == "root" {
        return (service != "iam").then(|| fields.wrong(Flaw::Service, 2));
    }
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    if kind.contains(cut::HOLE) {
        return None;
    }
    let flaw = match (service, kind) {
        ("iam", "role" | "user") | ("sts", "federated-user") if name.is_empty() => Some(Flaw::NoName),
        ("iam", "role" | "user") | ("sts", "federated-user") => None,
        ("sts", "assumed-role") => (!name.contains(cut::HOLE) && !name.contains('/')).then_some(Flaw::NoName),
        ("iam", "assumed-role" | "federated-user") | ("sts", "role" | "user") => return Some(fields.wrong(Flaw::Service, 2)),
        ("iam", "oidc-provider" | "saml-provider") => Some(Flaw::ProviderUnderAws),
        _ => Some(Flaw::NotAPrincipal),
    };
    flaw.map(|flaw| fields.wrong(flaw, FIELDS - 1))
}

fn federated(text: &Text, flat: &str) -> Option<Malformed> {
    let whole = |flaw| Some(Malformed { flaw, part: text.clone() });
    if BUILT_IN_HOSTS.contains(&flat) || flat.starts_with(cut::HOLE) {
        return None;
    }
    if flat == "*" {
        return whole(Flaw::Everybody);
    }
    if flat.contains("://") && !flat.starts_with("arn:") {
        return whole(Flaw::Url);
    }
    if !flat.starts_with("arn:") {
        return whole(Flaw::Host);
    }
    let fields = fields(text, flat)?;
    if let Some(found) = fields.frame() {
        return Some(found);
    }
    let resource = fields.resource();
    if resource.starts_with(cut::HOLE) {
        return None;
    }
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    if kind.contains(cut::HOLE) {
        return None;
    }
    match (kind, name) {
        ("oidc-provider" | "saml-provider", "") => Some(fields.wrong(Flaw::NoName, FIELDS - 1)),
        ("oidc-provider" | "saml-provider", _) => {
            let at = resource.find(['*', '?'])?;
            Some(Malformed { flaw: Flaw::Wildcard, part: fields.slice(FIELDS - 1, at..at + 1) })
        }
        _ => Some(fields.wrong(Flaw::NotAProvider, FIELDS - 1)),
    }
}

fn service(text: &Text, flat: &str) -> Option<Malformed> {
    let flaw = match flat {
        "*" => Flaw::Everybody,
        _ if flat.contains(cut::HOLE) || is_service(flat) => return None,
        _ if flat.contains(['*', '?']) => Flaw::Wildcard,
        _ => Flaw::NotAService,
    };
    Some(Malformed { flaw, part: text.clone() })
}

/// The form of a service's name: `lambda.amazonaws.com`, `states.eu-west-1.amazonaws.com`.
fn is_service(flat: &str) -> bool {
    let named = |domain: &str| flat.strip_suffix(domain).is_some_and(|name| !name.is_empty());
    let plain = flat.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    plain && (OTHER_SERVICES.contains(&flat) || SERVICE_DOMAINS.iter().any(|d| named(d)))
}

/// The unique id that IAM puts in place of a principal that was deleted
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>).
fn is_unique_id(flat: &str) -> bool {
    let known = ["AIDA", "AROA", "AGPA", "AKIA", "ASIA", "ANPA"];
    flat.len() >= 16 && flat.bytes().all(|b| b.is_ascii_alphanumeric()) && known.iter().any(|k| flat.starts_with(k))
}

/// An ARN taken apart.
struct Fields<'t> {
    text: &'t Text,
    flat: &'t str,
    /// Where each field begins and ends in the flat form.
    at: Vec<std::ops::Range<usize>>,
}

/// The six fields; none where an unknown may hold several of them.
fn fields<'t>(text: &'t Text, flat: &'t str) -> Option<Fields<'t>> {
    let mut at = Vec::new();
    let mut start = 0;
    for field in flat.splitn(FIELDS, ':') {
        at.push(start..start + field.len());
        start += field.len() + 1;
    }
    (at.len() == FIELDS || !flat.contains(cut::HOLE)).then_some(Fields { text, flat, at })
}

impl Fields<'_> {
    fn get(&self, index: usize) -> &str {
        self.at.get(index).and_then(|range| self.flat.get(range.clone())).unwrap_or_default()
    }

    fn resource(&self) -> &str {
        self.get(FIELDS - 1)
    }

    fn slice(&self, index: usize, inner: std::ops::Range<usize>) -> Text {
        let start = self.at.get(index).map_or(0, |range| range.start);
        cut::slice(self.text, start + inner.start..start + inner.end)
    }

    fn wrong(&self, flaw: Flaw, index: usize) -> Malformed {
        let part = self.at.get(index).map(|range| cut::slice(self.text, range.clone())).unwrap_or_default();
        Malformed { flaw, part: if part.parts.is_empty() { self.text.clone() } else { part } }
    }

    /// What is wrong before the resource: partition, service, region, account.
    fn frame(&self) -> Option<Malformed> {
        let whole = |flaw| Some(Malformed { flaw, part: self.text.clone() });
        if self.at.len() < FIELDS {
            return whole(Flaw::Fields);
        }
        let open = |index: usize| self.get(index).contains(cut::HOLE);
        for index in 1..FIELDS - 1 {
            if self.get(index).contains(['*', '?']) {
                return Some(self.wrong(Flaw::Wildcard, index));
            }
        }
        if !open(2) && !matches!(self.get(2), "iam" | "sts") {
            // `arn:aws::iam::…`, or the ARN of a resource.
            let shifted = self.get(2).is_empty() || self.get(2).bytes().all(|b| b.is_ascii_digit());
            return if shifted { whole(Flaw::Fields) } else { Some(self.wrong(Flaw::NotAPrincipal, 2)) };
        }
        if !open(1) && !self.get(1).starts_with("aws") {
            return whole(Flaw::Fields);
        }
        // IAM is of no region: a colon too few shows here.
        if !open(3) && !self.get(3).is_empty() {
            return whole(Flaw::Fields);
        }
        let account = self.get(4);
        match account {
            _ if open(4) => None,
            "" => whole(Flaw::NoAccount),
            _ if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) => None,
            _ => Some(self.wrong(Flaw::Account, 4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::partial::{Part, Unknown, UnknownKind};

    fn flaw(kind: PrincipalKind, text: &str) -> Option<Flaw> {
        malformed(kind, &Text::known(text)).map(|m| m.flaw)
    }

    #[test]
    fn what_iam_takes_under_aws() {
        for right in [
            "*",
            "111122223333",
            "arn:aws:iam::111122223333:root",
            "arn:aws-cn:iam::111122223333:role/team/deploy",
            "arn:aws:iam::111122223333:user/bob",
            "arn:aws:sts::111122223333:assumed-role/deploy/session",
            "arn:aws:sts::111122223333:federated-user/bob",
            "AROAEXAMPLEID1234567",
            "AROAEXAMPLEID123",
            "arn:aws:iam::<ACCOUNT>:root",
            "arn:aws:iam::ACCOUNT_ID:root",
            "arn:aws:iam::xxxxxxxxxxxx:role/deploy",
        ] {
            assert_eq!(flaw(PrincipalKind::Aws, right), None, "{right}");
        }
    }

    #[test]
    fn what_iam_refuses_under_aws() {
        for (wrong, expected) in [
            ("1111222233334", Flaw::Account),
            ("11112222333", Flaw::Account),
            ("arn:aws:iam::1111:root", Flaw::Account),
            ("arn:aws:iam::11112222333:root", Flaw::Account),
            ("arn:aws:iam::1111222233334:root", Flaw::Account),
            ("arn:aws:iam::11112222333a:root", Flaw::Account),
            ("arn:amazon:iam::111122223333:root", Flaw::Fields),
            ("arn:Aws:iam::111122223333:root", Flaw::Fields),
            ("AROAEXAMPLEID12", Flaw::NoArn),
            ("arn:aws:iam:::role/x", Flaw::NoAccount),
            ("arn:aws:iam:111122223333:role/x", Flaw::Fields),
            ("arn:aws::iam::111122223333:root", Flaw::Fields),
            ("arn:aws:iam::111122223333:role/ci-*", Flaw::Wildcard),
            ("arn:aws:iam::*:root", Flaw::Wildcard),
            ("arn:aws:iam::111122223333:*", Flaw::Wildcard),
            ("arn:aws:iam::111122223333:group/admins", Flaw::NotAPrincipal),
            ("arn:aws:iam::111122223333:roles/x", Flaw::NotAPrincipal),
            ("arn:aws:lambda:eu-west-1:111122223333:function:x", Flaw::NotAPrincipal),
            ("arn:aws:iam::111122223333:oidc-provider/example.com", Flaw::ProviderUnderAws),
            ("arn:aws:iam::111122223333:assumed-role/x/y", Flaw::Service),
            ("arn:aws:sts::111122223333:role/x", Flaw::Service),
            ("arn:aws:sts::111122223333:assumed-role/x", Flaw::NoName),
            ("arn:aws:iam::111122223333:role/", Flaw::NoName),
            ("ec2.amazonaws.com", Flaw::ServiceUnderAws),
            ("bob", Flaw::NoArn),
        ] {
            assert_eq!(flaw(PrincipalKind::Aws, wrong), Some(expected), "{wrong}");
        }
    }

    #[test]
    fn providers_and_services() {
        for right in
            ["arn:aws:iam::111122223333:saml-provider/okta", "arn:aws:iam::111122223333:oidc-provider/a.example/x", "www.amazon.com"]
        {
            assert_eq!(flaw(PrincipalKind::Federated, right), None, "{right}");
        }
        for (wrong, expected) in [
            ("https://a.example", Flaw::Url),
            ("a.example/id/1", Flaw::Host),
            ("arn:aws:iam::111122223333:role/x", Flaw::NotAProvider),
            ("arn:aws:iam::111122223333:oidc-providers/a.example", Flaw::NotAProvider),
            ("arn:aws:iam:::oidc-provider/a.example", Flaw::NoAccount),
            ("arn:aws:iam::111122223333:oidc-provider/*", Flaw::Wildcard),
            ("*", Flaw::Everybody),
        ] {
            assert_eq!(flaw(PrincipalKind::Federated, wrong), Some(expected), "{wrong}");
        }
        for right in ["ec2.amazonaws.com.cn", "states.eu-west-1.amazonaws.com", "alexa-appkit.amazon.com"] {
            assert_eq!(flaw(PrincipalKind::Service, right), None, "{right}");
        }
        for wrong in ["lambda", "lambda.amazon.com", "https://lambda.amazonaws.com", "arn:aws:iam::111122223333:root", "ec2.amazonaws"] {
            assert_eq!(flaw(PrincipalKind::Service, wrong), Some(Flaw::NotAService), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_may_be_anything_that_fits() {
        let hole = |key: &str| Part::Hole { atom: Unknown::new(key, UnknownKind::Any, "${x}", "", None), span: None, trail: None };
        let text =
            |before: &str, after: &str| Text { parts: [Text::known(before).parts, vec![hole("a")], Text::known(after).parts].concat() };
        for right in [
            text("arn:aws:iam::", ":root"),
            text("", ":root"),
            text("arn:aws:iam::111122223333:", ""),
            text("arn:", ":iam::111122223333:root"),
        ] {
            assert!(malformed(PrincipalKind::Aws, &right).is_none(), "{right}");
        }
        assert_eq!(malformed(PrincipalKind::Aws, &text("arn:", "::iam::111122223333:root")).map(|m| m.flaw), Some(Flaw::Fields));
        assert_eq!(malformed(PrincipalKind::Aws, &text("arn:aws:iam::", ":group/a")).map(|m| m.flaw), Some(Flaw::NotAPrincipal));
    }

    #[test]
    fn a_role_is_asked_for() {
        let role = |text: &str| malformed_role(&Text::known(text)).map(|m| m.flaw);
        assert_eq!(role("arn:aws:iam::111122223333:role/x"), None);
        assert_eq!(role("arn:aws:iam::1111222233:role/x"), Some(Flaw::Account));
        assert_eq!(role("arn:aws:iam::111122223333:instance-profile/x"), Some(Flaw::NotAPrincipal));
        assert_eq!(role("arn:aws:iam::111122223333:user/x"), Some(Flaw::NotAPrincipal));
        assert_eq!(role("x"), Some(Flaw::NoArn));
    }
}
