# Sourced by the scripts of the kernel lab: what they make is kept outside the clone, under a name
# that changes with whatever went into it.
#
# A script prints the path of what it made. When this machine cannot make it, it prints why and ends
# with 77; with any other status something is wrong. Progress goes to standard error.

cache=$(realpath -m "${OMADM_LAB_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/omadm-lab}")

say() { printf 'lab: %s\n' "$*" >&2; }
cannot() {
    printf '%s\n' "$*"
    exit 77
}
fail() {
    say "$*"
    exit 1
}

# key FILE…: a short name for what is in these files and on standard input
key() { { cat -- "$@" -; } | sha256sum | cut -c1-16; }

# kept NAME: is it there? It then counts as used today, and one run at a time makes what is not.
kept() {
    mkdir -p "$cache"
    if [ ! -e "$cache/$1" ]; then
        exec 9>"$cache/$1.lock"
        flock -n 9 || { say "another run is making $1: waiting for it" && flock 9; }
    fi
    [ -e "$cache/$1" ] && touch "$cache/$1"
}

# keep NAME PATH: puts what was made there, and drops what nobody used for a month
keep() {
    mv -T "$2" "$cache/$1"
    find "$cache" -mindepth 1 -maxdepth 1 -name "${1%%-*}-*" -mtime +30 -exec rm -rf {} +
}

# within SECONDS LOG WHAT COMMAND…: runs it with its output in LOG, and says every minute that it goes on
within() {
    local seconds=$1 log=$2 what=$3 from=$SECONDS status=0 pid
    shift 3
    timeout --kill-after=10 "$seconds" "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    until wait_a_minute "$pid"; do
        say "$what: $(((SECONDS - from) / 60)) minutes so far, $(tail -n 1 "$log" | cut -c1-100)"
    done
    wait "$pid" || status=$?
    [ "$status" -ne 124 ] || say "$what: given up after $seconds s"
    return "$status"
}
wait_a_minute() {
    local deadline=$((SECONDS + 60))
    while kill -0 "$1" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.2
    done
}
