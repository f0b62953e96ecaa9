//! What the checked tree names, links to or pretends to be is not opened beyond its root, and no word of it is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

use crate::support::{BAD, Folder, check, findings, json, run, run_with};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const SECRET: &str = "hunter2-the-secret";

/// All that a run tells, with a secret in its environment.
fn told(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let out = run_with(folder.path(), arguments, None, &[("SECRET_TOKEN", SECRET)]);
    (out.status.code(), format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)))
}

/// What a link of the tree may lead to.
fn targets(outside: &Folder) -> Vec<std::path::PathBuf> {
    outside.write("secret.toml", format!("password = \"{SECRET}\"\n").as_bytes());
    outside.write("secret.json", format!("{{\"password\": \"{SECRET}\"}}").as_bytes());
    ["secret.toml", "secret.json"]
        .iter()
        .map(|name| outside.path().join(name))
        .chain(["/proc/self/environ".into(), "/dev/zero".into()])
        .collect()
}

#[test]
fn a_configuration_that_is_a_link_tells_nothing_of_what_it_leads_to() {
    let outside = Folder::new();
    for target in targets(&outside) {
        for git in [true, false] {
            let folder = Folder::new();
            folder.write("bad.tf", BAD.as_bytes());
            if git {
                folder.write(".git/HEAD", b"ref: refs/heads/main\n");
            }
            symlink(&target, folder.path().join("fedlint.toml")).unwrap();
            for arguments in [&["check", "."][..], &["check", ".", "--config", "fedlint.toml"], &["config"], &["inventory"], &["waivers"]] {
                let (code, text) = told(&folder, arguments);
                assert_eq!(code, Some(2), "{target:?} {arguments:?}: {text}");
                assert!(
                    text.contains("fedlint.toml") && !text.contains(SECRET) && !text.contains("PATH"),
                    "{target:?} {arguments:?}: {text}"
                );
            }
            let (code, text) = told(&folder, &["check", ".", "--gate"]);
            assert!(code == Some(1) && text.contains("missing-subject"), "{text}");
        }
    }
}

#[test]
fn a_configuration_that_is_no_file_ends_the_run() {
    for kind in ["folder", "pipe", "large"] {
        let folder = Folder::new();
        folder.write("bad.tf", BAD.as_bytes());
        let path = folder.path().join("fedlint.toml");
        match kind {
            "folder" => std::fs::create_dir(&path).unwrap(),
            "pipe" => pipe(&path),
            _ => std::fs::File::create(&path).unwrap().set_len(100 << 20).unwrap(),
        }
        let (code, text) = told(&folder, &["check", "."]);
        assert!(code == Some(2) && text.contains("cannot read the configuration"), "{kind}: {text}");
    }
}

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().is_ok_and(|status| status.success());
    if !made {
        // Without the command a folder will do: neither is a file.
        std::fs::create_dir(path).unwrap();
    }
}

#[test]
fn models_and_baselines_stay_in_the_repository() {
    let outside = Folder::new();
    outside.write("models/index.yaml", format!("password: {SECRET}\n").as_bytes());
    outside.write("models/m/a.tf", BAD.as_bytes());
    let linked = |target: &Path, link: &str, configuration: &str| {
        let folder = Folder::new();
        folder.write("bad.tf", BAD.as_bytes());
        folder.write(".git/HEAD", b"ref: refs/heads/main\n");
        folder.write("fedlint.toml", configuration.as_bytes());
        let link = folder.path().join(link);
        std::fs::create_dir_all(link.parent().unwrap()).unwrap();
        symlink(target, link).unwrap();
        let (code, text) = told(&folder, &["check", "."]);
        assert_eq!(code, Some(2), "{target:?} {configuration}: {text}");
        assert!(!text.contains(SECRET) && !text.contains("PATH"), "{text}");
    };
    linked(&outside.path().join("models"), "m", "models = \"m\"");
    let elsewhere = format!("models = {:?}", outside.path().join("models").display().to_string());
    linked(Path::new("nowhere"), "unused", &elsewhere);
    for target in targets(&outside) {
        linked(&target, "m/index.yaml", "models = \"m\"");
        linked(&target, "base.json", "baseline = \"base.json\"");
    }
}

#[test]
fn files_that_never_end_or_never_begin_are_not_opened() {
    let folder = Folder::new();
    folder.write("zz/bad.tf", BAD.as_bytes());
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    for name in ["a.tf", "b.json", "c.tfvars", "script", "d/.gitignore", "d/terragrunt.hcl"] {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        pipe(&path);
    }
    for (target, link) in [("/dev/zero", ".gitignore"), ("/dev/zero", "e.tf"), ("/dev/zero", ".git/index"), ("/dev/stdin", "f.yaml")] {
        symlink(target, folder.path().join(link)).unwrap();
    }
    let report = json(&check(&folder, &[]));
    assert!(findings(&report).iter().any(|f| f["path"] == "zz/bad.tf"), "{report}");
    assert!(report["coverage"]["files_skipped"].to_string().contains("a.tf"), "{report}");
}

#[test]
fn assertions_name_no_file_outside_of_their_repository() {
    let outside = Folder::new();
    outside.write("secret.json", format!("{{\"password\": {SECRET}}}").as_bytes());
    let folder = Folder::new();
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    let path = outside.path().join("secret.json").display().to_string();
    let assertion = format!("- name: a\n  policy: {path:?}\n  token: {{iss: x}}\n  expect: deny\n");
    folder.write("trust.yaml", assertion.as_bytes());
    let (code, text) = told(&folder, &["test", "trust.yaml"]);
    assert!(code == Some(2) && text.contains("leads out") && !text.contains(SECRET), "{text}");
}

/// A call of the system that strace wrote down: its name and the path of what it opens.
fn calls(trace: &str) -> Vec<(String, String)> {
    let call = regex::Regex::new(r#"^(?:\d+\s+)?(\w+)\((?:AT_FDCWD, )?"?([^",)]*)"#).unwrap();
    trace.lines().filter_map(|line| call.captures(line)).map(|c| (c[1].to_owned(), c[2].to_owned())).collect()
}

#[test]
fn a_run_opens_its_root_and_the_loader_alone_and_writes_nothing() {
    let folder = Folder::new();
    folder.write(
        "main.tf",
        format!("{BAD}module \"a\" {{\n  source = \"/etc\"\n}}\nmodule \"b\" {{\n  source = \"../../../../outside\"\n}}\nresource \"aws_iam_role\" \"f\" {{\n  assume_role_policy = file(\"/etc/hostname\")\n}}\nresource \"aws_iam_role\" \"g\" {{\n  assume_role_policy = templatefile(\"../../../../../../etc/passwd\", {{}})\n}}\n").as_bytes(),
    );
    folder.write(
        "setup.sh",
        b"#!/bin/sh\naws iam create-role --role-name x --assume-role-policy-document file:///etc/hostname\nsource /etc/profile\n",
    );
    folder.write("terragrunt.hcl", b"include {\n  path = \"/etc/hosts\"\n}\nlocals {\n  a = run_cmd(\"touch\", \"pwned\")\n}\n");
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    symlink("/etc/hostname", folder.path().join("fedlint-models")).unwrap();
    symlink("/etc", folder.path().join("etc")).unwrap();
    let trace = folder.path().with_extension("strace");
    let forms: [&[&str]; 6] = [
        &["check", ".", "--exit-zero"],
        &["check", ".", "--gate", "--exit-zero", "--format", "sarif"],
        &["graph", "."],
        &["inventory", "."],
        &["simulate", ".", "--github", "octo/app"],
        &["eval", ".", "file(\"/etc/hostname\")"],
    ];
    for form in forms {
        let wanted = "trace=open,openat,openat2,creat,execve,socket,connect,unlink,rename,mkdir,symlink,link,chmod,truncate";
        let traced = Command::new("strace")
            .args(["-f", "-qq", "-e", wanted, "-o"])
            .arg(&trace)
            .arg(env!("CARGO_BIN_EXE_fedlint"))
            .args(form)
            .current_dir(folder.path())
            .env_remove("LD_LIBRARY_PATH")
            .output();
        if !traced.is_ok_and(|out| out.status.success()) {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("skipped: there is no strace that works");
            }
            return;
        }
        let text = std::fs::read_to_string(&trace).unwrap();
        let _ = std::fs::remove_file(&trace);
        let root = folder.path().canonicalize().unwrap();
        let own = std::fs::canonicalize(env!("CARGO_BIN_EXE_fedlint")).unwrap();
        for (name, path) in calls(&text) {
            match name.as_str() {
                "execve" => assert_eq!(std::fs::canonicalize(&path).ok().as_ref(), Some(&own), "{form:?}: {path}"),
                "open" | "openat" | "openat2" => {
                    let system = [
                        "/lib",
                        "/usr/lib",
                        "/etc/ld.so",
                        "/proc/self/",
                        "/proc/sys/vm/",
                        "/sys/",
                        "/nix/store",
                        "/dev/urandom",
                        "/usr/share/terminfo",
                    ];
                    let inside = !path.starts_with('/') || Path::new(&path).starts_with(&root) || root.starts_with(&path);
                    assert!(inside || system.iter().any(|s| path.starts_with(s)), "{form:?} opens {path}");
                    assert!(path != "/proc/self/environ", "{form:?}");
                }
                other => panic!("{form:?} calls {other}({path})"),
            }
        }
        for write in ["O_WRONLY", "O_RDWR", "O_CREAT"] {
            assert!(!text.contains(write), "{form:?}: {text}");
        }
        assert!(!folder.path().join("pwned").exists());
    }
    let out = run(&folder, &["check", "."], None);
    assert!(!String::from_utf8_lossy(&out.stdout).contains("root:"));
}
