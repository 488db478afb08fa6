#!/usr/bin/env bash
# A whole first session on loopback: a server, an agent, an account, jobs, and what came of them.
# Uses the programs in $OMADM_BIN (default: target/debug) and a temporary folder; leaves nothing behind.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin=${OMADM_BIN:-${CARGO_TARGET_DIR:-target}/debug}
work=$(mktemp -d "${TMPDIR:-/tmp}/omadm-demo.XXXXXX")
pids=()
step=starting

stop() {
    status=$?
    set +e
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    if [ "$status" -ne 0 ]; then
        echo "demo: failed while $step" >&2
        tail -n 5 "$work"/*.log >&2 2>/dev/null
    fi
    [ -n "${OMADM_DEMO_KEEP:-}" ] || rm -rf "$work"
    exit "$status"
}
trap stop EXIT
trap 'exit 130' INT TERM

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\033[1m' plain=$'\033[0m'; fi
say() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
omadm() { "$bin/omadm" --socket "$work/control" "$@"; }
server() {
    local verb=$1 noun=$2
    shift 2
    "$bin/omadm-server" "$verb" "$noun" --db "$work/server.db" "$@"
}

# explain TEXT: what to look for in what follows
explain() { printf '%s\n\n' "$*" | fold -s -w 80 | sed 's/ *$//'; }

# wait_for SECONDS WHAT COMMAND…: until the command succeeds
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ] || ! kill -0 "${pids[@]}" 2>/dev/null; then
            echo "demo: gave up waiting for $what" >&2
            return 1
        fi
        sleep 0.05
    done
}

step="starting omadm-server"
say "omadm-server on loopback, SQLite in $work"
"$bin/omadm-server" serve --db "$work/server.db" --listen 127.0.0.1:0 --server-id demo.example >"$work/server.out" 2>"$work/server.log" &
pids+=($!)
listening() { grep -q '^listening on ' "$work/server.out"; }
wait_for 20 "omadm-server to listen" listening
url=$(sed -n 's/^listening on //p' "$work/server.out")
echo "$url"

step="starting omadmd"
say "omadmd with a fresh state folder"
mkdir -m 700 "$work/state"
cat >"$work/agent.toml" <<EOF
state-dir = "$work/state"

[control]
socket = "$work/control"
group = ""
EOF
"$bin/omadm" check --config "$work/agent.toml"
"$bin/omadmd" --config "$work/agent.toml" >"$work/agent.log" 2>&1 &
pids+=($!)
wait_for 20 "omadmd to answer" omadm status
device=$(omadm get --json ./DevInfo/DevId | sed -n 's/.*"value": *"\([^"]*\)".*/\1/p')
echo "this device is $device"
# A machine may have dozens of links; the loopback and the first two others that are up will do.
links=(lo)
for link in $(omadm get ./DiagMon/Links/DiagMonData | sed -n 's/^ *Children *//p'); do
    [ "$link" != lo ] && [ "${#links[@]}" -lt 3 ] || continue
    [ "$(omadm get --value "./DiagMon/Links/DiagMonData/$link/OperState")" = up ] || continue
    links+=("$link")
done

step="adding the account"
say "The same secrets on both ends"
random() { head -c 16 /dev/urandom | base64; }
random >"$work/device.secret"
random >"$work/server.secret"
chmod 600 "$work"/*.secret
server device add "$device" --user demo-device --secret-file "$work/device.secret" \
    --server-auth md5 --server-user demo.example --server-secret-file "$work/server.secret" | sed -n 1p
omadm account add demo --server-id demo.example --address "$url" --allow-http --encoding xml \
    --client-name demo-device --client-secret-file "$work/device.secret" \
    --server-name demo.example --server-secret-file "$work/server.secret"
echo "the device has the account demo; each end proves itself to the other by MD5"

step="queueing jobs"
say "Jobs for the device"
explain "What is there, live values of this machine's kernel, a value that is replaced, an Atomic" \
    "that must fail as a whole, a node that comes and goes."
cat >"$work/atomic.json" <<EOF
[
  {"verb": "replace", "uri": "./DMAcc/demo/Name", "value": "must not stay"},
  {"verb": "replace", "uri": "./DevInfo/DevId", "value": "refused: the identity is read-only"}
]
EOF
server job add "$device" get . './DMAcc?list=Struct' './DiagMon/Memory?list=Struct'
server job add "$device" get './DevInfo?list=StructData' './DevDetail?list=StructData'
server job add "$device" get './DiagMon/Memory/DiagMonData?list=StructData'
server job add "$device" get './DiagMon/Links/DiagMonData/lo?list=StructData'
server job add "$device" replace ./DMAcc/demo/Name --value 'Demo on loopback'
server job add "$device" atomic "$work/atomic.json"
server job add "$device" add ./DMAcc/demo/Ext/Demo/Note --value 'here for one session'
server job add "$device" delete ./DMAcc/demo/Ext/Demo/Note

step="running the session"
say "The session, package by package"
explain "The ends have not met before: the server challenges the device (401), the device the server" \
    "(407), and each proves itself by MD5 (212). Then the commands go out in one package, and their" \
    "Statuses and Results come back in the next."
omadm session --account demo --trace

step="checking what came of the jobs"
say "What the server keeps of it"
server job list
results=$(server job list --json)
echo "$results" >"$work/jobs.json"
done_jobs=$(grep -o '"state": *"done"' "$work/jobs.json" | wc -l)
failed_jobs=$(grep -o '"state": *"failed"' "$work/jobs.json" | wc -l)
if [ "$done_jobs" -ne 7 ] || [ "$failed_jobs" -ne 1 ]; then
    echo "demo: expected 7 jobs done and the Atomic failed, found $done_jobs and $failed_jobs" >&2
    exit 1
fi
name=$(omadm get --json ./DMAcc/demo/Name | sed -n 's/.*"value": *"\([^"]*\)".*/\1/p')
if [ "$name" != "Demo on loopback" ]; then
    echo "demo: the Atomic did not roll back: ./DMAcc/demo/Name is '$name'" >&2
    exit 1
fi

echo
echo "As it should be: the Atomic failed, and ./DMAcc/demo/Name is '$name' as before it."

second_act() {
    step="laying the serial cable"
    say "Second act: the same jobs over a serial cable"
    explain "Two pseudo-terminals are the cable. The device waits at one end as a modem does; the server" \
        "dials at the other, enters OBEX by AT+CPROT=0, and begins the session with a PUT of Package 0."
    "$bin/examples/null_modem" >"$work/cable" 2>"$work/cable.log" &
    cable=$!
    pids+=("$cable")
    laid() { [ "$(wc -l <"$work/cable")" -eq 2 ]; }
    wait_for 20 "the cable" laid
    device_end=$(sed -n 1p "$work/cable")
    server_end=$(sed -n 2p "$work/cable")
    printf '\n[obex]\nlisten = ["tty+obex://%s?baud=115200&entry=at"]\n' "$device_end" >>"$work/agent.toml"
    kill -HUP "${pids[1]}"
    waits() { omadm status | grep -q '^Line .* waiting$'; }
    wait_for 20 "omadmd to wait on the cable" waits
    omadm status | grep '^Line'

    step="stopping the HTTP server"
    kill "${pids[0]}"
    wait "${pids[0]}"
    pids=("${pids[@]:1}")
    before=$(server job list --json | grep -o '"state": *"done"' | wc -l)
    server job add "$device" get './DevInfo?list=StructData' './DevDetail?list=StructData'
    server job add "$device" get './DiagMon/Memory/DiagMonData?list=StructData'
    server job add "$device" get './DiagMon/Links/DiagMonData/lo?list=StructData'
    server job add "$device" replace ./DMAcc/demo/Name --value 'Demo over a cable'
    server job add "$device" atomic "$work/atomic.json"

    step="running the session over the cable"
    "$bin/omadm-server" serve --db "$work/server.db" --server-id demo.example --no-http \
        --serial "$server_end?baud=115200&entry=at" >"$work/cable.out" 2>"$work/cable-server.log" &
    pids+=($!)
    over_cable() {
        local jobs
        jobs=$(server job list --json)
        [ "$(grep -o '"state": *"done"' <<<"$jobs" | wc -l)" -eq $((before + 4)) ] &&
            [ "$(grep -o '"state": *"failed"' <<<"$jobs" | wc -l)" -eq 2 ]
    }
    wait_for 30 "the jobs over the cable" over_cable
    cat "$work/cable.out"
    server job list
    over() { omadm status | grep -A1 '^Last session' | grep -q completed; }
    wait_for 20 "the end of the session" over
    omadm status | sed -n '/^Line/p; /^Notified/p; /^Last session/,/^$/p'
    name=$(omadm get --value ./DMAcc/demo/Name)
    if [ "$name" != "Demo over a cable" ]; then
        echo "demo: ./DMAcc/demo/Name is '$name' after the session over the cable" >&2
        exit 1
    fi
}

# A package is built without what only tests and examples need.
if [ -x "$bin/examples/null_modem" ]; then
    second_act
else
    echo "skipped: the second act, over a serial cable: $bin/examples/null_modem is not built"
fi

step="showing the tree"
say "The management tree on the device"
for part in DMAcc DevInfo DevDetail DiagMon/Memory "${links[@]/#/DiagMon/Links/DiagMonData/}"; do
    omadm tree "./$part"
done

step="showing the KPIs"
say "This machine's KPIs"
omadm kpi memory.total memory.available memory.cached memory.swap.free memory.oom-kills \
    'pressure.*.some.avg10' 'system.*' 'storage.*' link.state 'link.*.bytes' 'link.*.packets' \
    'link.*.errors' 'link.*.dropped' 'tcp.segments.*' tcp.established udp.in udp.in.errors |
    awk -v links=" ${links[*]} " '
        $1 ~ /^storage/ && $2 != "/" { next }
        $1 ~ /^link/ && !index(links, " " $2 " ") { next }
        { print }'
printf '\nomadm kpi shows all %s of them.\n' "$(omadm kpi --json | grep -c '"id":')"

step="stopping"
for pid in "${pids[@]}"; do
    kill "$pid"
    # The cable has no other end.
    wait "$pid" || [ "$pid" = "${cable:-}" ] || { echo "demo: process $pid did not stop in order" >&2; exit 1; }
done
pids=()
printf '\ndemo: ok\n'
