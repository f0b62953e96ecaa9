//! Identity pools of Amazon Cognito in Terraform, CloudFormation and the answers of the command line
//! (<https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_SetIdentityPoolRoles.html>).

use super::super::context::{Object, Reader, origin};
use super::super::shape::{any_field, blocks, field, text, text_at};
use crate::graph::{IdentityPool, Origin, PoolRole, PoolUser};
use crate::partial::{Text, Value};
use crate::terraform::{Mode, Resource};

/// The resources of Terraform, and of scripts.
pub(in crate::readers) fn terraform(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    match resource.kind.as_str() {
        "aws_cognito_identity_pool" | "awscc_cognito_identity_pool" => pool(reader, origin(resource), body),
        "aws_cognito_identity_pool_roles_attachment" | "awscc_cognito_identity_pool_role_attachment" => {
            roles(reader, &origin(resource), body);
        }
        _ => {}
    }
}

/// The resources of CloudFormation.
pub(super) fn template(reader: &mut Reader, origin: Origin, kind: &str, properties: &Value) {
    match kind {
        "AWS::Cognito::IdentityPool" => pool(reader, origin, properties),
        "AWS::Cognito::IdentityPoolRoleAttachment" => roles(reader, &origin, properties),
        _ => {}
    }
}

/// `aws cognito-identity get-identity-pool-roles` and `describe-identity-pool`.
pub(in crate::readers) fn printed(reader: &mut Reader, object: &Object) {
    let Some(id) = text_at(object.value, "IdentityPoolId") else { return };
    let origin = object.printed(format!("identity pool {id}"));
    if field(object.value, "AllowUnauthenticatedIdentities").is_some() {
        pool(reader, origin, object.value);
    } else if field(object.value, "Roles").is_some() {
        roles(reader, &origin, object.value);
    }
}

fn pool(reader: &mut Reader, origin: Origin, body: &Value) {
    let value = body.get("allow_unauthenticated_identities").or_else(|| body.get("AllowUnauthenticatedIdentities"));
    // What is not said is no.
    let guests = match value {
        Some(value) => value.as_bool().or_else(|| text(Some(value))?.as_known().map(|t| t == "true")),
        None => (!body.is_open()).then_some(false),
    };
    reader.graph.identity_pools.pools.push(IdentityPool { origin, guests });
}

fn roles(reader: &mut Reader, origin: &Origin, body: &Value) {
    let pool = text(any_field(body, &["identity_pool_id", "IdentityPoolId"]));
    let mut found: Vec<(PoolUser, Text)> = Vec::new();
    if let Some(named) = any_field(body, &["roles", "Roles"]) {
        found.extend(text_at(named, "unauthenticated").map(|role| (PoolUser::Guest, role)));
        found.extend(text_at(named, "authenticated").map(|role| (PoolUser::LoggedIn, role)));
    }
    found.extend(mapped(body).into_iter().map(|role| (PoolUser::LoggedIn, role)));
    for (user, role) in found {
        let origin = Origin { span: role.span().unwrap_or(origin.span), ..origin.clone() };
        reader.graph.identity_pools.roles.push(PoolRole { origin, pool: pool.clone(), user, role });
    }
}

/// The roles of rules over the claims of a login.
fn mapped(body: &Value) -> Vec<Text> {
    let mut mappings = blocks(body, "role_mapping").0;
    if let Some(named) = any_field(body, &["role_mappings", "RoleMappings"]) {
        mappings.extend(named.entries().iter().map(|e| &e.value));
    }
    let mut out = Vec::new();
    for mapping in mappings {
        let mut rules = blocks(mapping, "mapping_rule").0;
        if let Some(configuration) = any_field(mapping, &["rules_configuration", "RulesConfiguration"]) {
            rules.extend(["rules", "Rules"].into_iter().flat_map(|key| blocks(configuration, key).0));
        }
        out.extend(rules.into_iter().filter_map(|rule| text(any_field(rule, &["role_arn", "RoleARN"]))));
    }
    out
}
