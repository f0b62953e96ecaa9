//! What the inputs are made from: the examples of the rules, the fixtures, and a few texts for what no file is.

use fedlint::catalogue::catalogue;
use std::path::Path;

/// Longest seed, in bytes.
const MAX_SEED: usize = 6 << 10;

fn fixtures(folder: &Path, out: &mut Vec<(String, String)>) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            fixtures(&path, out);
        } else if let Ok(text) = std::fs::read_to_string(&path) {
            out.push((path.to_string_lossy().into_owned(), text));
        }
    }
}

/// The files of the examples and the fixtures whose name ends so and that have one of these words in them.
pub(crate) fn files(ends: &[&str], words: &[&str]) -> Vec<String> {
    let mut all: Vec<(String, String)> = Vec::new();
    for example in catalogue().iter().flat_map(|rule| &rule.examples) {
        all.extend(example.files.iter().map(|file| (file.path.clone(), file.text.clone())));
    }
    fixtures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut all);
    all.retain(|(path, text)| {
        let is_wanted = words.is_empty() || words.iter().any(|word| text.contains(word));
        text.len() <= MAX_SEED && ends.iter().any(|end| path.ends_with(end)) && is_wanted
    });
    let mut texts: Vec<String> = all.into_iter().map(|(_, text)| text).collect();
    texts.sort();
    texts.dedup();
    texts
}

/// These texts.
pub(crate) fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// Conditions of providers of Google Cloud.
pub(crate) const CEL: [&str; 14] = [
    "assertion.repository_owner_id == '5150'",
    "assertion.repository == 'octo/app' && assertion.ref == 'refs/heads/main'",
    "assertion.sub.startsWith('repo:octo/') || attribute.repository in ['octo/app', \"octo/web\"]",
    "has(assertion.environment) && assertion.environment != ''",
    "assertion.sub.matches('^repo:octo/(app|web):.*$') && !assertion.sub.endsWith(':pull_request')",
    "assertion.repository.split('/')[0] == 'octo' && size(assertion.ref) > 5",
    "assertion.job_workflow_ref.extract('{owner}/') == 'octo' ? true : false",
    "'admins' in assertion.groups || assertion.groups.exists(g, g.startsWith('team-'))",
    "google.subject.lowerAscii() == 'repo:octo/app:ref:refs/heads/main' && int(assertion.run_number) >= 3",
    "assertion['repository_owner'] == r'octo' && assertion.sub.contains('/app:') == true",
    "[assertion.ref, 'x'].all(r, r != '') && {'a': 1}['a'] == 1",
    "assertion.repository.replace('octo', 'x') == 'x/app' || string(assertion.repository_id) == '77'",
    "assertion.iat < assertion.exp && timestamp('2030-01-01T00:00:00Z') > timestamp(0)",
    "(assertion.ref_type == 'tag' && assertion.ref.matches('v[0-9]+')) || assertion.actor_id in ['1', '2']",
];

/// Expressions of Terraform.
pub(crate) const EXPRESSIONS: [&str; 16] = [
    "jsonencode({ a = [for k, v in { x = 1, y = 2 } : \"${k}-${v}\" if v > 1], b = null })",
    "merge({ a = 1 }, { b = [1, 2, 3][*] })",
    "replace(\"octo/app\", \"/(o.)(t.)/\", \"$2$1\")",
    "format(\"%s-%05d-%q %[1]s\", \"a\", 12, \"b\")",
    "join(\",\", sort(distinct(concat([\"b\", \"a\"], [\"a\"]))))",
    "templatefile(\"t.tftpl\", { names = [\"a\", \"b\"] })",
    "try(var.missing.x, local.k[0], \"fall back\")",
    "regexall(\"([a-z]+)([0-9]*)\", \"ab12cd\")",
    "{ for i in range(5) : tostring(i) => i * 2 ... }",
    "cidrsubnet(\"10.0.0.0/8\", 8, 3)",
    "yamldecode(\"a: [1, {b: c}]\\nd: &x e\\nf: *x\")",
    "element(split(\":\", \"a:b:c\"), -1) == \"c\" ? upper(\"x\") : lower(\"Y\")",
    "<<-EOT\n  %{ for r in [\"a\", \"b\"] ~}\n  repo:octo/${r}:*\n  %{ endfor ~}\n  EOT",
    "setproduct([\"a\", \"b\"], [1, 2])",
    "substr(base64encode(sha256(\"x\")), 0, 5)",
    "flatten([[1, [2]], tolist(toset([3, 3]))])[1]",
];

/// Expressions of flexible credentials of Entra.
pub(crate) const ENTRA: [&str; 4] = [
    "claims['sub'] matches 'repo:octo/*:ref:refs/heads/main'",
    "claims['sub'] eq 'repo:octo/app:environment:prod' and claims['job_workflow_ref'] matches 'octo/ci/.github/workflows/*@refs/heads/main'",
    "claims['sub'] matches 'project_path:octo/?pp:*'",
    "claims['aud'] eq 'api://AzureADTokenExchange' and claims['sub'] matches '*'",
];

/// Files of fedlint's own configuration.
pub(crate) const CONFIGURATION: [&str; 2] = [
    "exclude = [\"vendor/**\"]\nfail-on = \"high\"\nmin-confidence = \"proven\"\n[rules.missing-subject]\nseverity = \"off\"\n[[ignore]]\nrule = \"any-ref\"\npath = \"a/**\"\nuntil = 2030-01-01\nreason = \"x\"\n",
    "custom-rules = \"rules\"\nrepository = \"octo/app\"\n[tenants]\ngithub = [{ name = \"octo\", id = \"5150\" }]\ngitlab = [\"octo\"]\n[issuers.own]\nurl = \"https://id.example.com\"\n",
];

/// Ignore comments, ours and those of other tools.
pub(crate) const COMMENTS: [&str; 5] = [
    "# fedlint: ignore[missing-subject] because of this\nresource \"a\" \"b\" {} # fedlint: ignore[any-ref,CKV_AWS_358] until 2030-01-01 that\n",
    "# checkov:skip=CKV_AWS_358:why\n# trivy:ignore:AVD-AWS-0001 exp:2030-01-01\n#tfsec:ignore:aws-iam-x\n# nosemgrep: rule.id\n",
    "// fedlint: ignore-file[missing-subject] all of it\n/* fedlint: ignore[*] */\n",
    "{\"//\": \"fedlint: ignore[missing-subject] why\", \"a\": 1}",
    "metadata:\n  annotations:\n    fedlint.dev/ignore: \"missing-subject: why\"\n",
];

/// Files of patterns.
pub(crate) const GITIGNORE: [&str; 3] =
    ["*.tf\n!keep.tf\n/build/\n**/x/*.json\n", "[a-z]?\\#\n\\!x\nfoo/**/bar\n# a\n", "infra/\n*\n!*/\n"];

/// A plan.
pub(crate) const PLAN: [&str; 1] = [
    r#"{"format_version":"1.2","terraform_version":"1.9.0","planned_values":{"root_module":{"resources":[{"address":"aws_iam_role.a","mode":"managed","type":"aws_iam_role","name":"a","values":{"name":"a","assume_role_policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Principal\":{\"Federated\":\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"}}]}"}}],"child_modules":[{"address":"module.m","resources":[]}]}},"resource_changes":[{"address":"aws_iam_role.a","type":"aws_iam_role","change":{"actions":["create"],"after_unknown":{"arn":true}}}],"configuration":{"root_module":{"resources":[{"address":"aws_iam_role.a","expressions":{"name":{"references":["var.a"]}}}]}}}"#,
];

/// What a script is made of.
pub(crate) const SHELL: [&str; 6] = [
    "#!/bin/bash\nset -e\nR=${R:-deploy}\naws iam create-role --role-name \"$R\" --assume-role-policy-document file://trust.json\n",
    "for r in a b; do gcloud iam service-accounts add-iam-policy-binding $r@x.iam.gserviceaccount.com --role=roles/iam.workloadIdentityUser --member \"principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*\"; done\n",
    "cat <<EOF > trust.json\n{\"Version\": \"2012-10-17\", \"x\": \"$(aws sts get-caller-identity --query Account)\"}\nEOF\n",
    "f() { local x=\"${1%%/*}\"; if [[ -n $x && $x == a* ]]; then echo \"${x//a/b}\" | tee f; fi; }\nf \"$@\"\n",
    "case \"$1\" in a|b) az ad app federated-credential create --id $ID --parameters '{\"subject\": \"repo:octo/app:*\"}' ;; *) exit 1;; esac\n",
    "while read -r l; do echo $((l + 1)); done < <(printf '%s\\n' {1..3}) && x=`date`\n",
];

/// A configuration of SPIRE.
pub(crate) const SPIRE: [&str; 2] = [
    "server {\n  trust_domain = \"example.org\"\n  federation {\n    bundle_endpoint { address = \"0.0.0.0\" port = 8443 }\n    federates_with \"other.org\" { bundle_endpoint_url = \"https://other.org/b\" bundle_endpoint_profile \"https_web\" {} }\n  }\n}\nplugins {\n  NodeAttestor \"k8s_psat\" {\n    plugin_data {\n      clusters = { \"c\" = { service_account_allow_list = [\"spire:agent\"] } }\n    }\n  }\n}\n",
    "agent {\n  insecure_bootstrap = true\n  trust_domain = \"example.org\"\n  server_address = \"spire\"\n}\n// a comment\nplugins { WorkloadAttestor \"unix\" { plugin_data {} } }\n",
];

/// What Bicep is made of.
pub(crate) const BICEP: [&str; 3] = [
    "param org string = 'octo'\nvar subject = 'repo:${org}/app:ref:refs/heads/main'\nresource id 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {\n  name: 'ci'\n  location: resourceGroup().location\n  resource cred 'federatedIdentityCredentials' = {\n    name: 'gh'\n    properties: {\n      issuer: 'https://token.actions.githubusercontent.com'\n      subject: subject\n      audiences: [ 'api://AzureADTokenExchange' ]\n    }\n  }\n}\n",
    "@description('x')\n@allowed(['a', 'b'])\nparam e string\nresource c 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2023-01-31' = [for i in range(0, 3): if (e == 'a') {\n  name: '${e}-${i}'\n  properties: {\n    issuer: 'https://gitlab.com'\n    subject: format('project_path:{0}/*:ref_type:branch:ref:main', e)\n    audiences: union([], ['x'])\n  }\n}]\n",
    "module m 'm.bicep' = {\n  name: 'm'\n  params: { a: '''multi\nline''', b: true ? 1 : -2, c: x.?y!.z[0] }\n}\noutput o object = { 'a-b': null }\n// end\n/* block */\n",
];

/// What PowerShell is made of.
pub(crate) const POWERSHELL: [&str; 2] = [
    "$subject = \"repo:octo/app:environment:$($env)\"\nNew-AzADAppFederatedCredential -ApplicationObjectId $app.Id -Audience @('api://AzureADTokenExchange') `\n  -Issuer 'https://token.actions.githubusercontent.com' -Name 'ci' -Subject $subject\n",
    "$params = @{\n  Name = 'x'; Issuer = \"https://gitlab.com\"\n  Subject = @'\nproject_path:octo/app:ref_type:branch:ref:main\n'@\n}\nforeach ($r in @('a','b')) { if ($r -eq 'a') { New-MgApplicationFederatedIdentityCredential -ApplicationId $id -BodyParameter $params } } # c\n<# block #>\n",
];

/// What Markdown is made of.
pub(crate) const MARKDOWN: [&str; 2] = [
    "# How\n\n```json\n{\"Version\": \"2012-10-17\", \"Statement\": []}\n```\n\n  ~~~yaml\n  kind: ServiceAccount\n  ~~~\n> ```sh\n> aws iam create-role\n> ```\n",
    "- a\n\n    ```hcl\n    resource \"x\" \"y\" {}\n    ```\n````md\n```json\n{}\n```\n````\n```\nno end\n",
];
