//! Reads which OBEX functions the descriptors of a configuration describe (USB WMC 1.1, OBEX;
//! USB CDC 1.2, 5.2.3). A device may say anything: what is cut off or makes no sense is passed
//! over.

/// Communications Interface Class, and its subclass for OBEX.
const COMMUNICATIONS: u8 = 0x02;
const OBEX: u8 = 0x0b;

/// Data Interface Class.
const DATA: u8 = 0x0a;

/// A functional descriptor of an interface, and two of its subtypes.
const CS_INTERFACE: u8 = 0x24;
const UNION: u8 = 0x06;
const OBEX_SERVICE: u8 = 0x19;

/// `bmAttributes` of an endpoint: the transfer type, and the one that is wanted (USB 2.0, 9.6.6).
const TRANSFER: u8 = 0x03;
const BULK: u8 = 0x02;

/// The direction of an endpoint, in its address.
const IN: u8 = 0x80;

/// The lower bits of `wMaxPacketSize` are the size in octets.
const PACKET: u16 = 0x07ff;

/// One alternate setting of an interface, as the standard descriptors give it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Setting {
    /// `bInterfaceNumber`.
    pub(super) interface: u8,
    /// `bAlternateSetting`.
    pub(super) alternate: u8,
    /// `bInterfaceClass`.
    pub(super) class: u8,
    /// `bInterfaceSubClass`.
    pub(super) subclass: u8,
    /// `iInterface`; 0 is none.
    pub(super) name: u8,
    /// What follows it and is no standard descriptor.
    pub(super) extra: Vec<u8>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// An endpoint, as its descriptor gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint {
    /// `bEndpointAddress`.
    pub(super) address: u8,
    /// `bmAttributes`.
    pub(super) attributes: u8,
    /// `wMaxPacketSize`.
    pub(super) packet: u16,
}

/// An OBEX function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObexFunction {
    /// The number of its communications interface.
    pub(super) control: u8,
    /// The index of its name; 0 is none.
    pub(super) name: u8,
    pub(super) data: DataInterface,
    pub(super) service: Option<Service>,
}

/// Where the octets go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DataInterface {
    /// Its number.
    pub(super) interface: u8,
    /// The alternate setting without endpoints, where there is one.
    pub(super) idle: Option<u8>,
    /// The alternate setting with the bulk pair.
    pub(super) active: u8,
    pub(super) incoming: Pipe,
    pub(super) outgoing: Pipe,
}

/// A bulk endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pipe {
    /// Its address.
    pub(super) address: u8,
    /// What it carries at once, in octets; not 0.
    pub(super) packet: u16,
}

/// The OBEX Service Identification Functional Descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Service {
    /// `bmRole`, bit 0: it is an OBEX server.
    pub(super) server: bool,
    /// The service.
    pub(super) uuid: [u8; 16],
    /// `wVersion` of the service.
    pub(super) version: u16,
}

/// Every OBEX function that has a bulk pair.
pub(super) fn functions(settings: &[Setting]) -> Vec<ObexFunction> {
    let mut found: Vec<ObexFunction> = Vec::new();
    for (index, control) in settings.iter().enumerate() {
        let known = |function: &ObexFunction| function.control == control.interface;
        let kind = (control.class, control.subclass);
        if kind != (COMMUNICATIONS, OBEX) || found.iter().any(known) {
            continue;
        }
        let later = settings.get(index..).unwrap_or_default();
        if let Some(data) = data_interface(control, settings, later) {
            found.push(ObexFunction {
                control: control.interface,
                name: control.name,
                data,
                service: functional(&control.extra).find_map(service),
            });
        }
    }
    found
}

/// The data interface of a control interface: the one that Union names, or else the next one that
/// can be it, for devices that cannot have functional descriptors.
fn data_interface(
    control: &Setting,
    settings: &[Setting],
    later: &[Setting],
) -> Option<DataInterface> {
    let own = |descriptor: Functional<'_>| slave(descriptor, control.interface);
    if let Some(slave) = functional(&control.extra).find_map(own) {
        return bulk_pair(settings, slave);
    }
    let mut candidates = later.iter().filter(|other| other.class == DATA);
    candidates.find_map(|other| bulk_pair(later, other.interface))
}

/// The alternate settings of a data interface, when one has a bulk pair.
fn bulk_pair(settings: &[Setting], interface: u8) -> Option<DataInterface> {
    let own = || {
        let mine = move |setting: &&Setting| setting.interface == interface;
        settings.iter().filter(mine).filter(|own| own.class == DATA)
    };
    let idle = own().find(|setting| setting.endpoints.is_empty());
    own().find_map(|setting| {
        Some(DataInterface {
            interface,
            idle: idle.map(|idle| idle.alternate),
            active: setting.alternate,
            incoming: pipe(&setting.endpoints, IN)?,
            outgoing: pipe(&setting.endpoints, 0)?,
        })
    })
}

/// The first bulk endpoint of a direction; devices differ in their order.
fn pipe(endpoints: &[Endpoint], direction: u8) -> Option<Pipe> {
    let mut pipes = endpoints.iter().filter_map(|endpoint| {
        let fits = endpoint.address & IN == direction && endpoint.attributes & TRANSFER == BULK;
        let packet = endpoint.packet & PACKET;
        let address = endpoint.address;
        (fits && packet > 0).then_some(Pipe { address, packet })
    });
    pipes.next()
}

/// A functional descriptor: its subtype and what follows it.
#[derive(Clone, Copy)]
struct Functional<'a>(u8, &'a [u8]);

/// The functional descriptors in a row of descriptors.
fn functional(mut octets: &[u8]) -> impl Iterator<Item = Functional<'_>> {
    std::iter::from_fn(move || {
        while let [length, kind, rest @ ..] = octets {
            let body = rest.get(..usize::from(*length).checked_sub(2)?)?;
            octets = rest.get(body.len()..)?;
            if let ([subtype, body @ ..], CS_INTERFACE) = (body, *kind) {
                return Some(Functional(*subtype, body));
            }
        }
        None
    })
}

/// The first slave of a Union whose master this interface is. Some devices name another.
fn slave(Functional(subtype, body): Functional<'_>, control: u8) -> Option<u8> {
    match body {
        [_, slave, ..] if subtype == UNION && *slave != control => Some(*slave),
        _ => None,
    }
}

fn service(Functional(subtype, body): Functional<'_>) -> Option<Service> {
    let [role, rest @ ..] = body else {
        return None;
    };
    let (uuid, version) = rest.split_first_chunk()?;
    let version = version.first_chunk()?;
    (subtype == OBEX_SERVICE).then(|| Service {
        server: role & 1 != 0,
        uuid: *uuid,
        version: u16::from_le_bytes(*version),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [u8; 5] = [5, 0x24, 0x00, 0x20, 0x01];
    const OBEX_VERSION: [u8; 5] = [5, 0x24, 0x15, 0x00, 0x01];
    /// What OBEX servers of openobex call themselves.
    const UUID: [u8; 16] = [
        0x02, 0xae, 0xb3, 0x20, 0xf6, 0x49, 0x11, 0xda, 0x97, 0x4d, 0x08, 0x00, 0x20, 0x0c, 0x9a,
        0x66,
    ];

    fn union(master: u8, slave: u8) -> [u8; 5] {
        [5, 0x24, 0x06, master, slave]
    }

    fn identification() -> Vec<u8> {
        let mut octets = vec![0x16, 0x24, 0x19, 1];
        octets.extend(UUID);
        octets.extend([0x00, 0x01]);
        octets
    }

    fn control(interface: u8, extra: &[&[u8]]) -> Setting {
        Setting {
            interface,
            class: 0x02,
            subclass: 0x0b,
            name: 4,
            extra: extra.concat(),
            ..Setting::default()
        }
    }

    fn data(interface: u8, alternate: u8, endpoints: &[(u8, u8, u16)]) -> Setting {
        let endpoint = |&(address, attributes, packet)| Endpoint {
            address,
            attributes,
            packet,
        };
        Setting {
            interface,
            alternate,
            class: 0x0a,
            endpoints: endpoints.iter().map(endpoint).collect(),
            ..Setting::default()
        }
    }

    const PAIR: [(u8, u8, u16); 2] = [(0x81, 2, 512), (0x01, 2, 512)];

    fn complete() -> Vec<Setting> {
        let service = identification();
        let extra: [&[u8]; 4] = [&HEADER, &OBEX_VERSION, &union(0, 1), &service];
        vec![control(0, &extra), data(1, 0, &[]), data(1, 1, &PAIR)]
    }

    #[test]
    fn a_complete_function_is_read() {
        let pipe = |address| Pipe {
            address,
            packet: 512,
        };
        let expected = ObexFunction {
            control: 0,
            name: 4,
            data: DataInterface {
                interface: 1,
                idle: Some(0),
                active: 1,
                incoming: pipe(0x81),
                outgoing: pipe(0x01),
            },
            service: Some(Service {
                server: true,
                uuid: UUID,
                version: 0x0100,
            }),
        };
        assert_eq!(functions(&complete()), [expected]);
    }

    #[test]
    fn union_tells_functions_apart() {
        let settings = [
            control(0, &[&union(0, 5)]),
            data(1, 0, &[(0x82, 2, 64), (0x02, 2, 64)]),
            data(5, 0, &[]),
            data(5, 1, &[(0x03, 2, 64), (0x86, 3, 8), (0x83, 2, 64)]),
        ];
        let [function] = &functions(&settings)[..] else {
            panic!("not one function");
        };
        assert_eq!((function.data.interface, function.data.active), (5, 1));
        assert_eq!(function.data.incoming.address, 0x83);
        assert_eq!(function.data.outgoing.address, 0x03);
        assert_eq!(function.service, None);
    }

    #[test]
    fn without_union_the_next_data_interface_with_a_bulk_pair_is_taken() {
        let settings = [
            data(0, 0, &PAIR),
            control(1, &[]),
            data(2, 0, &[(0x82, 2, 512)]),
            data(3, 0, &[(0x83, 2, 512), (0x03, 2, 512)]),
            data(4, 0, &[(0x84, 2, 512), (0x04, 2, 512)]),
        ];
        let found = functions(&settings);
        let DataInterface {
            interface,
            idle,
            active,
            ..
        } = found[0].data;
        assert_eq!((interface, idle, active), (3, None, 0));
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn what_cannot_carry_octets_is_no_function() {
        for settings in [
            vec![control(0, &[&union(0, 1)])],
            vec![control(0, &[&union(0, 9)]), data(1, 0, &PAIR)],
            vec![control(0, &[&union(0, 0)])],
            vec![control(0, &[]), data(1, 0, &[(0x81, 2, 512)])],
            vec![control(0, &[]), data(1, 0, &[(0x81, 2, 512), (1, 2, 0)])],
            vec![control(0, &[]), data(1, 0, &[(0x81, 3, 64), (1, 3, 64)])],
            vec![data(0, 0, &PAIR)],
            vec![],
        ] {
            assert_eq!(functions(&settings), [], "{settings:?}");
        }
    }

    #[test]
    fn descriptors_that_are_cut_off_or_lie_are_passed_over() {
        let whole = complete();
        let extra = whole[0].extra.clone();
        for end in 0..extra.len() {
            let mut settings = whole.clone();
            settings[0].extra.truncate(end);
            let found = functions(&settings);
            assert_eq!(found.len(), 1, "cut at {end}");
            assert_eq!(found[0].service, None, "cut at {end}");
            for octet in 0..=u8::MAX {
                settings[0].extra = extra.clone();
                settings[0].extra[end] = octet;
                assert!(functions(&settings).len() <= 1, "{octet} at {end}");
            }
        }
        // A length of 0 would go on for ever, and one of 1 has no type.
        for length in [0, 1, 2] {
            let mut settings = whole.clone();
            settings[0].extra.splice(0..0, [length, 0x24]);
            assert_eq!(functions(&settings).len(), 1, "{length}");
        }
    }

    #[test]
    fn many_functions_are_found_once_each() {
        let mut settings = Vec::new();
        for number in 0..100 {
            settings.push(control(number * 2, &[&union(number * 2, number * 2 + 1)]));
            settings.push(control(number * 2, &[]));
            settings.push(data(number * 2 + 1, 0, &PAIR));
        }
        assert_eq!(functions(&settings).len(), 100);
    }
}
