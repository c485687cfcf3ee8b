// CO-RE reads of types that are not the target's.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

struct task_struct {
	int pid;
	struct task_struct *parent;
} __attribute__((preserve_access_index));

enum flags { FLAG_A = 3 };

SEC("raw_tp/sched_switch") int reads(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	return BPF_CORE_READ(task, parent, pid);
}

SEC("raw_tp/sched_switch") int asks(void *ctx)
{
	if (bpf_core_field_exists(struct task_struct, pid))
		return bpf_core_type_size(struct task_struct) + 1;
	return bpf_core_enum_value_exists(enum flags, FLAG_A);
}

char LICENSE[] SEC("license") = "GPL";
