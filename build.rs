//! Lists the rule files and the registry's files, so that the binary carries them and needs nothing beside itself, and a rule
//! that does not exist does not compile.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=rules");
    println!("cargo::rerun-if-changed=src/issuers/registry");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let files = listed(&root.join("rules"), "md")?;
    let ids: Vec<String> = files.iter().map(|f| stem(f)).collect();
    let mut out = embedded("Every rule file: its name without `.md`, and its text.", "RULE_FILES", &files);
    rule_ids(&ids, &mut out);
    for (field, kind) in [("category", "Category"), ("severity", "Severity")] {
        let values: Vec<String> = files.iter().map(|f| front_matter(f, field)).collect::<io::Result<_>>()?;
        by_rule(&ids, field, kind, &values, &mut out);
    }
    let built = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(built.join("rule_files.rs"), out)?;
    let registry = listed(&root.join("src/issuers/registry"), "yaml")?;
    fs::write(
        built.join("registry_files.rs"),
        embedded("Every file of the registry: its name without `.yaml`, and its text.", "FILES", &registry),
    )
}

/// The files of a folder with this ending, in order of their names.
fn listed(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<io::Result<_>>()?;
    files.retain(|p| p.extension().is_some_and(|e| e == ending));
    files.sort();
    Ok(files)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A constant with the names and texts of these files.
fn embedded(what: &str, name: &str, files: &[PathBuf]) -> String {
    let mut out = format!("/// {what}\npub(crate) const {name}: &[(&str, &str)] = &[\n");
    for file in files {
        let _ = writeln!(out, "    ({:?}, include_str!({:?})),", stem(file), file.display().to_string());
    }
    out.push_str("];\n");
    out
}

/// The closed set of rules as an enum.
fn rule_ids(ids: &[String], out: &mut String) {
    out.push_str("/// A rule of the catalogue: one for each file under `rules/`.\n");
    out.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]\npub enum RuleId {\n");
    for id in ids {
        let _ = writeln!(out, "    /// `{id}`\n    {},", variant(id));
    }
    out.push_str("}\n\nimpl RuleId {\n    /// Every rule, in order of the ids.\n    pub const ALL: &'static [Self] = &[\n");
    for id in ids {
        let _ = writeln!(out, "        Self::{},", variant(id));
    }
    out.push_str("    ];\n\n    /// The id as reports, suppressions and configurations write it.\n");
    out.push_str("    #[must_use]\n    pub const fn as_str(self) -> &'static str {\n        match self {\n");
    for id in ids {
        let _ = writeln!(out, "            Self::{} => {id:?},", variant(id));
    }
    out.push_str("        }\n    }\n}\n");
}

/// A field of a rule file's front matter. A file without it does not build: no rule is dropped silently.
fn front_matter(file: &Path, field: &str) -> io::Result<String> {
    let text = fs::read_to_string(file)?;
    let front = text.split("\n---\n").next().unwrap_or_default();
    let value = front.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(": ")).map(str::trim);
    value.map(str::to_owned).ok_or_else(|| io::Error::other(format!("{}: no `{field}`", file.display())))
}

/// What the rule files say of each rule, as a function of the enum.
fn by_rule(ids: &[String], field: &str, kind: &str, values: &[String], out: &mut String) {
    let _ = writeln!(out, "\nimpl RuleId {{\n    /// The `{field}` of the rule file.\n    #[must_use]");
    let _ = writeln!(out, "    pub const fn {field}(self) -> {kind} {{\n        match self {{");
    for (id, value) in ids.iter().zip(values) {
        let _ = writeln!(out, "            Self::{} => {kind}::{},", variant(id), variant(value));
    }
    out.push_str("        }\n    }\n}\n");
}

/// `any-ref` as `AnyRef`.
fn variant(id: &str) -> String {
    let mut out = String::new();
    for word in id.split('-') {
        let mut letters = word.chars();
        out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}
