# guest.sh sessions: pairs the two ends of a machine with two linked controllers, and holds sessions over RFCOMM.
# guest.sh away: what keeps a device from being waited for, and that it is waited for again afterwards.
# The device is hci0, the server dials by hci1; one bluetoothd has both.
. ./lib.sh
. ./bluetooth.sh

# line_is STATE [TEXT]: so is the line that the device waits on
line_is() { omadm bluetooth status 2>/dev/null | grep "^service  bt+obex:.*  $1" | grep -q "${2:-}"; }
line_was() { omadm status --json | tr -d '\n' | grep -q "\"lines\": *\[[^]]*\"$1\"[^]]*$2"; }
# notify NAME: what came of dialling the device once
notify() { step "$1" omadm-server notify "$device" --db "$work/server.db" --server-id "$server_id" --bluetooth "$near?adapter=hci1" --json || true; }
met_at_last() { notify "$1" && [ "$(cat "steps/$1.status")" -eq 0 ]; }

# served ROUND: a job that the server dials the device for
served() {
    add_job replace ./DMAcc/lab/Name --value "round $1"
    until_well 60 "job $job" job_done || true
    step "job-$1" server job show "$job" --json
    step "name-$1" omadm get --value ./DMAcc/lab/Name
}

sessions() {
    start_agent <<<'[obex]
listen = ["bt+obex:?adapter=hci0"]
poll = "lab"'
    until_well 20 "the line" line_was waiting ""
    acquaint bt+obex: --encoding xml
    step unprovable omadm account set lab --accept bonded-link || true
    notify stranger
    met_at_terminals
    omadm account set lab --accept bonded-link
    step account omadm account show lab --json
    step status omadm bluetooth status --json
    step scan omadm-server bluetooth scan --adapter hci1 --for 5 --json
    step record sdptool -i hci1 browse "$near"

    start_server --no-http --bluetooth "$near?adapter=hci1"
    served one
    served two
    kill "$server"
    until_well 30 "the end of the session" session_over
    step poll python3 poll.py "$far" "$near" "$(sed -n 's/.*Channel: \(22\).*/\1/p' steps/record.out | head -n 1)"
    until_well 30 "the end of the session" session_over || true

    # In the middle of a session the link is gone.
    python3 poll.py "$far" "$near" 22 stall >"$work/stall" 2>>log/stall.log &
    local stalls=$!
    until_well 20 "a session" grep -q first "$work/stall"
    step connected omadm bluetooth status --json
    hcitool -i hci1 dc "$near"
    step lost wait "$stalls" || true
    step after-loss cat "$work/stall"
    start_server --no-http --bluetooth "?adapter=hci1"
    served three
    kill "$server"

    omadm account set lab --accept none
    omadm account set lab --bluetooth-peer 00:AA:01:01:00:77
    until_well 20 "the line" line_was waiting ""
    notify unlisted
    step remove omadm bluetooth remove "$far" --json
    # The server forgets it too: 6.1.192 panics when it shows a key that the other end has not any more.
    step forget omadm bluetooth remove "$near" --json
    notify unpaired
    kill "$agent"
    step stopped wait "$agent"
}

away() {
    start_agent <<<'[obex]
listen = ["bt+obex:?adapter=hci0&channel=21"]'
    acquaint bt+obex:
    until_well 20 "word of bluetoothd" line_was away "bluetoothd is not running"
    step no-bluetoothd omadm status --json
    start_bluetoothd
    until_well 20 "the line" line_was waiting ""
    met
    until_well 20 "the line" line_was waiting ""
    until_well 40 "the session" met_at_last first

    kill -9 "$bluetoothd"
    until_well 20 "word of bluetoothd" line_was away "bluetoothd is not running"
    start_bluetoothd
    until_well 20 "the line" line_was waiting ""
    until_well 40 "the session" met_at_last restarted

    bluetoothctl <<<"select $near
power off" >>log/bluetoothctl.log 2>&1
    hciconfig hci0 down || true
    until_well 20 "word of the power" line_was away "powered off"
    step off omadm status --json
    hciconfig hci0 up
    until_well 20 "the line" line_was waiting ""
    until_well 40 "the session" met_at_last powered

    kill "$bluetoothd"
    until_well 20 "word of bluetoothd" line_was away "bluetoothd is not running"
    logged occupant python3 occupy.py "$near" 21
    occupant=$!
    until_well 10 "the occupant" grep -q listens log/occupant.log
    start_bluetoothd
    until_well 20 "word of the channel" line_was away "is taken"
    step taken omadm status --json
    kill "$occupant"
    until_well 20 "the line" line_was waiting ""
    until_well 40 "the session" met_at_last freed
    kill "$agent"
    step stopped wait "$agent"
}

case $1 in
sessions)
    controllers
    start_bluetoothd
    sessions
    ;;
away)
    controllers
    away
    ;;
esac
