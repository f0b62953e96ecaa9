//! What is shipped: the archive and the formula of a release, the workflows, the metadata.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use crate::support::{Folder, json, run_with};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The value of the first `key = "…"` of a TOML file.
fn value(file: &str, key: &str) -> String {
    let text = read(file);
    let line = text.lines().find_map(|l| l.strip_prefix(&format!("{key} = \""))).unwrap_or_else(|| panic!("{file}: {key}"));
    line.split('"').next().unwrap_or_default().to_owned()
}

#[cfg(unix)]
fn script(name: &str, arguments: &[&str]) -> Output {
    let built = Path::new(env!("CARGO_BIN_EXE_fedlint")).parent().unwrap();
    Command::new("bash").arg(root().join("packaging").join(name)).args(arguments).env("BUILT", built).output().expect("bash runs")
}

#[test]
#[cfg(unix)]
fn an_archive_holds_the_program_its_licences_and_its_manual() {
    let folder = Folder::new();
    let target = "x86_64-unknown-linux-musl";
    let done = script("archive", &[target, &folder.path().display().to_string()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let archive = folder.path().join(format!("fedlint-{target}.tar.gz"));
    let listed = Command::new("tar").arg("-tzf").arg(&archive).output().expect("tar runs");
    let listed = String::from_utf8(listed.stdout).unwrap();
    for name in ["fedlint", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "man/fedlint.1", "man/fedlint-check.1"] {
        let wanted = format!("fedlint-{target}/{name}");
        assert!(listed.lines().any(|l| l == wanted), "{wanted} is not in {listed}");
    }
}

#[test]
#[cfg(unix)]
fn a_formula_has_the_checksums_of_the_release_or_is_not_written() {
    let folder = Folder::new();
    let targets = ["aarch64-apple-darwin", "x86_64-apple-darwin", "aarch64-unknown-linux-musl", "x86_64-unknown-linux-musl"];
    let sums: Vec<String> = targets.iter().enumerate().map(|(i, t)| format!("{i:064}  fedlint-{t}.tar.gz\n")).collect();
    folder.write("all", sums.concat().as_bytes());
    folder.write("some", sums[1..].concat().as_bytes());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let formula = script("formula", &["1.2.3", &path("all")]);
    assert!(formula.status.success());
    let text = String::from_utf8(formula.stdout).unwrap();
    for (at, target) in targets.iter().enumerate() {
        let url = format!("releases/download/v1.2.3/fedlint-{target}.tar.gz\"\n      sha256 \"{at:064}\"");
        assert!(text.contains(&url), "{url} is not in {text}");
    }
    let lacking = script("formula", &["1.2.3", &path("some")]);
    assert!(!lacking.status.success() && lacking.stdout.is_empty());
}

/// Each archive that the manifest promises to `cargo binstall` is one that the release workflow makes.
#[test]
fn the_names_of_archives_agree() {
    assert!(read("Cargo.toml").contains("releases/download/v{ version }/{ name }-{ target }{ archive-suffix }"));
    assert!(read("packaging/archive").contains("name=fedlint-$target"));
    assert!(read(".github/workflows/release.yml").contains("packaging/archive \"$TARGET\" dist"));
}

#[test]
fn the_wheel_and_the_image_are_made_of_what_the_manifest_says() {
    for key in ["description", "license"] {
        assert_eq!(value("pyproject.toml", key), value("Cargo.toml", key));
    }
    let image = format!("FROM rust:{}-alpine", value("Cargo.toml", "rust-version"));
    assert!(read("Dockerfile").contains(&image), "the image is not built with the oldest supported compiler");
    assert!(read("Dockerfile").lines().any(|l| l.starts_with("USER ") && l != "USER root" && l != "USER 0"));
    let version = value("Cargo.toml", "version");
    assert!(read("templates/fedlint.gitlab-ci.yml").contains(&format!("FEDLINT_VERSION: \"{version}\"")));
}

#[test]
fn our_workflows_are_pinned_and_nothing_is_found_in_them() {
    for name in ["ci.yml", "release.yml", "weekly.yml"] {
        for line in read(&format!(".github/workflows/{name}")).lines() {
            let Some((_, action)) = line.split_once("uses: ") else { continue };
            let (_, pin) = action.split_once('@').unwrap_or_else(|| panic!("{name}: {line}"));
            let (hash, version) = pin.split_once(" # v").unwrap_or_else(|| panic!("{name}: {line} names no version"));
            assert!(hash.len() == 40 && hash.bytes().all(|b| b.is_ascii_hexdigit()) && !version.is_empty(), "{name}: {line}");
        }
    }
    let report = json(&run_with(&root(), &["check", ".github", "--format", "json", "--no-ignores"], None, &[]));
    assert_eq!(report["findings"], serde_json::json!([]));
    assert_eq!(report["coverage"]["files_read"], 3);
}

/// The rows of a page's tables that begin with a crate, in their order.
fn rows(page: &str) -> Vec<String> {
    let row = |line: &str| line.strip_prefix("| `").and_then(|rest| rest.split_once('`')).map(|(name, _)| name.to_owned());
    page.lines().filter_map(row).collect()
}

/// The packages of the lock that the program may need on any system and with any feature; the development dependencies are none.
fn needed(manifest: &toml::Table, lock: &toml::Table) -> usize {
    let names = |table: &str| manifest[table].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let packages = lock["package"].as_array().unwrap();
    let of = |package: &toml::Value| -> Vec<String> {
        let all = package.get("dependencies").and_then(|d| d.as_array()).cloned().unwrap_or_default();
        all.iter().filter_map(|d| d.as_str()).map(str::to_owned).collect()
    };
    // `name` where one version is there, `name version` where several are
    let is = |package: &toml::Value, wanted: &str| {
        let (name, version) = (package["name"].as_str().unwrap(), package["version"].as_str().unwrap());
        wanted == name || wanted == format!("{name} {version}")
    };
    let direct: Vec<String> = names("dependencies").into_iter().chain(names("build-dependencies")).collect();
    let own = packages.iter().find(|p| p["name"].as_str() == Some("fedlint")).unwrap();
    let is_direct = |d: &String| direct.iter().any(|name| d.split(' ').next() == Some(name));
    let mut left: Vec<String> = of(own).into_iter().filter(is_direct).collect();
    let mut seen = std::collections::BTreeSet::new();
    while let Some(next) = left.pop() {
        for package in packages.iter().filter(|p| is(p, &next)) {
            if seen.insert((package["name"].to_string(), package["version"].to_string())) {
                left.extend(of(package));
            }
        }
    }
    seen.len()
}

#[test]
fn each_dependency_has_its_reason() {
    let page = read("docs/dependencies.md");
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let names = |table: &str| manifest[table].as_table().unwrap().keys().cloned().collect::<Vec<_>>();
    let (direct, mut wanted) = (names("dependencies"), names("dependencies"));
    wanted.extend(names("dev-dependencies").into_iter().filter(|name| name != "fedlint"));
    assert!(names("build-dependencies").iter().all(|name| direct.contains(name)));
    assert_eq!(rows(&page), wanted, "docs/dependencies.md has a line for each dependency, in the order of Cargo.toml");
    let lock: toml::Table = toml::from_str(&read("Cargo.lock")).unwrap();
    let count = format!("made of {} direct dependencies", direct.len());
    assert!(page.contains(&count), "{count}");
    let all = format!("they are {} of the packages in `Cargo.lock`", needed(&manifest, &lock));
    assert!(page.contains(&all), "{all}");
}

/// A `cargo` that writes down how it was called, and builds a program that says only what `$SAYS` does.
#[cfg(unix)]
fn builder(folder: &Folder, says: &str) -> Command {
    use std::os::unix::fs::PermissionsExt as _;
    let cargo = "#!/bin/sh\nmkdir -p \"$CARGO_TARGET_DIR/dist\"\necho \"$RUSTFLAGS|$CFLAGS|$*\" >> \"$LOG\"\neval \"echo $SAYS\" > \"$CARGO_TARGET_DIR/dist/fedlint\"\n";
    folder.write("cargo", cargo.as_bytes());
    let path = folder.path().join("cargo");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("bash");
    command.arg(root().join("packaging/reproducible")).env("CARGO", path).env("LOG", folder.path().join("log")).env("SAYS", says);
    command.env_remove("RUSTFLAGS").env_remove("CFLAGS").env("CARGO_HOME", "/home/cargo");
    command
}

#[test]
#[cfg(unix)]
fn two_builds_are_compared_and_know_nothing_of_their_folders() {
    if !Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output().is_ok_and(|out| out.status.success()) {
        return;
    }
    let folder = Folder::new();
    let same = builder(&folder, "the program").output().expect("bash runs");
    assert!(same.status.success(), "{}", String::from_utf8_lossy(&same.stderr));
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let calls: Vec<&str> = log.lines().collect();
    assert_eq!(calls.len(), 2, "{log}");
    for call in &calls {
        for hidden in ["/source=/fedlint", "/home/cargo=/cargo", "/built=/target"] {
            assert!(call.contains(hidden), "{hidden} in {call}");
        }
        assert!(call.contains("--locked") && call.contains("--profile dist"), "{call}");
    }
    assert_ne!(calls[0], calls[1], "the folders differ");
    let differ = builder(&folder, "$CARGO_TARGET_DIR").output().expect("bash runs");
    assert_eq!(differ.status.code(), Some(1), "{}", String::from_utf8_lossy(&differ.stdout));
}

#[test]
fn what_is_published_is_built_so_that_it_can_be_built_again() {
    let release = read(".github/workflows/release.yml");
    assert!(
        release.contains("packaging/build \"$TARGET\"") && !release.contains("cargo build"),
        "the archives are built by packaging/build"
    );
}
