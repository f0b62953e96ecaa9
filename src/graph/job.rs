//! CI jobs as workloads: which tokens a job can present, and what it asks for with them.
//!
//! A job's tokens are a set: it runs for several events, on many refs, in the environments of its matrix. What is known of a
//! token is a list of facts about its claims; what nobody knows is simply not among them, so that the set is never too small.

use super::Origin;
use crate::issuers::Family;
use crate::partial::Text;
use crate::place::Span;

/// The systems whose jobs are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CiSystem {
    /// GitHub Actions.
    Github,
    /// GitLab CI.
    Gitlab,
    /// CircleCI.
    CircleCi,
    /// Azure Pipelines, through a service connection.
    AzurePipelines,
    /// Bitbucket Pipelines.
    Bitbucket,
    /// Buildkite.
    Buildkite,
    /// HCP Terraform runs.
    HcpTerraform,
}

impl CiSystem {
    /// Whose issuers mint the tokens of its jobs.
    #[must_use]
    pub fn families(self) -> &'static [Family] {
        match self {
            Self::Github => &[Family::Github],
            Self::Gitlab => &[Family::Gitlab],
            Self::CircleCi => &[Family::CircleCi],
            Self::AzurePipelines => &[Family::AzureDevops, Family::Entra],
            Self::Bitbucket => &[Family::Bitbucket],
            Self::Buildkite => &[Family::Buildkite],
            Self::HcpTerraform => &[Family::HcpTerraform],
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "GitHub",
            Self::Gitlab => "GitLab",
            Self::CircleCi => "CircleCI",
            Self::AzurePipelines => "Azure DevOps",
            Self::Bitbucket => "Bitbucket",
            Self::Buildkite => "Buildkite",
            Self::HcpTerraform => "HCP Terraform",
        }
    }
}

/// What a fact is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactOf {
    /// A claim, by its name.
    Claim(String),
    /// A variable part of the issuer's templates, by its name, where no claim holds it alone. Templates without it are not
    /// concerned.
    Segment(String),
}

/// What is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FactValue {
    /// It is not there.
    Absent,
    /// It is this.
    Is(String),
    /// It matches this (RE2 syntax, whole), and a person says it so.
    Like(String, String),
    /// It does not match this.
    Not(String),
}

/// One thing that is known of the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFact {
    /// About what.
    pub of: FactOf,
    /// What.
    pub value: FactValue,
    /// Where it is written.
    pub span: Option<Span>,
}

impl TokenFact {
    /// A fact about a claim.
    #[must_use]
    pub fn claim(name: &str, value: FactValue, span: Option<Span>) -> Self {
        Self { of: FactOf::Claim(name.to_owned()), value, span }
    }

    /// A fact about a segment.
    #[must_use]
    pub fn segment(name: &str, value: FactValue, span: Option<Span>) -> Self {
        Self { of: FactOf::Segment(name.to_owned()), value, span }
    }
}

/// How a run of a job was started, as far as the rules ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Start {
    /// A pull or merge request, with the code of it.
    PullRequest,
    /// A pull request that runs with the rights of the target: `pull_request_target`.
    PullRequestTarget,
    /// Something else that anybody outside can bring about: a comment, an issue, the end of a run for a fork.
    Outsider,
    /// Something that takes write access.
    Insider,
    /// Not known: a reusable workflow that is called from elsewhere.
    Unknown,
}

/// The tokens of a job that is started in one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSet {
    /// How it was started.
    pub start: Start,
    /// How a person says it: `push`, `a tag`.
    pub shown: String,
    /// What is known of the tokens.
    pub facts: Vec<TokenFact>,
}

/// A name that a job hands over: a role's ARN, a provider's name, a client id.
#[derive(Debug, Clone)]
pub struct Named {
    /// As far as it is known.
    pub text: Text,
    /// The evaluation that it is from: the job's file, or a Terraform root whose variable it is.
    pub scope: String,
    /// The repository that reads the variable, as far as its declaration says: `octo/app`, `app`.
    pub repository: Option<String>,
}

/// What a login asks for. Each is a list of what it may be; an empty one is unknown.
#[derive(Debug, Clone)]
pub enum JobIdentity {
    /// An IAM role, by its ARN.
    AwsRole(Vec<Named>),
    /// A provider of a Google pool, by its resource name, and the service account behind it.
    Google {
        /// The provider.
        provider: Vec<Named>,
        /// The service account; none for direct access.
        account: Option<Vec<Named>>,
    },
    /// An application or managed identity of Azure, by its client id.
    AzureClient(Vec<Named>),
    /// Something else that takes the token: a vault, a registry, a script.
    Other,
}

/// The audience that a job asks for.
#[derive(Debug, Clone)]
pub enum JobAudience {
    /// This.
    Known(Text),
    /// One of these: a list in one token.
    AnyOf(Vec<Text>),
    /// What the issuer puts there when nobody asks for one.
    IssuerDefault,
    /// Not known.
    Unknown,
}

/// Whether the job gets a token from its CI system at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Minting {
    /// It does.
    Yes,
    /// It does not.
    No {
        /// Why.
        why: NoToken,
        /// Where that is decided.
        span: Option<Span>,
    },
    /// Not known.
    Unknown,
}

impl Minting {
    /// The job certainly gets none.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        match self {
            Self::No { why, .. } => !matches!(why, NoToken::CallerDefaults(_)),
            Self::Yes | Self::Unknown => false,
        }
    }
}

/// Why a job gets no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoToken {
    /// `permissions` of the job or workflow do not hold `id-token: write`.
    Permissions,
    /// Nothing says `permissions`, and the defaults never hold it.
    NoPermissions,
    /// The caller's permissions do not hold it: a called workflow cannot have more.
    Caller(String),
    /// The caller states no permissions: whether a called workflow of the same repository may then have the permission is up to
    /// the repository's default
    /// (<https://github.blog/changelog/2023-06-15-github-actions-securing-openid-connect-oidc-token-permissions-in-reusable-workflows/>).
    CallerDefaults(String),
    /// The step does not say `oidc: true`.
    StepWithoutOidc,
    /// The token of this name is declared elsewhere, not for this job.
    TokenOfOtherJob(String),
    /// A token that the system has removed.
    Removed(String),
    /// A token is declared without an audience.
    NoAudience(String),
}

/// A stored credential beside a federated login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Access keys in the same step: the action uses the keys, not the token.
    AwsKeysInStep,
    /// Access keys in the environment of the job.
    AwsKeysInEnvironment,
    /// `credentials_json` beside a provider: the action refuses.
    GoogleKeyInStep,
    /// `creds` beside ids: the action ignores the secret.
    AzureCredsInStep,
    /// A client secret beside the token.
    AzureSecretInEnvironment,
}

/// Code of somebody outside that a job puts into its folder and runs.
#[derive(Debug, Clone)]
pub struct ForeignCode {
    /// What fetches it.
    pub fetched: Span,
    /// What runs it.
    pub run: Span,
    /// Nothing has to be true first: no label, no comment of a certain form.
    pub unguarded: bool,
}

/// A step that asks for an identity with the job's token.
#[derive(Debug, Clone)]
pub struct JobLogin {
    /// The step.
    pub span: Span,
    /// For what.
    pub identity: JobIdentity,
    /// With which audience.
    pub audience: JobAudience,
    /// The tokens it can present: one of these sets.
    pub runs: Vec<TokenSet>,
    /// Of several that all run, this one: `target = live`, `plan`.
    pub entry: Option<String>,
    /// It may be skipped for a reason that is not known.
    pub optional: bool,
    /// It works without a token too: by the credentials of the machine.
    pub ambient: bool,
    /// What stands beside it.
    pub conflict: Option<(Conflict, Span)>,
    /// The runs of people outside, and what of theirs is run.
    pub foreign: Vec<(TokenSet, ForeignCode)>,
}

/// Who says what a repository is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The configuration.
    Configuration,
    /// The CI job that fedlint runs in.
    Environment,
    /// The address that git fetches from: a fork's or a mirror's, perhaps, and an old name as well as a new one.
    Remote,
}

/// The repository whose files are checked, as its forge calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnRepository {
    /// Its folder as paths are shown, with a slash at the end; empty for the working directory.
    pub folder: String,
    /// `octo/app`, `group/subgroup/app`.
    pub name: String,
    /// The forge; none where it may be any.
    pub system: Option<CiSystem>,
    /// Who says so.
    pub by: NamedBy,
}

impl OwnRepository {
    /// Whether the jobs of a file are run by the forge for this repository: the file stands where the forge looks for it.
    #[must_use]
    pub fn runs(&self, system: CiSystem, file: &str) -> bool {
        let Some(inside) = file.strip_prefix(self.folder.as_str()) else { return false };
        let place = match system {
            CiSystem::Github => inside.starts_with(".github/workflows/"),
            CiSystem::Gitlab => !inside.contains('/'),
            _ => false,
        };
        place && self.system.is_none_or(|own| own == system)
    }
}

/// A job.
#[derive(Debug, Clone)]
pub struct Job {
    /// Where; its name is `FILE#JOB`.
    pub origin: Origin,
    /// What its file calls it; the address of what Terraform declares.
    pub id: String,
    /// The system that runs it.
    pub system: CiSystem,
    /// Who calls it, when it is called: `FILE#JOB`, and where.
    pub caller: Option<(String, Span)>,
    /// The repository that it is in, where that is known.
    pub repository: Option<OwnRepository>,
    /// Whether it gets a token.
    pub minting: Minting,
    /// The tokens that it gets, whatever a step of it asks for: one set for each way to start it, with its entry of the matrix.
    pub runs: Vec<(Option<String>, TokenSet)>,
    /// What it asks for.
    pub logins: Vec<JobLogin>,
    /// Where `id-token: write` is granted to it alone, when nothing in it can use the token.
    pub unused_permission: Option<Span>,
}

/// A deployment environment that is declared (`github_repository_environment`), and whether anything protects it.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Where.
    pub origin: Origin,
    /// The repository's name as written.
    pub repository: Option<Text>,
    /// The environment's name.
    pub name: Text,
    /// Reviewers, a branch policy or a wait stands before it; none when that is not known.
    pub protected: Option<bool>,
}
