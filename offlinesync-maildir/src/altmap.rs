//! The database in which mbsync keeps the numbers of a folder's messages if it is not to write them into names (`AltMap`): a hash table
//! of Berkeley DB, whose pages hold keys and values in turn. Reads one file; pure but for that.
//!
//! ```text
//! page       header of 26 octets: … 20: number of items (u16) … 25: type of page
//!            26: offset of each item in the page (u16), from the end of the page downwards
//! item       1: type (1: in place), then the octets; it ends where the one before it begins
//! key        the base of a file's name, or UIDVALIDITY
//! value      the number (u32), or numbering and last number (u32, u32), in the byte order of the machine that wrote them
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

/// Larger files are no maps of mail.
const LARGEST: u64 = 1 << 30;
const HEADER: usize = 26;
const HASH_MAGIC: u32 = 0x0006_1561;
const HASH_META: u8 = 8;
/// Pages of a hash table, sorted and not.
const HASH_PAGES: [u8; 2] = [13, 2];
const IN_PLACE: u8 = 1;
const VALIDITY: &[u8] = b"UIDVALIDITY";

/// What a database says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AltMap {
    pub(crate) uid_validity: u32,
    pub(crate) last: u32,
    /// Numbers by the bases of names.
    pub(crate) numbers: BTreeMap<Vec<u8>, u32>,
}

impl AltMap {
    /// Reads a file; an error if it is none of this kind or damaged.
    pub(crate) fn read(path: &Path) -> io::Result<AltMap> {
        if fs::metadata(path)?.len() > LARGEST {
            return Err(damaged("it is too large"));
        }
        AltMap::parse(&fs::read(path)?)
    }

    pub(crate) fn parse(file: &[u8]) -> io::Result<AltMap> {
        let order = Order::of(file).ok_or_else(|| damaged("it is no hash table of Berkeley DB"))?;
        let size = order.u32(file, 20).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        if !size.is_power_of_two() || !(512..=65536).contains(&size) || !file.len().is_multiple_of(size) {
            return Err(damaged("its pages have no possible size"));
        }
        let mut map = AltMap::default();
        for page in file.chunks_exact(size).skip(1) {
            if HASH_PAGES.contains(&page[HEADER - 1]) {
                map.add(page, order).ok_or_else(|| damaged("a page is damaged"))?;
            }
        }
        if map.uid_validity == 0 {
            return Err(damaged("it does not tell its numbering"));
        }
        Ok(map)
    }

    fn add(&mut self, page: &[u8], order: Order) -> Option<()> {
        let count = usize::from(order.u16(page, 20)?);
        let mut items = Vec::with_capacity(count);
        let mut end = page.len();
        for at in 0..count {
            let start = usize::from(order.u16(page, HEADER + 2 * at)?);
            let (kind, content) = page.get(start..end)?.split_first()?;
            // Long keys are names that no file can have.
            items.push(Some(content).filter(|_| *kind == IN_PLACE));
            end = start;
        }
        for pair in items.chunks_exact(2) {
            let &[Some(key), Some(value)] = pair else { continue };
            if key == VALIDITY {
                (self.uid_validity, self.last) = (order.u32(value, 0)?, order.u32(value, 4)?);
            } else {
                self.numbers.insert(key.to_owned(), order.u32(value, 0)?);
            }
        }
        (count.is_multiple_of(2)).then_some(())
    }
}

/// Of octets in numbers.
#[derive(Clone, Copy, Debug)]
enum Order {
    Little,
    Big,
}

impl Order {
    /// That of a file.
    fn of(file: &[u8]) -> Option<Order> {
        let magic = |order: &Order| order.u32(file, 12) == Some(HASH_MAGIC);
        let order = [Order::Little, Order::Big].into_iter().find(magic)?;
        (file.get(HEADER - 1) == Some(&HASH_META)).then_some(order)
    }

    fn u16(self, from: &[u8], at: usize) -> Option<u16> {
        let octets = from.get(at..at + 2)?.try_into().ok()?;
        Some(match self {
            Order::Little => u16::from_le_bytes(octets),
            Order::Big => u16::from_be_bytes(octets),
        })
    }

    fn u32(self, from: &[u8], at: usize) -> Option<u32> {
        let octets = from.get(at..at + 4)?.try_into().ok()?;
        Some(match self {
            Order::Little => u32::from_le_bytes(octets),
            Order::Big => u32::from_be_bytes(octets),
        })
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: usize = 512;

    /// A database of one page.
    fn database(big: bool, items: &[&[u8]]) -> Vec<u8> {
        let u16 = |n: usize| if big { (n as u16).to_be_bytes() } else { (n as u16).to_le_bytes() };
        let u32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let mut file = vec![0; 3 * SIZE];
        file[12..16].copy_from_slice(&u32(HASH_MAGIC));
        file[20..24].copy_from_slice(&u32(SIZE as u32));
        file[25] = HASH_META;
        let page = &mut file[SIZE..2 * SIZE];
        page[20..22].copy_from_slice(&u16(items.len()));
        page[25] = 13;
        let mut end = SIZE;
        for (n, item) in items.iter().enumerate() {
            let start = end - item.len() - 1;
            page[start] = IN_PLACE;
            page[start + 1..end].copy_from_slice(item);
            page[HEADER + 2 * n..HEADER + 2 * n + 2].copy_from_slice(&u16(start));
            end = start;
        }
        file
    }

    #[test]
    fn numbers_are_found_by_the_bases_of_names_in_either_byte_order() {
        for big in [false, true] {
            let u32 = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
            let numbering = [u32(1_700_000_000), u32(4)].concat();
            let file = database(big, &[b"17.2.host", &u32(2), VALIDITY, &numbering, b"17.4.host", &u32(4)]);
            let map = AltMap::parse(&file).unwrap();
            assert_eq!((map.uid_validity, map.last), (1_700_000_000, 4));
            let numbers: Vec<_> = map.numbers.into_iter().collect();
            assert_eq!(numbers, [(b"17.2.host".to_vec(), 2), (b"17.4.host".to_vec(), 4)]);
        }
        let without = database(false, &[b"17.2.host", &2u32.to_le_bytes()]);
        assert_eq!(AltMap::parse(&without).unwrap_err().to_string(), "it does not tell its numbering");
        assert!(AltMap::parse(b"no database").is_err());
        assert!(AltMap::parse(&[]).is_err());
    }

    proptest! {
        #[test]
        fn damage_is_an_error_and_no_panic(at in 0usize..1536, octet: u8, cut in 0usize..1536) {
            let mut file = database(false, &[b"a", &[1, 0, 0, 0], VALIDITY, &[9, 0, 0, 0, 1, 0, 0, 0]]);
            file[at] = octet;
            let _ = AltMap::parse(&file);
            let _ = AltMap::parse(&file[..cut]);
        }
    }
}
