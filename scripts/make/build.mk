# Building and booting one app.
.PHONY: setup build run clean

setup:
	scripts/setup.sh

build:
	@scripts/setup.sh rust kernel bpf
	@scripts/image.sh "$(A)"

run:
	@scripts/setup.sh rust kernel bpf qemu
	@image=$$(scripts/image.sh "$(A)") && scripts/qemu.sh "$$image" $(QEMU_ARGS)

clean:
	rm -rf target
