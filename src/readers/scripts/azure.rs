//! The Azure CLI (<https://learn.microsoft.com/cli/azure/identity/federated-credential>).

use super::call::{Arguments, Call, Grammar};
use super::clouds::{Clouds, Content, New, json_tree, value, values};
use crate::partial::{Text, Value, cut};

const GRAMMAR: Grammar = Grammar {
    switches: &["yes", "only-show-errors", "verbose", "debug"],
    several: true,
    short: &[("-n", "name"), ("-g", "resource-group"), ("-o", "output"), ("-y", "yes")],
};

/// The audience when none is given.
const AUDIENCE: &str = "api://AzureADTokenExchange";

const IDENTITY: &str = "azurerm_federated_identity_credential";
const APPLICATION: &str = "azuread_application_federated_identity_credential";
const ROLE: &str = "azurerm_role_assignment";

/// One command.
pub(super) fn command(clouds: &mut Clouds, call: &Call, content: &dyn Content) {
    let arguments = Arguments::read(call.fields.get(1..).unwrap_or_default(), GRAMMAR);
    let words: Vec<String> = arguments.positional.iter().map(cut::flat).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["identity", "federated-credential", how, ..] => identity(clouds, call, &arguments, how),
        ["ad", "app", "federated-credential", how, ..] => application(clouds, call, &arguments, how, content),
        ["role", "assignment", "create", ..] => role(clouds, call, &arguments),
        _ => {}
    }
}

fn identity(clouds: &mut Clouds, call: &Call, arguments: &Arguments, how: &str) {
    let (Some(name), Some(parent)) = (arguments.flag("name"), arguments.flag("identity-name")) else { return };
    let key = format!("{}|{}", cut::key(parent), cut::key(name));
    if how == "delete" {
        clouds.remove(call, IDENTITY, &key);
        return;
    }
    let mut entries = vec![("name", value(name)), ("parent_id", value(parent))];
    entries.extend(arguments.flag("issuer").map(|t| ("issuer", value(t))));
    entries.extend(arguments.flag("subject").map(|t| ("subject", value(t))));
    entries.extend(arguments.flag("claims-matching-expression-value").map(|t| ("claims_matching_expression", value(t))));
    let audiences = arguments.all("audiences");
    if !audiences.is_empty() {
        entries.push(("audience", values(&audiences)));
    } else if how == "create" && !arguments.open {
        entries.push(("audience", Value::list(vec![Value::string(AUDIENCE)], None)));
    }
    let new = New { kind: IDENTITY, key, shown: format!("federated credential {name}"), entries, open: arguments.open };
    match how {
        "create" => clouds.create(call, new),
        "update" => clouds.update(call, new),
        _ => {}
    }
}

/// `--parameters` is JSON, or the name of a file with or without `@`
/// (<https://learn.microsoft.com/cli/azure/ad/app/federated-credential>).
fn application(clouds: &mut Clouds, call: &Call, arguments: &Arguments, how: &str, content: &dyn Content) {
    if how != "create" && how != "update" {
        return;
    }
    let (Some(parent), Some(parameters)) = (arguments.flag("id"), arguments.flag("parameters")) else { return };
    let Some(tree) = parameters_tree(parameters, content) else {
        clouds.undecided(parameters.span().or(call.span), "the parameters of a federated credential are not known");
        return;
    };
    let text = |key: &str| tree.get(key).and_then(Value::as_text);
    let name = text("name").or_else(|| arguments.flag("federated-credential-id").cloned()).unwrap_or_default();
    let mut entries = vec![("application_id", value(parent)), ("display_name", value(&name))];
    for (from, to) in [
        ("issuer", "issuer"),
        ("subject", "subject"),
        ("audiences", "audiences"),
        ("claimsMatchingExpression", "claims_matching_expression"),
    ] {
        entries.extend(tree.get(from).map(|v| (to, v.clone())));
    }
    let key = format!("{}|{}", cut::key(parent), cut::key(&name));
    let new = New { kind: APPLICATION, key, shown: format!("federated credential {name}"), entries, open: tree.is_open() };
    if how == "create" { clouds.create(call, new) } else { clouds.update(call, new) }
}

/// <https://learn.microsoft.com/cli/azure/role/assignment#az-role-assignment-create>
fn role(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let principal = arguments.flag("assignee").or_else(|| arguments.flag("assignee-object-id"));
    let (Some(principal), Some(role)) = (principal, arguments.flag("role")) else { return };
    let mut entries = vec![("assignee", value(principal)), ("role_definition_name", value(role))];
    entries.extend(arguments.flag("scope").map(|t| ("scope", value(t))));
    entries.extend(arguments.flag("condition").map(|t| ("condition", value(t))));
    let key = format!("{}|{}", cut::key(principal), cut::key(role));
    clouds.create(call, New { kind: ROLE, key, shown: format!("role assignment of {role}"), entries, open: arguments.open });
}

fn parameters_tree(parameters: &Text, content: &dyn Content) -> Option<Value> {
    if cut::flat(parameters).trim_start().starts_with('{') {
        return json_tree(parameters);
    }
    let path = cut::strip_prefix(parameters, "@").unwrap_or_else(|| parameters.clone());
    content.tree(&path)
}
