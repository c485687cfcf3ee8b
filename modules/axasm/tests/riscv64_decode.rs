//! The decoder against llvm-mc's disassembler: every 2-byte pattern, and 4-byte ones of every opcode.
use axasm::riscv64::*;
use std::io::Write;
use std::process::{Command, Stdio};

/// The disassembly of each pattern; `None`: none.
fn disassemble(patterns: &[Vec<u8>]) -> Vec<Option<String>> {
    // Symbolizing would need an object: llvm-mc reads bytes as text and says what it cannot decode on standard error.
    let args = ["--disassemble", "-triple=riscv64", "-M", "no-aliases", "-M", "numeric"];
    let mut child = Command::new("llvm-mc-19")
        .args(args)
        .arg("-mattr=+m,+a,+f,+d,+c,+zba,+zbb,+zbs,+zcb,+zcmop,+zimop,+zicbom,+zicboz,+zicond,+v,+zacas,+zabha")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("llvm-mc-19; scripts/setup.sh bpf installs it");
    let mut stdin = child.stdin.take().unwrap();
    // An addi with the pattern's number between any two tells where the next one begins.
    let mut text = String::new();
    for pattern in patterns {
        let bytes: Vec<String> = pattern.iter().map(|b| format!("{b:#04x}")).collect();
        text += &bytes.join(" ");
        text += "\n0x13 0x01 0x71 0x7d\n"; // addi x2, x2, 2007
    }
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let out = String::from_utf8(out.stdout).unwrap();
    let mut result = Vec::new();
    let mut lines = Vec::new();
    for line in out.lines().map(|line| line.trim().replace('\t', " ")) {
        if line == "addi x2, x2, 2007" {
            result.push((lines.len() == 1).then(|| lines.remove(0)));
            lines.clear();
        } else if !line.is_empty() && !line.starts_with('.') {
            lines.push(line);
        }
    }
    assert_eq!(result.len(), patterns.len());
    result
}

/// What the text of an instruction means to a probe, and the operands of those that are simulated.
fn meaning(text: &str) -> Step {
    let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
    let operands: Vec<&str> = operands.split([',', '(', ')']).map(str::trim).filter(|o| !o.is_empty()).collect();
    let reg = |i: usize| operands[i].trim_start_matches('x').parse::<u8>().unwrap();
    let imm = |i: usize| operands[i].parse::<i32>().unwrap();
    let cond = |name: &str| match name {
        "eq" => Cond::Eq,
        "ne" => Cond::Ne,
        "lt" => Cond::Lt,
        "ge" => Cond::Ge,
        "ltu" => Cond::Ltu,
        _ => Cond::Geu,
    };
    match name {
        "c.nop" if operands.is_empty() => Step::Simulate(Op::Nop),
        "auipc" => Step::Simulate(Op::Auipc { rd: reg(0), imm: imm(1) << 12 }),
        "jal" => Step::Simulate(Op::Jal { rd: reg(0), offset: imm(1) }),
        "c.j" => Step::Simulate(Op::Jal { rd: 0, offset: imm(0) }),
        "jalr" => Step::Simulate(Op::Jalr { rd: reg(0), rs1: reg(2), offset: imm(1) }),
        "c.jr" => Step::Simulate(Op::Jalr { rd: 0, rs1: reg(0), offset: 0 }),
        "c.jalr" => Step::Simulate(Op::Jalr { rd: 1, rs1: reg(0), offset: 0 }),
        "beq" | "bne" | "blt" | "bge" | "bltu" | "bgeu" => {
            Step::Simulate(Op::Branch { cond: cond(&name[1..]), rs1: reg(0), rs2: reg(1), offset: imm(2) })
        }
        "c.beqz" | "c.bnez" => {
            Step::Simulate(Op::Branch { cond: cond(&name[3..5].replace("qz", "q")), rs1: reg(0), rs2: 0, offset: imm(1) })
        }
        "ebreak" | "c.ebreak" => Step::Refuse(Refusal::Breakpoint),
        "csrrs" if operands[2] == "x0" && matches!(operands[1], "cycle" | "time" | "instret") => Step::OutOfLine,
        "csrrs" if operands[2] == "x0" && operands[1].starts_with("hpmcounter") && !operands[1].ends_with('h') => Step::OutOfLine,
        _ if name.starts_with("csr") => Step::Refuse(Refusal::System),
        _ if [
            "ecall", "sret", "mret", "wfi", "mnret", "dret", "wrs.", "sfence", "hfence", "sinval", "hinval", "uret", "hlv", "hsv", "mop.",
            "unimp", "c.unimp",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix)) =>
        {
            Step::Refuse(Refusal::System)
        }
        _ if name.starts_with("lr.") || name.starts_with("sc.") => Step::Refuse(Refusal::Exclusive),
        _ => Step::OutOfLine,
    }
}

#[test]
fn every_two_byte_pattern() {
    let patterns: Vec<Vec<u8>> = (0..=0xffffu16).filter(|p| p & 3 != 3).map(|p| p.to_le_bytes().to_vec()).collect();
    let mut checked = 0;
    for (bytes, text) in patterns.iter().zip(disassemble(&patterns)) {
        let insn = decode(bytes).unwrap();
        assert_eq!(insn.len, 2);
        match text {
            Some(text) if text.starts_with("c.unimp") => assert_eq!(insn.step, Step::Refuse(Refusal::Unknown)),
            Some(text) => {
                assert_eq!(insn.step, meaning(&text), "{bytes:02x?} {text}");
                checked += 1;
            }
            // What nobody knows may be refused or stepped, but not taken for something that depends on its address.
            None => assert!(!matches!(insn.step, Step::Simulate(_)), "{bytes:02x?} {insn:?}"),
        }
    }
    assert!(checked > 45_000, "{checked}");
}

#[test]
fn four_byte_patterns_of_every_opcode() {
    let mut seed = 0x1234_5678_9abc_def1u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as u32
    };
    let mut patterns = Vec::new();
    for opcode in (3..0x80).step_by(4).filter(|opcode| opcode & 0x1c != 0x1c) {
        for _ in 0..600 {
            patterns.push((random() & !0x7f | opcode).to_le_bytes().to_vec());
        }
        for funct3 in 0..8 {
            for funct7 in 0..128 {
                patterns.push((funct7 << 25 | (random() & 0x01ff_8f80) | funct3 << 12 | opcode).to_le_bytes().to_vec());
            }
        }
    }
    for csr in [0xc00u32, 0xc01, 0xc02, 0xc1f, 0xc20, 0x100, 0x141, 0x001] {
        for (funct3, rs1) in (1..8).flat_map(|f| [(f, 0), (f, 5)]) {
            patterns.push((csr << 20 | rs1 << 15 | funct3 << 12 | 10 << 7 | 0x73).to_le_bytes().to_vec());
        }
    }
    patterns.extend([0x0010_0073u32, 0x0000_0073, 0x1020_0073, 0x1050_0073].map(|w| w.to_le_bytes().to_vec()));
    let mut checked = 0;
    for (bytes, text) in patterns.iter().zip(disassemble(&patterns)) {
        let insn = decode(bytes).unwrap();
        assert_eq!(insn.len, 4);
        let Some(text) = text else { continue };
        assert_eq!(insn.step, meaning(&text), "{bytes:02x?} {text}");
        checked += 1;
    }
    assert!(checked > 10_000, "{checked}");
}

#[test]
fn cut_off_instructions_are_none() {
    assert_eq!(decode(&[]), None);
    assert_eq!(decode(&[1]), None);
    assert_eq!(decode(&[0x13, 0]), None);
    assert_eq!(decode(&[0x13, 0, 0]), None);
    assert_eq!(decode(&[0x1f, 0]).unwrap().step, Step::Refuse(Refusal::Unknown));
}

/// Each simulated instruction on values that show its corners, against what the manual says, row by row.
#[test]
fn simulation() {
    fn run(op: Op, len: u8, set: &[(u8, u64)]) -> Regs {
        let mut regs = Regs { pc: 0x1000, ..Regs::default() };
        set.iter().for_each(|&(n, value)| regs.set(n, value));
        simulate(op, len, &mut regs);
        regs
    }
    let after = |pc: u64, set: &[(u8, u64)]| {
        let mut regs = Regs { pc, ..Regs::default() };
        set.iter().for_each(|&(n, value)| regs.set(n, value));
        regs
    };
    assert_eq!(run(Op::Nop, 2, &[]), after(0x1002, &[]));
    assert_eq!(run(Op::Auipc { rd: 10, imm: -4096 }, 4, &[]), after(0x1004, &[(10, 0)]));
    assert_eq!(run(Op::Auipc { rd: 0, imm: 4096 }, 4, &[]), after(0x1004, &[]));
    assert_eq!(run(Op::Jal { rd: 1, offset: -0x1000 }, 4, &[]), after(0, &[(1, 0x1004)]));
    assert_eq!(run(Op::Jal { rd: 0, offset: 2046 }, 2, &[]), after(0x17fe, &[]));
    assert_eq!(run(Op::Jalr { rd: 1, rs1: 1, offset: 3 }, 4, &[(1, 0x8000)]), after(0x8002, &[(1, 0x1004)]));
    assert_eq!(run(Op::Jalr { rd: 0, rs1: 5, offset: -4 }, 4, &[(5, 0x8000)]), after(0x7ffc, &[(5, 0x8000)]));
    let (big, small) = (u64::MAX, 1);
    for (cond, equal, less, greater) in [
        (Cond::Eq, true, false, false),
        (Cond::Ne, false, true, true),
        (Cond::Lt, false, false, true), // (1, -1), (-1, 1) as signed
        (Cond::Ge, true, true, false),
        (Cond::Ltu, false, true, false),
        (Cond::Geu, true, false, true),
    ] {
        for (a, b, taken) in [(small, small, equal), (small, big, less), (big, small, greater)] {
            let regs = run(Op::Branch { cond, rs1: 8, rs2: 9, offset: -8 }, 4, &[(8, a), (9, b)]);
            assert_eq!(regs.pc, if taken { 0xff8 } else { 0x1004 }, "{cond:?} {a:#x} {b:#x}");
        }
    }
}
