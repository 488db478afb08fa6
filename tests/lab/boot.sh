#!/usr/bin/env bash
# boot.sh SHARE [SECONDS [OPTION…]]: boots the lab's kernel, runs SHARE/guest.sh there as root with the lines
# of SHARE/arguments, and ends when the guest does, after SECONDS at the latest (default: 120).
# Whoever kills its process group ends the guest. SHARE/status is there if the scenario ran to its end.
#   OMADM_LAB_INIT=/sbin/init   runs it below systemd
#   OMADM_LAB_MEMORY=512M       what the guest has
#   OMADM_LAB_TRAVEL=1          lets time pass only while nothing is to do: what is measured is the bus, not the
#                               processor. It takes the kernel of um.config.
#   OMADM_LAB_STOCK=1           boots Debian's own kernel in QEMU instead, without acceleration, with the
#                               OPTIONs for devices; they find SHARE as their folder
set -euo pipefail
here=$(realpath "$(dirname "$0")")
share=$(realpath "$1")
seconds=${2:-120}
memory=${OMADM_LAB_MEMORY:-512M}
options=("${@:3}")

# made SCRIPT: what it made is in $path
made() {
    local status=0
    path=$("$here/$1") || status=$?
    [ "$status" -eq 0 ] || { echo "lab: cannot: $path" && exit "$status"; }
}

# The memory of User Mode Linux is a file, which has to fit where it is, and which programs are run from.
memory_file() {
    local room
    TMPDIR=${TMPDIR:-/tmp}
    room=$(df --output=avail -BM /dev/shm 2>/dev/null | tr -dc '0-9\n' | tail -n 1)
    if [ "${room:-0}" -gt "${memory%M}" ] && ! findmnt -no OPTIONS -T /dev/shm | grep -qw noexec; then
        TMPDIR=/dev/shm
    fi
    export TMPDIR
}
user_mode() {
    if [ -n "${OMADM_LAB_TRAVEL:-}" ]; then
        words+=(time-travel=inf-cpu)
        export OMADM_LAB_OWN_KERNEL=1
    fi
    made kernel.sh
    memory_file
    command=("$path" mem="$memory" initrd="$root/initrd.gz" con=null con0=null,fd:1 cryptomgr.notests
        lab.lower="$root/root" lab.share="$share" "${words[@]}")
}

# Its folders are lent by 9P. It starts at the kernel's own first instruction (PVH), without firmware.
stock() {
    made stock.sh
    local system=$path/system lib=$path/system/lib/x86_64-linux-gnu
    command=("$lib/ld-linux-x86-64.so.2" --library-path "$lib:$system/usr/lib/x86_64-linux-gnu"
        "$system/usr/bin/qemu-system-x86_64" -L "$system/usr/share/qemu" -L "$system/usr/share/seabios"
        -machine pc,accel=tcg -m "$memory" -nodefaults -display none -no-reboot
        -chardev stdio,id=console,signal=off -serial chardev:console
        -virtfs "local,path=$root/root,mount_tag=lower,security_model=none,readonly=on,multidevs=remap"
        -virtfs "local,path=$system/lib/modules,mount_tag=modules,security_model=none,readonly=on"
        -virtfs "local,path=$share,mount_tag=share,security_model=none"
        -kernel "$path/vmlinux" -initrd "$path/initrd.gz"
        -append "console=ttyS0 8250.nr_uarts=8 lab.lower=lower lab.share=share lab.modules=modules ${words[*]}"
        "${options[@]}")
    export QEMU_MODULE_DIR=$system/usr/lib/x86_64-linux-gnu/qemu
    cd "$share"
}

words=(panic=-1 lab.init="${OMADM_LAB_INIT:-/usr/local/sbin/lab-init}")
made root.sh
root=$path
if [ -n "${OMADM_LAB_STOCK:-}" ]; then stock; else user_mode; fi
touch "$share/arguments"
rm -f "$share/status"
# A kernel that is killed leaves the processes of its guest behind, which then run wild: they are in a
# namespace that ends with its first process.
apart=()
if unshare --pid --fork --kill-child true 2>/dev/null; then
    apart=(unshare --pid --fork --kill-child sh -c '"$@"; exit' guest)
fi
# A panic ends the whole process group, so timeout leads one of its own; it ends with who started it.
echo "lab: boots $path"
exec setpriv --pdeathsig TERM timeout --kill-after=1 "$seconds" "${apart[@]}" "${command[@]}" </dev/null 2>&1
