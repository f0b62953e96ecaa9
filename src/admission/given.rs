//! What a formula says once some claims are known, whatever the others are: what is refused already by them needs no search.

use super::formula::{Formula, Matcher, Subject, Test};
use super::glob;
use crate::token::Truth;

impl Formula {
    /// The value of the formula for every token with these claims; unknown where other claims matter, or where a search has to tell.
    #[must_use]
    pub fn given(&self, claims: &[(&str, &str)]) -> Truth {
        match self {
            Self::Constant(truth, _) => *truth,
            Self::Test(test) => of_test(test, claims),
            Self::Not(inner) => inner.given(claims).not(),
            Self::All(parts) => parts.iter().fold(Truth::True, |truth, part| truth.and(part.given(claims))),
            Self::Any(parts) => parts.iter().fold(Truth::False, |truth, part| truth.or(part.given(claims))),
            Self::Deferred(_) => Truth::Unknown,
        }
    }
}

fn of_test(test: &Test, claims: &[(&str, &str)]) -> Truth {
    let Subject::Claim(claim) = &test.subject else { return Truth::Unknown };
    let Some((_, value)) = claims.iter().find(|(name, _)| name == claim) else { return Truth::Unknown };
    match &test.matcher {
        Matcher::Present => Truth::True,
        Matcher::Exact(text) => text.as_known().map_or(Truth::Unknown, |known| (known == *value).into()),
        Matcher::Glob(parts) => glob::matches(&glob::with_holes(parts), value, false),
        _ => Truth::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admission::formula::{GlobPart, TestOrigin};
    use crate::partial::Text;

    fn test(claim: &str, matcher: Matcher) -> Formula {
        Formula::Test(Box::new(Test {
            subject: Subject::Claim(claim.to_owned()),
            matcher,
            absent: Truth::False,
            span: None,
            trail: None,
            label: String::new(),
            origin: TestOrigin::Condition,
        }))
    }

    #[test]
    fn claims_that_are_known_decide_and_others_stay_open() {
        let exact = |claim: &str, text: &str| test(claim, Matcher::Exact(Text::known(text)));
        let glob = |text: &str| test("sub", Matcher::Glob(vec![GlobPart::Literal(Text::known(text)), GlobPart::Star(None)]));
        let claims = [("sub", "team:api"), ("aud", "sts")];
        let cases = [
            (exact("sub", "team:api"), Truth::True),
            (exact("sub", "team:web"), Truth::False),
            (exact("iss", "x"), Truth::Unknown),
            (glob("team:"), Truth::True),
            (glob("teams:"), Truth::False),
            (test("sub", Matcher::Regex("^team".to_owned())), Truth::Unknown),
            (Formula::All(vec![exact("iss", "x"), exact("aud", "other")]), Truth::False),
            (Formula::Any(vec![exact("iss", "x"), exact("aud", "other")]), Truth::Unknown),
            (Formula::Any(vec![exact("iss", "x"), exact("aud", "sts")]), Truth::True),
            (exact("aud", "other").negate(), Truth::True),
            (Formula::unknown("why"), Truth::Unknown),
        ];
        for (formula, value) in cases {
            assert_eq!(formula.given(&claims), value, "{formula:?}");
        }
    }
}
