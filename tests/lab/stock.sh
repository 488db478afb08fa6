#!/usr/bin/env bash
# Prints the path of a folder with Debian's own kernel: its image as QEMU starts it (vmlinux), its modules
# (system/lib/modules), an initial file system (initrd.gz), and QEMU (in system).
# QEMU is not installed: it would take other versions of its tools off this machine.
#   OMADM_LAB_ROOT_SECONDS   how long making it may take
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/cache.sh
. tests/scripts/apt.sh

packages=(linux-image-amd64 qemu-system-x86 busybox-static kmod)
limit=${OMADM_LAB_ROOT_SECONDS:-900}
# What the initial file system mounts the guest's with; the guest loads the rest.
modules=(virtio_pci 9pnet_virtio 9p overlay)
# What no scenario has devices for, half of the size.
unused=(sound drivers/gpu drivers/infiniband drivers/media drivers/net drivers/scsi drivers/staging drivers/iio)

fetch() {
    local list=${packages[*]} status=0
    apt_options >"$work/apt.conf"
    apt_sources >"$work/sources.list"
    within "$limit" "$cache/stock.log" "Debian's kernel and QEMU" \
        mmdebstrap --mode=root --variant=extract --aptopt="$work/apt.conf" \
        --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --include="${list// /,}" "$suite" "$1" "$work/sources.list" || status=$?
    [ "$status" -ne 124 ] || cannot "fetching Debian's kernel and QEMU took more than $limit s"
    [ "$status" -eq 0 ] || { tail -n 20 "$cache/stock.log" >&2 &&
        cannot "mmdebstrap failed ($cache/stock.log), apt-get update may help: $(grep -m1 '^E:' "$cache/stock.log")"; }
}

# own SYSTEM NAME FILE ARGUMENTS…: a program of the system in a folder, with its own libraries
own() {
    local lib=$1/lib/x86_64-linux-gnu system=$1 name=$2 file=$3
    shift 3
    "$lib/ld-linux-x86-64.so.2" --library-path "$lib:$system/usr/lib/x86_64-linux-gnu" --argv0 "$name" "$system/$file" "$@"
}

# image BZIMAGE: the kernel without what unpacks it (Documentation/x86/boot.rst, the setup header)
image() {
    local sectors offset length
    sectors=$(od -An -tu1 -j497 -N1 "$1")
    offset=$(od -An -tu4 -j584 -N4 "$1")
    length=$(od -An -tu4 -j588 -N4 "$1")
    # The last four octets are the size of the unpacked kernel.
    head -c $(((sectors + 1) * 512 + offset + length - 4)) "$1" | tail -c $((length - 4)) | xz -dc
}

# initial SYSTEM VERSION: the initial file system in $work/initrd
initial() {
    local module path
    mkdir -p "$work"/initrd/{bin,dev,proc,sys,lower,layer,root,modules}
    cp "$1/bin/busybox" "$work/initrd/bin/busybox"
    install -m755 tests/lab/guest/initrd "$work/initrd/init"
    install -m644 tests/lab/guest/prepare-stock "$work/initrd/prepare"
    for module in "${modules[@]}"; do
        own "$1" modprobe bin/kmod -d "$1" -S "$2" --show-depends "$module" | awk '$1 == "insmod" { print $2 }'
    done | awk '!seen[$0]++' >"$work/needed"
    while read -r path; do
        cp "$path" "$work/initrd/modules/"
        basename "$path" >>"$work/initrd/modules/order"
    done <"$work/needed"
    (cd "$work/initrd" && find . | cpio --quiet -o -H newc | gzip -1)
}

[ "$(uname -m)" = x86_64 ] || cannot "Debian's kernel is run for x86-64 alone, this is $(uname -m)"
[ "$(id -u)" -eq 0 ] || cannot "unpacking Debian's kernel needs root: sudo env PATH=\"\$PATH\" make lab"
name=stock-$(echo "${packages[*]} $suite" | key tests/lab/stock.sh tests/lab/guest/{initrd,prepare-stock})
if ! kept "$name"; then
    tests/scripts/deps.sh lab >&2 || cannot "what unpacks Debian's kernel cannot be installed: tests/scripts/deps.sh lab"
    [ -n "$(apt_sources)" ] || apt-get update -qq >&2 || true
    [ -n "$(apt_sources)" ] || cannot "this machine has no source of packages for Debian $suite: add one to" \
        "/etc/apt/sources.list.d and run apt-get update"
    work=$(mktemp -d "$cache/unpacking.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    say "fetching Debian's kernel and QEMU: about a minute, once; log: $cache/stock.log"
    system=$work/made/system
    mkdir "$work/made"
    fetch "$system"
    version=$(basename "$system"/lib/modules/*)
    for folder in "${unused[@]}"; do rm -rf "$system/lib/modules/$version/kernel/$folder"; done
    own "$system" depmod bin/kmod -b "$system" "$version"
    image "$system/boot/vmlinuz-$version" >"$work/made/vmlinux"
    initial "$system" "$version" >"$work/made/initrd.gz"
    keep "$name" "$work/made"
fi
echo "$cache/$name"
