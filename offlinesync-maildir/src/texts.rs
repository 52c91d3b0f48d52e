//! Many short texts one behind the other, in few pieces of memory. A folder's file names are a hundred octets each and may be a million:
//! each in an allocation of its own would take half as much again. Pure.

/// How long a piece is, in octets; a text that is longer has a piece of its own.
const PIECE: usize = 64 * 1024;

/// The texts. What was added stays until all go.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    pieces: Vec<String>,
}

/// Where a text is among [`Texts`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    piece: u32,
    start: u16,
    length: u16,
}

impl Texts {
    /// `None` for a text that no place can name, of 64 KiB or more.
    pub(crate) fn add(&mut self, text: &str) -> Option<Place> {
        let length = u16::try_from(text.len()).ok()?;
        let full = self.pieces.last().is_none_or(|last| last.len() + text.len() > PIECE);
        if full {
            // A small folder needs no whole piece.
            let more = if self.pieces.is_empty() { text.len() } else { PIECE };
            self.pieces.push(String::with_capacity(more));
        }
        let piece = u32::try_from(self.pieces.len() - 1).ok()?;
        let last = self.pieces.last_mut()?;
        // An empty text at the end of a full piece would begin beyond it.
        let start = u16::try_from(last.len()).unwrap_or(0);
        last.push_str(text);
        Some(Place { piece, start, length })
    }

    /// The text there.
    pub(crate) fn at(&self, place: Place) -> &str {
        let (start, end) = (usize::from(place.start), usize::from(place.start) + usize::from(place.length));
        self.pieces.get(place.piece as usize).and_then(|piece| piece.get(start..end)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_found_where_it_was_put() {
        let mut texts = Texts::default();
        let long = "x".repeat(usize::from(u16::MAX));
        let all: Vec<String> =
            (0..20_000).map(|n| if n % 5000 == 7 { long.clone() } else { format!("{n}ä").repeat(n % 40) }).collect();
        let places: Vec<Place> = all.iter().map(|text| texts.add(text).unwrap()).collect();
        all.iter().zip(&places).for_each(|(text, place)| assert_eq!(texts.at(*place), text));
        assert!(texts.add(&"x".repeat(1 << 16)).is_none());
    }
}
