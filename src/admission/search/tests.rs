use super::budget::Budget;
use super::*;
use crate::admission::formula::{GlobPart, Matcher, Subject, Test};
use crate::issuers::{ClaimPart, Context, Role, Segment};
use crate::partial::Text;
use crate::place::{FileId, Span};

const OWNER: &str = "[A-Za-z0-9](-?[A-Za-z0-9]){0,38}";
const REPO: &str = r"[\w.-]{1,100}";

fn segment(name: &str, role: Role, alphabet: &str, samples: &[&str]) -> Segment {
    Segment {
        name: name.into(),
        role,
        alphabet: alphabet.into(),
        samples: samples.iter().map(|s| (*s).to_owned()).collect(),
        guessed: None,
    }
}

/// A template; in claims `{name}` stands for a segment.
fn template(name: &str, segments: Vec<Segment>, claims: &[(&str, &str)]) -> Template {
    let parts = |shape: &str| {
        let mut out = Vec::new();
        for (i, piece) in shape.split(['{', '}']).enumerate() {
            if i % 2 == 1 {
                out.push(ClaimPart::Segment(segments.iter().position(|s| s.name == piece).unwrap()));
            } else if !piece.is_empty() {
                out.push(ClaimPart::Literal(piece.to_owned()));
            }
        }
        out
    };
    let claims = std::sync::Arc::new(claims.iter().map(|(n, shape)| ((*n).to_owned(), parts(shape))).collect());
    Template {
        name: name.into(),
        context: Context::Branch,
        tags: Default::default(),
        claims,
        segments: std::sync::Arc::new(segments),
        undocumented: Vec::new(),
        unlisted: Vec::new(),
    }
}

fn owner() -> Segment {
    segment("owner", Role::Tenant, OWNER, &["evil-corp"])
}

fn repository() -> Segment {
    segment("repository", Role::Project, REPO, &["app"])
}

fn github() -> Vec<Template> {
    let rest = [("repository", "{owner}/{repository}"), ("repository_owner", "{owner}")];
    let with = |sub: &'static str, extra: &[(&'static str, &'static str)]| [&[("sub", sub)], &rest[..], extra].concat();
    let git_ref = segment("ref", Role::Ref, r"refs/heads/[\w./-]{1,60}", &["refs/heads/main", "refs/heads/evil"]);
    let environment = segment("environment", Role::Environment, "[^:]{1,60}", &["production"]);
    vec![
        template("branch", vec![owner(), repository(), git_ref], &with("repo:{owner}/{repository}:ref:{ref}", &[("ref", "{ref}")])),
        template("pull-request", vec![owner(), repository()], &with("repo:{owner}/{repository}:pull_request", &[])),
        template(
            "environment",
            vec![owner(), repository(), environment],
            &with("repo:{owner}/{repository}:environment:{environment}", &[("environment", "{environment}")]),
        ),
    ]
}

fn aws() -> Template {
    template(
        "role",
        vec![
            segment("account", Role::Tenant, "[0-9]{12}", &["666666666666"]),
            segment("role", Role::Project, r"[\w+=,.@-]{1,64}", &["app"]),
            segment("session", Role::CallerChosen, r"[\w+=,.@-]{2,64}", &["session"]),
        ],
        &[("arn", "arn:aws:sts::{account}:assumed-role/{role}/{session}"), ("account", "{account}")],
    )
}

fn claim(name: &str) -> Subject {
    Subject::Claim(name.into())
}

fn test(subject: Subject, matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test {
        subject,
        matcher,
        absent: Truth::Error,
        span: None,
        trail: None,
        label: "test".into(),
        origin: crate::admission::formula::TestOrigin::Condition,
    }))
}

fn eq(name: &str, text: &str) -> Formula {
    test(claim(name), Matcher::Exact(Text::known(text)))
}
fn prefix(name: &str, text: &str) -> Formula {
    test(claim(name), Matcher::Prefix(Text::known(text)))
}
fn suffix(name: &str, text: &str) -> Formula {
    test(claim(name), Matcher::Suffix(Text::known(text)))
}
fn contains(name: &str, text: &str) -> Formula {
    test(claim(name), Matcher::Contains(Text::known(text)))
}
fn glob(name: &str, pattern: &str) -> Formula {
    let place = |at: usize, len: usize| Span::new(FileId(0), at..at + len);
    let mut parts = Vec::new();
    let mut at = 0;
    for piece in pattern.split_inclusive(['*', '?']) {
        let literal = piece.trim_end_matches(['*', '?']);
        if !literal.is_empty() {
            parts.push(GlobPart::Literal(Text::literal(literal, place(at, literal.len()))));
        }
        if piece.ends_with('*') {
            parts.push(GlobPart::Star(Some(place(at + literal.len(), 1))));
        } else if piece.ends_with('?') {
            parts.push(GlobPart::One(Some(place(at + literal.len(), 1))));
        }
        at += piece.len();
    }
    test(claim(name), Matcher::Glob(parts))
}

fn foreign(formula: Formula, segment: &str, ours: &str) -> Formula {
    let ours = Test {
        subject: Subject::Segment(segment.into()),
        matcher: Matcher::Exact(Text::known(ours)),
        absent: Truth::False,
        span: None,
        trail: None,
        label: "ours".into(),
        origin: crate::admission::formula::TestOrigin::Condition,
    };
    Formula::All(vec![formula, Formula::Test(Box::new(ours)).negate()])
}

fn run(formula: &Formula, templates: &[Template]) -> Outcome {
    search(formula, templates, &Options::default())
}

fn found(formula: &Formula, templates: &[Template]) -> Witness {
    match run(formula, templates) {
        Outcome::Witness(w) => *w,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_open_prefix_lets_an_extended_name_in() {
    let w = found(&foreign(prefix("sub", "repo:my-org"), "owner", "my-org"), &github());
    assert_eq!(w.segment("owner"), Some("my-org-evil"));
    assert_eq!(w.token.string("sub"), Some("repo:my-org-evil/app:ref:refs/heads/main"));
    assert_eq!(w.token.string("repository_owner"), Some("my-org-evil"));
    assert!(w.certain);
}

#[test]
fn a_closed_prefix_is_proven() {
    for formula in [prefix("sub", "repo:my-org/"), glob("sub", "repo:my-org/*"), eq("repository_owner", "my-org")] {
        assert_eq!(run(&foreign(formula, "owner", "my-org"), &github()), Outcome::Proof);
    }
}

#[test]
fn tests_that_never_name_the_tenant_let_anyone_in() {
    let main = Formula::All(vec![suffix("sub", ":ref:refs/heads/main"), contains("sub", "/infra:")]);
    let w = found(&foreign(main, "owner", "my-org"), &github());
    assert_eq!(w.token.string("sub"), Some("repo:evil-corp/infra:ref:refs/heads/main"));
    let w = found(&foreign(contains("sub", "environment:prod"), "owner", "my-org"), &github());
    assert_eq!(w.token.string("sub"), Some("repo:evil-corp/app:environment:production"));
    let w = found(&foreign(contains("repository", "sample"), "owner", "my-org"), &github());
    assert_eq!(w.segment("owner"), Some("evil-corp"));
}

#[test]
fn claims_are_correlated() {
    let both = Formula::All(vec![eq("repository_owner", "my-org"), prefix("sub", "repo:other/")]);
    assert_eq!(run(&both, &github()), Outcome::Proof);
    let never = Formula::All(vec![eq("ref", "refs/heads/main"), suffix("sub", ":pull_request")]);
    assert_eq!(run(&never, &github()), Outcome::Proof);
    let odd = suffix("sub", ":pull_request");
    assert_eq!(found(&odd, &github()).segment("owner"), Some("evil-corp"));
}

#[test]
fn errors_refuse_unless_absorbed() {
    // `environment` is absent from branch tokens: an error, also under negation.
    let not_prod = eq("environment", "production").negate();
    let w = found(&not_prod, &github());
    assert_eq!(w.template, 2);
    assert_ne!(w.segment("environment"), Some("production"));
    let absorbed = Formula::Any(vec![not_prod, eq("repository_owner", "my-org")]);
    assert_eq!(found(&absorbed, &github()[..1]).segment("owner"), Some("my-org"));
}

#[test]
fn unknown_is_neither_witness_nor_proof() {
    let unknown = || Formula::unknown("variable `x` has no default");
    let maybe = Formula::All(vec![eq("repository_owner", "my-org"), unknown()]);
    assert_eq!(run(&maybe, &github()), Outcome::Unknown("variable `x` has no default".into()));
    let anyway = Formula::Any(vec![eq("repository_owner", "my-org"), unknown()]);
    assert_eq!(found(&anyway, &github()).segment("owner"), Some("my-org"));
    let never = Formula::All(vec![eq("repository_owner", "my org"), unknown()]);
    assert_eq!(run(&never, &github()), Outcome::Proof);
}

#[test]
fn holes_are_filled_or_stand_for_anything() {
    let atom = Unknown::new("var.org", UnknownKind::Word, "${var.org}", "no default", None);
    let mut text = Text::known("repo:");
    text.push(&Text::hole(atom, None));
    text.push(&Text::known("/"));
    let formula = test(claim("sub"), Matcher::Prefix(text.clone()));
    assert_eq!(found(&formula, &github()).segment("owner"), Some("org"));
    let any = Options { holes: HoleMode::Any };
    assert!(matches!(search(&formula, &github(), &any), Outcome::Unknown(_)));
    assert!(matches!(search(&formula.clone().negate(), &github(), &any), Outcome::Unknown(_)));
    let mut dead = text;
    dead.push(&Text::known("a/b"));
    assert_eq!(search(&test(claim("sub"), Matcher::Prefix(dead)), &github(), &any), Outcome::Proof);
}

#[test]
fn derived_strings_resolve_to_segments() {
    let extract = |p: &str, s: &str| Subject::Extract { of: Box::new(claim("arn")), prefix: p.into(), suffix: s.into() };
    let role = test(extract("assumed-role/", "/"), Matcher::Exact(Text::known("deploy")));
    let w = found(&role, &[aws()]);
    assert_eq!(w.token.string("arn"), Some("arn:aws:sts::666666666666:assumed-role/deploy/session"));
    assert_eq!(run(&foreign(role, "role", "deploy"), &[aws()]), Outcome::Proof);
    // The leading slash never matches: the value is "/" nothing.
    let slash = test(extract("/assumed-role/", "/"), Matcher::Exact(Text::known("deploy")));
    assert_eq!(run(&slash, &[aws()]), Outcome::Proof);
    let default =
        Subject::Concat(vec![extract("", "assumed-role/"), Subject::Literal("assumed-role/".into()), extract("assumed-role/", "/")]);
    let mapped = test(default, Matcher::Exact(Text::known("arn:aws:sts::111122223333:assumed-role/deploy")));
    assert_eq!(found(&mapped, &[aws()]).segment("account"), Some("111122223333"));
    let split = Subject::Split { of: Box::new(claim("sub")), separator: ":".into(), index: 4 };
    let few = test(split, Matcher::Present);
    assert_eq!(run(&few, &github()[1..2]), Outcome::Proof, "too few pieces is an error");
    // No cut is the same in every token here: judged through the automaton.
    let dash = Subject::Split { of: Box::new(claim("repository")), separator: "-".into(), index: 1 };
    let w = found(&test(dash, Matcher::Exact(Text::known("infra"))), &github());
    assert_eq!(w.token.string("repository").and_then(|r| r.split('-').nth(1)), Some("infra"));
    let lower = Subject::Lower(Box::new(claim("repository_owner")));
    let w = found(&foreign(test(lower, Matcher::Exact(Text::known("my-org"))), "owner", "my-org"), &github());
    assert_eq!(w.segment("owner").map(str::to_ascii_lowercase).as_deref(), Some("my-org"));
}

#[test]
fn repeated_segments_stay_the_same_string() {
    let twice = Subject::Concat(vec![claim("repository_owner"), Subject::Literal("|".into()), claim("repository")]);
    let w = found(&test(twice.clone(), Matcher::Exact(Text::known("ab|ab/c"))), &github());
    assert_eq!((w.segment("owner"), w.segment("repository")), (Some("ab"), Some("c")));
    assert_eq!(run(&test(twice, Matcher::Exact(Text::known("ab|cd/c"))), &github()), Outcome::Proof);
    let swapped =
        Subject::Concat(vec![Subject::Segment("repository".into()), Subject::Literal("@".into()), Subject::Segment("owner".into())]);
    let w = found(&test(swapped, Matcher::Exact(Text::known("q@z"))), &github());
    assert_eq!((w.segment("owner"), w.segment("repository")), (Some("z"), Some("q")));
}

#[test]
fn a_member_of_an_object_claim_is_a_claim_with_a_path() {
    let pod = template(
        "pod",
        vec![segment("namespace", Role::Namespace, "[a-z0-9-]{1,63}", &["default"])],
        &[("sub", "system:serviceaccount:{namespace}:app"), ("/kubernetes.io/namespace", "{namespace}")],
    );
    let member = Subject::Member(Box::new(claim("kubernetes.io")), "namespace".into());
    let both = Formula::All(vec![test(member, Matcher::Exact(Text::known("prod"))), prefix("sub", "system:serviceaccount:")]);
    assert_eq!(found(&both, &[pod]).token.string("sub"), Some("system:serviceaccount:prod:app"));
}

#[test]
fn patterns_align_with_segments() {
    let all = github();
    let of =
        |formula: &Formula, segment: &str| literals_for_segment(formula, &all[0], &Options::default()).remove(segment).unwrap_or_default();
    let pattern = glob("sub", "repo:my-org/app*");
    let owner = &of(&pattern, "owner")[0];
    assert!(owner.complete && owner.text == "my-org");
    assert_eq!(owner.span.map(Span::range), Some(5..11));
    let repository = &of(&pattern, "repository")[0];
    assert!(!repository.complete && repository.text == "app");
    assert_eq!(repository.open_at.map(Span::range), Some(15..16));
    let ends = suffix("sub", "/infra:ref:refs/heads/main");
    assert!(of(&ends, "repository")[0].complete && of(&ends, "repository")[0].text == "infra");
    assert_eq!(of(&ends, "ref")[0].text, "refs/heads/main");
    assert!(of(&ends, "owner")[0].text.is_empty() && !of(&ends, "owner")[0].complete);
    let inner = of(&contains("sub", "/infra:"), "repository");
    assert!(inner.iter().any(|c| c.complete && c.text == "infra"), "{inner:?}");
    assert!(of(&pattern.negate(), "owner").is_empty());
    assert!(of(&eq("sub", "repo:o/r:pull_request"), "owner").is_empty(), "no branch token has this subject");
    let regex = test(claim("sub"), Matcher::Regex("^repo:acme/".into()));
    assert!(of(&regex, "owner")[0].complete && of(&regex, "owner")[0].text == "acme");
}

#[test]
fn limits_answer_unknown() {
    let wide = test(
        claim("sub"),
        Matcher::Glob([vec![GlobPart::Star(None), GlobPart::Literal(Text::known("a"))], vec![GlobPart::One(None); 20]].concat()),
    );
    assert!(matches!(run(&wide, &github()), Outcome::Unknown(_)));
    let broken = test(claim("sub"), Matcher::Regex("(".into()));
    assert!(matches!(run(&broken, &github()), Outcome::Unknown(_)));
}

#[test]
fn a_spent_budget_answers_unknown_and_what_is_remembered_costs_the_same() {
    let formula = Compiled::new(&foreign(glob("sub", "repo:my-org/*"), "owner", "my-org"), &Options::default());
    let spent = Templates::new(&github()).with_budget(Budget::of(0));
    assert!(matches!(formula.search(&spent, &Options::default()), Outcome::Unknown(_)));
    let shared = std::sync::Arc::new(Shared::default());
    let cost = || {
        let templates = shared.templates(&github()).with_budget(Budget::of(1_000_000));
        assert_eq!(formula.search(&templates, &Options::default()), Outcome::Proof);
        templates.budget.left()
    };
    let first = cost();
    assert!(first > 0 && first < 1_000_000, "{first} moves are left");
    assert_eq!(cost(), first);
}

#[test]
fn a_formula_of_too_many_tests_answers_unknown_in_every_query() {
    let many = Formula::Any((0..=MAX_TESTS).map(|i| eq("sub", &format!("repo:o/r{i}:pull_request"))).collect());
    let compiled = Compiled::new(&many, &Options::default());
    assert!(matches!(compiled.search(&Templates::new(&github()), &Options::default()), Outcome::Unknown(_)));
    let few = Formula::Any((0..1_000).map(|i| eq("sub", &format!("repo:o/r{i}:pull_request"))).collect());
    assert!(run(&few, &github()).witness().is_some());
    assert_eq!(run(&foreign(few, "owner", "o"), &github()), Outcome::Proof);
}

#[test]
fn immutable_subjects_bind_the_id() {
    let ids = [("owner_id", Role::TenantId, "666"), ("repository_id", Role::ProjectId, "667")]
        .map(|(n, r, s)| segment(n, r, "[0-9]{1,12}", &[s]));
    let [owner_id, repository_id] = ids;
    let git_ref = segment("ref", Role::Ref, r"refs/heads/[\w./-]{1,60}", &["refs/heads/main"]);
    let sub = "repo:{owner}@{owner_id}/{repository}@{repository_id}:ref:{ref}";
    let immutable = [template("branch-immutable", vec![owner(), owner_id, repository(), repository_id, git_ref], &[("sub", sub)])];
    let bound = glob("sub", "repo:my-org@123/*");
    assert_eq!(run(&foreign(bound.clone(), "owner_id", "123"), &immutable), Outcome::Proof);
    assert_eq!(found(&bound, &immutable).token.string("sub"), Some("repo:my-org@123/app@667:ref:refs/heads/main"));
    assert_eq!(run(&glob("sub", "repo:my-org/*"), &immutable), Outcome::Proof, "the old form matches no immutable subject");
    // Without the `@` the id, too, can be extended.
    let open = found(&foreign(glob("sub", "repo:my-org@123*"), "owner_id", "123"), &immutable);
    assert!(open.segment("owner_id").is_some_and(|id| id.starts_with("123") && id.len() > 3));
    let owner = literals_for_segment(&bound, &immutable[0], &Options::default()).remove("owner_id").unwrap_or_default();
    assert!(owner[0].complete && owner[0].text == "123");
}
