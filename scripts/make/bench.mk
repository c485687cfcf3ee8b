# What it costs: one line a measurement, `name value unit`.
.PHONY: bench bench-host

# In a unikernel on one CPU, in instructions: QEMU's clock counts them.
bench:
	@scripts/setup.sh rust kernel bpf qemu
	@image=$$(SMP=1 scripts/image.sh benches/guest) && SMP=1 scripts/qemu.sh "$$image" -icount shift=0,sleep=off | tee target/bench-$(ARCH).txt | \
		grep -E '^[a-z]+\.[a-z0-9_.]+ [0-9.]+ |panicked' && grep -q '^bench: done' target/bench-$(ARCH).txt

# On this machine, by 1, 2 and 4 threads. BENCH=hash: only what has this in its name.
bench-host:
	@scripts/setup.sh rust
	@cargo bench -q -p axbpf-bench-host --bench maps -- $(BENCH)
