//! The descriptors of the OBEX function, in the form that FunctionFS takes
//! (`linux/usb/functionfs.h`; USB 2.0, 9.6; USB WMC 1.1, OBEX).
//!
//! The functional descriptors of CDC are left out: FunctionFS refuses them (Linux 6.1), and hosts
//! that do without find the data interface behind the control interface.

/// The service for device management; hosts choose by this name among several.
const NAME: &[u8] = b"SYNCML-DM\0";

const DESCRIPTORS_MAGIC: u32 = 3;
const STRINGS_MAGIC: u32 = 2;

/// Which speeds there are descriptors for.
const HAS_FULL_SPEED: u32 = 1;
const HAS_HIGH_SPEED: u32 = 2;
const HAS_SUPER_SPEED: u32 = 4;

/// American English.
const LANGUAGE: u16 = 0x0409;

/// The endpoints: FunctionFS numbers its files in the order of the descriptors.
const IN: u8 = 0x81;
const OUT: u8 = 0x02;

/// What is written to `ep0` first.
pub(super) fn descriptors() -> Vec<u8> {
    let speeds = [speed(64, false), speed(512, false), speed(1024, true)];
    let mut body = Vec::new();
    for (count, _) in &speeds {
        body.extend(count.to_le_bytes());
    }
    body.extend(speeds.iter().flat_map(|(_, octets)| octets));
    let flags = HAS_FULL_SPEED | HAS_HIGH_SPEED | HAS_SUPER_SPEED;
    headed(&[DESCRIPTORS_MAGIC], &[flags], &body)
}

/// What is written to it then.
pub(super) fn strings() -> Vec<u8> {
    let mut body = LANGUAGE.to_le_bytes().to_vec();
    body.extend(NAME);
    headed(&[STRINGS_MAGIC], &[1, 1], &body)
}

/// A magic number, the length of all, other numbers and the body.
fn headed(magic: &[u32], numbers: &[u32], body: &[u8]) -> Vec<u8> {
    let length = 4 * (magic.len() + 1 + numbers.len()) + body.len();
    let length = u32::try_from(length).unwrap_or(u32::MAX);
    let words = magic.iter().chain([&length]).chain(numbers);
    let mut octets: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
    octets.extend(body);
    octets
}

/// The descriptors at one speed and their number.
fn speed(packet: u16, companions: bool) -> (u32, Vec<u8>) {
    /// Without bursts and streams (USB 3.2, 9.6.7).
    const COMPANION: [u8; 6] = [6, 0x30, 0, 0, 0, 0];
    let companion = companions.then_some(COMPANION);
    let mut octets = Vec::new();
    octets.extend(interface(0, 0, 0x02, 0x0b));
    octets.extend(interface(1, 2, 0x0a, 0x00));
    octets.extend(bulk(IN, packet));
    octets.extend(companion.into_iter().flatten());
    octets.extend(bulk(OUT, packet));
    octets.extend(companion.into_iter().flatten());
    (if companions { 6 } else { 4 }, octets)
}

/// An interface with the first string as its name.
fn interface(number: u8, endpoints: u8, class: u8, subclass: u8) -> [u8; 9] {
    [9, 4, number, 0, endpoints, class, subclass, 0, 1]
}

fn bulk(address: u8, packet: u16) -> [u8; 7] {
    let [low, high] = packet.to_le_bytes();
    [7, 5, address, 2, low, high, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_counts_are_those_of_what_follows() {
        let all = descriptors();
        let word = |at: usize| u32::from_le_bytes(all[at..at + 4].try_into().unwrap());
        assert_eq!((word(0), word(8)), (3, 7));
        assert_eq!(word(4) as usize, all.len());
        let counts = [word(12), word(16), word(20)];
        assert_eq!(counts, [4, 4, 6]);
        // Each descriptor begins with its own length.
        let mut rest = &all[24..];
        let mut kinds = Vec::new();
        while let [length, kind, ..] = rest {
            kinds.push(*kind);
            rest = &rest[usize::from(*length)..];
        }
        assert_eq!(kinds, [4, 4, 5, 5, 4, 4, 5, 5, 4, 4, 5, 0x30, 5, 0x30]);
    }

    #[test]
    fn the_function_is_named() {
        let all = strings();
        assert_eq!(all.len(), 28);
        assert_eq!(
            &all[..16],
            [2, 0, 0, 0, 28, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
        );
        assert_eq!(&all[16..], b"\x09\x04SYNCML-DM\0");
    }
}
