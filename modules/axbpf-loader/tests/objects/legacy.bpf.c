// Maps before BTF.
#define SEC(name) __attribute__((section(name), used))
typedef unsigned int u32;

struct bpf_map_def {
	u32 type, key_size, value_size, max_entries, map_flags;
#ifdef WORDS
	u32 more[WORDS];
#endif
};

struct bpf_map_def SEC("maps") counts = { .type = 1, .key_size = 4, .value_size = 8, .max_entries = 64, .map_flags = 1 };
struct bpf_map_def SEC("maps") nested = {
	.type = 12, .key_size = 4, .value_size = 4, .max_entries = 2,
#ifdef INNER
	.more = { INNER },
#endif
};
struct bpf_map_def SEC("two/maps") own = {
	.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1,
#ifdef PINNED
	.more = { 0, 1 },
#endif
};

static void *(*const map_lookup)(void *, const void *) = (void *)1;

SEC("socket1") int one(void *ctx)
{
	u32 key = 0;
	return map_lookup(&counts, &key) ? 1 : 0;
}

SEC("2/16") int numbered(void *ctx)
{
	u32 key = 0;
	return map_lookup(&own, &key) ? 1 : 0;
}

u32 _version SEC("version") = 0x60c00;
