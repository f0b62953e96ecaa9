//! Words that say that a file, a module or a text has to do with trust.

use super::table;

/// The words of a file that matter, any case, beside those of the resource types. A file of infrastructure without one of
/// them says nothing about who gets in; a word too many costs a parse, a word too few costs a finding.
const FILE_WORDS: &[&str] = &[
    // AWS
    "assumerole",
    "assume_role",
    "assume-role",
    "assumedrole",
    "aws:principal",
    "awssts",
    "sts.amazonaws.com",
    "\"sts:",
    "sts:*",
    "federated",
    "oidc",
    "saml",
    "role-arn",
    "role_arn",
    "rolearn",
    "podidentity",
    "pod-identity",
    "pods.eks.amazonaws.com",
    "irsa",
    "eksctl.io",
    "aws::cloudformation::stack",
    "aws::serverless::application",
    "create-access-key",
    "token.actions.githubusercontent.com",
    "role-to-assume",
    "trust_policy",
    "iam_role",
    "iam.amazonaws.com/role",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_shared_credentials_file",
    "accesskeysecret",
    "awsclusterstaticidentity",
    "\"private_key\"",
    "secretaccesskey",
    "accesskeyid",
    "-role-policy",
    // Google Cloud
    "workloadidentity",
    "workload-identity",
    "service_account",
    "service-account",
    "serviceaccount",
    "principal://",
    "principalset://",
    "attributecondition",
    "attribute_condition",
    "attributemapping",
    "attribute_mapping",
    "roles/iam.",
    "iam.gke.io",
    "svc.id.goog",
    "currentmasterversion",
    "container.cnrm.cloud.google.com",
    "iammember",
    "iampolicy",
    "google-github-actions/auth",
    "google_credentials",
    "google_application_credentials",
    "credentials_json",
    // Azure
    "azure/login",
    "azadappfederatedcredential",
    "azfederatedidentitycredential",
    "federatedidentitycredentials",
    "roleassignments@",
    "outputs.principalid",
    "aadpodid",
    "usevmmanagedidentity",
    "usepodidentity",
    "httpputresponsehoplimit",
    "azure.workload.identity",
    "managedidentity",
    "role_assignment",
    "roleassignment",
    "claimsmatchingexpression",
    "client_secret",
    "clientsecret",
    "azure_credentials",
    "clientsecretsecretref",
    "arm_client_certificate",
    "nodepublishsecretref",
    "backupstoragelocation",
    "triggerauthentication",
    "upbound.io",
    "crossplane.io",
    // issuers and workloads
    "spiffe",
    "spire",
    "trust_domain",
    "trustdomain",
    "id-token",
    // who calls a workflow or an action of the repository
    ".github/workflows/",
    ".github/actions/",
    "uses: ./",
    "uses: $/",
    "id_token",
    "jwt",
    "kustomize.toolkit.fluxcd.io",
    "argoproj.io/v1alpha1",
    "kubernetes_annotations",
    "issuer",
    "jwks",
    "audience",
    // sources of modules that have a model
    "terraform-aws-modules/iam",
    "terraform-aws-modules/terraform-aws-iam",
    "terraform-aws-modules/eks",
    "terraform-aws-modules/terraform-aws-eks",
    "eks-iam-role",
];

/// Words in the name of an argument that say that the module makes a trust.
const ARGUMENT_WORDS: &[&str] = &[
    "oidc",
    "provider_arn",
    "subject",
    "namespace_service_account",
    "assume_role",
    "trust_policy",
    "trusted_",
    "federated",
    "workload_identity",
    "attribute_condition",
    "irsa",
];
/// Words that only look so: names of a certificate.
const NO_TRUST: &[&str] = &["subject_alternative"];
/// Names of arguments that say so only as a whole.
const ARGUMENT_NAMES: &[&str] = &["role_arn", "role_arns", "service_accounts", "sa_mapping"];
/// Words in the source of a module that say so, whatever its arguments are called.
const SOURCE_WORDS: &[&str] =
    &["oidc", "irsa", "federated", "federation", "workload-identity", "workload_identity", "pod-identity", "eks-role", "assumable-role"];
/// What a trust policy says only where it federates.
const FEDERATION_WORDS: &[&str] = &["WebIdentity", "oidc-provider", "pods.eks.amazonaws.com", "rolesanywhere", "Federated"];

/// The words of a file that matter, in small letters: a file without any of them, in any case, need not be read.
#[must_use]
pub fn file_words() -> Vec<&'static str> {
    let of_types = table::ROWS.iter().flat_map(|row| row.words);
    of_types.chain(FILE_WORDS).copied().collect()
}

/// Whether an argument of this name says that the module which takes it makes a trust.
#[must_use]
pub fn argument_makes_trust(name: &str) -> bool {
    let any = |words: &[&str]| words.iter().any(|w| name.contains(w));
    ARGUMENT_NAMES.contains(&name) || (any(ARGUMENT_WORDS) && !any(NO_TRUST))
}

/// Whether the source of a module says that it makes a trust.
#[must_use]
pub fn source_makes_trust(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    SOURCE_WORDS.iter().any(|w| source.contains(w))
}

/// Whether a trust policy, as text, says anything that only a federation says.
#[must_use]
pub fn text_federates(policy: &str) -> bool {
    FEDERATION_WORDS.iter().any(|w| policy.contains(w))
}
