# Debian's own kernel with the drivers of 16550 UARTs and of USB converters by FTDI. ttyS1 and ttyS4 are one
# cable, ttyS5 and the converter another, ttyS6 is QEMU's monitor.
#   guest.sh uart QUERY   sessions over two UARTs
#   guest.sh usb          sessions over the converter, which is pulled out in between
#   guest.sh break        a BREAK on a UART in OBEX mode
. ./lib.sh

# What it said before was echoed to it, and is ended first.
monitor() { printf '\n%s\n' "$*" >/dev/ttyS6; }
converter() {
    modprobe xhci_pci
    modprobe ftdi_sio
    until_well 20 "the converter" test -c /dev/ttyUSB0
}
waits() { omadm status | grep -q '^Line .* waiting$'; }
gone() { ! [ -e /dev/ttyUSB0 ]; }

stty -F /dev/ttyS6 raw -echo
step uarts cat /proc/tty/driver/serial
case $1 in
uart)
    connect "tty+obex:///dev/ttyS1?$2" "/dev/ttyS4?$2"
    served one
    served two
    disconnect
    ;;
usb)
    converter
    step driver readlink -f /sys/class/tty/ttyUSB0/device/driver
    connect 'tty+obex:///dev/ttyS5?baud=115200&entry=at' '/dev/ttyUSB0?baud=115200&entry=at'
    served one
    monitor device_del converter
    until_well 30 "the converter to be gone" gone
    # The server looks for it before it is there again.
    (sleep 5 && monitor device_add usb-serial,id=converter,chardev=converter,bus=hub.0) &
    served two
    disconnect
    ;;
break)
    start_agent <<<'[obex]
listen = ["tty+obex:///dev/ttyS1?baud=115200&entry=at"]'
    until_well 20 "the agent to wait" waits
    step dialogue python3 talk.py /dev/ttyS4 /dev/ttyS6 waiting
    kill "$agent"
    step stopped wait "$agent"
    ;;
esac
