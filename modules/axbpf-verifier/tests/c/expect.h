/* SPDX-License-Identifier: GPL-2.0 */
/* What is expected of each program here: declaration tags of its function, which tests/selftests.rs reads from the object's BTF. */
#ifndef AXBPF_EXPECT_H
#define AXBPF_EXPECT_H

/* Newer headers have it, older ones have not. */
#define bpf_iter_num bpf_iter_num_of_the_headers
#include <linux/bpf.h>
#undef bpf_iter_num
struct bpf_iter_num {
	__u64 __opaque[1];
} __attribute__((aligned(8)));
#include <stddef.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

#define EXPECT(text) __attribute__((btf_decl_tag("expect:" text)))

/* The verdict. The words are a part of what Linux 6.12 says; several refusals on one function all have to be said. */
#define EXPECT_ACCEPT EXPECT("accept")
#define EXPECT_REJECT(words) EXPECT("reject=" words)
/* The words in which later kernels say the same. */
#define REWORDED(words) EXPECT("reworded=" words)
/* Kernels from some later one on decide the other way, and why: either verdict is right for this verifier. */
#define LINUX_DIFFERS(reason) EXPECT("differs=" reason)
/* This verifier decides otherwise, or says it otherwise, on purpose: the reason. */
#define HERE_DIFFERS(reason) EXPECT("here=" reason)
/* What BPF_PROG_TEST_RUN answers, with a packet of 64 zero bytes where the type wants one. */
#define RETVAL(n) EXPECT("retval=" #n)
/* A part of the log at level 2; a line of the source if it begins with a semicolon. */
#define LOG2(words) EXPECT("log=" words)
/* To be loaded with BPF_F_STRICT_ALIGNMENT. */
#define STRICT EXPECT("strict")

/* A function whose whole body is one ASM(). */
#define NAKED __attribute__((naked))
/* A subprogram that only assembly calls. */
#define SUBPROG static __attribute__((naked, noinline, used))

/* Lines of BPF assembly; behind them what they name as %[name]. */
#define ASM(text, ...) asm volatile(text ::__VA_ARGS__ : "memory")
/* A helper by its number, or another constant. */
#define IMM(name) [name] "i"(name)
/* A constant expression under a name. */
#define CONST(name, value) [name] "i"(value)
/* The address of a map or of a global variable. */
#define ADDR(name) [name] "i"(&name)

/* may_goto to a label, which assemblers do not know yet by name: "8:" is taken. */
#define MAY_GOTO(label) "8: .byte 0xe5, 0; .long ((" label " - 8b - 8) / 8) & 0xffff; .short 0;\n"

/* A map that is declared by BTF. */
#define MAP(name, kind, entries, k, v, ...) \
	struct { \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries); \
		__type(key, k); \
		__type(value, v); \
		__VA_ARGS__ \
	} name SEC(".maps")

/* A ring buffer of one page. */
#define RING(name) \
	struct { \
		__uint(type, BPF_MAP_TYPE_RINGBUF); \
		__uint(max_entries, 4096); \
	} name SEC(".maps")

/* r0 = the value of key 0, or exit; ADDR(map) has to be named. */
#define LOOKUP(map) \
	"r1 = 0; *(u32 *)(r10 - 4) = r1; r2 = r10; r2 += -4; r1 = %[" #map "] ll; call 1; if r0 != 0 goto 9f; exit; 9:\n"
/* r6 = 64 bits of which nothing is known. */
#define UNKNOWN_R6 "call 7; r6 = r0;\n"

#endif
