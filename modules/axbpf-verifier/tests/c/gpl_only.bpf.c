/* A license that is not compatible with the GPL: issue 3, point 3. */
#include "expect.h"

#define CALL(name, section, verdict, code) SEC(section) verdict NAKED int name(void) { ASM(code "r0 = 0; exit;"); }

CALL(random, "socket", EXPECT_ACCEPT RETVAL(0), "call 7;")
CALL(time, "socket", EXPECT_ACCEPT RETVAL(0), "call 5;")
CALL(read_kernel, "socket", EXPECT_REJECT("cannot call GPL-restricted function from non-GPL compatible program"), "r1 = r10; r1 += -8; r2 = 8; r3 = 0; call 113;")
CALL(load_bytes, "socket", EXPECT_ACCEPT RETVAL(0), "r2 = 0; r3 = r10; r3 += -8; r4 = 8; call 26;")
CALL(printk, "socket", EXPECT_REJECT("cannot call GPL-restricted function from non-GPL compatible program"), "*(u64 *)(r10 - 8) = 0; r1 = r10; r1 += -8; r2 = 8; call 6;")
CALL(cpu, "socket", EXPECT_ACCEPT RETVAL(0), "call 8;")

char LICENSE[] SEC("license") = "Proprietary";
