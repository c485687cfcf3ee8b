# What has to pass.

# Debian's own where there is no other on PATH.
CARGO := $(shell command -v cargo || echo /usr/bin/cargo)

.PHONY: test test-host test-models test-cross test-guest matrix

test: test-host test-models test-cross test-guest

# Every crate with std, on this machine.
test-host:
	scripts/setup.sh rust bpf
	$(CARGO) test --locked
	$(CARGO) test --locked -p axbpf --no-default-features --features axbpf-maps,axbpf-loader,axbpf-jit,axkprobe

# What programs share, in every order of a few threads.
test-models:
	scripts/setup.sh rust
	LOOM_MAX_PREEMPTIONS=2 RUSTFLAGS='--cfg loom' CARGO_TARGET_DIR=target/loom $(CARGO) test --locked --release -p axbpf-maps --lib

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
