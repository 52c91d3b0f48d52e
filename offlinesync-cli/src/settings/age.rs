//! `maxage` and `startdate`: how old messages that take part may be. Asks the clock only when told to.

use crate::config::{Config, Value};
use jiff::civil::Date;
use jiff::{ToSpan, ZonedDateTime};
use offlinesync_core::{Error, Result};

/// How old messages that take part may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// At most so many days before today.
    days: Option<i32>,
    /// Not before this day.
    start: Option<Date>,
}

impl Age {
    /// Reads `maxage` of an account and `startdate` of its repositories; where several are set, the latest day counts.
    ///
    /// # Errors
    /// Kind `Configuration`, naming the option.
    pub fn read(config: &Config, account: &str, repositories: [&str; 2]) -> Result<Option<Self>> {
        let mut age = Age { days: None, start: None };
        if let Some(value) = config.get_filled(account, "maxage")? {
            match value.text.trim().parse::<i32>() {
                Ok(days) if days >= 1 => age.days = Some(days),
                Ok(_) => return Err(value.error("must be at least 1 day")),
                Err(_) => age.start = Some(day(&value)?),
            }
        }
        for section in repositories {
            if let Some(value) = config.get_filled(section, "startdate")? {
                age.start = age.start.max(Some(day(&value)?));
            }
        }
        Ok((age.days.is_some() || age.start.is_some()).then_some(age))
    }

    /// The moment before which messages are left alone, in seconds since 1970-01-01T00:00:00Z: the beginning of a day, in the zone
    /// of `now`.
    ///
    /// # Errors
    /// Kind `Configuration`: the day is beyond all calendars, or still to come.
    pub fn since(&self, now: &ZonedDateTime) -> Result<i64> {
        let mistake = |text: String| Error::new(offlinesync_core::ErrorKind::Configuration, text);
        if let Some(day) = self.start.filter(|day| *day > now.date()) {
            return Err(mistake(format!("`maxage` or `startdate` is {day}, a day to come; nothing was synced")));
        }
        let failed = |error: jiff::Error| mistake(format!("`maxage` leads to no day: {error}"));
        let start = self.start.map(|day| day.to_zoned_datetime(now.time_zone().clone())).transpose().map_err(failed)?;
        let days = self.days.map(|days| now.checked_sub(days.days()).and_then(|day| day.start_of_day()));
        let days = days.transpose().map_err(failed)?;
        Ok([start, days].into_iter().flatten().map(|day| day.timestamp().as_second()).max().unwrap_or(i64::MIN))
    }
}

fn day(value: &Value) -> Result<Date> {
    let text = value.text.trim();
    let well_formed = text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    let day: Option<Date> = text.parse().ok().filter(|_| well_formed);
    let day = day.ok_or_else(|| value.error("must be a day, yyyy-mm-dd"))?;
    if day.year() < 1900 {
        return Err(value.error("must be a day after 1900"));
    }
    Ok(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(account: &str, repository: &str) -> Result<Option<Age>> {
        let text = format!("[Account a]\n{account}\n[Repository r]\n{repository}\n[Repository l]\n");
        let config = Config::parse(text.as_bytes(), &"file".into())?;
        Age::read(&config, "Account a", ["Repository r", "Repository l"])
    }

    fn since_at(day: &str, account: &str, repository: &str) -> Result<i64> {
        let now: ZonedDateTime = format!("{day}T12:00:00+02:00[Europe/Berlin]").parse().unwrap();
        read(account, repository)?.unwrap().since(&now)
    }

    fn since(account: &str, repository: &str) -> i64 {
        since_at("2024-03-31", account, repository).unwrap()
    }

    #[test]
    fn days_count_from_the_beginning_of_today_in_local_time() {
        assert_eq!(since("maxage = 1", ""), "2024-03-29T23:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second());
        assert_eq!(
            since_at("2024-04-02", "maxage = 2024-04-02", "").unwrap(),
            "2024-04-01T22:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second()
        );
        assert_eq!(since("maxage = 300", "startdate = 2024-03-30"), since("maxage = 1", ""));
        assert_eq!(read("", "").unwrap(), None);
    }

    #[test]
    fn a_day_to_come_is_refused() {
        for (account, repository) in [("maxage = 2024-04-02", ""), ("maxage = 1", "startdate = 2024-04-02")] {
            let error = since_at("2024-04-01", account, repository).unwrap_err();
            assert!(error.to_string().contains("is 2024-04-02, a day to come"), "{error}");
        }
    }

    #[test]
    fn what_is_no_age_is_refused() {
        for wrong in ["0", "-3", "tomorrow", "2024-13-01", "24-01-01", "1811-01-01", "2024-01-01T10"] {
            assert!(read(&format!("maxage = {wrong}"), "").is_err(), "{wrong}");
            assert!(read("", &format!("startdate = {wrong}")).is_err(), "{wrong}");
        }
    }
}
