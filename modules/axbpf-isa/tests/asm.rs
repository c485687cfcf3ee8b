//! The assembler's own side: labels, freedom of layout, messages.
use axbpf_isa::*;

fn text(source: &str) -> String {
    disasm::listing(&asm::assemble(source).unwrap_or_else(|error| panic!("{error}: {source}"))).to_string()
}

#[test]
fn labels_become_distances() {
    let source = "
        start: r1 = 0x1122334455667788 ll   # two slots
        if r1 == 0 goto done
        call double
        r2 = subprog[double]
        gotol done
        goto start
    done:
    finish:
        exit
    double: r0 = r1 // a subprogram
        r0 += r0
        exit
    ";
    let expected = "r1 = 0x1122334455667788 ll\nif r1 == 0x0 goto +0x5\ncall pc+0x5\nr2 = subprog[+0x4]\ngotol +0x1\ngoto -0x8\nexit\n\
                    r0 = r1\nr0 += r0\nexit\n";
    assert_eq!(text(source), expected);
}

#[test]
fn blanks_and_number_bases_are_free() {
    for (source, expected) in [
        ("r1=r2", "r1 = r2\n"),
        ("  r1  +=  -5  ", "r1 += -0x5\n"),
        ("w1 = 0xffffffff", "w1 = -0x1\n"),
        ("w1 = 4294967295", "w1 = -0x1\n"),
        ("r1=-1 ll", "r1 = 0xffffffffffffffff ll\n"),
        ("r1 = *( u32 * ) ( r2 - 8 )", "r1 = *(u32 *)(r2 - 0x8)\n"),
        ("w1 = *(u16 *)(r2+4)", "r1 = *(u16 *)(r2 + 0x4)\n"),
        ("*(u8 *)(r10 - 1) = w3", "*(u8 *)(r10 - 0x1) = r3\n"),
        ("*(u32 *)(r10 - 4) = 0xdeadbeef", "*(u32 *)(r10 - 0x4) = -0x21524111\n"),
        ("lock*(u32 *)(r1 + 0) |= r2", "lock *(u32 *)(r1 + 0x0) |= w2\n"),
        ("if r1 s>= 0x10 goto 2", "if r1 s>= 0x10 goto +0x2\n"),
        ("call pc + 3", "call pc+0x3\n"),
        ("exit", "exit\n"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn messages_point_at_the_place() {
    for (source, message) in [
        ("exit\nfoo", "line 2, column 1: expected an instruction, such as `r0 = 0`"),
        ("r1 = ", "line 1, column 6: expected a number"),
        ("r11 = 5", "line 1, column 1: no such register; the last one is r10"),
        ("r1 = -r2", "line 1, column 7: has to be the same register as before, r1"),
        ("r1 += 0x80000000", "line 1, column 7: the immediate would be sign-extended to 64 bits"),
        ("r1 += 0x100000000", "line 1, column 7: the number does not fit into 32 bits"),
        ("r1 = *(u8 *)(r2 + 32768)", "line 1, column 19: the number does not fit into 16 bits"),
        ("r1 = *(u8 *)(r2 + 1", "line 1, column 20: no instruction reads like this; the nearest form is `r0 = *(u8 *)(r0 + 0x0)`"),
        ("r1 = r2 r3", "line 1, column 9: the instruction is complete before this"),
        ("goto nowhere", "line 1, column 6: no line is labelled 'nowhere'"),
        ("a: exit\nb:\n  a: exit", "line 3, column 3: line 1 is labelled 'a' already"),
        ("gotolx 5", "line 1, column 6: no instruction reads like this; the nearest form is `gotol +0x0`"),
    ] {
        let found = asm::assemble(source).unwrap_err().to_string();
        assert!(found.starts_with(message), "{source}\n  found: {found}\nexpected: {message}");
    }
    let far = format!("goto far\n{}far: exit", "exit\n".repeat(40_000));
    let message = "line 1, column 6: 'far' is 40000 slots away and the offset has 16 bits; go through a `gotol`";
    assert_eq!(asm::assemble(&far).unwrap_err().to_string(), message);
}

#[test]
fn a_listing_stops_at_what_is_no_instruction() {
    let slots = [RawInsn::new(0x95, 0, 0, 0, 0), RawInsn::new(0xff, 0, 0, 0, 0), RawInsn::new(0x95, 0, 0, 0, 0)];
    assert_eq!(disasm::listing(&slots).to_string(), "exit\n<insn 1: unknown opcode 0xff>\n");
}
