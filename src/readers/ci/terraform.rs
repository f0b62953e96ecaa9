//! Runs of HCP Terraform and service connections of Azure DevOps, as Terraform declares them.

use super::super::context::{Reader, origin};
use super::super::shape::{blocks, known_at, text_at};
use super::build::{is, job, login, tokens};
use crate::graph::addresses;
use crate::graph::{CiSystem, FactValue, JobAudience, JobIdentity, JobLogin, Minting, Named, TokenFact};
use crate::partial::Text;
use crate::terraform::{Mode, Resource};

/// The phases of a run: each has a token of its own, and plan comes first
/// (<https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens>).
const PHASES: [&str; 2] = ["plan", "apply"];
/// What Entra takes.
const ENTRA_AUDIENCE: &str = "api://AzureADTokenExchange";

/// The jobs of Terraform's resources.
pub(super) fn read(reader: &mut Reader, resources: &[Resource]) {
    let managed: Vec<&Resource> = resources.iter().filter(|r| r.mode == Mode::Managed && !r.conditional).collect();
    for resource in &managed {
        match resource.kind.as_str() {
            "tfe_workspace" => workspace(reader, resource, &managed),
            "azuredevops_serviceendpoint_azurerm" => connection(reader, resource),
            _ => {}
        }
    }
}

/// A connection presents its own name: `sc://ORGANIZATION/PROJECT/CONNECTION`
/// (<https://learn.microsoft.com/azure/devops/pipelines/release/configure-workload-identity>).
fn connection(reader: &mut Reader, resource: &Resource) {
    let body = &resource.body;
    let federated = known_at(body, "service_endpoint_authentication_scheme").as_deref() == Some("WorkloadIdentityFederation");
    let Some(name) = known_at(body, "service_endpoint_name").filter(|_| federated) else { return };
    let client = blocks(body, "credentials").0.into_iter().find_map(|c| text_at(c, "serviceprincipalid"));
    let Some(client) = client else { return };
    let at = origin(resource);
    let fact = TokenFact::segment("connection", FactValue::Is(name), text_at(body, "service_endpoint_name").and_then(|t| t.span()));
    let identity = JobIdentity::AzureClient(vec![of(resource, client)]);
    let asked = login(resource.span, identity, JobAudience::Known(Text::known(ENTRA_AUDIENCE)), vec![tokens(vec![fact])]);
    let mut job = job(at, &resource.address, CiSystem::AzurePipelines, Minting::Yes);
    job.logins.push(asked);
    reader.graph.jobs.push(job);
}

fn of(resource: &Resource, text: Text) -> Named {
    Named { text, scope: resource.root.clone(), repository: None }
}

fn workspace(reader: &mut Reader, workspace: &Resource, all: &[&Resource]) {
    let own = |r: &&&Resource| {
        let id = text_at(&r.body, "workspace_id");
        r.kind == "tfe_variable" && r.root == workspace.root && id.as_ref().and_then(addresses::address) == Some(workspace.address.as_str())
    };
    let variables: Vec<&Resource> = all.iter().filter(own).copied().collect();
    let variable = |name: &str| variables.iter().copied().find(|v| known_at(&v.body, "key").as_deref() == Some(name));
    let value = |name: &str| variable(name).and_then(|v| text_at(&v.body, "value").map(|text| (v, text)));
    let on = |name: &str| value(name).is_some_and(|(_, text)| text.is_str("true"));
    let audience = |name: &str, default: &str| value(name).map_or_else(|| Text::known(default), |(_, text)| text);
    let mut job = job(origin(workspace), &workspace.address, CiSystem::HcpTerraform, Minting::Yes);
    let facts = facts(workspace, all);
    for phase in PHASES {
        let upper = phase.to_uppercase();
        let named =
            |cloud: &str, what: &str| value(&format!("TFC_{cloud}_{upper}_{what}")).or_else(|| value(&format!("TFC_{cloud}_RUN_{what}")));
        let mut facts = facts.clone();
        facts.push(is("terraform_run_phase", phase, None));
        let mut add = |variable: &Resource, identity: JobIdentity, audience: Text| {
            let asked = login(variable.span, identity, JobAudience::Known(audience), vec![tokens(facts.clone())]);
            job.logins.push(JobLogin { entry: Some(phase.to_owned()), ..asked });
        };
        if let Some((variable, role)) = named("AWS", "ROLE_ARN").filter(|_| on("TFC_AWS_PROVIDER_AUTH")) {
            let audience = audience("TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE", "aws.workload.identity");
            add(variable, JobIdentity::AwsRole(vec![of(variable, role)]), audience);
        }
        if let Some((variable, client)) = named("AZURE", "CLIENT_ID").filter(|_| on("TFC_AZURE_PROVIDER_AUTH")) {
            let audience = audience("TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE", ENTRA_AUDIENCE);
            add(variable, JobIdentity::AzureClient(vec![of(variable, client)]), audience);
        }
        if let Some((variable, provider)) = value("TFC_GCP_WORKLOAD_PROVIDER_NAME").filter(|_| on("TFC_GCP_PROVIDER_AUTH")) {
            let mut default = Text::known("//iam.googleapis.com/");
            default.push(&provider);
            let audience = value("TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE").map_or(default, |(_, text)| text);
            let account = named("GCP", "SERVICE_ACCOUNT_EMAIL").map(|(v, email)| vec![of(v, email)]);
            add(variable, JobIdentity::Google { provider: vec![of(variable, provider)], account }, audience);
        }
    }
    if !job.logins.is_empty() {
        reader.graph.jobs.push(job);
    }
}

/// What is known of the tokens of a workspace's runs.
fn facts(workspace: &Resource, all: &[&Resource]) -> Vec<TokenFact> {
    let project = text_at(&workspace.body, "project_id");
    let project = project
        .as_ref()
        .and_then(addresses::address)
        .and_then(|address| all.iter().find(|r| r.kind == "tfe_project" && r.root == workspace.root && r.address == address));
    let project = project.and_then(|p| text_at(&p.body, "name"));
    let named = [
        ("terraform_workspace_name", text_at(&workspace.body, "name")),
        ("terraform_organization_name", text_at(&workspace.body, "organization")),
        ("terraform_project_name", project),
    ];
    let mut out = Vec::new();
    for (claim, text) in named {
        if let Some((known, span)) = text.and_then(|t| t.as_known().map(|k| (k, t.span()))) {
            out.push(is(claim, &known, span));
        }
    }
    out
}
