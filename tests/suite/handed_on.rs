//! Commands of scripts that another command runs.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

const CREATE: &str = "identity federated-credential create --name kiln --identity-name kiln --resource-group g \
--issuer https://token.actions.githubusercontent.com --audiences api://AzureADTokenExchange --subject";

fn rules(script: &str) -> Vec<String> {
    let files = vec![("setup.sh".to_owned(), script.to_owned())];
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    run.findings.iter().filter(|f| f.severity >= Severity::Medium).map(|f| format!("{} {}", f.rule, f.confidence.as_str())).collect()
}

#[test]
fn a_command_is_found_wherever_it_is_handed_on() {
    let az = format!("az {CREATE} repo:potters/kiln:pull_request\n");
    let (proven, likely) = (["pull-request proven"], ["pull-request likely"]);
    assert_eq!(rules(&az), proven);
    for runner in ["timeout 60 ", "docker run --rm -v \"$PWD:/w\" mcr.microsoft.com/azure-cli "] {
        assert_eq!(rules(&format!("{runner}{az}")), proven, "{runner}");
    }
    // What a program that is not known does with its arguments is a guess.
    for runner in ["try_three_times ", "$DRY_RUN ", "./bin/with-login ", "sudo -u potter "] {
        assert_eq!(rules(&format!("{runner}{az}")), likely, "{runner}");
    }
    for talker in ["echo ", "man ", "# "] {
        assert_eq!(rules(&format!("{talker}{az}")), [""; 0], "{talker}");
    }
    assert_eq!(rules("say() { echo \"+ $*\"; }\nsay az login\n"), [""; 0]);
}

#[test]
fn a_function_hands_its_arguments_on_as_words_or_as_one_text() {
    let call = format!("in_box az {CREATE} repo:potters/kiln:pull_request\n");
    for body in [
        "podman run --rm cli \"$@\"",
        "podman run --rm cli $*",
        "local all=$*; podman run --rm cli ${all}",
        "local all=\"$*\"; $all",
        "eval \"$*\"",
        "bash -c \"$*\"",
    ] {
        assert_eq!(rules(&format!("in_box() {{ {body}; }}\n{call}")), ["pull-request proven"], "{body}");
    }
    let short = format!("az_in_box() {{ docker run --rm cli az \"$@\"; }}\naz_in_box {CREATE} repo:potters/kiln:pull_request\n");
    assert_eq!(rules(&short), ["pull-request proven"]);
    assert_eq!(rules(&format!("quiet() {{ echo \"$*\" > log; }}\nquiet az {CREATE} repo:potters/kiln:pull_request\n")), [""; 0]);
}

#[test]
fn what_is_declared_is_one_text_and_what_is_listed_is_several() {
    let subject = "repo:potters/kiln:pull_request";
    let create = format!("az {CREATE} \"$SUBJECT\"\n");
    for set in [
        format!("all='{subject} x'; export SUBJECT=${{all% x}}"),
        format!("export $(echo \"A=1 SUBJECT={subject} B=2\")"),
        format!("list() {{ declare SUBJECT=$*; {create} }}; list {subject}"),
    ] {
        assert_eq!(rules(&format!("{set}\n{create}")).first().map(String::as_str), Some("pull-request proven"), "{set}");
    }
}

#[test]
fn the_text_behind_c_is_a_script() {
    let script = |subject: &str| format!("az {CREATE} {subject}");
    assert_eq!(rules(&format!("bash -c '{}'\n", script("repo:potters/kiln:pull_request"))), ["pull-request proven"]);
    assert_eq!(rules(&format!("sh -euc '{}'\n", script("\"repo:potters/kiln:pull_request\""))), ["pull-request proven"]);
    let given = format!("docker run --rm cli bash -c '{}' _ kiln\n", script("\"repo:potters/$1:pull_request\""));
    assert_eq!(rules(&given), ["pull-request proven"]);
    assert_eq!(rules(&format!("bash -c 'exit 0'\naz {CREATE} repo:potters/kiln:pull_request\n")), ["pull-request proven"]);
    // Behind the name of a script `-c` is the script's own.
    assert_eq!(rules(&format!("bash setup-az.sh -c '{}'\n", script("repo:potters/kiln:pull_request"))), [""; 0]);
}

#[test]
fn what_is_undecided_has_a_place() {
    let script = "A=$(list_arns)\nif [ -n \"$A\" ]; then\n  P='{\"Version\":\"2012-10-17\",\"Statement\":[]}'\nelse\n  P=$(cat other.json)\nfi\naws iam create-role --role-name kiln --assume-role-policy-document \"$P\"\n";
    let files = vec![("setup.sh".to_owned(), script.to_owned())];
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    assert!(!run.coverage.undecided.is_empty());
    assert!(run.coverage.undecided.iter().all(|u| !u.path.is_empty() && u.line > 0), "{:?}", run.coverage.undecided);
}

#[test]
fn what_a_condition_sets_is_read_in_both_ways() {
    let create = |name: &str, subject: &str| {
        format!(
            "az identity federated-credential create --name {name} --identity-name {name} --resource-group g --issuer https://token.actions.githubusercontent.com --audiences api://AzureADTokenExchange --subject {subject}\n"
        )
    };
    let both = |yes: &str, no: &str| format!("if [ \"$1\" = glaze ]; then\n  {yes}\nelse\n  {no}\nfi\n");
    let main = "SUBJECT=repo:potters/kiln:ref:refs/heads/main";
    let pull = "SUBJECT=repo:potters/kiln:pull_request";
    assert_eq!(rules(&(both(main, pull) + &create("kiln", "\"$SUBJECT\""))), ["pull-request likely"]);
    assert_eq!(rules(&(both(main, main) + &create("kiln", "\"$SUBJECT\""))), [""; 0]);
    // What one condition sets belongs together: no credential of the first kind is called the second.
    let script = both(&format!("{main}; NAME=kiln"), &format!("{pull}; NAME=pulls")) + &create("\"$NAME\"", "\"$SUBJECT\"");
    let files = vec![("setup.sh".to_owned(), script)];
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    let told: Vec<&str> =
        run.findings.iter().filter(|f| f.severity >= Severity::Medium).flat_map(|f| &f.related).map(|r| r.message.as_str()).collect();
    assert!(told.iter().all(|m| !m.contains("kiln")), "{told:?}");
}
