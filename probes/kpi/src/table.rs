//! The one table of all KPIs.

use std::{fmt, str::FromStr};

use crate::{Group, Kind, Per, Privacy, Unit, UnknownKpi};

/// What is known of a KPI before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kpi {
    /// Its identity in the program.
    pub id: KpiId,
    /// Its stable, dotted name; the first segment is the group's name.
    pub name: &'static str,
    /// What it says, in one phrase.
    pub description: &'static str,
    /// What it belongs to.
    pub group: Group,
    /// What a number counts.
    pub unit: Unit,
    /// How the value moves.
    pub kind: Kind,
    /// How much it tells about people.
    pub privacy: Privacy,
    /// What there is one value per.
    pub per: Per,
}

macro_rules! kpis {
    ($( $group:ident per $per:ident {
        $( $id:ident $name:literal $unit:ident $kind:ident $privacy:ident $description:literal )+
    } )+) => {
        /// A KPI; its name is what is stored and sent, its number is not.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        pub enum KpiId { $($( #[doc = $description] $id, )+)+ }

        /// Every KPI, in the order of listings.
        pub const ALL: &[KpiId] = &[$($( KpiId::$id, )+)+];

        impl KpiId {
            /// What is known of this KPI.
            pub const fn kpi(self) -> &'static Kpi {
                match self {
                    $($( Self::$id => &Kpi {
                        id: Self::$id,
                        name: $name,
                        description: $description,
                        group: Group::$group,
                        unit: Unit::$unit,
                        kind: Kind::$kind,
                        privacy: Privacy::$privacy,
                        per: Per::$per,
                    }, )+)+
                }
            }
        }
    };
}

kpis! {
    Memory per Machine {
        MemoryTotal "memory.total" Bytes Gauge Technical "Memory that the kernel can use"
        MemoryFree "memory.free" Bytes Gauge Technical "Memory that nothing uses"
        MemoryAvailable "memory.available" Bytes Gauge Technical "Memory that new programs can have without swapping, as the kernel estimates it"
        MemoryBuffers "memory.buffers" Bytes Gauge Technical "Cache of raw block devices"
        MemoryCached "memory.cached" Bytes Gauge Technical "Page cache, shared memory included"
        MemoryActive "memory.active" Bytes Gauge Technical "Memory used recently"
        MemoryInactive "memory.inactive" Bytes Gauge Technical "Memory not used recently, reclaimed first"
        MemoryUnevictable "memory.unevictable" Bytes Gauge Technical "Memory that cannot be reclaimed, locked memory included"
        MemoryAnonymous "memory.anonymous" Bytes Gauge Technical "Memory of programs that no file backs"
        MemoryMapped "memory.mapped" Bytes Gauge Technical "Files mapped by programs"
        MemoryShared "memory.shared" Bytes Gauge Technical "Shared memory and tmpfs"
        MemoryDirty "memory.dirty" Bytes Gauge Technical "Data waiting to be written back"
        MemoryWriteback "memory.writeback" Bytes Gauge Technical "Data being written back"
        MemorySlab "memory.slab" Bytes Gauge Technical "The kernel's own objects"
        MemorySlabReclaimable "memory.slab.reclaimable" Bytes Gauge Technical "The kernel's caches that shrink under pressure"
        MemorySlabUnreclaimable "memory.slab.unreclaimable" Bytes Gauge Technical "The kernel's objects that do not shrink; steady growth is a leak"
        MemoryKernelStack "memory.kernel-stack" Bytes Gauge Technical "Kernel stacks of all tasks"
        MemoryPageTables "memory.page-tables" Bytes Gauge Technical "Page tables"
        MemoryPercpu "memory.percpu" Bytes Gauge Technical "Memory of the kernel's per-processor data"
        MemoryCommitted "memory.committed" Bytes Gauge Technical "Memory that programs were promised"
        MemoryCommitLimit "memory.commit-limit" Bytes Gauge Technical "Memory that may be promised when overcommit is forbidden"
        MemorySwapTotal "memory.swap.total" Bytes Gauge Technical "Swap space"
        MemorySwapFree "memory.swap.free" Bytes Gauge Technical "Swap space that is free"
        MemorySwapCached "memory.swap.cached" Bytes Gauge Technical "Memory that is also in swap"
        MemoryZswap "memory.zswap" Bytes Gauge Technical "Memory taken by the compressed swap cache"
        MemoryFaults "memory.faults" Events Counter Technical "Page faults"
        MemoryFaultsMajor "memory.faults.major" Events Counter Technical "Page faults that waited for a disk"
        MemorySwapIn "memory.swap.in" Pages Counter Technical "Pages read from swap"
        MemorySwapOut "memory.swap.out" Pages Counter Technical "Pages written to swap"
        MemoryAllocationStalls "memory.allocation-stalls" Events Counter Technical "Allocations that had to reclaim memory themselves"
        MemoryCompactionFailures "memory.compaction.failures" Events Counter Technical "Failed attempts to make contiguous memory: fragmentation"
        MemoryRefaultsAnonymous "memory.refaults.anonymous" Pages Counter Technical "Program pages that were reclaimed and needed again soon"
        MemoryRefaultsFile "memory.refaults.file" Pages Counter Technical "File pages that were reclaimed and needed again soon"
        MemoryOomKills "memory.oom-kills" Events Counter Technical "Processes killed for want of memory"
    }
    Pressure per Machine {
        PressureCpuSomeAvg10 "pressure.cpu.some.avg10" Percent Gauge Technical "Share of the last 10 s in which some task waited for a processor"
        PressureCpuSomeAvg60 "pressure.cpu.some.avg60" Percent Gauge Technical "Share of the last 60 s in which some task waited for a processor"
        PressureCpuSomeAvg300 "pressure.cpu.some.avg300" Percent Gauge Technical "Share of the last 300 s in which some task waited for a processor"
        PressureCpuSomeTotal "pressure.cpu.some.total" Microseconds Counter Technical "Time in which some task waited for a processor"
        PressureCpuFullAvg10 "pressure.cpu.full.avg10" Percent Gauge Technical "Share of the last 10 s in which every runnable task waited for a processor"
        PressureCpuFullAvg60 "pressure.cpu.full.avg60" Percent Gauge Technical "Share of the last 60 s in which every runnable task waited for a processor"
        PressureCpuFullAvg300 "pressure.cpu.full.avg300" Percent Gauge Technical "Share of the last 300 s in which every runnable task waited for a processor"
        PressureCpuFullTotal "pressure.cpu.full.total" Microseconds Counter Technical "Time in which every runnable task waited for a processor"
        PressureIoSomeAvg10 "pressure.io.some.avg10" Percent Gauge Technical "Share of the last 10 s in which some task waited for a disk"
        PressureIoSomeAvg60 "pressure.io.some.avg60" Percent Gauge Technical "Share of the last 60 s in which some task waited for a disk"
        PressureIoSomeAvg300 "pressure.io.some.avg300" Percent Gauge Technical "Share of the last 300 s in which some task waited for a disk"
        PressureIoSomeTotal "pressure.io.some.total" Microseconds Counter Technical "Time in which some task waited for a disk"
        PressureIoFullAvg10 "pressure.io.full.avg10" Percent Gauge Technical "Share of the last 10 s in which every runnable task waited for a disk"
        PressureIoFullAvg60 "pressure.io.full.avg60" Percent Gauge Technical "Share of the last 60 s in which every runnable task waited for a disk"
        PressureIoFullAvg300 "pressure.io.full.avg300" Percent Gauge Technical "Share of the last 300 s in which every runnable task waited for a disk"
        PressureIoFullTotal "pressure.io.full.total" Microseconds Counter Technical "Time in which every runnable task waited for a disk"
        PressureMemorySomeAvg10 "pressure.memory.some.avg10" Percent Gauge Technical "Share of the last 10 s in which some task waited for memory"
        PressureMemorySomeAvg60 "pressure.memory.some.avg60" Percent Gauge Technical "Share of the last 60 s in which some task waited for memory"
        PressureMemorySomeAvg300 "pressure.memory.some.avg300" Percent Gauge Technical "Share of the last 300 s in which some task waited for memory"
        PressureMemorySomeTotal "pressure.memory.some.total" Microseconds Counter Technical "Time in which some task waited for memory"
        PressureMemoryFullAvg10 "pressure.memory.full.avg10" Percent Gauge Technical "Share of the last 10 s in which every runnable task waited for memory"
        PressureMemoryFullAvg60 "pressure.memory.full.avg60" Percent Gauge Technical "Share of the last 60 s in which every runnable task waited for memory"
        PressureMemoryFullAvg300 "pressure.memory.full.avg300" Percent Gauge Technical "Share of the last 300 s in which every runnable task waited for memory"
        PressureMemoryFullTotal "pressure.memory.full.total" Microseconds Counter Technical "Time in which every runnable task waited for memory"
    }
    Cpu per Machine {
        CpuUser "cpu.user" Milliseconds Counter Technical "Time of all processors in programs"
        CpuNice "cpu.nice" Milliseconds Counter Technical "Time of all processors in programs of lowered priority"
        CpuSystem "cpu.system" Milliseconds Counter Technical "Time of all processors in the kernel"
        CpuIdle "cpu.idle" Milliseconds Counter Technical "Time of all processors with nothing to do"
        CpuIowait "cpu.iowait" Milliseconds Counter Technical "Time of all processors idle while a disk was awaited"
        CpuIrq "cpu.irq" Milliseconds Counter Technical "Time of all processors in interrupts"
        CpuSoftirq "cpu.softirq" Milliseconds Counter Technical "Time of all processors in deferred interrupts, network traffic among them"
        CpuSteal "cpu.steal" Milliseconds Counter Technical "Time of all processors taken by the hypervisor"
        CpuGuest "cpu.guest" Milliseconds Counter Technical "Time of all processors in virtual machines, part of the time in programs"
        CpuGuestNice "cpu.guest-nice" Milliseconds Counter Technical "Time of all processors in virtual machines of lowered priority, part of the time in programs of lowered priority"
        CpuCount "cpu.count" One Gauge Technical "Processors online"
        CpuInterrupts "cpu.interrupts" Events Counter Technical "Interrupts"
        CpuSoftirqs "cpu.softirqs" Events Counter Technical "Deferred interrupts"
        CpuContextSwitches "cpu.context-switches" Events Counter Technical "Switches from task to task"
    }
    Cpu per Processor {
        CpuCoreUser "cpu.core.user" Milliseconds Counter Technical "Time of one processor in programs"
        CpuCoreNice "cpu.core.nice" Milliseconds Counter Technical "Time of one processor in programs of lowered priority"
        CpuCoreSystem "cpu.core.system" Milliseconds Counter Technical "Time of one processor in the kernel"
        CpuCoreIdle "cpu.core.idle" Milliseconds Counter Technical "Time of one processor with nothing to do"
        CpuCoreIowait "cpu.core.iowait" Milliseconds Counter Technical "Time of one processor idle while a disk was awaited"
        CpuCoreIrq "cpu.core.irq" Milliseconds Counter Technical "Time of one processor in interrupts"
        CpuCoreSoftirq "cpu.core.softirq" Milliseconds Counter Technical "Time of one processor in deferred interrupts, network traffic among them"
        CpuCoreSteal "cpu.core.steal" Milliseconds Counter Technical "Time of one processor taken by the hypervisor"
    }
    System per Machine {
        SystemUptime "system.uptime" Seconds Gauge Technical "Time since the machine started"
        SystemBootTime "system.boot-time" Seconds Info Technical "When the machine started, in seconds since 1970; as right as its clock"
        SystemLoad1 "system.load.1m" One Gauge Technical "Tasks running or waiting for a disk, mean of one minute"
        SystemLoad5 "system.load.5m" One Gauge Technical "Tasks running or waiting for a disk, mean of five minutes"
        SystemLoad15 "system.load.15m" One Gauge Technical "Tasks running or waiting for a disk, mean of fifteen minutes"
        SystemTasks "system.tasks" One Gauge Technical "Tasks, threads counted each"
        SystemTasksRunnable "system.tasks.runnable" One Gauge Technical "Tasks that run or could run"
        SystemTasksBlocked "system.tasks.blocked" One Gauge Technical "Tasks that wait for a disk"
        SystemForks "system.forks" Events Counter Technical "Tasks started"
        SystemFilesOpen "system.files.open" One Gauge Technical "File handles in use"
        SystemFilesLimit "system.files.limit" One Gauge Technical "File handles that may be in use"
    }
    Process per Machine {
        ProcessCount "process.count" One Gauge Technical "Processes, those of the kernel included"
    }
    Process per Process {
        ProcessName "process.name" One Info Usage "Name of a process that is among those with the most memory"
        ProcessRss "process.rss" Bytes Gauge Technical "Memory of a process, what it shares with others in full"
        ProcessPss "process.pss" Bytes Gauge Technical "Memory of a process, what it shares with others in equal parts"
        ProcessCpuTime "process.cpu-time" Milliseconds Counter Technical "Processor time of a process, its threads included"
        ProcessThreads "process.threads" One Gauge Technical "Threads of a process"
    }
    Thermal per Zone {
        ThermalType "thermal.type" One Info Technical "What the thermal zone measures, as its driver names it"
        ThermalTemperature "thermal.temperature" Celsius Gauge Technical "Temperature"
        ThermalTripActive "thermal.trip.active" Celsius Info Technical "Lowest temperature at which a fan is turned on or up"
        ThermalTripPassive "thermal.trip.passive" Celsius Info Technical "Lowest temperature at which the machine is slowed down"
        ThermalTripHot "thermal.trip.hot" Celsius Info Technical "Temperature that the driver is told of"
        ThermalTripCritical "thermal.trip.critical" Celsius Info Technical "Temperature at which the machine is switched off"
    }
    Power per Supply {
        PowerType "power.type" One Info Technical "Kind of power supply: battery, mains, usb"
        PowerOnline "power.online" One State Technical "Whether the supply can feed the machine"
        PowerPresent "power.present" One State Technical "Whether the battery is there"
        PowerStatus "power.status" One State Technical "What the battery does: charging, discharging, not-charging, full, unknown"
        PowerHealth "power.health" One State Technical "State of the battery as its driver sees it: good, overheat, dead"
        PowerCapacity "power.capacity" Percent Gauge Technical "Charge of the battery as a share of what it holds now"
        PowerVoltage "power.voltage" Volts Gauge Technical "Voltage"
        PowerCurrent "power.current" Amperes Gauge Technical "Current; many drivers count what leaves the battery as negative"
        PowerPower "power.power" Watts Gauge Technical "Power; many drivers count what leaves the battery as negative"
        PowerCharge "power.charge" AmpereHours Gauge Technical "Charge of the battery"
        PowerChargeFull "power.charge.full" AmpereHours Gauge Technical "Charge that the battery holds now"
        PowerChargeDesign "power.charge.design" AmpereHours Info Technical "Charge that the battery held when it was new"
        PowerEnergy "power.energy" WattHours Gauge Technical "Energy in the battery"
        PowerEnergyFull "power.energy.full" WattHours Gauge Technical "Energy that the battery holds now"
        PowerEnergyDesign "power.energy.design" WattHours Info Technical "Energy that the battery held when it was new"
        PowerTemperature "power.temperature" Celsius Gauge Technical "Temperature of the battery"
        PowerCycles "power.cycles" Events Counter Technical "How often the battery was charged and discharged"
    }
    Storage per Mount {
        StorageSize "storage.size" Bytes Gauge Technical "Size of the file system"
        StorageFree "storage.free" Bytes Gauge Technical "Free space, the part reserved for root included"
        StorageAvailable "storage.available" Bytes Gauge Technical "Free space that every user may fill"
        StorageFiles "storage.files" One Gauge Technical "Files and folders that fit (inodes)"
        StorageFilesFree "storage.files.free" One Gauge Technical "Files and folders that can still be made (inodes)"
        StorageReadOnly "storage.read-only" One State Technical "Whether the file system refuses writes, by mount option or after an error"
        StorageType "storage.type" One Info Technical "Kind of file system"
    }
    Link per Machine {
        LinkCount "link.count" One Gauge Technical "Network interfaces"
    }
    Link per Link {
        LinkRxBytes "link.rx.bytes" Bytes Counter Technical "Bytes received"
        LinkRxPackets "link.rx.packets" Packets Counter Technical "Packets received"
        LinkRxErrors "link.rx.errors" Packets Counter Technical "Bad packets received"
        LinkRxDropped "link.rx.dropped" Packets Counter Technical "Packets received and dropped for want of room or of a taker"
        LinkRxMulticast "link.rx.multicast" Packets Counter Technical "Multicast packets received"
        LinkRxLengthErrors "link.rx.length-errors" Packets Counter Technical "Packets of wrong length"
        LinkRxOverErrors "link.rx.over-errors" Packets Counter Technical "Packets lost to a full ring"
        LinkRxCrcErrors "link.rx.crc-errors" Packets Counter Technical "Packets with a wrong checksum"
        LinkRxFrameErrors "link.rx.frame-errors" Packets Counter Technical "Packets with a wrong frame alignment"
        LinkRxFifoErrors "link.rx.fifo-errors" Packets Counter Technical "Packets lost to a full queue"
        LinkRxMissedErrors "link.rx.missed-errors" Packets Counter Technical "Packets that the host was too slow to take"
        LinkRxNoHandler "link.rx.no-handler" Packets Counter Technical "Packets that nothing on the machine wanted"
        LinkRxOtherHostDropped "link.rx.other-host-dropped" Packets Counter Technical "Packets dropped because they were for another host"
        LinkTxBytes "link.tx.bytes" Bytes Counter Technical "Bytes sent"
        LinkTxPackets "link.tx.packets" Packets Counter Technical "Packets sent"
        LinkTxErrors "link.tx.errors" Packets Counter Technical "Packets that could not be sent"
        LinkTxDropped "link.tx.dropped" Packets Counter Technical "Packets dropped before they were sent"
        LinkTxAbortedErrors "link.tx.aborted-errors" Packets Counter Technical "Packets whose sending was aborted"
        LinkTxCarrierErrors "link.tx.carrier-errors" Packets Counter Technical "Packets lost for want of a carrier"
        LinkTxFifoErrors "link.tx.fifo-errors" Packets Counter Technical "Packets lost to an empty or full queue"
        LinkTxHeartbeatErrors "link.tx.heartbeat-errors" Packets Counter Technical "Heartbeat errors of old Ethernet"
        LinkTxWindowErrors "link.tx.window-errors" Packets Counter Technical "Late collisions"
        LinkCollisions "link.collisions" Events Counter Technical "Collisions"
        LinkCarrierChanges "link.carrier-changes" Events Counter Technical "How often the carrier came or went"
        LinkState "link.state" One State Technical "Operational state (RFC 2863): up, down, dormant, lower-layer-down, testing, not-present, unknown"
        LinkEnabled "link.enabled" One State Technical "Whether the interface is switched on"
        LinkCarrier "link.carrier" One State Technical "Whether there is a carrier"
        LinkMtu "link.mtu" Bytes Gauge Technical "Largest packet"
        LinkKind "link.kind" One Info Technical "Kind of the interface: ethernet, loopback, bridge, vlan, wireguard and so on"
        LinkAddress "link.address" One Info Identifier "Hardware address"
    }
    Address per Link {
        AddressIpv4Count "address.ipv4.count" One Gauge Technical "IPv4 addresses of the interface"
        AddressIpv6Count "address.ipv6.count" One Gauge Technical "IPv6 addresses of the interface"
        AddressIpv6Global "address.ipv6.global" One Gauge Technical "IPv6 addresses of global scope that may be used"
        AddressIpv4List "address.ipv4.list" One Info Identifier "IPv4 addresses with prefix length, separated by blanks"
        AddressIpv6List "address.ipv6.list" One Info Identifier "IPv6 addresses with prefix length, separated by blanks"
    }
    Softnet per Processor {
        SoftnetProcessed "softnet.processed" Packets Counter Technical "Packets that one processor took from the drivers; 32 bits wide"
        SoftnetDropped "softnet.dropped" Packets Counter Technical "Packets lost to a full backlog of one processor; 32 bits wide"
        SoftnetSqueezed "softnet.squeezed" Events Counter Technical "How often packets had to wait for the next turn of one processor; 32 bits wide"
        SoftnetSteered "softnet.steered" Events Counter Technical "How often another processor passed packets to this one (RPS); 32 bits wide"
        SoftnetFlowLimited "softnet.flow-limited" Packets Counter Technical "Packets of heavy flows dropped so that light ones get through; 32 bits wide"
        SoftnetBacklog "softnet.backlog" Packets Gauge Technical "Packets that wait for one processor"
    }
    Route per Machine {
        RouteIpv4Count "route.ipv4.count" One Gauge Technical "IPv4 routes in the main table"
        RouteIpv4Defaults "route.ipv4.defaults" One Gauge Technical "IPv4 default routes in the main table"
        RouteIpv4DefaultLink "route.ipv4.default.link" One Info Technical "Interface of the preferred IPv4 default route"
        RouteIpv4DefaultMetric "route.ipv4.default.metric" One Gauge Technical "Metric of the preferred IPv4 default route"
        RouteIpv4DefaultGateway "route.ipv4.default.gateway" One Info Identifier "Gateway of the preferred IPv4 default route"
        RouteIpv6Count "route.ipv6.count" One Gauge Technical "IPv6 routes in the main table"
        RouteIpv6Defaults "route.ipv6.defaults" One Gauge Technical "IPv6 default routes in the main table"
        RouteIpv6DefaultLink "route.ipv6.default.link" One Info Technical "Interface of the preferred IPv6 default route"
        RouteIpv6DefaultMetric "route.ipv6.default.metric" One Gauge Technical "Metric of the preferred IPv6 default route"
        RouteIpv6DefaultGateway "route.ipv6.default.gateway" One Info Identifier "Gateway of the preferred IPv6 default route"
    }
    Neighbour per Link {
        NeighbourReachable "neighbour.reachable" One Gauge Usage "Neighbours confirmed a moment ago"
        NeighbourStale "neighbour.stale" One Gauge Usage "Neighbours known, not confirmed lately"
        NeighbourDelay "neighbour.delay" One Gauge Usage "Neighbours about to be asked again"
        NeighbourProbe "neighbour.probe" One Gauge Usage "Neighbours being asked again"
        NeighbourIncomplete "neighbour.incomplete" One Gauge Usage "Neighbours being asked for the first time"
        NeighbourFailed "neighbour.failed" One Gauge Usage "Neighbours that do not answer"
        NeighbourPermanent "neighbour.permanent" One Gauge Usage "Neighbours entered by hand"
    }
    Ip per Machine {
        IpForwarding "ip.forwarding" One State Technical "Whether the machine forwards IPv4 packets"
        IpIn "ip.in" Packets Counter Technical "IPv4 packets received"
        IpInDelivered "ip.in.delivered" Packets Counter Technical "IPv4 packets handed to a protocol of this machine"
        IpInDiscards "ip.in.discards" Packets Counter Technical "Good IPv4 packets discarded for want of room"
        IpInHeaderErrors "ip.in.header-errors" Packets Counter Technical "IPv4 packets with a bad header"
        IpInAddressErrors "ip.in.address-errors" Packets Counter Technical "IPv4 packets that were not for this machine"
        IpInBytes "ip.in.bytes" Bytes Counter Technical "Bytes in IPv4 packets received"
        IpInCongestion "ip.in.congestion" Packets Counter Technical "IPv4 packets received with the mark of congestion (ECN)"
        IpForwarded "ip.forwarded" Packets Counter Technical "IPv4 packets forwarded"
        IpOut "ip.out" Packets Counter Technical "IPv4 packets that this machine wanted to send"
        IpOutDiscards "ip.out.discards" Packets Counter Technical "Good IPv4 packets not sent for want of room"
        IpOutNoRoutes "ip.out.no-routes" Packets Counter Technical "IPv4 packets without a route"
        IpOutBytes "ip.out.bytes" Bytes Counter Technical "Bytes in IPv4 packets sent"
        IpReassemblyFailures "ip.reassembly.failures" Events Counter Technical "IPv4 packets whose fragments did not come together"
        IpFragmentationFailures "ip.fragmentation.failures" Packets Counter Technical "IPv4 packets too large for the next link that must not be split"
        IpConntrackEntries "ip.conntrack.entries" One Gauge Usage "Connections in the tracking table"
        IpConntrackLimit "ip.conntrack.limit" One Gauge Technical "Connections that the tracking table holds"
    }
    Icmp per Machine {
        IcmpIn "icmp.in" Packets Counter Technical "ICMP messages received"
        IcmpInErrors "icmp.in.errors" Packets Counter Technical "Bad ICMP messages received"
        IcmpInUnreachable "icmp.in.unreachable" Packets Counter Technical "Messages received that something cannot be reached"
        IcmpInTimeExceeded "icmp.in.time-exceeded" Packets Counter Technical "Messages received that a packet lived too long"
        IcmpOut "icmp.out" Packets Counter Technical "ICMP messages sent"
        IcmpOutUnreachable "icmp.out.unreachable" Packets Counter Technical "Messages sent that something cannot be reached"
    }
    Tcp per Machine {
        TcpEstablished "tcp.established" One Gauge Technical "Open connections of this machine"
        TcpActiveOpens "tcp.active-opens" Events Counter Technical "Connections begun by this machine"
        TcpPassiveOpens "tcp.passive-opens" Events Counter Technical "Connections accepted by this machine"
        TcpAttemptFailures "tcp.attempt-failures" Events Counter Technical "Connections that did not come about"
        TcpEstablishedResets "tcp.established-resets" Events Counter Technical "Open connections that were cut off"
        TcpSegmentsIn "tcp.segments.in" Packets Counter Technical "Segments received"
        TcpSegmentsOut "tcp.segments.out" Packets Counter Technical "Segments sent, repeated ones left out"
        TcpSegmentsRetransmitted "tcp.segments.retransmitted" Packets Counter Technical "Segments sent again"
        TcpInErrors "tcp.in.errors" Packets Counter Technical "Bad segments received"
        TcpOutResets "tcp.out.resets" Packets Counter Technical "Resets sent"
        TcpTimeouts "tcp.timeouts" Events Counter Technical "Retransmission timeouts"
        TcpSpuriousTimeouts "tcp.timeouts.spurious" Events Counter Technical "Retransmission timeouts that proved too early"
        TcpLostRetransmits "tcp.retransmits.lost" Events Counter Technical "Retransmitted segments that were lost too"
        TcpFastRetransmits "tcp.retransmits.fast" Events Counter Technical "Segments retransmitted before a timeout"
        TcpSynRetransmits "tcp.retransmits.syn" Events Counter Technical "Connection requests sent again"
        TcpListenOverflows "tcp.listen.overflows" Events Counter Technical "Connections refused because a program did not accept them in time"
        TcpListenDrops "tcp.listen.drops" Events Counter Technical "Connection requests dropped for any reason"
        TcpAbortsOnTimeout "tcp.aborts.timeout" Events Counter Technical "Connections given up after too many retransmissions"
        TcpAbortsOnMemory "tcp.aborts.memory" Events Counter Technical "Connections given up for want of memory"
        TcpMemoryPressures "tcp.memory-pressures" Events Counter Technical "How often TCP ran short of memory"
    }
    Udp per Machine {
        UdpIn "udp.in" Packets Counter Technical "Datagrams received"
        UdpInErrors "udp.in.errors" Packets Counter Technical "Datagrams that could not be delivered"
        UdpInNoPorts "udp.in.no-ports" Packets Counter Technical "Datagrams for a port that nothing listened on"
        UdpInBufferErrors "udp.in.buffer-errors" Packets Counter Technical "Datagrams lost to a full receive buffer"
        UdpInChecksumErrors "udp.in.checksum-errors" Packets Counter Technical "Datagrams with a wrong checksum"
        UdpOut "udp.out" Packets Counter Technical "Datagrams sent"
        UdpOutBufferErrors "udp.out.buffer-errors" Packets Counter Technical "Datagrams not sent for want of room"
    }
}

impl KpiId {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        self.kpi().name
    }
}

impl fmt::Display for KpiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KpiId {
    type Err = UnknownKpi;

    fn from_str(name: &str) -> Result<Self, UnknownKpi> {
        ALL.iter()
            .copied()
            .find(|id| id.name() == name)
            .ok_or_else(|| UnknownKpi(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_well_formed() {
        let names: HashSet<_> = ALL.iter().map(|id| id.name()).collect();
        assert_eq!(names.len(), ALL.len());
        for id in ALL {
            let name = id.name();
            for segment in name.split('.') {
                assert!(!segment.is_empty(), "{name}");
                assert!(
                    !segment.starts_with('-') && !segment.ends_with('-'),
                    "{name}"
                );
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
                assert!(segment.chars().all(plain), "{name}");
            }
            assert_eq!(
                name.split('.').next(),
                Some(id.kpi().group.name()),
                "{name}"
            );
            assert_eq!(name.parse(), Ok(*id));
        }
    }

    #[test]
    fn the_table_is_in_order_and_large_enough() {
        for (index, id) in ALL.iter().enumerate() {
            assert_eq!(*id as usize, index);
            assert_eq!(id.kpi().id, *id);
        }
        let groups: HashSet<_> = ALL.iter().map(|id| id.kpi().group).collect();
        assert!(ALL.len() >= 60, "{} KPIs", ALL.len());
        assert_eq!(groups.len(), Group::ALL.len());
    }

    #[test]
    fn what_a_process_is_called_tells_how_the_device_is_used() {
        assert_eq!(KpiId::ProcessName.kpi().privacy, Privacy::Usage);
    }

    #[test]
    fn classes_agree_with_each_other() {
        for id in ALL {
            let kpi = id.kpi();
            assert!(
                !kpi.description.ends_with('.'),
                "{id}: a phrase, not a sentence"
            );
            if matches!(kpi.kind, Kind::State) {
                assert_eq!(kpi.unit, Unit::One, "{id}");
            }
            if matches!(kpi.kind, Kind::Counter) {
                assert_ne!(kpi.unit, Unit::One, "{id}: what does it count?");
            }
        }
    }

    #[test]
    fn addresses_are_identifiers() {
        for id in [
            KpiId::LinkAddress,
            KpiId::AddressIpv4List,
            KpiId::AddressIpv6List,
            KpiId::RouteIpv4DefaultGateway,
            KpiId::RouteIpv6DefaultGateway,
        ] {
            assert_eq!(id.kpi().privacy, Privacy::Identifier, "{id}");
        }
    }
}
