/* Kinds of maps and the helpers that go with them: issue 3, point 3. */
#include "expect.h"

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = { .values = { &inner } };

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 2);
	__type(key, __u32);
	__array(values, struct inner);
} outer_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__uint(value_size, 8);
} queue SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 4);
	__uint(value_size, 8);
} bloom SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 4);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, 8);
	__uint(value_size, 8);
} trie SEC(".maps");

MAP(percpu, PERCPU_HASH, 4, __u32, __u64);
MAP(array, ARRAY, 4, __u32, __u64);
MAP(hash, HASH, 4, __u32, __u64);
MAP(stacks, STACK_TRACE, 4, __u32, __u64[16]);
MAP(events, PERF_EVENT_ARRAY, 4, __u32, __u32);
RING(ring);

#define MAPS ADDR(outer), ADDR(outer_hash), ADDR(queue), ADDR(bloom), ADDR(trie), ADDR(percpu), ADDR(array), ADDR(hash), ADDR(stacks), ADDR(events), ADDR(ring)
#define USES(name, verdict, code) SEC("tc") verdict NAKED int name(void) { ASM("r9 = r1; *(u64 *)(r10 - 8) = 0;" code "1: r0 = 0; exit;", MAPS); }
#define KEY "r2 = r10; r2 += -8;"
#define FIND(map) "r1 = %[" #map "] ll;" KEY "call 1;"
#define FOUND(map) FIND(map) "if r0 == 0 goto 1f;"

/* A map inside a map. */
USES(inner_value, EXPECT_ACCEPT RETVAL(0), FOUND(outer) "r1 = r0;" KEY "call 1; if r0 == 0 goto 1f; r1 = *(u64 *)(r0 + 0); *(u64 *)(r0 + 0) = 1;")
USES(inner_value_over, EXPECT_REJECT("invalid access to map value, value_size=8 off=8 size=8"), FOUND(outer) "r1 = r0;" KEY "call 1; if r0 == 0 goto 1f; r1 = *(u64 *)(r0 + 8);")
USES(inner_unchecked, EXPECT_REJECT("R1 type=map_value_or_null expected=map_ptr"), FIND(outer) "r1 = r0;" KEY "call 1;")
USES(inner_value_unchecked, EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'") LINUX_DIFFERS("6.14 knows that a constant index is in the array"), FOUND(outer_hash) "r1 = r0; r2 = r10; r2 += -4; call 1; r1 = *(u64 *)(r0 + 0);")
USES(inner_written, EXPECT_REJECT("only read from bpf_array is supported"), FOUND(outer) "*(u64 *)(r0 + 0) = 1;")
USES(inner_updated, EXPECT_ACCEPT RETVAL(0), FOUND(outer_hash) "r1 = r0;" KEY "r3 = r2; r4 = 0; call 2;")
USES(outer_updated, EXPECT_REJECT("cannot pass map_type 12 into func bpf_map_update_elem#2"), "r1 = %[outer] ll;" KEY "r3 = r2; r4 = 0; call 2;")
/* Two look-ups, two maps: a check of one says nothing of the other. */
USES(other_inner_unchecked, EXPECT_REJECT("R1 type=map_value_or_null expected=map_ptr"),
     FIND(outer_hash) "r6 = r0;" FOUND(outer_hash) "r1 = r6;" KEY "call 1;")

/* Queues have no keys. */
USES(queue_push, EXPECT_ACCEPT RETVAL(0), "r1 = %[queue] ll; r2 = r10; r2 += -8; r3 = 0; call 87;")
USES(queue_push_too_short, EXPECT_REJECT("stack R2 off=-4 size=8"), "r1 = %[queue] ll; r2 = r10; r2 += -4; r3 = 0; call 87;")
USES(queue_pop, EXPECT_ACCEPT RETVAL(0), "r1 = %[queue] ll; r2 = r10; r2 += -16; call 88; r1 = *(u64 *)(r10 - 16);")
USES(queue_pop_overwrites, EXPECT_REJECT("R1 invalid mem access 'scalar'"), "*(u64 *)(r10 - 16) = r9; r1 = %[queue] ll; r2 = r10; r2 += -16; call 88; r1 = *(u64 *)(r10 - 16); w0 = *(u32 *)(r1 + 0);")
USES(queue_peek_keeps_others, EXPECT_ACCEPT, "*(u64 *)(r10 - 24) = r9; r1 = %[queue] ll; r2 = r10; r2 += -16; call 89; r1 = *(u64 *)(r10 - 24); w0 = *(u32 *)(r1 + 0);")
USES(queue_lookup, EXPECT_REJECT("invalid zero-sized read"), FIND(queue))
USES(queue_pop_of_hash, EXPECT_REJECT("cannot pass map_type 1 into func bpf_map_pop_elem#88"), "r1 = %[hash] ll; r2 = r10; r2 += -16; call 88;")
USES(bloom_peek, EXPECT_ACCEPT RETVAL(0), "r1 = %[bloom] ll; r2 = r10; r2 += -8; call 89;")
USES(bloom_pop, EXPECT_REJECT("cannot pass map_type 30 into func bpf_map_pop_elem#88"), "r1 = %[bloom] ll; r2 = r10; r2 += -8; call 88;")

/* Longest prefix. */
USES(trie_find, EXPECT_ACCEPT RETVAL(0), FOUND(trie) "r1 = *(u64 *)(r0 + 0);")
USES(trie_key_too_short, EXPECT_REJECT("stack R2 off=-4 size=8"), "r1 = %[trie] ll; r2 = r10; r2 += -4; call 1;")

/* Per CPU. */
USES(percpu_of_other_cpu, EXPECT_ACCEPT RETVAL(0), "r1 = %[percpu] ll;" KEY "r3 = 0; call 195; if r0 == 0 goto 1f; r1 = *(u64 *)(r0 + 0);")
USES(percpu_of_other_cpu_unchecked, EXPECT_REJECT("R0 invalid mem access 'map_value_or_null'"), "r1 = %[percpu] ll;" KEY "r3 = 0; call 195; r1 = *(u64 *)(r0 + 0);")
USES(percpu_of_plain, EXPECT_REJECT("cannot pass map_type 1 into func bpf_map_lookup_percpu_elem#195"), "r1 = %[hash] ll;" KEY "r3 = 0; call 195;")
USES(percpu_over, EXPECT_REJECT("invalid access to map value, value_size=8 off=8 size=8"), FOUND(percpu) "r1 = *(u64 *)(r0 + 8);")

/* Maps that programs cannot look into. */
USES(events_find, EXPECT_REJECT("cannot pass map_type 4 into func bpf_map_lookup_elem#1"), FIND(events))
USES(events_delete, EXPECT_REJECT("cannot pass map_type 4 into func bpf_map_delete_elem#3"), "r1 = %[events] ll;" KEY "call 3;")
USES(stacks_find, EXPECT_REJECT("cannot pass map_type 7 into func bpf_map_lookup_elem#1"), FIND(stacks))
USES(ring_find, EXPECT_REJECT("invalid zero-sized read"), FIND(ring))
USES(ring_update, EXPECT_REJECT("invalid zero-sized read"), "r1 = %[ring] ll;" KEY "r3 = r2; r4 = 0; call 2;")
USES(array_delete, EXPECT_ACCEPT RETVAL(0), "r1 = %[array] ll;" KEY "call 3;")
USES(ring_delete, EXPECT_REJECT("invalid zero-sized read"), "r1 = %[ring] ll;" KEY "call 3;")

char LICENSE[] SEC("license") = "GPL";
