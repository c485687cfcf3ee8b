//! Every form of the table, with operands over their ranges, judged by LLVM's assembler and disassembler.
mod judge;

use axbpf_isa::*;

/// The form's slots with these operands; fixed fields keep their values.
fn with(form: &Form, dst: u8, src: u8, off: i16, imm: i32, next: i32) -> Vec<RawInsn> {
    let pick = |field: Field, operand: i32| match field {
        Field::Fixed(value) => value,
        Field::Free => operand,
    };
    let raw = RawInsn::new(
        form.opcode,
        pick(form.dst, dst.into()) as u8,
        pick(form.src, src.into()) as u8,
        pick(form.off, off.into()) as i16,
        pick(form.imm, imm),
    );
    let second = form.next.map(|field| RawInsn { imm: pick(field, next), ..RawInsn::default() });
    core::iter::once(raw).chain(second).collect()
}

/// Operands at the ends of their ranges and between.
fn samples(form: &Form) -> Vec<Vec<RawInsn>> {
    let rows = [
        (0, 0, 0, 0, 0),
        (1, 2, 8, 5, 0),
        (10, 9, -8, -1, -1),
        (9, 10, i16::MAX, i32::MAX, i32::MAX),
        (3, 4, i16::MIN, i32::MIN, i32::MIN),
        (7, 8, -1, 0x1234_5678, 0x0fed_cba9),
    ];
    let mut all: Vec<_> = rows.iter().map(|&(dst, src, off, imm, next)| with(form, dst, src, off, imm, next)).collect();
    all.dedup();
    all
}

/// Forms that LLVM writes otherwise, because relocations decide what they mean, or drops an operand of.
fn is_ours_alone(insn: &Insn) -> bool {
    match insn {
        Insn::LoadImm64 { imm, .. } => !matches!(imm, Imm64::Value(_)),
        Insn::Call(callee) => !matches!(callee, Callee::Helper(_)),
        Insn::LoadInd { imm, .. } => *imm != 0,
        _ => false,
    }
}

/// llvm-mc reads distances of 16 bits only, even for gotol.
fn is_too_far_for_text(insn: &Insn) -> bool {
    matches!(insn, Insn::Jump { offset, long: true } if i16::try_from(*offset).is_err())
}

fn bytes(slots: &[RawInsn]) -> Vec<u8> {
    slots.iter().flat_map(|slot| slot.to_bytes()).collect()
}

#[test]
fn each_form_encodes_as_llvm_assembles_its_text() {
    let cases: Vec<(Vec<RawInsn>, String)> = FORMS
        .iter()
        .flat_map(samples)
        .map(|slots| (decode(&slots, InsnIdx(0)).unwrap(), slots))
        .filter(|(insn, _)| !is_ours_alone(insn) && !is_too_far_for_text(insn))
        .map(|(insn, slots)| (slots, insn.to_string()))
        .collect();
    let lines: Vec<String> = cases.iter().map(|(_, text)| text.clone()).collect();
    let judged = judge::assemble(&lines);
    assert_eq!(judged.len(), cases.len());
    for ((slots, text), judged) in cases.iter().zip(judged) {
        assert_eq!(bytes(slots), judged, "{text}");
    }
    assert!(cases.len() > 800, "{} cases", cases.len());
}

#[test]
fn each_form_reads_as_llvm_disassembles_its_bytes() {
    let cases: Vec<(Vec<RawInsn>, Insn)> = FORMS
        .iter()
        .flat_map(samples)
        .map(|slots| {
            let insn = decode(&slots, InsnIdx(0)).unwrap();
            (slots, insn)
        })
        .filter(|(_, insn)| !is_ours_alone(insn))
        .collect();
    let slots: Vec<RawInsn> = cases.iter().flat_map(|(slots, _)| slots.clone()).collect();
    let (plain, alu32) = (judge::disassemble(&slots, false, "plain"), judge::disassemble(&slots, true, "alu32"));
    assert_eq!((plain.len(), alu32.len()), (cases.len(), cases.len()));
    for ((_, insn), (plain, alu32)) in cases.iter().zip(plain.iter().zip(&alu32)) {
        let mut ours = insn.to_string();
        if let Insn::LoadImm64 { dst, imm: Imm64::Value(value) } = insn
            && (*value as i64) < 0
        {
            // bpftool's notation: these are addresses more often than negative numbers
            ours = format!("r{} = -{:#x} ll", dst.index(), (*value as i64).unsigned_abs());
        }
        assert!(ours == *plain || ours == *alu32, "ours: {ours}\nllvm: {plain}\nllvm with alu32: {alu32}");
    }
}

#[test]
fn pseudo_loads_encode_as_llvms_ld_pseudo() {
    let cases: Vec<(Vec<RawInsn>, String)> = FORMS
        .iter()
        .filter(|form| matches!(form.shape(), Insn::LoadImm64 { .. }))
        .map(|form| with(form, 6, 0, 0, 0x1234, 0))
        .map(|slots| {
            let text = format!("ld_pseudo r6, {}, 0x1234", slots[0].src());
            (slots, text)
        })
        .collect();
    assert_eq!(cases.len(), 7);
    let judged = judge::assemble(&cases.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>());
    for ((slots, text), judged) in cases.iter().zip(judged) {
        assert_eq!(bytes(slots), judged, "{text}");
    }
}

#[test]
fn both_directions_are_inverse() {
    for slots in FORMS.iter().flat_map(samples) {
        let insn = decode(&slots, InsnIdx(0)).unwrap();
        let (first, second) = insn.encode().unwrap();
        assert_eq!(core::iter::once(first).chain(second).collect::<Vec<_>>(), slots);
        assert_eq!(slots.len(), insn.slots());
        assert_eq!(asm::assemble(&insn.to_string()).as_deref(), Ok(&slots[..]), "{insn}");
    }
}

#[test]
fn text_that_llvm_leaves_to_relocations() {
    let text = "r1 = map[fd:0x3]\nr1 = map[fd:0x3][0] + 0x10\nr1 = var[id:0x2a, fd:0x0]\nr1 = subprog[+0x4]\nr1 = map[idx:0x1]\n\
                r1 = map[idx:0x1][0] + 0x8\ncall pc-0x2\ncall kfunc[id:0x1f4, idx:0x0]\nr0 = *(u8 *)skb[r1 + 0x4]\nr0 = *(u8 *)skb[r1 - 0x4]\n";
    let wide = |src, imm, next| [RawInsn::new(0x18, 1, src, 0, imm), RawInsn { imm: next, ..RawInsn::default() }];
    let mut slots = Vec::new();
    slots.extend([wide(1, 3, 0), wide(2, 3, 16), wide(3, 42, 0), wide(4, 4, 0), wide(5, 1, 0), wide(6, 1, 8)].concat());
    slots.extend([RawInsn::new(0x85, 0, 1, 0, -2), RawInsn::new(0x85, 0, 2, 0, 500)]);
    slots.extend([RawInsn::new(0x50, 0, 1, 0, 4), RawInsn::new(0x50, 0, 1, 0, -4)]);
    assert_eq!(disasm::listing(&slots).to_string(), text);
    assert_eq!(asm::assemble(text), Ok(slots));
}
