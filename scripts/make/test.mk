# What has to pass.
.PHONY: test test-host test-cross test-guest matrix

test: test-host test-cross test-guest

# Every crate with std, on this machine.
test-host:
	scripts/setup.sh rust bpf
	cargo test --locked

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
