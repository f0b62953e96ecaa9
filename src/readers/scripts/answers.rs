//! What programs print, as far as their arguments tell: an unknown of a known kind.

use super::call::{Arguments, Call, Field, Grammar};
use super::machine::Machine;
use crate::partial::{Text, UnknownKind, UnknownOrigin, cut};

const WORDS: Grammar = Grammar { switches: &["quiet"], several: false, short: &[("-o", "output")] };

/// The output of a command in `$( … )`.
pub(super) fn printed(machine: &mut Machine, call: &Call) -> Text {
    let names: Vec<String> = call.fields.iter().map(|f| f.known().unwrap_or_default()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let arguments = Arguments::read(call.fields.get(1..).unwrap_or_default(), WORDS);
    let told = |flag: &str| arguments.flag(flag).and_then(Text::as_known).unwrap_or_default();
    let text = |kind: UnknownKind| unknown(machine, call, kind);
    match names.as_slice() {
        ["gcloud", "projects", "describe" | "list", ..] if told("format").contains("projectNumber") => text(UnknownKind::ProjectNumber),
        ["gcloud", "config", "get-value" | "get", "project" | "core/project", ..] => text(UnknownKind::ProjectId),
        ["gcloud", "projects", "describe" | "list", ..] if told("format").contains("projectId") => text(UnknownKind::ProjectId),
        ["gcloud", "iam", "workload-identity-pools", "describe", ..] if told("format").contains("(name)") => {
            pool_name(machine, call, arguments.positional.get(3))
        }
        ["aws", "sts", "get-caller-identity", ..] if told("query").contains("Account") => text(UnknownKind::AccountId),
        ["aws", "eks", "describe-cluster", ..] if told("query").contains("oidc.issuer") => {
            let mut out = Text::known("https://");
            out.push(&text(UnknownKind::IssuerHostPath));
            out
        }
        ["az", "ad", "app" | "sp", "show" | "create", ..] if is_entra_id(&told("query")) => entra(machine, call, arguments.flag("id")),
        ["az", "identity", "show", ..] if is_entra_id(&told("query")) => {
            let short = call.fields.iter().position(|f| f.known().as_deref() == Some("-n")).and_then(|at| call.fields.get(at + 1));
            entra(machine, call, arguments.flag("name").or(short.map(|f| &f.text)))
        }
        ["sed", ..] if strips_scheme(call) => {
            let given = call.input.clone().unwrap_or_default();
            cut::strip_prefix(&given, "https://").unwrap_or(given)
        }
        ["mktemp", ..] => {
            machine.serial += 1;
            let key = format!("{}|mktemp", machine.serial);
            machine.hole(&key, UnknownKind::Any, "$(mktemp)".to_owned(), "the name is invented while the script runs".to_owned(), call.span)
        }
        _ => text(UnknownKind::Any),
    }
}

/// The query of an id by which commands name an application, its service principal or a managed identity
/// (<https://learn.microsoft.com/cli/azure/ad/sp#az-ad-sp-show>).
fn is_entra_id(query: &str) -> bool {
    ["id", "appid", "objectid", "principalid", "clientid"].iter().any(|q| query.eq_ignore_ascii_case(q))
}

/// One of the ids of what a text names.
fn entra(machine: &Machine, call: &Call, of: Option<&Text>) -> Text {
    let text = unknown(machine, call, UnknownKind::Any);
    let (Some(of), Some(atom)) = (of, cut::only_atom(&text)) else { return text };
    Text::hole(atom.clone().coming_from(UnknownOrigin::EntraId(of.clone())), call.span)
}

/// `sed -e "s/^https:\/\///"`, as the guides for EKS have it.
fn strips_scheme(call: &Call) -> bool {
    let script = call.fields.iter().skip(1).filter_map(Field::known).find(|f| f != "-e" && f != "-E" && f != "-r");
    let bare: String = script.unwrap_or_default().chars().filter(|c| c.is_ascii_alphabetic()).collect();
    bare == "shttps" || bare == "shttpsg"
}

/// `projects/NUMBER/locations/global/workloadIdentityPools/POOL`.
fn pool_name(machine: &Machine, call: &Call, pool: Option<&Text>) -> Text {
    let Some(pool) = pool else { return unknown(machine, call, UnknownKind::Any) };
    let mut out = Text::known("projects/");
    out.push(&unknown(machine, call, UnknownKind::ProjectNumber));
    out.push(&Text::known("/locations/global/workloadIdentityPools/"));
    out.push(pool);
    out
}

/// What the command prints is one unknown wherever it is run.
fn unknown(machine: &Machine, call: &Call, kind: UnknownKind) -> Text {
    let words: Vec<String> = call.fields.iter().map(|f| cut::key(&f.text)).collect();
    let shown: Vec<String> = call.fields.iter().take(4).map(|f| f.text.to_string()).collect();
    let given = call.input.as_ref().map(cut::key).unwrap_or_default();
    let key = format!("$({})<{given}", words.join(" "));
    let label = format!("$({} …)", shown.join(" "));
    machine.hole(&key, kind, label.clone(), format!("`{label}` is known when the script runs"), call.span)
}
