# What has to pass.

# Debian's own where there is no other on PATH.
CARGO := $(shell command -v cargo || echo /usr/bin/cargo)

.PHONY: test test-host test-cross test-guest matrix

test: test-host test-cross test-guest

# Every crate with std, on this machine.
test-host:
	scripts/setup.sh rust bpf
	$(CARGO) test --locked
	$(CARGO) test --locked -p axbpf --no-default-features --features axbpf-maps,axbpf-loader,axbpf-jit,axkprobe

# The same JIT and probe tests as riscv64 programs.
test-cross:
	scripts/setup.sh rust bpf cross
	scripts/test-cross.sh

# Unikernels.
test-guest:
	scripts/setup.sh
	scripts/test-guest.sh

matrix:
	scripts/setup.sh
	scripts/matrix.sh
