use super::read::MAX_FILE_BYTES;
use super::*;
use std::fs;

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn scan(dir: &Path, options: Options) -> Scan {
    try_scan(dir, options).unwrap()
}

fn try_scan(dir: &Path, options: Options) -> Result<Scan, ScanError> {
    Scan::run(&Options { working_directory: Some(dir.to_path_buf()), ..options }, &Arc::new(Sources::new()))
}

fn paths_of(scan: &Scan) -> Vec<&str> {
    scan.files.iter().map(|f| f.path.as_str()).collect()
}

const ROLE: &str = "resource \"aws_iam_role\" \"x\" {}\n";

#[test]
fn hits_keep_their_text_and_the_rest_is_loaded_when_asked_for() {
    let dir = tree(&[
        ("infra/main.tf", ROLE),
        ("infra/vars.tf", "variable \"a\" {}\n"),
        ("infra/call.tf", "module \"m\" {\n  source = \"../modules/m\"\n}\n"),
        (".github/workflows/ci.yml", "on: push\n"),
        ("readme.md", "AssumeRole"),
        ("notes.json", "{}"),
    ]);
    let scan = scan(dir.path(), Options::default());
    assert_eq!(paths_of(&scan), [".github/workflows/ci.yml", "infra/call.tf", "infra/main.tf", "infra/vars.tf", "notes.json"]);
    assert_eq!(scan.hits().map(|f| f.path.as_str()).collect::<Vec<_>>(), [".github/workflows/ci.yml", "infra/main.tf"]);
    assert_eq!(scan.read_count, 5);
    let calls = scan.files.iter().filter(|f| f.calls_local_module).map(|f| f.path.as_str());
    assert_eq!(calls.collect::<Vec<_>>(), ["infra/call.tf"]);
    assert!(scan.loader.sources().by_path("infra/vars.tf").is_none());
    assert_eq!(&*scan.loader.load("infra/../infra/./vars.tf").unwrap().text, "variable \"a\" {}\n");
    assert!(scan.loader.sources().by_path("infra/vars.tf").is_some());
    assert_eq!(scan.loader.list("infra"), ["call.tf", "main.tf", "vars.tf"]);
    assert!(scan.loader.list("").contains(&"infra/".to_owned()));
    assert!(scan.loader.load("readme.md").is_some() && scan.loader.load("infra").is_none());
}

#[test]
fn ignored_excluded_and_foreign_folders_are_left_out() {
    let dir = tree(&[
        (".gitignore", "out/\n"),
        ("out/a.tf", ROLE),
        (".git/a.tf", ROLE),
        ("node_modules/p/a.json", "\"oidc\""),
        (".terraform/modules/m/a.tf", ROLE),
        ("vendor/modules.txt", ""),
        ("vendor/a.yaml", "oidc"),
        ("lib/vendor/a.yaml", "oidc"),
        ("test/deep/a.tf", ROLE),
        ("keep/a.tf", ROLE),
        ("keep/package-lock.json", "oidc"),
    ]);
    track(&dir, &[".gitignore", "keep/a.tf", "lib/vendor/a.yaml", "vendor/modules.txt"]);
    let found = scan(dir.path(), Options { exclude: vec!["test/".into()], ..Options::default() });
    assert_eq!(paths_of(&found), ["keep/a.tf", "lib/vendor/a.yaml"]);
    assert_eq!((found.ignored, found.excluded, found.skipped.len()), (1, 1, 0));
    assert!(found.loader.load(".terraform/modules/m/a.tf").is_some());
    let deep = scan(dir.path(), Options { exclude: vec!["**/deep".into()], ..Options::default() });
    assert!(!paths_of(&deep).contains(&"test/deep/a.tf"));
    assert!(try_scan(dir.path(), Options { exclude: vec!["[".into()], ..Options::default() }).is_err());
}

fn reasons(scan: &Scan) -> Vec<String> {
    scan.skipped.iter().map(|s| format!("{}: {}", s.path, s.reason)).collect()
}

/// Makes the folder a repository that tracks these files.
fn track(dir: &tempfile::TempDir, names: &[&str]) {
    fs::create_dir_all(dir.path().join(".git")).unwrap();
    fs::write(dir.path().join(".git/index"), super::tracked::tests::index(2, names)).unwrap();
}

#[test]
fn gitignore_hides_only_what_is_not_tracked() {
    let files = [
        (".gitignore", "out/\n*.json\n!keep.json\n"),
        ("infra/.gitignore", "*.tf\n"),
        ("infra/a.tf", ROLE),
        ("infra/b.tf", ROLE),
        ("out/deep/a.tf", ROLE),
        ("out/deep/b.tf", ROLE),
        ("keep.json", "{}"),
        ("x.json", "{}"),
        (".git/info/exclude", "local.tf\n"),
        ("local.tf", ROLE),
    ];
    let dir = tree(&files);
    track(&dir, &[".gitignore", "infra/.gitignore", "infra/b.tf", "keep.json", "out/deep/a.tf"]);
    let found = scan(dir.path(), Options::default());
    assert_eq!(paths_of(&found), ["infra/b.tf", "keep.json", "out/deep/a.tf"]);
    assert_eq!(found.ignored, 4);
    let all = ["infra/a.tf", "infra/b.tf", "keep.json", "local.tf", "out/deep/a.tf", "out/deep/b.tf", "x.json"];
    assert_eq!(paths_of(&scan(dir.path(), Options { no_gitignore: true, ..Options::default() })), all);
    // from a folder of it the patterns above hold, those above the repository do not
    fs::write(dir.path().join("infra/c.json"), "{}").unwrap();
    let part = scan(&dir.path().join("infra"), Options::default());
    assert_eq!((paths_of(&part), part.ignored), (vec!["b.tf"], 2));
    // who tracks nothing that can be told hides nothing
    fs::write(dir.path().join(".git/index"), "no index").unwrap();
    assert_eq!(scan(dir.path(), Options::default()).ignored, 0);
    fs::remove_dir_all(dir.path().join(".git")).unwrap();
    assert_eq!(scan(dir.path(), Options::default()).ignored, 0);
}

#[test]
fn patterns_above_the_repository_are_not_obeyed() {
    let dir = tree(&[(".gitignore", "*\n"), ("r/a.tf", ROLE), ("r/.git/HEAD", "ref")]);
    fs::write(dir.path().join("r/.git/index"), super::tracked::tests::index(2, &["x"])).unwrap();
    let found = scan(&dir.path().join("r"), Options::default());
    assert_eq!((paths_of(&found), found.ignored), (vec!["a.tf"], 0));
}

#[test]
fn folders_that_are_skipped_by_name_are_told_when_they_matter() {
    let dir = tree(&[
        ("vendor/modules.txt", ""),
        ("vendor/infra/a.tf", ROLE),
        ("node_modules/p/a.tf", ROLE),
        ("node_modules/p/package.json", "{}"),
        (".venv/a.tf", ROLE),
        (".svn/a.tf", ROLE),
        ("main.tf", ROLE),
    ]);
    let told = |count: usize, folder: &str, first: &str| {
        format!(
            "{folder}: a folder that is skipped by its name, with {count} files that may hold trusts, as `{first}`: they were not judged"
        )
    };
    // without a repository nobody says what is of the project
    let whole = scan(dir.path(), Options::default());
    assert_eq!(paths_of(&whole), ["main.tf"]);
    assert_eq!(
        reasons(&whole),
        [told(1, ".svn", "a.tf"), told(1, ".venv", "a.tf"), told(1, "node_modules", "p/a.tf"), told(1, "vendor", "infra/a.tf")]
    );
    track(&dir, &["main.tf", "node_modules/p/package.json", "vendor/infra/a.tf", "vendor/modules.txt"]);
    assert_eq!(reasons(&scan(dir.path(), Options::default())), [told(1, "vendor", "infra/a.tf")]);
    let without = scan(dir.path(), Options { exclude: vec!["vendor".into()], ..Options::default() });
    assert_eq!((without.skipped.len(), without.excluded), (0, 1));
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_opened_and_links_that_lead_out_are_told() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;
    let outside = tree(&[("o.tf", ROLE), ("d/o.tf", ROLE)]);
    let dir = tree(&[("in/a.tf", ROLE), ("x.tf/b.tf", ROLE)]);
    let root = dir.path();
    track(&dir, &["in/a.tf"]);
    for (target, name) in [
        (outside.path().join("o.tf"), "out.tf"),
        (outside.path().to_path_buf(), "folder"),
        ("in".into(), "inner"),
        ("/dev/zero".into(), "zero.json"),
        ("/dev/zero".into(), ".gitignore"),
        ("/proc/self/environ".into(), "in/.gitignore"),
        ("nowhere".into(), "dangling.tf"),
        (outside.path().join("o.tf"), "readme.md"),
    ] {
        symlink(target, root.join(name)).unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(root.join("s.tf")).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"n\xff.tf")), ROLE).unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"m\xff.yaml")), "k: v").unwrap();
    let found = scan(root, Options::default());
    assert_eq!(paths_of(&found), ["in/a.tf", "m\u{fffd}.yaml", "x.tf/b.tf"]);
    let out = "a link that leads out of the repository: it was not followed";
    assert_eq!(
        reasons(&found),
        [
            "folder: a link to a folder that is not below what is checked: it was not followed".to_owned(),
            "n\u{fffd}.tf: its name is not UTF-8, so it was not judged".to_owned(),
            format!("out.tf: {out}"),
            "s.tf: not a regular file".to_owned(),
            format!("zero.json: {out}"),
        ]
    );
}

#[test]
fn files_of_patterns_that_are_too_large_hide_nothing() {
    let many: String = (0..5_000).map(|i| format!("*{i}*a*b\n")).collect();
    for patterns in ["*.tf\n# ".to_owned() + &"x".repeat(100_000), "*.tf\n".to_owned() + &many] {
        let dir = tree(&[(".gitignore", &patterns), ("a.tf", ROLE)]);
        track(&dir, &[".gitignore"]);
        assert_eq!(paths_of(&scan(dir.path(), Options::default())), ["a.tf"]);
    }
}

#[test]
fn large_files_are_kept_up_to_a_sum() {
    let large = format!("{ROLE}# {}", "x".repeat(super::MAX_LARGE / 10));
    let dir = tree(&[]);
    for i in 0..12 {
        fs::write(dir.path().join(format!("f{i:02}.tf")), &large).unwrap();
    }
    let found = scan(dir.path(), Options::default());
    assert_eq!((found.hits().count(), found.skipped.len()), (10, 2));
    assert_eq!(found.skipped[0].path, "f10.tf");
}

#[test]
fn explicit_files_are_always_read() {
    let dir = tree(&[("a/policy", "{}"), ("a/x.tpl", "x"), (".gitignore", "a\n"), ("a/y.yaml", "k: v")]);
    track(&dir, &[".gitignore"]);
    let roots = vec!["a/policy".into(), "a/x.tpl".into(), "a/y.yaml".into(), ".".into()];
    let found = scan(dir.path(), Options { roots, ..Options::default() });
    assert_eq!(paths_of(&found), ["a/policy", "a/x.tpl", "a/y.yaml"]);
    assert_eq!(found.files.iter().map(|f| f.kind).collect::<Vec<_>>(), [FileKind::Json, FileKind::Template, FileKind::Yaml]);
    assert!(found.files.iter().all(|f| f.hit && f.source.is_some()));
    let missing = try_scan(dir.path(), Options { roots: vec!["nope".into()], ..Options::default() });
    assert_eq!(missing.unwrap_err().to_string(), "no such file or folder: `nope`");
}

#[test]
fn what_is_no_text_is_skipped_with_a_reason() {
    let dir = tree(&[("ok.tf", "\u{feff}resource \"aws_iam_role\" \"x\" {}")]);
    for (name, bytes) in [("c.tf", &b"\0GITCRYPT\0xx"[..]), ("b.json", b"a\0b"), ("u.yaml", b"\xff\xfea\0"), ("l.yaml", b"k: \xe9")] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    fs::File::create(dir.path().join("big.json")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    let found = scan(dir.path(), Options::default());
    let reasons: Vec<(&str, &str)> = found.skipped.iter().map(|s| (s.path.as_str(), s.reason.as_str())).collect();
    assert_eq!(
        reasons,
        [
            ("b.json", "binary"),
            ("big.json", "larger than 16 MiB"),
            ("c.tf", "encrypted by git-crypt"),
            ("l.yaml", "not UTF-8"),
            ("u.yaml", "encoded as UTF-16, not UTF-8"),
        ]
    );
    assert!(found.files[0].source.as_ref().unwrap().text.starts_with("resource"));
    assert!(found.loader.load("big.json").is_none() && found.loader.load("c.tf").is_none());
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_roots_is_read() {
    use std::os::unix::fs::symlink;
    let outside = tree(&[("secret.tf", ROLE), ("d/secret.tf", ROLE)]);
    let dir = tree(&[("repo/env/a.tf", ROLE), ("repo/shared.tf", ROLE), ("other/b.tf", ROLE)]);
    let repo = dir.path().join("repo");
    symlink(outside.path().join("secret.tf"), repo.join("env/out.tf")).unwrap();
    symlink(outside.path().join("d"), repo.join("env/dir")).unwrap();
    symlink("../shared.tf", repo.join("env/in.tf")).unwrap();
    symlink("loop", repo.join("env/loop")).unwrap();
    symlink(".", repo.join("env/self")).unwrap();
    let found = scan(dir.path(), Options { roots: vec!["repo".into()], ..Options::default() });
    assert_eq!(paths_of(&found), ["repo/env/a.tf", "repo/env/in.tf", "repo/shared.tf"]);
    for path in ["repo/env/out.tf", "repo/env/dir/secret.tf", "other/b.tf", "repo/../other/b.tf", "../x", "/etc/passwd", "repo/env/loop"] {
        assert!(found.loader.load(path).is_none(), "{path}");
    }
    assert!(found.loader.list("other").is_empty());
    assert!(found.loader.load("repo/env/self/a.tf").is_some());
}

#[test]
fn a_repository_says_where_reading_ends() {
    let dir = tree(&[("r/.git/HEAD", "ref"), ("r/env/a.tf", ROLE), ("r/mod/b.tf", ROLE), ("r/x.json", "{}"), ("out/c.tf", ROLE)]);
    let names = |loader: &Loader, folder: &str| loader.module(folder, |n| n.ends_with(".tf")).len();
    for (here, root, up) in [("r/env", ".", ".."), ("r", "env", "."), (".", "r/env", "r"), ("r/mod", "../env", "..")] {
        let found = scan(&dir.path().join(here), Options { roots: vec![root.into()], ..Options::default() });
        assert_eq!(names(&found.loader, &format!("{up}/mod")), 1, "{here} {root}");
        assert!(found.loader.load(&format!("{up}/x.json")).is_some(), "{here} {root}");
        assert_eq!(names(&found.loader, &format!("{up}/../out")), 0, "{here} {root}");
    }
}

#[cfg(unix)]
#[test]
fn without_a_repository_only_modules_are_read_above() {
    let dir = tree(&[("p/env/a.tf", ROLE), ("p/mod/b.tf", ROLE), ("p/mod/secret.json", "{}"), ("p/other/c.tf", ROLE)]);
    std::os::unix::fs::symlink("../other", dir.path().join("p/mod/link")).unwrap();
    std::os::unix::fs::symlink("../other/c.tf", dir.path().join("p/mod/c.tf")).unwrap();
    let names =
        |loader: &Loader, folder: &str| loader.module(folder, |n| n.ends_with(".tf")).iter().map(|f| f.path.clone()).collect::<Vec<_>>();
    for (here, root, up) in [("p/env", ".", ".."), ("p", "env", "."), (".", "p/env", "p")] {
        let found = scan(&dir.path().join(here), Options { roots: vec![root.into()], ..Options::default() });
        let module = names(&found.loader, &format!("{up}/mod"));
        assert!(module.len() == 1 && module[0].ends_with("mod/b.tf"), "{here} {root}: {module:?}");
        assert!(found.loader.load(&format!("{up}/mod/secret.json")).is_none(), "{here} {root}");
        assert!(names(&found.loader, &format!("{up}/mod/link")).is_empty(), "{here} {root}");
    }
}

#[test]
fn paths_are_shown_from_the_working_directory() {
    let dir = tree(&[("a/b/x.tf", ROLE), ("c/y.tf", ROLE)]);
    let here = dir.path().join("a");
    let up = scan(&here, Options { roots: vec!["./b".into(), "../c".into()], ..Options::default() });
    assert_eq!(paths_of(&up), ["../c/y.tf", "b/x.tf"]);
    assert!(up.loader.load("../c/y.tf").is_some());
    let absolute = scan(&here, Options { roots: vec![dir.path().join("c"), here.join("b")], ..Options::default() });
    assert!(absolute.files[0].path.starts_with('/') && absolute.files[0].path.ends_with("/c/y.tf"));
    assert_eq!(absolute.files[1].path, "b/x.tf");
}

#[test]
fn templates_of_charts_are_marked() {
    let files = ["c/Chart.yaml", "c/templates/a/sa.yaml", "c/values.yaml", "d/templates/sa.yaml", "templates/x.yaml"];
    let sources = Arc::new(Sources::new());
    let found = Scan::from_memory(files.iter().map(|f| ((*f).to_owned(), "serviceAccount: x".to_owned())).collect(), false, &sources);
    let marked: Vec<&str> = found.files.iter().filter(|f| f.chart_template).map(|f| f.path.as_str()).collect();
    assert_eq!(marked, ["c/templates/a/sa.yaml"]);
}

#[test]
fn memory_behaves_like_a_disk() {
    let sources = Arc::new(Sources::new());
    let files = [("./infra/main.tf", ROLE), ("infra/vars.tf", "variable \"a\" {}"), ("infra/p.txt", "x"), ("../up.tf", ROLE)];
    let found = Scan::from_memory(files.iter().map(|(p, t)| ((*p).to_owned(), (*t).to_owned())).collect(), false, &sources);
    assert_eq!(paths_of(&found), ["../up.tf", "infra/main.tf", "infra/vars.tf"]);
    assert_eq!(found.hits().count(), 2);
    assert_eq!(&*found.loader.load("infra/p.txt").unwrap().text, "x");
    assert_eq!(found.loader.list("infra/"), ["main.tf", "p.txt", "vars.tf"]);
    assert!(found.loader.load("infra/none.tf").is_none());
}

#[test]
fn two_runs_give_the_same_ids() {
    let files: Vec<(String, String)> = (0..60).map(|i| (format!("d{}/f{i}.tf", i % 7), ROLE.to_owned())).collect();
    let dir = tree(&files.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect::<Vec<_>>());
    let ids = || {
        let found = scan(dir.path(), Options::default());
        found.files.iter().map(|f| (f.path.clone(), f.source.as_ref().unwrap().id)).collect::<Vec<_>>()
    };
    assert_eq!(ids(), ids());
}

#[test]
fn the_words_catch_trust_and_let_the_rest_go() {
    for text in [
        "Action = \"sts:AssumeRoleWithWebIdentity\"",
        "locals { subs = [\"system:serviceaccount:a:b\"] }",
        "namespace_service_accounts = []",
        "eks.amazonaws.com/role-arn: x",
        "\"audiences\": [\"api://AzureADTokenExchange\"]",
        "attributeCondition: assertion.sub",
        "member: principalSet://iam.googleapis.com/x",
        "azure.workload.identity/use: \"true\"",
        "source = \"terraform-aws-modules/eks-pod-identity/aws\"",
        "\"Action\": \"sts:*\"",
        "type: Microsoft.Authorization/roleAssignments",
        "assume_role_policy = data.aws_iam_policy_document.x.json",
    ] {
        assert!(matters("a.tf", text), "{text}");
    }
    for text in
        ["resource \"aws_s3_bucket\" \"x\" {}", "kind: Deployment\nspec:\n  hosts: [a]\n  requests: {cpu: 1}", "variable \"region\" {}", ""]
    {
        assert!(!matters("a.tf", text), "{text}");
    }
    assert!(matters("x/kustomization.yaml", "") && matters(".gitlab-ci.yml", ""));
    assert!(!calls_local_module("source = \"terraform-aws-modules/iam/aws\"") && calls_local_module("source=\"./m\""));
}

#[test]
fn kinds_by_name() {
    let kinds = ["a.tf", "a.tofu", "a.tf.json", "a.auto.tfvars", "a.tfvars.json", "a.json", "A.YML", "t.hcl", "s.conf", "x.tftpl", "x.sh"]
        .map(FileKind::of);
    use FileKind::{Conf, Hcl, Json, Shell, Template, Terraform, TerraformJson, Tfvars, TfvarsJson, Yaml};
    let expected = [Terraform, Terraform, TerraformJson, Tfvars, TfvarsJson, Json, Yaml, Hcl, Conf, Template, Shell];
    assert_eq!(kinds, expected.map(Some));
    assert_eq!(FileKind::of("a/.terraform.lock.hcl"), None);
    for name in ["Makefile", "a/Dockerfile", "Dockerfile.ci", "build.Dockerfile", "x/rules.mk"] {
        assert_eq!(FileKind::of(name), Some(Shell), "{name}");
    }
    assert_eq!(FileKind::of("a/setup.ps1"), Some(FileKind::PowerShell));
    assert_eq!(FileKind::of("a/bootstrap"), None);
}

#[test]
fn a_script_without_extension_says_that_it_is_one() {
    for text in ["#!/bin/sh", "#!/usr/bin/env bash\nx", "#! /usr/bin/env -S bash -eu\n", "#!/bin/bash -e"] {
        assert!(is_script(text.as_bytes()), "{text}");
    }
    for text in ["", "#!/usr/bin/python3", "#!/usr/bin/env node\n", "# bash", "#!"] {
        assert!(!is_script(text.as_bytes()), "{text}");
    }
}
