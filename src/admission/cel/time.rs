//! Timestamps and durations, as far as conversions, comparisons and sums need them.

use super::ast::Op;
use super::evaluate::{Outcome, error};
use super::value::Value;
use crate::calendar;
use jiff::civil::{DateTime, Time};

const NANOS: i64 = 1_000_000_000;
/// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// `timestamp(x)`.
pub(super) fn timestamp(of: &Value) -> Option<Value> {
    match of {
        Value::Timestamp(..) => Some(of.clone()),
        Value::Int(seconds) => RANGE.contains(seconds).then_some(Value::Timestamp(*seconds, 0)),
        Value::String(s) => parse(s),
        _ => None,
    }
}

/// RFC 3339, as [CEL has it](https://github.com/google/cel-spec/blob/master/doc/langdef.md#timestamps).
fn parse(s: &str) -> Option<Value> {
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        s.get(range).filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
    };
    let sign = |at: usize, c: u8| s.as_bytes().get(at) == Some(&c);
    if !(sign(4, b'-') && sign(7, b'-') && sign(10, b'T') && sign(13, b':') && sign(16, b':')) {
        return None;
    }
    let date = calendar::date(number(0..4)?, number(5..7)?, number(8..10)?)?;
    let small = |range: std::ops::Range<usize>| number(range).and_then(|n| i8::try_from(n).ok());
    let time = Time::new(small(11..13)?, small(14..16)?, small(17..19)?, 0).ok()?;
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
    let seconds = calendar::seconds(date.to_datetime(time)) - shift;
    RANGE.contains(&seconds).then_some(Value::Timestamp(seconds, nanos))
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
    let shown =
        |at: DateTime| format!("{}T{:02}:{:02}:{:02}{}Z", at.date(), at.hour(), at.minute(), at.second(), fraction(u64::from(nanos)));
    calendar::moment(seconds).map_or_else(|| seconds.to_string(), shown)
}

/// Seconds with their fraction and an `s`.
pub(super) fn show_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let n = nanos.unsigned_abs();
    let second = NANOS.unsigned_abs();
    format!("{sign}{}{}s", n / second, fraction(n % second))
}
