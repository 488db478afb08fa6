# guest.sh NEAR FAR ROUNDS: what a bearer takes to carry 1 MiB, beside a plain copy and foreign programs.
# Rounds are mixed, so that whatever else the machine does touches all alike.
. ./lib.sh

size=1048576

controllers() {
    logged btvirt btvirt -l2
    until_well 20 "two controllers" test -e /sys/class/bluetooth/hci1
    logged bluetoothd /usr/libexec/bluetooth/bluetoothd -n
    for controller in hci0 hci1; do
        until_well 20 "$controller" bash -c "hciconfig $controller | grep -q 'UP RUNNING'"
        hciconfig "$controller" piscan
    done
    python3 pairing.py &
}

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

controllers
export DBUS_SESSION_BUS_ADDRESS=unix:path=$work/session-bus
dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --fork --nopidfile
mkdir -p "$work/received"
logged obexd /usr/libexec/bluetooth/obexd -n -a -r "$work/received"
obexd=$!
until_well 20 "obexd's channel" bash -c '[ -n "$(sdptool -i hci1 search --bdaddr '"$1"' OPUSH | grep Channel:)" ]'
opp=$(opp_channel "$1")
for ((round = 1; round <= $3; round++)); do
    for deed in copy put get; do
        step "rfcomm-$deed-$round" timeout 60 ./figures --carry "$deed" "$round" "$1" "$2" || true
    done
    step "foreign-small-$round" foreign "$1" 1
    step "foreign-$round" foreign "$1" "$size"
done
