# Sourced in the guest by the scenarios with Bluetooth: two linked controllers, below one bluetoothd.
# The device is hci0, the server dials by hci1.

near=00:AA:01:00:00:00
far=00:AA:01:01:00:01

controllers() {
    logged btvirt btvirt -l2
    until_well 20 "two controllers" test -e /sys/class/bluetooth/hci1
}
is_up() { hciconfig "$1" | grep -q 'UP RUNNING'; }
start_bluetoothd() {
    logged bluetoothd /usr/libexec/bluetooth/bluetoothd -n
    bluetoothd=$!
    until_well 20 hci0 is_up hci0
    until_well 20 hci1 is_up hci1
}

# met_at_terminals: both ends pair; somebody at each says that the numbers are the same
met_at_terminals() {
    logged pair-device python3 answer.py "[y/N]" y \
        "$(type -P omadm)" --socket "$work/control" bluetooth pair --for 60 --adapter hci0 --account lab
    local waits=$!
    until_well 20 "the device to be discoverable" bash -c "hciconfig hci0 | grep -q ISCAN"
    step window omadm bluetooth status --json
    step pair python3 answer.py "[y/N]" y "$(type -P omadm-server)" bluetooth pair "$near" --adapter hci1 || true
    step paired wait "$waits" || true
}

# met: the same without anybody
met() {
    logged pair-device omadm bluetooth pair --for 60 --adapter hci0 --account lab --yes --json
    local waits=$!
    until_well 20 "the device to be discoverable" bash -c "hciconfig hci0 | grep -q ISCAN"
    step window omadm bluetooth status --json
    step pair omadm-server bluetooth pair "$near" --adapter hci1 --yes --json || true
    step paired wait "$waits" || true
}
