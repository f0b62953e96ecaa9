//! The repositories that Terraform declares: their forge writes their names into tokens with the letters that they have here
//! (<https://registry.terraform.io/providers/integrations/github/latest/docs/resources/repository>).

use super::context::{Reader, origin};
use super::shape::{known_at, text_at};
use crate::graph::Repository;
use crate::terraform::{Mode, Resource};

/// The repositories of a scan: declared with a name, owned by the owner of the provider.
pub(super) fn read(reader: &mut Reader, resources: &[Resource]) {
    for resource in resources.iter().filter(|r| r.mode == Mode::Managed && r.kind == "github_repository") {
        let Some(name) = text_at(&resource.body, "name") else { continue };
        let owner = owner(resources, &resource.root);
        reader.graph.repositories.push(Repository { origin: origin(resource), owner, name });
    }
}

/// The owner of what the provider of a root makes, where it has one configuration: two are two owners.
pub(super) fn owner(resources: &[Resource], root: &str) -> Option<String> {
    let provider = |r: &&Resource| r.mode == Mode::Provider && r.kind == "github" && r.root == root;
    let mut owners: Vec<Option<String>> =
        resources.iter().filter(provider).map(|p| known_at(&p.body, "owner").or_else(|| known_at(&p.body, "organization"))).collect();
    owners.dedup();
    if let [one] = owners.as_slice() { one.clone() } else { None }
}
