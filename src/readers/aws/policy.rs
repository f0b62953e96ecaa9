//! IAM policy documents as grants (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html>).

use super::super::context::Reader;
use super::super::shape::{blocks, field, listing, place, text_at, unreadable};
use crate::graph::{About, Grant, IdentityId, Origin, UndecidedKind};
use crate::partial::{Text, Value, cut};

/// Most grants read from one policy document; the rest is noted as undecided.
const MAX_GRANTS: usize = 256;

/// What every action pattern that the document allows gives to the identity.
pub(super) fn grants(reader: &mut Reader, origin: &Origin, identity: Option<IdentityId>, principal: &Text, document: &Value) {
    let about = identity.map_or(About::Declaration, About::Identity);
    let trees = reader.documents(document, &format!("a policy of `{principal}`"), about, UndecidedKind::Permissions);
    let uncertain = trees.len() > 1;
    let mut count = 0;
    for tree in &trees {
        let (statements, open) = blocks(tree, "Statement");
        if open {
            reader.undecided_about(
                about,
                UndecidedKind::Permissions,
                place(tree),
                format!("a policy of `{principal}` may hold more statements than can be read"),
            );
        }
        for statement in statements {
            if text_at(statement, "Effect").and_then(|e| e.as_known()).as_deref() == Some("Deny") {
                let denied = statement_grants(origin, identity, principal, statement).into_iter().take(MAX_GRANTS);
                reader.graph.denials.extend(denied);
                continue;
            }
            let conditional = origin.conditional || uncertain || open || field(statement, "Condition").is_some();
            let origin = Origin { conditional, span: place(statement).unwrap_or(origin.span), ..origin.clone() };
            for grant in statement_grants(&origin, identity, principal, statement) {
                count += 1;
                if count > MAX_GRANTS {
                    reader.undecided_about(
                        about,
                        UndecidedKind::Permissions,
                        place(tree),
                        format!("a policy of `{principal}` allows more than {MAX_GRANTS} actions; the rest was not read"),
                    );
                    return;
                }
                reader.graph.grants.push(grant);
            }
        }
    }
}

fn statement_grants(origin: &Origin, identity: Option<IdentityId>, principal: &Text, statement: &Value) -> Vec<Grant> {
    let (scope, others) = scope(statement);
    let action = field(statement, "Action");
    let listed = listing(action);
    let mut permissions = listed.texts;
    if listed.open {
        // Some action, whichever: the policy holds more than what is written.
        let whole = action.and_then(Value::as_text).filter(|text| !text.is_known() && permissions.is_empty());
        let why = "its actions are not all known";
        permissions.push(whole.unwrap_or_else(|| Text::hole(unreadable(action.and_then(place), "Action", why), action.and_then(place))));
    }
    // All actions but these: the words say so, because no action pattern can.
    permissions.extend(listing(field(statement, "NotAction")).texts.into_iter().map(|action| {
        let mut text = Text::known("NotAction ");
        text.push(&action);
        text
    }));
    let asks = asks(field(statement, "Condition"));
    let grant = |permission| {
        let (scope, others, asks) = (scope.clone(), others.clone(), asks.clone());
        Grant { origin: origin.clone(), identity, principal: principal.clone(), permission, scope, others, asks }
    };
    permissions.into_iter().map(grant).collect()
}

/// The tests of a `Condition`, in an order that does not depend on how they are written: all of them have to hold.
fn asks(condition: Option<&Value>) -> Vec<Text> {
    let Some(condition) = condition else { return Vec::new() };
    let mut out: Vec<Text> = Vec::new();
    for operator in condition.entries() {
        for test in operator.value.entries() {
            let mut values = listing(Some(&test.value));
            values.texts.sort_by_cached_key(cut::key);
            let mut text = operator.key.clone();
            for part in std::iter::once(&test.key).chain(&values.texts) {
                text.push(&Text::known(" "));
                text.push(part);
            }
            if values.open {
                text.push(&Text::known(" or others"));
            }
            out.push(text);
        }
    }
    if condition.is_open() {
        out.push(Text::known("a condition that is not known"));
    }
    out.sort_by_cached_key(cut::key);
    out
}

/// `*` when the statement reaches everything, else its first resource, and the others.
fn scope(statement: &Value) -> (Option<Text>, Vec<Text>) {
    if field(statement, "NotResource").is_some() {
        return (Some(Text::known("*")), Vec::new());
    }
    let mut resources = listing(field(statement, "Resource")).texts;
    if resources.is_empty() {
        return (None, Vec::new());
    }
    let all = resources.iter().position(|r| r.is_str("*")).unwrap_or_default();
    let first = resources.remove(all);
    (Some(first), resources)
}
