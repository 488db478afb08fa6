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

case $1 in
usbip) over_usbip ;;
esac
