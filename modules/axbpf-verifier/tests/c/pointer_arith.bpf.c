/* What may be done with pointers: issue 3, point 4. */
#include "expect.h"

MAP(values, ARRAY, 1, __u32, __u64[8]);
RING(ring);

#define ARITH(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM("r9 = r1;" code "1: r0 = 0; exit;", ADDR(values), ADDR(ring)); }
#define VALUE LOOKUP(values) "r6 = r0;"

ARITH(add_constant, EXPECT_ACCEPT RETVAL(0), VALUE "r6 += 8; r0 = *(u64 *)(r6 + 48);")
ARITH(add_constant_over, EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=8"), VALUE "r6 += 16; r0 = *(u64 *)(r6 + 48);")
ARITH(number_plus_pointer, EXPECT_ACCEPT RETVAL(0), VALUE "r1 = 8; r1 += r6; r0 = *(u64 *)(r1 + 48);")
ARITH(number_minus_pointer, EXPECT_REJECT("R1 tried to subtract pointer from scalar"), VALUE "r1 = 8; r1 -= r6;")
ARITH(pointer_minus_number, EXPECT_ACCEPT RETVAL(0), VALUE "r6 += 8; r6 -= 8; r0 = *(u64 *)(r6 + 56);")
ARITH(pointer_minus_unknown, EXPECT_REJECT("R6 min value is negative"), "call 7; r7 = r0; r7 &= 7;" VALUE "r6 -= r7; w0 = *(u8 *)(r6 + 0);")
ARITH(pointer_minus_unknown_from_inside, EXPECT_REJECT("R6 unbounded memory access"), "call 7; r7 = r0; r7 &= 7;" VALUE "r6 += 7; r6 -= r7; w0 = *(u8 *)(r6 + 0);")
ARITH(pointer_plus_pointer, EXPECT_REJECT("R6 pointer += pointer prohibited"), VALUE "r6 += r6;")
ARITH(pointer_minus_pointer, EXPECT_ACCEPT RETVAL(0), VALUE "r7 = r6; r7 -= r6;")
ARITH(negated, EXPECT_REJECT("R6 invalid mem access 'scalar'"), VALUE "r6 = -r6; r0 = *(u64 *)(r6 + 0);")
ARITH(multiplied, EXPECT_REJECT("R6 pointer arithmetic with *= operator prohibited"), VALUE "r6 *= 8;")
ARITH(divided, EXPECT_REJECT("R6 pointer arithmetic with /= operator prohibited"), VALUE "r6 /= 8;")
ARITH(ored, EXPECT_REJECT("R6 bitwise operator |= on pointer prohibited"), VALUE "r6 |= 8;")
ARITH(xored_number, EXPECT_REJECT("R1 bitwise operator ^= on pointer prohibited"), VALUE "r1 = 8; r1 ^= r6;")
ARITH(shifted_right, EXPECT_REJECT("R6 pointer arithmetic with >>= operator prohibited"), VALUE "r6 >>= 3;")
ARITH(half_sum, EXPECT_REJECT("R6 32-bit pointer arithmetic prohibited"), VALUE "w6 += 1;")
ARITH(half_move, EXPECT_REJECT("R6 invalid mem access 'scalar'"), VALUE "w6 = w6; r0 = *(u64 *)(r6 + 0);")
ARITH(swapped, EXPECT_REJECT("R6 invalid mem access 'scalar'"), VALUE "r6 = be64 r6; r0 = *(u64 *)(r6 + 0);")
ARITH(sign_extended, EXPECT_ACCEPT RETVAL(0), VALUE "r6 = (s32)r6;")
ARITH(sign_extended_is_a_number, EXPECT_REJECT("R6 invalid mem access 'scalar'"), VALUE "r6 = (s32)r6; r0 = *(u64 *)(r6 + 0);")
ARITH(whole_move, EXPECT_ACCEPT RETVAL(0), VALUE "r7 = r6; r0 = *(u64 *)(r7 + 56);")
ARITH(far_away_and_back, EXPECT_ACCEPT RETVAL(0), VALUE "r6 += 100000000; r6 += -100000000; r0 = *(u64 *)(r6 + 0);")
ARITH(too_far_away, EXPECT_REJECT("math between map_value pointer and 1073741824 is not allowed"), VALUE "r6 += 0x40000000; r6 += -0x40000000; r0 = *(u64 *)(r6 + 0);")
ARITH(unknown_too_large, EXPECT_REJECT("R6 unbounded memory access"), "call 7; w7 = w0;" VALUE "r6 += r7; r0 = *(u64 *)(r6 + 0);")
ARITH(unknown_negative, EXPECT_REJECT("math between map_value pointer and register with unbounded min value is not allowed"), "call 7; r7 = r0;" VALUE "r6 += r7;")
ARITH(offset_and_field, EXPECT_ACCEPT RETVAL(0), "call 7; r7 = r0; r7 &= 0x18;" VALUE "r6 += r7; r6 += 8; r0 = *(u64 *)(r6 + 24);")
ARITH(offset_and_field_over, EXPECT_REJECT("outside of the allowed memory range"), "call 7; r7 = r0; r7 &= 0x18;" VALUE "r6 += r7; r6 += 8; r0 = *(u64 *)(r6 + 32);")
ARITH(two_offsets, EXPECT_ACCEPT RETVAL(0), "call 7; r7 = r0; r8 = r0; r7 &= 0x18; r8 &= 0x18;" VALUE "r6 += r7; r6 += r8; r0 = *(u64 *)(r6 + 8);")
ARITH(two_offsets_over, EXPECT_REJECT("outside of the allowed memory range"), "call 7; r7 = r0; r8 = r0; r7 &= 0x18; r8 &= 0x18;" VALUE "r6 += r7; r6 += r8; r0 = *(u64 *)(r6 + 16);")
/* The offset can be checked behind the sum only for packets: for values the number itself has to be. */
ARITH(checked_behind_sum, EXPECT_REJECT("R6 unbounded memory access"), "call 7; w7 = w0;" VALUE "r6 += r7; if r7 > 56 goto 1f; r0 = *(u64 *)(r6 + 0);")
ARITH(checked_before_sum, EXPECT_ACCEPT RETVAL(0), "call 7; w7 = w0;" VALUE "if r7 > 56 goto 1f; r6 += r7; r0 = *(u64 *)(r6 + 0);")

/* Comparisons of pointers tell nothing of numbers. */
ARITH(pointers_compared, EXPECT_ACCEPT RETVAL(0), VALUE "if r6 > r10 goto 1f; r0 = *(u64 *)(r6 + 0);")
ARITH(pointer_compared_with_number, EXPECT_ACCEPT RETVAL(0), VALUE "if r6 > 4096 goto 1f; r0 = *(u64 *)(r6 + 0);")
ARITH(pointer_is_not_null, EXPECT_ACCEPT RETVAL(0), VALUE "if r6 != 0 goto 1f; r0 = r8;")

/* Pointers in memory: they come back from the stack only. */
ARITH(stored_in_value, EXPECT_ACCEPT RETVAL(0), VALUE "*(u64 *)(r6 + 0) = r10;")
ARITH(loaded_from_value, EXPECT_REJECT("R1 invalid mem access 'scalar'"), VALUE "*(u64 *)(r6 + 0) = r10; r1 = *(u64 *)(r6 + 0); r0 = *(u64 *)(r1 - 8);")
ARITH(loaded_from_stack, EXPECT_ACCEPT RETVAL(0), VALUE "*(u64 *)(r10 - 16) = r6; r1 = *(u64 *)(r10 - 16); r0 = *(u64 *)(r1 + 56);")
ARITH(updated_from_stack, EXPECT_ACCEPT, "*(u32 *)(r10 - 8) = 0; r1 = r10; r1 += -72; *(u64 *)(r10 - 72) = r9; r3 = r1; r2 = r10; r2 += -8; r1 = %[values] ll; r4 = 0; call 2;")
ARITH(loaded_half, EXPECT_REJECT("invalid size of register fill"), VALUE "*(u64 *)(r10 - 16) = r6; w1 = *(u32 *)(r10 - 16);")

/* Null checks of what can be no pointer. */
ARITH(number_null_checked, EXPECT_REJECT("R1 invalid mem access 'scalar'"), "call 7; r1 = r0; if r1 == 0 goto 1f; r0 = *(u64 *)(r1 + 0);")
ARITH(null_is_zero, EXPECT_ACCEPT RETVAL(0), "r1 = %[ring] ll; r2 = 8; r3 = 0; call 131; if r0 == 0 goto 2f; r1 = r0; r2 = 0; call 132; goto 1f; 2: if r0 == 0 goto 1f; r0 = r8;")

char LICENSE[] SEC("license") = "GPL";
