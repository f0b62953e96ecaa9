//! `fedlint config`, `fedlint init`.

use super::args::{Init, ShowConfig};
use super::{CLEAN, CliError, print};
use crate::catalogue::{Confidence, Severity};
use crate::config::{Config, FILE_NAME, shown};
use crate::report::printable_lines;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

/// What `fedlint init` writes: the usual keys with what they do; nothing differs from the defaults. Editors take the schema
/// from the first line.
const FIRST: &str = r#"#:schema https://raw.githubusercontent.com/fedlint/fedlint/main/docs/fedlint.schema.json
# All keys: https://github.com/fedlint/fedlint/blob/main/docs/configuration.md
# Paths and globs are relative to this file.

# The least severity that makes `fedlint check` fail: info, low, medium, high, critical.
fail-on = "medium"

# What is not read.
exclude = []

# Findings that were there when fedlint was introduced (`fedlint baseline` writes the file).
# baseline = "fedlint-baseline.json"

# Another severity for a rule, or "off".
# [rules.any-ref]
# severity = "info"

# Issuers of your own: nobody else gets a token from them.
# [issuers]
# trusted = ["https://ci.example.com"]

# Your own tenants: a trust that names another one is found.
# [tenants]
# github = ["octo-org"]
# aws = ["111122223333"]

# Findings that you accept. Only `rule` and `reason` are needed.
# [[ignore]]
# rule = "any-ref"
# path = "sandbox/**"
# identity = "aws_iam_role.preview-*"
# reason = "previews of branches, no permissions"
# until = "2027-01-31"
"#;

pub(super) fn init(arguments: &Init) -> Result<u8, CliError> {
    let file = arguments.folder.join(FILE_NAME);
    let shown = file.display();
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(&file);
    let written = opened.and_then(|mut file| file.write_all(FIRST.as_bytes()));
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::Run(format!("`{shown}` is there already: `fedlint config` shows what it says")),
        _ => CliError::Run(format!("cannot write `{shown}`: {e}")),
    })?;
    let _ = writeln!(anstream::stderr(), "{}", printable_lines(&format!("wrote `{shown}`")));
    Ok(CLEAN)
}

pub(super) fn show(arguments: &ShowConfig) -> Result<u8, CliError> {
    let folder = if arguments.path.is_dir() { arguments.path.as_path() } else { arguments.path.parent().unwrap_or(Path::new(".")) };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let config = Config::load(arguments.config.as_deref(), folder)?;
    print(&printable_lines(&describe(&config, folder)?))?;
    Ok(CLEAN)
}

/// Which files it stands beside: the nearest speaks alone.
fn why(config: &Config) -> String {
    let Some(above) = config.folder.as_deref().and_then(Path::parent).filter(|_| config.root.as_deref() != config.folder.as_deref()) else {
        return String::new();
    };
    let Some(other) = Config::discover(above) else { return String::new() };
    let mut out = format!("# the nearest file speaks alone: `{}` above it is not merged\n", shown(&other));
    let keys = config.of_the_run();
    if !keys.is_empty() {
        let _ = writeln!(out, "# not obeyed when a folder above is checked, being for the whole run: `{}`", keys.join("`, `"));
    }
    out
}

/// The configuration as TOML, each key with where it comes from.
fn describe(config: &Config, folder: &Path) -> Result<String, CliError> {
    let mut out = match &config.path {
        Some(path) => format!("# {path}\n{}", why(config)),
        None => format!("# no {FILE_NAME} in `{}` or above it up to the repository's root: the defaults\n", folder.display()),
    };
    let mut default = |set: bool, key: &str, value: &str| {
        if !set {
            let _ = writeln!(out, "{key} = \"{value}\"  # default");
        }
    };
    default(config.fail_on.is_some(), "fail-on", Severity::Medium.as_str());
    default(config.min_severity.is_some(), "min-severity", Severity::Info.as_str());
    default(config.min_confidence.is_some(), "min-confidence", &Confidence::Likely.to_string());
    out.push_str(&toml::to_string(config).map_err(|e| CliError::Run(format!("the configuration cannot be shown: {e}")))?);
    Ok(out)
}
