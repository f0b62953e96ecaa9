//! Numbers and the functions on them. Whole numbers are exact to 128 bits, others are doubles; Terraform's own are
//! 512 bits wide, which no trust policy needs.

use super::MAX_TEXT;
use super::arguments::{Answer, Call, Stop, fail};
use crate::partial::Value;
use std::cmp::Ordering;
use std::fmt;

/// A number.
#[derive(Debug, Clone, Copy)]
pub(in crate::terraform) enum Num {
    /// A whole number.
    Int(i128),
    /// Any other.
    Float(f64),
}

impl Num {
    pub(in crate::terraform) fn parse(text: &str) -> Option<Self> {
        let plain = text.strip_prefix('+').unwrap_or(text);
        if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-')) {
            return None;
        }
        plain.parse::<i128>().map(Num::Int).ok().or_else(|| plain.parse::<f64>().ok().and_then(Num::from_f64))
    }

    /// A finite double, whole when it has no fraction.
    pub(super) fn from_f64(f: f64) -> Option<Self> {
        const EXACT: f64 = 9.0e15;
        if !f.is_finite() {
            return None;
        }
        Some(if f.fract() == 0.0 && f.abs() < EXACT { Num::Int(f as i128) } else { Num::Float(f) })
    }

    pub(in crate::terraform) fn as_f64(self) -> f64 {
        match self {
            Num::Int(i) => i as f64,
            Num::Float(f) => f,
        }
    }

    pub(in crate::terraform) fn as_integer(self) -> Option<i128> {
        if let Num::Int(i) = self { Some(i) } else { None }
    }
}

impl PartialEq for Num {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Num {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Num::Int(a), Num::Int(b)) => Some(a.cmp(b)),
            _ => self.as_f64().partial_cmp(&other.as_f64()),
        }
    }
}

/// Terraform's canonical form: decimal, never with an exponent.
impl fmt::Display for Num {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Num::Int(i) => write!(f, "{i}"),
            // A power of ten beyond the exact range is what was written: its shortest digits, then zeros.
            Num::Float(x) if x.fract() == 0.0 => {
                let shortest = format!("{x:e}");
                let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
                let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |d| ("-", d));
                let plain: String = digits.chars().filter(char::is_ascii_digit).collect();
                let zeros = (exponent.parse::<usize>().unwrap_or(0) + 1).saturating_sub(plain.len());
                write!(f, "{sign}{plain}{}", "0".repeat(zeros))
            }
            Num::Float(x) => write!(f, "{x}"),
        }
    }
}

/// The canonical form of a number as written: `1.50` is `1.5`, `1e3` is `1000`. None when it is no number.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    Num::parse(text).map(|n| n.to_string())
}

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "abs" => one(c, |n| match n {
            Num::Int(i) => i.checked_abs().map(Num::Int),
            Num::Float(f) => Some(Num::Float(f.abs())),
        }),
        "ceil" => one(c, |n| Num::from_f64(n.as_f64().ceil()).map(|r| n.as_integer().map_or(r, Num::Int))),
        "floor" => one(c, |n| Num::from_f64(n.as_f64().floor()).map(|r| n.as_integer().map_or(r, Num::Int))),
        "signum" => c.integer(0).and_then(|n| c.number_value(Num::Int(n.signum()))),
        "max" => extreme(c, Ordering::Greater),
        "min" => extreme(c, Ordering::Less),
        "pow" => two(c, |a, b| match (a, b) {
            (Num::Int(a), Num::Int(b)) => {
                u32::try_from(b).ok().and_then(|b| a.checked_pow(b)).map(Num::Int).or_else(|| Num::from_f64((a as f64).powf(b as f64)))
            }
            _ => Num::from_f64(a.as_f64().powf(b.as_f64())),
        }),
        "log" => two(c, |a, b| {
            let exact = a.as_f64().log(b.as_f64());
            Num::from_f64(if (exact - exact.round()).abs() < 1e-12 { exact.round() } else { exact })
        }),
        "parseint" => parseint(c),
        "sum" => sum(c),
        _ => return None,
    })
}

fn one(c: &Call<'_>, f: impl Fn(Num) -> Option<Num>) -> Result<Value, Stop> {
    f(c.number(0)?).map_or_else(|| fail(format!("`{}` has no result here", c.name)), |n| c.number_value(n))
}

fn two(c: &Call<'_>, f: impl Fn(Num, Num) -> Option<Num>) -> Result<Value, Stop> {
    f(c.number(0)?, c.number(1)?).map_or_else(|| fail(format!("`{}` has no result here", c.name)), |n| c.number_value(n))
}

fn extreme(c: &Call<'_>, wanted: Ordering) -> Result<Value, Stop> {
    let mut best = c.number(0)?;
    for i in 1..c.args.len() {
        let next = c.number(i)?;
        if next.partial_cmp(&best) == Some(wanted) {
            best = next;
        }
    }
    c.number_value(best)
}

fn parseint(c: &Call<'_>) -> Result<Value, Stop> {
    let (text, base) = (c.string(0)?, c.integer(1)?);
    let Some(radix) = u32::try_from(base).ok().filter(|b| (2..=62).contains(b)) else {
        return fail("the base must be a whole number between 2 and 62");
    };
    if radix > 36 || text.len() > MAX_TEXT {
        return Err(Stop::Unknown);
    }
    i128::from_str_radix(&text, radix)
        .map_or_else(|_| fail(format!("cannot parse `{text}` as a base {radix} integer")), |n| c.number_value(Num::Int(n)))
}

fn sum(c: &Call<'_>) -> Result<Value, Stop> {
    let items = c.closed_list(0)?;
    if items.is_empty() {
        return fail("cannot sum an empty list");
    }
    let mut total = Num::Int(0);
    for item in &items {
        total = add(total, c.as_number(item, 0)?).ok_or(Stop::Unknown)?;
    }
    c.number_value(total)
}

/// The sum of two numbers; none when it is beyond what a double holds.
pub(super) fn add(a: Num, b: Num) -> Option<Num> {
    match (a, b) {
        (Num::Int(a), Num::Int(b)) => a.checked_add(b).map(Num::Int).or_else(|| Num::from_f64(a as f64 + b as f64)),
        _ => Num::from_f64(a.as_f64() + b.as_f64()),
    }
}
