//! Timestamps and durations, as far as conversions, comparisons and sums need them.

use super::ast::Op;
use super::evaluate::{Outcome, error};
use super::value::Value;

const NANOS: i64 = 1_000_000_000;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// Days from 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Counted in years that start in March, so that the leap day comes last.
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day from 1970-01-01.
fn date(day: i64) -> (i64, i64, i64) {
    let z = day + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * mp + 2) / 5 + 1)
}

/// `timestamp(x)`.
pub(super) fn timestamp(of: &Value) -> Option<Value> {
    match of {
        Value::Timestamp(..) => Some(of.clone()),
        Value::Int(seconds) => RANGE.contains(seconds).then_some(Value::Timestamp(*seconds, 0)),
        Value::String(s) => parse(s),
        _ => None,
    }
}

fn parse(s: &str) -> Option<Value> {
    let number =
        |range: std::ops::Range<usize>| -> Option<i64> { s.get(range).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok() };
    let sign = |at: usize, c: u8| s.as_bytes().get(at) == Some(&c);
    if !(sign(4, b'-') && sign(7, b'-') && sign(10, b'T') && sign(13, b':') && sign(16, b':')) {
        return None;
    }
    let (month, day) = (number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let legal = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    let mut rest = s.get(19..)?;
    let mut nanos = 0;
    if let Some(after) = rest.strip_prefix('.') {
        let len = after.bytes().take_while(u8::is_ascii_digit).count();
        nanos = format!("{:0<9}", after.get(..len.min(9))?).parse().ok()?;
        rest = after.get(len..)?;
    }
    let shift = match rest.as_bytes() {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let minutes = rest.get(1..3)?.parse::<i64>().ok()? * 60 + rest.get(4..6)?.parse::<i64>().ok()?;
            if *sign == b'+' { minutes * 60 } else { -minutes * 60 }
        }
        _ => return None,
    };
    let seconds = days(number(0..4)?, month, day) * 86_400 + hour * 3600 + minute * 60 + second - shift;
    (legal && RANGE.contains(&seconds)).then_some(Value::Timestamp(seconds, nanos))
}

/// `duration(x)`.
pub(super) fn duration(of: &Value) -> Option<Value> {
    let s = match of {
        Value::Duration(_) => return Some(of.clone()),
        Value::String(s) => s,
        _ => return None,
    };
    let (sign, mut rest) = s.strip_prefix('-').map_or((1.0, &**s), |r| (-1.0, r));
    if rest.is_empty() {
        return None;
    }
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let len = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let number: f64 = rest.get(..len)?.parse().ok()?;
        rest = rest.get(len..)?;
        let units = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12)];
        let (unit, nanos) = units.into_iter().find(|(unit, _)| rest.starts_with(unit)).or(rest.is_empty().then_some(("", 0.0)))?;
        if unit.is_empty() && number != 0.0 {
            return None;
        }
        total += number * nanos;
        rest = rest.get(unit.len()..)?;
    }
    #[allow(clippy::cast_possible_truncation)]
    (total < 9.2e18).then_some(Value::Duration((sign * total) as i64))
}

/// Sums and differences of moments and spans; none when the operands are neither.
pub(super) fn arithmetic(op: Op, a: &Value, b: &Value) -> Option<Outcome> {
    let shift = |s: i64, n: u32, by: Option<i64>| {
        let moved = by.and_then(|by| {
            let nanos = i64::from(n).checked_add(by)?;
            let seconds = s.checked_add(nanos.div_euclid(NANOS)).filter(|s| RANGE.contains(s))?;
            Some(Value::Timestamp(seconds, u32::try_from(nanos.rem_euclid(NANOS)).ok()?))
        });
        moved.map_or_else(|| error("timestamp out of range"), Ok)
    };
    let span = |n: Option<i64>| n.map_or_else(|| error("duration out of range"), |n| Ok(Value::Duration(n)));
    Some(match (op, a, b) {
        (Op::Add, Value::Timestamp(s, n), Value::Duration(d)) | (Op::Add, Value::Duration(d), Value::Timestamp(s, n)) => {
            shift(*s, *n, Some(*d))
        }
        (Op::Subtract, Value::Timestamp(s, n), Value::Duration(d)) => shift(*s, *n, d.checked_neg()),
        (Op::Subtract, Value::Timestamp(s, n), Value::Timestamp(t, m)) => {
            span((s - t).checked_mul(NANOS).and_then(|d| d.checked_add(i64::from(*n) - i64::from(*m))))
        }
        (Op::Add, Value::Duration(x), Value::Duration(y)) => span(x.checked_add(*y)),
        (Op::Subtract, Value::Duration(x), Value::Duration(y)) => span(x.checked_sub(*y)),
        _ => return None,
    })
}

fn fraction(nanos: u64) -> String {
    if nanos == 0 { String::new() } else { format!(".{}", format!("{nanos:09}").trim_end_matches('0')) }
}

/// RFC 3339 in UTC.
pub(super) fn show_timestamp(seconds: i64, nanos: u32) -> String {
    let (year, month, day) = date(seconds.div_euclid(86_400));
    let rest = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{}Z", fraction(u64::from(nanos)))
}

/// Seconds with their fraction and an `s`.
pub(super) fn show_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let second = NANOS.unsigned_abs();
    format!("{sign}{}{}s", n / second, fraction(n % second))
}
