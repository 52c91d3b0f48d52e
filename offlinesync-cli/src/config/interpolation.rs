//! `%(name)s` and `%%` inside values: Python's `BasicInterpolation`. Pure.

use super::place::Place;
use offlinesync_core::Result;

/// References may be nested this deep, as in Python.
const MAX_DEPTH: usize = 10;

/// No value grows beyond this many octets, whatever it refers to.
const MAX_OCTETS: usize = 1024 * 1024;

/// Expands a raw value. `lookup` answers the raw value of a lower-case name in the same section or in `[DEFAULT]`.
///
/// # Errors
/// Kind `Configuration`: a lone `%`, an unknown name, values that refer to each other in a circle.
pub fn expand<'a>(raw: &'a str, place: &Place, lookup: &dyn Fn(&str) -> Option<&'a str>) -> Result<String> {
    let mut expander = Expander { place, lookup, out: String::new() };
    expander.expand(raw, 1)?;
    Ok(expander.out)
}

struct Expander<'a, 'b> {
    place: &'b Place,
    lookup: &'b dyn Fn(&str) -> Option<&'a str>,
    out: String,
}

impl Expander<'_, '_> {
    fn expand(&mut self, raw: &str, depth: usize) -> Result<()> {
        if depth > MAX_DEPTH {
            return Err(self.place.error("`%(…)s` references are nested too deep or go in a circle"));
        }
        let mut rest = raw;
        while let Some(at) = rest.find('%') {
            self.push(&rest[..at])?;
            rest = self.reference(&rest[at..], depth)?;
        }
        self.push(rest)
    }

    /// Expands what `rest` begins with, a `%`, and answers what follows it.
    fn reference<'t>(&mut self, rest: &'t str, depth: usize) -> Result<&'t str> {
        if let Some(behind) = rest.strip_prefix("%%") {
            self.push("%")?;
            return Ok(behind);
        }
        let inner =
            rest.strip_prefix("%(").and_then(|inner| inner.split_once(")")).filter(|(name, _)| !name.is_empty());
        let Some((name, behind)) = inner.and_then(|(name, behind)| Some((name, behind.strip_prefix('s')?))) else {
            return Err(self.place.error("a `%` that begins no `%(name)s`").with_hint("write `%%` for a percent sign"));
        };
        let Some(value) = (self.lookup)(&name.to_lowercase()) else {
            return Err(self.place.error(format!("`%({name})s` refers to an option that is not set here")));
        };
        self.expand(value, depth + 1)?;
        Ok(behind)
    }

    fn push(&mut self, text: &str) -> Result<()> {
        if self.out.len() + text.len() > MAX_OCTETS {
            return Err(self.place.error("the value grows too large"));
        }
        self.out.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(raw: &str) -> Result<String> {
        expand(raw, &Place::argument("test"), &|name| match name {
            "base" => Some("/home"),
            "nested" => Some("%(base)s/%%"),
            "circle" => Some("x%(circle)s"),
            _ => None,
        })
    }

    #[test]
    fn references_are_replaced_and_doubled_percents_halved() {
        assert_eq!(run("%(BASE)s/mail 100%%").unwrap(), "/home/mail 100%");
        assert_eq!(run("%(nested)s").unwrap(), "/home/%");
    }

    #[test]
    fn a_lone_percent_an_unknown_name_and_a_circle_are_errors() {
        for raw in ["100%", "%(base)", "%(base)d", "%()s", "%(nobody)s", "%(circle)s"] {
            assert!(run(raw).is_err(), "{raw}");
        }
    }
}
