//! INTERNALDATE (RFC 3501 `date-time`) both ways. A date that makes no sense is no date, never a failure. Pure.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use offlinesync_core::InternalDate;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads ` 7-Jul-1996 02:44:25 -0700`; an unpadded day and a leap second are accepted, an impossible zone counts as UTC.
pub fn parse(bytes: &[u8]) -> Option<InternalDate> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let mut parts = text.split_ascii_whitespace();
    let (date, time, zone) = (parts.next()?, parts.next()?, parts.next().unwrap_or("+0000"));
    let mut date = date.split('-');
    let (day, month, year) = (date.next()?.parse().ok()?, date.next()?, date.next()?.parse().ok()?);
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i8 + 1;
    let mut time = time.split(':').map(|part| part.parse::<i8>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??.min(59));
    let zone_minutes = zone_minutes(zone).unwrap_or(0);
    let civil = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    let offset = Offset::from_seconds(i32::from(zone_minutes) * 60).ok()?;
    Some(InternalDate { seconds: offset.to_timestamp(civil).ok()?.as_second(), zone_minutes })
}

fn zone_minutes(zone: &str) -> Option<i16> {
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let number: i16 = digits.parse().ok().filter(|_| digits.len() == 4)?;
    let minutes = number / 100 * 60 + number % 100;
    (minutes <= 15 * 60).then_some(sign * minutes)
}

/// Writes a date for APPEND, without quotes; `None` for a date outside the years 1 to 9999.
pub fn format(date: InternalDate) -> Option<String> {
    let offset = Offset::from_seconds(i32::from(date.zone_minutes) * 60).unwrap_or(Offset::UTC);
    let at = offset.to_datetime(Timestamp::from_second(date.seconds).ok()?);
    if at.year() < 1 {
        return None;
    }
    let minutes = offset.seconds() / 60;
    let (sign, minutes) = (if minutes < 0 { '-' } else { '+' }, minutes.abs());
    Some(format!(
        "{:02}-{}-{:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        at.day(),
        MONTHS[at.month().clamp(1, 12) as usize - 1],
        at.year(),
        at.hour(),
        at.minute(),
        at.second(),
        minutes / 60,
        minutes % 60
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn odd_dates() {
        let at = |text: &str| parse(text.as_bytes());
        assert_eq!(at("17-Jul-1996 02:44:25 -0700"), Some(InternalDate { seconds: 837_596_665, zone_minutes: -420 }));
        assert_eq!(at(" 7-Jul-1996 02:44:25 -0700"), at("07-jul-1996 02:44:25 -0700"));
        assert_eq!(at("7-Jul-1996 02:44:25 -0700"), at("07-Jul-1996 02:44:25 -0700"));
        assert_eq!(at("17-Jul-1996 02:44:25 +9999"), at("17-Jul-1996 02:44:25 +0000"));
        assert_eq!(at("31-Dec-2016 23:59:60 +0000"), at("31-Dec-2016 23:59:59 +0000"));
        for nonsense in
            ["", "NIL", "17-Foo-1996 02:44:25 -0700", "99-Jul-1996 02:44:25 +0000", "17-Jul-1996", "a-b-c d:e:f"]
        {
            assert_eq!(at(nonsense), None, "{nonsense}");
        }
    }

    proptest! {
        #[test]
        fn a_date_survives(seconds in 0i64..253_402_300_000, zone_minutes in -840i16..=840) {
            let date = InternalDate { seconds, zone_minutes };
            prop_assume!(format(date).is_some());
            prop_assert_eq!(parse(format(date).unwrap().as_bytes()), Some(date));
        }

        #[test]
        fn any_bytes_are_a_date_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&bytes);
        }
    }
}
