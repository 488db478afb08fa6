# guest.sh pty ENTRY: the server begins sessions over two pseudo-terminals with socat between them.
# guest.sh mux ENTRY: the same over a channel of a multiplexed line, whose ends the kernel is.
. ./lib.sh

cable() {
    logged "cable-$1" socat "pty,link=$work/$1-device,rawer" "pty,link=$work/$1-server,rawer"
    until_well 10 "the cable" test -e "$work/$1-device" -a -e "$work/$1-server"
}

# multiplexed ROLE END: $channel is the device of a channel there
multiplexed() {
    python3 mux.py "$2" "$1" >"$work/$1" 2>>log/mux.log &
    until_well 20 "the $1" test -s "$work/$1"
    channel=$(cat "$work/$1")
    until_well 10 "$channel" test -c "$channel"
}

# session ENTRY DEVICE-END SERVER-END: two jobs, one after the other, over a line
session() {
    local query="baud=115200&entry=$1" round
    start_agent <<<"[obex]
listen = [\"tty+obex://$2?$query\"]"
    acquaint http://127.0.0.1:9/nobody-listens
    start_server --no-http --serial "$3?$query"
    for round in one two; do
        add_job replace ./DMAcc/lab/Name --value "round $round"
        until_well 60 "job $job" job_done || break
        step "job-$round" server job show "$job" --json
        step "name-$round" omadm get --value ./DMAcc/lab/Name
    done
    until_well 30 "the end of the session" session_over || true
    step status omadm status --json
    kill "$agent"
    step stopped wait "$agent"
}

case $1 in
pty)
    cable line
    session "$2" "$work/line-device" "$work/line-server"
    ;;
mux)
    cable trunk
    multiplexed responder "$work/trunk-device"
    far=$channel
    multiplexed initiator "$work/trunk-server"
    step ends echo "$far" "$channel"
    session "$2" "$far" "$channel"
    ;;
esac
