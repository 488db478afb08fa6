//! The words that classify a KPI: group, unit, kind, privacy, what it is counted per.

use std::fmt;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $( $(#[$note:meta])* $variant:ident = $text:literal, )+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $( $(#[$note])* $variant, )+ }

        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name, as it stands in listings and files.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

named! {
    /// What a KPI belongs to; its name is the first segment of the KPI's name.
    Group {
        /// Main memory and swap.
        Memory = "memory",
        /// Pressure stall information: time lost for want of a resource.
        Pressure = "pressure",
        /// Processor time.
        Cpu = "cpu",
        /// The machine as a whole: load, processes, uptime, open files.
        System = "system",
        /// The processes that hold the most memory.
        Process = "process",
        /// Temperatures, and where the machine defends itself against them.
        Thermal = "thermal",
        /// Batteries and mains.
        Power = "power",
        /// Space on mounted file systems.
        Storage = "storage",
        /// Network interfaces.
        Link = "link",
        /// Addresses of network interfaces.
        Address = "address",
        /// Packets on their way from the drivers into the network stack, per processor.
        Softnet = "softnet",
        /// The routing table.
        Route = "route",
        /// Hosts known on the links (ARP and NDP).
        Neighbour = "neighbour",
        /// Internet protocol counters.
        Ip = "ip",
        /// Internet control messages.
        Icmp = "icmp",
        /// TCP of this machine.
        Tcp = "tcp",
        /// UDP of this machine.
        Udp = "udp",
    }
}

named! {
    /// How a value moves.
    Kind {
        /// Goes up and down.
        Gauge = "gauge",
        /// Only grows, until the machine or the device behind it restarts.
        Counter = "counter",
        /// A condition out of a small list of words, or a truth value.
        State = "state",
        /// A fact that seldom changes.
        Info = "info",
    }
}

named! {
    /// What a number counts.
    Unit {
        /// A number without a unit, or a text.
        One = "one",
        /// Octets.
        Bytes = "bytes",
        /// Pages of memory, as large as the machine's pages.
        Pages = "pages",
        /// Packets, frames, datagrams or segments.
        Packets = "packets",
        /// Occurrences.
        Events = "events",
        /// Hundredths.
        Percent = "percent",
        /// Seconds.
        Seconds = "seconds",
        /// Thousandths of a second.
        Milliseconds = "milliseconds",
        /// Millionths of a second.
        Microseconds = "microseconds",
        /// Degrees Celsius.
        Celsius = "celsius",
        /// Volts.
        Volts = "volts",
        /// Amperes.
        Amperes = "amperes",
        /// Watts.
        Watts = "watts",
        /// Ampere-hours, in which charge is sold.
        AmpereHours = "ampere-hours",
        /// Watt-hours, in which energy is sold.
        WattHours = "watt-hours",
    }
}

impl Unit {
    /// The sign that follows a number: `B`, `%`, `ms`; empty for plain numbers.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::One | Self::Events => "",
            Self::Bytes => "B",
            Self::Pages => "pages",
            Self::Packets => "packets",
            Self::Percent => "%",
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::Celsius => "°C",
            Self::Volts => "V",
            Self::Amperes => "A",
            Self::Watts => "W",
            Self::AmpereHours => "Ah",
            Self::WattHours => "Wh",
        }
    }
}

named! {
    /// How much a value tells about people; who may have it is decided by the one who reports it.
    ///
    /// Totals over all of a machine's traffic are technical: they name no peer. What names a
    /// machine, or counts the people around it, is not.
    Privacy {
        /// P0: technical.
        Technical = "P0",
        /// P1: identifies the device or its subscriber: MAC and IP addresses, IMEI, IMSI, SSID.
        Identifier = "P1",
        /// P2: tells where the device is.
        Location = "P2",
        /// P3: tells how, when and with whom the device is used.
        Usage = "P3",
        /// P4: content.
        Content = "P4",
    }
}

named! {
    /// What a KPI has one value per.
    Per {
        /// One value for the machine; a sample has no instance.
        Machine = "machine",
        /// The instance is a processor: `cpu0`.
        Processor = "processor",
        /// The instance is an interface: `eth0`.
        Link = "link",
        /// The instance is a mount point: `/var`.
        Mount = "mount",
        /// The instance is the number of a process: `812`.
        Process = "process",
        /// The instance is a thermal zone of the kernel: `thermal_zone0`.
        Zone = "zone",
        /// The instance is a power supply: `BAT0`.
        Supply = "supply",
    }
}
