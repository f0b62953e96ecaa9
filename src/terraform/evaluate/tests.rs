use super::*;
use crate::partial::{Kind, UnknownKind, hops};
use crate::source::Sources;
use crate::terraform::Mode;

pub(super) struct Memory(Sources);

impl ModuleFiles for Memory {
    fn folder(&self, folder: &str) -> Vec<Arc<SourceFile>> {
        self.0.all().into_iter().filter(|f| f.folder() == folder).collect()
    }
    fn read(&self, path: &str) -> Option<Arc<SourceFile>> {
        self.0.by_path(path)
    }
    fn builtin(&self, path: &str, text: &str) -> Option<Arc<SourceFile>> {
        Some(self.0.add(path, text))
    }
    fn list(&self, folder: &str) -> Vec<String> {
        self.0.all().iter().filter(|f| f.path.starts_with(folder)).map(|f| f.path.clone()).collect()
    }
}

pub(super) fn memory(files: &[(&str, &str)]) -> Memory {
    let sources = Sources::new();
    files.iter().for_each(|(path, text)| drop(sources.add(*path, *text)));
    Memory(sources)
}

pub(super) fn all(files: &Memory) -> Evaluated {
    let folders: Vec<String> = files.0.all().iter().map(|f| f.folder().to_owned()).collect();
    Workspace::new(files, &folders).evaluate()
}

fn value(text: &str, expr: &str) -> Result<Value, EvalError> {
    let files = memory(&[("main.tf", text)]);
    Workspace::new(&files, &[String::new()]).evaluate_expression("", expr)
}

fn shown(text: &str, expr: &str) -> String {
    match value(text, expr) {
        Ok(v) => show(&v),
        Err(e) => format!("error: {}", e.message),
    }
}

pub(super) fn show(value: &Value) -> String {
    match &value.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::Text(t) => format!("{:?}", t.to_string()),
        Kind::List { items, open } => {
            format!("[{}{}]", items.iter().map(show).collect::<Vec<_>>().join(", "), if *open { " …" } else { "" })
        }
        Kind::Map { entries, open } => {
            let all: Vec<_> = entries.iter().map(|e| format!("{}={}", e.key, show(&e.value))).collect();
            format!("{{{}{}}}", all.join(", "), if *open { " …" } else { "" })
        }
        Kind::OneOf(all) => all.iter().map(show).collect::<Vec<_>>().join(" | "),
        Kind::Unknown(a) => a.label().to_owned(),
    }
}

#[test]
fn expressions() {
    let context = "variable \"u\" {}\nvariable \"s\" { type = string }\nlocals {\n  a = { x = [1, 2], y = null }\n  b = local.a.x[1]\n}\n";
    let cases = [
        ("local.b + 1", "3"),
        ("1 == \"1\"", "false"),
        ("\"${true}\"", "true"),
        ("\"a${null}\"", "error: null cannot be part of a string"),
        ("try(local.a.z, local.a.x[7], \"d\")", "\"d\""),
        ("can(local.a.z)", "false"),
        ("var.u ? \"a\" : \"b\"", "\"a\" | \"b\""),
        ("\"x-${var.u ? \"a\" : \"b\"}\"", "\"x-a\" | \"x-b\""),
        ("\"repo:${var.s}/*\"", "\"repo:${var.s}/*\""),
        ("\"a${var.s}\" == \"b\"", "false"),
        ("var.s == var.s", "true"),
        ("var.u == null ? 1 : 1", "1"),
        ("[for v in var.u : v]", "[ …]"),
        ("{for k, v in local.a : k => v if v != null}", "{x=[1, 2]}"),
        ("{a=1, a=2}", "{a=2}"),
        ("[{a=1},{a=2}][*].a", "[1, 2]"),
        ("local.a.y[*]", "[]"),
        ("var.u.b[\"c\"]", "${var.u.b[\"c\"]}"),
        ("0.1 + 0.2", "0.3"),
        ("-5 % 3", "-2"),
        ("false && null.x", "false"),
        ("local.nope", "error: unknown local `nope`"),
        ("path.module", "\".\""),
        ("\"%{ for v in local.a.x ~} ${v} %{~ endfor }\"", "\"12\""),
    ];
    for (expr, expected) in cases {
        assert_eq!(shown(context, expr), expected, "{expr}");
    }
}

#[test]
fn both_branches_of_a_conditional_have_one_type() {
    for (expr, expected) in [
        (r#"true ? 1 : "a""#, r#""1""#),
        (r#"false ? "a" : true"#, r#""true""#),
        ("true ? 1 : 2", "1"),
        (r#"true ? ["1", 2] : []"#, r#"["1", "2"]"#),
        (r#"true ? range(3) : [null, "a"]"#, r#"["0", "1", "2"]"#),
        (r#"true ? { a = 1 } : { a = "b" }"#, r#"{a="1"}"#),
        // different attributes make a map, whose elements have one type
        (r#"true ? { a = 1, b = 2 } : { c = "x" }"#, r#"{a="1", b="2"}"#),
        (r#"true ? { a = 1, b = "x" } : { a = 2, b = "y" }"#, r#"{a=1, b="x"}"#),
        // the branch that is not taken may be one that cannot be evaluated
        (r#"true ? 1 : upper()"#, "1"),
        (r#"var.x ? 1 : "a""#, r#""1" | "a""#),
    ] {
        assert_eq!(shown("variable \"x\" {}", expr), expected, "{expr}");
    }
}

#[test]
fn types_convert_and_fill() {
    let context = "variable \"o\" {\n  type = object({ a = string, b = optional(string, \"d\"), c = optional(list(string)) })\n  default = { a = 1, z = 2 }\n}\nvariable \"n\" {\n  type = number\n  default = \"07\"\n}\n";
    assert_eq!(shown(context, "var.o"), "{a=\"1\", b=\"d\", c=null}");
    assert_eq!(shown(context, "var.n + 1"), "8");
}

#[test]
fn a_cycle_is_no_loop() {
    assert!(shown("locals {\n  a = local.b\n  b = local.a\n}\n", "local.a").contains("refers to itself"));
}

#[test]
fn modules_with_keys_outputs_and_trails() {
    let files = memory(&[
        (
            "main.tf",
            "module \"ci\" {\n  source = \"./m\"\n  for_each = { a = \"x\", b = \"y\" }\n  repo = \"org/${each.value}:*\"\n}\nresource \"r\" \"s\" {\n  v = module.ci[\"b\"].sub\n}\n",
        ),
        (
            "m/main.tf",
            "variable \"repo\" {}\nlocals { sub = \"repo:${var.repo}\" }\noutput \"sub\" { value = local.sub }\nresource \"t\" \"u\" { w = local.sub }\n",
        ),
    ]);
    let out = all(&files);
    let addresses: Vec<_> = out.resources.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(addresses, ["r.s", "module.ci[\"a\"].t.u", "module.ci[\"b\"].t.u"]);
    assert!(out.resources.iter().all(|r| !r.library && !r.conditional && r.root.is_empty()));
    let value = out.resources[0].body.get("v").unwrap();
    assert_eq!(show(value), "\"repo:org/y:*\"");
    let text = value.as_text().unwrap();
    let star = text.find_span("*").unwrap();
    let (path, position) = files.0.locate(star).unwrap();
    assert_eq!((path.as_str(), position.line, position.column), ("main.tf", 4, 29));
    let way: Vec<_> = hops(&text.trail()).map(|h| h.kind.to_string()).collect();
    assert_eq!(way, ["output `sub` of module `ci`", "local `sub`", "argument `repo` of module `ci`"]);
}

#[test]
fn roots_libraries_and_values_files() {
    let files = memory(&[
        ("lib/main.tf", "variable \"x\" {}\nresource \"t\" \"u\" { w = var.x }\n"),
        ("app/main.tf", "variable \"x\" { default = \"d\" }\nresource \"t\" \"u\" { w = var.x }\n"),
        ("app/terraform.tfvars", "x = \"one\"\n"),
        ("app/z.auto.tfvars", "x = \"two\"\n"),
        ("app/main_override.tf", "resource \"t\" \"u\" { v = 1 }\n"),
    ]);
    let out = all(&files);
    assert_eq!(out.resources.len(), 2);
    assert_eq!((show(out.resources[0].body.get("w").unwrap()).as_str(), out.resources[0].library), ("\"two\"", false));
    assert_eq!(show(out.resources[0].body.get("v").unwrap()), "1");
    assert_eq!((show(out.resources[1].body.get("w").unwrap()).as_str(), out.resources[1].library), ("${var.x}", true));
}

#[test]
fn instances_that_may_be_absent() {
    let files = memory(&[(
        "main.tf",
        "variable \"c\" {}\nresource \"a\" \"one\" { count = var.c ? 1 : 0 }\nresource \"a\" \"two\" {\n  for_each = var.c\n  k = each.key\n}\nresource \"a\" \"none\" { count = 0 }\nresource \"a\" \"set\" { for_each = [\"p\", \"q\"] }\nprovider \"x\" {}\n",
    )]);
    let out = all(&files);
    let seen: Vec<_> = out.resources.iter().map(|r| (r.address.as_str(), r.conditional)).collect();
    assert_eq!(
        seen,
        [("a.one[0]", true), ("a.set[\"p\"]", false), ("a.set[\"q\"]", false), ("a.two[each.key]", true), ("provider.x", false)]
    );
}

#[test]
fn dynamic_blocks() {
    let files = memory(&[(
        "main.tf",
        "variable \"u\" {}\nresource \"a\" \"b\" {\n  dynamic \"c\" {\n    for_each = [\"x\", \"y\"]\n    content { v = c.value }\n  }\n  dynamic \"d\" {\n    for_each = var.u\n    content {}\n  }\n  e \"label\" { f = 1 }\n}\n",
    )]);
    let body = &all(&files).resources[0].body;
    assert_eq!(show(body), "{c=[{v=\"x\"}, {v=\"y\"}], d=[ …], e=[{0=\"label\", f=1}]}");
}

#[test]
fn the_key_of_a_condition_meets_its_provider() {
    let files = memory(&[(
        "main.tf",
        "resource \"aws_eks_cluster\" \"c\" { name = \"k\" }\nresource \"aws_iam_openid_connect_provider\" \"p\" {\n  url = aws_eks_cluster.c.identity[0].oidc[0].issuer\n}\ndata \"aws_eks_cluster\" \"d\" { name = \"k\" }\nresource \"x\" \"y\" {\n  a = aws_iam_openid_connect_provider.p.arn\n  b = data.aws_eks_cluster.d.identity.0.oidc.0.issuer\n  c = data.aws_caller_identity.me.account_id\n}\ndata \"aws_caller_identity\" \"me\" {}\n",
    )]);
    let out = all(&files);
    let xy = out.resources.iter().find(|r| r.address == "x.y").unwrap();
    let (arn, url) = (xy.body.get("a").unwrap().as_text().unwrap(), xy.body.get("b").unwrap().as_text().unwrap());
    let (issuer, account) = (arn.atoms().last().unwrap(), arn.atoms().nth(1).unwrap());
    assert_eq!(issuer.kind(), UnknownKind::IssuerHostPath);
    assert_eq!(url.atoms().next(), Some(issuer));
    assert_eq!(url.known_prefix(), "https://");
    assert_eq!(xy.body.get("c").unwrap().as_text().unwrap().atoms().next(), Some(account));
}

#[test]
fn google_names() {
    let files = memory(&[(
        "main.tf",
        "resource \"google_service_account\" \"s\" {\n  account_id = \"ci\"\n  project = \"acme-prod\"\n}\nresource \"google_iam_workload_identity_pool\" \"p\" { workload_identity_pool_id = \"gh\" }\nresource \"x\" \"y\" {\n  a = google_service_account.s.member\n  b = \"principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.p.name}/*\"\n}\n",
    )]);
    let out = all(&files);
    let xy = out.resources.iter().find(|r| r.address == "x.y").unwrap();
    assert_eq!(show(xy.body.get("a").unwrap()), "\"serviceAccount:ci@acme-prod.iam.gserviceaccount.com\"");
    let b = xy.body.get("b").unwrap().as_text().unwrap();
    assert_eq!(b.atoms().next().unwrap().kind(), UnknownKind::ProjectNumber);
    assert_eq!(b.known_suffix(), "/locations/global/workloadIdentityPools/gh/*");
}

#[test]
fn policy_documents_keep_their_places() {
    let text = "variable \"org\" {}\ndata \"aws_iam_policy_document\" \"base\" {\n  statement {\n    sid = \"a\"\n    actions = [\"sts:Old\"]\n  }\n}\ndata \"aws_iam_policy_document\" \"t\" {\n  source_policy_documents = [data.aws_iam_policy_document.base.json]\n  statement {\n    sid = \"a\"\n    actions = [\"sts:AssumeRoleWithWebIdentity\"]\n    principals {\n      type = \"Federated\"\n      identifiers = [\"arn\"]\n    }\n    condition {\n      test = \"StringLike\"\n      variable = \"g:sub\"\n      values = [\"repo:${var.org}/*\"]\n    }\n    condition {\n      test = \"StringLike\"\n      variable = \"g:sub\"\n      values = [\"q\"]\n    }\n  }\n}\nresource \"aws_iam_role\" \"r\" { assume_role_policy = data.aws_iam_policy_document.t.json }\n";
    let files = memory(&[("main.tf", text)]);
    let out = all(&files);
    let role = out.resources.iter().find(|r| r.mode == Mode::Managed).unwrap();
    let policy = role.body.get("assume_role_policy").unwrap().as_text().unwrap();
    let expected = r#"{"Statement":[{"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringLike":{"g:sub":["repo:${var.org}/*","q"]}},"Effect":"Allow","Principal":{"Federated":"arn"},"Sid":"a"}],"Version":"2012-10-17"}"#;
    assert_eq!(policy.to_string(), expected);
    let star = policy.find_span("/*").unwrap();
    assert_eq!(files.0.snippet(star), "/*");
    assert_eq!(files.0.locate(star).unwrap().1.line, 20);
    let back = crate::terraform::json_text::read_json(&policy).unwrap();
    assert_eq!(show(back.at(&["Version"]).unwrap()), "\"2012-10-17\"");
}

#[test]
fn an_error_costs_the_part_it_stands_in() {
    let files = memory(&[("main.tf", "resource \"a\" \"b\" {\n  c = { d = local.nope, e = \"f\" }\n  g = \"repo:${local.nope}:*\"\n}\n")]);
    let body = &all(&files).resources[0].body;
    assert_eq!(show(body), "{c={d=${local.nope}, e=\"f\"}, g=\"repo:${local.nope}:*\"}");
}

#[test]
fn remote_modules_share_their_issuer() {
    let files = memory(&[(
        "main.tf",
        "module \"eks\" {\n  source = \"acme/eks/aws\"\n}\nresource \"x\" \"y\" {\n  a = module.eks.oidc_provider_arn\n  b = \"${module.eks.oidc_provider}:sub\"\n}\n",
    )]);
    let out = all(&files);
    assert_eq!(out.resources[1].mode, Mode::RemoteModule);
    let text = |name: &str| out.resources[0].body.get(name).unwrap().as_text().unwrap();
    assert_eq!(text("a").atoms().last(), text("b").atoms().next());
}

#[test]
fn limits_are_told() {
    let mut text = String::from("locals {\n  l0 = \"x\"\n");
    (1..3000).for_each(|i| text.push_str(&format!("  l{i} = local.l{}\n", i - 1)));
    text.push_str("}\nresource \"a\" \"b\" { c = local.l2999 }\n");
    let out = all(&memory(&[("main.tf", &text)]));
    assert_eq!(out.undecided.len(), 1);
    assert!(matches!(out.resources[0].body.get("c").unwrap().kind, Kind::Unknown(_)));
}

#[test]
fn module_calls_in_a_circle_end() {
    let out = all(&memory(&[
        ("a/main.tf", "module \"b\" {\n  source = \"../b\"\n}\n"),
        ("b/main.tf", "module \"a\" {\n  source = \"../a\"\n}\n"),
    ]));
    assert!(!out.undecided.is_empty());
}

#[test]
fn doubling_values_end() {
    for (zero, next) in [("\"x\"", "\"${local.lN}${local.lN}\""), ("[]", "[local.lN, local.lN]")] {
        let mut text = format!("locals {{\n  l0 = {zero}\n");
        (1..60).for_each(|i| text.push_str(&format!("  l{i} = {}\n", next.replace('N', &(i - 1).to_string()))));
        text.push_str("}\nresource \"a\" \"b\" { c = local.l59 }\n");
        let out = all(&memory(&[("main.tf", &text)]));
        assert!(!out.undecided.is_empty());
        assert_eq!(out.resources.len(), 1);
    }
}

#[test]
fn files_never_leave_the_root() {
    assert_eq!(paths::join("a/b", "../../..").as_deref(), Some(".."));
    assert_eq!(paths::join("a/b", "/etc/passwd"), None);
    assert_eq!(paths::join("a/b", "../c/./d").as_deref(), Some("a/c/d"));
    assert_eq!(paths::relative("envs/prod", "modules/x"), "../../modules/x");
}

#[test]
fn a_statement_without_dynamic_principals_has_none() {
    let text = "data \"aws_iam_policy_document\" \"t\" {\n  statement {\n    actions = [\"a\"]\n    dynamic \"not_principals\" {\n      for_each = []\n      content {}\n    }\n  }\n}\n";
    assert_eq!(
        shown(text, "data.aws_iam_policy_document.t.json"),
        r#""{\"Statement\":[{\"Action\":\"a\",\"Effect\":\"Allow\"}],\"Version\":\"2012-10-17\"}""#
    );
}

#[test]
fn an_unknown_source_document_is_an_unknown_statement() {
    let text = "variable \"d\" {}\ndata \"aws_iam_policy_document\" \"t\" {\n  override_policy_documents = var.d\n  statement { actions = [\"a\"] }\n}\n";
    let json = value(text, "data.aws_iam_policy_document.t.json").unwrap().as_text().unwrap();
    let parsed = crate::terraform::json_text::read_json(&json).unwrap();
    let statements = parsed.get("Statement").unwrap().items();
    assert_eq!(statements.len(), 2);
    assert!(matches!(statements[1].kind, Kind::Unknown(_)));
}

const IRSA: &str = "module \"irsa\" {\n  source = \"terraform-aws-modules/iam/aws//modules/iam-role-for-service-accounts-eks\"\n  version = \"~> 5.0\"\n  role_name = \"app\"\n  oidc_providers = {\n    main = {\n      provider_arn = \"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB\"\n      namespace_service_accounts = [\"team:app\"]\n    }\n  }\n}\nresource \"x\" \"y\" {\n  arn = module.irsa.iam_role_arn\n  other = module.irsa.nobody_knows\n}\n";

#[test]
fn a_modelled_module_is_instantiated_and_points_at_its_caller() {
    let files = memory(&[("main.tf", IRSA)]);
    let out = all(&files);
    let main = files.0.by_path("main.tf").unwrap();
    let role = out.resources.iter().find(|r| r.kind == "aws_iam_role").unwrap();
    assert_eq!(role.address, "module.irsa.aws_iam_role.this[0]");
    assert_eq!(files.0.snippet(role.span), "module \"irsa\"");
    let policy = role.body.get("assume_role_policy").unwrap().as_text().unwrap();
    let all_in_main = |text: &crate::partial::Text| {
        text.parts.iter().all(|p| p.span().is_none_or(|s| s.file == main.id)) && hops(&text.trail()).all(|h| h.span.file == main.id)
    };
    assert!(all_in_main(&policy), "{policy:?}");
    let shown = policy.to_string();
    assert!(shown.contains("oidc.eks.eu-west-1.amazonaws.com/id/AB:sub"), "{shown}");
    let span = policy.find_span("team:app").unwrap();
    assert_eq!(files.0.snippet(span), "team:app");
    let caller = out.resources.iter().find(|r| r.kind == "x").unwrap();
    let arn = caller.body.get("arn").unwrap().as_text().unwrap();
    assert!(arn.to_string().ends_with(":role/app") && all_in_main(&arn), "{arn}");
    assert!(matches!(caller.body.get("other").unwrap().kind, Kind::Unknown(_)));
    assert!(out.undecided.is_empty(), "{:?}", out.undecided);
}

#[test]
fn an_unknown_module_with_trust_looking_arguments_is_undecided() {
    let out = all(&memory(&[(
        "main.tf",
        "module \"a\" {\n  source = \"acme/role/aws\"\n  oidc_subjects = [\"*\"]\n}\nmodule \"b\" {\n  source = \"acme/vpc/aws\"\n  cidr = \"10.0.0.0/8\"\n}\n",
    )]));
    let why: Vec<&str> = out.undecided.iter().map(|u| u.why.as_str()).collect();
    assert_eq!(why, ["module `a` is not in the scan and not known: its trust is not judged"]);
}

#[test]
fn an_installed_module_comes_before_its_model() {
    let installed = r#"{"Modules":[{"Key":"","Dir":"."},{"Key":"irsa","Dir":".terraform/modules/irsa"}]}"#;
    let files = memory(&[
        ("main.tf", IRSA),
        (".terraform/modules/modules.json", installed),
        (
            ".terraform/modules/irsa/main.tf",
            "output \"iam_role_arn\" {\n  value = \"real\"\n}\noutput \"nobody_knows\" {\n  value = 1\n}\n",
        ),
    ]);
    let out = Workspace::new(&files, &[String::new()]).evaluate();
    assert_eq!(out.resources.len(), 1);
    assert_eq!(show(out.resources[0].body.get("arn").unwrap()), "\"real\"");
}

#[test]
fn variable_files_are_worlds() {
    let main = "variable \"org\" {\n  type = string\n}\nresource \"x\" \"y\" {\n  sub = \"repo:${var.org}/*\"\n}\n";
    let files = memory(&[
        ("main.tf", main),
        ("dev.tfvars", "org = \"acme\"\n"),
        ("env/prod.tfvars", "org = \"*\"\n"),
        ("env/same.tfvars", "org = \"acme\"\n"),
        ("env/other/main.tf", ""),
        ("env/other/not-ours.tfvars", "org = \"zeta\"\n"),
    ]);
    let out = Workspace::new(&files, &[String::new()]).evaluate();
    let subjects: Vec<String> = out.resources.iter().map(|r| show(r.body.get("sub").unwrap())).collect();
    assert_eq!(subjects, ["\"repo:acme/*\"", "\"repo:*/*\""]);
    let roots: Vec<&str> = out.resources.iter().map(|r| r.root.as_str()).collect();
    assert_eq!(roots, ["", "@env/prod.tfvars"]);
    assert!(out.resources.iter().all(|r| !r.library));
}

#[test]
fn a_world_that_needs_no_file_stays() {
    let main = "variable \"org\" {\n  default = \"acme\"\n}\nresource \"x\" \"y\" {\n  sub = var.org\n}\n";
    let files = memory(&[("a/main.tf", main), ("a/wide.tfvars", "org = \"*\"\n"), ("a/none.tfvars", "other = 1\n")]);
    let out = Workspace::new(&files, &["a".to_owned()]).evaluate();
    let all: Vec<(String, &str)> = out.resources.iter().map(|r| (show(r.body.get("sub").unwrap()), r.root.as_str())).collect();
    assert_eq!(all, [("\"acme\"".to_owned(), "a"), ("\"*\"".to_owned(), "a@wide.tfvars")]);
}

#[test]
fn terragrunt_calls_its_module() {
    let files = memory(&[
        (
            "live/prod/terragrunt.hcl",
            "locals {\n  org = \"acme\"\n}\nterraform {\n  source = \"../../modules//ci\"\n}\ninputs = {\n  org    = local.org\n  bucket = dependency.s3.outputs.name\n}\n",
        ),
        (
            "modules/ci/main.tf",
            "variable \"org\" {}\nvariable \"bucket\" {}\nresource \"x\" \"y\" {\n  sub = \"repo:${var.org}/*\"\n  b = var.bucket\n}\n",
        ),
    ]);
    let workspace = Workspace::new(&files, &["live/prod".to_owned(), "modules/ci".to_owned()]);
    assert_eq!(workspace.roots(), ["live/prod"]);
    let out = workspace.evaluate();
    let one = out.resources.first().unwrap();
    assert_eq!((one.address.as_str(), one.library), ("x.y", false));
    assert_eq!(show(one.body.get("sub").unwrap()), "\"repo:acme/*\"");
    assert!(matches!(one.body.get("b").unwrap().kind, Kind::Unknown(_)));
}

#[test]
fn roots_are_no_libraries() {
    let needs = "variable \"org\" {}\nresource \"x\" \"y\" {}\n";
    let library = |folder: &str, files: &[(&str, &str)]| {
        let files: Vec<(String, &str)> = files.iter().map(|(p, t)| (format!("{folder}/{p}"), *t)).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (p.as_str(), *t)).collect();
        all(&memory(&files)).resources.iter().any(|r| r.library)
    };
    assert!(library("a", &[("main.tf", needs)]));
    assert!(library("modules/a", &[("main.tf", "resource \"x\" \"y\" {}\n")]));
    assert!(!library("a", &[("main.tf", "variable \"org\" {\n  default = 1\n}\nresource \"x\" \"y\" {}\n")]));
    for more in [
        "provider \"aws\" {}\n",
        "terraform {\n  backend \"s3\" {}\n}\n",
        "terraform {\n  cloud {}\n}\n",
        "module \"b\" {\n  source = \"acme/b/aws\"\n}\n",
    ] {
        assert!(!library("a", &[("main.tf", needs), ("more.tf", more)]), "{more}");
    }
    assert!(!library("a", &[("main.tf", needs), ("terraform.tfvars", "org = 1\n")]));
    assert!(!library("a", &[("main.tf", needs), ("prod.tfvars", "org = 1\n")]));
}

#[test]
fn absolute_and_climbing_folders_keep_their_place() {
    let files = memory(&[("/srv/infra/main.tf", "resource \"x\" \"y\" {}\n"), ("../up/main.tf", "resource \"x\" \"y\" {}\n")]);
    let out = all(&files);
    assert_eq!(out.resources.iter().map(|r| r.root.as_str()).collect::<Vec<_>>(), ["../up", "/srv/infra"]);
}

#[test]
fn what_makes_a_block_exist_holds_in_it() {
    let text = r#"
variable "enabled" {
  type = bool
}
variable "name" {
  type = string
}
locals {
  on = var.enabled && var.name != ""
}
resource "a" "count" {
  count = local.on ? 1 : 0
  x     = local.on ? "yes" : "no"
  y     = var.enabled ? "yes" : "no"
  z     = var.name != "" ? "yes" : "no"
  other = var.name == "b" ? "yes" : "no"
}
resource "a" "each" {
  for_each = var.enabled ? {} : { k = "v" }
  x        = !var.enabled ? each.value : "no"
}
resource "a" "plain" {
  x = var.enabled ? "yes" : "no"
}
"#;
    let out = all(&memory(&[("main.tf", text)]));
    let body = |name: &str| out.resources.iter().find(|r| r.name == name).map(|r| show(&r.body)).unwrap();
    assert!(body("count").contains(r#"x="yes", y="yes", z="yes", other="yes" | "no""#), "{}", body("count"));
    assert!(body("each").contains(r#"x="v""#), "{}", body("each"));
    assert!(body("plain").contains(r#"x="yes" | "no""#), "{}", body("plain"));
}

#[test]
fn the_workspace_is_not_known() {
    let files = memory(&[(
        "main.tf",
        "resource \"a\" \"b\" {\n  c = \"deploy-${terraform.workspace}\"\n  d = terraform.workspace == \"prod\" ? 1 : 2\n}\n",
    )]);
    assert_eq!(show(&all(&files).resources[0].body), "{c=\"deploy-${terraform.workspace}\", d=1 | 2}");
    assert_eq!(shown("", "terraform.workspace"), "\"default\"");
}

#[test]
fn a_module_with_nothing_wanted_below_is_not_expanded() {
    let files = memory(&[
        (
            "main.tf",
            "locals {\n  big = { for i in range(20000) : \"k${i}\" => [for j in range(20000) : j] }\n}\nmodule \"m\" {\n  source   = \"./m\"\n  for_each = local.big\n}\nmodule \"n\" {\n  source = \"./n\"\n}\n",
        ),
        ("m/main.tf", "resource \"other\" \"x\" {}\n"),
        ("n/main.tf", "module \"inner\" {\n  source = \"./inner\"\n}\n"),
        ("n/inner/main.tf", "resource \"wanted\" \"x\" {}\n"),
    ]);
    let folders: Vec<String> = ["", "m", "n", "n/inner"].map(str::to_owned).to_vec();
    let out = Workspace::new(&files, &folders).only(|kind| kind == "wanted").evaluate();
    let addresses: Vec<&str> = out.resources.iter().map(|r| r.address.as_str()).collect();
    assert_eq!(addresses, ["module.n.module.inner.wanted.x"]);
    assert!(out.undecided.is_empty(), "{:?}", out.undecided);
}

#[test]
fn arguments_of_functions_are_paid_for() {
    let text = "locals {\n  all = { for i in range(1000) : \"k${i}\" => { a = i } }\n  twice = [for i in range(1000) : length(merge(local.all, local.all, { x = i }))]\n}\nresource \"a\" \"b\" {\n  c = local.twice\n}\n";
    let out = all(&memory(&[("main.tf", text)]));
    assert!(out.undecided.iter().any(|u| u.why.contains("evaluation steps")), "{:?}", out.undecided);
}

#[test]
fn a_module_that_calls_itself_many_times_ends() {
    let calls: String = (0..10).map(|i| format!("module \"m{i}\" {{\n  source = \"../m\"\n}}\n")).collect();
    let files = memory(&[("m/main.tf", &format!("{calls}resource \"a\" \"b\" {{}}\n"))]);
    let out = Workspace::new(&files, &["m".to_owned()]).evaluate();
    assert!(!out.resources.is_empty() && out.resources.len() <= 12 * MAX_INSTANCES, "{}", out.resources.len());
    assert!(!out.undecided.is_empty());
}

#[test]
fn modelled_calls_are_counted_also_when_they_are_switched_off() {
    let call = |name: &str, more: &str| {
        format!("module \"{name}\" {{\n  source = \"terraform-aws-modules/iam/aws//modules/iam-role\"\n  {more}\n}}\n")
    };
    let text = call("on", "enable_github_oidc = true") + &call("off", "create = false") + &call("none", "count = 0");
    let files = memory(&[("main.tf", &text)]);
    let out = Workspace::new(&files, &[String::new()]).only(|kind| kind == "aws_iam_role").evaluate();
    let mut counts: Vec<(String, usize)> =
        out.calls.iter().filter(|c| c.modelled).map(|c| (files.0.snippet(c.span), c.resources)).collect();
    counts.sort();
    let expected = [("module \"none\"", 0), ("module \"off\"", 0), ("module \"on\"", 1)];
    assert_eq!(counts, expected.map(|(name, n)| (name.to_owned(), n)));
}

/// The facts of a variable whose only validation has this condition.
fn facts(condition: &str) -> crate::partial::facts::Facts {
    let text = format!("variable \"x\" {{\n  validation {{\n    condition = {condition}\n    error_message = \"no\"\n  }}\n}}\n");
    match value(&text, "var.x").map(|v| v.kind) {
        Ok(Kind::Unknown(atom)) => atom.facts().clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_validation_says_what_a_variable_may_be() {
    let cases: &[(&str, &[&str], &[&str])] = &[
        (r#"contains(["dev", "prod"], var.x)"#, &["dev", "prod"], &["test", ""]),
        (r#"can(regex("^[a-z0-9-]+$", var.x))"#, &["a-1"], &["a/b", "A", ""]),
        (r#"!can(regex("[*?]", var.x))"#, &["a"], &["a*"]),
        (r#"length(regexall("^[^/]+/[^/]+$", var.x)) > 0"#, &["a/b"], &["a", "a/b/c"]),
        (r#"startswith(var.x, "acme.") && endswith(var.x, "-ci")"#, &["acme.x-ci"], &["acmex-ci", "acme.x"]),
        (r#"strcontains(var.x, "/") || var.x == "all""#, &["a/b", "all"], &["a"]),
        (r#"var.x == null || length(var.x) > 2"#, &["abc"], &["ab"]),
        (r#"3 <= length(var.x) && length(var.x) < 5"#, &["abc", "abcd"], &["ab", "abcde"]),
        (r#"var.x != "" && var.x != "*""#, &["a"], &["", "*"]),
        (r#"!(var.x == "a" || var.x == "b")"#, &["c"], &["a", "b"]),
        (r#"startswith(var.x, "a") && timestamp() != var.x"#, &["a"], &["b"]),
    ];
    for (condition, yes, no) in cases {
        let fact = facts(condition).own.unwrap_or_else(|| panic!("{condition}"));
        yes.iter().for_each(|text| assert!(fact.allows(text), "{condition} allows {text:?}"));
        no.iter().for_each(|text| assert!(!fact.allows(text), "{condition} forbids {text:?}"));
    }
    for condition in [
        r#"timestamp() == var.x"#,
        r#"startswith(var.x, "a") || timestamp() == var.x"#,
        r#"!(startswith(var.x, "a") && timestamp() == var.x)"#,
        r#"contains(["a", timestamp()], var.x)"#,
        r#"startswith(var.y, "a")"#,
        r#"can(regex("(", var.x))"#,
    ] {
        assert!(facts(condition).own.is_none(), "{condition}");
    }
}

#[test]
fn a_validation_of_each_element_is_known_of_each_element() {
    let text = |condition: &str| {
        format!(
            "variable \"x\" {{\n  type = list(string)\n  validation {{\n    condition = {condition}\n    error_message = \"no\"\n  }}\n}}\n\
             resource \"r\" \"r\" {{\n  all = [for x in var.x : \"repo:${{x}}:*\"]\n}}\n"
        )
    };
    let atom = |condition: &str| {
        let files = memory(&[("main.tf", &text(condition))]);
        let all = all(&files);
        let list = all.resources.first().unwrap().body.get("all").unwrap().clone();
        assert!(list.is_open());
        let items = list.items();
        let Kind::Text(text) = &items.first().unwrap().kind else { panic!("{list:?}") };
        assert_eq!(text.to_string(), "repo:${var.x[*]}:*");
        text.atoms().next().unwrap().clone()
    };
    let word = atom(r#"length(var.x) > 0 && alltrue([for name in var.x : can(regex("^[a-z]+$", name))])"#);
    assert!(word.allows("app") && !word.allows("octo/app"));
    assert_eq!(word.kind(), UnknownKind::Word);
    let anything = atom(r#"alltrue([for name in var.x : can(regex("^[a-z]+$", name)) if name != "*"])"#);
    assert!(anything.allows("octo/app"));
    assert_eq!(anything.kind(), UnknownKind::Any);
}

#[test]
fn a_set_of_values_with_patterns_in_it_is_its_values() {
    let text = "variable \"x\" {\n  validation {\n    condition = contains([\"main\", \"release/*\"], var.x)\n    error_message = \"no\"\n  }\n}\n";
    assert_eq!(shown(text, "\"ref:${var.x}\""), "\"ref:main\" | \"ref:release/*\"");
    let text = text.replace("release/*", "release");
    assert_eq!(shown(&text, "\"ref:${var.x}\""), "\"ref:${var.x}\"");
    assert_eq!(shown(&text, "var.x == \"develop\""), "false");
    assert_eq!(shown(&text, "var.x == \"main\" ? 1 : 2"), "1 | 2");
}

#[test]
fn flatten_takes_each_list_that_may_stand_in_it() {
    let text = "variable \"x\" {}\n";
    assert_eq!(shown(text, r#"flatten([["a"], var.x == 1 ? ["b"] : ["c", "d"]])"#), r#"["a", "b"] | ["a", "c", "d"]"#);
    assert_eq!(shown(text, r#"flatten([["a"], [var.x == 1 ? "b" : "c"]])"#), r#"["a", "b" | "c"]"#);
}

#[test]
fn variable_files_of_any_folder_without_configuration_are_worlds() {
    let main = "variable \"org\" {\n  default = \"acme\"\n}\nresource \"x\" \"y\" {\n  sub = var.org\n}\n";
    let files = memory(&[
        ("live/main.tf", main),
        ("live/projects/a.tfvars", "org = \"a\"\n"),
        ("live/projects/eu/b.tfvars", "org = \"b\"\n"),
        ("live/nested/main.tf", "resource \"z\" \"z\" {}\n"),
        ("live/nested/values/c.tfvars", "org = \"c\"\n"),
        ("other/d.tfvars", "org = \"d\"\n"),
    ]);
    let out = Workspace::new(&files, &["live".to_owned()]).evaluate();
    let subjects: Vec<String> = out.resources.iter().map(|r| show(r.body.get("sub").unwrap())).collect();
    assert_eq!(subjects, ["\"acme\"", "\"a\"", "\"b\""]);
}

#[test]
fn too_many_variable_files_are_told() {
    let names: Vec<(String, String)> = (0..40).map(|i| (format!("envs/{i:02}.tfvars"), format!("org = \"o{i}\"\n"))).collect();
    let main = "variable \"org\" {}\nresource \"x\" \"y\" {\n  sub = var.org\n}\n";
    let mut all: Vec<(&str, &str)> = names.iter().map(|(p, t)| (p.as_str(), t.as_str())).collect();
    all.push(("main.tf", main));
    let out = Workspace::new(&memory(&all), &[String::new()]).evaluate();
    assert_eq!(out.resources.len(), 32);
    let told: Vec<&str> = out.undecided.iter().map(|u| u.why.as_str()).collect();
    assert!(matches!(told.as_slice(), [why] if why.contains("more than 32 variable files")), "{told:?}");
}

#[test]
fn a_trust_that_is_off_in_every_world_is_told() {
    let main = "variable \"on\" {\n  default = \"no\"\n}\nresource \"aws_iam_role\" \"a\" {\n  count = var.on == \"yes\" ? 1 : 0\n}\n\
                resource \"aws_iam_role_policy\" \"p\" {\n  count = var.on == \"yes\" ? 1 : 0\n}\n\
                resource \"aws_iam_role\" \"lambda\" {\n  count = var.on == \"yes\" ? 1 : 0\n  \
                assume_role_policy = jsonencode({ Statement = [{ Principal = { Service = \"lambda.amazonaws.com\" } }] })\n}\n";
    let off = |files: &[(&str, &str)]| -> Vec<String> {
        Workspace::new(&memory(files), &[String::new()]).evaluate().absent.iter().map(|u| u.why.clone()).collect()
    };
    assert_eq!(off(&[("main.tf", main)]), ["`aws_iam_role.a` is switched off by `count` or `for_each`: a trust it may have is not judged"]);
    assert!(off(&[("main.tf", main), ("envs/prod.tfvars", "on = \"yes\"\n")]).is_empty());
    assert!(off(&[("main.tf", main), ("terraform.tfvars", "on = \"yes\"\n")]).is_empty());
    let call = "module \"m\" {\n  source = \"./m\"\n  count  = 0\n}\n";
    let role = |service: &str| format!("resource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = \"{service}\"\n}}\n");
    assert_eq!(off(&[("main.tf", call), ("m/main.tf", &role("sts:AssumeRoleWithWebIdentity"))]).len(), 1);
    assert!(off(&[("main.tf", call), ("m/main.tf", &role("lambda.amazonaws.com"))]).is_empty());
}

#[test]
fn what_a_default_of_false_switches_off_may_be_there() {
    let main = "variable \"on\" {\n  default = false\n}\nresource \"aws_iam_role\" \"a\" {\n  count = var.on ? 1 : 0\n}\n\
                module \"m\" {\n  source = \"./m\"\n  on     = var.on\n}\nresource \"aws_iam_role\" \"always\" {}\n";
    let inner = "variable \"on\" {\n  type = bool\n}\nresource \"aws_iam_role\" \"b\" {\n  count = var.on ? 1 : 0\n}\n";
    let out = Workspace::new(&memory(&[("main.tf", main), ("m/main.tf", inner)]), &[String::new()]).evaluate();
    let mut declared: Vec<(&str, bool)> = out.resources.iter().map(|r| (r.address.as_str(), r.conditional)).collect();
    declared.sort_unstable();
    assert_eq!(declared.len(), 3, "{declared:?}");
    assert!(declared.iter().all(|(address, conditional)| *conditional != (*address == "aws_iam_role.always")), "{declared:?}");
    assert!(out.absent.is_empty());
}

#[test]
fn blocks_over_one_unknown_collection_mean_the_same_element() {
    let text = "variable \"w\" {\n  type = map(object({ role = string }))\n}\nresource \"a\" \"x\" {\n  for_each = var.w\n  m = each.value.role\n}\n\
                resource \"b\" \"y\" {\n  for_each = var.w\n  m = each.value.role\n}\nresource \"c\" \"z\" {\n  for_each = var.other\n  m = each.value.role\n}\nvariable \"other\" {}\n";
    let out = Workspace::new(&memory(&[("main.tf", text)]), &[String::new()]).evaluate();
    let member = |i: usize| out.resources[i].body.get("m").unwrap().as_text().unwrap();
    assert!(member(0).same(&member(1)));
    assert!(!member(0).same(&member(2)));
}

#[test]
fn one_unknown_picks_the_same_entry_of_every_map() {
    let text = "locals {\n  env = trimprefix(terraform.workspace, \"app-\")\n  ids = { dev = \"D\", prod = \"P\" }\n  names = { dev = \"d\", prod = \"p\", old = \"o\" }\n}\n\
                resource \"google_x_iam_member\" \"y\" {\n  member = \"${local.ids[local.env]}/${local.names[local.env]}\"\n  b = local.env == \"prod\" ? \"real\" : \"test\"\n}\n";
    let out = Workspace::new(&memory(&[("main.tf", text)]), &[String::new()]).evaluate();
    let bodies: Vec<String> = out.resources.iter().map(|r| show(&r.body)).collect();
    assert_eq!(bodies, ["{member=\"D/d\", b=\"test\"}", "{member=\"P/p\", b=\"real\"}"]);
    let roots: BTreeSet<&str> = out.resources.iter().map(|r| r.root.as_str()).collect();
    assert_eq!(roots.len(), 2, "each in a world of its own: {roots:?}");
}

#[test]
fn an_unknown_that_picks_nothing_that_matters_splits_no_world() {
    let text = "locals {\n  ids = { dev = \"D\", prod = \"P\" }\n  picked = local.ids[terraform.workspace]\n}\nresource \"aws_iam_role\" \"y\" {\n  tags = { env = local.picked }\n  assume_role_policy = \"A\"\n}\n";
    assert_eq!(Workspace::new(&memory(&[("main.tf", text)]), &[String::new()]).evaluate().resources.len(), 1);
}

#[test]
fn a_key_behind_a_guard_is_a_world_too() {
    let worlds = |second: &str| -> Vec<String> {
        let text = format!(
            "locals {{\n  env = terraform.workspace\n  ids = {{ dev = \"D\", test = \"T\", prod = \"P\" }}\n  names = {{ dev = \"d\", prod = \"p\" }}\n}}\n\
             resource \"google_x_iam_member\" \"y\" {{\n  member = \"${{local.ids[local.env]}}/${{{second}}}\"\n}}\n"
        );
        let out = Workspace::new(&memory(&[("main.tf", &text)]), &[String::new()]).evaluate();
        out.resources.iter().map(|r| show(r.body.get("member").unwrap())).collect()
    };
    let guarded = ["\"D/d\"", "\"P/p\"", "\"T/*\""];
    assert_eq!(worlds("try(local.names[local.env], \"*\")"), guarded);
    assert_eq!(worlds("contains(keys(local.names), local.env) ? local.names[local.env] : \"*\""), guarded);
    assert_eq!(worlds("local.names[local.env]"), ["\"D/d\"", "\"P/p\""]);
}

/// The output `arn` of the root `shared`, read by `app` from the state that `config` names.
fn through_state(backend: &str, data: &str) -> String {
    let shared = format!("{backend}\noutput \"arn\" {{ value = \"the-arn\" }}\n");
    let app = format!("data \"terraform_remote_state\" \"s\" {{\n{data}\n}}\n");
    let files = memory(&[("shared/main.tf", &shared), ("app/main.tf", &app)]);
    let workspace = Workspace::new(&files, &["shared".to_owned(), "app".to_owned()]);
    workspace.evaluate_expression("app", "data.terraform_remote_state.s.outputs.arn").map_or_else(|e| e.message, |v| show(&v))
}

#[test]
fn a_remote_state_is_that_of_the_root_with_its_backend() {
    let s3 = "terraform {\nbackend \"s3\" {\nbucket = \"b\"\nkey = \"shared.tfstate\"\n}\n}";
    let of = |backend: &str, config: &str| format!("backend = \"{backend}\"\nconfig = {{ {config} }}");
    let known = "\"the-arn\"";
    assert_eq!(through_state(s3, &of("s3", r#"bucket = "b", key = "shared.tfstate""#)), known);
    // no folder above another is needed to tell that these are other states
    let unknown = "${data.terraform_remote_state.s.outputs.arn}";
    assert_eq!(through_state(s3, &of("s3", r#"bucket = "b", key = "other.tfstate""#)), unknown);
    assert_eq!(through_state(s3, &of("gcs", r#"bucket = "b", prefix = "shared.tfstate""#)), unknown);
    assert_eq!(through_state(s3, &format!("{}\nworkspace = \"prod\"", of("s3", r#"bucket = "b", key = "shared.tfstate""#))), unknown);
    let cloud = "terraform {\ncloud {\norganization = \"o\"\nworkspaces {\nname = \"w\"\n}\n}\n}";
    assert_eq!(through_state(cloud, &of("remote", r#"organization = "o", workspaces = { name = "w" }"#)), known);
    assert_eq!(through_state(cloud, &of("remote", r#"organization = "o", workspaces = { name = "x" }"#)), unknown);
    assert_eq!(through_state("", &of("local", r#"path = "../shared/terraform.tfstate""#)), known);
    assert_eq!(through_state("", &of("local", r#"path = "../shared/other.tfstate""#)), unknown);
}

#[test]
fn states_that_read_each_other_end() {
    let of = |other: &str| {
        format!(
            "data \"terraform_remote_state\" \"s\" {{\nbackend = \"local\"\nconfig = {{ path = \"../{other}/terraform.tfstate\" }}\n}}\noutput \"x\" {{ value = data.terraform_remote_state.s.outputs.x }}\n"
        )
    };
    let files = memory(&[("a/main.tf", &of("b")), ("b/main.tf", &of("a"))]);
    let workspace = Workspace::new(&files, &["a".to_owned(), "b".to_owned()]);
    let value = workspace.evaluate_expression("a", "data.terraform_remote_state.s.outputs.x").unwrap();
    assert!(why_unknown(&value).is_some_and(|why| why.contains("depend on each other")), "{}", show(&value));
}

#[test]
fn a_template_file_is_its_template_with_its_variables() {
    let text = "data \"template_file\" \"t\" {\n  template = file(\"${path.module}/t.tpl\")\n  vars     = { who = \"octo\" }\n}\ndata \"template_file\" \"inline\" {\n  template = \"repo:$${who}\"\n  vars     = { who = \"octo\" }\n}\n";
    let files = memory(&[("main.tf", text), ("t.tpl", "repo:${who}/app")]);
    let workspace = Workspace::new(&files, &[String::new()]);
    let value = workspace.evaluate_expression("", "data.template_file.t.rendered").unwrap();
    assert_eq!(show(&value), "\"repo:octo/app\"");
    // what the file says keeps its place in the file
    let Kind::Text(rendered) = &value.kind else { panic!("{value:?}") };
    let first = rendered.parts.first().and_then(crate::partial::Part::span).unwrap();
    assert_eq!(files.0.get(first.file).unwrap().path, "t.tpl");
    assert_eq!(show(&workspace.evaluate_expression("", "data.template_file.inline.rendered").unwrap()), "\"repo:octo\"");
}
