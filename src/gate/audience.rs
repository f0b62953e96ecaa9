//! The audiences that a cloud takes: a token for somebody else is refused, whatever else is in it.

use crate::admission::exposure::{fill::Filler, shape};
use crate::admission::formula::{Formula, Matcher, Subject, Test, TestOrigin};
use crate::partial::{Text, UnknownKind};
use crate::token::Truth;

/// The audiences that a cloud accepts beside what a trust asks for.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// "The audience is the first that is accepted", for formulas that do not look at it themselves.
    pub usual: Formula,
    /// "The audience is one that is accepted", as far as it is known.
    pub any: Formula,
    /// They are certainly those: each is written, where it counts.
    pub certain: bool,
    /// The audiences, where all of them are known.
    pub names: Option<Vec<String>>,
}

impl Accepted {
    /// Exactly these, as they are written.
    #[must_use]
    pub fn written(audiences: &[Text]) -> Self {
        let shown: Vec<String> = audiences.iter().map(readable).collect();
        let any = Formula::Any(audiences.iter().map(|a| test(Matcher::Exact(a.clone()))).collect());
        let names = audiences.iter().all(Text::is_known).then(|| shown.clone());
        Self { usual: one_of(&shown), any, certain: true, names }
    }
}

/// "The token is for this audience", or for one that matches.
#[must_use]
pub fn test(matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test {
        subject: Subject::Claim("aud".to_owned()),
        matcher,
        absent: Truth::False,
        span: None,
        trail: None,
        label: "allowed audiences".to_owned(),
        origin: TestOrigin::Audience,
    }))
}

/// "The token is for one of these."
#[must_use]
pub fn one_of(audiences: &[String]) -> Formula {
    let mut tests: Vec<Formula> = audiences.iter().map(|a| test(Matcher::Exact(Text::known(a)))).collect();
    if tests.len() == 1 { tests.remove(0) } else { Formula::Any(tests) }
}

/// The formula as somebody wrote it: without the audience.
#[must_use]
pub fn without_audience(formula: &Formula) -> Formula {
    shape::without(formula, &|test| test.origin == TestOrigin::Audience)
}

/// An audience as a witness shows it: whoever asks for the token picks it, so what is not known of it stands for itself.
#[must_use]
pub fn readable(text: &Text) -> String {
    let filler = Filler::default();
    text.fill(|atom| match atom.kind() {
        UnknownKind::ProjectNumber => "PROJECT_NUMBER".to_owned(),
        _ => filler.value(atom),
    })
}
