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

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
omadm() { "$bin/omadm" --socket "$work/control" "$@"; }
server() {
    local verb=$1 noun=$2
    shift 2
    "$bin/omadm-server" "$verb" "$noun" --db "$work/server.db" "$@"
}

# wait_for SECONDS WHAT COMMAND…: until the command succeeds
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
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
cat >"$work/agent.toml" <<EOF
state-dir = "$work/state"

[control]
socket = "$work/control"
EOF
"$bin/omadm" check --config "$work/agent.toml"
"$bin/omadmd" --config "$work/agent.toml" >"$work/agent.log" 2>&1 &
pids+=($!)
wait_for 20 "omadmd to answer" omadm status
device=$(omadm get --json ./DevInfo/DevId | sed -n 's/.*"value": *"\([^"]*\)".*/\1/p')
echo "this device is $device"

step="adding the account"
say "The same secrets on both ends"
random() { head -c 16 /dev/urandom | base64; }
random >"$work/device.secret"
random >"$work/server.secret"
chmod 600 "$work"/*.secret
server device add "$device" --user demo-device --secret-file "$work/device.secret" \
    --server-auth md5 --server-user demo.example --server-secret-file "$work/server.secret"
omadm account add demo --server-id demo.example --address "$url" --allow-http --encoding xml \
    --client-name demo-device --client-secret-file "$work/device.secret" \
    --server-name demo.example --server-secret-file "$work/server.secret"

step="queueing jobs"
say "Jobs for the device"
cat >"$work/atomic.json" <<EOF
[
  {"verb": "replace", "uri": "./DMAcc/demo/Name", "value": "must not stay"},
  {"verb": "replace", "uri": "./DevInfo/DevId", "value": "refused: the identity is read-only"}
]
EOF
server job add "$device" get './DevInfo?list=StructData'
server job add "$device" get './DevDetail?list=StructData'
server job add "$device" get './DiagMon?list=Struct'
server job add "$device" get './DiagMon/Memory?list=StructData' './DiagMon/Links?list=StructData'
server job add "$device" replace ./DMAcc/demo/Name --value 'Demo on loopback'
server job add "$device" atomic "$work/atomic.json"
server job add "$device" add ./DMAcc/demo/Ext/Demo/Note --value 'here for one session'
server job add "$device" delete ./DMAcc/demo/Ext/Demo/Note

step="running the session"
say "The session, package by package"
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

step="showing the tree"
say "The management tree on the device"
omadm tree

step="showing the KPIs"
say "This machine's KPIs"
omadm kpi 'memory.*' 'pressure.memory.*' 'system.load.*' 'link.*'

step="stopping"
for pid in "${pids[@]}"; do
    kill "$pid"
    wait "$pid" || { echo "demo: process $pid did not stop in order" >&2; exit 1; }
done
pids=()
printf '\ndemo: ok\n'
