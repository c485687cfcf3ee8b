//! Every encoder over its operands' ranges, and the 2-byte forms, judged by llvm-mc.
use axasm::riscv64::enc::*;
use std::io::Write;
use std::process::{Command, Stdio};

/// The bytes that llvm-mc makes of each line, as a number.
fn llvm(lines: &[String], features: &str) -> Vec<(u32, usize)> {
    let mut child = Command::new("llvm-mc-19")
        .args(["-triple=riscv64", &format!("-mattr={features}"), "--show-encoding", "-M", "no-aliases"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("llvm-mc-19; scripts/setup.sh bpf installs it");
    let mut stdin = child.stdin.take().unwrap();
    let text = lines.join("\n") + "\n";
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = String::from_utf8(output.stdout).unwrap();
    let words = out.lines().filter_map(|line| line.split_once("# encoding: [")?.1.strip_suffix(']')).map(|bytes| {
        let bytes: Vec<u32> = bytes.split(',').map(|byte| u32::from_str_radix(&byte.trim()[2..], 16).unwrap()).collect();
        (bytes.iter().rev().fold(0, |word, byte| word << 8 | byte), bytes.len())
    });
    words.collect()
}

const ALL: &str = "+m,+a,+zba,+zbb";

fn regs() -> Vec<X> {
    [0, 1, 2, 5, 8, 9, 10, 15, 16, 31].into_iter().map(|number| X::new(number).unwrap()).collect()
}

fn imms() -> Vec<Imm12> {
    let values =
        [0, 1, -1, 4, 8, 16, 31, 32, -32, -33, 40, 124, 128, 248, 252, 256, 496, 504, 508, 512, -512, -528, 1020, 1024, 2047, -2048];
    values.into_iter().map(|value| Imm12::new(value).unwrap()).collect()
}

fn offsets() -> Vec<i64> {
    vec![0, 2, -2, 16, 254, 256, -256, -258, 2046, -2048, 2048, 4094, -4096]
}

/// `x7`: numbers keep the texts short.
fn x(reg: X) -> String {
    format!("x{}", reg.number())
}

/// Text and word of each case.
fn cases() -> Vec<(String, u32)> {
    let mut cases = Vec::new();
    let regs = regs();
    macro_rules! each {
        ($list:expr => $make:expr) => {
            for name in $list {
                cases.extend($make(name));
            }
        };
    }
    macro_rules! named { ($($name:ident)*) => { [$((stringify!($name).replace('_', "."), $name as fn(_, _, _) -> u32)),*] } }

    // rd, rs1, rs2
    each!(named!(add sub sll xor srl sra or and addw subw sllw srlw sraw mul div divu rem remu mulw divw divuw remw remuw add_uw) => |(name, f): (String, fn(X, X, X) -> u32)| {
        let mut rows = Vec::new();
        for &rd in &regs { for &a in &regs { for &b in &regs { rows.push((format!("{name} {}, {}, {}", x(rd), x(a), x(b)), f(rd, a, b))); } } }
        rows
    });
    // rd, rs1, imm
    each!(named!(addi xori ori andi addiw) => |(name, f): (String, fn(X, X, Imm12) -> u32)| {
        let mut rows = Vec::new();
        for &rd in &regs { for &a in &regs { for imm in imms() { rows.push((format!("{name} {}, {}, {}", x(rd), x(a), imm.value()), f(rd, a, imm))); } } }
        rows
    });
    each!(named!(slli srli srai rori) => |(name, f): (String, fn(X, X, Shamt) -> u32)| {
        let mut rows = Vec::new();
        for &rd in &regs { for &a in &regs { for count in [0, 1, 31, 32, 63] { rows.push((format!("{name} {}, {}, {count}", x(rd), x(a)), f(rd, a, Shamt::masked(count)))); } } }
        rows
    });
    each!(named!(slliw srliw sraiw roriw) => |(name, f): (String, fn(X, X, ShamtW) -> u32)| {
        let mut rows = Vec::new();
        for &rd in &regs { for count in [0, 1, 17, 31] { rows.push((format!("{name} {}, {}, {count}", x(rd), x(rd)), f(rd, rd, ShamtW::masked(count)))); } }
        rows
    });
    macro_rules! two { ($($name:ident)*) => { [$((stringify!($name).replace('_', "."), $name as fn(_, _) -> u32)),*] } }
    each!(two!(lui auipc) => |(name, f): (String, fn(X, Imm20) -> u32)| {
        let mut rows = Vec::new();
        for &rd in &regs { for imm in [1i64, 31, 32, -1, -32, -33, 0x7ffff, -0x80000] { rows.push((format!("{name} {}, {}", x(rd), imm & 0xfffff), f(rd, Imm20::new(imm).unwrap()))); } }
        rows
    });
    each!(two!(lb lh lw ld lbu lhu lwu sb sh sw sd jalr) => |(name, f): (String, fn(X, Mem) -> u32)| {
        let mut rows = Vec::new();
        for &reg in &regs { for &base in &regs { for offset in imms() { rows.push((format!("{name} {}, {}({})", x(reg), offset.value(), x(base)), f(reg, Mem { base, offset }))); } } }
        rows
    });
    each!(named!(beq bne blt bge bltu bgeu) => |(name, f): (String, fn(X, X, BranchOffset) -> u32)| {
        let mut rows = Vec::new();
        for &a in &regs { for &b in &regs { for offset in offsets() { rows.push((format!("{name} {}, {}, {offset}", x(a), x(b)), f(a, b, BranchOffset::new(offset).unwrap()))); } } }
        rows
    });
    for &rd in &regs {
        for offset in offsets().into_iter().chain([0xffffe, -0x100000, 0x12344, -0x5a5a6]) {
            cases.push((format!("jal {}, {offset}", x(rd)), jal(rd, JumpOffset::new(offset).unwrap())));
        }
        for (name, f) in two!(rev8 sext_b sext_h zext_h) {
            cases.extend(regs.iter().map(|&rs| (format!("{name} {}, {}", x(rd), x(rs)), f(rd, rs))));
        }
    }
    for (order, suffix) in [(Order::Relaxed, ""), (Order::Release, ".rl"), (Order::Full, ".aqrl")] {
        let (rd, rs2, rs1) = (X::A5, X::S1, X::T6);
        let (lr, all) = ("x15, (x31)", "x15, x9, (x31)");
        cases.push((format!("lr.w{suffix} {lr}"), lr_w(rd, rs1, order)));
        cases.push((format!("lr.d{suffix} {lr}"), lr_d(rd, rs1, order)));
        cases.push((format!("sc.w{suffix} {all}"), sc_w(rd, rs2, rs1, order)));
        cases.push((format!("sc.d{suffix} {all}"), sc_d(rd, rs2, rs1, order)));
        for (op, name) in [(Amo::Swap, "amoswap"), (Amo::Add, "amoadd"), (Amo::Xor, "amoxor"), (Amo::And, "amoand"), (Amo::Or, "amoor")] {
            cases.push((format!("{name}.w{suffix} {all}"), amo_w(op, rd, rs2, rs1, order)));
            cases.push((format!("{name}.d{suffix} {all}"), amo_d(op, rd, rs2, rs1, order)));
        }
    }
    cases.push(("fence rw, rw".into(), FENCE_RW_RW));
    cases
}

#[test]
fn words_are_llvms() {
    let cases = cases();
    let judged = llvm(&cases.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>(), ALL);
    assert_eq!(judged.len(), cases.len());
    for ((text, word), judged) in cases.iter().zip(judged) {
        assert_eq!((*word, 4), judged, "{text}: {word:#010x}, llvm-mc: {:#010x}", judged.0);
    }
    assert!(cases.len() > 50_000, "{} cases", cases.len());
}

#[test]
fn compressed_forms_are_llvms() {
    let is_jump = |text: &str| text.starts_with('j') && !text.starts_with("jalr") || text.starts_with("beq") || text.starts_with("bne");
    let cases: Vec<_> = cases().into_iter().filter(|(text, _)| !is_jump(text)).collect();
    let judged = llvm(&cases.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>(), &format!("{ALL},+c"));
    assert_eq!(judged.len(), cases.len());
    let mut halves = 0;
    for ((text, word), (judged, len)) in cases.iter().zip(judged) {
        let ours = compress(*word).map_or((*word, 4), |half| (half.into(), 2));
        halves += usize::from(ours.1 == 2);
        assert_eq!(ours, (judged, len), "{text}: {:#x}, llvm-mc: {judged:#x}", ours.0);
    }
    assert!(halves > 500, "{halves} compressed");
}

#[test]
fn compressed_jumps_are_llvms() {
    let mut cases = Vec::new();
    for offset in offsets() {
        let (jump, branch) = (JumpOffset::new(offset).unwrap(), BranchOffset::new(offset).unwrap());
        let wide = |word: u32| (word, 4);
        cases.push((format!("jal x0, {offset}"), c_j(jump).map_or(wide(jal(X::ZERO, jump)), |half| (half.into(), 2))));
        for reg in regs() {
            let beqz = c_beqz(reg, branch).map_or(wide(beq(reg, X::ZERO, branch)), |half| (half.into(), 2));
            let bnez = c_bnez(reg, branch).map_or(wide(bne(reg, X::ZERO, branch)), |half| (half.into(), 2));
            cases.push((format!("beq {}, x0, {offset}", x(reg)), beqz));
            cases.push((format!("bne {}, x0, {offset}", x(reg)), bnez));
        }
    }
    let judged = llvm(&cases.iter().map(|(text, _)| text.clone()).collect::<Vec<_>>(), "+c");
    for ((text, ours), judged) in cases.iter().zip(judged) {
        assert_eq!(*ours, judged, "{text}");
    }
}

#[test]
fn immediates_that_do_not_fit_are_none() {
    assert_eq!((Imm12::new(2048), Imm12::new(-2049)), (None, None));
    assert_eq!((BranchOffset::new(4096), BranchOffset::new(-4098), BranchOffset::new(3)), (None, None, None));
    assert_eq!((JumpOffset::new(1 << 20), JumpOffset::new(-(1 << 20) - 2), JumpOffset::new(1)), (None, None, None));
    assert_eq!((Imm20::new(1 << 19), Imm20::new(-(1 << 19) - 1), X::new(32)), (None, None, None));
}

#[test]
fn hi_lo_adds_up() {
    for value in [0, 1, 2047, 2048, -2048, -2049, 0x7fff_f7ff, -0x8000_0800, 0x1234_5678, -0x1234_5800] {
        let (high, low) = hi_lo(value).unwrap();
        assert_eq!((i64::from(high.value()) << 12) + i64::from(low.value()), value);
    }
    assert_eq!((hi_lo(0x7fff_f800), hi_lo(-0x8000_0801)), (None, None));
}
