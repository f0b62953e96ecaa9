//! What a file is by its name, and whether it holds a word that makes it worth reading.

use crate::kinds;
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind};
use std::sync::LazyLock;

/// What a file is, by its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// Terraform or OpenTofu: `.tf`, `.tofu`.
    Terraform,
    /// Terraform in JSON: `.tf.json`, `.tofu.json`.
    TerraformJson,
    /// Values of Terraform variables: `.tfvars`.
    Tfvars,
    /// The same in JSON: `.tfvars.json`.
    TfvarsJson,
    /// Any other JSON.
    Json,
    /// YAML.
    Yaml,
    /// Any other HCL: Terragrunt, SPIRE.
    Hcl,
    /// `.conf`: SPIRE's configuration, among much else.
    Conf,
    /// A template that Terraform or Helm fills in: `.tpl`, `.tftpl`.
    Template,
    /// Shell commands: a script, a Makefile, a Dockerfile.
    Shell,
    /// PowerShell, of which only the commands for federated credentials are read.
    PowerShell,
    /// Bicep.
    Bicep,
    /// Markdown, of which the fenced blocks are read; only where somebody asks for it.
    Markdown,
}

/// Lock files: long lists of packages whose names hold the words, and never a trust.
const LOCK_FILES: [&str; 8] = [
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "composer.lock",
    ".terraform.lock.hcl",
    "deno.lock",
    "packages.lock.json",
    "project.assets.json",
];

impl FileKind {
    /// The kind of a file with this name; none when fedlint has no reader for it.
    #[must_use]
    pub fn of(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        if LOCK_FILES.contains(&name.as_str()) {
            return None;
        }
        let ends = |suffixes: &[&str]| suffixes.iter().any(|s| name.ends_with(s));
        Some(match () {
            () if ends(&[".tf.json", ".tofu.json"]) => Self::TerraformJson,
            () if ends(&[".tfvars.json"]) => Self::TfvarsJson,
            () if ends(&[".tf", ".tofu"]) => Self::Terraform,
            () if ends(&[".tfvars"]) => Self::Tfvars,
            () if ends(&[".json", ".jsonc", ".tfstate", ".ndjson", ".jsonl"]) => Self::Json,
            () if ends(&[".yaml", ".yml"]) => Self::Yaml,
            () if ends(&[".hcl"]) => Self::Hcl,
            () if ends(&[".conf"]) => Self::Conf,
            () if ends(&[".tpl", ".tftpl"]) => Self::Template,
            () if ends(&[".sh", ".bash", ".zsh", ".ksh", ".mk"]) => Self::Shell,
            () if ends(&[".ps1", ".psm1"]) => Self::PowerShell,
            () if ends(&[".bicep"]) => Self::Bicep,
            () if is_build_file(&name) => Self::Shell,
            () => return None,
        })
    }

    /// True for the files whose folder is a Terraform module: `.tf`, `.tofu` and their JSON forms.
    #[must_use]
    pub fn is_terraform(self) -> bool {
        matches!(self, Self::Terraform | Self::TerraformJson)
    }
}

/// Whether a file is Markdown by its name.
#[must_use]
pub fn is_markdown(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    [".md", ".mdx", ".markdown"].iter().any(|end| path.ends_with(end))
}

/// Makefiles and Dockerfiles, whose recipes are commands of a shell.
fn is_build_file(name: &str) -> bool {
    let (stem, end) = name.split_once('.').unwrap_or((name, ""));
    let container = |part: &str| part == "dockerfile" || part == "containerfile";
    name == "makefile" || name == "gnumakefile" || container(stem) || container(end)
}

/// Whether a text says in its first line that a shell runs it.
#[must_use]
pub fn is_script(text: &[u8]) -> bool {
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let program = line.strip_prefix(b"#!").unwrap_or_default().rsplit(|b| *b == b'/').next().unwrap_or_default();
    let mut words = program.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty());
    let first = words.next().unwrap_or_default();
    let name = if first == b"env" { words.find(|w| !w.starts_with(b"-")).unwrap_or_default() } else { first };
    [&b"sh"[..], b"bash", b"dash", b"zsh", b"ksh"].contains(&name)
}

fn automaton(words: &[&str]) -> Option<AhoCorasick> {
    AhoCorasickBuilder::new().ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA)).build(words).ok()
}

static MATTERS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| automaton(&kinds::file_words()));
static MODULE_CALL: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| automaton(&["\"./", "\"../"]));

/// Files that are small and give others their meaning: read whatever words they hold.
fn always(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let below = |folder: &str| path.starts_with(folder) || path.contains(&format!("/{folder}"));
    below(".github/workflows/")
        || below(".circleci/")
        || below(".buildkite/")
        || name.starts_with("azure-pipelines")
        || name.ends_with(".gitlab-ci.yml")
        || matches!(
            name,
            "action.yml"
                | "action.yaml"
                | "bitbucket-pipelines.yml"
                | "Chart.yaml"
                | "kustomization.yaml"
                | "kustomization.yml"
                | "modules.json"
        )
}

/// Whether a file can hold trust content, or gives such content its meaning.
#[must_use]
pub fn matters(path: &str, text: &str) -> bool {
    always(path) || MATTERS.as_ref().is_none_or(|words| words.is_match(text))
}

/// Whether a Terraform file may call a module by a relative path.
///
/// It looks for a string that starts with `./` or `../` after the word `source`: a comment in between does no harm.
#[must_use]
pub fn calls_local_module(text: &str) -> bool {
    memchr::memmem::find(text.as_bytes(), b"source").is_some_and(|at| {
        let rest = text.get(at..).unwrap_or_default();
        MODULE_CALL.as_ref().is_none_or(|paths| paths.is_match(rest))
    })
}
