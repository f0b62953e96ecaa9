//! Microsoft Entra: federated identity credentials, exact and flexible.
//!
//! Issuer, subject and audience are compared byte by byte
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>); the flexible form's
//! expression language is described at
//! <https://learn.microsoft.com/entra/workload-id/workload-identities-flexible-federated-identity-credentials>.

use super::formula::{Formula, GlobPart, Matcher, Subject, Test};
use super::glob;
use crate::issuers::{Compared, Flexible, Recognised, registry};
use crate::partial::{Part, Text};
use crate::place::Span;
use crate::token::{Claim, Decision, Evaluation, Step, Token, Truth};

/// A federated identity credential.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    /// The issuer.
    pub issuer: Text,
    /// The subject; none with an expression.
    pub subject: Option<Text>,
    /// The audiences; Entra takes exactly one.
    pub audiences: Vec<Text>,
    /// The flexible form's `claimsMatchingExpression`.
    pub expression: Option<Text>,
}

/// `eq` or `matches`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Equals,
    /// Glob: `*` any run of characters, `?` one character, over the whole string.
    Matches,
}

/// `claims['name'] op 'value'`.
#[derive(Debug, Clone)]
pub struct Clause {
    /// The claim.
    pub claim: String,
    /// The operator.
    pub operator: Operator,
    /// The value, holes kept.
    pub value: Text,
    /// The whole clause.
    pub span: Option<Span>,
}

/// What is wrong with a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialProblem {
    /// Which rule is broken.
    pub kind: CredentialProblemKind,
    /// Where.
    pub span: Option<Span>,
    /// For people.
    pub message: String,
}

/// The ways to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CredentialProblemKind {
    /// Typographic quotes.
    Quotes,
    /// Neither `eq` nor `matches`.
    Operator,
    /// `or`, `not`, parentheses.
    Connective,
    /// Any other break of the grammar.
    Syntax,
    /// Subject and expression, or neither.
    SubjectAndExpression,
    /// The claim cannot be used with this issuer.
    Claim,
    /// The issuer does not take flexible credentials.
    Issuer,
    /// A claim is missing that Entra asks for since 2026: credentials from before exist.
    RequiredClaim,
    /// The expression cannot be read because of an unknown value.
    Unknown,
}

fn problem(kind: CredentialProblemKind, span: Option<Span>, message: impl Into<String>) -> CredentialProblem {
    CredentialProblem { kind, span, message: message.into() }
}

/// A character of the expression: its part and offset for spans, or a hole.
struct Cursor<'a> {
    text: &'a Text,
    part: usize,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&mut self) -> &'a str {
        loop {
            match self.text.parts.get(self.part) {
                Some(Part::Literal { text, .. }) if self.at < text.len() => return text.get(self.at..).unwrap_or(""),
                Some(Part::Literal { .. }) => {
                    self.part += 1;
                    self.at = 0;
                }
                Some(Part::Hole { .. }) | None => return "",
            }
        }
    }

    fn hole(&mut self) -> Option<&'a Part> {
        self.rest();
        self.text.parts.get(self.part).filter(|p| matches!(p, Part::Hole { .. }))
    }

    fn end(&mut self) -> bool {
        self.rest().is_empty() && self.hole().is_none()
    }

    fn span(&mut self, len: usize) -> Option<Span> {
        self.rest();
        self.text.span_of(self.part, self.at..self.at + len).or_else(|| self.text.span())
    }

    fn blanks(&mut self) -> usize {
        let mut count = 0;
        while self.rest().starts_with([' ', '\t', '\n', '\r']) {
            self.at += 1;
            count += 1;
        }
        count
    }

    fn take(&mut self, word: &str) -> bool {
        let there = self.rest().starts_with(word);
        self.at += if there { word.len() } else { 0 };
        there
    }

    fn word(&mut self) -> String {
        let word: String = self.rest().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        self.at += word.len();
        word
    }
}

const QUOTES: [char; 4] = ['\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}'];

/// Reads a flexible credential's expression: clauses joined by `and`.
///
/// # Errors
/// The first break of the grammar; [`CredentialProblemKind::Unknown`] when a hole stands outside of the quotes.
pub fn parse_expression(text: &Text) -> Result<Vec<Clause>, CredentialProblem> {
    use CredentialProblemKind as K;
    for part in &text.parts {
        if let Part::Literal { text: literal, .. } = part
            && let Some(quote) = literal.chars().find(|c| QUOTES.contains(c))
        {
            return Err(problem(K::Quotes, text.find_span(&quote.to_string()), format!("typographic quote `{quote}`: a value needs `'`")));
        }
    }
    let mut cursor = Cursor { text, part: 0, at: 0 };
    let mut out = Vec::new();
    loop {
        out.push(clause(&mut cursor)?);
        cursor.blanks();
        if cursor.end() {
            return Ok(out);
        }
        let span = cursor.span(3);
        let word = cursor.word();
        match word.to_ascii_lowercase().as_str() {
            "and" => {}
            "or" | "not" => return Err(problem(K::Connective, span, format!("`{word}` does not exist: clauses are joined by `and`"))),
            _ => return Err(expected(&mut cursor, span, "`and`")),
        }
    }
}

fn expected(cursor: &mut Cursor<'_>, span: Option<Span>, what: &str) -> CredentialProblem {
    if cursor.hole().is_some() {
        return problem(CredentialProblemKind::Unknown, span, format!("an unknown value stands where {what} is needed"));
    }
    problem(CredentialProblemKind::Syntax, span, format!("{what} is needed here"))
}

fn clause(cursor: &mut Cursor<'_>) -> Result<Clause, CredentialProblem> {
    use CredentialProblemKind as K;
    cursor.blanks();
    let start = cursor.span(1);
    if cursor.rest().starts_with(['(', '!']) || cursor.rest().starts_with("not ") {
        return Err(problem(K::Connective, start, "negation and parentheses do not exist: clauses are joined by `and`"));
    }
    if !cursor.take("claims['") {
        return Err(expected(cursor, start, "`claims['NAME']`"));
    }
    let claim = cursor.word();
    if claim.is_empty() || !cursor.take("']") {
        let span = cursor.span(1);
        return Err(expected(cursor, span, "`claims['NAME']`"));
    }
    let gap = cursor.blanks();
    let span = cursor.span(1);
    let name = cursor.word();
    let operator = match name.as_str() {
        "eq" if gap > 0 => Operator::Equals,
        "matches" if gap > 0 => Operator::Matches,
        "" => {
            return Err(if cursor.rest().starts_with('=') {
                problem(K::Operator, span, "`=` is not an operator: use `eq` or `matches`")
            } else {
                expected(cursor, span, "`eq` or `matches`")
            });
        }
        _ => return Err(problem(K::Operator, span, format!("`{name}` is not an operator: use `eq` or `matches`"))),
    };
    cursor.blanks();
    let span = cursor.span(1);
    if !cursor.take("'") {
        return Err(expected(cursor, span, "a value in single quotes"));
    }
    let mut value = Text::default();
    loop {
        let rest = cursor.rest();
        if let Some(hole) = cursor.hole() {
            value.parts.push(hole.clone());
            cursor.part += 1;
            cursor.at = 0;
        } else if rest.is_empty() {
            return Err(problem(K::Syntax, span, "the value is not closed"));
        } else if cursor.take("'") {
            break;
        } else {
            let len = rest.find('\'').unwrap_or(rest.len());
            let trail = match cursor.text.parts.get(cursor.part) {
                Some(Part::Literal { trail, .. }) => trail.clone(),
                _ => None,
            };
            let piece = rest.get(..len).unwrap_or("");
            value.parts.push(Part::Literal { text: piece.into(), span: cursor.span(len), trail });
            cursor.at += len;
        }
    }
    let whole = start.map(|s| Span { end: value.span().map_or(s.end, |v| v.end.max(s.end)), ..s });
    Ok(Clause { claim, operator, value, span: whole })
}

impl Credential {
    /// What is wrong with the credential's form.
    #[must_use]
    pub fn problems(&self) -> Vec<CredentialProblem> {
        use CredentialProblemKind as K;
        let Some(expression) = &self.expression else {
            return match self.subject {
                Some(_) => Vec::new(),
                None => vec![problem(K::SubjectAndExpression, self.issuer.span(), "neither a subject nor an expression is set")],
            };
        };
        let mut out = Vec::new();
        if let Some(subject) = &self.subject {
            out.push(problem(K::SubjectAndExpression, subject.span(), "a subject cannot stand beside an expression"));
        }
        let issuer = self.issuer.as_known();
        // Another spelling of the issuer is a fault of its own.
        let recognised = issuer.as_ref().map(|url| registry().recognise(url));
        let rules = recognised.as_ref().map(|r| r.as_ref().and_then(Recognised::flexible));
        if rules == Some(None) {
            out.push(problem(K::Issuer, self.issuer.span(), format!("issuer `{}` does not take flexible credentials", self.issuer)));
        }
        match (parse_expression(expression), rules.flatten()) {
            (Err(p), _) => out.push(p),
            (Ok(clauses), Some(rules)) => self.against(rules, expression, &clauses, &mut out),
            (Ok(_), None) => {}
        }
        out
    }

    /// What the issuer's rules say about the clauses.
    fn against(&self, rules: &Flexible, expression: &Text, clauses: &[Clause], out: &mut Vec<CredentialProblem>) {
        use CredentialProblemKind as K;
        for clause in clauses {
            match rules.claims.get(&clause.claim) {
                None => {
                    let message = format!("claim `{}` cannot be tested with issuer `{}`", clause.claim, self.issuer);
                    out.push(problem(K::Claim, clause.span, message));
                }
                Some(Compared::Exactly) if clause.operator != Operator::Equals => {
                    out.push(problem(K::Operator, clause.span, format!("claim `{}` can only be compared with `eq`", clause.claim)));
                }
                Some(_) => {}
            }
        }
        let Some(subject) = clauses.iter().find(|c| c.claim == "sub") else {
            out.push(problem(K::RequiredClaim, expression.span(), "the expression does not test `sub`"));
            return;
        };
        let spared = rules.unless_subject.as_ref().is_some_and(|head| subject.value.known_prefix().starts_with(head));
        let tested = clauses.iter().any(|c| rules.required.contains(&c.claim));
        if !rules.required.is_empty() && !spared && !tested {
            let wanted: Vec<String> = rules.required.iter().map(|c| format!("`{c}`")).collect();
            out.push(problem(K::RequiredClaim, subject.span, format!("the expression has to test {} beside `sub`", wanted.join(" or "))));
        }
    }
}

/// The tests of a credential, or why there are none.
fn tests(credential: &Credential) -> Result<Vec<Test>, (Truth, CredentialProblem)> {
    let exact = |claim: &str, value: &Text, label: String| Test {
        subject: Subject::Claim(claim.to_owned()),
        matcher: Matcher::Exact(value.clone()),
        absent: Truth::False,
        span: value.span(),
        trail: value.trail(),
        label,
        origin: crate::admission::formula::TestOrigin::Condition,
    };
    let mut out = vec![exact("iss", &credential.issuer, "issuer".to_owned())];
    match &credential.expression {
        None => out.extend(credential.subject.as_ref().map(|s| exact("sub", s, "subject".to_owned()))),
        Some(expression) => {
            let truth = |p: &CredentialProblem| if p.kind == CredentialProblemKind::Unknown { Truth::Unknown } else { Truth::Error };
            for clause in parse_expression(expression).map_err(|p| (truth(&p), p))? {
                let label = format!(
                    "claims['{}'] {} '{}'",
                    clause.claim,
                    if clause.operator == Operator::Equals { "eq" } else { "matches" },
                    clause.value
                );
                let mut test = exact(&clause.claim, &clause.value, label);
                if clause.operator == Operator::Matches {
                    test.matcher = Matcher::Glob(wildcards(&clause.value));
                }
                out.push(test);
            }
        }
    }
    if credential.expression.is_none() && credential.subject.is_none() {
        let p =
            problem(CredentialProblemKind::SubjectAndExpression, credential.issuer.span(), "neither a subject nor an expression is set");
        return Err((Truth::Error, p));
    }
    Ok(out)
}

/// The parts of a glob: `*` and `?` are wildcards wherever they stand.
fn wildcards(value: &Text) -> Vec<GlobPart> {
    let mut out = Vec::new();
    for (i, part) in value.parts.iter().enumerate() {
        let Part::Literal { text, trail, .. } = part else {
            out.push(GlobPart::Literal(Text { parts: vec![part.clone()] }));
            continue;
        };
        let mut start = 0;
        let literal = |range: std::ops::Range<usize>, out: &mut Vec<GlobPart>| {
            if let Some(piece) = text.get(range.clone()).filter(|p| !p.is_empty()) {
                let piece = Part::Literal { text: piece.into(), span: value.span_of(i, range), trail: trail.clone() };
                out.push(GlobPart::Literal(Text { parts: vec![piece] }));
            }
        };
        for (at, c) in text.char_indices().filter(|(_, c)| matches!(c, '*' | '?')) {
            literal(start..at, &mut out);
            let span = value.span_of(i, at..at + 1);
            out.push(if c == '*' { GlobPart::Star(span) } else { GlobPart::One(span) });
            start = at + 1;
        }
        literal(start..text.len(), &mut out);
    }
    out
}

/// A glob as it is written.
fn shown(parts: &[GlobPart]) -> Text {
    let mut text = Text::default();
    for part in parts {
        match part {
            GlobPart::Literal(t) => text.push(t),
            GlobPart::Star(_) => text.push(&Text::known("*")),
            GlobPart::One(_) => text.push(&Text::known("?")),
        }
    }
    text
}

fn decide(test: &Test, found: Option<&str>) -> (Truth, String) {
    let (units, text) = match &test.matcher {
        Matcher::Exact(text) => (glob::literal(text), text.clone()),
        Matcher::Glob(parts) => (glob::with_holes(parts), shown(parts)),
        _ => return (Truth::Unknown, String::new()),
    };
    let truth = found.map_or(Truth::False, |found| glob::matches(&units, found, false));
    (truth, text.to_string())
}

/// Decides a token: issuer, subject or expression, and audience, all case-sensitive.
#[must_use]
pub fn evaluate(credential: &Credential, token: &Token) -> Evaluation {
    let mut trace = Vec::new();
    match tests(credential) {
        Ok(tests) => {
            for test in tests {
                let Subject::Claim(claim) = &test.subject else { continue };
                let found = token.string(claim);
                let open = matches!(token.claims.get(claim), Some(Claim::Open { .. }));
                let (outcome, expected) = decide(&test, found);
                let outcome = if open { Truth::Unknown } else { outcome };
                let close = outcome == Truth::False && found.is_some_and(|f| f.eq_ignore_ascii_case(&expected));
                let note = close.then(|| "it differs only in case, and the comparison is case-sensitive".to_owned());
                let note = note.or_else(|| open.then(|| format!("the value of the token's `{claim}` was not provided")));
                let (test, span, found) = (test.label, test.span, found.map(str::to_owned));
                trace.push(Step { test, outcome, expected: Some(expected), found, span, note });
            }
        }
        Err((outcome, p)) => trace.push(Step {
            test: "claims matching expression".to_owned(),
            outcome,
            expected: None,
            found: None,
            span: p.span,
            note: Some(p.message),
        }),
    }
    trace.push(audience(credential, token));
    let outcome = trace.iter().fold(Truth::True, |all, step| all.and(step.outcome));
    let refused = trace.iter().any(|s| matches!(s.outcome, Truth::False | Truth::Error));
    let decision = match outcome {
        Truth::True => Decision::Admit,
        _ if refused => Decision::Deny,
        _ => Decision::Unknown,
    };
    let unknown = |s: &&Step| decision == Decision::Unknown && s.outcome == Truth::Unknown;
    let reasons = trace
        .iter()
        .filter(unknown)
        .map(|s| s.note.clone().unwrap_or_else(|| format!("`{}` depends on an unknown value", s.test)))
        .collect();
    Evaluation { decision, trace, reasons }
}

fn audience(credential: &Credential, token: &Token) -> Step {
    let found: Vec<String> = match token.claims.get("aud") {
        Some(Claim::String(s)) => vec![s.clone()],
        Some(Claim::List(all)) => all.clone(),
        _ => Vec::new(),
    };
    let one = |wanted: &Text, found: &str| match wanted.as_known() {
        Some(w) => Truth::from(w == found),
        None => Truth::Unknown,
    };
    let outcome = credential.audiences.iter().flat_map(|w| found.iter().map(move |f| one(w, f))).fold(Truth::False, Truth::or);
    let expected = credential.audiences.iter().map(Text::to_string).collect::<Vec<_>>().join(", ");
    Step {
        test: "audience".to_owned(),
        outcome,
        expected: Some(expected),
        found: (!found.is_empty()).then(|| found.join(", ")),
        span: credential.audiences.first().and_then(Text::span),
        note: None,
    }
}

/// The credential over all tokens of its issuer. Issuer and audience are left out: the caller chooses the templates by
/// the issuer, and whoever mints a token chooses its audience.
#[must_use]
pub fn formula(credential: &Credential) -> Formula {
    match tests(credential) {
        Ok(tests) => Formula::All(tests.into_iter().skip(1).map(|t| Formula::Test(Box::new(t))).collect()),
        Err((truth, p)) => Formula::Constant(truth, Some(p.message)),
    }
}

#[cfg(test)]
mod tests_of_entra {
    use super::*;
    use proptest::prelude::*;

    fn token(sub: &str) -> Token {
        let mut t = Token::default();
        t.set("iss", "https://token.actions.githubusercontent.com");
        t.set("sub", sub);
        t.set("aud", "api://AzureADTokenExchange");
        t
    }

    fn credential(subject: Option<&str>, expression: Option<&str>) -> Credential {
        Credential {
            issuer: Text::known("https://token.actions.githubusercontent.com"),
            subject: subject.map(Text::known),
            audiences: vec![Text::known("api://AzureADTokenExchange")],
            expression: expression.map(Text::known),
        }
    }

    #[test]
    fn the_exact_form_is_case_sensitive_and_knows_no_wildcards() {
        let c = credential(Some("repo:o/r:ref:refs/heads/main"), None);
        assert_eq!(evaluate(&c, &token("repo:o/r:ref:refs/heads/main")).decision, Decision::Admit);
        let refused = evaluate(&c, &token("repo:O/r:ref:refs/heads/main"));
        assert_eq!(refused.decision, Decision::Deny);
        assert!(refused.first_failure().and_then(|s| s.note.clone()).unwrap().contains("case"));
        assert_eq!(evaluate(&credential(Some("repo:o/*"), None), &token("repo:o/r")).decision, Decision::Deny);
        let mut other = token("repo:o/r:ref:refs/heads/main");
        other.claims.insert("aud".to_owned(), Claim::List(vec!["x".to_owned()]));
        assert_eq!(evaluate(&c, &other).decision, Decision::Deny);
    }

    #[test]
    fn the_audience_is_compared_with_its_letter_case() {
        let c = credential(Some("s"), None);
        let with = |audience: &str| {
            let mut token = token("s");
            token.claims.insert("aud".to_owned(), Claim::List(vec![audience.to_owned()]));
            evaluate(&c, &token).decision
        };
        assert_eq!(with("api://AzureADTokenExchange"), Decision::Admit);
        assert_eq!(with("api://azureadtokenexchange"), Decision::Deny);
        assert_eq!(with("api://AzureADTokenExchange/"), Decision::Deny);
    }

    #[test]
    fn the_star_crosses_every_separator() {
        let c = credential(
            None,
            Some(
                "claims['sub'] matches 'repo:o/*:ref:refs/heads/*' and claims['job_workflow_ref'] eq 'w' and claims['repository_owner_id'] eq '7'",
            ),
        );
        assert!(c.problems().is_empty());
        let mut t = token("repo:o/evil:x:ref:refs/heads/a/b");
        assert_eq!(evaluate(&c, &t).decision, Decision::Deny);
        t.set("job_workflow_ref", "w");
        t.set("repository_owner_id", "7");
        assert_eq!(evaluate(&c, &t).decision, Decision::Admit);
        assert!(matches!(formula(&c), Formula::All(all) if all.len() == 3));
    }

    /// What Entra asks for since 2026, issuer by issuer.
    #[test]
    fn flexible_credentials_hold_an_id() {
        use CredentialProblemKind as K;
        let kinds = |issuer: &str, expression: &str| {
            let c = Credential { issuer: Text::known(issuer), ..credential(None, Some(expression)) };
            c.problems().iter().map(|p| p.kind).collect::<Vec<_>>()
        };
        let github = "https://token.actions.githubusercontent.com";
        for id in ["repository_id", "repository_owner_id"] {
            assert_eq!(kinds(github, &format!("claims['sub'] matches 'repo:o/r:*' and claims['{id}'] eq '7'")), []);
            assert_eq!(kinds(github, &format!("claims['sub'] matches 'repo:o/r:*' and claims['{id}'] matches '7*'")), [K::Operator]);
        }
        assert_eq!(kinds(github, "claims['sub'] matches 'repo:o/r:*' and claims['job_workflow_ref'] eq 'w'"), [K::RequiredClaim]);
        assert_eq!(kinds(github, "claims['repository_id'] eq '7'"), [K::RequiredClaim]);
        let path = "claims['sub'] matches 'project_path:g/p:*'";
        for gitlab in ["https://gitlab.com", "https://gitlab.acme.com", "https://gitlab.acme.ca", "https://gitlab.eu.acme.com"] {
            assert_eq!(kinds(gitlab, path), [K::RequiredClaim], "{gitlab}");
            assert_eq!(kinds(gitlab, &format!("{path} and claims['project_id'] eq '7'")), [], "{gitlab}");
            assert_eq!(kinds(gitlab, "claims['sub'] matches 'project_id:7:*'"), [], "{gitlab}");
        }
        for other in ["https://gitlab.acme.org", "https://git.acme.com", "https://agent.buildkite.com"] {
            assert!(kinds(other, path).contains(&K::Issuer), "{other}");
        }
        assert_eq!(kinds("https://app.terraform.io", "claims['sub'] matches 'organization:o:project:p:workspace:w:*'"), []);
    }

    #[test]
    fn broken_expressions_are_named() {
        let kind = |e: &str| parse_expression(&Text::known(e)).unwrap_err().kind;
        assert_eq!(kind("claims[‘sub’] eq ‘x’"), CredentialProblemKind::Quotes);
        assert_eq!(kind("claims['sub'] like 'x'"), CredentialProblemKind::Operator);
        assert_eq!(kind("claims['sub'] == 'x'"), CredentialProblemKind::Operator);
        assert_eq!(kind("claims['sub'] eq 'x' or claims['sub'] eq 'y'"), CredentialProblemKind::Connective);
        assert_eq!(kind("(claims['sub'] eq 'x')"), CredentialProblemKind::Connective);
        assert_eq!(kind("claims['sub'] eq 'x"), CredentialProblemKind::Syntax);
        let both = credential(Some("s"), Some("claims['actor'] eq 'x'"));
        let kinds: Vec<_> = both.problems().iter().map(|p| p.kind).collect();
        assert_eq!(
            kinds,
            [CredentialProblemKind::SubjectAndExpression, CredentialProblemKind::Claim, CredentialProblemKind::RequiredClaim]
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(source in "(claims|\\['|sub|'\\]| eq | matches |'|and|[ -~])*") {
            let _ = parse_expression(&Text::known(source));
        }
    }
}
