/* Sockets: pointers that may be null, and references that helpers hand out: issue 3, points 1 and 3. */
#include "expect.h"

#define SOCK(name, section, verdict, code) SEC(section) verdict NAKED int name(void) { ASM("r9 = r1;" code "1: r0 = 0; exit;"); }
/* skb->sk */
#define FIELD "r6 = *(u64 *)(r9 + 168);"
/* bpf_sk_lookup_tcp(skb, tuple at (r10 - 12), 12, -1, 0) */
#define LOOKUP_TCP "*(u64 *)(r10 - 16) = 0; *(u64 *)(r10 - 8) = 0; r1 = r9; r2 = r10; r2 += -16; r3 = 12; r4 = -1; r5 = 0; call 84;"
#define RELEASE "r1 = r6; call 86;"

/* The packet's own socket. */
SOCK(field_checked, "cgroup_skb/egress", EXPECT_ACCEPT, FIELD "if r6 == 0 goto 1f; w0 = *(u32 *)(r6 + 4);")
SOCK(field_unchecked, "cgroup_skb/egress", EXPECT_REJECT("R6 invalid mem access 'sock_common_or_null'"), FIELD "w0 = *(u32 *)(r6 + 4);")
SOCK(field_in_tc, "tc", EXPECT_ACCEPT RETVAL(0), FIELD "if r6 == 0 goto 1f; w0 = *(u32 *)(r6 + 4);")
SOCK(field_half, "tc", EXPECT_REJECT("invalid bpf_context access off=168 size=4"), "w6 = *(u32 *)(r9 + 168);")
SOCK(field_written, "tc", EXPECT_REJECT("invalid bpf_context access off=168 size=8"), "*(u64 *)(r9 + 168) = r9;")
SOCK(common_only, "tc", EXPECT_REJECT("invalid sock_common access off=16 size=4"), FIELD "if r6 == 0 goto 1f; w0 = *(u32 *)(r6 + 16);")
SOCK(written, "tc", EXPECT_REJECT("R6 cannot write into sock"), FIELD "if r6 == 0 goto 1f; *(u32 *)(r6 + 4) = 0;")
SOCK(moved, "tc", EXPECT_REJECT("R6 pointer arithmetic on sock_common prohibited"), FIELD "if r6 == 0 goto 1f; r6 += 4;")
SOCK(moved_unchecked, "tc", EXPECT_REJECT("R6 pointer arithmetic on sock_common_or_null prohibited, null-check it first"), FIELD "r6 += 4;")
SOCK(full, "tc", EXPECT_ACCEPT RETVAL(0), FIELD "if r6 == 0 goto 1f; r1 = r6; call 95; if r0 == 0 goto 1f; w0 = *(u32 *)(r0 + 16);")
SOCK(full_unchecked, "tc", EXPECT_REJECT("R0 invalid mem access 'sock_or_null'"), FIELD "if r6 == 0 goto 1f; r1 = r6; call 95; w0 = *(u32 *)(r0 + 16);")
SOCK(full_of_unchecked, "tc", EXPECT_REJECT("R1 type=sock_common_or_null expected=sock_common"), FIELD "r1 = r6; call 95;")
SOCK(full_of_stack, "tc", EXPECT_REJECT("R1 type=fp expected=sock_common"), "r1 = r10; call 95;")
SOCK(full_beyond, "tc", EXPECT_REJECT("invalid sock access off=80 size=4"), FIELD "if r6 == 0 goto 1f; r1 = r6; call 95; if r0 == 0 goto 1f; w0 = *(u32 *)(r0 + 80);")
SOCK(field_not_held, "tc", EXPECT_REJECT("R1 must be referenced when passed to release function"), FIELD "if r6 == 0 goto 1f;" RELEASE)

/* Looked up: to be released. */
SOCK(released, "tc", EXPECT_ACCEPT RETVAL(0), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0; w0 = *(u32 *)(r6 + 16);" RELEASE)
SOCK(not_released, "tc", EXPECT_REJECT("Unreleased reference id="), LOOKUP_TCP "if r0 == 0 goto 1f; w0 = *(u32 *)(r0 + 16);")
SOCK(not_checked, "tc", EXPECT_REJECT("Unreleased reference id="), LOOKUP_TCP)
SOCK(released_unchecked, "tc", EXPECT_REJECT("R1 type=sock_or_null expected="), LOOKUP_TCP "r6 = r0;" RELEASE)
SOCK(released_twice, "tc", EXPECT_REJECT("R1 type=scalar expected="), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0;" RELEASE RELEASE)
SOCK(used_after_release, "tc", EXPECT_REJECT("R6 invalid mem access 'scalar'"), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0;" RELEASE "w0 = *(u32 *)(r6 + 16);")
SOCK(full_used_after_release, "tc", EXPECT_REJECT("R7 invalid mem access 'scalar'"), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0; r1 = r0; call 95; r7 = r0;" RELEASE "if r7 == 0 goto 1f; w0 = *(u32 *)(r7 + 16);")
SOCK(full_used_before_release, "tc", EXPECT_ACCEPT RETVAL(0), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0; r1 = r0; call 95; if r0 == 0 goto 2f; w0 = *(u32 *)(r0 + 16); 2:" RELEASE)
SOCK(released_by_full, "tc", EXPECT_ACCEPT RETVAL(0), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0; r1 = r0; call 95; if r0 == 0 goto 2f; r6 = r0; 2:" RELEASE)
SOCK(lost, "tc", EXPECT_REJECT("Unreleased reference id="), LOOKUP_TCP "r6 = r0; r0 = 0; r6 = 0;")
SOCK(looked_up_in_socket_filter, "socket", EXPECT_REJECT("cannot use helper bpf_sk_lookup_tcp#84"), LOOKUP_TCP)
SOCK(looked_up_in_xdp, "xdp", EXPECT_ACCEPT RETVAL(0), LOOKUP_TCP "if r0 == 0 goto 1f; r6 = r0;" RELEASE)
SOCK(tuple_too_short, "tc", EXPECT_REJECT("stack R2 off=-8 size=12"), "*(u64 *)(r10 - 8) = 0; r1 = r9; r2 = r10; r2 += -8; r3 = 12; r4 = -1; r5 = 0; call 84;")

/* Held twice. */
SOCK(two_held, "tc", EXPECT_ACCEPT RETVAL(0), LOOKUP_TCP "r7 = r0;" LOOKUP_TCP "r6 = r0; if r6 == 0 goto 2f;" RELEASE "2: if r7 == 0 goto 1f; r6 = r7;" RELEASE)
SOCK(two_held_one_left, "tc", EXPECT_REJECT("Unreleased reference id="), LOOKUP_TCP "r7 = r0;" LOOKUP_TCP "r6 = r0; if r6 == 0 goto 1f;" RELEASE)
SOCK(two_held_one_left_twice, "tc", EXPECT_REJECT("R1 type=scalar expected="), LOOKUP_TCP "r7 = r0;" LOOKUP_TCP "r6 = r0; if r6 == 0 goto 2f;" RELEASE RELEASE "2: if r7 == 0 goto 1f; r6 = r7;" RELEASE)

char LICENSE[] SEC("license") = "GPL";
