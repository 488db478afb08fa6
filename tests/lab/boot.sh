#!/usr/bin/env bash
# boot.sh SHARE [SECONDS]: boots the lab's kernel, runs SHARE/guest.sh there as root with the lines of
# SHARE/arguments, and ends when the guest does, after SECONDS at the latest (default: 120).
# Whoever kills its process group ends the guest. SHARE/status is there if the scenario ran to its end.
#   OMADM_LAB_INIT=/sbin/init   runs it below systemd
#   OMADM_LAB_MEMORY=512M       what the guest has
set -euo pipefail
here=$(realpath "$(dirname "$0")")

share=$(realpath "$1")
seconds=${2:-120}
kernel=$("$here/kernel.sh") || { status=$?; echo "lab: cannot: $kernel"; exit "$status"; }
root=$("$here/root.sh") || { status=$?; echo "lab: cannot: $root"; exit "$status"; }

# The guest's memory is a file, which has to fit where it is, and which programs are run from.
memory=${OMADM_LAB_MEMORY:-512M}
mebibytes=${memory%M}
TMPDIR=${TMPDIR:-/tmp}
room=$(df --output=avail -BM /dev/shm 2>/dev/null | tr -dc '0-9\n' | tail -n 1)
if [ "${room:-0}" -gt "$mebibytes" ] && ! findmnt -no OPTIONS -T /dev/shm | grep -qw noexec; then
    TMPDIR=/dev/shm
fi
export TMPDIR

touch "$share/arguments"
rm -f "$share/status"
# A panic ends the whole process group, so timeout leads one of its own; it ends with who started it.
exec setpriv --pdeathsig TERM timeout --kill-after=5 "$seconds" \
    "$kernel" mem="$memory" initrd="$root/initrd.gz" \
    con=null con0=null,fd:1 panic=-1 cryptomgr.notests \
    lab.lower="$root/root" lab.share="$share" lab.init="${OMADM_LAB_INIT:-/usr/local/sbin/lab-init}" \
    </dev/null 2>&1
