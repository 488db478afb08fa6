# guest.sh bluetooth ROUNDS; guest.sh usb ROUNDS SPEED: what a bearer takes to carry 1 MiB, beside a plain copy and
# foreign programs. Rounds are mixed, so that whatever else the machine does touches all alike.
. ./lib.sh
. ./bluetooth.sh

size=1048576
rounds=$2
speed=${3:-}

# carry NAME ARGUMENTS…
carry() { step "$1" timeout 60 ./figures --carry "${@:2}" || true; }

# foreign NAME OCTETS: obexftp puts a file of this size, which obexd takes
foreign() {
    head -c "$2" /dev/zero >"$work/object"
    local before from took own TIMEFORMAT='%U %S'
    before=$(obexd_ticks) from=$(date +%s%N)
    # It ends with 255 though all is done.
    own=$({ time obexftp -d hci1 -b "$1" -B "$opp" -U none -H -S -p "$work/object" >>log/obexftp.log 2>&1 || true; } 2>&1)
    took=$(($(date +%s%N) - from))
    awk -v took="$took" -v ticks="$(($(obexd_ticks) - before))" -v peak="$(obexd_peak)" '{
        printf "{\"seconds\": %f, \"cpu_seconds\": %f, \"peak_kib\": %d}\n", took / 1e9, $1 + $2 + ticks / 100, peak
    }' <<<"$own"
    [ "$(stat -c %s "$work/received/object")" = "$2" ]
    rm "$work/received/object"
}
obexd_ticks() { awk '{ print $14 + $15 }' "/proc/$obexd/stat"; }
obexd_peak() { awk '/VmHWM/ { print $2 }' "/proc/$obexd/status"; }
opp_channel() { sdptool -i hci1 search --bdaddr "$1" OPUSH | awk '/Channel:/ { print $2; exit }'; }


over_bluetooth() {
    controllers
    start_bluetoothd
    hciconfig hci0 piscan
    hciconfig hci1 piscan
    logged pairing python3 pairing.py
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$work/session-bus
    dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --fork --nopidfile
    mkdir -p "$work/received"
    logged obexd /usr/libexec/bluetooth/obexd -n -a -r "$work/received"
    obexd=$!
    until_well 20 "obexd's channel" bash -c "sdptool -i hci1 search --bdaddr $near OPUSH | grep -q Channel:"
    opp=$(opp_channel "$near")
    local round deed
    for ((round = 1; round <= rounds; round++)); do
        for deed in copy put get; do
            carry "rfcomm-$deed-$round" rfcomm "$deed" "$round" "$near" "$far"
        done
        step "foreign-small-$round" foreign "$near" 1 || true
        step "foreign-$round" foreign "$near" "$size" || true
    done
}

gadgets=/sys/kernel/config/usb_gadget

# copying_gadget: a gadget with a function that bulk_copy.py describes
copying_gadget() {
    local gadget=$gadgets/copy
    mkdir -p "$gadget/strings/0x409" "$gadget/functions/ffs.copy" "$gadget/configs/c.1" "$work/copy"
    echo 0x1d6b >"$gadget/idVendor"
    echo 0x0109 >"$gadget/idProduct"
    ln -s "$gadget/functions/ffs.copy" "$gadget/configs/c.1"
}
# bulk_copy out|in
bulk_copy() {
    local status=0
    echo "$speed" >"$gadgets/copy/max_speed"
    mount -t functionfs copy "$work/copy"
    timeout 60 python3 bulk_copy.py "$work/copy" "$gadgets/copy/UDC" dummy_udc.0 "$1" || status=$?
    umount "$work/copy"
    return "$status"
}

# gadget_up: the OBEX function of omadm
gadget_up() {
    logged helper systemd-socket-activate -l /run/omadm-rights/gadget "$(command -v omadm-helper)" gadget --for root
    until_well 10 "the helper" command omadm usb-gadget up --obex
    echo >"$gadgets/omadm/UDC"
    echo "$speed" >"$gadgets/omadm/max_speed"
    echo dummy_udc.0 >"$gadgets/omadm/UDC"
    until_well 10 "the function" bash -c "omadm-server usb list | grep -q SYNCML-DM"
}
gadget_down() {
    command omadm usb-gadget down
    rm -f /run/omadm-rights/gadget
}

over_usb() {
    udev
    mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
    copying_gadget
    mkdir -p /run/omadm-rights
    local round way deed
    for ((round = 1; round <= rounds; round++)); do
        for way in out in; do
            step "usb-copy-$way-$round" bulk_copy "$way" || true
        done
        gadget_up
        for deed in put get; do
            carry "usb-$deed-$round" usb "$deed"
        done
        gadget_down
    done
}

"over_$1"
