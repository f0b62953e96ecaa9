//! CloudFormation: references between resources, defaults of parameters, conditions.

#![allow(clippy::expect_used)]

use fedlint::catalogue::{Confidence, Severity};
use fedlint::pipeline::{Input, Request, check};

use fedlint::rules::Finding;

fn found(name: &str, text: &str) -> Vec<(Finding, usize)> {
    let run =
        check(&Request { input: Input::Memory(vec![(name.to_owned(), text.to_owned())]), ..Request::default() }).expect("the run is made");
    assert!(run.coverage.undecided.is_empty(), "{:?}", run.coverage.undecided);
    let line = |f: &Finding| run.sources.get(f.span.file).map_or(0, |file| file.position(f.span.start as usize).line);
    run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| (f.clone(), line(f))).collect()
}

fn rules(text: &str) -> Vec<(String, Confidence, usize)> {
    found("stack.yaml", text).into_iter().map(|(f, line)| (f.rule.to_string(), f.confidence, line)).collect()
}

/// A role below a provider, line 8 being its federated principal.
fn stack(head: &str, federated: &str, subject: &str) -> String {
    format!(
        "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Statement:\n          - Effect: Allow\n            \
         Principal: {{Federated: {federated}}}\n            Action: sts:AssumeRoleWithWebIdentity\n            Condition:\n              StringEquals: \
         {{\"token.actions.githubusercontent.com:aud\": sts.amazonaws.com}}\n              StringLike: {{\"token.actions.githubusercontent.com:sub\": {subject}}}\n  \
         Provider:\n    Type: AWS::IAM::OIDCProvider\n    Properties:\n      Url: https://token.actions.githubusercontent.com\n      ClientIdList: [sts.amazonaws.com]\n{head}"
    )
}

#[test]
fn a_reference_to_a_provider_of_the_template_is_its_arn() {
    let by_name = "!Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/token.actions.githubusercontent.com'";
    for federated in ["!Ref Provider", "!GetAtt Provider.Arn", "!Sub '${Provider}'", "!Sub '${Provider.Arn}'", by_name] {
        let wild = rules(&stack("", federated, "\"repo:*\""));
        assert_eq!(wild, [("wildcard-subject".to_owned(), Confidence::Proven, 12)], "{federated}");
        assert_eq!(rules(&stack("", federated, "\"repo:octo/app:environment:production\"")), [], "{federated}");
    }
}

#[test]
fn a_missing_subject_is_reported_where_the_provider_is_named() {
    let text = stack("", "!Ref Provider", "x").replace("              StringLike: {\"token.actions.githubusercontent.com:sub\": x}\n", "");
    assert_eq!(rules(&text), [("missing-subject".to_owned(), Confidence::Proven, 8)]);
}

#[test]
fn the_default_of_a_parameter_is_a_likely_value() {
    let parameters = |default: &str| format!("Parameters:\n  Repository:\n    Type: String\n{default}");
    let subject = "!Sub 'repo:octo/${Repository}:environment:production'";
    let wild = rules(&stack(&parameters("    Default: \"*\"\n"), "!Ref Provider", subject));
    // Where the star is written.
    assert_eq!(wild, [("organization-wide".to_owned(), Confidence::Likely, 21)]);
    assert_eq!(rules(&stack(&parameters("    Default: app\n"), "!Ref Provider", subject)), []);
    // Without a default nothing worse than one repository can be said.
    assert_eq!(rules(&stack(&parameters(""), "!Ref Provider", subject)), []);
    // The name of a parameter in the parameter store is not its value.
    let stored = "Parameters:\n  Repository:\n    Type: AWS::SSM::Parameter::Value<String>\n    Default: \"*\"\n";
    assert_eq!(rules(&stack(stored, "!Ref Provider", subject)), []);
    // A variable of `Fn::Sub` itself comes first.
    let own = "!Sub ['repo:octo/${Repository}:environment:production', {Repository: app}]";
    assert_eq!(rules(&stack(&parameters("    Default: \"*\"\n"), "!Ref Provider", own)), []);
    let list =
        "Parameters:\n  Subjects:\n    Type: CommaDelimitedList\n    Default: \"repo:octo/app:environment:production,repo:octo/*\"\n";
    assert_eq!(rules(&stack(list, "!Ref Provider", "!Ref Subjects")), [("organization-wide".to_owned(), Confidence::Likely, 21)]);
}

#[test]
fn conditions_decide_as_their_defaults_say() {
    let head = |default: &str| {
        format!(
            "Parameters:\n  Existing:\n    Type: String\n    Default: \"{default}\"\nConditions:\n  Create: !Not [!Equals [!Ref Existing, \"yes\"]]\n  Both: !And [!Condition Create, !Equals [a, a]]\n"
        )
    };
    let subject = "!If [Both, \"repo:*\", \"repo:octo/app:environment:production\"]";
    assert_eq!(rules(&stack(&head("no"), "!Ref Provider", subject)), [("wildcard-subject".to_owned(), Confidence::Likely, 12)]);
    assert_eq!(rules(&stack(&head("yes"), "!Ref Provider", subject)), []);
    // One provider in two ways is one issuer, and one finding.
    let either = "!If [Create, !Ref Provider, !Sub 'arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/token.actions.githubusercontent.com']";
    for default in ["yes", "no"] {
        assert_eq!(rules(&stack(&head(default), either, "\"repo:*\"")).len(), 1, "{default}");
    }
    assert_eq!(rules(&stack("", &either.replace("Create", "Elsewhere"), "\"repo:*\"")).len(), 1);
}

/// A URL that is made of references, to itself among others, comes to an end.
#[test]
fn a_provider_that_names_itself_is_unknown() {
    let text = stack("", "!Ref Provider", "\"repo:*\"")
        .replace("https://token.actions.githubusercontent.com", "!Sub '${Provider}${Provider.Arn}${Provider}'");
    // The first ways are as good as all of them.
    assert_eq!(rules(&text).len(), 1);
}
