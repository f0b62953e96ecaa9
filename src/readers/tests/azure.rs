use super::{documents, resource, terraform};
use crate::graph::{Gate, Graph};
use serde_json::json;

/// Parent, issuer, subject, number of audiences, expression.
type Credential = (String, Option<String>, Option<String>, usize, Option<String>);

fn credentials(graph: &Graph) -> Vec<Credential> {
    let read = |t: &crate::graph::Trust| match &t.gate {
        Gate::AzureCredential { issuer, subject, audiences, expression } => Some((
            graph.identity(t.identity).unwrap().origin.name.clone(),
            issuer.as_ref().map(|t| t.to_string()),
            subject.as_ref().map(|t| t.to_string()),
            audiences.len(),
            expression.as_ref().map(|t| t.to_string()),
        )),
        _ => None,
    };
    graph.trusts.iter().filter_map(read).collect()
}

#[test]
fn credentials_of_terraform() {
    let issuer = "https://token.actions.githubusercontent.com";
    let uami = json!({"parent_id": "${azurerm_user_assigned_identity.a.id}", "issuer": issuer, "subject": "repo:o/r:ref:refs/heads/main", "audience": ["api://AzureADTokenExchange"]});
    let flexible = json!({"application_id": "/applications/1", "issuer": issuer, "audience": "api://AzureADTokenExchange", "claims_matching_expression": "claims['sub'] matches 'repo:o/*'"});
    let graph = terraform(&[
        resource("azurerm_federated_identity_credential.a", uami.clone()),
        resource("azurerm_federated_identity_credential.b", uami),
        resource("azuread_application_flexible_federated_identity_credential.c", flexible),
        resource("azuread_application_federated_identity_credential.d", json!({"application_id": "/applications/1", "issuer": issuer})),
        resource(
            "azapi_resource.e",
            json!({"type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31", "parent_id": "x",
            "body": json!({"properties": {"issuer": issuer, "subject": "s", "audiences": ["a"]}}).to_string()}),
        ),
    ]);
    let read = credentials(&graph);
    assert_eq!(read.len(), 5);
    assert_eq!(graph.trusts[0].identity, graph.trusts[1].identity);
    assert_eq!(graph.trusts[2].identity, graph.trusts[3].identity);
    assert_eq!(read[2].4.as_deref(), Some("claims['sub'] matches 'repo:o/*'"));
    assert_eq!(read[4], ("x".to_owned(), Some(issuer.to_owned()), Some("s".to_owned()), 1, None));
    assert_eq!(graph.undecided.len(), 1, "{:?}", graph.undecided);
}

/// Two identities whose credentials `az` listed into one file are two.
#[test]
fn what_az_lists_says_whose_credential_it_is() {
    let listed = |identity: &str| {
        json!({"id": format!("/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}/federatedIdentityCredentials/gh"),
        "name": "gh", "issuer": "https://i", "subject": "s", "audiences": ["a"], "resourceGroup": "g"})
    };
    let application =
        json!({"id": "6f0e5b1a-0000-4000-8000-000000000001", "name": "gh", "issuer": "https://i", "subject": "s", "audiences": ["a"]});
    let graph = documents(&[("listed.json", json!([listed("one"), listed("two"), application]))]);
    let names: Vec<String> = credentials(&graph).into_iter().map(|c| c.0).collect();
    let of =
        |identity: &str| format!("/subscriptions/s/resourcegroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity}");
    assert_eq!(names, [of("one"), of("two"), "unknown identity of listed.json".to_owned()]);
}

#[test]
fn credentials_in_files() {
    let loose = json!({"name": "gh", "issuer": "https://i", "subject": "s", "audiences": ["a"], "description": ""});
    let flexible = json!({"name": "f", "issuer": "https://i", "subject": null, "claimsMatchingExpression": {"value": "claims['sub'] eq 's'", "languageVersion": 1}, "audiences": ["a"]});
    let template = json!({"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#", "resources": [
        {"type": "Microsoft.ManagedIdentity/userAssignedIdentities", "name": "[parameters('uami')]", "resources": [
            {"type": "federatedIdentityCredentials", "name": "cred", "properties": {"issuer": "https://i", "subject": "[concat('repo:', parameters('r'))]", "audiences": ["a"]}}]},
        {"type": "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials", "name": "uami/cred", "properties": {"issuer": "https://i", "subject": "s", "audiences": ["a"]}}]});
    let aso = json!({"apiVersion": "managedidentity.azure.com/v1api20230131", "kind": "FederatedIdentityCredential", "metadata": {"name": "x"},
        "spec": {"owner": {"name": "uami"}, "issuer": "https://i", "subject": "s", "audiences": ["a"]}});
    let graph = documents(&[
        ("fic.json", loose),
        ("flexible.json", json!([flexible])),
        ("arm.json", template),
        ("aso.yaml", aso),
        ("other.json", json!({"issuer": "x", "subject": "y"})),
    ]);
    let read = credentials(&graph);
    assert_eq!(read.len(), 5, "{read:?}");
    assert_eq!(read[0].0, "unknown identity of fic.json");
    assert_eq!(read[1].4.as_deref(), Some("claims['sub'] eq 's'"));
    assert_eq!(read[2].0, "[parameters('uami')]");
    let Gate::AzureCredential { subject: Some(subject), .. } = &graph.trusts[2].gate else { panic!("no subject") };
    assert!(!subject.is_known());
    assert_eq!((read[3].0.as_str(), read[4].0.as_str()), ("uami", "uami"));
}
