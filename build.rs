//! Lists the rule files and the registry's files, so that the binary carries them and needs nothing beside itself, and a rule
//! that does not exist does not compile. What is YAML in them is carried as JSON: reading it was four fifths of a short run.

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
    let fronts: Vec<(String, String)> = files.iter().map(|f| Ok((stem(f), as_json(f, &front(f)?)?))).collect::<io::Result<_>>()?;
    constant("The front matter of every rule file, as JSON, in the same order.", "FRONT_MATTERS", &fronts, &mut out);
    rule_ids(&ids, &mut out);
    for (field, kind) in [("category", "Category"), ("severity", "Severity")] {
        let values: Vec<String> = files.iter().map(|f| front_matter(f, field)).collect::<io::Result<_>>()?;
        by_rule(&ids, field, kind, &values, &mut out);
    }
    let built = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(built.join("rule_files.rs"), out)?;
    let registry = listed(&root.join("src/issuers/registry"), "yaml")?;
    let texts = registry.iter().map(|f| Ok((stem(f), as_json(f, &fs::read_to_string(f)?)?))).collect::<io::Result<Vec<_>>>()?;
    let mut out = String::new();
    constant("Every file of the registry: its name without `.yaml`, and what it says, as JSON.", "FILES", &texts, &mut out);
    fs::write(built.join("registry_files.rs"), out)
}

/// YAML as JSON. A file that is none does not build: no rule and no issuer is dropped silently.
fn as_json(file: &Path, yaml: &str) -> io::Result<String> {
    let wrong = |why: String| io::Error::other(format!("{}: {why}", file.display()));
    let value: serde_json::Value = serde_saphyr::from_str(yaml).map_err(|e| wrong(e.to_string()))?;
    if let Some(number) = misread(&value) {
        return Err(wrong(format!("{number} is read as a number: write it in quotes")));
    }
    serde_json::to_string(&value).map_err(|e| wrong(e.to_string()))
}

/// A number that is not whole: nothing here is one, and an id such as `01E24` looks like one.
fn misread(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Number(number) if !number.is_u64() => Some(number.to_string()),
        serde_json::Value::Array(all) => all.iter().find_map(misread),
        serde_json::Value::Object(all) => all.values().find_map(misread),
        _ => None,
    }
}

/// A constant with names and texts.
fn constant(what: &str, name: &str, texts: &[(String, String)], out: &mut String) {
    let _ = writeln!(out, "/// {what}\npub(crate) const {name}: &[(&str, &str)] = &[");
    for (name, text) in texts {
        let _ = writeln!(out, "    ({name:?}, {text:?}),");
    }
    out.push_str("];\n");
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
    out.push_str("    /// A rule of the users' own, which their configuration names.\n    Own(OwnId),\n");
    out.push_str(
        "}\n\nimpl RuleId {\n    /// Every rule of the catalogue, in order of the ids.\n    pub const ALL: &'static [Self] = &[\n",
    );
    for id in ids {
        let _ = writeln!(out, "        Self::{},", variant(id));
    }
    out.push_str("    ];\n\n    /// The id as reports, suppressions and configurations write it.\n");
    out.push_str("    #[must_use]\n    pub const fn as_str(self) -> &'static str {\n        match self {\n");
    for id in ids {
        let _ = writeln!(out, "            Self::{} => {id:?},", variant(id));
    }
    out.push_str("            Self::Own(own) => own.id,\n");
    out.push_str("        }\n    }\n}\n");
}

/// The front matter of a rule file.
fn front(file: &Path) -> io::Result<String> {
    let text = fs::read_to_string(file)?;
    let front = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map(|(front, _)| front.to_owned());
    front.ok_or_else(|| io::Error::other(format!("{}: no front matter", file.display())))
}

/// A field of a rule file's front matter. A file without it does not build.
fn front_matter(file: &Path, field: &str) -> io::Result<String> {
    let front = front(file)?;
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
    let _ = writeln!(out, "            Self::Own(own) => own.{field},");
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
