//! SDP, as much of it as finds the RFCOMM channel of a service (Core specification, volume 3,
//! part B). BlueZ has no call for it that would not connect as well.

use bytes::{BufMut as _, Bytes, BytesMut};
use std::fmt;

/// Where SDP is spoken over L2CAP (part B, 4.2).
pub(super) const PSM: u16 = 1;

/// The largest response that is taken, in octets. Fragments of attributes are smaller.
pub(super) const MTU: u16 = 2048;

/// The longest list of attributes that is put together.
const LONGEST: usize = 64 * 1024;

/// How deep data elements may nest.
const DEEPEST: usize = 8;

const ERROR: u8 = 0x01;
const SEARCH: u8 = 0x06;
const SEARCHED: u8 = 0x07;

/// Protocols and the base of short UUIDs (Assigned Numbers).
const BASE: u128 = 0x0000_0000_0000_1000_8000_0080_5f9b_34fb;
const RFCOMM: u128 = 0x0003 << 96 | BASE;

/// `ProtocolDescriptorList` (5.1.5).
const PROTOCOLS: u64 = 0x0004;

/// A search for the services of one class, which may take several requests.
#[derive(Debug)]
pub(super) struct Search {
    class: u128,
    transaction: u16,
    attributes: BytesMut,
    continuation: Vec<u8>,
}

/// What is to be done after a response.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The rest is to be asked for.
    Ask,
    /// That is all: the channels of the services.
    Found(Vec<u8>),
}

/// Why a response is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SdpFault {
    /// Something in it is cut off, nested too deep, or belongs to another request.
    Malformed,
    /// The peer refuses (4.4.1).
    Refused(u16),
    /// There would be more than is taken.
    TooLong,
}

impl fmt::Display for SdpFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("the peer answers SDP with what is no response"),
            Self::Refused(code) => write!(f, "the peer refuses SDP with error 0x{code:04X}"),
            Self::TooLong => f.write_str("the peer's service records are too long"),
        }
    }
}

impl Search {
    /// A search that has yet to be asked.
    pub(super) fn new(class: u128) -> Self {
        Self {
            class,
            transaction: 0,
            attributes: BytesMut::new(),
            continuation: Vec::new(),
        }
    }

    /// The request to send now (4.7.1).
    pub(super) fn request(&mut self) -> Bytes {
        self.transaction = self.transaction.wrapping_add(1);
        let mut parameters = BytesMut::new();
        // A sequence of one UUID of 128 bits.
        parameters.put_slice(&[0x35, 17, 0x1c]);
        parameters.put_u128(self.class);
        parameters.put_u16(MTU - 64);
        // A sequence of one attribute.
        parameters.put_slice(&[0x35, 3, 0x09]);
        parameters.put_u16(0x0004);
        // At most 16 octets, or the response is not taken.
        parameters.put_u8(u8::try_from(self.continuation.len()).unwrap_or(0));
        parameters.put_slice(&self.continuation);
        let mut request = BytesMut::new();
        request.put_u8(SEARCH);
        request.put_u16(self.transaction);
        request.put_u16(u16::try_from(parameters.len()).unwrap_or(0));
        request.unsplit(parameters);
        request.freeze()
    }

    /// Takes the response to the last request (4.7.2).
    pub(super) fn response(&mut self, packet: &[u8]) -> Result<Next, SdpFault> {
        let mut input = Input(packet);
        let (kind, transaction) = (input.u8()?, input.u16()?);
        let length = input.u16()?;
        if transaction != self.transaction || usize::from(length) != input.0.len() {
            return Err(SdpFault::Malformed);
        }
        match kind {
            SEARCHED => {}
            ERROR => return Err(SdpFault::Refused(input.u16()?)),
            _ => return Err(SdpFault::Malformed),
        }
        let length = input.u16()?;
        let part = input.take(usize::from(length))?;
        if self.attributes.len() + part.len() > LONGEST {
            return Err(SdpFault::TooLong);
        }
        self.attributes.put_slice(part);
        let length = input.u8()?;
        self.continuation = input.take(usize::from(length))?.to_vec();
        if self.continuation.len() > 16 || !input.0.is_empty() {
            return Err(SdpFault::Malformed);
        }
        match (self.continuation.is_empty(), part.is_empty()) {
            (true, _) => channels(&self.attributes).map(Next::Found),
            // It would never end.
            (false, true) => Err(SdpFault::Malformed),
            (false, false) => Ok(Next::Ask),
        }
    }
}

/// The RFCOMM channels of the services in a list of attribute lists.
fn channels(list: &[u8]) -> Result<Vec<u8>, SdpFault> {
    let mut input = Input(list);
    let Element::Sequence(services) = input.element(0)? else {
        return Err(SdpFault::Malformed);
    };
    Ok(services.iter().filter_map(channel).collect())
}

/// The RFCOMM channel of one service: its attributes are pairs of identifier and value.
fn channel(service: &Element) -> Option<u8> {
    let Element::Sequence(attributes) = service else {
        return None;
    };
    let mut pairs = attributes.chunks_exact(2);
    let protocols = pairs.find_map(|pair| match pair {
        [Element::Uint(PROTOCOLS), Element::Sequence(protocols)] => Some(protocols),
        _ => None,
    })?;
    protocols.iter().find_map(|protocol| match protocol {
        Element::Sequence(protocol) => match protocol.as_slice() {
            [Element::Uuid(RFCOMM), Element::Uint(channel), ..] => {
                let channel = u8::try_from(*channel).ok()?;
                (1..=30).contains(&channel).then_some(channel)
            }
            _ => None,
        },
        _ => None,
    })
}

/// A data element, as far as it matters (3.3).
#[derive(Debug, PartialEq, Eq)]
enum Element {
    Uint(u64),
    Uuid(u128),
    Sequence(Vec<Element>),
    Other,
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], SdpFault> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(SdpFault::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self, length: usize) -> Result<u128, SdpFault> {
        let octets = self.take(length)?;
        let number = octets.iter().fold(0, |n: u128, o| n << 8 | u128::from(*o));
        Ok(number)
    }

    fn u8(&mut self) -> Result<u8, SdpFault> {
        self.number(1)?.try_into().map_err(|_| SdpFault::Malformed)
    }

    fn u16(&mut self) -> Result<u16, SdpFault> {
        self.number(2)?.try_into().map_err(|_| SdpFault::Malformed)
    }

    /// A descriptor is five bits of type and three of size (3.2).
    fn element(&mut self, depth: usize) -> Result<Element, SdpFault> {
        if depth == DEEPEST {
            return Err(SdpFault::Malformed);
        }
        let descriptor = self.u8()?;
        let kind = descriptor >> 3;
        let length = match descriptor & 7 {
            0 if kind == 0 => 0,
            size @ 0..=4 => 1 << size,
            size => self.number(1 << (size - 5))?,
        };
        let length = usize::try_from(length).map_err(|_| SdpFault::Malformed)?;
        let value = self.take(length)?;
        let mut inner = Self(value);
        Ok(match (kind, length) {
            (1, 1 | 2 | 4 | 8) => Element::Uint(inner.number(length)?.try_into().unwrap_or(0)),
            (3, 2 | 4) => Element::Uuid(inner.number(length)? << 96 | BASE),
            (3, 16) => Element::Uuid(inner.number(length)?),
            (6, _) => Element::Sequence(inner.elements(depth + 1)?),
            _ => Element::Other,
        })
    }

    fn elements(&mut self, depth: usize) -> Result<Vec<Element>, SdpFault> {
        let mut elements = Vec::new();
        while !self.0.is_empty() {
            elements.push(self.element(depth)?);
        }
        Ok(elements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bluetooth::ServiceClass;
    use proptest::prelude::*;

    /// One service on channel 13, as phones of S60 have it, and one without a protocol list.
    const SERVICES: &[u8] = &[
        0x35, 0x19, 0x35, 0x15, 0x09, 0x00, 0x04, 0x35, 0x10, 0x35, 0x03, 0x19, 0x01, 0x00, 0x35,
        0x05, 0x19, 0x00, 0x03, 0x08, 0x0d, 0x35, 0x02, 0x00, 0x00, 0x35, 0x00,
    ];

    fn response(transaction: u16, attributes: &[u8], continuation: &[u8]) -> Vec<u8> {
        let mut packet = vec![SEARCHED];
        packet.extend(transaction.to_be_bytes());
        let length = 3 + attributes.len() + continuation.len();
        packet.extend(u16::try_from(length).unwrap().to_be_bytes());
        packet.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
        packet.extend(attributes);
        packet.push(u8::try_from(continuation.len()).unwrap());
        packet.extend(continuation);
        packet
    }

    fn asked() -> Search {
        let mut search = Search::new(ServiceClass::DmClient.uuid());
        search.request();
        search
    }

    #[test]
    fn a_request_names_class_and_attribute() {
        let request = Search::new(ServiceClass::DmClient.uuid()).request();
        assert_eq!(
            request[..],
            [
                0x06, 0, 1, 0, 27, 0x35, 0x11, 0x1c, 0, 0, 0, 4, 0, 0, 0x10, 0, 0x80, 0, 0, 2,
                0xee, 0, 0, 2, 0x07, 0xc0, 0x35, 3, 9, 0, 4, 0
            ]
        );
    }

    #[test]
    fn the_channel_stands_behind_rfcomm() {
        let found = asked().response(&response(1, SERVICES, &[]));
        assert_eq!(found, Ok(Next::Found(vec![13])));
        let none = asked().response(&response(1, &[0x35, 0], &[]));
        assert_eq!(none, Ok(Next::Found(Vec::new())));
    }

    #[test]
    fn what_does_not_fit_is_asked_for_again() {
        let mut search = asked();
        let (one, two) = SERVICES.split_at(9);
        assert_eq!(search.response(&response(1, one, &[7, 7])), Ok(Next::Ask));
        let request = search.request();
        assert_eq!(request[request.len() - 3..], [2, 7, 7]);
        let found = search.response(&response(2, two, &[]));
        assert_eq!(found, Ok(Next::Found(vec![13])));
    }

    #[test]
    fn what_is_no_response_is_refused() {
        let error = [ERROR, 0, 1, 0, 2, 0, 3];
        assert_eq!(asked().response(&error), Err(SdpFault::Refused(3)));
        for packet in [
            response(2, SERVICES, &[]),
            response(1, &SERVICES[..9], &[]),
            response(1, &[], &[1]),
            response(1, SERVICES, &[0; 17]),
            response(1, &[0x35, 0x02, 0x37, 0xff], &[]),
            response(1, &[8, 1], &[]),
            vec![SEARCHED],
        ] {
            assert_eq!(asked().response(&packet), Err(SdpFault::Malformed));
        }
    }

    #[test]
    fn nesting_and_length_have_an_end() {
        let nested: Vec<u8> = (1..=20).rev().flat_map(|n| [0x35, (n - 1) * 2]).collect();
        let deep = asked().response(&response(1, &nested, &[]));
        assert_eq!(deep, Err(SdpFault::Malformed));
        let mut search = asked();
        let long = vec![0; 1900];
        let ended = (1..100).find_map(|n| {
            let answer = search.response(&response(n, &long, &[1])).err();
            search.request();
            answer
        });
        assert_eq!(ended, Some(SdpFault::TooLong));
    }

    proptest! {
        #[test]
        fn any_octets_are_survived(packet in proptest::collection::vec(any::<u8>(), 0..64)) {
            drop(asked().response(&packet));
            drop(asked().response(&response(1, &packet, &[])));
        }
    }
}
