/* The Linux that the tests run on as a judge of whole objects, through libbpf: each program is loaded alone, and run where that is asked for.
 *
 * usage: judge OBJECT
 * standard input, a line a program:   NAME PROG_FLAGS LOG_LEVEL RUN
 * standard output, for each line:     NAME ERRNO RETVAL LOG_BYTES, a newline, the log, a newline
 * ERRNO 0: accepted. Exit status 2: bpf(2) is not permitted. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

enum { LOG_BYTES = 64 << 20 };

static char said[1 << 16];

/* What libbpf has to say counts only where the kernel's log is empty. */
static int keep(enum libbpf_print_level level, const char *format, va_list args)
{
	size_t used = strlen(said);

	if (level == LIBBPF_WARN)
		vsnprintf(said + used, sizeof(said) - used, format, args);
	return 0;
}

static int run(struct bpf_program *prog, unsigned int *retval)
{
	unsigned char packet[64] = {}, out[256];
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_SYSCALL:
	case BPF_PROG_TYPE_RAW_TRACEPOINT:
		break;
	default:
		opts.data_in = packet;
		opts.data_size_in = sizeof(packet);
		opts.data_out = out;
		opts.data_size_out = sizeof(out);
		opts.repeat = 1;
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		return -errno;
	*retval = opts.retval;
	return 0;
}

int main(int argc, char **argv)
{
	char *log = malloc(LOG_BYTES), name[256];
	unsigned int flags, level, wanted;

	if (argc != 2 || !log)
		return 1;
	libbpf_set_print(keep);
	if (bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL) < 0) {
		perror("bpf(2)");
		return 2;
	}
	while (scanf("%255s %x %u %u", name, &flags, &level, &wanted) == 4) {
		struct bpf_object *object;
		struct bpf_program *prog, *asked = NULL;
		unsigned int retval = 0;
		int err;

		said[0] = log[0] = 0;
		object = bpf_object__open_file(argv[1], NULL);
		if (!object) {
			printf("%s %d 0 %zu\n%s\n", name, errno, strlen(said), said);
			continue;
		}
		bpf_object__for_each_program(prog, object) {
			bool is_it = !strcmp(bpf_program__name(prog), name);

			bpf_program__set_autoload(prog, is_it);
			if (is_it)
				asked = prog;
		}
		if (!asked)
			return 1;
		bpf_program__set_flags(asked, bpf_program__flags(asked) | flags);
		bpf_program__set_log_buf(asked, log, LOG_BYTES);
		bpf_program__set_log_level(asked, level);
		err = -bpf_object__load(object);
		if (!err && wanted) {
			err = -run(asked, &retval);
			if (err)
				strcpy(said, "the test run fails");
		}
		if (!log[0])
			snprintf(log, LOG_BYTES, "%s", said);
		printf("%s %d %u %zu\n", name, err, retval, strlen(log));
		fwrite(log, 1, strlen(log), stdout);
		putchar('\n');
		fflush(stdout);
		bpf_object__close(object);
	}
	return 0;
}
