//! From a token's claims to condition keys.

use crate::token::{Claim, Token};

/// The condition keys that STS makes of a web identity token
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif>):
/// `<issuer>:<claim>` for `sub` and the exposed claims, `aud` from `azp` when the token has one, `oaud` from `aud`.
#[must_use]
pub fn context_of(token: &Token, issuer_host_path: &str, exposed_claims: &dyn Fn(&str) -> bool) -> Token {
    let issuer = issuer_host_path.strip_prefix("https://").unwrap_or(issuer_host_path);
    let mut out = Token::default();
    let mut put = |name: &str, claim: &Claim| {
        out.claims.insert(format!("{issuer}:{name}"), ready(name, claim));
    };
    if let Some(audience) = token.claims.get("azp").or_else(|| token.claims.get("aud")) {
        put("aud", audience);
    }
    if let Some(audience) = token.claims.get("aud") {
        put("oaud", audience);
    }
    for (name, claim) in &token.claims {
        if !matches!(name.as_str(), "aud" | "oaud" | "azp") && (name == "sub" || exposed_claims(name)) {
            put(name, claim);
        }
    }
    out
}

/// A claim as a condition value: numbers and truth values as strings, a list of one as its member (but for `amr`).
fn ready(name: &str, claim: &Claim) -> Claim {
    match claim {
        Claim::List(items) if name != "amr" => match items.as_slice() {
            [one] => Claim::String(one.clone()),
            _ => claim.clone(),
        },
        Claim::String(one) if name == "amr" => Claim::List(vec![one.clone()]),
        Claim::Json(serde_json::Value::Bool(b)) => Claim::String(b.to_string()),
        Claim::Json(serde_json::Value::Number(n)) => Claim::String(n.to_string()),
        other => other.clone(),
    }
}
