#!/usr/bin/env bash
# Tests of what generates or touches machine code, as programs for another ISA's Linux under qemu-user.
#   scripts/test-cross.sh [CARGO-TEST-ARGUMENTS...]      environment: ARCH
set -euo pipefail
cd "$(dirname "$0")/.."
ARCH=${ARCH:-riscv64}
case $ARCH in
    riscv64) triple=riscv64gc-unknown-linux-gnu gnu=riscv64-linux-gnu ;;
    *) echo "test-cross: ARCH=$ARCH: only riscv64 so far" >&2; exit 1 ;;
esac
upper=$(tr a-z- A-Z_ <<<"$triple")
export "CARGO_TARGET_${upper}_LINKER=$gnu-gcc" "CARGO_TARGET_${upper}_RUNNER=qemu-$ARCH -L /usr/$gnu"
crates=(-p axbpf-platform -p axbpf-vm -p axbpf-jit -p axbpf-maps -p axkprobe -p axbpf-runtime -p axbpf-tool)
exec scripts/kernel-cargo test --locked -Zbuild-std --target "$triple" "${crates[@]}" "$@"
