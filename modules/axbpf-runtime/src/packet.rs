//! Packets for test runs: the page that a program's packet pointers lead to, and the context in front of it. Rules and limits are those of
//! Linux 6.12 (`net/bpf/test_run.c`: `bpf_prog_test_run_xdp`, `bpf_prog_test_run_skb`). There is one device, the loopback, as interface 1.
use crate::test_run::{RunError, Words};
use alloc::vec::Vec;
use axbpf_platform::PAGE_SIZE;

/// Bytes of an Ethernet header: the least that a packet has.
const ETH_HLEN: usize = 14;
/// Room before an XDP packet's data, in which its metadata is: XDP_PACKET_HEADROOM.
const XDP_HEADROOM: usize = 256;
/// Most metadata: Linux keeps `struct xdp_frame` (40 bytes) in that room too.
const XDP_METADATA: usize = XDP_HEADROOM - 40;
/// Room before a socket buffer's data: NET_SKB_PAD + NET_IP_ALIGN, so that the header behind Ethernet's is aligned to 4 bytes.
const SKB_HEADROOM: usize = 64 + 2;
/// Room behind the data, where Linux keeps `struct skb_shared_info`.
const TAILROOM: usize = 320;
/// Most of an XDP packet that does not fit into its page: MAX_SKB_FRAGS pages. Programs reach it by helpers alone.
const FRAGMENTS: usize = 17 * PAGE_SIZE;
/// No test run takes a longer packet, in bytes; of most types they have to be shorter.
pub const MAX_PACKET: usize = PAGE_SIZE + FRAGMENTS;
/// The interface that packets come from where nothing else is said.
const LOOPBACK: u32 = 1;

/// A page with a packet in it.
struct Page {
    words: Words,
    address: u64,
}

impl Page {
    /// `data` stands at `at`; the rest is zero.
    fn new(at: usize, data: &[u8]) -> Page {
        let mut words = Words::zeros(PAGE_SIZE);
        if let Some(room) = words.bytes_mut().get_mut(at..at + data.len()) {
            room.copy_from_slice(data);
        }
        Page { address: words.address(), words }
    }

    /// What is between two addresses in it.
    fn between(&self, start: u64, end: u64) -> Vec<u8> {
        let at = |address: u64| usize::try_from(address.wrapping_sub(self.address)).unwrap_or(usize::MAX);
        self.words.bytes().get(at(start)..at(end)).unwrap_or_default().to_vec()
    }
}

/// The user API's struct at the beginning of a context, and the three pointers behind it.
struct Ctx<const SIZE: usize> {
    fields: [u8; SIZE],
}

impl<const SIZE: usize> Ctx<SIZE> {
    /// What the caller gave, with zeros behind it. Bytes that the struct does not have must be zero (Linux: `bpf_check_uarg_tail_zero`).
    fn given(bytes: &[u8]) -> Result<Self, RunError> {
        let (known, unknown) = bytes.split_at(bytes.len().min(SIZE));
        if bytes.len() > PAGE_SIZE || unknown.iter().any(|&byte| byte != 0) {
            return Err(RunError::LongContext { most: SIZE });
        }
        let mut fields = [0; SIZE];
        fields[..known.len()].copy_from_slice(known);
        Ok(Ctx { fields })
    }

    fn zero() -> Self {
        Ctx { fields: [0; SIZE] }
    }

    fn get(&self, at: usize) -> u32 {
        self.fields.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |&bytes| u32::from_le_bytes(bytes))
    }

    fn put(&mut self, at: usize, value: u32) {
        if let Some(room) = self.fields.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            *room = value.to_le_bytes();
        }
    }

    /// Takes over some fields of another one.
    fn copy(&mut self, from: &Self, fields: core::ops::Range<usize>) {
        self.fields[fields.clone()].copy_from_slice(&from.fields[fields]);
    }

    /// The memory that R1 points to: `CtxLayout::memory`.
    fn words(&self, data: u64, data_end: u64, data_meta: u64) -> Words {
        let mut bytes = self.fields.to_vec();
        for pointer in [data, data_end, data_meta] {
            bytes.extend(pointer.to_le_bytes());
        }
        Words::of(&bytes)
    }

    /// What a program left there: the struct, then data, data_end and data_meta.
    fn left(words: &Words) -> (Self, [u64; 3]) {
        let bytes = words.bytes();
        let mut ctx = Self::zero();
        ctx.fields.copy_from_slice(&bytes[..SIZE]);
        let pointer = |i: usize| bytes.get(SIZE + 8 * i..).and_then(|rest| rest.first_chunk()).map_or(0, |&word| u64::from_le_bytes(word));
        (ctx, [pointer(0), pointer(1), pointer(2)])
    }
}

/// `struct xdp_md`: bytes of its fields.
mod xdp_md {
    pub const SIZE: usize = 24;
    pub const DATA: usize = 0;
    pub const DATA_END: usize = 4;
    pub const DATA_META: usize = 8;
    pub const INGRESS_IFINDEX: usize = 12;
    pub const RX_QUEUE_INDEX: usize = 16;
    pub const EGRESS_IFINDEX: usize = 20;
}

/// A packet for xdp programs.
pub(crate) struct Xdp<'a> {
    page: Page,
    pub(crate) ctx: Words,
    given: Option<Ctx<{ xdp_md::SIZE }>>,
    /// What does not fit into the page.
    fragments: &'a [u8],
}

impl<'a> Xdp<'a> {
    /// `data` is the packet with its metadata before it; `ctx`, if there is one, says with offsets into that where the packet begins and
    /// where its linear part ends.
    pub(crate) fn new(data: &'a [u8], ctx: Option<&[u8]>) -> Result<Self, RunError> {
        use xdp_md::*;
        let given = ctx.map(Ctx::<SIZE>::given).transpose()?;
        let field = |at, wants| Err(RunError::Field { at, wants });
        let (mut meta, mut linear) = (0, data.len());
        if let Some(given) = &given {
            (meta, linear) = (given.get(DATA) as usize, given.get(DATA_END) as usize);
            if given.get(DATA_META) != 0 {
                return field(DATA_META, "0: metadata comes first");
            }
            if linear > data.len() {
                return field(DATA_END, "the length of the data or less");
            }
            if meta > linear || meta > XDP_METADATA || meta % 4 != 0 {
                return field(DATA, "the length of the metadata: a multiple of 4, at most 216 and data_end");
            }
        }
        let start = XDP_HEADROOM - meta;
        let linear = linear.min(PAGE_SIZE - start - TAILROOM);
        if data.len() - meta < ETH_HLEN {
            return Err(RunError::ShortPacket { given: data.len() - meta, least: ETH_HLEN });
        }
        let device = given.as_ref().map_or(0, |given| given.get(INGRESS_IFINDEX));
        if let Some(given) = &given {
            if given.get(EGRESS_IFINDEX) != 0 {
                return field(EGRESS_IFINDEX, "0");
            }
            if device == 0 && given.get(RX_QUEUE_INDEX) != 0 {
                return field(RX_QUEUE_INDEX, "0 without an interface");
            }
            if device > LOOPBACK {
                return Err(RunError::NoDevice(device));
            }
            if given.get(RX_QUEUE_INDEX) != 0 {
                return field(RX_QUEUE_INDEX, "0: the interface has one queue");
            }
        }
        let (first, fragments) = data.split_at(linear);
        if fragments.len() > FRAGMENTS {
            return Err(RunError::Fragments { given: fragments.len(), most: FRAGMENTS });
        }
        let page = Page::new(start, first);
        let mut md = Ctx::<SIZE>::zero();
        md.put(INGRESS_IFINDEX, LOOPBACK);
        let meta_at = page.address + start as u64;
        let ctx = md.words(page.address + XDP_HEADROOM as u64, meta_at + linear as u64, meta_at);
        Ok(Xdp { page, ctx, given, fragments })
    }

    /// The packet with its metadata, and the context, as the program left them.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<u8>) {
        use xdp_md::*;
        let (_, [data, data_end, data_meta]) = Ctx::<SIZE>::left(&self.ctx);
        let mut bytes = self.page.between(data_meta, data_end);
        bytes.extend_from_slice(self.fragments);
        let ctx = self.given.map_or(Vec::new(), |mut md| {
            md.put(DATA, data.wrapping_sub(data_meta) as u32);
            md.put(DATA_END, data_end.wrapping_sub(data_meta) as u32);
            md.fields.to_vec()
        });
        (bytes, ctx)
    }
}

/// `struct __sk_buff`: bytes of its fields.
mod sk_buff {
    pub const SIZE: usize = 192;
    pub const LEN: usize = 0;
    pub const PKT_TYPE: usize = 4;
    pub const MARK: usize = 8;
    pub const PROTOCOL: usize = 16;
    pub const PRIORITY: usize = 32;
    pub const IFINDEX: usize = 40;
    pub const CB: usize = 48;
    pub const CB_END: usize = 68;
    pub const TSTAMP: usize = 152;
    pub const WIRE_LEN: usize = 160;
    pub const GSO_SEGS: usize = 164;
    pub const GSO_SIZE: usize = 176;
    pub const HWTSTAMP: usize = 184;
    /// What a caller may set, from, to (PRIORITY to IFINDEX has ingress_ifindex in it). The others must be zero.
    pub const SETTABLE: [(usize, usize); 6] =
        [(MARK, MARK + 4), (PRIORITY, IFINDEX + 4), (CB, CB_END), (TSTAMP, GSO_SEGS + 4), (GSO_SIZE, GSO_SIZE + 4), (HWTSTAMP, SIZE)];
    /// What is answered: the same, but not gso_size.
    pub const ANSWERED: [(usize, usize); 5] =
        [(MARK, MARK + 4), (PRIORITY, IFINDEX + 4), (CB, CB_END), (TSTAMP, GSO_SEGS + 4), (HWTSTAMP, SIZE)];
}

/// A packet for tc programs and socket filters.
pub(crate) struct Skb {
    page: Page,
    pub(crate) ctx: Words,
    given: Option<Ctx<{ sk_buff::SIZE }>>,
    /// Programs see the Ethernet header.
    link_layer: bool,
}

impl Skb {
    /// `data` begins with an Ethernet header. The data of tc programs (`link_layer`) does too; that of socket filters begins behind it.
    pub(crate) fn new(data: &[u8], ctx: Option<&[u8]>, link_layer: bool) -> Result<Self, RunError> {
        use sk_buff::*;
        const MOST: usize = PAGE_SIZE - SKB_HEADROOM - TAILROOM;
        let (header, payload) = data.split_first_chunk().ok_or(RunError::ShortPacket { given: data.len(), least: ETH_HLEN })?;
        if data.len() > MOST {
            return Err(RunError::LongPacket { given: data.len(), most: MOST });
        }
        let given = ctx.map(Ctx::<SIZE>::given).transpose()?;
        let hidden = if link_layer { 0 } else { ETH_HLEN };
        let len = (data.len() - hidden) as u32;
        let mut skb = Ctx::<SIZE>::zero();
        if let Some(given) = &given {
            if given.get(IFINDEX) > LOOPBACK {
                return Err(RunError::NoDevice(given.get(IFINDEX)));
            }
            let settable = |at: usize| SETTABLE.iter().any(|&(from, to)| (from..to).contains(&at));
            if let Some(at) = (0..SIZE).find(|&at| !settable(at) && given.fields[at] != 0) {
                return Err(RunError::Field { at: at & !3, wants: "0: it cannot be set" });
            }
            // GSO_LEGACY_MAX_SIZE and GSO_MAX_SEGS.
            if given.get(WIRE_LEN) != 0 && !(len..=65536).contains(&given.get(WIRE_LEN)) {
                return Err(RunError::Field { at: WIRE_LEN, wants: "0, or at least the packet's length and at most 65536" });
            }
            if given.get(GSO_SEGS) > 65535 {
                return Err(RunError::Field { at: GSO_SEGS, wants: "at most 65535" });
            }
            for (from, to) in SETTABLE {
                skb.copy(given, from..to);
            }
            skb.put(GSO_SIZE, given.get(GSO_SIZE) & 0xffff); // it has 16 bits behind the struct that programs know
            // Without a context it stays 0.
            if given.get(WIRE_LEN) == 0 {
                skb.put(WIRE_LEN, len);
            }
        }
        skb.put(LEN, len);
        skb.put(IFINDEX, LOOPBACK);
        skb.put(PKT_TYPE, packet_type(header));
        skb.put(PROTOCOL, protocol(header, payload).into());
        let page = Page::new(SKB_HEADROOM, data);
        let start = page.address + (SKB_HEADROOM + hidden) as u64;
        let ctx = skb.words(start, start + u64::from(len), start);
        Ok(Skb { page, ctx, given, link_layer })
    }

    /// The packet and the context, as the program left them. Where programs do not see the Ethernet header, it comes back as zeros.
    pub(crate) fn finish(self) -> (Vec<u8>, Vec<u8>) {
        let (skb, [data, data_end, _]) = Ctx::left(&self.ctx);
        let mut bytes = alloc::vec![0; if self.link_layer { 0 } else { ETH_HLEN }];
        bytes.extend(self.page.between(data, data_end));
        let ctx = self.given.map_or(Vec::new(), |mut given| {
            for (from, to) in sk_buff::ANSWERED {
                given.copy(&skb, from..to);
            }
            given.fields.to_vec()
        });
        (bytes, ctx)
    }
}

/// PACKET_HOST and the like (Linux: `eth_type_trans`). The loopback's own address is all zeros and so is that for broadcasts, which come as
/// multicasts therefore.
fn packet_type(header: &[u8; ETH_HLEN]) -> u32 {
    const HOST: u32 = 0;
    const MULTICAST: u32 = 2;
    const OTHER_HOST: u32 = 3;
    match header[..6] {
        [0, 0, 0, 0, 0, 0] => HOST,
        [first, ..] if first & 1 != 0 => MULTICAST,
        _ => OTHER_HOST,
    }
}

/// The protocol in network byte order (Linux: `eth_type_trans`). Below 0x600 the field is a length: ETH_P_802_3 for what Novell put behind
/// it, else ETH_P_802_2.
fn protocol(header: &[u8; ETH_HLEN], payload: &[u8]) -> u16 {
    let found = u16::from_be_bytes([header[12], header[13]]);
    match payload {
        _ if found >= 0x600 => found,
        [0xff, 0xff, ..] => 1,
        _ => 4,
    }
    .to_be()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axbpf_abi::{CtxLayout, FieldKind, ProgType};

    /// The word for a pointer of this kind, at the place that the type's layout names. `None`: its programs cannot load it.
    fn pointer(words: &Words, prog_type: ProgType, kind: FieldKind) -> Option<u64> {
        let layout = CtxLayout::of(prog_type, 0, crate::prog::ARCH).unwrap();
        assert_eq!(words.bytes().len(), layout.memory as usize);
        let at = layout.fields.iter().find(|field| field.kind == kind)?.stored as usize;
        Some(u64::from_le_bytes(words.bytes()[at..at + 8].try_into().unwrap()))
    }

    #[test]
    fn pointers_are_where_the_layout_says() {
        let data: Vec<u8> = (0..100).collect();
        let xdp = Xdp::new(&data, Some(&[12, 0, 0, 0, 90, 0, 0, 0])).unwrap();
        let at = |kind| pointer(&xdp.ctx, ProgType::Xdp, kind).unwrap();
        let meta = at(FieldKind::PacketMeta);
        assert_eq!(xdp.page.between(meta, at(FieldKind::PacketEnd)), data[..90]);
        assert_eq!(at(FieldKind::Packet), meta + 12);
        for prog_type in [ProgType::SchedCls, ProgType::SchedAct] {
            let skb = Skb::new(&data, None, true).unwrap();
            let at = |kind| pointer(&skb.ctx, prog_type, kind).unwrap();
            assert_eq!(skb.page.between(at(FieldKind::Packet), at(FieldKind::PacketEnd)), data);
            assert_eq!(at(FieldKind::PacketMeta), at(FieldKind::Packet));
            assert_eq!(at(FieldKind::Packet) % 4, 2, "the header behind Ethernet's is aligned");
        }
        let skb = Skb::new(&data, None, false).unwrap();
        assert_eq!(pointer(&skb.ctx, ProgType::SocketFilter, FieldKind::Packet), None);
        let (_, [start, end, _]) = Ctx::<{ sk_buff::SIZE }>::left(&skb.ctx);
        assert_eq!(skb.page.between(start, end), data[14..]);
    }

    /// What helpers will do: they move the pointers.
    #[test]
    fn moved_pointers_decide_what_comes_back() {
        let data: Vec<u8> = (1..=100).collect();
        let moved = |words: &mut Words, size: usize, by: [i64; 3]| {
            let mut bytes = words.bytes().to_vec();
            for (word, by) in bytes[size..].as_chunks_mut().0.iter_mut().zip(by) {
                *word = u64::from_le_bytes(*word).wrapping_add_signed(by).to_le_bytes();
            }
            *words = Words::of(&bytes);
        };
        let mut xdp = Xdp::new(&data, Some(&[0, 0, 0, 0, 100])).unwrap();
        moved(&mut xdp.ctx, xdp_md::SIZE, [2, -1, -3]);
        let (bytes, ctx) = xdp.finish();
        assert_eq!(bytes, [&[0; 3], &data[..99]].concat());
        assert_eq!((ctx[0], ctx[4]), (5, 102));
        let mut skb = Skb::new(&data, None, false).unwrap();
        moved(&mut skb.ctx, sk_buff::SIZE, [6, 1, 6]);
        assert_eq!(skb.finish().0, [&[0; 14], &data[20..], &[0]].concat());
        // Out of the page: nothing comes back.
        let mut skb = Skb::new(&data, None, true).unwrap();
        moved(&mut skb.ctx, sk_buff::SIZE, [0, 1 << 20, 0]);
        assert_eq!(skb.finish().0, []);
    }
}
