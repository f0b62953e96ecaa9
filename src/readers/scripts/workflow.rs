//! The commands of CI: `run` of GitHub's workflows and composite actions
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsrun>), `script` of GitLab
//! (<https://docs.gitlab.com/ci/yaml/#script>).

use super::super::Document;
use super::super::gcp::workflow::expressions;
use super::super::shape::{blocks, field, known_at, text_at};
use super::Section;
use crate::partial::{Kind, Text, Value, cut};

/// Shells whose language this is.
const SHELLS: [&str; 4] = ["bash", "sh", "zsh", "dash"];

/// The scripts of each job: its steps run one after the other in one folder.
pub(super) fn sections(document: &Document) -> Vec<Vec<Section>> {
    let mut out = Vec::new();
    for job in document.value.get("jobs").map(Value::entries).unwrap_or_default() {
        out.push(steps(document, &job.value, &[&job.value, document.value]));
    }
    if let Some(runs) = document.value.get("runs") {
        out.push(steps(document, runs, &[]));
    }
    if document.file.ends_with(".gitlab-ci.yml") || document.file.ends_with(".gitlab-ci.yaml") {
        out.extend(document.value.entries().iter().map(|job| gitlab(document.value, &job.value)));
    }
    out.retain(|sections| !sections.is_empty());
    out
}

fn steps(document: &Document, holder: &Value, around: &[&Value]) -> Vec<Section> {
    let mut out = Vec::new();
    let default_shell = around.iter().find_map(|scope| known_at(scope.at(&["defaults", "run"])?, "shell"));
    for step in blocks(holder, "steps").0 {
        let Some(run) = text_at(step, "run") else { continue };
        let shell = known_at(step, "shell").or_else(|| default_shell.clone());
        if shell.is_some_and(|s| !SHELLS.contains(&s.split_whitespace().next().unwrap_or_default())) {
            continue;
        }
        let scopes: Vec<&Value> = std::iter::once(step).chain(around.iter().copied()).collect();
        let mut variables: Vec<(String, Text)> = Vec::new();
        for scope in scopes.iter().rev() {
            for entry in field(scope, "env").map(Value::entries).unwrap_or_default() {
                if let (Some(name), Some(value)) = (entry.key.as_known(), entry.value.as_text()) {
                    variables.push((name, expressions(document.file, &value, &scopes)));
                }
            }
        }
        out.push(Section { text: expressions(document.file, &run, &scopes), variables, continues: true });
    }
    out
}

/// A job of GitLab: `before_script` and `script` are one shell.
fn gitlab(whole: &Value, job: &Value) -> Vec<Section> {
    let mut text = Text::default();
    for key in ["before_script", "script"] {
        match field(job, key).map(|v| &v.kind) {
            Some(Kind::List { items, .. }) => {
                for line in items.iter().filter_map(Value::as_text) {
                    text.push(&line);
                    text.push(&Text::known("\n"));
                }
            }
            Some(Kind::Text(line)) => {
                text.push(line);
                text.push(&Text::known("\n"));
            }
            _ => {}
        }
    }
    if cut::is_empty(&text) {
        return Vec::new();
    }
    let mut variables = Vec::new();
    for scope in [whole, job] {
        for entry in field(scope, "variables").map(Value::entries).unwrap_or_default() {
            if let (Some(name), Some(value)) = (entry.key.as_known(), entry.value.as_text()) {
                variables.push((name, value));
            }
        }
    }
    vec![Section { text, variables, continues: false }]
}
