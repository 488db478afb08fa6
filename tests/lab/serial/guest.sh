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

# session QUERY DEVICE-END SERVER-END
session() {
    connect "tty+obex://$2?$1" "$3?$1"
    served one
    served two
    disconnect
}

query="baud=115200&entry=$2"
case $1 in
pty)
    cable line
    session "$query" "$work/line-device" "$work/line-server"
    ;;
mux)
    cable trunk
    multiplexed responder "$work/trunk-device"
    far=$channel
    multiplexed initiator "$work/trunk-server"
    step ends echo "$far" "$channel"
    session "$query" "$far" "$channel"
    ;;
esac
