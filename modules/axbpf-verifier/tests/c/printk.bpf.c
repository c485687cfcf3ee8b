/* Formats of bpf_trace_printk and its kin: issue 3, point 5. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, char[16]);

/* A format on the stack at (r10 - 8), as a word of 8 bytes. */
#define PRINT(name, verdict, word, size) \
	SEC("kprobe") verdict NAKED int name(void) \
	{ \
		ASM("r1 = " word " ll; *(u64 *)(r10 - 8) = r1; r1 = r10; r1 += -8; r2 = " size "; r3 = 5; call 6; r0 = 0; exit;"); \
	}
/* "n %d\n" and a NUL */
PRINT(plain, EXPECT_ACCEPT, "0x000a6425206e", "6")
/* What the string says is seen when it runs: only its place and size are proven. */
PRINT(without_nul, EXPECT_ACCEPT, "0x6e6e6e6e6e6e6e6e", "8")
PRINT(too_long, EXPECT_REJECT("stack R1 off=-8 size=9"), "0x0a6425206e", "9")
PRINT(empty, EXPECT_REJECT("R2 invalid zero-sized read: u64=[0,0]"), "0", "0")

SEC("kprobe") EXPECT_ACCEPT
int in_c(void *ctx)
{
	bpf_printk("pid %d", (int)bpf_get_current_pid_tgid());
	return 0;
}

SEC("kprobe") EXPECT_ACCEPT
int many_arguments(void *ctx)
{
	bpf_printk("%d %d %d %d %d", 1, 2, 3, 4, 5);
	return 0;
}

SEC("kprobe") EXPECT_REJECT("R1 type=scalar expected=fp")
NAKED int no_format(void)
{
	ASM("r1 = 0; r2 = 4; call 6; r0 = 0; exit;");
}

SEC("kprobe") EXPECT_REJECT("R1 type=ctx expected=fp")
NAKED int context_as_format(void)
{
	ASM("r2 = 4; call 6; r0 = 0; exit;");
}

/* trace_vprintk(format, size, data, size): the data are words. */
#define WORDS(name, verdict, size) \
	SEC("kprobe") verdict NAKED int name(void) \
	{ \
		ASM("r1 = 0x000a6425206e ll; *(u64 *)(r10 - 8) = r1; *(u64 *)(r10 - 16) = 1; r1 = r10; r1 += -8; r2 = 6; r3 = r10; r3 += -16; r4 = " size "; call 177; r0 = 0; exit;"); \
	}
WORDS(words, EXPECT_ACCEPT, "8")
WORDS(words_none, EXPECT_ACCEPT, "0")
WORDS(words_too_many, EXPECT_REJECT("stack R3 off=-16 size=24"), "24")

char LICENSE[] SEC("license") = "GPL";
