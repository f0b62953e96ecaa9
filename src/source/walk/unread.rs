//! Files that speak of trust and have no reader: programs that write infrastructure, templates that another tool fills in.
//! They are told by kind and count, with what to check instead.

use super::{Read, Skipped, paths, read};
use crate::place::paths::folder_of;
use crate::source::git::{Entry, Revision};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

/// Most such files that are looked at.
const MAX_LOOKED_AT: usize = 2_000;

/// Words that a file has which makes a trust, in small letters.
const WORDS: [&str; 14] = [
    "assumerolewithwebidentity",
    "webidentityprincipal",
    "openidconnectpr",
    "oidc-provider/",
    "federatedprincipal",
    "workloadidentitypool",
    "workloadidentityuser",
    "principalset://",
    "federatedidentitycredential",
    "token.actions.githubusercontent.com",
    "pods.eks.amazonaws.com",
    "assumerolepolic",
    "assume_role_policy",
    "iam.workloadidentity",
];
static TRUST: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasickBuilder::new().ascii_case_insensitive(true).build(WORDS).ok());

/// Languages in which infrastructure is programmed.
const LANGUAGES: [&str; 12] = [".ts", ".tsx", ".mts", ".js", ".mjs", ".cjs", ".py", ".go", ".cs", ".java", ".kt", ".fs"];
/// Templates, and languages that write JSON and YAML.
const TEMPLATES: [&str; 11] =
    [".j2", ".jinja", ".jinja2", ".erb", ".gotmpl", ".tmpl", ".mustache", ".jsonnet", ".libsonnet", ".cue", ".dhall"];
/// Programs that say by their name what they are.
const SERVERLESS: [&str; 3] = ["serverless.ts", "serverless.js", "sst.config.ts"];

/// What such a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Cdk,
    CdkTf,
    Pulumi,
    Serverless,
    Template,
}

impl Kind {
    /// The kind of a program by the file beside it that says so.
    fn of_marker(path: &str) -> Option<Self> {
        match path.rsplit('/').next()? {
            "cdk.json" => Some(Self::Cdk),
            "cdktf.json" => Some(Self::CdkTf),
            "Pulumi.yaml" | "Pulumi.yml" => Some(Self::Pulumi),
            _ => None,
        }
    }

    /// The folder below that of the program which holds what it wrote.
    fn written(self) -> Option<&'static str> {
        match self {
            Self::Cdk => Some("cdk.out/"),
            Self::CdkTf => Some("cdktf.out/"),
            Self::Serverless => Some(".serverless/"),
            Self::Pulumi | Self::Template => None,
        }
    }

    fn counted(self, count: usize) -> String {
        let s = if count == 1 { "" } else { "s" };
        match self {
            Self::Cdk => format!("{count} file{s} of a CDK app"),
            Self::CdkTf => format!("{count} file{s} of a program for CDK for Terraform"),
            Self::Pulumi => format!("{count} file{s} of a Pulumi program"),
            Self::Serverless => format!("{count} program{s} for serverless"),
            Self::Template => format!("{count} template{s}"),
        }
    }

    fn instead(self) -> &'static str {
        match self {
            Self::Cdk => "run `cdk synth` and check the templates in `cdk.out`",
            Self::CdkTf => "run `cdktf synth` and check `cdktf.out`",
            Self::Pulumi => "check what `pulumi preview --json` or `pulumi stack export` prints",
            Self::Serverless => "package it and check the template that it writes",
            Self::Template => "render them and check what comes out",
        }
    }
}

/// Whether a file has no reader and may speak of trust.
pub(super) fn is_candidate(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        let ends = |all: &[&str]| all.iter().any(|end| name.ends_with(end));
        ends(&LANGUAGES) || ends(&TEMPLATES)
    })
}

/// Why an explicit file of a kind that nobody reads was not judged.
pub(super) fn refusal(path: &str) -> String {
    let what = match alone(path) {
        Some(kind) => kind.instead().to_owned(),
        None => "check what the program writes: `cdk.out`, a plan, the output of `pulumi preview --json`".to_owned(),
    };
    format!("there is no reader for files of this kind: {what}")
}

/// What a file is by its own name.
fn alone(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    if SERVERLESS.contains(&name.as_str()) {
        return Some(Kind::Serverless);
    }
    TEMPLATES.iter().any(|end| name.ends_with(end)).then_some(Kind::Template)
}

/// A file that may be told: as it is shown, and where it is.
pub(super) struct Candidate {
    pub(super) path: String,
    pub(super) text: Text,
}

/// Where its text is.
pub(super) enum Text {
    Disk(PathBuf),
    Memory(String),
    Revision(Arc<Revision>, Entry),
}

impl Candidate {
    pub(super) fn disk(working_directory: &Path, path: PathBuf, climb: bool) -> Self {
        Self { path: paths::shown(working_directory, &path, climb), text: Text::Disk(path) }
    }

    fn speaks_of_trust(&self) -> bool {
        let found = |text: &str| TRUST.as_ref().is_some_and(|words| words.is_match(text));
        match &self.text {
            Text::Disk(path) => read::file(path).is_ok_and(|text| found(&text)),
            Text::Memory(text) => found(text),
            Text::Revision(revision, entry) => {
                revision.bytes(*entry, read::MAX_FILE_BYTES).and_then(read::text).is_ok_and(|text| found(&text))
            }
        }
    }
}

/// One line for each program, and one for the templates, that speak of trust.
pub(super) fn told(mut candidates: Vec<Candidate>, reads: &[Read]) -> Vec<Skipped> {
    let markers: BTreeMap<&str, Kind> =
        reads.iter().filter_map(|r| Some((folder_of(&r.file.path), Kind::of_marker(&r.file.path)?))).collect();
    candidates.sort_by(|a, b| a.path.cmp(&b.path));
    let mut groups: BTreeMap<(Kind, String), Vec<String>> = BTreeMap::new();
    let mut looked_at = 0;
    for candidate in &candidates {
        let Some((kind, folder)) = group(&candidate.path, &markers) else { continue };
        let below = |part: &str| if folder.is_empty() { part.to_owned() } else { format!("{folder}/{part}") };
        let is_written = kind.written().map(below).is_some_and(|written| {
            candidate.path.starts_with(&written) || reads.iter().any(|r| r.file.hit && r.file.path.starts_with(&written))
        });
        if is_written || looked_at == MAX_LOOKED_AT {
            continue;
        }
        looked_at += 1;
        if candidate.speaks_of_trust() {
            groups.entry((kind, folder.to_owned())).or_default().push(candidate.path.clone());
        }
    }
    let line = |((kind, _), files): ((Kind, String), Vec<String>)| {
        let reason = format!("{} may speak of trust and cannot be read: {}", kind.counted(files.len()), kind.instead());
        files.into_iter().next().map(|path| Skipped { path, reason })
    };
    groups.into_iter().filter_map(line).collect()
}

/// The program that a file belongs to: its kind, and the folder of what says so.
fn group<'p>(path: &'p str, markers: &BTreeMap<&str, Kind>) -> Option<(Kind, &'p str)> {
    match alone(path) {
        Some(Kind::Template) => return Some((Kind::Template, "")),
        Some(kind) => return Some((kind, folder_of(path))),
        None => {}
    }
    let mut folder = folder_of(path);
    loop {
        if let Some(kind) = markers.get(folder) {
            return Some((*kind, folder));
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder_of(folder);
    }
}
