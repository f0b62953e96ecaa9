//! Trust that scripts set up: the repositories below `fixtures/scripts`, and what the shell makes of words.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{self, Input, Request};
use fedlint::report::Run;
use std::path::PathBuf;

/// Rule, file name and line of everything at medium or above.
fn shown(run: &Run) -> Vec<String> {
    let place = |f: &fedlint::rules::Finding| {
        let (path, at) = run.sources.locate(f.span).unwrap();
        format!("{} {}:{}", f.rule.as_str(), path.rsplit('/').next().unwrap(), at.line)
    };
    let mut all: Vec<String> = run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(place).collect();
    all.sort();
    all
}

fn folder(name: &str) -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/scripts").join(name);
    let run = pipeline::check(&Request { input: Input::Paths(vec![path]), ..Request::default() }).unwrap();
    assert!(run.coverage.files_skipped.is_empty(), "{:?}", run.coverage.files_skipped);
    shown(&run)
}

fn script(text: &str) -> Run {
    let files = vec![("setup.sh".to_owned(), text.to_owned())];
    pipeline::check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

#[test]
fn open_scripts_have_exact_findings() {
    assert_eq!(folder("open-provider"), ["missing-attribute-condition setup.sh:8", "project-id-in-principal setup.sh:16"]);
    assert_eq!(folder("role-heredoc"), ["tenant-prefix roles.sh:22"]);
    assert_eq!(folder("make-and-docker"), ["missing-attribute-condition Dockerfile.setup:5", "missing-attribute-condition Makefile:5"]);
    assert_eq!(folder("flags-file"), ["vacuous-condition forge.yaml:8"]);
    assert_eq!(folder("workflow"), ["tenant-prefix setup.yml:21"]);
}

#[test]
fn exact_scripts_are_silent() {
    for name in ["exact-provider", "role-replaced", "recipes-exact"] {
        assert_eq!(folder(name), [""; 0], "{name}");
    }
}

/// A provider for GitHub; the condition's flag is put in as it is given.
fn provider(before: &str, condition: &str) -> Vec<String> {
    shown(&script(&format!(
        "{before}\ngcloud iam workload-identity-pools providers create-oidc forge --project=harbor-prod --location=global \
         --workload-identity-pool=builders --issuer-uri=https://token.actions.githubusercontent.com \
         --attribute-mapping=google.subject=assertion.sub {condition}\n"
    )))
}

#[test]
fn what_is_not_written_is_no_verdict() {
    for (before, condition) in [
        ("", "--attribute-condition=\"$CONDITION\""),
        ("", "$MORE_FLAGS"),
        ("", "\"$@\""),
        ("", "--attribute-condition=\"$(cat condition.txt)\""),
        ("", "--flags-file=elsewhere.yaml"),
        ("case $1 in a) C=$2;; b) C=$3;; esac", "--attribute-condition=\"$C\""),
        ("while read -r C; do :; done", "--attribute-condition=\"$C\""),
    ] {
        assert_eq!(provider(before, condition), [""; 0], "{before} {condition}");
    }
}

/// A value that a condition picks is read in both ways: the open one is told, as likely.
#[test]
fn what_is_written_in_one_way_is_a_verdict() {
    let picks = |other: &str| format!("C=\"assertion.repository_owner_id == '5512'\"\nif [ -n \"$X\" ]; then C={other}; fi");
    let given = "--attribute-condition=\"$C\"";
    assert_eq!(provider(&picks("true"), given), ["vacuous-condition setup.sh:2"]);
    assert_eq!(provider(&picks("\"assertion.repository_owner_id == '5513'\""), given), [""; 0]);
    assert_eq!(provider("case $1 in a) C=x;; b) C=y;; esac", given), ["never-matches setup.sh:1"]);
}

#[test]
fn what_is_written_is_decided() {
    let open = ["missing-attribute-condition setup.sh:2"];
    assert_eq!(provider("", ""), open);
    // the variable is set and empty of flags
    assert_eq!(provider("MORE=''", "$MORE"), open);
    assert_eq!(provider("flags=()", "\"${flags[@]}\""), open);
    let exact = "assertion.repository_owner_id == '5512'";
    for (before, condition) in [
        ("ID=5512", "--attribute-condition=\"assertion.repository_owner_id == '$ID'\"".to_owned()),
        ("ID=5512", "--attribute-condition 'assertion.repository_owner_id == \"'\"$ID\"'\"'".to_owned()),
        ("f=(--attribute-condition=\"assertion.repository_owner_id == '5512'\")", "\"${f[@]}\"".to_owned()),
        (&format!("C=\"${{C:-{exact}}}\""), "--attribute-condition=\"$C\"".to_owned()),
        (&format!("printf '%s' \"{exact}\" > c.txt"), "--attribute-condition=\"$(cat c.txt)\"".to_owned()),
        (&format!("C=$(cat <<EOF\n{exact}\nEOF\n)"), "--attribute-condition=\"$C\"".to_owned()),
    ] {
        assert_eq!(provider(before, &condition), [""; 0], "{before} {condition}");
    }
}

#[test]
fn what_is_not_run_is_not_judged() {
    let open = "gcloud iam workload-identity-pools providers create-oidc forge --project=p-1234 --location=global --workload-identity-pool=b \
                --issuer-uri=https://gitlab.com --attribute-mapping=google.subject=assertion.sub";
    for text in [
        format!("# {open}"),
        format!("echo {open}"),
        format!("cat <<EOF\n{open}\nEOF"),
        format!("exit 0\n{open}"),
        format!("{open}\ngcloud iam workload-identity-pools providers delete forge --project=p-1234 --workload-identity-pool=b"),
        format!("x='{open}'"),
    ] {
        assert_eq!(shown(&script(&text)), [""; 0], "{text}");
    }
    for text in
        [open.to_owned(), format!("f() {{\n{open}\n}}\n"), format!("[ -z \"$x\" ] ||\\\n {open}"), format!("sudo {open} && echo done")]
    {
        assert_eq!(shown(&script(&text)).len(), 1, "{text}");
    }
}

#[test]
fn a_script_that_is_none_costs_itself_only() {
    let files = [
        ("a.sh", "if then 'gcloud iam workload-identity-pools"),
        (
            "b.sh",
            "aws iam create-role --role-name x --assume-role-policy-document '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"},\"Action\":\"sts:AssumeRole\"}]}'",
        ),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.to_owned())).to_vec();
    let run = pipeline::check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    assert_eq!(shown(&run), ["public-principal b.sh:1"]);
    assert_eq!(run.coverage.files_skipped.len(), 1);
}

#[test]
fn hostile_scripts_end() {
    let word = "service-account";
    for text in [
        format!("f() {{ f; f; }}; f # {word}"),
        format!(
            "a={word}; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28; do a=$a$a; done; aws iam create-role --role-name $a"
        ),
        format!(". ./setup.sh # {word}"),
        format!("{}gcloud iam service-accounts create x", "for i in 1 2 3 4 5 6 7 8 9; do ".repeat(12)) + &"; done".repeat(12),
        format!(
            "x=$(x=$(x=$(echo {word})))\ncat > f <<A\n$(cat f f)\nA\ncat f f > f; cat f f >> f; gcloud iam service-accounts create $(cat f)"
        ),
        format!("gcloud iam workload-identity-pools providers create-oidc --attribute-mapping='^^a=b,=,,^' {word}"),
        format!("gcloud iam workload-identity-pools providers create-oidc x --attribute-mapping='^;^' --flags-file= {word}"),
        "aws iam create-role --role-name x --assume-role-policy-document file:// # service-account".to_owned(),
        "az ad app federated-credential create --id x --parameters '{' # service-account".to_owned(),
        format!("set -- {word}; shift 9; echo $1 ${{2:-$3}} ${{x#}} ${{x%%*}} ${{!x}} ${{#x[@]}} ${{a[99999999999999999999]}}"),
        format!(
            "gcloud beta\ngcloud alpha\naws\naz\nkubectl annotate sa\nkubectl annotate sa/\neksctl create iamserviceaccount --name # {word}"
        ),
    ] {
        let _run = script(&text);
    }
    let make = "A = $(A)$(B)\nB = $(A)$(A)\nt: $(A\n\t$(A) $(shell $(A)) $( ${ $$ $service-account\n".to_owned();
    let docker = "RUN \\\nRUN <<\nRUN <<E\nENV =\nARG x\nRUN service-account \\".to_owned();
    let files = vec![("Makefile".to_owned(), make), ("Dockerfile".to_owned(), docker)];
    let _run = pipeline::check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
}
