//! Attribute conditions from public repositories, labelled by hand, against the search.
#![allow(clippy::unwrap_used, clippy::panic)]

use fedlint::admission::cel::google::{GoogleView, condition_formula};
use fedlint::admission::exposure::{Class, Reachability, exposure, reachability, shape};
use fedlint::gate::issuer::templates;
use fedlint::issuers::{Recognised, Tenancy, registry};
use fedlint::partial::Text;

/// Conditions for which the label does not hold, and why. The list is exact: one that agrees fails the test.
const LABEL_IS_WRONG: &[(&str, &str)] = &[
    (
        "attribute.aws_role == '${var.a13e_aws_role_name}'",
        "an IAM user whose path is `/assumed-role/app/` has the ARN `…:user/assumed-role/app/name`, from which `extract` takes `app`",
    ),
    (
        "assertion.oid==\"6f90190a-864b-4915-a9b2-abcdefghi\"",
        "a redacted id: it is no GUID, so no object has it and the condition never holds",
    ),
];

fn issuer(name: &str) -> Option<Recognised<'static>> {
    match name {
        "github" => registry().recognise("https://token.actions.githubusercontent.com"),
        "gitlab" => registry().recognise("https://gitlab.com"),
        "tfc" => registry().recognise("https://app.terraform.io"),
        "aws" => registry().aws(),
        "k8s" => registry().as_issuer("kubernetes", "https://cluster.example"),
        "azure" => registry().recognise("https://sts.windows.net/8d0c2f5e-1f7f-4d43-9a2b-111122223333/"),
        // An issuer that the registry does not know: its tokens may hold anything.
        "other" => registry().generic("https://issuer.example"),
        _ => None,
    }
}

/// None when the search agrees with the label, else what it says.
fn judge(row: &serde_json::Value, recognised: &Recognised<'_>) -> Option<String> {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let mapping = row["mapping"].as_object().unwrap().iter();
    let mapping = mapping.map(|(k, e)| (k.clone(), Text::known(e.as_str().unwrap()))).collect();
    let string_claims = recognised.issuer.tenancy != Tenancy::Unknown;
    let view = GoogleView {
        mapping,
        aws: text("issuer") == "aws",
        condition: Some(Text::known(text("concrete"))),
        string_claims,
        ..GoogleView::default()
    };
    let formula = condition_formula(&view);
    let templates = templates(recognised, &formula);
    let label = text("verdict");
    if !string_claims {
        // Nothing is claimed of who else has tokens: only a condition that refuses nobody is told.
        let open = shape::vacuous(&formula, &templates, &|_| true);
        return (open != label.starts_with("unsafe")).then(|| format!("refuses nobody: {open}"));
    }
    let dead = matches!(reachability(&formula, &templates), Reachability::Unreachable);
    if label == "never-true" || dead {
        return (dead != (label == "never-true")).then(|| format!("dead: {dead}"));
    }
    let class = match exposure(&formula, &templates) {
        Ok(exposure) => exposure.class,
        Err(why) => return Some(format!("undecided: {why}")),
    };
    let foreign = matches!(class, Class::AnyTenant | Class::TenantPrefix);
    let agrees = match label.as_str() {
        "unsafe-foreign" => foreign,
        "unsafe-in-tenant" => !foreign && class != Class::Intended,
        _ => !foreign,
    };
    (!agrees).then(|| format!("{class:?}"))
}

#[test]
fn the_search_agrees_with_the_labels() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/gcp-conditions.jsonl");
    let Ok(rows) = std::fs::read_to_string(path) else {
        println!("notice: {path} is not here, labels are not checked");
        return;
    };
    let (mut all, mut unmodelled, mut wrong, mut listed) = (0, 0, Vec::new(), Vec::new());
    for row in rows.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).unwrap()) {
        all += 1;
        let Some(recognised) = issuer(row["issuer"].as_str().unwrap()) else {
            unmodelled += 1;
            continue;
        };
        let expr = row["expr"].as_str().unwrap();
        match (judge(&row, &recognised), LABEL_IS_WRONG.iter().any(|(e, _)| *e == expr)) {
            (Some(_), true) => listed.push(expr.to_owned()),
            (Some(found), false) => wrong.push(format!("{} {} `{expr}`: {found} ({})", row["issuer"], row["verdict"], row["why"])),
            (None, true) => wrong.push(format!("`{expr}` is listed but agrees")),
            (None, false) => {}
        }
    }
    println!(
        "{all} conditions, {unmodelled} of issuers without a model, {} agree, {} labels are wrong",
        all - unmodelled - listed.len() - wrong.len(),
        listed.len()
    );
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(listed.len(), LABEL_IS_WRONG.len(), "a listed condition is not in the data");
    let table = include_str!("../../docs/conformance.md");
    let row = format!("| Google attribute conditions | {all} | {} | {unmodelled} | {} |", all - unmodelled - listed.len(), listed.len());
    assert!(table.contains(&row), "docs/conformance.md lacks the row `{row}`");
}
