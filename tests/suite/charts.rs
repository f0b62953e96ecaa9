//! Helm charts with their files of values: a plain reference has the value, all else stays unknown.

#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};

const ROLE: &str = r#"resource "aws_iam_role" "kiln" {
  name = "kiln"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = "arn:aws:iam::222233334444:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9" }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9:sub" = "system:serviceaccount:pottery:kiln"
        "oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9:aud" = "sts.amazonaws.com"
      } }
    }]
  })
}
"#;
const PLAIN: &str = "{{- if .Values.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .Values.serviceAccount.name | quote }}
  namespace: {{ .Values.namespace }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
";
/// As `helm create` writes it.
const COMPUTED: &str = "{{- if .Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include \"kiln.serviceAccountName\" . }}
  labels:
    {{- include \"kiln.labels\" . | nindent 4 }}
  {{- with .Values.serviceAccount.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
";
const ANNOTATED: &str = "  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::222233334444:role/kiln\n";

fn values(name: &str) -> String {
    format!("namespace: pottery\nserviceAccount:\n  create: true\n  name: {name}\n{ANNOTATED}")
}

/// File and line of the findings at low and above.
fn told(template: &str, more: &[(&str, &str)]) -> Vec<String> {
    let mut files = vec![
        ("infra/main.tf".to_owned(), ROLE.to_owned()),
        ("chart/Chart.yaml".to_owned(), "apiVersion: v2\nname: kiln\nversion: 1.0.0\n".to_owned()),
        ("chart/templates/account.yaml".to_owned(), template.to_owned()),
    ];
    files.extend(more.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap();
    let one = |f: &fedlint::rules::Finding| {
        let file = run.sources.get(f.span.file).unwrap();
        format!("{} {}:{}", f.rule, file.path, file.position(f.span.start as usize).line)
    };
    run.findings.iter().filter(|f| f.severity >= Severity::Low).map(one).filter(|f| !f.starts_with("orphan-trust")).collect()
}

#[test]
fn values_that_meet_the_trust_are_silent() {
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &values("kiln"))]), Vec::<String>::new());
}

#[test]
fn values_that_do_not_are_told_where_they_are_written() {
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &values("oven"))]), ["one-sided-binding chart/values.yaml:6"]);
}

#[test]
fn each_file_of_values_stands_over_the_charts_own() {
    let own = values("kiln");
    let live = "serviceAccount:\n  name: kiln-live\n";
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &own), ("chart/values-live.yaml", live)]), ["one-sided-binding chart/values.yaml:6"]);
    let off = "serviceAccount:\n  create: false\n";
    let wrong = values("oven");
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &wrong), ("chart/values-live.yaml", off)]), Vec::<String>::new());
    let right = "serviceAccount:\n  name: kiln\n";
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &wrong), ("chart/values/live.yaml", right)]), Vec::<String>::new());
    let none = "serviceAccount:\n  annotations: null\n";
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &wrong), ("chart/values-live.yaml", none)]), Vec::<String>::new());
}

#[test]
fn what_the_values_do_not_say_stays_unknown() {
    assert_eq!(told(PLAIN, &[]), Vec::<String>::new());
    let empty = "namespace: pottery\nserviceAccount:\n  create: true\n  name: oven\n  annotations: {}\n";
    assert_eq!(told(PLAIN, &[("chart/values.yaml", empty)]), Vec::<String>::new());
    let unnamed = format!("serviceAccount:\n  create: true\n  name: \"\"\n{ANNOTATED}");
    assert_eq!(told(PLAIN, &[("chart/values.yaml", &unnamed)]), Vec::<String>::new());
    assert_eq!(told(COMPUTED, &[("chart/values.yaml", &values("oven"))]), Vec::<String>::new());
    // a chart inside of another has the values of that one
    let inner = [("whole/Chart.yaml", "name: whole\n"), ("whole/charts/kiln/Chart.yaml", "name: kiln\n")];
    let own = values("oven");
    let more = [inner[0], inner[1], ("whole/charts/kiln/values.yaml", own.as_str()), ("whole/charts/kiln/templates/account.yaml", PLAIN)];
    assert_eq!(told(COMPUTED, &more), Vec::<String>::new());
}
