/* Timers in map values: issue 3, points 3 and 4. */
#include "expect.h"

struct timed {
	__u64 count;
	struct bpf_timer timer;
};
struct plain {
	__u64 number[3];
};

MAP(timed, ARRAY, 2, __u32, struct timed);
MAP(second, ARRAY, 2, __u32, struct timed);
MAP(plain, ARRAY, 2, __u32, struct plain);

SUBPROG int fires(void)
{
	ASM("r1 = *(u64 *)(r3 + 0); r1 += 1; *(u64 *)(r3 + 0) = r1; r0 = 0; exit;");
}
SUBPROG int returns_one(void)
{
	ASM("r0 = 1; exit;");
}
SUBPROG int reads_behind(void)
{
	ASM("r0 = *(u64 *)(r3 + 24); r0 = 0; exit;");
}
SUBPROG int reads_timer(void)
{
	ASM("r0 = *(u64 *)(r3 + 8); r0 = 0; exit;");
}
SUBPROG int starts_again(void)
{
	ASM("r1 = r3; r1 += 8; r2 = 1000; r3 = 0; call 171; r0 = 0; exit;");
}

#define TIMER(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM(code "1: r0 = 0; exit;", ADDR(timed), ADDR(second), ADDR(plain)); }
#define VALUE LOOKUP(timed) "r6 = r0;"
#define INIT(map) "r1 = r6; r1 += 8; r2 = %[" #map "] ll; r3 = 1; call 169;"
#define CALLBACK(function) "r1 = r6; r1 += 8; r2 = " #function " ll; call 170;"
#define START "r1 = r6; r1 += 8; r2 = 1000; r3 = 0; call 171;"
#define CANCEL "r1 = r6; r1 += 8; call 172;"

TIMER(whole_life, EXPECT_ACCEPT RETVAL(0), VALUE INIT(timed) CALLBACK(fires) START CANCEL)
TIMER(other_map, EXPECT_REJECT("pointer in R1 map_uid=0 doesn't match map pointer in R2 map_uid=0"), VALUE INIT(second))
TIMER(map_without_timer, EXPECT_REJECT("map 'plain' has no valid bpf_timer"), LOOKUP(plain) "r6 = r0;" START)
TIMER(wrong_place, EXPECT_REJECT("off 0 doesn't point to 'struct bpf_timer' that is at 8"), VALUE "r1 = r6; r2 = 1000; r3 = 0; call 171;")
TIMER(on_stack, EXPECT_REJECT("R1 type=fp expected=map_value"), "r1 = r10; r1 += -16; r2 = 1000; r3 = 0; call 171;")
TIMER(read, EXPECT_REJECT("bpf_timer cannot be accessed directly by load/store"), VALUE "r0 = *(u64 *)(r6 + 8);")
TIMER(written, EXPECT_REJECT("bpf_timer cannot be accessed directly by load/store"), VALUE "*(u64 *)(r6 + 16) = 0;")
TIMER(beside_read, EXPECT_ACCEPT RETVAL(0), VALUE "r0 = *(u64 *)(r6 + 0);")
TIMER(callback_returns_one, EXPECT_REJECT("At async callback return the register R0 has"), VALUE INIT(timed) CALLBACK(returns_one))
TIMER(callback_reads_behind, EXPECT_REJECT("invalid access to map value, value_size=24 off=24 size=8"), VALUE INIT(timed) CALLBACK(reads_behind))
TIMER(callback_reads_timer, EXPECT_REJECT("bpf_timer cannot be accessed directly by load/store"), VALUE INIT(timed) CALLBACK(reads_timer))
TIMER(callback_starts_again, EXPECT_ACCEPT RETVAL(0), VALUE INIT(timed) CALLBACK(starts_again) START)
TIMER(callback_is_a_number, EXPECT_REJECT("R2 type=scalar expected=func"), VALUE "r1 = r6; r1 += 8; r2 = 0; call 170;")
TIMER(unchecked_value, EXPECT_REJECT("R1 type=map_value_or_null expected=map_value"), "*(u32 *)(r10 - 4) = 5; r2 = r10; r2 += -4; r1 = %[timed] ll; call 1; r1 = r0; r2 = 1000; r3 = 0; call 171;")
/* Values that hold a timer cannot be written over from a program's memory where that is; the timer itself is skipped. */
TIMER(value_updated, EXPECT_ACCEPT RETVAL(0), "*(u64 *)(r10 - 24) = 0; *(u64 *)(r10 - 16) = 0; *(u64 *)(r10 - 8) = 0; *(u32 *)(r10 - 32) = 0; r1 = %[timed] ll; r2 = r10; r2 += -32; r3 = r10; r3 += -24; r4 = 0; call 2;")
TIMER(variable_place, EXPECT_REJECT("R1 doesn't have constant offset. bpf_timer has to be at the constant offset"),
      "call 7; r7 = r0; r7 &= 8;" VALUE "r1 = r6; r1 += r7; r2 = 1000; r3 = 0; call 171;")

SEC("kprobe") EXPECT_REJECT("tracing progs cannot use bpf_timer yet")
NAKED int in_kprobe(void)
{
	ASM(VALUE START "r0 = 0; exit;", ADDR(timed));
}

/* Real code. */
static int tick(void *map, __u32 *key, struct timed *value)
{
	if (value->count++ < 10)
		bpf_timer_start(&value->timer, 1000000, 0);
	return 0;
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
int arms(struct __sk_buff *skb)
{
	__u32 key = 1;
	struct timed *value = bpf_map_lookup_elem(&timed, &key);

	if (!value || bpf_timer_init(&value->timer, &timed, 1))
		return 0;
	bpf_timer_set_callback(&value->timer, tick);
	bpf_timer_start(&value->timer, 1000000, 0);
	return 0;
}

static int tick_badly(void *map, __u32 *key, struct timed *value)
{
	return value->count++;
}

SEC("tc") EXPECT_REJECT("At async callback return the register R0 has")
int arms_badly(struct __sk_buff *skb)
{
	__u32 key = 1;
	struct timed *value = bpf_map_lookup_elem(&timed, &key);

	if (!value || bpf_timer_init(&value->timer, &timed, 1))
		return 0;
	bpf_timer_set_callback(&value->timer, tick_badly);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
