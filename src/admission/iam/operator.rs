//! Condition operators: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.

use crate::admission::formula::Comparison;

/// A set operator before the `:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperator {
    /// `ForAllValues:`
    ForAllValues,
    /// `ForAnyValue:`
    ForAnyValue,
}

/// What an operator compares, without its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// `StringEquals`
    StringEquals,
    /// `StringEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`
    StringLike,
    /// `ArnEquals` and `ArnLike`, which are the same.
    Arn,
    /// `Numeric…`
    Numeric(Comparison),
    /// `Date…`
    Date(Comparison),
    /// `Bool`
    Bool,
    /// `BinaryEquals`
    Binary,
    /// `IpAddress`
    IpAddress,
    /// `Null`
    Null,
}

/// A condition operator taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    /// The set operator.
    pub set: Option<SetOperator>,
    /// What is compared.
    pub base: Base,
    /// `…Not…`: the comparison is turned round.
    pub negated: bool,
    /// `…IfExists`
    pub if_exists: bool,
}

const NAMES: &[(&str, Base, bool)] = &[
    ("StringEquals", Base::StringEquals, false),
    ("StringNotEquals", Base::StringEquals, true),
    ("StringEqualsIgnoreCase", Base::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", Base::StringEqualsIgnoreCase, true),
    ("StringLike", Base::StringLike, false),
    ("StringNotLike", Base::StringLike, true),
    ("ArnEquals", Base::Arn, false),
    ("ArnLike", Base::Arn, false),
    ("ArnNotEquals", Base::Arn, true),
    ("ArnNotLike", Base::Arn, true),
    ("NumericEquals", Base::Numeric(Comparison::Equal), false),
    ("NumericNotEquals", Base::Numeric(Comparison::Equal), true),
    ("NumericLessThan", Base::Numeric(Comparison::Less), false),
    ("NumericLessThanEquals", Base::Numeric(Comparison::LessEqual), false),
    ("NumericGreaterThan", Base::Numeric(Comparison::Greater), false),
    ("NumericGreaterThanEquals", Base::Numeric(Comparison::GreaterEqual), false),
    ("DateEquals", Base::Date(Comparison::Equal), false),
    ("DateNotEquals", Base::Date(Comparison::Equal), true),
    ("DateLessThan", Base::Date(Comparison::Less), false),
    ("DateLessThanEquals", Base::Date(Comparison::LessEqual), false),
    ("DateGreaterThan", Base::Date(Comparison::Greater), false),
    ("DateGreaterThanEquals", Base::Date(Comparison::GreaterEqual), false),
    ("Bool", Base::Bool, false),
    ("BinaryEquals", Base::Binary, false),
    ("IpAddress", Base::IpAddress, false),
    ("NotIpAddress", Base::IpAddress, true),
    ("Null", Base::Null, false),
];

impl Operator {
    /// Reads an operator in any letter case; the second value tells whether it is spelled as documented.
    #[must_use]
    pub fn parse(text: &str) -> Option<(Self, bool)> {
        let (set, rest, set_exact) = match text.split_once(':') {
            None => (None, text, true),
            Some((set, rest)) if set.eq_ignore_ascii_case("ForAllValues") => (Some(SetOperator::ForAllValues), rest, set == "ForAllValues"),
            Some((set, rest)) if set.eq_ignore_ascii_case("ForAnyValue") => (Some(SetOperator::ForAnyValue), rest, set == "ForAnyValue"),
            Some(_) => return None,
        };
        let suffix = "IfExists";
        let cut = rest.len().checked_sub(suffix.len()).filter(|at| rest.is_char_boundary(*at));
        let (name, if_exists, suffix_exact) = match cut.map(|at| rest.split_at(at)) {
            Some((name, tail)) if tail.eq_ignore_ascii_case(suffix) => (name, true, tail == suffix),
            _ => (rest, false, true),
        };
        let (spelled, base, negated) = NAMES.iter().find(|(n, _, _)| n.eq_ignore_ascii_case(name))?;
        Some((Self { set, base: *base, negated: *negated, if_exists }, set_exact && suffix_exact && *spelled == name))
    }

    /// True when `${…}` are policy variables in the operator's values: string and ARN operators only.
    #[must_use]
    pub fn takes_variables(self) -> bool {
        matches!(self.base, Base::StringEquals | Base::StringEqualsIgnoreCase | Base::StringLike | Base::Arn)
    }

    /// True when `*` and `?` are wildcards in the operator's values.
    #[must_use]
    pub fn takes_wildcards(self) -> bool {
        matches!(self.base, Base::StringLike | Base::Arn)
    }
}
