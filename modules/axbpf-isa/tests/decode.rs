//! What is an instruction, and what is said of the rest.
use axbpf_isa::*;

/// A fixed sequence, the same on every machine (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }
}

#[test]
fn any_slot_is_refused_or_encodes_to_itself() {
    let mut random = Random(1);
    let mut legal = 0;
    for opcode in 0..=255 {
        for regs in 0..=255 {
            let noise = random.next();
            let offs = [0, 1, 8, 16, 32, noise as i16];
            let imms = [0, 1, 16, 64, 0xe1, 0xf1, (noise >> 16) as i32];
            for (off, imm) in offs.into_iter().flat_map(|off| imms.map(|imm| (off, imm))) {
                let first = RawInsn { opcode, regs, off, imm };
                for second in [RawInsn::default(), RawInsn { imm, ..RawInsn::default() }, first] {
                    let Ok(insn) = decode(&[first, second], InsnIdx(0)) else { continue };
                    let (a, b) = insn.encode().unwrap();
                    assert_eq!((a, b.unwrap_or(second)), (first, second), "{insn}");
                    legal += 1;
                }
            }
        }
    }
    assert!(legal > 100_000, "{legal} slots decoded");
}

#[test]
fn no_slot_matches_two_forms() {
    for (i, a) in FORMS.iter().enumerate() {
        for b in FORMS[i + 1..].iter().filter(|b| b.opcode == a.opcode) {
            let fields = |form: &Form| [form.dst, form.src, form.off, form.imm];
            let apart = |(a, b): (Field, Field)| matches!((a, b), (Field::Fixed(a), Field::Fixed(b)) if a != b);
            assert!(fields(a).into_iter().zip(fields(b)).any(apart), "{a:?}\n{b:?}");
        }
        assert_eq!(Form::of(&a.shape()).map(core::ptr::from_ref), Some(core::ptr::from_ref(a)), "two forms of one shape: {a:?}");
    }
}

/// Opcodes that RFC 9669 defines, from its appendix A, and may_goto; everything else is unknown.
#[test]
fn known_opcodes_are_those_of_the_rfc() {
    let alu: Vec<u8> = (0..=0xc).filter(|code| *code != 8).flat_map(|code| [code << 4, code << 4 | 8]).collect();
    let jmp: Vec<u8> = [1, 2, 3, 4, 5, 6, 7, 0xa, 0xb, 0xc, 0xd].into_iter().flat_map(|code| [code << 4, code << 4 | 8]).collect();
    let mut known: Vec<u8> = vec![0x84, 0x87, 0xd4, 0xdc, 0xd7, 0x05, 0x06, 0x85, 0x95, 0x18, 0xc3, 0xdb, 0x91, 0x89, 0x81, 0xe5];
    known.extend(alu.iter().flat_map(|op| [op | 4, op | 7]));
    known.extend(jmp.iter().flat_map(|op| [op | 5, op | 6]));
    known.extend([0x60, 0x68, 0x70, 0x78].iter().flat_map(|op| [op | 1, op | 2, op | 3]));
    known.extend([0x20, 0x28, 0x30, 0x40, 0x48, 0x50]);
    for opcode in 0..=255 {
        let is_known = Form::with_opcode(opcode).next().is_some();
        assert_eq!(is_known, known.contains(&opcode), "{opcode:#04x}");
    }
}

#[test]
fn groups_follow_appendix_a() {
    let group = |text: &str| insns(&asm::assemble(text).unwrap()).next().unwrap().1.unwrap().group().unwrap().name();
    for (text, expected) in [
        ("w1 += 1", "base32"),
        ("r1 += r2", "base64"),
        ("w1 *= 3", "divmul32"),
        ("r1 s%= r2", "divmul64"),
        ("r1 = be32 r1", "base32"),
        ("r1 = le64 r1", "base64"),
        ("r1 = bswap16 r1", "base64"),
        ("w1 = (s8)w2", "base32"),
        ("r1 = (s8)r2", "base64"),
        ("if w1 == 1 goto +1", "base32"),
        ("if r1 == 1 goto +1", "base64"),
        ("goto +1", "base32"),
        ("gotol +1", "base32"),
        ("call 1", "base32"),
        ("exit", "base32"),
        ("r1 = *(u32 *)(r2 + 0)", "base32"),
        ("r1 = *(u64 *)(r2 + 0)", "base64"),
        ("r1 = *(s8 *)(r2 + 0)", "base64"),
        ("*(u64 *)(r2 + 0) = 1", "base64"),
        ("r1 = 1 ll", "base64"),
        ("lock *(u32 *)(r1 + 0) += w2", "atomic32"),
        ("r0 = cmpxchg_64(r1 + 0, r0, r2)", "atomic64"),
        ("r0 = *(u8 *)skb[4]", "packet"),
        ("may_goto +1", "linux"),
    ] {
        assert_eq!(group(text), expected, "{text}");
    }
}

#[test]
fn errors_name_slot_field_and_remedy() {
    let raw = RawInsn::new;
    for (slots, message) in [
        (vec![], "insn 0: the program has only 0 slots"),
        (vec![raw(0, 0, 0, 0, 0)], "insn 0: unknown opcode 0x00; it is legal only as the second slot of a wide load"),
        (vec![raw(0x8d, 0, 0, 0, 0)], "insn 0: unknown opcode 0x8d"),
        (vec![raw(0x07, 11, 0, 0, 1)], "insn 0: dst register R11 is invalid; the last one is R10"),
        (vec![raw(0x0f, 1, 15, 0, 0)], "insn 0: src register R15 is invalid; the last one is R10"),
        (vec![raw(0x07, 1, 2, 0, 1)], "insn 0: opcode 0x07 uses the reserved field src (2); it must be 0"),
        (vec![raw(0x0f, 1, 2, 0, 7)], "insn 0: opcode 0x0f uses the reserved field imm (7); it must be 0"),
        (vec![raw(0x05, 0, 0, 1, 7)], "insn 0: opcode 0x05 uses the reserved field imm (7); it must be 0"),
        (vec![raw(0x95, 0, 0, 3, 0)], "insn 0: opcode 0x95 uses the reserved field off (3); it must be 0"),
        (vec![raw(0x3f, 1, 2, 2, 0)], "insn 0: opcode 0x3f has no operation with off 0x2"),
        (vec![raw(0xbc, 1, 2, 32, 0)], "insn 0: opcode 0xbc has no operation with off 0x20"),
        (vec![raw(0xd4, 1, 0, 0, 8)], "insn 0: opcode 0xd4 has no operation with imm 0x8"),
        (vec![raw(0xdb, 1, 2, 0, 0x10)], "insn 0: opcode 0xdb has no operation with imm 0x10"),
        (vec![raw(0x85, 0, 3, 0, 1)], "insn 0: opcode 0x85 has no operation with src 0x3"),
        (vec![raw(0x85, 0, 0, 5, 1)], "insn 0: opcode 0x85 uses the reserved field off (5); it must be 0"),
        (vec![raw(0x18, 1, 0, 0, 1)], "insn 0: the program ends within a wide load; it takes two slots"),
        (
            vec![raw(0x18, 1, 0, 0, 1), raw(0, 1, 0, 0, 0)],
            "insn 0: the second slot of a wide load holds only an immediate; this one is 0x00 dst=1 src=0 off=0 imm=0x0",
        ),
        (vec![raw(0x18, 1, 1, 0, 1), raw(0, 0, 0, 0, 9)], "insn 0: the second slot of this wide load has imm 9; it must be 0"),
    ] {
        assert_eq!(decode(&slots, InsnIdx(0)).unwrap_err().to_string(), message);
    }
}

#[test]
fn impossible_combinations_do_not_encode() {
    let (dst, src, off) = (Reg::R1, Reg::R2, 0);
    for insn in [
        Insn::Atomic { op: AtomicOp::Xchg, size: Size::B, dst, off, src },
        Insn::MovSx { width: Width::W32, dst, src, from: Size::W },
        Insn::End { order: ByteOrder::Swap, dst, size: Size::B },
        Insn::LoadAbs { size: Size::Dw, imm: 0 },
        Insn::Load { size: Size::Dw, sx: true, dst, src, off },
        Insn::Jump { offset: 0x8000, long: false },
    ] {
        assert_eq!(insn.encode(), None);
        assert!(insn.to_string().starts_with("<not encodable: "));
    }
}
