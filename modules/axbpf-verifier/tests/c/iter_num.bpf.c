/* Open-coded iterators over numbers: issue 3, point 2. */
#include "expect.h"

__u32 table[16];

SEC("socket") EXPECT_ACCEPT RETVAL(45)
int sum(void *ctx)
{
	int i, sum = 0;

	bpf_for(i, 0, 10)
		sum += i;
	return sum;
}

SEC("socket") EXPECT_ACCEPT RETVAL(10)
int repeat(void *ctx)
{
	int rounds = 0;

	bpf_repeat(10)
		rounds++;
	return rounds;
}

/* The bound need not be known. */
SEC("socket") EXPECT_ACCEPT
int unknown_bound(void *ctx)
{
	int i, rounds = 0, end = bpf_get_prandom_u32();

	bpf_for(i, 0, end)
		rounds++;
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(15)
int index_checked(void *ctx)
{
	int i;

	bpf_for(i, 0, 1000) {
		if (i < 0 || i >= 16)
			break;
		table[i] = i;
	}
	return table[15];
}

/* The macro itself checks that the number lies in the range. */
SEC("socket") EXPECT_ACCEPT RETVAL(0)
int index_in_range(void *ctx)
{
	int i;

	bpf_for(i, 0, 16)
		table[i] = i;
	return 0;
}

SEC("socket") EXPECT_REJECT("invalid access to map value, value_size=64 off=64 size=4")
int index_in_range_over(void *ctx)
{
	int i;

	bpf_for(i, 0, 17)
		table[i] = i;
	return 0;
}

SEC("socket") EXPECT_ACCEPT RETVAL(100)
int nested(void *ctx)
{
	int i, j, sum = 0;

	bpf_for(i, 0, 10)
		bpf_for(j, 0, 10)
			sum++;
	return sum;
}

/* The three steps by hand, at (r10 - 8). */
#define NEW "r1 = r10; r1 += -8; r2 = 0; r3 = 100; call bpf_iter_num_new;"
#define NEXT "r1 = r10; r1 += -8; call bpf_iter_num_next;"
#define DESTROY "r1 = r10; r1 += -8; call bpf_iter_num_destroy;"
/* Assembly names the functions; this makes them known by type. */
#define KFUNCS CONST(a, bpf_iter_num_new), CONST(b, bpf_iter_num_next), CONST(c, bpf_iter_num_destroy)
#define ITER(name, verdict, code) \
	SEC("socket") verdict NAKED int name(void) { ASM(code "r0 = 0; exit;", KFUNCS); }

ITER(by_hand, EXPECT_ACCEPT RETVAL(0), NEW "1: " NEXT "if r0 == 0 goto 2f; w1 = *(u32 *)(r0 + 0); goto 1b; 2:" DESTROY)
ITER(not_destroyed, EXPECT_REJECT("Unreleased reference id="), NEW "1: " NEXT "if r0 != 0 goto 1b;")
ITER(destroyed_at_once, EXPECT_ACCEPT RETVAL(0), NEW DESTROY)
ITER(destroyed_twice, EXPECT_REJECT("expected an initialized iter_num as arg #0"), NEW DESTROY DESTROY)
ITER(next_before_new, EXPECT_REJECT("expected an initialized iter_num as arg #0"), NEXT)
ITER(next_after_destroy, EXPECT_REJECT("expected an initialized iter_num as arg #0"), NEW DESTROY NEXT)
ITER(new_twice, EXPECT_REJECT("expected uninitialized iter_num as arg #0"), NEW NEW DESTROY)
ITER(used_again, EXPECT_ACCEPT RETVAL(0), NEW DESTROY NEW DESTROY)
ITER(next_unchecked, EXPECT_REJECT("R0 invalid mem access 'scalar'"),
     NEW NEXT "w1 = *(u32 *)(r0 + 0);" DESTROY)
ITER(next_written, EXPECT_REJECT("R0 cannot write into rdonly_mem"), NEW NEXT "if r0 == 0 goto 2f; *(u32 *)(r0 + 0) = 1; 2:" DESTROY)
ITER(next_read_too_far, EXPECT_REJECT("invalid access to memory, mem_size=4 off=4 size=4"),
     NEW NEXT "if r0 == 0 goto 2f; w1 = *(u32 *)(r0 + 4); 2:" DESTROY)
ITER(slot_overwritten, EXPECT_REJECT("expected an initialized iter_num as arg #0"), NEW "*(u64 *)(r10 - 8) = 0;" DESTROY)
ITER(slot_written_beside, EXPECT_ACCEPT RETVAL(0), NEW "*(u64 *)(r10 - 16) = 0;" DESTROY)
ITER(slot_read, EXPECT_REJECT("invalid read from stack off -8+0 size 8"), NEW "r0 = *(u64 *)(r10 - 8);" DESTROY)
ITER(slot_outside, EXPECT_REJECT("invalid write to stack R1 off=0 size=8"), "r1 = r10; r2 = 0; r3 = 100; call bpf_iter_num_new;")
ITER(slot_in_ctx, EXPECT_REJECT("arg#0 expected pointer to an iterator on stack"), "r2 = 0; r3 = 100; call bpf_iter_num_new;")
ITER(broken_out, EXPECT_ACCEPT RETVAL(0),
     NEW "1: " NEXT "if r0 == 0 goto 2f; w1 = *(u32 *)(r0 + 0); if w1 > 50 goto 2f; goto 1b; 2:" DESTROY)
ITER(left_on_one_path, EXPECT_REJECT("Unreleased reference id="), NEW NEXT "if r0 == 0 goto 2f; r0 = 0; exit; 2:" DESTROY)
ITER(inner_state_unbounded, EXPECT_ACCEPT RETVAL(0), "r6 = 0;" NEW "1: " NEXT "if r0 == 0 goto 2f; r6 += 1; goto 1b; 2:" DESTROY)
/* How many rounds there were is not known: the sum has no bound that a check could use. */
ITER(sum_as_offset, EXPECT_REJECT("invalid write to stack R1 off=0 size=1"),
     "r6 = 0;" NEW "1: " NEXT "if r0 == 0 goto 2f; r6 += 8; goto 1b; 2:" DESTROY "r1 = r10; r1 += -64; r1 += r6; *(u8 *)(r1 + 0) = 1;")
/* What is first set in a round is not set where there is none. */
ITER(set_in_a_round, EXPECT_REJECT("R7 !read_ok"), NEW "1: " NEXT "if r0 == 0 goto 2f; r7 = 1; goto 1b; 2:" DESTROY "r0 = r7;")
ITER(set_before, EXPECT_ACCEPT RETVAL(0), "r7 = 0;" NEW "1: " NEXT "if r0 == 0 goto 2f; r7 = 1; goto 1b; 2:" DESTROY "r0 = r7;")
ITER(pointer_lost_in_a_round, EXPECT_REJECT("R7 invalid mem access 'scalar'"),
     "r7 = r10;" NEW "1: " NEXT "if r0 == 0 goto 2f; *(u64 *)(r7 - 16) = 1; r7 = 5; goto 1b; 2:" DESTROY)
ITER(pointer_kept_in_rounds, EXPECT_ACCEPT RETVAL(0),
     "r7 = r10;" NEW "1: " NEXT "if r0 == 0 goto 2f; *(u64 *)(r7 - 16) = 1; r7 = r10; goto 1b; 2:" DESTROY)
/* A loop inside that never asks the iterator again. */
ITER(endless_inside, EXPECT_REJECT("infinite loop detected"), NEW NEXT "if r0 == 0 goto 2f; 1: r6 = 0; if r6 == 0 goto 1b; 2:" DESTROY)

/* The iterator goes to a subprogram. */
SUBPROG int finish(void)
{
	ASM(R"(
	call bpf_iter_num_destroy
	r0 = 0
	exit
	)", KFUNCS);
}
ITER(destroyed_by_subprogram, EXPECT_ACCEPT RETVAL(0), NEW "r1 = r10; r1 += -8; call finish;")

SUBPROG int start_only(void)
{
	ASM(R"(
	r1 = r10
	r1 += -8
	r2 = 0
	r3 = 5
	call bpf_iter_num_new
	r0 = 0
	exit
	)", KFUNCS);
}
ITER(left_by_subprogram, EXPECT_REJECT("Unreleased reference id="), "call start_only;")

char LICENSE[] SEC("license") = "GPL";
