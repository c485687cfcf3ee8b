//! Every rule, as a row: a program that keeps it and one that does not, with the place and the words of the answer.
use axbpf_abi::flags::{BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG};
use axbpf_abi::{Arch, CtxLayout, MapType, ProgType, helpers};
use axbpf_isa::asm::assemble;
use axbpf_isa::{Imm64, Insn, InsnIdx, RawInsn};
use axbpf_verifier::*;

mod judge;

/// The maps of these tests, by descriptor.
fn map(fd: i32) -> Option<MapInfo> {
    let info = |map_type, key_size, value_size, flags| Some(MapInfo::new(fd as u32, map_type, key_size, value_size, 1, flags));
    match fd {
        1 => info(MapType::Array, 4, 16, 0),
        2 => info(MapType::Hash, 8, 8, 0),
        3 => info(MapType::Ringbuf, 0, 0, 0),
        4 => info(MapType::Array, 4, 16, BPF_F_RDONLY_PROG),
        5 => info(MapType::Hash, 8, 8, BPF_F_WRONLY_PROG),
        6 => info(MapType::ProgArray, 4, 4, 0),
        7 => info(MapType::Hash, 4, 16, 0),
        _ => None,
    }
}

fn run(prog_type: ProgType, slots: &[RawInsn], gpl: bool, limits: Limits, log_level: u32) -> (Result<Verdict, Rejected>, String) {
    run_on(Arch::Riscv64, prog_type, slots, gpl, limits, log_level)
}

fn run_on(
    arch: Arch,
    prog_type: ProgType,
    slots: &[RawInsn],
    gpl: bool,
    limits: Limits,
    log_level: u32,
) -> (Result<Verdict, Rejected>, String) {
    let by_slot = |at: InsnIdx| match axbpf_isa::decode(slots, at) {
        Ok(Insn::LoadImm64 { imm: Imm64::MapFd(fd) | Imm64::MapFdValue { fd, .. }, .. }) => map(fd),
        _ => None,
    };
    let ctx = CtxLayout::of(prog_type, 0, arch).unwrap();
    let helper = |id| helpers::of(id, prog_type, 0);
    let request = Request { gpl, map: &by_slot, helper: &helper, log_level, limits, ..Request::new(slots, prog_type, ctx) };
    let mut log = String::new();
    (verify(&request, &mut log), log)
}

/// The text; `MAP n` stands for a load of map n into R1, `VALUE n off` for one of an address in its value.
fn slots(text: &str) -> Vec<RawInsn> {
    let mut out = Vec::new();
    let mut rest = String::new();
    // Jumps are written as distances in slots, so the text can be assembled piece by piece.
    let flush = |rest: &mut String, out: &mut Vec<RawInsn>| {
        if !rest.trim().is_empty() {
            out.extend(assemble(rest).unwrap_or_else(|error| panic!("{rest}: {error}")));
            rest.clear();
        }
    };
    for line in text.split([';', '\n']).map(str::trim) {
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["MAP", fd] => {
                flush(&mut rest, &mut out);
                out.extend([RawInsn::new(0x18, 1, 1, 0, fd.parse().unwrap()), RawInsn::new(0, 0, 0, 0, 0)]);
            }
            ["VALUE", fd, off] => {
                flush(&mut rest, &mut out);
                out.extend([RawInsn::new(0x18, 1, 2, 0, fd.parse().unwrap()), RawInsn::new(0, 0, 0, 0, off.parse().unwrap())]);
            }
            ["RAW", hex] => {
                flush(&mut rest, &mut out);
                let bytes: Vec<u8> = (0..8).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
                out.push(RawInsn::from_bytes(bytes.try_into().unwrap()));
            }
            // Labels are not needed: `goto +1` and `call pc+1` count slots.
            _ => {
                flush(&mut rest, &mut out);
                rest.push_str(line);
                flush(&mut rest, &mut out);
            }
        }
    }
    out
}

use ProgType::{Kprobe, RawTracepoint, SocketFilter, Syscall, Xdp};

/// A lookup in map 7 with key 0: R0 is the value or null.
const LOOKUP: &str = "*(u32 *)(r10 - 4) = 0;MAP 7;r2 = r10;r2 += -4;call 1";
/// A reserved record of 16 bytes: R0 is the record or null.
const RESERVE: &str = "MAP 3;r2 = 16;r3 = 0;call 131";
const END: &str = "r0 = 0;exit";

/// Programs that are accepted.
fn accepted() -> Vec<(&'static str, ProgType, String)> {
    let s = |text: &str| text.replace("LOOKUP", LOOKUP).replace("RESERVE", RESERVE).replace("END", END);
    [
        ("smallest", Kprobe, "r0 = 0;exit"),
        ("dead by a constant", Kprobe, "r1 = 1;if r1 == 1 goto +1;r0 = *(u64 *)(r10 - 8);r0 = 0;exit"),
        ("jump back, bounded", Kprobe, "r0 = 0;r0 += 1;if r0 < 100 goto -2;exit"),
        ("jump back, counting down", Kprobe, "r0 = 100;r0 += -1;if r0 != 0 goto -2;exit"),
        (
            "a loop with a branch that does not matter",
            Kprobe,
            "r6 = *(u64 *)(r1 + 8);r0 = 0;r6 >>= 1;r7 = r6;r7 &= 1;if r7 == 0 goto +1;r7 = 0;r0 += 1;if r0 < 50 goto -7;exit",
        ),
        ("any register at the entry of a helper", Kprobe, "call 5;exit"),
        ("callee-saved registers survive", Kprobe, "r6 = 7;call 5;r0 = r6;exit"),
        ("ctx, each size", Kprobe, "r0 = *(u64 *)(r1 + 248);r0 = *(u32 *)(r1 + 252);r0 = *(u16 *)(r1 + 254);r0 = *(u8 *)(r1 + 255);exit"),
        ("ctx of a raw tracepoint", RawTracepoint, "r0 = *(u64 *)(r1 + 88);exit"),
        ("ctx of a syscall program is writable", Syscall, "*(u64 *)(r1 + 8) = 1;r0 = 0;exit"),
        ("stack", Kprobe, "*(u64 *)(r10 - 512) = 1;r0 = *(u64 *)(r10 - 512);exit"),
        ("stack, part of what was stored", Kprobe, "*(u64 *)(r10 - 8) = 1;r0 = *(u8 *)(r10 - 5);exit"),
        ("stack, byte by byte", Kprobe, "*(u16 *)(r10 - 8) = 1;*(u16 *)(r10 - 6) = 1;r0 = *(u32 *)(r10 - 8);exit"),
        ("spilled context", Kprobe, "*(u64 *)(r10 - 8) = r1;r2 = *(u64 *)(r10 - 8);r0 = *(u64 *)(r2 + 0);exit"),
        ("atomic on the stack", Kprobe, "*(u64 *)(r10 - 8) = 1;r1 = 2;r0 = 0;lock *(u64 *)(r10 - 8) += r1;exit"),
        ("null check", Kprobe, "LOOKUP;if r0 == 0 goto +1;r0 = *(u64 *)(r0 + 8);r0 = 0;exit"),
        ("null check, the other way", Kprobe, "LOOKUP;if r0 != 0 goto +1;exit;*(u64 *)(r0 + 0) = 1;END"),
        ("null check of a copy", Kprobe, "LOOKUP;r6 = r0;if r0 == 0 goto +1;r0 = *(u64 *)(r6 + 8);r0 = 0;exit"),
        (
            "null check of a spilled copy",
            Kprobe,
            "LOOKUP;*(u64 *)(r10 - 16) = r0;if r0 == 0 goto +2;r1 = *(u64 *)(r10 - 16);*(u64 *)(r1 + 0) = 1;END",
        ),
        ("constant offset into a value", Kprobe, "LOOKUP;if r0 == 0 goto +3;r0 += 8;r1 = 1;lock *(u64 *)(r0 + 0) += r1;END"),
        ("end of a value", Kprobe, "LOOKUP;if r0 == 0 goto +1;*(u8 *)(r0 + 15) = 1;END"),
        ("value by address", Kprobe, "VALUE 1 8;*(u64 *)(r1 + 0) = 1;r0 = *(u64 *)(r1 - 8);exit"),
        ("constants are readable", Kprobe, "VALUE 4 0;r0 = *(u64 *)(r1 + 8);exit"),
        ("update", Kprobe, "*(u64 *)(r10 - 8) = 1;MAP 2;r2 = r10;r2 += -8;r3 = r2;r4 = 0;call 2;exit"),
        ("key from a value", Kprobe, "LOOKUP;if r0 == 0 goto +4;r2 = r0;MAP 2;call 3;END"),
        ("record", Kprobe, "RESERVE;if r0 == 0 goto +5;*(u64 *)(r0 + 8) = 1;r1 = r0;r2 = 0;call 132;r0 = 0;exit"),
        (
            "record discarded on one path",
            Kprobe,
            "r6 = *(u64 *)(r1 + 0);RESERVE;if r0 == 0 goto +7;r1 = r0;r2 = 0;if r6 == 0 goto +2;call 132;goto +1;call 133;goto +0;END",
        ),
        ("output", Kprobe, "*(u64 *)(r10 - 8) = 1;MAP 3;r2 = r10;r2 += -8;r3 = 8;r4 = 0;call 130;exit"),
        ("probe read fills the stack", Kprobe, "r3 = *(u64 *)(r1 + 0);r1 = r10;r1 += -16;r2 = 16;call 113;r0 = *(u64 *)(r10 - 8);exit"),
        (
            "bounded size",
            Kprobe,
            "r2 = *(u64 *)(r1 + 0);*(u64 *)(r10 - 16) = 0;*(u64 *)(r10 - 8) = 0;r2 &= 15;r3 = 0;r1 = r10;r1 += -16;call 113;END",
        ),
        (
            "size bounded by a branch",
            Kprobe,
            "r2 = *(u64 *)(r1 + 0);*(u64 *)(r10 - 16) = 0;*(u64 *)(r10 - 8) = 0;r3 = 0;r1 = r10;r1 += -16;if r2 > 16 goto +1;call 113;END",
        ),
        ("null without a size", Kprobe, "*(u64 *)(r10 - 8) = 0;r1 = r10;r1 += -8;r2 = 8;r3 = 0;r4 = 0;call 177;exit"),
        (
            "packet",
            Xdp,
            "r2 = *(u32 *)(r1 + 0);r3 = *(u32 *)(r1 + 4);r4 = r2;r4 += 14;if r4 > r3 goto +2;r0 = *(u16 *)(r2 + 12);exit;r0 = 2;exit",
        ),
        (
            "packet, the other way around",
            Xdp,
            "r2 = *(u32 *)(r1 + 0);r3 = *(u32 *)(r1 + 4);r4 = r2;r4 += 14;if r3 >= r4 goto +2;r0 = 2;exit;r0 = *(u8 *)(r2 + 13);exit",
        ),
        ("packet written", Xdp, "r2 = *(u32 *)(r1 + 0);r3 = *(u32 *)(r1 + 4);r4 = r2;r4 += 8;if r4 > r3 goto +1;*(u64 *)(r2 + 0) = 1;END"),
        ("divided and shifted by registers", Kprobe, "r1 = 0;r2 = 64;r0 = 5;r0 /= r1;r0 s%= r1;r0 <<= r2;r0 >>= 63;w0 <<= 31;exit"),
        (
            "context stored in the caller's stack",
            Kprobe,
            "r6 = r1;*(u64 *)(r10 - 8) = 0;r2 = r10;r2 += -8;call pc+1;exit;*(u64 *)(r2 + 0) = r1;r0 = 0;exit",
        ),
        ("part of a pointer stored in a value", Kprobe, "LOOKUP;if r0 == 0 goto +1;*(u32 *)(r0 + 0) = r10;END"),
        ("a pointer becomes a number", Kprobe, "r2 = r1;r2 = -r2;w1 -= 1;r3 = r10;r3 = bswap64 r3;r0 = r2;exit"),
        ("atomic with a pointer", Kprobe, "*(u64 *)(r10 - 8) = 0;lock *(u64 *)(r10 - 8) += r1;r0 = *(u64 *)(r10 - 8);exit"),
        (
            "lookup where only writing is allowed",
            Kprobe,
            "*(u64 *)(r10 - 8) = 0;MAP 5;r2 = r10;r2 += -8;call 1;if r0 == 0 goto +1;*(u64 *)(r0 + 0) = 1;END",
        ),
        ("whole stack, and a function without one", Kprobe, "*(u64 *)(r10 - 512) = 1;call pc+1;exit;r0 = 0;exit"),
        ("pointers compared", Kprobe, "r0 = 0;r2 = r10;if r1 == r2 goto +0;exit"),
        ("pointer less pointer", Kprobe, "r0 = r10;r0 -= r10;exit"),
        ("function", Kprobe, "r1 = 5;call pc+1;exit;r0 = r1;exit"),
        (
            "function with the caller's stack",
            Kprobe,
            "*(u64 *)(r10 - 8) = 5;r1 = r10;r1 += -8;call pc+1;exit;r0 = *(u64 *)(r1 + 0);*(u64 *)(r1 + 0) = 6;exit",
        ),
        (
            "eight frames",
            Kprobe,
            "call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;r0 = 0;exit",
        ),
        ("stack over two frames", Kprobe, "*(u64 *)(r10 - 256) = 1;call pc+1;exit;*(u64 *)(r10 - 256) = 1;r0 = 0;exit"),
        ("may_goto", Kprobe, "r0 = 0;RAW e500000000000000;exit"),
        ("legacy packet load", SocketFilter, "r6 = r1;RAW 2000000000000000;exit"),
        ("stack, not set", Kprobe, "r0 = *(u64 *)(r10 - 8);exit"),
        ("stack, half set", Kprobe, "*(u32 *)(r10 - 8) = 1;r0 = *(u64 *)(r10 - 8);exit"),
        ("atomic on what is not set", Kprobe, "r2 = 8;lock *(u64 *)(r10 - 8) += r2;END"),
        ("atomic exchange with a pointer", Kprobe, "*(u64 *)(r10 - 8) = r1;r1 = xchg_64(r10 - 8, r1);r0 = *(u64 *)(r1 + 0);exit"),
        ("not for this type", SocketFilter, "r1 = r10;r1 += -8;r2 = 8;r3 = 0;call 113;exit"),
        ("key not set", Kprobe, "MAP 1;r2 = r10;r2 += -4;call 1;exit"),
        ("fills what its size leaves open", Kprobe, "r2 = *(u64 *)(r1 + 0);r2 &= 7;r1 = r10;r1 += -8;r3 = 0;call 113;exit"),
        (
            "paths meet, one with an unset stack",
            Kprobe,
            "r6 = *(u64 *)(r1 + 0);if r6 == 0 goto +1;*(u64 *)(r10 - 8) = 1;r0 = *(u64 *)(r10 - 8);exit",
        ),
    ]
    .into_iter()
    .map(|(name, prog_type, text)| (name, prog_type, s(text)))
    .collect()
}

/// Programs that are refused: where, and part of the answer.
fn rejected() -> Vec<(&'static str, ProgType, String, u32, &'static str)> {
    let s = |text: &str| text.replace("LOOKUP", LOOKUP).replace("RESERVE", RESERVE).replace("END", END);
    [
        // Control flow.
        ("no instruction", Kprobe, "RAW ff00000000000000;exit", 0, "opcode"),
        ("reserved field", Kprobe, "RAW 9500000001000000", 0, "reserved field imm"),
        ("jump out", Kprobe, "r0 = 0;goto +1;exit", 1, "jump out of range from insn 1 to 3"),
        ("jump out, backwards", Kprobe, "r0 = 0;goto -3;exit", 1, "jump out of range"),
        ("jump into a wide load", Kprobe, "goto +1;VALUE 1 0;r0 = 0;exit", 0, "jump into the middle"),
        ("unreachable", Kprobe, "r0 = 0;exit;r0 = 1;exit", 2, "unreachable insn 2"),
        ("falls through", Kprobe, "r0 = 0;r1 = 1", 1, "not an exit or jmp"),
        ("function falls through", Kprobe, "call pc+1;exit;r0 = 0;r1 = 0", 3, "not an exit or jmp"),
        ("jump into another function", Kprobe, "call pc+2;r0 = 0;exit;r0 = 0;if r0 == 0 goto -4;exit", 4, "jump out of range"),
        ("recursion", Kprobe, "call pc+1;exit;call pc-1;exit", 2, "the call stack of 9 frames is too deep"),
        ("nine frames", Kprobe, "call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;call pc+1;exit;r0 = 0;exit", 14, "the call stack of 9 frames is too deep"),
        ("stack of two frames", Kprobe, "*(u64 *)(r10 - 256) = 1;call pc+1;exit;*(u64 *)(r10 - 264) = 1;r0 = 0;exit", 0, "combined stack size of 2 calls is 528"),
        ("endless", Kprobe, "r0 = 0;goto -1", 1, "infinite loop detected at insn 1"),
        ("endless with a branch", Kprobe, "r6 = r1;r0 = *(u64 *)(r6 + 0);if r0 == 5 goto +1;goto -3;exit", 1, "infinite loop"),
        ("no constant bound", Kprobe, "r6 = *(u64 *)(r1 + 0);r0 = 0;r0 += 1;if r0 < r6 goto -2;exit", 4, "too large"),
        ("kernel variable", Kprobe, "RAW 1831000001000000;RAW 0000000000000000;r0 = 0;exit", 0, "kernel variables"),
        ("function pointer", Kprobe, "RAW 1841000001000000;RAW 0000000000000000;r0 = 0;exit", 0, "last insn is not an exit or jmp"),
        // Registers.
        ("not set", Kprobe, "r0 = r2;exit", 0, "R2 !read_ok"),
        ("R0 at exit", Kprobe, "exit", 0, "R0 !read_ok"),
        ("set on one path only", Kprobe, "r2 = *(u64 *)(r1 + 0);if r2 == 0 goto +1;r0 = 1;exit", 3, "R0 !read_ok"),
        ("taken by a call", Kprobe, "r1 = 1;call 5;r0 = r1;exit", 2, "R1 !read_ok"),
        ("argument not set", Kprobe, "r2 = 8;r3 = 0;r1 = r4;call 113;exit", 2, "R4 !read_ok"),
        ("not passed on to a function", Kprobe, "r6 = 1;call pc+1;exit;r0 = r6;exit", 3, "R6 !read_ok"),
        ("frame pointer", Kprobe, "r10 = 1;r0 = 0;exit", 0, "frame pointer is read only"),
        ("frame pointer moved", Kprobe, "r10 += -8;r0 = 0;exit", 0, "frame pointer is read only"),
        ("frame pointer loaded", Kprobe, "r10 = *(u64 *)(r1 + 0);r0 = 0;exit", 0, "frame pointer is read only"),
        // Arithmetic.
        ("variable offset", Kprobe, "r2 = *(u64 *)(r1 + 0);r3 = r10;r3 += r2;r0 = 0;exit", 2, "unbounded min value"),
        ("bitwise", Kprobe, "r1 &= 7;r0 = 0;exit", 0, "R1 bitwise operator &= on pointer prohibited"),
        ("half of a pointer", Kprobe, "w1 += 1;r0 = 0;exit", 0, "R1 32-bit pointer arithmetic prohibited"),
        ("shifted", Kprobe, "r1 <<= 3;r0 = 0;exit", 0, "R1 pointer arithmetic with <<= operator prohibited"),
        ("two pointers", Kprobe, "r1 += r10;r0 = 0;exit", 0, "R1 pointer += pointer prohibited"),
        ("negated, and used as a pointer", Kprobe, "r1 = -r1;r0 = *(u64 *)(r1 + 0);exit", 1, "R1 invalid mem access 'scalar'"),
        ("map pointer moved", Kprobe, "MAP 1;r1 += 8;r0 = 0;exit", 2, "pointer arithmetic on map_ptr prohibited"),
        ("may be null, and moved", Kprobe, "LOOKUP;r0 += 8;END", 6, "map_value_or_null prohibited, null-check it first"),
        ("stack, subtracted", Kprobe, "r2 = r10;r2 -= 8;r0 = 0;exit", 1, "R2 subtraction from stack pointer prohibited"),
        ("divided by 0", Kprobe, "r0 = 8;r0 /= 0;exit", 1, "div by zero"),
        ("remainder by 0", Kprobe, "r0 = 8;w0 s%= 0;exit", 1, "div by zero"),
        ("shifted by too much", Kprobe, "r0 = 8;r0 <<= 64;exit", 1, "invalid shift 64"),
        ("half shifted by too much", Kprobe, "r0 = 8;w0 s>>= 32;exit", 1, "invalid shift 32"),
        ("shifted by less than nothing", Kprobe, "r0 = 8;r0 >>= -1;exit", 1, "invalid shift -1"),
        ("far away", Kprobe, "r2 = r10;r2 += 0x20000000;r0 = 0;exit", 1, "math between fp pointer and 536870912 is not allowed"),
        ("pointer minus from number", Kprobe, "r2 = 1;r2 -= r1;r0 = 0;exit", 1, "R2 tried to subtract pointer from scalar"),
        // Memory.
        ("through a number", Kprobe, "r2 = *(u64 *)(r1 + 0);r0 = *(u64 *)(r2 + 0);exit", 1, "R2 invalid mem access 'scalar'"),
        ("through a constant", Kprobe, "r2 = 4096;*(u64 *)(r2 + 0) = 1;r0 = 0;exit", 1, "R2 invalid mem access 'scalar'"),
        ("through half of a pointer", Kprobe, "w2 = w10;r0 = *(u64 *)(r2 - 8);exit", 1, "R2 invalid mem access 'scalar'"),
        ("through a map", Kprobe, "MAP 1;r0 = *(u64 *)(r1 + 0);exit", 2, "R1 invalid mem access 'map_ptr'"),
        ("may be null", Kprobe, "LOOKUP;r0 = *(u64 *)(r0 + 0);exit", 6, "R0 invalid mem access 'map_value_or_null'"),
        ("null on this side", Kprobe, "LOOKUP;if r0 != 0 goto +1;r0 = *(u64 *)(r0 + 0);r0 = 0;exit", 7, "R0 invalid mem access 'scalar'"),
        ("another lookup's check", Kprobe, "LOOKUP;r6 = r0;MAP 7;r2 = r10;r2 += -4;call 1;if r0 == 0 goto +1;r0 = *(u64 *)(r6 + 0);END", 13, "R6 invalid mem access 'map_value_or_null'"),
        ("past the value", Kprobe, "LOOKUP;if r0 == 0 goto +1;*(u64 *)(r0 + 16) = 1;END", 7, "invalid access to map value, value_size=16 off=16 size=8"),
        ("before the value", Kprobe, "LOOKUP;if r0 == 0 goto +1;*(u64 *)(r0 - 8) = 1;END", 7, "invalid access to map value, value_size=16 off=-8 size=8"),
        ("half out of the value", Kprobe, "LOOKUP;if r0 == 0 goto +1;*(u64 *)(r0 + 12) = 1;END", 7, "off=12 size=8"),
        ("constants are not writable", Kprobe, "VALUE 4 0;*(u64 *)(r1 + 0) = 1;END", 2, "write into map forbidden, value_size=16 off=0 size=8"),
        ("constants are not added to", Kprobe, "r2 = 1;VALUE 4 0;lock *(u64 *)(r1 + 0) += r2;END", 3, "write into map forbidden"),
        ("address past the value", Kprobe, "VALUE 1 16;END", 0, "invalid access to map value pointer, value_size=16 off=16"),
        ("address in a hash", Kprobe, "VALUE 2 0;END", 0, "direct value access is not supported by this map type: 1"),
        ("no such map", Kprobe, "MAP 9;END", 0, "no map"),
        ("ctx, past its end", Kprobe, "r0 = *(u64 *)(r1 + 256);exit", 0, "invalid bpf_context access off=256 size=8"),
        ("ctx, before it", Kprobe, "r0 = *(u64 *)(r1 - 8);exit", 0, "invalid bpf_context access off=-8"),
        ("ctx, not aligned", Kprobe, "r0 = *(u64 *)(r1 + 4);exit", 0, "invalid bpf_context access off=4"),
        ("ctx written", Kprobe, "*(u64 *)(r1 + 0) = 1;r0 = 0;exit", 0, "invalid bpf_context access off=0 size=8"),
        ("ctx moved", Kprobe, "r1 += 8;r0 = *(u64 *)(r1 + 0);exit", 1, "dereference of modified ctx ptr R1 off=8"),
        ("ctx added to", Kprobe, "r2 = 1;lock *(u64 *)(r1 + 0) += r2;r0 = 0;exit", 1, "BPF_ATOMIC stores into R1 ctx"),
        ("above the stack", Kprobe, "*(u64 *)(r10 + 0) = 1;END", 0, "invalid write to stack R10 off=0 size=8"),
        ("below the stack", Kprobe, "*(u64 *)(r10 - 520) = 1;END", 0, "invalid write to stack R10 off=-520 size=8"),
        ("read from below the stack", Kprobe, "r0 = *(u64 *)(r10 - 520);exit", 0, "invalid read from stack R10 off=-520 size=8"),
        ("stack, not aligned", Kprobe, "*(u64 *)(r10 - 12) = 1;END", 0, "misaligned stack access off 0+0+-12 size 8"),
        ("half of a spilled pointer", Kprobe, "*(u64 *)(r10 - 8) = r1;*(u8 *)(r10 - 8) = 0;r2 = *(u64 *)(r10 - 8);r0 = *(u64 *)(r2 + 0);exit", 3, "R2 invalid mem access 'scalar'"),
        ("atomic on a spilled pointer", Kprobe, "*(u64 *)(r10 - 8) = r1;r2 = 8;lock *(u64 *)(r10 - 8) += r2;r2 = *(u64 *)(r10 - 8);r0 = *(u64 *)(r2 + 0);exit", 4, "R2 invalid mem access 'scalar'"),
        ("atomic with a pointer", Kprobe, "*(u64 *)(r10 - 8) = 0;lock *(u64 *)(r10 - 8) += r1;r1 = *(u64 *)(r10 - 8);r0 = *(u64 *)(r1 + 0);exit", 3, "R1 invalid mem access 'scalar'"),
        ("pointer to the own stack in the caller's", Kprobe, "*(u64 *)(r10 - 8) = 0;r1 = r10;r1 += -8;call pc+1;exit;*(u64 *)(r1 + 0) = r10;r0 = 0;exit", 5, "cannot spill pointers to stack into stack frame of the caller"),
        ("part of a pointer stored", Kprobe, "*(u32 *)(r10 - 8) = r1;r0 = 0;exit", 0, "invalid size of register spill"),
        ("the caller's stack in the caller's", Kprobe, "*(u64 *)(r10 - 8) = 0;r1 = r10;r1 += -8;call pc+1;exit;*(u64 *)(r1 + 0) = r1;r0 = 0;exit", 5, "cannot spill pointers to stack into stack frame of the caller"),
        ("one instruction for context and stack", Kprobe, "r2 = *(u64 *)(r1 + 0);*(u64 *)(r10 - 8) = 1;if r2 == 0 goto +2;r1 = r10;r1 += -8;r0 = *(u64 *)(r1 + 0);exit", 5, "same insn cannot be used with different pointers"),
        ("pointer to the own stack as a result", Kprobe, "call pc+1;exit;r0 = r10;exit", 3, "cannot return stack pointer"),
        // Packets.
        ("packet without a check", Xdp, "r2 = *(u32 *)(r1 + 0);r0 = *(u8 *)(r2 + 0);exit", 1, "invalid access to packet"),
        ("packet past the check", Xdp, "r2 = *(u32 *)(r1 + 0);r3 = *(u32 *)(r1 + 4);r4 = r2;r4 += 14;if r4 > r3 goto +2;r0 = *(u16 *)(r2 + 13);exit;r0 = 2;exit", 5, "invalid access to packet, off=13 size=2, R2(id=0,off=0,r=14)"),
        ("packet on the wrong side", Xdp, "r2 = *(u32 *)(r1 + 0);r3 = *(u32 *)(r1 + 4);r4 = r2;r4 += 14;if r4 > r3 goto +2;r0 = 2;exit;r0 = *(u8 *)(r2 + 0);exit", 7, "invalid access to packet"),
        ("packet's end", Xdp, "r3 = *(u32 *)(r1 + 4);r0 = *(u8 *)(r3 - 1);exit", 1, "R3 invalid mem access 'pkt_end'"),
        ("packet's end moved", Xdp, "r3 = *(u32 *)(r1 + 4);r3 += -1;END", 1, "pointer arithmetic on pkt_end prohibited"),
        ("half of the packet's address", Xdp, "r2 = *(u16 *)(r1 + 0);END", 0, "invalid bpf_context access"),
        // Helpers.
        ("no such helper", Kprobe, "call 9999;exit", 0, "invalid func unknown#9999"),
        ("number instead of a map", Kprobe, "*(u32 *)(r10 - 4) = 0;r1 = 0;r2 = r10;r2 += -4;call 1;exit", 4, "R1 type=scalar expected=map_ptr"),
        ("wrong kind of map", Kprobe, "MAP 3;r2 = r10;r3 = 0;call 1;exit", 4, "invalid zero-sized read"),
        ("program array", Kprobe, "*(u32 *)(r10 - 4) = 0;MAP 6;r2 = r10;r2 += -4;call 1;exit", 5, "cannot pass map_type 3 into func bpf_map_lookup_elem#1"),
        ("key half out of the stack", Kprobe, "*(u64 *)(r10 - 8) = 0;MAP 2;r2 = r10;r2 += -4;call 1;exit", 5, "invalid read from stack R2 off=-4 size=8"),
        ("key may be null", Kprobe, "LOOKUP;r2 = r0;MAP 1;call 1;exit", 9, "R2 type=map_value_or_null"),
        ("key is a number", Kprobe, "MAP 1;r2 = 0;call 1;exit", 3, "R2 type=scalar"),
        ("update of constants", Kprobe, "*(u32 *)(r10 - 4) = 0;*(u64 *)(r10 - 16) = 0;*(u64 *)(r10 - 24) = 0;MAP 4;r2 = r10;r2 += -4;r3 = r10;r3 += -24;r4 = 0;call 2;exit", 10, "write into map forbidden"),
        ("value read where only writing is allowed", Kprobe, "*(u64 *)(r10 - 8) = 0;MAP 5;r2 = r10;r2 += -8;call 1;if r0 == 0 goto +1;r0 = *(u64 *)(r0 + 0);r0 = 0;exit", 7, "read from map forbidden, value_size=8 off=0 size=8"),
        ("unknown size", Kprobe, "r2 = *(u64 *)(r1 + 0);r1 = r10;r1 += -8;r3 = 0;call 113;exit", 4, "R2 min value is negative"),
        ("size without a bound", Kprobe, "r2 = *(u32 *)(r1 + 0);r1 = r10;r1 += -8;r3 = 0;call 113;exit", 4, "R2 unbounded memory access"),
        ("size too large", Kprobe, "r1 = r10;r1 += -8;r2 = 9;r3 = 0;call 113;exit", 4, "invalid write to stack R1 off=-8 size=9"),
        ("size may be too large", Kprobe, "r2 = *(u8 *)(r1 + 0);*(u64 *)(r10 - 8) = 0;r1 = r10;r1 += -8;r3 = 0;call 113;exit", 5, "invalid write to stack R1 off=-8 size=255"),
        ("size 0 where it may not be", Kprobe, "*(u64 *)(r10 - 8) = 0;r1 = r10;r1 += -8;r2 = 0;call 6;exit", 4, "R2 invalid zero-sized read: u64=[0,0]"),
        ("null with a size", Kprobe, "*(u64 *)(r10 - 8) = 0;r1 = r10;r1 += -8;r2 = 8;r3 = 0;r4 = 8;call 177;exit", 6, "R3 type=scalar expected=fp"),
        ("not the context", Kprobe, "r1 = 0;call 173;exit", 1, "R1 type=scalar expected=ctx"),
        ("moved context", Kprobe, "r1 += 8;call 173;exit", 1, "modified ctx"),
        // References.
        ("record kept", Kprobe, "RESERVE;END", 6, "Unreleased reference id=2 alloc_insn=4"),
        ("record kept on one path", Kprobe, "r6 = *(u64 *)(r1 + 0);RESERVE;if r0 == 0 goto +4;if r6 == 0 goto +3;r1 = r0;r2 = 0;call 132;END", 12, "Unreleased reference"),
        ("record given back twice", Kprobe, "RESERVE;if r0 == 0 goto +6;r6 = r0;r1 = r0;r2 = 0;call 132;r1 = r6;call 132;END", 11, "R1 type=scalar expected=ringbuf_mem"),
        ("record used after that", Kprobe, "RESERVE;if r0 == 0 goto +5;r6 = r0;r1 = r0;r2 = 0;call 132;*(u64 *)(r6 + 0) = 1;END", 10, "R6 invalid mem access 'scalar'"),
        ("record, spilled and used after that", Kprobe, "RESERVE;if r0 == 0 goto +6;*(u64 *)(r10 - 8) = r0;r1 = r0;r2 = 0;call 132;r1 = *(u64 *)(r10 - 8);*(u64 *)(r1 + 0) = 1;END", 11, "R1 invalid mem access 'scalar'"),
        ("record may be null", Kprobe, "RESERVE;r1 = r0;r2 = 0;call 132;END", 7, "R1 type=ringbuf_mem_or_null expected=ringbuf_mem"),
        ("record past its end", Kprobe, "RESERVE;if r0 == 0 goto +4;*(u64 *)(r0 + 16) = 1;r1 = r0;r2 = 0;call 132;END", 6, "invalid access to memory, mem_size=16 off=16 size=8"),
        ("record, not its beginning", Kprobe, "RESERVE;if r0 == 0 goto +4;r0 += 8;r1 = r0;r2 = 0;call 132;END", 9, "R1 must have zero offset"),
        ("something else given back", Kprobe, "r1 = r10;r2 = 0;call 132;END", 2, "R1 type=fp expected=ringbuf_mem"),
        ("size of a record not known", Kprobe, "r2 = *(u64 *)(r1 + 0);MAP 3;r3 = 0;call 131;exit", 4, "R2 is not a known constant"),
        // What pruning must not hide: two paths meet, the second one allows more.
        ("paths meet, one not checked for null", Kprobe, "r6 = *(u64 *)(r1 + 0);LOOKUP;if r6 == 0 goto +1;if r0 == 0 goto +1;*(u64 *)(r0 + 0) = 1;END", 9, "map_value_or_null"),
        ("paths meet, one with a number for a pointer", Kprobe, "r6 = *(u64 *)(r1 + 0);r7 = r10;r7 += -8;*(u64 *)(r10 - 8) = 1;if r6 == 0 goto +1;goto +1;r7 = r6;r0 = *(u64 *)(r7 + 0);exit", 7, "R7 invalid mem access 'scalar'"),
        ("paths meet, one with a larger size", Kprobe, "r6 = *(u64 *)(r1 + 0);r3 = 0;r1 = r10;r1 += -8;r2 = 8;if r6 == 0 goto +1;goto +1;r2 = 16;call 113;END", 8, "invalid write to stack R1 off=-8 size=16"),
        ("paths meet, one with a reference", Kprobe, "r6 = *(u64 *)(r1 + 0);r0 = 0;if r6 == 0 goto +5;RESERVE;exit", 8, "Unreleased"),
        ("paths meet, a counter becomes a size", Kprobe, "r6 = *(u64 *)(r1 + 0);r8 = 8;if r6 == 0 goto +1;r8 += 8;goto +0;r1 = r10;r1 += -8;r9 = r8;r9 += 0;r2 = r9;r3 = 0;call 113;END", 11, "invalid write to stack R1 off=-8 size=16"),
        ("a size is counted in a loop", Kprobe, "r7 = 0;r8 = 0;call 7;if r0 == 0 goto +1;r8 += 1;r7 += 1;if r7 < 20 goto -5;*(u64 *)(r10 - 8) = 0;*(u64 *)(r10 - 16) = 0;r1 = r10;r1 += -16;r2 = r8;r3 = 0;call 113;END", 13, "invalid write to stack R1 off=-16 size=20"),
        ("a size is the result of a function", Kprobe, "r1 = *(u64 *)(r1 + 0);call pc+6;r2 = r0;r1 = r10;r1 += -8;r3 = 0;call 113;exit;r0 = 16;if r1 == 0 goto +1;r0 = 8;exit", 6, "invalid write to stack R1 off=-8 size=16"),
        ("a size survives a call", Kprobe, "r1 = *(u64 *)(r1 + 0);r6 = 8;if r1 == 0 goto +1;r6 = 16;call pc+6;r1 = r10;r1 += -8;r2 = r6;r3 = 0;call 113;exit;r0 = 0;if r1 == 0 goto +1;r0 = 1;exit", 9, "invalid write to stack R1 off=-8 size=16"),
        ("a size goes over the stack", Kprobe, "r1 = *(u64 *)(r1 + 0);r6 = 8;if r1 == 0 goto +1;r6 = 16;*(u64 *)(r10 - 16) = r6;goto +0;r2 = *(u64 *)(r10 - 16);r1 = r10;r1 += -8;r3 = 0;call 113;exit", 10, "invalid write to stack R1 off=-8 size=16"),
        ("an offset is counted", Kprobe, "r1 = *(u64 *)(r1 + 0);r6 = -8;if r1 == 0 goto +1;r6 += -512;goto +0;r2 = r10;r2 += r6;*(u64 *)(r2 + 0) = 1;r0 = 0;exit", 7, "invalid write to stack R2 off=-520 size=8"),
        ("a check depends on a counter", Kprobe, "r6 = *(u64 *)(r1 + 0);LOOKUP;r8 = 0;if r6 == 0 goto +1;r8 += 1;goto +0;r9 = r8;if r9 == 0 goto +1;if r0 == 0 goto +1;*(u64 *)(r0 + 0) = 1;END", 14, "map_value_or_null"),
        ("a loop entered behind its end", Kprobe, "r6 = *(u64 *)(r1 + 0);r9 = 27;if r6 > 1 goto +1;r9 = 0;r9 += 1;if r9 != 24 goto -2;END", 4, "too large"),
        ("a loop entered with a counter on the stack", Kprobe, "r6 = *(u64 *)(r1 + 0);r9 = 27;if r6 > 4 goto +1;r9 = 0;*(u64 *)(r10 - 8) = r9;r9 = *(u64 *)(r10 - 8);r9 += 1;if r9 != 24 goto -4;END", 4, "too large"),
        ("a loop that goes one too far", Kprobe, "r6 = r10;r6 += -24;r7 = 0;*(u64 *)(r6 + 0) = 1;r6 += 8;r7 += 1;if r7 < 4 goto -4;END", 3, "invalid write to stack R6 off=0 size=8"),
    ]
    .into_iter()
    .map(|(name, prog_type, text, at, part)| (name, prog_type, s(text), at, part))
    .collect()
}

#[test]
fn good_programs() {
    let mut wrong = Vec::new();
    for (name, prog_type, text) in accepted() {
        let slots = slots(&text);
        match run(prog_type, &slots, true, Limits::default(), 0).0 {
            Err(rejected) => wrong.push(format!("{name}: {rejected}\n  {text}")),
            Ok(verdict) => {
                // What is accepted hangs together for the engines.
                let linked: Vec<RawInsn> = link(&slots);
                extern "C" fn helper(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
                    0
                }
                let program = axbpf_vm::Program::new(linked, verdict.facts, &|_| Some(helper));
                // Engines do not run legacy packet loads yet, and say so.
                if let Err(error) = program.map(|_| ()).or_else(|error| if name == "legacy packet load" { Ok(()) } else { Err(error) }) {
                    wrong.push(format!("{name}: accepted, but {error}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Maps become plain values.
fn link(slots: &[RawInsn]) -> Vec<RawInsn> {
    let wide = |slot: &RawInsn| slot.opcode == 0x18;
    slots.iter().map(|slot| if wide(slot) { RawInsn::new(0x18, slot.dst(), 0, 0, slot.imm) } else { *slot }).collect()
}

#[test]
fn bad_programs() {
    let mut wrong = Vec::new();
    for (name, prog_type, text, at, part) in rejected() {
        match run(prog_type, &slots(&text), true, Limits::default(), 0).0 {
            Ok(_) => wrong.push(format!("{name}: accepted\n  {text}")),
            Err(rejected) if rejected.at != InsnIdx(at) || !rejected.reason.to_string().contains(part) => {
                wrong.push(format!("{name}: {rejected}, not insn {at}: {part}"));
            }
            Err(_) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn licenses() {
    let text = "r3 = *(u64 *)(r1 + 0);r1 = r10;r1 += -8;r2 = 8;call 113;exit";
    assert!(run(Kprobe, &slots(text), true, Limits::default(), 0).0.is_ok());
    let rejected = run(Kprobe, &slots(text), false, Limits::default(), 0).0.unwrap_err();
    assert!(rejected.to_string().contains("cannot call GPL-restricted function from non-GPL compatible program"), "{rejected}");
}

#[test]
fn facts_and_limits() {
    let text = "*(u64 *)(r10 - 24) = 1;r1 = 1;if r1 == 1 goto +1;r0 = 7;call pc+1;exit;*(u8 *)(r10 - 1) = 1;r0 = 0;exit";
    let verdict = run(Kprobe, &slots(text), true, Limits::default(), 0).0.unwrap();
    let parts: Vec<(u32, u32, u32)> = verdict.facts.subprogs.iter().map(|s| (s.start, s.end, s.stack)).collect();
    assert_eq!(parts, [(0, 6, 24), (6, 9, 8)]);
    assert_eq!((verdict.facts.max_stack, verdict.facts.dead.as_slice()), (32, [3].as_slice()));
    assert_eq!(verdict.insns_processed, 8);

    // Nobody knows how often it goes round.
    let long = "r6 = *(u64 *)(r1 + 0);r0 = 0;r0 += 1;if r0 < r6 goto -2;exit";
    let few = Limits { insns: 1000, ..Limits::default() };
    assert_eq!(run(Kprobe, &slots(long), true, few, 0).0.unwrap_err().reason.rule, Rule::Limit);
    let small = Limits { memory: 4096, ..Limits::default() };
    assert_eq!(run(Kprobe, &slots(long), true, small, 0).0.unwrap_err().reason.rule, Rule::Limit);
}

/// Forty branches whose outcome nobody remembers: 2^40 paths, walked as a few.
#[test]
fn branches_do_not_explode() {
    let mut text = String::from("r6 = r1;");
    for i in 0..40 {
        text += &format!("r2 = *(u64 *)(r6 + {});if r2 == 0 goto +1;r2 = 1;", 8 * (i % 32));
    }
    text += END;
    let verdict = run(Kprobe, &slots(&text), true, Limits::default(), 0).0.unwrap();
    assert!(verdict.insns_processed < 1000, "{}", verdict.insns_processed);
}

/// Forty calls of a function that may go either way, with as much behind each: what follows is walked once, not once a way.
#[test]
fn calls_do_not_explode() {
    const BEHIND: usize = 100;
    let mut text = String::from("r6 = r1;");
    for i in 0..40 {
        text += &format!("r1 = *(u64 *)(r6 + {});call pc+{};", 8 * (i % 32), (2 + BEHIND) * (40 - i) - 2 + 2);
        text += &"r2 = 0;".repeat(BEHIND);
    }
    text += "r0 = 0;exit;r0 = 0;if r1 == 0 goto +1;r0 = 1;exit";
    let verdict = run(Kprobe, &slots(&text), true, Limits::default(), 0).0.unwrap();
    assert!(verdict.insns_processed < 2 * 41 * (BEHIND + 12), "{}", verdict.insns_processed);
}

/// What is only counted does not tell states apart: a thousand rounds, in each of which a counter may stay.
#[test]
fn counters_do_not_explode() {
    let text = "r6 = 0;r7 = 0;call 7;if r0 == 0 goto +1;r6 += 1;r7 += 1;if r7 < 1000 goto -5;r0 = r6;exit";
    let verdict = run(Kprobe, &slots(text), true, Limits::default(), 0).0.unwrap();
    assert!(verdict.insns_processed < 1000 * 12, "{}", verdict.insns_processed);
    // With less room there are fewer states to compare with, but they are spread over the loop.
    let small = Limits { memory: 1 << 20, ..Limits::default() };
    let verdict = run(Kprobe, &slots(text), true, small, 0).0.unwrap();
    assert!(verdict.insns_processed < 1000 * 40, "{}", verdict.insns_processed);
}

/// Before anything is walked, time and stack must not grow with the program's shape: functions that call each other in a long chain, and
/// blocks each of which jumps to the one before.
#[test]
fn shapes_are_no_burden() {
    let exit = RawInsn::new(0x95, 0, 0, 0, 0);
    let clear = RawInsn::new(0xb7, 0, 0, 0, 0);
    let mut chain = vec![clear, RawInsn::new(0x15, 0, 0, 1, 0), RawInsn::new(0x85, 0, 1, 0, 1), exit];
    for _ in 0..100_000 {
        chain.extend([RawInsn::new(0x85, 0, 1, 0, 1), exit]);
    }
    chain.extend([clear, exit]);
    let blocks = 20_000;
    // The last block comes first, and the first one jumps to the exit.
    let mut back = vec![clear, RawInsn::new(0x06, 0, 0, 0, 2 * blocks - 1), exit];
    for block in 0..blocks {
        back.extend([RawInsn::new(0x07, 0, 0, 0, 1), RawInsn::new(0x05, 0, 0, if block == 0 { -3 } else { -4 }, 0)]);
    }
    let small = std::thread::Builder::new().stack_size(256 << 10);
    let verify =
        move || [chain, back].map(|slots| run(Kprobe, &slots, true, Limits::default(), 0).0.map(|verdict| verdict.insns_processed));
    let [chain, back] = small.spawn(verify).unwrap().join().unwrap();
    // As in Linux, calls that no path makes count too.
    assert!(chain.unwrap_err().to_string().contains("the call stack of 100002 frames is too deep"));
    assert_eq!(back, Ok(2 * blocks as usize + 3));
}

#[test]
fn logs() {
    let text = "r2 = *(u64 *)(r1 + 0);r0 = *(u64 *)(r2 + 0);exit";
    let reason = "R2 invalid mem access 'scalar'\nhint: it is a number here; read addresses with bpf_probe_read_kernel\n";
    assert_eq!(run(Kprobe, &slots(text), true, Limits::default(), 0).1, "");
    let second = "1: (79) r0 = *(u64 *)(r2 + 0x0) ; R1=ctx() R2=scalar() R10=fp0\n";
    assert_eq!(run(Kprobe, &slots(text), true, Limits::default(), 1).1, format!("{second}{reason}"));
    let path = "func#0 @0\n0: R1=ctx() R10=fp0\n0: (79) r2 = *(u64 *)(r1 + 0x0) ; R2_w=scalar()\n1: (79) r0 = *(u64 *)(r2 + 0x0)\n";
    assert_eq!(run(Kprobe, &slots(text), true, Limits::default(), 2).1, format!("{path}{reason}"));
    let stats = run(Kprobe, &slots("*(u64 *)(r10 - 8) = 5;r0 = 0;exit"), true, Limits::default(), 4).1;
    assert_eq!(stats, "processed 3 insns (limit 1000000) states 0 stack depth 8\n");
}

/// Rows on which Linux decides otherwise, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("through a map", "Linux shows struct bpf_map, which is not here"),
    ("stack of two frames", "since 6.13 compiled programs of some types have a stack of their own, so that each frame may have 512 bytes"),
];

/// Both tables, judged by the kernel that this test runs on.
#[test]
#[ignore = "needs a Linux that permits bpf(2)"]
fn linux_agrees() {
    let def = |fd| {
        let map = map(fd)?;
        let max_entries = if map.map_type == MapType::Ringbuf { 4096 } else { 1 };
        let MapInfo { map_type, key_size, value_size, flags: map_flags, .. } = map;
        Some(judge::MapDef { map_type, key_size, value_size, max_entries, map_flags })
    };
    let linux = judge::Linux::with((1..).map_while(def)).unwrap_or_else(|error| panic!("bpf(2) is not permitted here: {error}"));
    let bad = rejected().into_iter().map(|(name, prog_type, text, ..)| (name, prog_type, text));
    let (mut rows, mut wrong) = (0, Vec::new());
    for (name, prog_type, text) in accepted().into_iter().chain(bad) {
        rows += 1;
        let slots = slots(&text);
        let ours = run_on(judge::Linux::arch(), prog_type, &slots, true, Limits::default(), 0).0;
        let linux = linux.verify(prog_type, &slots, true);
        let listed = DIFFERENT.iter().any(|&(row, _)| row == name);
        if (ours.is_ok() != linux.is_ok()) != listed {
            wrong.push(format!(
                "{name}{}\n  here:  {}\n  Linux: {linux:?}",
                if listed { " (listed)" } else { "" },
                ours.map_or_else(|e| e.to_string(), |_| "accepted".into())
            ));
        }
    }
    println!("{rows} rows, {} decided otherwise by Linux", DIFFERENT.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
