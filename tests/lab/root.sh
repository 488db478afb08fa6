#!/usr/bin/env bash
# Prints the path of a folder with the guest's file system (root) and the initial one (initrd.gz).
# Guests see it read-only, under a layer in memory, so any number of them share it.
#   OMADM_LAB_ROOT_SECONDS   how long making it may take
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/cache.sh
. tests/scripts/apt.sh

# a system, what scenarios look at it with, Bluetooth with virtual controllers, USB, serial lines,
# foreign OBEX programs, what the programs under test are linked with
packages=(systemd-sysv udev dbus kmod procps iproute2 busybox-static socat strace ca-certificates
    bluez bluez-obexd bluez-test-tools bluez-test-scripts
    usbutils usbip
    python3 python3-dbus python3-gi python3-usb python3-serial
    obexftp openobex-apps libopenobex2
    libusb-1.0-0 libdbus-1-3 libsqlite3-0)
limit=${OMADM_LAB_ROOT_SECONDS:-900}

# made NAME WORK: the two, in WORK
made() {
    local list=${packages[*]} status=0
    apt_options >"$2/apt.conf"
    apt_sources >"$2/sources.list"
    # What nobody reads in a guest is left out.
    within "$limit" "$cache/root.log" "the guest's system" \
        mmdebstrap --mode=root --variant=minbase --aptopt="$2/apt.conf" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Languages "none"' \
        --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include="${list// /,}" "$suite" "$2/made/root" "$2/sources.list" || status=$?
    [ "$status" -ne 124 ] || cannot "making the guest's system took more than $limit s"
    [ "$status" -eq 0 ] || { tail -n 20 "$cache/root.log" >&2 &&
        cannot "mmdebstrap failed ($cache/root.log), apt-get update may help: $(grep -m1 '^E:' "$cache/root.log")"; }
    furnish "$2/made/root"
    initial "$2/initrd" "$2/made"
}

# furnish ROOT: what begins in the guest
furnish() {
    install -m755 tests/lab/guest/init "$1/usr/local/sbin/lab-init"
    install -m755 tests/lab/guest/run "$1/usr/local/sbin/lab-run"
    install -m644 tests/lab/guest/lab.service "$1/etc/systemd/system/lab.service"
    ln -s ../lab.service "$1/etc/systemd/system/multi-user.target.wants/lab.service"
    local unit
    for unit in apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service systemd-firstboot.service; do
        ln -sf /dev/null "$1/etc/systemd/system/$unit"
    done
    echo omadm-lab >"$1/etc/hostname"
}

# initial FOLDER OUT: the file system that finds the guest's
initial() {
    mkdir -p "$1"/{bin,dev,proc,sys,lower,layer,root}
    cp "$2/root/bin/busybox" "$1/bin/busybox"
    install -m755 tests/lab/guest/initrd "$1/init"
    (cd "$1" && find . | cpio --quiet -o -H newc | gzip -1) >"$2/initrd.gz"
}

[ "$(id -u)" -eq 0 ] || cannot "making the guest's system needs root: sudo env PATH=\"\$PATH\" make lab"
name=root-$(echo "${packages[*]} $suite" | key tests/lab/root.sh tests/lab/guest/{init,run,lab.service,initrd})
if ! kept "$name"; then
    tests/scripts/deps.sh lab >&2 || cannot "what makes the guest's system cannot be installed: tests/scripts/deps.sh lab"
    [ -n "$(apt_sources)" ] || apt-get update -qq >&2 || true
    [ -n "$(apt_sources)" ] || cannot "this machine has no source of packages for Debian $suite: add one to" \
        "/etc/apt/sources.list.d and run apt-get update"
    work=$(mktemp -d "$cache/making.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    chmod 755 "$work"
    mkdir "$work/made"
    say "making the guest's system, Debian $suite: about a minute, once; log: $cache/root.log"
    made "$name" "$work"
    keep "$name" "$work/made"
fi
echo "$cache/$name"
