//! Well-known modules whose source is not on disk, as miniature modules in our own words.
//!
//! A model holds the variables, the trust and the outputs of a published module and nothing else; the evaluator
//! treats a call of it as a call of a local module in a virtual folder. `index.yaml` says which source and which
//! versions mean which model. A module that is not known stays a remote module. Users add their own: [`Library::load`].

mod version;

use crate::source::held::Held;
use crate::source::regular;

use regex::Regex;
use serde::Deserialize;
use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use version::{Range, Version};

/// A miniature module.
#[derive(Debug, Clone)]
pub struct Model {
    /// Its name: the last part of its virtual folder.
    pub name: Cow<'static, str>,
    /// Its files: path in the folder, text.
    pub files: Vec<(Cow<'static, str>, Cow<'static, str>)>,
    /// Which argument of the module sets what: see [`Arguments`].
    pub arguments: Arguments,
}

/// The names of a module's arguments that an advice can name; one that is not there is a thing that the module cannot do.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Arguments {
    /// The list of audiences that the trust takes.
    pub audiences: Option<Arc<str>>,
    /// The list of exact subjects that the trust takes.
    pub subjects: Option<Arc<str>>,
    /// The list of further conditions of the trust.
    pub conditions: Option<Arc<str>>,
}

/// Where the virtual folders of the models stand: no path of a scanned file has a doubled slash.
pub const FOLDER: &str = "//fedlint/models/";
/// Most lines of a user's index.
const MAX_ENTRIES: usize = 1000;

macro_rules! models {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!($name, "/main.tf")))),*]
    };
}

/// Every built-in model: name and text of its one file.
static BUILT_IN: &[(&str, &str)] = models![
    "aws_assumable_role",
    "aws_assumable_roles",
    "aws_blueprints_addon",
    "aws_blueprints_addons",
    "aws_blueprints_team",
    "aws_eks",
    "aws_eks_pod_identity",
    "aws_eks_v17",
    "aws_github_role",
    "aws_iam_oidc_role",
    "aws_iam_role",
    "aws_irsa_v5",
    "aws_irsa_v6",
    "aws_karpenter_v19",
    "aws_karpenter_v20",
    "aws_oidc_provider",
    "aws_saml_role",
    "azure_aks",
    "azure_user_identity",
    "cds_github_role",
    "cloudposse_eks_cluster",
    "cloudposse_eks_role",
    "cloudposse_helm_release",
    "fabric_project",
    "fabric_project_iam",
    "fabric_service_account",
    "google_account_bindings",
    "google_gh_oidc",
    "google_project_bindings",
    "google_workload_identity",
    "moj_github_provider",
    "moj_github_role",
    "moj_github_role_v1",
    "moj_irsa",
    "philips_github",
    "philips_provider",
    "unfunco_github",
];

/// One line of the index as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    model: String,
    source: String,
    from: Option<String>,
    below: Option<String>,
    #[serde(default)]
    arguments: Arguments,
}

/// One line of the index, ready to use.
#[derive(Debug)]
struct Rule {
    model: Arc<Model>,
    source: Regex,
    versions: Range,
}

/// Models and the sources that mean them.
#[derive(Debug, Default)]
pub struct Library {
    rules: Vec<Rule>,
}

static OWN: LazyLock<Library> = LazyLock::new(|| {
    let entries: Vec<Entry> = serde_saphyr::from_str(include_str!("index.yaml")).unwrap_or_default();
    let model = |name: &str| {
        let (name, text) = BUILT_IN.iter().find(|(n, _)| *n == name).ok_or_else(|| format!("unknown model `{name}`"))?;
        let files = vec![(Cow::Borrowed("main.tf"), Cow::Borrowed(*text))];
        Ok(Model { name: Cow::Borrowed(name), files, arguments: Arguments::default() })
    };
    Library { rules: entries.iter().filter_map(|e| rule(e, model).ok()).collect() }
});

fn rule(entry: &Entry, model: impl Fn(&str) -> Result<Model, String>) -> Result<Rule, String> {
    let bound = |text: &Option<String>, missing: Version| match text {
        Some(text) => Version::parse(text).ok_or_else(|| format!("`{text}` is not a version")),
        None => Ok(missing),
    };
    Ok(Rule {
        model: Arc::new(Model { arguments: entry.arguments.clone(), ..model(&entry.model)? }),
        source: Regex::new(&entry.source).map_err(|e| format!("`{}` is not a valid regular expression: {e}", entry.source))?,
        versions: Range { from: bound(&entry.from, Version::LEAST)?, below: bound(&entry.below, Version::MOST)? },
    })
}

impl Library {
    /// The models of a folder: `index.yaml` and a folder of Terraform files for each model.
    ///
    /// # Errors
    /// What is wrong, with the file: the index or a model cannot be read, or a line of the index cannot be used.
    pub fn load(folder: &Path, held: Held<'_>) -> Result<Self, String> {
        let shown = |path: &Path| path.display().to_string();
        let index = folder.join("index.yaml");
        let text = held.text(&index, regular::MAX_SETTINGS).map_err(|e| format!("`{}`: {e}", shown(&index)))?;
        let entries: Vec<Entry> = serde_saphyr::from_str(&text).map_err(|e| {
            // The error shows a line of the file: not of one that only a link leads to.
            let why = if held.is_plain(&index) { e.to_string() } else { "what the link leads to is no index of models".to_owned() };
            format!("`{}`: {why}", shown(&index))
        })?;
        if entries.len() > MAX_ENTRIES {
            return Err(format!("`{}` has more than {MAX_ENTRIES} lines", shown(&index)));
        }
        let model = |name: &str| read_model(folder, name, held);
        let rules = entries.iter().map(|e| rule(e, model)).collect::<Result<_, _>>();
        Ok(Self { rules: rules.map_err(|e| format!("`{}`: {e}", shown(&index)))? })
    }

    /// There are no models.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// As [`find`], among these models only.
    #[must_use]
    pub fn find(&self, source: &str, version: Option<&str>) -> Option<&Model> {
        let (place, reference) = normalised(source);
        let wanted = match (version, reference) {
            (Some(constraint), _) => Range::of_constraint(constraint),
            (None, Some(reference)) => Version::parse(&reference).map(Range::only),
            (None, None) => None,
        };
        let fits = |rule: &&Rule| rule.source.is_match(&place) && wanted.is_none_or(|w| w.overlaps(rule.versions));
        self.rules.iter().filter(fits).max_by_key(|rule| rule.versions.from).map(|rule| &*rule.model)
    }
}

/// The Terraform files of one model of a user.
fn read_model(folder: &Path, name: &str, held: Held<'_>) -> Result<Model, String> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
        return Err(format!("`{name}` is not a valid model name: letters, digits, `-` and `_` are"));
    }
    let names = held.names(&folder.join(name)).map_err(|e| format!("the model `{name}`: {e}"))?;
    let mut paths: Vec<_> =
        names.into_iter().map(|n| folder.join(name).join(n)).filter(|p| p.extension().is_some_and(|e| e == "tf")).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(format!("the model `{name}` has no Terraform file"));
    }
    let mut files = Vec::new();
    for path in paths {
        let text = held.text(&path, regular::MAX_FILE_BYTES).map_err(|e| format!("`{}`: {e}", path.display()))?;
        let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        files.push((Cow::Owned(file), Cow::Owned(text)));
    }
    // apart from the built-in models, whose names may be the same
    Ok(Model { name: Cow::Owned(format!("user/{name}")), files, arguments: Arguments::default() })
}

/// The built-in model for a module call: `source` as written, `version` the call's version constraint. A constraint
/// that fits several models means the newest of them, as Terraform would install it; a version that cannot be read (a
/// branch, a commit) excludes none.
#[must_use]
pub fn find(source: &str, version: Option<&str>) -> Option<&'static Model> {
    OWN.find(source, version)
}

/// The source without what only says how to fetch it, in lower case, and its `ref`.
fn normalised(source: &str) -> (String, Option<String>) {
    let (place, query) = source.split_once('?').unwrap_or((source, ""));
    // Terragrunt's `tfr:` sources have a `version`.
    let pinned = |pair: &'_ str| pair.strip_prefix("ref=").or_else(|| pair.strip_prefix("version=")).map(str::to_owned);
    let reference = query.split('&').find_map(pinned).map(|r| r.trim_start_matches("tags/").to_owned());
    let mut place = place.trim().to_ascii_lowercase();
    for lead in ["git::", "https://", "http://", "ssh://", "tfr:///", "tfr://", "git@", "registry.terraform.io/", "registry.opentofu.org/"]
    {
        if let Some(rest) = place.strip_prefix(lead) {
            place = rest.to_owned();
        }
    }
    // `github.com:owner/name` is `github.com/owner/name`.
    let place = place.replacen(':', "/", 1).replace(".git//", "//");
    (place.trim_end_matches('/').trim_end_matches(".git").to_owned(), reference)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(source: &str, version: Option<&str>) -> &'static str {
        find(source, version).map_or("none", |m| &m.name)
    }

    #[test]
    fn every_line_of_the_index_is_used() {
        let entries: Vec<Entry> = serde_saphyr::from_str(include_str!("index.yaml")).unwrap();
        assert_eq!(entries.len(), OWN.rules.len(), "a line names a model that is not there, or holds a bad expression");
        for entry in &entries {
            for bound in [&entry.from, &entry.below].into_iter().flatten() {
                assert!(Version::parse(bound).is_some(), "{bound}");
            }
        }
        for (name, _) in BUILT_IN {
            assert!(entries.iter().any(|e| e.model == *name), "{name} is in no line");
        }
    }

    #[test]
    fn every_model_is_terraform() {
        for (name, text) in BUILT_IN {
            let body = text.parse::<hcl_edit::structure::Body>();
            assert!(body.is_ok(), "{name}: {}", body.unwrap_err());
        }
    }

    #[test]
    fn every_argument_of_the_index_is_a_variable_of_its_model() {
        for rule in &OWN.rules {
            let Arguments { audiences, subjects, conditions } = &rule.model.arguments;
            for argument in [audiences, subjects, conditions].into_iter().flatten() {
                let declared = format!("variable \"{argument}\"");
                assert!(rule.model.files.iter().any(|(_, text)| text.contains(&declared)), "{}: {argument}", rule.model.name);
            }
        }
    }

    #[test]
    fn registry_sources() {
        let iam = |m: &str| format!("terraform-aws-modules/iam/aws//modules/{m}");
        assert_eq!(model(&iam("iam-assumable-role-with-oidc"), Some("~> 4.7")), "aws_iam_oidc_role");
        assert_eq!(model(&iam("iam-role-for-service-accounts-eks"), Some("5.28.0")), "aws_irsa_v5");
        assert_eq!(model(&iam("iam-role-for-service-accounts-eks"), None), "aws_irsa_v5");
        assert_eq!(model(&iam("iam-role-for-service-accounts"), Some("~> 6.0")), "aws_irsa_v6");
        assert_eq!(model(&iam("iam-role-for-service-accounts"), Some(">= 5.0, < 6.0")), "none");
        assert_eq!(model(&iam("iam-github-oidc-role"), Some(">= 5.20")), "aws_github_role");
        assert_eq!(model(&iam("iam-github-oidc-provider"), Some("5.60.0")), "aws_oidc_provider");
        assert_eq!(model(&iam("iam-oidc-provider"), None), "aws_oidc_provider");
        assert_eq!(model(&iam("iam-role"), Some("6.2.1")), "aws_iam_role");
        assert_eq!(model(&iam("iam-user"), None), "none");
        assert_eq!(model("terraform-aws-modules/eks/aws", Some("~> 20.0")), "aws_eks");
        assert_eq!(model("registry.terraform.io/terraform-aws-modules/eks/aws", None), "aws_eks");
        assert_eq!(model("terraform-aws-modules/eks-pod-identity/aws", Some("1.0.0")), "aws_eks_pod_identity");
        assert_eq!(model("cloudposse/eks-iam-role/aws", Some("2.1.0")), "cloudposse_eks_role");
        assert_eq!(model("cloudposse/eks-iam-role/aws", Some("0.11.0")), "none");
        assert_eq!(model("unfunco/oidc-github/aws", Some("3.0.1")), "unfunco_github");
        assert_eq!(model("unfunco/oidc-github/aws", Some("1.3.1")), "none");
        assert_eq!(model("philips-labs/github-oidc/aws", None), "philips_github");
        assert_eq!(model("terraform-google-modules/github-actions-runners/google//modules/gh-oidc", Some("~> 3.1")), "google_gh_oidc");
        assert_eq!(
            model("terraform-google-modules/kubernetes-engine/google//modules/workload-identity", Some("30.0.0")),
            "google_workload_identity"
        );
        assert_eq!(model("terraform-google-modules/iam/google//modules/service_accounts_iam", None), "google_account_bindings");
        assert_eq!(model("terraform-google-modules/iam/google//modules/projects_iam", Some("8.0.0")), "google_project_bindings");
        assert_eq!(model("terraform-google-modules/iam/google//modules/folders_iam", None), "none");
    }

    #[test]
    fn every_model_evaluates_by_itself() {
        for (name, text) in BUILT_IN {
            let library = crate::source::Sources::new();
            let file = library.add(format!("{FOLDER}{name}/main.tf"), *text);
            let parsed = crate::syntax::hcl::parse(&file);
            assert!(parsed.problems.is_empty() && parsed.duplicates.is_empty(), "{name}: {:?} {:?}", parsed.problems, parsed.duplicates);
            let declares = |kind: &str| parsed.body.blocks.iter().filter(|b| &*b.kind == kind).count();
            assert!(declares("resource") + declares("module") > 0, "{name} declares nothing");
            assert!(declares("output") > 0, "{name} has no output");
        }
    }

    #[test]
    fn versions_mean_the_model_of_their_time() {
        let moj =
            |version: &str| model(&format!("github.com/ministryofjustice/modernisation-platform-github-oidc-role?ref={version}"), None);
        assert_eq!(moj("v1.0.0"), "moj_github_role_v1");
        assert_eq!(moj("v2.0.1"), "moj_github_role");
        assert_eq!(moj("v4.0.0"), "moj_github_role");
        assert_eq!(moj("82f546bd5f002674138a2ccdade7d7618c6758b3"), "moj_github_role");
        assert_eq!(model("terraform-aws-modules/eks/aws", Some("17.24.0")), "aws_eks_v17");
        assert_eq!(model("terraform-aws-modules/eks/aws//modules/karpenter", Some("~> 19.0")), "aws_karpenter_v19");
        assert_eq!(model("terraform-aws-modules/eks/aws//modules/karpenter", Some("~> 20.0")), "aws_karpenter_v20");
        assert_eq!(model("terraform-aws-modules/iam/aws//modules/iam-assumable-role", Some("~> 5.0")), "aws_assumable_role");
        assert_eq!(model("terraform-aws-modules/iam/aws//modules/iam-assumable-role", Some("6.0.0")), "none");
        let fabric = |module: &str| format!("github.com/GoogleCloudPlatform/cloud-foundation-fabric//modules/{module}");
        assert_eq!(model(&format!("{}?ref=v34.1.0", fabric("project")), None), "fabric_project_iam");
        assert_eq!(model(&format!("{}?ref=v53.0.0", fabric("project")), None), "fabric_project");
        assert_eq!(model(&fabric("iam-service-account"), None), "fabric_service_account");
        assert_eq!(model("Azure/avm-res-managedidentity-userassignedidentity/azurerm", Some("0.3.4")), "azure_user_identity");
        assert_eq!(
            model("git::https://github.com/binbashar/terraform-aws-iam.git//modules/iam-assumable-role?ref=v4.1.0", None),
            "aws_assumable_role"
        );
    }

    #[test]
    fn git_sources() {
        let path = "terraform-aws-modules/terraform-aws-iam";
        for source in [
            format!("git::https://github.com/{path}.git//modules/iam-role-for-service-accounts-eks?ref=v5.3.0"),
            format!("git@github.com:{path}.git//modules/iam-role-for-service-accounts-eks?ref=v5.3.0"),
            format!("git::ssh://git@github.com/{path}//modules/iam-role-for-service-accounts-eks?depth=1&ref=0123abc"),
            format!("github.com/{path}//modules/iam-role-for-service-accounts-eks"),
        ] {
            assert_eq!(model(&source, None), "aws_irsa_v5", "{source}");
        }
        assert_eq!(model(&format!("github.com/{path}//modules/iam-role?ref=v5.0.0"), None), "none");
        let irsa = "github.com/ministryofjustice/cloud-platform-terraform-irsa?ref=";
        assert_eq!(model(&format!("{irsa}2.1.0"), None), "moj_irsa");
        assert_eq!(model(&format!("{irsa}1.0.5"), None), "none");
        assert_eq!(model("github.com/cds-snc/terraform-modules//gh_oidc_role?ref=v9.6.4", None), "cds_github_role");
    }

    #[test]
    fn look_alikes_are_not_the_module() {
        for source in [
            "./modules/eks",
            "evil-terraform-aws-modules/eks/aws",
            "terraform-aws-modules/eks/aws//modules/fargate-profile",
            "acme/eks/aws",
            "",
        ] {
            assert_eq!(model(source, None), "none", "{source}");
        }
    }
}
