#!/usr/bin/env bash
# Prints the path of the lab's kernel: User Mode Linux, an ordinary program that needs no rights, with
# every driver of um.config built in.
#   OMADM_LAB_KERNEL           one that is built already, plain or .xz
#   OMADM_LAB_OWN_KERNEL=1     that of um.config, whatever else is there
#   OMADM_LAB_KERNEL_SECONDS   how long building one may take
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/cache.sh
. tests/scripts/apt.sh

source=linux-source-6.1
limit=${OMADM_LAB_KERNEL_SECONDS:-3600}

# ready_made FILE: a kernel that was built elsewhere
ready_made() {
    local name
    name=kernel-$(key "$1" </dev/null)
    if ! kept "$name"; then
        case "$1" in
        *.xz) xz -dc "$1" >"$cache/$name.new" || fail "$1 is not whole" ;;
        *) cp -- "$1" "$cache/$name.new" ;;
        esac
        chmod 755 "$cache/$name.new"
        keep "$name" "$cache/$name.new"
    fi
    echo "$cache/$name"
    exit 0
}

version() { apt-cache policy "$source" 2>/dev/null | sed -n 's/^ *Candidate: \([^(].*\)/\1/p'; }

if [ -z "${OMADM_LAB_OWN_KERNEL:-}" ]; then
    if [ -n "${OMADM_LAB_KERNEL:-}" ]; then
        [ -f "$OMADM_LAB_KERNEL" ] || fail "OMADM_LAB_KERNEL=$OMADM_LAB_KERNEL is not there"
        ready_made "$OMADM_LAB_KERNEL"
    fi
    beside=../shared/testbed/linux.uml.xz
    [ ! -f "$beside" ] || ready_made "$beside"
fi

[ "$(uname -m)" = x86_64 ] || cannot "the kernel is built for x86-64 alone, this is $(uname -m)"
command -v apt-get >/dev/null || cannot "no apt-get to take the kernel's source from"
[ -n "$(version)" ] || apt-get update -qq >&2 || true
[ -n "$(version)" ] || cannot "this machine has no source of the package $source: add Debian $suite to" \
    "/etc/apt/sources.list.d and run apt-get update"
name=kernel-$(key tests/lab/um.config tests/lab/compile.sh <<<"$(version)")
if ! kept "$name"; then
    tests/scripts/deps.sh lab-kernel >&2 || cannot "what builds the kernel cannot be installed: tests/scripts/deps.sh lab-kernel"
    work=$(mktemp -d "$cache/building.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    say "building the kernel from $source $(version): about 13 minutes of one processor, once; log: $cache/kernel.log"
    chmod 755 "$work"
    (cd "$work" && apt-get -o APT::Sandbox::User=root download -qq "$source" >&2) || cannot "the package $source cannot be fetched"
    cp tests/lab/um.config "$work"
    status=0
    within "$limit" "$cache/kernel.log" "building the kernel" tests/lab/compile.sh "$work" || status=$?
    [ "$status" -ne 124 ] || cannot "building the kernel took more than $limit s"
    [ "$status" -eq 0 ] || { tail -n 20 "$cache/kernel.log" >&2 && fail "the kernel cannot be built: $cache/kernel.log"; }
    keep "$name" "$work/linux"
fi
echo "$cache/$name"
