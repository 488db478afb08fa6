# guest.sh gadget: this machine's own function, which its own host side meets over dummy_hcd.
# guest.sh usbip: a device with complete CDC descriptors, in user space, is met as soon as it is plugged in.
. ./lib.sh

# plug and unplug the device of usbip_device.py, which has to run
plug() { usbip attach -r 127.0.0.1 -b 1-1; }
unplug() { usbip detach -p 00; }
# found PATTERN: whether such a function is listed
found() { server usb list --json | grep -q "$1"; }

# round NAME: a job that is done over the line that stands
round() {
    add_job replace ./DMAcc/lab/Name --value "$1"
    until_well 60 "job $job" job_done || true
    step "job-$1" server job show "$job" --json
    step "name-$1" omadm get --value ./DMAcc/lab/Name
}

over_usbip() {
    udev
    start_agent <<<"[obex]
listen = [\"unix+obex://$work/obex.sock\"]"
    acquaint http://127.0.0.1:9/nobody-listens
    logged usbip-device python3 usbip_device.py "$work/obex.sock"
    start_server --no-http --usb
    add_job replace ./DMAcc/lab/Name --value plugged
    sleep 6 # the server has given up looking for a while
    step nobody server job show "$job" --json
    until_well 20 "the device" plug
    from=$(date +%s%N)
    until_well 30 "job $job" job_done || true
    step plugged-ms echo $((($(date +%s%N) - from) / 1000000))
    step job-plugged server job show "$job" --json
    step list server usb list --json
    round again
    unplug
    sleep 2
    step list-unplugged server usb list --json
    plug
    round replugged
    until_well 30 "the end of the session" session_over || true
    step status omadm status --json
    step device cat log/usbip-device.log
}

# helper: the right to make gadgets, on its socket as a unit would have it
helper() {
    mkdir -p /run/omadm-rights
    logged helper keep_listening
    helper=$!
    until_well 10 "the socket of the helper" test -S /run/omadm-rights/gadget
}
keep_listening() {
    while rm -f /run/omadm-rights/gadget; do
        systemd-socket-activate -l /run/omadm-rights/gadget "$(command -v omadm-helper)" gadget --for root
    done
}
gadget() { command omadm usb-gadget "$@"; }
udc=/sys/kernel/config/usb_gadget/omadm/UDC

over_gadget() {
    udev
    step status-none gadget status --json || true
    helper
    step kernel-obex gadget up --kernel-obex || true
    step wrong-udc gadget up --udc musb || true
    start_agent <<<"[obex]
listen = [\"usb-gadget+obex:\"]"
    acquaint http://127.0.0.1:9/nobody-listens
    step away omadm status --json
    start_server --no-http --usb
    step up gadget up --json
    step twice gadget up || true
    round first
    step status-up gadget status --json
    step list server usb list --json
    round second
    # pulled out and plugged in again
    name=$(cat $udc)
    echo "" >$udc
    sleep 1
    echo "$name" >$udc
    round replugged
    step down gadget down
    step status-down gadget status --json
    sleep 1
    step list-down server usb list --json
    step left ls /sys/kernel/config/usb_gadget
    step up-again gadget up --obex --json
    round up-again
    until_well 30 "the end of the session" session_over || true
    step status omadm status --json
}

case $1 in
usbip) over_usbip ;;
gadget) over_gadget ;;
esac
