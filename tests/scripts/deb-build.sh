#!/usr/bin/env bash
# Builds the Debian packages in a clean Debian 12 without network, and has lintian look at them.
#   deb-build.sh [FOLDER]    the packages go to FOLDER (default: target/deb)
# OMADM_DEB_PATH: where the source lies in the chroot, to show that it does not matter.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=make-deb
. tests/scripts/chroot.sh

out=$(realpath -m "${1:-$deb_dir}")
path=${OMADM_DEB_PATH:-/build}

# All mounts are in a namespace of our own and go with it.
if [ -z "${OMADM_DEB_INSIDE:-}" ]; then
    need mmdebstrap unshare cargo python3 ip git
    export OMADM_DEB_INSIDE=1
    exec unshare --mount --pid --fork --kill-child "$0" "$@"
fi

version=$(sed -n '1s/.*(\(.*\)).*/\1/p' debian/changelog)
upstream=${version%-*}
if [ "$upstream" != "$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)" ]; then
    fail "debian/changelog has version $upstream, Cargo.toml another"
fi

cached build build-essential,debhelper,cargo-web,rustc-web,libdbus-1-dev,libsqlite3-dev,libusb-1.0-0-dev,pkgconf,python3,lintian
work=$(mktemp -d "$deb_dir/build.XXXXXX")
trap 'umount -R "$work/root" 2>/dev/null; rm -rf "$work"' EXIT
layer "$deb_dir/chroot-build" "$work"

echo "$program: the source of omadm $version"
built=$work/root$path
source=$built/omadm-$upstream
mkdir -p "$source"
git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$source"
debian/scripts/vendor.py "$source/rust-vendor"
"$source/debian/scripts/copyright.py"
date=@$(git log -1 --format=%ct)
pack() { tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="$date" "$@"; }
pack -C "$built" --exclude="omadm-$upstream/debian" --exclude="omadm-$upstream/rust-vendor" \
    -czf "$built/omadm_$upstream.orig.tar.gz" "omadm-$upstream"
pack -C "$source" -czf "$built/omadm_$upstream.orig-rust-vendor.tar.gz" rust-vendor
chown -R 1000:1000 "$built"

mount -t proc proc "$work/root/proc"
mkdir -p "$out"
inside() {
    unshare --net sh -c 'ip link set lo up && exec "$@"' - \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/nonexistent LANG=C.UTF-8 LOGNAME=builder \
        DEB_BUILD_OPTIONS="parallel=$(nproc) ${DEB_BUILD_OPTIONS:-}" \
        chroot --userspec=1000:1000 "$work/root" sh -c "cd '$path/omadm-$upstream' && $1"
}
echo "$program: building without network, as a user without rights"
inside "nice dpkg-buildpackage --no-sign" >"$out/build.log" 2>&1 ||
    { tail -n 30 "$out/build.log" >&2; fail "the build failed: $out/build.log"; }
(cd "$built" && cp -- *.deb *.dsc *.tar.* *.changes *.buildinfo "$out")

echo "$program: lintian"
inside "lintian --fail-on error,warning --display-info --tag-display-limit 0 ../omadm_*.changes" 2>&1 |
    tee "$out/lintian.log" || fail "lintian found errors or warnings: $out/lintian.log"

(cd "$out" && sha256sum ./*"_${version}_"*.deb)
echo "$program: ok"
