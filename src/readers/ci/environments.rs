//! Deployment environments, and what stands before them
//! (<https://registry.terraform.io/providers/integrations/github/latest/docs/resources/repository_environment>).

use super::super::context::{Reader, origin};
use super::super::shape::{blocks, field, number, text_at};
use crate::graph::Environment;
use crate::partial::Value;
use crate::terraform::{Mode, Resource};

/// The environments of Terraform.
pub(super) fn read(reader: &mut Reader, resources: &[Resource]) {
    for resource in resources.iter().filter(|r| r.mode == Mode::Managed && r.kind == "github_repository_environment") {
        let body = &resource.body;
        let Some(name) = text_at(body, "environment") else { continue };
        let (repository, protected) = (text_at(body, "repository"), protected(body));
        reader.graph.environments.push(Environment { origin: origin(resource), repository, name, protected });
    }
}

/// Reviewers, a branch policy or a timer: whether there is any; none when that is not known.
fn protected(body: &Value) -> Option<bool> {
    let mut open = body.is_open();
    for key in ["reviewers", "deployment_branch_policy"] {
        let (found, more) = blocks(body, key);
        if !found.is_empty() {
            return Some(true);
        }
        open |= more;
    }
    match field(body, "wait_timer") {
        Some(timer) if number(Some(timer)) != Some(0) => Some(true),
        _ => (!open).then_some(false),
    }
}
