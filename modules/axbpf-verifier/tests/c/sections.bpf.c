/* Sections in which more than the helpers' rules hold: RCU, preemption, locks: issue 3, point 3. */
#include "expect.h"

void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;
void bpf_preempt_disable(void) __ksym;
void bpf_preempt_enable(void) __ksym;

SEC("tc") EXPECT_ACCEPT RETVAL(0)
int rcu(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") EXPECT_REJECT("bpf_rcu_read_unlock is missing")
REWORDED("BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region")
int rcu_left(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	return 0;
}

SEC("tc") EXPECT_REJECT("bpf_rcu_read_unlock is missing")
REWORDED("BPF_EXIT instruction in main prog cannot be used inside bpf_rcu_read_lock-ed region")
int rcu_left_on_one_path(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	if (bpf_get_prandom_u32() > 7)
		return 0;
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") EXPECT_REJECT("unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)")
int rcu_not_entered(struct __sk_buff *skb)
{
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc") EXPECT_REJECT("nested rcu read lock (kernel function bpf_rcu_read_lock)")
int rcu_nested(struct __sk_buff *skb)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_rcu_read_unlock();
	return 0;
}

SEC("uprobe.s") EXPECT_REJECT("sleepable helper bpf_copy_from_user#148 in rcu_read_lock region")
int rcu_sleeps(void *ctx)
{
	char text[8];

	bpf_rcu_read_lock();
	bpf_copy_from_user(text, sizeof(text), 0);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("uprobe.s") EXPECT_ACCEPT
int rcu_sleeps_behind(void *ctx)
{
	char text[8];

	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_copy_from_user(text, sizeof(text), 0);
	return 0;
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
int preempt(struct __sk_buff *skb)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_enable();
	bpf_preempt_enable();
	return 0;
}

SEC("tc") EXPECT_REJECT("1 bpf_preempt_enable is missing")
REWORDED("BPF_EXIT instruction in main prog cannot be used inside bpf_preempt_disable-ed region")
int preempt_left(struct __sk_buff *skb)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	bpf_preempt_enable();
	return 0;
}

SEC("tc") EXPECT_REJECT("unmatched attempt to enable preemption (kernel function bpf_preempt_enable)")
int preempt_not_entered(struct __sk_buff *skb)
{
	bpf_preempt_enable();
	return 0;
}

SEC("uprobe.s") EXPECT_REJECT("sleepable helper bpf_copy_from_user#148 in non-preemptible region")
int preempt_sleeps(void *ctx)
{
	char text[8];

	bpf_preempt_disable();
	bpf_copy_from_user(text, sizeof(text), 0);
	bpf_preempt_enable();
	return 0;
}

SEC("tc") EXPECT_ACCEPT
int preempt_helper(struct __sk_buff *skb)
{
	int random;

	bpf_preempt_disable();
	random = bpf_get_prandom_u32();
	bpf_preempt_enable();
	return random & 1;
}

static __noinline void leave(void)
{
	bpf_preempt_enable();
}

SEC("tc") EXPECT_ACCEPT RETVAL(0)
int preempt_left_in_subprogram(struct __sk_buff *skb)
{
	bpf_preempt_disable();
	leave();
	return 0;
}

static __noinline void enter(void)
{
	bpf_preempt_disable();
}

SEC("tc") EXPECT_REJECT("1 bpf_preempt_enable is missing")
REWORDED("cannot be used inside bpf_preempt_disable-ed region")
int preempt_entered_in_subprogram(struct __sk_buff *skb)
{
	enter();
	return 0;
}

/* A kernel function that is not there. */
void axbpf_no_such_function(void) __ksym __weak;

SEC("tc") EXPECT_ACCEPT RETVAL(0)
int weak_function_checked(struct __sk_buff *skb)
{
	if (bpf_ksym_exists(axbpf_no_such_function))
		axbpf_no_such_function();
	return 0;
}

SEC("tc") EXPECT_REJECT("invalid func unknown#2002000000")
REWORDED("kfunc 'axbpf_no_such_function' is referenced but wasn't resolved")
int weak_function_called(struct __sk_buff *skb)
{
	axbpf_no_such_function();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
