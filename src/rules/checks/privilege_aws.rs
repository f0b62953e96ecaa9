//! What a permission of AWS is worth: whoever holds it can do anything, or grant themselves any right.

use crate::graph::Grant;
use crate::partial::Text;

/// The fields of an ARN.
const FIELDS: usize = 6;
/// The resource of everything.
const EVERYTHING: &str = "*";
/// Begins a statement's permission that holds all actions but these (see [`Grant::permission`]).
const ALL_BUT: &str = "NotAction ";
/// AWS managed policies that let their holder do anything, or grant themselves any right
/// (<https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html>).
const MANAGED: &[&str] = &["AdministratorAccess", "IAMFullAccess", "PowerUserAccess"];
/// Actions that, on every resource, let their holder grant themselves any right: they change what a policy allows, who may
/// assume a role, or the credentials of an administrator
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-changes.html>,
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>).
const RAISING: &[&str] = &[
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
];
/// Handing a role to a service raises together with one of these, which run code of the holder's as the role
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>).
const PASS_ROLE: &str = "iam:PassRole";
const RUNNING: &[&str] = &[
    "cloudformation:CreateStack",
    "codebuild:CreateProject",
    "datapipeline:CreatePipeline",
    "ec2:RunInstances",
    "ecs:RegisterTaskDefinition",
    "glue:CreateDevEndpoint",
    "glue:CreateJob",
    "lambda:CreateFunction",
    "sagemaker:CreateNotebookInstance",
    "sagemaker:CreateTrainingJob",
    "states:CreateStateMachine",
];

/// One grant is enough.
pub(super) fn alone(grant: &Grant) -> bool {
    let Some(permission) = grant.permission.as_known() else { return managed(&grant.permission) };
    if permission.starts_with("arn:") {
        return managed(&grant.permission);
    }
    if !everywhere(grant) {
        return false;
    }
    match permission.strip_prefix(ALL_BUT) {
        // Everything but a part of AWS: an administrator, or one of all that is not IAM.
        Some(excluded) => excluded != EVERYTHING,
        None => RAISING.iter().any(|action| matches(&permission, action)),
    }
}

/// The grant hands roles to services.
pub(super) fn passes_roles(grant: &Grant) -> bool {
    everywhere(grant) && grant.permission.as_known().is_some_and(|p| matches(&p, PASS_ROLE))
}

/// The grant assumes roles.
pub(super) fn assumes_roles(grant: &Grant) -> bool {
    grant.permission.as_known().is_some_and(|p| !p.starts_with("arn:") && matches(&p, "sts:AssumeRole"))
}

/// The grant runs code as a role that is handed over.
pub(super) fn runs_code(grant: &Grant) -> bool {
    grant.permission.as_known().is_some_and(|p| RUNNING.iter().any(|action| matches(&p, action)))
}

/// The grant reaches everything, or each role, user or policy of an account.
fn everywhere(grant: &Grant) -> bool {
    let Some(scope) = &grant.scope else { return false };
    let shape = scope.fill(|_| "\u{0}".to_owned());
    let fields: Vec<&str> = shape.splitn(FIELDS, ':').collect();
    let all = |resource: &str| matches!(resource, EVERYTHING | "role/*" | "user/*" | "policy/*");
    shape == EVERYTHING || matches!(fields.as_slice(), [_, _, "iam", _, _, resource] if all(resource))
}

/// A policy of AWS itself (`arn:aws:iam::aws:policy/…`): a customer's policy of the same name allows what it says.
fn managed(permission: &Text) -> bool {
    let shape = permission.fill(|_| "\u{0}".to_owned());
    let fields: Vec<&str> = shape.splitn(FIELDS, ':').collect();
    let [_, _, "iam", _, "aws", resource] = fields.as_slice() else { return false };
    resource.strip_prefix("policy/").is_some_and(|path| MANAGED.contains(&path.rsplit('/').next().unwrap_or(path)))
}

/// IAM's action patterns ignore letter case
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html>).
fn matches(pattern: &str, action: &str) -> bool {
    crate::admission::iam::action_matches(pattern, action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Origin;
    use crate::place::Span;
    use crate::source::Sources;

    fn grant(permission: &str, scope: Option<&str>) -> Grant {
        let span = Span::new(Sources::new().add("main.tf", "x").id, 0..1);
        let origin = Origin {
            name: "ci".to_owned(),
            declared: crate::graph::Declared::Printed,
            span,
            scope: String::new(),
            library: false,
            stands_in: false,
            conditional: false,
        };
        Grant {
            origin,
            identity: None,
            principal: Text::known("ci"),
            permission: Text::known(permission),
            scope: scope.map(Text::known),
            others: Vec::new(),
            asks: Vec::new(),
        }
    }

    #[test]
    fn rights_that_raise_themselves() {
        for action in ["*", "*:*", "iam:*", "IAM:*", "iam:Put*", "iam:?ttachRolePolicy", "IAM:updateassumerolepolicy", "NotAction s3:*"] {
            assert!(alone(&grant(action, Some("*"))), "{action}");
        }
        for action in ["s3:*", "iam:Get*", "iam:List*", "iamx:*", "iam:PassRole", "ec2:*", "iam:CreateRole"] {
            assert!(!alone(&grant(action, Some("*"))), "{action}");
        }
        for all in ["role/*", "user/*", "policy/*", "*"] {
            assert!(alone(&grant("iam:PutRolePolicy", Some(&format!("arn:aws:iam::111122223333:{all}")))), "{all}");
        }
        assert!(!alone(&grant("iam:PutRolePolicy", Some("arn:aws:iam::111122223333:group/*"))));
        // On one role of its own.
        assert!(!alone(&grant("iam:PutRolePolicy", Some("arn:aws:iam::111122223333:role/app"))));
    }

    #[test]
    fn policies_of_aws_and_of_others() {
        for arn in [
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "arn:aws-cn:iam::aws:policy/PowerUserAccess",
            "arn:aws:iam::aws:policy/IAMFullAccess",
        ] {
            assert!(alone(&grant(arn, None)), "{arn}");
        }
        for arn in ["arn:aws:iam::111122223333:policy/AdministratorAccess", "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            assert!(!alone(&grant(arn, None)), "{arn}");
        }
    }

    #[test]
    fn roles_that_are_handed_to_a_service() {
        assert!(passes_roles(&grant("iam:passrole", Some("*"))));
        assert!(runs_code(&grant("Lambda:Create*", Some("*"))));
        assert!(!runs_code(&grant("lambda:InvokeFunction", Some("*"))));
    }
}
