//! INTERNALDATE (RFC 3501 section 9, `date-time`), read tolerantly and written exactly. Pure: no clock, no time-zone database.

use offlinesync_core::InternalDate;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: the form has four digits for the year.
const FIRST: i64 = -62_167_219_200;
const LAST: i64 = 253_402_300_799;
/// The widest zone written, in minutes.
const ZONE: i16 = 23 * 60 + 59;

/// Reads `17-Jul-1996 02:44:25 -0700`, also with the day not padded, a leap second, a missing time or zone, `GMT`.
///
/// A zone that is none (`+9999`) counts as UTC: the day is about right then. `None` if there is no date in it.
pub fn parse(text: &[u8]) -> Option<InternalDate> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split_ascii_whitespace();
    let day = date(words.next()?)?;
    let time = words.next().map_or(Some(0), time)?;
    let zone_minutes = words.next().and_then(zone).unwrap_or(0);
    Some(InternalDate { seconds: day * 86_400 + time - i64::from(zone_minutes) * 60, zone_minutes })
}

/// Writes it without quotes, the day padded with a blank. What is beyond year 9999 or a zone of a day is brought inside.
pub fn format(date: InternalDate) -> String {
    let zone = date.zone_minutes.clamp(-ZONE, ZONE);
    let local = date.seconds.clamp(FIRST, LAST).saturating_add(i64::from(zone) * 60).clamp(FIRST, LAST);
    let (year, month, day) = civil(local.div_euclid(86_400));
    let second = local.rem_euclid(86_400);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let sign = if zone < 0 { '-' } else { '+' };
    let (zone_hour, zone_minute) = (zone.unsigned_abs() / 60, zone.unsigned_abs() % 60);
    let month = MONTHS.get(month).copied().unwrap_or("Jan");
    format!("{day:2}-{month}-{year:04} {hour:02}:{minute:02}:{second:02} {sign}{zone_hour:02}{zone_minute:02}")
}

/// Days since 1970-01-01 of `d-Mon-yyyy`.
fn date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let day = within(parts.next()?, 1, 31)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|m| name.get(..3).is_some_and(|n| n.eq_ignore_ascii_case(m)))?;
    let year = within(parts.next()?, 0, 9999)?;
    parts.next().is_none().then(|| days(year, month, day))
}

/// Seconds since midnight of `hh:mm` or `hh:mm:ss`.
fn time(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = within(parts.next()?, 0, 24)?;
    let minute = within(parts.next()?, 0, 59)?;
    let second = parts.next().map_or(Some(0), |s| within(s, 0, 60))?;
    parts.next().is_none().then_some(hour * 3600 + minute * 60 + second)
}

/// Minutes east of UTC of `+hhmm` or `+hh:mm`.
fn zone(text: &str) -> Option<i16> {
    let (sign, digits) = match text.as_bytes() {
        [b'+', ..] => (1, text.get(1..)?),
        [b'-', ..] => (-1, text.get(1..)?),
        _ => return None,
    };
    let digits = digits.replace(':', "");
    let value = (digits.len() == 4).then(|| within(&digits, 0, 9999))??;
    let (hours, minutes) = (value / 100, value % 100);
    let total = i16::try_from(hours * 60 + minutes).ok()?;
    (minutes < 60 && total <= ZONE).then_some(sign * total)
}

fn within(digits: &str, low: i64, high: i64) -> Option<i64> {
    let value = i64::try_from(super::lexer::number(digits.as_bytes())?).ok()?;
    (low..=high).contains(&value).then_some(value)
}

/// Days since 1970-01-01 in the Gregorian calendar; `month` from 0. Years are counted from March, so that the leap day ends one.
fn days(year: i64, month: usize, day: i64) -> i64 {
    let month = month as i64;
    let (year, month) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leaps + (month * 153 + 2) / 5 + day - 1 - 719_468
}

/// Year, month from 0 and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, usize, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (year * 365 + year / 4 - year / 100);
    let month = (day * 5 + 2) / 153;
    let of_month = day - (month * 153 + 2) / 5 + 1;
    let (add, month) = if month < 10 { (0, month + 2) } else { (1, month - 10) };
    (era * 400 + year + add, month as usize, of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64, zone_minutes: i16) -> Option<InternalDate> {
        Some(InternalDate { seconds, zone_minutes })
    }

    #[test]
    fn the_rfc_example_goes_both_ways() {
        let date = parse(b"17-Jul-1996 02:44:25 -0700");
        assert_eq!(date, at(837_596_665, -420));
        assert_eq!(format(date.unwrap()), "17-Jul-1996 02:44:25 -0700");
        assert_eq!(format(parse(b"7-jul-1996 2:44:25 +0530").unwrap()), " 7-Jul-1996 02:44:25 +0530");
    }

    #[test]
    fn odd_dates_are_read_as_well_as_they_can_be() {
        assert_eq!(parse(b" 1-Jan-1970 00:00:00 +0000"), at(0, 0));
        assert_eq!(parse(b"31-Dec-2016 23:59:60 +0000"), at(1_483_228_800, 0), "a leap second is the next second");
        assert_eq!(parse(b"1-Jan-1970 00:00:00 +9999"), at(0, 0), "no such zone");
        assert_eq!(parse(b"1-Jan-1970 00:00:00 +0075"), at(0, 0), "no such zone");
        assert_eq!(parse(b"1-Jan-1970 01:00:00 +01:00"), at(0, 60));
        assert_eq!(parse(b"1-Jan-1970 00:00:00 GMT"), at(0, 0));
        assert_eq!(parse(b"1-Jan-1970 00:00:00"), at(0, 0));
        assert_eq!(parse(b"1-Jan-1970"), at(0, 0));
        assert_eq!(parse(b"29-Feb-2000 00:00:00 +0000"), at(951_782_400, 0));
    }

    #[test]
    fn nonsense_is_no_date() {
        let nonsense: [&[u8]; 10] = [
            b"",
            b"NIL",
            b"0-Jan-1970",
            b"32-Jan-1970",
            b"1-Foo-1970",
            b"1-Jan-99999",
            b"1-Jan-1970 99:00:00",
            b"1-J\xff-1970",
            "1-Jä-1970".as_bytes(),
            b"1-Jan-1970-1",
        ];
        for text in nonsense {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_day_of_ten_thousand_years_has_one_name() {
        let (mut year, mut month, mut day) = (0, 0, 1);
        for n in FIRST / 86_400..=LAST / 86_400 {
            assert_eq!(civil(n), (year, month, day));
            assert_eq!(days(year, month, day), n);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month];
            day += 1;
            if day > length {
                (day, month) = (1, month + 1);
            }
            if month == 12 {
                (month, year) = (0, year + 1);
            }
        }
    }

    #[test]
    fn no_date_is_too_far_to_write() {
        assert_eq!(format(at(i64::MAX, i16::MAX).unwrap()), "31-Dec-9999 23:59:59 +2359");
        assert_eq!(format(at(i64::MIN, i16::MIN).unwrap()), " 1-Jan-0000 00:00:00 -2359");
    }
}
