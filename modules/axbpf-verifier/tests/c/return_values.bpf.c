/* What a program may return: issue 3, points 4 and 5. */
#include "expect.h"

SEC("socket") EXPECT_ACCEPT RETVAL(7)
NAKED int constant(void)
{
	ASM(R"(
	r0 = 7
	exit
	)");
}

SEC("socket") EXPECT_REJECT("R0 !read_ok")
NAKED int nothing(void)
{
	ASM(R"(
	r1 = 7
	exit
	)");
}

/* A privileged program may tell addresses. */
SEC("socket") EXPECT_ACCEPT
NAKED int frame_pointer(void)
{
	ASM(R"(
	r0 = r10
	exit
	)");
}

char LICENSE[] SEC("license") = "GPL";
