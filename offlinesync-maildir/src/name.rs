//! The grammar of a message's file name. Pure: text in, text out, no file is touched.
//!
//! ```text
//! 1700000000_17.1690000000.7e33429f,U=17,FMD5=7e33429f656f1e6e9d79b29c3f82c57e:2,FS
//! └───────────── base ────────────┘└──────────────── attributes ─────────────┘  └┘ letters
//! └──────────────────────────────── stem ─────────────────────────────────────┘
//! ```
//! The base names the message for ever; attributes come and go, and so do letters. A part that this program does not know is
//! carried along unchanged: foreign attributes, foreign letters, an info part that is not `2,`, fields after the letters.

use md5::{Digest, Md5};
use offlinesync_core::{InternalDate, SourceFolder, Uid, UidValidity};
use std::fmt::Write as _;

/// The longest base written by us; a longer one could not take attributes and letters within the usual limit of 255 bytes.
const LONGEST_BASE: usize = 160;

/// A file name taken apart. Borrows the name; every part is a piece of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName<'n> {
    whole: &'n str,
    separator: char,
    base: usize,
    stem: usize,
    /// Where the info separator before `2,` is.
    info: Option<usize>,
}

impl<'n> FileName<'n> {
    /// Takes a name apart. `None` if no mail program would name a message so: hidden, without a base, with a line end, a NUL
    /// or a slash inside, or of 64 KiB and more.
    pub fn parse(whole: &'n str, separator: char) -> Option<Self> {
        let too_long = whole.len() > usize::from(u16::MAX);
        if too_long || whole.starts_with('.') || whole.bytes().any(|b| matches!(b, b'\n' | b'\r' | b'\0' | b'/')) {
            return None;
        }
        let (separator, info, stem) = ends(whole, separator);
        let base = whole[..stem].find(',').unwrap_or(stem);
        (base > 0).then_some(FileName { whole, separator, base, stem, info })
    }

    /// The name as it was.
    pub fn whole(&self) -> &'n str {
        self.whole
    }

    /// The part that never changes.
    pub fn base(&self) -> &'n str {
        &self.whole[..self.base]
    }

    /// Base and attributes: everything before the info part.
    pub fn stem(&self) -> &'n str {
        &self.whole[..self.stem]
    }

    /// The flag letters, in the order they stand; empty without an info part.
    pub fn letters(&self) -> &'n str {
        let info = self.info.map_or("", |at| &self.whole[at + self.separator.len_utf8() + 2..]);
        info.split(',').next().unwrap_or_default()
    }

    /// What follows the letters: nothing, or a comma and fields of some other program.
    fn after_letters(&self) -> &'n str {
        let info = self.info.map_or("", |at| &self.whole[at + self.separator.len_utf8() + 2..]);
        info.find(',').map_or("", |at| &info[at..])
    }

    fn attributes(&self) -> impl Iterator<Item = &'n str> {
        self.whole[self.base..self.stem].split(',').skip(1)
    }

    /// The UID that the name claims in the folder with this digest: `,FMD5=` must be there and be this one, and so must `,RU=`, or
    /// `,U=` where that is missing.
    pub fn partner(&self, digest: &str) -> Option<Uid> {
        let ours = self.attributes().any(|a| a.strip_prefix("FMD5=") == Some(digest));
        let value = |key: &str| self.attributes().find_map(|a| a.strip_prefix(key));
        let uid = value(UidKey::Foreign.prefix()).or_else(|| value(UidKey::Usual.prefix()))?;
        if ours { decimal(uid) } else { None }
    }

    /// The number of a message in a folder that mbsync looks after: `,U=` alone.
    pub fn mbsync_uid(&self) -> Option<Uid> {
        self.attributes().find_map(|a| a.strip_prefix(UidKey::Usual.prefix())).and_then(decimal)
    }

    /// The same name with other letters. The info part stays where it is, or is added at the end.
    pub fn with_letters(&self, letters: &str) -> String {
        let head = &self.whole[..self.info.unwrap_or(self.whole.len())];
        format!("{head}{}2,{letters}{}", self.separator, self.after_letters())
    }

    /// The same name with UID and `,FMD5=` as given, or without them; other attributes stay, and with [`UidKey::Foreign`] so does `,U=`.
    pub fn with_partner(&self, partner: Option<Claim<'_>>) -> String {
        let mut name = self.base().to_owned();
        let foreign = partner.is_some_and(|claim| claim.key == UidKey::Foreign);
        let ours = |a: &&str| {
            a.starts_with("FMD5=") || a.starts_with("RU=") || a.starts_with(UidKey::Usual.prefix()) && !foreign
        };
        for kept in self.attributes().filter(|a| !ours(a)) {
            name.extend([",", kept]);
        }
        push_partner(&mut name, partner);
        self.closed(name + &self.whole[self.stem..])
    }

    /// The name; one without an info part gets an empty one where the other separator would be seen to begin one, in front of attributes that were
    /// not there before.
    fn closed(&self, name: String) -> String {
        let has_none = |read: FileName<'_>| read.info.is_none();
        match self.info.is_some() || FileName::parse(&name, self.separator).is_some_and(has_none) {
            true => name,
            false => format!("{name}{}2,", self.separator),
        }
    }
}

impl FileName<'_> {
    /// The same name with a number of mbsync's. A `,U=` that is there and no such number goes on as `,RU=`.
    pub fn with_mbsync_uid(&self, number: Uid) -> String {
        let mut name = format!("{},{}{number}", self.base(), UidKey::Usual.prefix());
        let value = |key: UidKey| self.attributes().find_map(|a| a.strip_prefix(key.prefix()));
        let claim = value(UidKey::Foreign).or_else(|| value(UidKey::Usual)).and_then(decimal);
        let mut told = false;
        for kept in self.attributes().filter(|a| UidKey::BOTH.iter().all(|key| !a.starts_with(key.prefix()))) {
            if kept.starts_with("FMD5=") {
                // Without a claim of its own it would make one of mbsync's number.
                let Some(uid) = claim else { continue };
                if !std::mem::replace(&mut told, true) {
                    let _ = write!(name, ",{}{uid}", UidKey::Foreign.prefix());
                }
            }
            name.extend([",", kept]);
        }
        self.closed(name + &self.whole[self.stem..])
    }
}

/// What programs put before `2,`. A folder may hold names of both kinds, of another program or of the time before the setting was changed.
const SEPARATORS: [char; 2] = [':', '!'];

/// The separator that a name has, where its info part begins, and where its stem ends. A name without the separator of the folder may have
/// the other one: taken for a name without flags it would be another message, or the same without its flags. Then nothing but letters may
/// follow, for what we put behind a base that ends in `!2` is no info part.
fn ends(whole: &str, separator: char) -> (char, Option<usize>, usize) {
    let info = |separator: char, follows: fn(&str) -> bool| {
        let mut places = whole.match_indices(separator).map(|(at, _)| at);
        let info = |at: usize| whole[at + separator.len_utf8()..].strip_prefix("2,");
        places.find(|at| info(*at).is_some_and(follows)).map(|at| (separator, at))
    };
    let letters = |info: &str| info.bytes().all(|b| b.is_ascii_alphabetic());
    let stem = whole.find(separator).unwrap_or(whole.len());
    let other = || SEPARATORS.into_iter().find_map(|separator| info(separator, letters));
    match info(separator, |_| true).or_else(other) {
        Some((found, at)) => (found, Some(at), stem.min(at)),
        None => (separator, None, stem),
    }
}

/// The attribute that tells which UID a message has on the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UidKey {
    /// `,U=`, as OfflineIMAP has it.
    Usual,
    /// `,RU=`, in folders where `,U=` is mbsync's.
    Foreign,
}

impl UidKey {
    const BOTH: [UidKey; 2] = [UidKey::Usual, UidKey::Foreign];

    fn prefix(self) -> &'static str {
        match self {
            UidKey::Usual => "U=",
            UidKey::Foreign => "RU=",
        }
    }
}

/// What a name says about the message's counterpart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'d> {
    /// Its UID.
    pub uid: Uid,
    /// The folder's `FMD5`.
    pub digest: &'d str,
    /// How the UID is written.
    pub key: UidKey,
}

fn decimal(digits: &str) -> Option<Uid> {
    let digits = Some(digits).filter(|d| !d.is_empty() && d.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().and_then(Uid::new)
}

fn push_partner(name: &mut String, partner: Option<Claim<'_>>) {
    if let Some(Claim { uid, digest, key }) = partner {
        let _ = write!(name, ",{}{uid},FMD5={digest}", key.prefix());
    }
}

/// Changes a string of letters: what `removed` names goes, what is in `added` and not there yet comes before the first greater
/// letter. So letters in ASCII order stay in ASCII order, and letters that nobody asked about stay as they are.
pub fn edit_letters(letters: &str, removed: impl Fn(char) -> bool, added: &[char]) -> String {
    let mut result: Vec<char> = letters.chars().filter(|l| !removed(*l)).collect();
    for letter in added {
        if !result.contains(letter) {
            let at = result.iter().position(|l| l > letter).unwrap_or(result.len());
            result.insert(at, *letter);
        }
    }
    result.into_iter().collect()
}

/// A base as this program makes it for a numbered message: it tells by itself which message it is a copy of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumberedBase<'n> {
    /// The message's UID in the source folder.
    pub uid: Uid,
    /// The numbering of the source folder.
    pub uid_validity: UidValidity,
    /// [`short_digest`] of the source folder's name.
    pub source: &'n str,
    /// When the message arrived there, in seconds since 1970; 0 if that was not known or earlier.
    pub seconds: u64,
}

impl<'n> NumberedBase<'n> {
    /// Reads a base; `None` for the base of anyone else.
    pub fn parse(base: &'n str) -> Option<Self> {
        let (seconds, rest) = base.split_once('_')?;
        let (uid, rest) = rest.split_once('.')?;
        let (uid_validity, source) = rest.split_once('.')?;
        let seconds = number(seconds)?;
        let hex = source.len() == 8 && source.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let uid = Uid::new(u32::try_from(number(uid)?).ok()?)?;
        let uid_validity = UidValidity(u32::try_from(number(uid_validity)?).ok()?);
        hex.then_some(NumberedBase { uid, uid_validity, source, seconds })
    }
}

/// A decimal number without sign, spaces and leading zeros.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

/// The base for a message with this UID. The date in front is for programs that sort by it; what follows decides.
pub fn numbered_base(uid: Uid, source: &SourceFolder, date: Option<InternalDate>) -> String {
    let seconds = date.map_or(0, |d| d.seconds.max(0));
    format!("{seconds}_{uid}.{}.{}", source.uid_validity, short_digest(source.name.as_str()))
}

/// The base for a message that its source already calls by a name: the same, if it can be a base here, else one made from it.
pub fn named_base(id: &str, separator: char) -> String {
    let usable = id.len() <= LONGEST_BASE && FileName::parse(id, separator).is_some_and(|name| name.base() == id);
    if usable { id.to_owned() } else { format!("0_{}", digest(id)) }
}

/// The `n`th other base for a message whose own is taken by a message with other content.
pub fn other_base(base: &str, n: u32) -> String {
    format!("{base}-{n}")
}

/// A base, and the one whose [`other_base`] it may be.
pub fn and_first_base(base: &str) -> impl Iterator<Item = &str> {
    let first = base.rsplit_once('-').filter(|(_, n)| number(n).is_some_and(|n| n > 1)).map(|(first, _)| first);
    [base].into_iter().chain(first)
}

/// The whole name of a new message. Without letters there is no info part, as the Maildir format has it in `new`.
pub fn compose(base: &str, partner: Option<Claim<'_>>, letters: &str, separator: char) -> String {
    let mut name = base.to_owned();
    push_partner(&mut name, partner);
    if !letters.is_empty() {
        let _ = write!(name, "{separator}2,{letters}");
    }
    name.replace('/', "-")
}

/// MD5 of a text in lower-case hex: what OfflineIMAP writes as `FMD5` of a folder's name.
pub fn digest(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The first eight digits of [`digest`].
pub fn short_digest(text: &str) -> String {
    let mut hex = digest(text);
    hex.truncate(8);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INBOX: &str = "7e33429f656f1e6e9d79b29c3f82c57e";

    fn parse(name: &str) -> FileName<'_> {
        FileName::parse(name, ':').unwrap()
    }

    fn usual(uid: Uid) -> Claim<'static> {
        Claim { uid, digest: INBOX, key: UidKey::Usual }
    }

    #[test]
    fn where_mbsync_numbers_messages_its_number_stays_and_ours_goes_beside_it() {
        let uid = |n| Uid::new(n).unwrap();
        let whole = format!("1.2.host,U=12,RU=5,FMD5={INBOX}:2,S");
        let name = parse(&whole);
        assert_eq!((name.partner(INBOX), name.mbsync_uid()), (Some(uid(5)), Some(uid(12))));
        let foreign = Claim { key: UidKey::Foreign, ..usual(uid(9)) };
        assert_eq!(name.with_partner(Some(foreign)), format!("1.2.host,U=12,RU=9,FMD5={INBOX}:2,S"));
        assert_eq!(name.with_partner(Some(usual(uid(9)))), format!("1.2.host,U=9,FMD5={INBOX}:2,S"));
        assert_eq!(name.with_partner(None), "1.2.host:2,S");
        assert_eq!(compose("b", Some(foreign), "", ':'), format!("b,RU=9,FMD5={INBOX}"));
        assert_eq!(parse("1.2.host,U=12:2,S").partner(INBOX), None);
        let numbered = |whole: &str| parse(whole).with_mbsync_uid(uid(30));
        assert_eq!(numbered("1.2.host,S=4:2,S"), "1.2.host,U=30,S=4:2,S");
        assert_eq!(numbered(&format!("b,RU=9,FMD5={INBOX}")), format!("b,U=30,RU=9,FMD5={INBOX}"));
        assert_eq!(numbered(&format!("b,U=9,FMD5={INBOX}:2,")), format!("b,U=30,RU=9,FMD5={INBOX}:2,"));
    }

    /// A digest that stood alone in a name and claimed nothing made a claim of the number that mbsync was given.
    #[test]
    fn a_number_of_mbsyncs_becomes_nobodys_claim() {
        let whole = format!("1.2.host,FMD5={INBOX},S=4:2,S");
        assert_eq!(parse(&whole).with_mbsync_uid(Uid::MAX), format!("1.2.host,U={},S=4:2,S", Uid::MAX));
    }

    /// Of two digests the second was dropped, and the claim with it.
    #[test]
    fn a_number_of_mbsyncs_leaves_a_claim_with_two_digests_what_it_was() {
        let whole = format!("b,U=1,FMD5=7e332,FMD5={INBOX}:2,S");
        let numbered = parse(&whole).with_mbsync_uid(Uid::MAX);
        assert_eq!(parse(&numbered).partner(INBOX), Uid::new(1));
    }

    #[test]
    fn the_digest_is_the_one_offlineimap_writes() {
        assert_eq!(digest("INBOX"), INBOX);
    }

    #[test]
    fn a_name_of_offlineimap_is_taken_apart() {
        let whole = format!("1700000000_0.4711.host,U=17,FMD5={INBOX}:2,FSa");
        let name = parse(&whole);
        assert_eq!(name.base(), "1700000000_0.4711.host");
        assert_eq!(name.letters(), "FSa");
        assert_eq!(name.partner(INBOX), Uid::new(17));
        assert_eq!(name.partner(&digest("Sent")), None);
    }

    #[test]
    fn a_claim_needs_both_attributes_and_a_uid() {
        for name in
            ["a,U=7", &format!("a,FMD5={INBOX}"), &format!("a,U=0,FMD5={INBOX}"), &format!("a,U=x,FMD5={INBOX}")]
        {
            assert_eq!(parse(name).partner(INBOX), None, "{name}");
        }
        assert_eq!(parse(&format!("a,S=5,FMD5={INBOX},U=7")).partner(INBOX), Uid::new(7));
        assert_eq!(parse(&format!("a,U=4294967296,FMD5={INBOX}")).partner(INBOX), None);
        assert_eq!(parse(&format!("a,U=+7,FMD5={INBOX}")).partner(INBOX), None);
    }

    #[test]
    fn foreign_parts_survive_every_change() {
        let name = parse("a,S=10,W=11:1,x:2,SQ,ext=1");
        assert_eq!((name.base(), name.letters()), ("a", "SQ"));
        assert_eq!(name.with_letters("FSQ"), "a,S=10,W=11:1,x:2,FSQ,ext=1");
        assert_eq!(parse("a:1,x").with_letters("S"), "a:1,x:2,S");
        let partner = Uid::new(9).map(|uid| Claim { uid, digest: "ff", key: UidKey::Usual });
        assert_eq!(parse("a,S=10,U=3,FMD5=00,W=11:2,S").with_partner(partner), "a,S=10,W=11,U=9,FMD5=ff:2,S");
        assert_eq!(parse("a,S=10,U=3,FMD5=00").with_partner(None), "a,S=10");
    }

    #[test]
    fn the_windows_separator_is_its_own_grammar() {
        let name = FileName::parse("a,U=1!2,RS", '!').unwrap();
        assert_eq!((name.base(), name.letters()), ("a", "RS"));
        assert_eq!(FileName::parse("a!2,R:2,S", '!').unwrap().letters(), "R:2");
        assert_eq!(parse("a!2,R:2,S").letters(), "S");
    }

    /// `maildir-windows-compatible` was set later: every message was one without flags, and they were cleared on the server.
    #[test]
    fn names_with_the_other_separator_are_the_same_messages_with_the_same_flags() {
        for (separator, other) in [(':', '!'), ('!', ':')] {
            let whole = format!("a,U=7,FMD5={INBOX}{other}2,RS");
            let name = FileName::parse(&whole, separator).unwrap();
            assert_eq!((name.base(), name.letters(), name.partner(INBOX)), ("a", "RS", Uid::new(7)));
            assert_eq!(name.with_letters("S"), format!("a,U=7,FMD5={INBOX}{other}2,S"));
            let short = format!("a{other}2,S");
            let name = FileName::parse(&short, separator).unwrap();
            assert_eq!((name.base(), name.stem(), name.letters()), ("a", "a", "S"));
            // What ends like the beginning of an info part stays the message that it is when attributes follow.
            let odd = format!("a{other}2");
            let claim = Claim { uid: Uid::MAX, digest: INBOX, key: UidKey::Usual };
            let claimed = FileName::parse(&odd, separator).unwrap().with_partner(Some(claim));
            let name = FileName::parse(&claimed, separator).unwrap();
            assert_eq!((name.base(), name.letters(), name.partner(INBOX)), (&*odd, "", Some(Uid::MAX)));
        }
    }

    #[test]
    fn what_no_mail_program_writes_is_no_name() {
        for name in ["", ".hidden", ":2,S", ",U=1", "a\nb", "a/b", "a\0"] {
            assert_eq!(FileName::parse(name, ':'), None, "{name:?}");
        }
    }

    #[test]
    fn letters_keep_their_order_and_new_ones_find_theirs() {
        assert_eq!(edit_letters("FSa", |l| l == 'F', &['T', 'R']), "RSTa");
        assert_eq!(edit_letters("SFZ", |_| false, &['S', 'R']), "RSFZ");
        assert_eq!(edit_letters("", |_| false, &[]), "");
    }

    #[test]
    fn a_name_that_cannot_be_a_base_is_replaced_by_a_stable_one() {
        assert_eq!(named_base("m1", ':'), "m1");
        for id in ["b,U=5", "a:2,S", "a/b", ".x", "", &"x".repeat(300)] {
            let base = named_base(id, ':');
            assert_eq!(parse(&base).base(), base);
            assert_eq!(base, named_base(id, ':'));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_never_panics(whole in any::<String>(), separator in prop_oneof![Just(':'), Just('!'), any::<char>()]) {
            if let Some(name) = FileName::parse(&whole, separator) {
                prop_assert!(whole.starts_with(name.stem()) && name.stem().starts_with(name.base()));
                let _ = name.partner(INBOX);
            }
        }

        #[test]
        fn new_letters_read_back_and_change_nothing_else(
            whole in "[a-c.,:=U2S]{1,24}",
            letters in "[DFPRSTa-z]{0,8}",
        ) {
            if let Some(name) = FileName::parse(&whole, ':') {
                let changed = name.with_letters(&letters);
                let again = FileName::parse(&changed, ':').unwrap();
                prop_assert_eq!(again.letters(), &letters);
                prop_assert_eq!(again.stem(), name.stem());
                prop_assert_eq!(again.after_letters(), name.after_letters());
                if name.info.is_some() {
                    prop_assert_eq!(again.with_letters(name.letters()), whole);
                }
            }
        }

        #[test]
        fn a_partner_reads_back_and_leaves_base_and_letters(whole in "[a-c.,:=U2S]{1,24}", uid in 1u32..) {
            if let Some(name) = FileName::parse(&whole, ':') {
                let uid = Uid::new(uid).unwrap();
                let changed = name.with_partner(Some(usual(uid)));
                let again = FileName::parse(&changed, ':').unwrap();
                prop_assert_eq!(again.partner(INBOX), Some(uid));
                prop_assert_eq!((again.base(), again.letters()), (name.base(), name.letters()));
            }
        }

        #[test]
        fn a_numbered_base_tells_its_message(uid in 1u32.., validity in any::<u32>(), seconds in any::<i64>(), folder in any::<String>()) {
            let source = SourceFolder { name: folder.as_str().into(), uid_validity: UidValidity(validity) };
            let uid = Uid::new(uid).unwrap();
            let base = numbered_base(uid, &source, Some(InternalDate { seconds, zone_minutes: 0 }));
            let read = NumberedBase::parse(&base).unwrap();
            prop_assert_eq!((read.uid, read.uid_validity), (uid, UidValidity(validity)));
            prop_assert_eq!(read.source, short_digest(&folder));
            let whole = compose(&base, Some(usual(uid)), "S", ':');
            let name = FileName::parse(&whole, ':').unwrap();
            prop_assert_eq!((name.base(), name.letters(), name.partner(INBOX)), (&*base, "S", Some(uid)));
        }
    }
}
