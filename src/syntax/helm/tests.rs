use super::mask::mask as masked;
use super::*;
use crate::source::Sources;
use proptest::prelude::*;

/// The text with each action covered.
fn mask(text: &str) -> String {
    masked(text).0
}

fn one(text: &str) -> (Sources, Value) {
    let sources = Sources::new();
    let file = sources.add("t.yaml", text);
    let parsed = parse(&file);
    assert_eq!(parsed.problems, Vec::new(), "{}", mask(text));
    (sources, parsed.documents.into_iter().next().unwrap())
}

const CHART: &str = r#"{{- if .Values.serviceAccount.create -}}
{{- /* a comment with }} in it */}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "x.name" . }}
  namespace: "{{ .Release.Namespace }}"
  labels:
    app: x
    {{- include "x.labels" . | nindent 4 }}
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::{{ .Values.account }}:role/{{ .Values.role | default "}}" }}-é*
    {{- with .Values.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  fixed:
    a: b
  all:
    {{- toYaml .Values.all | nindent 4 }}
{{- end }}
"#;

#[test]
fn actions_become_unknowns_and_their_neighbours_stay() {
    let (sources, v) = one(CHART);
    let metadata = v.get("metadata").unwrap();
    assert!(matches!(&metadata.get("name").unwrap().kind, Kind::Unknown(a) if a.label() == "{{ include \"x.name\" . }}"));
    assert!(matches!(&metadata.get("namespace").unwrap().kind, Kind::Text(t) if t.atoms().count() == 1));
    let arn = metadata.at(&["annotations", "eks.amazonaws.com/role-arn"]).unwrap().as_text().unwrap();
    assert_eq!(arn.to_string(), "arn:aws:iam::{{ .Values.account }}:role/{{ .Values.role | default \"}}\" }}-é*");
    assert_eq!(arn.parts.len(), 5);
    assert_eq!(sources.snippet(arn.find_span("*").unwrap()), "*");
    assert_eq!(arn.known_prefix(), "arn:aws:iam::");
    assert_eq!(v.get("kind").unwrap().as_str().unwrap(), "ServiceAccount");
}

#[test]
fn what_an_action_adds_to_is_open_and_nothing_else() {
    let (_, v) = one(CHART);
    let metadata = v.get("metadata").unwrap();
    let open = |k: &str| metadata.get(k).unwrap().is_open();
    assert!(open("labels") && open("annotations") && open("all"));
    assert!(!open("fixed") && !metadata.is_open() && !v.is_open());
    assert!(matches!(metadata.get("all").unwrap().kind, Kind::Unknown(_)));
    let (_, list) = one("a:\n  - x\n  {{- range .l }}\n  - {{ . }}\n  {{- end }}\n  {{- toYaml .m | nindent 2 }}\nb:\n  - y\n");
    assert!(list.get("a").unwrap().is_open() && !list.get("b").unwrap().is_open());
    let (_, below) = one("labels: {{- include \"l\" . | nindent 2 }}\n  a: b\nall: {{- toYaml .x | nindent 2 }}\nc: d\n");
    assert!(below.get("labels").unwrap().is_open() && below.at(&["labels", "a"]).is_some() && !below.is_open());
    assert!(matches!(below.get("all").unwrap().kind, Kind::Unknown(_)));
    let (_, odd) = one("a:\n  b: c\n {{ template \"odd\" }}\n");
    assert!(odd.is_open() && odd.get("a").unwrap().is_open());
}

#[test]
fn an_action_that_begins_an_item_leaves_the_item_s_other_keys() {
    let (_, value) = one(
        "spread:\n  {{- range $c := .all }}\n  - {{ toYaml $c | nindent 4 | trim }}\n    {{- if not $c.x }}\n    selector: a\n    {{- end }}\n  {{- end }}\nlast: b\n",
    );
    let items = value.get("spread").unwrap().items();
    assert_eq!(items[0].get("selector").and_then(Value::as_str).as_deref(), Some("a"));
    assert!(items[0].is_open());
    assert_eq!(value.get("last").and_then(Value::as_str).as_deref(), Some("b"));
    // An item of its own is one unknown.
    let (_, value) = one("all:\n  - {{ .a }}\n  - {{ .b }}\nlast: b\n");
    assert!(value.get("all").unwrap().items().iter().all(|v| matches!(v.kind, Kind::Unknown(_))));
}

#[test]
fn branches_are_alternatives() {
    let (_, v) = one("a:\n{{- if .x }}\n  n: one\n{{- else }}\n  n: two\n{{- end }}\n  m: 1\n  m: 2\n");
    let n = v.at(&["a", "n"]).unwrap();
    assert_eq!(n.alternatives().iter().map(|v| v.as_str().unwrap()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(v.get("a").unwrap().entries().len(), 3);
}

#[test]
fn the_mask_keeps_lengths_and_lines() {
    let masked = mask(CHART);
    assert_eq!(masked.len(), CHART.len());
    assert_eq!(masked.lines().map(str::len).collect::<Vec<_>>(), CHART.lines().map(str::len).collect::<Vec<_>>());
    assert!(!masked.contains("{{"));
    assert_eq!(mask("a: {{ x"), "a: {{ x");
    assert_eq!(mask("  {{ x }} {{ y }}\r\nb: {{ z }}"), "                 \r\nb: HHHHHHH");
    assert_eq!(mask("a: {{ it's }} b"), "a: HHHHHHHHHH b");
}

#[test]
fn keys_and_block_scalars_have_holes_too() {
    let (sources, v) = one("{{ .k }}-x: 1\nb: |\n  a {{ .v }} *\n  c\n");
    assert_eq!(v.entries()[0].key.to_string(), "{{ .k }}-x");
    let block = v.get("b").unwrap().as_text().unwrap();
    assert_eq!(block.to_string(), "a {{ .v }} *\nc\n");
    assert_eq!(sources.snippet(block.find_span("*").unwrap()), "*");
}

#[test]
fn what_is_written_into_a_block_scalar_is_missing_in_no_text() {
    let (sources, v) = one(
        "data:\n  a.conf: |\n    x {\n{{ toYaml .Values.y | indent 6 }}\n    } *\n    {{- if .z }}\n    w\n    {{- end }}\n  b: |-\n      {{- range .l }}\n    q\n  c: |\n        {{- include \"m\" . | nindent 4 }}\n    rest\n  {{- with .e }}\n  d: 1\n  {{- end }}\n",
    );
    let text = |k: &str| v.at(&["data", k]).unwrap().as_text().unwrap();
    assert_eq!(text("a.conf").atoms().next().unwrap().label(), "{{ toYaml .Values.y | indent 6 }}");
    assert_eq!(text("a.conf").atoms().count(), 1);
    assert_eq!(sources.snippet(text("a.conf").find_span("*").unwrap()), "*");
    assert_eq!(text("c").atoms().next().unwrap().label(), "{{- include \"m\" . | nindent 4 }}");
    assert!(text("c").known_suffix().contains("rest") && text("b").known_suffix().contains('q'));
    assert_eq!(v.at(&["data", "d"]).unwrap().as_text().unwrap().as_known().unwrap(), "1");
}

#[test]
fn only_templates_are_read_as_templates() {
    let sources = Sources::new();
    let read_as = |path: &str, text: &str, chart: bool| {
        let (parsed, templated) = read(&sources.add(path, text), chart, ChartValues::default());
        (parsed.documents.first().and_then(|d| d.get("a")).map(|v| matches!(v.kind, Kind::Unknown(_))), templated)
    };
    assert_eq!(read_as("1.yaml", "a: '{{ x }}'\n", false), (Some(false), false));
    assert_eq!(read_as("2.yaml", "a: {{ x }}\n{{- if y }}\nb: c\n{{- end }}\n", false), (Some(true), true));
    assert_eq!(read_as("3.yaml", "a: b\n", true), (Some(false), false));
    assert_eq!(read_as("4.yaml", "a: {{ x }}\n", true), (Some(true), true));
}

fn check(sources: &Sources, value: &Value) {
    let place = |span: Span| assert!(sources.get(span.file).unwrap().text.get(span.range()).is_some(), "{span:?}");
    value.span.into_iter().for_each(place);
    if let Kind::Text(text) = &value.kind {
        text.parts.iter().filter_map(Part::span).for_each(place);
    }
    for entry in value.entries() {
        entry.key.parts.iter().filter_map(Part::span).for_each(place);
        check(sources, &entry.value);
    }
    if let Kind::List { items, .. } | Kind::OneOf(items) = &value.kind {
        items.iter().for_each(|v| check(sources, v));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_input_is_taken(text in r#"(\{\{|\}\}|\{\{- if x \}\}\n|\{\{ else \}\}\n|\{\{ toYaml x \| nindent 2 \}\}\n|\{\{ é "\}\}" \}\}|a: |- |[:"'`é \n\[\]{}|>&*-]|\r\n|\n  |/\*|\*/){0,40}"#) {
        let sources = Sources::new();
        let file = sources.add("t.yaml", text.clone());
        let masked = mask(&text);
        prop_assert_eq!(masked.len(), text.len());
        let parsed = parse(&file);
        parsed.documents.iter().for_each(|d| check(&sources, d));
        let _ = read(&file, false, ChartValues::default());
    }
}

#[test]
fn an_action_of_several_lines_leaves_the_text_around_it() {
    let (_, v) = one(
        "kind: ConfigMap\ndata:\n  a.json: |\n    {{- dict\n      \"x\" 1\n      \"y\" (default 2 .Values.y)\n      | toJson }}\n  b: {{ list\n    1 2 }}\n  c: d\n",
    );
    assert_eq!(v.at(&["data", "c"]).unwrap().as_str().unwrap(), "d");
    assert!(v.at(&["data", "a.json"]).unwrap().as_text().unwrap().atoms().count() > 0);
}

#[test]
fn what_a_line_names_may_be_large_and_is_put_in_only_so_far() {
    let sources = Sources::new();
    let values = sources.add("values.yaml", "big: {a: 1, b: 2, c: 3}\nsmall: x\n");
    let values: Vec<Value> = yaml::parse(&values).documents;
    let template = sources.add("templates/a.yaml", "one: {{ .Values.big }}\ntwo: {{ .Values.big }}\nthree: {{ .Values.small }}\n");
    let known = |most: usize| -> Vec<bool> {
        let (parsed, _) = read(&template, true, ChartValues { sets: &values, most });
        let document = parsed.documents.first().unwrap();
        ["one", "two", "three"].map(|key| !matches!(document.get(key).map(|v| &v.kind), Some(Kind::Unknown(_)) | None)).to_vec()
    };
    assert_eq!(known(9), [true, true, true]);
    assert_eq!(known(8), [true, true, false]);
    assert_eq!(known(5), [true, false, true]);
    assert_eq!(known(3), [false, false, true]);
    assert_eq!(known(0), [false, false, false]);
}
