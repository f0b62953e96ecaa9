//! The README shows the program's real output.

use std::path::Path;
use std::process::Command;

#[test]
fn the_example_of_the_readme_is_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let run = Command::new(env!("CARGO_BIN_EXE_fedlint"))
        .args(["check", "trust.json", "--color", "never", "--isolated"])
        .env("LC_ALL", "C.UTF-8")
        .env_remove("COLUMNS")
        .current_dir(root.join("fixtures/readme"))
        .output()
        .expect("the program runs");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("the README");
    let policy = std::fs::read_to_string(root.join("fixtures/readme/trust.json")).expect("the policy");
    let printed = String::from_utf8(run.stdout).expect("text");
    let printed: Vec<&str> = printed.lines().map(str::trim_end).collect();
    assert_eq!(run.status.code(), Some(1));
    assert!(readme.contains(policy.trim_end()), "the README shows another policy");
    assert!(readme.contains(printed.join("\n").trim_end()), "the README shows another output than:\n{}", printed.join("\n"));
}
