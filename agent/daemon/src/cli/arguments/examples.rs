//! What stands below the help of each verb. A test runs every example through the parser.

pub(super) const OMADM: &str = "\
Examples:
  omadm status                          the daemon, its accounts and its last session
  omadm kpi 'memory.*'                  this machine's memory, no daemon needed
  omadm session --trace                 run a session now and show its messages
  omadm tree ./DevInfo                  a part of the management tree
  omadm decode message.wbxml            a message in readable form

Exit codes: 0 done, 1 failed, 64 usage, 65 bad input, 66 no input file, 69 no daemon,
74 input or output error, 75 busy, 77 not permitted, 78 bad configuration.";

pub(super) const STATUS: &str = "\
Examples:
  omadm status                          is it well, and when does it call next
  omadm status --json                   for programs";

pub(super) const SESSION: &str = "\
Examples:
  omadm session                         with the only account
  omadm session --account lab --trace   and show what was said
  omadm session --trace session.txt     and keep the whole messages in a file

The exit code is 0 only when the session ended well.";

pub(super) const NOTIFY: &str = "\
Examples:
  omadm notify package0.bin             as it came by SMS, or from the server's operator
  omadm notify - < package0.bin
  omadm notify --json package0.bin      for programs

The session runs over the addresses of the account; omadm status shows how it ended.";

pub(super) const TREE: &str = "\
Examples:
  omadm tree                            all of it
  omadm tree ./DMAcc/lab                one account; secrets are never shown
  omadm tree --json ./DiagMon           for programs";

pub(super) const GET: &str = "\
Examples:
  omadm get ./DevInfo/DevId ./DevDetail/SwV
  omadm get --value ./DevInfo/Lang";

pub(super) const SET: &str = "\
Examples:
  omadm set ./DevInfo/Lang de-DE
  omadm set ./DMAcc/lab/Ext/Note/Photo --base64 --format bin --type image/png iVBORw0KGgo=";

pub(super) const DELETE: &str = "\
Example:
  omadm delete ./DMAcc/lab/Ext/Note";

pub(super) const KPI: &str = "\
Examples:
  omadm kpi                             everything that this machine has
  omadm kpi 'memory.*' 'link.*'         two groups
  omadm kpi 'memory.*' --watch 2        again every two seconds
  omadm kpi --all                       and what it has not, with the reason
  cd /var/lib/prometheus/node-exporter && omadm kpi --openmetrics > omadm.new && \\
      mv omadm.new omadm.prom           for node_exporter, which never sees half a file";

pub(super) const ACCOUNT: &str = "\
Examples:
  omadm account add lab --server-id lab.example --address https://lab.example/dm
  omadm account list
  omadm account show lab
  omadm account set lab --metered deny
  omadm account remove lab";

pub(super) const ACCOUNT_LIST: &str = "\
Examples:
  omadm account list                    with the result of the last session of each
  omadm account list --json             for programs";

pub(super) const ACCOUNT_SHOW: &str = "\
Examples:
  omadm account show lab                with each way to its server, and why it is passed over
  omadm account show lab --json         for programs; secrets are in neither";

pub(super) const ACCOUNT_REMOVE: &str = "\
Example:
  omadm account remove lab              its secrets are erased";

pub(super) const BLUETOOTH: &str = "\
Examples:
  omadm bluetooth status
  omadm bluetooth pair --account lab    the server runs `omadm-server bluetooth pair` meanwhile
  omadm bluetooth remove 00:1A:7D:DA:71:13";

pub(super) const BLUETOOTH_STATUS: &str = "\
Examples:
  omadm bluetooth status                adapters, pairings, and which accounts list them
  omadm bluetooth status --json         for programs";

pub(super) const BLUETOOTH_PAIR: &str = "\
Examples:
  omadm bluetooth pair --account lab    two minutes; the account lists the peer afterwards
  omadm bluetooth pair --for 30 --yes   where nobody can compare the numbers

With --yes whoever is first within that time and within range is paired with; without --account
no session can begin by it.";

pub(super) const BLUETOOTH_REMOVE: &str = "\
Example:
  omadm bluetooth remove 00:1A:7D:DA:71:13   from the adapter, and from every account that lists it";

pub(super) const CHECK: &str = "\
Examples:
  omadm check                           what omadmd would read at its start
  omadm check --config ./agent.toml     another file, before it is put in place";

pub(super) const DOCTOR: &str = "\
Examples:
  omadm doctor                          asks the daemon, or looks in its place
  sudo omadm doctor                     without a daemon: with the eyes of user omadm
  omadm doctor --json | jq '.features[] | select(.state == \"missing\")'

Exit code 0 when nothing is missing, 1 when something is.";

pub(super) const USB_GADGET: &str = "\
Examples:
  omadm usb-gadget up                   a serial port and the OBEX function
  omadm usb-gadget up --obex --udc fe980000.usb
  omadm usb-gadget status --json
  omadm usb-gadget down

It stays up until down, or the end of omadm-helper-gadget.service.";

pub(super) const DECODE: &str = "\
Examples:
  omadm decode message.wbxml
  omadm decode package0                 who wants a session, and how
  omadm decode line.hex                 OBEX, both directions in turn, or one of them
  omadm decode --json - < message.xml | omadm encode --to wbxml - > message.wbxml";

pub(super) const ENCODE: &str = "\
Example:
  omadm encode --to wbxml message.xml > message.wbxml";

pub(super) const DDF: &str = "\
Examples:
  omadm ddf list
  omadm ddf export devinfo > devinfo.xml";

pub(super) const DDF_LIST: &str = "\
Examples:
  omadm ddf list
  omadm ddf list --json                 for programs";

pub(super) const DDF_EXPORT: &str = "\
Examples:
  omadm ddf export devinfo
  omadm ddf export --to wbxml links > links.wbxml";

pub(super) const COMPLETIONS: &str = "\
Examples:
  omadm completions bash > /usr/share/bash-completion/completions/omadm
  omadm completions zsh > ~/.zfunc/_omadm
  omadm completions fish > ~/.config/fish/completions/omadm.fish";
