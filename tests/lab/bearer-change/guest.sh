# guest.sh: a session that the server began over Bluetooth loses its link, and goes on over HTTP.
. ./lib.sh
. ./bluetooth.sh

at=127.0.0.1:8080
# Enough for a dozen messages that are as small as these.
jobs=12
uris=$(printf './DevDetail %.0s' {1..10})

all_done() { ! server job list --json | grep -qE '"state": *"(queued|sent)"'; }
# begun: the device has said this much over Bluetooth
begun() { grep -q '^.*bt+obex:.* message 3: ' log/omadm-server.log; }

controllers
start_bluetoothd
start_agent <<<'[obex]
listen = ["bt+obex:?adapter=hci0"]
[session]
max-message-size = 2048'
acquaint "http://$at/dm"
met
for ((n = 1; n <= jobs; n++)); do
    # shellcheck disable=SC2086
    add_job get $uris
done
start_server --listen "$at" --bluetooth "$near?adapter=hci1"
for ((n = 1; n <= 2000; n++)); do
    ! begun || break
    sleep 0.01
done
# The emulated controllers have no supervision of the link: it is ended before its adapter is.
hcitool -i hci1 dc "$near"
hciconfig hci1 down
until_well 60 "all jobs" all_done || true
until_well 30 "the end of the session" session_over || true
step jobs server job list --json
step sessions server session list --json
step status omadm status --json
kill "$server" "$agent"
step stopped wait "$agent"
