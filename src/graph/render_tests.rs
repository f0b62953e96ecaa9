use super::*;
use crate::graph::links::links;
use crate::readers::tests::{graph, resource};
use serde_json::json;

fn sample() -> Graph {
    let trust = json!({"Statement": [{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/gitlab.com"}}]});
    let hostile = "a\"]; x -> y [label=\"<b>#quot;\n|\\";
    let sa = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "api", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/a"}}});
    let credential = json!({"parent_id": hostile, "issuer": "https://gitlab.com", "subject": hostile, "audience": ["x"]});
    graph(
        &[
            resource("aws_iam_openid_connect_provider.g", json!({"url": "https://gitlab.com", "client_id_list": ["x"]})),
            resource(
                "aws_iam_role.a",
                json!({"name": "a", "assume_role_policy": trust, "managed_policy_arns": ["arn:aws:iam::aws:policy/Admin"]}),
            ),
            resource("azurerm_federated_identity_credential.c", credential),
        ],
        &[("sa.json", sa)],
    )
}

#[test]
fn json_holds_all_nodes_and_edges() {
    let graph = sample();
    let text = json(&graph, &links(&graph), &Notes::default());
    let read: serde_json::Value = serde_json::from_str(&text).unwrap();
    let kinds =
        |list: &str| -> Vec<String> { read[list].as_array().unwrap().iter().map(|n| n["kind"].as_str().unwrap().to_owned()).collect() };
    assert_eq!(kinds("nodes"), ["provider", "issuer", "identity", "identity", "workload", "permission"]);
    assert_eq!(kinds("edges"), ["trust", "uses", "trust", "trust", "grant"]);
    let ids: Vec<&str> = read["nodes"].as_array().unwrap().iter().map(|n| n["id"].as_str().unwrap()).collect();
    let known = |e: &serde_json::Value| ids.contains(&e["from"].as_str().unwrap()) && ids.contains(&e["to"].as_str().unwrap());
    assert!(read["edges"].as_array().unwrap().iter().all(known));
    assert_eq!(text, json(&graph, &links(&graph), &Notes::default()));
}

#[test]
fn labels_cannot_break_out() {
    let graph = sample();
    let links = links(&graph);
    let drawn = dot(&graph, &links, &Notes::default());
    assert!(drawn.contains(r#"a\"]; x -> y [label=\"<b>#quot; |\\"#), "{drawn}");
    // Every line has an even number of quotes that are not escaped.
    let bare = |line: &str| line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
    assert!(drawn.lines().all(|line| bare(line) % 2 == 0));
    let flow = mermaid(&graph, &links, &Notes::default());
    assert!(flow.starts_with("flowchart LR\n"));
    assert!(!flow.contains("<b>") && flow.contains("a#34;#93;#59;"), "{flow}");
    assert!(flow.lines().all(|line| line.matches('"').count() % 2 == 0));
}

#[test]
fn a_line_says_who_is_admitted() {
    let graph = sample();
    let links = links(&graph);
    let verdict = |way, who: &str, asks: &[&str]| {
        let asks = asks.iter().map(|text| (*text).to_owned()).collect();
        Verdict { way, admits: json!("nobody"), who: who.to_owned(), told: false, asks }
    };
    let drawn = |verdict: Verdict| {
        let locate = |_: Span| Some(("main.tf".to_owned(), 7));
        let notes = Notes { verdicts: BTreeMap::from([((TrustId(0), None), verdict)]), locate: &locate, ..Notes::default() };
        (mermaid(&graph, &links, &notes), dot(&graph, &links, &notes), super::json(&graph, &links, &notes))
    };
    for (way, arrow, style) in [
        (Way::Open, "==>|", "penwidth=3"),
        (Way::Dead, "--x|", "arrowhead=tee"),
        (Way::Undecided, "--o|", "arrowhead=odot"),
        (Way::Named, "-->|", "sub = x"),
    ] {
        let (flow, digraph, text) = drawn(verdict(way, "`somebody`", &["sub = x"]));
        let label = if way == Way::Named { "sub = x" } else { "somebody: sub = x" };
        assert!(flow.contains(&format!("provider0 {arrow}\"{label}\"| identity0")), "{flow}");
        assert!(digraph.contains(style), "{digraph}");
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        let edge = read["edges"].as_array().unwrap().iter().find(|e| e["from"] == "provider0").unwrap();
        assert_eq!((&edge["admits"], &edge["who"], &edge["asks"]), (&json!("nobody"), &json!("`somebody`"), &json!(["sub = x"])));
        assert!(read["nodes"].as_array().unwrap().iter().any(|n| n["path"] == "main.tf" && n["line"] == 7));
    }
}

#[test]
fn a_node_is_shown_with_what_leads_to_it_and_what_it_leads_to() {
    let graph = sample();
    let links = links(&graph);
    let nodes = |focus: &str, depth: usize| {
        let notes = Notes { focus: Some(focus), depth, ..Notes::default() };
        let read: serde_json::Value = serde_json::from_str(&json(&graph, &links, &notes)).unwrap();
        read["nodes"].as_array().unwrap().iter().map(|n| n["kind"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(nodes("aws_iam_role.a", 0), ["identity"]);
    assert_eq!(nodes("aws_iam_role.a", 1), ["provider", "identity", "workload", "permission"]);
    // the issuer, and not the other identity that trusts it
    assert_eq!(nodes("aws_iam_role.a", 2), ["provider", "issuer", "identity", "workload", "permission"]);
    assert_eq!(nodes("gitlab.com", 3), ["provider", "issuer", "identity", "identity", "permission"]);
    assert!(names(&graph, &links).contains("aws_iam_role.a"));
    let without = dot(&graph, &links, &Notes { permissions: false, ..Notes::default() });
    assert!(!without.contains("permission0"), "{without}");
}

/// Mermaid draws nothing of what is larger than it is set up for.
#[test]
fn a_flowchart_is_one_that_mermaid_draws() {
    let name = |n: usize| format!("aws_iam_role.{}{n}", "long-".repeat(20));
    let trust = json!({"Statement": [{"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/gitlab.com"}}]});
    let mut all = vec![resource("aws_iam_openid_connect_provider.g", json!({"url": "https://gitlab.com", "client_id_list": ["x"]}))];
    for n in 0..2_000 {
        all.push(resource(&name(n), json!({"name": format!("r{n}"), "assume_role_policy": trust})));
    }
    let graph = graph(&all, &[]);
    let text = mermaid(&graph, &links(&graph), &Notes::default());
    let edges = text.lines().filter(|line| line.contains("-->")).count();
    assert!(text.chars().count() <= MERMAID_TEXT && edges <= MERMAID_EDGES && edges > 100, "{edges}");
    assert!(text.contains(&format!("{edges} of 2001 edges")), "{}", text.lines().take(3).collect::<String>());
}
