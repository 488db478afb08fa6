# Sourced by deb-build.sh and deb-test.sh: minimal Debian systems under target/deb, made with
# mmdebstrap from the package sources of this machine and kept for the next run.

. tests/scripts/apt.sh
deb_dir=$PWD/target/deb

fail() {
    echo "$program: $*" >&2
    exit 1
}

# need COMMAND…: all of them, and root
need() {
    local command missing=()
    for command; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    [ "${#missing[@]}" -eq 0 ] || fail "missing: ${missing[*]}; tests/scripts/deps.sh deb installs them"
    [ "$(id -u)" -eq 0 ] || fail "a chroot needs root: sudo env PATH=\"\$PATH\" make deb"
}

# cached NAME PACKAGES: the path of a chroot with these packages, a week old at most
cached() {
    local name=$1 packages=$2 root="$deb_dir/chroot-$1" sources
    sources=$(apt_sources)
    [ -n "$sources" ] || fail "this machine has no source of packages for Debian $suite: add one to" \
        "/etc/apt/sources.list.d and run apt-get update"
    if [ -n "$(find "$root.made" -mtime -7 2>/dev/null)" ] &&
        [ "$(cat "$root.made")" = "$packages" ]; then
        return
    fi
    echo "$program: making a Debian $suite in $root"
    rm -rf "$root" "$root.made"
    mkdir -p "$deb_dir"
    apt_options >"$deb_dir/apt.conf"
    mmdebstrap --quiet --variant=minbase --aptopt="$deb_dir/apt.conf" --include="$packages" \
        "$suite" "$root" - <<<"$sources" || fail "mmdebstrap failed: apt-get update may help"
    echo "$packages" >"$root.made"
}

# layer ROOT WORK: mounts a throw-away copy of ROOT on WORK/root. In a mount namespace of our own.
layer() {
    mkdir -p "$2"/{root,upper,work}
    if ! mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root" 2>/dev/null; then
        echo "$program: no overlay file system here, copying $1"
        cp -a "$1/." "$2/root"
    fi
}
