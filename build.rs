//! Lists the rule files, so that the binary carries them and needs nothing beside itself and a rule that does not exist does
//! not compile.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=rules");
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("rules"))?.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "md"));
    files.sort();
    let ids: Vec<String> = files.iter().map(|f| f.file_stem().unwrap_or_default().to_string_lossy().into_owned()).collect();
    let mut out =
        String::from("/// Every rule file: its name without `.md`, and its text.\npub(crate) const RULE_FILES: &[(&str, &str)] = &[\n");
    for (id, file) in ids.iter().zip(&files) {
        let _ = writeln!(out, "    ({id:?}, include_str!({:?})),", file.display().to_string());
    }
    out.push_str("];\n");
    rule_ids(&ids, &mut out);
    for (field, kind) in [("category", "Category"), ("severity", "Severity")] {
        let values: Vec<String> = files.iter().map(|f| front_matter(f, field)).collect::<io::Result<_>>()?;
        by_rule(&ids, field, kind, &values, &mut out);
    }
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("rule_files.rs"), out)
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
