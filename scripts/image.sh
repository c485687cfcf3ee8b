#!/usr/bin/env bash
# Builds an app into a bootable image: configuration, cargo, symbols.
#   scripts/image.sh APP-FOLDER
# Environment, as the Makefile's header describes it: ARCH SMP MODE LOG MEM FEATURES APP_FEATURES NO_DEFAULT_FEATURES KSYMS.
# Writes OUT/NAME.elf and OUT/NAME.bin, OUT = target/images/ARCH-smpSMP (or the environment's OUT), and prints the .bin's path.
set -euo pipefail
app=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
ARCH=${ARCH:-riscv64} SMP=${SMP:-2} MODE=${MODE:-release} LOG=${LOG:-warn} MEM=${MEM:-128M} KSYMS=${KSYMS:-y}
say() { printf '%s\n' "$*" >&2; }
fail() { say "image: $*"; exit 1; }

case $ARCH in
    riscv64) triple=riscv64gc-unknown-none-elf platform=riscv64-qemu-virt nops=4 ;;
    *) fail "ARCH=$ARCH: only riscv64 so far" ;;
esac
case $MODE in
    release) profile=release ;;
    debug) profile=dev ;;
    *) fail "MODE=$MODE: release or debug" ;;
esac
folder=${profile/dev/debug}
[ -f "$app/Cargo.toml" ] || fail "A=$1: no Cargo.toml there"
[ -z "${OBJ-}" ] || [ -r "$OBJ" ] || fail "OBJ=$OBJ: No such file, or not readable"
name=$(sed -n 's/^name *= *"\(.*\)"/\1/p' "$app/Cargo.toml" | head -1)
target=${CARGO_TARGET_DIR:-$root/target}
out=${OUT:-$target/images/$ARCH-smp$SMP}
mkdir -p "$out"

# ---- ArceOS's configuration: ours, merged with the platform crate's own. Rewritten only when it changes, since much depends on it.
manifest=$app/Cargo.toml
locked=(--locked)
[ -f "$(dirname "$manifest")/Cargo.lock" ] || [ "${app#"$root"/apps/}" != "$app" ] || [ "${app#"$root"/tests/}" != "$app" ] || locked=()
defaults=$(scripts/kernel-cargo metadata -q "${locked[@]}" --format-version 1 --manifest-path "$manifest" |
    grep -oE "\"manifest_path\":\"[^\"]*/axplat-$platform-[^\"]*/Cargo.toml\"" | head -1 | cut -d'"' -f4)
[ -n "$defaults" ] || fail "$name does not depend on axplat-$platform: feature defplat of axstd brings it"
config=$out/axconfig.toml
case $MEM in
    *G) bytes=$((${MEM%G} << 30)) ;;
    *M) bytes=$((${MEM%M} << 20)) ;;
    *) fail "MEM=$MEM: a number of megabytes or gigabytes, such as 128M" ;;
esac
"$target/tools/bin/axconfig-gen" configs/defconfig.toml "${defaults%Cargo.toml}axconfig.toml" -o "$config.new" \
    -w "arch=\"$ARCH\"" -w "platform=\"$platform\"" -w "plat.max-cpu-num=$SMP" -w "plat.phys-memory-size=$bytes" >/dev/null
if cmp -s "$config.new" "$config"; then rm "$config.new"; else mv "$config.new" "$config"; fi

# ---- Changing RUSTFLAGS rebuilds everything, so they are the same for every app; what an app's link needs comes from its build script.
export AX_CONFIG_PATH=$config AX_ARCH=$ARCH AX_PLATFORM=$platform AX_MODE=$MODE AX_LOG=$LOG AX_TARGET=$triple
export AX_IP=${AX_IP:-10.0.2.15} AX_GW=${AX_GW:-10.0.2.2}
export CARGO_TARGET_DIR=$target
flags="-Zpatchable-function-entry=$nops -Cforce-frame-pointers=yes -Aunsafe_op_in_unsafe_fn -Clinker=ld.lld-19
 -Clink-arg=-T$target/$triple/$folder/linker_$platform.lds -Clink-arg=-T$root/scripts/make/entries.lds -Clink-arg=-no-pie -Clink-arg=-znostart-stop-gc"
features=()
[ -z "${APP_FEATURES-}${FEATURES-}" ] || features+=(--features "${APP_FEATURES-} ${FEATURES-}")
[ "${NO_DEFAULT_FEATURES-}" != y ] || features+=(--no-default-features)
link() { # BYTES-FOR-SYMBOLS
    RUSTFLAGS=$flags AXBPF_KSYMS_SIZE=$1 scripts/kernel-cargo build "${quiet[@]}" "${locked[@]}" --profile "$profile" --target "$triple" --manifest-path "$manifest" "${features[@]}" \
        -Zbuild-std=core,alloc,compiler_builtins -Zbuild-std-features=compiler-builtins-mem >&2
    cp "$target/$triple/$folder/$name" "$out/$name.elf"
}
quiet=(-q)
[ -t 2 ] && quiet=()
[ "${V-}" = 1 ] && quiet=()
say "image: $name for $ARCH, $SMP CPUs, with $(scripts/kernel-cargo --which)"

# ---- Symbols: their table is as large as the last link needed; if that was too small, the image is linked once more.
remembered=$out/$name.ksyms
link "$(cat "$remembered" 2>/dev/null || echo 0)"
if [ "$KSYMS" = y ] && llvm-readelf-19 -S "$out/$name.elf" | grep ' \.ksyms ' >/dev/null; then
    PATH=$PATH:/usr/bin cargo build -q --locked -p axbpf-tool
    status=0
    size=$("$target/debug/axbpf" embed "$out/$name.elf") || status=$?
    if [ $status = 3 ]; then
        size=$(((size + 1023) / 1024 * 1024)) # so that small changes do not need a second link again
        echo "$size" >"$remembered"
        link "$size"
        "$target/debug/axbpf" embed "$out/$name.elf" >/dev/null || fail ".ksyms stays too small: does the app's build.rs call axbpf_build::link()?"
    elif [ $status != 0 ]; then
        exit $status
    fi
fi
llvm-objcopy-19 --strip-all -O binary "$out/$name.elf" "$out/$name.bin"
echo "$out/$name.bin"
