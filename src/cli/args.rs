//! The arguments. Their help texts are the manual.

use crate::rules::{Confidence, Severity};
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
    /// Print the trust graph
    Graph(Graph),
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
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The least severity that makes the exit code 1 [default: medium]
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub fail_on: Option<Severity>,
    /// Exit with 0 even with findings
    #[arg(long)]
    pub exit_zero: bool,
    /// The least severity that is reported [default: info]
    #[arg(long, value_enum, value_name = "SEVERITY")]
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
    /// A file that cannot be parsed makes the exit code 2
    #[arg(long)]
    pub strict: bool,
    /// When to use colours
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    pub color: Colour,
}

/// Forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person
    Human,
    /// One JSON object
    Json,
    /// SARIF 2.1.0
    Sarif,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR is set
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

/// `fedlint explain`.
#[derive(Debug, Clone, Args)]
pub struct Explain {
    /// The rule's id, or its id in another tool
    pub rule: String,
}

/// `fedlint rules`.
#[derive(Debug, Clone, Args)]
pub struct Rules {
    /// The form
    #[arg(long, value_enum, default_value_t = RulesFormat::Table)]
    pub format: RulesFormat,
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
