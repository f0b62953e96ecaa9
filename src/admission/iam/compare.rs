//! Comparisons of one request value with one policy value, beyond strings.

use crate::admission::formula::Comparison;
use crate::calendar;
use crate::token::Truth;
use jiff::civil::Time;
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
    if fields.next().is_some() {
        return None;
    }
    let clock = time.map_or(Some(0), clock)?;
    Some(i128::from(midnight(year, month, date)?) * 1000 + clock)
}

fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) { None } else { text.parse().ok() }
}

/// The first second of a day; none when there is no such day.
fn midnight(year: i64, month: i64, day: i64) -> Option<i64> {
    calendar::date(year, month, day).map(|date| calendar::seconds(date.to_datetime(Time::midnight())))
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

#[cfg(test)]
mod tests {
    use super::{date, in_range, moment};
    use crate::admission::formula::Comparison;
    use crate::token::Truth::{False, True, Unknown};

    #[test]
    fn the_lengths_of_ranges_go_to_their_ends() {
        assert_eq!(in_range("203.0.113.7", "203.0.113.7/32"), True);
        assert_eq!(in_range("203.0.113.8", "203.0.113.7/32"), False);
        assert_eq!(in_range("203.0.113.7", "203.0.113.7"), True);
        assert_eq!(in_range("203.0.113.7", "203.0.113.7/33"), Unknown);
        assert_eq!(in_range("203.0.113.7", "0.0.0.0/0"), True);
        assert_eq!(in_range("2001:db8::1", "2001:db8::1/128"), True);
        assert_eq!(in_range("2001:db8::2", "2001:db8::1/128"), False);
        assert_eq!(in_range("2001:db8::1", "2001:db8::1/129"), Unknown);
        assert_eq!(in_range("2001:db8::1", "::/0"), True);
        assert_eq!(in_range("203.0.113.127", "203.0.113.0/25"), True);
        assert_eq!(in_range("203.0.113.128", "203.0.113.0/25"), False);
    }

    #[test]
    fn dates_that_there_are_not_are_unknown() {
        for wrong in [
            "2026-02-30",
            "2026-02-29T00:00:00Z",
            "2026-13-01",
            "2026-00-01",
            "2026-01-32",
            "2026-04-31",
            "2026-01-01T25:00:00Z",
            "2026-01-01T00:60:00Z",
        ] {
            assert_eq!(moment(wrong), None, "{wrong}");
            assert_eq!(date(Comparison::Less, wrong, "2030-01-01"), Unknown, "{wrong}");
        }
        for (right, same) in [
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2026-12-31", "2026-12-31T01:00:00+01:00"),
            ("2026", "2026-01-01"),
            ("2026-01-01T23:59:00Z", "2026-01-01T23:59Z"),
        ] {
            assert!(moment(right).is_some() && moment(right) == moment(same), "{right}");
        }
        assert_eq!(moment("1970-01-01T00:00:00.5Z"), Some(500));
    }
}
