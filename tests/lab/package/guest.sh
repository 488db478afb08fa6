# The life of the packages below systemd, as deb-test.sh has it in a container: there on whatever kernel the
# machine has, here on one of Debian's version, with the limits that the units ask it for. In between,
# sessions over Bluetooth and USB, by the units as they are shipped.
. ./lib.sh
. ./bluetooth.sh

# The programs of the packages, not those of the workspace, and what they take where nothing is said.
export PATH=${PATH#/share/bin:}
[ ! -e /usr/bin/omadm ]
omadm() { command omadm "$@"; }
server() { omadm-server "$@"; }

# The guest's system leaves documentation out of packages, which is part of these.
rm -f /etc/dpkg/dpkg.cfg.d/99mmdebstrap
place=/root/packages
mkdir -p "$place/higher"
cp packages/*.deb packages/deb-life.sh packages/session "$place"
cd "$place"
# The same with a higher version.
for package in omadm-agent omadm-server; do
    dpkg-deb -R "$package.deb" again
    sed -i 's/^Version: .*/&+again/' again/DEBIAN/control
    dpkg-deb -Znone --build again "higher/$package.deb" >/dev/null
    rm -r again
done
cd /share

drop_in=/etc/systemd/system/omadm-server.service.d
# serve OPTIONS: omadm-server with these
serve() {
    sed -i "s|^OPTIONS=.*|OPTIONS=\"$*\"|" /etc/default/omadm-server
    systemctl daemon-reload
    systemctl restart omadm-server
}
# dialled LINE: a job that the server dials the device for
dialled() {
    add_job replace ./DMAcc/lab/Name --value "$1"
    step "job-$1" omadm-server job wait --timeout 60 "$job" || true
    step "name-$1" omadm get --value ./DMAcc/lab/Name
    step "sessions-$1" omadm status --json
}

lines() {
    device=$(omadm get --value ./DevInfo/DevId)
    printf '[obex]\nlisten = ["bt+obex:?adapter=hci0", "usb-gadget+obex:"]\n' >/etc/omadm/agent.toml.d/50-lines.toml
    logged btvirt btvirt -l2
    until_well 20 "two controllers" test -e /sys/class/bluetooth/hci1
    systemctl start bluetooth
    systemctl restart omadmd
    until_well 60 "omadmd to answer" omadm status
    until_well 20 "the line" bash -c "omadm bluetooth status | grep -q '^service  bt+obex:.*  waiting'"
    met
    serve --no-http --bluetooth "$near?adapter=hci1"
    dialled bluetooth

    mkdir -p "$drop_in"
    # As README.Debian has it.
    sed -n '/^Devices on USB/,/^and/ s/^  \([A-Z[].*\)$/\1/p' /usr/share/doc/omadm-server/README.Debian >"$drop_in/50-usb.conf"
    step drop-in cat "$drop_in/50-usb.conf"
    systemctl enable --now omadm-helper-gadget.socket
    step gadget omadm usb-gadget up --obex --json || true
    serve --no-http --usb
    dialled usb
    step doctor omadm doctor --json || true
    step gadget-down omadm usb-gadget down || true
    systemctl disable --now omadm-helper-gadget.socket
    step journal journalctl --no-pager -q -o cat -u omadmd -u omadm-server -u omadm-helper-gadget -p warning

    rm -r "$drop_in" /etc/omadm/agent.toml.d/50-lines.toml
    serve --listen 127.0.0.1:8080
    systemctl restart omadmd
    # Whoever still waits on it has the message bus start it again.
    systemctl stop bluetooth
}

step system systemctl --version
step installed "$place/deb-life.sh" installed || exit 0
step programs bash -c 'command -v omadm omadm-server'
step limits systemctl show omadmd --property=Id,ActiveState,NoNewPrivileges,CapabilityBoundingSet,User
lines
step taken-off "$place/deb-life.sh" rebooted || true
