//! Variables of CI systems that Terraform sets: what a job reads as `vars.X` may be the ARN of a role of the scan
//! (<https://registry.terraform.io/providers/integrations/github/latest/docs/resources/actions_variable>).

use super::super::repositories;
use super::super::shape::text_at;
use crate::graph::Named;
use crate::partial::Text;
use crate::terraform::{Mode, Resource};

/// A variable or a secret.
#[derive(Debug, Clone)]
struct Variable {
    /// In small letters: GitHub's names have no case.
    name: String,
    value: Text,
    scope: String,
    /// The deployment environment whose variable it is.
    environment: Option<Text>,
    /// The repository whose variable it is, as far as its owner and name are written.
    repository: Option<String>,
}

/// All that are declared.
#[derive(Debug, Default)]
pub(super) struct Variables {
    all: Vec<Variable>,
}

/// `owner/name`, where the provider says the owner.
fn with_owner(resources: &[Resource], root: &str, name: String) -> String {
    let owner = if name.contains('/') { None } else { repositories::owner(resources, root) };
    owner.map_or(name.clone(), |owner| format!("{owner}/{name}"))
}

impl Variables {
    /// Those of GitHub, from its Terraform provider.
    pub(super) fn github(resources: &[Resource]) -> Self {
        let mut out = Self::default();
        for resource in resources.iter().filter(|r| r.mode == Mode::Managed) {
            let body = &resource.body;
            let (name, values): (&str, &[&str]) = match resource.kind.as_str() {
                "github_actions_variable" | "github_actions_environment_variable" | "github_actions_organization_variable" => {
                    ("variable_name", &["value"])
                }
                "github_actions_secret" | "github_actions_environment_secret" | "github_actions_organization_secret" => {
                    ("secret_name", &["plaintext_value", "value"])
                }
                _ => continue,
            };
            let value = values.iter().find_map(|key| text_at(body, key));
            let (Some(name), Some(value)) = (text_at(body, name).and_then(|n| n.as_known()), value) else { continue };
            let (environment, scope) = (text_at(body, "environment"), resource.root.clone());
            let repository = text_at(body, "repository").and_then(|r| r.as_known()).map(|name| with_owner(resources, &scope, name));
            out.all.push(Variable { name: name.to_lowercase(), value, scope, environment, repository });
        }
        out
    }

    /// What a name may stand for in a job of these environments.
    pub(super) fn named(&self, name: &str, environments: Option<&[String]>) -> Vec<Named> {
        let fits = |v: &&Variable| match (&v.environment, environments) {
            (Some(own), Some(all)) => own.as_known().is_none_or(|own| all.iter().any(|e| e.eq_ignore_ascii_case(&own))),
            _ => true,
        };
        let found: Vec<&Variable> = self.all.iter().filter(|v| v.name == name).filter(fits).collect();
        // an environment's variable stands before that of the repository
        let own = |v: &&&Variable| v.environment.is_some();
        let certain = environments.is_some_and(|all| all.len() == 1);
        let chosen: Vec<&&Variable> =
            if certain && found.iter().any(|v| own(&v)) { found.iter().filter(own).collect() } else { found.iter().collect() };
        let named = |v: &&&Variable| Named { text: v.value.clone(), scope: v.scope.clone(), repository: v.repository.clone() };
        chosen.iter().map(named).collect()
    }
}
