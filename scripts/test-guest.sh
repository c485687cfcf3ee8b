#!/usr/bin/env bash
# Unikernels in QEMU: the tests of tests/guest, the apps, and what they must refuse. Prints a line for each; the output of what failed.
#   scripts/test-guest.sh [PATTERN]      only those whose name contains it
set -euo pipefail
cd "$(dirname "$0")/.."
pattern=${1-}
export ARCH=riscv64 MODE=release LOG=warn MEM=128M TIMEOUT=180
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
failed=0

# boot NAME STATUS APP [VARIABLE=VALUE...] -- TEXT...: builds and boots; the exit status and every extended regular expression must fit.
boot() {
    local name=$1 status=$2 app=$3 log=$logs/log settings=() actual=0 text
    shift 3
    while [ "$1" != -- ]; do settings+=("$1"); shift; done
    shift
    [[ $name = *"$pattern"* ]] || return 0
    env "${settings[@]}" bash -c 'image=$(scripts/image.sh "$0") && scripts/qemu.sh "$image"' "$app" >"$log" 2>&1 || actual=$?
    local wrong=
    [ "$actual" = "$status" ] || wrong="exit status $actual, not $status"
    for text in "$@"; do
        grep -qE -- "$text" "$log" || wrong="${wrong:+$wrong; }no line has: $text"
    done
    if [ "$status" != 101 ] && grep -q 'panicked at' "$log"; then wrong="${wrong:+$wrong; }panic"; fi
    if [ -z "$wrong" ]; then
        printf 'guest %s: ok\n' "$name"
    else
        sed "s/^/    /" "$log"
        printf 'guest %s: FAILED: %s\n' "$name" "$wrong"
        failed=1
    fi
}

# The clang that the build uses, for objects of a user's.
bpf_object() { # SOURCE OBJECT
    clang-19 -target bpf -mcpu=v4 -g -O2 -D__TARGET_ARCH_riscv -Iapi/axbpf-build/include -idirafter "/usr/include/$(cc -print-multiarch)" -c "$1" -o "$2"
}

for smp in 1 4; do
    boot "tests, SMP=$smp" 0 tests/guest SMP=$smp -- "TEST-RESULT: pass on $smp CPUs" 'test stress: ok'
    boot "hello-bpf, SMP=$smp" 0 apps/hello-bpf SMP=$smp -- "^hello from $smp CPUs" '^maps: 7 -> 49' '^loader: 12 \* 12 = 144' '^jit: 8 bytes, R0 = 42' '^kprobe: at least 100'
    for loops in 1 1000 7777; do
        boot "bpf-trace, SMP=$smp LOOPS=$loops" 0 apps/bpf-trace SMP=$smp LOOPS=$loops DURATION=1 -- \
            "^step: $loops calls = [0-9]+ hits \+ [0-9]+ missed" "^events: [0-9]+ hits = [0-9]+ taken" '-> .*\|\*' '^bpf-trace: exit status 0'
    done
done

# A function that others call too, and what cannot be.
export SMP=2 DURATION=1 LOOPS=500
boot 'bpf-trace, PROBE=yield_now' 0 apps/bpf-trace PROBE=axtask::api::yield_now -- '^Time in axtask::api::yield_now' '^events: [0-9]+ hits'
boot 'bpf-trace, unknown symbol' 1 apps/bpf-trace PROBE=axtask::no_such_function -- 'no function is called `axtask::no_such_function`' 'exit status 1'
boot 'bpf-trace, blacklisted symbol' 1 apps/bpf-trace PROBE=riscv_trap_handler -- 'cannot be probed' 'exit status 1'
boot 'bpf-trace, no such file' 1 apps/bpf-trace OBJ=/no/such/file.bpf.o -- 'OBJ=/no/such/file.bpf.o: No such file'
printf 'not an object at all' >"$logs/text.o"
boot 'bpf-trace, not BPF' 1 apps/bpf-trace OBJ="$logs/text.o" -- 'text.o: file, byte 0x0: no ELF file' 'exit status 1'
cp target/debug/axbpf "$logs/host.o"
boot 'bpf-trace, ELF for another machine' 1 apps/bpf-trace OBJ="$logs/host.o" -- 'host.o: file, byte' 'exit status 1'
bpf_object tests/guest/bpf/registers.bpf.c "$logs/registers.o"
head -c 1000 "$logs/registers.o" >"$logs/short.o"
boot 'bpf-trace, object cut short' 1 apps/bpf-trace OBJ="$logs/short.o" -- 'short.o: ' 'exit status 1'
cat >"$logs/unsafe.c" <<'C'
#include <linux/bpf.h>
#include <axbpf_regs.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
SEC("kprobe")
int BPF_KPROBE(peek, long *p)
{
	return *p;
}
char LICENSE[] SEC("license") = "GPL";
C
bpf_object "$logs/unsafe.c" "$logs/unsafe.o"
boot 'bpf-trace, unsafe program' 1 apps/bpf-trace OBJ="$logs/unsafe.o" -- "unsafe.o: program peek: insn [0-9]+: R[0-9] invalid mem access 'scalar'" 'exit status 1'
boot 'bpf-trace, own object' 0 apps/bpf-trace OBJ="$logs/registers.o" LOOPS=20 -- 'kprobe: print_regs at bpf_trace::workload::step' \
    'stepper-[0-9]+ +\[00[01]\] d.... .*: bpf_trace_printk: pc ffffff' '^bpf_trace::workload::step \(missed: 0\) +20$' 'exit status 0'

# Outside the workspace, with the link-time hook and with own vectors.
for hook in wrap vectors; do
    boot "out of tree, $hook" 0 tests/out-of-tree HOOK=$hook -- "^out of tree: $hook, [0-9]+ hits of 100" '^woken by a hit: 1 record'
done
exit $failed
