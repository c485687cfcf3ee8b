/* Loops that may_goto ends: issue 3, point 2. */
#include "expect.h"

__u64 table[16];

#define ENDLESS "infinite loop detected at insn"
#define LOOP(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(code "exit;", ADDR(table)); }

LOOP(endless_otherwise, EXPECT_ACCEPT RETVAL(0), "r0 = 0; 1: " MAY_GOTO("2f") "goto 1b; 2:")
LOOP(endless_without, EXPECT_REJECT(ENDLESS), "r0 = 0; call 7; if r0 == 0 goto 2f; 1: r6 = 0; goto 1b; 2:")
LOOP(waits_for_chance, EXPECT_ACCEPT, "1: " MAY_GOTO("2f") "call 7; if r0 != 0 goto 1b; 2: r0 = 0;")
LOOP(counts, EXPECT_ACCEPT RETVAL(0), "r0 = 0; 1: " MAY_GOTO("2f") "r0 += 1; if r0 < 10000 goto 1b; 2: r0 = 0;")
LOOP(counts_unknown, EXPECT_ACCEPT, "call 7; r6 = r0; r0 = 0; 1: " MAY_GOTO("2f") "r0 += 1; if r0 < r6 goto 1b; 2: r0 = 0;")
LOOP(forward_only, EXPECT_ACCEPT RETVAL(7), "r0 = 7; " MAY_GOTO("2f") "r1 = 8; 2:")
LOOP(skipped_may_be_needed, EXPECT_REJECT("R6 !read_ok"), "r0 = 7; " MAY_GOTO("2f") "r6 = 8; 2: r0 = r6;")
LOOP(not_in_the_loop, EXPECT_REJECT(ENDLESS), MAY_GOTO("3f") "3: call 7; if r0 == 0 goto 2f; 1: r6 = 0; goto 1b; 2:")
LOOP(nested, EXPECT_ACCEPT RETVAL(0), "1: " MAY_GOTO("2f") "3: " MAY_GOTO("1b") "goto 3b; 2: r0 = 0;")
LOOP(index_checked, EXPECT_ACCEPT,
     "r6 = 0; 1: " MAY_GOTO("2f") "r6 += 1; if r6 > 15 goto 2f; r1 = %[table] ll; r2 = r6; r2 <<= 3; r1 += r2; *(u64 *)(r1 + 0) = 1; goto 1b; 2: r0 = 0;")
LOOP(index_unchecked, EXPECT_REJECT("invalid access to map value"),
     "r6 = 0; 1: " MAY_GOTO("2f") "r6 += 1; r1 = %[table] ll; r2 = r6; r2 <<= 3; r1 += r2; *(u64 *)(r1 + 0) = 1; goto 1b; 2: r0 = 0;")
LOOP(pointer_walks, EXPECT_REJECT("invalid write to stack R1 off=0 size=8"),
     "r1 = r10; r1 += -64; 1: " MAY_GOTO("2f") "*(u64 *)(r1 + 0) = 0; r1 += 8; goto 1b; 2: r0 = 0;")
LOOP(pointer_stays, EXPECT_ACCEPT RETVAL(0),
     "r1 = r10; r1 += -64; 1: " MAY_GOTO("2f") "*(u64 *)(r1 + 0) = 0; goto 1b; 2: r0 = 0;")
LOOP(reserved_source, EXPECT_REJECT("invalid may_goto imm 0"),
     "r0 = 0; .byte 0xe5, 0x10; .long 0; .short 0;")
LOOP(reserved_immediate, EXPECT_REJECT("invalid may_goto imm"),
     "r0 = 0; .byte 0xe5, 0; .long 0x10000; .short 0;")
/* A reference that is taken in each round has to go in each round. */
RING(ring);
SEC("socket") EXPECT_ACCEPT
NAKED int reserves_each_round(void)
{
	ASM("1: " MAY_GOTO("2f") R"(
	r1 = %[ring] ll
	r2 = 8
	r3 = 0
	call %[bpf_ringbuf_reserve]
	if r0 == 0 goto 1b
	r1 = r0
	r2 = 0
	call %[bpf_ringbuf_submit]
	goto 1b
2:	r0 = 0
	exit
	)", ADDR(ring), IMM(bpf_ringbuf_reserve), IMM(bpf_ringbuf_submit));
}

SEC("socket") EXPECT_REJECT("Unreleased reference id=")
NAKED int reserves_and_leaves(void)
{
	ASM("r6 = 0; 1: " MAY_GOTO("2f") R"(
	r1 = %[ring] ll
	r2 = 8
	r3 = 0
	call %[bpf_ringbuf_reserve]
	r6 = r0
2:	r0 = 0
	exit
	)", ADDR(ring), IMM(bpf_ringbuf_reserve));
}

char LICENSE[] SEC("license") = "GPL";
