#!/usr/bin/env bash
# Runs scenarios of the kernel lab and prints what came of each. Fails if one failed, not if one was skipped.
#   run.sh [NAME…]   those, or all
#   run.sh --quick   the quick ones, ten minutes at most when the kernel is there
#   OMADM_LAB_SCENARIO_SECONDS   how long one may take (default: 1200)
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/lab/cache.sh

quick=(bluetooth usb serial)
cargo=${CARGO:-cargo}
logs=${CARGO_TARGET_DIR:-target}/lab
each=${OMADM_LAB_SCENARIO_SECONDS:-1200}
all=600000

known=()
for file in tests/lab/*/test.rs; do
    file=${file%/test.rs}
    known+=("${file##*/}")
done
is_known() { [[ " ${known[*]} " == *" $1 "* ]]; }

wanted=()
case ${1:-} in
'') wanted=("${known[@]}") ;;
--quick)
    for name in "${quick[@]}"; do
        ! is_known "$name" || wanted+=("$name")
    done
    all=600
    export OMADM_LAB_KERNEL_SECONDS=${OMADM_LAB_KERNEL_SECONDS:-1200}
    export OMADM_LAB_ROOT_SECONDS=${OMADM_LAB_ROOT_SECONDS:-480}
    ;;
*)
    for name; do
        is_known "$name" || { echo "lab: no scenario $name; there are: ${known[*]}" >&2 && exit 64; }
        wanted+=("$name")
    done
    ;;
esac

rows=()
failed=0
# row NAME RESULT SECONDS
row() {
    rows+=("$(printf '%-14s %7s  %s' "$1" "$3" "$2")")
    say "$1: $2 ($3 s)"
    [[ $2 != failed* ]] || failed=1
}

# prepared: the kernel and the guest's system are there; if not, all are skipped
prepared() {
    local script answer status
    for script in kernel root; do
        status=0
        answer=$("tests/lab/$script.sh") || status=$?
        [ "$status" -ne 0 ] || continue
        [ "$status" -eq 77 ] || fail "tests/lab/$script.sh failed"
        for name in "${wanted[@]}"; do
            row "$name" "skipped: $answer" 0
        done
        return 1
    done
}

# verdict LOG STATUS LIMIT
verdict() {
    local skips reason
    [ "$2" -ne 124 ] || { echo "failed: took more than $3 s" && return; }
    [ "$2" -eq 0 ] || { echo "failed: $1" && return; }
    # A dot of the test harness may stand before it.
    skips=$(grep -c 'skipped: lab ' "$1" || true)
    if [ "$skips" -eq 0 ]; then
        ! grep -q 'frozen: lab ' "$1" || { echo "ok, after a guest that stood still" && return; }
        echo ok && return
    fi
    reason=$(grep -m1 -o 'skipped: lab .*' "$1" | sed 's/^skipped: lab [^:]*: //')
    if grep -q "^test result: ok. $skips passed" "$1"; then
        echo "skipped: ${reason#*: }"
    else
        echo "ok, but skipped: $reason"
    fi
}

# scenario NAME SECONDS
scenario() {
    local log=$logs/$1.log status=0 from=$SECONDS
    say "$1: begins"
    # It ends with this script, and the guest with it.
    OMADM_LAB=1 setpriv --pdeathsig TERM timeout --kill-after=20 "$2" \
        "$cargo" test --locked -q -p omadm-tests --test "lab_$1" -- --nocapture >"$log" 2>&1 </dev/null || status=$?
    [ "$status" -eq 0 ] || cat "$log" >&2
    row "$1" "$(verdict "$log" "$status" "$2")" $((SECONDS - from))
}

mkdir -p "$logs"
tests/scripts/deps.sh lab || true
if prepared; then
    targets=()
    for name in "${wanted[@]}"; do targets+=(--test "lab_$name"); done
    "$cargo" build --locked -q -p omadm-agent -p omadm-server
    "$cargo" test --locked -q --no-run -p omadm-tests "${targets[@]}"
    begun=$SECONDS
    for name in "${wanted[@]}"; do
        left=$((all - (SECONDS - begun)))
        if [ "$left" -lt 30 ]; then
            row "$name" "skipped: the others took all the time" 0
        else
            scenario "$name" $((left < each ? left : each))
        fi
    done
fi

printf '\n%-14s %7s  %s\n' scenario seconds result
printf '%s\n' "${rows[@]}"
exit "$failed"
