# guest.sh gadget: this machine's own function, which its own host side meets over dummy_hcd.
# guest.sh acm: the serial port of that gadget.
# guest.sh usbip: a device with complete CDC descriptors, in user space, is met as soon as it is plugged in.
# guest.sh foreign: another host's OBEX stack meets such a device.
. ./lib.sh

nowhere=http://127.0.0.1:9/nobody-listens

# round NAME [VALUE]: a job that is done over the line that stands
round() {
    add_job replace ./DMAcc/lab/Name --value "${2:-$1}"
    until_well 60 "job $job" job_done || true
    step "job-$1" server job show "$job" --json
    step "name-$1" omadm get --value ./DMAcc/lab/Name
}

# finished: what the agent says of the last session, and how it ends
finished() {
    until_well 30 "the end of the session" session_over || true
    step status omadm status --json
    kill "$agent"
    step stopped wait "$agent"
}

# plug and unplug the device of usbip_device.py, which has to run
plug() { usbip attach -r 127.0.0.1 -b 1-1; }
unplug() { usbip detach -p 00; }
device() { logged usbip-device python3 usbip_device.py "$work/obex.sock" "$work/cut"; }
waiting_on_a_socket() {
    start_agent <<<"[obex]
listen = [\"unix+obex://$work/obex.sock\"]"
}
# longest SEEN: the longest transfer, in octets, that the device has seen after so many
longest() { sed -n 's/^transfer \([0-9]*\)$/\1/p' log/usbip-device.log | tail -n "+$(($1 + 1))" | sort -n | tail -n 1; }

over_usbip() {
    udev
    waiting_on_a_socket
    acquaint $nowhere
    device
    start_server --no-http --usb
    add_job replace ./DMAcc/lab/Name --value plugged
    sleep 6 # the server has given up looking for a while
    step nobody server job show "$job" --json
    until_well 20 "the device" plug
    local from
    from=$(date +%s%N)
    until_well 30 "job $job" job_done || true
    step plugged-ms echo $((($(date +%s%N) - from) / 1000000))
    step job-plugged server job show "$job" --json
    step list server usb list --json
    # Each is longer by as much as makes its transfer one of whole packets, as long as nothing else in
    # the message changes its length.
    local value=0123456789012345678901234567890123456789 seen try odd
    seen=$(grep -c ^transfer log/usbip-device.log)
    for try in 1 2 3 4 5 6; do
        round "whole-$try" "$value"
        from=$seen
        seen=$(grep -c ^transfer log/usbip-device.log)
        odd=$(($(longest "$from") % 512))
        [ "$odd" -ne 0 ] || break
        value=$(printf "%$((${#value} + 512 - odd))s" | tr ' ' x)
        [ "${#value}" -lt 800 ] || value=${value:512}
    done
    step transfers cat log/usbip-device.log
    # pulled out in the middle of a session
    touch "$work/cut"
    add_job replace ./DMAcc/lab/Name --value cut
    until_well 30 "the cut" test ! -e "$work/cut"
    sleep 1
    step cut server job show "$job" --json
    step list-unplugged server usb list --json
    until_well 20 "the device" plug
    until_well 60 "job $job" job_done || true
    step job-cut server job show "$job" --json
    # libusb 1.0.26 ends the program that chooses a setting of a device that has gone.
    local again
    for again in 1 2 3 4 5 6; do
        touch "$work/cut"
        add_job replace ./DMAcc/lab/Name --value "cut $again"
        until_well 30 "the cut" test ! -e "$work/cut"
        sleep 0.5
        until_well 20 "the device" plug
        until_well 60 "job $job" job_done || true
    done
    step job-cut-again server job show "$job" --json
    step server-lives kill -0 "$server" || true
    finished
}

foreign() {
    udev
    waiting_on_a_socket
    start_server --listen 127.0.0.1:8080
    acquaint http://127.0.0.1:8080/dm --encoding xml
    device
    until_well 20 "the device" plug
    add_job replace ./DMAcc/lab/Name --value foreign
    omadm-server notify "$device" --db "$work/server.db" --server-id "$server_id" --to "$work/package0"
    step libopenobex python3 libopenobex_usb.py usb session --type application/vnd.syncml.dm+xml \
        --package0 "$work/package0" --server http://127.0.0.1:8080/dm || true
    step job-foreign server job show "$job" --json
    step name-foreign omadm get --value ./DMAcc/lab/Name
    step log cat log/usbip-device.log
    finished
}

# helper: the right to make gadgets, on its socket as a unit would have it
helper() {
    mkdir -p /run/omadm-rights
    logged helper keep_listening
    until_well 10 "the socket of the helper" test -S /run/omadm-rights/gadget
}
keep_listening() {
    while rm -f /run/omadm-rights/gadget; do
        systemd-socket-activate -l /run/omadm-rights/gadget "$(command -v omadm-helper)" gadget --for root || true
    done
}
gadget() { command omadm usb-gadget "$@"; }
gadgets=/sys/kernel/config/usb_gadget
udc=$gadgets/omadm/UDC

over_gadget() {
    udev
    step status-none gadget status --json || true
    helper
    step kernel-obex gadget up --kernel-obex || true
    step wrong-udc gadget up --udc musb || true
    mkdir $gadgets/other
    start_agent <<<"[obex]
listen = [\"usb-gadget+obex:\"]"
    acquaint $nowhere
    step away omadm status --json
    start_server --no-http --usb
    step up gadget up --udc dummy_udc.0 --json
    step twice gadget up || true
    round first
    step status-up gadget status --json
    step list server usb list --json
    round second
    # it wants the functional descriptors that FunctionFS refuses
    step libopenobex python3 libopenobex_usb.py usb get application/vnd.syncml.dm+wbxml "$work/got" || true

    # pulled out and plugged in again
    local name
    name=$(cat $udc)
    echo "" >$udc
    sleep 1
    echo "$name" >$udc
    round replugged

    # pulled out while the agent says nothing
    kill -STOP "$agent"
    add_job replace ./DMAcc/lab/Name --value hung
    sleep 3
    local from
    from=$(grep -c unplugged log/omadm-server.log || true)
    echo "" >$udc
    sleep 2
    step unplugged-at-once test "$(grep -cE 'unplugged|does not answer' log/omadm-server.log)" -gt "$from" || true
    kill -CONT "$agent"
    echo "$name" >$udc
    until_well 60 "job $job" job_done || true
    step job-hung server job show "$job" --json

    step down gadget down
    until_well 10 "the socket of the helper" gadget status
    step status-down gadget status --json
    sleep 1
    step list-down server usb list --json
    step left ls $gadgets
    step up-again gadget up --obex --udc dummy_udc.0 --json
    round up-again

    # what a helper leaves that was killed is no obstacle to the next one
    pkill -KILL -x omadm-helper
    sleep 1
    step left-by-killed ls $gadgets
    until_well 10 "the socket of the helper" gadget status
    step up-after-kill gadget up --udc dummy_udc.0 --json
    round after-kill
    until_well 30 "the end of the session" session_over || true
    kill "$server"
    wait "$server" || true
    step notify omadm-server notify "$device" --db "$work/server.db" --server-id "$server_id" \
        --line usb+obex://1d6b:0104 --json || true
    finished
    gadget down
}

over_acm() {
    udev
    helper
    step up gadget up --acm --udc dummy_udc.0 --json
    until_well 20 "the port of the device" test -c /dev/ttyGS0
    start_agent <<<"[obex]
listen = [\"tty+obex:///dev/ttyGS0?entry=raw\"]"
    acquaint $nowhere
    start_server --no-http --usb "1d6b:0104?function=acm"
    round first
    local name
    name=$(cat $udc)
    echo "" >$udc
    sleep 2
    step unplugged omadm status --json
    echo "$name" >$udc
    round replugged
    finished
    gadget down
}

case $1 in
gadget) over_gadget ;;
acm) over_acm ;;
usbip) over_usbip ;;
foreign) foreign ;;
esac
