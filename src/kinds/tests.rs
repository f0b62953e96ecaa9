use super::{Computed, Types, file_words, is_wanted, of, table};
use crate::partial::UnknownKind;

/// A type that a row speaks of.
fn example(types: Types) -> String {
    match types {
        Types::Is(name) => name.to_owned(),
        Types::Starts(start) => format!("{start}x"),
        Types::Ends(end) => format!("x{end}"),
        Types::Between(start, end) => format!("{start}x{end}"),
        Types::Holds(part) => format!("x_{part}_x"),
    }
}

#[test]
fn no_row_stands_behind_one_that_hides_it() {
    for row in table::ROWS {
        let kind = example(row.types);
        assert!(of(&kind).is_some_and(|first| std::ptr::eq(first, row)), "{kind}: an earlier row speaks of it");
    }
}

#[test]
fn words_are_written_as_the_prefilter_reads_them_and_once() {
    let words = file_words();
    for (at, word) in words.iter().enumerate() {
        assert_eq!(*word, word.to_ascii_lowercase(), "in small letters");
        assert!(word.len() >= 3, "{word} is in every file");
        assert!(!words[..at].contains(word), "{word} is there twice");
    }
}

#[test]
fn one_row_tells_all_of_a_type() {
    let role = of("aws_iam_role").expect("a row");
    assert_eq!((role.gates(), role.policy(), role.is_trusting()), (&["assume_role_policy"][..], Some("assume_role_policy"), true));
    assert_eq!(role.computed("arn"), Some(Computed::AwsRoleArn));
    assert_eq!(role.computed("id"), Some(Computed::ArgumentOr("name", UnknownKind::Word)));
    assert_eq!(role.computed("tags_all"), None);
    assert!(!of("aws_iam_role_policy").expect("the family").is_trusting(), "a policy of rights is no trust");
    assert!(of("null_resource").is_none());
}

#[test]
fn what_readers_look_at() {
    let read = [
        "aws_iam_openid_connect_provider",
        "aws_iam_role_policy_attachment",
        "google_storage_bucket_iam_member",
        "google_iam_policy",
        "azuread_application_flexible_federated_identity_credential",
        "kubernetes_service_account_v1",
        "github_actions_repository_oidc_subject_claim_customization_template",
        "azapi_resource",
    ];
    let left = ["aws_iam_policy_document", "aws_s3_bucket", "google_project", "google_storage_bucket", "module", "random_pet"];
    assert!(read.iter().all(|kind| is_wanted(kind)));
    assert!(!left.iter().any(|kind| is_wanted(kind)));
}
