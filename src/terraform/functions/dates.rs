//! Dates, as far as they do not depend on the clock. RFC 3339 in the proleptic Gregorian calendar.
//! <https://developer.hashicorp.com/terraform/language/functions/formatdate>

use super::arguments::{Answer, Call, Stop, fail};
use super::numbers::Num;
use crate::calendar;
use crate::partial::Value;
use jiff::civil::{DateTime, Time};

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "timeadd" => timeadd(c),
        "timecmp" => timecmp(c),
        "formatdate" => formatdate(c),
        _ => return None,
    })
}

/// A moment: seconds since 1970 in UTC, and the offset it was written with (seconds; none for `Z`).
#[derive(Clone, Copy)]
struct Moment {
    seconds: i64,
    offset: Option<i64>,
}

fn moment(text: &str) -> Result<Moment, Stop> {
    parse(text).map_or_else(|| fail(format!("`{text}` is not a valid RFC 3339 timestamp")), Ok)
}

/// Terraform takes RFC 3339 alone, with its capital letters; the calendar says which days there are.
fn parse(text: &str) -> Option<Moment> {
    let field = |range: std::ops::Range<usize>| text.get(range).filter(|f| f.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok();
    let small = |range: std::ops::Range<usize>| field(range).and_then(|n| i8::try_from(n).ok());
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, wanted)| text.as_bytes().get(*at) != Some(wanted)) {
        return None;
    }
    let date = calendar::date(field(0..4)?, field(5..7)?, field(8..10)?)?;
    let time = Time::new(small(11..13)?, small(14..16)?, small(17..19)?, 0).ok()?;
    let mut rest = text.get(19..)?;
    if let Some(fraction) = rest.strip_prefix('.') {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let offset = if rest == "Z" { None } else { Some(offset(rest)?) };
    Some(Moment { seconds: calendar::seconds(date.to_datetime(time)) - offset.unwrap_or(0), offset })
}

/// `+01:00`, in seconds.
fn offset(text: &str) -> Option<i64> {
    let (sign, rest) = text.strip_prefix('-').map(|r| (-1, r)).or_else(|| text.strip_prefix('+').map(|r| (1, r)))?;
    let (hours, minutes) = rest.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    (hours <= 24 && minutes <= 60).then(|| sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

impl Moment {
    /// Date and time in the moment's own offset.
    fn local(self) -> Result<DateTime, Stop> {
        calendar::moment(self.seconds + self.offset.unwrap_or(0)).ok_or(Stop::Unknown)
    }

    fn zone(self, colon: bool) -> String {
        let Some(offset) = self.offset else { return "Z".to_owned() };
        let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
        format!("{sign}{:02}{}{:02}", minutes / 60, if colon { ":" } else { "" }, minutes % 60)
    }
}

/// `1h30m`, `-5m`, `1.5h`: the sum in seconds. Fractions of seconds are dropped.
fn duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1.0, text.trim_start_matches('+')), |r| (-1.0, r));
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let n: f64 = rest.get(..digits)?.parse().ok()?;
        rest = rest.get(digits..)?;
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += n * match rest.get(..unit)? {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        rest = rest.get(unit..)?;
    }
    (total.is_finite() && total < 1e12 && !text.is_empty()).then_some((sign * total) as i64)
}

fn timeadd(c: &Call<'_>) -> Result<Value, Stop> {
    let start = moment(&c.string(0)?)?;
    let text = c.string(1)?;
    let Some(seconds) = duration(&text) else { return fail(format!("`{text}` is not a valid duration")) };
    let sum = Moment { seconds: start.seconds + seconds, ..start };
    let local = sum.local()?;
    c.string_value(format!("{}T{:02}:{:02}:{:02}{}", local.date(), local.hour(), local.minute(), local.second(), sum.zone(true)))
}

fn timecmp(c: &Call<'_>) -> Result<Value, Stop> {
    let (a, b) = (moment(&c.string(0)?)?, moment(&c.string(1)?)?);
    c.number_value(Num::Int(a.seconds.cmp(&b.seconds) as i128))
}

fn formatdate(c: &Call<'_>) -> Result<Value, Stop> {
    let (spec, when) = (c.string(0)?, moment(&c.string(1)?)?);
    let chars: Vec<char> = spec.chars().collect();
    let mut out = String::new();
    let mut i = 0;
    while let Some(ch) = chars.get(i).copied() {
        if ch == '\'' {
            i += 1;
            loop {
                match (chars.get(i), chars.get(i + 1)) {
                    (Some('\''), Some('\'')) => {
                        out.push('\'');
                        i += 2;
                    }
                    (Some('\''), _) => break i += 1,
                    (Some(other), _) => {
                        out.push(*other);
                        i += 1;
                    }
                    (None, _) => return fail("unterminated literal in the date format"),
                }
            }
            continue;
        }
        let run = chars.iter().skip(i).take_while(|c| **c == ch).count();
        i += run;
        if ch.is_ascii_alphabetic() { out.push_str(&verb(ch, run, when)?) } else { out.extend(std::iter::repeat_n(ch, run)) }
    }
    c.string_value(out)
}

fn verb(letter: char, run: usize, when: Moment) -> Result<String, Stop> {
    let local = when.local()?;
    let (year, month, day) = (local.year(), local.month(), local.day());
    let (hour, minute, sec) = (local.hour(), local.minute(), local.second());
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month_name = usize::try_from(month - 1).ok().and_then(|m| MONTHS.get(m)).copied().unwrap_or("");
    let day_name = usize::try_from(local.weekday().to_monday_zero_offset()).ok().and_then(|d| DAYS.get(d)).copied().unwrap_or("");
    Ok(match (letter, run) {
        ('Y', 4) => format!("{year:04}"),
        ('Y', 2) => format!("{:02}", year % 100),
        ('M', 4) => month_name.to_owned(),
        ('M', 3) => month_name.chars().take(3).collect(),
        ('M', 2) => format!("{month:02}"),
        ('M', 1) => month.to_string(),
        ('D', 2) => format!("{day:02}"),
        ('D', 1) => day.to_string(),
        ('E', 4) => day_name.to_owned(),
        ('E', 3) => day_name.chars().take(3).collect(),
        ('h', 2) => format!("{hour:02}"),
        ('h', 1) => hour.to_string(),
        ('H', 2) => format!("{twelve:02}"),
        ('H', 1) => twelve.to_string(),
        ('A', 2) => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        ('a', 2) => if hour < 12 { "am" } else { "pm" }.to_owned(),
        ('m', 2) => format!("{minute:02}"),
        ('m', 1) => minute.to_string(),
        ('s', 2) => format!("{sec:02}"),
        ('s', 1) => sec.to_string(),
        ('Z', 5) => {
            if when.offset.is_none() {
                "+00:00".to_owned()
            } else {
                when.zone(true)
            }
        }
        ('Z', 4) => {
            if when.offset.is_none() {
                "+0000".to_owned()
            } else {
                when.zone(false)
            }
        }
        ('Z', 3) => {
            if when.offset.is_none() {
                "UTC".to_owned()
            } else {
                when.zone(false)
            }
        }
        ('Z', 1) => when.zone(true),
        _ => return fail(format!("invalid date format verb `{}`", letter.to_string().repeat(run.min(8)))),
    })
}
