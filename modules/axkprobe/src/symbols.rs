//! The kernel's symbols: a table made after linking (`axbpf embed`) and searched in place, without allocation.
//!
//! All numbers little-endian. Its size depends on the names alone, not on the addresses: it is known after a first link and filled in
//! after a second.
//!
//! | bytes | |
//! |---|---|
//! | 4 | `KSYM` |
//! | 4 | version, 1 |
//! | 4 | count of symbols |
//! | 4 | length of all names |
//! | 8 | base address |
//! | 8 | end of the code that they name |
//! | 4 each | addresses less base, ascending |
//! | 4 each | where each name ends in the names; the next one begins there |
//! | 4 each | indices in order of name |
//! | | the names, UTF-8 |
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

const MAGIC: &[u8; 4] = b"KSYM";
const VERSION: u32 = 1;
const HEADER: usize = 32;

/// A symbol table.
#[derive(Clone, Copy, Debug)]
pub struct Symbols<'a> {
    base: u64,
    end: u64,
    offsets: &'a [[u8; 4]],
    name_ends: &'a [[u8; 4]],
    by_name: &'a [[u8; 4]],
    names: &'a [u8],
}

/// A named address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol<'a> {
    /// Where it begins.
    pub addr: u64,
    /// Bytes up to the next symbol, or to the end of the code.
    pub size: u64,
    /// Readable name, such as `axtask::api::yield_now`.
    pub name: &'a str,
}

/// Bytes that are no symbol table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SymbolsError {
    /// The image has no room for one.
    Absent,
    /// There is room, but nobody filled it.
    Empty,
    /// It is of another version.
    Version(u32),
    /// Its parts contradict each other.
    Malformed,
}

impl fmt::Display for SymbolsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("the image has no section for symbols; call axbpf_build::link() in the app's build script"),
            Self::Empty => f.write_str("the symbol table is empty; run `axbpf embed KERNEL.elf` after linking"),
            Self::Version(version) => write!(f, "the symbol table has version {version}, not {VERSION}; run this release's `axbpf embed`"),
            Self::Malformed => f.write_str("the symbol table is damaged; run `axbpf embed KERNEL.elf` again"),
        }
    }
}

impl core::error::Error for SymbolsError {}

/// Writes a table of symbols sorted by address, for code that ends at `end`. `None`: the code is larger than 4 GiB, or the names are.
pub fn write(symbols: &[(u64, &str)], end: u64) -> Option<Vec<u8>> {
    let base = symbols.first().map_or(0, |s| s.0);
    let mut by_name: Vec<u32> = (0..u32::try_from(symbols.len()).ok()?).collect();
    by_name.sort_by_key(|&i| (symbols[i as usize].1, i));
    let names_len = u32::try_from(symbols.iter().map(|s| s.1.len()).sum::<usize>()).ok()?;
    let mut out = Vec::with_capacity(HEADER + 12 * symbols.len() + names_len as usize);
    out.extend_from_slice(MAGIC);
    for word in [VERSION, symbols.len() as u32, names_len] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&base.to_le_bytes());
    out.extend_from_slice(&end.to_le_bytes());
    for (addr, _) in symbols {
        out.extend_from_slice(&u32::try_from(addr.checked_sub(base)?).ok()?.to_le_bytes());
    }
    let mut name_end = 0;
    for (_, name) in symbols {
        name_end += name.len() as u32;
        out.extend_from_slice(&name_end.to_le_bytes());
    }
    by_name.iter().for_each(|i| out.extend_from_slice(&i.to_le_bytes()));
    symbols.iter().for_each(|(_, name)| out.extend_from_slice(name.as_bytes()));
    Some(out)
}

impl<'a> Symbols<'a> {
    /// Takes a table apart; bytes may follow it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SymbolsError> {
        use SymbolsError::*;
        if bytes.is_empty() {
            return Err(Absent);
        }
        let header = bytes.first_chunk::<HEADER>().ok_or(Malformed)?;
        let u32_at = |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        if header.iter().all(|&b| b == 0) {
            return Err(Empty);
        }
        if header[..4] != *MAGIC {
            return Err(Malformed);
        }
        if u32_at(4) != VERSION {
            return Err(Version(u32_at(4)));
        }
        let (count, names_len) = (u32_at(8) as usize, u32_at(12) as usize);
        let words = bytes[HEADER..].as_chunks::<4>().0;
        let words = words.get(..count.checked_mul(3).ok_or(Malformed)?).ok_or(Malformed)?;
        let names = bytes.get(HEADER + 12 * count..).and_then(|rest| rest.get(..names_len)).ok_or(Malformed)?;
        let (offsets, rest) = words.split_at(count);
        let (name_ends, by_name) = rest.split_at(count);
        Ok(Symbols { base: u64_at(16), end: u64_at(24), offsets, name_ends, by_name, names })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// All, by address.
    pub fn iter(&self) -> impl Iterator<Item = Symbol<'a>> {
        let this = *self;
        (0..this.len()).map(move |i| this.at(i))
    }

    /// The symbol with this index.
    fn at(&self, i: usize) -> Symbol<'a> {
        let addr = self.addr(i);
        // Behind other names of the same address comes the next address.
        let next = (i + 1..self.len()).map(|i| self.addr(i)).find(|&next| next > addr).unwrap_or(self.end);
        Symbol { addr, size: next.saturating_sub(addr), name: self.name(i) }
    }

    fn addr(&self, i: usize) -> u64 {
        self.base.wrapping_add(u32::from_le_bytes(self.offsets[i]).into())
    }

    fn name(&self, i: usize) -> &'a str {
        let end = |i: usize| u32::from_le_bytes(self.name_ends[i]) as usize;
        let start = i.checked_sub(1).map_or(0, end);
        // A damaged table has names that are not there: they are empty.
        self.names.get(start..end(i)).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or("")
    }

    /// The symbol that covers an address: the last one at or before it, and before the end of the code.
    pub fn by_addr(&self, addr: u64) -> Option<Symbol<'a>> {
        let offset = addr.checked_sub(self.base).filter(|_| addr < self.end)?;
        let next = self.offsets.partition_point(|&o| u64::from(u32::from_le_bytes(o)) <= offset);
        let last = self.at(next.checked_sub(1)?);
        // Of several names the first.
        let first = self.offsets.partition_point(|&o| u64::from(u32::from_le_bytes(o)) < last.addr - self.base);
        Some(self.at(first))
    }

    /// Those with exactly this name: several functions may share one. A mangled name finds what it stands for.
    pub fn by_name(&self, name: &str) -> impl Iterator<Item = Symbol<'a>> {
        let this = *self;
        let mut range = this.range(name);
        if range.is_empty() {
            range = this.range(&readable(name));
        }
        range.map(move |i| this.at(u32::from_le_bytes(this.by_name[i]) as usize % this.len().max(1)))
    }

    /// Positions in `by_name`.
    fn range(&self, name: &str) -> core::ops::Range<usize> {
        let order = |i: &[u8; 4]| match u32::from_le_bytes(*i) as usize {
            i if i < self.len() => self.name(i).cmp(name),
            _ => Ordering::Greater,
        };
        let start = self.by_name.partition_point(|i| order(i) == Ordering::Less);
        let len = self.by_name[start..].partition_point(|i| order(i) == Ordering::Equal);
        start..start + len
    }

    /// A symbol that somebody who wrote `name` may have meant: one that ends in the same word.
    pub fn similar(&self, name: &str) -> Option<Symbol<'a>> {
        let last = |name: &str| -> String { name.rsplit("::").next().unwrap_or(name).into() };
        let word = last(name);
        self.iter().find(|symbol| last(symbol.name) == word)
    }
}

/// A name as in the source: demangled, without hash and without what the compiler appended to it.
pub fn readable(name: &str) -> String {
    let text = alloc::format!("{:#}", rustc_demangle::demangle(name));
    let hex = |n: &str| n.bytes().all(|b| b.is_ascii_hexdigit());
    let base = text.split_once(".llvm.").filter(|(_, n)| hex(n)).map_or(text.as_str(), |(base, _)| base);
    base.trim_end().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: [(u64, &str); 6] = [
        (0x8020_0000, "_start"),
        (0x8020_0100, "axtask::api::yield_now"),
        (0x8020_0100, "alias"),
        (0x8020_0140, "<axtask::run_queue::AxRunQueue>::resched"),
        (0x8020_0200, "twice"),
        (0x8020_0300, "twice"),
    ];
    const END: u64 = 0x8020_0400;

    #[test]
    fn names_and_addresses_find_each_other() {
        let mut bytes = write(&LIST, END).unwrap();
        bytes.extend([0; 100]); // room that is left
        let symbols = Symbols::parse(&bytes).unwrap();
        assert_eq!(symbols.len(), 6);
        assert!(symbols.iter().map(|s| (s.addr, s.name)).eq(LIST));
        let found: Vec<_> = symbols.by_name("axtask::api::yield_now").collect();
        assert_eq!(found, [Symbol { addr: 0x8020_0100, size: 0x40, name: "axtask::api::yield_now" }]);
        assert_eq!(symbols.by_name("twice").map(|s| s.addr).collect::<Vec<_>>(), [0x8020_0200, 0x8020_0300]);
        assert_eq!(symbols.by_name("twic").count() + symbols.by_name("").count() + symbols.by_name("zzz").count(), 0);
        assert_eq!(symbols.by_addr(0x8020_0101).unwrap().name, "axtask::api::yield_now");
        assert_eq!(symbols.by_addr(0x8020_03ff), Some(Symbol { addr: 0x8020_0300, size: 0x100, name: "twice" }));
        assert_eq!(symbols.by_addr(0x8020_0400), None);
        assert_eq!(symbols.by_addr(0x801f_ffff), None);
        assert_eq!(symbols.similar("axtask::yield_now").unwrap().name, "axtask::api::yield_now");
        assert_eq!(symbols.similar("axtask::nothing"), None);
    }

    #[test]
    fn mangled_names_find_what_they_stand_for() {
        let list = [(0x1000, "axtask::api::yield_now"), (0x2000, "<foo::Bar>::baz")];
        let bytes = write(&list, 0x3000).unwrap();
        let symbols = Symbols::parse(&bytes).unwrap();
        assert_eq!(symbols.by_name("_RNvNtCs9ltgdHTiPiY_6axtask3api9yield_now").next().unwrap().addr, 0x1000);
        assert_eq!(symbols.by_name("_RNvMCs9ltgdHTiPiY_3fooNtB2_3Bar3baz.llvm.123").next().unwrap().addr, 0x2000);
    }

    #[test]
    fn the_size_does_not_depend_on_addresses() {
        let moved: Vec<_> = LIST.iter().map(|&(addr, name)| (addr + 0x1234_5678, name)).collect();
        assert_eq!(write(&LIST, END).unwrap().len(), write(&moved, END + 0x1234_5678).unwrap().len());
    }

    #[test]
    fn what_is_no_table_is_an_error() {
        assert_eq!(Symbols::parse(&[]).unwrap_err(), SymbolsError::Absent);
        assert_eq!(Symbols::parse(&[0; 64]).unwrap_err(), SymbolsError::Empty);
        assert_eq!(Symbols::parse(&[1; 64]).unwrap_err(), SymbolsError::Malformed);
        let bytes = write(&LIST, END).unwrap();
        for len in 1..bytes.len() {
            assert!(Symbols::parse(&bytes[..len]).is_err(), "{len}");
        }
        let mut newer = bytes.clone();
        newer[4] = 2;
        assert_eq!(Symbols::parse(&newer).unwrap_err(), SymbolsError::Version(2));
        // Whatever else is wrong in it, looking things up ends without a panic.
        let mut seed = 1u32;
        for _ in 0..20_000 {
            let mut broken = bytes.clone();
            for _ in 0..4 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let at = seed as usize / 7 % broken.len();
                broken[at] = (seed >> 24) as u8;
            }
            if let Ok(symbols) = Symbols::parse(&broken) {
                for (addr, name) in LIST {
                    let _ = (symbols.by_addr(addr), symbols.by_name(name).count(), symbols.similar(name));
                }
            }
        }
    }
}
