//! What the value of a setting tells: the secret itself, a reference to it, or something that is no long-lived credential.

use crate::partial::{Text, Value, cut};
use crate::terraform::functions::yaml_documents;

/// Longest value that is looked at.
const MAX_VALUE: usize = 64 * 1024;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// The secret itself.
    Written,
    /// A reference to a store of secrets.
    Reference,
    /// A name for nothing: empty, made up, of an emulator.
    Placeholder,
    /// It comes from a step, an input, a template: nobody knows what it is.
    Unclear,
}

/// How the file writes references.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `${{ secrets.X }}` of GitHub.
    Github,
    /// `$X` and `$(X)` of the other systems of CI, which keep secrets as variables.
    Variables,
    /// Manifests, where `${X}` is filled in before they are applied.
    Manifest,
}

/// What a value is. The id of a key is told by its form, anything else by where it comes from.
pub(super) fn held(text: &Text, dialect: Dialect) -> Held {
    if !text.is_known() {
        return Held::Unclear;
    }
    let flat = cut::flat(text);
    let value = flat.trim();
    if value.is_empty() || value.len() > MAX_VALUE {
        return Held::Placeholder;
    }
    if value.contains("${{") {
        let from_store = value.contains("secrets.") || value.contains("secrets[");
        return if from_store { Held::Reference } else { Held::Unclear };
    }
    if value.starts_with("ENC[") || value.starts_with("vault:") || value.starts_with("ref+") {
        return Held::Reference;
    }
    if value.starts_with('$') {
        return if dialect == Dialect::Github { Held::Unclear } else { Held::Reference };
    }
    if is_placeholder(value) { Held::Placeholder } else { Held::Written }
}

/// The id of a long-lived access key (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>)
/// that is none of the documentation's.
pub(super) fn is_key_id(value: &str) -> bool {
    let value = value.trim();
    value.len() == 20
        && value.starts_with("AKIA")
        && !value.ends_with("EXAMPLE")
        && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        && !same_characters(value.get(4..).unwrap_or_default())
}

fn same_characters(text: &str) -> bool {
    let mut bytes = text.bytes();
    let first = bytes.next();
    bytes.all(|b| Some(b) == first)
}

/// What people write where a secret is to be filled in, and what emulators take.
fn is_placeholder(value: &str) -> bool {
    const WHOLE: [&str; 8] = ["test", "local", "localstack", "none", "null", "secret", "password", "key"];
    WHOLE.contains(&value.to_ascii_lowercase().as_str()) || stands_in(value)
}

/// A secret is to be filled in here: `CHANGE_ME`, `<password>`, `__PASSWORD__`.
pub(in crate::readers) fn stands_in(value: &str) -> bool {
    const WORDS: [&str; 17] = [
        "changeme",
        "change-me",
        "change_me",
        "replace",
        "example",
        "placeholder",
        "your-",
        "your_",
        "dummy",
        "fake",
        "todo",
        "xxxx",
        "redacted",
        "****",
        "....",
        "<",
        "minio",
    ];
    let lower = value.to_ascii_lowercase();
    WORDS.iter().any(|w| lower.starts_with(w) || (w.len() > 4 && lower.contains(w))) || same_characters(value) || is_token(value)
}

/// A token that a later step replaces: `__DB_PASSWORD__`, `@@PASSWORD@@`, `%PASSWORD%`.
fn is_token(value: &str) -> bool {
    const MARKS: [(&str, &str); 7] = [("__", "__"), ("@@", "@@"), ("@", "@"), ("%", "%"), ("#{", "}#"), ("#{", "}"), ("{{", "}}")];
    MARKS.iter().any(|(open, close)| {
        let inner = value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).unwrap_or_default().trim();
        inner.len() > 1 && inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    })
}

/// The JSON of a Google service account with its key (<https://cloud.google.com/iam/docs/keys-create-delete>).
pub(super) fn is_google_key(tree: &Value) -> bool {
    let known = |key: &str| tree.get(key).and_then(Value::as_str);
    let key = known("private_key").unwrap_or_default();
    known("type").as_deref() == Some("service_account") && key.contains("PRIVATE KEY") && !is_placeholder(body(&key))
}

/// What stands between the first and the last line of a PEM file.
fn body(pem: &str) -> &str {
    let inner = pem.split_once("KEY-----").map_or(pem, |(_, rest)| rest);
    inner.split_once("-----END").map_or(inner, |(body, _)| body).trim()
}

/// The tree of JSON or YAML in a text.
pub(super) fn tree(text: &Text) -> Option<Value> {
    let whole = cut::flat(text);
    let structured = whole.trim_start().starts_with('{') || whole.contains(": ") || whole.contains(":\n");
    if !structured || whole.len() > MAX_VALUE {
        return None;
    }
    yaml_documents(text)?.into_iter().find(|v| !v.entries().is_empty())
}

/// The address of AWS itself, as far as it is written: requests to any other need no key of AWS.
pub(super) fn is_aws_endpoint(text: &Text) -> bool {
    let flat = cut::flat(text);
    flat.contains("amazonaws.com") || flat.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_by_its_form() {
        let made_up = format!("AKIA{}", "QWERTZUIOPASDFGH");
        assert!(is_key_id(&made_up));
        for other in ["AKIAIOSFODNN7EXAMPLE", "test", "minioadmin", "ASIAQWERTZUIOPASDFGH", "AKIAXXXXXXXXXXXXXXXX", "AKIAqwertzuiopasdfgh"]
        {
            assert!(!is_key_id(other), "{other}");
        }
        // One character less, one more.
        for other in [made_up.get(..19).unwrap_or_default().to_owned(), format!("{made_up}J")] {
            assert!(!is_key_id(&other), "{other}");
        }
    }

    #[test]
    fn references_are_no_values() {
        let held = |text: &str, dialect| super::held(&Text::known(text), dialect);
        assert_eq!(held("${{ secrets.KEY }}", Dialect::Github), Held::Reference);
        assert_eq!(held("${{ steps.aws.outputs.key }}", Dialect::Github), Held::Unclear);
        assert_eq!(held("${{ inputs.key }}", Dialect::Github), Held::Unclear);
        assert_eq!(held("{\"clientSecret\": \"${{ secrets.KEY }}\"}", Dialect::Github), Held::Reference);
        assert_eq!(held("$KEY", Dialect::Variables), Held::Reference);
        assert_eq!(held("$KEY", Dialect::Github), Held::Unclear);
        assert_eq!(held("ENC[AES256_GCM,data:x]", Dialect::Manifest), Held::Reference);
        for nothing in [
            "",
            "test",
            "changeme",
            "<access key>",
            "xxxxxxxx",
            "your-secret-here",
            "minioadmin",
            "__OVEN_KEY__",
            "@@OVEN_KEY@@",
            "%OVEN_KEY%",
            "#{oven.key}#",
            "{{ oven_key }}",
        ] {
            assert_eq!(held(nothing, Dialect::Manifest), Held::Placeholder, "{nothing}");
        }
        for written in ["Zq8vT2-9kLm4", "__9", "%4@", "a__B__"] {
            assert_eq!(held(written, Dialect::Manifest), Held::Written, "{written}");
        }
    }
}
