#!/usr/bin/env bash
# Boots a fresh Debian 12 in a container and puts the packages through their life there:
# install, session, crash, bad configuration, upgrade, reboot, remove, purge.
#   deb-test.sh [FOLDER]    the packages are in FOLDER (default: target/deb)
# OMADM_DEB_SHELL=1 leaves the container with a shell when something failed.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=deb-test
. tests/scripts/chroot.sh

debs=$(realpath -m "${1:-$deb_dir}")
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)

# All mounts and processes are in namespaces of our own and go with them.
if [ -z "${OMADM_DEB_INSIDE:-}" ]; then
    need mmdebstrap unshare nsenter systemd-nspawn dpkg-deb
    [ -n "$(ls "$debs"/omadm-agent_"$version"_*.deb 2>/dev/null)" ] || fail "no packages in $debs: make deb"
    export OMADM_DEB_INSIDE=1
    exec timeout --kill-after=30 1200 unshare --mount --pid --fork --kill-child --mount-proc "$0" "$@"
fi

# What the packages depend on is there already: the container has no network but its loopback.
cached test systemd-sysv,dbus,libdbus-1-3,libsqlite3-0,libusb-1.0-0,ca-certificates,procps
work=$(mktemp -d "$deb_dir/test.XXXXXX")
machine=omadm-deb-$$
leader=
finish() {
    local status=$?
    [ "$status" -eq 0 ] || [ -z "${OMADM_DEB_SHELL:-}" ] || [ -z "$leader" ] || inside bash -i || true
    [ -z "$leader" ] || kill -KILL "$nspawn" 2>/dev/null || true
    umount -R "$work/root" 2>/dev/null || true
    rm -rf "$work"
    exit "$status"
}
trap finish EXIT
layer "$deb_dir/chroot-test" "$work"

# higher DEB FILE: the same package with a higher version
higher() {
    dpkg-deb -R "$1" "$work/higher"
    sed -i "s/^Version: .*/&+again/" "$work/higher/DEBIAN/control"
    dpkg-deb --build "$work/higher" "$2" >/dev/null
    rm -rf "$work/higher"
}
place=$work/root/root/packages
mkdir -p "$place/higher"
for package in omadm-agent omadm-server; do
    cp "$debs/${package}_${version}"_*.deb "$place/$package.deb"
    higher "$place/$package.deb" "$place/higher/$package.deb"
done
cp debian/tests/session tests/scripts/deb-life.sh "$place"

# boot: starts the container's systemd and waits until it runs
boot() {
    systemd-nspawn --quiet --directory="$work/root" --machine="$machine" --register=no --keep-unit \
        --private-network --link-journal=no --console=pipe --boot >"$work/console" 2>&1 </dev/null &
    nspawn=$!
    local deadline=$((SECONDS + 120))
    until leader=$(pgrep -o -x systemd) &&
        inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; do
        kill -0 "$nspawn" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ] ||
            { tail -n 20 "$work/console" >&2; fail "no systemd boots here in a container"; }
        sleep 0.5
    done
}
inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid --cgroup \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
}

echo "$program: booting Debian $suite with systemd"
boot
inside /root/packages/deb-life.sh installed
echo "$program: booting it again"
inside systemctl poweroff || true
wait "$nspawn" || true
boot
inside /root/packages/deb-life.sh rebooted
inside systemctl poweroff || true
wait "$nspawn" || true
leader=
echo "$program: ok"
