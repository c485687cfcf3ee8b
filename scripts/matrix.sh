#!/usr/bin/env bash
# Every row of configs/features.toml: the crates' own tests with these features on the host; hello-bpf with them, booted, its output compared.
#   scripts/matrix.sh [FIRST [LAST]]      rows, counted from 1
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t rows < <(sed -n 's/^features = \[\(.*\)\]$/\1/p' configs/features.toml | tr -d '",')
export NO_DEFAULT_FEATURES=y SMP=2 ARCH=riscv64
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
for ((i = ${1:-1}; i <= ${2:-${#rows[@]}}; i++)); do
    features=${rows[i - 1]}
    expected="hello from 2 CPUs"
    for feature in $features; do
        case $feature in
            axbpf-maps) expected+=$'\nmaps: 7 -> 49' ;;
            axbpf-loader) expected+=$'\nloader: 12 * 12 = 144' ;;
            axbpf-jit) expected+=$'\njit: 8 bytes, R0 = 42' ;;
            axkprobe) expected+=$'\nkprobe: at least 100 calls of yield_now' ;;
        esac
    done
    status=ok
    if [ -n "$features" ]; then
        PATH=$PATH:/usr/bin cargo test -q --locked -p axbpf-runtime -p axbpf --no-default-features --features "axbpf/${features// / axbpf/}" >"$log" 2>&1 || status="host tests failed"
    fi
    image=$(APP_FEATURES=$features scripts/image.sh apps/hello-bpf 2>"$log") || status="does not build"
    if [ "$status" = ok ]; then
        output=$(scripts/qemu.sh "$image" | grep -E '^(hello|maps|loader|jit|kprobe|panicked)') || status="does not end well"
        [ "$output" = "$expected" ] || status="printed: $output"
        # Without any feature, nothing of axbpf is in the image.
        if [ -z "$features" ] && llvm-nm-19 "${image%.bin}.elf" | grep 'axbpf\|axkprobe' | grep -v AXBPF_KSYMS_SIZE >/dev/null; then
            status="axbpf is linked"
        fi
    fi
    printf 'matrix %2d [%s]: %s\n' "$i" "$features" "$status"
    [ "$status" = ok ] || { sed "s/^/    /" "$log"; failed=1; }
done
exit $failed
