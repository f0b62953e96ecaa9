//! Comparisons of one request value with one policy value, beyond strings.

use crate::admission::formula::Comparison;
use crate::token::Truth;
use std::cmp::Ordering;
use std::net::IpAddr;

/// Applies a comparison to an ordering.
#[must_use]
pub(super) fn holds(comparison: Comparison, ordering: Ordering) -> bool {
    match comparison {
        Comparison::Less => ordering.is_lt(),
        Comparison::LessEqual => ordering.is_le(),
        Comparison::Greater => ordering.is_gt(),
        Comparison::GreaterEqual => ordering.is_ge(),
        Comparison::Equal => ordering.is_eq(),
        Comparison::NotEqual => ordering.is_ne(),
    }
}

/// Numeric comparison; unknown when a side is not a number.
#[must_use]
pub(super) fn numeric(comparison: Comparison, found: &str, expected: &str) -> Truth {
    let ordering = match (found.trim().parse::<i128>(), expected.trim().parse::<i128>()) {
        (Ok(a), Ok(b)) => Some(a.cmp(&b)),
        _ => match (decimal(found), decimal(expected)) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            _ => None,
        },
    };
    ordering.map_or(Truth::Unknown, |o| holds(comparison, o).into())
}

fn decimal(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|n| n.is_finite())
}

/// Comparison of moments (ISO 8601 or seconds since 1970); unknown when a side is not a date.
#[must_use]
pub(super) fn date(comparison: Comparison, found: &str, expected: &str) -> Truth {
    match (moment(found), moment(expected)) {
        (Some(a), Some(b)) => holds(comparison, a.cmp(&b)).into(),
        _ => Truth::Unknown,
    }
}

/// Milliseconds since 1970 of an ISO 8601 date (W3C profile) or of a number of seconds.
#[must_use]
pub(super) fn moment(text: &str) -> Option<i128> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<i64>()
        && text.len() != 4
    {
        return Some(i128::from(seconds) * 1000);
    }
    let (day, time) = text.split_once(['T', 't', ' ']).map_or((text, None), |(d, t)| (d, Some(t)));
    let mut fields = day.split('-').map(digits);
    let year = fields.next()??;
    let month = fields.next().unwrap_or(Some(1))?;
    let date = fields.next().unwrap_or(Some(1))?;
    if fields.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&date) || year > 9999 {
        return None;
    }
    let clock = time.map_or(Some(0), clock)?;
    Some(i128::from(days(year, month, date)) * 86_400_000 + clock)
}

fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Milliseconds of `hh:mm[:ss[.fff]]` with its offset taken off.
fn clock(text: &str) -> Option<i128> {
    let (time, offset) = match text.find(['Z', 'z', '+', '-']) {
        None => (text, 0),
        Some(at) => {
            let (time, zone) = text.split_at_checked(at)?;
            (time, if zone.eq_ignore_ascii_case("z") { 0 } else { zone_offset(zone)? })
        }
    };
    let mut fields = time.split(':');
    let hour = digits(fields.next()?)?;
    let minute = fields.next().map_or(Some(0), digits)?;
    let (second, fraction) = match fields.next() {
        None => (0, 0),
        Some(s) => match s.split_once('.') {
            None => (digits(s)?, 0),
            Some((whole, part)) => {
                (digits(whole)?, digits(part.get(..3.min(part.len()))?)? * 10_i64.pow(3 - u32::try_from(part.len().min(3)).ok()?))
            }
        },
    };
    if fields.next().is_some() || hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    Some(i128::from(((hour * 60 + minute - offset) * 60 + second) * 1000 + fraction))
}

fn zone_offset(zone: &str) -> Option<i64> {
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let rest = zone.get(1..)?.replace(':', "");
    let hours = digits(rest.get(..2)?)?;
    let minutes = rest.get(2..).filter(|m| !m.is_empty()).map_or(Some(0), digits)?;
    Some(sign * (hours * 60 + minutes))
}

/// Is the address in the range? Unknown when a side is neither an address nor a range.
#[must_use]
pub(super) fn in_range(found: &str, range: &str) -> Truth {
    let (base, length) = range.trim().split_once('/').map_or((range.trim(), None), |(b, l)| (b, Some(l)));
    let (Ok(address), Ok(base)) = (found.trim().parse::<IpAddr>(), base.parse::<IpAddr>()) else { return Truth::Unknown };
    let (address, base, width) = match (address, base) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(u32::from(a)), u128::from(u32::from(b)), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (u128::from(a), u128::from(b), 128),
        _ => return Truth::False,
    };
    let length = match length.map(str::parse::<u32>) {
        None => width,
        Some(Ok(length)) if length <= width => length,
        Some(_) => return Truth::Unknown,
    };
    let shift = width - length;
    let same = shift >= 128 || (address >> shift) == (base >> shift);
    same.into()
}

/// Comparison of truth values: `true` and `false` in any letter case.
#[must_use]
pub(super) fn boolean(found: &str, expected: &str) -> Truth {
    let truth = |t: &str| match t.trim().to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    };
    match (truth(found), truth(expected)) {
        (Some(a), Some(b)) => (a == b).into(),
        _ => Truth::False,
    }
}
