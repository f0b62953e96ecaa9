//! What fedlint knows of resource types before it reads a file: one table for everybody who asks.
//!
//! The walker asks which words make a file worth reading, the evaluator which attributes a provider computes and which
//! resources hold a trust, the readers which types they want. A new resource type is one row of [`table`], and a reader.

mod names;
mod table;
mod words;

pub use names::{COMMON_ATTRIBUTES, kind_of_attribute, kind_of_variable};
pub use words::{argument_makes_trust, file_words, source_makes_trust, text_federates};

use crate::partial::UnknownKind;

/// The types that a row speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Types {
    /// This one.
    Is(&'static str),
    /// All that begin so.
    Starts(&'static str),
    /// All that end so.
    Ends(&'static str),
    /// All that begin with the first and end with the second.
    Between(&'static str, &'static str),
    /// All that hold this.
    Holds(&'static str),
}

impl Types {
    fn holds(self, kind: &str) -> bool {
        match self {
            Self::Is(name) => kind == name,
            Self::Starts(start) => kind.starts_with(start),
            Self::Ends(end) => kind.ends_with(end),
            Self::Between(start, end) => kind.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
            Self::Holds(part) => kind.contains(part),
        }
    }
}

/// How an attribute that nobody writes gets its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Computed {
    /// The argument of this name.
    Argument(&'static str),
    /// The argument of this name; where it is not written, the provider makes up a value of such a kind.
    ArgumentOr(&'static str, UnknownKind),
    /// Known only to the provider; its characters are of such a kind.
    Unknown(UnknownKind),
    /// `https://` and a host and path that only the provider knows.
    Url,
    /// The JSON of `aws_iam_policy_document`.
    AwsPolicy,
    /// The JSON of `google_iam_policy`.
    GooglePolicy,
    /// The template of `template_file` with its variables.
    Rendered,
    /// `arn:PARTITION:iam::ACCOUNT:oidc-provider/URL`.
    AwsProviderArn,
    /// The URL of a provider that is looked up: without its scheme.
    AwsProviderUrl,
    /// `arn:PARTITION:iam::ACCOUNT:rolePATHNAME`.
    AwsRoleArn,
    /// The block with the issuer of an EKS cluster.
    EksIdentity,
    /// The account that Terraform works in.
    AwsAccount,
    /// The partition that Terraform works in.
    AwsPartition,
    /// The region that Terraform works in.
    AwsRegion,
    /// The e-mail of a Google service account.
    GoogleEmail,
    /// The same as a member of a policy.
    GoogleMember,
    /// The same as the name of a resource.
    GoogleAccountName,
    /// The name of a pool, with the number of its project.
    PoolName,
    /// The id of a pool, with the id of its project.
    PoolId,
    /// The name of a provider of a pool, with the number of its project.
    PoolProviderName,
    /// The id of a provider of a pool, with the id of its project.
    PoolProviderId,
    /// The number of a Google project.
    ProjectNumber,
    /// The id of a Google project.
    ProjectId,
    /// `projects/ID`.
    ProjectPath,
    /// The id of the project that Terraform works in.
    DefaultProject,
}

/// A row of the table.
#[derive(Debug)]
pub struct ResourceKind {
    types: Types,
    /// Words that files with such a resource have, in small letters.
    words: &'static [&'static str],
    /// A reader looks at it.
    wanted: bool,
    /// The attributes and blocks that say who gets in.
    gates: &'static [&'static str],
    /// The argument that holds a whole policy, which may have nothing to do with federation.
    policy: Option<&'static str>,
    /// It is a trust by itself, or an identity that has one.
    trusting: bool,
    /// The attributes that the provider computes.
    computed: &'static [(&'static [&'static str], Computed)],
    /// The argument that holds the type of a generic resource, and what such a type must hold to be wanted.
    generic: Option<(&'static str, &'static str)>,
}

impl ResourceKind {
    /// The attributes and blocks that say who gets in.
    #[must_use]
    pub fn gates(&self) -> &'static [&'static str] {
        self.gates
    }

    /// The argument that holds a whole policy, which may have nothing to do with federation.
    #[must_use]
    pub fn policy(&self) -> Option<&'static str> {
        self.policy
    }

    /// Whether it is a trust by itself, or an identity that has one.
    #[must_use]
    pub fn is_trusting(&self) -> bool {
        self.trusting
    }

    /// How the provider computes an attribute; none when nothing is known of it.
    #[must_use]
    pub fn computed(&self, attribute: &str) -> Option<Computed> {
        self.computed.iter().find(|(names, _)| names.contains(&attribute)).map(|(_, how)| *how)
    }

    /// The argument that holds the type of a generic resource, and what such a type (in small letters) must hold for a
    /// reader to look at it.
    #[must_use]
    pub fn generic(&self) -> Option<(&'static str, &'static str)> {
        self.generic
    }
}

/// What is known of a type of resources or data sources: the first row that speaks of it.
#[must_use]
pub fn of(kind: &str) -> Option<&'static ResourceKind> {
    table::ROWS.iter().find(|row| row.types.holds(kind))
}

/// Whether any reader looks at resources or data sources of this type.
#[must_use]
pub fn is_wanted(kind: &str) -> bool {
    of(kind).is_some_and(|row| row.wanted)
}

#[cfg(test)]
mod tests;
