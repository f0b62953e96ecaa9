//! Days and moments: the calendar of `jiff`, counted in seconds since 1970 in UTC as the clouds count.
//!
//! Its dates go from year 0 to the last second of 9999, where its own timestamps end a day earlier.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};

fn epoch() -> DateTime {
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
}

/// The date with this year, month and day; none when there is no such day.
#[must_use]
pub fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

/// Seconds since 1970 of a moment in UTC.
#[must_use]
pub fn seconds(moment: DateTime) -> i64 {
    moment.duration_since(epoch()).as_secs()
}

/// The moment in UTC so many seconds after 1970; none beyond the calendar.
#[must_use]
pub fn moment(seconds: i64) -> Option<DateTime> {
    epoch().checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// Now, in seconds since 1970.
#[must_use]
pub fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// Today in UTC, as `2027-01-01`.
#[must_use]
pub fn today() -> String {
    moment(now()).map(|now| now.date().to_string()).unwrap_or_default()
}

/// Whether a text is a day that there is, as `2027-01-01`.
#[must_use]
pub fn is_date(text: &str) -> bool {
    let mut fields = text.split('-');
    let mut number = |len: usize| {
        let field = fields.next().filter(|f| f.len() == len && f.bytes().all(|b| b.is_ascii_digit()))?;
        field.parse::<i64>().ok()
    };
    let date = number(4).zip(number(2)).zip(number(2)).and_then(|((y, m), d)| date(y, m, d));
    date.is_some() && fields.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{date, is_date, moment, seconds};
    use jiff::civil::Time;

    #[test]
    fn days_that_there_are() {
        for right in ["2024-02-29", "2000-02-29", "2026-12-31", "0001-01-01", "9999-12-31"] {
            assert!(is_date(right), "{right}");
        }
        for wrong in ["2026-02-29", "2026-02-30", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-01", "2026-01-00"] {
            assert!(!is_date(wrong), "{wrong}");
        }
        for wrong in ["", "2026-1-01", "2026-01-01T00:00:00Z", "20260101", "2026-01-01-01", "+026-01-01", "2026-01- 1"] {
            assert!(!is_date(wrong), "{wrong}");
        }
    }

    #[test]
    fn seconds_and_moments_are_one_another() {
        for (at, expected) in [(0, "1970-01-01T00:00:00"), (-1, "1969-12-31T23:59:59"), (253_402_300_799, "9999-12-31T23:59:59")] {
            let moment = moment(at).expect("in the calendar");
            assert_eq!((moment.to_string().as_str(), seconds(moment)), (expected, at));
        }
        let leap = date(2024, 2, 29).expect("a day").to_datetime(Time::midnight());
        assert_eq!(seconds(leap), 19_782 * 86_400);
        assert!(moment(253_402_300_800).is_none());
    }
}
