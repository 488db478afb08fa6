#!/usr/bin/env bash
# Installs what a build or a test needs and this machine lacks, and says what.
#   deps.sh build        what building and the demonstration need
#   deps.sh test         what the tests need beside
#   deps.sh bench        what `make bench` measures the KPIs beside
#   deps.sh deb          what `make deb` and `make deb-test` need beside
#   deps.sh lab          what the kernel lab needs beside
#   deps.sh lab-kernel   what building its kernel needs beside that
#   deps.sh cargo-deny   the dependency checker, from the crates registry
#   deps.sh fuzz         what building the fuzz targets needs beside
#   deps.sh cargo-fuzz   the fuzzer, from the crates registry
#   deps.sh varlink      a Varlink library for Python, from its registry into target/; prints the Python that has it
#   deps.sh pyobex       an OBEX library for Python, the same way
set -euo pipefail

# C compiler and linker, SQLite, D-Bus, libusb
build_packages=(gcc libc6-dev binutils pkg-config libdbus-1-dev libsqlite3-dev libusb-1.0-0-dev)
# an independent WBXML codec, namespaces, kernel figures, a look at the databases, shells that take completions, readers
# of man pages, a place for Python libraries, OBEX programs
test_packages=(libwbxml2-utils iproute2 procps sqlite3 util-linux zsh fish mandoc man-db python3 python3-venv
    libopenobex2 openobex-apps obexftp)
# a peer for the KPIs, and a counter of system calls
bench_packages=(prometheus-node-exporter strace)
# libFuzzer is written in C++
fuzz_packages=(g++)
# a Debian in a folder, and booting it
deb_packages=(git iproute2 mmdebstrap python3 systemd-container util-linux)
# a Debian in a folder, and an initial file system for its kernel
lab_packages=(cpio gzip mmdebstrap util-linux xz-utils)
# a kernel from its source
lab_kernel_packages=(bc bison flex gcc libc6-dev libelf-dev make perl xz-utils)

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "deps: root or sudo is needed to install: ${missing[*]}" >&2
        exit 77
    fi
}

install_packages() {
    missing=()
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "deps: install by hand what Debian calls: ${missing[*]}" >&2
        exit 69
    fi
    echo "deps: installing ${missing[*]}"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_cargo_deny() {
    cargo deny --version >/dev/null 2>&1 && return 0
    echo "deps: building cargo-deny (some minutes, once)"
    cargo install --quiet --locked cargo-deny
}

install_cargo_fuzz() {
    cargo fuzz --version >/dev/null 2>&1 && return 0
    echo "deps: building cargo-fuzz (a minute, once)"
    cargo install --quiet --locked cargo-fuzz
}

# install_python MODULE FOLDER REQUIREMENT: a library for Python in a folder of its own
install_python() {
    local target venv
    target=${CARGO_TARGET_DIR:-$(dirname "$0")/../../target}
    mkdir -p "$target"
    venv=$(cd "$target" && pwd)/$2-venv
    exec 9>"$venv.lock"
    flock 9
    if ! "$venv/bin/python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$1') is None)" 2>/dev/null; then
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps "$3"
    fi
    echo "$venv/bin/python"
}

case "${1:-build}" in
build) install_packages "${build_packages[@]}" ;;
test) install_packages "${build_packages[@]}" "${test_packages[@]}" ;;
bench) install_packages "${bench_packages[@]}" ;;
fuzz) install_packages "${fuzz_packages[@]}" ;;
deb) install_packages "${deb_packages[@]}" ;;
lab) install_packages "${lab_packages[@]}" ;;
lab-kernel) install_packages "${lab_kernel_packages[@]}" ;;
cargo-deny) install_cargo_deny ;;
cargo-fuzz) install_cargo_fuzz ;;
varlink) install_python varlink varlink varlink==31.0.0 ;;
pyobex) install_python PyOBEX pyobex PyOBEX==0.31 ;;
*)
    echo "deps: unknown part '$1': build, test, bench, fuzz, deb, lab, lab-kernel, cargo-deny," \
        "cargo-fuzz, varlink or pyobex" >&2
    exit 64
    ;;
esac
