//! Which messages take part in a sync, by age and size. Values only: no clock is read here.

use crate::message::InternalDate;

/// A window on the messages of an account. A message outside is not touched: it is not copied and not removed, its flags are left
/// alone, and its row is kept, so that the window can be made wider and narrower without any message being removed for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Messages that arrived before are outside: seconds since 1970-01-01T00:00:00Z. `None`: messages of any age take part.
    pub since: Option<i64>,
    /// Messages with more octets, counted with CR LF line ends, are outside. `None`: messages of any size take part.
    pub max_octets: Option<u64>,
}

impl Window {
    /// Whether every message is inside.
    pub fn is_open(&self) -> bool {
        *self == Window::default()
    }

    /// Whether a message is inside. One whose date or size is unknown is not left out for that.
    pub fn admits(&self, date: Option<InternalDate>, octets: Option<u64>) -> bool {
        let early = matches!((self.since, date), (Some(since), Some(date)) if date.seconds < since);
        let large = matches!((self.max_octets, octets), (Some(most), Some(octets)) if octets > most);
        !early && !large
    }

    /// Whether some message can be inside this window and outside the other.
    pub(crate) fn is_wider_than(&self, other: &Window) -> bool {
        let earlier = other.since.is_some_and(|then| self.since.is_none_or(|now| now < then));
        let larger = other.max_octets.is_some_and(|then| self.max_octets.is_none_or(|now| now > then));
        earlier || larger
    }

    /// What is inside both.
    pub(crate) fn and(&self, other: &Window) -> Window {
        Window {
            since: self.since.max(other.since),
            max_octets: match (self.max_octets, other.max_octets) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(since: Option<i64>, max_octets: Option<u64>) -> Window {
        Window { since, max_octets }
    }

    #[test]
    fn the_borders_are_inside_and_what_is_unknown_is_not_left_out() {
        let narrow = window(Some(100), Some(10));
        let at = |seconds| Some(InternalDate { seconds, zone_minutes: 0 });
        assert!(narrow.admits(at(100), Some(10)) && narrow.admits(None, None));
        assert!(!narrow.admits(at(99), Some(10)) && !narrow.admits(at(100), Some(11)));
        assert!(Window::default().is_open() && Window::default().admits(at(i64::MIN), Some(u64::MAX)));
    }

    #[test]
    fn a_window_is_wider_if_it_admits_anything_more() {
        let (open, narrow) = (Window::default(), window(Some(100), Some(10)));
        assert!(open.is_wider_than(&narrow) && !narrow.is_wider_than(&open) && !narrow.is_wider_than(&narrow));
        let mixed = window(Some(200), Some(20));
        assert!(mixed.is_wider_than(&narrow) && narrow.is_wider_than(&mixed));
        assert_eq!(narrow.and(&mixed), window(Some(200), Some(10)));
        assert_eq!(open.and(&narrow), narrow);
    }
}
