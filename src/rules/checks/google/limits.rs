//! What Google takes of a provider: the keys of its mapping, the length of its expressions, its issuer and audiences
//! (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>).

use super::Context;
use super::spelling::Spelling;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{GoogleProvider, GoogleSource, Origin, Provider, Setting};
use crate::partial::Text;
use crate::place::Span;
use crate::rules::Finding;

/// Custom attributes of one provider.
const ATTRIBUTES: usize = 50;
/// Characters in the name of one attribute.
const ATTRIBUTE_NAME: usize = 100;
/// Characters in one expression of the mapping.
const MAPPING_EXPRESSION: usize = 2048;
/// Characters in the condition.
const CONDITION: usize = 4096;
/// Audiences of one provider.
const AUDIENCES: usize = 10;

pub(super) fn check(context: &Context<'_>, provider: &Provider, google: &GoogleProvider) -> Vec<Finding> {
    let origin = &provider.origin;
    let mut out = Vec::new();
    if let Some(mapping) = &google.mapping {
        for (key, expression) in mapping {
            out.extend(of_key(origin, key));
            out.extend(of_length(origin, &format!("the mapping of `{key}`"), &key.to_string(), expression, MAPPING_EXPRESSION));
        }
        out.extend(too_many_attributes(origin, mapping));
        if !google.mapping_open {
            out.extend(without_subject(Spelling::of(context.sources, origin), origin, &google.source, mapping));
        }
    }
    if let Setting::Set(condition) = &google.condition {
        out.extend(of_length(origin, "the condition", "condition", condition, CONDITION));
    }
    if let GoogleSource::Oidc { issuer, audiences } = &google.source {
        out.extend(of_scheme(origin, issuer));
        out.extend(too_many_audiences(origin, audiences));
        out.extend(google.keys.as_ref().and_then(|keys| private_keys(origin, keys)));
    }
    out
}

/// Uploaded keys are public: what signs the tokens stays with the issuer
/// (<https://www.rfc-editor.org/rfc/rfc7518#section-6>, `d`, `p`, `q`, `k`).
fn private_keys(origin: &Origin, keys: &Text) -> Option<Finding> {
    let parsed: serde_json::Value = serde_json::from_str(&keys.as_known()?).ok()?;
    let keys_of = parsed.get("keys")?.as_array()?;
    let member = keys_of.iter().find_map(|key| ["d", "p", "q", "k"].into_iter().find(|m| key.get(m).is_some()))?;
    let message = format!(
        "the uploaded keys hold `{member}`, a part of the private key: Google refuses the provider, and whoever reads this file can sign tokens of the issuer"
    );
    let finding = Finding::new(RuleId::RejectedPolicy, origin, keys.span(), "keys", message).severity(Severity::High);
    Some(finding.help("upload the public members only (`kty`, `kid`, `n`, `e`, …), and replace the key").along_text(keys))
}

fn refused(origin: &Origin, span: Option<Span>, edge: &str, what: &str, help: &str) -> Finding {
    Finding::new(RuleId::RejectedPolicy, origin, span, edge, format!("{what}: Google refuses the provider")).help(help)
}

/// `google.…` or `attribute.NAME`. Further names below `google.` may be newer than this program.
fn of_key(origin: &Origin, key: &Text) -> Option<Finding> {
    let known = key.as_known()?;
    if known.starts_with("google.") {
        return None;
    }
    let help = "write `attribute.NAME` with `a` to `z`, digits and `_`; conditions and members that name it have to follow";
    let finding = |what: &str| Some(refused(origin, key.span(), &known, what, help).along_text(key));
    let Some(name) = known.strip_prefix("attribute.") else {
        return finding(&format!("`{known}` is no key of a mapping, which are `google.subject`, `google.groups` and `attribute.NAME`"));
    };
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') || name.is_empty() {
        return finding(&format!("the attribute `{name}` may hold `a` to `z`, digits and `_` only"));
    }
    if name.len() > ATTRIBUTE_NAME {
        return finding(&format!("the name of an attribute holds at most {ATTRIBUTE_NAME} characters, and this one has {}", name.len()));
    }
    None
}

/// An expression that is longer than it may be. Unknown parts are not counted, so this is the least that there is.
fn of_length(origin: &Origin, what: &str, edge: &str, text: &Text, limit: usize) -> Option<Finding> {
    let least = text.fill(|_| String::new()).chars().count();
    if least <= limit {
        return None;
    }
    let message = format!("{what} has {least} characters, of which Google takes {limit}");
    let help = "compare one claim with a list (`assertion.repository in ['…', '…']`), or an id that all have in common";
    Some(refused(origin, text.span(), edge, &message, help).along_text(text))
}

fn too_many_attributes(origin: &Origin, mapping: &[(Text, Text)]) -> Option<Finding> {
    let custom: Vec<&Text> = mapping.iter().map(|(k, _)| k).filter(|k| k.known_prefix().starts_with("attribute.")).collect();
    let first_beyond = custom.get(ATTRIBUTES)?;
    let message = format!("{} attributes are mapped, of which Google takes {ATTRIBUTES}", custom.len());
    Some(refused(origin, first_beyond.span(), "mapping", &message, "map the claims that a condition or a member names, and no other"))
}

/// `google.subject` is required where there is no default mapping, which only AWS has.
fn without_subject(spelling: Spelling, origin: &Origin, source: &GoogleSource, mapping: &[(Text, Text)]) -> Option<Finding> {
    if !matches!(source, GoogleSource::Oidc { .. } | GoogleSource::Saml) {
        return None;
    }
    // A key that is not known may be this one.
    if mapping.is_empty() || mapping.iter().any(|(k, _)| k.is_str("google.subject") || !k.is_known()) {
        return None;
    }
    let span = mapping.first().and_then(|(k, _)| k.span());
    let help = format!("map a claim that identifies the workload: `{}`", spelling.mapping("google.subject", "assertion.sub"));
    Some(refused(origin, span, "google.subject", "the mapping lacks `google.subject`, which is required", &help))
}

fn too_many_audiences(origin: &Origin, audiences: &[Text]) -> Option<Finding> {
    let first_beyond = audiences.get(AUDIENCES)?;
    let message = format!("{} audiences are allowed, of which Google takes {AUDIENCES}", audiences.len());
    Some(refused(origin, first_beyond.span(), "audiences", &message, "let the workloads ask for one audience in common"))
}

/// An issuer has to be an `https` URI.
fn of_scheme(origin: &Origin, issuer: &Text) -> Option<Finding> {
    let known = issuer.as_known().filter(|i| !i.is_empty())?;
    let scheme = known.get(..8).unwrap_or_default();
    if scheme.eq_ignore_ascii_case("https://") {
        return None;
    }
    let message = format!("the issuer `{known}` does not begin with `https://`");
    let help = "write the issuer as the tokens have it in `iss`, with `https://`";
    Some(refused(origin, issuer.span(), "issuer", &message, help).along_text(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::FileId;

    fn origin() -> Origin {
        Origin {
            name: "x".to_owned(),
            declared: crate::graph::Declared::Printed,
            span: Span::new(FileId(0), 0..1),
            scope: String::new(),
            library: false,
            stands_in: false,
            conditional: false,
        }
    }

    #[test]
    fn keys_of_a_mapping() {
        let wrong = |k: &str| of_key(&origin(), &Text::known(k)).is_some();
        for key in ["google.subject", "google.groups", "google.display_name", "attribute.aws_role", "attribute.team_2"] {
            assert!(!wrong(key), "{key}");
        }
        assert!(!wrong(&format!("attribute.{}", "a".repeat(100))));
        for key in ["attribute.Repository", "attribute.repository-owner", "attribute.", "assertion.sub", "subject", "attribute.a.b"] {
            assert!(wrong(key), "{key}");
        }
        assert!(wrong(&format!("attribute.{}", "a".repeat(101))));
    }

    #[test]
    fn limits_are_inclusive() {
        let long = |n: usize| of_length(&origin(), "the condition", "condition", &Text::known("x".repeat(n)), CONDITION).is_some();
        assert!(!long(4096) && long(4097));
        let attributes = |n: usize| {
            let mapping: Vec<_> = (0..n).map(|i| (Text::known(format!("attribute.a{i}")), Text::known("assertion.sub"))).collect();
            too_many_attributes(&origin(), &mapping).is_some()
        };
        assert!(!attributes(50) && attributes(51));
        let audiences = |n: usize| too_many_audiences(&origin(), &vec![Text::known("a"); n]).is_some();
        assert!(!audiences(10) && audiences(11));
    }

    #[test]
    fn a_subject_is_required_where_nothing_is_the_default() {
        let oidc = GoogleSource::Oidc { issuer: Text::known("https://issuer.example"), audiences: Vec::new() };
        let mapping = vec![(Text::known("attribute.sub"), Text::known("assertion.sub"))];
        assert!(without_subject(Spelling::Argument, &origin(), &oidc, &mapping).is_some());
        assert!(without_subject(Spelling::Argument, &origin(), &GoogleSource::Aws { account: Text::known("1") }, &mapping).is_none());
        let with = vec![(Text::known("google.subject"), Text::known("assertion.sub"))];
        assert!(without_subject(Spelling::Argument, &origin(), &oidc, &with).is_none());
    }

    #[test]
    fn issuers_are_https() {
        let wrong = |i: &str| of_scheme(&origin(), &Text::known(i)).is_some();
        assert!(wrong("http://issuer.example") && wrong("issuer.example"));
        assert!(!wrong("https://issuer.example") && !wrong("HTTPS://issuer.example"));
    }
}
