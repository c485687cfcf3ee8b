# ArceOS apps with eBPF and kprobes.
#
#   make A=apps/bpf-trace run     build the app, boot it in QEMU; exit status 0 only if it ended well
#   make A=... build              only build it: prints where the image is
#   make test                     everything that has to pass: host tests, JIT tests on riscv64, unikernels in QEMU
#   make matrix                   every row of configs/features.toml builds, and its tests pass
#   make bench                    what it costs, in a unikernel, in instructions: one line a measurement
#   make bench-host               what maps cost on this machine, by 1, 2 and 4 threads (BENCH=hash: only these)
#   make setup                    install what is missing for all of these (each of them does so for itself)
#   make clean                    remove what was built
#
# Variables of build and run, as in ArceOS:
#   A=apps/bpf-trace      folder of the app, here or anywhere
#   ARCH=riscv64          instruction set
#   SMP=2                 CPUs
#   MODE=release          or debug
#   LOG=warn              log level of ArceOS: off, error, warn, info, debug, trace
#   MEM=128M              memory of the machine
#   APP_FEATURES=         Cargo features of the app to switch on, separated by spaces or commas
#   FEATURES=             further features, such as axstd/fs
#   NO_DEFAULT_FEATURES=  y: without the app's default features
#   QEMU_ARGS=            further arguments of QEMU
#   TIMEOUT=120           seconds after which QEMU is stopped, which is a failure
#   V=                    1: show what cargo does
#
# Variables of apps/bpf-trace:
#   OBJ=file.bpf.o        trace with this object instead of its own programs
#   PROBE=symbol          function that the latency and event programs are attached to; the app's own step() by default
#   DURATION=5            seconds to trace
#   LOOPS=10000           calls of step() by the workload, over all CPUs

A            ?= apps/bpf-trace
ARCH         ?= riscv64
SMP          ?= 2
MODE         ?= release
LOG          ?= warn
MEM          ?= 128M
TIMEOUT      ?= 120
DURATION     ?= 5
LOOPS        ?= 10000
# An object's path is relative to where make is called.
override OBJ := $(if $(OBJ),$(abspath $(OBJ)))
export A ARCH SMP MODE LOG MEM APP_FEATURES FEATURES NO_DEFAULT_FEATURES QEMU_ARGS TIMEOUT V OBJ PROBE DURATION LOOPS

.DEFAULT_GOAL := help
.PHONY: help
help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

include scripts/make/build.mk
include scripts/make/test.mk
include scripts/make/bench.mk
