#!/usr/bin/env bash
# Installs what a build or a test needs and this machine lacks, and nothing else.
#
#   scripts/setup.sh [GROUP]...     groups: rust kernel bpf qemu cross (default: all of them)
#
# Debian 12 is assumed where something has to be installed: root (or sudo) and apt. A rustup nightly that has rust-src is used instead of
# Debian's Rust where there is one. Prints what it installs; silent and quick (no network, no apt) when nothing is missing.
set -euo pipefail

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
has_file() { compgen -G "$1" >/dev/null; }

root=$(cd "$(dirname "$0")/.." && pwd)
tools=${CARGO_TARGET_DIR:-$root/target}/tools
crates=()     # programs from the Rust registry, into target/tools
packages=()   # from the release itself
backports=()  # from its backports suite
need() { for p in "$@"; do [[ " ${packages[*]-} " = *" $p "* ]] || packages+=("$p"); done; }
need_backport() { backports+=("$@"); }

# True if the program says it is version $2 or later.
at_least() { # PROGRAM MAJOR
    have "$1" && [ "$("$1" --version | grep -oE '[0-9]+(\.[0-9]+)+' | head -1 | cut -d. -f1)" -ge "$2" ]
}

# A rustup nightly with the library source can build for the kernel targets by itself.
rustup_nightly() {
    have rustup && rustup toolchain list 2>/dev/null | grep -q '^nightly' &&
        [ -d "$(rustc +nightly --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library" ]
}
# Debian's packages, in Debian's places: rustup's shims may come first on PATH.
debian_rust() {
    [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ] && has_file '/usr/lib/rustlib/src/rust/library/core/Cargo.toml' ||
        { [ -x /usr/bin/rustc ] && [ -d "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/core" ]; }
}

group_rust() {
    rustup_nightly || debian_rust || need rustc-web cargo-web rust-web-src
    have cc || need gcc libc6-dev
    have make || need make
}
group_kernel() {
    [ -x "$tools/bin/axconfig-gen" ] || crates+=("axconfig-gen@0.2.1")
    have ld.lld-19 || need lld-19
    have llvm-objcopy-19 || need llvm-19
}
group_bpf() {
    have clang-19 || need clang-19
    have llvm-objdump-19 || need llvm-19
    have llvm-mc-19 || need llvm-19
    has_file '/usr/include/*/asm/types.h' || need linux-libc-dev
    # 1.4: Debian 12's own 1.1 knows no loongarch and no PARM6 to PARM8.
    grep -qs 'PT_REGS_PARM8' /usr/include/bpf/bpf_tracing.h || need_backport libbpf-dev
}
group_qemu() {
    at_least qemu-system-riscv64 10 || need_backport qemu-system-riscv qemu-system-misc qemu-system-data
}
group_cross() {
    at_least qemu-riscv64 10 || need_backport qemu-user
    have riscv64-linux-gnu-gcc || need gcc-riscv64-linux-gnu libc6-dev-riscv64-cross
}

# The backports suite, as a copy of the entry that the machine has for the release itself.
add_backports() {
    local release source entry
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    grep -rqsE "(^|[[:space:]])$release-backports" /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources && return
    entry=/etc/apt/sources.list.d/$release-backports
    for source in /etc/apt/sources.list.d/*.sources; do
        [ -e "$source" ] || continue
        # One deb822 paragraph whose suites name the release.
        if awk -v RS= -v rel="$release" '$0 ~ "(^|\n)Suites:[^\n]*(^|[ :])" rel "( |\n|$)" {
                sub(/Suites:[^\n]*/, "Suites: " rel "-backports"); print; found = 1; exit } END { exit !found }' "$source" >"$entry.sources.new"; then
            mv "$entry.sources.new" "$entry.sources"; say "added the suite $release-backports"; return
        fi
        rm -f "$entry.sources.new"
    done
    for source in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$source" ] || continue
        if awk -v rel="$release" '$1 == "deb" { for (i = 2; i < NF; i++) if ($i == rel) { $i = rel "-backports"; print; found = 1; exit } } END { exit !found }' "$source" >"$entry.list.new"; then
            mv "$entry.list.new" "$entry.list"; say "added the suite $release-backports"; return
        fi
        rm -f "$entry.list.new"
    done
    fail "no entry for '$release' in apt's sources to derive the backports suite from; add $release-backports by hand"
}

main() {
    local groups=("$@") group
    [ ${#groups[@]} -gt 0 ] || groups=(rust kernel bpf qemu cross)
    for group in "${groups[@]}"; do
        declare -F "group_$group" >/dev/null || fail "no group '$group'; groups: rust kernel bpf qemu cross"
        "group_$group"
    done
    [ ${#packages[@]} -eq 0 ] && [ ${#backports[@]} -eq 0 ] || install_packages
    if [ ${#crates[@]} -gt 0 ]; then
        say "building ${crates[*]}"
        PATH=$PATH:/usr/bin cargo install -q --locked --root "$tools" "${crates[@]}" 2> >(grep -v 'be sure to add' >&2)
    fi
}

install_packages() {
    say "missing: ${packages[*]:-} ${backports[*]:-}"
    have apt-get || fail "no apt-get here: install the packages above (Debian's names) with this system's own tools"
    local sudo=()
    if [ "$(id -u)" -ne 0 ]; then
        have sudo || fail "not root, and no sudo: run scripts/setup.sh as root once"
        sudo=(sudo)
    fi
    local apt=("${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0)
    if [ ${#backports[@]} -gt 0 ]; then
        [ "$(id -u)" -eq 0 ] || fail "the backports suite is needed for ${backports[*]}: run scripts/setup.sh as root once"
        add_backports
    fi
    "${apt[@]}" update
    if [ ${#packages[@]} -gt 0 ]; then
        say "installing ${packages[*]}"
        "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >/dev/null
    fi
    if [ ${#backports[@]} -gt 0 ]; then
        say "installing from backports: ${backports[*]}"
        "${apt[@]}" install -y --no-install-recommends -t "$(. /etc/os-release && echo "$VERSION_CODENAME")-backports" "${backports[@]}" >/dev/null
    fi
    say done
}
main "$@"
