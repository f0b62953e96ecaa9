use super::*;
use crate::source::Sources;

fn read(text: &str) -> (Sources, HclFile) {
    let sources = Sources::new();
    let parsed = parse(&sources.add("main.tf", text));
    (sources, parsed)
}

fn ok(text: &str) -> HclFile {
    let (_, file) = read(text);
    assert_eq!(file.problems, Vec::new(), "{text}");
    file
}

fn literals(template: &Template) -> Vec<(String, Span)> {
    let piece = |p: &TemplatePart| if let TemplatePart::Literal { text, span } = p { Some((text.to_string(), *span)) } else { None };
    template.parts.iter().filter_map(piece).collect()
}

#[test]
fn blocks_and_labels() {
    let (sources, file) = read("resource \"aws_iam_role\" \"x\" {\n  name = \"a\"\n  inner { b = 1 }\n}\n");
    let block = &file.body.blocks[0];
    assert_eq!(block.labels.iter().map(|l| &*l.text).collect::<Vec<_>>(), ["aws_iam_role", "x"]);
    assert_eq!(sources.snippet(block.header), "resource \"aws_iam_role\" \"x\"");
    assert_eq!(block.body.attributes.len(), 1);
    assert_eq!(&*block.body.blocks[0].kind, "inner");
}

#[test]
fn a_duplicate_key_is_kept_and_recorded() {
    let (sources, file) = read("locals {\n  c = { E = { aud = \"x\" }, E = { sub = \"y\" } }\n}\n");
    assert!(file.problems.is_empty());
    let [duplicate] = file.duplicates.as_slice() else { panic!("{:?}", file.duplicates) };
    assert_eq!(sources.snippet(duplicate.lost), "E = { aud = \"x\" }");
    assert_eq!(sources.snippet(duplicate.kept), "E = { sub = \"y\" }");
}

#[test]
fn newlines_where_terraform_takes_them() {
    ok("locals {\n  a = (\n    var.x\n    ? 1\n    : 2\n  )\n}\n");
    ok("locals {\n  a = {\n    for k, v in var.m :\n    k =>\n    v\n    if v\n    && k\n  }\n}\n");
    ok("locals {\n  a = f(\n    1,\n    2,\n  )\n  b = [\n    1\n    , 2\n  ]\n}\n");
    ok("locals {\n  a = {\n    x = 1 # one\n\n    // two\n    y : 2,\n  }\n}\n");
    ok("locals {\n  a = x ? y : z\r\n  b = 1\r\n}\r\n");
}

#[test]
fn a_newline_ends_an_argument() {
    let (_, file) = read("locals {\n  a = x\n  ? 1 : 2\n}\nlocals { b = 1 }\n");
    assert_eq!(file.problems.len(), 1);
    assert_eq!(file.body.blocks.len(), 1);
}

#[test]
fn a_broken_block_costs_itself() {
    let (sources, file) = read("resource \"a\" \"b\" {\n  x = [1,\n}\n\nresource \"c\" \"d\" {\n  y = 1\n}\n");
    assert_eq!(file.problems.len(), 1);
    assert_eq!(sources.locate(file.problems[0].span).unwrap().1.line, 3);
    assert_eq!(&*file.body.blocks[0].labels[0].text, "c");
}

#[test]
fn pieces_of_a_string_are_exact() {
    let (sources, file) = read("a = \"x\\n${y}repo:*\"\n");
    let ExprKind::Template(t) = &file.body.attributes[0].value.kind else { panic!() };
    let pieces: Vec<_> = literals(t).into_iter().map(|(text, span)| (text, sources.snippet(span))).collect();
    assert_eq!(pieces, [("x".into(), "x".into()), ("\n".into(), "\\n".into()), ("repo:*".into(), "repo:*".to_owned())]);
}

#[test]
fn heredocs() {
    let (sources, file) = read("a = <<-EOT\n    one ${x}\n      EOT\"\n  two\n  EOT\nb = 1\n");
    assert_eq!(file.problems, Vec::new());
    assert_eq!(file.body.attributes.len(), 2);
    let ExprKind::Template(t) = &file.body.attributes[0].value.kind else { panic!() };
    let pieces = literals(t);
    assert_eq!(pieces.iter().map(|p| p.0.as_str()).collect::<String>(), "  one \n    EOT\"\ntwo\n");
    assert!(pieces.iter().all(|(text, span)| sources.snippet(*span) == *text));
}

#[test]
fn directives_and_their_markers() {
    let file = ok("a = \"%{ for i, v in c ~} ${v} %{~ endfor }\"\nb = \"$${x} %%{if}\"\nc = \"%{ if a }x%{ else }y%{ endif }\"\n");
    let ExprKind::Template(t) = &file.body.attributes[1].value.kind else { panic!() };
    assert_eq!(t.as_literal().as_deref(), Some("${x} %{if}"));
    let ExprKind::Template(t) = &file.body.attributes[2].value.kind else { panic!() };
    assert!(matches!(t.parts.as_slice(), [TemplatePart::If { .. }]));
}

#[test]
fn json_files_become_the_same_tree() {
    let sources = Sources::new();
    let text = r#"{"resource": {"aws_iam_role": {"x": {"name": "a-${var.b}", "tags": {"k": 1}}}}, "locals": {"q": "${replace(\"a\", \"b\", \"c\")}"}}"#;
    let file = parse(&sources.add("main.tf.json", text));
    assert_eq!(file.problems, Vec::new());
    let role = &file.body.blocks[0];
    assert_eq!((&*role.kind, &*role.labels[1].text), ("resource", "x"));
    let ExprKind::Template(t) = &role.body.attribute("name").unwrap().value.kind else { panic!() };
    assert_eq!(sources.snippet(literals(t)[0].1), "a-");
    let ExprKind::Template(t) = &file.body.blocks[1].body.attribute("q").unwrap().value.kind else { panic!() };
    let [TemplatePart::Interpolation(call)] = t.parts.as_slice() else { panic!("{t:?}") };
    assert!(matches!(&call.kind, ExprKind::Call { name, args, .. } if &**name == "replace" && args.len() == 3));
}

#[test]
fn hostile_nesting_ends() {
    for text in [
        "a = ".to_owned() + &"[".repeat(50_000),
        "a = ".to_owned() + &"-".repeat(50_000),
        "a = 1".to_owned() + &" + 1".repeat(50_000),
        "a = x".to_owned() + &"[*]".repeat(50_000),
        "b {".repeat(50_000),
        "a = ".to_owned() + &"\"${".repeat(50_000),
    ] {
        assert!(!read(&text).1.problems.is_empty());
    }
}

/// The crate `hcl-edit` reads the same files: where it accepts a file, so does this parser, with the same blocks.
#[test]
fn agrees_with_another_parser() {
    let texts = [
        "variable \"x\" {\n  type = object({ a = string, b = optional(list(string), []) })\n  validation {\n    condition = length(var.x) > 0 && !startswith(var.x, \"a\")\n    error_message = \"no\"\n  }\n}\n",
        "data \"a\" \"b\" {\n  c = d.e[0].f[*].g\n  h = [for k in i : k if k != null]\n  j = { for k, v in l : k => v... }\n}\n",
        "a = <<EOT\n${b}%{ if c }d%{ endif }\nEOT\nx = -1.5e3 / 2 % 3 >= 4 ? null : true\n",
    ];
    for text in texts {
        let other: hcl_edit::structure::Body = text.parse().unwrap();
        let ours = ok(text);
        assert_eq!((other.attributes().count(), other.blocks().count()), (ours.body.attributes.len(), ours.body.blocks.len()));
    }
}
