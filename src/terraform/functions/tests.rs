//! Expected values are what Terraform 1.11 gives.

use super::replace::{issuer_of_provider_arn, without_scheme};
use super::*;
use crate::place::FileId;

use crate::partial::{Entry, Part};
use crate::source::{SourceFile, Sources};
use crate::terraform::json_text::render_json;
use std::sync::Arc;

struct Folder(Sources);

impl Files for Folder {
    fn read(&self, path: &str) -> Result<Arc<SourceFile>, String> {
        self.0.by_path(path).ok_or_else(|| format!("no file `{path}`"))
    }
    fn list(&self, _: &str, _: &str) -> Result<Vec<String>, String> {
        Ok(vec!["b.json".into(), "a.json".into()])
    }
    fn render(&self, template: &SourceFile, _: &Value) -> Result<Value, FunctionError> {
        Ok(Value::string(&template.text))
    }
    fn render_text(&self, template: &Text, _: &Value) -> Result<Value, FunctionError> {
        Ok(Value::new(Kind::Text(template.clone()), None))
    }
}

fn folder() -> Folder {
    let sources = Sources::new();
    sources.add("f.json", "{\"a\": [\"x\"]}");
    Folder(sources)
}

fn from_json(json: &serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::Null,
        serde_json::Value::Bool(b) => Kind::Bool(*b),
        serde_json::Value::Number(n) => Kind::Number(n.to_string().into()),
        serde_json::Value::String(s) => return Value::string(s),
        serde_json::Value::Array(items) => return Value::list(items.iter().map(from_json).collect(), None),
        serde_json::Value::Object(o) => {
            return Value::map(o.iter().map(|(k, v)| Entry { key: Text::known(k), value: from_json(v) }).collect(), None);
        }
    };
    Value::new(kind, None)
}

/// Calls with the arguments of a JSON array; the result as JSON, or `error: …`.
fn run(name: &str, args: &str) -> String {
    let args: serde_json::Value = serde_json::from_str(args).unwrap();
    let args: Vec<Value> = args.as_array().unwrap().iter().map(from_json).collect();
    match call(name, &args, None, &folder()) {
        Ok(value) => render_json(&value).to_string(),
        Err(error) => format!("error: {}", error.message),
    }
}

fn all(rows: &[(&str, &str, &str)]) {
    for (name, args, expected) in rows {
        assert_eq!(run(name, args), *expected, "{name}({args})");
    }
}

fn atom(key: &str, kind: UnknownKind) -> Unknown {
    Unknown::new(key, kind, format!("${{{key}}}"), "test", None)
}

/// A text in which `{x}` is a hole of kind Any, `{x:Kind}` one of that kind.
fn shaped(text: &str) -> Value {
    let mut out = Text::default();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, after) = rest.split_at(at);
        if !before.is_empty() {
            out.push(&Text::known(before));
        }
        let (hole, left) = after[1..].split_once('}').unwrap();
        let (key, kind) = hole.split_once(':').unwrap_or((hole, "Any"));
        let kind = match kind {
            "AccountId" => UnknownKind::AccountId,
            "Partition" => UnknownKind::Partition,
            "Issuer" => UnknownKind::IssuerHostPath,
            "Arn" => UnknownKind::Arn,
            "Word" => UnknownKind::Word,
            _ => UnknownKind::Any,
        };
        out.push(&Text::hole(atom(key, kind), None));
        rest = left;
    }
    if !rest.is_empty() {
        out.push(&Text::known(rest));
    }
    Value::new(Kind::Text(out), None)
}

fn on(name: &str, args: &[Value]) -> Value {
    call(name, args, None, &folder()).unwrap()
}

/// The result with each hole shown by its key.
fn shape(value: &Value) -> String {
    let text = |t: &Text| t.fill(|a| format!("{{{}}}", a.key()));
    match &value.kind {
        Kind::Text(t) => text(t),
        Kind::Unknown(a) => format!("?{}", a.key()),
        Kind::List { items, open } => {
            format!("[{}{}]", items.iter().map(shape).collect::<Vec<_>>().join("|"), if *open { "|…" } else { "" })
        }
        Kind::Map { entries, open } => {
            let entries: Vec<String> = entries.iter().map(|e| format!("{}={}", text(&e.key), shape(&e.value))).collect();
            format!("{{{}{}}}", entries.join("|"), if *open { "|…" } else { "" })
        }
        Kind::OneOf(all) => format!("<{}>", all.iter().map(shape).collect::<Vec<_>>().join("|")),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::Null => "null".into(),
    }
}

#[test]
fn strings() {
    all(&[
        ("title", r#"["hello wOrld-x y"]"#, r#""Hello WOrld-X Y""#),
        ("substr", r#"["hello",10,2]"#, r#""""#),
        ("substr", r#"["héllo",1,-1]"#, r#""éllo""#),
        ("substr", r#"["hello",-3,-1]"#, r#""llo""#),
        ("substr", r#"["hello",1,3]"#, r#""ell""#),
        ("trim", r#"["--a--","-"]"#, r#""a""#),
        ("trim", r#"["---","-"]"#, r#""""#),
        ("trimspace", "[\" a\\n\"]", r#""a""#),
        ("chomp", "[\"a\\n\\n\"]", r#""a""#),
        ("indent", "[2,\"a\\nb\"]", "\"a\\n  b\""),
        ("split", r#"[",",""]"#, r#"[""]"#),
        ("split", r#"["/","a/b//"]"#, r#"["a","b","",""]"#),
        ("split", r#"["","ab"]"#, r#"["a","b"]"#),
        ("join", r#"[",",[1,true]]"#, r#""1,true""#),
        ("join", r#"[",",["a"],["b"]]"#, r#""a,b""#),
        ("upper", r#"["é"]"#, r#""É""#),
        ("strrev", r#"["héé"]"#, r#""ééh""#),
        ("trimprefix", r#"["https://x","https://"]"#, r#""x""#),
        ("trimsuffix", r#"["x/","/"]"#, r#""x""#),
        ("startswith", r#"["repo:x","repo:"]"#, "true"),
        ("endswith", r#"["repo:*","*"]"#, "true"),
        ("strcontains", r#"["abc","d"]"#, "false"),
        ("lower", r#"[null]"#, "error: argument 1 of `lower` must not be null"),
        ("nope", "[]", "error: unknown function `nope`"),
        ("core::lower", r#"["A"]"#, r#""a""#),
    ]);
}

#[test]
fn replacing_and_matching() {
    all(&[
        ("replace", r#"["a-b_c","/[-_]/","."]"#, r#""a.b.c""#),
        ("replace", r#"["a.b",".","x"]"#, r#""axb""#),
        ("replace", r#"["oidc.eks/id/X","/^(.*)/id/(.*)$/","$2:$1"]"#, r#""X:oidc.eks""#),
        ("replace", r#"["arn:aws:iam::1:oidc-provider/a/b","/^(.*provider/)/",""]"#, r#""a/b""#),
        ("regex", r#"["[a-z]+","123abc456"]"#, r#""abc""#),
        ("regex", r#"["oidc-provider/(.*)$","arn:oidc-provider/o/id"]"#, r#"["o/id"]"#),
        ("regex", r#"["(?P<o>[^/]+)/(?P<r>.+)","acme/repo"]"#, r#"{"o":"acme","r":"repo"}"#),
        ("regex", r#"["x","abc"]"#, "error: pattern did not match any part of the given string"),
        ("regexall", r#"["(a)(b)?","ab a"]"#, r#"[["a","b"],["a",null]]"#),
        ("regexall", r#"["[a-z]+","1a2b"]"#, r#"["a","b"]"#),
        ("regexall", r#"["\\d+","a1b٣"]"#, r#"["1"]"#),
    ]);
    assert!(run("regex", r#"["(",""]"#).starts_with("error: invalid regular expression"));
}

#[test]
fn formatting() {
    all(&[
        (
            "format",
            r#"["%#v|%v|%v|%t|%x|%o|%b|%e|%g","a",[1,"a"],{"a":1},true,255,8,5,1.5,1.5]"#,
            r#""\"a\"|[1,\"a\"]|{\"a\":1}|true|ff|10|101|1.500000e+00|1.5""#,
        ),
        ("format", r#"["%[2]s %[1]s","a","b"]"#, r#""b a""#),
        ("format", r#"["%5s|%-5d|%+d|%x","a",3,4,10]"#, r#""    a|3    |+4|a""#),
        ("format", r#"["%05d|%-5s|%.2f|%%",42,"ab",1.5]"#, r#""00042|ab   |1.50|%""#),
        ("format", r#"["%s-%d-%v-%q","a",3,true,"q"]"#, r#""a-3-true-\"q\"""#),
        ("format", r#"["%d","3"]"#, r#""3""#),
        ("formatlist", r#"["%s",[]]"#, "[]"),
        ("formatlist", r#"["%s-%s","a",["x","y"]]"#, r#"["a-x","a-y"]"#),
    ]);
    assert!(run("format", r#"["%s"]"#).starts_with("error: not enough"));
    assert!(run("format", r#"["x","a"]"#).starts_with("error: too many"));
}

#[test]
fn collections() {
    all(&[
        ("range", "[5,0]", "[5,4,3,2,1]"),
        ("range", "[0,1,0.25]", "[0,0.25,0.5,0.75]"),
        ("merge", r#"[{"a":{"x":1}},{"a":{"y":2}},null]"#, r#"{"a":{"y":2}}"#),
        ("coalesce", r#"["","a"]"#, r#""a""#),
        ("coalesce", r#"["",""]"#, "error: no non-null, non-empty-string arguments"),
        ("coalesce", "[null,1]", "1"),
        ("coalescelist", r#"[[],["a"]]"#, r#"["a"]"#),
        ("compact", r#"[["a","",null]]"#, r#"["a"]"#),
        ("lookup", r#"[{"a":null},"a","d"]"#, "null"),
        ("lookup", r#"[{"a":"1"},"b","d"]"#, r#""d""#),
        ("lookup", r#"[{"a":"1"},"b"]"#, "error: the given object has no attribute `b`"),
        ("element", "[[1,2,3],4]", "2"),
        ("flatten", r#"[[["a"],["b",["c"]]]]"#, r#"["a","b","c"]"#),
        ("distinct", r#"[["a","b","a"]]"#, r#"["a","b"]"#),
        ("sort", r#"[["b","a","B"]]"#, r#"["B","a","b"]"#),
        ("setunion", r#"[["b"],["a"]]"#, r#"["a","b"]"#),
        ("setintersection", r#"[["b","a"],["a"]]"#, r#"["a"]"#),
        ("setsubtract", r#"[["b","a"],["a"]]"#, r#"["b"]"#),
        ("setproduct", r#"[["a","b"],["x"]]"#, r#"[["a","x"],["b","x"]]"#),
        ("transpose", r#"[{"a":["x","y"],"b":["x"]}]"#, r#"{"x":["a","b"],"y":["a"]}"#),
        ("zipmap", r#"[["b","a"],[1,2]]"#, r#"{"a":2,"b":1}"#),
        ("matchkeys", r#"[["a","b"],["x","y"],["y"]]"#, r#"["b"]"#),
        ("index", r#"[["a","b"],"b"]"#, "1"),
        ("chunklist", r#"[["a","b","c"],2]"#, r#"[["a","b"],["c"]]"#),
        ("slice", "[[1,2],1,1]", "[]"),
        ("values", r#"[{"b":1,"a":2}]"#, "[2,1]"),
        ("keys", r#"[{"b":1,"a":2}]"#, r#"["a","b"]"#),
        ("one", "[[]]", "null"),
        ("one", r#"[["a"]]"#, r#""a""#),
        ("contains", r#"[["1"],1]"#, "false"),
        ("length", r#"["héllo"]"#, "5"),
        ("alltrue", r#"[["true",true]]"#, "true"),
        ("anytrue", "[[]]", "false"),
        ("concat", r#"[["a"],null]"#, "error: argument 2 of `concat` must not be null"),
    ]);
}

#[test]
fn numbers_and_conversion() {
    all(&[
        ("max", r#"["3",2]"#, "3"),
        ("log", "[8,2]", "3"),
        ("pow", "[2,0.5]", "1.4142135623730951"),
        ("parseint", r#"["ff",16]"#, "255"),
        ("sum", "[[1.5,2]]", "3.5"),
        ("ceil", "[-1.5]", "-1"),
        ("floor", "[1.8]", "1"),
        ("signum", "[-3]", "-1"),
        ("tonumber", r#"["1.50"]"#, "1.5"),
        ("tonumber", r#"["x"]"#, "error: argument 1 of `tonumber`: a number is required"),
        ("tostring", "[1e30]", r#""1000000000000000000000000000000""#),
        ("tobool", r#"["true"]"#, "true"),
        ("toset", r#"[["b","a","b"]]"#, r#"["a","b"]"#),
        ("tomap", r#"[{"a":"1","b":2}]"#, r#"{"a":"1","b":"2"}"#),
    ]);
}

#[test]
fn encodings() {
    all(&[
        ("jsonencode", r#"[{"b":1,"a":[true,null,"<&>"]}]"#, r#""{\"a\":[true,null,\"\\u003c\\u0026\\u003e\"],\"b\":1}""#),
        ("jsondecode", r#"["{\"a\": [1.50, \"x\\u00e9\", {}]}"]"#, r#"{"a":[1.5,"xé",{}]}"#),
        ("yamldecode", "[\"a: [x, \\\"*\\\"]\\nb: true\"]", r#"{"a":["x","*"],"b":true}"#),
        ("yamldecode", "[\"[yes, 'yes', Off, \\\"n\\\"]\"]", r#"[true,"yes",false,"n"]"#),
        (
            "yamlencode",
            r#"[{"b":[1,"x"],"a":{"c":true,"d":null},"e":"1"}]"#,
            r#""\"a\":\n  \"c\": true\n  \"d\": null\n\"b\":\n- 1\n- \"x\"\n\"e\": \"1\"\n""#,
        ),
        ("csvdecode", "[\"a,b\\n1,\\\"x,y\\\"\\n\"]", r#"[{"a":"1","b":"x,y"}]"#),
        ("base64decode", r#"["eA=="]"#, r#""x""#),
        ("textencodebase64", r#"["hi","UTF-16LE"]"#, r#""aABpAA==""#),
        ("urlencode", r#"["a b/c:*é"]"#, r#""a+b%2Fc%3A%2A%C3%A9""#),
        ("md5", r#"["x"]"#, r#""9dd4e461268c8034f5c8564e155c67a6""#),
        ("sha1", r#"["x"]"#, r#""11f6ad8ec52a2984abaafd7c3b516503785c2072""#),
        ("base64sha256", r#"["x"]"#, r#""LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=""#),
        ("uuidv5", r#"["dns","example.com"]"#, r#""cfbff0d1-9375-5685-968c-48ce8b15ae17""#),
    ]);
    assert!(run("jsondecode", r#"["{"]"#).starts_with("error: "));
}

#[test]
fn the_edges_of_bounds() {
    all(&[
        ("substr", r#"["hello",2,0]"#, r#""""#),
        ("substr", r#"["hello",0,0]"#, r#""""#),
        ("substr", r#"["hello",5,1]"#, r#""""#),
        ("substr", r#"["hello",-9,2]"#, r#""he""#),
        ("cidrhost", r#"["10.0.0.0/30",3]"#, r#""10.0.0.3""#),
        ("cidrhost", r#"["10.0.0.0/30",-1]"#, r#""10.0.0.3""#),
        ("cidrhost", r#"["10.0.0.0/30",-4]"#, r#""10.0.0.0""#),
        ("element", r#"[["a","b","c"],-1]"#, r#""c""#),
        ("element", r#"[["a","b","c"],-3]"#, r#""a""#),
        ("element", r#"[["a","b","c"],-4]"#, r#""c""#),
        ("element", r#"[["a","b","c"],3]"#, r#""a""#),
        ("formatdate", r#"["H AA aa","2026-01-02T12:30:00Z"]"#, r#""12 PM pm""#),
        ("formatdate", r#"["H AA aa","2026-01-02T00:30:00Z"]"#, r#""12 AM am""#),
        ("formatdate", r#"["HH AA","2026-01-02T11:59:59Z"]"#, r#""11 AM""#),
        ("formatdate", r#"["DD","2024-02-29T00:00:00Z"]"#, r#""29""#),
    ]);
    for (name, args) in [
        ("cidrhost", r#"["10.0.0.0/30",4]"#),
        ("cidrhost", r#"["10.0.0.0/30",-5]"#),
        ("formatdate", r#"["DD","2026-02-30T00:00:00Z"]"#),
        ("formatdate", r#"["DD","2026-02-29T00:00:00Z"]"#),
        ("formatdate", r#"["DD","2026-04-31T00:00:00Z"]"#),
        ("formatdate", r#"["DD","2026-13-01T00:00:00Z"]"#),
        ("timeadd", r#"["2026-01-01T24:00:00Z","1h"]"#),
        ("element", "[[],-1]"),
    ] {
        assert!(run(name, args).starts_with("error: "), "{name}({args})");
    }
}

/// Duplicate keys stay in the tree: the last counts.
#[test]
fn lookup_takes_the_last_of_equal_keys() {
    let entry = |value: &str| Entry { key: Text::known("k"), value: Value::string(value) };
    let map = Value::map(vec![entry("first"), entry("last")], None);
    assert_eq!(shape(&on("lookup", &[map, Value::string("k")])), "last");
}

/// What an open map holds nobody knows: it may hold what an earlier argument holds.
#[test]
fn an_open_map_makes_earlier_entries_uncertain() {
    let entry = |key: &str, value: &str| Entry { key: Text::known(key), value: Value::string(value) };
    let open = |entries: Vec<Entry>| Value::new(Kind::Map { entries, open: true }, None);
    let earlier = Value::map(vec![entry("a", "one"), entry("b", "two")], None);
    let merged = on("merge", &[earlier.clone(), open(vec![entry("b", "three")])]);
    assert!(matches!(merged.get("a").map(|v| &v.kind), Some(Kind::OneOf(all)) if all.len() == 2), "{}", shape(&merged));
    assert_eq!(merged.get("b").map(shape).as_deref(), Some("three"));
    let after = on("merge", &[open(Vec::new()), earlier]);
    assert_eq!(after.get("a").map(shape).as_deref(), Some("one"), "what comes after it is sure");
}

#[test]
fn dates_addresses_and_paths() {
    all(&[
        ("timeadd", r#"["2020-01-01T00:00:00Z","1h30m"]"#, r#""2020-01-01T01:30:00Z""#),
        ("timeadd", r#"["2024-02-28T23:00:00+01:00","25h"]"#, r#""2024-03-01T00:00:00+01:00""#),
        (
            "formatdate",
            r#"["YYYY-MM-DD'T'hh:mm:ssZ EEEE MMM D H AA","2020-01-02T03:04:05Z"]"#,
            r#""2020-01-02T03:04:05Z Thursday Jan 2 3 AM""#,
        ),
        ("timecmp", r#"["2020-01-01T00:00:00Z","2020-01-01T01:00:00+01:00"]"#, "0"),
        ("cidrhost", r#"["10.0.0.0/8",-2]"#, r#""10.255.255.254""#),
        ("cidrsubnet", r#"["10.0.0.0/8",8,2]"#, r#""10.2.0.0/16""#),
        ("cidrsubnets", r#"["10.0.0.0/8",8,4]"#, r#"["10.0.0.0/16","10.16.0.0/12"]"#),
        ("cidrnetmask", r#"["10.0.0.0/12"]"#, r#""255.240.0.0""#),
        ("dirname", r#"["a"]"#, r#"".""#),
        ("dirname", r#"["/a/b.tf"]"#, r#""/a""#),
        ("basename", r#"["a/"]"#, r#""a""#),
        ("basename", r#"[""]"#, r#"".""#),
        ("fileset", r#"[".","*.json"]"#, r#"["a.json","b.json"]"#),
        ("fileexists", r#"["g.json"]"#, "false"),
    ]);
}

#[test]
fn a_file_keeps_every_place() {
    let folder = folder();
    let text = call("file", &[Value::string("f.json")], None, &folder).unwrap();
    let decoded = call("jsondecode", &[text], None, &folder).unwrap();
    let item = decoded.get("a").unwrap().items()[0].clone();
    assert_eq!(folder.0.snippet(item.as_text().unwrap().span().unwrap()), "x");
}

#[test]
fn the_known_ends_of_a_text_decide() {
    let rows = [
        ("startswith", "p-{x}", "p-", "true"),
        ("startswith", "p-{x}", "q", "false"),
        ("startswith", "p{x}", "p-", "?startswith(\"p${x}\",\"p-\")"),
        ("endswith", "{x}/*", "*", "true"),
        ("endswith", "{x}/*", "a", "false"),
        ("strcontains", "{x}/*", "/*", "true"),
        ("strcontains", "a{id:AccountId}b", "c", "false"),
        ("strcontains", "a{x}b", "c", "?strcontains(\"a${x}b\",\"c\")"),
        ("trimprefix", "https://{x}", "https://", "{x}"),
        ("trimprefix", "{x}", "https://", "{replace(x,\"https://\",\"\")}"),
        ("trimsuffix", "{x}/", "/", "{x}"),
        ("trimsuffix", "{id:AccountId}", "/", "{id}"),
    ];
    for (name, text, arg, expected) in rows {
        assert_eq!(shape(&on(name, &[shaped(text), Value::string(arg)])), expected, "{name}({text}, {arg})");
    }
}

#[test]
fn replace_keeps_the_shape() {
    let rows = [
        ("https://{x}", "https://", "", "{x}"),
        ("{x}", "https://", "", "{replace(x,\"https://\",\"\")}"),
        ("{i:Issuer}", "https://", "", "{i}"),
        ("https://{i:Issuer}", "https://", "", "{i}"),
        ("{x}", "/^https?:\\/\\//", "", "{replace(x,\"https://\",\"\")}"),
        ("arn:{p:Partition}:iam::{a:AccountId}:oidc-provider/{i:Issuer}", "/^(.*provider/)/", "", "{i}"),
        ("arn:aws:iam::{a:AccountId}:oidc-provider/x.example/{y}", "/^(.*provider/)/", "", "x.example/{y}"),
        ("{arn:Arn}", "/^(.*provider/)/", "", "{replace(arn,\"/^(.*provider/)/\",\"\")}"),
        ("{arn}", "arn:aws:iam::111122223333:oidc-provider/", "", "{replace(arn,\"/^(.*provider/)/\",\"\")}"),
        ("a_{id:AccountId}_b", "_", "-", "a-{id}-b"),
        ("a_{x}_b", "_", "-", "a-{replace(x,\"_\",\"\\\"-\\\"\")}-b"),
        ("a_{x}", "/[^a-z]/", "-", "a-{replace(x,\"/[^a-z]/\",\"-\")}"),
    ];
    for (text, pattern, with, expected) in rows {
        let got = shape(&on("replace", &[shaped(text), Value::string(pattern), Value::string(with)]));
        assert_eq!(got, expected, "replace({text}, {pattern}, {with})");
    }
    // The pattern may straddle the border of the hole.
    let got = on("replace", &[shaped("a{x}"), Value::string("ab"), Value::string("")]);
    assert!(matches!(got.kind, Kind::Unknown(_)), "{}", shape(&got));
}

#[test]
fn every_spelling_of_the_issuer_is_one_unknown() {
    let arn = shaped("{arn:Arn}");
    let replaced = on("replace", &[arn.clone(), Value::string("/^(.*provider/)/"), Value::string("")]);
    let escaped = on("replace", &[arn.clone(), Value::string("/^(.*provider\\/)/"), Value::string("")]);
    let helper = issuer_of_provider_arn(&arn.as_text().unwrap());
    assert!(replaced.as_text().unwrap().same(&helper) && escaped.as_text().unwrap().same(&helper));
    let prefix = shaped("arn:{p:Partition}:iam::{a:AccountId}:oidc-provider/");
    let prefix_cut = on("replace", &[arn.clone(), prefix.clone(), Value::string("")]);
    assert!(prefix_cut.as_text().unwrap().same(&helper), "{}", shape(&prefix_cut));
    assert!(on("trimprefix", &[arn.clone(), prefix]).as_text().unwrap().same(&helper));
    // another prefix than that of a provider is cut from no ARN of one
    let role = on("replace", &[arn.clone(), shaped("arn:aws:iam::{a:AccountId}:role/"), Value::string("")]);
    assert!(matches!(role.kind, Kind::Unknown(_)), "{}", shape(&role));
    // and not that of another account
    let other = on(
        "replace",
        &[
            shaped("arn:aws:iam::444455556666:oidc-provider/{y}"),
            Value::string("arn:aws:iam::111122223333:oidc-provider/"),
            Value::string(""),
        ],
    );
    assert!(shape(&other).starts_with("arn:aws:iam::444455556666:oidc-provider/"), "{}", shape(&other));
    let split = on("split", &[Value::string("oidc-provider/"), arn]);
    assert!(split.items()[1].as_text().unwrap().same(&helper));
    let url = shaped("{url}");
    let trimmed = on("trimprefix", &[url.clone(), Value::string("https://")]);
    assert!(trimmed.as_text().unwrap().same(&without_scheme(&url.as_text().unwrap())));
}

#[test]
fn splitting_and_matching_around_holes() {
    let split = |sep: &str, text: &str| shape(&on("split", &[Value::string(sep), shaped(text)]));
    assert_eq!(split(":", "arn:aws:iam::{a:AccountId}:role/x"), "[arn|aws|iam||{a}|role/x]");
    assert_eq!(split("/", "a/b/{w:Word}"), "[a|b|{w}]");
    let open = split("/", "a/{x}");
    assert!(open.starts_with("[a|{split(") && open.ends_with("|…]"), "{open}");
    let found = on("regex", &[Value::string("^repo:([^/]+)/(.*)$"), shaped("repo:{org:Word}/app:*")]);
    assert_eq!(shape(&found), "[{org}|app:*]");
    let loose = on("regex", &[Value::string("^repo:([^/]+)/(.*)$"), shaped("repo:{org}/app:*")]);
    assert!(matches!(loose.kind, Kind::Unknown(_)), "an unknown may hold a slash: {}", shape(&loose));
    let substr = |from: i64, length: i64| shape(&on("substr", &[shaped("abc{x}"), from_json(&from.into()), from_json(&length.into())]));
    assert_eq!((substr(1, 2).as_str(), substr(3, 0).as_str(), substr(3, -1).as_str()), ("bc", "", "{x}"));
    assert!(substr(4, -1).starts_with("?substr("), "{}", substr(4, -1));
}

#[test]
fn unknown_items_leave_collections_open() {
    let unknown = Value::unknown(atom("u", UnknownKind::Any), None);
    let list = |items: &str| from_json(&serde_json::from_str(items).unwrap());
    assert_eq!(shape(&on("concat", &[list(r#"["a"]"#), unknown.clone()])), "[a|…]");
    assert_eq!(shape(&on("contains", &[Value::list(vec![unknown.clone(), Value::string("a")], None), Value::string("a")])), "true");
    let maybe = on("element", &[on("concat", &[unknown.clone(), list(r#"["a"]"#)]), from_json(&0.into())]);
    assert!(shape(&maybe).starts_with("<a|?element("), "the unknown list comes first: {}", shape(&maybe));
    let doubt = on("contains", &[Value::list(vec![unknown.clone()], None), Value::string("a")]);
    assert_eq!(shape(&doubt), "?contains([u,],\"a\")");
    assert_eq!(shape(&on("merge", &[list(r#"{"a":"1"}"#), unknown.clone(), list(r#"{"b":"2"}"#)])), "{a=<1|?lookup(u,\"a\")>|b=2|…}");
    assert_eq!(shape(&on("coalesce", &[unknown.clone(), Value::string("d")])), "<?u|d>");
    assert_eq!(shape(&on("alltrue", &[Value::list(vec![unknown.clone(), Value::new(Kind::Bool(false), None)], None)])), "false");
    assert_eq!(shape(&on("lower", std::slice::from_ref(&unknown))), "{lower(u)}");
    assert_eq!(shape(&on("format", &[Value::string("repo:%s/*"), unknown])), "repo:{u}/*");
}

#[test]
fn choices_are_mapped() {
    let choice = Value::new(Kind::OneOf(vec![Value::string("A"), Value::string("B")]), None);
    assert_eq!(shape(&on("lower", std::slice::from_ref(&choice))), "<a|b>");
    assert_eq!(shape(&on("join", &[Value::string("-"), Value::list(vec![choice.clone(), Value::string("x")], None)])), "<A-x|B-x>");
    let same = on("length", std::slice::from_ref(&choice));
    assert_eq!(shape(&same), "1");
    let partly = on("jsondecode", &[Value::new(Kind::OneOf(vec![Value::string("{"), Value::string("1")]), None)]);
    assert_eq!(shape(&partly), "1", "an alternative that fails is none");
}

#[test]
fn random_values_are_unknown_and_provider_functions_too() {
    assert!(matches!(on("uuid", &[]).kind, Kind::Unknown(_)));
    assert_eq!(shape(&on("timestamp", &[])), "{timestamp()}Z");
    let here = |n| Some(Span::new(FileId(0), n..n + 1));
    let one = call("uuid", &[], here(1), &folder()).unwrap();
    let two = call("uuid", &[], here(2), &folder()).unwrap();
    assert_ne!(shape(&one), shape(&two));
    assert!(matches!(on("provider::x::f", &[]).kind, Kind::Unknown(_)));
}

#[test]
fn places_survive() {
    let sources = Sources::new();
    let file = sources.add("a.tf", "https://repo:Org/*");
    let span = Span::new(file.id, 0..file.text.len());
    let text = Value::new(Kind::Text(Text::literal(&file.text, span)), Some(span));
    let snippet = |v: &Value| v.as_text().unwrap().parts.iter().filter_map(Part::span).map(|s| sources.snippet(s)).collect::<Vec<_>>();
    assert_eq!(snippet(&on("replace", &[text.clone(), Value::string("https://"), Value::string("")])), ["repo:Org/*"]);
    let pieces = on("split", &[Value::string("/"), text.clone()]);
    assert_eq!(snippet(pieces.items()[3]), ["*"]);
    assert_eq!(snippet(&on("lower", &[text])), ["https://repo:Org/*"]);
}

proptest::proptest! {
    /// No text makes a function panic, and what is known stays known.
    #[test]
    fn hostile_texts_do_no_harm(a in "\\PC{0,12}", b in "[-/.:%\\[\\]()*a-z0-9$\\\\\"{}é ]{0,10}", n in -3i64..40) {
        let number = from_json(&n.into());
        let hole = shaped("{x}");
        for name in ["lower", "title", "chomp", "strrev", "trimspace", "jsondecode", "yamldecode", "csvdecode", "urlencode", "base64decode", "dirname", "basename", "cidrnetmask", "tonumber", "format"] {
            let _ = call(name, &[Value::string(&b)], None, &folder());
        }
        for name in ["split", "trim", "trimprefix", "trimsuffix", "startswith", "endswith", "strcontains", "regex", "regexall", "format", "timeadd", "timecmp", "formatdate", "uuidv5", "textencodebase64"] {
            for args in [[Value::string(&a), Value::string(&b)], [Value::string(&b), Value::string(&a)], [Value::string(&b), hole.clone()], [hole.clone(), Value::string(&b)]] {
                let _ = call(name, &args, None, &folder());
            }
        }
        let _ = call("substr", &[Value::string(&a), number.clone(), number.clone()], None, &folder());
        let _ = call("cidrsubnet", &[Value::string(format!("10.0.0.0/{}", n)), number.clone(), number.clone()], None, &folder());
        let _ = call("cidrhost", &[Value::string("fd00::/64"), number], None, &folder());
        for text in [Value::string(&a), hole] {
            let _ = call("replace", &[text, Value::string(&b), Value::string("$1-")], None, &folder());
        }
        if let Ok(value) = call("join", &[Value::string(&b), Value::list(vec![Value::string(&a), Value::string(&a)], None)], None, &folder()) {
            proptest::prop_assert_eq!(value.as_str(), Some(format!("{a}{b}{a}")));
        }
        if !b.is_empty() && !b.starts_with('/') {
            let replaced = call("replace", &[Value::string(&a), Value::string(&b), Value::string("-")], None, &folder()).unwrap();
            proptest::prop_assert_eq!(replaced.as_str(), Some(a.replace(&b, "-")));
        }
    }
}

/// Expected values and refusals: `terraform console` 1.11.4.
#[test]
fn mixed_elements_become_one_type() {
    all(&[
        ("compact", r#"[["1", 2, ""]]"#, r#"["1","2"]"#),
        ("chunklist", r#"[[1, "a", 3], 2]"#, r#"[["1","a"],["3"]]"#),
        ("setproduct", r#"[[1, "a"], ["b"]]"#, r#"[["1","b"],["a","b"]]"#),
        ("tolist", r#"[[{"a": 1}, {"a": "x"}]]"#, r#"[{"a":"1"},{"a":"x"}]"#),
        ("tolist", r#"[[{"a": 1}, {"b": "x"}]]"#, r#"[{"a":"1"},{"b":"x"}]"#),
        ("tolist", r#"[[[1], ["x", true]]]"#, r#"[["1"],["x","true"]]"#),
        ("tolist", "[[1, true, \"a\"]]", r#"["1","true","a"]"#),
        ("tolist", "[[1, true]]", "error: argument 1 of `tolist`: all elements must have the same type"),
        ("tomap", r#"[{"a": 1, "b": [1]}]"#, "error: argument 1 of `tomap`: all elements must have the same type"),
        ("setunion", r#"[[1], [["a"]]]"#, "error: the sets given to `setunion` must have elements of the same type"),
    ]);
}

#[test]
fn the_number_of_arguments_is_held_at_both_ends() {
    all(&[
        ("upper", r#"["a", "b"]"#, "error: `upper` takes at most 1 argument(s), got 2"),
        ("upper", "[]", "error: `upper` needs 1 argument(s), got 0"),
        ("lookup", r#"[{"a": 1}, "b", 2]"#, "2"),
        ("lookup", r#"[{"a": 1}, "b", 2, 3]"#, "error: `lookup` takes at most 3 argument(s), got 4"),
        ("merge", "[]", "{}"),
        ("uuid", "[1]", "error: `uuid` takes at most 0 argument(s), got 1"),
    ]);
}

#[test]
fn capitals_scalars_and_signs_are_those_of_go() {
    all(&[
        ("upper", r#"["straße"]"#, r#""STRAßE""#),
        ("title", r#"["ß éa"]"#, r#""ß Éa""#),
        ("yamlencode", "[1]", r#""1\n...\n""#),
        ("yamlencode", r#"["a"]"#, r#""\"a\"\n""#),
        ("yamlencode", "[[1]]", r#""- 1\n""#),
        ("yamldecode", r#"[""]"#, "error: invalid YAML: missing start of document"),
        ("signum", "[-3]", "-1"),
        ("signum", "[0.1]", "error: argument 1 of `signum`: a whole number is required"),
    ]);
}
