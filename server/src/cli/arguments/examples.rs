//! What stands below the help of each verb. A test runs every example through the parser.

pub(super) const SERVER: &str = "\
Examples:
  omadm-server serve --server-id lab.example          leave it running
  omadm-server device add IMEI:490154203237518        prints the line for the device
  omadm-server job add IMEI:490154203237518 get './DevInfo?list=StructData'
  omadm-server job show 1                             after `omadm session` on the device

Exit codes: 0 done, 1 a job failed, 64 usage, 65 bad input, 66 no input file, 69 cannot listen or
reach a device, 74 database or output error, 75 timed out or too early, 78 another program's database.";

pub(super) const SERVE: &str = "\
Examples:
  omadm-server serve                                  on 127.0.0.1:8080, for this machine
  omadm-server serve --listen 0.0.0.0:443 --server-id dms.example \\
      --tls-cert chain.pem --tls-key key.pem
  omadm-server serve --public-url https://dms.example/dm   behind a proxy
  omadm-server serve --serial '/dev/ttyUSB0?baud=115200&device=IMEI:490154203237518'
  omadm-server serve --bluetooth                      the first paired device with the service
  omadm-server serve --bluetooth '00:1A:7D:DA:71:13?device=IMEI:490154203237518'
  omadm-server serve --usb                            whatever device is plugged in
  omadm-server serve --usb '1d6b:0104?device=IMEI:490154203237518'
  omadm-server serve --no-http --obex unix+obex:///run/omadm/obex.sock --every 3600

A line without device= leads to the only device that is registered. It is dialled at the start,
when a job waits for its device, and after --every; one on USB also when it is plugged in.";

pub(super) const NOTIFY: &str = "\
Examples:
  omadm-server notify IMEI:490154203237518 --to session.p0   then `omadm notify session.p0` there
  omadm-server notify IMEI:490154203237518 --line /dev/ttyUSB0
  omadm-server notify IMEI:490154203237518 --bluetooth 00:1A:7D:DA:71:13
  omadm-server notify IMEI:490154203237518 --line usb+obex://1d6b:0104
  omadm-server notify IMEI:490154203237518 --line unix+obex:///run/omadm/obex.sock --json";

pub(super) const BLUETOOTH: &str = "\
Examples:
  omadm-server bluetooth scan
  omadm-server bluetooth pair 00:1A:7D:DA:71:13       while `omadm bluetooth pair` runs there";

pub(super) const BLUETOOTH_SCAN: &str = "\
Examples:
  omadm-server bluetooth scan
  omadm-server bluetooth scan --for 20 --adapter hci1 --json

CLASSES are the services of SyncML that a device offers; dm-client is one that can be managed.";

pub(super) const BLUETOOTH_PAIR: &str = "\
Examples:
  omadm-server bluetooth pair 00:1A:7D:DA:71:13
  omadm-server bluetooth pair 00:1A:7D:DA:71:13 --yes   where nobody can compare the numbers

The device has to be discoverable, as it is during `omadm bluetooth pair`. With --yes whoever has
the address at that moment is paired with.";

pub(super) const USB_LIST: &str = "\
Examples:
  omadm-server usb list
  omadm-server usb list --json                        for programs";

pub(super) const DEVICE_SET: &str = "\
Examples:
  omadm-server device set IMEI:490154203237518 --obex-name lab --obex-secret-file obex.secret
  omadm-server device set IMEI:490154203237518 --no-obex";

pub(super) const DEVICE: &str = "\
Examples:
  omadm-server device add IMEI:490154203237518
  omadm-server device list
  omadm-server device show IMEI:490154203237518";

pub(super) const DEVICE_LIST: &str = "\
Examples:
  omadm-server device list
  omadm-server device list --json                     for programs";

pub(super) const DEVICE_SHOW: &str = "\
Example:
  omadm-server device show IMEI:490154203237518";

pub(super) const DEVICE_REMOVE: &str = "\
Example:
  omadm-server device remove IMEI:490154203237518";

pub(super) const JOB: &str = "\
Examples:
  omadm-server job add IMEI:490154203237518 get ./DevInfo/Man ./DevInfo/Mod
  omadm-server job wait 1 --timeout 600
  omadm-server job show 1";

pub(super) const JOB_LIST: &str = "\
Examples:
  omadm-server job list --state queued
  omadm-server job list --device IMEI:490154203237518 --json";

pub(super) const JOB_SHOW: &str = "\
Example:
  omadm-server job show 1 2";

pub(super) const JOB_CANCEL: &str = "\
Example:
  omadm-server job cancel 2";

pub(super) const JOB_WAIT: &str = "\
Example:
  omadm-server job wait 1 2 --timeout 600             exit code 0 when all of both was done";

pub(super) const SESSION: &str = "\
Examples:
  omadm-server session list
  omadm-server session show 7";

pub(super) const SESSION_LIST: &str = "\
Examples:
  omadm-server session list
  omadm-server session list --device IMEI:490154203237518";

pub(super) const SESSION_SHOW: &str = "\
Example:
  omadm-server session show 7                         every message of it; secrets are masked";

pub(super) const COMPLETIONS: &str = "\
Examples:
  omadm-server completions bash > /usr/share/bash-completion/completions/omadm-server
  omadm-server completions zsh > ~/.zfunc/_omadm-server
  omadm-server completions fish > ~/.config/fish/completions/omadm-server.fish";

pub(super) const GET: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 get './DiagMon/Memory?list=StructData'";

pub(super) const ADD: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 add ./DMAcc/lab/Ext/Lab/Note --value x";

pub(super) const REPLACE: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 replace './DMAcc/lab/Name?prop=Title' --value Lab";

pub(super) const DELETE: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 delete ./DMAcc/lab/Ext/Lab/Note";

pub(super) const COPY: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 copy ./DMAcc/lab/Name ./DMAcc/lab/Ext/Lab/Name";

pub(super) const EXEC: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 exec ./DiagMon/Ping/Operations/Start --correlator ping-1";

pub(super) const ATOMIC: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 atomic change.txt";

pub(super) const SEQUENCE: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 sequence change.txt";

pub(super) const RAW: &str = "\
Example:
  omadm-server job add IMEI:490154203237518 raw commands.xml";
