#!/usr/bin/env bash
# Boots an image in QEMU, shows its console, and tells how it ended.
#   scripts/qemu.sh IMAGE.bin [QEMU-ARGUMENTS...]
# Environment: ARCH SMP MEM TIMEOUT (seconds, 120). Exit status 0 only if the machine powered off by itself, in time, with status 0 and
# without a panic; 124 for a timeout, 101 for a panic, else QEMU's.
set -euo pipefail
image=$1
shift
ARCH=${ARCH:-riscv64} SMP=${SMP:-2} MEM=${MEM:-128M} TIMEOUT=${TIMEOUT:-120}
case $ARCH in
    riscv64) qemu=(qemu-system-riscv64 -machine virt -bios default -kernel "$image") ;;
    *) echo "qemu: ARCH=$ARCH: only riscv64 so far" >&2; exit 1 ;;
esac
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
timeout --foreground -k 5 "$TIMEOUT" "${qemu[@]}" -smp "$SMP" -m "$MEM" -nographic -no-reboot "$@" </dev/null 2>&1 | tr -d '\r' | tee "$log" || status=${PIPESTATUS[0]}
if [ "$status" = 124 ] || [ "$status" = 137 ]; then
    echo "qemu: no end after $TIMEOUT s" >&2
    exit 124
fi
if grep -q 'panicked at' "$log"; then
    echo "qemu: the guest panicked" >&2
    exit 101
fi
exit "$status"
