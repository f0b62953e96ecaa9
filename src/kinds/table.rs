//! The table. The first row that speaks of a type holds, so that one type stands before the family it belongs to.

use super::Computed::{self, Argument, ArgumentOr, Unknown};
use super::Types::{Between, Ends, Holds, Is, Starts};
use super::{ResourceKind, Types};
use crate::partial::UnknownKind;

/// A row that says nothing yet.
const fn row(types: Types) -> ResourceKind {
    ResourceKind { types, words: &[], wanted: false, gates: &[], policy: None, trusting: false, computed: &[], generic: None }
}

/// A row of types that a reader looks at.
const fn read(types: Types) -> ResourceKind {
    ResourceKind { wanted: true, ..row(types) }
}

/// A row of types of which only the computed attributes matter.
const fn computes(types: Types, computed: &'static [(&'static [&'static str], Computed)]) -> ResourceKind {
    ResourceKind { computed, ..row(types) }
}

/// Who a policy of Google Cloud speaks of.
const MEMBERS: &[&str] = &["member", "members"];

pub(super) static ROWS: &[ResourceKind] = &[
    // AWS: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>
    ResourceKind {
        gates: &["assume_role_policy"],
        policy: Some("assume_role_policy"),
        trusting: true,
        computed: &[(&["arn"], Computed::AwsRoleArn), (&["id", "name"], ArgumentOr("name", UnknownKind::Word))],
        ..read(Is("aws_iam_role"))
    },
    ResourceKind {
        words: &["openid"],
        gates: &["url", "client_id_list"],
        computed: &[(&["arn", "id"], Computed::AwsProviderArn), (&["url"], Computed::AwsProviderUrl)],
        ..read(Is("aws_iam_openid_connect_provider"))
    },
    // It is evaluated where a role refers to it: no reader looks at it.
    computes(Is("aws_iam_policy_document"), &[(&["json", "minified_json"], Computed::AwsPolicy)]),
    // <https://registry.terraform.io/providers/hashicorp/template/latest/docs/data-sources/file>
    computes(Is("template_file"), &[(&["rendered"], Computed::Rendered)]),
    ResourceKind { words: &["access_key", "secret_key"], ..read(Is("provider.aws")) },
    ResourceKind { words: &["aws_iam_"], ..read(Starts("aws_iam_")) },
    // The Cloud Control provider: <https://registry.terraform.io/providers/hashicorp/awscc/latest/docs/resources/iam_role>
    ResourceKind {
        words: &["awscc_iam_"],
        gates: &["assume_role_policy_document"],
        policy: Some("assume_role_policy_document"),
        trusting: true,
        computed: &[(&["arn"], Unknown(UnknownKind::Arn))],
        ..read(Is("awscc_iam_role"))
    },
    ResourceKind {
        gates: &["url", "client_id_list"],
        computed: &[(&["arn", "id"], Computed::AwsProviderArn)],
        ..read(Is("awscc_iam_oidc_provider"))
    },
    ResourceKind { words: &["aws_cloudformation_stack"], ..read(Starts("aws_cloudformation_stack")) },
    ResourceKind { words: &["pod_identity"], ..read(Starts("aws_eks_pod_identity")) },
    ResourceKind { words: &["rolesanywhere"], ..read(Starts("aws_rolesanywhere_")) },
    read(Starts("awscc_rolesanywhere_")),
    computes(Is("aws_eks_cluster"), &[(&["identity"], Computed::EksIdentity), (&["id"], Argument("name"))]),
    ResourceKind { words: &["http_tokens", "httptokens"], ..read(Is("aws_instance")) },
    read(Is("aws_launch_template")),
    read(Is("aws_launch_configuration")),
    computes(Is("aws_caller_identity"), &[(&["account_id", "id"], Computed::AwsAccount)]),
    computes(Is("aws_partition"), &[(&["partition", "id"], Computed::AwsPartition), (&["dns_suffix"], Unknown(UnknownKind::Any))]),
    ResourceKind {
        words: &["cognito_identity_pool", "cognito::identitypool", "identitypoolid"],
        computed: &[(&["id"], Unknown(UnknownKind::Any))],
        ..read(Is("aws_cognito_identity_pool"))
    },
    read(Is("aws_cognito_identity_pool_roles_attachment")),
    read(Starts("awscc_cognito_identity_pool")),
    computes(Is("aws_region"), &[(&["name", "id", "region"], Computed::AwsRegion)]),
    // Google Cloud: <https://registry.terraform.io/providers/hashicorp/google/latest/docs>
    ResourceKind {
        words: &["workload_identity"],
        gates: &["attribute_condition", "attribute_mapping", "oidc", "aws"],
        trusting: true,
        computed: &[(&["name"], Computed::PoolProviderName), (&["id"], Computed::PoolProviderId)],
        ..read(Is("google_iam_workload_identity_pool_provider"))
    },
    ResourceKind {
        computed: &[(&["name"], Computed::PoolName), (&["id"], Computed::PoolId)],
        ..read(Is("google_iam_workload_identity_pool"))
    },
    ResourceKind { gates: MEMBERS, ..read(Starts("google_iam_workload")) },
    ResourceKind {
        words: &["google_service_account"],
        computed: &[
            (&["email"], Computed::GoogleEmail),
            (&["member"], Computed::GoogleMember),
            (&["name", "id"], Computed::GoogleAccountName),
        ],
        ..read(Is("google_service_account"))
    },
    ResourceKind { gates: MEMBERS, trusting: true, ..read(Starts("google_service_account_iam_")) },
    ResourceKind { gates: MEMBERS, ..read(Starts("google_service_account")) },
    ResourceKind { words: &["google_storage_hmac_key"], ..read(Is("google_storage_hmac_key")) },
    read(Is("provider.google")),
    read(Is("provider.google-beta")),
    ResourceKind { words: &["google_container_cluster"], ..read(Is("google_container_cluster")) },
    ResourceKind { words: &["google_container_node_pool"], ..read(Is("google_container_node_pool")) },
    // What may write a credential configuration somewhere.
    ResourceKind { words: &["external_account"], ..read(Is("google_secret_manager_secret_version")) },
    read(Is("aws_secretsmanager_secret_version")),
    read(Is("aws_ssm_parameter")),
    read(Is("local_file")),
    read(Is("local_sensitive_file")),
    ResourceKind {
        words: &["google_iam_policy"],
        computed: &[(&["policy_data"], Computed::GooglePolicy)],
        ..read(Is("google_iam_policy"))
    },
    ResourceKind { words: &["google_project_iam"], gates: MEMBERS, ..read(Between("google_", "_iam_member")) },
    ResourceKind { gates: MEMBERS, ..read(Between("google_", "_iam_binding")) },
    ResourceKind { gates: MEMBERS, ..read(Between("google_", "_iam_policy")) },
    ResourceKind { words: &["google_project_service"], ..read(Is("google_project_service")) },
    ResourceKind { words: &["_iam_audit_config"], ..read(Between("google_", "_iam_audit_config")) },
    ResourceKind { words: &["google_org_policy_policy"], ..read(Is("google_org_policy_policy")) },
    ResourceKind { words: &["organization_policy"], ..read(Between("google_", "organization_policy")) },
    computes(
        Is("google_project"),
        &[(&["number"], Computed::ProjectNumber), (&["project_id"], Computed::ProjectId), (&["id"], Computed::ProjectPath)],
    ),
    computes(Is("google_client_config"), &[(&["project"], Computed::DefaultProject)]),
    // Azure: <https://registry.terraform.io/providers/hashicorp/azurerm/latest/docs>
    ResourceKind {
        words: &["tokenexchange"],
        gates: &["issuer", "subject", "audience", "audiences"],
        trusting: true,
        ..read(Holds("federated_identity_credential"))
    },
    read(Is("azuread_application_password")),
    read(Is("azuread_service_principal_password")),
    read(Is("azuread_application_certificate")),
    read(Is("azuread_service_principal_certificate")),
    read(Is("provider.azurerm")),
    read(Is("provider.azuread")),
    read(Is("provider.azapi")),
    ResourceKind { generic: Some(("type", "federatedidentitycredential")), ..read(Starts("azapi_")) },
    ResourceKind { computed: &[(&["oidc_issuer_url"], Computed::Url)], ..read(Is("azurerm_kubernetes_cluster")) },
    read(Is("azurerm_role_assignment")),
    ResourceKind { words: &["azuread_directory_role"], ..read(Is("azuread_directory_role_assignment")) },
    read(Is("azuread_app_role_assignment")),
    read(Is("azuread_directory_role")),
    ResourceKind {
        words: &["user_assigned_identity"],
        computed: &[(&["client_id", "principal_id", "tenant_id"], Unknown(UnknownKind::Guid))],
        ..row(Is("azurerm_user_assigned_identity"))
    },
    ResourceKind { words: &["azuread_"], ..computes(Is("azuread_application"), ENTRA_IDS) },
    computes(Is("azuread_application_registration"), ENTRA_IDS),
    ResourceKind { computed: ENTRA_IDS, ..read(Is("azuread_service_principal")) },
    computes(Is("azurerm_client_config"), CALLER_IDS),
    computes(Is("azuread_client_config"), CALLER_IDS),
    // Kubernetes and the forges
    read(Starts("kubernetes_")),
    read(Is("kubectl_manifest")),
    read(Is("helm_release")),
    ResourceKind { words: &["include_claim_keys"], ..read(Ends("_oidc_subject_claim_customization_template")) },
    read(Is("gitlab_project")),
    ResourceKind { words: &["github_actions_"], ..read(Starts("github_actions_")) },
    ResourceKind { words: &["github_repository"], ..read(Is("github_repository_environment")) },
    ResourceKind { words: &["azuredevops_serviceendpoint"], ..read(Is("azuredevops_serviceendpoint_azurerm")) },
    ResourceKind { words: &["tfc_"], ..read(Is("tfe_variable")) },
    read(Is("tfe_workspace")),
    read(Is("tfe_project")),
    read(Is("github_repository")),
    read(Is("provider.github")),
    // Values that Terraform makes up.
    computes(Starts("random_"), &[(&["id", "result", "hex", "b64_url", "dec"], Unknown(UnknownKind::Word))]),
];

/// The ids of an application or of its service principal.
const ENTRA_IDS: &[(&[&str], Computed)] =
    &[(&["client_id"], ArgumentOr("client_id", UnknownKind::Guid)), (&["object_id"], ArgumentOr("object_id", UnknownKind::Guid))];

/// The ids of whoever runs Terraform.
const CALLER_IDS: &[(&[&str], Computed)] = &[(&["tenant_id", "client_id", "object_id", "subscription_id"], Unknown(UnknownKind::Guid))];
