#!/bin/bash
# The life of the packages, run in the container that deb-test.sh has booted.
set -euo pipefail
cd /root/packages
export DEBIAN_FRONTEND=noninteractive

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
fail() {
    echo "deb-life: $*" >&2
    journalctl --no-pager -n 30 -u 'omadm*' >&2
    exit 1
}
# until_well WHAT COMMAND…
until_well() {
    local what=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || fail "gave up waiting for $what"
        sleep 0.2
    done
}
apt() { apt-get -y -qq -o Dpkg::Use-Pty=0 "$@" >apt.log 2>&1 || { cat apt.log; fail "apt-get $*"; }; }
# What is on the disk, without what apt, dpkg and the journal write down of their own work.
files() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /root/packages \
        -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \
        -o -path /var/lib/systemd -o -path "/var/tmp/systemd-private-*" \) -prune -o -print | sort
}
# restarted PID: omadmd runs with another one
restarted() { [ "$(pid_of omadmd)" != 0 ] && [ "$(pid_of omadmd)" != "$1" ]; }
pid_of() { systemctl show -p MainPID --value "$1"; }
listens() { until_well "omadm-server to listen" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'; }
answers() { until_well "omadmd to answer" omadm status; }
account() { omadm account list | grep -q '^lab\b'; }

installed() {
    say "install"
    files >before
    apt install ./omadm-agent.deb ./omadm-server.deb
    grep -iE 'warn|error' apt.log && fail "apt warns"
    [ "$(systemctl is-enabled omadmd)" = enabled ] || fail "omadmd is not enabled"
    systemctl is-active omadmd || fail "omadmd does not run"
    [ "$(systemctl is-enabled omadm-server || true)" = disabled ] || fail "omadm-server is enabled"
    ! systemctl is-active --quiet omadm-server || fail "omadm-server was started"
    answers
    local option
    for option in $(omadm-server serve --help | grep -oE '^ +--[a-z-]+' | grep -vE -- '--(db|json|help)'); do
        grep -q -- "^# *$option " /etc/default/omadm-server || fail "/etc/default/omadm-server says nothing of $option"
    done
    stat -c '%A %U:%G %n' /run/omadm /run/omadm/* /var/lib/omadm /etc/omadm/*

    say "units"
    local units=(/lib/systemd/system/omadm*)
    systemd-analyze verify "${units[@]}" 2>&1 | grep -v "Command 'man " | grep -i omadm && fail "systemd-analyze verify"
    # The README's table of scores is of this version of systemd.
    local unit score
    for unit in /lib/systemd/system/omadm*.service; do
        score=$(systemd-analyze security --offline=true --no-pager "$unit" | sed -n 's/.*: \([0-9.]*\) .*/\1/p' | tail -n 1)
        echo "$score ${unit##*/}"
        zcat -f /usr/share/doc/omadm-agent/README.md* | grep -qF "| \`${unit##*/}\` | $score |" ||
            fail "the README states another score for ${unit##*/}"
    done

    ./session

    say "credentials"
    echo something >/etc/omadm/credentials/gateway.key
    systemctl restart omadmd
    local handed=/run/credentials/omadmd.service/agent_gateway.key
    setpriv --reuid=omadm --regid=omadm --clear-groups cat "$handed" || fail "the agent does not get its credential"
    setpriv --reuid=nobody --regid=nogroup --clear-groups cat "$handed" 2>/dev/null && fail "others get it too"
    rm /etc/omadm/credentials/gateway.key

    say "reload, crash, stop"
    systemctl reload omadmd
    local before after
    before=$(pid_of omadmd)
    kill -KILL "$before"
    until_well "omadmd after a crash" restarted "$before"
    answers
    account || fail "the account did not survive the crash"
    systemctl stop omadmd
    [ "$(systemctl show -p Result --value omadmd)" = success ] || fail "omadmd did not stop in order"
    [ -d /run/omadm-rights ] || fail "the stop took the sockets of omadm-helper away"

    say "a daemon that hangs"
    mkdir -p /run/systemd/system/omadmd.service.d
    printf '[Service]\nWatchdogSec=3\nRestartSec=1\n' >/run/systemd/system/omadmd.service.d/50-test.conf
    systemctl daemon-reload
    systemctl start omadmd
    before=$(pid_of omadmd)
    kill -STOP "$before"
    until_well "the watchdog" restarted "$before"
    answers
    rm -r /run/systemd/system/omadmd.service.d
    systemctl daemon-reload
    systemctl stop omadmd

    say "a mistake in the configuration"
    echo 'shedule = 1' >/etc/omadm/agent.toml.d/50-wrong.toml
    systemctl start omadmd && fail "omadmd starts with a mistake"
    [ "$(systemctl show -p ExecMainStatus --value omadmd)" = 78 ] || fail "exit status is not 78"
    [ "$(systemctl show -p NRestarts --value omadmd)" = 0 ] || fail "it was tried again"
    journalctl --no-pager -q -n 2 -u omadmd -o cat
    rm /etc/omadm/agent.toml.d/50-wrong.toml
    systemctl start omadmd

    say "upgrade"
    echo '# a line of the administrator' >>/etc/omadm/agent.toml
    echo '# a line of the administrator' >>/etc/default/omadm-server
    before=$(pid_of omadmd) after=$(pid_of omadm-server)
    local device
    device=$(omadm get --value ./DevInfo/DevId)
    apt install ./higher/omadm-agent.deb ./higher/omadm-server.deb
    dpkg-query -W omadm-agent omadm-server
    [ "$(pid_of omadmd)" != "$before" ] || fail "the upgrade did not restart omadmd"
    [ "$(pid_of omadm-server)" != "$after" ] || fail "the upgrade did not restart omadm-server, which ran"
    answers
    account || fail "the upgrade lost the account"
    [ "$(omadm get --value ./DevInfo/DevId)" = "$device" ] || fail "the upgrade changed the DevId"
    tail -n 1 /etc/omadm/agent.toml | grep -q administrator || fail "the upgrade lost a local change"
    tail -n 1 /etc/default/omadm-server | grep -q administrator || fail "the upgrade lost a local change"
    listens
    omadm session --account lab
    echo "$device" >device
}

rebooted() {
    say "after a reboot"
    systemctl is-active omadmd || fail "omadmd does not start at boot"
    answers
    [ "$(omadm get --value ./DevInfo/DevId)" = "$(cat device)" ] || fail "the reboot changed the DevId"
    systemctl start omadm-server
    listens
    omadm session --account lab
    [ -z "$(systemctl list-units --failed --plain --no-legend 'omadm*')" ] || fail "a unit failed"

    say "remove"
    apt remove omadm-agent omadm-server
    ! pgrep -a omadm || fail "something still runs"
    [ -f /etc/omadm/agent.toml ] && [ -f /var/lib/omadm/state.db ] || fail "remove took configuration or state"

    say "purge"
    apt purge omadm-agent omadm-server
    files >after
    echo "left behind:"
    comm -13 before after | sed 's/^/  /'
    getent passwd omadm omadm-server | sed 's/^/  /'
    [ -z "$(comm -13 before after | grep -i omadm)" ] || fail "purge leaves files"
    [ -z "$(ls -d /run/omadm 2>/dev/null)" ] || fail "purge leaves /run/omadm"
}

"$1"
