# make test      everything that passes so far: the host tests of every crate
.PHONY: test
test:
	scripts/setup.sh rust bpf
	cargo test --locked
