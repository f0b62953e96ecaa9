//! `fedlint eval`: the examples of its page are run as they stand there.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// The fenced blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let open = format!("```{language}\n");
    page.split(&open).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Words of a command line; single quotes hold words together.
fn words(line: &str) -> Vec<String> {
    line.split('\'')
        .enumerate()
        .flat_map(|(i, piece)| if i % 2 == 1 { vec![piece.to_owned()] } else { piece.split_whitespace().map(str::to_owned).collect() })
        .collect()
}

fn eval(folder: &Path, arguments: &[String]) -> (String, Option<i32>) {
    let output = Command::new(env!("CARGO_BIN_EXE_fedlint")).args(arguments).current_dir(folder).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

#[test]
fn the_page_tells_the_truth() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/eval.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.tf"), blocks(&page, "hcl").concat()).unwrap();
    let mut run = 0;
    for block in blocks(&page, "console") {
        for example in block.split("$ fedlint ").skip(1) {
            let (line, expected) = example.split_once('\n').unwrap();
            assert_eq!(eval(folder.path(), &words(line)), (expected.to_owned(), Some(0)), "{line}");
            run += 1;
        }
    }
    assert!(run >= 5, "{run} examples");
}

#[test]
fn a_module_beside_the_folder_is_seen_from_anywhere() {
    let top = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = top.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("live/main.tf", "module \"m\" {\n  source = \"../modules/m\"\n}\n");
    write("modules/m/main.tf", "output \"who\" {\n  value = \"repo:acme/app\"\n}\n");
    let arguments: Vec<String> = ["eval", "live", "module.m.who", "--format", "json"].map(str::to_owned).to_vec();
    assert_eq!(eval(top.path(), &arguments).0, "{\"known\":true,\"value\":\"repo:acme/app\"}\n");
    let beside: Vec<String> = ["eval", "../live", "module.m.who", "--format", "json"].map(str::to_owned).to_vec();
    assert_eq!(eval(&top.path().join("modules"), &beside).0, "{\"known\":true,\"value\":\"repo:acme/app\"}\n", "from anywhere");
    // Where a repository says that the project ends before the module, it is not read.
    write("live/.git/HEAD", "ref: refs/heads/main\n");
    assert!(eval(top.path(), &arguments).0.starts_with("{\"known\":false"));
    let missing: Vec<String> = ["eval", "nowhere", "1"].map(str::to_owned).to_vec();
    assert_eq!(eval(top.path(), &missing).1, Some(2));
}
