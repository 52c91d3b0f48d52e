//! Whatever lies in a Maildir: bodies of fuzz targets. Octets in, a panic where a promise about names is broken.

use crate::altmap::AltMap;
use crate::layout::Layout;
use crate::mbsync::Numbering;
use crate::name::{self, Claim, FileName, NumberedBase, UidKey};
use offlinesync_core::{FolderName, Uid};
use std::path::{Component, Path};

/// The name of a file or of a folder, behind an octet that chooses the separator.
///
/// Nothing leads out of the root; what we write is read as it was meant; what belongs to others stays.
pub fn names(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let separator = if choice & 1 == 0 { ':' } else { '!' };
    if let Some(file) = FileName::parse(&text, separator) {
        parts(&file);
        letters(&file, separator);
        partners(&file, separator);
    }
    bases(&text, separator);
    folders(&text);
}

/// A `.uidvalidity`, or the database of an AltMap.
pub fn numbers(data: &[u8]) {
    if let Ok(numbering) = Numbering::from_text(&String::from_utf8_lossy(data)) {
        assert_eq!(Numbering::from_text(&numbering.text()).ok(), Some(numbering));
    }
    if let Ok(map) = AltMap::parse(data) {
        assert_ne!(map.uid_validity, 0);
        assert!(map.numbers.len() <= data.len(), "no more numbers than octets");
    }
}

/// The directory of a folder below a root, for any root: refused, or below it for good.
pub fn folders(name: &str) {
    let folder = FolderName::new(name);
    for layout in [Layout::Nested, Layout::Flat] {
        let Ok(directory) = layout.directory(&folder) else { continue };
        assert!(directory.components().all(|part| matches!(part, Component::Normal(_))), "{directory:?}");
        assert!(Path::new("/root").join(&directory).starts_with("/root") && !name.contains('\0'));
        let own = directory.iter().any(|part| part == "cur" || part == "new" || part == "tmp");
        assert!(!own, "{directory:?} is a part of a Maildir");
        assert_eq!(layout.folder(&directory), Some(folder.clone()));
    }
}

fn parts(file: &FileName<'_>) {
    assert!(file.whole().starts_with(file.stem()) && file.stem().starts_with(file.base()));
    assert!(!file.base().is_empty() && !file.base().contains(['/', '\0', '\n', ',']));
}

fn letters(file: &FileName<'_>, separator: char) {
    let edited = name::edit_letters(file.letters(), |letter| letter == 'S', &['F', 'T']);
    assert!(edited.contains('F') && edited.contains('T') && !edited.contains('S'));
    let foreign = |letters: &str| letters.chars().filter(|l| !"FST".contains(*l)).collect::<String>();
    assert_eq!(foreign(&edited), foreign(file.letters()), "letters of others stay in their order");
    let whole = file.with_letters(&edited);
    let read = FileName::parse(&whole, separator).unwrap();
    assert_eq!((read.stem(), read.letters()), (file.stem(), &*edited));
    assert_eq!(read.with_letters(file.letters()), file.with_letters(file.letters()));
}

fn partners(file: &FileName<'_>, separator: char) {
    let digest = name::digest("INBOX");
    for key in [UidKey::Usual, UidKey::Foreign] {
        let whole = file.with_partner(Some(Claim { uid: Uid::MAX, digest: &digest, key }));
        let read = FileName::parse(&whole, separator).unwrap();
        assert_eq!(read.partner(&digest), Some(Uid::MAX), "{whole}");
        assert_eq!((read.base(), read.letters()), (file.base(), file.letters()), "{whole}");
        assert!(key == UidKey::Usual || read.mbsync_uid() == file.mbsync_uid(), "mbsync's number stays: {whole}");
        let without = read.with_partner(None);
        let without = FileName::parse(&without, separator).unwrap();
        assert_eq!((without.partner(&digest), without.mbsync_uid()), (None, None), "{whole}");
    }
    let number = Uid::new(30).unwrap();
    let whole = file.with_mbsync_uid(number);
    let read = FileName::parse(&whole, separator).unwrap();
    assert_eq!((read.mbsync_uid(), read.base(), read.letters()), (Some(number), file.base(), file.letters()));
    assert_eq!(read.partner(&digest), file.partner(&digest), "mbsync's number is nobody's claim: {whole}");
}

fn bases(text: &str, separator: char) {
    let base = name::named_base(text, separator);
    assert_eq!(FileName::parse(&base, separator).map(|file| file.base().to_owned()), Some(base.clone()));
    assert_eq!(name::named_base(&base, separator), base);
    let digest = name::digest(text);
    let claim = Claim { uid: Uid::MAX, digest: &digest, key: UidKey::Usual };
    let whole = name::compose(&base, Some(claim), "RS", separator);
    let read = FileName::parse(&whole, separator).unwrap();
    assert_eq!((read.base(), read.letters(), read.partner(&digest)), (&*base, "RS", Some(Uid::MAX)));
    if let Some(ours) = NumberedBase::parse(text) {
        let NumberedBase { uid, uid_validity, source, seconds } = ours;
        assert_eq!(format!("{seconds}_{uid}.{uid_validity}.{source}"), text);
    }
}
