# Sourced by the scenarios in the guest, which bash runs in /share with -e and -u.

work=/run/lab
server_id=lab.example
mkdir -p "$work" steps log

# step NAME COMMAND…: runs it and leaves what came of it for the test, which finds it by its name
step() {
    local name=$1 status=0
    shift
    "$@" >"steps/$name.out" 2>"steps/$name.err" || status=$?
    echo "$status" >"steps/$name.status"
    echo "lab: step $name ended with $status"
    return "$status"
}

# logged NAME COMMAND…: starts it and leaves its log for the test; $! is its process
logged() {
    local name=$1
    shift
    "$@" >>"log/$name.log" 2>&1 </dev/null &
}

# until_well SECONDS WHAT COMMAND…
until_well() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "lab: gave up waiting for $what"
            return 1
        fi
        sleep 0.1
    done
}

# udev: starts it, for devices that appear later too
udev() {
    /lib/systemd/systemd-udevd --daemon
    udevadm trigger
    udevadm settle
}

omadm() { command omadm --socket "$work/control" "$@"; }
# server VERB NOUN ARGUMENTS…: a verb of omadm-server with the database of the lab
server() {
    local verb=$1 noun=$2
    shift 2
    omadm-server "$verb" "$noun" --db "$work/server.db" "$@"
}

# start_agent: omadmd with $work/agent.toml, to which standard input is added, until it answers
start_agent() {
    mkdir -p -m 700 "$work/state"
    {
        printf 'state-dir = "%s/state"\nlog-level = "debug"\n' "$work"
        printf '[schedule]\ninterval = "off"\n[control]\nsocket = "%s/control"\ngroup = ""\n' "$work"
        cat
    } >"$work/agent.toml"
    logged omadmd omadmd --config "$work/agent.toml"
    agent=$!
    until_well 30 "omadmd to answer" omadm status
    device=$(omadm get --value ./DevInfo/DevId)
}

# start_server ARGUMENTS…: omadm-server serve, with --listen or --no-http among its arguments
start_server() {
    logged omadm-server omadm-server serve --db "$work/server.db" --server-id "$server_id" "$@"
    server=$!
}

# acquaint ADDRESS ARGUMENTS…: an account `lab` on the agent, with more arguments for it, and its
# device on the server
acquaint() {
    local address=$1
    shift
    head -c 16 /dev/urandom | base64 >"$work/device.secret"
    head -c 16 /dev/urandom | base64 >"$work/server.secret"
    chmod 600 "$work"/*.secret
    server device add "$device" --user lab --secret-file "$work/device.secret" --server-auth md5 \
        --server-user "$server_id" --server-secret-file "$work/server.secret" >/dev/null
    omadm account add lab --server-id "$server_id" --address "$address" --allow-http \
        --client-name lab --client-secret-file "$work/device.secret" \
        --server-secret-file "$work/server.secret" "$@" >/dev/null
}

# add_job ARGUMENTS…: queues it for the device; its number is $job
add_job() { job=$(server job add "$device" "$@" | sed -n 's/^job \([0-9]*\) .*/\1/p'); }
job_done() { server job show "$job" --json | grep -q '"state": *"done"'; }
# No session is open, and the last one has completed.
session_over() { omadm status --json | tr -d ' \n' | grep -q '"last_session":{[^}]*"result":"completed"'; }

# connect LISTEN SERIAL: an agent that waits on the address of a line, and a server without HTTP that
# dials it at a port, known to each other
connect() {
    start_agent <<<"[obex]
listen = [\"$1\"]"
    acquaint http://127.0.0.1:9/nobody-listens
    start_server --no-http --serial "$2"
}
# served ROUND: a job that the server dials the device for, and what came of it
served() {
    add_job replace ./DMAcc/lab/Name --value "round $1"
    until_well 60 "job $job" job_done || true
    step "job-$1" server job show "$job" --json
    step "name-$1" omadm get --value ./DMAcc/lab/Name
}
# disconnect: the status after the last session, and the end of the agent
disconnect() {
    until_well 30 "the end of the session" session_over || true
    step status omadm status --json
    kill "$agent"
    step stopped wait "$agent"
}
