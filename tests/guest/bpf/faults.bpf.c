/* Reads an address that the caller names, as bytes and as a string. */
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>

struct args {
	__u64 addr;
	__s64 bytes_result;
	__s64 str_result;
	__u8 bytes[16];
	char str[16];
};

SEC("syscall")
int read_it(struct args *args)
{
	__u8 bytes[16];
	char str[16];

	args->bytes_result = bpf_probe_read_kernel(bytes, sizeof(bytes), (void *)args->addr);
	args->str_result = bpf_probe_read_kernel_str(str, sizeof(str), (void *)args->addr);
	__builtin_memcpy(args->bytes, bytes, sizeof(bytes));
	__builtin_memcpy(args->str, str, sizeof(str));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
