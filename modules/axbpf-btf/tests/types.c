// Every kind that clang writes for BPF. What tests/btf.rs expects of sizes and offsets is asserted here too, so that the compiler is the judge.
#define SEC(name) __attribute__((section(name), used))
#define TAG(text) __attribute__((btf_decl_tag(text)))
#define TYPE_TAG(text) __attribute__((btf_type_tag(text)))
#define AT(type, field, bytes) _Static_assert(__builtin_offsetof(type, field) == (bytes), #field)

typedef unsigned int u32;
typedef unsigned long long u64;
typedef volatile const u32 quiet;

enum color { RED = -1, GREEN = 7 };
enum big { HUGE_ONE = 0x123456789abcdefULL };

struct forward;

struct inner {
	char pad;
	union {
		u64 deep;
		struct { short low; short high; };
	};
};

struct outer {
	char head;
	unsigned bits : 3;
	signed more : 17;
	struct inner in;
	struct { int x; quiet y; };
	u64 table[3][5];
	double real;
	struct forward *next;
	u32 *restrict only;
	_Bool flag;
	enum color color;
	enum big big;
	int TYPE_TAG("user") *tagged;
} TAG("struct-tag");
AT(struct outer, in, 8);
AT(struct outer, x, 24);
AT(struct outer, y, 28);
AT(struct outer, table, 32);
AT(struct outer, real, 152);
AT(struct outer, tagged, 192);
AT(struct inner, deep, 8);
AT(struct inner, high, 10);
_Static_assert(sizeof(struct outer) == 200, "outer");
_Static_assert(sizeof(u64[3][5]) == 120, "table");

struct outer global SEC(".data");
static u32 hidden SEC(".data.hidden") = 3;
extern int elsewhere __attribute__((section(".ksyms")));
char _license[] SEC("license") = "GPL";

static __attribute__((noinline)) u64 helper(struct outer *o, u32 n)
{
	return o->table[n % 3][n % 5] + hidden;
}

SEC("kprobe/first") int first(void *ctx)
{
	global.more = helper(&global, (u32)(long)ctx);
	return elsewhere;
}

SEC("kprobe/second") int second(struct outer *ctx TAG("arg-tag"))
{
	hidden++;
	return __builtin_preserve_access_index(ctx->in.deep) ? 1 : __builtin_preserve_type_info(*(struct outer *)0, 0);
}
