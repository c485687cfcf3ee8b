/* Stack that was never written: privileged programs may read it, as numbers of which nothing is known: issue 3, point 4. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64);
MAP(hash, HASH, 4, __u64, __u64);

SEC("socket") EXPECT_ACCEPT
NAKED int read_unwritten(void)
{
	ASM(R"(
	r0 = *(u64 *)(r10 - 8)
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R1 invalid mem access 'scalar'")
NAKED int read_unwritten_is_no_pointer(void)
{
	ASM(R"(
	r1 = *(u64 *)(r10 - 8)
	r0 = *(u64 *)(r1 + 0)
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R9 !read_ok")
NAKED int unwritten_is_not_zero(void)
{
	ASM(R"(
	r1 = *(u64 *)(r10 - 8)
	if r1 == 0 goto 1f
	r0 = r9
	exit
1:	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT
NAKED int half_written(void)
{
	ASM(R"(
	*(u32 *)(r10 - 8) = 0
	r0 = *(u64 *)(r10 - 8)
	exit
	)");
}

SEC("socket") EXPECT_ACCEPT
NAKED int unwritten_key(void)
{
	ASM(R"(
	r2 = r10
	r2 += -4
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(values), IMM(bpf_map_lookup_elem));
}

/* The size counts even where the bytes do not. */
SEC("socket") EXPECT_REJECT("invalid indirect access to stack R2 off=-2 size=4")
REWORDED("invalid read from stack R2 off=-2 size=4")
NAKED int unwritten_key_too_high(void)
{
	ASM(R"(
	r2 = r10
	r2 += -2
	r1 = %[values] ll
	call %[bpf_map_lookup_elem]
	r0 = 0
	exit
	)", ADDR(values), IMM(bpf_map_lookup_elem));
}

SEC("socket") EXPECT_ACCEPT
NAKED int unwritten_value(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = 0
	r2 = r10
	r2 += -8
	r3 = r10
	r3 += -16
	r4 = 0
	r1 = %[hash] ll
	call %[bpf_map_update_elem]
	r0 = 0
	exit
	)", ADDR(hash), IMM(bpf_map_update_elem));
}

/* A register is another matter than the stack: it has to be written before it is read. */
SEC("socket") EXPECT_REJECT("R3 !read_ok")
NAKED int register_read(void)
{
	ASM(R"(
	r0 = r3
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R6 !read_ok")
NAKED int register_stored(void)
{
	ASM(R"(
	*(u64 *)(r10 - 8) = r6
	r0 = 0
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R2 !read_ok")
NAKED int argument_clobbered_by_call(void)
{
	ASM(R"(
	r2 = 5
	call %[bpf_get_prandom_u32]
	r0 = r2
	exit
	)", IMM(bpf_ktime_get_ns), IMM(bpf_get_prandom_u32));
}

SEC("socket") EXPECT_ACCEPT RETVAL(5)
NAKED int saved_register_over_call(void)
{
	ASM(R"(
	r6 = 5
	call %[bpf_get_prandom_u32]
	r0 = r6
	exit
	)", IMM(bpf_get_prandom_u32));
}

SEC("socket") EXPECT_REJECT("R7 !read_ok")
NAKED int register_written_on_one_path(void)
{
	ASM(R"(
	call %[bpf_get_prandom_u32]
	if r0 == 0 goto 1f
	r7 = 1
1:	r0 = r7
	exit
	)", IMM(bpf_get_prandom_u32));
}

char LICENSE[] SEC("license") = "GPL";
