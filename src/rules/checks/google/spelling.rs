//! How a setting is written where it stands: an argument of Terraform, a flag of a command, a field of a manifest. Advice speaks
//! the language of the file that it is for.

use crate::graph::Origin;
use crate::place::Span;
use crate::source::Sources;
use crate::source::walk::FileKind;

/// The language of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `attribute_condition = "…"`.
    Argument,
    /// `--attribute-condition="…"`
    /// (<https://cloud.google.com/sdk/gcloud/reference/iam/workload-identity-pools/providers/create-oidc>).
    Flag,
    /// `attributeCondition: "…"`
    /// (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers>).
    Field,
}

impl Spelling {
    /// That of what declares a fact.
    pub(super) fn of(sources: &Sources, origin: &Origin) -> Self {
        Self::at(sources, origin.span, origin.block().is_some())
    }

    /// That of a place: a `block` outside of Terraform's files is a command.
    fn at(sources: &Sources, span: Span, block: bool) -> Self {
        let kind = sources.get(span.file).and_then(|file| FileKind::of(&file.path));
        match kind {
            Some(FileKind::Terraform | FileKind::TerraformJson | FileKind::Tfvars | FileKind::TfvarsJson | FileKind::Hcl) => Self::Argument,
            // A plan or a state.
            Some(FileKind::Json) if block => Self::Argument,
            // A manifest may hold commands, too.
            Some(FileKind::Yaml) if !sources.snippet(span).starts_with("gcloud") => Self::Field,
            _ if block => Self::Flag,
            _ => Self::Field,
        }
    }

    /// A setting's name, given in Terraform's form: `attribute_condition`.
    pub(super) fn name(self, argument: &str) -> String {
        match self {
            Self::Argument => argument.to_owned(),
            Self::Flag => format!("--{}", argument.replace('_', "-")),
            Self::Field => camel(argument),
        }
    }

    /// A setting with its value.
    pub(super) fn setting(self, argument: &str, value: &str) -> String {
        let name = self.name(argument);
        match self {
            Self::Argument => format!("{name} = \"{value}\""),
            Self::Flag => format!("{name}=\"{value}\""),
            Self::Field => format!("{name}: \"{value}\""),
        }
    }

    /// One line of a mapping.
    pub(super) fn mapping(self, key: &str, expression: &str) -> String {
        match self {
            Self::Argument => format!("\"{key}\" = \"{expression}\""),
            Self::Flag => format!("{key}={expression}"),
            Self::Field => format!("{key}: {expression}"),
        }
    }

    /// What binds on one service account.
    pub(super) fn on_account(self) -> &'static str {
        match self {
            Self::Argument => "`google_service_account_iam_member`",
            Self::Flag => "`gcloud iam service-accounts add-iam-policy-binding ACCOUNT`",
            Self::Field => "in the policy of that account",
        }
    }

    /// Where a project's number is to be had.
    pub(super) fn project_number(self) -> &'static str {
        match self {
            Self::Argument => {
                "write the number: `google_iam_workload_identity_pool.NAME.name` holds it (`.id` does not), and so does `data.google_project.NAME.number`"
            }
            Self::Flag => "write the number: `$(gcloud projects describe PROJECT_ID --format='value(projectNumber)')` is it",
            Self::Field => "write the number: `gcloud projects describe PROJECT_ID --format='value(projectNumber)'` prints it",
        }
    }
}

fn camel(argument: &str) -> String {
    let mut out = String::new();
    for (i, word) in argument.split('_').enumerate() {
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if i > 0 => out.extend(first.to_uppercase()),
            Some(first) => out.push(first),
            None => {}
        }
        out.push_str(letters.as_str());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_in_each_language() {
        let all = [Spelling::Argument, Spelling::Flag, Spelling::Field];
        let written: Vec<String> = all.iter().map(|s| s.setting("attribute_condition", "x == 'y'")).collect();
        assert_eq!(
            written,
            ["attribute_condition = \"x == 'y'\"", "--attribute-condition=\"x == 'y'\"", "attributeCondition: \"x == 'y'\""]
        );
        let mapped: Vec<String> = all.iter().map(|s| s.mapping("google.subject", "assertion.sub")).collect();
        assert_eq!(mapped, ["\"google.subject\" = \"assertion.sub\"", "google.subject=assertion.sub", "google.subject: assertion.sub"]);
    }
}
