//! Numbers in sentences for people.

use std::fmt::Display;

/// A number with its noun, which forms its plural with an `s`: `1 message`, `2 messages`.
pub fn counted(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let ending = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular_and_everything_else_plural() {
        assert_eq!(
            [0, 1, 2, 21].map(|number| counted(number, "folder")),
            ["0 folders", "1 folder", "2 folders", "21 folders"]
        );
    }
}
