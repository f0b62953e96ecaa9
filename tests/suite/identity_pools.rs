//! Identity pools of Cognito: which roles they give out, and to whom.

#![allow(clippy::expect_used)]

use fedlint::graph::PoolUser;
use fedlint::pipeline::{Input, Request, check, read};

/// The roles that the pools of a file give out, each with to whom.
fn given(path: &str, text: &str) -> Vec<(PoolUser, Vec<String>)> {
    let input = Input::Memory(vec![(path.to_owned(), text.to_owned())]);
    let estate = read(&Request { input, ..Request::default() }).expect("the run is made");
    let name = |id: &fedlint::graph::IdentityId| estate.graph.identity(*id).map(|i| i.origin.name.clone()).unwrap_or_default();
    let roles = estate.graph.identity_pools.roles.iter().zip(&estate.links.pool_roles);
    roles.map(|(given, found)| (given.user, found.iter().map(name).collect())).collect()
}

const TRUST: &str = r#"assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [{ Effect = "Allow", Action = "sts:AssumeRoleWithWebIdentity",
    Principal = { Federated = "cognito-identity.amazonaws.com" },
    Condition = { StringEquals = { "cognito-identity.amazonaws.com:aud" = aws_cognito_identity_pool.app.id } } }] })"#;

#[test]
fn terraform_gives_roles_by_their_arn_whether_they_have_a_name_or_not() {
    let text = format!(
        r#"resource "aws_cognito_identity_pool" "app" {{
  identity_pool_name = "app"
}}
resource "aws_iam_role" "guest" {{
  {TRUST}
}}
resource "aws_iam_role" "user" {{
  name_prefix = "user-"
  {TRUST}
}}
resource "aws_iam_role" "staff" {{
  name = "staff"
  path = "/app/"
  {TRUST}
}}
resource "aws_cognito_identity_pool_roles_attachment" "app" {{
  identity_pool_id = aws_cognito_identity_pool.app.id
  roles = {{
    unauthenticated = aws_iam_role.guest.arn
    authenticated   = aws_iam_role.user.arn
  }}
  role_mapping {{
    identity_provider         = "graph.facebook.com"
    type                      = "Rules"
    ambiguous_role_resolution = "Deny"
    mapping_rule {{
      claim      = "isStaff"
      match_type = "Equals"
      value      = "yes"
      role_arn   = aws_iam_role.staff.arn
    }}
  }}
}}
"#
    );
    let role = |name: &str| vec![format!("aws_iam_role.{name}")];
    assert_eq!(
        given("main.tf", &text),
        [(PoolUser::Guest, role("guest")), (PoolUser::LoggedIn, role("user")), (PoolUser::LoggedIn, role("staff"))]
    );
}

#[test]
fn cloudformation_gives_roles_by_their_attribute() {
    let text = "\
Resources:
  Pool:
    Type: AWS::Cognito::IdentityPool
    Properties: { AllowUnauthenticatedIdentities: true }
  Attachment:
    Type: AWS::Cognito::IdentityPoolRoleAttachment
    Properties:
      IdentityPoolId: !Ref Pool
      Roles:
        unauthenticated: !GetAtt Guest.Arn
      RoleMappings:
        login:
          Type: Rules
          IdentityProvider: login.example
          RulesConfiguration: { Rules: [{ Claim: staff, MatchType: Equals, Value: \"yes\", RoleARN: !Sub \"${Staff.Arn}\" }] }
  Guest: &role
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: \"2012-10-17\"
        Statement:
          - Effect: Allow
            Action: sts:AssumeRoleWithWebIdentity
            Principal: { Federated: cognito-identity.amazonaws.com }
            Condition: { StringEquals: { \"cognito-identity.amazonaws.com:aud\": !Ref Pool } }
  Staff: *role
";
    let role = |name: &str| vec![name.to_owned()];
    assert_eq!(given("stack.yaml", text), [(PoolUser::Guest, role("Guest")), (PoolUser::LoggedIn, role("Staff"))]);
}

#[test]
fn a_role_that_another_pool_gives_out_is_nobodys() {
    let found = |attached: &str, asked: &str| {
        let text = format!(
            "resource \"aws_cognito_identity_pool\" \"shop\" {{\n  identity_pool_name = \"shop\"\n}}\nresource \"aws_cognito_identity_pool\" \"till\" {{\n  identity_pool_name = \"till\"\n}}\nvariable \"pool\" {{}}\nresource \"aws_iam_role\" \"user\" {{\n  assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRoleWithWebIdentity\", Principal = {{ Federated = \"cognito-identity.amazonaws.com\" }}, Condition = {{ StringEquals = {{ \"cognito-identity.amazonaws.com:aud\" = {asked} }}, \"ForAnyValue:StringLike\" = {{ \"cognito-identity.amazonaws.com:amr\" = \"authenticated\" }} }} }}] }})\n}}\nresource \"aws_cognito_identity_pool_roles_attachment\" \"user\" {{\n  identity_pool_id = {attached}\n  roles = {{ authenticated = aws_iam_role.user.arn }}\n}}\n"
        );
        let input = Input::Memory(vec![("main.tf".to_owned(), text)]);
        let run = check(&Request { input, ..Request::default() }).expect("the run is made");
        run.findings.iter().map(|f| f.rule.to_string()).collect::<Vec<_>>()
    };
    let (shop, till) = ("aws_cognito_identity_pool.shop.id", "aws_cognito_identity_pool.till.id");
    let (one, other) = ("\"eu-west-1:11111111-2222-4333-8444-555555555555\"", "\"eu-west-1:66666666-2222-4333-8444-555555555555\"");
    for (attached, asked) in [(shop, till), (till, shop), (one, other), (shop, &format!("[{till}]"))] {
        assert_eq!(found(attached, asked), ["never-matches"], "{attached} {asked}");
    }
    for (attached, asked) in
        [(shop, shop), (one, one), ("var.pool", shop), (shop, "var.pool"), (shop, &format!("[{shop}, {till}]")), (shop, one)]
    {
        assert_eq!(found(attached, asked), Vec::<String>::new(), "{attached} {asked}");
    }
}
