//! The arguments. Their help texts are the manual.

use crate::catalogue::{Confidence, Severity};
use crate::report::{FORMATS, Format, format_named};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Who gets into your clouds without a secret, and which trust can never work.
#[derive(Debug, Parser)]
#[command(
    name = "fedlint",
    version,
    max_term_width = 100,
    after_help = "exit codes: 0 nothing at or above --fail-on, 1 findings, 2 the run itself failed"
)]
pub struct Arguments {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read an infrastructure repository and report what is wrong with its federated trust
    Check(Check),
    /// Compare two revisions: which tokens newly get in, which no longer do, what else changed in who is trusted
    Diff(Diff),
    /// Write down the findings that are there, so that `check --baseline` reports only new ones
    Baseline(Baseline),
    /// List what is accepted and by whose word: comments, `[[ignore]]` entries, the baseline
    Waivers(Waivers),
    /// Print the configuration in force, and where each part of it comes from
    Config(ShowConfig),
    /// Write a first fedlint.toml
    Init(Init),
    /// List every identity with whose tokens obtain it, correct trusts too
    Inventory(Inventory),
    /// Show who can obtain one identity
    Who(Who),
    /// Show which identities a workload obtains, by which link, and what they lead to
    Reach(Reach),
    /// Print the trust graph
    Graph(Graph),
    /// Say which identities a token gets, and for each that refuses, which test failed
    Simulate(Box<Simulate>),
    /// Check assertions on trust: which token gets what, and which must not
    Test(Test),
    /// Say what is known of a Terraform expression in a folder, and why the rest is not
    Eval(Eval),
    /// Explain a rule
    Explain(Explain),
    /// List the rules
    Rules(Rules),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

/// What to read.
#[derive(Debug, Clone, Args)]
pub struct Inputs {
    /// Files and folders to read; `-` is standard input (with --stdin-filename)
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// The name, and so the format, of what comes on standard input
    #[arg(long, value_name = "NAME")]
    pub stdin_filename: Option<String>,
    /// Do not read files that match this glob (may be repeated)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Read the fenced blocks of Markdown files, too: shell commands, JSON and YAML
    #[arg(long)]
    pub markdown: bool,
    /// The configuration file [default: fedlint.toml here or above, up to the repository's root]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub isolated: bool,
}

/// `fedlint check`.
#[derive(Debug, Clone, Args)]
pub struct Check {
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Output format of the report on standard output
    #[arg(long, value_parser = formats(), default_value = FORMATS[0].name)]
    pub format: &'static Format,
    /// Write a report to a file instead of standard output (may be repeated); `sarif=results.sarif` says the format too, and
    /// `-` is standard output
    #[arg(long, short, value_name = "[FORMAT=]FILE")]
    pub output: Vec<String>,
    /// Show every finding, place and undecided value in the human report, not only the first or the most severe
    #[arg(long, short)]
    pub verbose: bool,
    /// Do not report the findings of this file, which `fedlint baseline` wrote
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// The least severity that makes the exit code 1 [default: medium]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Exit with 0 whatever is found and whatever was not read
    #[arg(long)]
    pub exit_zero: bool,
    /// The least severity that is reported [default: info; the human report only counts low and info]
    #[arg(long, visible_alias = "severity", value_enum, value_name = "SEVERITY")]
    pub min_severity: Option<Severity>,
    /// The least confidence that is reported [default: likely]
    #[arg(long, value_enum, value_name = "CONFIDENCE")]
    pub min_confidence: Option<Confidence>,
    /// Report only these rules (may be repeated, or separated by commas)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// Do not report these rules (may be repeated, or separated by commas)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Report what ignore comments hide, too
    #[arg(long)]
    pub no_ignores: bool,
    /// What was not read, or not read whole, and trusts that were not decided make the exit code 2
    #[arg(long)]
    pub strict: bool,
    /// A trust that was not decided makes the exit code 1
    #[arg(long)]
    pub fail_on_undecided: bool,
    /// Obey nothing that the checked tree says: no fedlint.toml (--config names one that is trusted), no ignore comments, no
    /// .gitignore; with --strict and --fail-on-undecided
    #[arg(long)]
    pub gate: bool,
    /// With --gate: obey what this revision says, its fedlint.toml, its .gitignore, and its ignore comments where the same finding
    /// is still there
    #[arg(long, value_name = "REV", requires = "gate")]
    pub base: Option<String>,
    /// Report only what this revision does not have: the findings that a change touches or causes
    #[arg(long, value_name = "REV")]
    pub since: Option<String>,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// `fedlint diff`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "exit codes: 0 nothing that --fail-on names, 1 something, 2 the run itself failed")]
pub struct Diff {
    /// The revision to compare with: a branch, a tag, a commit, with `~N` or `^N`
    pub base: String,
    /// The revision that is compared [default: the working tree]
    pub head: Option<String>,
    /// What to read of both [default: .]
    pub path: Option<PathBuf>,
    /// Compare with the newest commit that both come from: what BASE has got since does not count
    #[arg(long)]
    pub merge_base: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = DiffFormat::Human)]
    pub format: DiffFormat,
    /// Write a report to a file instead of standard output (may be repeated); `markdown=comment.md` says the format too, and
    /// `-` is standard output
    #[arg(long, short, value_name = "[FORMAT=]FILE")]
    pub output: Vec<String>,
    /// What makes the exit code 1
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = DiffFailOn::Newly)]
    pub fail_on: DiffFailOn,
    /// Do not read files that match this glob (may be repeated)
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// The configuration file of both [default: the fedlint.toml of BASE]
    #[arg(long, value_name = "FILE", conflicts_with = "isolated")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long)]
    pub isolated: bool,
}

/// Output formats of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// For people
    Human,
    /// One JSON object
    Json,
    /// A comment on a pull request
    Markdown,
}

/// What fails a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DiffFailOn {
    /// Somebody newly gets in, also by an identity that is new
    Newly,
    /// The same, or an identity may do more
    Permissions,
    /// The same, or something was not decided or not read
    Undecided,
    /// Nothing
    Never,
}

/// `fedlint baseline`.
#[derive(Debug, Clone, Args)]
pub struct Baseline {
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The file to write; `-` is standard output [default: the configuration's `baseline`, else fedlint-baseline.json]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `fedlint waivers`.
#[derive(Debug, Clone, Args)]
pub struct Waivers {
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = AnswerFormat::Human)]
    pub format: AnswerFormat,
}

/// `fedlint inventory`.
#[derive(Debug, Clone, Args)]
pub struct Inventory {
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = InventoryFormat::Human)]
    pub format: InventoryFormat,
}

/// `fedlint who`.
#[derive(Debug, Clone, Args)]
pub struct Who {
    /// The identity, as reports name it: `aws_iam_role.deploy`, an ARN, an e-mail
    pub identity: String,
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Output format
    #[arg(long, value_enum, default_value_t = InventoryFormat::Human)]
    pub format: InventoryFormat,
}

/// `fedlint reach`.
#[derive(Debug, Clone, Args)]
pub struct Reach {
    /// The workload: a CI job (`.github/workflows/deploy.yml#deploy`), a ServiceAccount (`namespace/name`), a SPIFFE id, or with
    /// --issuer the subject of a token
    pub workload: String,
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The issuer of the workload's tokens: the cluster's, the SPIRE server's, that of a subject [default: the one that a trust
    /// names]
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = AnswerFormat::Human)]
    pub format: AnswerFormat,
}

/// Output formats of the inventory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InventoryFormat {
    /// For people
    Human,
    /// A table for spreadsheets
    Csv,
    /// One JSON object
    Json,
}

/// `fedlint config`.
#[derive(Debug, Clone, Args)]
pub struct ShowConfig {
    /// The file or folder whose configuration is shown
    #[arg(default_value = ".")]
    pub path: PathBuf,
    /// The configuration file [default: fedlint.toml there or above, up to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `fedlint init`.
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// The folder that the file is written to
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set; FORCE_COLOR asks for them elsewhere
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// `fedlint graph`.
#[derive(Debug, Clone, Args)]
pub struct Graph {
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The form
    #[arg(long, value_enum, default_value_t = GraphFormat::Json)]
    pub format: GraphFormat,
    /// Only this node (an identity, an issuer, a workload, a provider), what leads to it, and what it leads to
    #[arg(long, value_name = "NODE")]
    pub focus: Option<String>,
    /// How many edges away from the node of --focus is shown
    #[arg(long, value_name = "N", default_value_t = 3, requires = "focus")]
    pub depth: usize,
    /// Draw what identities may do, too (the JSON form always has it)
    #[arg(long)]
    pub permissions: bool,
}

/// Forms of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// Nodes and edges as JSON
    Json,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
}

/// `fedlint eval`.
#[derive(Debug, Clone, Args)]
pub struct Eval {
    /// The folder of the Terraform configuration
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The expression, as in `terraform console`: `local.subjects`, `module.ci.role_arn`
    #[arg(value_name = "EXPRESSION", allow_hyphen_values = true)]
    pub expression: String,
    /// The form of the answer
    #[arg(long, value_enum, default_value_t = AnswerFormat::Human)]
    pub format: AnswerFormat,
}

/// `fedlint simulate`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("presented").required(true).args(["token", "job", "github", "kubernetes", "spiffe", "subject"]))]
pub struct Simulate {
    /// What to read.
    #[command(flatten)]
    pub inputs: Inputs,
    /// The token: a JSON object of claims, `{"context": {…}}` with ready IAM condition keys, or a JWT whose signature is not
    /// checked; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub token: Option<PathBuf>,
    /// The tokens of this CI job of the scan: `.github/workflows/deploy.yml#deploy`, `.gitlab-ci.yml#deploy`, the address of a
    /// `tfe_workspace`
    #[arg(long, value_name = "FILE#JOB", conflicts_with_all = ["policy", "audience", "issuer"])]
    pub job: Option<String>,
    /// The token of a GitHub Actions job of this repository
    #[arg(long, value_name = "OWNER/REPO")]
    pub github: Option<String>,
    /// The job's ref: `refs/heads/main`, `refs/tags/v1`, `refs/pull/1/merge`
    #[arg(long = "ref", value_name = "REF", requires = "github", default_value = "refs/heads/main")]
    pub reference: String,
    /// The job's event: `push`, `pull_request`, …
    #[arg(long, value_name = "EVENT", requires = "github", default_value = "")]
    pub event: String,
    /// The job's deployment environment
    #[arg(long, value_name = "NAME", requires = "github")]
    pub environment: Option<String>,
    /// The id of the repository's owner
    #[arg(long, value_name = "N", requires = "github")]
    pub owner_id: Option<String>,
    /// The id of the repository
    #[arg(long, value_name = "N", requires = "github")]
    pub repository_id: Option<String>,
    /// The subject is an immutable one: `repo:OWNER@ID/REPO@ID:…`
    #[arg(long, requires_all = ["github", "owner_id", "repository_id"])]
    pub immutable: bool,
    /// The token of a pod with this ServiceAccount
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub kubernetes: Option<String>,
    /// The JWT-SVID of this SPIFFE id
    #[arg(long, value_name = "ID")]
    pub spiffe: Option<String>,
    /// A token of `--issuer` with this subject, and the claims that follow from it
    #[arg(long, value_name = "SUB", requires = "issuer")]
    pub subject: Option<String>,
    /// The issuer of a preset: the cluster's, the SPIRE server's, GitHub Enterprise's [default: the one that a trust names]
    #[arg(long, value_name = "URL", conflicts_with = "token")]
    pub issuer: Option<String>,
    /// The audience of the token [default: of a preset, what is customary at each cloud]
    #[arg(long, value_name = "AUDIENCE")]
    pub audience: Option<String>,
    /// Decide this one document instead: an IAM trust policy, a pool provider (gcloud), a federated credential
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// With --policy: the ARN of the federated provider or of the caller, where the token alone does not say it
    #[arg(long, value_name = "ARN", requires = "policy")]
    pub principal: Option<String>,
    /// With --policy: the STS action [default: the one that fits the principal]
    #[arg(long, value_name = "ACTION", requires = "policy")]
    pub action: Option<String>,
    /// The form
    #[arg(long, value_enum, default_value_t = AnswerFormat::Human)]
    pub format: AnswerFormat,
}

/// Forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnswerFormat {
    /// For a person
    Human,
    /// One JSON object
    Json,
}

/// `fedlint test`.
#[derive(Debug, Clone, Args)]
pub struct Test {
    /// Files of assertions: a list in YAML or JSON, or one JSON object on each line; `-` is standard input
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// The repository that `identity` names
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub root: PathBuf,
}

/// `fedlint explain`.
#[derive(Debug, Clone, Args)]
pub struct Explain {
    /// The rule's id, or its id in another tool
    pub rule: String,
    /// The whole page: examples, references and names in other tools, too
    #[arg(long)]
    pub full: bool,
    /// The configuration file whose own rules are known, too [default: fedlint.toml here or above, up to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `fedlint rules`.
#[derive(Debug, Clone, Args)]
pub struct Rules {
    /// The form
    #[arg(long, value_enum, default_value_t = RulesFormat::Table)]
    pub format: RulesFormat,
    /// Run the examples of the rules of your own: each under `## Bad` must be found at its marked lines, none under `## Good`
    #[arg(long, conflicts_with = "format")]
    pub test: bool,
    /// The configuration file whose own rules are known, too [default: fedlint.toml here or above, up to the repository's root]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Forms of the list of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RulesFormat {
    /// A table
    Table,
    /// A JSON list
    Json,
    /// A Markdown table
    Markdown,
}

/// Help texts of the levels stand here: the catalogue does not know the command line.
/// The formats of a report by their names.
fn formats() -> impl TypedValueParser<Value = &'static Format> {
    let names = PossibleValuesParser::new(FORMATS.iter().map(|f| PossibleValue::new(f.name).help(f.about)));
    names.try_map(|name: String| format_named(&name).ok_or("there is no such format"))
}

impl ValueEnum for Severity {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Info => "a matter of doctrine or taste",
            Self::Low => "bounded and unlikely to matter alone",
            Self::Medium => "worth a change",
            Self::High => "worth a change now",
            Self::Critical => "an unrelated party obtains a privileged or unknown identity",
        };
        Some(PossibleValue::new(self.as_str()).help(help))
    }
}

impl ValueEnum for Confidence {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Self::Likely => "depends on an unknown, or on the defaults of a library module",
            Self::Proven => "holds for every value of every unknown",
        };
        Some(PossibleValue::new(self.as_str()).help(help))
    }
}
