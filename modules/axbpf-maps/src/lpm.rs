//! LPM tries: prefixes of up to 2048 bits, of which a lookup finds the longest that its key begins with. Linux: kernel/bpf/lpm_trie.c.
//!
//! A node stands for a prefix; the nodes below it begin with that prefix, those with a zero behind it on one side, those with a one on the
//! other. Where two prefixes part at a length that nobody put in, an intermediate node without value stands, always with two children.
//!
//! Invariants:
//! 1. The trie changes only under its lock, each time by one store to a link. Otherwise a node in it changes only from having a value to
//!    being intermediate.
//! 2. A node's version is odd unless it is in the trie. Who has read a node sees by the version whether that was one node throughout.
//! 3. A node that was in the trie, and whose prefix the key begins with, is on the key's path wherever the reader comes from. So only who
//!    meets one that does not fit has to look whether it is still where the link said.
use crate::bytes;
use crate::lock::Lock;
use crate::ops::Ops;
use crate::store::{FREE, Growing, NONE, Store, header, next_of, version_of};
use crate::sync::{AtomicU32, AtomicUsize, fence, spin_loop};
use crate::words::Row;
use crate::{MapError, MapSpec};
use axbpf_abi::flags::*;
use axbpf_platform::IrqGuard;
use core::fmt;
use core::sync::atomic::Ordering::*;

/// Marks an intermediate node, beside the prefix length in its header.
const INTERMEDIATE: u32 = 1 << 29;
/// Bytes of a key before the prefix: its length in bits.
const LEN: usize = 4;

/// An LPM trie. Words of a node: header, both children, the prefix in network order, the value.
pub(crate) struct Lpm {
    nodes: Growing,
    root: AtomicU32,
    lock: Lock,
    count: AtomicUsize,
    max_entries: usize,
    /// Most bits of a prefix.
    bits: u32,
}

impl fmt::Debug for Lpm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lpm({} of {})", self.count.load(Relaxed), self.max_entries)
    }
}

/// A prefix as a key has it.
struct Prefix<'a> {
    len: u32,
    data: &'a [u8],
    /// Its first bits, as most prefixes have no more.
    first: u64,
}

/// The bits of at most 8 bytes, the first one on top.
fn bits(bytes: &[u8]) -> u64 {
    bytes::word(bytes).swap_bytes()
}

impl Prefix<'_> {
    #[inline(always)]
    fn word(&self, n: usize) -> u64 {
        if n == 0 { self.first } else { bits(&self.data[n * 8..self.data.len().min(n * 8 + 8)]) }
    }

    /// The bit behind so many.
    #[inline(always)]
    fn bit(&self, n: u32) -> usize {
        (self.word(n as usize / 64) >> (63 - n % 64) & 1) as usize
    }
}

/// A node, as it is at the moment.
#[derive(Clone, Copy)]
struct Node<'a> {
    row: Row<'a>,
    header: u64,
    children: u64,
}

impl Node<'_> {
    fn version(&self) -> u32 {
        version_of(self.header)
    }

    fn len(&self) -> u32 {
        next_of(self.header) & !(INTERMEDIATE | FREE)
    }

    fn is_intermediate(&self) -> bool {
        next_of(self.header) & INTERMEDIATE != 0
    }

    fn child(&self, bit: usize) -> u32 {
        (self.children >> (32 * bit)) as u32
    }

    fn word(&self, n: usize) -> u64 {
        self.row.at(2 + n).load(Relaxed)
    }

    /// Whether the prefix begins with all of the node's.
    #[inline(always)]
    fn begins(&self, prefix: &Prefix<'_>) -> bool {
        match self.len() {
            len if len > prefix.len => false,
            0 => true,
            len @ 1..=64 => (self.word(0) ^ prefix.first) >> (64 - len) == 0,
            len => self.begins_long(prefix, len),
        }
    }

    /// The same of more bits than a word has.
    fn begins_long(&self, prefix: &Prefix<'_>, len: u32) -> bool {
        let (full, rest) = (len as usize / 64, len % 64);
        (0..full).all(|n| self.word(n) == prefix.word(n)) && (rest == 0 || (self.word(full) ^ prefix.word(full)) >> (64 - rest) == 0)
    }

    /// How many bits both have in common.
    fn common(&self, prefix: &Prefix<'_>) -> u32 {
        let most = self.len().min(prefix.len);
        for n in 0..most.div_ceil(64) {
            let differ = self.word(n as usize) ^ prefix.word(n as usize);
            if differ != 0 {
                return most.min(n * 64 + differ.leading_zeros());
            }
        }
        most
    }

    /// Whether what was read of the node is of one.
    fn is_still(&self) -> bool {
        fence(Acquire);
        version_of(self.row.at(0).load(Relaxed)) == self.version()
    }

    fn bit(&self, n: u32) -> usize {
        (self.word(n as usize / 64) >> (63 - n % 64) & 1) as usize
    }
}

/// Where the next prefix is: in this node, or the first one below and in that.
enum Next {
    This(u32),
    Below(u32),
}

/// Where a link stands: in a node, on a side; or the root.
type Place = Option<(u32, usize)>;

impl Lpm {
    pub(crate) fn new(spec: &MapSpec) -> Result<Lpm, MapError> {
        let max_entries = spec.max_entries as usize;
        // As many intermediate nodes as others, and one that replaces another.
        let total = max_entries.checked_mul(2).map(|total| total + 1).filter(|&total| total < NONE as usize);
        let total = total.ok_or(MapError::TooLarge { field: "max_entries", value: spec.max_entries.into() })?;
        let data = spec.key_size as usize - LEN;
        Ok(Lpm {
            nodes: Growing::new(total, (spec.stride() / 8).checked_add(2 + data.div_ceil(8)))?,
            root: AtomicU32::new(NONE),
            lock: Lock::new(),
            count: AtomicUsize::new(0),
            max_entries,
            bits: data as u32 * 8,
        })
    }

    /// `None`: longer than any.
    fn prefix<'a>(&self, key: &'a [u8]) -> Option<Prefix<'a>> {
        let (len, data) = key.split_first_chunk::<LEN>()?;
        let len = u32::from_ne_bytes(*len);
        (len <= self.bits).then(|| Prefix { len, data, first: bits(&data[..data.len().min(8)]) })
    }

    #[inline(always)]
    fn node(&self, i: u32) -> Node<'_> {
        let row = self.nodes.element(i);
        Node { row, header: row.at(0).load(Acquire), children: row.at(1).load(Acquire) }
    }

    /// Where a node's value stands.
    fn value<'a>(&self, node: &Node<'a>) -> Row<'a> {
        node.row.from(2 + (self.bits as usize).div_ceil(64))
    }

    fn link(&self, place: Place) -> u32 {
        match place {
            Some((i, bit)) => self.node(i).child(bit),
            None => self.root.load(Acquire),
        }
    }

    /// Under the lock.
    fn set_link(&self, place: Place, to: u32) {
        let Some((i, bit)) = place else { return self.root.store(to, Release) };
        let node = self.node(i);
        let kept = node.children & !(u64::from(u32::MAX) << (32 * bit));
        node.row.at(1).store(kept | u64::from(to) << (32 * bit), Release);
    }

    /// The node of the longest prefix that this one begins with. Nobody is waited for but a writer's single stores.
    fn find(&self, prefix: &Prefix<'_>) -> Option<Node<'_>> {
        'again: loop {
            let mut found: Option<Node<'_>> = None;
            let mut place = None;
            let mut i = self.root.load(Acquire);
            while i != NONE {
                let node = self.node(i);
                let fits = node.version() & 1 == 0 && node.begins(prefix);
                if !node.is_still() || node.version() & 1 != 0 {
                    spin_loop();
                    continue 'again;
                }
                if !fits {
                    // Another node by now?
                    if self.link(place) != i {
                        continue 'again;
                    }
                    break;
                }
                if !node.is_intermediate() {
                    found = Some(node);
                }
                if node.len() == prefix.len {
                    break;
                }
                let bit = prefix.bit(node.len());
                place = Some((i, bit));
                i = node.child(bit);
            }
            if found.is_none_or(|node| node.is_still()) {
                return found;
            }
        }
    }

    /// Where the prefix belongs, the node that stands there, and how many bits they have in common. Under the lock.
    fn locate(&self, prefix: &Prefix<'_>) -> (Place, Option<(u32, Node<'_>)>, u32) {
        let mut place = None;
        loop {
            let i = self.link(place);
            if i == NONE {
                return (place, None, 0);
            }
            let node = self.node(i);
            if node.len() >= prefix.len || !node.begins(prefix) {
                return (place, Some((i, node)), node.common(prefix));
            }
            place = Some((i, prefix.bit(node.len())));
        }
    }

    /// The node with exactly this prefix, a value, and its place. Under the lock.
    fn exact(&self, prefix: &Prefix<'_>) -> Option<(Place, u32, Node<'_>)> {
        match self.locate(prefix) {
            (place, Some((i, node)), common) if common == node.len() && !node.is_intermediate() => Some((place, i, node)),
            _ => None,
        }
    }

    /// Fills a node that was taken. It can be linked then.
    fn fill(&self, i: u32, len: u32, word: impl Fn(usize) -> u64, children: [u32; 2], value: Option<&[u8]>) {
        let node = self.node(i);
        // Odd until now, or never used.
        let version = node.version() | 1;
        node.row.at(0).store(header(FREE, version), Relaxed);
        fence(Release);
        node.row.at(1).store(u64::from(children[1]) << 32 | u64::from(children[0]), Relaxed);
        for n in 0..(self.bits as usize).div_ceil(64) {
            node.row.at(2 + n).store(word(n), Relaxed);
        }
        if let Some(value) = value {
            self.value(&node).put(value);
        }
        let mark = if value.is_some() { 0 } else { INTERMEDIATE };
        node.row.at(0).store(header(len | mark, version.wrapping_add(1)), Release);
    }

    /// Gives back a node that is linked no more.
    fn give(&self, i: u32) {
        let node = self.node(i);
        node.row.at(0).store(header(FREE, node.version().wrapping_add(1)), Release);
        self.nodes.give(i);
    }

    fn insert(&self, prefix: &Prefix<'_>, value: &[u8], flags: u64) -> Result<(), MapError> {
        let (place, there, common) = self.locate(prefix);
        let replaced = there.filter(|(_, node)| common == node.len());
        let is_new = replaced.is_none_or(|(_, node)| node.is_intermediate());
        match flags {
            BPF_NOEXIST if !is_new => return Err(MapError::Exists),
            BPF_EXIST if is_new => return Err(MapError::NoSuchKey),
            _ if is_new && self.count.load(Relaxed) == self.max_entries => return Err(MapError::NoSpace),
            _ => {}
        }
        let new = self.nodes.take().ok_or(MapError::Reserve)?;
        let fill = |children| self.fill(new, prefix.len, |n| prefix.word(n), children, Some(value));
        let mut top = new;
        match (there, replaced) {
            (None, _) => fill([NONE; 2]),
            (_, Some((_, old))) => fill([old.child(0), old.child(1)]),
            (Some((i, node)), None) if common == prefix.len => {
                let bit = node.bit(common);
                fill([if bit == 0 { i } else { NONE }, if bit == 1 { i } else { NONE }]);
            }
            (Some((i, _)), None) => {
                let Some(between) = self.nodes.take() else {
                    self.nodes.give(new);
                    return Err(MapError::Reserve);
                };
                fill([NONE; 2]);
                let children = if prefix.bit(common) == 0 { [new, i] } else { [i, new] };
                self.fill(between, common, |n| prefix.word(n), children, None);
                top = between;
            }
        }
        self.set_link(place, top);
        if let Some((old, _)) = replaced {
            self.give(old);
        }
        if is_new {
            self.count.fetch_add(1, Relaxed);
        }
        Ok(())
    }

    fn remove(&self, prefix: &Prefix<'_>) -> Result<(), MapError> {
        let (place, i, node) = self.exact(prefix).ok_or(MapError::NoSuchKey)?;
        self.count.fetch_sub(1, Relaxed);
        let children = [node.child(0), node.child(1)];
        match (children, place) {
            // One child takes its place; two need it.
            ([a, b], _) if a != NONE && b != NONE => {
                node.row.at(0).store(header(node.len() | INTERMEDIATE, node.version()), Release);
                return Ok(());
            }
            ([NONE, NONE], Some((parent, bit))) if self.node(parent).is_intermediate() => {
                let sibling = self.node(parent).child(1 - bit);
                self.set_link(self.place_of(parent, prefix), sibling);
                self.give(parent);
            }
            ([child, NONE] | [NONE, child], _) => self.set_link(place, child),
            _ => {}
        }
        self.give(i);
        Ok(())
    }

    /// The link to a node on this prefix's path. Under the lock.
    fn place_of(&self, i: u32, prefix: &Prefix<'_>) -> Place {
        let mut place = None;
        loop {
            match self.link(place) {
                at if at == i || at == NONE => return place,
                at => place = Some((at, prefix.bit(self.node(at).len()))),
            }
        }
    }

    /// The first node with a value, in the order of [`next_key`](Ops::next_key), below a node and itself included.
    fn leftmost(&self, i: u32) -> Option<u32> {
        let (mut at, mut found) = (i, None);
        while at != NONE {
            let node = self.node(at);
            if !node.is_intermediate() {
                found = Some(at);
            }
            at = if node.child(0) == NONE { node.child(1) } else { node.child(0) };
        }
        found
    }

    /// The node after a prefix: those below a node come before it, those with a zero first. Under the lock.
    fn after(&self, prefix: &Prefix<'_>) -> Result<Next, MapError> {
        let (mut at, mut next) = (self.root.load(Relaxed), Err(MapError::NoSuchKey));
        while at != NONE {
            let node = self.node(at);
            if !node.begins(prefix) || (node.len() == prefix.len && node.is_intermediate()) {
                break;
            }
            if node.len() == prefix.len {
                return next;
            }
            let bit = prefix.bit(node.len());
            if bit == 0 && node.child(1) != NONE {
                next = Ok(Next::Below(node.child(1)));
            } else if !node.is_intermediate() {
                next = Ok(Next::This(at));
            }
            at = node.child(bit);
        }
        // It is not there: the first one.
        Ok(Next::Below(self.root.load(Relaxed)))
    }
}

impl Ops for Lpm {
    fn lookup(&self, key: &[u8], out: &mut [u8], _flags: u64) -> Result<(), MapError> {
        let prefix = self.prefix(key).ok_or(MapError::NoSuchKey)?;
        let _section = IrqGuard::new();
        loop {
            let node = self.find(&prefix).ok_or(MapError::NoSuchKey)?;
            self.value(&node).get(out);
            if node.is_still() {
                return Ok(());
            }
        }
    }

    fn update(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        loop {
            let result = self.update_here(key, value, flags);
            if result == Err(MapError::Reserve) && self.nodes.prepare() {
                continue;
            }
            return result;
        }
    }

    fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        let prefix = self.prefix(key).ok_or(MapError::Prefix)?;
        self.lock.with(|| self.remove(&prefix))?
    }

    fn next_key(&self, key: Option<&[u8]>, out: &mut [u8]) -> Result<(), MapError> {
        let prefix = key.and_then(|key| self.prefix(key));
        self.lock.with(|| {
            let next = match prefix {
                Some(prefix) => self.after(&prefix)?,
                None => Next::Below(self.root.load(Relaxed)),
            };
            let next = match next {
                Next::This(i) => Some(i),
                Next::Below(i) => self.leftmost(i),
            };
            let node = self.node(next.ok_or(MapError::NoSuchKey)?);
            let (len, data) = out.split_at_mut(LEN);
            len.copy_from_slice(&node.len().to_ne_bytes());
            for (n, bytes) in data.chunks_mut(8).enumerate() {
                bytes.copy_from_slice(&node.word(n).to_be_bytes()[..bytes.len()]);
            }
            Ok(())
        })?
    }

    fn lookup_ptr(&self, key: &[u8]) -> Option<*mut u8> {
        let node = self.find(&self.prefix(key)?)?;
        Some(self.value(&node).ptr())
    }

    fn update_here(&self, key: &[u8], value: &[u8], flags: u64) -> Result<(), MapError> {
        if flags > BPF_EXIST {
            return Err(MapError::Flags(flags));
        }
        let prefix = self.prefix(key).ok_or(MapError::Prefix)?;
        self.lock.with(|| self.insert(&prefix, value, flags))?
    }
}
