//! Policies and conditions by hand, as the checks see them.
#![allow(dead_code, clippy::unwrap_used)]

use fedlint::admission::cel::google::{GoogleView, condition_formula};
use fedlint::admission::formula::Formula;
use fedlint::admission::iam::{self, Policy, View, Viewer};
use fedlint::gate::issuer;
use fedlint::issuers::{Recognised, Template, registry};
use fedlint::partial::{Entry, Kind, Text, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The action of a web identity.
pub(crate) const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// A JSON document as a tree, every string of it known.
pub(crate) fn tree(value: &serde_json::Value) -> Value {
    let kind = match value {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(b) => Kind::Bool(*b),
        serde_json::Value::Number(n) => Kind::Number(Arc::from(n.to_string())),
        serde_json::Value::String(s) => Kind::Text(Text::known(s)),
        serde_json::Value::Array(items) => Kind::List { items: items.iter().map(tree).collect(), open: false },
        serde_json::Value::Object(map) => {
            Kind::Map { entries: map.iter().map(|(k, v)| Entry { key: Text::known(k), value: tree(v) }).collect(), open: false }
        }
    };
    Value::new(kind, None)
}

/// The ARN of the provider of a host.
pub(crate) fn provider(host: &str) -> String {
    format!("arn:aws:iam::111122223333:oidc-provider/{host}")
}

/// A trust policy for a host; in the condition's keys a leading `:` stands for the host.
pub(crate) fn policy(host: &str, condition: &serde_json::Value) -> Policy {
    // A JSON key that starts with a colon: `":sub"`.
    let text = condition.to_string().replace("{\":", &format!("{{\"{host}:")).replace(",\":", &format!(",\"{host}:"));
    let condition: serde_json::Value = serde_json::from_str(&text).unwrap();
    let document = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Federated": provider(host)}, "Action": ACTION, "Condition": condition}],
    });
    Policy::read(&tree(&document))
}

/// Which claim of the issuer a condition key is.
fn claim_of(known: &Recognised<'_>) -> impl Fn(&str) -> Option<String> + use<> {
    let claims = known.issuer.claim_names().filter_map(|c| known.issuer.aws_key_of(c).map(|key| (key.to_lowercase(), c.to_owned())));
    let keys: BTreeMap<String, String> = claims.chain([("sub".to_owned(), "sub".to_owned())]).collect();
    let azp = known.issuer.claim("azp").is_some();
    move |key: &str| match key.to_lowercase().as_str() {
        "aud" => Some(if azp { "azp" } else { "aud" }.to_owned()),
        "oaud" => Some("aud".to_owned()),
        key => keys.get(key).cloned(),
    }
}

/// The trust policy as the tokens of its issuer meet it.
pub(crate) fn aws(host: &str, policy: &Policy) -> (Formula, Vec<Template>, Recognised<'static>) {
    let known = registry().recognise(host).unwrap();
    let claim_of = claim_of(&known);
    let viewer = Viewer::Federated(Text::known(provider(host)));
    let formula = iam::formula(policy, &View { viewer, issuer: None, action: ACTION, claim_of: &claim_of });
    let templates = issuer::templates(&known, &formula);
    (formula, templates, known)
}

/// A Google provider as the tokens of its issuer meet it; the host `aws` is the provider of that kind.
pub(crate) fn google(host: &str, condition: &str) -> (GoogleView, Formula, Vec<Template>, Recognised<'static>) {
    let aws = host == "aws";
    let known = if aws { registry().aws().unwrap() } else { registry().recognise(host).unwrap() };
    let mapping = if aws { Vec::new() } else { vec![("google.subject".to_owned(), Text::known("assertion.sub"))] };
    let view = GoogleView { mapping, aws, condition: Some(Text::known(condition)), string_claims: true, ..GoogleView::default() };
    let formula = condition_formula(&view);
    let templates = issuer::templates(&known, &formula);
    (view, formula, templates, known)
}
