//! One policy value as a test of a claim.

use super::formula::{Builder, Target};
use super::keys::{Meaning, meaning};
use super::matching::ARN_FIELDS;
use super::operator::{Base, Operator};
use super::pattern::{Piece, Reading, pieces, to_text};
use super::policy::Leaf;
use crate::admission::formula::{Comparison, Deferred, Exact, Formula, GlobPart, Matcher, PatternPart, Subject};
use crate::partial::Text;
use crate::token::Truth;

/// "The subject matches this value", negation aside.
pub(super) fn value_formula(builder: &Builder<'_>, operator: Operator, text: &Text, leaf: &Leaf, target: &Target) -> Formula {
    match operator.base {
        Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike | Base::Arn => string(builder, operator, text, leaf, target),
        Base::Bool => match text.as_known().map(|t| t.trim().to_ascii_lowercase()) {
            Some(value) if value == "true" || value == "false" => target.test(Matcher::ExactIgnoreCase(text.clone()), text, leaf),
            Some(_) => Formula::FALSE,
            None => Formula::unknown(format!("`{text}` is not known")),
        },
        Base::Binary => target.test(Matcher::Exact(text.clone()), text, leaf),
        Base::Numeric(Comparison::Equal) if text.as_known().is_some_and(|t| t.parse::<u64>().is_ok_and(|n| n.to_string() == t)) => {
            target.test(Matcher::Exact(text.clone()), text, leaf)
        }
        Base::Numeric(_) | Base::Date(_) | Base::IpAddress | Base::Null => {
            Formula::unknown(format!("`{}` compares more than strings", target.label))
        }
    }
}

fn string(builder: &Builder<'_>, operator: Operator, text: &Text, leaf: &Leaf, target: &Target) -> Formula {
    let reading = |variables| Reading { wildcards: operator.takes_wildcards(), variables };
    let all = pieces(text, reading(true));
    let has_variables = all.iter().any(|p| matches!(p, Piece::Variable { .. }));
    let all = match builder.variables {
        Some(true) => all,
        Some(false) => pieces(text, reading(false)),
        None if pieces(text, reading(false)).len() == all.len() && !has_variables => all,
        None => return Formula::unknown("the version of the policy is not known, so it is not known whether `${…}` is a variable"),
    };
    let pattern = exact_pattern(builder, operator, &all);
    let searched = match substitute(builder, all, target) {
        Substituted::Ready(ready) => return literal(builder, operator, &ready, text, leaf, target),
        Substituted::Itself => return target.test(Matcher::Present, text, leaf),
        Substituted::Never => return Formula::FALSE,
        Substituted::Partly(skeleton, why) => {
            let shape = wild(operator, &skeleton).unwrap_or(Matcher::Present);
            Formula::All(vec![target.test(shape, text, leaf), Formula::unknown(why)])
        }
        Substituted::Agreeing { said, unsaid } => {
            let reading = |pieces: &[Piece]| literal(builder, operator, pieces, text, leaf, target);
            let claims: Vec<_> = pattern.iter().flatten().filter_map(PatternPart::claim).collect();
            agreeing(reading(&said), reading(&unsaid), &claims, |name| {
                let claim = Target { subject: Subject::Claim(name.to_owned()), absent: Truth::False, ..target.clone() };
                claim.test(Matcher::Present, text, leaf)
            })
        }
        Substituted::Differing => Formula::FALSE,
    };
    match pattern {
        Some(parts) => Formula::Deferred(Box::new(Deferred {
            searched,
            subject: target.subject.clone(),
            exact: Exact::Pattern { parts, ignore_case: operator.base == Base::StringEqualsIgnoreCase },
            absent: target.absent,
        })),
        None => searched,
    }
}

/// The claims stand in the pattern where the token says them, else their defaults do.
fn agreeing(said: Formula, unsaid: Formula, claims: &[(&str, Option<&str>)], present: impl Fn(&str) -> Formula) -> Formula {
    let mut all_said = vec![said];
    let mut by_default = vec![unsaid];
    for (name, default) in claims {
        all_said.push(present(name));
        by_default.push(if default.is_some() { present(name).negate() } else { present(name) });
    }
    if claims.iter().all(|(_, default)| default.is_none()) {
        return Formula::All(all_said);
    }
    Formula::Any(vec![Formula::All(all_said), Formula::All(by_default)])
}

/// The pattern with the claims of the same token in it; none where nothing but claims and text is not all of it, and for ARNs,
/// which are compared field by field.
fn exact_pattern(builder: &Builder<'_>, operator: Operator, all: &[Piece]) -> Option<Vec<PatternPart>> {
    if operator.base == Base::Arn {
        return None;
    }
    let mut out = Vec::new();
    for piece in all {
        let Piece::Variable { key, default, .. } = piece else {
            out.extend(glob(std::slice::from_ref(piece)).into_iter().map(PatternPart::Glob));
            continue;
        };
        let default = match default {
            None => None,
            Some(text) => Some(text.as_known()?),
        };
        out.push(match meaning(builder.view, key) {
            Meaning::Claim { name, list: false, .. } => PatternPart::Claim(name, default),
            Meaning::Fixed(value) => PatternPart::Glob(GlobPart::Literal(Text::known(value))),
            Meaning::Absent => PatternPart::Glob(GlobPart::Literal(Text::known(default?))),
            Meaning::Claim { .. } | Meaning::Request { .. } | Meaning::Moment(_) => return None,
        });
    }
    Some(out)
}

enum Substituted {
    /// No variable is left.
    Ready(Vec<Piece>),
    /// The pattern is the tested value itself.
    Itself,
    /// A variable without a value: nothing matches.
    Never,
    /// Variables that depend on the request stand as `*`; the reason.
    Partly(Vec<Piece>, String),
    /// The same, of a caller whom it favours that the token's own claims agree, where the token says them all, and where the
    /// defaults stand.
    Agreeing { said: Vec<Piece>, unsaid: Vec<Piece> },
    /// Of a caller whom it favours that they differ.
    Differing,
}

fn substitute(builder: &Builder<'_>, all: Vec<Piece>, target: &Target) -> Substituted {
    if let [Piece::Variable { key, .. }] = all.as_slice()
        && let Meaning::Claim { name, list: false, note: None } = meaning(builder.view, key)
        && target.subject == Subject::Claim(name)
    {
        return Substituted::Itself;
    }
    let mut out = Vec::with_capacity(all.len());
    let mut unsaid = Vec::with_capacity(all.len());
    let (mut why, mut unsure) = (None, false);
    for piece in all {
        let Piece::Variable { key, default, span } = piece else {
            out.push(piece.clone());
            unsaid.push(piece);
            continue;
        };
        let begin = out.len();
        let instead = default.as_ref().map(|text| pieces(text, Reading { wildcards: false, variables: false }));
        let meant = meaning(builder.view, &key);
        let optional = matches!(meant, Meaning::Claim { .. });
        match meant {
            Meaning::Absent => match &instead {
                Some(text) => out.extend(text.iter().cloned()),
                None => return Substituted::Never,
            },
            Meaning::Fixed(value) => out.extend(value.chars().map(|c| Piece::Char(c, span, None))),
            Meaning::Claim { name, .. } => {
                why = Some(format!("the value depends on the claim `{name}` of the same token"));
                out.push(Piece::Star(span));
            }
            Meaning::Request { why: reason, .. } | Meaning::Moment(reason) => {
                unsure = true;
                why = Some(reason);
                out.push(Piece::Star(span));
            }
        }
        match instead {
            Some(text) if optional => unsaid.extend(text),
            _ => unsaid.extend(out.iter().skip(begin).cloned()),
        }
    }
    match why {
        None => Substituted::Ready(out),
        // The caller may have a token, or pick a value, for which the two agree.
        Some(_) if builder.doubt == Some(Truth::True) && !unsure => Substituted::Agreeing { said: out, unsaid },
        // Or one for which they differ.
        Some(_) if builder.doubt == Some(Truth::False) && !unsure => Substituted::Differing,
        Some(why) => Substituted::Partly(out, why),
    }
}

fn literal(builder: &Builder<'_>, operator: Operator, ready: &[Piece], text: &Text, leaf: &Leaf, target: &Target) -> Formula {
    let matcher = match operator.base {
        _ if ready.iter().any(|p| matches!(p, Piece::Star(_) | Piece::One(_))) => match wild(operator, ready) {
            Some(matcher) => matcher,
            None => {
                let why = format!("`{text}` is not known");
                return Formula::All(vec![target.test(Matcher::Present, text, leaf), Formula::unknown(why)]);
            }
        },
        Base::StringEqualsIgnoreCase => Matcher::ExactIgnoreCase(to_text(ready)),
        _ => Matcher::Exact(to_text(ready)),
    };
    let test = target.test(matcher, text, leaf);
    if operator.base == Base::Arn { arn(builder.doubt, test, ready, text, leaf, target) } else { test }
}

/// The matcher of a pattern with `*` or `?`, in the letter case of its operator; none where only the case is ignored
/// and a part of it is not known.
fn wild(operator: Operator, pieces: &[Piece]) -> Option<Matcher> {
    if operator.base != Base::StringEqualsIgnoreCase {
        return Some(Matcher::Glob(glob(pieces)));
    }
    let mut out = String::from("(?s)^");
    for piece in pieces {
        match piece {
            Piece::Char(c, ..) if c.is_ascii_alphabetic() => {
                out.extend(['[', c.to_ascii_lowercase(), c.to_ascii_uppercase(), ']']);
            }
            Piece::Char(c, ..) => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            Piece::Star(_) => out.push_str(".*"),
            Piece::One(_) => out.push('.'),
            Piece::Hole(..) | Piece::Variable { .. } => return None,
        }
    }
    out.push('$');
    Some(Matcher::Regex(out))
}

fn glob(pieces: &[Piece]) -> Vec<GlobPart> {
    let mut out = Vec::new();
    let mut run: Vec<Piece> = Vec::new();
    let flush = |run: &mut Vec<Piece>, out: &mut Vec<GlobPart>| {
        if !run.is_empty() {
            out.push(GlobPart::Literal(to_text(&std::mem::take(run))));
        }
    };
    for piece in pieces {
        match piece {
            Piece::Star(span) => {
                flush(&mut run, &mut out);
                out.push(GlobPart::Star(*span));
            }
            Piece::One(span) => {
                flush(&mut run, &mut out);
                out.push(GlobPart::One(*span));
            }
            Piece::Variable { span, .. } => {
                flush(&mut run, &mut out);
                out.push(GlobPart::Star(*span));
            }
            other => run.push(other.clone()),
        }
    }
    flush(&mut run, &mut out);
    out
}

/// ARNs are compared field by field. When the first five fields have no wildcard that is the same as comparing the
/// whole; else the whole has to match, and where only the whole does, authorities disagree.
fn arn(doubt: Option<Truth>, whole: Formula, ready: &[Piece], text: &Text, leaf: &Leaf, target: &Target) -> Formula {
    let why = "the ARN has to match field by field: authorities disagree where only the whole matches";
    let fields: Vec<&[Piece]> = ready.splitn(ARN_FIELDS, |p| matches!(p, Piece::Char(':', ..))).collect();
    if fields.len() < ARN_FIELDS {
        let unsure = doubt.map_or_else(|| Formula::unknown(why), |truth| Formula::Constant(truth, Some(why.to_owned())));
        return Formula::All(vec![whole, unsure]);
    }
    let simple = |field: &&[Piece]| field.iter().all(|p| !matches!(p, Piece::Star(_) | Piece::One(_)));
    if fields.iter().take(ARN_FIELDS - 1).all(simple) {
        return whole;
    }
    let Some(regex) = regex_of(&fields) else { return Formula::All(vec![whole, Formula::unknown(why)]) };
    let by_field = target.test(Matcher::Regex(regex), text, leaf);
    // The documentation says field by field: nobody is favoured by the other reading.
    let reading = if doubt.is_some() { by_field } else { Formula::Any(vec![by_field, Formula::unknown(why)]) };
    Formula::All(vec![whole, reading])
}

/// The field-wise reading as a regular expression; none when a hole is in it.
fn regex_of(fields: &[&[Piece]]) -> Option<String> {
    let mut out = String::from("(?s)^");
    for (index, field) in fields.iter().enumerate() {
        let last = index + 1 == ARN_FIELDS;
        if index > 0 {
            out.push(':');
        }
        for piece in *field {
            match piece {
                Piece::Char(c, ..) => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
                Piece::Star(_) => out.push_str(if last { ".*" } else { "[^:]*" }),
                Piece::One(_) => out.push_str(if last { "." } else { "[^:]" }),
                Piece::Hole(..) | Piece::Variable { .. } => return None,
            }
        }
    }
    out.push('$');
    Some(out)
}
